//! Goes up and down by itself: a low-frequency oscillator.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use score_engine::{
    Build, Choice, Control, Descriptor, Flow, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use crate::ticks::{Course, Grid, Next};

const VALUE: OutputPort<Control> = OutputPort::new(0, "value", "from `low` to `high`");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Shape {
    Sine,
    Triangle,
    Saw,
    Square,
    Random,
}

/// `lfo`.
#[derive(Clone, Params)]
pub(crate) struct Lfo {
    /// the form of a cycle
    #[param(live, default = Shape::Sine)]
    shape: Shape,
    /// time that a cycle takes
    #[param(live, range = 0.01..=86_400.0, span = 0.1..=60.0, log, default = Length::Beats(4.0))]
    every: Length,
    /// cycles a second, in place of `every`
    #[param(live, range = 0.00001..=50.0, span = 0.02..=10.0, log, unit = "Hz")]
    rate: Option<f64>,
    /// where in the cycle it begins, as a share of it
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    phase: f64,
    /// the least
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 0.0)]
    low: f64,
    /// the most
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 1.0)]
    high: f64,
    /// numbers that are sent
    #[param(live, range = 1.0..=1000.0, span = 10.0..=100.0, log, unit = "Hz", default = 50.0)]
    updates: f64,
    /// time until the end of a render; left out: as long as its readers go on
    #[param(live, range = 0.001..=86_400.0, span = 1.0..=600.0, log)]
    duration: Option<Length>,
}

impl Node for Lfo {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "lfo", "Goes up and down by itself")
            .example(
                r#"nodes: {
                    "codes": latent_random(dimension: 64),
                    "tide": lfo(every: beats(16), low: 0.2, high: 0.9),
                    "calm": latent_smooth(),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "tide.mid"),
                },
                wires: ["codes -> calm -> tune -> notes", "tide -> tune.temperature"]"#,
            )
            .details(
                "`every` in beats keeps to the transport: a cycle of `beats(4)` begins with each bar of 4/4, and goes on \
                 where it is when the tempo changes. In seconds, or with `rate`, it counts from the start of the run, and \
                 another length goes on from where the cycle is. Sine, triangle and saw begin at `low`, a square with its \
                 high half; `random` holds a number for a cycle and then draws another, as the patch's seed decides. \
                 `low` may be the higher one.\n\n\
                 It has no end of its own: a render ends with everything else. Where nothing else comes into what it \
                 steers, `duration` says when.",
            )
            .output(VALUE)
            .light()
            .in_bars()
            .endless_unless("duration")
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Swinging {
            seed: build.rng().next_u64(),
            transport: build.transport.clone(),
            grid: Grid::of_rate(self.updates, build.transport),
            course: Course::new(build.ends),
            cycle: Cycle::of(self),
            counted: (Time::ZERO, 0.0),
            sent: Time::ZERO,
        }))
    }
}

/// How long a cycle is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cycle {
    /// In quarter notes, on the transport's grid.
    Beats(f64),
    Seconds(f64),
}

impl Cycle {
    fn of(params: &Lfo) -> Self {
        match (params.rate, params.every) {
            (Some(rate), _) => Cycle::Seconds(1.0 / rate),
            (None, Length::Seconds(seconds)) => Cycle::Seconds(seconds),
            (None, Length::Beats(beats)) => Cycle::Beats(beats),
        }
    }
}

struct Swinging {
    seed: u64,
    transport: Transport,
    grid: Grid,
    course: Course,
    cycle: Cycle,
    /// Of a cycle in seconds: a time, and the cycles that had passed by then.
    counted: (Time, f64),
    /// The time of what was sent last.
    sent: Time,
}

impl Swinging {
    /// How many cycles have passed at `time`.
    fn cycles(&self, time: Time) -> f64 {
        match self.cycle {
            Cycle::Beats(beats) => self.transport.position(time) / beats,
            Cycle::Seconds(seconds) => {
                let (from, passed) = self.counted;
                passed + (time - from).seconds() / seconds
            }
        }
    }

    /// The number at `time`.
    fn at(&self, params: &Lfo, time: Time) -> f32 {
        let cycles = self.cycles(time) + params.phase;
        // What falls short of a cycle by a rounding is one.
        let number = (cycles + 1e-9).floor();
        let place = (cycles - number).clamp(0.0, 1.0);
        let share = match params.shape {
            Shape::Sine => 0.5 - 0.5 * (TAU * place).cos(),
            Shape::Triangle => 1.0 - (2.0 * place - 1.0).abs(),
            Shape::Saw => place,
            Shape::Square => f64::from(u8::from(place < 0.5)),
            Shape::Random => self.drawn(number as i64),
        };
        (params.low + (params.high - params.low) * share) as f32
    }

    /// What cycle `number` holds, 0 to 1: the same whenever it is asked for.
    fn drawn(&self, number: i64) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number.cast_unsigned());
        f64::from(rng.next_u32()) / f64::from(u32::MAX)
    }
}

