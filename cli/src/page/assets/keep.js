// Keeps what hands hold as a preset of the patch.

import { el, say } from "./dom.js";

export class Keep {
  constructor(link) {
    this.link = link;
    this.names = new Set();
    this.field = el("input", { type: "text", placeholder: "Name", "aria-label": "Name of the preset", autocomplete: "off", oninput: () => this.ask(null) });
    this.button = el("button", { type: "submit", title: "Write these values into the patch's file as a preset; they stay set" }, "Keep as preset");
    this.question = el("span", {}, "");
    this.replace = el("button", { type: "button", onclick: () => this.keep(this.asked, true) }, "Replace");
    this.asks = el("p", { class: "asks", role: "alert", hidden: true }, this.question, this.replace,
      el("button", { type: "button", class: "quiet", onclick: () => this.ask(null) }, "Cancel"));
    this.told = el("p", { class: "note", role: "status", hidden: true }, "");
    this.why = el("p", { class: "why", role: "alert" }, "");
    const form = el("form", { onsubmit: (event) => {
      event.preventDefault();
      this.keep(this.field.value.trim(), false);
    } }, this.field, this.button);
    this.root = el("div", { class: "keep", hidden: true }, form, this.asks, this.told, this.why);
  }

  /** Another patch plays. */
  show({ presets }) {
    this.names = new Set(presets.map(({ name }) => name));
  }

  /** Whether hands hold anything that may be kept, and whether the connection is there. */
  tell(isShown, isLocked) {
    this.root.hidden = !isShown;
    for (const part of [this.field, this.button, this.replace]) part.disabled = isLocked;
    if (!isShown) this.ask(null);
  }

  /** Asks whether the preset of this name is to be replaced, or no more. */
  ask(name) {
    this.asked = name;
    this.asks.hidden = name === null;
    this.told.hidden = true;
    say(this.why, "");
    say(this.question, name === null ? "" : `There is a preset ${name} already. Replace?`);
  }

  async keep(name, replaces) {
    this.ask(null);
    if (!name) {
      say(this.why, "Give the preset a name.");
      this.field.focus();
      return;
    }
    if (!replaces && this.names.has(name)) {
      this.ask(name);
      return;
    }
    this.button.disabled = true;
    try {
      const { kept } = await this.link.keepPreset(name, replaces);
      this.field.value = "";
      this.told.hidden = false;
      say(this.told, `${kept === 1 ? "1 value is" : `${kept} values are`} kept as ${name}, and stay${kept === 1 ? "s" : ""} set.`);
    } catch (error) {
      say(this.why, error.message);
    }
    this.button.disabled = false;
  }
}
