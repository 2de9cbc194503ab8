//! Films and music of which it is known whether one follows the other.

use score_engine::Time;
use score_nodes::music::ReadBars;

use super::*;
use crate::{NAMES, Seen};

const SECONDS: f64 = 120.0;

fn options() -> Options {
    Options {
        shifts: 1999,
        bars: 1,
        within: 0.5,
        bar: 2.0,
    }
}

/// Fewer shifts, where no small p is asked for.
fn few() -> Options {
    Options {
        shifts: 199,
        ..options()
    }
}

/// Music that is not read back.
fn unread() -> Result<ReadBack, String> {
    Err("no model reads it".to_owned())
}

/// A stable number from 0 to 1 for a place.
fn noise(place: usize) -> f64 {
    let mixed = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 24)
}

/// When its scenes begin: lengths that follow no beat.
fn cuts() -> Vec<f64> {
    let mut cuts = Vec::new();
    let mut at = 0.0;
    for index in 0.. {
        at += 4.3 + 7.0 * noise(index);
        if at > SECONDS - 3.0 {
            break;
        }
        cuts.push(at);
    }
    cuts
}

/// Which of four looks the scene at `time` has; the film begins at `from` and goes round.
fn look(time: f64, from: f64) -> usize {
    let time = (time + from).rem_euclid(SECONDS);
    let shot = cuts().partition_point(|cut| *cut <= time);
    (noise(shot + 100) * 4.0) as usize
}

/// A film of hard cuts between four looks, a little alive.
fn film() -> Film {
    let codes = (0..(SECONDS * 8.0) as usize).map(|index| {
        let time = index as f64 / 8.0;
        let look = look(time, 0.0);
        let code = (0..16).map(|part| {
            (2.0 * noise(look * 16 + part) - 1.0 + 0.1 * noise(index * 16 + part)) as f32 * 2.0
        });
        (time, code.collect())
    });
    Film::new(Seen {
        seconds: SECONDS,
        codes: codes.collect(),
        motion: (0..(SECONDS * 8.0) as usize)
            .map(|index| (index as f64 / 8.0, noise(index)))
            .collect(),
        cuts: cuts(),
    })
}

/// A tune for each look, at once, in sixteenths; of a film that begins at `from`.
fn music(from: f64) -> Vec<Played> {
    (0..(SECONDS * 8.0) as usize)
        .filter_map(|index| {
            let start = index as f64 / 8.0;
            let look = look(start, from);
            let is_onset = noise(look * 16 + index % 16 + 7) < 0.3 + 0.15 * look as f64;
            let pitch = 48 + 7 * look as u8 + (noise(index % 16 + 31 * look) * 5.0) as u8;
            is_onset.then_some(Played {
                start,
                end: start + 0.1,
                pitch,
                drum: false,
            })
        })
        .collect()
}

#[test]
fn music_that_follows_every_scene_at_once_is_detected() {
    let report = evaluate(&film(), &music(0.0), unread, &options()).unwrap();
    for name in [
        "partial_mantel",
        "event_correlation",
        "cut_hits",
        "scene_contrast",
        "scene_recurrence",
        "change_cuts",
        "music_recurrence",
    ] {
        let figure = report.figure(name).unwrap();
        let p = figure.tested.as_ref().unwrap().p;
        assert!(p < 0.02, "{name}: {p}");
    }
    let mantel = report.figure("partial_mantel").unwrap();
    assert!(mantel.tested.as_ref().unwrap().p < 0.001);
    let hits = report.figure("cut_hits").unwrap();
    assert!(hits.more["lift"] > 3.0, "{hits:?}");
    let events = report.figure("event_correlation").unwrap();
    assert!(events.more["lag"].abs() < 0.3, "{}", events.more["lag"]);
}

#[test]
fn music_of_the_same_film_begun_elsewhere_is_no_more_than_chance() {
    let mut lucky = 0;
    for from in [31.0, 47.0, 59.0, 74.5] {
        let report = evaluate(&film(), &music(from), unread, &few()).unwrap();
        let low = |figure: &&Figure| figure.tested.as_ref().is_some_and(|tested| tested.p < 0.02);
        lucky += report.figures.iter().filter(low).count();
    }
    // Of 36 figures, each with less than 60 independent beginnings: luck allows for two.
    assert!(lucky <= 2, "{lucky}");
}

#[test]
fn a_delay_of_the_music_is_measured() {
    // The film began a second and a half later than the music thinks.
    let report = evaluate(&film(), &music(-1.5), unread, &few()).unwrap();
    let lag = report.figure("event_correlation").unwrap().more["lag"];
    assert!((lag - 1.5).abs() < 0.3, "{lag}");
    let latency = report.figure("cut_latency").unwrap();
    let median = latency.tested.as_ref().unwrap().value;
    assert!((median - 1.55).abs() < 0.3, "{median}");
}

