//! A piece from a MIDI file.

use std::collections::BTreeMap;
use std::path::Path;

use score_engine::{Key, Mode, NodeError};

use super::score::{Role, Score, Stroke};
use score_nodes::music::Chord;
use score_nodes::shared::midi::{Division, File, Item, Track, content, strokes};

/// The channel of drums, counted from 0 (General MIDI).
const DRUMS: u8 = 9;

/// The General MIDI programs of basses, counted from 0.
const BASSES: std::ops::RangeInclusive<u8> = 32..=39;

/// The kinds of texts that are read: a text, the name of a track, a marker.
const TEXT: u8 = 1;
const NAME: u8 = 3;
const MARKER: u8 = 6;

impl Score {
    /// Reads the MIDI file at `path`: a part for each channel of each track. Texts and markers that
    /// are chords, such as `Am7`, are the chords; the metre and the key are the first ones.
    ///
    /// # Errors
    /// It cannot be read, or has no notes.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        let name = path.display();
        let score = Self::parse(&content(path)?)
            .map_err(|why| NodeError::input(format!("`{name}`: {why}")))?;
        if score.parts.is_empty() {
            return Err(NodeError::input(format!("`{name}` has no notes")));
        }
        Ok(score)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = File::parse(bytes)?;
        let Division::Beat(ticks) = file.division else {
            return Err("its times are counted in film frames; they have no beats".to_owned());
        };
        let mut score = Score::default();
        for (number, track) in (1..).zip(&file.tracks) {
            score.read(track, number, ticks as f64, bytes);
        }
        score
            .chords
            .sort_by(|(one, _), (other, _)| one.total_cmp(other));
        if score.bar == 0.0 {
            score.bar = 4.0;
        }
        score.choose_melody();
        Ok(score)
    }

    fn read(&mut self, track: &Track, number: usize, ticks: f64, bytes: &[u8]) {
        let beat = |tick: u64| tick as f64 / ticks;
        let text = |from: usize, to: usize| {
            let content = bytes.get(from..to).unwrap_or_default();
            String::from_utf8_lossy(content).trim().to_owned()
        };
        let mut name = None;
        let mut programs: BTreeMap<u8, u8> = BTreeMap::new();
        for (tick, item) in &track.events {
            match *item {
                Item::Text(NAME, from, to) => name = Some(text(from, to)),
                Item::Text(TEXT | MARKER, from, to) => {
                    if let Ok(chord) = text(from, to).parse::<Chord>() {
                        self.chords.push((beat(*tick), Some(chord)));
                    }
                }
                Item::Key(sharps, minor) => {
                    let home = if minor { 9 } else { 0 };
                    self.key.get_or_insert(Key {
                        tonic: (i32::from(sharps) * 7 + home).rem_euclid(12) as u8,
                        mode: if minor { Mode::Minor } else { Mode::Major },
                    });
                }
                Item::Metre(beats, unit) if self.bar == 0.0 && unit <= 6 => {
                    self.bar = f64::from(beats.max(1)) * 4.0 / f64::from(1 << unit);
                }
                Item::Channel(status @ 0xC0..=0xCF, program, _) => {
                    programs.entry(status & 0x0F).or_insert(program);
                }
                _ => {}
            }
        }
        let mut parts: BTreeMap<u8, Vec<Stroke>> = BTreeMap::new();
        for stroke in strokes(track) {
            parts.entry(stroke.channel).or_default().push(Stroke {
                start: beat(stroke.start.tick),
                end: beat(stroke.end.tick),
                pitch: stroke.pitch,
                velocity: f32::from(stroke.velocity) / 127.0,
            });
        }
        for (channel, mut notes) in parts {
            notes.sort_by(|one, other| one.start.total_cmp(&other.start));
            let is_bass = programs
                .get(&channel)
                .is_some_and(|program| BASSES.contains(program));
            let role = match channel {
                DRUMS => Some(Role::Drums),
                _ => is_bass.then_some(Role::Bass),
            };
            let name = name.clone().unwrap_or_else(|| format!("track {number}"));
            self.add(&name, role, notes);
        }
    }
}
