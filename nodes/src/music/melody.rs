//! The melody model: codes to tokens and back, and how drums are struck.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{Metre, NodeError, Settings};

use super::drums;
use super::tokens::layout;
use super::tune_encoder::TuneEncoder;
use crate::model::{Data, Manifest, Model, Music, Session, Task, Tensor};

/// A melody that is being drawn.
pub struct Phrase {
    condition: Tensor,
    state: Tensor,
    /// The latest token.
    token: i64,
    /// What the groove remembers, where the model has one that was asked for.
    touch: Option<Tensor>,
}

/// How each of the drums that may be struck at a step is played.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Touch {
    /// How hard, 0 to 1, by class.
    pub(super) velocity: Vec<f32>,
    /// How late, in sixteenths, by class.
    pub(super) offset: Vec<f32>,
}

impl Touch {
    /// `None` unless all are numbers.
    fn of(velocity: Vec<f32>, offset: Vec<f32>) -> Option<Self> {
        let are_numbers = |values: &[f32]| values.iter().all(|value| value.is_finite());
        let is_whole = are_numbers(&velocity) && are_numbers(&offset);
        is_whole.then_some(Touch { velocity, offset })
    }
}

/// What the model says of one step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) token: i64,
    pub(super) touch: Option<Touch>,
}

impl Said {
    /// A token of a model that says no more.
    pub(super) fn of(token: i64) -> Self {
        Said { token, touch: None }
    }
}

/// A loaded melody model.
pub struct Melody {
    name: String,
    manifest: Manifest,
    model: Model,
    layout: Music,
    start: Session,
    step: Session,
    encoder: Option<TuneEncoder>,
    groove: Option<Session>,
}

impl Melody {
    /// Loads the music model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Music)?.clone();
        let layout = layout(&model, name)?;
        Ok(Melody {
            name: name.to_owned(),
            start: manifest.open(&model, "start")?,
            step: manifest.open(&model, "step")?,
            encoder: None,
            groove: None,
            manifest,
            model,
            layout,
        })
    }

    /// The same model, which says how drums are struck as well, where it knows.
    pub(super) fn with_groove(mut self) -> Result<Self, NodeError> {
        if self.model.files.contains_key("groove") {
            self.groove = Some(self.manifest.open(&self.model, "groove")?);
        }
        Ok(self)
    }

    /// The dimension of the model's codes.
    pub fn dimension(&self) -> usize {
        self.model.latent
    }

    /// The layout of the model's tokens.
    pub fn layout(&self) -> &Music {
        &self.layout
    }

    /// Draws a melody for `code`; at temperature 0 the likeliest token is taken at every step.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError> {
        let mut phrase = self.begin(code)?;
        (0..self.layout.steps)
            .map(|_| self.go_on(&mut phrase, temperature, rng))
            .collect()
    }

    /// Begins a melody for `code`, to be drawn token by token.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn begin(&mut self, code: &[f32]) -> Result<Phrase, NodeError> {
        self.require_dimension(code)?;
        let outputs = ["condition", "state", "touch"];
        let asked = if self.groove.is_some() { 3 } else { 2 };
        let mut started = self.start.run(
            &[("latent", &[1, code.len()], Data::F32(code))],
            &outputs[..asked],
        )?;
        let touch = self.groove.as_ref().and_then(|_| started.pop());
        let (Some(state), Some(condition)) = (started.pop(), started.pop()) else {
            return Err(NodeError::internal("the model gave no state"));
        };
        Ok(Phrase {
            condition,
            state,
            token: self.layout.start_token,
            touch,
        })
    }

    /// Turns a melody that is being drawn towards another code.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn turn(&mut self, phrase: &mut Phrase, code: &[f32]) -> Result<(), NodeError> {
        phrase.condition = self.begin(code)?.condition;
        Ok(())
    }

    /// Draws the melody's next token; at temperature 0 the likeliest.
    ///
    /// # Errors
    /// The model fails.
    pub fn go_on(
        &mut self,
        phrase: &mut Phrase,
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<i64, NodeError> {
        let Phrase {
            condition,
            state,
            token,
            ..
        } = phrase;
        let mut came = self.step.run(
            &[
                ("condition", &condition.shape, Data::F32(&condition.values)),
                ("token", &[1], Data::I64(&[*token])),
                ("state", &state.shape, Data::F32(&state.values)),
            ],
            &["logits", "state_out"],
        )?;
        let (Some(next), Some(logits)) = (came.pop(), came.pop()) else {
            return Err(NodeError::internal("the model gave no state"));
        };
        *state = next;
        let uniform: f64 = StandardUniform.sample(rng);
        *token = draw(&logits.values, f64::from(temperature), uniform)
            .and_then(|token| i64::try_from(token).ok())
            .ok_or_else(|| NodeError::model("the model gave logits that are not numbers"))?;
        Ok(*token)
    }

    /// Draws the melody's next token, and how its drums are struck.
    ///
    /// # Errors
    /// The model fails.
    pub(super) fn say(
        &mut self,
        phrase: &mut Phrase,
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Said, NodeError> {
        let token = self.go_on(phrase, temperature, rng)?;
        let (Some(groove), Some(state)) = (&mut self.groove, &mut phrase.touch) else {
            return Ok(Said::of(token));
        };
        let hits = drums::hits(token);
        let condition = &phrase.condition;
        let mut came = groove.run(
            &[
                ("condition", &condition.shape, Data::F32(&condition.values)),
                ("hits", &[1, hits.len()], Data::F32(&hits)),
                ("touch", &state.shape, Data::F32(&state.values)),
            ],
            &["velocity", "offset", "touch_out"],
        )?;
        let (Some(next), Some(offset), Some(velocity)) = (came.pop(), came.pop(), came.pop())
        else {
            return Err(NodeError::internal("the model gave no touch"));
        };
        *state = next;
        let touch = Touch::of(velocity.values, offset.values);
        Ok(Said {
            token,
            touch: Some(
                touch.ok_or_else(|| {
                    NodeError::model("the model gave strokes that are not numbers")
                })?,
            ),
        })
    }

    /// The likeliest token at every step, given the right tokens before it (teacher forcing).
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn forced(&mut self, code: &[f32], right: &[i64]) -> Result<Vec<i64>, NodeError> {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut phrase = self.begin(code)?;
        let mut found = Vec::with_capacity(right.len());
        for token in right {
            found.push(self.go_on(&mut phrase, 0.0, &mut rng)?);
            phrase.token = *token;
        }
        Ok(found)
    }

    /// The melody of `code` at temperature 0.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn likeliest(&mut self, code: &[f32]) -> Result<Vec<i64>, NodeError> {
        self.decode(code, 0.0, &mut ChaCha8Rng::seed_from_u64(0))
    }

    /// Whether the model can encode melodies.
    pub fn encodes(&self) -> bool {
        self.model.files.contains_key("encoder")
    }

    /// The code of a melody of exactly as many tokens as the layout has steps.
    ///
    /// # Errors
    /// There are more or fewer tokens, or one that is not in the layout; or the model fails.
    pub fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(TuneEncoder::of(self.manifest.clone(), &self.name)?),
        };
        encoder.encode(tokens, Metre(4, 4))
    }

    fn require_dimension(&self, code: &[f32]) -> Result<(), NodeError> {
        if code.len() == self.model.latent {
            return Ok(());
        }
        Err(NodeError::model(format!(
            "the model's latents have {} components, but this one has {}",
            self.model.latent,
            code.len()
        )))
    }
}

