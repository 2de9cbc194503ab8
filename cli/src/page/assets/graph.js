// The graph: a card for each node with what it does at this moment, and wires between them.

import { COLOURS, el, rate, say, stopped } from "./dom.js";
import { layout, path } from "./layout.js";
import { View } from "./views.js";

/** Cards: `name` is the room that their width leaves for a name. */
const SIZES = {
  full: { width: 188, base: 46, view: 58, name: 112 },
  compact: { width: 186, base: 54, view: 0, name: 76 },
};
/** A name makes its card wider until it is this wide, about 24 letters; a longer one is cut. */
const WIDEST_NAME = 208;
/** The size of a name that fits, and of one that does not, in pixels. */
const LETTERS = [13.5, 12.5];
/** Smaller than this nobody can read; only a hand that asks for all of the graph gets it smaller. */
const LEAST_SCALE = 0.8;
const LEAST_WHOLE = 0.2;
const MARGIN = 24;
/** So near a wire the mouse meets it, in pixels. */
const WIRE_HIT = 14;
/** The first of these that a node sends is what its card shows. */
const SHOWN = ["frame", "notes", "audio", "latent", "control", "event"];

/** Measures names. */
const pen = document.createElement("canvas").getContext("2d");

/** How wide a name is in letters of the larger size, and a little more. */
function widthOf(name) {
  pen.font = `620 ${LETTERS[0]}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(name).width + 4;
}

export class Graph {
  constructor({ select, looked, opened }) {
    Object.assign(this, { select, looked, opened });
    this.scroll = document.getElementById("scroll");
    this.room = document.getElementById("room");
    this.board = document.getElementById("graph");
    this.wires = document.getElementById("wires");
    this.cards = new Map();
    this.paths = [];
    this.selected = null;
    this.scale = 1;
    this.isFitted = true;
    /** All of it is wanted, however small. */
    this.isWhole = false;
    document.getElementById("fit").onclick = () => {
      this.isWhole = true;
      this.fit();
    };
    document.getElementById("larger").onclick = () => this.zoom(1.2);
    document.getElementById("smaller").onclick = () => this.zoom(1 / 1.2);
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300));
    }, { passive: false });
    this.scroll.addEventListener("click", (event) => {
      if (!event.target.closest(".node")) this.pick(null);
    });
    new ResizeObserver(() => this.plan && this.isFitted && this.arrange()).observe(this.scroll);
    this.listen = matchMedia("(max-width: 760px)");
    this.listen.addEventListener("change", () => this.plan && this.arrange());
  }

  /** Another patch plays. */
  show(plan) {
    const ids = plan.nodes.filter((node) => node.id !== "transport");
    this.plan = { nodes: ids, wires: plan.wires, loose: plan.loose };
    this.board.querySelectorAll(".node").forEach((card) => card.remove());
    this.cards.clear();
    for (const node of ids) this.cards.set(node.id, this.card(node));
    this.board.append(...[...this.cards.values()].map((card) => card.element));
    document.getElementById("empty").hidden = ids.length > 0;
    if (this.selected && !this.cards.has(this.selected)) this.pick(null);
    this.draw();
    this.arrange();
    this.pick(this.selected);
  }

  /** What a node's card shows: one of its outputs, or what enters it where it sends nothing. */
  source(node) {
    const rank = (type) => SHOWN.indexOf(type);
    const best = (outputs) => {
      const fit = outputs.filter(({ type }) => rank(type) >= 0).sort((a, b) => rank(a.type) - rank(b.type));
      return fit[0];
    };
    const own = best(node.outputs.map(({ name, type }) => ({ of: `${node.id}.${name}`, type })));
    if (own) return own;
    const entering = this.plan.wires.filter((wire) => wire.to[0] === node.id);
    return best(entering.map(({ from, type }) => ({ of: from.join("."), type })));
  }

  card(node) {
    const source = this.source(node);
    const canvas = el("canvas", { "aria-hidden": "true" });
    const parts = {
      dot: el("span", { class: "dot", "aria-hidden": "true" }),
      // Where it takes several lines, they end after its words.
      name: el("span", { class: "id" }, ...node.id.split(/(?<=[_.])/).flatMap((part) => [part, el("wbr")])),
      load: el("span", { class: "load" }, ""),
      kind: el("span", { class: "kind" }, node.kind),
      state: el("span", { class: "state" }, ""),
      message: el("span", { class: "message" }, ""),
    };
    const name = widthOf(node.id);
    const element = el("button", { type: "button", class: "node", "data-node": node.id, title: `${node.id}\n${node.summary}`, "aria-label": `${node.id}, ${node.kind}` },
      el("span", { class: "head" }, parts.dot, parts.name, parts.load),
      el("span", { class: "foot" }, parts.kind, parts.state),
      source ? canvas : null,
      parts.message,
      el("span", { class: "side", "aria-hidden": "true" }));
    element.classList.toggle("cut", smaller(name) > WIDEST_NAME);
    element.style.setProperty("--type", COLOURS[source?.type] ?? COLOURS.other);
    element.onclick = () => {
      this.pick(node.id);
      this.opened();
    };
    return { node, element, source, canvas, view: null, parts, name };
  }

  /** The width of a card of this size: a name that does not fit has smaller letters, and more room. */
  width({ name }, { width, name: room }) {
    return name <= room ? width : width + Math.max(0, Math.ceil(Math.min(smaller(name), WIDEST_NAME) - room));
  }

  /** Selects a node, or none. */
  pick(id) {
    this.selected = id;
    for (const [own, { element }] of this.cards) {
      element.setAttribute("aria-pressed", String(own === id));
    }
    for (const drawn of this.paths) {
      drawn.group.classList.toggle("near", drawn.from === id || drawn.to === id);
    }
    this.board.classList.toggle("picked", id !== null);
    this.select(id);
  }

  /** Brings a node into view. */
  reveal(id) {
    this.cards.get(id)?.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Wires: one path for all of a type between two nodes. */
  draw() {
    this.wires.replaceChildren();
    const groups = new Map();
    this.plan.wires.forEach(({ from, to, type }, index) => {
      const key = `${from[0]}\n${to[0]}\n${type}`;
      if (!groups.has(key)) groups.set(key, { from: from[0], to: to[0], type, indices: [] });
      groups.get(key).indices.push(index);
    });
    const svg = (tag) => document.createElementNS(this.wires.namespaceURI, tag);
    this.paths = [...groups.values()].map((wire) => {
      const group = svg("g");
      const line = svg("path");
      const hit = svg("path");
      const text = svg("text");
      const title = svg("title");
      group.setAttribute("class", "wire");
      group.style.setProperty("--type", COLOURS[wire.type] ?? COLOURS.other);
      // A line is too thin to be met; the node that it enters lists it.
      hit.setAttribute("class", "hit");
      hit.style.strokeWidth = `${WIRE_HIT}px`;
      hit.onclick = () => {
        this.pick(wire.to);
        this.opened();
      };
      group.append(title, line, hit, text);
      this.wires.append(group);
      return { ...wire, group, line, hit, text, title };
    });
  }

  /** Places everything, in the direction and at the size in which most can be read. */
  arrange() {
    const [width, height] = this.space();
    if (width <= 0 || height <= 0) return;
    if (this.listen.matches) return this.stack();
    this.board.classList.remove("stacked");
    const tried = Object.keys(SIZES).flatMap((size) =>
      ["right", "down"].map((direction) => {
        const card = SIZES[size];
        const boxes = [...this.cards.values()].map((one) => ({
          id: one.node.id, width: this.width(one, card), height: card.base + (one.source ? card.view : 0),
        }));
        const found = layout(boxes, this.paths, direction);
        const [wide, tall] = [found.width + 2 * MARGIN, found.height + 2 * MARGIN];
        const scale = Math.min(1.15, width / wide, height / tall);
        // A full card tells more than a compact one, as long as all of it can be seen.
        const more = size === "full" ? (scale < LEAST_SCALE ? 0.5 : 1.3) : 1;
        return { size, direction, found, scale, worth: scale * more };
      }),
    );
    const { size, direction, found, scale } = tried.reduce((best, one) => (one.worth > best.worth ? one : best));
    Object.assign(this.board.dataset, { size, direction });
    for (const [id, { x, y }] of found.places) {
      const card = this.cards.get(id);
      const { element, source } = card;
      const { base, view, name } = SIZES[size];
      const width = this.width(card, SIZES[size]);
      element.classList.toggle("long", card.name > name);
      Object.assign(element.style, {
        left: `${x + MARGIN}px`, top: `${y + MARGIN}px`, width: `${width}px`, height: `${base + (source ? view : 0)}px`,
      });
    }
    this.extent = { width: found.width + 2 * MARGIN, height: found.height + 2 * MARGIN };
    this.wires.setAttribute("width", this.extent.width);
    this.wires.setAttribute("height", this.extent.height);
    this.paths.forEach((drawn, index) => {
      const points = found.routes[index].map(({ x, y }) => ({ x: x + MARGIN, y: y + MARGIN }));
      for (const drawing of [drawn.line, drawn.hit]) drawing.setAttribute("d", path(points, direction));
      const middle = points.length ? between(points) : { x: 0, y: 0 };
      drawn.text.setAttribute("x", middle.x);
      drawn.text.setAttribute("y", middle.y);
    });
    if (this.isFitted) this.resize(Math.max(this.isWhole ? LEAST_WHOLE : LEAST_SCALE, scale));
    else this.resize(this.scale);
    this.refit();
  }

  /** What the buttons leave of the window, and no fraction of a pixel more. */
  space() {
    const { clientWidth, clientHeight } = this.scroll;
    const style = getComputedStyle(this.scroll);
    return [clientWidth - 1, clientHeight - parseFloat(style.paddingBottom) - 1];
  }

  /** On a small screen: one card below the other, in the order of the flow. */
  stack() {
    this.board.classList.add("stacked");
    this.board.dataset.size = "full";
    const boxes = [...this.cards.keys()].map((id) => ({ id, width: 10, height: 10 }));
    const { places } = layout(boxes, this.paths, "down");
    const sorted = [...this.cards.values()].sort((one, two) => {
      const [a, b] = [places.get(one.node.id), places.get(two.node.id)];
      return a.y - b.y || a.x - b.x;
    });
    for (const { element } of sorted) {
      element.removeAttribute("style");
      this.board.append(element);
    }
    for (const { element, source } of sorted) element.style.setProperty("--type", COLOURS[source?.type] ?? COLOURS.other);
    for (const part of [this.board, this.room]) part.removeAttribute("style");
    this.refit();
  }

  fit() {
    this.isFitted = true;
    this.arrange();
  }

  zoom(by) {
    if (this.listen.matches) return;
    this.isFitted = this.isWhole = false;
    const { scroll } = this;
    const before = this.scale;
    const middle = [scroll.scrollLeft + scroll.clientWidth / 2, scroll.scrollTop + scroll.clientHeight / 2];
    this.resize(Math.min(2, Math.max(Math.min(0.4, before), before * by)));
    const ratio = this.scale / before;
    scroll.scrollLeft = middle[0] * ratio - scroll.clientWidth / 2;
    scroll.scrollTop = middle[1] * ratio - scroll.clientHeight / 2;
  }

  resize(scale) {
    this.scale = scale;
    const { width, height } = this.extent;
    Object.assign(this.room.style, {
      width: `${Math.max(width * scale, 1)}px`, height: `${Math.max(height * scale, 1)}px`,
    });
    Object.assign(this.board.style, { width: `${width}px`, height: `${height}px`, transform: `scale(${scale})` });
    for (const { view } of this.cards.values()) view?.fit(scale);
  }

  /** The cards have another size. */
  refit() {
    for (const card of this.cards.values()) {
      if (!card.source) continue;
      card.view ??= new View(card.canvas, card.source.type);
      card.view.fit(this.listen.matches ? 1 : this.scale);
    }
    this.looked();
  }

  /** The outputs that cards show. */
  *looks() {
    for (const { source, view } of this.cards.values()) if (source && view) yield [source.of, view];
  }

  /** Writes what nodes and wires do. */
  tell(status, last, seconds) {
    for (const node of status.nodes) {
      const card = this.cards.get(node.id);
      if (!card) continue;
      const { text, word, kind } = trouble(node, status, this.plan);
      card.element.dataset.state = kind;
      card.element.classList.toggle("worded", word !== "");
      card.element.classList.toggle("told", text !== "" && kind !== "note");
      say(card.parts.state, word);
      say(card.parts.message, text);
      say(card.parts.load, node.state === "running" ? `${Math.round(node.load * 100)} %` : "");
      const says = [`${node.id}, ${card.node.kind}`, word, text].filter(Boolean).join(": ");
      card.element.setAttribute("aria-label", says);
    }
    for (const drawn of this.paths) this.tellWire(drawn, status, last, seconds);
  }

  tellWire(drawn, status, last, seconds) {
    let [perSecond, waits, dropped, fresh] = [0, 0, 0, 0];
    for (const index of drawn.indices) {
      const now = status.wires[index];
      if (!now) continue;
      const before = last?.wires[index] ?? now;
      perSecond += Math.max(0, now[0] - before[0]) / seconds;
      fresh += Math.max(0, now[2] - before[2]);
      dropped += now[2];
      waits += now[3];
    }
    drawn.group.classList.toggle("moves", perSecond > 0);
    drawn.group.classList.toggle("drops", fresh > 0);
    drawn.group.classList.toggle("dropped", dropped > 0);
    const figures = [rate(perSecond)];
    if (waits) figures.push(`${waits} waiting`);
    if (dropped) figures.push(`${dropped} dropped`);
    say(drawn.text, figures.join(" · "));
    say(drawn.title, `${drawn.from} to ${drawn.to}: ${figures.join(", ")}`);
  }

  setStale(isStale) {
    this.board.classList.toggle("stale", isStale);
  }
}

/** What sounds or plays and leads nowhere: of each node, what to do about it. */
export function loose({ nodes, wires }) {
  const found = new Map();
  const leads = new Set(wires.map(({ from }) => from[0]));
  for (const { id, outputs } of nodes) {
    if (!outputs.length || leads.has(id)) continue;
    const has = (type) => outputs.some((output) => output.type === type);
    if (has("audio")) found.set(id, "Its sound goes nowhere.\nTo hear it, connect it to a mixer or to audio_out (Edit).");
    else if (has("notes")) found.set(id, "Its notes go nowhere.\nTo hear them, connect it to a synth (Edit).");
  }
  return found;
}

/**
 * What is wrong with a node, in a word and in a sentence, and what to do about it: `bad`, `wait`,
 * `quiet` where nothing is heard for it, `note` where it is only to be known.
 */
export function trouble(node, { sound } = {}, plan = null) {
  const error = node.error ?? "";
  if (node.hangs) {
    return { kind: "bad", word: "hangs", text: `in one call for ${Math.round(node.hangs)} s; everything else plays on` };
  }
  const told = (reasons) => reasons.map(({ what, help }) => `${sentence(what)}\n${sentence(help)}`).join("\n");
  const at = (reasons) => (reasons ?? []).filter((reason) => reason.node === node.id);
  switch (node.state) {
    case "failed":
      return { kind: "bad", word: "failed", text: `${sentence(error)}\nIt starts again when the patch is changed.` };
    case "restarting":
      return { kind: "bad", word: "restarting", text: `${sentence(error)}\nIt is tried again by itself; everything else plays on.` };
    case "preparing":
      return { kind: "wait", word: "preparing", text: error };
    case "ended":
      return { kind: "off", word: "ended", text: "" };
    default:
      if (node.waiting) {
        const { reason, seconds } = node.waiting;
        return { kind: "wait", word: `waiting ${Math.round(seconds)} s`, text: `${sentence(reason)}\nIt goes on by itself once that is there; everything else plays on.` };
      }
      if (at(sound?.why).length) return { kind: "quiet", word: "no sound", text: told(at(sound.why)) };
      if (at(sound?.levels).length) return { kind: "note", word: "turned down", text: told(at(sound.levels)) };
      if (plan?.loose?.has(node.id)) return { kind: "note", word: "not wired", text: plan.loose.get(node.id) };
      return { kind: "good", word: "", text: "" };
  }
}

/** As a sentence; a node's name at its beginning keeps its small letter. */
function sentence(text) {
  return stopped(text.replace(/^(the|no|nothing|a hand|a wire|look|turn|wire) /, (word) => word[0].toUpperCase() + word.slice(1)));
}

/** How wide a name is in the smaller letters. */
function smaller(name) {
  return (name * LETTERS[1]) / LETTERS[0];
}

/** The point in the middle of a route. */
function between(points) {
  const half = Math.floor((points.length - 1) / 2);
  const [one, two] = [points[half], points[half + 1] ?? points[half]];
  return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
}
