//! Finds the layers of a flat MusicVAE in its tensors, and requires that they fit each other.

use score_engine::NodeError;

use super::weights::{Tensor, Weights};
use score_nodes::model::Music;

/// Rows of weights and a bias: `input · kernel + bias`.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) kernel: &'a [f32],
    pub(super) bias: &'a [f32],
}

impl<'a> Layer<'a> {
    /// The rows of the kernel from `from` up to `to`.
    pub(super) fn part(&self, from: usize, to: usize) -> &'a [f32] {
        self.kernel
            .get(from * self.columns..to * self.columns)
            .unwrap_or(&[])
    }

    /// The units of an LSTM with this layer: a quarter of the columns is a gate.
    pub(super) fn units(&self) -> usize {
        self.columns / 4
    }
}

/// The layers of a checkpoint.
pub(super) struct Network<'a> {
    /// The components of a code.
    pub(super) latent: usize,
    /// The decoder's LSTM cells, from the token up. The first takes the token, the code and its
    /// own output.
    pub(super) cells: Vec<Layer<'a>>,
    /// From a code to the state of all cells: c₀, h₀, c₁, h₁, …
    pub(super) initial: Layer<'a>,
    /// From the last cell to the tokens.
    pub(super) output: Layer<'a>,
    /// The encoder, or why there is none.
    pub(super) encoder: Result<Encoder<'a>, String>,
}

/// The layers of an encoder of one LSTM in each direction.
pub(super) struct Encoder<'a> {
    pub(super) forward: Layer<'a>,
    pub(super) backward: Layer<'a>,
    pub(super) mean: Layer<'a>,
    /// Numbers that it is given for each token.
    pub(super) depth: usize,
}

/// What stands before the names of a cell's kernel and bias.
pub(super) fn cell(layer: usize) -> String {
    format!("decoder/multi_rnn_cell/cell_{layer}/lstm_cell")
}

/// What stands before the names of the encoder's LSTM `fw` or `bw`.
pub(super) fn direction(direction: &str) -> String {
    format!("encoder/cell_0/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0/lstm_cell")
}

pub(super) const INITIAL: &str = "decoder/z_to_initial_state";
pub(super) const OUTPUT: &str = "decoder/output_projection";
pub(super) const MEAN: &str = "encoder/mu";

impl<'a> Network<'a> {
    /// Finds the layers among `weights`, for the tokens of `music`.
    ///
    /// # Errors
    /// One is missing or does not fit.
    pub(super) fn of(weights: &'a Weights, music: &Music) -> Result<Self, NodeError> {
        let initial = layer(weights, INITIAL)?;
        let output = layer(weights, OUTPUT)?;
        let latent = initial.rows;
        let mut cells = vec![layer(weights, &cell(0))?];
        while weights
            .tensors
            .contains_key(&format!("{}/kernel", cell(cells.len())))
        {
            cells.push(layer(weights, &cell(cells.len()))?);
        }
        let mut below = music.tokens + latent;
        let mut state = 0;
        for (number, layer) in cells.iter().enumerate() {
            require_cell(&cell(number), layer, below)?;
            below = layer.units();
            state += 2 * below;
        }
        require(OUTPUT, "rows", output.rows, below)?;
        require(OUTPUT, "columns", output.columns, music.tokens)?;
        require(INITIAL, "columns", initial.columns, state)?;
        Ok(Network {
            latent,
            cells,
            initial,
            output,
            encoder: Encoder::of(weights, music, latent)?,
        })
    }

    /// The numbers of the state of all cells.
    pub(super) fn state(&self) -> usize {
        self.initial.columns
    }
}

