//! Melodies in Standard MIDI Files: several written one after another, and the one that begins a
//! file read.

use std::collections::BTreeMap;
use std::path::Path;

use score_engine::{Metre, NodeError, Note, Time, Transport};

use super::drums;
use super::grid::Grid;
use super::melody::Said;
use super::tokens::{MelodyNote, tokens};
use super::voice::{Manner, Passage, Voice};
use crate::midi::reading::{DEFAULT_TEMPO, Event, Song};
use crate::midi::writing::{self, Act, Part};
use crate::model::Music;
use crate::output::{self, Claim};

/// How hard notes are struck; the beginning of a bar a little harder.
const VELOCITY: f32 = 0.8;

/// The General MIDI sound of what is written: the grand piano.
const PROGRAM: u8 = 0;

/// The most bars that are read of a file; no tune is longer.
const MOST_BARS: u64 = 10_000;

/// The melody that begins a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Its tokens, as many as the model's melodies have.
    pub tokens: Vec<i64>,
    /// The tempo and metre with which the file begins.
    pub transport: Transport,
}

/// Writes `melodies` (tokens) one after another to the MIDI file whose name is claimed, in the
/// metre and at the tempo of `transport`. The file gets its name when it is whole.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    claim: Claim,
    melodies: &[Vec<i64>],
    layout: &Music,
    transport: &Transport,
) -> Result<(), NodeError> {
    output::write(claim, &bytes(melodies, layout, transport)?)
}

fn bytes(
    melodies: &[Vec<i64>],
    layout: &Music,
    transport: &Transport,
) -> Result<Vec<u8>, NodeError> {
    let channel = if layout.drums { drums::CHANNEL } else { 0 };
    let mut voice = Voice::new(Grid::new(transport, layout), layout);
    let manner = Manner {
        velocity: VELOCITY,
        channel,
        kit: None,
    };
    let mut events = Vec::new();
    let mut end = Time::ZERO;
    for (index, tokens) in (0u64..).zip(melodies) {
        end = voice.grid.start(index + 1);
        let passage = Passage {
            place: voice.grid.first(index),
            said: tokens.iter().copied().map(Said::of).collect(),
            shift: 0,
        };
        for (time, notes) in voice.play(index, &[passage], end, &manner) {
            let tick = writing::tick(transport, time);
            events.extend(notes.into_iter().map(|note| (tick, Act::Note(note))));
        }
    }
    let end = writing::tick(transport, end);
    events.extend(voice.close().into_iter().map(|off| (end, Act::Note(off))));
    let name = if layout.drums { "drums" } else { "melody" };
    let part = Part {
        name: name.to_owned(),
        channel,
        acts: events,
    };
    writing::bytes(transport, PROGRAM, &[part], end)
}

/// Reads the melody of the first bars of the MIDI file `path`, as many as the model knows (two).
///
/// Notes begin and end at the nearest sixteenth by the file's ticks, so that its tempo does not
/// matter; bars are as long as its time signatures say. Of all notes that sound together, but for
/// drums and those outside the layout's pitches, the highest is the melody's. Of longer bars than
/// the model's the beginning is read, in shorter ones the last note is held. For a model of drums
/// only the drums' beginnings are read.
///
/// # Errors
/// The file is not a MIDI file that can be read, or has no such note in its first bars.
pub fn read(path: &Path, layout: &Music) -> Result<Opening, NodeError> {
    let song = Song::open(path)?;
    let opening = opening(&song, layout);
    let least = if layout.drums { 1 } else { 2 };
    if opening.tokens.iter().any(|token| *token >= least) {
        return Ok(opening);
    }
    if layout.drums {
        return Err(NodeError::input(format!(
            "`{}` has no drums in its first {} bars",
            path.display(),
            bars(layout)
        ))
        .help("move the drums to the start of the file, on MIDI channel 10"));
    }
    let highest = usize::from(layout.lowest_pitch) + layout.tokens.saturating_sub(3);
    Err(NodeError::input(format!(
        "`{}` has no notes in its first {} bars",
        path.display(),
        bars(layout)
    ))
    .help(format!(
        "move the tune to the start of the file; drums, and pitches outside {} to {highest}, do \
         not count",
        layout.lowest_pitch
    )))
}

