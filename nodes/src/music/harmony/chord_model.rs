//! The model that knows which chord is likely to follow others.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{NodeError, Settings};

use super::super::melody::draw;
use super::chord::{NO_CHORD, START, TOKENS};
use crate::model::{Data, Manifest, Session, Task};

/// The most steps until a close that the model counts.
pub(super) const FARTHEST: u64 = 16;

/// A logit that is never drawn.
const NEVER: f32 = -1e9;

/// What stands for no close.
const NO_CLOSE: i64 = 17;

/// What can be asked of the next eight bars: brightness, tension, rate; 0 is what songs have in the
/// middle, 1 more than five of six, −1 less.
pub type Moods = [Option<f32>; 3];

/// Where a chord stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stand {
    /// The place in eight bars, in half bars.
    pub phase: i64,
    /// 0 for 4/4, 1 for 3/4, 2 for 6/8.
    pub metre: i64,
    /// 0 for major, 1 for minor.
    pub mode: i64,
    /// In how many steps the phrase closes on the tonic, where that is asked for.
    pub close: Option<u64>,
}

/// A loaded model of the task `harmony`, and what it remembers of the chords so far.
pub struct ChordModel {
    step: Session,
    dimension: usize,
    state: Vec<f32>,
    /// The chord that sounds.
    token: i64,
}

impl ChordModel {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Harmony)?;
        let step = manifest.open(model, "step")?;
        Ok(ChordModel {
            dimension: model.latent,
            state: vec![0.0; step.memory()?],
            token: START,
            step,
        })
    }

    /// The dimension of the codes.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Forgets the chords so far: the next one is the first.
    pub(super) fn begin(&mut self) {
        self.state.fill(0.0);
        self.token = START;
    }

    /// Draws the chord of the next step, a token; with `change` it is another than the one that
    /// sounds. At temperature 0 the likeliest.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn go_on(
        &mut self,
        stand: Stand,
        code: &[f32],
        moods: &Moods,
        change: bool,
        drawing: (f32, &mut ChaCha8Rng),
    ) -> Result<i64, NodeError> {
        self.go_on_to(stand, code, moods, (change, &[]), drawing)
    }

    /// As [`ChordModel::go_on`], where some chords are likelier than the model knows: `bias` is
    /// added to its logits.
    pub(super) fn go_on_to(
        &mut self,
        stand: Stand,
        code: &[f32],
        moods: &Moods,
        (change, bias): (bool, &[f32]),
        (temperature, rng): (f32, &mut ChaCha8Rng),
    ) -> Result<i64, NodeError> {
        let mut logits = self.run(stand, code, moods)?;
        // Music does not stop in the midst of a piece.
        logits.truncate(NO_CHORD as usize);
        for (logit, bias) in logits.iter_mut().zip(bias) {
            *logit += bias;
        }
        if change && let Some(sounds) = logits.get_mut(self.token.max(0) as usize) {
            *sounds = NEVER;
        }
        let uniform: f64 = StandardUniform.sample(rng);
        let drawn = draw(&logits, f64::from(temperature), uniform);
        self.token = drawn
            .and_then(|token| i64::try_from(token).ok())
            .ok_or_else(|| NodeError::model("the model gave logits that are not numbers"))?;
        Ok(self.token)
    }

    /// Goes on with a chord that was decided elsewhere, so that what follows fits it.
    ///
    /// # Errors
    /// As [`ChordModel::go_on`].
    pub fn take(
        &mut self,
        token: i64,
        stand: Stand,
        code: &[f32],
        moods: &Moods,
    ) -> Result<(), NodeError> {
        self.run(stand, code, moods)?;
        self.token = token.clamp(0, NO_CHORD);
        Ok(())
    }

    fn run(&mut self, stand: Stand, code: &[f32], moods: &Moods) -> Result<Vec<f32>, NodeError> {
        if code.len() != self.dimension {
            return Err(NodeError::internal("a latent of another dimension arrived"));
        }
        let finite = moods.map(|mood| mood.filter(|mood| mood.is_finite()));
        let mood = finite.map(|mood| mood.unwrap_or_default().clamp(-2.5, 2.5));
        let given = finite.map(|mood| f32::from(u8::from(mood.is_some())));
        let countdown = stand
            .close
            .map_or(NO_CLOSE, |steps| steps.min(FARTHEST) as i64);
        let mut came = self.step.run(
            &[
                ("chord", &[1], Data::I64(&[self.token])),
                ("code", &[1, code.len()], Data::F32(code)),
                ("mood", &[1, mood.len()], Data::F32(&mood)),
                ("given", &[1, given.len()], Data::F32(&given)),
                ("countdown", &[1], Data::I64(&[countdown])),
                ("phase", &[1], Data::I64(&[stand.phase])),
                ("metre", &[1], Data::I64(&[stand.metre])),
                ("mode", &[1], Data::I64(&[stand.mode])),
                ("state", &[1, self.state.len()], Data::F32(&self.state)),
            ],
            &["logits", "state_out"],
        )?;
        let (Some(state), Some(logits)) = (came.pop(), came.pop()) else {
            return Err(NodeError::internal("the model gave no state"));
        };
        if state.values.len() != self.state.len() || logits.values.len() < TOKENS {
            return Err(NodeError::model(
                "the model's outputs have another size than it says",
            ));
        }
        self.state = state.values;
        Ok(logits.values)
    }
}
