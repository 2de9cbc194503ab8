// The graph as it is edited: wires are drawn from card to card, or chosen from a list; nodes are
// added and removed. Each is a change of the patch's text, which the run makes of it.

import { COLOURS, el } from "./dom.js";

/** Whether what leaves a port of one type may enter another. */
const fits = (output, input) => input === "any" || output === "any" || output === input;

export class Wiring {
  /** `change` has the run change the graph; `declared` are the kinds; `turn` leads to a node's values. */
  constructor({ graph, change, declared, say, turn }) {
    Object.assign(this, { graph, change, declared, say, turn });
    this.plan = null;
    /** A node that was added, until it plays. */
    this.added = null;
    this.isOn = false;
    this.drawn = null;
    graph.board.addEventListener("pointerdown", (event) => this.begin(event), true);
    graph.board.addEventListener("pointermove", (event) => this.hint(event));
    addEventListener("pointermove", (event) => this.draw(event));
    addEventListener("pointerup", (event) => this.end(event), true);
    addEventListener("pointercancel", ({ pointerId }) => pointerId === this.drawn?.pointer && this.drop());
    addEventListener("keydown", (event) => event.key === "Escape" && this.drop());
  }

  /** Another patch plays. */
  show(plan) {
    this.plan = plan;
    if (!this.node(this.added)) return;
    this.lead(this.added);
    this.added = null;
  }

  /** Chooses a node, and brings it into view. */
  lead(id) {
    this.graph.pick(id);
    this.graph.reveal(id);
  }

  node(id) {
    return this.plan?.nodes.find((node) => node.id === id);
  }

  /** The inputs of a node: its ports, and the parameters that a wire can lead into. */
  inputs(id) {
    const kind = this.declared.kind(this.node(id)?.kind);
    if (!kind) return [];
    const params = kind.params.filter(({ wire }) => wire).map(({ name, summary }) => ({ name, type: "control", summary, isParam: true }));
    return [...kind.inputs, ...params];
  }

  /** What can be wired from one node to another: [{ from, to, label, type }], ports first. */
  pairs(from, to) {
    if (from === to) return [];
    const outputs = this.node(from)?.outputs ?? [];
    const all = outputs.flatMap((output) => this.inputs(to).filter((input) => fits(output.type, input.type)).map((input) => ({
      from: [from, output.name], to: [to, input.name], type: output.type, isParam: Boolean(input.isParam),
      label: `${outputs.length > 1 ? `${output.name} → ` : ""}${to}.${input.name}`,
    })));
    const isThere = ({ from: a, to: b }) => this.plan.wires.some((wire) => wire.from.join(".") === a.join(".") && wire.to.join(".") === b.join("."));
    return all.filter((pair) => !isThere(pair)).sort((a, b) => a.isParam - b.isParam);
  }

  /** Nodes of the patch's own text: those of included patches are changed there. */
  get own() {
    return (this.plan?.nodes ?? []).filter(({ id }) => id !== "transport" && !id.includes("."));
  }

  // Drawing by hand.

  /** The card under an event, if it is at the side where wires leave. */
  sideOf(event) {
    if (!this.isOn || this.graph.listen.matches) return null;
    return event.target.closest?.(".side")?.closest(".node") ?? null;
  }

  hint(event) {
    const card = this.sideOf(event);
    this.graph.board.classList.toggle("at-side", Boolean(card) || Boolean(this.drawn));
  }

  begin(event) {
    // One finger draws; a second one does not disturb it.
    if (this.drawn && event.pointerId !== this.drawn.pointer) return;
    this.drop();
    const card = event.button === 0 && this.sideOf(event);
    if (!card) return;
    event.preventDefault();
    event.stopPropagation();
    const line = document.createElementNS(this.graph.wires.namespaceURI, "path");
    line.setAttribute("class", "drawing");
    const source = this.node(card.dataset.node);
    line.style.setProperty("--type", COLOURS[source?.outputs[0]?.type] ?? COLOURS.other);
    this.graph.wires.append(line);
    this.drawn = { from: card.dataset.node, line, start: this.at(event), pointer: event.pointerId };
    for (const { id } of this.own) {
      const can = this.pairs(this.drawn.from, id).length > 0;
      this.graph.cards.get(id)?.element.classList.toggle("takes", can);
    }
    this.draw(event);
  }