fn bars(layout: &Music) -> usize {
    (layout.steps / layout.steps_per_bar.max(1)).max(1)
}

/// The melodies of the MIDI file `path` from every bar on, each as long as the model's: the second
/// begins a bar after the first. As [`read`] reads them; only where every bar is as long as the
/// model's, for others lose a part.
///
/// # Errors
/// The file is not a MIDI file that can be read.
pub fn windows(path: &Path, layout: &Music) -> Result<Vec<Vec<i64>>, NodeError> {
    let song = Song::open(path)?;
    let spans = spans(&song, layout);
    let notes_end = spans.iter().map(|span| span.end).max().unwrap_or(0);
    let last = notes_end
        .max(sixteenth(&song, song.end))
        .min(MOST_BARS * layout.steps_per_bar as u64);
    let bars = bars(layout) as u64;
    let mut starts = vec![0];
    let mut found = Vec::new();
    let mut start = 0;
    while start < last {
        let long = transport(&song, start * song.ticks_per_beat / 4).sixteenths_per_bar();
        start += long;
        // What is not as long as the model's bars begins a new row of them.
        if long != layout.steps_per_bar as u64 {
            starts.clear();
        }
        starts.push(start);
        if starts.len() as u64 > bars {
            let from = start - bars * long;
            let near: Vec<Span> = (spans.iter().copied())
                .filter(|span| span.start < start && span.end > from)
                .collect();
            found.push(melody(&near, (0..layout.steps).zip(from..), layout));
        }
    }
    Ok(found)
}

/// The melody that begins `song`.
pub(crate) fn opening(song: &Song, layout: &Music) -> Opening {
    if layout.drums {
        return Opening {
            tokens: strokes(song, layout),
            transport: transport(song, 0),
        };
    }
    Opening {
        tokens: melody(&spans(song, layout), places(song, layout), layout),
        transport: transport(song, 0),
    }
}

/// The tokens of the highest of the notes at `places`: index in the melody, sixteenth of the music.
pub(super) fn melody(
    spans: &[Span],
    places: impl IntoIterator<Item = (usize, u64)>,
    layout: &Music,
) -> Vec<i64> {
    let mut notes = Vec::new();
    let mut sounding: Option<(Span, usize)> = None;
    let mut go_on = |next: Option<Span>, step: usize| {
        if next.map(Span::identity) == sounding.map(|(span, _)| span.identity()) {
            return;
        }
        notes.extend(sounding.map(|(span, start)| MelodyNote {
            start,
            end: step,
            pitch: span.pitch,
        }));
        sounding = next.map(|span| (span, step));
    };
    for (step, sixteenth) in places {
        let highest = spans
            .iter()
            .filter(|span| span.start <= sixteenth && sixteenth < span.end)
            .max_by_key(|span| (span.pitch, span.start, span.end));
        go_on(highest.copied(), step);
    }
    go_on(None, layout.steps);
    tokens(&notes, layout)
}

/// The tokens of the drums that begin `song`.
fn strokes(song: &Song, layout: &Music) -> Vec<i64> {
    let mut struck: BTreeMap<u64, i64> = BTreeMap::new();
    for (tick, event) in &song.events {
        if let Event::Note(Note::On { channel, pitch, .. }) = event
            && *channel == drums::CHANNEL
        {
            *struck.entry(sixteenth(song, *tick)).or_default() |= drums::token(*pitch);
        }
    }
    let mut tokens = vec![0; layout.steps];
    for (step, sixteenth) in places(song, layout) {
        if let (Some(token), Some(struck)) = (tokens.get_mut(step), struck.get(&sixteenth)) {
            *token = *struck;
        }
    }
    tokens
}

