//! Codes, points in a model's latent space: made, smoothed, mapped, mixed, held, compared; and what
//! they are to mean.

mod finite;
mod latent_distance;
mod latent_focus;
mod latent_from_controls;
mod latent_hold;
mod latent_interpolate;
mod latent_knobs;
mod latent_map;
mod latent_mix;
mod latent_random;
mod latent_smooth;
mod latent_steer;
mod naming;
pub(crate) mod rotation;
pub(crate) mod slerp;
pub(crate) mod statistics;
mod tags;
pub(crate) mod teach;
mod turning;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<latent_distance::LatentDistance>();
    registry.add::<latent_focus::LatentFocus>();
    registry.add::<latent_from_controls::LatentFromControls>();
    registry.add::<latent_hold::LatentHold>();
    registry.add::<latent_interpolate::LatentInterpolate>();
    registry.add::<latent_knobs::LatentKnobs>();
    registry.add::<latent_map::LatentMap>();
    registry.add::<latent_mix::LatentMix>();
    registry.add::<latent_random::LatentRandom>();
    registry.add::<latent_smooth::LatentSmooth>();
    registry.add::<teach::Teach>();
    registry.add::<latent_steer::LatentSteer>();
    registry.add::<tags::Tags>();
}
