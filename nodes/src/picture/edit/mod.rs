//! Pictures edited, one by one, as they come.

mod adjust;
mod blur;
mod crop;
mod mask;
mod mix_pictures;
mod pixels;
#[cfg(test)]
mod test_frames;
mod trails;

use score_engine::Registry;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<adjust::Adjust>();
    registry.add::<blur::Blur>();
    registry.add::<crop::Crop>();
    registry.add::<mask::Mask>();
    registry.add::<mix_pictures::MixPictures>();
    registry.add::<trails::Trails>();
}
