//! MIDI.

mod midi_file;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<midi_file::MidiFile>();
}
