//! From the music back to the picture: which scene each bar of a part finds.

use score_nodes::music::ReadBars;
use serde::Serialize;

use super::rank::ranks;
use super::seen::Film;

/// Seconds from one picture that bars are compared with to the next, as in an index of stills.
const APART: f64 = 1.0;

/// Such pictures at most: of longer films they lie further apart.
const MOST_PICTURES: f64 = 4000.0;

/// A part of the music read back by the model that plays it.
#[derive(Clone, Debug, Default)]
pub struct ReadBack {
    /// The node whose notes are read.
    pub node: String,
    /// The model.
    pub model: String,
    /// When the film's pictures gave which latent to the part, in seconds, in order.
    pub pictures: Vec<(f64, Vec<f32>)>,
    /// Its bars, as the model reads them.
    pub bars: Vec<ReadBars>,
}

/// What was read back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadPart {
    /// The node whose notes were read.
    pub node: String,
    /// The model that read them.
    pub model: String,
    /// How many bars it read.
    pub bars: usize,
}

impl ReadBack {
    /// What is read, without the latents.
    pub(super) fn part(&self) -> ReadPart {
        ReadPart {
            node: self.node.clone(),
            model: self.model.clone(),
            bars: self.bars.len(),
        }
    }

    /// The direction of a picture's latent for every second or so of a film of `seconds`, with its
    /// time.
    fn stills(&self, seconds: f64) -> Vec<(f64, Vec<f64>)> {
        let apart = APART.max(seconds / MOST_PICTURES);
        let mut due = f64::NEG_INFINITY;
        let mut stills = Vec::new();
        // What comes when the film is over is of no shot: on the circle it would be of the first.
        let shown = self.pictures.iter().filter(|(time, _)| *time < seconds);
        for (time, latent) in shown {
            // Pictures lie where the film has them: a little early is not late by a whole one.
            if *time + 1e-6 < due {
                continue;
            }
            if let Some(direction) = direction(latent) {
                stills.push((*time, direction));
                due = *time + apart;
            }
        }
        stills
    }
}

/// The latent at length 1, for models play latents of one length; `None` where it has no direction.
fn direction(latent: &[f32]) -> Option<Vec<f64>> {
    let squares = latent.iter().map(|value| f64::from(*value).powi(2));
    let length = squares.sum::<f64>().sqrt();
    let has_one = length.is_finite() && length > 1e-9;
    has_one.then(|| {
        let parts = latent.iter();
        parts.map(|value| f64::from(*value) / length).collect()
    })
}

/// How near each scene is to each bar: by its nearest picture, so that the first is the scene of
/// the picture that the bar finds.
pub(super) struct Search {
    /// Of each bar its middle, in seconds, and of each scene its place among all, from 1. Scenes
    /// that are as near share the mean of their places.
    bars: Vec<(f64, Vec<f64>)>,
}

impl Search {
    /// Compares the bars with the film, of whose shots `scenes` has the scenes. `None` where there
    /// is no more than one scene, no picture or no bar.
    pub(super) fn new(read: &ReadBack, film: &Film, scenes: &[usize]) -> Option<Self> {
        let count = scenes.iter().max()? + 1;
        let stills = read.stills(film.seen.seconds).into_iter();
        let stills: Vec<(usize, Vec<f64>)> = stills
            .filter_map(|(time, still)| Some((*scenes.get(film.shot(time))?, still)))
            .collect();
        let places = |bar: &ReadBars| {
            let wanted = direction(&bar.latent)?;
            let mut away = vec![f64::INFINITY; count];
            for (scene, still) in &stills {
                let likeness: f64 = wanted.iter().zip(still).map(|(a, b)| a * b).sum();
                away[*scene] = away[*scene].min(-likeness);
            }
            let middle = (bar.from.seconds() + bar.to.seconds()) / 2.0;
            Some((middle, ranks(&away)))
        };
        let bars: Vec<_> = read.bars.iter().filter_map(places).collect();
        (count > 1 && !stills.is_empty() && !bars.is_empty()).then_some(Search { bars })
    }

    /// The share of bars that find the scene that shows with them; `scene` says which shows when.
    pub(super) fn found(&self, scene: impl Fn(f64) -> usize) -> f64 {
        self.mean(scene, |place| f64::from(place == 1.0))
    }

