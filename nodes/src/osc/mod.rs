//! OSC over UDP: the nodes that receive and send it, and what the program's own doors for OSC take
//! of them.

#[cfg(any(test, feature = "fuzzing"))]
mod any_bytes;
pub mod arguments;
mod door;
mod heard;
mod osc_in;
mod osc_out;
pub mod pattern;
pub mod reading;
mod target;

use score_engine::Registry;

#[cfg(feature = "fuzzing")]
pub(crate) use any_bytes::take;
pub(crate) use osc_in::strike;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<osc_in::OscIn>();
    registry.add::<osc_out::OscOut>();
}
