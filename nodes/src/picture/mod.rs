//! Pictures of a run.

mod canvas;
mod course;
mod drawn_notes;
mod letters;
mod piano_roll;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<piano_roll::PianoRoll>();
}
