// MIDI learn: the controller that moves next sets a live value, and is written into the patch.

import { el, say } from "./dom.js";

/** How long the outcome stands there, in milliseconds. */
const STANDS = 8000;

export class Learn {
  constructor(link) {
    this.link = link;
    this.parts = new Set();
    this.bound = new Map();
    this.key = null;
  }

  /** Another patch plays. */
  show({ controllers = [] }) {
    this.bound = new Map(controllers.map((one) => [`${one.node}.${one.param}`, one]));
    this.refresh();
  }

  /** The button and the line of a control; nothing where no controller can set it. */
  part(node, param) {
    if (!param.midi) return null;
    const key = `${node}.${param.name}`;
    const part = {
      key,
      button: el("button", { type: "button", class: "learn", onclick: () => this.press(node, param.name) }, "MIDI"),
      line: el("p", { class: "note learning", role: "status" }, ""),
    };
    this.parts.add(part);
    this.put(part);
    return part;
  }

  async press(node, param) {
    const key = `${node}.${param}`;
    if (this.key === key) return this.link.send("stop_learning");
    if (this.key) return this.tellAt(key, `cancel ${this.key} first`);
    this.key = key;
    this.tellAt(key, "move a controller…");
    try {
      const { port, channel, number } = await this.link.learn(node, param);
      this.tellAt(key, `controller ${number} of ${port}, channel ${channel + 1}: written into the patch`);
    } catch (error) {
      this.tellAt(key, error.message);
    }
    clearInterval(this.timer);
    this.key = null;
    this.refresh();
  }

  /** A controller is waited for. */
  tell({ node, param, ports, seconds }) {
    const key = `${node}.${param}`;
    const until = performance.now() + seconds * 1000;
    const count = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      if (this.key === key) this.tellAt(key, `move a controller… ${left} s (${ports.join(", ")})`);
    };
    clearInterval(this.timer);
    this.timer = setInterval(count, 500);
    count();
  }

  tellAt(key, text) {
    this.told = { key, text };
    clearTimeout(this.clears);
    this.clears = setTimeout(() => this.key || this.tellAt(null, ""), STANDS);
    this.refresh();
  }

  refresh() {
    for (const part of this.parts) {
      // Those that are on the page no more.
      if (part.was && !part.button.isConnected) this.parts.delete(part);
      else this.put(part);
    }
  }

  put(part) {
    const { key, button, line } = part;
    part.was = button.isConnected;
    const bound = this.bound.get(key);
    button.hidden = this.link.right !== "edit";
    say(button, this.key === key ? "cancel" : bound ? `CC ${bound.number}` : "MIDI");
    button.title = bound ? `Set by controller ${bound.number} of ${bound.port}; choose another` : "Choose the MIDI controller that sets it";
    button.setAttribute("aria-label", `${this.key === key ? "Cancel" : "MIDI controller"} for ${key}`);
    say(line, this.told?.key === key ? this.told.text : "");
  }
}
