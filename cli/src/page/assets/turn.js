// The controls: cues, named values, presets, what is set by hand, the chosen node, and everything else.

import { brief, el, milliseconds, number, place, rate, say } from "./dom.js";
import { figures, lastError } from "./figures.js";
import { trouble } from "./graph.js";
import { Keep } from "./keep.js";
import { Knob } from "./knob.js";
import { Learn } from "./learn.js";
import { Named } from "./named.js";
import { Taught } from "./taught.js";
import { View } from "./views.js";

/** So many nodes that are found are opened. */
const MOST_OPENED = 3;

const GLIDES = [["at once", 0], ["in 1 s", 1], ["in 2 s", 2], ["in 4 s", 4], ["in 8 s", 8], ["in 4 beats", { beats: 4 }], ["in 16 beats", { beats: 16 }]];

/** In so many milliseconds at most a run plays what was written, or does not. */
const TAKES = 6000;

/** Whether there is a mouse, and so most likely a keyboard. */
const hasKeys = () => matchMedia("(hover: hover) and (min-width: 761px)").matches;

export class Turn {
  constructor(link, { looked, choose }) {
    Object.assign(this, { link, looked, choose });
    this.root = document.getElementById("turn");
    this.values = new Map();
    this.knobs = new Map();
    this.views = [];
    this.chosen = null;
    this.glide = el("select", { "aria-label": "How fast a preset arrives" }, ...GLIDES.map(([word], at) => el("option", { value: at }, word)));
    this.find = el("input", { type: "search", placeholder: hasKeys() ? "Find a node or a parameter ( / )" : "Find a node or a parameter", "aria-label": "Find a node or a parameter, by its name or by what it does", autocomplete: "off" });
    this.find.oninput = () => this.filter();
    this.nothing = el("p", { class: "note", hidden: true }, "No node and no parameter has this in its name or in what it does.");
    this.lets = new Named(link);
    this.learn = new Learn(link);
    this.keep = new Keep(link);
    this.wroteLine = el("p", { class: "note wrote", role: "status", hidden: true }, "");
    this.parts = {
      locked: el("p", { class: "note", hidden: true }, "This link may look, and not turn."),
      guide: el("p", { class: "note" }, ""),
      cues: el("section", { class: "cues", hidden: true }),
      lets: this.lets.root,
      presets: el("section", { class: "presets", hidden: true }),
      held: el("section", { class: "held" }),
      chosen: el("section", { class: "chosen", hidden: true }),
      named: el("section", { class: "named" }),
      all: el("section", { class: "all" }),
    };
    this.root.append(...Object.values(this.parts));
    new ResizeObserver(() => this.views.forEach(({ view }) => view?.fit())).observe(this.root);
  }

  get isLocked() {
    return this.link.right === "see" || this.link.state !== "live";
  }

  /** Another patch plays. */
  show(plan) {
    this.plan = plan;
    this.params = new Map();
    for (const node of plan.nodes) {
      for (const param of node.params) this.params.set(`${node.id}.${param.name}`, { node, param });
    }
    for (const key of this.values.keys()) if (!this.params.has(key)) this.values.delete(key);
    const { scrollTop } = this.root;
    this.learn.show(plan);
    this.keep.show(plan);
    this.lets.show(plan, this.params, this.isLocked);
    this.lets.tell(this.values);
    this.showCues();
    this.showPresets();
    this.showHeld();
    this.showNamed();
    this.showAll();
    this.pick(this.chosen);
    this.root.scrollTop = scrollTop;
  }

  /**
   * A control, which follows the parameter for as long as it is on the page. One of `old` stays if
   * the parameter is as it was, with what a hand does there.
   */
  knob(key, group, old) {
    const { node, param } = this.params.get(key);
    const value = this.values.get(key);
    const kept = old.get(key);
    if (kept && JSON.stringify(kept.param) === JSON.stringify(param)) {
      group.push([key, kept]);
      if (value && kept.value !== value) kept.show(value);
      return kept.element;
    }
    const ask = (request) => this.link.ask(request);
    const knob = new Knob(node.id, param, {
      turn: (value) => ask({ set: { values: [{ node: node.id, param: param.name, value }] } }),
      release: () => ask({ release: { what: [{ node: node.id, param: param.name }] } }),
      isLocked: this.isLocked,
      learning: this.learn.part(node.id, param),
    });
    group.push([key, knob]);
    if (value) knob.show(value);
    return knob.element;
  }

