//! What a plug-in in a DAW and a run say to each other.
//!
//! Both begin with [`VERSION`]. The plug-in then says where the DAW's playhead is, by a clock that
//! both read ([`crate::monotonic`]), and the run which notes begin and end at which places of the DAW's
//! own time line, in quarter notes.

use crate::stream::{Fields, Message};

/// How the name of the socket for plug-ins ends.
pub const ENDING: &str = "daw";

/// The version of this language. Kinds of messages may be added without another: those that are not
/// known are left out.
pub const VERSION: u8 = 1;

/// Parts that notes can be of: 1 to this.
pub const PARTS: u8 = 16;

/// What a greeting begins with.
const MAGIC: &[u8; 8] = b"SCOREDAW";

const HELLO: u8 = 1;
const PLACE: u8 = 2;
const NOTE_ON: u8 = 3;
const NOTE_OFF: u8 = 4;
const END_PART: u8 = 5;

/// Where the playhead of a DAW is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// When, in nanoseconds of [`crate::monotonic`].
    pub at: i64,
    /// Its position then, in quarter notes.
    pub beat: f64,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Beats of a bar, and the note value that is one.
    pub metre: (u16, u16),
    /// Whether it moves.
    pub plays: bool,
    /// Whether it has just started there, or jumped there.
    pub jumps: bool,
}

/// A note that begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoteChange {
    /// The part that it is of, from 1.
    pub part: u8,
    /// Which note: no two that sound have the same.
    pub id: u32,
    /// Where on the DAW's time line, in quarter notes.
    pub beat: f64,
    /// Of which pass over that place: when the DAW had started or jumped last for the run that sends
    /// it, as [`Place::at`] said it; 0: nobody knows.
    pub pass: i64,
    /// What becomes of it.
    pub change: Change,
}

/// What becomes of a note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It begins.
    On {
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// MIDI pitch, 0 to 127.
        pitch: u8,
        /// How hard, above 0 up to 1.
        velocity: f32,
    },
    /// It ends.
    Off,
}

/// What a plug-in says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FromPlugin {
    /// That it is one, of this version.
    Hello(u8),
    /// Where the playhead is.
    Place(Place),
}

/// What a run says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FromRun {
    /// That it is one, of this version.
    Hello(u8),
    /// What becomes of a note.
    Note(NoteChange),
    /// All notes of a part end now.
    EndPart(u8),
}

fn write_hello(version: u8, bytes: &mut Vec<u8>) {
    bytes.push(HELLO);
    bytes.extend(MAGIC);
    bytes.push(version);
}

fn read_hello(bytes: &[u8]) -> Option<u8> {
    Fields(bytes.strip_prefix(MAGIC)?).byte()
}

impl Message for FromPlugin {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            FromPlugin::Hello(version) => write_hello(*version, bytes),
            FromPlugin::Place(place) => {
                bytes.push(PLACE);
                bytes.extend(place.at.to_le_bytes());
                bytes.extend(place.beat.to_le_bytes());
                bytes.extend(place.tempo.to_le_bytes());
                bytes.extend(place.metre.0.to_le_bytes());
                bytes.extend(place.metre.1.to_le_bytes());
                bytes.push(u8::from(place.plays) | u8::from(place.jumps) << 1);
            }
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, bytes) = bytes.split_first()?;
        let mut fields = Fields(bytes);
        match *kind {
            HELLO => read_hello(bytes).map(FromPlugin::Hello),
            PLACE => {
                let (at, beat, tempo) = (fields.long()?, fields.number()?, fields.number()?);
                let metre = (fields.short()?, fields.short()?);
                let flags = fields.byte()?;
                Some(FromPlugin::Place(Place {
                    at,
                    beat,
                    tempo,
                    metre,
                    plays: flags & 1 != 0,
                    jumps: flags & 2 != 0,
                }))
            }
            _ => None,
        }
    }
}

