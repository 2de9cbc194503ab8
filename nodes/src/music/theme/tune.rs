//! The tune of a MIDI file: its melody on sixteenths, what sounds under it, and its key.

use std::path::Path;

use score_engine::{Key, Metre, Mode, NodeError};

use super::super::drums;
use super::super::harmony::fitting;
use super::super::tokens::{MelodyNote, Step};
use crate::midi::reading::{self, Event, Song};
use crate::midi::smf::{File, Item};
use crate::midi::strokes::strokes;

/// The most bars of a theme; of a longer file these are the first.
const MOST_BARS: usize = 64;

/// The share of its notes that must lie in a file's key for that to be believed: many programs
/// write C major whatever the music is in.
const BELIEVED: f64 = 0.95;

/// How much more a tone counts for the chord that begins on a bar's beginning, on a beat, and
/// elsewhere.
const WEIGHTS: [f64; 3] = [2.0, 1.5, 1.0];

/// How much a tone of an accompaniment counts, as one of the melody counts 1.
const UNDER: f64 = 0.7;

/// A theme.
#[derive(Clone, Debug)]
pub(crate) struct Theme {
    /// What the melody says at each sixteenth, in whole bars.
    steps: Vec<Step>,
    /// The melody, in sixteenths from the beginning of its first bar, and everything else that
    /// sounds.
    melody: Vec<MelodyNote>,
    under: Vec<MelodyNote>,
    /// The key that it is in.
    pub(crate) key: Key,
    /// The metre with which the file begins.
    metre: Metre,
    /// Sixteenths in a bar.
    bar: usize,
}

impl Theme {
    /// Reads the theme in the MIDI file `path`, for bars of `bar` sixteenths.
    ///
    /// The melody is the highest part of one voice, else the highest line of all notes. Notes begin
    /// and end at the nearest sixteenth by the file's ticks, so that its tempo does not matter;
    /// bars in which the melody has not begun are left out.
    ///
    /// # Errors
    /// The file cannot be read, or has no notes but drums.
    pub(crate) fn read(path: &Path, bar: u64) -> Result<Self, NodeError> {
        let file = reading::open(path)?;
        Self::of(&file, usize::try_from(bar).unwrap_or(16)).ok_or_else(|| {
            NodeError::input(format!("`{}` has no notes for a theme", path.display()))
                .help("write the tune on any MIDI channel but 10, which is the drums'")
        })
    }

    /// What could not be read of the file `path`, for a warning; nothing where it is whole or
    /// cannot be read at all.
    pub(crate) fn flaws(path: &Path) -> Option<String> {
        let file = reading::open(path).ok()?;
        (!file.flaws.is_empty()).then(|| file.flaws.to_string())
    }

    /// The theme of `file`; `None` where it has no notes but drums.
    fn of(file: &File, bar: usize) -> Option<Self> {
        let song = Song::of(file);
        let parts = parts(file, &song);
        let melody = line(melody_of(&parts)?);
        let bar = bar.max(1);
        let first = melody.first()?.start / bar * bar;
        let end = melody.iter().map(|note| note.end).max()?;
        let bars = (end - first).div_ceil(bar).clamp(1, MOST_BARS);
        let within = |notes: &[MelodyNote]| -> Vec<MelodyNote> {
            let notes = notes.iter().filter(|note| note.end > first);
            let moved = notes.map(|note| MelodyNote {
                start: note.start.saturating_sub(first),
                end: (note.end - first).min(bars * bar),
                pitch: note.pitch,
            });
            moved.filter(|note| note.start < bars * bar).collect()
        };
        let melody = within(&melody);
        let all: Vec<MelodyNote> = parts.iter().flatten().copied().collect();
        let under = within(&all)
            .into_iter()
            .filter(|note| !melody.contains(note))
            .collect();
        let metre = song.events.iter().find_map(|(_, event)| match event {
            Event::Metre(metre) => Some(*metre),
            _ => None,
        });
        Some(Theme {
            steps: steps(&melody, bars * bar),
            key: key(&melody, &all, signature(file)),
            melody,
            under,
            metre: metre.unwrap_or(Metre(4, 4)),
            bar,
        })
    }

    /// How many sixteenths it has, in whole bars.
    pub(crate) fn length(&self) -> usize {
        self.steps.len()
    }

    /// The metre of its file, where its bars are of another length.
    pub(crate) fn other_metre(&self) -> Option<Metre> {
        let Metre(beats, unit) = self.metre;
        let bar = (beats * 16 / unit.max(1)) as usize;
        // Bars of one beat come from programs that know no bars.
        (bar != self.bar && beats > 1).then_some(self.metre)
    }