impl<'a> Encoder<'a> {
    fn of(
        weights: &'a Weights,
        music: &Music,
        latent: usize,
    ) -> Result<Result<Self, String>, NodeError> {
        let names = [direction("fw"), direction("bw"), MEAN.to_owned()];
        let wanted = names
            .iter()
            .flat_map(|name| [format!("{name}/kernel"), format!("{name}/bias")]);
        let missing: Vec<String> = wanted
            .filter(|name| !weights.tensors.contains_key(name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            return Ok(Err(format!(
                "the checkpoint has no {}",
                missing.join(" and no ")
            )));
        }
        if weights
            .tensors
            .keys()
            .any(|name| name.starts_with("encoder/cell_1/"))
        {
            return Ok(Err(
                "its encoder has several layers, which cannot be imported".to_owned(),
            ));
        }
        let [forward, backward, mean] = [
            layer(weights, &names[0])?,
            layer(weights, &names[1])?,
            layer(weights, &names[2])?,
        ];
        let units = forward.units();
        let depth = forward.rows.saturating_sub(units);
        // Drums are read as nine hits and whether there is none, or as the token itself.
        let known = if music.drums && depth != music.tokens {
            super::graphs::HITS
        } else {
            music.tokens
        };
        require_cell(&names[0], &forward, known)?;
        require_cell(&names[1], &backward, known)?;
        require(&names[1], "columns", backward.columns, forward.columns)?;
        require(MEAN, "rows", mean.rows, 2 * units)?;
        require(MEAN, "columns", mean.columns, latent)?;
        Ok(Ok(Encoder {
            forward,
            backward,
            mean,
            depth,
        }))
    }
}

fn layer<'a>(weights: &'a Weights, name: &str) -> Result<Layer<'a>, NodeError> {
    let kernel = tensor(weights, &format!("{name}/kernel"))?;
    let bias = tensor(weights, &format!("{name}/bias"))?;
    let &[rows, columns] = kernel.shape.as_slice() else {
        return Err(NodeError::input(format!(
            "the tensor `{name}/kernel` has shape {:?}, where rows and columns are wanted",
            kernel.shape
        )));
    };
    if rows == 0 || columns == 0 {
        return Err(NodeError::input(format!(
            "the tensor `{name}/kernel` is empty"
        )));
    }
    if bias.shape != [columns] {
        return Err(NodeError::input(format!(
            "the tensor `{name}/bias` has shape {:?} where [{columns}] is wanted",
            bias.shape
        )));
    }
    Ok(Layer {
        rows,
        columns,
        kernel: &kernel.values,
        bias: &bias.values,
    })
}

fn tensor<'a>(weights: &'a Weights, name: &str) -> Result<&'a Tensor, NodeError> {
    if let Some(tensor) = weights.tensors.get(name) {
        return Ok(tensor);
    }
    if weights.absent.iter().any(|absent| absent == name) {
        return Err(
            NodeError::input(format!("the file of the tensor `{name}` is not there"))
                .help("fetch the checkpoint again"),
        );
    }
    let has = |part: &str| weights.tensors.keys().any(|name| name.contains(part));
    let other = if has("hierarchical") || has("core_decoder") || has("conductor") {
        "this one is hierarchical, as those of 16 bars are"
    } else if has("nade") {
        "this one has a NADE"
    } else {
        "a checkpoint for training must be converted for Magenta.js first"
    };
    Err(
        NodeError::input(format!("the checkpoint has no tensor `{name}`")).help(format!(
            "models with a flat LSTM decoder can be imported (mel_2bar, mel_4bar, drums_2bar); \
             {other}"
        )),
    )
}

/// Requires that an LSTM has whole gates, and takes `below` numbers beside its own output.
fn require_cell(name: &str, layer: &Layer<'_>, below: usize) -> Result<(), NodeError> {
    if !layer.columns.is_multiple_of(4) {
        return Err(NodeError::input(format!(
            "the tensor `{name}/kernel` has {} columns, which is not a multiple of four gates",
            layer.columns
        )));
    }
    require(name, "rows", layer.rows, below + layer.units())
}

fn require(name: &str, what: &str, found: usize, wanted: usize) -> Result<(), NodeError> {
    if found == wanted {
        return Ok(());
    }
    Err(NodeError::input(format!(
        "the tensor `{name}/kernel` has {found} {what} where {wanted} are wanted"
    ))
    .help("the weights, or what is said of the tokens, belong to another checkpoint"))
}
