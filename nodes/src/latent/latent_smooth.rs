//! Smooths a code over time.

use std::sync::Arc;

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Length, Node, NodeError, Param, Payload, Port, PortType,
    Processor, Time, Transport, Value,
};
use serde::Deserialize;

use crate::half_life::{followed, half_life_of};
use crate::live;

const LATENT: usize = 0;

/// The cutoff at which the speed of the code is itself smoothed, as Casiez, Roussel and Vogel (2012) set it.
const SPEED_CUTOFF: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    HalfLife,
    OneEuro,
}

/// `latent_smooth`.
#[derive(Deserialize)]
pub(crate) struct LatentSmooth {
    method: Method,
    half_life: Length,
    cutoff: f64,
    speed_gain: f64,
}

impl Node for LatentSmooth {
    fn descriptor() -> Descriptor {
        Descriptor::new("latent", "latent_smooth", "Smooths a code over time")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "cuts": cut_detector(),
                    "calm": latent_smooth(half_life: seconds(0.5)),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> calm -> tune -> notes", "film -> cuts", "cuts.cut -> calm.cut"]"#,
            )
            .details(
                "Both methods are exponential moving averages that follow media time, so that the result does not \
                 depend on the frame rate. `half_life`: after that time, half of a jump has been followed; 0 changes \
                 nothing. `one_euro` (Casiez, Roussel and Vogel 2012): still pictures are smoothed strongly, with \
                 `cutoff`, and the faster the code moves, the less it lags: the cutoff grows by `speed_gain` for \
                 every unit a second that its components move on average.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the code"))
            .input(Port::new("cut", PortType::Event, "the code from here on is taken as it is: nothing glides over a cut").optional())
            .output(Port::new("latent", PortType::Latent(None), "the code, smoothed"))
            .param(Param::choice("method", &["half_life", "one_euro"], "how to smooth").default("half_life"))
            .param(Param::length("half_life", (0.0, 600.0), "time to follow half of a jump").default(0.5).live())
            .param(Param::number("cutoff", (0.001, 100.0), "of `one_euro`, at rest").unit("Hz").default(0.3).live())
            .param(Param::number("speed_gain", (0.0, 100.0), "of `one_euro`: how fast it lets go").default(0.5).live())
            .follows_tempo()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(arrives) = check.input_type("latent").cloned() {
            check.set_output("latent", arrives);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Smoothing {
            method: self.method,
            half_life: self.half_life.at(build.transport).seconds(),
            cutoff: self.cutoff,
            speed_gain: self.speed_gain,
            transport: build.transport.clone(),
            state: None,
            raw: None,
            cut: None,
        }))
    }
}

struct Smoothing {
    method: Method,
    /// Seconds.
    half_life: f64,
    /// Hz.
    cutoff: f64,
    speed_gain: f64,
    transport: Transport,
    state: Option<State>,
    /// The latest code as it came.
    raw: Option<(Time, Arc<[f32]>)>,
    /// A cut whose first code has not come yet.
    cut: Option<Time>,
}

struct State {
    time: Time,
    code: Vec<f32>,
    /// Root mean square of the components' speeds, smoothed, a second.
    speed: f64,
}

impl Processor for Smoothing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.port != LATENT {
                self.hear_of_cut(io, time)?;
                continue;
            }
            let code = input.packet.latent()?;
            if self.cut.is_some_and(|cut| time >= cut) {
                self.cut = None;
                self.state = None;
            }
            self.raw = Some((time, code.clone()));
            let smoothed = match self.state.take() {
                Some(mut state) => {
                    self.follow(&mut state, time, code);
                    let smoothed = state.code.as_slice().into();
                    self.state = Some(state);
                    smoothed
                }
                None => {
                    self.state = Some(State {
                        time,
                        code: code.to_vec(),
                        speed: 0.0,
                    });
                    code.clone()
                }
            };
            io.send(LATENT, time, Payload::Latent(smoothed))?;
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match name {
            "half_life" => {
                self.half_life = live::length(name, value, &self.transport)?.seconds();
            }
            "cutoff" => self.cutoff = live::number(name, value)?,
            "speed_gain" => self.speed_gain = live::number(name, value)?,
            _ => return Err(live::not_live(name)),
        }
        Ok(())
    }
}

