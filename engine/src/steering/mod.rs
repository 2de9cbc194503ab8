//! Live parameters while they play: what the text, wires and hands say, and which of them holds.

mod glide;
mod shown;
mod steered;
mod values;

pub(crate) use shown::Shown;
pub use shown::{ValueSource, ValueStatus};
pub use steered::Steered;
pub(crate) use values::Values;
