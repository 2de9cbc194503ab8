// The page of a film: its music is rendered, heard beside its pictures, turned and rendered again.

import { clock, say, signed } from "./dom.js";
import { Results } from "./film_results.js";
import { Strip, tellPlace } from "./film_strip.js";
import { Turning } from "./film_turn.js";

const at = (id) => document.getElementById(id);
const film = Number(/^\/film\/(\d+)$/.exec(location.pathname)?.[1] ?? 0);

/** How often the program is asked, while it works and while it does not. */
const BUSY = 300;
const IDLE = 1500;

const video = at("video");
const strip = new Strip(at("strip"), video);
const turning = new Turning(at("turning"), at("render"), wish);
const results = new Results(at("results"), wish, choose);

/** The result that is shown. */
let shown = null;
/** Results that are known: one that is new is shown at once. */
let newest = null;

/** Asks for something to be done; gives what is answered, or says why not. */
async function wish(path, body = {}) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    notice(null);
    return await answer.json();
  } catch (error) {
    notice(error instanceof TypeError ? "The program does not answer." : error.message, "wish");
    return null;
  } finally {
    ask();
  }
}

/** What is wrong: the newest of its kind; `null`: nothing any more. */
function notice(text, kind = "wish") {
  const place = at("notice");
  if (text === null && place.dataset.kind !== kind) return;
  place.dataset.kind = text === null ? "" : kind;
  place.hidden = text === null;
  say(place, text ?? "");
}

/** Shows a result, at the place where the film is: so two of them can be compared. */
async function choose(made) {
  if (shown === made.id) return;
  shown = made.id;
  const [time, plays] = [video.currentTime, !video.paused && !video.ended];
  at("screen").classList.toggle("sound", !made.picture);
  video.hidden = !made.plays;
  if (made.plays) {
    video.src = `/result/${made.id}/play`;
    video.addEventListener("loadedmetadata", () => {
      if (time > 0 && time < video.duration) video.currentTime = time;
      if (plays) video.play().catch(() => {});
    }, { once: true });
  }
  say(at("nothing"), made.plays && made.picture ? "" : "This patch writes no film: its sound is here, and its notes below.");
  const answer = await fetch(`/result/${made.id}/score`).catch(() => null);
  if (shown !== made.id) return;
  const score = answer?.ok ? await answer.json() : null;
  strip.show(score);
  say(at("tempo"), score ? `${Number(score.tempo.toFixed(1))} bpm` : "–");
  say(at("key"), score?.key ? signed(score.key) : "–");
  say(at("length"), clock(strip.seconds));
  place();
}

function place() {
  tellPlace(strip, video.currentTime, { bar: at("bar-number"), chord: at("chord") });
}

function take(told) {
  document.title = `${told.name} – SCORE!`;
  say(at("film"), told.name);
  at("all").hidden = !told.has_library;
  const mayEdit = told.right === "edit";
  turning.take(told, mayEdit);
  const last = told.results.at(-1) ?? null;
  if (last && last.id !== newest) {
    newest = last.id;
    choose(last);
  } else if (shown !== null && last && !told.results.some((made) => made.id === shown)) {
    choose(last);
  }
  results.take(told, shown, mayEdit);
  strip.see(told.stills, (number) => `/film/${film}/still/${number}`);
  if (told.tags && !hasTags) findTags();
  if (!last) {
    const works = told.now?.here && told.now.what === "render";
    say(at("nothing"), works ? "The music is being made…" : mayEdit ? "Choose how it is to sound, and render it." : "This film has no music yet.");
  }
}

/** Whether what the film shows in words was asked for. */
let hasTags = false;

async function findTags() {
  hasTags = true;
  const answer = await fetch(`/film/${film}/tags`).catch(() => null);
  if (answer?.ok) strip.tell(await answer.json());
  else hasTags = false;
}

let waits = 0;
let asks = false;

/** Asks what there is, and again after a while. */
async function ask() {
  clearTimeout(waits);
  if (asks) return;
  asks = true;
  let again = IDLE;
  try {
    const answer = await fetch(`/film/${film}/state`);
    if (answer.status === 401) {
      state("locked", "locked");
      notice("This page is locked: open the address that the program printed, or a link.", "link");
    } else if (!answer.ok) {
      throw new Error(answer.status);
    } else {
      const told = await answer.json();
      if (told.now) again = BUSY;
      state("live", "connected");
      notice(null, "link");
      take(told);
    }
  } catch (error) {
    state("lost", "not connected");
    notice("The connection is lost; trying again. Is the program still running?", "link");
  }
  asks = false;
  waits = setTimeout(ask, document.hidden ? 4 * IDLE : again);
}

function state(name, text) {
  at("link").dataset.state = name;
  say(at("link"), text);
  document.body.classList.toggle("stale", name !== "live");
}

video.addEventListener("timeupdate", place);
video.addEventListener("seeked", place);
video.addEventListener("durationchange", () => {
  say(at("length"), clock(strip.seconds));
  strip.ask();
});
video.addEventListener("error", () => {
  if (video.error && video.getAttribute("src")) notice("This browser cannot play the film; its files are below.", "film");
});
video.addEventListener("canplay", () => notice(null, "film"));
document.addEventListener("visibilitychange", () => document.hidden || ask());
ask();
