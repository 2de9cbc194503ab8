//! Draws codes at random: music without a film.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::{
    Build, Check, Descriptor, Flow, Io, Latent, Length, Node, NodeError, OutputPort, Params,
    PortType, Processor, Time,
};

const CODES: OutputPort<Latent> = OutputPort::new(0, "latent", "the codes");

/// `latent_random`.
#[derive(Clone, Params)]
pub(crate) struct LatentRandom {
    /// components of a code
    #[param(structural, range = 1..=4096, default = 64)]
    dimension: usize,
    /// time between two codes
    #[param(range = 0.001..=3600.0, default = Length::Seconds(4.0))]
    every: Length,
    /// time until the end; live there is none
    #[param(range = 0.001..=86_400.0, default = Length::Seconds(32.0))]
    duration: Length,
    /// how far each code goes from the last; 1: anywhere
    #[param(range = 0.0..=1.0, default = 1.0)]
    step: f64,
}

impl Node for LatentRandom {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_random", "Draws codes at random")
            .example(
                r#"nodes: {
                    "walk": latent_random(dimension: 64, every: beats(8), duration: beats(32), step: 0.5),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "walk.mid"),
                },
                wires: ["walk -> tune -> notes"]"#,
            )
            .details(
                "Every code is N(0, 1) in every component. With `step: 1` each is drawn anew; a smaller step walks \
                 from code to code without leaving that distribution. The patch's seed decides which.",
            )
            .output(CODES)
            .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.set_output(CODES, PortType::Latent(Some(self.dimension)));
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Drawing {
            every: self.every.at(build.transport).seconds(),
            end: self.duration.at(build.transport),
            code: vec![0.0; self.dimension],
            drawn: 0,
            rng: build.rng(),
        }))
    }
}

struct Drawing {
    every: f64,
    end: Time,
    code: Vec<f32>,
    drawn: u64,
    rng: ChaCha8Rng,
}

impl Processor<LatentRandom> for Drawing {
    fn process(&mut self, params: &LatentRandom, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let time = Time::from_seconds(self.drawn as f64 * self.every);
        // Live, the walk goes on.
        if time >= self.end && !io.is_live() {
            io.end_at(self.end);
            return Ok(Flow::Done);
        }
        // Rotating between two independent normal codes keeps the variance at 1.
        let step = if self.drawn == 0 {
            1.0
        } else {
            params.step as f32
        };
        let kept = (1.0 - step * step).sqrt();
        for component in &mut self.code {
            let fresh: f32 = StandardNormal.sample(&mut self.rng);
            *component = kept * *component + step * fresh;
        }
        self.drawn += 1;
        io.send_captured_now(CODES, time, self.code.as_slice())?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Transport;
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;

    fn draw(seed: u64, step: f64) -> Vec<f32> {
        let outputs = Harness::<LatentRandom>::new(
            json!({ "dimension": 8, "every": {"seconds": 0.01}, "duration": {"seconds": 20}, "step": step }),
        )
        .transport(Transport { seed, ..Transport::default() })
        .run()
        .unwrap();
        assert_eq!(outputs.end("latent"), Some(Time::from_seconds(20.0)));
        outputs
            .packets("latent")
            .iter()
            .flat_map(|packet| packet.latent().unwrap().to_vec())
            .collect()
    }

    #[test]
    fn codes_are_standard_normal_whatever_the_step() {
        for step in [1.0, 0.5] {
            let all = draw(3, step);
            let mean = all.iter().sum::<f32>() / all.len() as f32;
            let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / all.len() as f32;
            assert!(
                mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1,
                "step {step}: {mean} {variance}"
            );
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(draw(3, 1.0), draw(3, 1.0));
        assert_ne!(draw(3, 1.0), draw(4, 1.0));
    }
}
