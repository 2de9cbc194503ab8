//! MIDI ports: the system's, virtual ones, and JACK's.

pub(crate) mod inlet;
mod jack;
pub(crate) mod message;
mod open_port;
pub(crate) mod outlet;
pub(crate) mod port;
mod wanted;

pub(crate) use jack::ports as jack_ports;
