//! Light that answers.

mod artnet_out;
mod universe;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<artnet_out::ArtnetOut>();
}
