// What leaves an output, drawn small: pictures, latents, notes, levels, numbers and events.

import { COLOURS, number } from "./dom.js";

/** What has not come for so long is old. */
const STALE = 3000;
/** How far back notes and curves reach, in milliseconds. */
const PAST = 8000;
const QUIET = -60;
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const CHANNELS = ["#79d69a", "#7fb2ff", "#f0b54a", "#ff97a8", "#c3a1ff", "#6fd0cf", "#d7de7a", "#f29e6b"];

export class View {
  /** Draws onto `canvas` what an output of this type sends. */
  constructor(canvas, type) {
    this.canvas = canvas;
    this.type = type;
    this.context = canvas.getContext("2d", { alpha: true });
    this.colour = COLOURS[type] ?? COLOURS.other;
    this.seenAt = null;
    this.fit();
    this.clear();
  }

  clear() {
    this.state = { notes: [], sounding: new Map(), points: [], columns: [], peak: QUIET, held: QUIET, heldAt: 0, scale: 1 };
    this.isNew = true;
  }

  /** The canvas has as many pixels as the screen shows of it. */
  fit(scale = 1) {
    const ratio = Math.min((window.devicePixelRatio || 1) * scale, 2);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width || !height) return;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio, isNew: true });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  /** Looking begins again: ends of notes may have been missed meanwhile. */
  resume() {
    for (const note of this.state.sounding.values()) note.end = this.seenAt;
    this.state.sounding.clear();
  }

  /** Takes in what was seen; `follow` hears of each number. */
  see(seen, now) {
    if ("control" in seen) this.follow?.(seen.control);
    this.seenAt = now;
    this.isNew = true;
    const { state } = this;
    if (seen.image) Object.assign(state, { image: seen.image, shape: seen.shape });
    else if (seen.latent) {
      state.columns.push(seen.latent);
      if (state.columns.length > 240) state.columns.shift();
      const largest = seen.latent.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      state.scale = Math.max(largest, state.scale * 0.995, 1e-6);
    } else if (seen.notes) this.takeNotes(seen.notes, now);
    else if (seen.level) this.takeLevel(seen.level, now);
    else if ("control" in seen) {
      state.points.push([now, seen.control]);
      while (state.points.length > 2 && state.points[1][0] < now - PAST) state.points.shift();
    } else if (seen.events) {
      const last = seen.events[seen.events.length - 1];
      if (last) Object.assign(state, { event: last, eventAt: now, count: (state.count ?? 0) + seen.events.length });
    }
  }

  takeNotes(notes, now) {
    const { sounding, notes: all } = this.state;
    for (const { channel, pitch, velocity } of notes) {
      const key = channel * 128 + pitch;
      const open = sounding.get(key);
      if (open) open.end = now;
      sounding.delete(key);
      if (velocity > 0) {
        const note = { channel, pitch, velocity, begin: now, end: null };
        sounding.set(key, note);
        all.push(note);
      }
    }
    while (all.length > 400 || (all.length && all[0].end !== null && all[0].end < now - PAST)) all.shift();
  }

  takeLevel({ peak, rms }, now) {
    const { state } = this;
    state.peak = decibels(peak);
    state.rms = decibels(rms);
    if (state.peak >= state.held || now - state.heldAt > 1500) Object.assign(state, { held: state.peak, heldAt: now });
  }

  /** Whether what is drawn is old. */
  isStale(now) {
    if (this.type === "notes" || this.type === "event") return false;
    return this.seenAt === null || now - this.seenAt > STALE;
  }

  draw(now) {
    const moves = this.type === "notes" || this.type === "event" || this.type === "control";
    const isStale = this.isStale(now);
    if (isStale !== this.wasStale) {
      this.wasStale = isStale;
      this.canvas.classList.toggle("stale", isStale);
    }
    if (!this.isNew && (!moves || isStale)) return;
    // Made while its part of the page was not shown.
    if (!this.width) this.fit();
    const { context, ratio, width, height } = this;
    if (!width) return;
    this.isNew = false;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const draw = { frame: "drawPicture", latent: "drawLatent", notes: "drawNotes", audio: "drawLevel", control: "drawCurve", event: "drawEvent" };
    this[draw[this.type]]?.(context, width, height, now);
  }

  drawPicture(context, width, height) {
    const { image, shape } = this.state;
    if (!image) return;
    this.sheet ??= document.createElement("canvas");
    if (this.sheet.width !== image.width || this.sheet.height !== image.height) {
      Object.assign(this.sheet, { width: image.width, height: image.height });
    }
    this.sheet.getContext("2d").putImageData(image, 0, 0);
    const across = Math.min(width, height * shape);
    const [w, h] = [across, across / shape];
    context.imageSmoothingEnabled = h < 3 * image.height;
    context.drawImage(this.sheet, (width - w) / 2, (height - h) / 2, w, h);
  }

  /** One column per look, one row per dimension: the newest at the right. */
  drawLatent(context, width, height) {
    const { columns, scale } = this.state;
    const step = width > 90 ? 2 : 1;
    const count = Math.min(columns.length, Math.floor(width / step));
    for (let back = 1; back <= count; back++) {
      const column = columns[columns.length - back];
      const rows = Math.min(column.length, Math.max(1, Math.floor(height)));
      const tall = height / rows;
      for (let row = 0; row < rows; row++) {
        const value = column[Math.floor((row * column.length) / rows)] / scale;
        context.fillStyle = shade(value);
        context.fillRect(width - back * step, row * tall, step, Math.ceil(tall));
      }
    }
  }

  drawNotes(context, width, height, now) {
    const { notes } = this.state;
    let [low, high] = [127, 0];
    for (const { pitch } of notes) [low, high] = [Math.min(low, pitch), Math.max(high, pitch)];
    if (low > high) return line(context, width, height, "rgba(255,255,255,.08)");
    const middle = (low + high) / 2;
    const half = Math.max(12, (high - low) / 2 + 2);
    const tall = Math.max(2, height / (2 * half));
    const x = (time) => width * (1 - (now - time) / PAST);
    for (const { channel, pitch, velocity, begin, end } of notes) {
      const [left, right] = [Math.max(0, x(begin)), Math.min(width, x(end ?? now))];
      context.globalAlpha = (end === null ? 0.75 : 0.4) + 0.25 * velocity;
      context.fillStyle = CHANNELS[channel % CHANNELS.length];
      const y = height * (0.5 - (pitch - middle) / (2 * half)) - tall / 2;
      context.fillRect(left, y, Math.max(1.5, right - left), tall);
    }
    context.globalAlpha = 1;
    const last = notes[notes.length - 1];
    if (width > 90 && last) label(context, `${NAMES[last.pitch % 12]}${Math.floor(last.pitch / 12) - 1}`, 4, 12);
  }

  drawLevel(context, width, height) {
    const { peak, rms = QUIET, held } = this.state;
    const place = (level) => width * Math.min(1, Math.max(0, (level - QUIET) / -QUIET));
    const isWide = width > 90;
    const tall = isWide ? 10 : 8;
    const top = isWide ? height - tall - 6 : (height - tall) / 2;
    context.fillStyle = "rgba(255,255,255,.09)";
    context.fillRect(0, top, width, tall);
    context.fillStyle = peak > -1 ? "#ff7a7a" : this.colour;
    context.globalAlpha = 0.45;
    context.fillRect(0, top, place(peak), tall);
    context.globalAlpha = 1;
    context.fillRect(0, top, place(rms), tall);
    context.fillRect(Math.max(0, place(held) - 1), top, 2, tall);
    if (isWide) {
      const shown = (level) => (level <= QUIET ? "silent" : `${level.toFixed(0)} dB`);
      label(context, `peak ${shown(held)}`, 4, top - 6);
      label(context, `RMS ${shown(rms)}`, width - 4, top - 6, "right");
    }
  }

  drawCurve(context, width, height, now) {
    const { points } = this.state;
    if (!points.length) return;
    let [low, high] = [0, 1];
    for (const [, value] of points) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const y = (value) => height - 3 - ((value - low) / (high - low)) * (height - 6);
    const x = (time) => width * (1 - (now - time) / PAST);
    context.strokeStyle = this.colour;
    context.lineWidth = 1.5;
    context.beginPath();
    points.forEach(([time, value], at) => {
      if (at > 0) context.lineTo(x(time), y(points[at - 1][1]));
      context[at ? "lineTo" : "moveTo"](x(time), y(value));
    });
    const last = points[points.length - 1][1];
    context.lineTo(width, y(last));
    context.stroke();
    if (width > 90) label(context, number(last), 4, 12);
  }

  drawEvent(context, width, height, now) {
    const { event, eventAt, count = 0 } = this.state;
    const glow = event ? Math.max(0, 1 - (now - eventAt) / 700) : 0;
    const radius = Math.min(height * 0.3, 11);
    const x = width > 90 ? 16 : width / 2;
    context.fillStyle = this.colour;
    context.globalAlpha = 0.16 + 0.84 * glow;
    context.beginPath();
    context.arc(x, height / 2, radius * (0.75 + 0.25 * glow), 0, 7);
    context.fill();
    context.globalAlpha = 1;
    if (width > 90) label(context, event ? `${event.name} · ${count}` : "none yet", 34, height / 2 + 4);
  }
}

function label(context, text, x, y, align = "left") {
  context.font = "10px system-ui, sans-serif";
  context.textAlign = align;
  context.fillStyle = "#c6ccd4";
  context.fillText(text, x, y);
}

function line(context, width, height, colour) {
  context.fillStyle = colour;
  context.fillRect(0, height / 2, width, 1);
}

function decibels(level) {
  return level > 0 ? Math.max(QUIET, 20 * Math.log10(level)) : QUIET;
}

/** Below zero blue, above it amber. */
function shade(value) {
  const amount = Math.min(1, Math.abs(value));
  const [r, g, b] = value < 0 ? [96, 150, 255] : [255, 184, 84];
  return `rgba(${r},${g},${b},${0.06 + 0.94 * amount})`;
}
