// What can be typed at a place, and what stands there: from the declarations of the kinds, and from
// the text itself.

import { outline, placeAt, tokenOver } from "./edit_ron.js";

const SECTIONS = {
  format: "the version of the patch's form: 1",
  let: "values with names: `let: (name: value)`, used as `use(name)`",
  transport: "tempo, metre, key and what else leads the music",
  include: "other patches as parts of this one",
  nodes: "what does something: `\"id\": kind(parameter: value)`",
  wires: "what goes where: `\"from -> to\"`",
  presets: "values under a name, recalled together",
  recall_safe: "what presets leave alone",
  cues: "steps of a show, called by GO",
  recall: "MIDI messages that call presets and cues",
  controllers: "MIDI controllers that set live values",
  inputs: "what a patch that includes this one may wire to it",
  outputs: "what a patch that includes this one may wire from it",
};

/** The declarations, by their names. */
export class Declarations {
  constructor({ kinds, transport }) {
    this.kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
    this.transport = { kind: "transport", summary: SECTIONS.transport, params: transport, inputs: [], outputs: [] };
  }

  kind(name) {
    return this.kinds.get(name);
  }
}

/** What to offer at `at`: { from, options }, or null. */
export function complete(text, at, declared) {
  const { stack, token } = placeAt(text, at);
  if (token?.type === "comment" || token?.type === "number") return null;
  const frame = stack.at(-1);
  if (!frame) return null;
  const world = { ...outline(text), declared };
  if (token?.type === "text") return withinText(text, at, token, stack, world);
  const from = token?.type === "word" ? token.from : at;
  const options = bare(stack, frame, world);
  if (!options?.length) return null;
  // What stands behind the word stays, and does not come twice.
  const behind = text.slice(at).match(/^[\p{L}\p{N}_]*\s*(.?)/u)[1];
  const isThere = (apply) => (behind === "(" && apply.endsWith(")")) || (behind === ":" && apply.endsWith(": "));
  return { from, options: options.map((one) => (one.apply && isThere(one.apply) ? { ...one, apply: one.label } : one)) };
}

/** What may stand without quotes. */
function bare(stack, frame, world) {
  const { declared } = world;
  if (stack.length === 1) {
    if (frame.isValue) return null;
    const free = Object.entries(SECTIONS).filter(([name]) => !frame.keys.includes(name));
    return free.map(([label, info]) => ({ label, type: "section", info, apply: `${label}: ` }));
  }
  const section = stack[0].key;
  if (section === "nodes" && stack.length === 2 && frame.isValue) {
    return [...declared.kinds.values()].map((kind) => ({ label: kind.kind, type: "kind", detail: kind.family, info: kind.summary, apply: call(kind) }));
  }
  const [kind, inner] = declarationOf(stack, declared);
  if (!kind) return null;
  if (!inner.isValue) {
    const free = kind.params.filter(({ name }) => !inner.keys.includes(name));
    return free.map((param) => ({ label: param.name, type: "param", detail: param.takes, info: aboutParam(param), apply: `${param.name}: ` }));
  }
  const param = kind.params.find(({ name }) => name === inner.key);
  const words = (param?.words ?? []).map((label) => ({ label, type: "word", info: param.summary, apply: /^[\p{L}_][\p{L}\p{N}_]*$/u.test(label) ? label : JSON.stringify(label) }));
  if (param?.default === null || param?.default === "None") words.push({ label: "None", type: "word", info: "left out" });
  if (frame.open === "(" && frame !== inner) {
    return frame.name === "use" ? world.lets.map((label) => ({ label, type: "let" })) : null;
  }
  if (param?.takes.includes("beats")) words.push({ label: "beats", type: "word", info: "a length in beats", apply: "beats(1)" });
  return [...words, ...world.lets.map((name) => ({ label: `use(${name})`, type: "let", info: "the value of `let`" }))];
}

/** A kind with what it must be given. */
function call(kind) {
  const needs = Object.entries(kind.needs).map(([name, value]) => `${name}: ${value || '""'}`);
  return `${kind.kind}(${needs.join(", ")})`;
}

/** The kind in whose brackets a place is, and those brackets. */
function declarationOf(stack, declared) {
  if (stack[0].key === "transport" && stack.length >= 2) return [declared.transport, stack[1]];
  if (stack[0].key === "nodes" && stack.length >= 3 && stack[2].open === "(") return [declared.kind(stack[2].name), stack[2]];
  return [null, null];
}

/** What may stand in quotes: ends of wires, and names of values. */
function withinText(text, at, token, stack, world) {
  const start = token.from + 1;
  if (token.raw || at < start) return null;
  const before = text.slice(start, at);
  const section = stack[0].key;
  if (section === "wires" || section === "inputs" || section === "outputs") return endOf(before, start, section, world);
  const isKey = !stack.at(-1).isValue && stack.at(-1).open === "{";
  if (isKey && ["presets", "cues", "controllers", "recall_safe"].includes(section)) return valueOf(before, start, world);
  if (section === "recall_safe") return valueOf(before, start, world);
  return null;
}

