//! The model of textures: one sixteenth after another, of a code for two bars and the chords.

use rand_chacha::ChaCha8Rng;
use score_engine::{NodeError, Settings};

use super::drawing::{Logits, draw};
use super::slots::Struck;
use crate::chords::Chords;
use crate::model::{Data, Manifest, Session, Task, Tensor};

/// What can be asked of a bar: density, register, energy; 0 is the middle of songs.
pub(super) type Wishes = [Option<f32>; 3];

/// The furthest change of chords that the model counts, in sixteenths.
const FAR: u32 = 32;

/// The model's last place in two bars.
const LAST_PHASE: u64 = 31;

/// A loaded model of the task `texture`, and what was played.
pub(super) struct Texture {
    start: Session,
    step: Session,
    dimension: usize,
    /// What the code says, and the model's memory, once there was a code.
    woven: Option<(Tensor, Tensor)>,
    played: Struck,
    begun: bool,
}

/// Where a sixteenth lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The sixteenth in two bars.
    pub(super) phase: u64,
    /// 0 for 4/4, 1 for 3/4, 2 for 6/8.
    pub(super) metre: i64,
}

impl Texture {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub(super) fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Texture)?;
        Ok(Texture {
            start: manifest.open(model, "start")?,
            step: manifest.open(model, "step")?,
            dimension: model.latent,
            woven: None,
            played: Struck::default(),
            begun: false,
        })
    }

    /// From here on the texture is that of `code`.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub(super) fn begin(&mut self, code: &[f32]) -> Result<(), NodeError> {
        if code.len() != self.dimension {
            return Err(NodeError::internal("a latent of another dimension arrived"));
        }
        let mut came = self.start.run(
            &[("latent", &[1, code.len()], Data::F32(code))],
            &["condition", "state"],
        )?;
        let (Some(state), Some(condition)) = (came.pop(), came.pop()) else {
            return Err(NodeError::internal("the model gave no state"));
        };
        self.woven = Some((condition, state));
        Ok(())
    }

    /// As [`Texture::begin`], as if nothing had been played before.
    ///
    /// # Errors
    /// As [`Texture::begin`].
    pub(super) fn restart(&mut self, code: &[f32]) -> Result<(), NodeError> {
        self.played = Struck::default();
        self.begun = false;
        self.begin(code)
    }

    /// The dimension of the codes.
    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// What is struck at the next sixteenth; nothing before the first code and while there is no
    /// chord.
    ///
    /// # Errors
    /// The model fails.
    pub(super) fn go_on(
        &mut self,
        place: Place,
        chords: &Chords,
        wishes: &Wishes,
        (temperature, rng): (f32, &mut ChaCha8Rng),
    ) -> Result<Struck, NodeError> {
        let (Some((condition, state)), Some(chord)) = (&mut self.woven, chords.chord) else {
            self.played = Struck::default();
            return Ok(Struck::default());
        };
        let key = chords.key;
        let finite = wishes.map(|wish| wish.filter(|wish| wish.is_finite()));
        let control = finite.map(|wish| wish.unwrap_or_default().clamp(-2.5, 2.5));
        let given = finite.map(|wish| f32::from(u8::from(wish.is_some())));
        let heard = if self.begun {
            self.played.heard()
        } else {
            Default::default()
        };
        let ahead = chords.next.map_or(FAR, |(_, ahead)| ahead.clamp(1, FAR));
        let mut came = self.step.run(
            &[
                ("condition", &condition.shape, Data::F32(&condition.values)),
                ("played", &[1, heard.len()], Data::F32(&heard)),
                ("chord", &[1], Data::I64(&[chord.token(key)])),
                ("ahead", &[1], Data::I64(&[i64::from(ahead)])),
                ("fresh", &[1], Data::I64(&[i64::from(chords.fresh)])),
                (
                    "phase",
                    &[1],
                    Data::I64(&[place.phase.min(LAST_PHASE) as i64]),
                ),
                ("metre", &[1], Data::I64(&[place.metre])),
                (
                    "mode",
                    &[1],
                    Data::I64(&[i64::from(key.mode == score_engine::Mode::Minor)]),
                ),
                ("control", &[1, control.len()], Data::F32(&control)),
                ("given", &[1, given.len()], Data::F32(&given)),
                ("state", &state.shape, Data::F32(&state.values)),
            ],
            &["bass", "count", "slots", "state_out"],
        )?;
        let (Some(next), Some(slots), Some(count), Some(bass)) =
            (came.pop(), came.pop(), came.pop(), came.pop())
        else {
            return Err(NodeError::internal("the model gave no state"));
        };
        *state = next;
        let logits = Logits {
            bass: &bass.values,
            count: &count.values,
            slots: &slots.values,
        };
        self.played = draw(&logits, temperature, rng)
            .ok_or_else(|| NodeError::model("the model gave logits that are not numbers"))?;
        self.begun = true;
        Ok(self.played.clone())
    }
}
