//! When the ticks of a clock are, freed from the jitter with which they arrive.
//!
//! A delay-locked loop of second order: it predicts each tick from the one before and a period, and
//! corrects both by a share of what the prediction was wrong by (F. Adriaensen, "Using a DLL to
//! filter time", Linux Audio Conference 2005). The shares are those of a straight line through all
//! ticks so far with the least squared error, until they are as small as they are to be: the loop is
//! wide at first and narrow later. Where the errors say that the tempo has jumped, it begins anew.

/// Ticks over which the narrow loop averages, as it were: its shares are those of a line through so
/// many. At 120 quarter notes a minute and 24 ticks in each it takes two seconds to follow a drift,
/// and a jitter of ±3 ms moves it by less than 1.5 ms.
const NARROW: f64 = 200.0;

/// From how many ticks on the errors are taken for jitter, and say when the tempo has jumped: before,
/// the loop is so wide that it follows anyway.
const SETTLED: u32 = 12;

/// The share of the newest error in the running mean that tells a jump from jitter.
const NEWS: f64 = 0.25;

/// The share of the newest error in the mean size of errors.
const NOISE: f64 = 1.0 / 64.0;

/// The running mean of errors that is a jump, in mean sizes of errors. The running mean of even
/// jitter stays below half of that with six standard deviations.
const JUMP: f64 = 2.4;

/// A running mean, in seconds, below which nothing is a jump.
const LEAST: f64 = 0.0004;

/// The latest ticks with which the loop begins anew after a jump.
const AFTER_JUMP: usize = 3;

/// The same three for small jumps, which only a longer mean tells from jitter, and the ticks with
/// which the loop begins anew then.
const SMALL_NEWS: f64 = 1.0 / 24.0;
const SMALL_JUMP: f64 = 1.0;
const SMALL_LEAST: f64 = 0.0002;
const KEPT: usize = 24;

/// A distance in seconds that is a pause whatever the tempo was: a clock of 24 ticks would go
/// slower than 10 quarter notes a minute.
const PAUSE: f64 = 0.25;

/// A period that differs so much from the one before is another, though few ticks say so.
const OTHER: f64 = 1.5;

/// Ticks with which a period counts as known.
const KNOWN: u32 = 6;

/// Filters the times of ticks.
#[derive(Clone, Debug)]
pub(crate) struct TickFilter {
    /// The newest tick, in seconds, as the loop has it.
    time: f64,
    /// The distance between ticks, in seconds.
    period: f64,
    /// The period before it began anew.
    before: f64,
    /// Ticks since it has begun.
    age: u32,
    /// The running mean of the errors, and a slower one.
    drift: f64,
    slow_drift: f64,
    /// The mean size of the errors.
    noise: f64,
    /// The times of the latest ticks as they came, the newest last.
    latest: [f64; KEPT],
}

impl TickFilter {
    /// A filter of ticks that probably come in this distance, in seconds.
    pub(crate) fn new(period: f64) -> Self {
        TickFilter {
            time: 0.0,
            period,
            before: period,
            age: 0,
            drift: 0.0,
            slow_drift: 0.0,
            noise: 0.0,
            latest: [0.0; KEPT],
        }
    }

    /// A tick comes at `time`, in seconds.
    pub(crate) fn tick(&mut self, time: f64) {
        let since = time - self.latest[KEPT - 1];
        self.latest.rotate_left(1);
        self.latest[KEPT - 1] = time;
        let error = time - self.time - self.period;
        let pauses = match self.age {
            // Of a tempo that is just beginning nothing is known but that it goes on.
            0..KNOWN => since > PAUSE,
            _ => error > self.period / 2.0,
        };
        if self.age == 0 || pauses || since < 0.0 {
            self.begin(time);
            return;
        }
        if self.age >= SETTLED {
            self.drift += NEWS * (error - self.drift);
            if self.drift.abs() > LEAST + JUMP * self.noise {
                self.begin_anew(AFTER_JUMP);
                return;
            }
            self.slow_drift += SMALL_NEWS * (error - self.slow_drift);
            if self.age as usize >= KEPT
                && self.slow_drift.abs() > SMALL_LEAST + SMALL_JUMP * self.noise
            {
                self.begin_anew(KEPT);
                return;
            }
        }
        self.follow(time);
    }

