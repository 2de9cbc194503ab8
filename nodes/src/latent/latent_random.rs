//! Draws codes at random: music without a film.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::{
    Build, Check, Descriptor, Flow, Io, Latent, Length, Node, NodeError, OutputPort, Params,
    PortType, Processor, Time, Transport,
};

const CODES: OutputPort<Latent> = OutputPort::new(0, "latent", "the latents");

/// `latent_random`.
#[derive(Clone, Params)]
pub(crate) struct LatentRandom {
    /// components of a latent
    #[param(
        structural = "the nodes behind take latents of this dimension",
        range = 1..=4096,
        default = 64
    )]
    dimension: usize,
    /// time between two latents
    #[param(live, range = 0.001..=3600.0, span = 0.1..=20.0, log, default = Length::Seconds(4.0))]
    every: Length,
    /// time until the end; a live run has none
    #[param(
        live,
        range = 0.001..=86_400.0,
        span = 1.0..=600.0,
        log,
        default = Length::Seconds(32.0)
    )]
    duration: Length,
    /// how far each latent goes from the last; 1: anywhere
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    step: f64,
}

impl Node for LatentRandom {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_random", "Draws latents at random")
            .example(
                r#"nodes: {
                    "walk": latent_random(dimension: 64, every: beats(8), duration: beats(32), step: 0.5),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "walk.mid"),
                },
                wires: ["walk -> tune -> notes"]"#,
            )
            .details(
                "Every latent is N(0, 1) in every component. With `step: 1` each is independent of \
                 the last; a smaller step walks from latent to latent without leaving that \
                 distribution. The patch's seed decides which.",
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
            ends: build.ends,
            end: self.duration.at(build.transport),
            code: vec![0.0; self.dimension],
            drawn: 0,
            counted: (0.0, 0),
            rng: build.rng(),
        }))
    }
}

struct Drawing {
    /// Seconds.
    every: f64,
    /// Whether the walk ends; else it goes on for as long as the run.
    ends: bool,
    end: Time,
    code: Vec<f32>,
    drawn: u64,
    /// Where times count from: the time in seconds and the number of the last code before the pace
    /// changed.
    counted: (f64, u64),
    rng: ChaCha8Rng,
}

impl Drawing {
    /// The time of the code with this number, in seconds.
    fn time(&self, number: u64) -> f64 {
        let (seconds, from) = self.counted;
        seconds + (number - from) as f64 * self.every
    }
}

impl Processor<LatentRandom> for Drawing {
    fn process(&mut self, params: &LatentRandom, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let time = Time::from_seconds(self.time(self.drawn));
        if time >= self.end && self.ends {
            io.end_at(self.end);
            return Ok(Flow::Done);
        }
        // Rotating between two independent normal codes keeps the variance at 1.
        let step = match self.drawn {
            0 => 1.0,
            _ => params.step as f32,
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

    fn changed(&mut self, params: &LatentRandom, transport: &Transport) -> Result<(), NodeError> {
        let every = params.every.at(transport).seconds();
        if every != self.every {
            if let Some(last) = self.drawn.checked_sub(1) {
                self.counted = (self.time(last), last);
            }
            self.every = every;
        }
        self.end = params.duration.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;
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
    fn a_new_pace_counts_from_the_last_code() {
        let params = LatentRandom {
            dimension: 2,
            every: Length::Beats(1.0),
            duration: Length::Seconds(10.0),
            step: 1.0,
        };
        let mut drawing = Drawing {
            every: 0.5,
            ends: true,
            end: Time::from_seconds(10.0),
            code: vec![0.0; 2],
            drawn: 3,
            counted: (0.0, 0),
            rng: ChaCha8Rng::seed_from_u64(1),
        };
        assert_eq!(drawing.time(3), 1.5);
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        drawing.changed(&params, &slow).unwrap();
        assert_eq!([drawing.time(3), drawing.time(4)], [2.0, 3.0]);
        // What changes no pace changes no time, not by a rounding either.
        drawing.changed(&params, &slow).unwrap();
        assert_eq!(drawing.counted, (1.0, 2));
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(draw(3, 1.0), draw(3, 1.0));
        assert_ne!(draw(3, 1.0), draw(4, 1.0));
    }
}
