// The text in CodeMirror: its colours, what is wrong in it, what can be typed, what stands there.

import {
  autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, completionKeymap, defaultKeymap, drawSelection,
  EditorState, EditorView, highlightActiveLine, highlightSelectionMatches, HighlightStyle, history, historyKeymap,
  hoverTooltip, indentUnit, indentWithTab, isolateHistory, keymap, lineNumbers, lintGutter, search, searchKeymap,
  setDiagnostics, StreamLanguage, syntaxHighlighting, tags, Transaction,
} from "./codemirror.js";
import { el } from "./dom.js";
import { colours } from "./edit_ron.js";

const LOOK = EditorView.theme({
  "&": { height: "100%", backgroundColor: "#0d0f12", color: "#eceef1", fontSize: "13px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace', lineHeight: "1.5" },
  ".cm-gutters": { backgroundColor: "#0d0f12", color: "#8b95a1", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "#161a20" },
  ".cm-cursor": { borderLeftColor: "#f0b54a" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "#2f3b4d !important" },
  "&.cm-focused": { outline: "none" },
  ".cm-matchingBracket": { backgroundColor: "#33404f", outline: "none" },
  ".cm-tooltip": { backgroundColor: "#1c2026", border: "1px solid #3a424d", borderRadius: "6px", color: "#eceef1", maxWidth: "440px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "#3a2f17", color: "#eceef1" },
  ".cm-completionDetail": { color: "#a7b0bb", fontStyle: "normal" },
  ".cm-completionInfo": { whiteSpace: "pre-line", padding: "6px 9px" },
  ".cm-panels": { backgroundColor: "#15181d", color: "#eceef1" },
  // Without the pictures that the editor brings as data: addresses, which the page does not allow.
  ".cm-lintRange": { backgroundImage: "none !important", textDecoration: "underline wavy 1px", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { textDecorationColor: "#ff8a80" },
  ".cm-lintRange-warning": { textDecorationColor: "#f0b54a" },
  ".cm-lintPoint::after": { borderBottomColor: "#ff8a80" },
  ".cm-lint-marker": { content: "normal !important", width: "8px", height: "8px", marginTop: "6px", borderRadius: "50%", backgroundColor: "#f0b54a" },
  ".cm-lint-marker-error": { borderRadius: "0", transform: "rotate(45deg)", backgroundColor: "#ff8a80" },
  ".cm-diagnostic-error": { borderLeftColor: "#ff8a80" },
  ".cm-diagnostic-warning": { borderLeftColor: "#f0b54a" },
}, { dark: true });

const COLOURS = HighlightStyle.define([
  { tag: tags.comment, color: "#97a3b0", fontStyle: "italic" },
  { tag: tags.string, color: "#9fd6a8" },
  { tag: tags.number, color: "#f0c173" },
  { tag: tags.bool, color: "#ff9eb0" },
  { tag: tags.typeName, color: "#8cb8ff", fontWeight: "600" },
  { tag: tags.propertyName, color: "#cdb0ff" },
  { tag: tags.atom, color: "#7fd6d5" },
  { tag: tags.punctuation, color: "#a7b0bb" },
]);

/** Where a place of the checker is: it counts characters, the editor counts as JavaScript does. */
export function spanOf(doc, { line, column, length }) {
  const row = doc.line(Math.min(Math.max(line ?? 1, 1), doc.lines));
  const letters = [...row.text];
  const units = (count) => letters.slice(0, Math.max(0, count)).join("").length;
  const from = row.from + units((column ?? 1) - 1);
  const to = row.from + units((column ?? 1) - 1 + (length ?? 1));
  return { from, to: Math.max(to, from) };
}

export class TextView {
  /** `nonce` lets the editor's styles in; `complete` and `explain` get the text and a place. */
  constructor(host, { nonce, complete, explain, changed, moved, save }) {
    this.changed = changed;
    const source = ({ state, pos, explicit }) => {
      const found = complete(state.doc.toString(), pos);
      const before = state.sliceDoc(Math.max(0, pos - 1), pos);
      return found && (explicit || /[\p{L}\p{N}_."> ]/u.test(before)) ? { ...found, validFor: /^[\p{L}\p{N}_]*$/u } : null;
    };
    const hover = hoverTooltip((view, at) => {
      const found = explain(view.state.doc.toString(), at);
      return found && { pos: found.from, end: found.to, above: true, create: () => ({ dom: el("div", { class: "edit-about" }, el("b", {}, found.title), el("p", {}, found.text)) }) };
    });
    this.extensions = [
      EditorView.cspNonce.of(nonce), LOOK, syntaxHighlighting(COLOURS), StreamLanguage.define(colours),
      EditorView.lineWrapping, lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), highlightActiveLine(), highlightSelectionMatches(),
      indentUnit.of("    "), EditorState.tabSize.of(4), search({ top: true }), lintGutter(), hover,
      autocompletion({ override: [source], icons: false, activateOnTypingDelay: 60 }),
      EditorView.contentAttributes.of({ "aria-label": "The patch's text", spellcheck: "false" }),
      keymap.of([
        { key: "Mod-s", preventDefault: true, run: () => (save(), true) },
        ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab,
      ]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) changed(update.transactions.some((one) => one.annotation(Transaction.remote)));
        if (update.selectionSet && update.view.hasFocus) moved(update.state.selection.main.head);
      }),
    ];
    this.view = new EditorView({ parent: host, state: this.stateOf("") });
  }

  stateOf(text) {
    return EditorState.create({ doc: text, extensions: this.extensions });
  }

  get state() {
    return this.view.state;
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** Shows another text, with what can be undone in it. */
  show(state) {
    this.view.setState(state);
  }

  /** Another text, of which only what differs is replaced: the cursor stays, and undo goes back. */
  put(text) {
    const old = this.text;
    if (old === text) return;
    let [from, oldEnd, newEnd] = [0, old.length, text.length];
    while (from < oldEnd && from < newEnd && old[from] === text[from]) from += 1;
    while (oldEnd > from && newEnd > from && old[oldEnd - 1] === text[newEnd - 1]) [oldEnd, newEnd] = [oldEnd - 1, newEnd - 1];
    this.view.dispatch({
      changes: { from, to: oldEnd, insert: text.slice(from, newEnd) },
      annotations: [isolateHistory.of("full"), Transaction.remote.of(true)],
    });
  }

  /** Marks what is wrong: [{ line, column, length, message, help, severity }]. */
  mark(diagnostics) {
    const { doc } = this.state;
    const marks = diagnostics.map((one) => {
      const message = [one.message, one.help].filter(Boolean).join("\n");
      return { ...spanOf(doc, one), severity: one.severity ?? "error", message };
    });
    this.view.dispatch(setDiagnostics(this.state, marks));
  }

  /** Goes to a place. */
  go(at, focus = true) {
    const head = Math.min(at, this.state.doc.length);
    this.view.dispatch({ selection: { anchor: head }, effects: EditorView.scrollIntoView(head, { y: "center" }) });
    if (focus) this.view.focus();
  }
}
