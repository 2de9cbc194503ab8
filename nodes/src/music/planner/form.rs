//! The form of a piece whose whole film is known: where phrases begin, which of them are alike, and
//! what the scenes are.

use std::cmp::Ordering;

use super::super::shape::normalise;
use super::alike::{cosine, groups};

/// The most scenes that are told apart in a film: a listener does not know more.
const MOST_SCENES: usize = 12;

/// The most themes of a piece.
const MOST_THEMES: usize = 8;

/// On average one of this many phrases brings a new theme.
const PHRASES_A_THEME: usize = 3;

/// What a phrase costs, and what one that is longer than usual or shorter costs more, in the
/// measure of how new the picture is (1: nothing in common).
const COST: f32 = 0.03;
const LONG: f32 = 0.15;
const SHORT: f32 = 0.3;

/// A phrase of the piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phrase {
    /// Its first bar, counted from the start.
    pub(super) first: usize,
    pub(super) bars: usize,
    pub(super) theme: usize,
}

/// The phrases of a piece of which `bars` are the pictures' codes, bar by bar. Most have `usual`
/// bars; some are half as long again or half as long, so that they begin where the picture changes.
/// Those whose pictures are alike have one theme.
pub(super) fn phrases(bars: &[Vec<f32>], usual: usize, alike: f32) -> Vec<Phrase> {
    let begins = beginnings(bars, usual.max(1));
    let spans: Vec<(usize, usize)> = (begins.iter())
        .zip(begins.iter().skip(1).chain([&bars.len()]))
        .map(|(first, next)| (*first, next - first))
        .collect();
    let looks: Vec<Vec<f32>> = (spans.iter())
        .map(|(first, count)| look(&bars[*first..first + count]))
        .collect();
    let most = looks.len().div_ceil(PHRASES_A_THEME).clamp(2, MOST_THEMES);
    let (themes, _) = groups(&looks, alike, most);
    (spans.iter().zip(themes))
        .map(|(&(first, bars), theme)| Phrase { first, bars, theme })
        .collect()
}

/// The scene of each of `shots`, given by their pictures' codes in the mean, and each scene's code.
pub(super) fn scenes(shots: &[Vec<f32>], alike: f32) -> (Vec<usize>, Vec<Vec<f32>>) {
    groups(shots, alike, MOST_SCENES)
}

/// The bars with which phrases begin: of all rows of phrases the one that begins most of them where
/// the picture is new.
fn beginnings(bars: &[Vec<f32>], usual: usize) -> Vec<usize> {
    // Halves, as songs have them: four bars of eight stay four bars, and a phrase that returns does
    // so at their beginning.
    let half = usual / 2;
    let lengths: Vec<usize> = [usual, usual - half, usual + half]
        .into_iter()
        .filter(|length| *length >= 2 || *length == usual)
        .collect();
    let count = bars.len();
    // The best of all rows of phrases that end before bar `n`, and the length of the last of them.
    let mut best: Vec<Option<(f32, usize)>> = vec![None; count + 1];
    best[0] = Some((0.0, 0));
    for end in 1..=count {
        for length in &lengths {
            // The last phrase may be cut off by the end.
            let shortest = if end == count { 1 } else { *length };
            for length in shortest..=*length {
                let Some(start) = end.checked_sub(length) else {
                    continue;
                };
                let Some((before, _)) = best[start] else {
                    continue;
                };
                let odd = match length.cmp(&usual) {
                    Ordering::Less => SHORT,
                    Ordering::Equal => 0.0,
                    Ordering::Greater => LONG,
                };
                let gain = before + newness(bars, start) - odd - COST;
                if best[end].is_none_or(|(known, _)| gain > known) {
                    best[end] = Some((gain, length));
                }
            }
        }
    }
    let mut begins = Vec::new();
    let mut end = count;
    while let Some((_, length)) = best[end].filter(|_| end > 0) {
        end -= length;
        begins.push(end);
    }
    begins.reverse();
    begins
}

/// How new the picture is with bar `bar`: 0 as before, 1 nothing in common.
fn newness(bars: &[Vec<f32>], bar: usize) -> f32 {
    if bar == 0 || bar >= bars.len() {
        return 0.0;
    }
    let before = look(&bars[bar.saturating_sub(2)..bar]);
    let after = look(&bars[bar..(bar + 2).min(bars.len())]);
    (1.0 - cosine(&before, &after)) / 2.0
}

/// What codes are like in the mean.
pub(super) fn look(codes: &[Vec<f32>]) -> Vec<f32> {
    let Some(first) = codes.first() else {
        return Vec::new();
    };
    let mut sum = vec![0.0; first.len()];
    for code in codes {
        for (sum, value) in sum.iter_mut().zip(code) {
            *sum += value / codes.len() as f32;
        }
    }
    normalise(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(scene: usize, bar: usize) -> Vec<f32> {
        (0..32)
            .map(|n| ((n * (scene + 1)) as f32 * 0.7).sin() + 0.1 * ((n + bar) as f32).cos())
            .collect()
    }

    fn film(scenes: &[(usize, usize)]) -> Vec<Vec<f32>> {
        let bars = scenes.iter().flat_map(|(scene, bars)| vec![*scene; *bars]);
        bars.enumerate()
            .map(|(bar, scene)| picture(scene, bar))
            .collect()
    }

    fn found(scenes: &[(usize, usize)]) -> Vec<(usize, usize, usize)> {
        let phrases = phrases(&film(scenes), 4, 0.6);
        phrases.iter().map(|p| (p.first, p.bars, p.theme)).collect()
    }

    #[test]
    fn phrases_begin_with_scenes_and_a_scene_that_returns_has_its_theme() {
        assert_eq!(
            found(&[(0, 6), (1, 4), (0, 8)]),
            [(0, 6, 0), (6, 4, 1), (10, 4, 0), (14, 4, 0)]
        );
    }

    #[test]
    fn every_bar_belongs_to_a_phrase_however_long_the_film_is() {
        for bars in 0..40 {
            let phrases = phrases(&film(&[(2, bars)]), 4, 0.6);
            let mut next = 0;
            for phrase in &phrases {
                assert_eq!(phrase.first, next);
                assert!(phrase.bars > 0);
                next += phrase.bars;
            }
            assert_eq!(next, bars);
        }
    }

    #[test]
    fn a_film_of_many_scenes_has_few_themes() {
        let scenes: Vec<(usize, usize)> = (0..20).map(|scene| (scene, 2)).collect();
        let themes = found(&scenes).iter().map(|(.., theme)| *theme).max();
        assert!(themes.is_some_and(|most| most < 5), "{themes:?}");
    }
}
