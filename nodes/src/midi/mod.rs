//! MIDI.

mod midi_file;
pub(crate) mod midi_input_file;
pub(crate) mod note_writer;
pub(crate) mod reading;
pub(crate) mod writing;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<midi_file::MidiFile>();
    registry.add::<midi_input_file::MidiInputFile>();
}
