//! Pictures: of a run, from files, and edited while they play.

mod canvas;
mod course;
mod drawn_notes;
mod edit;
mod files;
mod letters;
mod piano_roll;
pub(crate) mod scale;

use score_engine::Registry;

#[cfg(feature = "onnx")]
pub(crate) use files::read;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<piano_roll::PianoRoll>();
    edit::register(registry);
    files::register(registry);
}
