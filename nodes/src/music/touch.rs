//! How notes are struck: velocity, timing and length of each onset, as players do it.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::{NodeError, Settings};

use crate::model::{Data, Manifest, Session, Task};

/// The name of the model.
pub(crate) const TOUCH: &str = "touch";

/// Numbers that describe an onset.
const FEATURES: usize = 12;

/// The longest gap between onsets that the model counts, in sixteenths.
const LONGEST_GAP: u64 = 32;

/// Onsets within this many sixteenths make the density.
const WINDOW: u64 = 16;

/// A player is late by at most this much of a sixteenth.
const LATEST: f32 = 0.35;

/// The softest and the hardest stroke.
const VELOCITIES: (f32, f32) = (0.08, 1.0);

/// Which part is played, as the model counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// One line above.
    Melody,
    /// Both hands of a piano.
    Accompaniment,
    /// The bass alone.
    Bass,
}

/// Notes that begin together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Onset {
    /// The sixteenth, counted from the start.
    pub(crate) place: u64,
    /// The sixteenth in its bar.
    pub(crate) phase: u64,
    /// 0 for 4/4, 1 for 3/4, 2 for 6/8.
    pub(crate) metre: i64,
    /// How many notes.
    pub(crate) notes: usize,
    /// The lowest and the highest pitch.
    pub(crate) span: (u8, u8),
    /// Whether a chord begins here.
    pub(crate) fresh: bool,
    /// Whether the highest note is one of the chord's.
    pub(crate) of_chord: bool,
}

/// How an onset is struck.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    /// How hard, above 0 up to 1.
    pub(crate) velocity: f32,
    /// How late, in sixteenths.
    pub(crate) late: f32,
    /// How long it sounds, in sixteenths.
    pub(crate) length: f32,
}

/// A loaded model of the task `touch`, and what it remembers of the part.
pub(crate) struct Touch {
    step: Session,
    state: Vec<f32>,
    part: Part,
    /// The places of the latest onsets.
    onsets: Vec<u64>,
    highest: Option<u8>,
}

/// The velocity of the middle, for dynamics of 0; parameters of velocity count from it.
pub(crate) const MIDDLE: f32 = 0.6;

impl Touch {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub(crate) fn load(settings: &Settings, name: &str, part: Part) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Touch)?;
        let step = manifest.open(model, "step")?;
        Ok(Touch {
            state: vec![0.0; step.memory()?],
            step,
            part,
            onsets: Vec::new(),
            highest: None,
        })
    }

    /// How the next onset is struck; with `energy` as loud as that says, 0 the middle of the piece.
    /// `looseness` is the factor for deviations, 0: always the mean; `dynamics` that for
    /// differences from the middle velocity, 1: as players do it.
    ///
    /// # Errors
    /// The model fails.
    pub(crate) fn strike(
        &mut self,
        onset: &Onset,
        energy: Option<f32>,
        (looseness, dynamics): (f32, f32),
        rng: &mut ChaCha8Rng,
    ) -> Result<Stroke, NodeError> {
        let features = self.features(onset, energy.filter(|energy| energy.is_finite()));
        let mut came = self.step.run(
            &[
                ("part", &[1], Data::I64(&[self.part as i64])),
                ("phase", &[1], Data::I64(&[onset.phase.min(15) as i64])),
                ("metre", &[1], Data::I64(&[onset.metre])),
                ("feature", &[1, FEATURES], Data::F32(&features)),
                ("state", &[1, self.state.len()], Data::F32(&self.state)),
            ],
            &["mean", "deviation", "state_out"],
        )?;
        let (Some(state), Some(deviation), Some(mean)) = (came.pop(), came.pop(), came.pop())
        else {
            return Err(NodeError::internal("the model gave no state"));
        };
        if state.values.len() != self.state.len() {
            return Err(NodeError::model("the model gave a state of another size"));
        }
        self.state = state.values;
        let mut said = [0.0; 3];
        for ((said, mean), deviation) in said.iter_mut().zip(&mean.values).zip(&deviation.values) {
            let chance: f32 = StandardNormal.sample(rng);
            *said = mean + looseness * deviation * chance;
        }
        if said.iter().any(|said| !said.is_finite()) {
            return Err(NodeError::model(
                "the model gave a touch that is not a number",
            ));
        }
        let [velocity, late, length] = said;
        let velocity = MIDDLE + dynamics * (velocity - MIDDLE);
        Ok(Stroke {
            velocity: velocity.clamp(VELOCITIES.0, VELOCITIES.1),
            // Who strikes before the beat would have to know it before it is decided.
            late: (looseness.min(1.0) * late).clamp(0.0, LATEST),
            length: length.clamp(-2.0, 7.0).exp2(),
        })
    }

    /// What the model is given of an onset; `models/training/touch` measures the same.
    fn features(&mut self, onset: &Onset, energy: Option<f32>) -> [f32; FEATURES] {
        let gap = |sixteenths: u64| (1.0 + sixteenths.min(LONGEST_GAP) as f32).log2() / 5.0;
        let since = self
            .onsets
            .last()
            .map(|last| onset.place.saturating_sub(*last));
        self.onsets.retain(|place| place + WINDOW > onset.place);
        self.onsets.push(onset.place);
        let pitch = |pitch: u8| (f32::from(pitch) - 60.0) / 24.0;
        let before = self.highest.replace(onset.span.1);
        let leap = before.map_or(0.0, |before| {
            ((f32::from(onset.span.1) - f32::from(before)) / 12.0).clamp(-2.0, 2.0)
        });
        [
            onset.notes as f32 / 4.0,
            pitch(onset.span.1),
            pitch(onset.span.0),
            leap,
            since.map_or(1.0, gap),
            0.0,
            0.0,
            self.onsets.len() as f32 / 16.0,
            f32::from(u8::from(onset.fresh)),
            f32::from(u8::from(onset.of_chord)),
            energy.unwrap_or(0.0),
            f32::from(u8::from(energy.is_some())),
        ]
    }
}
