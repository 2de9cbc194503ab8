// The patch's text beside its graph: two views of one file. It is checked as it is typed, saved
// where it is still what was opened, and goes back through its revisions.

import { el, say } from "./dom.js";
import { showConflict } from "./edit_conflict.js";
import { Wiring } from "./edit_graph.js";
import { complete, Declarations, explain } from "./edit_help.js";
import { outline } from "./edit_ron.js";
import { spanOf, TextView } from "./edit_text.js";

/** Milliseconds without a key until the text is checked. */
const PAUSE = 200;

/** Has the run do something; gives its answer, or throws what is wrong. */
async function ask(what, body = {}) {
  const response = await fetch(`/edit/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
}

const told = ({ message, help }) => (help ? `${message}; ${help}` : message);

export class Editor {
  /** `leave` closes it. */
  constructor(root, { link, graph, leave }) {
    Object.assign(this, { root, link, graph, leave });
    /** Tells this page from others that are open. */
    this.page = crypto.getRandomValues(new Uint32Array(1))[0];
    this.texts = new Map();
    this.current = 0;
    this.chosen = null;
    this.parts = {
      texts: el("select", { "aria-label": "Which text", hidden: true, onchange: () => this.turn(Number(this.parts.texts.value)) }),
      save: el("button", { type: "button", class: "edit-save", title: "Lay out and save (Ctrl+S)", onclick: () => this.save() }, "Save"),
      earlier: el("button", { type: "button", title: "Put the text that was saved before into the editor", onclick: () => this.earlier() }, "Previous revision"),
      add: el("button", { type: "button", onclick: () => this.add() }, "Add a node"),
      state: el("span", { class: "edit-state", role: "status" }, ""),
      node: el("section", { class: "edit-node", hidden: true, "aria-label": "The chosen node" }),
      host: el("div", { class: "edit-text" }),
      conflict: el("section", { class: "edit-conflict", hidden: true, role: "alertdialog", "aria-label": "Two texts" }),
      problems: el("ul", { class: "edit-problems", "aria-label": "What is wrong" }),
    };
    const { texts, save, earlier, add, state, node, host, conflict, problems } = this.parts;
    root.append(el("div", { class: "edit-head" }, texts, save, earlier, add, state), node, host, conflict, problems);
    addEventListener("beforeunload", (event) => this.isChanged && event.preventDefault());
  }

  async start() {
    const [opened, declarations] = await Promise.all([ask("open"), ask("kinds")]);
    this.declared = new Declarations(declarations);
    const nonce = document.querySelector("script[nonce]").nonce;
    this.view = new TextView(this.parts.host, {
      nonce,
      complete: (text, at) => complete(text, at, this.declared),
      explain: (text, at) => explain(text, at, this.declared),
      changed: () => this.changed(),
      moved: (at) => this.moved(at),
      save: () => this.save(),
    });
    const change = (changes) => this.change(changes);
    const turn = (id) => {
      this.leave();
      this.graph.pick(id);
    };
    this.wiring = new Wiring({ graph: this.graph, change, declared: this.declared, say: (text) => this.state(text, "bad"), turn });
    this.take(opened.texts);
    this.turn(0, true);
    this.resume();
  }

  resume() {
    if (!this.wiring) return;
    this.wiring.isOn = !this.isLocked;
    this.graph.board.classList.toggle("wiring", this.wiring.isOn);
    this.refresh();
  }

  /** Asks for a node to add, at the one that is chosen. */
  add() {
    if (this.isLocked) return;
    // Asked for before the editor is ready, it comes as soon as it is.
    this.isAddAwaited = !this.wiring?.plan;
    if (this.isAddAwaited) this.state("one moment…");
    else this.wiring.add(this.chosen);
  }

  /** The editor is closed; what is not saved stays in it. */
  rest() {
    if (this.wiring) this.wiring.isOn = false;
    this.graph.board.classList.remove("wiring");
  }

  get isLocked() {
    return this.link.right !== "edit" || this.link.state !== "live";
  }

  relock() {
    const { save, earlier, add } = this.parts;
    for (const button of [save, earlier, add]) button.disabled = this.isLocked;
    if (this.wiring) this.wiring.isOn = !this.isLocked && document.body.classList.contains("editing");
    if (!this.isLocked) this.check();
  }

  // Texts.

  get text() {
    return this.texts.get(this.current);
  }

  /** Whether any text is not as it was saved. */
  get isChanged() {
    return [...this.texts.values()].some((one) => this.textOf(one) !== one.saved);
  }

  /** What stands in the editor of a text. */
  textOf(one) {
    return one === this.text ? this.view.text : one.state?.doc.toString() ?? one.saved;
  }

  /** What lies on the disk. */
  take(texts) {
    for (const { file, name, text, hash, missing } of texts) {
      const known = this.texts.get(file);
      if (missing) {
        if (known) known.missing = missing;
        continue;
      }
      if (!known) {
        this.texts.set(file, { file, name, saved: text, hash, state: null, marks: [] });
        continue;
      }
      if (known.hash === hash) continue;
      const isChanged = this.textOf(known) !== known.saved;
      if (isChanged && this.textOf(known) !== text) {
        known.behind = true;
        continue;
      }
      Object.assign(known, { saved: text, hash, behind: false });
      if (known === this.text && this.view) this.view.put(text);
      else known.state = null;
    }
    const { texts: list } = this.parts;
    list.hidden = this.texts.size < 2;
    list.replaceChildren(...[...this.texts.values()].map(({ file, name }) => el("option", { value: String(file) }, name)));
    list.value = String(this.current);
  }

  /** Shows another text. */
  turn(file, isFirst = false) {
    if (!this.texts.has(file)) return this.state("The patch's file cannot be read.", "bad");
    if (!isFirst) this.text.state = this.view.state;
    this.current = file;
    this.text.state ??= this.view.stateOf(this.text.saved);
    this.view.show(this.text.state);
    this.parts.texts.value = String(file);
    this.view.mark(this.text.marks);
    this.tellChanged();
    this.check();
  }

  /** Looks whether somebody else has saved. */
  async refresh() {
    if (this.isLocked || !this.view) return;
    try {
      this.take((await ask("open")).texts);
      this.tellChanged();
    } catch {
      // The next revision looks again.
    }
  }

  // Checking.

  changed() {
    this.tellChanged();
    this.check(PAUSE);
  }

  tellChanged() {
    const isChanged = this.view.text !== this.text.saved;
    this.parts.save.classList.toggle("changed", isChanged);
    if (this.text.behind) return this.state("The file was saved by somebody else. Save to see both.", "wait");
    // What is said of the text that was saved is said of this one no more.
    if (isChanged) this.awaited = null;
    if (isChanged) this.state("not saved", "wait");
    else if (this.parts.state.textContent === "not saved") this.state("");
  }

  check(pause = 0) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.checkNow(), pause);
  }

  async checkNow() {
    if (!this.view || this.isLocked) return;
    const edited = [...this.texts.values()].map((one) => ({ file: one.file, text: this.textOf(one), saved: one.saved }));
    const texts = edited.filter(({ text, saved }) => text !== saved).map(({ file, text }) => ({ file, text }));
    const asked = this.view.text;
    try {
      const verdict = await ask("check", { page: this.page, texts });
      // What was typed meanwhile is checked next.
      if (!verdict.superseded && this.view.text === asked) this.mark(verdict);
    } catch (error) {
      this.state(error.message, "bad");
    }
  }

  /** Shows what is wrong, in the text and below it. */
  mark({ diagnostics, warnings = [], untold = 0 }) {
    this.checked = [...diagnostics.map((one) => ({ ...one, severity: "error" })), ...warnings.map((one) => ({ ...one, severity: "warning" }))];
    this.untold = untold;
    this.tellProblems();
  }

  /** What the run says of the saved texts, and the checker does not: a device that is missing, say. */
  refused() {
    if (!this.refusal || this.isChanged) return [];
    const known = (this.checked ?? []).map(({ message }) => message);
    const found = [];
    for (const line of this.refusal.split("\n")) {
      const [, name, row, column, message] = line.match(/^(.+?):(\d+):(\d+): (.+)$/) ?? [];
      const of = name && [...this.texts.values()].find((one) => name === one.name || name.endsWith(`/${one.name}`));
      if (of) found.push({ file: of.file, line: Number(row), column: Number(column), length: 1, message });
    }
    if (!found.length) found.push({ message: this.refusal });
    return found.filter(({ message }) => !known.includes(message)).map((one) => ({ ...one, severity: "error", isRun: true }));
  }

  tellProblems() {
    if (!this.view) return;
    const all = [...this.refused(), ...(this.checked ?? [])];
    for (const one of this.texts.values()) one.marks = all.filter(({ file, line }) => file === one.file && line);
    this.view.mark(this.text.marks);
    const rows = all.map((one) => {
      const of = this.texts.get(one.file);
      const place = one.line ? `${of && of !== this.text ? `${of.name}:` : ""}${one.line}:${one.column}` : "";
      const go = () => {
        if (of && of !== this.text) this.turn(of.file);
        if (of) this.view.go(spanOf(this.view.state.doc, one).from);
      };
      return el("li", { "data-severity": one.isRun ? "run" : one.severity }, el("button", { type: "button", class: "quiet", onclick: go }, place ? el("span", { class: "place" }, place) : null, told(one)));
    });
    if (this.untold) rows.push(el("li", {}, `and ${this.untold} more`));
    this.parts.problems.replaceChildren(...rows);
  }

  state(text, kind = "") {
    say(this.parts.state, text);
    this.parts.state.dataset.kind = kind;
  }

  // Saving.

  save() {
    return this.saveAs(this.text.hash);
  }

  async saveAs(hash) {
    if (this.isLocked) return;
    const one = this.text;
    const text = this.view.text;
    const before = this.now;
    this.state("saving…");
    try {
      this.tookOver(one, text, before, await ask("save", { file: one.file, hash, text }));
    } catch (error) {
      this.state(`not saved: ${error.message}`, "bad");
    }
  }

  /** Which verdict and revision the run has told last. */
  get now() {
    const { verdict = 0, revision = 0 } = this.status ?? {};
    return { verdict, revision };
  }

  /**
   * What became of a text that was to be saved, where the run was at `before`; gives why it was
   * refused.
   */
  tookOver(one, text, before, { saved, conflict, errors, why, ...verdict }) {
    if (conflict) {
      this.conflict(one, conflict);
      return "the file was saved by somebody else";
    }
    if (errors) {
      const first = errors.map(told).join("\n");
      if (errors.some(({ line }) => line)) this.mark({ diagnostics: errors });
      this.state(`not saved: ${why ?? first}`, "bad");
      return first;
    }
    const isSame = saved.hash === one.hash;
    Object.assign(one, { saved: saved.text, hash: saved.hash, behind: false, back: null });
    // What was typed meanwhile stays.
    if (one === this.text) {
      if (this.view.text === text) this.view.put(saved.text);
      this.mark(verdict);
    } else if (one.state?.doc.toString() === text) one.state = null;
    this.parts.save.classList.remove("changed");
    this.awaited = isSame ? null : before;
    if (!isSame) this.state("saved; the run takes it…", "wait");
    else if (this.refusal) this.state(`saved already, but it does not play; revision ${before.revision} keeps playing`, "bad");
    else this.state("nothing had to be saved", "good");
    this.tellChanged();
    if (this.status) this.settle(this.status);
    return null;
  }

  conflict(one, { text, hash }) {
    this.state("not saved: two texts", "bad");
    const close = () => {
      this.parts.conflict.hidden = true;
      this.root.classList.remove("torn");
      this.parts.texts.disabled = false;
      this.parts.host.hidden = false;
      this.view.view.focus();
    };
    // It is about this text, whatever was chosen meanwhile.
    if (one !== this.text) this.turn(one.file);
    this.parts.texts.disabled = true;
    this.parts.host.hidden = true;
    this.root.classList.add("torn");
    showConflict(this.parts.conflict, { mine: this.view.text, theirs: text, name: one.name }, {
      keep: () => {
        close();
        this.saveAs(hash);
      },
      take: () => {
        close();
        Object.assign(one, { saved: text, hash, behind: false });
        this.view.put(text);
        this.state("this is what is saved; undo brings yours back", "good");
      },
      close,
    });
  }

  /** Puts the text that was saved before into the editor. */
  async earlier() {
    const one = this.text;
    const isChanged = this.view.text !== one.saved && !one.back;
    try {
      const found = await ask("earlier", { file: one.file, hash: isChanged ? "" : one.back ?? one.hash });
      if (found.text === null) return this.state("there is no earlier text", "wait");
      if (one !== this.text) return;
      one.back = found.hash;
      this.view.put(found.text);
      this.state("an earlier text; it is not saved yet", "wait");
    } catch (error) {
      this.state(error.message, "bad");
    }
  }

  // The graph.

  /** Changes the graph; gives why that was refused. */
  async change(changes) {
    if (this.isLocked) return "this page may not edit";
    if (this.current !== 0) this.turn(0);
    const one = this.text;
    const text = this.view.text;
    const isChanged = text !== one.saved;
    const before = this.now;
    this.state("changing…");
    try {
      const answer = await ask("graph", { hash: one.hash, changes, ...(isChanged ? { text } : {}) });
      if (one !== this.text || this.view.text !== text) {
        // What was typed meanwhile stays; what was saved meanwhile is a conflict at the next save.
        this.state("the text was changed meanwhile: try again", "bad");
        return "the text was changed meanwhile: try again";
      }
      if (answer.text !== undefined && answer.text !== null) {
        this.view.put(answer.text);
        this.state("changed in the text, which is not saved", "wait");
        return null;
      }
      return this.tookOver(one, text, before, answer);
    } catch (error) {
      this.state(error.message, "bad");
      return error.message;
    }
  }

  /** A node was chosen in the graph. */
  pick(id) {
    this.chosen = id;
    this.tellNode();
    if (!id || this.isMoving || this.current !== 0) return;
    const node = outline(this.view.text).nodes.find((one) => one.id === id);
    if (node) this.view.go(node.from, false);
  }

  tellNode() {
    const bar = this.chosen ? this.wiring?.bar(this.chosen) ?? [] : [];
    this.parts.node.hidden = bar.length === 0;
    this.parts.node.replaceChildren(...bar.filter(Boolean));
  }

  /** The cursor is at another place: the node there is chosen. */
  moved(at) {
    if (this.current !== 0) return;
    const node = outline(this.view.text).nodes.find(({ from, to }) => at >= from && at <= to);
    if (!node || node.id === this.chosen || !this.graph.cards.has(node.id)) return;
    this.isMoving = true;
    this.graph.pick(node.id);
    this.isMoving = false;
  }

  /** What the run says. */
  hear(message) {
    if (message.plan) {
      this.wiring?.show(message.plan);
      this.tellNode();
      if (this.isAddAwaited && this.wiring) {
        this.isAddAwaited = false;
        this.state("");
        // Whoever closed the editor meanwhile does not want it any more.
        if (document.body.classList.contains("editing")) this.add();
      }
    }
    if (!message.status) return;
    const [before, now] = [this.status, message.status];
    this.status = now;
    const isOther = before && (before.revision !== now.revision || before.verdict !== now.verdict);
    this.refusal = now.refusal ?? null;
    if (before?.refusal !== now.refusal) this.tellProblems();
    this.settle(now);
    if (isOther) this.refresh();
  }

  /** Says what came of what was saved, and again if there is another verdict on it. */
  settle({ verdict, revision, refusal }) {
    const { awaited } = this;
    if (!awaited || verdict <= awaited.verdict) return;
    if (refusal) {
      this.state(`saved, but it does not play; revision ${revision} keeps playing`, "bad");
    } else if (revision > awaited.revision) {
      this.state(`plays as revision ${revision}`, "good");
    } else if (awaited.seen !== verdict) {
      // The revision may be told a moment later.
      awaited.seen = verdict;
      return;
    } else {
      this.state("saved; nothing that plays has changed by it", "good");
    }
    Object.assign(awaited, { verdict, revision });
  }
}
