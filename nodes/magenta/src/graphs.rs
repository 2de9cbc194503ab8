//! Writes the layers of a flat MusicVAE as the graphs that a music model has: `start`, `step` and
//! `encoder`.
//!
//! The decoder's first cell is given the token before, the code, and its own output, one after
//! another. The code's share does not change from step to step: it is computed once, in `start`,
//! and is the `condition` of every step. The token's share is a row of the kernel. Cells are
//! TensorFlow's `BasicLSTMCell`: gates i, j, f, o, and a forget bias of 1: c' = c · σ(f + 1) + σ(i)
//! · tanh(j), h' = tanh(c') · σ(o).

use super::network::{Encoder, Layer, Network};
use crate::onnx_writer::{Attribute, Element, Graph};
use score_nodes::model::Music;

/// What the encoder of drums is given: nine hits, and whether there is none.
pub(super) const HITS: usize = 10;

/// What TensorFlow adds to the forget gate.
const FORGET_BIAS: f32 = 1.0;

/// The graph of `latent` to `condition` and `state`.
pub(super) fn start(network: &Network<'_>, music: &Music) -> Graph {
    let mut graph = Graph::new("start");
    let first = network.cells[0];
    graph.input("latent", Element::Float, &[network.latent]);
    let code = first.part(music.tokens, music.tokens + network.latent);
    graph.floats("code_kernel", &[network.latent, first.columns], code);
    graph.floats("code_bias", &[first.columns], first.bias);
    graph.node(
        "Gemm",
        &["latent", "code_kernel", "code_bias"],
        &["condition"],
        &[],
    );
    dense(&mut graph, "initial", &network.initial, "latent", "raw");
    graph.node("Tanh", &["raw"], &["state"], &[]);
    graph.output("condition", &[first.columns]);
    graph.output("state", &[network.state()]);
    graph
}

/// The graph of `condition`, `token` and `state` to `logits` and `state_out`.
pub(super) fn step(network: &Network<'_>, music: &Music) -> Graph {
    let mut graph = Graph::new("step");
    let first = network.cells[0];
    graph.input("condition", Element::Float, &[first.columns]);
    graph.input("token", Element::Int64, &[]);
    graph.input("state", Element::Float, &[network.state()]);

    // The token that stands for the beginning has a row of zeros.
    let mut tokens = first.part(0, music.tokens).to_vec();
    tokens.resize(tokens.len() + first.columns, 0.0);
    graph.floats("tokens", &[music.tokens + 1, first.columns], &tokens);
    graph.node("Gather", &["tokens", "token"], &["from_token"], &[]);

    let names = |kind: &str| -> Vec<String> {
        (0..network.cells.len())
            .map(|cell| format!("{kind}{cell}"))
            .collect()
    };
    let (before, after) = (names("before_"), names("after_"));
    let (cs, hs) = (names("c"), names("h"));
    let sizes: Vec<usize> = network
        .cells
        .iter()
        .flat_map(|cell| [cell.units(), cell.units()])
        .collect();
    graph.integers("sizes", &sizes);
    let parts: Vec<String> = cs
        .iter()
        .zip(&hs)
        .flat_map(|(c, h)| [format!("{c}_in"), format!("{h}_in")])
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    graph.node(
        "Split",
        &["state", "sizes"],
        &parts,
        &[Attribute::Int("axis", 1)],
    );
    graph.floats("forget_bias", &[1], &[FORGET_BIAS]);

    for (number, cell) in network.cells.iter().enumerate() {
        let (c, h) = (&cs[number], &hs[number]);
        let (c_in, h_in) = (format!("{c}_in"), format!("{h}_in"));
        let gates = &after[number];
        if number == 0 {
            let own = cell.part(cell.rows - cell.units(), cell.rows);
            graph.floats("own_kernel", &[cell.units(), cell.columns], own);
            graph.node("MatMul", &[&h_in, "own_kernel"], &["from_own"], &[]);
            graph.node("Add", &["from_token", "condition"], &["from_others"], &[]);
            graph.node("Add", &["from_others", "from_own"], &[gates], &[]);
        } else {
            let axis = [Attribute::Int("axis", 1)];
            graph.node(
                "Concat",
                &[&hs[number - 1], &h_in],
                &[&before[number]],
                &axis,
            );
            dense(
                &mut graph,
                &format!("cell{number}"),
                cell,
                &before[number],
                gates,
            );
        }
        lstm(&mut graph, number, cell.units(), gates, &c_in, (c, h));
    }

    let top = &hs[hs.len() - 1];
    dense(&mut graph, "output", &network.output, top, "logits");
    let made: Vec<&str> = cs
        .iter()
        .zip(&hs)
        .flat_map(|(c, h)| [c.as_str(), h.as_str()])
        .collect();
    graph.node(
        "Concat",
        &made,
        &["state_out"],
        &[Attribute::Int("axis", 1)],
    );
    graph.output("logits", &[music.tokens]);
    graph.output("state_out", &[network.state()]);
    graph
}

