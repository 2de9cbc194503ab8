//! Sound by its frequencies: what is in a block of it, and sound at another rate.
//!
//! A crate of its own because of what lies below: the Fourier transforms are compiled where they
//! are used, and for every processor that there may be; here that happens once, and not at each
//! change of a node.
#![forbid(unsafe_code)]

mod resampler;
mod transform;

pub use resampler::Resampler;
pub use transform::{Likeness, Transform};
