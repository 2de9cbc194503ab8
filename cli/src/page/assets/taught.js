// What a node has been taught: its examples, where the picture lies among them, and what is done to them.

import { el, place, say } from "./dom.js";

/** Whether the list is another is asked at most so often, in milliseconds. */
const AGAIN = 1500;
/** What is asked for stays set for so long, so that the run sees it; then it is released, and can be asked for again. */
const PRESSED = 150;
/** Within so many milliseconds an example that is recorded is learnt, or was refused. */
const LEARNS = 4000;
/** For so long a new example is marked, and stays in view. */
const NEW = 6000;

const pause = (time) => new Promise((done) => setTimeout(done, time));

export class Taught {
  /** `held()` gives the names of the node's knobs that hands hold. */
  constructor(link, node, { isLocked, held }) {
    Object.assign(this, { link, node, isLocked, held, cards: new Map(), asked: 0, newAt: -Infinity });
    this.why = el("p", { class: "why", role: "alert" });
    this.wrong = el("p", { class: "why", role: "alert" });
    this.told = el("p", { class: "note" }, "");
    this.way = el("p", { class: "note", hidden: true }, "A knob's way is the whole of it, from 0 to 1: within 0.1 is a tenth of what the slider can do.");
    this.known = el("p", { class: "known", role: "status" }, "");
    this.row = el("ol", { class: "examples", "aria-label": "Examples", tabIndex: 0 });
    const press = (act, word, title) =>
      el("button", { type: "button", title, disabled: isLocked(), onclick: act }, word);
    this.buttons = [
      press(() => this.record(), "Record", "Teaches: where the knobs are now is what they should be for what the picture shows now; then the knobs are free"),
      press(() => this.run(() => this.free()), "Let go", "What was turned since is let go, and what was taught plays"),
      press(() => this.press("undo"), "Undo", "Takes back what was done last, and what was done before it if it is pressed again"),
    ];
    this.root = el("section", { class: "taught" }, this.row, this.told, this.way, this.wrong, this.known, el("div", { class: "buttons" }, ...this.buttons), this.why);
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

  /** Sets a parameter for a moment; `meanwhile` is done while the run sees it. */
  async hold(param, value = "true", meanwhile = null) {
    const { node } = this;
    await this.link.ask({ set: { values: [{ node, param, value }] } });
    await pause(PRESSED);
    try {
      await meanwhile?.();
    } finally {
      await this.link.ask({ release: { what: [{ node, param }] } });
    }
  }

  press(param, value) {
    return this.run(async () => {
      await this.hold(param, value);
      await this.load();
    });
  }

  /** Does something to an example. */
  edit(words) {
    return this.press("edit", words);
  }

  /** No hand holds a knob any more. While `play` is true, a knob that is released is none that is turned. */
  free() {
    const { node } = this;
    return this.hold("play", "true", async () => {
      const what = this.held().map((param) => ({ node, param }));
      if (what.length) await this.link.ask({ release: { what } });
    });
  }

  /** Teaches, and frees the knobs once the example is there: what was refused is not lost. */
  async record() {
    if (this.isRecording) return;
    this.isRecording = true;
    await this.run(async () => {
      await this.load();
      const before = new Set(this.cards.keys());
      const isThere = () => [...this.cards.keys()].some((id) => !before.has(id));
      await this.hold("record");
      const until = performance.now() + LEARNS;
      for (await this.load(); !isThere() && performance.now() < until; await this.load()) await pause(PRESSED);
      if (!isThere()) {
        throw new Error(this.wrong.textContent || "Nothing was recorded: no picture has come, or no knob is set yet. Turn a knob, and record again.");
      }
      await this.free();
    });
    this.isRecording = false;
  }

  async load() {
    this.asked = performance.now();
    try {
      const answer = await fetch("/taught");
      if (answer.ok) this.show((await answer.json())[this.node] ?? { told: "", wrong: null, examples: [] });
    } catch {
      // The page says that the connection is lost.
    }
  }

  show({ told, wrong, examples }) {
    say(this.told, told);
    say(this.wrong, wrong ?? "");
    this.way.hidden = !told.includes("knob's way");
    const written = JSON.stringify(examples);
    if (written === this.written) return;
    const isFirst = this.written === undefined;
    this.written = written;
    const kept = new Map();
    let newest = null;
    for (const example of examples) {
      const now = JSON.stringify(example);
      const old = this.cards.get(example.id);
      const card = old?.now === now ? old : { now, title: example.name || `example ${example.id}`, element: this.card(example) };
      if (!old && !isFirst) newest = card.element;
      kept.set(example.id, card);
    }
    this.cards = kept;
    place(this.row, [...kept.values()].map(({ element }) => element));
    this.near(this.counters ?? {});
    if (newest) this.mark(newest);
  }

  card({ id, name, weight, values, picture }) {
    const off = this.isLocked();
    const title = name || `example ${id}`;
    const bars = Object.entries(values).map(([knob, value]) => {
      const bar = el("meter", { min: 0, max: 1, value, "aria-label": `${knob}: ${value}` });
      return el("span", { title: `${knob}: ${value}` }, knob, bar);
    });
    const called = el("input", { type: "text", value: name, placeholder: `${id}: name it`, "aria-label": `Name of example ${id}`, maxLength: 200, disabled: off, autocomplete: "off" });
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

  /** A new example is seen, and seen to be new. */
  mark(element) {
    this.newAt = performance.now();
    element.classList.add("new");
    setTimeout(() => element.classList.remove("new"), NEW);
    this.reveal(element);
  }

  /** Scrolls the list, and nothing around it, so that a card is seen. */
  reveal(element) {
    const [list, card] = [this.row.getBoundingClientRect(), element.getBoundingClientRect()];
    if (card.top < list.top) this.row.scrollTop -= list.top - card.top;
    else if (card.bottom > list.bottom) this.row.scrollTop += Math.min(card.bottom - list.bottom, card.top - list.top);
  }

  /** Marks the example that the picture is nearest to, and says how well the picture is known. */
  near({ examples, nearest_example: nearest, known_percent: known, knobs_stay: stays }) {
    for (const [id, { element }] of this.cards) {
      const isNear = id === nearest;
      element.classList.toggle("near", isNear);
      element.title = isNear ? `the picture is nearest to this, and known to ${known} %` : "";
      element.style.setProperty("--known", isNear ? String(known / 100) : "0");
    }
    const card = this.cards.get(nearest);
    if (!examples) say(this.known, "");
    else if (known === undefined || !card) say(this.known, "No picture has come yet.");
    else if (stays) say(this.known, `This picture is not known (${known} %): the knobs stay.`);
    else say(this.known, `This picture is known to ${known} %, like ${card.title}.`);
    this.known.classList.toggle("not", Boolean(examples && stays));
    // Where a hand is at the list, or something new is shown, it stays.
    const isLeft = performance.now() - this.newAt > NEW && !this.row.matches(":hover, :focus-within");
    if (card && nearest !== this.nearest && isLeft) {
      this.nearest = nearest;
      this.reveal(card.element);
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