/** Nodes, and behind a point their ports. */
function endOf(before, start, section, { nodes, parts, declared }) {
  const arrow = before.lastIndexOf("->");
  const part = before.slice(arrow < 0 ? 0 : arrow + 2);
  const from = start + before.length - part.trimStart().length;
  const [id, point] = [part.trim().split(".")[0], part.indexOf(".")];
  if (point < 0) {
    const all = nodes.map(({ id: label, kind }) => ({ label, type: "node", detail: kind, info: declared.kind(kind)?.summary }));
    return { from, options: [...all, ...parts.map((label) => ({ label, type: "node", detail: "included" }))] };
  }
  const kind = declared.kind(nodes.find((node) => node.id === id)?.kind);
  if (!kind) return null;
  const leaves = section === "outputs" || (section === "wires" && arrow < 0);
  const ports = leaves ? kind.outputs : kind.inputs;
  const options = ports.map(({ name: label, carries: detail, summary: info }) => ({ label, type: "port", detail, info }));
  if (!leaves) options.push(...kind.params.filter(({ wire }) => wire).map((param) => ({ label: param.name, type: "param", detail: param.takes, info: aboutParam(param) })));
  return { from: start + before.length - part.length + point + 1, options };
}

/** `node.parameter` of whatever is live. */
function valueOf(before, start, { nodes, declared }) {
  const point = before.lastIndexOf(".");
  const live = (kind) => (kind?.params ?? []).filter((param) => param.live);
  if (point < 0) {
    const all = [{ id: "transport", kind: "" }, ...nodes];
    return { from: start, options: all.map(({ id: label, kind }) => ({ label, type: "node", detail: kind })) };
  }
  const id = before.slice(0, point);
  const kind = id === "transport" ? declared.transport : declared.kind(nodes.find((node) => node.id === id)?.kind);
  return { from: start + point + 1, options: live(kind).map((param) => ({ label: param.name, type: "param", detail: param.takes, info: aboutParam(param) })) };
}

function aboutParam(param) {
  const given = param.default === undefined ? "must be given" : `${param.default === null || param.default === "None" ? "left out" : param.default} if not given`;
  const change = param.live ? "live" : param.why ? `a change rebuilds: ${param.why}` : "a change rebuilds the node";
  return `${param.summary}\n${param.takes}; ${given}; ${change}`;
}

function aboutKind(kind) {
  const ports = (word, all) => all.map(({ name, carries }) => `${word} ${name} (${carries})`);
  const lines = [...ports("in", kind.inputs), ...ports("out", kind.outputs)];
  return [kind.summary, kind.details, lines.join(" · ")].filter(Boolean).join("\n\n");
}

/** What stands at a place: { from, to, title, text }, or null. */
export function explain(text, at, declared) {
  const { stack, token } = tokenOver(text, at);
  if (!token || !stack.length || (token.type !== "word" && token.type !== "text")) return null;
  const told = (title, about) => ({ from: token.from, to: token.to, title, text: about });
  if (token.type === "word") {
    if (stack.length === 1 && !stack[0].isValue && SECTIONS[token.text]) return told(token.text, SECTIONS[token.text]);
    const kind = stack.length === 2 && stack[0].key === "nodes" && stack[1].isValue && declared.kind(token.text);
    if (kind) return told(kind.kind, aboutKind(kind));
    const [of, inner] = declarationOf(stack, declared);
    if (!of) return null;
    const name = inner === stack.at(-1) && !inner.isValue ? token.text : inner.key;
    const param = of.params.find((param) => param.name === name);
    return param ? told(`${of.kind}.${param.name}`, aboutParam(param)) : null;
  }
  const { nodes } = outline(text);
  if (stack[0].key === "nodes" && stack.length === 2 && !stack[1].isValue) {
    const node = nodes.find(({ from }) => from === token.from);
    const kind = declared.kind(node?.kind);
    return kind ? told(`${node.id}: ${kind.kind}`, aboutKind(kind)) : null;
  }
  if (stack[0].key !== "wires") return null;
  // The end under the hand.
  const inside = text.slice(token.from + 1, token.to - 1);
  let start = token.from + 1;
  for (const part of inside.split("->")) {
    const to = start + part.length;
    if (at >= start && at <= to) {
      const [id, port] = part.trim().split(".");
      const kind = declared.kind(nodes.find((node) => node.id === id)?.kind);
      if (!kind) return null;
      const found = [...kind.outputs, ...kind.inputs].find(({ name }) => name === port);
      const param = kind.params.find(({ name }) => name === port);
      const about = found ? `${found.summary} (${found.carries})` : param ? aboutParam(param) : aboutKind(kind);
      return { from: start, to, title: port ? `${id}.${port}` : `${id}: ${kind.kind}`, text: about };
    }
    start = to + 2;
  }
  return null;
}
