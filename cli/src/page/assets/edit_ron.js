// Reads a patch's text as far as an editor needs it: colours, where the cursor stands in it, and
// which nodes it has. What is wrong with it only the run's checker knows.

const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /[-+]?(?:0x[0-9a-fA-F_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/y;

/** The tokens of a text: { type, from, to, text }, with `open` where one has no end. */
export function* tokens(text) {
  let at = 0;
  const end = text.length;
  while (at < end) {
    const from = at;
    const c = text[at];
    const token = (type, to, more = {}) => {
      at = Math.max(to, from + 1);
      return { type, from, to: at, text: text.slice(from, at), ...more };
    };
    if (/\s/.test(c)) at += 1;
    else if (text.startsWith("//", at)) {
      const line = text.indexOf("\n", at);
      yield token("comment", line < 0 ? end : line, { open: line < 0 });
    } else if (text.startsWith("/*", at)) yield token("comment", ...comment(text, at));
    else if (c === '"') {
      let to = at + 1;
      while (to < end && text[to] !== '"') to += text[to] === "\\" ? 2 : 1;
      yield token("text", Math.min(to + 1, end), { open: to >= end });
    } else if (/^r#*"/.test(text.slice(at, at + 12))) {
      const hashes = text.slice(at + 1).match(/^#*/)[0];
      const close = text.indexOf(`"${hashes}`, at + hashes.length + 2);
      yield token("text", close < 0 ? end : close + 1 + hashes.length, { open: close < 0, raw: true });
    } else {
      WORD.lastIndex = at;
      NUMBER.lastIndex = at;
      const [word, number] = [WORD.exec(text), NUMBER.exec(text)];
      if (word) yield token("word", at + word[0].length);
      else if (number) yield token("number", at + number[0].length);
      else yield token(c, at + 1);
    }
  }
}

/** The end of a comment with others in it, and whether it has none. */
function comment(text, from) {
  let depth = 0;
  let at = from;
  do {
    if (text.startsWith("/*", at)) [depth, at] = [depth + 1, at + 2];
    else if (text.startsWith("*/", at)) [depth, at] = [depth - 1, at + 2];
    else at += 1;
  } while (depth > 0 && at < text.length);
  return [at, { open: depth > 0 }];
}

/** What a text in quotes says, as far as a name needs it. */
const content = (token) => token.text.replace(/^r?#*"|"#*$/g, "");

/**
 * Walks through the text with the brackets that are open. `see` gets each token and them:
 * [{ open, name, key, keys, isValue, from }], the outermost first.
 */
export function walk(text, see) {
  const stack = [];
  let last = null;
  for (const token of tokens(text)) {
    const frame = stack.at(-1);
    if (see(token, stack, last) === false) return stack;
    switch (token.type) {
      case "comment":
        continue;
      case "(": case "[": case "{":
        stack.push({ open: token.type, name: last?.type === "word" ? last.text : null, key: null, keys: [], isValue: token.type === "[", from: token.from });
        break;
      case ")": case "]": case "}":
        stack.pop();
        break;
      case ",":
        if (frame) Object.assign(frame, { key: null, isValue: frame.open === "[" });
        break;
      case ":":
        if (frame && last && !frame.isValue) {
          frame.key = last.type === "text" ? content(last) : last.text;
          frame.keys.push(frame.key);
          frame.isValue = true;
        }
        break;
    }
    last = token;
  }
  return stack;
}

const isIn = (stack, ...keys) => keys.every((key, at) => key === null || stack[at]?.key === key);

/** The nodes of a text ([{ id, kind, from, to }]), the names in `let`, and the included patches. */
export function outline(text) {
  const [nodes, lets, parts] = [[], [], []];
  let node = null;
  walk(text, (token, stack) => {
    if (stack.length === 2 && isIn(stack, "nodes")) {
      const [, map] = stack;
      if (token.type === "text" && !map.isValue) node = { id: content(token), kind: "", from: token.from, to: token.to };
      if (token.type === "word" && map.isValue && node) {
        node.kind = token.text;
        nodes.push(node);
      }
      if (node && token.type !== "," && token.type !== "}") node.to = token.to;
    }
    if (stack.length === 3 && isIn(stack, "nodes") && token.type === ")" && node) node.to = token.to;
    if (token.type === ":" && stack.length === 2 && isIn(stack, "include") && !stack[1].isValue) parts.push(stack[1]);
    if (token.type === ":" && stack.length === 2 && isIn(stack, "let") && !stack[1].isValue) lets.push(stack[1]);
  });
  const keys = (frames) => [...new Set(frames)].flatMap((frame) => frame.keys);
  return { nodes, lets: keys(lets), parts: keys(parts) };
}

/** Where a place is: the open brackets, and the token that it is in or behind. */
export function placeAt(text, at) {
  let found = null;
  const stack = walk(text, (token) => {
    if (token.from >= at) return false;
    if (token.to >= at && (token.type === "word" || token.type === "text" || token.type === "comment" || token.type === "number")) {
      found = token;
      return false;
    }
    return true;
  });
  return { stack, token: found };
}

/** As `placeAt`, for the token that lies over a place. */
export function tokenOver(text, at) {
  let found = null;
  const stack = walk(text, (token) => {
    if (token.to > at || token.from > at) {
      if (token.from <= at) found = token;
      return false;
    }
    return true;
  });
  return { stack, token: found };
}

/** The tokens' colours, for CodeMirror's stream languages. */
export const colours = {
  name: "ron",
  startState: () => ({ depth: 0, raw: null }),
  token(stream, state) {
    if (state.depth) return blockComment(stream, state);
    if (state.raw !== null) return rawText(stream, state);
    if (stream.eatSpace()) return null;
    if (stream.match("//")) return stream.skipToEnd(), "comment";
    if (stream.match("/*")) return (state.depth = 1), blockComment(stream, state);
    const raw = stream.match(/^r(#*)"/);
    if (raw) return (state.raw = raw[1]), rawText(stream, state);
    if (stream.match('"')) return (state.raw = null), quoted(stream, state);
    if (stream.match(/^[-+]?(?:0x[0-9a-fA-F_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/)) return "number";
    const word = stream.match(/^[\p{L}_][\p{L}\p{N}_]*/u);
    if (word) {
      if (/^(?:true|false|None)$/.test(word[0])) return "bool";
      if (stream.match(/^\s*:/, false)) return "propertyName";
      return stream.match(/^\s*\(/, false) ? "typeName" : "atom";
    }
    stream.next();
    return "punctuation";
  },
  languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
};

function blockComment(stream, state) {
  while (!stream.eol() && state.depth) {
    if (stream.match("/*")) state.depth += 1;
    else if (stream.match("*/")) state.depth -= 1;
    else stream.next();
  }
  return "comment";
}

function rawText(stream, state) {
  if (stream.match(new RegExp(`^.*?"${state.raw}`))) state.raw = null;
  else stream.skipToEnd();
  return "string";
}

/** A text in plain quotes. One that goes on in the next line is coloured there as it comes. */
function quoted(stream) {
  while (!stream.eol()) {
    const c = stream.next();
    if (c === "\\") stream.next();
    else if (c === '"') break;
  }
  return "string";
}
