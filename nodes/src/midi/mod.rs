//! MIDI files and ports, and the notes of a DAW.

#[cfg(feature = "device")]
mod daw_out;
pub(crate) mod file_beat;
pub(crate) mod keyboard;
pub(crate) mod message;
#[cfg(feature = "device")]
mod midi_clock_out;
mod midi_file;
#[cfg(feature = "device")]
mod midi_in;
mod midi_input_file;
#[cfg(feature = "device")]
mod midi_out;
#[cfg(feature = "device")]
mod midi_timecode_out;
pub(crate) mod note_writer;
pub(crate) mod performance;
pub(crate) mod reading;
pub(crate) mod smf;
pub(crate) mod strokes;
pub(crate) mod writing;

use score_engine::Registry;

/// The channel that General MIDI gives to percussion, counted from 0: its pitches are instruments,
/// its programs kits.
pub(crate) const PERCUSSION: u8 = 9;

pub(crate) fn register(registry: &mut Registry) {
    #[cfg(feature = "device")]
    registry.add::<daw_out::DawOut>();
    #[cfg(feature = "device")]
    registry.add::<midi_clock_out::MidiClockOut>();
    registry.add::<midi_file::MidiFile>();
    #[cfg(feature = "device")]
    registry.add::<midi_in::MidiIn>();
    registry.add::<midi_input_file::MidiInputFile>();
    #[cfg(feature = "device")]
    registry.add::<midi_out::MidiOut>();
    #[cfg(feature = "device")]
    registry.add::<midi_timecode_out::MidiTimecodeOut>();
}
