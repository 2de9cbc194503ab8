//! Strikes drums as hard and as late as a drummer would, by the model.

use super::drums;
use super::melody::Touch;

/// A stroke is early or late by at most this much of a sixteenth (nine of ten strokes in the Groove
/// MIDI Dataset are), so that two of the same drum keep apart.
const LATEST: f32 = 0.35;

/// How long a stroke lasts, in sixteenths: it ends before the next of the same drum can come.
pub(super) const LASTS: f32 = 0.25;

/// The mean velocity of all strokes in the training split of the Groove MIDI Dataset.
const USUAL: f32 = 0.56;

/// One stroke of a step.
pub(super) struct Stroke {
    pub(super) pitch: u8,
    pub(super) velocity: f32,
    /// How much later than the step, in sixteenths.
    pub(super) late: f32,
}

/// How much of the drummer is heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kit {
    /// Factor for how early or late strokes are.
    pub(super) looseness: f32,
    /// From all as hard as each other, 0, to what the model says, 1, and beyond.
    pub(super) dynamics: f32,
}

impl Kit {
    /// How early a stroke may be, in sixteenths.
    pub(super) fn earliest(&self) -> f64 {
        f64::from((self.looseness / 2.0).min(LATEST))
    }

    /// The strokes of one step.
    pub(super) fn strokes(&self, token: i64, touch: &Touch, velocity: f32) -> Vec<Stroke> {
        drums::classes(token)
            .filter_map(|class| {
                let loud = touch.velocity.get(class)?;
                let late = touch.offset.get(class)? * self.looseness;
                let factor = 1.0 + self.dynamics * (loud / USUAL - 1.0);
                Some(Stroke {
                    pitch: drums::key(class)?,
                    velocity: (velocity * factor).clamp(0.01, 1.0),
                    late: late.clamp(-LATEST, LATEST),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(kit: &Kit, late: f32) -> Stroke {
        let touch = Touch {
            velocity: vec![USUAL / 2.0; 9],
            offset: vec![late; 9],
        };
        kit.strokes(1, &touch, 0.8).pop().unwrap()
    }

    #[test]
    fn without_looseness_and_dynamics_it_is_a_machine() {
        let kit = Kit {
            looseness: 0.0,
            dynamics: 0.0,
        };
        let stroke = struck(&kit, -0.2);
        assert_eq!((stroke.late, stroke.velocity), (0.0, 0.8));
        assert_eq!(kit.earliest(), 0.0);
    }

    #[test]
    fn strokes_of_one_drum_keep_apart_however_loose_they_are() {
        let kit = Kit {
            looseness: 2.0,
            dynamics: 1.0,
        };
        let (late, early) = (struck(&kit, 0.5), struck(&kit, -0.5));
        assert!((late.velocity - 0.4).abs() < 1e-6);
        assert!(late.late + LASTS < 1.0 + early.late);
        assert!(f64::from(early.late) >= -kit.earliest());
    }
}