impl Smoothing {
    /// A cut came at `time`: the code from there on counts at once, also when it was smoothed already.
    fn hear_of_cut(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let Some((came, code)) = self.raw.clone().filter(|(came, _)| *came >= time) else {
            self.cut = Some(time);
            return Ok(());
        };
        self.state = Some(State {
            time: came,
            code: code.to_vec(),
            speed: 0.0,
        });
        // In a render the join gives the cut before the code of the same time, or after it: at that time still.
        io.send(LATENT, came, Payload::Latent(code))
    }

    /// Moves the state towards `code`.
    fn follow(&self, state: &mut State, time: Time, code: &[f32]) {
        let seconds = (time - state.time).seconds();
        if seconds <= 0.0 {
            return;
        }
        let half_life = match self.method {
            Method::HalfLife => self.half_life,
            Method::OneEuro => {
                let squares: f64 = (state.code.iter().zip(code))
                    .map(|(held, new)| f64::from(new - held).powi(2))
                    .sum();
                let speed = (squares / code.len().max(1) as f64).sqrt() / seconds;
                state.speed += f64::from(followed(seconds, half_life_of(SPEED_CUTOFF)))
                    * (speed - state.speed);
                half_life_of(self.cutoff + self.speed_gain * state.speed)
            }
        };
        let share = followed(seconds, half_life);
        for (held, new) in state.code.iter_mut().zip(code) {
            *held += share * (new - *held);
        }
        state.time = time;
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Event;
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

    /// How far a code gets within `seconds`, at 25 pictures a second, that is 0 and then moves to `target` at
    /// once, and whether it trembles by ±0.05 all the time.
    fn one_euro(target: f32, tremble: f32, seconds: f64) -> Vec<f32> {
        let packets = (0..(seconds * 25.0) as u32)
            .map(|n| {
                let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
                let value = if n == 0 { 0.0 } else { target } + sign * tremble;
                (Time::from_seconds(f64::from(n) / 25.0), code(&[value]))
            })
            .collect();
        Harness::<LatentSmooth>::new(json!({ "method": "one_euro" }))
            .feed(
                "latent",
                PortType::Latent(Some(1)),
                packets,
                Time::from_seconds(seconds),
            )
            .run()
            .unwrap()
            .packets("latent")
            .iter()
            .map(|packet| packet.latent().unwrap()[0])
            .collect()
    }

    #[test]
    fn one_euro_follows_a_large_jump_sooner_than_a_small_one_and_stills_trembling() {
        let share = |target: f32| one_euro(target, 0.0, 0.5).last().unwrap() / target;
        assert!(
            share(4.0) > 0.95 && share(4.0) > share(0.1) + 0.1,
            "{} {}",
            share(4.0),
            share(0.1)
        );
        let still = &one_euro(0.0, 0.05, 4.0)[50..];
        assert!(still.iter().all(|value| value.abs() < 0.01), "{still:?}");
    }

    /// What comes out when the code jumps from 0 to 1 at 0.5 s, where a cut is told at `cut` seconds.
    fn over_a_cut(cut: f64) -> Vec<f32> {
        let packets = (0..10).map(|n| {
            let value = if n < 5 { 0.0 } else { 1.0 };
            (Time::from_seconds(f64::from(n) / 10.0), code(&[value]))
        });
        let event = Event {
            name: "cut".to_owned(),
            strength: 1.0,
        };
        let cuts = vec![(Time::from_seconds(cut), Payload::Event(Arc::new(event)))];
        let end = Time::from_seconds(1.0);
        Harness::<LatentSmooth>::new(json!({ "half_life": { "seconds": 10 } }))
            .feed("latent", PortType::Latent(Some(1)), packets.collect(), end)
            .feed("cut", PortType::Event, cuts, end)
            .run()
            .unwrap()
            .packets("latent")
            .iter()
            .map(|packet| packet.latent().unwrap()[0])
            .collect()
    }

    #[test]
    fn nothing_glides_over_a_cut() {
        // Told before the code that follows it, or with it, which the join hands on after it.
        for cut in [0.45, 0.5] {
            let codes = over_a_cut(cut);
            assert!(
                codes[..5].iter().all(|code| *code == 0.0),
                "{cut}: {codes:?}"
            );
            assert_eq!(codes[codes.len() - 1], 1.0, "{cut}: {codes:?}");
        }
        let elsewhere = over_a_cut(0.2);
        assert!(elsewhere[elsewhere.len() - 1] < 0.1, "{elsewhere:?}");
    }
}
