//! What a film shows when, in words: a time line of probabilities, and the scenes.

use std::fmt::Write;

use score_engine::{Graph, NodeError, Packet, Tap};
use score_nodes::names::{Kind, Name, Names};
use serde::Serialize;

use super::csv::cell;
use super::scenes::scenes;
use super::seen::{Film, Seen};

/// The patch that looks at the film.
pub const PATCH: &str = include_str!("tagging.ron");

/// The nodes of [`PATCH`] that read the film.
pub const READERS: [&str; 2] = ["film", "slow"];

/// The measure that is not in a single picture.
const MOVING: &str = "moving";

/// From this mean in a shot on, a word is likely in it.
pub const LIKELY: f32 = 0.5;

/// Seconds in which motion is measured around the time of a look.
const WINDOW: f64 = 0.5;

/// What a run of [`PATCH`] is collected by.
pub struct Looking {
    cuts: Tap,
    motion: Tap,
    codes: Tap,
}

impl Looking {
    /// Listens to a run of [`PATCH`] that is yet to begin.
    ///
    /// # Errors
    /// The graph is of another patch.
    pub fn of(graph: &mut Graph) -> Result<Self, NodeError> {
        let mut tap = |node: &str, port: &str| {
            graph
                .tap(node, port)
                .ok_or_else(|| NodeError::internal(format!("`{node}.{port}` is not in the patch")))
        };
        Ok(Looking {
            cuts: tap("cuts", "cut")?,
            motion: tap("motion", "motion")?,
            codes: tap("eye", "latent")?,
        })
    }

    /// What was seen, once the run is over.
    ///
    /// # Errors
    /// Something else was sent than was asked for, which a checked patch rules out.
    pub fn seen(self) -> Result<Seen, NodeError> {
        let time = |packet: &Packet| packet.time.seconds();
        let (codes, motion) = (self.codes.take(), self.motion.take());
        let code = |packet: &Packet| Ok((time(packet), packet.latent()?.to_vec()));
        let moves = |packet: &Packet| Ok((time(packet), f64::from(*packet.control()?)));
        Ok(Seen {
            seconds: self.motion.end().map_or(0.0, |end| end.seconds()),
            codes: codes.iter().map(code).collect::<Result<_, NodeError>>()?,
            motion: motion.iter().map(moves).collect::<Result<_, NodeError>>()?,
            cuts: self.cuts.take().iter().map(time).collect(),
        })
    }
}

/// A film in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// How long the film is.
    pub seconds: f64,
    /// When it was looked at, in seconds.
    pub times: Vec<f64>,
    /// What each name says at each of these times.
    pub tracks: Vec<Track>,
    /// What lies between two cuts.
    pub shots: Vec<Shot>,
}

/// One name over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Track {
    /// The name.
    pub name: String,
    /// Whether values are probabilities of a word; else they say how much of a measure there is.
    pub is_word: bool,
    /// From 0 to 1.
    pub values: Vec<f32>,
}

/// What lies between two cuts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shot {
    /// When it begins, in seconds.
    pub from: f64,
    /// When it ends.
    pub to: f64,
    /// Its scene, counted from 1: shots that look alike have one.
    pub scene: usize,
    /// The mean of each track in it, words first, the most probable first.
    pub shows: Vec<Shown>,
}

/// The mean of a track in a shot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The name.
    pub name: String,
    /// Whether it is a word.
    pub is_word: bool,
    /// From 0 to 1.
    pub value: f32,
}

impl Timeline {
    /// Says with `names` what was seen. Where two have a name, the first counts.
    pub fn of(seen: Seen, names: &[Names]) -> Self {
        let mut tracks: Vec<Track> = Vec::new();
        for (name, of) in names.iter().flat_map(|names| &names.names) {
            if tracks.iter().all(|track| track.name != *name) {
                let value = |code: &[f32]| value(of, code);
                tracks.push(Track {
                    name: name.clone(),
                    is_word: of.kind == Kind::Word,
                    values: seen.codes.iter().map(|(_, code)| value(code)).collect(),
                });
            }
        }
        let film = Film::new(seen);
        let times: Vec<f64> = film.seen.codes.iter().map(|(time, _)| *time).collect();
        let motion = |time: &f64| {
            let (from, to) = (time - WINDOW / 2.0, time + WINDOW / 2.0);
            film.motion(from.max(0.0), to.min(film.seen.seconds).max(from)) as f32
        };
        if tracks.iter().all(|track| track.name != MOVING) {
            tracks.push(Track {
                name: MOVING.to_owned(),
                is_word: false,
                values: times.iter().map(motion).collect(),
            });
        }
        let scenes = scenes(&film.shots(), film.spread());
        let shots = shots(&film, &times, &tracks, &scenes);
        Timeline {
            seconds: film.seen.seconds,
            times,
            tracks,
            shots,
        }
    }

    /// The words that are likely in some shot; first those that are it for longest.
    pub fn likely(&self) -> Vec<&Track> {
        let lasts = |track: &Track| -> f64 {
            let is_likely =
                |shown: &Shown| shown.is_word && shown.name == track.name && shown.value >= LIKELY;
            let shots = self.shots.iter();
            let shots = shots.filter(|shot| shot.shows.iter().any(is_likely));
            shots.map(|shot| shot.to - shot.from).sum()
        };
        let words = self.tracks.iter().filter(|track| track.is_word);
        let mut likely: Vec<(f64, &Track)> = words
            .map(|track| (lasts(track), track))
            .filter(|(lasts, _)| *lasts > 0.0)
            .collect();
        likely.sort_by(|one, other| other.0.total_cmp(&one.0));
        likely.into_iter().map(|(_, track)| track).collect()
    }

