//! Which key music is in, from how much sounds of each pitch class.

/// The distances of a major scale from its tonic, in semitones.
const MAJOR: [usize; 7] = [0, 2, 4, 5, 7, 9, 11];

/// How much of each degree, in semitones from the tonic, listeners expect of a major and of a minor
/// key (Krumhansl, *Cognitive Foundations of Musical Pitch*, 1990, table 2.1).
const PROFILES: [[f64; 12]; 2] = [
    [
        6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88,
    ],
    [
        6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17,
    ],
];

/// Of two keys that fit equally well but for rounding, the one is taken that fits by more than
/// this.
const TIE: f64 = 1e-9;

/// A tonic and a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The tonic's pitch class, 0 is C.
    pub tonic: usize,
    /// Whether it is a minor key.
    pub minor: bool,
}

/// The key whose profile fits the weights of the pitch classes best (Krumhansl and Schmuckler);
/// `None` for silence.
pub fn key(classes: &[f64; 12]) -> Option<Key> {
    let mean = classes.iter().sum::<f64>() / 12.0;
    if mean <= 0.0 {
        return None;
    }
    let mut best: Option<(f64, Key)> = None;
    // The loudest class is tried first, so that ties are broken alike in every key.
    let loudest = (0..12).max_by(|a, b| classes[*a].total_cmp(&classes[*b]).then(b.cmp(a)))?;
    for minor in [false, true] {
        let profile = &PROFILES[usize::from(minor)];
        let middle = profile.iter().sum::<f64>() / 12.0;
        let spread = profile.iter().map(|x| (x - middle).powi(2)).sum::<f64>();
        for turn in 0..12 {
            let tonic = (loudest + turn) % 12;
            let fit: f64 = (0..12)
                .map(|degree| (classes[(tonic + degree) % 12] - mean) * (profile[degree] - middle))
                .sum();
            // The classes' own spread is the same for every key.
            let fit = fit / spread.sqrt();
            if best.is_none_or(|(most, _)| fit > most + TIE) {
                best = Some((fit, Key { tonic, minor }));
            }
        }
    }
    best.map(|(_, key)| key)
}

impl From<Key> for score_engine::Key {
    fn from(key: Key) -> Self {
        score_engine::Key {
            tonic: key.tonic as u8,
            mode: if key.minor {
                score_engine::Mode::Minor
            } else {
                score_engine::Mode::Major
            },
        }
    }
}

/// The weights counted from the tonic of the key that fits them best.
pub fn by_tonic(classes: &[f64; 12]) -> [f64; 12] {
    let tonic = key(classes).map_or(0, |key| key.tonic);
    std::array::from_fn(|degree| classes[(tonic + degree) % 12])
}

/// The share of the weights in the major scale on each pitch class; a natural minor scale is that
/// of its third degree.
pub fn scale_shares(classes: &[f64; 12]) -> Option<[f64; 12]> {
    let all: f64 = classes.iter().sum();
    (all > 0.0).then(|| {
        std::array::from_fn(|root| {
            MAJOR
                .iter()
                .map(|degree| classes[(root + degree) % 12])
                .sum::<f64>()
                / all
        })
    })
}

/// The major scales that hold as much of the weights as the best one does.
pub fn best_scales(classes: &[f64; 12]) -> Vec<usize> {
    let Some(shares) = scale_shares(classes) else {
        return Vec::new();
    };
    let most = shares.iter().copied().fold(0.0, f64::max);
    (0..12).filter(|root| shares[*root] > most - 1e-6).collect()
}

/// How many fifths two tonics lie apart, 0 to 6.
pub fn fifths(one: usize, other: usize) -> usize {
    let steps = ((one + 12 - other % 12) * 7) % 12;
    steps.min(12 - steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(weights: &[(usize, f64)]) -> [f64; 12] {
        let mut classes = [0.0; 12];
        for (class, weight) in weights {
            classes[*class] += weight;
        }
        classes
    }

    #[test]
    fn a_tune_in_every_key_has_that_key() {
        // Twinkle: C C G G A A G F F E E D D C.
        let tune = classes(&[(0, 3.0), (2, 2.0), (4, 2.0), (5, 2.0), (7, 3.0), (9, 2.0)]);
        let sad = classes(&[(9, 4.0), (11, 1.0), (0, 3.0), (2, 1.0), (4, 3.0), (8, 1.0)]);
        for up in 0..12 {
            let moved = |tune: &[f64; 12]| std::array::from_fn(|n| tune[(n + 12 - up) % 12]);
            let wanted = Key {
                tonic: up,
                minor: false,
            };
            assert_eq!(key(&moved(&tune)), Some(wanted));
            let wanted = Key {
                tonic: (9 + up) % 12,
                minor: true,
            };
            assert_eq!(key(&moved(&sad)), Some(wanted));
            assert_eq!(by_tonic(&moved(&tune)), by_tonic(&tune));
        }
        assert_eq!(key(&[0.0; 12]), None);
    }

    #[test]
    fn five_tones_lie_in_three_scales_and_seven_in_one() {
        let pentatonic = classes(&[(0, 1.0), (2, 1.0), (4, 1.0), (7, 1.0), (9, 1.0)]);
        assert_eq!(best_scales(&pentatonic), [0, 5, 7]);
        let major = classes(&MAJOR.map(|degree| (degree, 1.0)));
        assert_eq!(best_scales(&major), [0]);
        assert!(best_scales(&[0.0; 12]).is_empty());
    }

    #[test]
    fn fifths_are_counted_the_shorter_way_round() {
        assert_eq!(
            [
                fifths(0, 7),
                fifths(7, 0),
                fifths(0, 2),
                fifths(0, 6),
                fifths(11, 0)
            ],
            [1, 1, 2, 6, 5]
        );
    }
}
