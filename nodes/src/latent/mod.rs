//! Codes, points in a model's latent space: made, smoothed, mapped.

mod latent_interpolate;
mod latent_map;
mod latent_random;
mod latent_smooth;
pub(crate) mod rotation;
pub(crate) mod slerp;
pub(crate) mod statistics;
mod turning;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<latent_interpolate::LatentInterpolate>();
    registry.add::<latent_map::LatentMap>();
    registry.add::<latent_random::LatentRandom>();
    registry.add::<latent_smooth::LatentSmooth>();
}
