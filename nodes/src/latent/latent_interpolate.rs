//! Glides from code to code: music without a film that goes somewhere.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::{
    Build, Check, Descriptor, Flow, Io, Latent, Length, Node, NodeError, OutputPort, Params,
    PortType, Processor, Time, Transport,
};

use super::slerp::slerp;

const CODES: OutputPort<Latent> = OutputPort::new(0, "latent", "the latents");

/// `latent_interpolate`.
#[derive(Clone, Params)]
pub(crate) struct LatentInterpolate {
    /// latents to pass, each a list of components
    #[param(live, range = -1000.0..=1000.0, default = Vec::new())]
    codes: Vec<Vec<f32>>,
    /// latents to draw
    #[param(live, range = 0..=10_000, span = 1.0..=16.0, default = 4)]
    random: usize,
    /// components of a latent
    #[param(
        structural = "the nodes behind take latents of this dimension",
        range = 1..=4096,
        default = 64
    )]
    dimension: usize,
    /// time from one latent to the next
    #[param(live, range = 0.001..=3600.0, span = 0.5..=60.0, log, default = Length::Seconds(8.0))]
    leg: Length,
    /// time between two steps on the way
    #[param(live, range = 0.001..=3600.0, span = 0.02..=2.0, log, default = Length::Seconds(0.5))]
    every: Length,
    /// return to the first latent
    #[param(live, default = false)]
    closed: bool,
}

impl Node for LatentInterpolate {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "latent",
            "latent_interpolate",
            "Glides from latent to latent",
        )
        .example(
            r#"nodes: {
                    "way": latent_interpolate(random: 3, leg: beats(16), every: beats(8)),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "way.mid"),
                },
                wires: ["way -> tune -> notes"]"#,
        )
        .details(
            "Goes through the given latents, then through `random` further ones drawn from N(0, \
                 1) by the patch's seed, on the arcs between them (Shoemake 1985), so that latents \
                 on the way are as long as those at the ends. A given latent that is shorter than \
                 `dimension` is filled up with zeros. `closed` returns to the first at last. Where \
                 the latents change while it plays, it glides to the next of the new ones.",
        )
        .output(CODES)
        .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.codes.len() + self.random == 0 {
            check.refuse(
                "random",
                "there is no latent to pass",
                Some("give `codes`, or `random: 4`".to_owned()),
            );
        }
        if let Some(code) = self.codes.iter().find(|code| code.len() > self.dimension) {
            let message = format!(
                "a latent has {} components, more than `dimension` {}",
                code.len(),
                self.dimension
            );
            check.refuse("codes", message, None);
        }
        check.set_output(CODES, PortType::Latent(Some(self.dimension)));
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rng = build.rng();
        Ok(Box::new(Gliding {
            ends: build.ends,
            way: Way::new(self, rng.clone())?,
            rng,
            leg: self.leg.at(build.transport).seconds(),
            every: self.every.at(build.transport).seconds(),
            sent: 0,
            counted: Counted::default(),
            code: Vec::new(),
            detour: None,
        }))
    }
}

/// The codes on the way, and what they were made of.
struct Way {
    codes: Vec<Vec<f32>>,
    given: Vec<Vec<f32>>,
    random: usize,
    closed: bool,
}

impl Way {
    /// The codes that `params` name; `rng` draws the random ones, the same ones each time.
    ///
    /// # Errors
    /// There are none.
    fn new(params: &LatentInterpolate, mut rng: ChaCha8Rng) -> Result<Self, NodeError> {
        let mut codes = params.codes.clone();
        for code in &mut codes {
            code.resize(params.dimension, 0.0);
        }
        for _ in 0..params.random {
            let drawn = StandardNormal.sample_iter(&mut rng);
            codes.push(drawn.take(params.dimension).collect());
        }
        if codes.is_empty() {
            return Err(
                NodeError::input("there is no latent to pass").help("give `codes`, or `random: 4`")
            );
        }
        if params.closed {
            codes.extend(codes.first().cloned());
        }
        Ok(Way {
            codes,
            given: params.codes.clone(),
            random: params.random,
            closed: params.closed,
        })
    }

    fn is_of(&self, params: &LatentInterpolate) -> bool {
        (self.random, self.closed) == (params.random, params.closed) && self.given == params.codes
    }

