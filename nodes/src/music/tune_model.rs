//! Any model that turns codes into melodies or drums, and melodies into codes, whatever its task.

use rand_chacha::ChaCha8Rng;
use score_engine::{Metre, NodeError, Settings};

use super::melody::Melody;
use super::stream::{Asked, Strand, Stream};
use super::tune_encoder::TuneEncoder;
use crate::model::{Manifest, Model, Music, Task};

/// A model whose codes are drawn as pieces of music, in tokens.
pub trait Tunes {
    /// The dimension of the codes.
    fn dimension(&self) -> usize;

    /// The tokens of a piece for `code`; at temperature 0 the likeliest at every step.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError>;

    /// The code of a piece of as many tokens as the model draws.
    ///
    /// # Errors
    /// It is not such a piece, the model has no encoder, or it fails.
    fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError>;
}

impl Tunes for Melody {
    fn dimension(&self) -> usize {
        Melody::dimension(self)
    }

    fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError> {
        Melody::decode(self, code, temperature, rng)
    }

    fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError> {
        Melody::encode(self, tokens)
    }
}

/// A loaded model of the task `music`, `stream` or `lead`. Of the latter two each melody is a bar
/// that begins anew, in 4/4 and on no chord.
pub struct TuneModel {
    player: Player,
}

enum Player {
    Whole(Box<Melody>),
    Bar(Box<Bars>),
}

/// A model that goes on bar after bar.
struct Bars {
    stream: Stream,
    encoder: TuneEncoder,
}

impl TuneModel {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, it draws no melodies, or it cannot be loaded.
    pub fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let task = tune_model(&manifest, name)?.task;
        let player = match task {
            Task::Music => Player::Whole(Box::new(Melody::load(settings, name)?)),
            _ => {
                let stream = Stream::load(settings, name)?;
                let encoder = TuneEncoder::of(manifest, name)?;
                Player::Bar(Box::new(Bars { stream, encoder }))
            }
        };
        Ok(TuneModel { player })
    }

    /// The layout of the tokens.
    pub fn layout(&self) -> &Music {
        match &self.player {
            Player::Whole(melody) => melody.layout(),
            Player::Bar(bars) => bars.stream.layout(),
        }
    }
}

/// Whether the codes of models for this task are melodies.
pub(super) fn draws(task: Task) -> bool {
    matches!(task, Task::Music | Task::Stream | Task::Lead)
}

/// The model called `name`, if its codes are melodies.
///
/// # Errors
/// There is none of that name, or it draws no melodies. The advice lists those that do.
pub(super) fn tune_model<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a Model, NodeError> {
    let able = || {
        let able = manifest.names_of(|model| draws(model.task));
        format!("music models: {able}")
    };
    match manifest.models.get(name) {
        Some(model) if draws(model.task) => Ok(model),
        Some(model) => {
            let task = model.task.name();
            let why = format!("`{name}` is a {task} model: its latents are not melodies");
            Err(NodeError::model(why).help(able()))
        }
        None => Err(NodeError::model(format!("there is no model `{name}`")).help(able())),
    }
}

impl Tunes for TuneModel {
    fn dimension(&self) -> usize {
        match &self.player {
            Player::Whole(melody) => melody.dimension(),
            Player::Bar(bars) => bars.stream.dimension(),
        }
    }

    fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError> {
        match &mut self.player {
            Player::Whole(melody) => melody.decode(code, temperature, rng),
            Player::Bar(bars) => {
                let stream = &mut bars.stream;
                let steps = stream.layout().steps as u64;
                let mut strand: Strand = stream.begin();
                let asked = Asked::default();
                (0..steps)
                    .map(|place| {
                        let drawing = (temperature, &mut *rng);
                        stream.go_on(&mut strand, (place, false), code, &asked, drawing)
                    })
                    .collect()
            }
        }
    }

    fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError> {
        match &mut self.player {
            Player::Whole(melody) => melody.encode(tokens),
            Player::Bar(bars) => bars.encoder.encode(tokens, Metre(4, 4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::music::{interpolate, sample};
    use crate::testing::settings;

    const MODELS: [&str; 5] = ["melody", "drums", "stream", "lead", "lead_transformer"];

    #[test]
    fn every_model_of_melodies_draws_as_many_steps_as_its_layout_has() {
        for name in MODELS {
            let mut model = TuneModel::load(&settings(), name).unwrap();
            let drawn = sample(&mut model, 3, 0.5, 7).unwrap();
            let layout = *model.layout();
            assert_eq!(drawn, sample(&mut model, 3, 0.5, 7).unwrap(), "{name}");
            for tokens in &drawn {
                assert_eq!(tokens.len(), layout.steps, "{name}");
            }
            assert!(drawn.iter().flatten().any(|token| *token > 1), "{name}");
        }
    }

    #[test]
    fn the_way_between_two_melodies_begins_and_ends_as_their_own_codes_are_drawn() {
        for name in MODELS {
            let mut model = TuneModel::load(&settings(), name).unwrap();
            let ends = sample(&mut model, 2, 0.5, 3).unwrap();
            let way = interpolate(&mut model, (&ends[0], &ends[1]), 3, 0.0, 1).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let code = model.encode(&ends[1]).unwrap();
            let last = model.decode(&code, 0.0, &mut rng).unwrap();
            assert_eq!(way.len(), 3, "{name}");
            assert_eq!(way[2], last, "{name}");
        }
    }

    #[test]
    fn a_model_that_draws_no_melodies_is_refused_with_those_that_do() {
        let refused = TuneModel::load(&settings(), "eye").err().unwrap();
        let advice = refused.advice().unwrap_or_default();
        assert!(advice.contains("drums, lead, lead_transformer, melody, stream"));
    }
}
