//! A flat MusicVAE computed the plain way, from the tensors by their names: number by number, in
//! double precision, as the paper and Magenta.js have it. What the ONNX files compute is compared
//! with it.

use std::iter::repeat_n;

use super::graphs::given;
use super::network::{INITIAL, MEAN, OUTPUT, cell, direction};
use super::weights::Weights;

/// What a cell remembers, and what it says.
pub(super) type State = (Vec<f64>, Vec<f64>);

/// `input · kernel + bias` of the layer called `name`.
fn dense(weights: &Weights, name: &str, input: &[f64]) -> Vec<f64> {
    let empty = || (Vec::new(), 0);
    let (mut sums, columns) =
        weights
            .tensors
            .get(&format!("{name}/bias"))
            .map_or_else(empty, |bias| {
                let sums: Vec<f64> = bias.values.iter().map(|value| f64::from(*value)).collect();
                let columns = sums.len().max(1);
                (sums, columns)
            });
    let Some(kernel) = weights.tensors.get(&format!("{name}/kernel")) else {
        return sums;
    };
    for (value, row) in input.iter().zip(kernel.values.chunks_exact(columns)) {
        if *value == 0.0 {
            continue;
        }
        for (sum, weight) in sums.iter_mut().zip(row) {
            *sum += value * f64::from(*weight);
        }
    }
    sums
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// TensorFlow's `BasicLSTMCell`.
fn lstm(weights: &Weights, name: &str, input: &[f64], (c, h): &State) -> State {
    let gates = dense(weights, name, &[input, h].concat());
    let units = h.len();
    let gate =
        |number: usize, unit: usize| gates.get(number * units + unit).copied().unwrap_or(0.0);
    let c: Vec<f64> = (0..units)
        .zip(c)
        .map(|(unit, c)| {
            c * sigmoid(gate(2, unit) + 1.0) + sigmoid(gate(0, unit)) * gate(1, unit).tanh()
        })
        .collect();
    let h = (0..units)
        .zip(&c)
        .map(|(unit, c)| c.tanh() * sigmoid(gate(3, unit)))
        .collect();
    (c, h)
}

/// The state that a code begins with, of cells with their numbers of `units`.
pub(super) fn start(weights: &Weights, code: &[f64], units: &[usize]) -> Vec<State> {
    let all: Vec<f64> = dense(weights, INITIAL, code)
        .iter()
        .map(|value| value.tanh())
        .collect();
    let mut rest = all.iter().copied();
    units
        .iter()
        .map(|units| {
            (
                rest.by_ref().take(*units).collect(),
                rest.by_ref().take(*units).collect(),
            )
        })
        .collect()
}

/// The logits after `token`, one of `tokens` (or none, at the beginning); the state goes on.
pub(super) fn step(
    weights: &Weights,
    code: &[f64],
    (token, tokens): (Option<usize>, usize),
    state: &mut [State],
) -> Vec<f64> {
    let mut input: Vec<f64> = (0..tokens)
        .map(|place| if Some(place) == token { 1.0 } else { 0.0 })
        .collect();
    input.extend(code);
    for (number, state) in state.iter_mut().enumerate() {
        *state = lstm(weights, &cell(number), &input, state);
        input.clone_from(&state.1);
    }
    dense(weights, OUTPUT, &input)
}

/// The mean code of a melody, for an encoder with `units` that is given `depth` numbers for each of
/// `tokens`.
pub(super) fn encode(
    weights: &Weights,
    melody: &[usize],
    (units, depth, tokens): (usize, usize, usize),
) -> Vec<f64> {
    let silent = || {
        (
            repeat_n(0.0, units).collect(),
            repeat_n(0.0, units).collect(),
        )
    };
    let (mut forward, mut backward): (State, State) = (silent(), silent());
    let input = |token: usize| -> Vec<f64> {
        given(token, depth, tokens)
            .into_iter()
            .map(f64::from)
            .collect()
    };
    for (early, late) in melody.iter().zip(melody.iter().rev()) {
        forward = lstm(weights, &direction("fw"), &input(*early), &forward);
        backward = lstm(weights, &direction("bw"), &input(*late), &backward);
    }
    dense(weights, MEAN, &[forward.1, backward.1].concat())
}

/// What the code alone gives to the gates of the first cell, its bias among it.
pub(super) fn condition(weights: &Weights, code: &[f64], tokens: usize) -> Vec<f64> {
    let input: Vec<f64> = repeat_n(0.0, tokens).chain(code.iter().copied()).collect();
    dense(weights, &cell(0), &input)
}
