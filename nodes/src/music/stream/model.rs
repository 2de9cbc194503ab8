//! The model itself: one sixteenth after another, with all that was before in its state.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{NodeError, Settings};

use super::super::harmony::NO_CHORD;
use super::super::melody::draw;
use super::super::tokens::layout;
use crate::model::{Data, Manifest, Music, Session, Task};

/// What can be asked at a sixteenth.
const ASKED: usize = 6;

/// Tokens below this one begin no note: nothing happens, and the note ends.
const FIRST_NOTE: usize = 2;

/// What is asked at a sixteenth: onset, density, register, contour, novelty, cut, as
/// `models/training/stream/controls.py` measures them on tunes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asked {
    /// The values; of what is not given any.
    pub values: [f32; ASKED],
    /// 1 where the value is given, 0 where the model is free.
    pub given: [f32; ASKED],
}

impl Asked {
    /// Nothing but these values, in the order of the type; `None` leaves the model free.
    pub fn of(values: [Option<f32>; ASKED]) -> Self {
        let finite = values.map(|value| value.filter(|value| value.is_finite()));
        Asked {
            values: finite.map(Option::unwrap_or_default),
            given: finite.map(|value| f32::from(u8::from(value.is_some()))),
        }
    }
}

/// What the model `lead` is given of the harmony, in the tokens of the model `harmony`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Under {
    /// The chord that sounds.
    pub chord: i64,
    /// The next other chord; the same where it is not known.
    pub next: i64,
    /// In how many sixteenths it comes; 32: later, or unknown.
    pub ahead: i64,
    /// In how many sixteenths the last note of the phrase begins; 63: later, or nobody asks.
    pub close: i64,
    /// 0 for 4/4, 1 for 3/4, 2 for 6/8.
    pub metre: i64,
    /// 0 for major, 1 for minor.
    pub mode: i64,
}

impl Default for Under {
    fn default() -> Self {
        Under {
            chord: NO_CHORD,
            next: NO_CHORD,
            ahead: 32,
            close: 63,
            metre: 0,
            mode: 0,
        }
    }
}

/// What else holds at a sixteenth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting {
    /// The harmony, for a model that follows it.
    pub under: Under,
    /// Added to the logits of the tokens; empty: nothing is.
    pub bias: Vec<f32>,
    /// The token that comes whatever the model would say.
    pub forced: Option<i64>,
}

/// Music that is being drawn: all that the model remembers of it.
pub struct Strand {
    state: Vec<f32>,
    /// The latest token.
    token: i64,
}

/// A loaded model of the task `stream`, or of the task `lead`, which follows chords as well.
pub struct Stream {
    step: Session,
    /// Whether it follows chords.
    leads: bool,
    layout: Music,
    dimension: usize,
    /// Numbers in the state.
    memory: usize,
}

impl Stream {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub fn load(settings: &Settings, name: &str) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let leads = is_lead(&manifest, name);
        let task = if leads { Task::Lead } else { Task::Stream };
        let model = manifest.model(name, task)?;
        let layout = layout(model, name)?;
        let step = manifest.open(model, "step")?;
        Ok(Stream {
            leads,
            layout,
            dimension: model.latent,
            memory: step.memory()?,
            step,
        })
    }

    /// The dimension of the codes.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The layout of the tokens.
    pub fn layout(&self) -> &Music {
        &self.layout
    }

    /// Whether the model follows chords: its pitches are then those of C major or A minor.
    pub fn leads(&self) -> bool {
        self.leads
    }

    /// Music of which there is nothing yet.
    pub fn begin(&self) -> Strand {
        Strand {
            state: vec![0.0; self.memory],
            token: self.layout.start_token,
        }
    }

    /// Draws the token of the next sixteenth, which lies at `place` in its bar, by the code that
    /// holds and what is asked; at temperature 0 the likeliest. With `begins` a note begins
    /// there.
    ///
    /// # Errors
    /// The code has another dimension, or the model fails.
    pub fn go_on(
        &mut self,
        strand: &mut Strand,
        (place, begins): (u64, bool),
        code: &[f32],
        asked: &Asked,
        drawing: (f32, &mut ChaCha8Rng),
    ) -> Result<i64, NodeError> {
        let setting = Setting::default();
        self.go_on_in(strand, (place, begins), code, asked, &setting, drawing)
    }

    /// As [`Stream::go_on`], in a setting.
    ///
    /// # Errors
    /// As [`Stream::go_on`].
    pub fn go_on_in(
        &mut self,
        strand: &mut Strand,
        (place, begins): (u64, bool),
        code: &[f32],
        asked: &Asked,
        setting: &Setting,
        (temperature, rng): (f32, &mut ChaCha8Rng),
    ) -> Result<i64, NodeError> {
        if code.len() != self.dimension {
            return Err(NodeError::model(format!(
                "the model's latents have {} components, but this one has {}",
                self.dimension,
                code.len()
            )));
        }
        let step = step_of(place, self.layout.steps_per_bar);
        let mut phase = vec![0.0; self.layout.steps_per_bar];
        if let Some(now) = phase.get_mut(step) {
            *now = 1.0;
        }
        let under = &setting.under;
        let (code_shape, phase_shape) = ([1, code.len()], [1, phase.len()]);
        let memory = [1, self.memory];
        let one = |value: i64| [value];
        let token = one(strand.token);
        let (sixteenth, chord, next) = (one(step as i64), one(under.chord), one(under.next));
        let (ahead, close) = (one(under.ahead.clamp(1, 32)), one(under.close.clamp(0, 63)));
        let (metre, mode) = (one(under.metre), one(under.mode));
        let mut inputs: Vec<(&str, &[usize], Data<'_>)> = vec![
            ("code", &code_shape, Data::F32(code)),
            ("token", &[1], Data::I64(&token)),
            ("control", &[1, ASKED], Data::F32(&asked.values)),
            ("given", &[1, ASKED], Data::F32(&asked.given)),
            ("state", &memory, Data::F32(&strand.state)),
        ];
        if self.leads {
            for (name, value) in [
                ("phase", &sixteenth),
                ("chord", &chord),
                ("next", &next),
                ("ahead", &ahead),
                ("close", &close),
                ("metre", &metre),
                ("mode", &mode),
            ] {
                inputs.push((name, &[1], Data::I64(value)));
            }
        } else {
            inputs.push(("phase", &phase_shape, Data::F32(&phase)));
        }
        let mut came = self.step.run(&inputs, &["logits", "state_out"])?;
        let (Some(state), Some(mut logits)) = (came.pop(), came.pop()) else {
            return Err(NodeError::internal("the model gave no state"));
        };
        if state.values.len() != self.memory {
            return Err(NodeError::model("the model gave a state of another size"));
        }
        strand.state = state.values;
        let first = if begins { FIRST_NOTE } else { 0 };
        let uniform: f64 = StandardUniform.sample(rng);
        for (logit, bias) in logits.values.iter_mut().zip(&setting.bias) {
            *logit += bias;
        }
        if let Some(token) = setting.forced {
            strand.token = token;
            return Ok(token);
        }
        let drawn = logits.values.get(first..);
        strand.token = drawn
            .and_then(|logits| draw(logits, f64::from(temperature), uniform))
            .and_then(|token| i64::try_from(token + first).ok())
            .ok_or_else(|| NodeError::model("the model gave logits that are not numbers"))?;
        Ok(strand.token)
    }
}