    /// How many legs it has. A single code is held for one.
    fn legs(&self) -> f64 {
        self.codes.len().saturating_sub(1).max(1) as f64
    }
}

/// Where times and the way count from: a code that was sent, the last before the pace or the way
/// changed.
#[derive(Default)]
struct Counted {
    seconds: f64,
    sent: u64,
    /// Legs that lay behind.
    passed: f64,
}

/// From a way that was left to the next code of another.
struct Detour {
    from: Vec<f32>,
    /// Legs that lay behind where it began.
    passed: f64,
}

impl Detour {
    /// Legs that lie behind where it ends.
    fn ends(&self) -> f64 {
        self.passed.floor() + 1.0
    }
}

struct Gliding {
    /// Whether it ends with the way; else it begins the way again.
    ends: bool,
    way: Way,
    /// As it is before the random codes are drawn.
    rng: ChaCha8Rng,
    /// Seconds.
    leg: f64,
    /// Seconds.
    every: f64,
    /// Codes that were sent.
    sent: u64,
    counted: Counted,
    /// The last that was sent.
    code: Vec<f32>,
    detour: Option<Detour>,
}

impl Gliding {
    /// The time of the code that is sent as number `sent`, in seconds, and how many legs lie behind
    /// it.
    fn place(&self, sent: u64) -> (f64, f64) {
        let from = &self.counted;
        let passed = (sent - from.sent) as f64 * self.every;
        (from.seconds + passed, from.passed + passed / self.leg)
    }

    /// Goes on to the next code that is sent, after `passed` legs.
    fn step(&mut self, passed: f64) {
        let (codes, index) = (&self.way.codes, passed as usize);
        let last = codes.len().saturating_sub(1);
        let to = &codes[(index + 1).min(last)];
        let goes_on = |detour: &Detour| (detour.passed..detour.ends()).contains(&passed);
        self.detour = self.detour.take().filter(goes_on);
        self.code = match &self.detour {
            Some(detour) => {
                let share = (passed - detour.passed) / (detour.ends() - detour.passed);
                slerp(&detour.from, to, share as f32)
            }
            // A code alone is held as it is.
            None if last == 0 => to.clone(),
            None => slerp(&codes[index.min(last)], to, passed.fract() as f32),
        };
        self.sent += 1;
    }
}

impl Processor<LatentInterpolate> for Gliding {
    fn process(&mut self, _params: &LatentInterpolate, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let legs = self.way.legs();
        let (seconds, passed) = self.place(self.sent);
        let end = self.counted.seconds + (legs - self.counted.passed) * self.leg;
        if seconds >= end && self.ends {
            io.end_at(Time::from_seconds(end));
            return Ok(Flow::Done);
        }
        self.step(passed % legs);
        io.send_captured_now(CODES, Time::from_seconds(seconds), self.code.as_slice())?;
        Ok(Flow::Continue)
    }