/// The index that `uniform` (0 up to 1) falls on when each has the weight exp(logit / temperature);
/// the largest at temperature 0. `None` unless all are numbers.
pub(super) fn draw(logits: &[f32], temperature: f64, uniform: f64) -> Option<usize> {
    if !logits.iter().all(|logit| logit.is_finite()) {
        return None;
    }
    let (likeliest, most) = logits
        .iter()
        .copied()
        .enumerate()
        .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    if temperature <= 0.0 {
        return Some(likeliest);
    }
    let weights: Vec<f64> = logits
        .iter()
        .map(|logit| (f64::from(logit - most) / temperature).exp())
        .collect();
    let mut left = uniform * weights.iter().sum::<f64>();
    for (index, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return Some(index);
        }
    }
    Some(likeliest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_that_are_not_numbers_are_none() {
        assert!(Touch::of(vec![0.5], vec![-0.1]).is_some());
        assert!(Touch::of(vec![f32::NAN], vec![0.0]).is_none());
        assert!(Touch::of(vec![0.5], vec![f32::INFINITY]).is_none());
    }

    #[test]
    fn cold_draws_take_the_likeliest_and_warm_ones_follow_the_odds() {
        let logits = [0.0, 2.0_f32.ln(), 0.0];
        assert_eq!(draw(&logits, 0.0, 0.99), Some(1));
        assert_eq!(draw(&logits, 1.0, 0.2), Some(0));
        assert_eq!(draw(&logits, 1.0, 0.7), Some(1));
        assert_eq!(draw(&logits, 1.0, 0.8), Some(2));
        assert_eq!(draw(&[0.0, f32::NAN], 1.0, 0.5), None);
    }
}
