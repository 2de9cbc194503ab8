//! What the picture does, as numbers that steer and as things that happen; and what makes, bends
//! and joins such numbers.

mod accent;
mod brightness;
mod cells;
mod colour;
mod combine;
mod curve;
mod cut_detector;
mod envelope;
mod expression;
mod knob;
mod lfo;
mod motion;
mod moving;
mod recurrence;
mod sample_hold;
mod smooth;
#[cfg(test)]
mod test_pictures;
mod threshold;
mod time_of_day;
mod view;
mod visual_controls;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<accent::Accent>();
    registry.add::<brightness::Brightness>();
    registry.add::<colour::Colour>();
    registry.add::<combine::Combine>();
    registry.add::<curve::Curve>();
    registry.add::<cut_detector::CutDetector>();
    registry.add::<envelope::Envelope>();
    registry.add::<expression::Expression>();
    registry.add::<knob::Knob>();
    registry.add::<lfo::Lfo>();
    registry.add::<motion::Motion>();
    registry.add::<sample_hold::SampleHold>();
    registry.add::<smooth::Smooth>();
    registry.add::<threshold::Threshold>();
    registry.add::<time_of_day::TimeOfDay>();
    registry.add::<visual_controls::VisualControls>();
}
