// The right control for a live parameter.

import { el, say } from "./dom.js";

/** Steps of a slider. */
const STEPS = 1000;
/** So near 0 dB a level that is dragged is caught there. */
const CATCHES = 0.6;
/** So far a finger moves sideways when it turns a slider, in pixels. */
const SIDEWAYS = 8;
/** Sliders of a list; the values behind them stay as they are. */
const MOST_ROWS = 32;
/** At most so often a hand is sent on, in milliseconds. */
const EVERY = 33;
/** For so long after a hand moved, what the run says does not move the control. */
const HOLDS = 600;
/** What is no further away is the same. */
const SAME = 1e-3;

export class Knob {
  /** `turn(written)` sets the parameter, `release()` lets it go; both give a promise. */
  constructor(node, param, { turn, release, isLocked, learning = null }) {
    Object.assign(this, { node, param, turn, release });
    this.touched = -Infinity;
    this.sent = 0;
    this.makers = { number: "slider", integer: "slider", length: "length", flag: "flag", choice: "choice", list: "list" };
    const name = `${node}.${param.name}`;
    this.source = el("span", { class: "source" }, "");
    this.free = el("button", {
      type: "button", class: "free", title: "Release: the patch's file or its wire decides again", "aria-label": `Release ${name}`,
      onclick: () => this.try(this.release()),
    }, "release");
    this.why = el("p", { class: "why", role: "alert" });
    const control = this[this.makers[param.type] ?? "text"](name);
    this.element = el("div", { class: "knob", "data-param": name },
      el("div", { class: "label" },
        el("span", { class: "param", title: param.name }, param.name), this.source, this.free, learning?.button),
      param.summary ? el("p", { class: "says" }, param.summary) : null, control, learning?.line, this.why);
    this.lock(isLocked);
  }

  lock(isLocked) {
    this.isLocked = isLocked;
    for (const part of this.element.querySelectorAll("input, select, button")) part.disabled = isLocked;
  }

  /** What the run says of the parameter. */
  show(value) {
    this.value = value;
    this.element.dataset.source = value.source;
    const words = { text: "from the file", wire: "from a wire", hand: "by hand" };
    const file = value.source !== "text" && value.text !== undefined ? `; file: ${value.text}` : "";
    this.says = `${words[value.source] ?? value.source}${file}`;
    if (performance.now() - this.touched > HOLDS) this.settle();
    else {
      this.tellSource(this.says);
      setTimeout(() => performance.now() - this.touched > HOLDS && this.settle(), HOLDS + 50);
    }
  }

  tellSource(text) {
    say(this.source, text);
    this.source.title = text;
  }

  /** Where the node itself has the parameter, as by what it was taught: the control goes along, unless a hand is at it. */
  follow(value) {
    this.followed = value;
    if (this.value && performance.now() - this.touched > HOLDS) this.settle();
  }

  /** Shows what the run says. */
  settle() {
    const { value, followed } = this;
    if (followed === undefined) {
      this.put(value);
      this.tellSource(this.says);
      return;
    }
    this.put({ value: followed, written: String(followed) });
    const isElsewhere = typeof value.value !== "number" || Math.abs(value.value - followed) > SAME;
    const set = { text: "file", wire: "wire", hand: "hand" }[value.source] ?? value.source;
    this.tellSource(isElsewhere ? `as taught; ${set}: ${value.written}` : this.says);
  }

  /** A hand has set it. */
  set(written, isLast = false) {
    const now = performance.now();
    this.touched = now;
    clearTimeout(this.timer);
    if (isLast || now - this.sent >= EVERY) {
      this.sent = now;
      this.try(this.turn(written));
    } else this.timer = setTimeout(() => this.set(written, true), EVERY - (now - this.sent));
  }

  async try(promise) {
    try {
      await promise;
      say(this.why, "");
    } catch (error) {
      say(this.why, error.message);
      this.touched = -Infinity;
      if (this.value) this.settle();
    }
  }