/// Whether the model called `name` is one that follows chords.
pub(super) fn is_lead(manifest: &Manifest, name: &str) -> bool {
    manifest.model(name, Task::Lead).is_ok()
}

/// Which of the model's `steps` in a bar sixteenth `place` of a bar is. Longer bars say their last
/// beat again: the model knows bars of 4/4.
fn step_of(place: u64, steps: usize) -> usize {
    const BEAT: usize = 4;
    let place = usize::try_from(place).unwrap_or_default();
    if place < steps {
        place
    } else {
        steps.saturating_sub(BEAT) + (place - steps) % BEAT
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::testing::settings;

    #[test]
    fn a_bar_that_is_longer_than_the_models_says_its_last_beat_again() {
        let steps: Vec<usize> = (0..20).map(|place| step_of(place, 16)).collect();
        assert_eq!(steps[..16], (0..16).collect::<Vec<_>>());
        assert_eq!(steps[16..], [12, 13, 14, 15]);
    }

    #[test]
    fn what_is_not_a_number_is_not_asked() {
        let asked = Asked::of([Some(1.0), None, Some(f32::NAN), None, None, Some(0.0)]);
        assert_eq!(asked.given, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(asked.values, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn on_chords_a_melody_goes_on_past_all_that_is_remembered() {
        let under = Under {
            chord: 0,
            next: 0,
            ..Under::default()
        };
        let setting = Setting {
            under,
            ..Setting::default()
        };
        for name in ["lead", "lead_transformer"] {
            let mut stream = Stream::load(&settings(), name).unwrap();
            assert!(stream.leads());
            let code = vec![0.0; stream.dimension()];
            let asked = Asked::default();
            let mut play = || -> Vec<i64> {
                let mut strand = stream.begin();
                let mut rng = ChaCha8Rng::seed_from_u64(3);
                (0..300)
                    .map(|place| {
                        let drawing = (0.7, &mut rng);
                        stream
                            .go_on_in(
                                &mut strand,
                                (place % 16, false),
                                &code,
                                &asked,
                                &setting,
                                drawing,
                            )
                            .unwrap()
                    })
                    .collect()
            };
            let tokens = play();
            let late = tokens.iter().skip(256);
            assert!(late.filter(|token| **token > 1).count() > 2, "{tokens:?}");
            assert_eq!(tokens, play());
        }
    }

    #[test]
    fn where_a_note_must_begin_one_begins_and_a_code_of_another_size_is_refused() {
        let mut stream = Stream::load(&settings(), "stream").unwrap();
        let mut strand = stream.begin();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let code = vec![0.0; stream.dimension()];
        for place in 0..32 {
            let token = stream
                .go_on(
                    &mut strand,
                    (place % 16, place > 1),
                    &code,
                    &Asked::default(),
                    (0.7, &mut rng),
                )
                .unwrap();
            assert!(token >= if place > 1 { 2 } else { 0 } && token < 90);
        }
        let asked = Asked::default();
        let refused = stream.go_on(&mut strand, (0, false), &[0.0], &asked, (0.7, &mut rng));
        assert!(refused.is_err());
    }
}
