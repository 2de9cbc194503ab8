//! Notes from notes: what is done to a part between who plays it and who sounds it.

mod arpeggio;
mod chord;
mod harmony;
mod humanise;
mod later;
mod legato;
mod mapping;
mod note_delay;
mod note_filter;
mod note_gate;
mod note_map;
mod note_to_control;
#[cfg(test)]
mod properties;
mod scale;
mod scales;
mod split;
#[cfg(test)]
mod test_notes;
mod transpose;

use score_engine::{ChannelChange, Io, NodeError, Note, OutputPort, Packet, Performance, Registry};

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<arpeggio::Arpeggio>();
    registry.add::<chord::Chord>();
    registry.add::<humanise::Humanise>();
    registry.add::<legato::Legato>();
    registry.add::<note_delay::NoteDelay>();
    registry.add::<note_filter::NoteFilter>();
    registry.add::<note_gate::NoteGate>();
    registry.add::<note_to_control::NoteToControl>();
    registry.add::<scale::Scale>();
    registry.add::<split::Split>();
    registry.add::<transpose::Transpose>();
}

/// The softest stroke: MIDI has no velocity of zero.
const SOFTEST: f32 = 1.0 / 127.0;

/// MIDI's highest pitch.
const HIGHEST: u8 = 127;

/// A MIDI channel and pitch.
type Key = (u8, u8);

/// The end of a key's note.
fn off((channel, pitch): Key) -> Note {
    Note::Off { channel, pitch }
}

/// A velocity that a note may have; one that is no number is a middle one.
fn velocity(wanted: f32) -> f32 {
    match wanted.is_nan() {
        true => 0.5,
        false => wanted.clamp(SOFTEST, 1.0),
    }
}

/// The pitch, moved by octaves until it is one of MIDI's.
fn folded(pitch: i32) -> u8 {
    let highest = i32::from(HIGHEST);
    let within = match pitch {
        pitch if pitch < 0 => pitch.rem_euclid(12),
        pitch if pitch > highest => highest - 11 + (pitch - (highest - 11)).rem_euclid(12),
        pitch => pitch,
    };
    within.clamp(0, highest) as u8
}

/// Sends what has become of a packet: its notes, and what it still does to channels.
fn send_on(
    io: &mut Io<'_>,
    port: OutputPort<Note>,
    packet: &Packet,
    changes: Vec<ChannelChange>,
    notes: Vec<Note>,
) -> Result<(), NodeError> {
    let (time, captured) = (packet.time, packet.captured);
    match (changes.is_empty(), notes.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => io.send_captured(port, time, captured, notes),
        (false, _) => {
            let notes = notes.into();
            io.send_captured(port, time, captured, Performance { changes, notes })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pitch_outside_of_midis_range_is_folded_to_the_nearest_octave_within() {
        for (pitch, wanted) in [
            (-1, 11),
            (-12, 0),
            (-13, 11),
            (0, 0),
            (127, 127),
            (128, 116),
            (139, 127),
            (140, 116),
            (i32::MAX, 116 + ((i32::MAX - 116) % 12) as u8),
        ] {
            assert_eq!(folded(pitch), wanted, "{pitch}");
        }
    }

    #[test]
    fn a_velocity_is_always_one_that_sounds() {
        let given = [0.0, 0.5, 3.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY];
        assert_eq!(given.map(velocity), [SOFTEST, 0.5, 1.0, 0.5, SOFTEST, 1.0]);
    }
}