#[test]
fn a_still_shows_nothing_driven() {
    let still = Film::new(Seen {
        seconds: 40.0,
        codes: (0..320)
            .map(|index| (f64::from(index) / 8.0, vec![0.5; 16]))
            .collect(),
        motion: vec![(0.0, 0.0)],
        cuts: Vec::new(),
    });
    let report = evaluate(&still, &music(0.0), unread, &few()).unwrap();
    for figure in &report.figures {
        assert_eq!(figure.tested, None, "{}", figure.name);
        assert!(figure.missing.is_some());
    }
}

#[test]
fn the_same_is_found_each_time() {
    let once = evaluate(&film(), &music(0.0), unread, &few()).unwrap();
    let again = evaluate(&film(), &music(0.0), unread, &few()).unwrap();
    assert_eq!(once.figures, again.figures);
}

#[test]
fn a_film_that_is_too_short_or_silent_is_no_reason_to_fail() {
    let short = Film::new(Seen {
        seconds: 5.0,
        ..Seen::default()
    });
    assert!(evaluate(&short, &[], unread, &few()).is_none());
    let report = evaluate(&film(), &[], unread, &few()).unwrap();
    assert!(report.figures.iter().all(|figure| !figure.beats_chance()));
}

/// A part whose latents are the pictures' codes behind a map that loses nothing, and bars that are
/// read as the latent of the picture in their middle, of a film that begins at `from`.
fn read(from: f64) -> ReadBack {
    // Another order of the components, and every other one turned round.
    let mapped = |code: &[f32]| -> Vec<f32> {
        let turned = code.iter().rev().enumerate();
        turned
            .map(|(index, value)| if index % 2 == 0 { *value } else { -value })
            .collect()
    };
    let film = film();
    let bars = (0..(SECONDS / 2.0) as usize).map(|index| {
        let begin = index as f64 * 2.0;
        let picture = (begin + 1.0 + from).rem_euclid(SECONDS) * 8.0;
        ReadBars {
            from: Time::from_seconds(begin),
            to: Time::from_seconds(begin + 2.0),
            latent: mapped(&film.seen.codes[picture as usize].1),
        }
    });
    ReadBack {
        node: "tune".to_owned(),
        model: "melody".to_owned(),
        bars: bars.collect(),
        pictures: (film.seen.codes.iter())
            .map(|(time, code)| (*time, mapped(code)))
            .collect(),
    }
}

/// The figures of what is read back: value and p.
fn read_back(read: &ReadBack, options: &Options) -> [(f64, f64); 2] {
    let report = evaluate(&film(), &music(0.0), || Ok(read.clone()), options).unwrap();
    ["round_trip", "scene_place"].map(|name| {
        let tested = report.figure(name).unwrap().tested.as_ref().unwrap();
        (tested.value, tested.p)
    })
}

#[test]
fn behind_a_map_that_loses_nothing_every_bar_finds_its_scene() {
    let [found, place] = read_back(&read(0.0), &options());
    assert_eq!((found.0, place.0), (1.0, 1.0));
    assert!(found.1 < 0.001 && place.1 < 0.001, "{found:?} {place:?}");
}

#[test]
fn bars_of_the_film_begun_elsewhere_or_in_any_order_find_scenes_no_more_than_by_chance() {
    let mut all: Vec<ReadBack> = [31.0, 47.0, 59.0].map(read).into();
    let mut shuffled = read(0.0);
    let bars = shuffled.bars.clone();
    for (index, bar) in shuffled.bars.iter_mut().enumerate() {
        bar.latent = bars[(index * 23 + 7) % bars.len()].latent.clone();
    }
    all.push(shuffled);
    for read in &all {
        for (value, p) in read_back(read, &few()) {
            assert!(p > 0.02, "{value}: {p}");
        }
    }
}

#[test]
fn what_is_read_is_named_and_why_nothing_is() {
    let report =
        |read: Result<ReadBack, String>| evaluate(&film(), &music(0.0), || read, &few()).unwrap();
    let named = report(Ok(read(0.0))).read.unwrap();
    assert_eq!((named.node.as_str(), named.bars), ("tune", 60));
    let missing = |read: Result<ReadBack, String>| {
        let report = report(read);
        assert!(report.figure("partial_mantel").unwrap().tested.is_some());
        ["round_trip", "scene_place"].map(|name| {
            let figure = report.figure(name).unwrap();
            assert_eq!(figure.tested, None);
            figure.missing.clone().unwrap().into_owned()
        })
    };
    assert_eq!(missing(unread()), ["no model reads it"; 2]);
    let silent = missing(Ok(ReadBack::default()));
    assert!(silent.iter().all(|why| why.contains("plays nothing")));
}

#[test]
fn a_film_that_is_too_short_is_not_read_back() {
    let short = Film::new(Seen {
        seconds: 5.0,
        ..Seen::default()
    });
    let read = || -> Result<ReadBack, String> { panic!("it was read back") };
    assert!(evaluate(&short, &[], read, &options()).is_none());
}

#[test]
fn the_names_are_those_of_the_figures() {
    let report = evaluate(&film(), &music(0.0), unread, &few()).unwrap();
    let names: Vec<&str> = report.figures.iter().map(|figure| figure.name).collect();
    assert_eq!(names, NAMES);
}
