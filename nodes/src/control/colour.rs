//! Which colour the picture has.

use std::f32::consts::TAU;

use score_engine::{
    Build, Control, Descriptor, Flow, Frame, InputPort, Io, Length, Node, NodeError, OutputPort,
    Params, Processor, Time, Transport,
};

use super::cells::{COUNT, cells};
use crate::half_life::Follower;

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const HUE: OutputPort<Control> = OutputPort::new(0, "hue", "place on the colour circle, 0 to 1");
const SATURATION: OutputPort<Control> =
    OutputPort::new(1, "saturation", "0 grey to 1 pure colours");
const WARMTH: OutputPort<Control> = OutputPort::new(2, "warmth", "0 blue to 1 red or yellow");

/// A mean colour nearer to grey than this has no hue of its own.
const GREY: f32 = 0.01;

/// `colour`.
#[derive(Clone, Params)]
pub(crate) struct Colour {
    /// time to follow half of a jump
    #[param(live, range = 0.0..=60.0, span = 0.01..=5.0, log, default = Length::Seconds(0.0))]
    smooth: Length,
}

impl Node for Colour {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "colour", "Which colour the picture has")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "colour": colour(),
                    "daw": midi_out(port: "virtual", controls: [74, 71]),
                },
                wires: ["camera -> colour", "colour.warmth -> daw.controls", "colour.saturation -> daw.controls"]"#,
            )
            .details(
                "Measured on a grid of 16 × 16 mean colours, one number of each for every picture. \
                 `hue` is that of the mean colour on the colour circle: 0 red, 1/6 yellow, 1/3 \
                 green, 1/2 cyan, 2/3 blue, 5/6 magenta, and near 1 red again; while the picture \
                 is grey it stays what it was. `saturation` is the mean of each cell's largest \
                 minus smallest of red, green and blue: 0 all grey, 1 nothing but pure colours. \
                 `warmth` is ½ + ½ (red − blue) of the mean colour: 0 blue, ½ grey or green, 1 \
                 red, orange or yellow. Smoothing goes the short way round the circle.",
            )
            .input(PICTURES)
            .output(HUE)
            .output(SATURATION)
            .output(WARMTH)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Measuring {
            half_life: self.smooth.at(build.transport),
            follower: Follower::default(),
            hue: 0.0,
        }))
    }
}

struct Measuring {
    half_life: Time,
    /// The mean colour's place in the plane of hues (two numbers), saturation, warmth.
    follower: Follower<4>,
    /// The last that was seen.
    hue: f32,
}

impl Processor<Colour> for Measuring {
    fn process(&mut self, _params: &Colour, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let measured = measure(&cells(input.read(PICTURES)?));
            let [along, across, saturation, warmth] =
                self.follower.follow(time, measured, self.half_life);
            if along.hypot(across) > GREY {
                self.hue = (across.atan2(along) / TAU).rem_euclid(1.0);
            }
            for (output, value) in [(HUE, self.hue), (SATURATION, saturation), (WARMTH, warmth)] {
                io.send(output, time, value.clamp(0.0, 1.0))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Colour, transport: &Transport) -> Result<(), NodeError> {
        self.half_life = params.smooth.at(transport);
        Ok(())
    }
}

/// The mean colour's place in the plane of hues, in which red lies along the first axis and 120°
/// separate the primaries; then saturation and warmth.
fn measure(cells: &[[f32; 3]]) -> [f32; 4] {
    let mut sums = [0.0; 4];
    for [red, green, blue] in cells {
        let largest = red.max(*green).max(*blue);
        let smallest = red.min(*green).min(*blue);
        sums[0] += red - 0.5 * (green + blue);
        sums[1] += 0.75_f32.sqrt() * (green - blue);
        sums[2] += largest - smallest;
        sums[3] += 0.5 + 0.5 * (red - blue);
    }
    sums.map(|sum| sum / COUNT as f32)
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Value};
    use serde_json::json;

    use super::super::test_pictures::{at, controls, flat};
    use super::*;

    fn colours(params: Value, colours: &[[u8; 3]]) -> Outputs {
        let pictures = colours.iter().enumerate();
        let pictures = pictures.map(|(n, colour)| (at(n as f64), flat(*colour)));
        Harness::<Colour>::new(params)
            .feed("frames", PortType::Frame, pictures.collect(), at(10.0))
            .run()
            .unwrap()
    }

    #[track_caller]
    fn assert_near(found: &[f32], wanted: &[f32]) {
        assert_eq!(found.len(), wanted.len());
        for (one, other) in found.iter().zip(wanted) {
            assert!((one - other).abs() < 0.002, "{found:?}, not {wanted:?}");
        }
    }

    #[test]
    fn hue_saturation_and_warmth_are_what_the_reference_says() {
        let outputs = colours(
            json!({}),
            &[
                [255, 0, 0],
                [255, 255, 0],
                [0, 255, 0],
                [0, 0, 255],
                [128, 128, 128],
                [51, 0, 0],
            ],
        );
        let third = 1.0 / 3.0;
        // Grey has no hue: that of blue, before it, stays.
        assert_near(
            &controls(&outputs, "hue"),
            &[0.0, third / 2.0, third, 2.0 * third, 2.0 * third, 0.0],
        );
        assert_near(
            &controls(&outputs, "saturation"),
            &[1.0, 1.0, 1.0, 1.0, 0.0, 0.2],
        );
        assert_near(
            &controls(&outputs, "warmth"),
            &[1.0, 1.0, 0.5, 0.0, 0.5, 0.6],
        );
    }

    #[test]
    fn smoothing_goes_the_short_way_round_the_circle() {
        // From a red near magenta to a red near yellow: through red, not through green and blue.
        let outputs = colours(
            json!({ "smooth": { "seconds": 1.0 } }),
            &[[255, 0, 64], [255, 64, 0], [255, 64, 0]],
        );
        let hue = controls(&outputs, "hue");
        assert!(
            hue[0] > 0.9 && (hue[1] < 0.02 || hue[1] > 0.98) && hue[2] > 0.01 && hue[2] < 0.1,
            "{hue:?}"
        );
    }
}
