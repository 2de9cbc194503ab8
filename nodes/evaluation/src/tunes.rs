//! What many melodies of tokens are like, and how unlike two sets of them are: the definitions of
//! `models/training/melody/evaluate.py`, so that figures agree with the models' cards.

use std::collections::BTreeMap;

use serde::Serialize;

use score_nodes::model::Music;

/// The distances of a major scale from its root.
const MAJOR: [usize; 7] = [0, 2, 4, 5, 7, 9, 11];

/// Histograms of a set of melodies.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    notes: Histogram,
    interval: Histogram,
    duration: Histogram,
    entropy: Histogram,
    scale: Histogram,
    shares: f64,
    sounding: f64,
}

type Histogram = BTreeMap<i64, f64>;

/// How unlike two sets of melodies are: Jensen–Shannon divergences in bits, 0 the same to 1 nothing
/// in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Divergences {
    /// Of the number of notes.
    pub notes: f64,
    /// Of intervals from note to note, in semitones without sign, 15 and more as one.
    pub interval: f64,
    /// Of steps from onset to onset, 16 and more as one.
    pub duration: f64,
    /// Of the entropy of pitch classes, in fifths of a bit.
    pub pitch_class_entropy: f64,
    /// Of the share of notes in the best major scale, in twentieths.
    pub scale: f64,
}

impl Manners {
    /// What `melodies` are like.
    pub fn of(melodies: &[Vec<i64>], layout: &Music) -> Self {
        let mut manners = Manners::default();
        for melody in melodies {
            manners.add(melody, layout);
        }
        manners
    }

    fn add(&mut self, melody: &[i64], layout: &Music) {
        let onsets: Vec<(i64, i64)> = (0_i64..)
            .zip(melody)
            .filter(|(_, token)| **token > 1)
            .map(|(step, token)| (step, token - 2 + i64::from(layout.lowest_pitch)))
            .collect();
        count(
            &mut self.notes,
            i64::try_from(onsets.len()).unwrap_or(i64::MAX),
        );
        for pair in onsets.windows(2) {
            count(&mut self.interval, (pair[1].1 - pair[0].1).abs().min(15));
            count(&mut self.duration, (pair[1].0 - pair[0].0).min(16));
        }
        if onsets.is_empty() {
            return;
        }
        let all = onsets.len() as f64;
        let mut classes = [0.0; 12];
        for (_, pitch) in &onsets {
            classes[pitch.rem_euclid(12) as usize] += 1.0;
        }
        let entropy: f64 = classes
            .iter()
            .filter(|count| **count > 0.0)
            .map(|count| -(count / all) * (count / all).log2())
            .sum();
        let in_scale = |root: usize| -> f64 {
            let degrees = MAJOR.iter();
            degrees.map(|degree| classes[(root + degree) % 12]).sum()
        };
        let share = (0..12).map(in_scale).fold(0.0, f64::max) / all;
        // As Python rounds: halves to the even neighbour.
        count(&mut self.entropy, (entropy * 5.0).round_ties_even() as i64);
        count(&mut self.scale, (share * 20.0).round_ties_even() as i64);
        self.shares += share;
        self.sounding += 1.0;
    }

    /// The mean share of notes in the best major scale; 0 where no melody has a note.
    pub fn scale_share(&self) -> f64 {
        if self.sounding > 0.0 {
            self.shares / self.sounding
        } else {
            0.0
        }
    }

    /// How unlike another set is.
    pub fn divergences(&self, other: &Manners) -> Divergences {
        Divergences {
            notes: divergence(&self.notes, &other.notes),
            interval: divergence(&self.interval, &other.interval),
            duration: divergence(&self.duration, &other.duration),
            pitch_class_entropy: divergence(&self.entropy, &other.entropy),
            scale: divergence(&self.scale, &other.scale),
        }
    }
}

fn count(histogram: &mut Histogram, value: i64) {
    *histogram.entry(value).or_default() += 1.0;
}

/// The Jensen–Shannon divergence of two histograms, in bits.
fn divergence(one: &Histogram, other: &Histogram) -> f64 {
    let sum = |histogram: &Histogram| histogram.values().sum::<f64>().max(1.0);
    let (left, right) = (sum(one), sum(other));
    let half = |here: f64, there: f64| {
        if here > 0.0 {
            0.5 * here * (2.0 * here / (here + there)).log2()
        } else {
            0.0
        }
    };
    let share = |histogram: &Histogram, key: &i64, sum: f64| {
        histogram.get(key).copied().unwrap_or(0.0) / sum
    };
    let only_other = other.keys().filter(|key| !one.contains_key(key));
    one.keys()
        .chain(only_other)
        .map(|key| {
            let (here, there) = (share(one, key, left), share(other, key, right));
            half(here, there) + half(there, here)
        })
        .sum()
}

/// How well melodies were rebuilt, as shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rebuilt {
    /// Of all tokens.
    pub tokens: f64,
    /// Of the tokens where the melody says something: all but holds.
    pub at_events: f64,
    /// Onsets at the right steps, whatever their pitch: the harmonic mean of precision and recall.
    pub onset_f1: f64,
    /// Where a note begins, the right note begins.
    pub pitch_at_onset: f64,
}

