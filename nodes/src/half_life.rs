//! Following with a half-life: exponential averages over media time, so that no result depends on
//! the frame rate.

use score_engine::Time;

/// The share of a jump that is followed after `seconds`; all of it where the half-life is zero.
pub(crate) fn followed(seconds: f64, half_life: f64) -> f32 {
    if half_life > 0.0 {
        (1.0 - (-seconds / half_life).exp2()) as f32
    } else {
        1.0
    }
}

/// Moves `held` towards `new` by this share of the way. What is not a number is left behind: a
/// broken value is neither followed nor kept.
pub(crate) fn approach(held: &mut f32, new: f32, share: f32) {
    let next = *held + share * (new - *held);
    if next.is_finite() {
        *held = next;
    } else if new.is_finite() {
        *held = new;
    }
}

/// The half-life in seconds of a one-pole low-pass filter with this cutoff in Hz: ln 2 / 2πf.
pub(crate) fn half_life_of(cutoff: f64) -> f64 {
    std::f64::consts::LN_2 / (std::f64::consts::TAU * cutoff)
}

/// A few numbers that are followed together; the first are taken as they are.
#[derive(Default)]
pub(crate) struct Follower<const COUNT: usize> {
    state: Option<(Time, [f32; COUNT])>,
}

impl<const COUNT: usize> Follower<COUNT> {
    /// Moves towards `values`, which hold at `time`, and says how far it has come. What comes with
    /// a time that has passed changes nothing.
    pub(crate) fn follow(
        &mut self,
        time: Time,
        values: [f32; COUNT],
        half_life: Time,
    ) -> [f32; COUNT] {
        let Some((last, held)) = &mut self.state else {
            self.state = Some((time, values));
            return values;
        };
        let seconds = (time - *last).seconds();
        if seconds > 0.0 {
            let share = followed(seconds, half_life.seconds());
            for (held, new) in held.iter_mut().zip(values) {
                approach(held, new, share);
            }
            *last = time;
        }
        *held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_jump_is_followed_in_the_half_life_at_any_rate() {
        for steps in [1, 7, 100] {
            let mut follower = Follower::default();
            follower.follow(Time::ZERO, [0.0], Time::ZERO);
            let mut reached = [0.0];
            for step in 1..=steps {
                let time = Time::from_seconds(f64::from(step) / f64::from(steps));
                reached = follower.follow(time, [1.0], Time::from_seconds(1.0));
            }
            assert!(
                (reached[0] - 0.5).abs() < 1e-4,
                "{steps} steps: {reached:?}"
            );
        }
    }

    #[test]
    fn what_is_not_a_number_is_neither_followed_nor_kept() {
        let mut held = 1.0;
        for broken in [f32::NAN, f32::INFINITY] {
            approach(&mut held, broken, 0.5);
            assert_eq!(held, 1.0);
        }
        approach(&mut held, 3.0, 0.5);
        assert_eq!(held, 2.0);
        let mut broken = f32::NAN;
        approach(&mut broken, 3.0, 0.5);
        assert_eq!(broken, 3.0);
    }

    #[test]
    fn a_half_life_of_zero_follows_at_once_and_the_past_changes_nothing() {
        let mut follower = Follower::default();
        follower.follow(Time::ZERO, [0.0], Time::ZERO);
        let second = Time::from_seconds(1.0);
        assert_eq!(follower.follow(second, [1.0], Time::ZERO), [1.0]);
        assert_eq!(follower.follow(Time::ZERO, [5.0], Time::ZERO), [1.0]);
    }
}
