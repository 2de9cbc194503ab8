//! Measures how much moves from picture to picture, the same at any frame rate.

use score_engine::Time;

use super::cells::COUNT;
use crate::half_life::followed;

/// The half-life with which the past that a picture is compared with follows, in seconds: long
/// enough that slow things move in it, short enough that what has stopped is soon forgotten.
const MEMORY: f64 = 0.1;

/// The factor that spreads mean differences of luma over 0 to 1. Measured: a figure of a tenth of
/// the picture that crosses it in a second comes to 0.7, the median of a film of street traffic to
/// 0.3, of a talking head to 0.06.
const SCALE: f32 = 20.0;

/// The recent past of the pictures that are compared.
#[derive(Default)]
pub(super) struct Moving {
    /// The last picture's time, and each cell's luma as it was of late.
    past: Option<(Time, Vec<f32>)>,
}

impl Moving {
    /// How much moves, 0 to 1, in a picture with these cells' luma. Differences below `noise` do
    /// not count.
    pub(super) fn see(&mut self, time: Time, cells: Vec<f32>, noise: f32, gain: f32) -> f32 {
        // Much motion approaches 1 gently, so that more of it still makes a difference.
        1.0 - (-gain * SCALE * self.moved(time, cells, noise)).exp()
    }

    /// How much the cells differ from their past on average, beyond what all of them do alike and
    /// what is noise.
    fn moved(&mut self, time: Time, now: Vec<f32>, noise: f32) -> f32 {
        let Some((last, past)) = &mut self.past else {
            self.past = Some((time, now));
            return 0.0;
        };
        let seconds = (time - *last).seconds();
        if seconds <= 0.0 {
            return 0.0;
        }
        let share = followed(seconds, MEMORY);
        // The past lags behind a steady motion by a time that depends on the frame rate. Half-way
        // between the differences before and after it follows, the rate cancels out but for
        // its square.
        let halfway = 1.0 - share / 2.0;
        let mut differences: Vec<f32> = now
            .iter()
            .zip(&*past)
            .map(|(now, past)| (now - past) * halfway)
            .collect();
        for (past, now) in past.iter_mut().zip(&now) {
            *past += share * (now - *past);
        }
        *last = time;
        let (_, common, _) = differences.select_nth_unstable_by(COUNT / 2, f32::total_cmp);
        let common = *common;
        let beyond = differences
            .iter()
            .map(|difference| ((difference - common).abs() - noise).max(0.0));
        beyond.sum::<f32>() / COUNT as f32
    }
}