/// Compares melodies with what was made of them.
pub fn rebuilt(wanted: &[Vec<i64>], found: &[Vec<i64>]) -> Rebuilt {
    let pairs = || {
        let melodies = wanted.iter().zip(found);
        melodies.flat_map(|(wanted, found)| wanted.iter().zip(found))
    };
    let share = |among: fn(&i64) -> bool| {
        let (hit, all) = pairs()
            .filter(|(wanted, _)| among(wanted))
            .fold((0.0, 0.0), |(hit, all), (wanted, found)| {
                (hit + f64::from(wanted == found), all + 1.0)
            });
        if all > 0.0 { hit / all } else { 0.0 }
    };
    let is_onset = |token: &i64| *token > 1;
    let (mut both, mut either) = (0.0, 0.0);
    for (wanted, found) in pairs() {
        both += 2.0 * f64::from(is_onset(wanted) && is_onset(found));
        either += f64::from(is_onset(wanted)) + f64::from(is_onset(found));
    }
    Rebuilt {
        tokens: share(|_| true),
        at_events: share(|token| *token > 0),
        onset_f1: if either > 0.0 { both / either } else { 0.0 },
        pitch_at_onset: share(|token| *token > 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout of the melody model that ships.
    const LAYOUT: Music = Music {
        steps: 32,
        steps_per_bar: 16,
        tokens: 90,
        lowest_pitch: 21,
        start_token: 90,
        drums: false,
    };

    /// Token 41 is middle C.
    fn melody(onsets: &[(usize, i64)]) -> Vec<i64> {
        let mut melody = vec![0; 32];
        for (step, token) in onsets {
            melody[*step] = *token;
        }
        melody
    }

    #[test]
    fn a_scale_is_in_its_scale_and_a_tritone_too_many_is_not() {
        let scale: Vec<_> = [41, 43, 45, 46, 48, 50, 52]
            .iter()
            .enumerate()
            .map(|(index, token)| (index * 4, *token))
            .collect();
        let manners = Manners::of(&[melody(&scale)], &LAYOUT);
        assert_eq!(manners.scale_share(), 1.0);
        let mut wrong = scale;
        // C sharp and C natural, D and E, F sharp and G: no major scale has all.
        wrong.push((31, 42));
        let share = Manners::of(&[melody(&wrong)], &LAYOUT).scale_share();
        assert!((share - 7.0 / 8.0).abs() < 1e-12, "{share}");
        assert_eq!(Manners::of(&[vec![0; 32]], &LAYOUT).scale_share(), 0.0);
    }

    /// Printed by `features` and `divergence` of models/training/melody/evaluate.py for the same
    /// two sets.
    #[test]
    fn divergences_are_those_of_the_cards() {
        let one = [
            melody(&[(0, 41), (4, 45), (8, 48), (12, 53), (16, 41)]),
            melody(&[(0, 41), (2, 43), (4, 45), (6, 46)]),
            melody(&[(0, 60), (24, 40), (28, 1)]),
        ];
        let other = [
            melody(&[
                (0, 41),
                (4, 42),
                (8, 43),
                (12, 44),
                (16, 45),
                (20, 46),
                (24, 47),
            ]),
            melody(&[(0, 41), (4, 45), (8, 48), (12, 53), (20, 36)]),
            vec![0; 32],
        ];
        let (one, other) = (Manners::of(&one, &LAYOUT), Manners::of(&other, &LAYOUT));
        let found = other.divergences(&one);
        let found = [
            found.notes,
            found.interval,
            found.duration,
            found.pitch_class_entropy,
            found.scale,
        ];
        for (found, wanted) in found.iter().zip(WANTED) {
            assert!((found - wanted).abs() < 1e-9, "{found} for {wanted}");
        }
        assert!((one.scale_share() - SHARES[0]).abs() < 1e-12);
        assert!((other.scale_share() - SHARES[1]).abs() < 1e-12);
        let same = one.divergences(&one);
        assert_eq!((same.notes, same.scale), (0.0, 0.0));
    }

    const WANTED: [f64; 5] = [
        0.666666666667,
        0.313606918486,
        0.341799828931,
        1.0,
        0.311278124459,
    ];
    const SHARES: [f64; 2] = [1.0, 0.8571428571428572];

    #[test]
    fn what_was_rebuilt_is_counted_by_hand() {
        let wanted = [vec![41, 0, 43, 0, 1, 0, 45, 0]];
        // The second note wrong, the end missed, an onset too many.
        let found = [vec![41, 0, 44, 0, 0, 50, 45, 0]];
        let rebuilt = rebuilt(&wanted, &found);
        assert_eq!(rebuilt.tokens, 5.0 / 8.0);
        assert_eq!(rebuilt.at_events, 2.0 / 4.0);
        assert_eq!(rebuilt.pitch_at_onset, 2.0 / 3.0);
        assert_eq!(rebuilt.onset_f1, 6.0 / 7.0);
        assert_eq!(super::rebuilt(&[], &[]).tokens, 0.0);
    }
}