    /// A line for each look: the time, the scene, each track; after a line of their names.
    pub fn csv(&self) -> String {
        let mut text = "seconds,scene".to_owned();
        self.tracks.iter().for_each(|track| {
            text.push(',');
            text.push_str(&cell(&track.name));
        });
        text.push('\n');
        for (look, time) in self.times.iter().enumerate() {
            let shot = self.shots.iter().rev().find(|shot| shot.from <= *time);
            let scene = shot.or(self.shots.first()).map_or(0, |shot| shot.scene);
            // Writing to a text does not fail.
            let _ = write!(text, "{time:.3},{scene}");
            for track in &self.tracks {
                let value = track.values.get(look).copied().unwrap_or_default();
                let _ = write!(text, ",{value:.3}");
            }
            text.push('\n');
        }
        text
    }
}

/// A word's probability, or where a measure stands.
fn value(name: &Name, code: &[f32]) -> f32 {
    match name.kind {
        Kind::Word => name.probability(code),
        Kind::Measure => name.place(code),
    }
}

fn shots(film: &Film, times: &[f64], tracks: &[Track], scenes: &[usize]) -> Vec<Shot> {
    let cuts = &film.seen.cuts;
    let begins = std::iter::once(0.0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([film.seen.seconds]);
    let shots = begins.zip(ends).zip(scenes);
    let shot = |((from, to), scene): ((f64, f64), &usize)| {
        let first = times.partition_point(|time| *time < from - 1e-9);
        let end = times.partition_point(|time| *time < to - 1e-9);
        // In a shot between two looks, the earlier still shows.
        let looks = if first < end {
            first..end
        } else {
            first.saturating_sub(1)..first.max(1)
        };
        let mean = |track: &Track| {
            let values = track.values.get(looks.clone()).unwrap_or_default();
            Shown {
                name: track.name.clone(),
                is_word: track.is_word,
                value: values.iter().sum::<f32>() / values.len().max(1) as f32,
            }
        };
        let mut shows: Vec<Shown> = tracks.iter().map(mean).collect();
        shows.sort_by(|a, b| {
            let words = b.is_word.cmp(&a.is_word);
            words.then(b.value.total_cmp(&a.value))
        });
        Shot {
            from,
            to,
            scene: scene + 1,
            shows,
        }
    };
    shots.map(shot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use score_nodes::names::teach;

    /// A word that is right where the first of two components has this sign.
    fn word(name: &str, sign: f32) -> Names {
        let heap = |sign: f32| -> Vec<Vec<f32>> {
            (0_u8..10)
                .map(|n| vec![sign * (2.0 + f32::from(n) * 0.1), f32::from(n % 3)])
                .collect()
        };
        teach(name, &heap(sign), &heap(-sign)).unwrap().names
    }

    /// A word that is right where the first of two components is above 0.
    fn rain() -> Names {
        word("rain, heavy", 1.0)
    }

    /// Eight seconds: rain, none, rain again.
    fn film() -> Seen {
        Seen {
            seconds: 8.0,
            codes: (0..16)
                .map(|look| {
                    let is_dry = (6..12).contains(&look);
                    (
                        f64::from(look) / 2.0,
                        vec![if is_dry { -2.0 } else { 2.0 }, 0.0],
                    )
                })
                .collect(),
            motion: (0..80)
                .map(|n| (f64::from(n) / 10.0, if n < 30 { 0.9 } else { 0.1 }))
                .collect(),
            cuts: vec![3.0, 6.0],
        }
    }

    #[test]
    fn a_shot_shows_the_words_of_its_pictures_and_a_scene_that_comes_back_is_one() {
        let timeline = Timeline::of(film(), &[rain()]);
        let scenes: Vec<usize> = timeline.shots.iter().map(|shot| shot.scene).collect();
        assert_eq!(scenes, [1, 2, 1]);
        let rain: Vec<f32> = timeline
            .shots
            .iter()
            .map(|shot| shot.shows[0].value)
            .collect();
        assert!(rain[0] > 0.9 && rain[1] < 0.1 && rain[2] > 0.9, "{rain:?}");
        let moving = |shot: &Shot| {
            let found = shot.shows.iter().find(|shown| shown.name == "moving");
            found.map(|shown| shown.value).unwrap()
        };
        assert!(moving(&timeline.shots[0]) > 0.7 && moving(&timeline.shots[2]) < 0.2);
        assert_eq!(timeline.shots[2].to, 8.0);
    }

    #[test]
    fn likely_are_the_words_that_a_shot_shows_and_those_that_show_longest_come_first() {
        let likely = |seen: Seen| {
            let timeline = Timeline::of(seen, &[word("sun", -1.0), rain()]);
            let likely: Vec<String> = (timeline.likely().iter())
                .map(|track| track.name.clone())
                .collect();
            likely
        };
        assert_eq!(likely(film()), ["rain, heavy", "sun"]);
        let mut wet = film();
        wet.codes.retain(|(_, code)| code[0] > 0.0);
        wet.cuts.clear();
        assert_eq!(likely(wet), ["rain, heavy"]);
        assert_eq!(likely(Seen::default()), [""; 0]);
    }

    #[test]
    fn csv_has_a_line_for_each_look_and_quotes_a_name_with_a_comma() {
        let csv = Timeline::of(film(), &[rain(), rain()]).csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "seconds,scene,\"rain, heavy\",moving");
        assert_eq!(lines.len(), 17);
        assert!(lines[7].starts_with("3.000,2,0.0"), "{}", lines[7]);
    }

    #[test]
    fn a_film_without_pictures_has_a_timeline_without_looks() {
        let timeline = Timeline::of(Seen::default(), &[rain()]);
        assert!(timeline.times.is_empty());
        assert_eq!(timeline.csv().lines().count(), 1);
    }
}