/// A note, in sixteenths of the music.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) pitch: u8,
}

impl Span {
    fn identity(self) -> (u64, u8) {
        (self.start, self.pitch)
    }
}

/// The notes of a file that may be a melody's.
fn spans(song: &Song, layout: &Music) -> Vec<Span> {
    spans_of(song, |pitch| {
        usize::from(pitch)
            .checked_sub(usize::from(layout.lowest_pitch))
            .is_some_and(|above| above + 2 < layout.tokens)
    })
}

/// The notes of a file whose pitches are `known`, but for drums.
pub(super) fn spans_of(song: &Song, known: impl Fn(u8) -> bool) -> Vec<Span> {
    let mut open = BTreeMap::new();
    let mut spans = Vec::new();
    let mut close = |pitch: u8, start: u64, end: u64| {
        let (start, end) = (sixteenth(song, start), sixteenth(song, end));
        spans.push(Span {
            start,
            end: end.max(start + 1),
            pitch,
        });
    };
    for (tick, event) in &song.events {
        let Event::Note(note) = event else { continue };
        let key = (note.channel(), note.pitch());
        if note.channel() == drums::CHANNEL || !known(note.pitch()) {
            continue;
        }
        let before = match note {
            Note::On { .. } => open.insert(key, *tick),
            Note::Off { .. } => open.remove(&key),
        };
        if let Some(start) = before {
            close(note.pitch(), start, *tick);
        }
    }
    for ((_, pitch), start) in open {
        close(pitch, start, song.end);
    }
    spans
}

/// The sixteenth, counted from the start, that is nearest to `tick`.
fn sixteenth(song: &Song, tick: u64) -> u64 {
    (tick * 4 + song.ticks_per_beat / 2) / song.ticks_per_beat
}

/// The model's steps that the file has: index in the melody, sixteenth in the file.
fn places(song: &Song, layout: &Music) -> Vec<(usize, u64)> {
    let mut places = Vec::new();
    let mut start = 0;
    for bar in 0..bars(layout) {
        let long = transport(song, start * song.ticks_per_beat / 4).sixteenths_per_bar();
        let steps = bar * layout.steps_per_bar..(bar + 1) * layout.steps_per_bar;
        places.extend(steps.zip(start..start + long));
        start += long;
    }
    places
}

