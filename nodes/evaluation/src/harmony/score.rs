//! What was played, by parts, in quarter notes.

use score_engine::{Key, Note, Packet, Transport};

use score_nodes::music::Chord;
use score_nodes::shared::Chords;

/// The channel of drums, counted from 0 (General MIDI).
const DRUMS: u8 = 9;

/// What a part does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The line that is followed.
    Melody,
    /// Chords and what belongs to them.
    Accompaniment,
    /// The lowest line.
    Bass,
    /// What has no pitch.
    Drums,
}

impl Role {
    /// What a part's name says of it; `None` where it says nothing.
    fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["drum", "percussion", "kit"]) {
            Some(Role::Drums)
        } else if has(&["bass"]) {
            Some(Role::Bass)
        } else if has(&["melody", "tune", "lead", "vocal", "voice"]) {
            Some(Role::Melody)
        } else {
            None
        }
    }
}

/// A note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// When it begins, in quarter notes.
    pub start: f64,
    /// When it ends.
    pub end: f64,
    /// MIDI pitch.
    pub pitch: u8,
    /// How hard, above 0 up to 1.
    pub velocity: f32,
}

/// What one player plays.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Its notes, in the order in which they begin.
    pub notes: Vec<Stroke>,
}

/// A piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Its parts.
    pub parts: Vec<Part>,
    /// The length of a bar, in quarter notes.
    pub bar: f64,
    /// From when on which chord sounds, where that is known.
    pub chords: Vec<(f64, Option<Chord>)>,
    /// The key, where that is known.
    pub key: Option<Key>,
}

impl Score {
    /// The piece that a run played: the packets of each node that plays notes, by its name, and
    /// those of the chords.
    pub fn of_run(
        parts: &[(String, Vec<Packet>)],
        chords: &[Packet],
        transport: &Transport,
    ) -> Self {
        let beat = |packet: &Packet| transport.position(packet.time);
        let mut score = Score {
            bar: transport.sixteenths_per_bar() as f64 / 4.0,
            ..Score::default()
        };
        for (name, packets) in parts {
            let mut drums = false;
            let mut open: Vec<Stroke> = Vec::new();
            let mut notes = Vec::new();
            for packet in packets {
                for note in packet.notes().map_or(&[][..], |notes| notes) {
                    let now = beat(packet);
                    drums |= note.channel() == DRUMS;
                    open.retain(|stroke| {
                        let ends = stroke.pitch == note.pitch();
                        if ends {
                            notes.push(Stroke {
                                end: now,
                                ..*stroke
                            });
                        }
                        !ends
                    });
                    if let Note::On {
                        pitch, velocity, ..
                    } = *note
                    {
                        open.push(Stroke {
                            start: now,
                            end: now,
                            pitch,
                            velocity,
                        });
                    }
                }
            }
            notes.sort_by(|one, other| {
                one.start
                    .total_cmp(&other.start)
                    .then(one.pitch.cmp(&other.pitch))
            });
            let role = if drums {
                Some(Role::Drums)
            } else {
                Role::named(name)
            };
            score.add(name, role, notes);
        }
        for packet in chords {
            if let Ok(chords) = Chords::of(packet) {
                score.key = Some(chords.key);
                if score.chords.last().map(|(_, chord)| *chord) != Some(chords.chord) {
                    score.chords.push((beat(packet), chords.chord));
                }
            }
        }
        score.choose_melody();
        score
    }

    /// Adds a part; one whose role is not known accompanies, until the melody is looked for.
    pub fn add(&mut self, name: &str, role: Option<Role>, notes: Vec<Stroke>) {
        let role = role
            .or_else(|| Role::named(name))
            .unwrap_or(Role::Accompaniment);
        if !notes.is_empty() {
            self.parts.push(Part {
                name: name.to_owned(),
                role,
                notes,
            });
        }
    }

    /// Where no part is the melody by its name, the highest line is that: of the parts of mostly
    /// one note at a time, else of all.
    pub fn choose_melody(&mut self) {
        if self.parts.iter().any(|part| part.role == Role::Melody) {
            return;
        }
        let height = |part: &Part| {
            let pitches = part.notes.iter().map(|note| f64::from(note.pitch));
            pitches.sum::<f64>() / part.notes.len() as f64
        };
        let is_line = |part: &Part| {
            let together = part
                .notes
                .windows(2)
                .filter(|pair| pair[1].start < pair[0].end - 0.05);
            together.count() * 5 < part.notes.len()
        };
        let free = |part: &&mut Part| part.role == Role::Accompaniment;
        let lines = self
            .parts
            .iter()
            .any(|part| part.role == Role::Accompaniment && is_line(part));
        let highest = self
            .parts
            .iter_mut()
            .filter(free)
            .filter(|part| !lines || is_line(part))
            .max_by(|one, other| height(one).total_cmp(&height(other)));
        if let Some(part) = highest {
            part.role = Role::Melody;
        }
    }

    /// The notes of all parts of a role, in the order in which they begin.
    pub(super) fn notes(&self, role: Role) -> Vec<Stroke> {
        let parts = self.parts.iter().filter(|part| part.role == role);
        let mut notes: Vec<Stroke> = parts.flat_map(|part| part.notes.iter().copied()).collect();
        notes.sort_by(|one, other| one.start.total_cmp(&other.start));
        notes
    }
}
