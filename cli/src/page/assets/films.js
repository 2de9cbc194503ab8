// The films and patches of a folder: a film opens its page, a patch shows the command that plays it.

import { el, place, say } from "./dom.js";
import { layout, path } from "./layout.js";

const at = (id) => document.getElementById(id);

function list(title, items, none, more) {
  const content = items.length > 0 ? el("ul", { class: "list" }, ...items) : el("p", { class: "note" }, none);
  return el("section", {}, el("h2", {}, title), more && el("p", { class: "note" }, ...more), content);
}

function film({ film, name }) {
  return el("li", { "data-name": name.toLowerCase() },
    el("a", { class: "button", href: `/film/${film}`, title: name }, el("span", {}, name)));
}

/** A patch in small: how it flows, without names. */
function drawing(wires) {
  const nodes = [...new Set(wires.flat())].map((id) => ({ id, width: 30, height: 12 }));
  const ends = wires.map(([from, to]) => ({ from, to }));
  const { width, height, places, routes } = layout(nodes, ends, "right", { along: 22, across: 8 });
  const svg = at("drawing").cloneNode(false);
  svg.removeAttribute("id");
  svg.removeAttribute("hidden");
  svg.setAttribute("viewBox", `-4 -4 ${width + 8} ${height + 8}`);
  svg.setAttribute("preserveAspectRatio", "xMinYMid meet");
  const add = (tag, values) => {
    const element = document.createElementNS(svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
    svg.append(element);
  };
  for (const route of routes) if (route?.length > 0) add("path", { d: path(route, "right") });
  for (const { id, width, height } of nodes) {
    const { x, y } = places.get(id);
    add("rect", { x, y, width, height, rx: 4 });
  }
  return svg;
}

/** Text in which `words` between backticks are typed. */
function worded(text) {
  return text.split("`").map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));
}

function patch({ name, about, command, wires }) {
  const copy = el("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command).then(() => say(copy, "Copied"), () => say(copy, "No copy"));
    setTimeout(() => say(copy, "Copy"), 1500);
  });
  // Where a page may not copy, the command is there to select.
  copy.hidden = !navigator.clipboard;
  return el("li", { "data-name": `${name} ${about}`.toLowerCase() },
    el("article", {}, el("h3", {}, name), el("p", {}, ...worded(about)), wires.length > 0 && drawing(wires),
      el("div", { class: "type" }, el("code", {}, command), copy)));
}

function show(told) {
  say(at("folder"), told.folder || "/");
  document.title = `${told.folder} – SCORE!`;
  const sections = [
    list("Films", told.films.map(film), "There are no films in this folder or below it."),
    list("Patches", told.patches.map(patch), "There are no patches in this folder or below it."),
    list("Built-in patches", told.built_in.map(patch), "", ["To make one of them yours: ", el("code", {}, "score new NAME --from PATCH")]),
  ];
  if (told.is_cut) sections.unshift(el("p", { class: "note" }, "There is more in this folder than is shown here; start the page in a smaller one."));
  place(at("library"), sections);
  find();
}

/** Shows what has the words that are looked for. */
function find() {
  const wanted = at("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of document.querySelectorAll(".list > li")) {
    item.hidden = !wanted.every((word) => item.dataset.name.includes(word));
  }
}

function state(name, text) {
  at("link").dataset.state = name;
  say(at("link"), text);
}

async function look() {
  try {
    const answer = await fetch("/films/list");
    if (!answer.ok) throw new Error((await answer.text()).trim());
    show(await answer.json());
    state("live", "connected");
  } catch (error) {
    state("lost", "not connected");
    at("notice").hidden = false;
    say(at("notice"), "The program does not answer. Is it still running?");
  }
}

at("find").addEventListener("input", find);
look();
