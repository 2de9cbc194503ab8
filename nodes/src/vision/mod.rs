//! Seeing: pictures to codes.

mod classifier;
mod encoder;
mod frame_encoder;
mod shrink;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<frame_encoder::FrameEncoder>();
}