    /// A new pace goes on from where the last code was; another way is reached by a glide to its
    /// next code.
    fn changed(
        &mut self,
        params: &LatentInterpolate,
        transport: &Transport,
    ) -> Result<(), NodeError> {
        let leg = params.leg.at(transport).seconds();
        let every = params.every.at(transport).seconds();
        let way = match self.way.is_of(params) {
            true => None,
            false => Some(Way::new(params, self.rng.clone())?),
        };
        if way.is_none() && (leg, every) == (self.leg, self.every) {
            return Ok(());
        }
        if let Some(last) = self.sent.checked_sub(1) {
            let (seconds, passed) = self.place(last);
            let legs = way.as_ref().unwrap_or(&self.way).legs();
            self.counted = Counted {
                seconds,
                sent: last,
                passed: passed % self.way.legs() % legs,
            };
            if way.is_some() {
                self.detour = Some(Detour {
                    from: self.code.clone(),
                    passed: self.counted.passed,
                });
            }
        }
        if let Some(way) = way {
            self.way = way;
        }
        (self.leg, self.every) = (leg, every);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;

    fn glide(params: Value) -> (Vec<Vec<f32>>, Option<Time>) {
        let outputs = Harness::<LatentInterpolate>::new(params).run().unwrap();
        let codes = outputs
            .packets("latent")
            .iter()
            .map(|packet| packet.latent().unwrap().to_vec())
            .collect();
        (codes, outputs.end("latent"))
    }

    #[test]
    fn the_way_passes_every_given_code_at_its_time_on_an_arc() {
        let (codes, end) = glide(json!({
            "codes": [[2.0], [0.0, 2.0]], "random": 0, "dimension": 2, "leg": {"seconds": 1}, "every": {"seconds": 0.5},
            "closed": true
        }));
        assert_eq!(end, Some(Time::from_seconds(2.0)));
        let root = 2.0_f32.sqrt();
        let wanted = [[2.0, 0.0], [root, root], [0.0, 2.0], [root, root]];
        for (code, wanted) in codes.iter().zip(&wanted) {
            assert!(
                (code[0] - wanted[0]).abs() < 1e-5 && (code[1] - wanted[1]).abs() < 1e-5,
                "{codes:?}"
            );
        }
        assert_eq!(codes.len(), 4);
    }

    #[test]
    fn there_are_as_many_random_codes_as_requested() {
        let (codes, end) =
            glide(json!({ "random": 3, "leg": {"seconds": 2}, "every": {"seconds": 2} }));
        assert_eq!((codes.len(), end), (2, Some(Time::from_seconds(4.0))));
        assert_eq!(codes[0].len(), 64);
        assert_ne!(codes[0], codes[1]);
    }

    #[test]
    fn a_code_alone_is_held() {
        let (codes, end) = glide(json!({
            "codes": [[1.0]], "random": 0, "dimension": 1, "leg": {"seconds": 1}, "every": {"seconds": 0.5}
        }));
        assert_eq!(
            (codes, end),
            (vec![vec![1.0], vec![1.0]], Some(Time::from_seconds(1.0)))
        );
    }

    /// A way between 1 and 3 and back, a second for each leg and a quarter of one for each step,
    /// after three steps; with its parameters.
    fn begun() -> (Gliding, LatentInterpolate) {
        let params = LatentInterpolate {
            codes: vec![vec![1.0], vec![3.0]],
            random: 0,
            dimension: 1,
            leg: Length::Beats(2.0),
            every: Length::Seconds(0.25),
            closed: true,
        };
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut gliding = Gliding {
            ends: true,
            way: Way::new(&params, rng.clone()).unwrap(),
            rng,
            leg: 1.0,
            every: 0.25,
            sent: 0,
            counted: Counted::default(),
            code: Vec::new(),
            detour: None,
        };
        assert_eq!(next(&mut gliding, 3), [(0.0, 1.0), (0.25, 1.5), (0.5, 2.0)]);
        (gliding, params)
    }

    /// The next steps: when, and the code's first component.
    fn next(gliding: &mut Gliding, steps: usize) -> Vec<(f64, f32)> {
        let step = |_| {
            let (seconds, passed) = gliding.place(gliding.sent);
            gliding.step(passed % gliding.way.legs());
            (seconds, gliding.code[0])
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn another_pace_goes_on_from_where_the_way_is() {
        let (mut gliding, params) = begun();
        // Two beats last two seconds now.
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        gliding.changed(&params, &slow).unwrap();
        assert_eq!(next(&mut gliding, 2), [(0.75, 2.25), (1.0, 2.5)]);
        let params = LatentInterpolate {
            every: Length::Seconds(1.0),
            ..params
        };
        gliding.changed(&params, &slow).unwrap();
        assert_eq!(next(&mut gliding, 3), [(2.0, 2.5), (3.0, 1.5), (4.0, 1.5)]);
    }

    #[test]
    fn another_way_is_reached_by_a_glide_to_its_next_code() {
        let (mut gliding, params) = begun();
        let params = LatentInterpolate {
            codes: vec![vec![0.0], vec![9.0], vec![1.0]],
            ..params
        };
        gliding.changed(&params, &Transport::default()).unwrap();
        let wanted = [(0.75, 5.5), (1.0, 9.0), (1.25, 7.0)];
        assert_eq!(next(&mut gliding, 3), wanted);
        let nothing = LatentInterpolate {
            codes: Vec::new(),
            ..params
        };
        let refused = gliding.changed(&nothing, &Transport::default());
        assert!(refused.is_err());
        assert_eq!(next(&mut gliding, 1), [(1.5, 5.0)], "the old way stays");
    }

    #[test]
    fn a_way_without_codes_is_refused() {
        let refused = Harness::<LatentInterpolate>::new(json!({ "random": 0 }))
            .run()
            .unwrap_err();
        assert_eq!(refused.to_string(), "there is no latent to pass");
    }
}
