//! Work for a page, in a process of its own: it leaves the computer to whoever plays, and ends when
//! the page does.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use score_engine::{Graph, Note, Packet, PortType, Settings, Tap, Time, Transport};
use score_evaluation::tagging::{LIKELY, Timeline};
use score_nodes::film_preview::{plays_in_browsers, write_preview, write_stills};
use score_nodes::fit_cuts::Fit;
use score_nodes::model::Manifest;
use score_nodes::names::Names;
use score_nodes::shared::Chords;
use serde_json::{Value, json};

use crate::command::drawing::PICTURES;
use crate::command::tag::{own_words, seen};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::rendering::{Reached, is_stopped, stop, tell_reader};

/// What stands in the folder of a page beside what a render writes: the notes with their times.
pub(crate) const SCORE: &str = "score.json";

/// A small film for browsers that cannot play the one that is written.
pub(crate) const PREVIEW: &str = "preview.mp4";

/// How much the others go first, as `nice` counts.
const NICE: i32 = 10;

/// Stills of a film, at most.
const STILLS: usize = 48;

/// Words that a page shows, at most.
const WORDS: usize = 8;

/// The channel of drums, counted from 0 (General MIDI).
const DRUMS: u8 = 9;

/// Lets other programs go first, and ends what this one does when standard input ends: whoever
/// started it may be gone without a word.
pub(crate) fn be_modest() {
    // For this thread, and all that it starts. If it is refused, all works the same.
    #[cfg(unix)]
    let _ = rustix::process::nice(NICE);
    let listen = || {
        let mut nothing = [0; 64];
        while std::io::stdin()
            .read(&mut nothing)
            .is_ok_and(|read| read > 0)
        {}
        stop();
    };
    // Without it, it ends when it is done.
    let _ = std::thread::Builder::new()
        .name("end".to_owned())
        .spawn(listen);
}

/// Writes stills of a film, and says each.
///
/// # Errors
/// The film cannot be read.
pub(crate) fn stills(film: &Path, folder: &Path) -> Result<(), Failure> {
    write_stills(film, folder, STILLS, is_stopped, |still| {
        tell_reader(&json!({ "still": still.number, "of": still.of, "seconds": still.seconds }));
    })?;
    Ok(())
}

/// Writes to `file` which words are likely in a film when, and where its scenes begin. `folders`: where
/// words of the user's own lie.
///
/// # Errors
/// The picture model is not there or has no names, or the film cannot be read.
pub(crate) fn tags(
    film: &Path,
    file: &Path,
    folders: &[PathBuf],
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    // First: without them, there is no need to look at the film.
    let manifest = Manifest::of(settings)?;
    let model = Names::of_manifest(&manifest, PICTURES)?;
    let mut names = own_words(folders, &manifest, PICTURES);
    let own: BTreeSet<String> = (names.iter())
        .flat_map(|names| names.names.keys().cloned())
        .collect();
    names.push(model);
    let seen = seen(film, PICTURES, true, kinds, settings)?;
    let timeline = Timeline::of(seen, &names);
    std::fs::write(file, in_words(&timeline, &own).to_string())?;
    Ok(())
}

/// What a page shows of a time line; first the words that are the user's `own`.
fn in_words(timeline: &Timeline, own: &BTreeSet<String>) -> Value {
    let mut likely = timeline.likely();
    // Among them, as among the others, those that show longest stay first.
    likely.sort_by_key(|track| !own.contains(&track.name));
    let words = likely.into_iter().take(WORDS).map(|track| {
        let values = track.values.iter().map(|value| f64::from(*value));
        let values: Vec<f64> = values
            .map(|value| (value * 100.0).round() / 100.0)
            .collect();
        json!({ "name": track.name, "values": values })
    });
    let words: Vec<Value> = words.collect();
    let times: Vec<f64> = timeline.times.iter().map(|time| rounded(*time)).collect();
    let shots = timeline.shots.iter();
    let scenes: Vec<Value> = shots
        .map(|shot| json!([rounded(shot.from), shot.scene]))
        .collect();
    let likely = f64::from(LIKELY);
    json!({ "times": times, "tags": words, "likely": likely, "scenes": scenes })
}

/// Writes a preview into `folder`, if browsers do not play `film`.
///
/// # Errors
/// It cannot be made.
pub(crate) fn preview(film: &Path, folder: &Path) -> Result<(), Failure> {
    if !plays_in_browsers(film)? {
        tell_reader(&json!({ "preview": true }));
        write_preview(film, &folder.join(PREVIEW), is_stopped)?;
    }
    Ok(())
}