    fn begin(&mut self, time: f64) {
        self.before = self.known_period();
        self.period = self.before;
        self.time = time;
        self.age = 1;
        self.drift = 0.0;
        self.slow_drift = 0.0;
    }

    /// Goes by so many of the latest ticks alone.
    fn begin_anew(&mut self, count: usize) {
        let latest = self.latest;
        let latest = &latest[KEPT - count..];
        self.begin(latest[0]);
        for time in &latest[1..] {
            self.follow(*time);
        }
    }

    /// Takes a tick into the line through those before.
    fn follow(&mut self, time: f64) {
        self.age = self.age.saturating_add(1);
        let count = f64::from(self.age).min(NARROW);
        let scale = count * (count + 1.0);
        let error = time - self.time - self.period;
        self.time += self.period + 2.0 * (2.0 * count - 1.0) / scale * error;
        self.period += 6.0 / scale * error;
        let share = NOISE.max(1.0 / f64::from(self.age));
        self.noise += share * (error.abs() - self.noise);
    }

    /// The newest tick, in seconds.
    pub(crate) fn time(&self) -> f64 {
        self.time
    }

    /// The distance between ticks, in seconds: the one before for as long as the new one is not
    /// known.
    pub(crate) fn known_period(&self) -> f64 {
        match self.is_known() {
            true => self.period,
            false => self.before,
        }
    }

    /// Whether the distance between ticks is known.
    pub(crate) fn is_known(&self) -> bool {
        let (least, most) = (self.before / OTHER, self.before * OTHER);
        let is_other = self.age >= 3 && !(least..=most).contains(&self.period);
        (self.age >= KNOWN || is_other) && self.period > 0.0
    }

    /// Ticks since it has begun, or begun anew.
    pub(crate) fn age(&self) -> u32 {
        self.age
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, Uniform};

    use super::*;

    /// Evenly distributed jitter of ±`most` seconds.
    fn jitter(seed: u64, most: f64) -> impl FnMut() -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let even = Uniform::new_inclusive(-most, most).unwrap();
        move || even.sample(&mut rng)
    }

    const PERIOD: f64 = 60.0 / 120.0 / 24.0;

    #[test]
    fn jitter_of_three_milliseconds_moves_the_beat_by_less_than_a_millisecond_and_a_half() {
        for seed in 0..5 {
            let mut jitter = jitter(seed, 0.003);
            let mut filter = TickFilter::new(PERIOD);
            for number in 0..100_000 {
                let right = 10.0 + f64::from(number) * PERIOD;
                filter.tick(right + jitter());
                if number >= 96 {
                    let error = filter.time() - right;
                    assert!(error.abs() < 0.0015, "{number}: {error}");
                    assert!((filter.known_period() / PERIOD - 1.0).abs() < 0.005);
                }
            }
        }
    }

    #[test]
    fn a_jump_of_tempo_is_followed_within_two_quarter_notes() {
        for (seed, other) in [(1, 140.0), (2, 90.0), (3, 60.0), (4, 240.0), (5, 121.0)] {
            for most in [0.0, 0.003] {
                let mut jitter = jitter(seed, most);
                let mut filter = TickFilter::new(PERIOD);
                let (mut right, period) = (10.0, 60.0 / other / 24.0);
                for _ in 0..2_000 {
                    filter.tick(right + jitter());
                    right += PERIOD;
                }
                right += period - PERIOD;
                for number in 0..240 {
                    filter.tick(right + jitter());
                    if number >= 48 {
                        let (wrong, error) =
                            (filter.known_period() / period - 1.0, filter.time() - right);
                        assert!(wrong.abs() < 0.01, "{other} {most} {number}: {wrong}");
                        assert!(error.abs() < 0.003, "{other} {most} {number}: {error}");
                    }
                    right += period;
                }
            }
        }
    }

    #[test]
    fn a_pause_and_times_that_go_back_begin_anew_and_keep_the_period_meanwhile() {
        let mut filter = TickFilter::new(PERIOD);
        for number in 0..48 {
            filter.tick(f64::from(number) * PERIOD);
        }
        for pause in [60.0, 5.0] {
            filter.tick(pause);
            assert_eq!(
                (filter.time(), filter.age(), filter.is_known()),
                (pause, 1, false)
            );
            assert!((filter.known_period() - PERIOD).abs() < 1e-6);
            for number in 1..8 {
                filter.tick(pause + f64::from(number) * PERIOD);
            }
            assert!(filter.is_known());
        }
    }
}
