// The score strip: stills, chords, notes of all parts, cuts, bars and words of the picture, of the last minutes,
// running to the left.

import { clock, el, say, signed } from "./dom.js";

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
/** One for each part; the twelve can be told apart on black. */
const PARTS = ["#79d69a", "#7fb2ff", "#f0b54a", "#ff97a8", "#c3a1ff", "#6fd0cf", "#d7de7a", "#f29e6b", "#9fe7ff", "#e58fe0", "#b8c4d0", "#d9a679"];
/** What stands in a gap. */
const UNSEEN = "not recorded: no page showed the score";
/** Spans to choose from, in seconds. */
const SPANS = [["30 s", 30], ["1 min", 60], ["5 min", 300]];
/** For so long after it was seen last it goes on, in milliseconds: who comes back soon has missed nothing. */
const STAYS = 300000;
/** What sounds still at the right edge has yet to end; longer than this nobody believes it. */
const LONGEST = 60;
/** The row of a chord, a bar's number or a word, in pixels, where the strip is not projected. */
const ROW = 13;
/** Rows of words, at most, and the space around all of them. */
const MOST_WORDS = 8;
const AROUND = 3;
/** From this probability on a word is said of a moment. */
const LIKELY = 0.5;

/** What the server remembers, as the page has it. */
export class Score {
  constructor() {
    this.clear();
  }

  clear() {
    Object.assign(this, {
      notes: [], open: new Map(), chords: [], cuts: [], bars: [], stills: [], images: new Map(), gaps: [],
      words: [], tracks: new Map(), parts: [], lasts: 300, now: 0, at: 0, version: 0,
    });
  }

  /** The time on the run's clock. */
  time(at) {
    return this.now + Math.min(2, Math.max(0, (at - this.at) / 1000));
  }

  tell({ now, fresh, lasts, parts, words, entries }) {
    if (fresh) this.clear();
    if (lasts) this.lasts = lasts;
    if (parts) this.parts = parts;
    if (words) {
      // A number may be another word's now.
      for (const word of this.tracks.keys()) if (words[word] !== this.words[word]) this.tracks.delete(word);
      this.words = words;
    }
    Object.assign(this, { now, at: performance.now() });
    if (parts || words || entries.length || fresh) this.version += 1;
    for (const [time, what, ...more] of entries) this.take(time, what, more);
    this.forget(now - this.lasts);
  }

  take(time, what, [one, channel, pitch, velocity]) {
    switch (what) {
      case "note": {
        const key = `${one} ${channel} ${pitch}`;
        const sounding = this.open.get(key);
        if (sounding) sounding.end = Math.max(time, sounding.begin);
        this.open.delete(key);
        if (velocity <= 0) break;
        const note = { part: one, pitch, velocity, begin: time, end: null };
        this.open.set(key, note);
        this.notes.push(note);
        break;
      }
      case "words":
        for (const [word, value] of one) {
          if (!this.tracks.has(word)) this.tracks.set(word, []);
          this.tracks.get(word).push({ time, value });
        }
        break;
      case "chord": this.chords.push({ time, name: one }); break;
      case "cut": this.cuts.push(time); break;
      case "bar": this.bars.push({ time, bar: one }); break;
      case "still": this.stills.push({ time, number: one }); break;
      case "pause":
        this.gaps.push({ begin: time, end: null });
        // What was played meanwhile is not known.
        this.chords.push({ time, name: "" });
        this.hush(time);
        break;
      case "begin": {
        const gap = this.gaps[this.gaps.length - 1];
        if (gap && gap.end === null) gap.end = time;
        this.hush(time);
      }
    }
  }

  /** Ends of notes may have been missed, and what words say holds no longer. */
  hush(time) {
    for (const note of this.open.values()) note.end = time;
    this.open.clear();
    for (const track of this.tracks.values()) track.push({ time, value: 0 });
  }

