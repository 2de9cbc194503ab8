// Named values: one knob for all live parameters that a value of `let` is for.

import { el, place } from "./dom.js";
import { Knob } from "./knob.js";

export class Named {
  constructor(link) {
    this.link = link;
    this.root = el("section", { class: "lets", hidden: true });
    this.knobs = new Map();
  }

  /** Another patch plays. `params` knows each parameter by its key. */
  show({ named = [] }, params, isLocked) {
    this.root.hidden = named.length === 0;
    const old = this.knobs;
    this.knobs = new Map(named.map((one) => {
      const made = JSON.stringify(one);
      const kept = old.get(one.name);
      if (kept?.made === made) return [one.name, kept];
      return [one.name, { made, one, ...this.knob(one, params, isLocked) }];
    }));
    place(this.root, [el("h2", {}, "This patch"), ...[...this.knobs.values()].map(({ element }) => element)]);
  }

  knob(one, params, isLocked) {
    const { name, targets, elsewhere } = one;
    const keys = targets.map(([node, param]) => `${node}.${param}`);
    const param = { ...shared(one.param, keys.map((key) => params.get(key)?.param)), name, summary: `sets ${keys.join(", ")}` };
    const values = (value) => targets.map(([node, param]) => ({ node, param, value }));
    const knob = new Knob("let", param, {
      turn: (value) => this.link.ask({ set: { values: values(value) } }),
      release: () => this.link.ask({ release: { what: targets.map(([node, param]) => ({ node, param })) } }),
      isLocked,
    });
    const differ = el("p", { class: "note", hidden: true }, `They differ now: ${keys.join(", ")}.`);
    knob.element.append(differ);
    if (elsewhere) {
      knob.element.append(el("p", { class: "note" }, "It stands elsewhere in the patch too; there it changes when it is written."));
    }
    return { knob, keys, differ, element: knob.element };
  }

  /** What the run says of values, by their keys. */
  tell(values) {
    for (const { knob, keys, differ } of this.knobs.values()) {
      const all = keys.map((key) => values.get(key)).filter(Boolean);
      if (!all.length) continue;
      const [first] = all;
      const isOne = all.every(({ written, source }) => written === first.written && source === first.source);
      const is = `${first.written} ${first.source} ${first.text} ${isOne}`;
      if (knob.is === is) continue;
      knob.is = is;
      // Where some are held alone the knob shows one of those, and may release them.
      knob.show(all.find(({ source }) => source === "hand") ?? first);
      differ.hidden = isOne;
    }
  }

  /** Those that hands hold at one value: the name, the value, and the keys of its parameters. */
  held(values) {
    return [...this.knobs.values()].flatMap(({ one, keys }) => {
      const all = keys.map((key) => values.get(key));
      const isHeld = all.every((value) => value?.source === "hand" && value.written === all[0].written);
      return isHeld && all.length ? [{ name: one.name, keys, value: all[0] }] : [];
    });
  }

  lock(isLocked) {
    for (const { knob } of this.knobs.values()) knob.lock(isLocked);
  }
}

/** The control for what all of them take. */
function shared(param, all) {
  const same = all.filter((other) => other?.type === param.type && "from" in other);
  const from = Math.max(...same.map((other) => other.from));
  const to = Math.min(...same.map((other) => other.to));
  return same.length && from < to ? { ...param, from, to } : param;
}