    /// What the melody says at sixteenth `step`; `None` behind its end.
    pub(crate) fn at(&self, step: usize) -> Option<Step> {
        self.steps.get(step).copied()
    }

    /// The melody's pitches, each as often as it has sixteenths.
    pub(crate) fn pitches(&self) -> impl Iterator<Item = u8> {
        let notes = self.melody.iter();
        notes.flat_map(|note| std::iter::repeat_n(note.pitch, note.end - note.start))
    }

    /// By how many semitones it is moved to lie in the scale of `key`: −5 to 6.
    pub(crate) fn shift_to(&self, key: Key) -> i32 {
        let up = (key.shift() - self.key.shift()).rem_euclid(12);
        if up > 6 { up - 12 } else { up }
    }

    /// How much a chord that sounds from sixteenth `from` to `to` has to have of each pitch class,
    /// as the theme is written; all of them are 1 together, or 0 where nothing sounds.
    pub(crate) fn classes(&self, from: usize, to: usize) -> [f64; 12] {
        let mut classes = [0.0; 12];
        let mut add = |note: &MelodyNote, weight: f64| {
            let length = note.end.min(to).saturating_sub(note.start.max(from));
            let begins = match note.start.max(from) - from {
                0 => WEIGHTS[0],
                place if place.is_multiple_of(4) => WEIGHTS[1],
                _ => WEIGHTS[2],
            };
            classes[usize::from(note.pitch % 12)] += weight * begins * length as f64;
        };
        self.melody.iter().for_each(|note| add(note, 1.0));
        self.under.iter().for_each(|note| add(note, UNDER));
        let whole: f64 = classes.iter().sum();
        classes.map(|heard| if whole > 0.0 { heard / whole } else { 0.0 })
    }

    /// The pitch class of the lowest note under the melody that sounds between two sixteenths,
    /// where there is one.
    pub(crate) fn bass(&self, from: usize, to: usize) -> Option<u8> {
        let sounding = self
            .under
            .iter()
            .filter(|note| note.start < to && note.end > from);
        let lowest = sounding.map(|note| note.pitch).min()?;
        Some(lowest % 12)
    }
}

/// The notes of each part, a channel of a track, but for drums; in the order of their beginnings.
fn parts(file: &File, song: &Song) -> Vec<Vec<MelodyNote>> {
    let sixteenth = |tick: u64| {
        let nearest = (tick.saturating_mul(4) + song.ticks_per_beat / 2) / song.ticks_per_beat;
        usize::try_from(nearest).unwrap_or(usize::MAX)
    };
    let mut parts = Vec::new();
    for track in &file.tracks {
        let mut strokes = strokes(track);
        strokes.retain(|stroke| stroke.channel != drums::CHANNEL);
        strokes.sort_by_key(|stroke| stroke.channel);
        for part in strokes.chunk_by(|one, other| one.channel == other.channel) {
            let mut notes: Vec<MelodyNote> = (part.iter())
                .map(|stroke| {
                    let start = sixteenth(stroke.start.tick);
                    MelodyNote {
                        start,
                        end: sixteenth(stroke.end.tick).max(start.saturating_add(1)),
                        pitch: stroke.pitch,
                    }
                })
                .collect();
            notes.sort_by_key(|note| (note.start, note.pitch));
            parts.push(notes);
        }
    }
    parts
}

/// The part that is the melody: the highest of those that play one note at a time, else of all. A
/// part that has far fewer notes than another is not the melody.
fn melody_of(parts: &[Vec<MelodyNote>]) -> Option<&[MelodyNote]> {
    let most = parts.iter().map(Vec::len).max()?;
    let plays = |part: &&Vec<MelodyNote>| part.len() * 8 >= most && !part.is_empty();
    let is_line = |part: &Vec<MelodyNote>| {
        let together = part
            .windows(2)
            .filter(|pair| pair[0].start == pair[1].start || pair[1].start + 1 < pair[0].end);
        together.count() * 5 < part.len()
    };
    let height = |part: &Vec<MelodyNote>| {
        let pitches = part.iter().map(|note| f64::from(note.pitch));
        pitches.sum::<f64>() / part.len() as f64
    };
    let highest = |lines: bool| {
        let parts = parts.iter().filter(plays);
        let parts = parts.filter(|part| !lines || is_line(part));
        parts.max_by(|one, other| height(one).total_cmp(&height(other)))
    };
    highest(true).or_else(|| highest(false)).map(Vec::as_slice)
}