  /** A slider over the useful range, and a field that takes all of it. */
  slider(name) {
    const { param } = this;
    const scale = scaleOf(param);
    const range = el("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": name });
    const field = el("input", { type: "text", inputMode: "decimal", class: "field", "aria-label": `${name} as a number`, autocomplete: "off", placeholder: "–" });
    const written = (value) => String(param.type === "integer" ? Math.round(value) : tidy(value, scale));
    range.oninput = () => {
      const at = scale.at(range.valueAsNumber / STEPS);
      // Only what is dragged: keys go on from 0 dB step by step.
      const value = range.matches(":active") ? caught(at, param.unit) : at;
      field.value = written(value);
      range.setAttribute("aria-valuetext", `${field.value} ${param.unit}`);
      meant(() => this.set(written(value)));
    };
    const meant = withFinger(range, () => this.settle());
    field.onchange = () => this.set(field.value.trim(), true);
    const slide = this.zero(range, scale, param.unit, () => {
      field.value = "0";
      this.set("0", true);
    });
    this.put = ({ value, written: now }) => {
      const isThere = typeof value === "number";
      if (document.activeElement !== field) field.value = isThere ? short(value) : now;
      range.value = isThere ? scale.place(value) * STEPS : 0;
      range.setAttribute("aria-valuetext", `${field.value} ${param.unit}`);
    };
    return el("div", { class: "control" }, slide, field, el("span", { class: "unit", title: param.unit }, param.unit));
  }

  /** The slider; of a gain with a mark at 0 dB, where a double click goes. */
  zero(range, scale, unit, set) {
    if (unit !== "dB" || scale.at(0) >= 0 || scale.at(1) <= 0) return range;
    const place = scale.place(0);
    const marked = el("span", { class: "zero" }, range);
    marked.style.setProperty("--zero", String(place));
    range.title = "The mark is 0 dB; a double click goes there";
    range.ondblclick = () => {
      if (range.disabled) return;
      range.value = place * STEPS;
      set();
    };
    return marked;
  }

  /** Seconds or beats. */
  length(name) {
    const { param } = this;
    const scale = scaleOf(param);
    const range = el("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": name });
    const field = el("input", { type: "text", inputMode: "decimal", class: "field", "aria-label": `${name} as a number`, autocomplete: "off", placeholder: "–" });
    const unit = el("select", { class: "unit", "aria-label": `unit of ${name}` }, el("option", { value: "s" }, "s"), el("option", { value: "beats" }, "beats"));
    const written = (value) => (unit.value === "beats" ? `beats(${value})` : String(value));
    range.oninput = () => {
      field.value = tidy(scale.at(range.valueAsNumber / STEPS), scale);
      range.setAttribute("aria-valuetext", `${field.value} ${unit.value}`);
      this.set(written(field.value));
    };
    field.onchange = () => this.set(written(field.value.trim()), true);
    unit.onchange = () => this.set(written(field.value.trim()), true);
    this.put = ({ value }) => {
      const amount = value?.beats ?? value?.seconds ?? value;
      unit.value = value && typeof value === "object" && "beats" in value ? "beats" : "s";
      if (document.activeElement !== field) field.value = typeof amount === "number" ? short(amount) : "";
      range.value = typeof amount === "number" ? scale.place(amount) * STEPS : 0;
      range.setAttribute("aria-valuetext", `${field.value} ${unit.value}`);
    };
    return el("div", { class: "control" }, range, field, unit);
  }

  flag(name) {
    const box = el("input", { type: "checkbox", class: "switch", role: "switch", "aria-label": name });
    const word = el("span", {}, "");
    box.onchange = () => this.set(String(box.checked), true);
    this.put = ({ value }) => {
      box.checked = value === true;
      say(word, value === true ? "on" : "off");
    };
    return el("label", { class: "control" }, box, word);
  }

  choice(name) {
    const words = this.param.words ?? [];
    const choose = el("select", { "aria-label": name }, ...words.map((word) => el("option", { value: word }, word.replaceAll("_", " "))));
    choose.onchange = () => this.set(choose.value, true);
    this.put = ({ value }) => (choose.value = value ?? "");
    return el("div", { class: "control" }, choose);
  }

  /** A slider for each number; other lists as they are written. */
  list(name) {
    const { item } = this.param;
    const box = el("div", { class: "list" });
    if (item?.type !== "number") {
      box.append(this.text(name));
      return box;
    }
    const scale = scaleOf(item);
    const rows = [];
    let rest = [];
    const more = el("p", { class: "note", hidden: true }, "");
    box.append(more);
    const written = () => `[${[...rows.map(({ now }) => now), ...rest].join(", ")}]`;
    const row = (at) => {
      const called = this.param.labels?.[at] ?? String(at + 1);
      const label = `${name} ${called}`;
      const range = el("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": label });
      const field = el("input", { type: "text", inputMode: "decimal", class: "field", "aria-label": `${label} as a number`, autocomplete: "off", placeholder: "–" });
      const slide = this.zero(range, scale, this.param.unit, () => {
        made.now = field.value = "0";
        this.set(written(), true);
      });
      const made = { range, field, now: 0, element: el("div", { class: "control" }, el("span", { class: this.param.labels ? "at named" : "at", title: called }, called), slide, field, el("span", { class: "unit" }, this.param.unit)) };
      range.oninput = () => {
        made.now = tidy(scale.at(range.valueAsNumber / STEPS), scale);
        field.value = made.now;
        this.set(written());
      };
      field.onchange = () => {
        made.now = field.value.trim();
        this.set(written(), true);
      };
      return made;
    };
    this.put = ({ value }) => {
      const all = Array.isArray(value) ? value : [];
      const values = all.slice(0, MOST_ROWS);
      rest = all.slice(MOST_ROWS);
      const grows = rows.length < values.length;
      more.hidden = rest.length === 0;
      say(more, `and ${rest.length} more, which stay as they are`);
      while (rows.length < values.length) more.before((rows[rows.push(row(rows.length)) - 1]).element);
      while (rows.length > values.length) rows.pop().element.remove();
      values.forEach((value, at) => {
        const { range, field } = rows[at];
        rows[at].now = value;
        if (document.activeElement !== field) field.value = short(value);
        range.value = scale.place(value) * STEPS;
      });
      if (grows) this.lock(this.isLocked);
    };
    return box;
  }

  text(name) {
    const field = el("input", { type: "text", class: "wide", "aria-label": name, autocomplete: "off", spellcheck: false });
    field.onchange = () => this.set(field.value, true);
    this.put = ({ written }) => {
      if (document.activeElement !== field) field.value = written;
    };
    return el("div", { class: "control" }, field);
  }
}

