// What nodes and the run tell in figures, as people say it.

import { milliseconds, number, stopped } from "./dom.js";

/** For so long the quickest way from a picture to its sound is remembered, in milliseconds. */
const REMEMBERED = 30000;

const times = (value) => (value === 1 ? "once" : `${value} times`);
const many = (value, one) => (value === 1 ? `1 ${one}` : `${value} ${one}s`);
const decibels = (share) => String(Math.round(200 * Math.log10(share)) / 10).replace("-", "−");

/** Figures by their names; `null`: nothing that anybody needs. */
const FIGURES = {
  callbacks: () => null,
  device_block: (value) => `the device takes ${value} frames at a time`,
  enters_thousandths: (value) => `${number(value / 1000)} enters`,
  examples: (value) => many(value, "example"),
  dropouts: (value) => `ran dry ${times(value)}`,
  dropped_pictures: (value) => `${many(value, "picture")} left out`,
  late_blocks: (value) => `${many(value, "block")} of sound came too late`,
  late_frames: (value, kind) => (kind.startsWith("audio") ? `${many(value, "frame")} of sound came too late` : `${many(value, "picture")} left out, to keep up`),
  latency_microseconds: (value) => `the device adds ${milliseconds(value / 1e6)}`,
  lead_frames: (value) => `${many(value, "frame")} ahead of what is heard`,
  least_reserve_frames: (value) => `never fewer than ${many(value, "frame")} in reserve`,
  left_out_pictures: (value) => `${many(value, "picture")} left out`,
  loudest_millionths: (value) => `loudest so far ${decibels(value / 1e6)} dB`,
  missing_frames: (value) => `${many(value, "frame")} missing`,
  // The examples of a node that is taught say these, beside their pictures.
  known_percent: () => null,
  knobs_stay: () => null,
  left_out_error_of_mean_thousandths: () => null,
  nearest_example: () => null,
  knobs_in_hand: (value) => `${many(value, "knob")} in hand`,
  left_out_error_thousandths: (value) => `a left-out one is guessed within ${(value / 1000).toFixed(2)} of a knob's way`,
  open: () => "open",
  openings: (value) => `opened ${times(value)}`,
  other_clock_ahead_us: (value) => `the other clock is ${milliseconds(value / 1e6)} ahead`,
  other_clock_behind_us: (value) => `the other clock is ${milliseconds(value / 1e6)} behind`,
  overflowed_frames: (value) => `${many(value, "frame")} lost: too many waited`,
  reopened: (value) => `opened again ${times(value)}`,
  resyncs: (value) => `set to the clock again ${times(value)}`,
  round_trip_us: (value) => `there and back in ${milliseconds(value / 1e6)}`,
  shape_thousandths: (value) => `the source is ${value / 1000} : 1`,
  shut: () => "shut",
  turned_down_frames: (value) => `turned down for ${many(value, "frame")}`,
};

/** A node's own figures in words; those that are 0 are left out, but for a reserve that was used up. */
export function figures({ counters }, kind = "") {
  const words = Object.entries(counters).map(([name, value]) => {
    if (!value && name !== "least_reserve_frames") return null;
    return Object.hasOwn(FIGURES, name) ? FIGURES[name](value, kind) : `${name.replaceAll("_", " ")} ${value}`;
  });
  return words.filter(Boolean);
}

/** How long, in steps that do not change at every look. */
function long(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s`;
  return seconds < 5400 ? `${Math.floor(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** What went wrong last and when, and whether it is over. */
export function lastError({ error, error_age: age, state }) {
  if (!error) return "";
  const when = typeof age === "number" ? `, ${long(age)} ago` : "";
  return `Last error${when}: ${stopped(error)}${state === "running" ? " Since then it works." : ""}`;
}

/** The quickest way from a picture to its sound lately: most music waits for its beat, a hit does not. */
export class Quickest {
  constructor() {
    this.known = [];
  }

  /** Takes the newest, in seconds or null; gives the quickest. */
  add(latency, now = performance.now()) {
    if (latency === null || latency === undefined) {
      this.known = [];
      return null;
    }
    this.known = this.known.filter(({ at }) => now - at < REMEMBERED);
    this.known.push({ at: now, latency });
    return Math.min(...this.known.map((one) => one.latency));
  }
}