/// What a render plays, collected for the page.
pub(crate) struct Collected {
    parts: Vec<Part>,
    chords: Option<Tap>,
    cuts: Vec<Tap>,
    sounds: Vec<Tap>,
    transport: Transport,
}

struct Part {
    name: String,
    notes: Tap,
}

impl Collected {
    /// Listens to a run that is yet to begin.
    pub(crate) fn of(graph: &mut Graph) -> Self {
        let names = names(graph);
        let taps = |graph: &mut Graph, port_type: &PortType| -> Vec<(String, String, Tap)> {
            let outputs = graph.final_outputs(port_type).into_iter();
            outputs
                .filter_map(|(node, port)| {
                    let tap = graph.tap(&node, &port)?;
                    Some((node, port, tap))
                })
                .collect()
        };
        let mut parts: Vec<(usize, Part)> = taps(graph, &PortType::Notes)
            .into_iter()
            .map(|(node, port, notes)| {
                let of_port = format!("{node}.{port}");
                let is_known =
                    |(source, _): &(String, String)| *source == node || *source == of_port;
                let known = names.iter().position(is_known);
                let name = known.map_or(node, |at| names[at].1.clone());
                (known.unwrap_or(usize::MAX), Part { name, notes })
            })
            .collect();
        // As the files have them.
        parts.sort_by_key(|(at, _)| *at);
        let chords = taps(graph, &PortType::Custom("Chords".into()));
        let cuts = taps(graph, &PortType::Event).into_iter();
        let sounds = taps(graph, &PortType::Audio);
        Collected {
            parts: parts.into_iter().map(|(_, part)| part).collect(),
            chords: chords.into_iter().map(|(.., tap)| tap).next(),
            sounds: sounds.into_iter().map(|(.., tap)| tap).collect(),
            cuts: cuts
                .filter(|(_, port, _)| port == "cut")
                .map(|(.., tap)| tap)
                .collect(),
            transport: graph.transport().clone(),
        }
    }

    /// Says how far what is heard has come.
    pub(crate) fn reached(&self) -> Reached {
        let sounds = self.sounds.clone();
        let furthest = Mutex::new(vec![None; sounds.len()]);
        Arc::new(move || {
            let mut furthest = furthest.lock().unwrap_or_else(PoisonError::into_inner);
            for (tap, furthest) in sounds.iter().zip(furthest.iter_mut()) {
                // What was looked at is not kept.
                let last = tap.take().last().map(|packet| packet.time.seconds());
                *furthest = last.or(*furthest);
            }
            let known: Option<Vec<f64>> = furthest.iter().copied().collect();
            known?.into_iter().reduce(f64::min)
        })
    }

    /// Everything that was played, with its times in seconds. `fit`: how its bars were fitted to
    /// the film.
    pub(crate) fn score(mut self, fit: Option<Fit>) -> Value {
        if let Some(fit) = fit {
            self.transport.tempo = fit.tempo;
            self.transport.tempi = Some(fit.tempi);
        }
        let ends = self.parts.iter().filter_map(|part| part.notes.end());
        let end = ends.max().unwrap_or(Time::ZERO).seconds();
        let parts = self.parts.iter().map(|part| {
            let (notes, drums) = notes(&part.notes.take(), end);
            json!({ "name": part.name, "drums": drums, "notes": notes })
        });
        let parts: Vec<Value> = parts.filter(|part| part["notes"] != json!([])).collect();
        let (chords, key) = chords(self.chords.as_ref());
        let mut cuts: Vec<f64> = (self.cuts.iter())
            .flat_map(Tap::take)
            .map(|packet| rounded(packet.time.seconds()))
            .collect();
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        json!({
            "seconds": rounded(end),
            "tempo": rounded(self.transport.tempo),
            "key": key,
            "parts": parts,
            "chords": chords,
            "cuts": cuts,
            "bars": self.bars(end),
        })
    }

    /// When each bar begins.
    fn bars(&self, end: f64) -> Vec<f64> {
        let per_bar = self.transport.sixteenths_per_bar().max(1);
        let begins = |bar: u64| self.transport.sixteenth(bar * per_bar).seconds();
        (0..u64::from(u16::MAX))
            .map(|bar| rounded(begins(bar)))
            .take_while(|at| *at < end)
            .collect()
    }
}

/// What the notes file or the sheet music calls each part: where it comes from, and the name.
fn names(graph: &Graph) -> Vec<(String, String)> {
    let ids: Vec<String> = graph.node_ids().map(str::to_owned).collect();
    let named = ids.iter().find_map(|id| {
        let names = graph.value(id, "names")?.as_array()?;
        let sources = graph.sources(id, "notes");
        let pairs = sources.iter().zip(names);
        let pairs =
            pairs.filter_map(|(source, name)| Some((source.clone(), name.as_str()?.to_owned())));
        let pairs: Vec<_> = pairs.collect();
        (!pairs.is_empty()).then_some(pairs)
    });
    named.unwrap_or_default()
}

