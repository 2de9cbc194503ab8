//! From a cut in the film to the hit and to the changed notes.

use std::time::Duration;

use super::{Figures, patches};
use crate::cuts_film as film;
use crate::jack::{Jack, RATE};
use crate::journal::Entry;
use crate::listener::{Listener, Take};
use crate::player::{Player, dropouts};

/// When a cut's picture was due: on the run's clock, and the wall time.
#[derive(Clone, Copy)]
struct Due {
    clock: f64,
    wall: f64,
}

/// When the pictures of the film's first `cuts` cuts were due. A picture that was left out was due
/// when its neighbours say so.
fn due(log: &[Entry], cuts: usize) -> Vec<Due> {
    let pictures: Vec<&Entry> = log
        .iter()
        .filter(|entry| entry.message() == "picture")
        .collect();
    let due = |cut: f64| {
        let distance = |entry: &Entry| (entry.number("film") - cut).abs();
        let near = pictures
            .iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        let apart = cut - near.number("film");
        Some(Due {
            clock: near.number("due") + apart,
            wall: near.wall - near.number("late") + apart,
        })
    };
    let times = film::cuts();
    times.into_iter().take(cuts).filter_map(due).collect()
}

/// Plays the film through `patch`, up to the end of the scene that the last of its first `cuts` cuts
/// begins.
fn play(patch: &str, cuts: usize, period: u32) -> Option<(Vec<Entry>, u64, Take)> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    film::write(folder.path());
    let listener = Listener::start(&jack, &folder.path().join("heard"));
    let player = Player::start(&jack, folder.path(), patch);
    let end = film::cuts().get(cuts).copied();
    let seconds = end.unwrap_or_else(film::length) + 0.5;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let dropouts = dropouts(&player.statuses());
    let (log, _) = player.drain();
    Some((log, dropouts, listener.end()))
}

/// Hits for cuts.
pub struct Hits {
    /// From when a cut's picture was due until its hit was handed to the driver, and a picture's
    /// length.
    pub latency: Figures,
    /// Cuts without a hit.
    pub missed: usize,
    /// Hits without a cut.
    pub false_alarms: usize,
    pub dropouts: u64,
    pub overruns: usize,
}

/// A hit for each of the film's first `cuts` cuts; `None` without JACK.
pub fn hits(cuts: usize, period: u32) -> Option<Hits> {
    let (log, dropouts, take) = play(&patches::hits(), cuts, period)?;
    let due = due(&log, cuts);
    let onsets = take.onsets();
    let mut latencies = Vec::new();
    for (number, cut) in due.iter().enumerate() {
        let next = due
            .get(number + 1)
            .map_or(cut.wall + 0.35, |next| next.wall);
        let onset = onsets.iter().find(|onset| **onset >= cut.wall);
        latencies.extend(
            onset
                .filter(|onset| **onset < next)
                .map(|onset| onset - cut.wall + film::PICTURE),
        );
    }
    let first = due.first().map_or(0.0, |due| due.wall);
    let last = due.last().map_or(0.0, |due| due.wall + 0.35);
    let heard = onsets
        .iter()
        .filter(|onset| (first..last).contains(onset))
        .count();
    Some(Hits {
        missed: cuts - latencies.len(),
        false_alarms: heard - latencies.len().min(heard),
        latency: Figures::new(latencies),
        dropouts,
        overruns: take.overruns.len(),
    })
}

/// Phrases for cuts.
pub struct Phrases {
    /// From a cut's picture to the beginning of its phrase, on the run's clock.
    pub clock: Figures,
    /// From when the picture was due until the changed notes were handed to the driver, of phrases
    /// whose first sixteenth changes a note.
    pub heard: Figures,
    /// Cuts that no phrase followed.
    pub missed: usize,
    /// Phrases whose first sixteenth neither ended nor began a note: nothing sounded, and they
    /// begin with a rest.
    pub silent: usize,
    /// Phrases that began before the cut's own code was there, from the scene before.
    pub early: usize,
    /// Phrases with notes that were not heard when they were due.
    pub lost: usize,
}

/// A new phrase for each of the film's first `cuts` cuts, with the live patch called `name`; `None`
/// without JACK.
pub fn phrases(name: &str, cuts: usize, period: u32) -> Option<Phrases> {
    let (log, _, take) = play(&patches::shipped(name), cuts, period)?;
    let (mut clock, mut heard) = (Vec::new(), Vec::new());
    let (mut missed, mut silent, mut early, mut lost) = (0, 0, 0, 0);
    let begun: Vec<&Entry> = log
        .iter()
        .filter(|entry| entry.message() == "phrase")
        .collect();
    for cut in due(&log, cuts) {
        // A cut whose picture was left out has the time of the next one.
        let is_its =
            |entry: &&&Entry| (0.0..0.1).contains(&(entry.number("cut") - cut.clock + 0.01));
        let Some(phrase) = begun.iter().find(is_its) else {
            missed += 1;
            continue;
        };
        let after = phrase.number("due") - cut.clock;
        clock.push(after);
        early += usize::from(phrase.number("code") < phrase.number("cut") - 1e-6);
        if phrase.number("notes") == 0.0 {
            silent += 1;
            continue;
        }
        // Notes leave for JACK at their time and are heard some of the server's periods later;
        // nothing else of the melody is near.
        let within = 0.05 + 3.0 * f64::from(period) / f64::from(RATE);
        let message = take
            .messages
            .iter()
            .find(|(wall, _)| (cut.wall + after - 0.005..cut.wall + after + within).contains(wall));
        match message {
            Some((wall, _)) => heard.push(wall - cut.wall),
            None => lost += 1,
        }
    }
    Some(Phrases {
        clock: Figures::new(clock),
        heard: Figures::new(heard),
        missed,
        silent,
        early,
        lost,
    })
}

/// Prints hits.
pub fn print_hits(period: u32) {
    let Some(hits) = hits(film::CUTS, period) else {
        return;
    };
    println!(
        "cut to hit, with a picture's length ({period} frames a period): {}; {} missed, {} false, {} dropouts, {} overruns of the server",
        hits.latency, hits.missed, hits.false_alarms, hits.dropouts, hits.overruns
    );
}

/// Prints phrases of the live patch called `name`.
pub fn print_phrases(name: &str, period: u32) {
    let Some(phrases) = phrases(name, film::CUTS, period) else {
        return;
    };
    println!("{name}: cut to new phrase, on the clock: {}", phrases.clock);
    println!("cut to changed notes, heard: {}", phrases.heard);
    println!(
        "  at most {:.1} ms are wanted; {} cuts without a phrase, {} phrases that change no note at first, {} before their picture's code, {} not heard",
        patches::until_notes_change() * 1e3,
        phrases.missed,
        phrases.silent,
        phrases.early,
        phrases.lost
    );
}
