//! What the picture does, as numbers that steer and as things that happen.

mod accent;
mod brightness;
mod cells;
mod colour;
mod cut_detector;
mod motion;
mod moving;
mod recurrence;
#[cfg(test)]
mod test_pictures;
mod view;
mod visual_controls;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<accent::Accent>();
    registry.add::<brightness::Brightness>();
    registry.add::<colour::Colour>();
    registry.add::<cut_detector::CutDetector>();
    registry.add::<motion::Motion>();
    registry.add::<visual_controls::VisualControls>();
}
