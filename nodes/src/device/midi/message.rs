//! MIDI's messages as bytes, as far as they are short.

use score_engine::{ChannelChange, Note, Time};

use crate::midi::message::{bytes, change, seven_bits};

/// One beat of a MIDI clock: 24 a quarter note.
pub(crate) const TICK: u8 = 0xF8;
/// A sequence starts at its beginning.
pub(crate) const START: u8 = 0xFA;
/// A sequence continues from the song position.
pub(crate) const CONTINUE: u8 = 0xFB;
/// A sequence stops.
pub(crate) const STOP: u8 = 0xFC;
/// The song position in sixteenths, two bytes of seven bits, low one first.
pub(crate) const SONG_POSITION: u8 = 0xF2;
/// A quarter of a frame of MIDI timecode: one of eight pieces of the time.
pub(crate) const QUARTER_FRAME: u8 = 0xF1;
/// A message of a maker or a standard of its own begins.
pub(crate) const EXCLUSIVE: u8 = 0xF0;
/// Such a message ends.
pub(crate) const EXCLUSIVE_END: u8 = 0xF7;

/// Bytes of the longest message that anything here reads: a whole time of MIDI timecode.
const LONGEST: usize = 10;

/// The controller that ends every note of a channel.
const ALL_NOTES_OFF: u8 = 123;

/// A message, or the beginning of one that is longer than any that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    bytes: [u8; LONGEST],
    length: u8,
}

/// A message and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) time: Time,
    pub(crate) message: Message,
}

/// What a message means to a patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// A key goes down or comes up.
    Note(Note),
    /// A controller has a value from 0 to 127; those from 120 on end notes.
    Controller { channel: u8, number: u8, value: u8 },
    /// Something else is done to the channel.
    Change(ChannelChange),
}