/// The tempo and the metre at `tick`. Bars of 1/4 that go on for four beats come from programs that
/// know beats but no bars (most of POP909's files): four of them are taken for a bar of 4/4.
pub(super) fn transport(song: &Song, tick: u64) -> Transport {
    let mut transport = Transport::default();
    let mut tempo = DEFAULT_TEMPO;
    let mut later = song.events.iter();
    let mut next = later.next();
    while let Some((at, event)) = next
        && *at <= tick
    {
        match event {
            Event::Tempo(new) => tempo = *new,
            Event::Metre(new) => transport.metre = *new,
            Event::Note(_) => {}
        }
        next = later.next();
    }
    if transport.metre == Metre(1, 4) {
        let end = tick.saturating_add(4 * song.ticks_per_beat);
        let another =
            |(_, event): &(u64, Event)| matches!(event, Event::Metre(new) if *new != Metre(1, 4));
        let counted = next
            .into_iter()
            .chain(later)
            .take_while(|(at, _)| *at < end)
            .any(another);
        if !counted {
            transport.metre = Metre(4, 4);
        }
    }
    // Within what a patch may ask for.
    transport.tempo = (60e6 / f64::from(tempo.max(1))).clamp(10.0, 400.0);
    transport
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::music::{LAYOUT, notes};
    use crate::output::Owner;

    fn write(
        path: &Path,
        melodies: &[Vec<i64>],
        layout: &Music,
        transport: &Transport,
    ) -> Result<(), NodeError> {
        let claim = Claim::new(path, Owner::program("test"), true)?;
        super::write(claim, melodies, layout, transport)
    }

    /// A song with 480 ticks in a quarter note: channel, pitch, first and last tick of each note.
    fn song(before: &[(u64, Event)], played: &[(u8, u8, u64, u64)]) -> Song {
        let mut events = before.to_vec();
        for (channel, pitch, start, end) in played {
            let (channel, pitch) = (*channel, *pitch);
            let velocity = 0.5;
            let on = Note::On {
                channel,
                pitch,
                velocity,
            };
            events.push((*start, Event::Note(on)));
            events.push((*end, Event::Note(Note::Off { channel, pitch })));
        }
        events.sort_by_key(|(tick, _)| *tick);
        let end = events.last().map_or(0, |(tick, _)| *tick);
        Song {
            ticks_per_beat: 480,
            events,
            end,
        }
    }

    #[test]
    fn beats_without_bars_are_counted_in_fours() {
        let metre = |tick: u64, metre| (tick * 480, Event::Metre(metre));
        let metres = |changes: &[(u64, Event)]| {
            let song = song(changes, &[(0, 60, 0, 480 * 12)]);
            [0, 1, 4, 7].map(|beat| transport(&song, beat * 480).metre)
        };
        let (one, three, four) = (Metre(1, 4), Metre(3, 4), Metre(4, 4));
        assert_eq!(metres(&[metre(0, one)]), [four; 4]);
        assert_eq!(
            metres(&[metre(0, one), metre(1, four)]),
            [one, four, four, four]
        );
        assert_eq!(
            metres(&[metre(0, one), metre(5, three)]),
            [four, four, one, three]
        );
    }

    #[test]
    fn every_bar_begins_a_melody_and_bars_of_another_length_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let tune = |from: usize| {
            let mut tune = vec![0; 32];
            for step in [0, 5, 16, 20, 24] {
                tune[step] = (41 + from + step) as i64;
            }
            tune
        };
        let melodies = [tune(0), tune(7)];
        write(&path, &melodies, &LAYOUT, &Transport::default()).unwrap();
        let found = windows(&path, &LAYOUT).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!((&found[0], &found[2]), (&melodies[0], &melodies[1]));
        let across = [&melodies[0][16..], &melodies[1][..16]].concat();
        assert_eq!(found[1], across);
        let waltz = Transport {
            metre: Metre(3, 4),
            ..Transport::default()
        };
        write(&path, &melodies, &LAYOUT, &waltz).unwrap();
        assert!(windows(&path, &LAYOUT).unwrap().is_empty());
    }

    /// First step, last step and pitch of the melody's notes.
    fn opened(song: &Song) -> Vec<(usize, usize, u8)> {
        notes(&opening(song, &LAYOUT).tokens, &LAYOUT)
            .iter()
            .map(|note| (note.start, note.end, note.pitch))
            .collect()
    }

    #[test]
    fn a_melody_that_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        for metre in [Metre(4, 4), Metre(3, 4), Metre(5, 4)] {
            let transport = Transport {
                tempo: 93.0,
                metre,
                ..Transport::default()
            };
            let mut tune = vec![0; 32];
            for (step, token) in [(0, 41), (3, 1), (7, 45), (10, 43), (16, 88), (24, 2)] {
                tune[step] = token;
            }
            let melodies = [tune.clone(), vec![0; 32]];
            write(&path, &melodies, &LAYOUT, &transport).unwrap();
            let opening = read(&path, &LAYOUT).unwrap();
            assert_eq!(opening.tokens, tune, "{metre:?}");
            assert_eq!(opening.transport.metre, metre);
            assert!((opening.transport.tempo - 93.0).abs() < 1e-3);
        }
    }

    #[test]
    fn melodies_follow_each_other_and_the_file_is_as_long_as_all() {
        let mut tune = vec![0; 32];
        tune[30] = 41;
        let transport = Transport::default();
        let melodies = vec![tune; 3];
        let song = Song::parse(&bytes(&melodies, &LAYOUT, &transport).unwrap()).unwrap();
        assert_eq!(song.end, 3 * 8 * 480);
        let ticks: Vec<u64> = song
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Note(_)))
            .map(|(tick, _)| *tick)
            .collect();
        // Each is closed where the next melody begins.
        assert_eq!(ticks, [3600, 3840, 7440, 7680, 11_280, 11_520]);
    }

    #[test]
    fn the_highest_note_wins_and_the_one_below_comes_back() {
        let song = song(&[], &[(0, 48, 0, 1920), (1, 60, 480, 960)]);
        assert_eq!(opened(&song), [(0, 4, 48), (4, 8, 60), (8, 16, 48)]);
    }

    #[test]
    fn drums_that_were_written_are_read_again_by_a_model_of_drums_and_by_no_other() {
        let drums = Music {
            tokens: 512,
            start_token: 512,
            drums: true,
            ..LAYOUT
        };
        let mut beat = vec![0; 32];
        for (step, token) in [(0, 5), (4, 6), (5, 4), (12, 511), (31, 256)] {
            beat[step] = token;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        write(&path, &[beat.clone()], &drums, &Transport::default()).unwrap();
        assert_eq!(read(&path, &drums).unwrap().tokens, beat);
        read(&path, &LAYOUT).unwrap_err();
        write(&path, &[vec![41; 32]], &LAYOUT, &Transport::default()).unwrap();
        let error = read(&path, &drums).unwrap_err();
        assert!(error.to_string().contains("no drums"), "{error}");
    }

    #[test]
    fn doubled_notes_are_one() {
        let song = song(&[], &[(0, 60, 0, 480), (1, 60, 0, 960)]);
        assert_eq!(opened(&song), [(0, 8, 60)]);
    }

    #[test]
    fn played_notes_fall_on_the_nearest_sixteenth_and_last_at_least_one() {
        let song = song(&[], &[(0, 60, 59, 490), (0, 62, 541, 545)]);
        assert_eq!(opened(&song), [(0, 4, 60), (5, 6, 62)]);
    }

    #[test]
    fn the_tempo_moves_nothing() {
        let change = [(0, Event::Tempo(1_000_000)), (240, Event::Tempo(250_000))];
        let song = song(&change, &[(0, 60, 0, 480), (0, 62, 480, 960)]);
        assert_eq!(opened(&song), [(0, 4, 60), (4, 8, 62)]);
        assert_eq!(opening(&song, &LAYOUT).transport.tempo, 60.0);
    }

    #[test]
    fn a_short_first_bar_holds_its_last_note_until_the_second_begins() {
        let three = [(0, Event::Metre(Metre(3, 4)))];
        let song = song(&three, &[(0, 60, 960, 1440), (0, 62, 1440, 2880)]);
        assert_eq!(opened(&song), [(8, 16, 60), (16, 32, 62)]);
    }

    #[test]
    fn a_metre_that_changes_with_the_second_bar_counts_for_it() {
        let change = [
            (0, Event::Metre(Metre(3, 4))),
            (1440, Event::Metre(Metre(2, 4))),
        ];
        // The third bar, from tick 2400, is not read.
        let song = song(&change, &[(0, 60, 1440, 2400), (0, 62, 2400, 2880)]);
        assert_eq!(opened(&song), [(16, 32, 60)]);
    }

    #[test]
    fn drums_and_what_the_model_does_not_know_are_no_melody() {
        let song = song(
            &[],
            &[
                (9, 60, 0, 480),
                (0, 120, 0, 480),
                (0, 10, 0, 480),
                (0, 50, 3840, 4000),
            ],
        );
        assert_eq!(opened(&song), []);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        write(&path, &[vec![0; 32]], &LAYOUT, &Transport::default()).unwrap();
        let error = read(&path, &LAYOUT).unwrap_err();
        assert!(
            error.to_string().contains("no notes in its first 2 bars"),
            "{error}"
        );
        assert!(
            error
                .advice()
                .is_some_and(|advice| advice.contains("21 to 108"))
        );
    }
}
