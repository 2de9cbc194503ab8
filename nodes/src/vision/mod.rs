//! Seeing: pictures to codes, and codes back to pictures.

mod classifier;
mod encoder;
mod folder;
mod frame_encoder;
mod picture_decoder;

use score_engine::Registry;

pub use folder::latents_in_folder;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<frame_encoder::FrameEncoder>();
    registry.add::<picture_decoder::PictureDecoder>();
}