  forget(before) {
    const old = (list, time) => {
      let many = 0;
      while (many < list.length && time(list[many]) < before) many += 1;
      if (many) list.splice(0, many);
    };
    old(this.notes, ({ begin, end }) => end ?? begin + LONGEST);
    // The chord that holds has begun earlier.
    while (this.chords.length > 1 && this.chords[1].time < before) this.chords.shift();
    for (const [word, track] of this.tracks) {
      // So has the value that holds; of a word that nobody tells any more it is 0.
      let many = 0;
      while (many + 1 < track.length && track[many + 1].time < before) many += 1;
      track.splice(0, many);
      if (track[0].time < before && track.length === 1 && track[0].value === 0) this.tracks.delete(word);
    }
    old(this.cuts, (time) => time);
    old(this.bars, ({ time }) => time);
    old(this.gaps, ({ end }) => end ?? Infinity);
    while (this.stills.length && this.stills[0].time < before) this.images.delete(this.stills.shift().number);
  }

  /** A still has come. */
  still(number, picture) {
    this.images.set(number, sheetOf(picture));
    this.version += 1;
  }

  /** What is known of a moment. */
  moment(time) {
    const last = (list) => list.filter((one) => one.time <= time).pop();
    const still = last(this.stills) ?? this.stills[0];
    const sounding = this.notes.filter(({ begin, end }) => begin <= time && (end === null || end > time));
    const likely = this.rows().filter(({ track }) => last(track)?.value >= LIKELY).map(({ name }) => name);
    return { still, chord: last(this.chords)?.name, bar: last(this.bars)?.bar, sounding, likely };
  }

  /** The words that have a row, with what each said when: those that were told last. */
  rows() {
    const told = [...this.tracks].filter(([word]) => this.words[word]);
    const at = ([, track]) => track[track.length - 1].time;
    const newest = told.sort((one, other) => at(other) - at(one)).slice(0, MOST_WORDS);
    return newest.sort(([one], [other]) => one - other).map(([word, track]) => ({ name: this.words[word], track }));
  }
}

/** A picture as a canvas to draw from, with the shape to draw it in. */
function sheetOf({ image, shape }) {
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: image.width, height: image.height });
  sheet.getContext("2d").putImageData(image, 0, 0);
  return { sheet, shape };
}

/** Draws a score onto a canvas; the right edge is now. */
export class Drawing {
  constructor(canvas, score) {
    Object.assign(this, { canvas, score, span: 60, cursor: null });
    this.context = canvas.getContext("2d");
  }

