//! Chooses tempi between which a film's cuts fall on beats.

use score_engine::{Metre, Stretch, Tempi, Time};

/// Tempi lie within this share of the middle one.
const WIDEST: f64 = 0.06;

/// The middle tempo lies within this share of the patch's.
const FARTHEST: f64 = 0.15;

/// Tempi that are tried for it.
const TRIED: usize = 31;

/// A cut is on a beat if it is within this many seconds of it, which viewers take for together.
pub const ON_BEAT: f64 = 0.08;

/// Cuts that one stretch may pass over.
const PASSED: usize = 8;

/// What a cut on a bar line counts more than one on another beat.
const BAR_LINE: f64 = 0.35;

/// What a cut that a stretch passes over counts, where it is on a beat all the same.
const PASSED_BY: f64 = 0.8;

/// What a stretch of its own costs, and one whose tempo is as far away as it may be.
const CHANGE: f64 = 0.05;
const BENT: f64 = 0.25;

/// The shortest stretch, in beats.
const SHORTEST: f64 = 1.0;

/// What was found for a film.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Where which tempo holds.
    pub tempi: Tempi,
    /// The tempo that all stand around, in quarter notes a minute.
    pub tempo: f64,
    /// The share of the cuts on a beat, within [`ON_BEAT`].
    pub on_beat: f64,
    /// The same at the patch's own tempo.
    pub before: f64,
}

/// Tempi around `tempo` (quarter notes a minute) with which as many of `cuts` as can be fall on
/// beats, rather on bar lines. `None` where nothing is won by that.
pub fn fit_cuts(cuts: &[Time], tempo: f64, metre: Metre) -> Option<Fit> {
    let beat = Beat::of(metre);
    let mut cuts: Vec<f64> = cuts
        .iter()
        .map(|cut| cut.seconds())
        .filter(|cut| *cut > 0.0)
        .collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let tried = (0..TRIED).map(|number| {
        let way = 2.0 * number as f64 / (TRIED - 1) as f64 - 1.0;
        tempo * (1.0 + FARTHEST).powf(way)
    });
    let (around, anchors, _) = tried
        .map(|around| {
            let (anchors, gain) = anchors(&cuts, around, beat);
            // Of equally good ones the nearest to the patch's own.
            (around, anchors, gain - (around / tempo).ln().abs())
        })
        .max_by(|(.., one), (.., other)| one.total_cmp(other))?;
    let tempi = tempi(&anchors, around, beat);
    let share = |position: &dyn Fn(f64) -> f64| {
        let on_beat = |cut: &&f64| {
            let beats = position(**cut) / beat.quarters;
            (beats - beats.round()).abs() * beat.seconds(around) <= ON_BEAT
        };
        cuts.iter().filter(on_beat).count() as f64 / cuts.len().max(1) as f64
    };
    let on_beat = share(&|cut| tempi.position(Time::from_seconds(cut)).unwrap_or_default());
    let before = share(&|cut| cut * tempo / 60.0);
    (on_beat > before).then_some(Fit {
        tempi,
        tempo: around,
        on_beat,
        before,
    })
}

/// The beat of a metre.
#[derive(Clone, Copy)]
struct Beat {
    /// Its length in quarter notes.
    quarters: f64,
    /// Beats of a bar.
    bar: usize,
}

impl Beat {
    /// In 6/8, 9/8 and 12/8 three eighths are a beat.
    fn of(metre: Metre) -> Self {
        let unit = 4.0 / f64::from(metre.1.max(1));
        if metre.1 == 8 && metre.0 > 3 && metre.0.is_multiple_of(3) {
            return Beat {
                quarters: 3.0 * unit,
                bar: (metre.0 / 3) as usize,
            };
        }
        Beat {
            quarters: unit,
            bar: metre.0.max(1) as usize,
        }
    }

    /// Its length in seconds at `tempo`.
    fn seconds(self, tempo: f64) -> f64 {
        self.quarters * 60.0 / tempo
    }
}

/// A moment and the beat, counted from the start, that falls on it.
type Anchor = (f64, u64);

/// The best way to a cut that lies on a beat.
#[derive(Clone, Copy)]
struct Way {
    gain: f64,
    /// The anchor before, as its index and its beat in the bar.
    from: Option<(usize, usize)>,
    /// Beats since then.
    beats: u64,
}

