// How the run is, for a phone: asks every two seconds, and loads little else of the page.

import { clock, milliseconds, say } from "./dom.js";
import { Quickest } from "./figures.js";

const at = (id) => document.getElementById(id);
const WORDS = {
  playing: "Playing",
  "silent on purpose": "Silent on purpose",
  "silent and should not be": "Silent, and should not be",
  waiting: "Waiting",
  failing: "Failing",
};
let heard = 0;
const latencies = new Quickest();

async function ask() {
  const answer = await fetch("/status", { signal: AbortSignal.timeout(4000) });
  if (answer.status === 401) return tell("locked", "Locked", ["Open a link that was made with `score page link`."]);
  const status = await answer.json();
  heard = Date.now();
  document.body.classList.remove("stale");
  tell(status.health, WORDS[status.health] ?? status.health, status.why);
  say(at("patch"), status.patch ?? "SCORE!");
  say(at("time"), status.time === undefined ? "–" : clock(status.time));
  say(at("revision"), String(status.revision ?? "–"));
  const quickest = latencies.add(status.latency);
  say(at("latency"), quickest === null ? "–" : `from ${milliseconds(quickest)}`);
  say(at("dropouts"), String(status.dropouts ?? "–"));
  say(at("held"), status.held === 1 ? "1 value" : `${status.held} values`);
}

function tell(state, word, why) {
  document.body.dataset.health = state;
  say(at("word"), word);
  const list = at("why");
  if (list.dataset.says === why.join("\n")) return;
  list.dataset.says = why.join("\n");
  list.replaceChildren(...why.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
}

function lost() {
  document.body.classList.add("stale");
  const seconds = Math.round((Date.now() - heard) / 1000);
  tell("lost", "No answer", heard ? [`Nothing was heard for ${seconds} s.`] : ["The program does not answer."]);
}

async function go() {
  try {
    await ask();
  } catch {
    lost();
  }
  setTimeout(go, 2000);
}
go();
