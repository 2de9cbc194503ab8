//! Scenes, and whether the music tells them apart and knows them again.

use super::mantel::pairs;
use super::rank::quantile;

/// How far apart two pictures' codes are on average that have nothing to do with each other: the
/// distance of two draws from N(0, 1) in each of `dimension` components.
pub fn unrelated(dimension: usize) -> f64 {
    (2.0 * dimension as f64).sqrt()
}

/// How near the mean codes of two shots of one scene are: nearer than half of what lies on either
/// side of the film's cuts (their median). How unlike scenes are is the film's own matter: those of
/// a drawn film, or of one room, lie much nearer than two unrelated pictures. No more than half of
/// [`unrelated`], and no less than what one shot differs from itself, which is `spread`, nor than
/// what a coder leaves in a still.
fn near(codes: &[Vec<f64>], spread: f64) -> f64 {
    let unrelated = unrelated(codes.first().map_or(0, Vec::len));
    let over_cuts: Vec<f64> = (codes.windows(2))
        .map(|pair| distance(&pair[0], &pair[1]))
        .collect();
    let most = unrelated / 2.0;
    let least = spread.max(unrelated / 50.0).min(most);
    quantile(&over_cuts, 0.5).map_or(most, |median| (median / 2.0).clamp(least, most))
}

/// Which shots are of one scene, where a shot differs from itself by `spread`: a shot joins the
/// first scene whose first shot it is near to. One scene number for each shot.
pub fn scenes(codes: &[Vec<f64>], spread: f64) -> Vec<usize> {
    let mut first: Vec<&Vec<f64>> = Vec::new();
    let near = near(codes, spread);
    codes
        .iter()
        .map(|code| {
            let known = first.iter().position(|other| distance(code, other) < near);
            known.unwrap_or_else(|| {
                first.push(code);
                first.len() - 1
            })
        })
        .collect()
}

/// Euclid's distance.
pub fn distance(one: &[f64], other: &[f64]) -> f64 {
    let squares = one.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

/// The shot and the scene of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belongs {
    /// The shot's number.
    pub shot: usize,
    /// The scene's.
    pub scene: usize,
}

/// The mean distance of music between segments of different scenes, divided by that between
/// segments of one scene. With `returning`, only scenes that came back count as one: segments of
/// different shots. `distances` has one entry for each of [`pairs`]. `None` where there is no pair
/// of one sort.
pub fn contrast(segments: &[Belongs], distances: &[f64], returning: bool) -> Option<f64> {
    let (mut within, mut between) = ((0.0, 0), (0.0, 0));
    for ((first, second), distance) in pairs(segments.len()).zip(distances) {
        let (first, second) = (segments[first], segments[second]);
        let sum = if first.scene != second.scene {
            &mut between
        } else if !returning || first.shot != second.shot {
            &mut within
        } else {
            continue;
        };
        sum.0 += distance;
        sum.1 += 1;
    }
    let mean = |(sum, count): (f64, usize)| (count > 0).then(|| sum / count as f64);
    let (within, between) = (mean(within)?, mean(between)?);
    // Music that is the very same in every scene does not tell them apart; music that repeats to
    // the note does so as well as can be measured.
    if between <= 0.0 {
        return Some(1.0);
    }
    Some(between / within.max(between * 1e-3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(shot: usize, scene: usize) -> Belongs {
        Belongs { shot, scene }
    }

    #[test]
    fn shots_that_look_alike_are_one_scene() {
        let far = vec![3.0; 8];
        let shots = [vec![0.0; 8], far.clone(), vec![0.2; 8], far];
        assert_eq!(scenes(&shots, 0.0), [0, 1, 0, 1]);
    }

    #[test]
    fn scenes_that_lie_near_each_other_are_told_apart_by_the_films_own_cuts() {
        let shot = |at: f64| vec![at; 64];
        // A fifth of what unrelated pictures are apart, as plain colours are.
        let shots = [0.0, 0.3, 0.6, 0.01, 0.31, 0.58].map(shot);
        assert_eq!(scenes(&shots, 0.0), [0, 1, 2, 0, 1, 2]);
        // Where a shot differs as much from itself, cuts say nothing: it is one scene.
        assert_eq!(scenes(&shots, 5.0), [0; 6]);
        // Cuts within a still are none.
        assert_eq!(scenes(&[0.0, 0.01, 0.0].map(shot), 0.0), [0; 3]);
        assert_eq!(scenes(&[shot(0.0)], 0.0), [0]);
        assert!(scenes(&[], 0.0).is_empty());
    }

    #[test]
    fn contrast_is_between_over_within_by_hand() {
        let segments = [at(0, 0), at(0, 0), at(1, 1), at(2, 0)];
        // Pairs 01, 02, 03, 12, 13, 23: within are 01, 03 and 13, of which 03 and 13 are of two
        // shots.
        let distances = [0.1, 0.6, 0.2, 0.8, 0.4, 0.7];
        let whole = contrast(&segments, &distances, false).unwrap();
        assert!((whole - 0.7 / (0.7 / 3.0)).abs() < 1e-12);
        let returning = contrast(&segments, &distances, true).unwrap();
        assert!((returning - 0.7 / 0.3).abs() < 1e-12);
    }

    #[test]
    fn one_scene_has_no_contrast() {
        assert_eq!(contrast(&[at(0, 0); 4], &[0.5; 6], false), None);
        let two = [at(0, 0), at(0, 0), at(1, 1), at(1, 1)];
        assert_eq!(contrast(&two, &[0.5; 6], true), None);
        assert_eq!(contrast(&two, &[0.0; 6], false), Some(1.0));
    }
}
