//! The tempo of somebody who taps the beat.

use std::collections::VecDeque;

use crate::time::Time;

/// Taps that count: a bar or two, over which a hand's unevenness is lost.
const MOST: usize = 8;

/// After a pause of so many seconds the next tap begins anew.
const PAUSE: f64 = 3.0;

/// A distance to the tap before that is so much longer or shorter than the mean distance begins
/// anew: another tempo is tapped. Hands are uneven by less than a tenth.
const OTHER: f64 = 1.5;

/// Taps that come sooner are one: a pad that bounces. In seconds; 400 beats a minute are 0.15.
const BOUNCE: f64 = 0.08;

/// The latest taps.
#[derive(Debug, Default)]
pub(super) struct Tapping(VecDeque<Time>);

impl Tapping {
    /// Somebody taps. Returns the beats a minute; `None`: it is the first tap, or the one before
    /// once more.
    pub(super) fn tap(&mut self, time: Time) -> Option<f64> {
        let taps = &mut self.0;
        if let Some(last) = taps.back() {
            let since = (time - *last).seconds();
            if (0.0..BOUNCE).contains(&since) {
                return None;
            }
            let another =
                mean(taps).is_some_and(|mean| since > mean * OTHER || since * OTHER < mean);
            if !(0.0..=PAUSE).contains(&since) {
                taps.clear();
            } else if another {
                // The last tap is the first of the new tempo.
                taps.drain(..taps.len() - 1);
            }
        }
        if taps.len() == MOST {
            taps.pop_front();
        }
        taps.push_back(time);
        mean(taps).map(|seconds| 60.0 / seconds)
    }
}

/// The mean distance, in seconds: the slope of the straight line that lies nearest to all taps.
fn mean(taps: &VecDeque<Time>) -> Option<f64> {
    let count = taps.len() as f64;
    let first = taps.front()?;
    let middle = (count - 1.0) / 2.0;
    let (mut over, mut under) = (0.0, 0.0);
    for (number, time) in taps.iter().enumerate() {
        let from_middle = number as f64 - middle;
        over += from_middle * (*time - *first).seconds();
        under += from_middle * from_middle;
    }
    (under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap_all(tapping: &mut Tapping, seconds: &[f64]) -> Option<f64> {
        let taps = seconds
            .iter()
            .map(|seconds| tapping.tap(Time::from_seconds(*seconds)));
        taps.last().flatten()
    }

    #[test]
    fn the_second_tap_makes_a_tempo_and_further_taps_even_it_out() {
        let mut tapping = Tapping::default();
        assert_eq!(tap_all(&mut tapping, &[1.0]), None);
        assert_eq!(tap_all(&mut tapping, &[1.5]), Some(120.0));
        // A hand that is up to 20 ms early or late.
        let tempo = tap_all(&mut tapping, &[2.02, 2.48, 3.01, 3.5, 3.98, 4.51]).unwrap();
        assert!((tempo - 120.0).abs() < 0.7, "{tempo}");
    }

    #[test]
    fn another_tempo_and_a_tap_after_a_pause_begin_anew_and_a_pad_that_bounces_does_not() {
        let mut tapping = Tapping::default();
        tap_all(&mut tapping, &[0.0, 1.0, 2.0, 3.0]);
        assert_eq!(tap_all(&mut tapping, &[3.5]), Some(120.0));
        assert_eq!(tap_all(&mut tapping, &[3.51]), None);
        assert_eq!(tap_all(&mut tapping, &[4.0]), Some(120.0));
        assert_eq!(tap_all(&mut tapping, &[60.0]), None);
        assert_eq!(tap_all(&mut tapping, &[61.0]), Some(60.0));
        // The clock of the run cannot go back, but what reports taps may be wrong.
        assert_eq!(tap_all(&mut tapping, &[5.0]), None);
    }
}
