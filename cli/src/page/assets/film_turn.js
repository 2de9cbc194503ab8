// What can be turned, what is rendered just now, and the button that renders it.

import { clock, el, place, say } from "./dom.js";

const NOTES = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const KEYS = ["auto", ...NOTES.map((note) => `${note} major`), ...["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"].map((note) => `${note} minor`)];

/** What stands where nothing is chosen. */
const AS_IT_IS = "the patch’s own";

export class Turning {
  constructor(parent, status, wish) {
    this.parent = parent;
    this.wish = wish;
    this.film = null;
    this.now = null;

    this.percent = el("b", {}, "");
    this.cancel = el("button", { type: "button", onclick: () => this.wish(`/film/${this.film}/cancel`) }, "Cancel");
    this.bar = el("progress", { max: 1, value: 0, "aria-label": "Rendered" });
    this.doing = el("p", { class: "doing", role: "status" });
    this.why = el("p", { class: "why", role: "alert" });
    this.title = el("div", { class: "title" }, this.percent, this.cancel);
    status.append(this.title, this.bar, this.doing, this.why);
  }

  /** Makes the controls, once it is known what they offer. */
  build({ choices, start }) {
    const option = (value, text = value) => el("option", { value }, text);
    const choice = (name, none, values, given) => {
      const known = given && !values.includes(given) ? [given, ...values] : values;
      const select = el("select", { id: `turn-${name}` }, option("", none), ...known.map((value) => option(value, words(value))));
      select.value = given ?? "";
      return select;
    };
    this.style = choice("style", "none", choices.styles.map(({ name }) => name), start.style);
    this.voice = choice("voice", AS_IT_IS, choices.voices, start.voice);
    this.key = choice("key", AS_IT_IS, KEYS, start.key);
    this.tempo = el("input", {
      id: "turn-tempo", type: "text", inputMode: "decimal", placeholder: "fitted to the cuts", value: start.tempo ?? "", autocomplete: "off",
    });
    this.seed = el("input", {
      id: "turn-seed", type: "text", inputMode: "numeric", placeholder: "its own", value: start.seed ?? "", autocomplete: "off",
    });
    this.another = el("button", { type: "button", onclick: () => this.renderAnother(), title: "The next seed: another tune for the same pictures" }, "Another tune");
    const likes = new Map(choices.styles.map(({ name, like }) => [name, like]));
    this.like = el("p", { class: "like" });
    // The first words, so that the controls below stay where they are; the rest on demand.
    const tell = () => {
      const like = likes.get(this.style.value) ?? "";
      say(this.like, like.split(/[;.]/)[0]);
      this.like.title = this.style.title = like;
    };
    this.style.addEventListener("change", tell);
    tell();
    const row = (name, text, field) => [el("label", { for: `turn-${name}` }, text), field];
    this.go = el("button", { type: "submit", class: "main" }, "Render");
    this.form = el("form", { onsubmit: (event) => this.render(event) },
      el("div", { class: "fields" },
        ...(choices.styles.length > 0 ? [...row("style", "Style", this.style), this.like] : []),
        ...row("voice", "Melody", this.voice),
        ...row("key", "Key", this.key),
        ...row("tempo", "Tempo", this.tempo),
        ...row("seed", "Seed", el("div", { class: "seed" }, this.seed, this.another))),
      this.go);
    this.parent.append(this.form);
  }

  get values() {
    const given = (field) => field.value.trim() || null;
    return {
      style: given(this.style), voice: given(this.voice), key: given(this.key), tempo: given(this.tempo), seed: given(this.seed),
    };
  }

  render(event) {
    event?.preventDefault();
    // Shown at once; the program says the rest.
    this.progress({ here: true, what: "render", done: 0, doing: "gets ready", left: null });
    this.wish(`/film/${this.film}/render`, this.values);
  }

  renderAnother() {
    const seed = Number.parseInt(this.seed.value, 10);
    this.seed.value = String(Number.isFinite(seed) ? seed + 1 : 2);
    this.render();
  }

  take(told, mayEdit) {
    if (this.film === null) {
      this.film = Number(/^\/film\/(\d+)$/.exec(location.pathname)?.[1] ?? 0);
      this.build(told);
    }
    this.parent.hidden = !mayEdit;
    this.cancel.disabled = !mayEdit;
    say(this.go, told.results.length > 0 || told.now?.here ? "Render again" : "Render");
    this.told = told;
    this.progress(told.now);
    const { failed } = told;
    say(this.why, failed ? [failed.message, failed.help].filter(Boolean).join("\n") : "");
  }

  /** How far it is; the place that this takes is always the same. */
  progress(now) {
    const works = now !== null && now !== undefined;
    // What is rendered of another film is cancelled on its own page.
    this.cancel.classList.toggle("off", !works || !now.here);
    this.bar.classList.toggle("off", !works || !now.here || now.what !== "render");
    if (!works) {
      const last = this.told?.results.at(-1);
      say(this.percent, last ? "Ready" : this.told?.failed ? "Not rendered" : "Not rendered yet");
      say(this.doing, last && !this.told?.failed ? `rendered in ${lasts(last.seconds)}` : "");
    } else if (!now.here) {
      say(this.percent, "Another film");
      say(this.doing, "is rendered just now; rendering this one ends that.");
    } else if (now.what === "measure") {
      say(this.percent, "Measuring…");
      say(this.doing, "compares the music with the pictures, and with chance");
    } else {
      this.bar.value = now.done;
      say(this.percent, `${Math.floor(now.done * 100)} %`);
      const left = now.left === null ? "" : `, about ${lasts(now.left)} left`;
      say(this.doing, now.ends ? "stops…" : `${now.doing}${left}`);
    }
  }
}

/** Words with spaces: grand_piano. */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** A time as people say it. */
export function lasts(seconds) {
  const whole = Math.max(1, Math.ceil(seconds));
  return whole < 90 ? `${whole} s` : `${clock(whole)} min`;
}
