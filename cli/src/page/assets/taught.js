// What a node has been taught: its examples in a row, where the picture lies among them, and what is done to them.

import { el, place, say } from "./dom.js";

/** Whether the list is another is asked at most so often, in milliseconds. */
const AGAIN = 1500;
/** What is asked for stays set for so long, so that the run sees it; then it is released, and can be asked for again. */
const PRESSED = 150;

export class Taught {
  constructor(link, node, isLocked) {
    Object.assign(this, { link, node, isLocked, cards: new Map(), asked: 0 });
    this.why = el("p", { class: "why", role: "alert" });
    this.told = el("p", { class: "note" }, "");
    this.row = el("ol", { class: "examples", "aria-label": "Examples" });
    const press = (flag, word, title) =>
      el("button", { type: "button", title, disabled: isLocked(), onclick: () => this.press(flag) }, word);
    this.buttons = [
      press("record", "Record", "Teaches: where the knobs are now is what they should be for what the picture shows now"),
      press("play", "Let go", "What was turned since is let go, and what was taught plays"),
      press("undo", "Undo", "Takes back what was done last"),
    ];
    this.root = el("section", { class: "taught" }, el("div", { class: "buttons" }, ...this.buttons), this.told, this.row, this.why);
    this.load();
  }

  async run(act) {
    try {
      await act();
      say(this.why, "");
    } catch (error) {
      say(this.why, error.message);
    }
  }

  /** Sets a parameter for a moment. */
  press(param, value = "true") {
    const { node } = this;
    return this.run(async () => {
      await this.link.ask({ set: { values: [{ node, param, value }] } });
      await new Promise((done) => setTimeout(done, PRESSED));
      await this.link.ask({ release: { what: [{ node, param }] } });
      await this.load();
    });
  }

  /** Does something to an example. */
  edit(words) {
    return this.press("edit", words);
  }

  async load() {
    this.asked = performance.now();
    try {
      const answer = await fetch("/taught");
      if (answer.ok) this.show((await answer.json())[this.node] ?? { told: "", examples: [] });
    } catch {
      // The page says that the connection is lost.
    }
  }

  show({ told, examples }) {
    say(this.told, told);
    const written = JSON.stringify(examples);
    if (written === this.written) return;
    this.written = written;
    const kept = new Map();
    for (const example of examples) {
      const now = JSON.stringify(example);
      const old = this.cards.get(example.id);
      kept.set(example.id, old?.now === now ? old : { now, element: this.card(example) });
    }
    this.cards = kept;
    place(this.row, [...kept.values()].map(({ element }) => element));
    this.near(this.counters ?? {});
  }

  card({ id, name, weight, values, picture }) {
    const off = this.isLocked();
    const title = name || `example ${id}`;
    const bars = Object.entries(values).map(([knob, value]) => {
      const bar = el("meter", { min: 0, max: 1, value, "aria-label": `${knob}: ${value}` });
      return el("span", { title: `${knob}: ${value}` }, knob, bar);
    });
    const called = el("input", { type: "text", value: name, placeholder: String(id), "aria-label": `Name of example ${id}`, maxLength: 200, disabled: off, autocomplete: "off" });
    called.onchange = () => this.edit(`name ${id} ${called.value}`);
    const weighs = el("input", { type: "number", value: String(weight), min: 0, max: 100, step: 0.5, "aria-label": `Weight of ${title}`, title: "How much it counts; 0: not at all", disabled: off });
    weighs.onchange = () => this.edit(`weigh ${id} ${weighs.value}`);
    const image = picture !== null
      ? el("img", { src: `/taught/${picture}.png`, alt: "", width: 80 })
      : el("span", { class: "none" }, "no picture");
    return el("li", { class: weight === 0 ? "out" : "" }, image, called, el("div", { class: "values" }, ...bars),
      el("div", { class: "below" }, weighs,
        el("button", { type: "button", class: "quiet", disabled: off, "aria-label": `Delete ${title}`, onclick: () => this.edit(`delete ${id}`) }, "delete")));
  }

  /** Marks the example that the picture is nearest to. */
  near({ nearest_example: nearest, known_percent: known }) {
    for (const [id, { element }] of this.cards) {
      const isNear = id === nearest;
      element.classList.toggle("near", isNear);
      element.title = isNear ? `the picture is nearest to this, and known to ${known} %` : "";
      element.style.setProperty("--known", isNear ? String(known / 100) : "0");
    }
  }

  /** What the node counts. */
  tell(counters) {
    const isNews = counters.examples !== this.counters?.examples || counters.left_out_error_thousandths !== this.counters?.left_out_error_thousandths;
    this.counters = counters;
    this.near(counters);
    if (isNews || performance.now() - this.asked > AGAIN) this.load();
  }

  lock(isLocked) {
    for (const part of this.root.querySelectorAll("button, input")) part.disabled = isLocked;
  }
}