  /** What the run says of values. */
  tell(values) {
    for (const value of values) this.values.set(`${value.node}.${value.param}`, value);
    for (const group of Object.values(this.groups)) {
      for (const [key, knob] of group) {
        const value = this.values.get(key);
        if (value && knob.value !== value) knob.show(value);
      }
    }
    this.lets.tell(this.values);
    this.showHeld();
  }

  /** A MIDI controller is waited for. */
  tellLearning(learning) {
    this.learn.tell(learning);
  }

  groups = { held: [], named: [], chosen: [], all: [] };

  /** Whether a part of the page was made of the same already. */
  isMade(part, of) {
    const written = JSON.stringify(of);
    const isMade = this.made.get(part) === written;
    this.made.set(part, written);
    return isMade;
  }

  made = new Map();

  /** Cues, one after another by GO. */
  showCues() {
    const { cues = [] } = this.plan;
    if (this.isMade("cues", cues)) return;
    this.parts.cues.hidden = cues.length === 0;
    this.cue = null;
    if (!cues.length) return;
    const why = el("p", { class: "why", role: "alert" });
    const ask = (request) => async () => {
      try {
        await this.link.ask(request);
        say(why, "");
      } catch (error) {
        say(why, error.message);
      }
    };
    const [go, state] = [el("button", { type: "button", class: "go", onclick: ask("go") }, "GO"), el("p", { class: "note" }, "")];
    const stop = el("button", { type: "button", title: "No cue waits or follows any more", onclick: ask("stop_cues") }, "Stop");
    const names = cues.map((name) => el("button", { type: "button", onclick: ask({ cue: { cue: name } }) }, name));
    this.cue = { go, state, names: new Map(cues.map((name, at) => [name, names[at]])) };
    this.parts.cues.replaceChildren(
      el("div", { class: "title" }, el("h2", {}, "Cues"), stop), go, state, el("div", { class: "buttons" }, ...names), why);
    for (const button of this.parts.cues.querySelectorAll("button")) button.disabled = this.isLocked;
  }

  /** Where the cues are. */
  tellCue({ current, progress, waiting, waits_for, next, next_in }) {
    if (!this.cue) return;
    const coming = waiting ?? next;
    say(this.cue.go, coming ? `GO: ${coming}` : "GO");
    const told = [];
    if (current) told.push(progress < 1 ? `${current}, ${Math.round(progress * 100)} %` : current);
    if (waiting) told.push(`${waiting} waits for ${waits_for ?? "its start"}`);
    if (next_in !== null && next_in !== undefined) told.push(`${next} in ${Math.ceil(next_in)} s`);
    say(this.cue.state, told.join(" · ") || "No cue was called yet.");
    for (const [name, button] of this.cue.names) button.setAttribute("aria-pressed", String(name === current));
  }

  showPresets() {
    const { presets } = this.plan;
    if (this.isMade("presets", presets)) return;
    this.parts.presets.hidden = presets.length === 0;
    const recall = async (name) => {
      try {
        await this.link.ask({ recall: { preset: name, glide: GLIDES[this.glide.value][1] } });
        say(why, "");
      } catch (error) {
        say(why, error.message);
      }
    };
    const why = el("p", { class: "why", role: "alert" });
    const buttons = presets.map(({ name, values }) =>
      el("button", { type: "button", title: `sets ${values.join(", ")}`, onclick: () => recall(name) }, name),
    );
    this.presets = new Map(presets.map(({ name }, at) => [name, buttons[at]]));
    this.parts.presets.replaceChildren(
      el("div", { class: "title" }, el("h2", {}, "Presets"), this.glide), el("div", { class: "buttons" }, ...buttons), why);
    for (const part of this.parts.presets.querySelectorAll("button, select")) part.disabled = this.isLocked;
  }

  /** Which preset was recalled last; null: none, or a cue since. */
  tellRecalled(recalled) {
    for (const [name, button] of this.presets ?? []) button.setAttribute("aria-pressed", String(name === recalled));
  }

  /** What hands hold. */
  showHeld() {
    const held = [...this.values].filter(([key, value]) => value.source === "hand" && this.params?.has(key) && !this.params.get(key).param.order).map(([key]) => key);
    // What a name is for is held and released together.
    const together = this.lets.held(this.values);
    const of = (key) => together.find(({ keys }) => keys.includes(key));
    const rows = [...together, ...held.filter((key) => !of(key)).map((key) => ({ name: key, keys: [key] }))];
    const made = rows.map(({ name, keys }) => `${name}=${keys}`).join("\n");
    if (made === this.heldMade && !this.isRelocked) return;
    // What was written is said until a hand sets something again.
    if (rows.length > (this.heldRows ?? 0)) this.tellWrote(null);
    this.heldRows = rows.length;
    this.heldMade = made;
    this.steady(() => this.makeHeld(rows, held));
  }

