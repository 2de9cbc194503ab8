// Lays a graph out by its flow: layers by the longest way from a source, few crossings, and every
// node as near its neighbours as its layer allows (after Sugiyama, Tagawa and Toda, 1981).

const SWEEPS = 12;
const ALIGNMENTS = 10;

/**
 * Places `nodes` ([{ id, width, height }]) and routes `wires` ([{ from, to }]) along x ("right") or
 * y ("down"). Gives { width, height, places: Map(id → {x, y}), routes: [[points]] } with a route for
 * each wire, in their order; one from a node to itself has none.
 */
export function layout(nodes, wires, direction = "right", gap = { along: 44, across: 18 }) {
  const down = direction === "down";
  const along = (node) => (down ? node.height : node.width);
  const across = (node) => (down ? node.width : node.height);
  const index = new Map(nodes.map((node, number) => [node.id, number]));
  const pairs = new Map();
  for (const { from, to } of wires) {
    const [a, b] = [index.get(from), index.get(to)];
    if (a === undefined || b === undefined || a === b) continue;
    pairs.set(`${a} ${b}`, [a, b]);
  }
  const edges = forward(nodes.length, [...pairs.values()]);
  const layers = layersOf(nodes.length, edges);

  // A wire over several layers passes each at a place of its own.
  const items = nodes.map((node, number) => ({ layer: layers[number], size: across(node), above: [], below: [] }));
  const chains = new Map();
  for (const { ends: [a, b], key } of edges) {
    const chain = [a];
    for (let layer = layers[a] + 1; layer < layers[b]; layer++) {
      items.push({ layer, size: 6, passes: true, above: [], below: [] });
      chain.push(items.length - 1);
    }
    chain.push(b);
    for (let step = 1; step < chain.length; step++) {
      items[chain[step - 1]].below.push(chain[step]);
      items[chain[step]].above.push(chain[step - 1]);
    }
    chains.set(key, chain);
  }
  const rows = [];
  items.forEach((item, number) => (rows[item.layer] ??= []).push(number));
  order(items, rows);
  align(items, rows, gap.across);

  // Along the flow, each layer is as deep as its deepest node.
  const depths = rows.map((row) => Math.max(...row.map((number) => (number < nodes.length ? along(nodes[number]) : 0))));
  const starts = [];
  depths.reduce((at, depth, layer) => ((starts[layer] = at), at + depth + gap.along), 0);
  const least = Math.min(...items.map((item) => item.at - item.size / 2));
  const most = Math.max(...items.map((item) => item.at + item.size / 2));
  const places = new Map();
  const middle = (number) => {
    const { layer } = items[number];
    return { u: starts[layer] + depths[layer] / 2, v: items[number].at - least };
  };
  nodes.forEach((node, number) => {
    const { u, v } = middle(number);
    const [x, y] = down ? [v, u] : [u, v];
    places.set(node.id, { x: x - node.width / 2, y: y - node.height / 2 });
  });

  // Where several wires leave or enter, they stand side by side, in the order of their other ends.
  const used = new Map();
  const note = (number, side, wire, other) => {
    const key = `${number} ${side}`;
    if (!used.has(key)) used.set(key, []);
    used.get(key).push({ wire, other });
  };
  const routes = wires.map(({ from, to }, wire) => {
    const [a, b] = [index.get(from), index.get(to)];
    const turned = chains.has(`${b} ${a}`) && !chains.has(`${a} ${b}`);
    const chain = chains.get(turned ? `${b} ${a}` : `${a} ${b}`);
    if (!chain) return null;
    const way = turned ? [...chain].reverse() : chain;
    note(a, turned ? "in" : "out", wire, items[way[1]].at);
    note(b, turned ? "out" : "in", wire, items[way[way.length - 2]].at);
    return { way, turned };
  });
  const shift = (number, side, wire) => {
    const all = used.get(`${number} ${side}`).sort((one, two) => one.other - two.other || one.wire - two.wire);
    const place = all.findIndex((one) => one.wire === wire);
    const room = Math.min(12, (items[number].size * 0.66) / Math.max(1, all.length - 1));
    return (place - (all.length - 1) / 2) * room;
  };
  const drawn = routes.map((route, wire) => {
    if (!route) return [];
    const { way, turned } = route;
    const last = way.length - 1;
    return way.flatMap((number, step) => {
      const { u, v } = middle(number);
      const { layer } = items[number];
      if (step > 0 && step < last) {
        // Straight through the layer.
        const [one, two] = [starts[layer], starts[layer] + depths[layer]];
        const ends = turned ? [two, one] : [one, two];
        return ends.map((at) => point(down, at, v));
      }
      const side = (step === 0) !== turned ? "out" : "in";
      const half = along(nodes[number]) / 2;
      return [point(down, side === "out" ? u + half : u - half, v + shift(number, side, wire))];
    });
  });
  const length = starts.length ? starts[starts.length - 1] + depths[depths.length - 1] : 0;
  const breadth = Number.isFinite(most - least) ? most - least : 0;
  const [width, height] = down ? [breadth, length] : [length, breadth];
  return { width, height, places, routes: drawn };
}

function point(down, u, v) {
  return down ? { x: v, y: u } : { x: u, y: v };
}

/** The edges without those that would close a circle, which are turned round. */
function forward(count, pairs) {
  const next = Array.from({ length: count }, () => []);
  for (const pair of pairs) next[pair[0]].push(pair);
  const state = new Array(count).fill(0);
  const turned = new Set();
  const visit = (start) => {
    const stack = [[start, 0]];
    state[start] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1];
      const pair = next[top[0]][top[1]++];
      if (!pair) {
        state[top[0]] = 2;
        stack.pop();
      } else if (state[pair[1]] === 1) turned.add(pair);
      else if (state[pair[1]] === 0) {
        state[pair[1]] = 1;
        stack.push([pair[1], 0]);
      }
    }
  };
  for (let node = 0; node < count; node++) if (state[node] === 0) visit(node);
  const edges = new Map();
  for (const pair of pairs) {
    const ends = turned.has(pair) ? [pair[1], pair[0]] : pair;
    const key = `${ends[0]} ${ends[1]}`;
    edges.set(key, { ends, key });
  }
  return [...edges.values()];
}