impl Message for FromRun {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            FromRun::Hello(version) => write_hello(*version, bytes),
            FromRun::EndPart(part) => bytes.extend([END_PART, *part]),
            FromRun::Note(note) => {
                let kind = match note.change {
                    Change::On { .. } => NOTE_ON,
                    Change::Off => NOTE_OFF,
                };
                bytes.extend([kind, note.part]);
                bytes.extend(note.id.to_le_bytes());
                bytes.extend(note.beat.to_le_bytes());
                bytes.extend(note.pass.to_le_bytes());
                if let Change::On {
                    channel,
                    pitch,
                    velocity,
                } = note.change
                {
                    bytes.extend([channel, pitch]);
                    bytes.extend(f64::from(velocity).to_le_bytes());
                }
            }
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, bytes) = bytes.split_first()?;
        let mut fields = Fields(bytes);
        match *kind {
            HELLO => read_hello(bytes).map(FromRun::Hello),
            END_PART => fields.byte().map(FromRun::EndPart),
            NOTE_ON | NOTE_OFF => {
                let (part, id, beat) = (fields.byte()?, fields.word()?, fields.number()?);
                let pass = fields.long()?;
                let change = match *kind {
                    NOTE_OFF => Change::Off,
                    _ => Change::On {
                        channel: fields.byte().filter(|channel| *channel < 16)?,
                        pitch: fields.byte().filter(|pitch| *pitch < 128)?,
                        velocity: fields.number()?.clamp(0.0, 1.0) as f32,
                    },
                };
                Some(FromRun::Note(NoteChange {
                    part,
                    id,
                    beat,
                    pass,
                    change,
                }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::stream::{Incoming, Strange};

    fn places() -> impl Strategy<Value = FromPlugin> {
        let numbers = (any::<i64>(), -1e9_f64..1e9, 1.0_f64..999.0);
        let rest = (any::<(u16, u16)>(), any::<bool>(), any::<bool>());
        (numbers, rest).prop_map(|((at, beat, tempo), (metre, plays, jumps))| {
            FromPlugin::Place(Place {
                at,
                beat,
                tempo,
                metre,
                plays,
                jumps,
            })
        })
    }

    fn notes() -> impl Strategy<Value = FromRun> {
        let change = prop_oneof![
            Just(Change::Off),
            (0_u8..16, 0_u8..128, 0.01_f32..1.0).prop_map(|(channel, pitch, velocity)| {
                Change::On {
                    channel,
                    pitch,
                    velocity,
                }
            }),
        ];
        let numbers = (1_u8..=PARTS, any::<u32>(), -1e9_f64..1e9, any::<i64>());
        (numbers, change).prop_map(|((part, id, beat, pass), change)| {
            FromRun::Note(NoteChange {
                part,
                id,
                beat,
                pass,
                change,
            })
        })
    }

    /// What is read of `stream` where it comes in pieces of `piece` bytes.
    fn read<T: Message>(stream: &[u8], piece: usize) -> Result<Vec<T>, Strange> {
        let (mut incoming, mut read) = (Incoming::default(), Vec::new());
        for piece in stream.chunks(piece) {
            let fill = |to: &mut [u8]| {
                to[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            };
            incoming.fill(fill).unwrap();
            incoming.take(|message| read.push(message))?;
        }
        Ok(read)
    }

    proptest! {
        #[test]
        fn what_is_said_is_understood_however_it_is_cut_up(
            places in prop::collection::vec(places(), 0..8),
            notes in prop::collection::vec(notes(), 0..8),
            piece in 1_usize..99,
        ) {
            let (mut to_run, mut to_plugin) = (Vec::new(), Vec::new());
            let places = [vec![FromPlugin::Hello(VERSION)], places].concat();
            let notes = [vec![FromRun::Hello(VERSION), FromRun::EndPart(3)], notes].concat();
            places.iter().for_each(|message| message.append(&mut to_run));
            notes.iter().for_each(|message| message.append(&mut to_plugin));
            prop_assert_eq!(read(&to_run, piece), Ok(places));
            prop_assert_eq!(read(&to_plugin, piece), Ok(notes));
        }

        #[test]
        fn nonsense_is_left_out_or_refused_and_nothing_else(stream: Vec<u8>) {
            for message in read::<FromRun>(&stream, 7).unwrap_or_default() {
                if let FromRun::Note(note) = message {
                    prop_assert!(note.beat.is_finite());
                }
            }
            let _ = read::<FromPlugin>(&stream, 7);
        }
    }

    #[test]
    fn a_kind_of_a_later_version_is_left_out() {
        let mut stream = vec![2, 99, 0];
        FromRun::EndPart(1).append(&mut stream);
        assert_eq!(read(&stream, 3), Ok(vec![FromRun::EndPart(1)]));
        assert_eq!(read::<FromRun>(&[0, 0], 3), Err(Strange));
    }
}
