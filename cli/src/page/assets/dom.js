// Makes elements and writes figures.

/** An element with properties and children; text is never read as markup. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && !name.startsWith("aria") && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Gives `parent` these children. Those that it has stay where they are: one that is taken out, if
 * only for a moment, loses the focus and the hand that drags it.
 */
export function place(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let next = parent.firstChild;
  for (const child of children) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
}

/** Sets text only where it has changed. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** With a full stop, unless the text ends a sentence by itself. */
export function stopped(text) {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** A number as people write it: few digits, and no row of zeros. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

/** A value of a parameter in few digits; `written` is all of it, as a patch has it. */
export function brief({ value, written }) {
  if (typeof value === "number") return number(value);
  if (typeof value?.beats === "number") return `beats(${number(value.beats)})`;
  if (typeof value?.seconds === "number") return number(value.seconds);
  const isNumbers = Array.isArray(value) && value.every((item) => typeof item === "number");
  return isNumbers ? `[${value.map(number).join(", ")}]` : `${written}`;
}

/** How often something happens: `25/s`, `0.5/s`. */
export function rate(perSecond) {
  return `${Number(perSecond.toFixed(perSecond >= 9.5 ? 0 : 1))}/s`;
}

/** Seconds as 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (part) => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function milliseconds(seconds) {
  return seconds === null || seconds === undefined ? "–" : `${Math.round(seconds * 1000)} ms`;
}

/** What each type of wire is drawn in. */
export const COLOURS = {
  frame: "#7fb2ff",
  latent: "#c3a1ff",
  notes: "#79d69a",
  audio: "#f0b54a",
  control: "#6fd0cf",
  event: "#ff97a8",
  other: "#a3abb5",
};

/** A chord's or a key's name with the signs that musicians write. */
export function signed(name) {
  return name.replace("#", "♯").replace("b5", "♭5").replace(/^([A-G])b/, "$1♭");
}
