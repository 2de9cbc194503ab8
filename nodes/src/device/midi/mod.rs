//! MIDI ports: the system's, one's own, and JACK's.

mod inlet;
mod jack;
mod message;
mod midi_clock_out;
mod midi_in;
mod midi_out;
mod open_port;
mod outlet;
pub(crate) mod port;

pub(crate) use jack::ports as jack_ports;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<midi_clock_out::MidiClockOut>();
    registry.add::<midi_in::MidiIn>();
    registry.add::<midi_out::MidiOut>();
}