  /** Changes what stands before a control that a hand is at, which stays where it is. */
  steady(change) {
    const hand = [":active", ":focus-within", ":hover"].map((state) => this.root.querySelector(`.knob${state}`)).find(Boolean);
    const before = hand?.getBoundingClientRect().top;
    change();
    if (hand?.isConnected) this.root.scrollTop += hand.getBoundingClientRect().top - before;
  }

  makeHeld(rows, held) {
    this.groups.held = [];
    const why = el("p", { class: "why", role: "alert" });
    const run = (act, done) => async () => {
      try {
        say(why, done(await act()));
      } catch (error) {
        say(why, error.message);
      }
    };
    const writes = this.link.right === "edit" && held.length > 0;
    const list = el("ul", {}, ...rows.map(({ name, keys: [key], keys }) => {
      const item = el("li", {},
        el("button", { type: "button", class: "quiet", title: keys.join(", "), onclick: () => this.choose(this.params.get(key).node.id, key) }, name),
        el("span", { class: "now" }, ""),
        el("button", { type: "button", class: "free", "aria-label": `Release ${name}`, disabled: this.isLocked, onclick: run(() => this.release(keys), () => "") }, "release"));
      this.groups.held.push([key, { show: (value) => {
        say(item.children[1], brief(value));
        item.children[1].title = value.written;
      } }]);
      return item;
    }));
    this.keep.tell(writes, this.isLocked);
    // What is typed into the field stays.
    place(this.parts.held, [
      el("div", { class: "title" }, el("h2", {}, "Set by hand"),
        writes ? el("button", {
          type: "button", title: "Write these values into the patch's file", disabled: this.isLocked,
          onclick: run(() => this.write(), ({ stays }) => stays.join("\n")),
        }, "Write into patch") : null,
        held.length ? el("button", { type: "button", disabled: this.isLocked, onclick: run(() => this.link.ask({ release_all: {} }), () => "") }, "Release all") : null),
      this.wroteLine,
      held.length ? list : el("p", { class: "note" }, "Nothing. The patch's file and its wires decide."),
      this.keep.root,
      why,
    ]);
    for (const [key, shown] of this.groups.held) shown.show(this.values.get(key));
  }

  /** Writes what hands hold into the patch, and says so where the button was. */
  async write() {
    const before = this.status?.revision ?? 0;
    const answer = await this.link.writeBack([]);
    if (answer.written.length) this.tellWrote({ before, until: performance.now() + TAKES });
    return answer;
  }

  /** Where values were written, and as which revision that plays, once the run reports it. */
  tellWrote(wrote) {
    this.wrote = wrote;
    this.wroteLine.hidden = !wrote;
    if (!wrote) return;
    const { revision = 0 } = this.status ?? {};
    const plays = revision > wrote.before ? `, revision ${revision}` : "";
    say(this.wroteLine, `Written into ${this.plan.name}${plays}.`);
    // A later revision is of something else.
    if (plays || performance.now() > wrote.until) this.wrote = null;
  }

  release(keys) {
    const what = keys.map((key) => this.params.get(key)).map(({ node, param }) => ({ node: node.id, param: param.name }));
    return this.link.ask({ release: { what } });
  }

  /** First what presets name, and what leads the music. */
  showNamed() {
    const old = new Map(this.groups.named);
    this.groups.named = [];
    const named = this.plan.presets.flatMap(({ values }) => values);
    const music = ["tempo", "key", "swing"].map((name) => `transport.${name}`);
    const keys = [...new Set([...named, ...music])].filter((key) => this.params.has(key));
    const rows = keys.map((key) => {
      const knob = this.knob(key, this.groups.named, old);
      knob.querySelector(".param").textContent = key;
      return knob;
    });
    place(this.parts.named, [el("h2", {}, named.length ? "Named in presets, and the music" : "The music"), ...rows]);
  }

