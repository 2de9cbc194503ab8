//! What packets carry, as bytes.

use std::sync::Arc;

use super::writing::{TraceReader, TraceWriter};
use crate::custom::CustomForms;
use crate::packet::{ChannelChange, Event, Note, Payload, Performance};
use crate::port::PortType;

const LATENT: u8 = 0;
const NOTES: u8 = 1;
const PERFORMANCE: u8 = 2;
const CONTROL: u8 = 3;
const EVENT: u8 = 4;
const CUSTOM: u8 = 5;
/// It was not kept.
const NOTHING: u8 = 6;

/// Whether what travels through a port of this type can be kept.
pub(super) fn is_kept(port_type: &PortType, forms: &CustomForms) -> bool {
    match port_type {
        PortType::Latent(_) | PortType::Notes | PortType::Control | PortType::Event => true,
        PortType::Custom(name) => forms.knows(name),
        _ => false,
    }
}

/// See [`TraceWriter::content`].
pub(super) fn write(
    to: &mut TraceWriter,
    payload: &Payload,
    port_type: Option<&PortType>,
    forms: &CustomForms,
) -> bool {
    match payload {
        Payload::Latent(code) => {
            to.byte(LATENT);
            to.number(code.len() as u64);
            code.iter().for_each(|component| to.float(*component));
        }
        Payload::Notes(notes) => {
            to.byte(NOTES);
            write_notes(to, notes);
        }
        Payload::Performance(performance) => {
            to.byte(PERFORMANCE);
            to.number(performance.changes.len() as u64);
            for change in &performance.changes {
                write_change(to, change);
            }
            write_notes(to, &performance.notes);
        }
        Payload::Control(value) => {
            to.byte(CONTROL);
            to.float(*value);
        }
        Payload::Event(event) => {
            to.byte(EVENT);
            to.bytes(event.name.as_bytes());
            to.float(event.strength);
        }
        Payload::Custom(value) => {
            let written = match port_type {
                Some(PortType::Custom(name)) => {
                    forms.write(name, value.as_ref()).map(|bytes| (name, bytes))
                }
                _ => None,
            };
            let Some((name, bytes)) = written else {
                to.byte(NOTHING);
                return false;
            };
            to.byte(CUSTOM);
            to.bytes(name.as_bytes());
            to.bytes(&bytes);
        }
        _ => {
            to.byte(NOTHING);
            return false;
        }
    }
    true
}

/// See [`TraceReader::content`].
pub(super) fn read(from: &mut TraceReader<'_>, forms: &CustomForms) -> Option<Payload> {
    Some(match from.byte()? {
        LATENT => {
            let count = from.count(4)?;
            let code: Option<Arc<[f32]>> = (0..count).map(|_| from.float()).collect();
            Payload::Latent(code?)
        }
        NOTES => Payload::Notes(read_notes(from)?),
        PERFORMANCE => {
            let count = from.count(3)?;
            let changes: Option<Vec<_>> = (0..count).map(|_| read_change(from)).collect();
            Payload::Performance(Arc::new(Performance {
                changes: changes?,
                notes: read_notes(from)?,
            }))
        }
        CONTROL => Payload::Control(from.float()?),
        EVENT => Payload::Event(Arc::new(Event {
            name: from.text()?.to_owned(),
            strength: from.float()?,
        })),
        CUSTOM => {
            let name = from.text()?;
            Payload::Custom(forms.read(name, from.bytes()?)?)
        }
        _ => return None,
    })
}

const ON: u8 = 0;
const OFF: u8 = 1;

fn write_notes(to: &mut TraceWriter, notes: &[Note]) {
    to.number(notes.len() as u64);
    for note in notes {
        match *note {
            Note::On {
                channel,
                pitch,
                velocity,
            } => {
                to.three([ON, channel, pitch]);
                to.float(velocity);
            }
            Note::Off { channel, pitch } => {
                to.three([OFF, channel, pitch]);
            }
        }
    }
}

fn read_notes(from: &mut TraceReader<'_>) -> Option<Arc<[Note]>> {
    let count = from.count(3)?;
    (0..count).map(|_| read_note(from)).collect()
}