    /// The place of the scene that shows, in the mean over the bars.
    pub(super) fn place(&self, scene: impl Fn(f64) -> usize) -> f64 {
        self.mean(scene, |place| place)
    }

    fn mean(&self, scene: impl Fn(f64) -> usize, value: impl Fn(f64) -> f64) -> f64 {
        let places = self.bars.iter().map(|(middle, places)| {
            let last = places.len() as f64;
            value(places.get(scene(*middle)).copied().unwrap_or(last))
        });
        places.sum::<f64>() / self.bars.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Time;

    use super::*;
    use crate::Seen;

    /// Six seconds of three scenes.
    fn film() -> Film {
        Film::new(Seen {
            seconds: 6.0,
            cuts: vec![2.0, 4.0],
            ..Seen::default()
        })
    }

    fn read(pictures: &[(f64, [f32; 2])], bars: &[[f32; 2]]) -> ReadBack {
        let bars = (0..).zip(bars).map(|(n, latent)| ReadBars {
            from: Time::from_seconds(f64::from(n) * 2.0),
            to: Time::from_seconds(f64::from(n) * 2.0 + 2.0),
            latent: latent.to_vec(),
        });
        ReadBack {
            pictures: (pictures.iter())
                .map(|(time, latent)| (*time, latent.to_vec()))
                .collect(),
            bars: bars.collect(),
            ..ReadBack::default()
        }
    }

    const PICTURES: [(f64, [f32; 2]); 5] = [
        (0.0, [1.0, 0.0]),
        // Within a second of the last: not asked, though it is the second scene's likeness.
        (0.5, [0.0, 1.0]),
        (1.0, [1.0, 0.1]),
        (2.0, [0.0, 3.0]),
        (4.0, [-1.0, 0.0]),
    ];

    #[test]
    fn a_bar_finds_the_scene_of_the_nearest_picture_whatever_its_length() {
        let film = film();
        let scene = |time: f64| film.shot(time);
        // The third bar is nearest to the first scene, then to the second, then to its own.
        let bars = [[0.1, 0.0], [0.2, 5.0], [2.0, 0.5]];
        let search = Search::new(&read(&PICTURES, &bars), &film, &[0, 1, 2]).unwrap();
        assert!((search.found(scene) - 2.0 / 3.0).abs() < 1e-12);
        assert!((search.place(scene) - 5.0 / 3.0).abs() < 1e-12);
        // A film that begins a scene later.
        assert_eq!(search.found(|time| scene(time + 2.0)), 1.0 / 3.0);
    }

    #[test]
    fn scenes_that_are_as_near_share_their_places_and_none_is_found() {
        let film = film();
        let pictures = [(0.0, [1.0, 0.0]), (2.0, [1.0, 0.0])];
        let search = Search::new(&read(&pictures, &[[1.0, 0.0]]), &film, &[0, 1, 2]).unwrap();
        let scene = |time: f64| film.shot(time);
        assert_eq!((search.found(scene), search.place(scene)), (0.0, 1.5));
        // A scene without a picture is the last.
        assert_eq!(search.place(|time| scene(time + 4.0)), 3.0);
    }

    #[test]
    fn a_latent_that_comes_at_the_films_end_is_not_one_of_its_first_scene() {
        let film = film();
        let pictures = [(0.0, [1.0, 0.0]), (4.0, [-1.0, 0.0]), (6.0, [0.0, 1.0])];
        let search = Search::new(&read(&pictures, &[[-0.5, 1.0]]), &film, &[0, 1, 2]).unwrap();
        assert_eq!(search.found(|_| 2), 1.0);
    }

    #[test]
    fn without_a_picture_a_bar_or_a_second_scene_there_is_no_search() {
        let film = film();
        let bars = [[1.0, 0.0]];
        let none = |read: &ReadBack, scenes: &[usize]| Search::new(read, &film, scenes).is_none();
        assert!(none(&read(&[], &bars), &[0, 1, 2]));
        assert!(none(&read(&PICTURES, &[]), &[0, 1, 2]));
        assert!(none(&read(&PICTURES, &[[0.0, 0.0]]), &[0, 1, 2]));
        assert!(none(&read(&PICTURES, &[[f32::NAN, 0.0]]), &[0, 1, 2]));
        assert!(none(&read(&PICTURES, &bars), &[0, 0, 0]));
        assert!(none(&read(&PICTURES, &bars), &[]));
    }
}
