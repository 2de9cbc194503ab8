//! Smooths a code over time.

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Length, Node, NodeError, Param, Payload, Port, PortType,
    Processor, Time, Transport, Value,
};
use serde::Deserialize;

const LATENT: usize = 0;

/// `latent_smooth`.
#[derive(Deserialize)]
pub(crate) struct LatentSmooth {
    half_life: Length,
}

impl Node for LatentSmooth {
    fn descriptor() -> Descriptor {
        Descriptor::new("latent", "latent_smooth", "Smooths a code over time")
            .details(
                "An exponential moving average that follows media time, so that the result does not depend on the \
                 frame rate: after `half_life`, half of a jump has been followed. 0 changes nothing.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the code"))
            .output(Port::new("latent", PortType::Latent(None), "the code, smoothed"))
            .param(Param::length("half_life", (0.0, 600.0), "time to follow half of a jump").default(0.5).live())
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(arrives) = check.input_type("latent").cloned() {
            check.set_output("latent", arrives);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let half_life = self.half_life.at(build.transport);
        Ok(Box::new(Smoothing {
            half_life,
            transport: build.transport.clone(),
            state: None,
        }))
    }
}

struct Smoothing {
    half_life: Time,
    transport: Transport,
    state: Option<(Time, Vec<f32>)>,
}

impl Processor for Smoothing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let code = input.packet.latent()?;
            let smoothed = match &mut self.state {
                Some((before, state)) => {
                    let followed = followed((time - *before).seconds(), self.half_life.seconds());
                    for (held, new) in state.iter_mut().zip(code.iter()) {
                        *held += followed * (new - *held);
                    }
                    *before = time;
                    state.as_slice().into()
                }
                None => {
                    self.state = Some((time, code.to_vec()));
                    code.clone()
                }
            };
            io.send(LATENT, time, Payload::Latent(smoothed))?;
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let length: Length = serde_json::from_value(value.clone())
            .map_err(|error| NodeError::internal(format!("`{name}`: {error}")))?;
        self.half_life = length.at(&self.transport);
        Ok(())
    }
}

/// The share of a jump that is followed after `seconds`.
fn followed(seconds: f64, half_life: f64) -> f32 {
    if half_life > 0.0 {
        (1.0 - (-seconds / half_life).exp2()) as f32
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;

    fn code(values: &[f32]) -> Payload {
        Payload::Latent(values.into())
    }

    fn after_a_jump(frames: u32) -> f32 {
        let mut packets = vec![(Time::ZERO, code(&[0.0]))];
        packets.extend((1..=frames).map(|n| {
            (
                Time::from_seconds(f64::from(n) / f64::from(frames)),
                code(&[1.0]),
            )
        }));
        let outputs = Harness::<LatentSmooth>::new(json!({ "half_life": { "beats": 2 } }))
            .feed(
                "latent",
                PortType::Latent(Some(1)),
                packets,
                Time::from_seconds(1.0),
            )
            .run()
            .unwrap();
        outputs.packets("latent").last().unwrap().latent().unwrap()[0]
    }

    #[test]
    fn half_of_a_jump_is_followed_in_the_half_life_at_any_frame_rate() {
        // Two beats at 120 a minute are one second.
        assert!((after_a_jump(1) - 0.5).abs() < 1e-6);
        assert!((after_a_jump(60) - 0.5).abs() < 1e-4);
    }
}