/// The highest line of `notes`, which are in order: of notes that begin together the highest, and
/// none under a higher one that goes on for half of it. The next note ends the one before.
fn line(notes: &[MelodyNote]) -> Vec<MelodyNote> {
    let mut line: Vec<MelodyNote> = Vec::new();
    for note in notes {
        let Some(last) = line.last_mut() else {
            line.push(*note);
            continue;
        };
        if last.start == note.start {
            // Sorted by pitch: this one is as high or higher.
            *last = *note;
            continue;
        }
        let covered = last
            .end
            .saturating_sub(note.start)
            .min(note.end - note.start);
        if last.pitch > note.pitch && covered * 2 >= note.end - note.start {
            continue;
        }
        last.end = last.end.min(note.start);
        line.push(*note);
    }
    line
}

/// What the melody says at each of `length` sixteenths; what sounded before it ends with its
/// beginning.
fn steps(melody: &[MelodyNote], length: usize) -> Vec<Step> {
    let mut steps = vec![Step::Hold; length];
    if let Some(first) = steps.first_mut() {
        *first = Step::Off;
    }
    for note in melody {
        if let Some(end) = steps.get_mut(note.end) {
            *end = Step::Off;
        }
        if let Some(start) = steps.get_mut(note.start) {
            *start = Step::On(note.pitch);
        }
    }
    steps
}

/// The first key signature of the file.
fn signature(file: &File) -> Option<Key> {
    let items = file.tracks.iter().flat_map(|track| &track.events);
    let keys = items.filter_map(|(tick, item)| match item {
        Item::Key(fifths, minor) => Some((*tick, *fifths, *minor)),
        _ => None,
    });
    let (_, fifths, minor) = keys.min_by_key(|(tick, ..)| *tick)?;
    let major = (i32::from(fifths) * 7).rem_euclid(12);
    let (tonic, mode) = match minor {
        true => ((major + 9) % 12, Mode::Minor),
        false => (major, Mode::Major),
    };
    Some(Key {
        tonic: tonic as u8,
        mode,
    })
}

