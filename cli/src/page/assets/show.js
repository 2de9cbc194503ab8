// The full-screen picture, without controls.

import { Link } from "./link.js";
import { Drawing, Score, stillOf } from "./strip.js";

/** What the address calls the score strip. */
const SCORE = "score";

/** Pictures that are no wider look coarse on a screen. */
const COARSE = 160;
/** Kinds that send pictures in the width and height that their parameters say. */
const SIZED = ["camera", "video_file", "video_stream", "screen", "picture_sequence"];

const canvas = document.getElementById("picture");
const context = canvas.getContext("2d", { alpha: false });
const hint = document.getElementById("hint");
const what = document.getElementById("what");
const sheet = document.createElement("canvas");

let outputs = [];
let wanted = new URLSearchParams(location.search).get("of");
let shown = null;
let told = { of: null, black: false };
/** Black in this window alone, while the run is not there to tell, or this browser may not tell it. */
let isBlack = false;
let image = null;
/** How wide it is to be drawn for its height. */
let shape = 1;
let plan = { nodes: [], wires: [] };
const score = new Score();
const drawing = new Drawing(canvas, score);
let seenAt = -Infinity;

const link = new Link({
  hear(message) {
    if (message.plan) {
      plan = message.plan;
      outputs = [...pictures(message.plan), SCORE];
      choose();
    }
    if (message.score) score.tell(message.score);
    if (message.show) {
      told = message.show;
      // What was made black while the connection was lost is black everywhere.
      if (isBlack && link.right !== "see") {
        if (told.black) isBlack = false;
        else blacken(true);
      }
      choose();
      draw();
    }
  },
  picture({ of, large, image: next, shape: its }) {
    const still = stillOf(of);
    if (still !== null) return score.still(still, { image: next, shape: its });
    if (!large || of !== shown) return;
    const isOther = image?.width !== next.width || image?.height !== next.height || shape !== its;
    [image, shape] = [next, its];
    seenAt = performance.now();
    if (isOther) tell(link.state);
    draw();
  },
  change(state) {
    if (state === "live" && shown === SCORE) askScore();
    tell(state);
  },
});

/** All pictures of a patch; first what its screen shows, then what a decoder draws, then the film. */
function pictures({ nodes, wires }) {
  const frames = nodes.flatMap(({ id, kind, outputs }) =>
    outputs.filter(({ type }) => type === "frame").map(({ name }) => ({ of: `${id}.${name}`, kind })));
  const screens = new Set(nodes.filter(({ kind }) => kind === "screen_out").map(({ id }) => id));
  const onScreen = new Set(wires.filter(({ to }) => screens.has(to[0])).map(({ from }) => from.join(".")));
  const rank = ({ of, kind }) => (onScreen.has(of) ? 0 : kind === "picture_decoder" ? 1 : 2);
  return frames.map((frame, at) => ({ ...frame, at })).sort((a, b) => rank(a) - rank(b) || a.at - b.at).map(({ of }) => of);
}

function choose() {
  const of = [wanted, told.of, outputs[0]].find((of) => outputs.includes(of)) ?? null;
  if (of !== shown) {
    shown = of;
    image = null;
    link.look([], shown === SCORE ? null : shown);
    askScore();
    draw();
  }
  tell(link.state);
}

/** The node from which the picture that is shown has its size and its shape. */
function source() {
  const node = (id) => plan.nodes.find((node) => node.id === id);
  return node(node(shown?.slice(0, shown.lastIndexOf(".")))?.pictures_of);
}

/** The run tells the strip only while it is shown. */
function askScore() {
  link.send({ score: { is: shown === SCORE } });
}

function tell(state) {
  const words = { opening: "connecting", lost: "connection lost; trying again", locked: "locked: open a new link" };
  what.textContent = `${words[state] ?? (shown ? `${shown}${image ? size() : ""}` : "waiting for the patch")}${blackness()}`;
}

/** The picture's size, and what makes it finer. */
function size() {
  const told = ` · ${image.width} × ${image.height}`;
  const { id, kind } = source() ?? {};
  if (image.width > COARSE || !SIZED.includes(kind)) return told;
  return `${told}, coarse. Finer: write width and height into ${id} in the patch, as width: 640, height: ${Math.round(640 / shape)}`;
}

/** Who made it black, and how the picture comes back. */
function blackness() {
  if (told.black && link.right === "see") return " · black: the studio page made it black";
  if (told.black) return " · black: B here or Black on the studio page shows the picture again";
  return isBlack ? " · black in this window alone: B shows the picture again" : "";
}

/** Black on or off: one state with the studio page, where this browser may turn and the run is there. */
function blacken(is) {
  if (link.right !== "see") {
    link.send({ black: { is } });
    told = { ...told, black: is };
  }
  // Until the run confirms it: what is sent into a dead connection is lost.
  isBlack = is;
  tell(link.state);
  draw();
}

function draw() {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [Math.round(innerWidth * ratio), Math.round(innerHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  canvas.dataset.black = String(isBlack || told.black);
  // What is old is not shown as if it were now; a still that plays comes only once.
  const isLost = link.state !== "live";
  if (shown === SCORE && !isBlack && !told.black && !isLost) return drawing.draw(performance.now());
  const isOld = isLost && performance.now() - seenAt > 10000;
  if (isBlack || told.black || !image || isOld) return;
  Object.assign(sheet, { width: image.width, height: image.height });
  sheet.getContext("2d").putImageData(image, 0, 0);
  const across = Math.min(width, height * shape);
  const [w, h] = [across, across / shape];
  context.imageSmoothingQuality = "high";
  context.drawImage(sheet, (width - w) / 2, (height - h) / 2, w, h);
}

/** Controls are seen only for a moment after a hand moves. */
let timer = null;
function wake() {
  document.body.classList.add("awake");
  clearTimeout(timer);
  timer = setTimeout(() => document.body.classList.remove("awake"), 2500);
}

addEventListener("resize", draw);
setInterval(draw, 2000);
// The strip moves.
setInterval(() => shown === SCORE && draw(), 66);
addEventListener("pointermove", wake);
addEventListener("pointerdown", wake);
addEventListener("dblclick", full);
addEventListener("keydown", ({ key }) => {
  wake();
  if (key === "f" || key === "F") full();
  if (key === "b" || key === "B") blacken(link.right === "see" ? !isBlack : !(isBlack || told.black));
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  if (step && outputs.length) {
    const at = outputs.indexOf(shown);
    wanted = outputs[(at + step + outputs.length) % outputs.length];
    choose();
  }
});

function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => {});
}
hint.addEventListener("click", full);
wake();
draw();
