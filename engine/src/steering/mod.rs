//! Live parameters while they play: what the text, wires and hands say, and which of them holds.

mod glide;
mod shown;
mod values;

pub(crate) use glide::Glide;
pub(crate) use shown::Shown;
pub use shown::{RefusedValue, ValueSource, ValueStatus};
pub(crate) use values::Values;