/// The key of the theme: the file's, where the notes lie in it, else the one that they fit best.
fn key(melody: &[MelodyNote], all: &[MelodyNote], written: Option<Key>) -> Key {
    let mut classes = [0.0; 12];
    for note in melody.iter().chain(all) {
        classes[usize::from(note.pitch % 12)] += (note.end - note.start) as f64;
    }
    let found = fitting(&classes).unwrap_or_default();
    let whole: f64 = classes.iter().sum();
    let inside = |key: Key| -> f64 {
        let held = (0..).zip(classes).filter(|(class, _)| key.holds(*class));
        held.map(|(_, heard)| heard).sum()
    };
    match written.filter(|key| inside(*key) >= BELIEVED * whole) {
        // Of the same scale what the notes say counts more than what nobody may have chosen.
        Some(key) if key == Key::default() && key.shift() == found.shift() => found,
        Some(key) => key,
        None => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::writing::{self, Act, Part};
    use score_engine::{Note, Transport};

    /// A note: its beginning and length in ticks of 480, and its pitch.
    type Written = (u64, u64, u8);

    /// The bytes of a file with a part for each channel.
    fn file(metre: Metre, parts: &[(u8, &[Written])]) -> File {
        let transport = Transport {
            metre,
            ..Transport::default()
        };
        let parts: Vec<Part> = (parts.iter())
            .map(|(channel, notes)| {
                let channel = *channel;
                let mut acts = Vec::new();
                for (start, length, pitch) in *notes {
                    let pitch = *pitch;
                    acts.push((start + length, Act::Note(Note::Off { channel, pitch })));
                    acts.push((
                        *start,
                        Act::Note(Note::On {
                            channel,
                            pitch,
                            velocity: 0.8,
                        }),
                    ));
                }
                acts.sort_by_key(|(tick, act)| (*tick, matches!(act, Act::Note(Note::On { .. }))));
                Part {
                    name: "part".to_owned(),
                    channel,
                    acts,
                }
            })
            .collect();
        File::parse(&writing::bytes(&transport, 0, &parts, 0).unwrap()).unwrap()
    }

    /// Quarter notes one after another, from a tick on.
    fn quarters(from: u64, pitches: &[u8]) -> Vec<Written> {
        let notes = (0..).zip(pitches);
        notes
            .map(|(number, pitch)| (from + number * 480, 480, *pitch))
            .collect()
    }

    fn theme(parts: &[(u8, &[Written])]) -> Theme {
        Theme::of(&file(Metre(4, 4), parts), 16).unwrap()
    }

    fn notes(theme: &Theme) -> Vec<(usize, usize, u8)> {
        let notes = theme.melody.iter();
        notes
            .map(|note| (note.start, note.end, note.pitch))
            .collect()
    }

    #[test]
    fn the_melody_lies_on_sixteenths_from_the_bar_in_which_it_begins() {
        // Played a little early and late, after an empty bar, with an upbeat.
        let played = [
            (1920 + 1440 - 20, 300, 67),
            (3840 + 15, 700, 72),
            (3840 + 730, 200, 71),
        ];
        let theme = theme(&[(0, &played)]);
        assert_eq!(notes(&theme), [(12, 14, 67), (16, 22, 72), (22, 24, 71)]);
        assert_eq!(theme.length(), 32);
        let said: Vec<(usize, Step)> = (0..32)
            .map(|step| (step, theme.at(step).unwrap()))
            .filter(|(_, said)| *said != Step::Hold)
            .collect();
        assert_eq!(
            said,
            [
                (0, Step::Off),
                (12, Step::On(67)),
                (14, Step::Off),
                (16, Step::On(72)),
                (22, Step::On(71)),
                (24, Step::Off)
            ]
        );
        assert_eq!(theme.at(32), None);
    }

    #[test]
    fn of_several_parts_the_highest_line_is_the_melody_and_drums_are_none() {
        let tune = quarters(0, &[72, 74, 76, 77]);
        let bass = quarters(0, &[36, 43, 36, 43]);
        let chords: Vec<Written> = [84, 88, 91].map(|pitch| (0, 1920, pitch)).to_vec();
        let drums = quarters(0, &[99; 4]);
        let theme = theme(&[(1, &bass), (2, &chords), (0, &tune), (9, &drums)]);
        assert_eq!(theme.pitches().max(), Some(77));
        assert_eq!(notes(&theme).len(), 4);
        assert_eq!(theme.bass(0, 8), Some(0));
        assert!(Theme::of(&file(Metre(4, 4), &[(9, &drums)]), 16).is_none());
        assert!(Theme::of(&file(Metre(4, 4), &[]), 16).is_none());
    }

    #[test]
    fn of_one_part_with_chords_the_top_line_is_the_melody() {
        let mut piano = quarters(0, &[76, 74, 72, 74]);
        // Under them chords, and a voice that moves while the last note is held.
        piano.extend([(0, 960, 60), (0, 960, 64), (960, 960, 55), (960, 960, 59)]);
        piano.push((1920, 1920, 76));
        piano.extend(quarters(1920 + 480, &[67, 69, 71]));
        let theme = theme(&[(0, &piano)]);
        assert_eq!(
            notes(&theme),
            [
                (0, 4, 76),
                (4, 8, 74),
                (8, 12, 72),
                (12, 16, 74),
                (16, 32, 76)
            ]
        );
        let classes = theme.classes(0, 8);
        assert!((classes.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(classes[4] > classes[0] && classes[0] > 0.0 && classes[1] == 0.0);
    }

    #[test]
    fn notes_that_are_tied_over_a_little_are_one_line() {
        let played = [
            (0, 600, 72),
            (480, 600, 71),
            (960, 600, 69),
            (1440, 480, 67),
        ];
        let theme = theme(&[(0, &played)]);
        assert_eq!(
            notes(&theme),
            [(0, 4, 72), (4, 8, 71), (8, 12, 69), (12, 16, 67)]
        );
    }

    #[test]
    fn a_theme_is_moved_the_short_way_into_another_scale() {
        let theme = theme(&[(
            0,
            &quarters(0, &[60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 60]),
        )]);
        assert_eq!(theme.key.to_string(), "C major");
        let shift = |key: &str| theme.shift_to(key.parse().unwrap());
        assert_eq!(
            ["C", "A minor", "D", "B minor", "F#", "G", "B"].map(shift),
            [0, 0, 2, 2, 6, -5, -1]
        );
        assert_eq!(theme.other_metre(), None);
        let waltz = Theme::of(&file(Metre(3, 4), &[(0, &quarters(0, &[60, 64, 67]))]), 16).unwrap();
        assert_eq!(waltz.other_metre(), Some(Metre(3, 4)));
        assert_eq!(waltz.length(), 16);
    }

    #[test]
    fn a_key_signature_is_believed_where_the_notes_lie_in_it() {
        let melody: Vec<MelodyNote> = [62, 65, 67, 69]
            .map(|pitch| MelodyNote {
                start: 0,
                end: 4,
                pitch,
            })
            .to_vec();
        let in_key = |text: &str| key(&melody, &[], Some(text.parse().unwrap()));
        assert_eq!(in_key("Bb").to_string(), "Bb major");
        assert_eq!(in_key("E major"), key(&melody, &[], None));
    }
}
