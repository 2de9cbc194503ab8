// Two texts of one file beside each other, of which one is chosen. Nothing is lost by either.

import { el } from "./dom.js";

/** Lines that two texts have at their beginnings and ends, left out but for a few. */
const AROUND = 3;

/**
 * Shows both in `host`; calls `keep` for one's own, `take` for what is saved, `close` for neither.
 */
export function showConflict(host, { mine, theirs, name }, { keep, take, close }) {
  const [left, right] = [mine.split("\n"), theirs.split("\n")];
  let [head, tail] = [0, 0];
  while (head < left.length && head < right.length && left[head] === right[head]) head += 1;
  while (tail < left.length - head && tail < right.length - head && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const column = (title, lines, other) => {
    const others = new Set(other.slice(head, other.length - tail));
    const rows = lines.map((line, at) => {
      const isOther = at >= head && at < lines.length - tail && !others.has(line);
      return el("div", { class: isOther ? "other" : "" }, el("span", { class: "row", "aria-hidden": "true" }, String(at + 1)), line || " ");
    });
    const from = Math.max(0, head - AROUND);
    const shown = rows.slice(from, lines.length - Math.max(0, tail - AROUND));
    return el("section", {}, el("h3", {}, title), el("div", { class: "lines", tabindex: "0", role: "group", "aria-label": title }, ...shown));
  };
  const button = (word, act, more = {}) => el("button", { type: "button", onclick: act, ...more }, word);
  host.replaceChildren(
    el("p", {}, el("b", {}, `${name} was saved by somebody else.`), " Choose one; the other can be had again: yours by undo, theirs by “Previous revision”."),
    el("div", { class: "both" }, column("Yours", left, right), column("Saved meanwhile", right, left)),
    el("div", { class: "buttons" }, button("Save mine over it", keep), button("Take what is saved", take), button("Go on editing", close, { class: "quiet" })),
  );
  host.hidden = false;
  host.querySelector("button").focus();
}
