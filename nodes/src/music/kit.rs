//! Strikes drums as hard and as late as the model says that a drummer would.

use score_engine::Note;

use super::drums;
use super::melody::Touch;

/// A stroke is early or late by so many sixteenths at most (nine of ten strokes in the Groove MIDI Dataset are within
/// that), so that two of the same drum keep apart.
const LATEST: f32 = 0.35;

/// How long a stroke lasts, in sixteenths: it ends before the next of the same drum can come.
const LASTS: f32 = 0.25;

/// The mean velocity of all strokes in the training split of the Groove MIDI Dataset.
const USUAL: f32 = 0.56;

/// How much of the drummer is heard.
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

    /// Beginnings and ends of the strokes of one step, in their order, each with its distance from the step in
    /// sixteenths.
    pub(super) fn strike(
        &self,
        token: i64,
        touch: &Touch,
        velocity: f32,
        channel: u8,
    ) -> Vec<(f32, Note)> {
        let mut notes = Vec::new();
        for class in drums::classes(token) {
            let (Some(pitch), Some(loud), Some(late)) = (
                drums::key(class),
                touch.velocity.get(class),
                touch.offset.get(class),
            ) else {
                continue;
            };
            let late = (late * self.looseness).clamp(-LATEST, LATEST);
            let factor = 1.0 + self.dynamics * (loud / USUAL - 1.0);
            let velocity = (velocity * factor).clamp(0.01, 1.0);
            let on = Note::On {
                channel,
                pitch,
                velocity,
            };
            notes.push((late, on));
            notes.push((late + LASTS, Note::Off { channel, pitch }));
        }
        notes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(kit: &Kit, late: f32) -> Vec<(f32, Note)> {
        let touch = Touch {
            velocity: vec![USUAL / 2.0; 9],
            offset: vec![late; 9],
        };
        kit.strike(1, &touch, 0.8, 9)
    }

    fn velocity(note: Note) -> f32 {
        match note {
            Note::On { velocity, .. } => velocity,
            Note::Off { .. } => 0.0,
        }
    }

    #[test]
    fn without_looseness_and_dynamics_it_is_a_machine() {
        let kit = Kit {
            looseness: 0.0,
            dynamics: 0.0,
        };
        let notes = struck(&kit, -0.2);
        assert_eq!((notes[0].0, velocity(notes[0].1)), (0.0, 0.8));
        assert_eq!(kit.earliest(), 0.0);
    }

    #[test]
    fn strokes_of_one_drum_keep_apart_however_loose_they_are() {
        let kit = Kit {
            looseness: 2.0,
            dynamics: 1.0,
        };
        let (late, early) = (struck(&kit, 0.5), struck(&kit, -0.5));
        assert!((velocity(late[0].1) - 0.4).abs() < 1e-6);
        assert!(late[1].0 < 1.0 + early[0].0);
        assert!(f64::from(early[0].0) >= -kit.earliest());
    }
}