  /** Everything, one click away. */
  showAll() {
    const boxes = new Map([...this.parts.all.querySelectorAll("details")].map((box) => [box.dataset.node, box]));
    const old = new Map(this.groups.all);
    this.groups.all = [];
    const nodes = this.plan.nodes.filter(({ params }) => params.length);
    const details = nodes.map((node) => {
      const box = boxes.get(node.id) ?? el("details", { "data-node": node.id }, el("summary", {}));
      const summary = box.firstElementChild;
      summary.replaceChildren(el("b", {}, node.id), el("span", { class: "kind" }, node.kind));
      const fill = () => place(box, [summary, ...node.params.map(({ name }) => this.knob(`${node.id}.${name}`, this.groups.all, old))]);
      const isFilled = box.children.length > 1;
      box.ontoggle = () => box.open && box.children.length === 1 && fill();
      if (isFilled) fill();
      return box;
    });
    place(this.parts.all, [el("h2", {}, "Everything that can be turned"), this.find, this.nothing, ...details]);
    this.filter();
  }

  filter() {
    const wanted = this.find.value.trim().toLowerCase();
    for (const box of this.parts.all.querySelectorAll("details")) {
      const node = this.plan.nodes.find(({ id }) => id === box.dataset.node);
      const words = [node.id, node.kind, node.summary, ...node.params.flatMap(({ name, summary }) => [`${node.id}.${name}`, summary])];
      box.hidden = wanted !== "" && !words.some((word) => word.toLowerCase().includes(wanted));
    }
    const found = [...this.parts.all.querySelectorAll("details:not([hidden])")];
    // What was looked for is opened where it is not much.
    if (wanted !== "" && found.length <= MOST_OPENED) for (const box of found) box.open = true;
    this.nothing.hidden = found.length > 0 || wanted === "";
  }

