//! How bright the picture is.

use score_engine::{
    Build, Descriptor, Flow, Io, Length, Node, NodeError, Param, Payload, Port, PortType,
    Processor, Time, Transport, Value,
};
use serde::Deserialize;

use super::cells::{COUNT, cells, luma};
use crate::half_life::Follower;
use crate::live;

const BRIGHTNESS: usize = 0;

/// `brightness`.
#[derive(Deserialize)]
pub(crate) struct Brightness {
    smooth: Length,
}

impl Node for Brightness {
    fn descriptor() -> Descriptor {
        Descriptor::new("control", "brightness", "How bright the picture is")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "light": brightness(smooth: 0.5),
                    "daw": midi_out(port: "virtual", controls: [74]),
                },
                wires: ["camera -> light -> daw"]"#,
            )
            .details(
                "The mean luma of the picture (ITU-R BT.709, on the film's own gamma): 0 is black, 1 white, and mid-grey \
                 about 0.5. One number for each picture.",
            )
            .input(Port::new("frames", PortType::Frame, "the pictures"))
            .output(Port::new("brightness", PortType::Control, "0 black to 1 white"))
            .param(Param::length("smooth", (0.0, 60.0), "time to follow half of a jump").default(0.0).live())
            .follows_tempo()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Measuring {
            half_life: self.smooth.at(build.transport),
            transport: build.transport.clone(),
            follower: Follower::default(),
        }))
    }
}

struct Measuring {
    half_life: Time,
    transport: Transport,
    follower: Follower<1>,
}

impl Processor for Measuring {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let cells = cells(input.packet.frame()?);
            let mean = cells.into_iter().map(luma).sum::<f32>() / COUNT as f32;
            let [value] = self.follower.follow(time, [mean], self.half_life);
            io.send(BRIGHTNESS, time, Payload::Control(value.clamp(0.0, 1.0)))?;
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match name {
            "smooth" => self.half_life = live::length(name, value, &self.transport)?,
            _ => return Err(live::not_live(name)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
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
}
