//! How bright the picture is.

use score_engine::{
    Build, Control, Descriptor, Flow, Frame, InputPort, Io, Length, Node, NodeError, OutputPort,
    Params, Processor, Time, Transport,
};

use super::cells::{COUNT, cells, luma};
use crate::half_life::Follower;

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const BRIGHTNESS: OutputPort<Control> = OutputPort::new(0, "brightness", "0 black to 1 white");

/// `brightness`.
#[derive(Clone, Params)]
pub(crate) struct Brightness {
    /// time to follow half of a jump
    #[param(live, range = 0.0..=60.0, span = 0.01..=5.0, log, default = Length::Seconds(0.0))]
    smooth: Length,
}

impl Node for Brightness {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "brightness", "How bright the picture is")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "light": brightness(smooth: 0.5),
                    "daw": midi_out(port: "virtual", controls: [74]),
                },
                wires: ["camera -> light -> daw"]"#,
            )
            .details(
                "The mean luma of the picture (ITU-R BT.709, on the film's own gamma): 0 is black, \
                 1 white, and mid-grey about 0.5. One number for each picture.",
            )
            .input(PICTURES)
            .output(BRIGHTNESS)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Measuring {
            half_life: self.smooth.at(build.transport),
            follower: Follower::default(),
        }))
    }
}

struct Measuring {
    half_life: Time,
    follower: Follower<1>,
}

impl Processor<Brightness> for Measuring {
    fn process(&mut self, _params: &Brightness, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let cells = cells(input.read(PICTURES)?);
            let mean = cells.into_iter().map(luma).sum::<f32>() / COUNT as f32;
            let [value] = self.follower.follow(time, [mean], self.half_life);
            io.send(BRIGHTNESS, time, value.clamp(0.0, 1.0))?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Brightness, transport: &Transport) -> Result<(), NodeError> {
        self.half_life = params.smooth.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::super::test_pictures::{at, controls, flat};
    use super::*;

    fn brightness(params: Value, pictures: Vec<(Time, Payload)>) -> Vec<f32> {
        let outputs = Harness::<Brightness>::new(params)
            .feed("frames", PortType::Frame, pictures, at(10.0))
            .run()
            .unwrap();
        controls(&outputs, "brightness")
    }

    #[test]
    fn black_is_0_white_1_and_green_brighter_than_blue() {
        let colours = [[0, 0, 0], [255, 255, 255], [0, 255, 0], [0, 0, 255]];
        let pictures = (0..4).map(|n| (at(n as f64), flat(colours[n]))).collect();
        let found = brightness(json!({}), pictures);
        for (found, wanted) in found.iter().zip([0.0, 1.0, 0.7152, 0.0722]) {
            assert!((found - wanted).abs() < 1e-5, "{found} for {wanted}");
        }
    }

    #[test]
    fn smoothing_follows_half_of_a_jump_in_its_half_life() {
        let mut pictures = vec![(at(0.0), flat([0; 3]))];
        pictures.extend((1..=10).map(|n| (at(f64::from(n) / 10.0), flat([255; 3]))));
        let found = brightness(json!({ "smooth": { "seconds": 1.0 } }), pictures);
        assert!((found[10] - 0.5).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn a_length_in_beats_follows_the_tempo_and_what_was_followed_stays() {
        let pictures = (0..5).map(|n| {
            let level = if n == 0 { 0 } else { 255 };
            (at(f64::from(n) / 2.0), flat([level; 3]))
        });
        let fast = Transport {
            tempo: 240.0,
            ..Transport::default()
        };
        // Two beats are a second, and half a second from 1.25 s on.
        let outputs = Harness::<Brightness>::new(json!({ "smooth": { "beats": 2 } }))
            .feed("frames", PortType::Frame, pictures.collect(), at(2.5))
            .retime(at(1.25), fast)
            .play_live()
            .unwrap();
        let found = controls(&outputs, "brightness");
        for (value, wanted) in found.iter().zip([0.0, 0.293, 0.5, 0.75, 0.875]) {
            assert!((value - wanted).abs() < 0.01, "{found:?}");
        }
    }
}
