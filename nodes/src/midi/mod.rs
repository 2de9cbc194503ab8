//! MIDI.

pub(crate) mod keyboard;
pub(crate) mod message;
mod midi_file;
mod midi_input_file;
pub(crate) mod note_writer;
pub(crate) mod performance;
pub(crate) mod reading;
pub(crate) mod smf;
pub(crate) mod strokes;
pub(crate) mod writing;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<midi_file::MidiFile>();
    registry.add::<midi_input_file::MidiInputFile>();
}