/** The layer of each node; a source stands right before the first that reads it. */
function layersOf(count, edges) {
  const layers = new Array(count).fill(0);
  const entering = new Array(count).fill(0);
  const next = Array.from({ length: count }, () => []);
  for (const { ends: [a, b] } of edges) {
    entering[b]++;
    next[a].push(b);
  }
  const sources = entering.map((many) => many === 0);
  const ready = [...entering.keys()].filter((node) => entering[node] === 0);
  const sorted = [];
  while (ready.length) {
    const node = ready.shift();
    sorted.push(node);
    for (const to of next[node]) {
      layers[to] = Math.max(layers[to], layers[node] + 1);
      if (--entering[to] === 0) ready.push(to);
    }
  }
  for (const node of sorted.reverse()) {
    if (sources[node] && next[node].length) {
      layers[node] = Math.max(0, Math.min(...next[node].map((to) => layers[to])) - 1);
    }
  }
  return layers;
}

/** Orders each row so that few wires cross: by the mean place of neighbours, down and up in turns. */
function order(items, rows) {
  const place = new Array(items.length).fill(0);
  const note = () => rows.forEach((row) => row.forEach((number, at) => (place[number] = at)));
  note();
  let best = { crossings: crossings(items, rows, place), rows: rows.map((row) => [...row]) };
  for (let sweep = 0; sweep < SWEEPS && best.crossings > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    const way = isDown ? rows.keys() : [...rows.keys()].reverse();
    for (const layer of way) {
      const mean = (number) => {
        const near = isDown ? items[number].above : items[number].below;
        return near.length ? near.reduce((sum, other) => sum + place[other], 0) / near.length : place[number];
      };
      const means = new Map(rows[layer].map((number) => [number, mean(number)]));
      rows[layer].sort((a, b) => means.get(a) - means.get(b) || place[a] - place[b]);
      rows[layer].forEach((number, at) => (place[number] = at));
    }
    const now = crossings(items, rows, place);
    if (now < best.crossings) best = { crossings: now, rows: rows.map((row) => [...row]) };
  }
  best.rows.forEach((row, layer) => (rows[layer] = row));
}

function crossings(items, rows, place) {
  let count = 0;
  for (const row of rows) {
    const ends = row.flatMap((number) =>
      items[number].below.map((to) => place[to]).sort((a, b) => a - b),
    );
    for (let one = 0; one < ends.length; one++) {
      for (let two = one + 1; two < ends.length; two++) if (ends[one] > ends[two]) count++;
    }
  }
  return count;
}

/** Gives every item its place across the flow, as near its neighbours as the row allows. */
function align(items, rows, gap) {
  for (const row of rows) {
    let at = 0;
    for (const number of row) {
      items[number].at = at + items[number].size / 2;
      at += items[number].size + gap;
    }
    for (const number of row) items[number].at -= at / 2;
  }
  for (let pass = 0; pass < ALIGNMENTS; pass++) {
    const layers = pass % 2 === 0 ? [...rows.keys()] : [...rows.keys()].reverse();
    for (const layer of layers) {
      const wanted = rows[layer].map((number) => {
        const { above, below, at } = items[number];
        const near = pass % 2 === 0 ? above : below;
        const all = pass >= ALIGNMENTS - 2 ? [...above, ...below] : near;
        return all.length ? all.reduce((sum, other) => sum + items[other].at, 0) / all.length : at;
      });
      spread(rows[layer].map((number) => items[number]), wanted, gap);
    }
  }
}

/** The places nearest to those `wanted`, in squares, that keep the order and the gaps. */
function spread(row, wanted, gap) {
  // Without the room that those before need, only the order is left to keep: pool what violates it.
  const before = [];
  row.reduce((sum, item, at) => {
    before[at] = sum + item.size / 2;
    return sum + item.size + (item.passes ? gap / 2 : gap);
  }, 0);
  const pools = [];
  row.forEach((item, at) => {
    const weight = item.passes ? 3 : 1;
    let pool = { sum: (wanted[at] - before[at]) * weight, weight, count: 1 };
    while (pools.length && pools[pools.length - 1].sum / pools[pools.length - 1].weight > pool.sum / pool.weight) {
      const last = pools.pop();
      pool = { sum: last.sum + pool.sum, weight: last.weight + pool.weight, count: last.count + pool.count };
    }
    pools.push(pool);
  });
  let at = 0;
  for (const pool of pools) {
    for (let one = 0; one < pool.count; one++, at++) row[at].at = pool.sum / pool.weight + before[at];
  }
}

/** A smooth path through points, which runs straight along the flow where it meets them. */
export function path(points, direction) {
  const down = direction === "down";
  return points
    .map(({ x, y }, step) => {
      if (step === 0) return `M${round(x)} ${round(y)}`;
      const last = points[step - 1];
      if (down) {
        const half = (last.y + y) / 2;
        return `C${round(last.x)} ${round(half)} ${round(x)} ${round(half)} ${round(x)} ${round(y)}`;
      }
      const half = (last.x + x) / 2;
      return `C${round(half)} ${round(last.y)} ${round(half)} ${round(y)} ${round(x)} ${round(y)}`;
    })
    .join("");
}

function round(value) {
  return Math.round(value * 10) / 10;
}
