//! What a sound does, as numbers that steer, events and notes: so that whoever plays in the room
//! leads.

mod follow;
mod hearing;
mod mcleod;
mod onsets;
mod pitch;
mod spectrum;

pub(crate) use follow::Follow;
pub(crate) use onsets::Onsets;
pub(crate) use pitch::Pitch;
pub(crate) use spectrum::Spectrum;

/// What is quieter than this is silence, −120 dB, as a square.
const SILENCE: f32 = 1e-12;

/// A mean square in decibels, so that a sine of full scale has 0.
fn level(square: f32) -> f32 {
    10.0 * (2.0 * square.max(SILENCE)).log10()
}

/// Where a level lies between the one that counts as 0 and the one that counts as 1, all in dB.
fn place(level: f32, floor: f64, top: f64) -> f32 {
    let span = (top - floor).max(0.1) as f32;
    ((level - floor as f32) / span).clamp(0.0, 1.0)
}
