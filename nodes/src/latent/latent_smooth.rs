//! Smooths a code over time.

use std::sync::Arc;

use score_engine::{
    Build, Check, Choice, Descriptor, Event, Flow, InputPort, Io, Latent, Length, Node, NodeError,
    OutputPort, Params, Processor, Time, Transport,
};

use crate::half_life::{approach, followed, half_life_of};

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
const CUT: InputPort<Event> = InputPort::new(
    1,
    "cut",
    "the latent from here on is taken as it is: nothing glides over a cut",
)
.optional();
const SMOOTHED: OutputPort<Latent> = OutputPort::new(0, "latent", "the latent, smoothed");

/// The cutoff at which the speed of the code is itself smoothed, as Casiez, Roussel and Vogel
/// (2012) set it.
const SPEED_CUTOFF: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Method {
    HalfLife,
    OneEuro,
}

/// `latent_smooth`.
#[derive(Clone, Params)]
pub(crate) struct LatentSmooth {
    /// how to smooth
    #[param(live, default = Method::HalfLife)]
    method: Method,
    /// time to follow half of a jump
    #[param(live, range = 0.0..=600.0, span = 0.05..=5.0, log, default = Length::Seconds(0.5))]
    half_life: Length,
    /// of `one_euro`, at rest
    #[param(live, range = 0.001..=100.0, span = 0.01..=10.0, log, unit = "Hz", default = 0.3)]
    cutoff: f64,
    /// of `one_euro`: how fast it lets go
    #[param(live, range = 0.0..=100.0, span = 0.0..=2.0, default = 0.5)]
    speed_gain: f64,
}

impl Node for LatentSmooth {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_smooth", "Smooths a latent over time")
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
                "Both methods are exponential moving averages that follow media time, so that the \
                 result does not depend on the frame rate. `half_life`: after that time, half of a \
                 jump has been followed; 0 changes nothing. `one_euro` (Casiez, Roussel and Vogel \
                 2012): still pictures are smoothed strongly, with `cutoff`, and the faster the \
                 latent moves, the less it lags: the cutoff grows by `speed_gain` for every unit a \
                 second that its components move on average.",
            )
            .input(CODE)
            .input(CUT)
            .output(SMOOTHED)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(arrives) = check.input_type(CODE).cloned() {
            check.set_output(SMOOTHED, arrives);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Smoothing {
            half_life: self.half_life.at(build.transport).seconds(),
            state: None,
            raw: None,
            cut: None,
        }))
    }
}

struct Smoothing {
    /// Seconds.
    half_life: f64,
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

impl Processor<LatentSmooth> for Smoothing {
    fn process(&mut self, params: &LatentSmooth, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(CUT) {
                self.cut(io, time)?;
                continue;
            }
            let code = input.read(CODE)?;
            if self.cut.is_some_and(|cut| time >= cut) {
                self.cut = None;
                self.state = None;
            }
            self.raw = Some((time, code.clone()));
            let smoothed = match self.state.take() {
                Some(mut state) => {
                    self.follow(params, &mut state, time, code);
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
            io.send(SMOOTHED, time, smoothed)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &LatentSmooth, transport: &Transport) -> Result<(), NodeError> {
        self.half_life = params.half_life.at(transport).seconds();
        Ok(())
    }
}

impl Smoothing {
    /// A cut came at `time`: the code from there on counts at once, even where it was already
    /// smoothed.
    fn cut(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let Some((came, code)) = self.raw.clone().filter(|(came, _)| *came >= time) else {
            self.cut = Some(time);
            return Ok(());
        };
        self.state = Some(State {
            time: came,
            code: code.to_vec(),
            speed: 0.0,
        });
        // In a render the join may give the cut after the code of the same time: the code is sent
        // once more at that time.
        io.send(SMOOTHED, came, code)
    }

    /// Moves the state towards `code`.
    fn follow(&self, params: &LatentSmooth, state: &mut State, time: Time, code: &[f32]) {
        let seconds = (time - state.time).seconds();
        if seconds <= 0.0 {
            return;
        }
        let half_life = match params.method {
            Method::HalfLife => self.half_life,
            Method::OneEuro => {
                let squares: f64 = (state.code.iter().zip(code))
                    .map(|(held, new)| f64::from(new - held).powi(2))
                    .sum();
                let speed = (squares / code.len().max(1) as f64).sqrt() / seconds;
                if speed.is_finite() {
                    state.speed += f64::from(followed(seconds, half_life_of(SPEED_CUTOFF)))
                        * (speed - state.speed);
                }
                half_life_of(params.cutoff + params.speed_gain * state.speed)
            }
        };
        let share = followed(seconds, half_life);
        for (held, new) in state.code.iter_mut().zip(code) {
            approach(held, *new, share);
        }
        state.time = time;
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType};
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

    /// What comes out within `seconds`, at 25 pictures a second, of a code that is 0 and then jumps
    /// to `target`, and trembles by ±`tremble` all the time.
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

    #[test]
    fn a_code_that_is_not_a_number_is_forgotten_with_the_next() {
        for method in ["half_life", "one_euro"] {
            let values = [0.0, f32::NAN, 1.0, f32::INFINITY, 1.0, 1.0];
            let packets = (0..).zip(values).map(|(n, value)| {
                let time = Time::from_seconds(f64::from(n));
                (time, code(&[value]))
            });
            let outputs = Harness::<LatentSmooth>::new(json!({ "method": method }))
                .feed(
                    "latent",
                    PortType::Latent(Some(1)),
                    packets.collect(),
                    Time::from_seconds(6.0),
                )
                .run()
                .unwrap();
            let last = outputs.packets("latent").last().unwrap();
            let value = last.latent().unwrap()[0];
            assert!((value - 1.0).abs() < 0.1, "{method}: {value}");
        }
    }

    /// What comes out when the code jumps from 0 to 1 at 0.5 s, with a cut at `cut` seconds.
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
        // Before the code that follows it, or at its time; the join then gives the code first.
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