/// What a cell makes of its gates and of what it remembers.
fn lstm(
    graph: &mut Graph,
    number: usize,
    units: usize,
    gates: &str,
    c_in: &str,
    (c, h): (&str, &str),
) {
    let name = |part: &str| format!("{part}{number}");
    let (sizes, i, j, f, o) = (name("gates"), name("i"), name("j"), name("f"), name("o"));
    graph.integers(&sizes, &[units; 4]);
    let axis = [Attribute::Int("axis", 1)];
    graph.node("Split", &[gates, &sizes], &[&i, &j, &f, &o], &axis);
    let (keep, kept) = (name("keep"), name("kept"));
    let (biased, let_in, new, added) = (name("biased"), name("let_in"), name("new"), name("added"));
    graph.node("Add", &[&f, "forget_bias"], &[&biased], &[]);
    graph.node("Sigmoid", &[&biased], &[&keep], &[]);
    graph.node("Mul", &[c_in, &keep], &[&kept], &[]);
    graph.node("Sigmoid", &[&i], &[&let_in], &[]);
    graph.node("Tanh", &[&j], &[&new], &[]);
    graph.node("Mul", &[&let_in, &new], &[&added], &[]);
    graph.node("Add", &[&kept, &added], &[c], &[]);
    let (level, let_out) = (name("level"), name("let_out"));
    graph.node("Tanh", &[c], &[&level], &[]);
    graph.node("Sigmoid", &[&o], &[&let_out], &[]);
    graph.node("Mul", &[&level, &let_out], &[h], &[]);
}

/// Adds `input · kernel + bias`.
fn dense(graph: &mut Graph, name: &str, layer: &Layer<'_>, input: &str, output: &str) {
    let (kernel, bias) = (format!("{name}_kernel"), format!("{name}_bias"));
    graph.floats(&kernel, &[layer.rows, layer.columns], layer.kernel);
    graph.floats(&bias, &[layer.columns], layer.bias);
    graph.node("Gemm", &[input, &kernel, &bias], &[output], &[]);
}

/// The graph of `tokens` to `latent`: the mean of the codes that the melody may have.
pub(super) fn encoder(encoder: &Encoder<'_>, latent: usize, music: &Music) -> Graph {
    let mut graph = Graph::new("encoder");
    let units = encoder.forward.units();
    graph.input("tokens", Element::Int64, &[music.steps]);
    let table: Vec<f32> = (0..music.tokens)
        .flat_map(|token| given(token, encoder.depth, music.tokens))
        .collect();
    graph.floats("table", &[music.tokens, encoder.depth], &table);
    // ONNX's LSTM wants the steps first.
    let turn = [Attribute::Ints("perm", &[1, 0])];
    graph.node("Transpose", &["tokens"], &["by_step"], &turn);
    graph.node("Gather", &["table", "by_step"], &["given"], &[]);
    let both = [&encoder.forward, &encoder.backward];
    let (mut from_given, mut from_own, mut bias) = (Vec::new(), Vec::new(), Vec::new());
    for layer in both {
        from_given.extend(reordered(layer, 0, encoder.depth));
        from_own.extend(reordered(layer, encoder.depth, layer.rows));
        for gate in GATES {
            let more = if gate == FORGET { FORGET_BIAS } else { 0.0 };
            let own = layer.bias.iter().skip(gate * units).take(units);
            bias.extend(own.map(|bias| bias + more));
        }
        // ONNX has a second bias, for the cell's own output.
        bias.resize(bias.len() + layer.columns, 0.0);
    }
    graph.floats("from_given", &[2, 4 * units, encoder.depth], &from_given);
    graph.floats("from_own", &[2, 4 * units, units], &from_own);
    graph.floats("bias", &[2, 8 * units], &bias);
    let settings = [
        Attribute::Int("hidden_size", units as u64),
        Attribute::Text("direction", "bidirectional"),
    ];
    let inputs = ["given", "from_given", "from_own", "bias"];
    graph.node("LSTM", &inputs, &["", "last"], &settings);
    // From [direction, N, units] to a row for each melody.
    let turn = [Attribute::Ints("perm", &[1, 0, 2])];
    graph.node("Transpose", &["last"], &["by_melody"], &turn);
    graph.node(
        "Flatten",
        &["by_melody"],
        &["both"],
        &[Attribute::Int("axis", 1)],
    );
    dense(&mut graph, "mean", &encoder.mean, "both", "latent");
    graph.output("latent", &[latent]);
    graph
}

/// What an encoder of drums or of melodies is given for a token.
pub(super) fn given(token: usize, depth: usize, tokens: usize) -> Vec<f32> {
    let told = |yes: bool| if yes { 1.0 } else { 0.0 };
    if depth == tokens {
        return (0..depth).map(|place| told(place == token)).collect();
    }
    (0..depth)
        .map(|place| {
            told(if place == HITS - 1 {
                token == 0
            } else {
                token >> place & 1 == 1
            })
        })
        .collect()
}

/// ONNX's order of gates, i, o, f, c, as places in TensorFlow's, i, j, f, o.
const GATES: [usize; 4] = [0, 3, FORGET, 1];

/// The place of the forget gate in TensorFlow's order.
const FORGET: usize = 2;

/// The kernel's rows from `from` to `to`, as ONNX wants them: a row for each unit of each gate.
fn reordered(layer: &Layer<'_>, from: usize, to: usize) -> Vec<f32> {
    let part = layer.part(from, to);
    let units = layer.units();
    GATES
        .iter()
        .flat_map(|gate| gate * units..(gate + 1) * units)
        .flat_map(|column| part.iter().skip(column).step_by(layer.columns))
        .copied()
        .collect()
}
