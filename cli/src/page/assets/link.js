// The connection to the run: what it says, and what is asked of it. It comes back by itself.

/** Without a word for so long, the connection counts as lost. */
const SILENCE = 2500;
const FIRST_WAIT = 400;
const LONGEST_WAIT = 4000;
const ANSWER = 15000;
/** The run waits half a minute for a controller. */
const LEARNS = 45000;
/** Names of what is looked at, and their bytes, that a message may have. */
const MOST_LOOKS = 512;
const MOST_BYTES = 60000;

export class Link {
  /** `hear` gets each message, `picture` each picture, `change` the state and why. */
  constructor({ hear, picture, change }) {
    Object.assign(this, { hear, picture, change });
    this.right = "see";
    this.wait = FIRST_WAIT;
    this.number = 0;
    this.asked = new Map();
    this.looks = null;
    this.heard = 0;
    this.state = "opening";
    this.open();
    setInterval(() => this.check(), 500);
    addEventListener("online", () => this.again(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.check());
  }

  open() {
    clearTimeout(this.timer);
    this.timer = null;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/socket`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.begun = performance.now();
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.heard = performance.now();
      if (data instanceof ArrayBuffer) return this.picture(readPicture(data));
      const message = JSON.parse(data);
      if (message.hello) {
        this.right = message.hello.right;
        this.wait = FIRST_WAIT;
        this.set("live");
        if (this.looks) this.send({ look: this.looks });
      }
      if ("answer" in message) this.answer(message);
      this.hear(message);
    };
    socket.onclose = ({ reason }) => socket === this.socket && this.lost(reason);
  }

  /** Notices a connection that says nothing any more, before the system does. */
  check() {
    const now = performance.now();
    const since = Math.max(this.heard, this.begun);
    if (this.socket && now - since > SILENCE && !document.hidden) {
      const silent = this.socket;
      this.socket = null;
      silent.close();
      this.lost("");
    }
  }

  lost(reason) {
    this.socket = null;
    for (const { refuse, timer } of this.asked.values()) {
      clearTimeout(timer);
      refuse(new Error("the connection was lost"));
    }
    this.asked.clear();
    if (this.state !== "locked") this.set("lost", reason);
    this.again(this.wait);
    this.wait = Math.min(this.wait * 1.7, LONGEST_WAIT);
    // Whether it is the connection, or this browser's right.
    fetch("/right").then(({ status }) => status === 401, () => false).then((isLocked) => {
      const state = isLocked ? "locked" : "lost";
      // It may have come back meanwhile.
      if (this.state !== "live" && this.state !== state) this.set(state, reason);
    });
  }

  again(wait) {
    if (this.socket || (this.timer && wait > 0)) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), wait);
  }

  set(state, reason = "") {
    this.state = state;
    this.change(state, reason);
  }

  send(wish) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(wish));
    return true;
  }

  /** Has the run show these outputs, and the one that fills the screen. */
  look(outputs, large = null) {
    const names = [];
    let left = MOST_BYTES;
    for (const name of outputs) {
      left -= new TextEncoder().encode(JSON.stringify(name)).length + 1;
      if (left < 0 || names.length >= MOST_LOOKS) break;
      names.push(name);
    }
    this.looks = { outputs: names, large };
    this.send({ look: this.looks });
  }

  /** Asks for something; gives the answer, or why it is refused. */
  ask(request) {
    return this.expect((id) => ({ ask: { id, request } }));
  }

  writeBack(what) {
    return this.expect((id) => ({ write_back: { id, what } }));
  }

  /** Has what hands hold put into the patch as a preset. */
  keepPreset(name, replace) {
    return this.expect((id) => ({ keep_preset: { id, name, replace } }));
  }

  /** Has the MIDI controller that moves next bound to a live value. */
  learn(node, param) {
    return this.expect((id) => ({ learn: { id, node, param } }), LEARNS);
  }

  expect(wish, within = ANSWER) {
    return new Promise((give, refuse) => {
      const id = ++this.number;
      if (!this.send(wish(id))) return refuse(new Error("not connected"));
      const timer = setTimeout(() => {
        this.asked.delete(id);
        refuse(new Error("no answer came"));
      }, within);
      this.asked.set(id, { give, refuse, timer });
    });
  }

  answer({ answer, ok, errors }) {
    const asked = this.asked.get(answer);
    if (!asked) return;
    this.asked.delete(answer);
    clearTimeout(asked.timer);
    if (!errors) return asked.give(ok);
    const lines = errors.map(({ message, help }) => (help ? `${message}; ${help}` : message));
    asked.refuse(new Error(lines.join("\n")));
  }
}

/**
 * A picture: its output, whether it is large, its pixels for a canvas, and how wide it is to be
 * drawn for its height: nodes send it in any size, squeezed.
 */
function readPicture(data) {
  const bytes = new Uint8Array(data);
  const length = bytes[0];
  const of = new TextDecoder().decode(bytes.subarray(1, 1 + length));
  let at = 1 + length;
  const large = bytes[at] === 1;
  const width = bytes[at + 1] | (bytes[at + 2] << 8);
  const height = bytes[at + 3] | (bytes[at + 4] << 8);
  const shape = (bytes[at + 5] | (bytes[at + 6] << 8)) / 1000 || width / height;
  at += 7;
  const image = new ImageData(width, height);
  const pixels = image.data;
  for (let to = 0; to < pixels.length; to += 4, at += 3) {
    pixels[to] = bytes[at];
    pixels[to + 1] = bytes[at + 1];
    pixels[to + 2] = bytes[at + 2];
    pixels[to + 3] = 255;
  }
  return { of, large, image, shape };
}