impl Processor<Lfo> for Swinging {
    fn process(&mut self, params: &Lfo, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let end = params.duration.map(|duration| duration.at(&self.transport));
        match self.course.next(io, &self.grid, end) {
            Next::Send(time) => {
                self.sent = time;
                io.send_captured_now(VALUE, time, self.at(params, time))?;
                Ok(Flow::Continue)
            }
            Next::Wait(time) => Ok(Flow::WakeAt(time)),
            Next::End(time) => {
                io.end_at(time);
                Ok(Flow::Done)
            }
        }
    }

    fn changed(&mut self, params: &Lfo, transport: &Transport) -> Result<(), NodeError> {
        let cycle = Cycle::of(params);
        if cycle != self.cycle {
            // A cycle goes on from where it is; one in beats lies where the bars do.
            self.counted = (self.sent, self.cycles(self.sent));
            self.cycle = cycle;
        }
        self.transport = transport.clone();
        self.grid = Grid::of_rate(params.updates, transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Value;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, told};

    /// Two seconds, that is four beats, eight numbers a second.
    fn swung(mut params: Value) -> Outputs {
        params["updates"] = json!(8);
        params["duration"] = json!({ "beats": 4 });
        alike(|| Harness::<Lfo>::new(params.clone()).until(at(2.0)))
    }

    fn values(outputs: &Outputs) -> Vec<f32> {
        told(outputs, "value")
            .into_iter()
            .map(|(_, value)| value)
            .collect()
    }

    #[test]
    fn each_shape_goes_through_its_cycle_at_a_fixed_rate() {
        let half = |shape: &str| {
            let outputs = swung(json!({ "shape": shape, "every": { "beats": 2 } }));
            let told = told(&outputs, "value");
            let times = told.iter().map(|(time, _)| *time);
            assert!(times.eq((0..16).map(|n| n * 125)), "{told:?}");
            assert_eq!(outputs.end("value"), Some(at(2.0)));
            let values = values(&outputs);
            assert_eq!(values[..8], values[8..], "both cycles are alike");
            values[..8].to_vec()
        };
        let saw = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
        assert_eq!(half("saw"), saw);
        assert_eq!(
            half("triangle"),
            [0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]
        );
        assert_eq!(half("square"), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let sine = half("sine");
        for (place, wanted) in [(0, 0.0), (2, 0.5), (4, 1.0), (6, 0.5)] {
            assert!((sine[place] - wanted).abs() < 1e-6, "{sine:?}");
        }
    }

    #[test]
    fn a_rate_in_hertz_counts_from_the_start_and_low_may_be_high() {
        let params = json!({ "shape": "saw", "rate": 0.5, "phase": 0.25, "low": 1, "high": -1 });
        let found = values(&swung(params));
        assert_eq!(found[..3], [0.5, 0.375, 0.25]);
        assert_eq!(found[12], 1.0, "a cycle ends after 1.5 s");
    }

    #[test]
    fn random_holds_a_number_for_a_cycle_and_the_seed_decides() {
        let params = json!({ "shape": "random", "every": { "beats": 1 } });
        let found = values(&swung(params.clone()));
        let held: Vec<f32> = found.chunks(4).map(|cycle| cycle[0]).collect();
        assert!(
            found
                .chunks(4)
                .all(|cycle| cycle.iter().all(|value| *value == cycle[0]))
        );
        assert!(held.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(held[0] != held[1] && held[1] != held[2], "{held:?}");
        assert_eq!(values(&swung(params.clone())), found);
        let mut params = params;
        params["duration"] = json!({ "beats": 4 });
        let transport = Transport {
            seed: 1,
            ..Transport::default()
        };
        let other = Harness::<Lfo>::new(params)
            .transport(transport)
            .run()
            .unwrap();
        assert_ne!(values(&other)[0], found[0]);
    }

    #[test]
    fn another_rate_goes_on_from_where_the_cycle_is_and_another_tempo_keeps_the_bars() {
        let params = json!({ "shape": "saw", "rate": 0.5, "updates": 10 });
        let outputs = Harness::<Lfo>::new(params)
            .set_live(at(0.55), "rate", 0.05)
            .until(at(1.05))
            .play_live()
            .unwrap();
        let found = values(&outputs);
        assert!((found[5] - 0.25).abs() < 1e-6);
        assert!(
            (found[6] - 0.255).abs() < 1e-6 && (found[10] - 0.275).abs() < 1e-6,
            "{found:?}"
        );

        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        let params = json!({ "shape": "saw", "every": { "beats": 4 }, "updates": 4 });
        let outputs = Harness::<Lfo>::new(params)
            .retime(at(1.0), slow)
            .until(at(2.1))
            .play_live()
            .unwrap();
        // Two beats in the first second, one in the next.
        let found = told(&outputs, "value");
        assert!(
            found
                .iter()
                .any(|(time, value)| *time == 1000 && (value - 0.5).abs() < 1e-6)
        );
        assert!(
            found
                .iter()
                .any(|(time, value)| *time == 2000 && (value - 0.75).abs() < 1e-6)
        );
    }

    #[test]
    fn without_an_end_a_render_that_hears_nothing_else_is_refused() {
        let why = Harness::<Lfo>::new(json!({}))
            .run()
            .unwrap_err()
            .to_string();
        assert!(why.contains("would never end"), "{why}");
    }
}
