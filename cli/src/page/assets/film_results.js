// What was rendered: a short list to go back to, with the files of each, and how well it follows.

import { el, place, say } from "./dom.js";
import { words } from "./film_turn.js";

/** What files are called, in the order in which they are offered. */
const FILES = [
  ["film", "Film"], ["sound", "Sound"], ["notes", "Notes"], ["sheet", "Sheet music"], ["pages", "Sheet, drawn"],
  ["picture", "Picture"], ["report", "Report"], ["stem", "Stem"], ["other", "File"],
];

export class Results {
  constructor(parent, wish, choose) {
    this.wish = wish;
    this.choose = choose;
    this.list = el("ul", { class: "made", "aria-label": "Results, the newest last" });
    this.keep = el("button", { type: "button", onclick: () => this.wish(`/result/${this.made.id}/keep`) }, "Keep");
    this.measure = el("button", { type: "button", onclick: () => this.wish(`/result/${this.made.id}/measure`) }, "Does it follow?");
    this.actions = el("div", { class: "actions" }, this.keep, this.measure);
    this.kept = el("p", { class: "note", role: "status" });
    this.files = el("div", { class: "had" });
    this.notes = el("p", { class: "note" });
    this.measured = el("div", { "aria-live": "polite" });
    this.parent = parent;
    this.parent.hidden = true;
    this.all = [el("h2", {}, "Results"), this.list, this.actions, this.kept, this.files, this.notes, this.measured];
    this.parent.append(...this.all);
    this.rows = new Map();
  }

  take(told, shown, mayEdit) {
    const made = told.results.find(({ id }) => id === shown) ?? null;
    this.parent.hidden = made === null;
    if (!made) return;
    place(this.list, told.results.map((one) => this.row(one, told, shown)));
    for (const id of this.rows.keys()) if (!told.results.some((one) => one.id === id)) this.rows.delete(id);
    this.made = made;
    this.actions.hidden = !mayEdit;
    this.keep.disabled = made.kept !== null;
    say(this.keep, made.kept ? "Kept" : "Keep");
    say(this.kept, made.kept ? `Kept as ${made.kept.join(", ")}` : mayEdit ? "What is not kept is removed when the program ends." : "");
    const looks = JSON.stringify([made.id, made.files, made.notes, made.preview, made.measured]);
    if (looks === this.looks) return;
    this.looks = looks;
    place(this.files, links(made));
    const notes = [...made.notes];
    if (made.preview) notes.push("Browsers do not play this film: a small copy is shown. Its files are whole.");
    say(this.notes, notes.join(" "));
    this.notes.hidden = notes.length === 0;
    this.measure.disabled = Boolean(made.measured?.waits || made.measured?.found);
    place(this.measured, figures(made.measured));
  }

  row(one, told, shown) {
    let row = this.rows.get(one.id);
    if (!row) {
      const what = el("span", { class: "what" });
      const is = el("span", { class: "is" });
      const button = el("button", { type: "button", onclick: () => this.pick(one.id) },
        el("span", { class: "number" }, String(one.id + 1)), what, is);
      row = { item: el("li", {}, button), button, what, is };
      this.rows.set(one.id, row);
    }
    row.one = one;
    row.told = told;
    row.button.setAttribute("aria-pressed", String(one.id === shown));
    say(row.what, described(one.values));
    row.button.title = described(one.values);
    say(row.is, one.kept ? "kept" : "");
    return row.item;
  }

  pick(id) {
    const { one, told } = this.rows.get(id);
    this.choose(one);
    this.take(told, id, !this.actions.hidden);
  }
}

/** What was turned for a result, in few words. */
function described({ style, voice, key, tempo, seed }) {
  const parts = [
    style, seed && `seed ${seed}`, key, tempo && `${tempo} bpm`, voice && words(voice),
  ].filter(Boolean);
  return parts.join(" · ") || "the patch’s own";
}

function links(made) {
  const offered = made.files.map((file, number) => ({ ...file, number }));
  const order = (file) => FILES.findIndex(([what]) => what === file.what);
  offered.sort((one, other) => order(one) - order(other));
  return offered.map((file) => {
    const stem = /-stem-(.*)\.wav$/.exec(file.name)?.[1];
    const text = stem ? `Stem: ${words(stem.split(".").at(-1))}` : FILES.find(([what]) => what === file.what)[1];
    const ending = file.name.split(".").at(-1);
    return el("a", { class: "button", href: `/result/${made.id}/file/${file.number}`, download: file.name, title: file.name },
      text, el("small", {}, `.${ending}, ${size(file.bytes)}`));
  });
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.ceil(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** How well the music follows its film, as `score eval film` says it. */
function figures(measured) {
  if (!measured) return [];
  if (measured.waits) return [el("p", { class: "note" }, "Being measured…")];
  if (measured.failed) return [el("p", { class: "why" }, measured.failed)];
  const three = (value) => value.toFixed(2);
  const rows = measured.found.figures.map((figure) => {
    const tested = figure.value !== undefined;
    const beats = tested && figure.p <= 0.05;
    const cells = tested
      ? [el("td", {}, three(figure.value)), el("td", {}, three(figure.chance)), el("td", {}, chance(figure.p))]
      : [el("td", { colSpan: 3 }, figure.missing ?? "not available")];
    return el("tr", { class: beats ? "yes" : "no" }, el("th", { scope: "row", title: figure.meaning }, figure.title), ...cells);
  });
  const head = ["", "Measured", "Chance", "p"].map((text) => el("th", { scope: "col" }, text));
  const beats = rows.filter((row) => row.className === "yes").length;
  const measures = measured.found.figures.filter((figure) => figure.value !== undefined).length;
  return [
    el("p", { class: "answer" }, answer(beats, measures)),
    el("p", { class: "note" }, `Beyond chance in ${beats} of ${measures} figures. p is the share of other beginnings of the same music that do as well.`),
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
  ];
}

/** In a sentence for who reads no figures. */
function answer(beats, measures) {
  if (measures === 0) return "This film has too little of what could be measured.";
  if (beats === 0) return "No: the music does not follow this film more than by chance.";
  const share = beats / measures;
  return share > 0.75 ? "Yes: the music follows this film." : share > 0.34 ? "In part: in some ways the music follows this film." : "Hardly: in few ways the music follows this film.";
}

function chance(p) {
  return p < 0.001 ? "< .001" : p.toFixed(p < 0.1 ? 3 : 2).replace(/^0/, "");
}