/// The cuts that are put on beats exactly, with what that counts, where tempi stand around `tempo`.
/// The film's start is the first. Which beat of the bar a cut falls on is all that matters for what
/// comes later (dynamic programming).
fn anchors(cuts: &[f64], tempo: f64, beat: Beat) -> (Vec<Anchor>, f64) {
    let length = beat.seconds(tempo);
    let times: Vec<f64> = std::iter::once(0.0).chain(cuts.iter().copied()).collect();
    let mut ways: Vec<Vec<Option<Way>>> = vec![vec![None; beat.bar]; times.len()];
    ways[0][0] = Some(Way {
        gain: 0.0,
        from: None,
        beats: 0,
    });
    for to in 1..times.len() {
        for from in to.saturating_sub(PASSED + 1)..to {
            let seconds = times[to] - times[from];
            let (fewest, most) = (
                (seconds / length * (1.0 - WIDEST)).ceil().max(SHORTEST) as u64,
                (seconds / length * (1.0 + WIDEST)).floor() as u64,
            );
            for beats in fewest..=most {
                let step = seconds / beats as f64;
                let bent = (length / step - 1.0).abs() / WIDEST;
                let passed = times[from + 1..to].iter().filter(|time| {
                    let place = (*time - times[from]) / step;
                    (place - place.round()).abs() * step <= ON_BEAT
                });
                let gain = 1.0 + PASSED_BY * passed.count() as f64 - CHANGE - BENT * bent * bent;
                for place in 0..beat.bar {
                    let Some(before) = ways[from][place] else {
                        continue;
                    };
                    let lands = (place + beats as usize) % beat.bar;
                    let bar_line = if lands == 0 { BAR_LINE } else { 0.0 };
                    let gain = before.gain + gain + bar_line;
                    let known = &mut ways[to][lands];
                    if known.is_none_or(|known| gain > known.gain) {
                        *known = Some(Way {
                            gain,
                            from: Some((from, place)),
                            beats,
                        });
                    }
                }
            }
        }
    }
    let ends = (0..times.len()).flat_map(|to| (0..beat.bar).map(move |place| (to, place)));
    let best = ends
        .filter_map(|(to, place)| Some((to, place, ways[to][place]?.gain)))
        .max_by(|(.., one), (.., other)| one.total_cmp(other));
    let Some((mut to, mut place, gain)) = best else {
        return (vec![(0.0, 0)], 0.0);
    };
    let mut steps = Vec::new();
    while let Some(Way {
        from: Some((from, before)),
        beats,
        ..
    }) = ways[to][place]
    {
        steps.push((times[to], beats));
        (to, place) = (from, before);
    }
    let mut anchors = vec![(0.0, 0)];
    let mut count = 0;
    for (time, beats) in steps.into_iter().rev() {
        count += beats;
        anchors.push((time, count));
    }
    (anchors, gain)
}

/// The tempi from anchor to anchor; `after` the last it goes on at the tempo that all stand around.
fn tempi(anchors: &[Anchor], after: f64, beat: Beat) -> Tempi {
    let stretches = anchors.iter().enumerate().map(|(index, (time, count))| {
        let tempo = match anchors.get(index + 1) {
            Some((next, beats)) => (beats - count) as f64 * beat.quarters * 60.0 / (next - time),
            None => after,
        };
        Stretch {
            from: Time::from_seconds(*time),
            position: *count as f64 * beat.quarters,
            tempo,
        }
    });
    Tempi::new(stretches.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(cuts: &[f64]) -> Vec<Time> {
        cuts.iter().copied().map(Time::from_seconds).collect()
    }

    #[test]
    fn cuts_that_are_near_beats_come_to_lie_on_them_and_scenes_ends_on_bar_lines() {
        // At 120 bars are two seconds long.
        let fit = fit_cuts(&at(&[2.07, 4.05, 7.9]), 120.0, Metre(4, 4)).unwrap();
        let place = |cut: f64| fit.tempi.position(Time::from_seconds(cut)).unwrap();
        for (cut, beats) in [(2.07, 4.0), (4.05, 8.0), (7.9, 16.0)] {
            assert!((place(cut) - beats).abs() < 1e-6, "{cut}: {}", place(cut));
        }
        assert_eq!(fit.on_beat, 1.0);
        assert!(fit.before < 1.0);
    }

    #[test]
    fn without_cuts_there_is_nothing_to_fit() {
        assert!(fit_cuts(&[], 120.0, Metre(4, 4)).is_none());
        assert!(fit_cuts(&at(&[0.0]), 120.0, Metre(4, 4)).is_none());
    }

    #[test]
    fn a_film_of_hours_is_fitted_in_little_time() {
        let cuts: Vec<f64> = (1..2_500)
            .map(|n| f64::from(n) * 2.9 + f64::from(n * n % 97) / 60.0)
            .collect();
        assert!(fit_cuts(&at(&cuts), 104.0, Metre(4, 4)).is_some_and(|fit| fit.on_beat > 0.85));
    }

    proptest! {
        #[test]
        fn tempi_stay_near_the_one_they_stand_around_and_time_never_stands(
            gaps in prop::collection::vec(0.05_f64..9.0, 1..60),
            tempo in 40.0_f64..220.0,
            metre in prop::sample::select(vec![Metre(4, 4), Metre(3, 4), Metre(6, 8), Metre(5, 4)]),
        ) {
            let cuts: Vec<f64> = gaps.iter().scan(0.0, |sum, gap| { *sum += gap; Some(*sum) }).collect();
            if let Some(fit) = fit_cuts(&at(&cuts), tempo, metre) {
                prop_assert!((fit.tempo / tempo - 1.0).abs() <= FARTHEST + 1e-9);
                prop_assert!(fit.on_beat > fit.before);
                for stretch in fit.tempi.stretches() {
                    prop_assert!((stretch.tempo / fit.tempo - 1.0).abs() <= WIDEST + 1e-6, "{}", stretch.tempo);
                }
                let places: Vec<f64> = (0..200).filter_map(|n| fit.tempi.position(Time::from_seconds(f64::from(n) * 0.5))).collect();
                prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }
}