impl Message {
    /// A message of the first of `bytes`, where there are any.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let length = bytes.len().min(LONGEST);
        let mut message = Message {
            bytes: [0; LONGEST],
            length: length as u8,
        };
        message.bytes[..length].copy_from_slice(&bytes[..length]);
        (length > 0).then_some(message)
    }

    /// A message of these few bytes.
    fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(bytes).unwrap_or(Message {
            bytes: [0; LONGEST],
            length: 0,
        })
    }

    /// A key goes down or comes up.
    pub(crate) fn note(note: Note) -> Self {
        let (channel, pitch) = (note.channel() & 0x0F, note.pitch() & 0x7F);
        match note {
            // Velocity 0 would be a note off.
            Note::On { velocity, .. } => {
                Self::three(0x90 | channel, pitch, seven_bits(velocity).max(1))
            }
            Note::Off { .. } => Self::three(0x80 | channel, pitch, 64),
        }
    }

    /// A controller goes to a value from 0 to 1.
    pub(crate) fn control(channel: u8, number: u8, value: f32) -> Self {
        Self::three(0xB0 | (channel & 0x0F), number & 0x7F, seven_bits(value))
    }

    /// Something is done to a channel.
    pub(crate) fn change(change: ChannelChange) -> Self {
        let length = match change {
            ChannelChange::Program { .. } => 2,
            _ => 3,
        };
        Self::of(&bytes(change)[..length])
    }

    /// Every note of the channel ends.
    pub(crate) fn all_notes_off(channel: u8) -> Self {
        Self::three(0xB0 | (channel & 0x0F), ALL_NOTES_OFF, 0)
    }

    /// A message of one byte.
    pub(crate) fn single(byte: u8) -> Self {
        Self::of(&[byte])
    }

    /// The song position is sixteenth note `sixteenth`; MIDI counts to 16,383.
    pub(crate) fn song_position(sixteenth: u64) -> Self {
        let position = sixteenth.min(0x3FFF);
        Self::three(
            SONG_POSITION,
            (position & 0x7F) as u8,
            (position >> 7) as u8,
        )
    }

    fn three(status: u8, first: u8, second: u8) -> Self {
        Self::of(&[status, first, second])
    }

    /// Piece `piece` of a time of MIDI timecode, which has four bits.
    pub(crate) fn quarter_frame(piece: u8, bits: u8) -> Self {
        Self::of(&[QUARTER_FRAME, (piece & 7) << 4 | bits & 0x0F])
    }

    /// A whole time of MIDI timecode: hours with the rate, minutes, seconds, frames.
    pub(crate) fn full_frame([hours, minutes, seconds, frames]: [u8; 4]) -> Self {
        let head = [EXCLUSIVE, 0x7F, 0x7F, 0x01, 0x01];
        let mut bytes = [0; LONGEST];
        bytes[..5].copy_from_slice(&head);
        bytes[5..9].copy_from_slice(&[hours, minutes, seconds, frames].map(|part| part & 0x7F));
        bytes[9] = EXCLUSIVE_END;
        Self::of(&bytes)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// What the message means to a patch; `None`: nothing.
    pub(crate) fn meaning(&self) -> Option<Meaning> {
        let [status, first, second, ..] = self.bytes;
        let wanted = if status & 0xF0 == 0xC0 { 2 } else { 3 };
        if self.length < wanted || first > 0x7F || second > 0x7F {
            return None;
        }
        let channel = status & 0x0F;
        let pitch = first;
        let value = f32::from(second) / 127.0;
        match status & 0xF0 {
            0x90 if second > 0 => Some(Meaning::Note(Note::On {
                channel,
                pitch,
                velocity: value,
            })),
            0x80 | 0x90 => Some(Meaning::Note(Note::Off { channel, pitch })),
            0xB0 => Some(Meaning::Controller {
                channel,
                number: first,
                value: second,
            }),
            _ => change(status, first, second).map(Meaning::Change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_means_what_it_was_made_of() {
        let on = Note::On {
            channel: 3,
            pitch: 60,
            velocity: 1.0,
        };
        let off = Note::Off {
            channel: 3,
            pitch: 60,
        };
        for note in [on, off] {
            assert_eq!(Message::note(note).meaning(), Some(Meaning::Note(note)));
        }
        let control = Meaning::Controller {
            channel: 15,
            number: 7,
            value: 127,
        };
        assert_eq!(Message::control(15, 7, 1.0).meaning(), Some(control));
        let program = ChannelChange::Program {
            channel: 2,
            number: 40,
        };
        let message = Message::change(program);
        assert_eq!(message.bytes(), [0xC2, 40]);
        assert_eq!(message.meaning(), Some(Meaning::Change(program)));
    }

    #[test]
    fn the_softest_note_still_begins_and_velocity_zero_ends_one() {
        let soft = Note::On {
            channel: 0,
            pitch: 60,
            velocity: 0.001,
        };
        assert_eq!(Message::note(soft).bytes(), [0x90, 60, 1]);
        let end = Message::from_bytes(&[0x91, 60, 0]).unwrap();
        assert!(matches!(
            end.meaning(),
            Some(Meaning::Note(Note::Off { channel: 1, .. }))
        ));
    }

    #[test]
    fn what_is_no_number_or_no_message_does_no_harm() {
        assert_eq!(Message::control(0, 1, f32::NAN).bytes(), [0xB0, 1, 0]);
        assert_eq!(Message::from_bytes(&[]), None);
        for bytes in [&[0xF8][..], &[0x90, 60], &[0x90, 200, 1], &[1, 2, 3, 4]] {
            assert_eq!(Message::from_bytes(bytes).unwrap().meaning(), None);
        }
    }

    #[test]
    fn the_song_position_is_told_in_two_times_seven_bits() {
        assert_eq!(Message::song_position(200).bytes(), [0xF2, 72, 1]);
        assert_eq!(Message::song_position(u64::MAX).bytes(), [0xF2, 127, 127]);
    }
}