/**
 * A finger that comes down on a slider may want to scroll: what it turns counts once it has moved
 * sideways or is lifted, and not at all where the browser scrolls instead. `back` shows what plays.
 */
function withFinger(range, back) {
  let from = null;
  let waits = null;
  const counts = () => {
    const turn = waits;
    from = waits = null;
    turn?.();
  };
  range.addEventListener("pointerdown", ({ pointerType, clientX }) => {
    if (pointerType === "touch") from = clientX;
  });
  range.addEventListener("pointermove", ({ clientX }) => {
    if (from !== null && Math.abs(clientX - from) > SIDEWAYS) counts();
  });
  range.addEventListener("pointerup", counts);
  range.addEventListener("pointercancel", () => {
    if (from === null) return;
    from = waits = null;
    back();
  });
  return (turn) => {
    if (from === null) turn();
    else waits = turn;
  };
}

/** A level so near 0 dB is 0 dB: no hand finds the one place that leaves a sound as it is. */
function caught(value, unit) {
  return unit === "dB" && Math.abs(value) < CATCHES ? 0 : value;
}

/** How places of a slider, 0 to 1, and values belong together. */
function scaleOf({ from, to, min, max, log, type }) {
  const [low, high] = from < to ? [from, to] : min < max ? [min, max] : [0, 1];
  const isLog = log && low > 0;
  const within = (place) => Math.min(1, Math.max(0, place));
  return {
    width: high - low,
    isWhole: type === "integer",
    at: (place) => (isLog ? low * (high / low) ** place : low + (high - low) * place),
    place: (value) => within(isLog ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low)),
  };
}

/** As many digits as a step of the slider is worth. */
function tidy(value, { width, isWhole }) {
  if (isWhole) return String(Math.round(value));
  const step = Math.min(Math.max(Math.abs(value), width * 1e-3), width) / 500;
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step || 1))));
  return String(Number(value.toFixed(digits)));
}

function short(value) {
  return String(Number(value.toPrecision(5)));
}

