//! The encoder of any model whose latents are melodies or drums: tokens to latents.

use score_engine::{Metre, NodeError};

use super::encoder::Encoder;
use super::tokens::layout;
use super::tune_model::{draws, tune_model};
use crate::model::{Data, Manifest, Model, Music};

/// The encoder of a model whose latents are melodies or drums, opened when it is needed.
pub(super) struct TuneEncoder {
    encoder: Encoder,
    layout: Music,
}

impl TuneEncoder {
    /// The encoder of the model called `name`, which is opened with the first melody.
    ///
    /// # Errors
    /// There is no such model, its codes are not melodies, or it has no encoder.
    pub(super) fn of(manifest: Manifest, name: &str) -> Result<Self, NodeError> {
        let model = tune_model(&manifest, name)?.clone();
        let layout = layout(&model, name)?;
        if !model.files.contains_key("encoder") {
            let why = format!(
                "the model `{name}` has no encoder: it plays latents, but reads no melodies"
            );
            let reads = |model: &Model| draws(model.task) && model.files.contains_key("encoder");
            let able = manifest.names_of(reads);
            return Err(NodeError::model(why).help(format!("models that read: {able}")));
        }
        Ok(TuneEncoder {
            encoder: Encoder::of(manifest, model),
            layout,
        })
    }

    /// The layout of the tokens.
    pub(super) fn layout(&self) -> &Music {
        &self.layout
    }

    /// The dimension of the codes.
    pub(super) fn dimension(&self) -> usize {
        self.encoder.dimension()
    }

    /// The code of as many tokens as the layout has steps, of bars of this metre.
    ///
    /// # Errors
    /// They are not such tokens, or the model cannot be loaded or fails.
    pub(super) fn encode(&mut self, tokens: &[i64], metre: Metre) -> Result<Vec<f32>, NodeError> {
        let layout = &self.layout;
        let known = |token: &i64| usize::try_from(*token).is_ok_and(|token| token < layout.tokens);
        if tokens.len() != layout.steps || !tokens.iter().all(known) {
            return Err(NodeError::input(format!(
                "this model reads {} tokens at a time, from 0 to {}",
                layout.steps,
                layout.tokens.saturating_sub(1)
            )));
        }
        let shape = [1, tokens.len()];
        let metre = [match metre {
            Metre(3, 4) => 1,
            Metre(6, 8) => 2,
            _ => 0,
        }];
        let mut inputs: Vec<(&str, &[usize], Data<'_>)> =
            vec![("tokens", &shape, Data::I64(tokens))];
        if self.encoder.takes("metre") {
            inputs.push(("metre", &[1], Data::I64(&metre)));
        }
        self.encoder.encode(&inputs)
    }
}
