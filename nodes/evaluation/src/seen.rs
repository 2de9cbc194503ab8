//! The picture's side: what was seen of a film, on a circle so that it can be shifted against the
//! music.

use super::rank::quantile;
use super::scenes::{distance, unrelated};

/// A film as the eye and the controls see it. Times are in seconds, in order.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How long the film is.
    pub seconds: f64,
    /// Codes of pictures, evenly spread.
    pub codes: Vec<(f64, Vec<f32>)>,
    /// How much moves, 0 to 1.
    pub motion: Vec<(f64, f64)>,
    /// The hard cuts.
    pub cuts: Vec<f64>,
}

/// A film, with means over any span of time at no cost.
pub struct Film {
    /// What was seen.
    pub seen: Seen,
    codes: Sums,
    motion: Sums,
}

impl Film {
    /// Prepares what was seen.
    pub fn new(seen: Seen) -> Self {
        let codes = seen.codes.iter().map(|(time, code)| {
            let code = code.iter().map(|value| f64::from(*value)).collect();
            (*time, code)
        });
        let motion = seen
            .motion
            .iter()
            .map(|(time, value)| (*time, vec![*value]));
        Film {
            codes: Sums::new(codes, seen.seconds),
            motion: Sums::new(motion, seen.seconds),
            seen,
        }
    }

    /// Components of a code.
    pub fn dimension(&self) -> usize {
        self.codes.dimension
    }

    /// The mean code from `from` to `to`, which may lie beyond the end: there the film begins
    /// again.
    pub fn code(&self, from: f64, to: f64) -> Vec<f64> {
        self.codes.mean(from, to)
    }

    /// The mean motion, likewise.
    pub fn motion(&self, from: f64, to: f64) -> f64 {
        self.motion.mean(from, to).first().copied().unwrap_or(0.0)
    }

    /// How unlike the picture before and after `time` is, over `window` seconds on either side.
    pub fn novelty(&self, time: f64, window: f64) -> f64 {
        distance(
            &self.code(time - window, time),
            &self.code(time, time + window),
        )
    }

    /// Whether the picture changes at all: whether any two pictures lie further apart than a
    /// fiftieth of what two unrelated ones do. Below lies what a coder leaves in a still.
    pub fn moves(&self) -> bool {
        let Some((_, first)) = self.seen.codes.first() else {
            return false;
        };
        let least = unrelated(first.len()) / 50.0;
        let far = |code: &[f32]| {
            let squares = code
                .iter()
                .zip(first)
                .map(|(a, b)| f64::from(a - b).powi(2));
            squares.sum::<f64>().sqrt() > least
        };
        self.seen.codes.iter().any(|(_, code)| far(code))
    }

    /// The shot at `time`, counted from 0.
    pub fn shot(&self, time: f64) -> usize {
        let time = time.rem_euclid(self.seen.seconds.max(f64::MIN_POSITIVE));
        self.seen.cuts.partition_point(|cut| *cut <= time)
    }

    /// The mean code of each shot.
    pub fn shots(&self) -> Vec<Vec<f64>> {
        let borders = self.borders();
        let shots = borders.windows(2);
        shots.map(|pair| self.code(pair[0], pair[1])).collect()
    }

    /// How unlike the two halves of a shot are: the median over the shots.
    pub fn spread(&self) -> f64 {
        let borders = self.borders();
        let halves = borders.windows(2).map(|pair| {
            let middle = (pair[0] + pair[1]) / 2.0;
            distance(&self.code(pair[0], middle), &self.code(middle, pair[1]))
        });
        quantile(&halves.collect::<Vec<_>>(), 0.5).unwrap_or(0.0)
    }

    /// Where shots begin and end.
    fn borders(&self) -> Vec<f64> {
        let mut borders = vec![0.0];
        borders.extend(&self.seen.cuts);
        borders.push(self.seen.seconds);
        borders
    }
}

/// Running sums of values by time, on a circle.
struct Sums {
    times: Vec<f64>,
    /// The sums of all values before each, and of all at the end: one more than times.
    sums: Vec<Vec<f64>>,
    dimension: usize,
    seconds: f64,
}