  at({ clientX, clientY }) {
    const box = this.graph.board.getBoundingClientRect();
    return { x: (clientX - box.left) / this.graph.scale, y: (clientY - box.top) / this.graph.scale };
  }

  draw(event) {
    if (event.pointerId !== this.drawn?.pointer) return;
    const [{ x: a, y: b }, { x, y }] = [this.drawn.start, this.at(event)];
    const reach = Math.max(24, Math.abs(x - a) / 2);
    this.drawn.line.setAttribute("d", `M${a} ${b}C${a + reach} ${b} ${x - reach} ${y} ${x} ${y}`);
  }

  drop() {
    if (!this.drawn) return;
    this.drawn.line.remove();
    this.drawn = null;
    this.graph.board.querySelectorAll(".takes").forEach((card) => card.classList.remove("takes"));
    this.graph.board.classList.remove("at-side");
  }

  end(event) {
    if (event.pointerId !== this.drawn?.pointer) return;
    const { from } = this.drawn;
    const to = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".node")?.dataset.node;
    this.drop();
    if (!to || to === from) return;
    // The click that follows would choose the card.
    const swallow = (click) => click.stopPropagation();
    addEventListener("click", swallow, { capture: true });
    setTimeout(() => {
      removeEventListener("click", swallow, { capture: true });
      this.connect(from, to, event);
    }, 0);
  }

  /** Wires one node to another; asks where several ports fit. */
  connect(from, to, { clientX, clientY }) {
    const pairs = this.pairs(from, to);
    const ports = pairs.filter(({ isParam }) => !isParam);
    if (!pairs.length) return this.say(`Nothing that leaves ${from} fits into ${to}.`);
    if (ports.length === 1 || pairs.length === 1) return this.wire((ports[0] ?? pairs[0]));
    const menu = el("div", { class: "edit-menu", role: "menu" });
    let isOpen = true;
    const close = () => {
      // To be removed takes the focus away, which closes it too.
      if (!isOpen) return;
      isOpen = false;
      menu.remove();
    };
    menu.append(...pairs.map((pair) => el("button", { type: "button", role: "menuitem", onclick: () => (close(), this.wire(pair)) }, pair.label)));
    menu.addEventListener("focusout", ({ relatedTarget }) => menu.contains(relatedTarget) || close());
    menu.addEventListener("keydown", ({ key }) => key === "Escape" && close());
    document.body.append(menu);
    menu.style.left = `${Math.min(clientX, innerWidth - menu.offsetWidth - 8)}px`;
    menu.style.top = `${Math.min(clientY, innerHeight - menu.offsetHeight - 8)}px`;
    menu.firstElementChild.focus();
  }

  wire({ from, to }) {
    return this.change([{ add_wire: { from, to } }]);
  }

  // The chosen node.

  /** What can be done with a node: its wires, a list of what it can be connected to, its removal. */
  bar(id) {
    const node = this.node(id);
    if (!node || id === "transport") return [];
    const title = el("div", { class: "title" }, el("h2", {}, id), el("span", { class: "kind" }, node.kind));
    if (id.includes(".")) return [title, el("p", { class: "note" }, "This node stands in an included patch: change its text.")];
    const pairs = this.own.flatMap((other) => this.pairs(id, other.id));
    const list = el("select", { "aria-label": `Connect ${id} to` }, el("option", { value: "" }, pairs.length ? "Connect to…" : "Nothing fits"),
      ...pairs.map((pair, at) => el("option", { value: String(at) }, pair.label)));
    list.disabled = pairs.length === 0;
    const join = el("button", { type: "button", disabled: true, onclick: () => this.wire(pairs[Number(list.value)]) }, "Connect");
    list.onchange = () => (join.disabled = list.value === "");
    const wires = this.plan.wires.filter(({ from, to }) => from[0] === id || to[0] === id);
    const rows = wires.map(({ from, to }) => el("li", {}, el("span", {}, `${from.join(".")} → ${to.join(".")}`),
      el("button", { type: "button", class: "quiet", "aria-label": `Remove the wire from ${from.join(".")} to ${to.join(".")}`, onclick: () => this.change([{ remove_wire: { from, to } }]) }, "remove")));
    return [
      title, el("div", { class: "buttons" }, list, join,
        node.params.length ? el("button", { type: "button", title: "Leave the text, and turn its values", onclick: () => this.turn(id) }, "Turn its values") : null,
        el("button", { type: "button", onclick: () => this.change([{ remove_node: { id } }]) }, "Remove node")),
      rows.length ? el("ul", { class: "edit-wires" }, ...rows) : null,
    ];
  }

  // A new node.

  /** Asks for a kind and what it needs, and adds a node. `near` is the node that is chosen. */
  add(near) {
    if (document.querySelector(".edit-add")) return;
    const dialog = el("dialog", { class: "edit-add", "aria-label": "Add a node" });
    const find = el("input", { type: "search", placeholder: "What should it do? echo, blur, drums…", "aria-label": "Find a kind", autocomplete: "off" });
    const list = el("div", { class: "kinds", role: "listbox", "aria-label": "Kinds" });
    const form = el("form", { method: "dialog", hidden: true });
    const why = el("p", { class: "why", role: "alert" });
    const words = ({ kind, family, summary, details }) => `${kind} ${family} ${summary} ${details}`.toLowerCase();
    const show = () => {
      const asked = find.value.trim().toLowerCase().split(/\s+/);
      // Where the first word stands: in the name best at its beginning, then in what the kind does;
      // as a word of its own before a part of one.
      const rank = ({ kind, summary, details }) => {
        if (kind.startsWith(asked[0])) return 0;
        const texts = [kind.replaceAll("_", " "), summary.toLowerCase(), details.toLowerCase()];
        const is = (text) => text.split(/[^\p{L}\p{N}]+/u).includes(asked[0]);
        const [whole, part] = [texts.findIndex(is), texts.findIndex((text) => text.includes(asked[0]))];
        return whole >= 0 ? 1 + whole : part >= 0 ? 4 + part : 9;
      };
      const found = [...this.declared.kinds.values()].filter((kind) => asked.every((word) => words(kind).includes(word)));
      found.sort((a, b) => rank(a) - rank(b) || a.kind.localeCompare(b.kind));
      list.replaceChildren(...found.map((kind) => el("button", { type: "button", role: "option", "data-kind": kind.kind, onclick: () => this.fill(form, kind, near, { list, why, dialog }) },
        el("b", {}, kind.kind), el("span", { class: "kind" }, kind.family), el("span", {}, kind.summary))));
      if (!found.length) list.append(el("p", { class: "note" }, "No kind has this in its name or summary."));
    };
    find.oninput = () => {
      form.hidden = true;
      list.hidden = false;
      show();
    };
    find.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      list.querySelector("button")?.click();
    };
    const close = el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close");
    dialog.append(el("div", { class: "title" }, el("h2", {}, "Add a node"), close), find, list, form, why);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    show();
    dialog.showModal();
    find.focus();
  }

  /** A name that no node has. */
  free(kind) {
    const taken = new Set(this.plan.nodes.map(({ id }) => id));
    let [name, number] = [kind, 2];
    while (taken.has(name)) name = `${kind}_${number++}`;
    return name;
  }

  /** The rest of what a node needs. */
  fill(form, kind, near, { list, why, dialog }) {
    const labelled = (label, control) => el("label", {}, el("span", {}, label), control);
    const id = el("input", { type: "text", value: this.free(kind.kind), required: true, autocomplete: "off" });
    const needs = Object.entries(kind.needs).map(([name, value]) => [name, el("input", { type: "text", value, required: true, autocomplete: "off" })]);
    // What carries the same before and behind it goes into a wire.
    const [input, output] = [kind.inputs.find(({ needed }) => needed) ?? kind.inputs[0], kind.outputs[0]];
    const isEffect = input && output && input.type === output.type && input.type !== "any";
    const wires = isEffect ? this.plan.wires.filter((wire) => wire.type === input.type && !wire.from[0].includes(".") && !wire.to[0].includes(".") && this.own.some(({ id: other }) => other === wire.to[0])) : [];
    const into = el("select", {}, el("option", { value: "" }, "no wire"), ...wires.map(({ from, to }, at) => el("option", { value: String(at) }, `${from.join(".")} → ${to.join(".")}`)));
    const best = wires.findIndex(({ from }) => from[0] === near);
    const kindOf = (id) => this.node(id)?.kind;
    // What the chosen node leads to, if it is one: behind a tune the wire of the synth that plays it.
    const onward = (from) => {
      const [seen, next, found] = [new Set(), [from], new Set()];
      for (let id = next.shift(); id; id = next.shift()) {
        if (seen.has(id)) continue;
        seen.add(id);
        const at = wires.findIndex((wire) => wire.from[0] === id);
        if (at >= 0) found.add(at);
        else next.push(...this.plan.wires.filter((wire) => wire.from[0] === id).map(({ to }) => to[0]));
      }
      return found.size === 1 ? [...found][0] : -1;
    };
    // Where nothing is chosen, the last wire before what is heard: so an effect is for all of it.
    const sinks = ["audio_out", "audio_file", "recorder"];
    const ends = sinks.map((kind) => wires.findIndex(({ to }) => kindOf(to[0]) === kind));
    const places = [best, wires.findIndex(({ to }) => to[0] === near), near ? onward(near) : -1, ...ends, wires.length - 1];
    const chosenWire = places.find((at) => at >= 0);
    into.value = chosenWire === undefined ? "" : String(chosenWire);
    const sources = (port) => this.own.flatMap((node) => node.outputs.filter(({ type }) => fits(type, port.type)).map(({ name }) => [node.id, name]));
    const froms = kind.inputs.map((port) => {
      const all = sources(port);
      const select = el("select", {}, el("option", { value: "" }, "nothing yet"), ...all.map((from, at) => el("option", { value: String(at) }, from.join("."))));
      const chosen = all.findIndex(([node]) => node === near);
      select.value = port.needed && chosen >= 0 ? String(chosen) : "";
      return { port, all, select, row: labelled(`${port.name} (${port.carries}) from`, select) };
    });
    const main = froms.find(({ port }) => port === input);
    const whole = el("p", { class: "note", hidden: true }, "All that is heard there goes through it. For one part alone, choose that part's wire.");
    const settle = () => {
      if (main) main.row.hidden = into.value !== "";
      const wire = into.value !== "" && wires[Number(into.value)];
      whole.hidden = !wire || !sinks.includes(kindOf(wire.to[0]));
    };
    into.onchange = settle;
    settle();
    form.replaceChildren(
      el("p", {}, el("b", {}, kind.kind), ` ${kind.summary}`), labelled("Called", id),
      ...needs.map(([name, field]) => labelled(name, field)),
      ...(wires.length ? [labelled("Into the wire", into), whole] : []), ...froms.map(({ row }) => row),
      el("div", { class: "buttons" }, el("button", { type: "submit" }, "Add"), el("button", { type: "button", class: "quiet", onclick: () => ((form.hidden = true), (list.hidden = false)) }, "Another kind")));
    [list.hidden, form.hidden] = [true, false];
    why.textContent = "";
    id.focus();
    form.onsubmit = async (event) => {
      event.preventDefault();
      const name = id.value.trim();
      const changes = [{ add_node: { id: name, kind: kind.kind, params: needs.map(([param, field]) => [param, field.value]) } }];
      const wire = into.value !== "" && wires[Number(into.value)];
      if (wire) changes.push({ pass_through: { from: wire.from, to: wire.to, node: name } });
      for (const { port, all, select, row } of froms) {
        if (select.value !== "" && !row.hidden) changes.push({ add_wire: { from: all[Number(select.value)], to: [name, port.name] } });
      }
      // It may play before the answer is here.
      this.added = name;
      const refused = await this.change(changes);
      if (refused) {
        this.added = null;
        why.textContent = refused;
        return;
      }
      dialog.close();
      if (this.node(name)) this.lead(name);
    };
  }
}
