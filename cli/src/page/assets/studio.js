// The page: hears what the run says, and hands it to the line at the top, the graph and the controls.

import { clock, el, milliseconds, say } from "./dom.js";
import { EditDoor } from "./edit_door.js";
import { Quickest } from "./figures.js";
import { Graph, loose, trouble } from "./graph.js";
import { Link } from "./link.js";
import { Strip } from "./strip.js";
import { Turn } from "./turn.js";

/** Figures that are older turn grey. */
const STALE = 3000;
/** Hardly anybody hears a peak below it, in dB. */
const LOW = -50;
/** Pictures a second. */
const RATE = 15;

const at = (id) => document.getElementById(id);
const run = { plan: null, status: null, statusAt: 0, values: new Map(), black: false };
const views = new Map();
const latencies = new Quickest();

const link = new Link({ hear, picture, change });
const strip = new Strip(link);
const turn = new Turn(link, { looked: look, choose: (id, key) => choose(id, key) });
const graph = new Graph({
  select: (id) => {
    turn.pick(id);
    editing?.pick(id);
  },
  looked: look,
  opened: () => innerWidth <= 760 && tab("turn"),
});
const editing = new EditDoor({ link, graph, tab });

function choose(id, key = null) {
  graph.pick(id);
  graph.reveal(id);
  if (key) turn.pick(id, key);
}

/** Asks for what the page shows, and for nothing else. */
function look() {
  const before = new Set([...views.values()].flat());
  views.clear();
  const shown = at("watch").offsetParent === null && innerWidth <= 760 ? [] : [...graph.looks()];
  // First what a hand has chosen: there may be more than the run shows.
  const wanted = document.hidden ? [] : [...turn.looks(), ...shown];
  for (const [of, view] of wanted) {
    if (!views.has(of)) views.set(of, []);
    views.get(of).push(view);
    if (!before.has(view)) view.resume();
  }
  clearTimeout(look.timer);
  look.timer = setTimeout(() => link.look(views.keys()), 30);
}
document.addEventListener("visibilitychange", look);

function hear(message) {
  const now = performance.now();
  if (message.hello) {
    turn.relock();
    editing.relock();
    at("black").disabled = link.right === "see";
  }
  if (message.plan) {
    run.plan = message.plan;
    message.plan.loose = loose(message.plan);
    document.title = `${message.plan.name} – SCORE!`;
    say(at("patch"), message.plan.name);
    at("patch").title = `SCORE! ${message.plan.version}`;
    turn.show(message.plan);
    graph.show(message.plan);
    if (!performance.getEntriesByName("first view").length) requestAnimationFrame(() => performance.mark("first view"));
  }
  if (message.values) {
    for (const value of message.values) run.values.set(`${value.node}.${value.param}`, value);
    turn.tell(message.values);
    tellMusic();
  }
  if (message.status) {
    const last = run.status;
    const seconds = last ? Math.max(0.2, message.status.at - last.at) : 1;
    Object.assign(run, { status: message.status, statusAt: now });
    graph.tell(message.status, last, seconds);
    turn.tellStatus(message.status, last, seconds);
    tellRun(message.status);
  }
  editing.hear(message);
  if (message.cue) turn.tellCue(message.cue);
  if ("recalled" in message) turn.tellRecalled(message.recalled);
  if (message.score) strip.tell(message.score);
  if (message.learning) turn.tellLearning(message.learning);
  if (message.show) {
    run.black = message.show.black;
    at("black").setAttribute("aria-pressed", String(run.black));
  }
  if (message.beat !== undefined) tellBeat(message);
  for (const { of, seen } of message.seen ?? []) for (const view of views.get(of) ?? []) view.see(seen, now);
}

function picture({ of, large, image, shape }) {
  if (strip.picture(of, large, { image, shape })) return;
  const now = performance.now();
  for (const view of views.get(of) ?? []) view.see({ image, shape }, now);
}

/** Draws what has changed, at most 15 times a second and only while somebody looks. */
let drawn = 0;
function draw(now) {
  requestAnimationFrame(draw);
  if (now - drawn < 1000 / RATE - 4) return;
  drawn = now;
  const isStale = now - run.statusAt > STALE;
  // What is old stands still.
  if (!isStale) for (const all of views.values()) for (const view of all) view.draw(now);
  if (!isStale) strip.draw(now);
  document.body.classList.toggle("stale", isStale);
  graph.setStale(isStale);
}
requestAnimationFrame(draw);

/** What the transport's values say. */
function tellMusic() {
  const written = (name) => run.values.get(`transport.${name}`)?.written ?? "–";
  const tempo = Number(written("tempo"));
  say(at("tempo"), Number.isFinite(tempo) ? `${tempo.toFixed(1)} bpm` : "–");
  say(at("key"), written("key") || "free");
}

function tellBeat({ beat, bar }) {
  const metre = run.values.get("transport.metre")?.value;
  const [count, unit] = Array.isArray(metre) && metre[1] ? metre : [4, 4];
  const perBar = (count * 4) / unit;
  const place = Math.floor(((beat - bar * perBar) * unit) / 4);
  say(at("bar-number"), String(bar + 1));
  const dots = at("beats");
  const many = Math.min(count, 16);
  if (dots.children.length !== many) dots.replaceChildren(...Array.from({ length: many }, () => el("i")));
  [...dots.children].forEach((dot, index) => dot.classList.toggle("on", index === place));
}

