//! The music's side: what was played, how unlike two segments of it are, and where it changes.

use std::collections::BTreeMap;

use score_engine::{Note, Packet};

use super::key::by_tonic;
use super::rank::quantile;

/// The channel of drums, counted from 0 (General MIDI).
const DRUMS: u8 = 9;

/// The number of places in a segment that an onset may have.
const PLACES: usize = 16;

/// How many of the notes before a segment are tried whether they still sound.
const HELD: usize = 16;

/// A note that was played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Played {
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// MIDI pitch.
    pub pitch: u8,
    /// Whether it is a stroke of a drum, which has no pitch.
    pub drum: bool,
}

/// The notes in `packets`, in the order in which they begin; what still sounds at `end` ends there.
pub fn played(packets: &[Packet], end: f64) -> Vec<Played> {
    let mut open: BTreeMap<(u8, u8), f64> = BTreeMap::new();
    let mut found = Vec::new();
    let mut close = |(channel, pitch): (u8, u8), start: f64, end: f64| {
        found.push(Played {
            start,
            end,
            pitch,
            drum: channel == DRUMS,
        });
    };
    for packet in packets {
        let time = packet.time.seconds();
        for note in packet.notes().map_or(&[][..], |notes| notes) {
            let key = (note.channel(), note.pitch());
            let before = match note {
                Note::On { .. } => open.insert(key, time),
                Note::Off { .. } => open.remove(&key),
            };
            if let Some(start) = before {
                close(key, start, time);
            }
        }
    }
    for (key, start) in open {
        close(key, start, end.max(start));
    }
    found.sort_by(|one, other| {
        (one.start.total_cmp(&other.start)).then(one.pitch.cmp(&other.pitch))
    });
    found
}

/// What a segment of music is like.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manner {
    /// Notes that begin in it, drums apart.
    pub(super) onsets: f64,
    /// Strokes of drums.
    pub(super) strokes: f64,
    /// Notes that sound in it, those held on from before among them.
    sounding: f64,
    /// The share of them of each pitch class, counted from the tonic that fits this music best.
    classes: [f64; 12],
    /// Their mean pitch.
    register: f64,
    /// At which of its sixteenth parts a note or stroke begins.
    places: [bool; PLACES],
}

/// The manner of the music from `from` on and before `to`; `notes` are in order.
pub(super) fn manner(notes: &[Played], from: f64, to: f64) -> Manner {
    // A note on the border, but for rounding, is on it.
    let border = 1e-6;
    let first = notes.partition_point(|note| note.start < from - border);
    let last = notes.partition_point(|note| note.start < to - border);
    let mut manner = Manner::default();
    let sounds = |manner: &mut Manner, note: &Played| {
        manner.sounding += 1.0;
        manner.register += f64::from(note.pitch);
        manner.classes[usize::from(note.pitch) % 12] += 1.0;
    };
    // A note that is held on is heard as well as one that begins.
    for note in notes.get(first.saturating_sub(HELD)..first).unwrap_or(&[]) {
        if note.end > from + border && !note.drum {
            sounds(&mut manner, note);
        }
    }
    for note in notes.get(first..last).unwrap_or(&[]) {
        let place = (note.start - from + border) / (to - from) * PLACES as f64;
        manner.places[(place.max(0.0) as usize).min(PLACES - 1)] = true;
        if note.drum {
            manner.strokes += 1.0;
        } else {
            manner.onsets += 1.0;
            sounds(&mut manner, note);
        }
    }
    if manner.sounding > 0.0 {
        manner.register /= manner.sounding;
        manner
            .classes
            .iter_mut()
            .for_each(|share| *share /= manner.sounding);
        manner.classes = by_tonic(&manner.classes);
    }
    manner
}

/// How unlike two segments of music are, 0 to 1: the mean of how unlike they are in pitch classes,
/// each counted from its own tonic (half the sum of the differences of their shares; another key
/// alone is no difference, so that music does not do better by jumping from key to key), rhythm
/// (places that only one has, of all that either has), register (an octave counts as 1) and density
/// (the difference of counts over the larger), and in strokes of drums where one has any.
/// Silence against notes is 1.
pub(super) fn unlike(one: &Manner, other: &Manner) -> f64 {
    let share = |a: f64, b: f64| {
        let larger = a.max(b);
        if larger > 0.0 {
            (a - b).abs() / larger
        } else {
            0.0
        }
    };
    let (mut sum, mut parts) = (0.0, 0.0);
    if one.sounding > 0.0 && other.sounding > 0.0 {
        let classes = one.classes.iter().zip(&other.classes);
        sum += classes.map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
        sum += ((one.register - other.register).abs() / 12.0).min(1.0);
        sum += share(one.onsets, other.onsets);
        parts += 3.0;
    } else if one.sounding > 0.0 || other.sounding > 0.0 {
        sum += 3.0;
        parts += 3.0;
    }
    if one.strokes > 0.0 || other.strokes > 0.0 {
        sum += share(one.strokes, other.strokes);
        parts += 1.0;
    }
    let either = one.places.iter().zip(&other.places);
    let (all, both) = either.fold((0.0, 0.0), |(all, both), (a, b)| {
        (all + f64::from(*a || *b), both + f64::from(*a && *b))
    });
    if all > 0.0 {
        sum += 1.0 - both / all;
        parts += 1.0;
    }
    if parts > 0.0 { sum / parts } else { 0.0 }
}

/// How unlike the music before and after each of `times` is, over `window` seconds on either side.
/// Nearer to an end of the `seconds` the windows are shorter; nearer than half of one nothing is
/// new.
pub(super) fn novelty(notes: &[Played], times: &[f64], window: f64, seconds: f64) -> Vec<f64> {
    let least = window / 2.0;
    times
        .iter()
        .map(|time| {
            let window = window.min(*time).min(seconds - time);
            if window < least {
                return 0.0;
            }
            unlike(
                &manner(notes, time - window, *time),
                &manner(notes, *time, time + window),
            )
        })
        .collect()
}

