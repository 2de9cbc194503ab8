// The music along its film: stills, chords, the notes of all parts, cuts and bars, and what the film
// shows in words, with a head that follows the film. A click, a drag or a key moves the film there.

import { clock, el, place, say, signed } from "./dom.js";

const PARTS = ["#79d69a", "#7fb2ff", "#f0b54a", "#ff97a8", "#c3a1ff", "#6fd0cf", "#d7de7a", "#f29e6b"];

/** The rows from the top, in pixels: stills, chords, and at the bottom the time. */
const STILLS = 46;
const CHORDS = 22;
const TIME = 20;
const DRUMS = 30;

/** The row of a word, and the space around all of them. */
const WORD = 15;
const AROUND = 4;

/** The width of the line at the film's place. */
const HEAD = 2;

/** How far one can go in. */
const ZOOMS = [1, 2, 4, 8, 16, 32, 64];

export class Strip {
  constructor(parent, video) {
    this.video = video;
    this.score = null;
    this.stills = null;
    this.tags = null;
    this.pictures = new Map();
    this.zoom = 1;
    this.canvas = el("canvas");
    this.head = el("div", { class: "head", hidden: true });
    this.wide = el("div", { class: "wide" }, this.canvas, this.head);
    this.roll = el("div", {
      class: "roll", tabIndex: 0, role: "slider", "aria-label": "Place in the film",
      "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0,
    }, this.wide);
    this.parts = el("ul", { "aria-label": "Parts" });
    const zoom = (by) => () => this.zoomBy(by);
    this.buttons = [
      el("button", { type: "button", "aria-label": "Show more of the film", onclick: zoom(-1) }, "−"),
      el("button", { type: "button", onclick: zoom(-ZOOMS.length) }, "Fit"),
      el("button", { type: "button", "aria-label": "Show less of the film", onclick: zoom(1) }, "+"),
    ];
    // What the rows of words show, for those who do not see them.
    this.said = el("ul", { class: "said", "aria-label": "What the film shows", hidden: true });
    parent.append(this.roll, this.said, el("div", { class: "key" }, this.parts, el("div", { class: "zoom" }, ...this.buttons)));
    this.roll.addEventListener("scroll", () => this.ask());
    this.roll.addEventListener("click", (event) => this.seek(this.timeAt(event)));
    this.roll.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && event.buttons & 1) this.seek(this.timeAt(event));
    });
    this.roll.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.ask()).observe(this.roll);
    const follow = () => {
      this.follow();
      requestAnimationFrame(follow);
    };
    requestAnimationFrame(follow);
    this.ask();
  }

  /** The music of the result that is shown; `null`: there is none yet. */
  show(score) {
    this.score = score;
    const swatch = (at) => {
      const square = el("span", { class: "swatch", "aria-hidden": "true" });
      square.style.background = PARTS[at % PARTS.length];
      return square;
    };
    const parts = score?.parts ?? [];
    place(this.parts, parts.map((part, at) => el("li", {}, swatch(at), part.name)));
    if (score && parts.length === 0) place(this.parts, [el("li", {}, "no notes are played")]);
    this.ask();
  }

  /** Stills that are there: `{ of, seconds, there: [number] }`, each at an address of its own. */
  see(stills, address) {
    const isAsKnown = stills?.there.length === this.stills?.there.length && stills?.of === this.stills?.of;
    if (!stills || isAsKnown) return;
    this.stills = stills;
    for (const number of stills.there) {
      if (this.pictures.has(number)) continue;
      const picture = new Image();
      picture.addEventListener("load", () => this.ask());
      // One that did not come is asked for again with those that come next.
      picture.addEventListener("error", () => this.pictures.delete(number));
      picture.src = address(number);
      this.pictures.set(number, picture);
    }
    this.ask();
  }

  /**
   * What the film shows in words: `{ times, tags: [{ name, values }], likely, scenes: [[from, scene]] }`,
   * each value the probability of the word at one of the times; it is said from `likely` on.
   */
  tell(told) {
    this.tags = told.tags.length > 0 ? told : null;
    this.said.hidden = this.tags === null;
    const said = told.tags.map(({ name, values }) => {
      const likely = spans(told, values, this.seconds);
      return el("li", {}, `${name}: ${likely.map(([from, to]) => `${clock(from)} to ${clock(to)}`).join(", ")}`);
    });
    const begins = borders(told.scenes).map(([from, scene]) => `${scene} from ${clock(from)}`);
    place(this.said, [...said, el("li", {}, `scenes: ${begins.join(", ")}`)]);
    this.roll.style.setProperty("--words", `${this.low}px`);
    // The place is said again, with its words.
    this.told = null;
    this.ask();
  }

  /** The height of the rows of words. */
  get low() {
    return this.tags ? this.tags.tags.length * WORD + 2 * AROUND : 0;
  }

  /** The words that are likely at a time. */
  shown(time) {
    if (!this.tags) return [];
    const look = Math.max(this.tags.times.findLastIndex((at) => at <= time), 0);
    return this.tags.tags.filter(({ values }) => values[look] >= this.tags.likely).map(({ name }) => name);
  }

  get seconds() {
    const film = this.video.duration;
    return Math.max(this.score?.seconds ?? 0, Number.isFinite(film) ? film : 0) || this.stills?.seconds || 0;
  }

  /** The place in the music: its bar and chord. */
  at(time) {
    const last = (list, of) => list.findLastIndex((one) => of(one) <= time + 0.001);
    const bar = last(this.score?.bars ?? [], (at) => at);
    const chords = this.score?.chords ?? [];
    const chord = chords[last(chords, ([at]) => at)];
    return { bar: bar < 0 ? null : bar + 1, chord: chord?.[1] ? signed(chord[1]) : null };
  }

  timeAt(event) {
    const { left } = this.wide.getBoundingClientRect();
    return ((event.clientX - left) / this.wide.clientWidth) * this.seconds;
  }

  seek(time) {
    if (this.seconds > 0 && this.video.readyState > 0) {
      this.video.currentTime = Math.min(Math.max(time, 0), Math.max(this.seconds - 0.01, 0));
    }
  }

  key(event) {
    const now = this.video.currentTime;
    const places = [0, ...(this.score?.cuts ?? [])];
    const moves = {
      ArrowLeft: () => this.seek(now - 1),
      ArrowRight: () => this.seek(now + 1),
      PageUp: () => this.seek(places.findLast((cut) => cut < now - 0.3) ?? 0),
      PageDown: () => this.seek(places.find((cut) => cut > now + 0.05) ?? this.seconds),
      Home: () => this.seek(0),
      End: () => this.seek(this.seconds),
      " ": () => (this.video.paused ? this.video.play() : this.video.pause()),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move();
  }

  zoomBy(steps) {
    const middle = (this.roll.scrollLeft + this.roll.clientWidth / 2) / this.wide.clientWidth;
    const head = this.seconds > 0 ? this.video.currentTime / this.seconds : middle;
    const at = Math.min(Math.max(ZOOMS.indexOf(this.zoom) + steps, 0), ZOOMS.length - 1);
    this.zoom = ZOOMS[at];
    this.size();
    // What is played stays in view.
    this.roll.scrollLeft = head * this.wide.clientWidth - this.roll.clientWidth / 2;
    this.ask();
  }

  size() {
    this.wide.style.width = `${Math.round(this.roll.clientWidth * this.zoom)}px`;
    this.buttons[0].disabled = this.buttons[1].disabled = this.zoom === 1;
    this.buttons[2].disabled = this.zoom === ZOOMS.at(-1);
  }

  /** Moves the head to where the film is. */
  follow() {
    const { seconds, video } = this;
    const shown = seconds > 0 && this.score !== null;
    this.head.hidden = !shown;
    if (!shown) return;
    const time = Math.min(video.currentTime, seconds);
    // The head itself has a width: at the end it would make the strip wider.
    const x = Math.min((time / seconds) * this.wide.clientWidth, this.wide.clientWidth - HEAD);
    this.head.style.transform = `translateX(${x.toFixed(1)}px)`;
    const { scrollLeft, clientWidth } = this.roll;
    if (!video.paused && this.zoom > 1 && (x < scrollLeft || x > scrollLeft + clientWidth * 0.92)) {
      this.roll.scrollLeft = x - clientWidth * 0.08;
    }
    if (Math.floor(time) !== this.told) {
      this.told = Math.floor(time);
      this.roll.setAttribute("aria-valuenow", this.told);
      this.roll.setAttribute("aria-valuemax", Math.ceil(seconds));
      this.roll.setAttribute("aria-valuetext", [clock(time), ...this.shown(time)].join(", "));
    }
  }

  /** Draws with the next frame. */
  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    this.size();
    const [width, height] = [this.roll.clientWidth, this.roll.clientHeight];
    const scale = window.devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      canvas.style.width = `${width}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.fillStyle = "#0a0c0f";
    context.fillRect(0, STILLS + CHORDS, width, height - STILLS - CHORDS - TIME);
    const { seconds } = this;
    if (!(seconds > 0)) return;
    const whole = width * this.zoom;
    const offset = this.roll.scrollLeft;
    const view = {
      context, width, height, whole,
      // Where the notes end, and the words begin.
      floor: height - TIME - this.low,
      x: (time) => (time / seconds) * whole - offset,
      from: (offset / whole) * seconds,
      to: ((offset + width) / whole) * seconds,
    };
    this.drawStills(view);
    this.drawTime(view);
    this.drawTags(view);
    if (!this.score) return;
    this.drawBars(view);
    this.drawNotes(view);
    this.drawCuts(view);
    this.drawChords(view);
  }

  drawStills({ context, x, from, to, whole }) {
    if (!this.stills) return;
    const { of, seconds } = this.stills;
    const slot = (whole * (seconds / this.seconds)) / of;
    const size = (picture) => (picture.naturalWidth / picture.naturalHeight) * (STILLS - 4) || 74;
    const [first] = this.pictures.values();
    // They lie side by side, each cut a little at both sides.
    const every = Math.max(1, Math.floor((first ? size(first) : 74) / slot));
    for (const [number, picture] of this.pictures) {
      const begins = (number / of) * seconds;
      const ends = ((number + every) / of) * seconds;
      if (number % every !== 0 || ends < from || begins > to || !picture.naturalWidth) continue;
      const room = x(Math.min(ends, seconds)) - x(begins) - 1;
      const wide = size(picture);
      const shown = Math.min(wide, room);
      const cut = ((wide - shown) / 2 / wide) * picture.naturalWidth;
      const left = x(begins) + Math.max(0, (room - wide) / 2);
      context.drawImage(picture, cut, 0, picture.naturalWidth - 2 * cut, picture.naturalHeight, left, 2, shown, STILLS - 4);
    }
  }

  drawTime({ context, x, from, to, height, whole }) {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
    const step = steps.find((step) => (step / this.seconds) * whole > 62) ?? 7200;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (let time = Math.floor(from / step) * step; time <= to; time += step) {
      context.fillStyle = "#3a424d";
      context.fillRect(Math.round(x(time)), height - TIME, 1, 5);
      context.fillStyle = "#a7b0bb";
      context.fillText(clock(time), x(time) + 4, height - TIME / 2 + 1);
    }
  }

  /** A row for each word, as bright as it is probable, and a line where another scene begins. */
  drawTags({ context, x, from, to, width, floor }) {
    if (!this.tags) return;
    const { times, tags, scenes } = this.tags;
    context.fillStyle = "#2b313a";
    context.fillRect(0, floor, width, 1);
    const first = Math.max(times.findLastIndex((time) => time <= from), 0);
    context.fillStyle = "#8fa3b8";
    tags.forEach(({ values }, row) => {
      const top = floor + AROUND + row * WORD + 1;
      let look = first;
      for (let left = 0; left < width; left += 2) {
        // The most of all looks within these two pixels.
        const until = from + ((left + 2) / width) * (to - from);
        let value = values[look] ?? 0;
        while (look + 1 < times.length && times[look + 1] < until) {
          look += 1;
          value = Math.max(value, values[look]);
        }
        context.globalAlpha = 0.75 * value;
        if (value > 0.02) context.fillRect(left, top, 2, WORD - 3);
      }
    });
    context.fillStyle = "#eceef1";
    context.globalAlpha = 0.5;
    for (const [begins] of borders(scenes)) {
      if (begins > from && begins < to) context.fillRect(Math.round(x(begins)), floor + 1, 1, this.low - 1);
    }
    context.globalAlpha = 1;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    tags.forEach(({ name }, row) => {
      const top = floor + AROUND + row * WORD;
      context.fillStyle = "rgba(10, 12, 15, 0.8)";
      context.fillRect(0, top, context.measureText(name).width + 10, WORD - 1);
      context.fillStyle = "#a7b0bb";
      context.fillText(name, 5, top + WORD / 2);
    });
  }

  drawBars({ context, x, from, to, floor, whole }) {
    const bars = this.score.bars;
    if (bars.length < 2) return;
    const wide = ((bars[1] - bars[0]) / this.seconds) * whole;
    const every = [1, 2, 4, 8, 16, 32, 64].find((every) => wide * every > 14) ?? 128;
    context.fillStyle = "#1d2229";
    bars.forEach((at, bar) => {
      if (bar % every === 0 && at >= from && at <= to) {
        context.fillRect(Math.round(x(at)), STILLS + CHORDS, 1, floor - STILLS - CHORDS);
      }
    });
  }

  drawNotes({ context, x, from, to, floor: ground }) {
    const top = STILLS + CHORDS + 4;
    const hasDrums = this.score.parts.some((part) => part.drums);
    const bottom = ground - 4;
    const floor = bottom - (hasDrums ? DRUMS : 0);
    const pitches = this.score.parts.filter((part) => !part.drums).flatMap((part) => part.notes.map((note) => note[2]));
    const least = pitches.reduce((least, pitch) => Math.min(least, pitch), 127);
    const most = pitches.reduce((most, pitch) => Math.max(most, pitch), 0);
    const row = (floor - top) / Math.max(most - least + 1, 12);
    const strokes = [...new Set(this.score.parts.filter((part) => part.drums).flatMap((part) => part.notes.map((note) => note[2])))];
    strokes.sort((one, other) => other - one);
    this.score.parts.forEach((part, at) => {
      context.fillStyle = PARTS[at % PARTS.length];
      for (const [begins, ends, pitch, velocity] of part.notes) {
        if (begins > to) break;
        if (ends < from) continue;
        context.globalAlpha = 0.5 + 0.5 * velocity;
        if (part.drums) {
          const y = floor + 3 + (strokes.indexOf(pitch) / Math.max(strokes.length, 1)) * (DRUMS - 3);
          context.fillRect(x(begins), y, 2, Math.max((DRUMS - 3) / strokes.length - 1, 2));
        } else {
          const y = floor - (pitch - least + 1) * row;
          context.fillRect(x(begins), y, Math.max(x(ends) - x(begins) - 0.5, 1.5), Math.max(row - 0.5, 2));
        }
      }
    });
    context.globalAlpha = 1;
  }

  drawCuts({ context, x, from, to, floor }) {
    context.fillStyle = "#eceef1";
    for (const cut of this.score.cuts) {
      if (cut < from || cut > to) continue;
      context.globalAlpha = 0.45;
      for (let y = STILLS + CHORDS; y < floor; y += 5) context.fillRect(Math.round(x(cut)), y, 1, 3);
    }
    context.globalAlpha = 1;
  }

  drawChords({ context, x, from, to }) {
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = "#eceef1";
    let free = -Infinity;
    const { chords } = this.score;
    chords.forEach(([at, name], number) => {
      const until = chords[number + 1]?.[0] ?? this.seconds;
      if (!name || until < from || at > to) return;
      const left = x(at) + 3;
      const written = signed(name);
      const wide = context.measureText(written).width;
      // One that has no room is not written over another.
      if (left < free) return;
      context.fillText(written, left, STILLS + CHORDS / 2);
      free = left + wide + 6;
    });
  }
}

/** From when to when a word is likely: what is a second apart, or less, is one. */
function spans({ times, likely }, values, end) {
  const found = [];
  values.forEach((value, at) => {
    if (value < likely) return;
    const until = times[at + 1] ?? Math.max(end, times[at]);
    const last = found.at(-1);
    if (last && times[at] - last[1] <= 1) last[1] = until;
    else found.push([times[at], until]);
  });
  return found;
}

/** Where another scene begins than the one before: of shots, as `[from, scene]`. */
function borders(scenes) {
  return scenes.filter(([, scene], at) => scene !== scenes[at - 1]?.[1]);
}

/** Says the place in the music in the line at the top. */
export function tellPlace(strip, time, { bar, chord }) {
  const at = strip.at(time);
  say(bar, at.bar === null ? "–" : String(at.bar));
  say(chord, at.chord ?? "–");
}