  fit(most = 2) {
    const ratio = Math.min(window.devicePixelRatio || 1, most);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio });
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  }

  /** The time at a place from the left, and the other way round. */
  timeAt(x) {
    return this.right - (1 - x / this.width) * this.span;
  }

  x(time) {
    return this.width * (1 - (this.right - time) / this.span);
  }

  draw(now) {
    const { context, score } = this;
    this.fit();
    const { width, height, ratio } = this;
    if (!width || !height) return;
    this.right = score.time(now);
    const left = this.right - this.span;
    const big = height > 400;
    const unit = big ? height / 40 : ROW;
    const stills = score.stills.length ? Math.min(height * 0.3, big ? height * 0.26 : 46) : 0;
    const chords = score.chords.length ? unit * 1.5 : 0;
    const bars = unit * 1.2;
    const top = stills + chords;
    const rows = score.rows();
    const floor = height - bars - tall(rows.length, unit);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const write = (text, x, y, colour, align = "left") => {
      context.fillStyle = colour;
      context.textAlign = align;
      context.fillText(text, x, y);
    };
    context.font = `${Math.round(unit * 0.82)}px system-ui, sans-serif`;
    this.drawGaps(context, left, height);
    this.drawBars(context, left, top, height, bars, write);
    if (stills) this.drawStills(context, stills);
    if (chords) this.drawChords(left, stills, unit, write);
    this.drawNotes(context, left, top + 3 + (big ? unit * 1.4 : 0), floor - 3);
    this.drawWords(context, rows, left, floor, unit, write);
    context.fillStyle = "rgba(255, 255, 255, .9)";
    for (const time of score.cuts) if (time >= left) context.fillRect(this.x(time) - 0.5, 0, big ? 2 : 1, height - bars);
    if (big) this.drawLegend(context, top + unit, unit);
    if (this.cursor !== null) {
      context.fillStyle = "#f0b54a";
      context.fillRect(this.x(this.cursor) - 1, 0, 2, height);
    }
  }

  drawGaps(context, left, height) {
    context.fillStyle = "rgba(255, 255, 255, .05)";
    for (const { begin, end } of this.score.gaps) {
      if ((end ?? Infinity) < left) continue;
      const [from, to] = [Math.max(0, this.x(begin)), Math.min(this.width, this.x(end ?? this.right))];
      context.fillRect(from, 0, Math.max(1, to - from), height);
      const room = context.measureText(UNSEEN).width + 16;
      if (to - from < room) continue;
      context.fillStyle = "#a7b0bb";
      context.textAlign = "center";
      context.fillText(UNSEEN, (from + to) / 2, height / 2);
      context.fillStyle = "rgba(255, 255, 255, .05)";
    }
  }

  drawBars(context, left, top, height, room, write) {
    const { bars } = this.score;
    // No more lines and numbers than can be told apart.
    const apart = bars.length > 1 ? this.width / this.span * (bars[bars.length - 1].time - bars[0].time) / (bars.length - 1) : Infinity;
    const step = (least) => Math.max(1, 2 ** Math.ceil(Math.log2(least / Math.max(apart, 0.01))));
    const [lines, numbers] = [step(14), step(44)];
    for (const { time, bar } of bars) {
      if (time < left || bar % lines) continue;
      const x = this.x(time);
      context.fillStyle = "rgba(255, 255, 255, .13)";
      context.fillRect(x, top, 1, height - top);
      if (bar % numbers === 0) write(String(bar + 1), x + 4, height - room * 0.25, "#d3d8de");
    }
  }

  /** From the newest back, each where it belongs; what the next leaves of it, unless that is little. */
  drawStills(context, tall) {
    const { stills, images } = this.score;
    let edge = this.width;
    for (let at = stills.length - 1; at >= 0; at--) {
      const { time, number } = stills[at];
      const known = images.get(number);
      if (!known) continue;
      const { sheet, shape } = known;
      const x = this.x(time);
      const wide = tall * shape;
      if (x + wide < 0) break;
      const share = Math.min(1, (edge - x - 1) / wide);
      if (share < 0.35) continue;
      context.drawImage(sheet, 0, 0, sheet.width * share, sheet.height, x, 0, wide * share, tall);
      edge = x;
    }
  }

  drawChords(left, top, unit, write) {
    const { chords } = this.score;
    let edge = Infinity;
    for (let at = chords.length - 1; at >= 0; at--) {
      const { time, name } = chords[at];
      const x = Math.max(2, this.x(time) + 2);
      const room = this.context.measureText(name).width + 6;
      if (name && x + room <= edge) {
        write(signed(name), x, top + unit * 1.1, "#eceef1");
        edge = x;
      }
      if (time < left) break;
    }
  }

  drawNotes(context, left, top, bottom) {
    const { notes } = this.score;
    let [low, high] = [127, 0];
    for (const { pitch, end } of notes) {
      if (end !== null && end < left) continue;
      [low, high] = [Math.min(low, pitch), Math.max(high, pitch)];
    }
    if (low > high) return;
    [low, high] = [low - 2, Math.max(high + 2, low + 20)];
    const row = (bottom - top) / (high - low + 1);
    const tall = Math.max(2, row * 0.85);
    for (const { part, pitch, velocity, begin, end } of notes) {
      if (begin > this.right) continue;
      const until = Math.min(this.right, end ?? Math.min(this.right, begin + LONGEST));
      if (until < left) continue;
      const [from, to] = [Math.max(0, this.x(begin)), this.x(until)];
      context.globalAlpha = 0.45 + 0.55 * velocity;
      context.fillStyle = colour(part);
      context.fillRect(from, bottom - (pitch - low + 1) * row + (row - tall) / 2, Math.max(1.5, to - from), tall);
    }
    context.globalAlpha = 1;
  }

  /** A row for each word, as bright as it is probable; a value holds until the next one. */
  drawWords(context, rows, left, floor, unit, write) {
    rows.forEach(({ name, track }, row) => {
      const top = floor + AROUND + row * unit;
      context.fillStyle = "#8fa3b8";
      track.forEach(({ time, value }, at) => {
        const until = Math.min(this.right, track[at + 1]?.time ?? this.right);
        if (value < 0.02 || until < left) return;
        // Whole pixels, so that no seam shows between two.
        const [from, to] = [Math.round(Math.max(0, this.x(time))), Math.round(this.x(until))];
        context.globalAlpha = 0.75 * value;
        if (to > from) context.fillRect(from, top + 1, to - from, unit - 2);
      });
      context.globalAlpha = 1;
      context.fillStyle = "rgba(10, 12, 15, .8)";
      context.fillRect(0, top, context.measureText(name).width + 10, unit);
      write(name, 5, top + unit * 0.8, "#a7b0bb");
    });
  }

  /** On the projected strip, where no legend stands beside it. */
  drawLegend(context, top, unit) {
    let x = unit * 0.6;
    context.textAlign = "left";
    this.score.parts.forEach((name, part) => {
      if (name === null) return;
      const wide = context.measureText(name).width;
      // Nothing crosses the names.
      context.fillStyle = "rgba(0, 0, 0, .75)";
      context.fillRect(x - unit * 0.2, top - unit * 0.85, wide + unit * 0.4, unit * 1.15);
      context.fillStyle = colour(part);
      context.fillText(name, x, top);
      x += wide + unit;
    });
  }
}

