//! Named directions in the codes of models: what each says of a code, and codes moved along them.

mod file;
mod space;
mod teaching;

pub use file::{Kind, Name, Names};
pub(crate) use space::Span;
pub use teaching::{Lesson, teach};