  /** The chosen node, with all that is known of it. */
  pick(id, key = null) {
    const isSame = id === this.chosen;
    const { scrollTop } = this.root;
    const old = new Map(this.groups.chosen);
    this.chosen = id;
    this.views = [];
    this.groups.chosen = [];
    const node = this.plan?.nodes.find((node) => node.id === id);
    this.parts.chosen.hidden = !node;
    this.parts.guide.hidden = Boolean(node);
    if (!node) {
      this.taught = null;
      this.looked();
      return;
    }
    const isTaught = node.kind === "teach";
    const outputs = node.outputs.map((output) => {
      const canvas = el("canvas", { "aria-hidden": "true", class: output.type });
      this.views.push({ of: `${id}.${output.name}`, type: output.type, canvas });
      return el("figure", {}, canvas, el("figcaption", { title: output.summary }, `${output.name} · ${output.carries}`));
    });
    this.about = {
      state: el("p", { class: "about" }, ""),
      message: el("p", { class: "message" }, ""),
      wires: el("tbody", {}),
    };
    if (!isTaught || this.taught?.node !== id) this.taught = isTaught ? new Taught(this.link, id, { isLocked: () => this.isLocked, held: () => this.heldKnobs(id) }) : null;
    const wires = this.plan.wires.map((wire, index) => ({ ...wire, index })).filter(({ from, to }) => from[0] === id || to[0] === id);
    this.about.rows = wires.map(({ from, to, index }) => {
      const cells = [0, 1, 2].map(() => el("td", {}, "–"));
      const other = from[0] === id ? `${from[1]} → ${to.join(".")}` : `${from.join(".")} → ${to[1]}`;
      this.about.wires.append(el("tr", {}, el("th", { scope: "row" }, other), ...cells));
      return { index, cells };
    });
    const shown = node.params.map((param) => this.knob(`${id}.${param.name}`, this.groups.chosen, old));
    place(this.parts.chosen, [
      el("div", { class: "title" }, el("h2", {}, id), el("span", { class: "kind" }, node.kind),
        el("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => this.choose(null) }, "close")),
      el("p", { class: "note" }, node.summary), this.about.state, this.about.message,
      ...(isTaught ? this.taughtParts(node, shown, outputs) : [...outputs, ...shown]),
      ...(wires.length ? [el("table", {}, el("thead", {}, el("tr", {}, ...["Wire", "Rate", "Waits", "Dropped"].map((word) => el("th", { scope: "col" }, word)))), this.about.wires)] : []),
    ]);
    for (const one of this.views) one.view = new View(one.canvas, one.type);
    if (isTaught) this.followKnobs();
    if (this.status) this.tellStatus(this.status, null, 1);
    this.looked();
    const wanted = key && this.parts.chosen.querySelector(`[data-param="${CSS.escape(key)}"]`);
    wanted?.closest("details")?.setAttribute("open", "");
    if (wanted) wanted.scrollIntoView({ block: "center" });
    else if (isSame) this.root.scrollTop = scrollTop;
    else this.reveal();
  }

  /** The knobs of a node that is taught that hands hold. */
  heldKnobs(id) {
    const node = this.plan.nodes.find((node) => node.id === id);
    const isKnob = ({ name }) => node.outputs.some((output) => output.name === name);
    return (node?.params ?? []).filter(isKnob).map(({ name }) => name).filter((name) => this.values.get(`${id}.${name}`)?.source === "hand");
  }

  /**
   * What stands at a node that is taught: its examples, the knobs that lead somewhere right below,
   * then what its outputs send. Knobs that nothing is wired from and nobody has set, and orders, are
   * below `more`.
   */
  taughtParts(node, shown, outputs) {
    const isKnob = (name) => node.outputs.some((output) => output.name === name);
    const isUsed = (name) => {
      const value = this.values.get(`${node.id}.${name}`);
      const isSet = value && (value.source !== "text" || typeof value.value === "number");
      return isSet || this.plan.wires.some(({ from }) => from[0] === node.id && from[1] === name);
    };
    const names = new Set(node.params.filter(({ name, order }) => order || (isKnob(name) && !isUsed(name))).map(({ name }) => name));
    const first = shown.filter((_, at) => !names.has(node.params[at].name));
    const rest = (parts, declared) => parts.filter((_, at) => names.has(declared[at].name));
    const more = [...rest(outputs, node.outputs), ...rest(shown, node.params)];
    const box = this.parts.chosen.querySelector(`details[data-more="${CSS.escape(node.id)}"]`)
      ?? el("details", { "data-more": node.id }, el("summary", {}, "More: knobs that nothing is wired from, and what the buttons do, by name"));
    place(box, [box.firstElementChild, ...more]);
    return [this.taught.root, ...first, ...outputs.filter((output) => !more.includes(output)), box];
  }

  /** The sliders of a node that is taught stand where it has its knobs. */
  followKnobs() {
    const knobs = new Map(this.groups.chosen);
    for (const { of, view } of this.views) {
      const knob = knobs.get(of);
      if (knob) view.follow = (value) => knob.follow(value);
    }
  }

  /** Shows the chosen node, whatever stands before it. */
  reveal() {
    this.parts.chosen.scrollIntoView({ block: "start" });
  }

  /** The outputs that the chosen node shows. */
  *looks() {
    for (const { of, view } of this.views) if (view) yield [of, view];
  }

  tellStatus(status, last, seconds) {
    this.status = status;
    if (this.wrote) this.tellWrote(this.wrote);
    const node = status.nodes.find(({ id }) => id === this.chosen);
    if (!node || !this.about) return;
    const { kind, word, text } = trouble(node, status, this.plan);
    this.parts.chosen.dataset.state = kind;
    const told = [word || "running", `${Math.round(node.load * 100)} % of the time`, `${number(node.rate)} calls/s`, `p95 ${milliseconds(node.p95)}`];
    told.push(...figures(node, this.plan.nodes.find(({ id }) => id === node.id)?.kind));
    if (node.failures) told.push(node.failures === 1 ? "failed once" : `failed ${node.failures} times`);
    say(this.about.state, told.join(" · "));
    this.taught?.tell(node.counters);
    const message = text || lastError(node);
    if (message !== this.about.message.textContent) this.steady(() => say(this.about.message, message));
    for (const { index, cells } of this.about.rows) {
      const [now, before] = [status.wires[index], last?.wires[index]];
      if (!now) continue;
      // Wires count anew where an edit replaces them.
      say(cells[0], before && now[0] >= before[0] ? rate((now[0] - before[0]) / seconds) : "–");
      say(cells[1], String(now[3]));
      say(cells[2], String(now[2]));
    }
  }

  /** The right or the connection is another. */
  relock() {
    this.parts.locked.hidden = this.link.right !== "see";
    const edits = this.link.right === "edit" ? " Edit opens the patch's text, wires nodes and adds new ones." : "";
    const how = hasKeys() ? "Click a node" : "Choose a node in Watch";
    say(this.parts.guide, `${how} to see what it does${this.link.right === "see" ? "" : " and to turn it"}.${edits}`);
    this.isRelocked = true;
    if (this.plan) this.showHeld();
    this.isRelocked = false;
    this.lets.lock(this.isLocked);
    this.learn.refresh();
    this.taught?.lock(this.isLocked);
    for (const group of [this.groups.named, this.groups.chosen, this.groups.all]) {
      for (const [, knob] of group) knob.lock(this.isLocked);
    }
    for (const part of [this.parts.cues, this.parts.presets]) {
      for (const button of part.querySelectorAll("button, select")) button.disabled = this.isLocked;
    }
  }
}