/// When the music changes: at onsets where it is more unlike before and after than at any other
/// within half a window, and than at three onsets of four.
pub(super) fn changes(notes: &[Played], window: f64, seconds: f64) -> Vec<f64> {
    let mut times: Vec<f64> = notes.iter().map(|note| note.start).collect();
    times.dedup_by(|later, earlier| *later - *earlier < 1e-6);
    let novelty = novelty(notes, &times, window, seconds);
    let Some(floor) = quantile(&novelty, 0.75) else {
        return Vec::new();
    };
    let is_peak = |index: usize| {
        let (time, here) = (times[index], novelty[index]);
        let near = (times.iter().zip(&novelty))
            .enumerate()
            .filter(|(_, (other, _))| (*other - time).abs() <= window / 2.0);
        here > floor
            && near
                .into_iter()
                .all(|(other, (_, there))| *there < here || (*there == here && other >= index))
    };
    (0..times.len())
        .filter(|index| is_peak(*index))
        .map(|index| times[index])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use score_engine::{Payload, Time};

    use super::*;

    fn note(start: f64, pitch: u8) -> Played {
        Played {
            start,
            end: start + 0.2,
            pitch,
            drum: false,
        }
    }

    #[test]
    fn notes_are_joined_from_their_beginnings_and_ends() {
        let on = |pitch| Note::On {
            channel: 9,
            pitch,
            velocity: 0.5,
        };
        let off = Note::Off {
            channel: 9,
            pitch: 40,
        };
        let packet = |seconds, notes: &[Note]| Packet {
            time: Time::from_seconds(seconds),
            captured: Instant::now(),
            payload: Payload::Notes(notes.into()),
        };
        let packets = [
            packet(0.0, &[on(40)]),
            packet(0.5, &[off, on(40), on(36)]),
            packet(1.0, &[off]),
        ];
        let found: Vec<_> = played(&packets, 2.0)
            .iter()
            .map(|note| (note.start, note.end, note.pitch, note.drum))
            .collect();
        assert_eq!(
            found,
            [
                (0.0, 0.5, 40, true),
                (0.5, 2.0, 36, true),
                (0.5, 1.0, 40, true)
            ]
        );
    }

    #[test]
    fn the_same_music_is_not_unlike_and_silence_is_wholly() {
        let notes: Vec<_> = (0..16)
            .map(|n| note(f64::from(n) * 0.25, 60 + (n % 4) as u8))
            .collect();
        let (one, other) = (manner(&notes, 0.0, 2.0), manner(&notes, 2.0, 4.0));
        assert_eq!(unlike(&one, &other), 0.0);
        assert_eq!(unlike(&one, &manner(&notes, 8.0, 10.0)), 1.0);
        let silence = manner(&[], 0.0, 1.0);
        assert_eq!(unlike(&silence, &silence), 0.0);
    }

    #[test]
    fn unlike_is_the_mean_of_its_parts_by_hand() {
        // Classes: each is its own tonic; register 7 of 12; density 2 against 1; rhythm 1 of 2
        // places shared.
        let one = manner(&[note(0.0, 60), note(1.0, 60)], 0.0, 2.0);
        let other = manner(&[note(0.0, 67)], 0.0, 2.0);
        let wanted = (0.0 + 7.0 / 12.0 + 0.5 + 0.5) / 4.0;
        assert!((unlike(&one, &other) - wanted).abs() < 1e-12);
    }

    #[test]
    fn music_in_another_key_is_unlike_by_its_register_alone() {
        let tune = [60, 62, 64, 65, 67, 69, 71, 72];
        let notes = |up: u8| -> Vec<Played> {
            (0..)
                .map(|n| f64::from(n) * 0.25)
                .zip(tune)
                .map(|(at, pitch)| note(at, pitch + up))
                .collect()
        };
        let home = manner(&notes(0), 0.0, 2.0);
        for up in 1..12 {
            let away = manner(&notes(up), 0.0, 2.0);
            let wanted = f64::from(up) / 12.0 / 4.0;
            assert!((unlike(&home, &away) - wanted).abs() < 1e-12, "{up}");
        }
        // Another tune of the same scale differs in its classes, whatever its key.
        let other: Vec<_> = [60, 64, 67, 64]
            .iter()
            .zip(0..)
            .map(|(p, n)| note(f64::from(n) * 0.5, *p))
            .collect();
        assert!(unlike(&home, &manner(&other, 0.0, 2.0)) > 0.3);
    }

    #[test]
    fn the_music_changes_where_another_tune_begins() {
        let tune = |from: f64, low: u8, step: f64, tones: [u8; 3]| {
            let count = (8.0 / step) as u32;
            let pitch = move |n: u32| low + tones[n as usize % 3];
            (0..count).map(move |n| note(from + f64::from(n) * step, pitch(n)))
        };
        let notes: Vec<_> = tune(0.0, 48, 0.5, [0, 4, 7])
            .chain(tune(8.0, 77, 0.25, [0, 2, 5]))
            .chain(tune(16.0, 55, 1.0, [0, 1, 8]))
            .collect();
        let found = changes(&notes, 2.0, 24.0);
        // Where windows hold notes of both tunes their tonic is a guess: a sixteenth beside the
        // border may be as new.
        let near = |wanted: f64| found.iter().any(|time| (time - wanted).abs() <= 0.25);
        assert!(near(8.0) && near(16.0), "{found:?}");
        assert!(found.len() <= 4, "{found:?}");
        assert!(changes(&[], 2.0, 24.0).is_empty());
    }
}