impl Sums {
    fn new(values: impl Iterator<Item = (f64, Vec<f64>)>, seconds: f64) -> Self {
        let (mut times, mut sums): (Vec<f64>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
        let mut dimension = 0;
        for (time, value) in values {
            let last = sums.last().cloned().unwrap_or_else(|| {
                dimension = value.len();
                vec![0.0; dimension]
            });
            if sums.is_empty() {
                sums.push(last.clone());
            }
            sums.push(
                last.iter()
                    .zip(&value)
                    .map(|(sum, value)| sum + value)
                    .collect(),
            );
            times.push(time);
        }
        Sums {
            times,
            sums,
            dimension,
            seconds: seconds.max(f64::MIN_POSITIVE),
        }
    }

    /// The mean of the values from `from` to `to`; where there are none, the value that holds at
    /// `from`.
    fn mean(&self, from: f64, to: f64) -> Vec<f64> {
        let Some(last) = self.times.len().checked_sub(1) else {
            return Vec::new();
        };
        // Counted through all rounds of the circle, so that a span over the end is one
        // difference.
        let place = |time: f64| {
            let rounds = (time / self.seconds).floor();
            let within = time - rounds * self.seconds;
            let index = self.times.partition_point(|at| *at < within - 1e-9);
            (rounds, index)
        };
        let ((first_round, first), (last_round, end)) = (place(from), place(to));
        let rounds = last_round - first_round;
        let count = rounds * self.times.len() as f64 + end as f64 - first as f64;
        if count < 0.5 {
            let at = if first == 0 { last } else { first - 1 };
            return (self.sums[at + 1].iter().zip(&self.sums[at]))
                .map(|(after, before)| after - before)
                .collect();
        }
        (0..self.dimension)
            .map(|index| {
                let all = self.sums[last + 1][index];
                (rounds * all + self.sums[end][index] - self.sums[first][index]) / count
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds, one code each, whose one component is its second.
    fn film() -> Film {
        Film::new(Seen {
            seconds: 10.0,
            codes: (0..10)
                .map(|second| (f64::from(second), vec![second as f32]))
                .collect(),
            motion: vec![(0.0, 0.25), (5.0, 0.75)],
            cuts: vec![2.0, 7.5],
        })
    }

    #[test]
    fn a_mean_is_of_what_lies_within_and_goes_round_the_end() {
        let film = film();
        assert_eq!(film.code(2.0, 5.0), [3.0]);
        assert_eq!(film.code(8.0, 12.0), [(8.0 + 9.0 + 0.0 + 1.0) / 4.0]);
        assert_eq!(film.code(-2.0, 0.0), [8.5]);
        assert_eq!(film.code(28.0, 32.0), [4.5]);
        // Between two pictures the earlier still shows.
        assert_eq!(film.code(4.2, 4.4), [4.0]);
        assert_eq!(film.code(9.2, 9.4), [9.0]);
        assert_eq!(film.motion(0.0, 10.0), 0.5);
    }

    #[test]
    fn shots_lie_between_cuts() {
        let film = film();
        assert_eq!(
            [0.0, 1.9, 2.0, 9.0, 12.0].map(|time| film.shot(time)),
            [0, 0, 1, 2, 1]
        );
        assert_eq!(film.shots(), [[0.5], [4.5], [8.5]]);
        assert_eq!(film.spread(), 1.0);
    }

    #[test]
    fn a_still_with_a_coders_noise_does_not_move() {
        let still = |noise: f32| {
            Film::new(Seen {
                seconds: 10.0,
                codes: (0..10)
                    .map(|n| (f64::from(n), vec![1.0 + noise * (n % 2) as f32; 64]))
                    .collect(),
                ..Seen::default()
            })
        };
        assert!(!still(0.01).moves());
        assert!(still(0.1).moves());
        assert!(!Film::new(Seen::default()).moves());
        assert!(Film::new(Seen::default()).code(0.0, 1.0).is_empty());
    }
}