/** The height of so many rows of words. */
function tall(rows, row) {
  return rows ? rows * row + 2 * AROUND : 0;
}

export function colour(part) {
  return PARTS[part % PARTS.length];
}

/** A still and what is known of its moment, in a box over the page. */
class Moment {
  constructor(score, link) {
    Object.assign(this, { score, link });
    this.canvas = el("canvas", { "aria-label": "The picture at this moment" });
    this.what = el("p", { class: "what" }, "");
    this.box = el("dialog", { class: "moment" },
      el("div", { class: "title" }, this.what, el("button", { type: "button", onclick: () => this.box.close() }, "Close")), this.canvas);
    this.box.onclick = ({ target }) => target === this.box && this.box.close();
    document.body.append(this.box);
  }

  show(time) {
    const { still, chord, bar, sounding, likely } = this.score.moment(time);
    const notes = [...new Set(sounding.map(({ pitch }) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`))];
    const told = [clock(time)];
    if (bar !== undefined) told.push(`bar ${bar + 1}`);
    if (chord) told.push(chord);
    if (notes.length) told.push(notes.slice(0, 12).join(" "));
    told.push(...likely);
    if (!still) told.push("no picture is kept of it");
    say(this.what, told.join(" · "));
    this.wanted = still?.number;
    const known = this.score.images.get(this.wanted);
    this.canvas.hidden = !known;
    if (known) this.put(known);
    if (still) this.link.send({ enlarge: { still: still.number } });
    if (!this.box.open) this.box.showModal();
  }

  /** A larger one has come. */
  large(number, picture) {
    if (number !== this.wanted) return;
    this.canvas.hidden = false;
    this.put(sheetOf(picture));
  }

  put({ sheet, shape }) {
    const across = Math.min(innerWidth * 0.8, innerHeight * 0.7 * shape);
    const [width, height] = [Math.round(across), Math.round(across / shape)];
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(sheet, 0, 0, width, height);
  }
}

/** The number of the still that a picture is; `null`: it is none. */
export function stillOf(of) {
  return of.startsWith("still:") ? Number(of.slice(6)) : null;
}

/** The strip of the studio, which can be folded away. */
export class Strip {
  constructor(link) {
    this.link = link;
    this.score = new Score();
    this.root = document.getElementById("strip");
    this.canvas = el("canvas", { tabIndex: 0, role: "img", "aria-label": "The score of the last minutes; arrow keys choose a moment, Enter shows it" });
    this.drawing = new Drawing(this.canvas, this.score);
    this.moment = new Moment(this.score, link);
    this.legend = el("ul", { class: "legend", "aria-label": "Parts" });
    this.spans = SPANS.map(([word, span]) => el("button", { type: "button", onclick: () => this.zoom(span) }, word));
    this.fold = el("button", { type: "button", class: "fold", "aria-controls": "strip-body", onclick: () => remember(this.open(!this.isOpen)) }, "Score");
    this.tools = el("div", { class: "tools" }, ...this.spans, el("a", { class: "button", href: "/show?of=score", target: "_blank", rel: "noopener", title: "The score alone, in a window of its own for the projector" }, "Project score"));
    this.body = el("div", { id: "strip-body" }, this.canvas);
    this.root.append(el("div", { class: "head" }, this.fold, this.legend, this.tools), this.body);
    this.canvas.onclick = ({ offsetX }) => this.choose(this.drawing.timeAt(offsetX));
    this.canvas.onkeydown = (event) => this.key(event);
    this.canvas.onblur = () => (this.drawing.cursor = null);
    this.zoom(60);
    this.open(remembered() ?? (innerWidth > 760 && innerHeight >= 640));
    document.addEventListener("visibilitychange", () => this.ask());
    addEventListener("resize", () => this.ask());
  }

  open(isOpen) {
    this.isOpen = isOpen;
    this.body.hidden = this.tools.hidden = this.legend.hidden = !isOpen;
    this.fold.setAttribute("aria-expanded", String(isOpen));
    this.ask();
    return isOpen;
  }

  /** Has the run tell the strip while it is seen, and a while longer. */
  ask() {
    const isSeen = this.isOpen && !document.hidden && this.root.offsetParent !== null;
    clearTimeout(this.rests);
    if (isSeen) this.want(true);
    else if (this.isAsked) this.rests = setTimeout(() => this.want(false), STAYS);
  }

  want(is) {
    if (is === this.isAsked) return;
    if (this.link.send({ score: { is } })) this.isAsked = is;
  }

  /** The connection is a new one. */
  again() {
    this.isAsked = false;
    this.ask();
  }

  zoom(span) {
    this.drawing.span = span;
    this.spans.forEach((button, at) => button.setAttribute("aria-pressed", String(SPANS[at][1] === span)));
    this.drawn = null;
  }

  tell(score) {
    this.score.tell(score);
    const low = tall(this.score.rows().length, ROW);
    if (low !== this.low) this.canvas.style.setProperty("--words", `${low}px`);
    this.low = low;
    if (!score.parts && !score.fresh) return;
    this.legend.replaceChildren(...this.score.parts.flatMap((name, part) => {
      if (name === null) return [];
      const mark = el("i", {});
      mark.style.background = colour(part);
      return [el("li", {}, mark, name)];
    }));
  }

  /** Takes a picture if it is a still of the strip. */
  picture(of, large, picture) {
    const number = stillOf(of);
    if (number === null) return false;
    if (large) this.moment.large(number, picture);
    else this.score.still(number, picture);
    return true;
  }

  choose(time) {
    this.drawing.cursor = Math.max(this.drawing.right - this.drawing.span, Math.min(time, this.drawing.right));
    this.moment.show(this.drawing.cursor);
  }

  key(event) {
    const { drawing } = this;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Enter" && drawing.cursor !== null) return this.choose(drawing.cursor);
    if (!step) return;
    event.preventDefault();
    const from = drawing.cursor ?? drawing.right;
    drawing.cursor = Math.max(drawing.right - drawing.span, Math.min(from + (step * drawing.span) / 60, drawing.right));
  }

  /** Draws as often as the strip moves by a pixel, and when something has come. */
  draw(now) {
    if (!this.isOpen || !this.drawing.canvas.clientWidth) return;
    const every = Math.max(66, (1000 * this.drawing.span) / this.canvas.clientWidth);
    const is = `${this.score.version} ${this.drawing.cursor} ${this.drawing.span} ${Math.floor(now / every)}`;
    if (is === this.drawn) return;
    this.drawn = is;
    this.drawing.draw(now);
  }
}

/** What was folded stays so; a browser that remembers nothing shows what fits. */
function remember(isOpen) {
  try {
    localStorage.setItem("score-strip", isOpen ? "open" : "folded");
  } catch {}
}

function remembered() {
  try {
    const word = localStorage.getItem("score-strip");
    return word === null ? null : word === "open";
  } catch {
    return null;
  }
}
