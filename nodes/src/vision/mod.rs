//! Seeing: pictures to codes.

mod frame_encoder;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<frame_encoder::FrameEncoder>();
}