/// The notes in `packets` as `[start, end, pitch, velocity]`, and whether they are drums; what still
/// sounds at `end` ends there.
fn notes(packets: &[Packet], end: f64) -> (Vec<[f64; 4]>, bool) {
    let mut drums = false;
    let mut open: Vec<(u8, [f64; 4])> = Vec::new();
    let mut found = Vec::new();
    for packet in packets {
        let now = packet.time.seconds();
        for note in packet.notes().map_or(&[][..], |notes| notes) {
            drums |= note.channel() == DRUMS;
            let place = (note.channel(), f64::from(note.pitch()));
            open.retain(|(channel, [start, _, pitch, velocity])| {
                let ends = (*channel, *pitch) == place;
                if ends {
                    found.push([rounded(*start), rounded(now), *pitch, *velocity]);
                }
                !ends
            });
            if let Note::On { velocity, .. } = *note {
                let velocity = rounded(f64::from(velocity));
                open.push((place.0, [now, now, place.1, velocity]));
            }
        }
    }
    for (_, [start, _, pitch, velocity]) in open {
        found.push([rounded(start), rounded(end.max(start)), pitch, velocity]);
    }
    found.sort_by(|one, other| {
        one[0]
            .total_cmp(&other[0])
            .then(one[2].total_cmp(&other[2]))
    });
    (found, drums)
}

/// From when on which chord sounds, and the key.
fn chords(tap: Option<&Tap>) -> (Vec<(f64, Option<String>)>, Option<String>) {
    let mut found: Vec<(f64, Option<String>)> = Vec::new();
    let mut key = None;
    for packet in tap.map(Tap::take).unwrap_or_default() {
        let Ok(chords) = Chords::of(&packet) else {
            continue;
        };
        key = Some(chords.key.to_string());
        let name = chords.chord.map(|chord| chord.to_string());
        if found.last().is_none_or(|(_, last)| *last != name) {
            found.push((rounded(packet.time.seconds()), name));
        }
    }
    (found, key)
}

/// As exact as anybody hears: a tenth of a millisecond.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use score_engine::Payload;
    use score_evaluation::tagging::{Shot, Shown, Track};

    use super::*;

    #[test]
    fn a_word_of_ones_own_is_shown_however_many_of_the_models_show_longer() {
        let track = |name: &str| Track {
            name: name.to_owned(),
            is_word: true,
            values: vec![0.9, 0.9],
        };
        let shown = |name: &str| Shown {
            name: name.to_owned(),
            is_word: true,
            value: 0.9,
        };
        let shot = |from: f64, to: f64, names: &[&str]| Shot {
            from,
            to,
            scene: 1,
            shows: names.iter().map(|name| shown(name)).collect(),
        };
        let models = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let timeline = Timeline {
            seconds: 8.0,
            times: vec![0.0, 7.0],
            tracks: models
                .iter()
                .chain(&["rain", "fog"])
                .map(|name| track(name))
                .collect(),
            shots: vec![shot(0.0, 7.0, &models), shot(7.0, 8.0, &["rain"])],
        };
        let own = ["fog", "rain"].map(str::to_owned);
        let told = in_words(&timeline, &own.into());
        let words = told["tags"].as_array().unwrap();
        let names: Vec<&str> = words
            .iter()
            .filter_map(|word| word["name"].as_str())
            .collect();
        // `fog` is likely nowhere.
        assert_eq!(names, ["rain", "a", "b", "c", "d", "e", "f", "g"]);
    }

    #[test]
    fn notes_have_their_times_and_what_sounds_at_the_end_ends_there() {
        let on = |pitch| Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        };
        let off = |pitch| Note::Off { channel: 0, pitch };
        let packet = |at: f64, notes: Vec<Note>| Packet {
            time: Time::from_seconds(at),
            captured: std::time::Instant::now(),
            payload: Payload::Notes(notes.into()),
        };
        let packets = [
            packet(0.5, vec![on(60), on(64)]),
            packet(1.0, vec![off(60), on(67)]),
            packet(1.5, vec![on(64)]),
        ];
        let (found, drums) = notes(&packets, 2.0);
        let wanted = [
            [0.5, 1.0, 60.0, 0.5],
            [0.5, 1.5, 64.0, 0.5],
            [1.0, 2.0, 67.0, 0.5],
            [1.5, 2.0, 64.0, 0.5],
        ];
        assert_eq!((found.as_slice(), drums), (&wanted[..], false));
    }
}
