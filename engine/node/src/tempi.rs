//! Tempi that follow one another: where which holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A stretch of time with one tempo, up to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// When it begins.
    pub from: Time,
    /// The position in quarter notes, from the start of the run, that belongs to its beginning.
    pub position: f64,
    /// Quarter notes per minute.
    pub tempo: f64,
}

impl Stretch {
    fn position(&self, time: Time) -> f64 {
        self.position + (time - self.from).seconds() * self.tempo / 60.0
    }

    fn time(&self, position: f64) -> Time {
        self.from + Time::from_seconds((position - self.position) * 60.0 / self.tempo)
    }
}

/// Tempi that follow one another without a gap. The first holds before its beginning too, the last
/// without end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tempi(Arc<[Stretch]>);

impl Tempi {
    /// The tempi of these stretches. Those are left out that do not go on from the one before,
    /// later in time and in position, and those without a tempo.
    pub fn new(stretches: Vec<Stretch>) -> Self {
        let mut kept: Vec<Stretch> = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            let sound = stretch.tempo.is_finite() && stretch.tempo > 0.0;
            let goes_on = kept.last().is_none_or(|before| {
                stretch.from > before.from && stretch.position > before.position
            });
            if sound && stretch.position.is_finite() && goes_on {
                kept.push(stretch);
            }
        }
        Tempi(kept.into())
    }

    /// The stretches, in order.
    pub fn stretches(&self) -> &[Stretch] {
        &self.0
    }

    /// The position of `time` in quarter notes; `None` where there are no tempi.
    pub fn position(&self, time: Time) -> Option<f64> {
        let after = self.0.partition_point(|stretch| stretch.from <= time);
        Some(self.0.get(after.saturating_sub(1))?.position(time))
    }

    /// When position `position`, in quarter notes, is reached; `None` where there are no tempi.
    pub fn time(&self, position: f64) -> Option<Time> {
        let after = (self.0).partition_point(|stretch| stretch.position <= position);
        Some(self.0.get(after.saturating_sub(1))?.time(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: f64, position: f64, tempo: f64) -> Stretch {
        Stretch {
            from: Time::from_seconds(from),
            position,
            tempo,
        }
    }

    #[test]
    fn positions_and_times_go_on_from_stretch_to_stretch() {
        let tempi = Tempi::new(vec![
            stretch(0.0, 0.0, 120.0),
            stretch(2.0, 4.0, 60.0),
            stretch(4.0, 6.0, 90.0),
        ]);
        for (time, position) in [(0.0, 0.0), (1.0, 2.0), (2.0, 4.0), (3.0, 5.0), (6.0, 9.0)] {
            let time = Time::from_seconds(time);
            assert!((tempi.position(time).unwrap() - position).abs() < 1e-9);
            assert_eq!(tempi.time(position), Some(time));
        }
    }

    #[test]
    fn stretches_that_do_not_go_on_are_left_out() {
        let tempi = Tempi::new(vec![
            stretch(0.0, 0.0, 120.0),
            stretch(0.0, 3.0, 120.0),
            stretch(1.0, 2.0, 0.0),
            stretch(1.0, 2.0, f64::NAN),
        ]);
        assert_eq!(tempi.stretches().len(), 1);
        assert_eq!(Tempi::default().position(Time::ZERO), None);
        assert_eq!(Tempi::default().time(1.0), None);
    }
}