fn read_note(from: &mut TraceReader<'_>) -> Option<Note> {
    let kind = from.byte()?;
    let channel = from.byte().filter(|channel| *channel < 16)?;
    let pitch = from.byte().filter(|pitch| *pitch < 128)?;
    match kind {
        ON => Some(Note::On {
            channel,
            pitch,
            velocity: from.float().filter(|velocity| velocity.is_finite())?,
        }),
        OFF => Some(Note::Off { channel, pitch }),
        _ => None,
    }
}

const CONTROLLER: u8 = 0;
const BEND: u8 = 1;
const PROGRAM: u8 = 2;

fn write_change(to: &mut TraceWriter, change: &ChannelChange) {
    match *change {
        ChannelChange::Controller {
            channel,
            number,
            value,
        } => {
            to.three([CONTROLLER, channel, number]);
            to.float(value);
        }
        ChannelChange::Bend { channel, value } => {
            to.three([BEND, channel, 0]);
            to.float(value);
        }
        ChannelChange::Program { channel, number } => {
            to.three([PROGRAM, channel, number]);
        }
    }
}

fn read_change(from: &mut TraceReader<'_>) -> Option<ChannelChange> {
    let kind = from.byte()?;
    let channel = from.byte().filter(|channel| *channel < 16)?;
    let number = from.byte().filter(|number| *number < 128)?;
    match kind {
        CONTROLLER => Some(ChannelChange::Controller {
            channel,
            number,
            value: from.float()?,
        }),
        BEND => Some(ChannelChange::Bend {
            channel,
            value: from.float()?,
        }),
        PROGRAM => Some(ChannelChange::Program { channel, number }),
        _ => None,
    }
}

/// Tells what a packet carries from what others carry; 0 for what a trace does not keep: the
/// [`checksum`] of what [`TraceWriter::content`] writes.
pub fn content_hash(payload: &Payload, port_type: Option<&PortType>, forms: &CustomForms) -> u32 {
    let mut writer = TraceWriter::new();
    match write(&mut writer, payload, port_type, forms) {
        true => checksum(&writer.take()),
        false => 0,
    }
}

/// FNV-1a of 32 bits (Fowler, Noll, Vo).
pub fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payloads() -> impl Strategy<Value = Payload> {
        let on =
            (0_u8..16, 0_u8..128, 0.0_f32..=1.0).prop_map(|(channel, pitch, velocity)| Note::On {
                channel,
                pitch,
                velocity,
            });
        let off = (0_u8..16, 0_u8..128).prop_map(|(channel, pitch)| Note::Off { channel, pitch });
        let notes = prop::collection::vec(prop_oneof![on, off], 0..5);
        let changes = prop::collection::vec(
            (0_u8..16, 0_u8..128, -1.0_f32..=1.0).prop_map(|(channel, number, value)| {
                match number % 3 {
                    0 => ChannelChange::Controller {
                        channel,
                        number,
                        value,
                    },
                    1 => ChannelChange::Bend { channel, value },
                    _ => ChannelChange::Program { channel, number },
                }
            }),
            1..4,
        );
        prop_oneof![
            prop::collection::vec(any::<f32>(), 0..70)
                .prop_map(|code| Payload::Latent(code.into())),
            notes.clone().prop_map(|notes| Payload::Notes(notes.into())),
            (changes, notes).prop_map(|(changes, notes)| {
                let notes = notes.into();
                Payload::Performance(Arc::new(Performance { changes, notes }))
            }),
            any::<f32>().prop_map(Payload::Control),
            (any::<String>(), any::<f32>()).prop_map(|(name, strength)| {
                Payload::Event(Arc::new(Event { name, strength }))
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_packets_content_is_read_as_it_was_written(payload in payloads()) {
            let forms = CustomForms::default();
            let mut writer = TraceWriter::new();
            prop_assert!(writer.content(&payload, None, &forms));
            let bytes = writer.take();
            let mut reader = TraceReader::new(&bytes);
            let read = reader.content(&forms).unwrap();
            prop_assert!(reader.is_empty());
            prop_assert_eq!(format!("{payload:?}"), format!("{read:?}"));
            let hashes = [&payload, &read].map(|payload| content_hash(payload, None, &forms));
            prop_assert_eq!(hashes[0], hashes[1]);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = TraceReader::new(&bytes).content(&CustomForms::default());
        }
    }
}