function tellRun(status) {
  const quickest = latencies.add(status.latency);
  say(at("latency"), quickest === null ? "no device" : `from ${milliseconds(quickest)}`);
  at("latency").title = `What a hit takes: the quickest way within 30 s. Music that waits for its beat or its phrase comes later: the newest after ${milliseconds(status.latency)}.`;
  say(at("dropouts"), String(status.dropouts));
  at("dropouts").classList.toggle("bad", status.dropouts > 0);
  say(at("revision"), String(status.revision));
  tellSound(status);
  tellTrouble(status);
  say(at("time"), clock(status.time));
  notice();
}

/** Whether anything is heard. */
function tellSound({ nodes, sound }) {
  const kind = (id) => run.plan?.nodes.find((node) => node.id === id)?.kind;
  const isWaiting = nodes.some((node) => kind(node.id) === "audio_out" && node.waiting);
  const states = {
    none: ["no audio_out", "No node of this patch plays on a sound device: audio_out does"],
    closed: ["closed", sound?.what ?? ""],
    silent: [`silent ${sound?.seconds} s`, (sound?.why ?? []).map(({ what }) => what).join("\n")],
    heard: [heard(sound), "The peak of what leaves for the sound device"],
  };
  const [word, why] = isWaiting ? ["no device", "No sound device can be opened; it is tried again"] : states[sound?.state] ?? ["–", ""];
  say(at("sound"), word);
  at("sound").title = why;
  at("sound").classList.toggle("wait", isWaiting || sound?.state === "silent" || sound?.peak < LOW);
}

function heard({ peak } = {}) {
  if (peak === null || peak === undefined) return "playing";
  return `${peak < LOW ? "very low, " : ""}${minus(peak)} dB`;
}

function minus(value) {
  return String(Math.round(value)).replace("-", "−");
}

/** Leads to the first node in trouble, wherever it is. */
function tellTrouble(status) {
  const nodes = status.nodes.map((node) => ({ id: node.id, ...trouble(node, status, run.plan) }));
  const isQuiet = nodes.some(({ kind }) => kind === "quiet");
  // Where the reason is known, what leads nowhere comes of it, or has nothing to do with it.
  const kinds = ["bad", "wait", "quiet", ...(status.sound?.state === "silent" && !isQuiet ? ["note"] : [])];
  // One reason may stand at several nodes: it counts once.
  const isFirst = ({ kind, text }, at) => kind !== "quiet" || nodes.findIndex((node) => node.kind === kind && node.text === text) === at;
  const found = nodes.filter((node, at) => kinds.includes(node.kind) && isFirst(node, at));
  found.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
  const chip = at("trouble");
  chip.hidden = found.length === 0;
  if (!found.length) return;
  chip.dataset.kind = found[0].kind;
  chip.title = found.map(({ id, word, text }) => [`${id}: ${word}`, text].filter(Boolean).join("\n")).join("\n\n");
  say(chip, `${found[0].id}: ${found[0].word.replace(/ \d+ s$/, "")}${found.length > 1 ? ` + ${found.length - 1}` : ""}`);
  // Again: to the next of them.
  chip.onclick = () => {
    const last = found.findIndex(({ id }) => id === graph.selected);
    choose(found[(last + 1) % found.length].id);
    if (innerWidth <= 760) tab("turn");
  };
}

/** Says what the whole page should know: a lost connection, or a file that does not play. */
function notice(reason = "") {
  const box = at("notice");
  const refusal = run.status?.refusal;
  let [title, text] = ["", ""];
  if (link.state === "locked") {
    [title, text] = ["This page is locked.", "Open the address that the program printed, or a new link. What you see is old."];
  } else if (link.state === "lost") {
    [title, text] = ["The connection is lost.", `${reason ? `${reason}. ` : ""}What you see is old. Trying again…`];
  } else if (refusal) {
    [title, text] = [`The saved patch does not play; revision ${run.status.revision} keeps playing.`, refusal];
  }
  box.hidden = title === "";
  if (box.dataset.says === title + text) return;
  box.dataset.says = title + text;
  box.dataset.kind = refusal && link.state === "live" ? "patch" : "link";
  box.replaceChildren(el("b", {}, title), el(box.dataset.kind === "patch" ? "pre" : "span", {}, text));
}

function change(state, reason) {
  const words = { opening: "connecting", live: "live", lost: "lost", locked: "locked" };
  const chip = at("link");
  chip.dataset.state = state;
  say(chip, words[state]);
  document.body.dataset.link = state;
  if (state === "live") {
    // All is told again: what was not told since is not known.
    run.status = null;
    views.clear();
    look();
    strip.again();
  }
  turn?.relock();
  editing?.relock();
  notice(reason);
}

at("add").onclick = () => editing.add();

at("black").onclick = () => link.send({ black: { is: !run.black } });

/** On a small screen: the other half of the page. */
function tab(name) {
  document.body.dataset.tab = name;
  for (const button of document.querySelectorAll("#tabs button")) {
    button.setAttribute("aria-pressed", String(button.dataset.tab === name));
  }
  if (graph.plan) graph.arrange();
  if (name === "turn") turn.reveal();
  strip.ask();
  look();
}
for (const button of document.querySelectorAll("#tabs button")) button.onclick = () => tab(button.dataset.tab);
document.body.dataset.tab = "watch";

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.closest("input, select, #editor, dialog")) choose(null);
  if (event.key === "/" && !event.target.closest("input, select, #editor")) {
    event.preventDefault();
    turn.find.focus();
  }
});
