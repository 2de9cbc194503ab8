//! Smooths a number: it rises and falls in times of its own.

use score_engine::{
    Build, Control, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use crate::half_life::followed;
use crate::ticks::has_passed;

const VALUE: InputPort<Control> = InputPort::new(0, "value", "the number");
const SMOOTHED: OutputPort<Control> = OutputPort::new(0, "value", "the number, smoothed");

/// While it moves and nothing comes in, it sends where it is so often.
const STEP: Time = Time::from_nanos(20_000_000);

/// What is this near, as a share of the way, is there.
const NEAR: f64 = 1e-4;

/// `smooth`.
#[derive(Clone, Params)]
pub(crate) struct Smooth {
    /// time to follow half of a jump upwards
    #[param(live, range = 0.0..=600.0, span = 0.01..=10.0, log, default = Length::Seconds(0.1))]
    rise: Length,
    /// time to follow half of a jump downwards
    #[param(live, range = 0.0..=600.0, span = 0.01..=10.0, log, default = Length::Seconds(0.5))]
    fall: Length,
}

impl Node for Smooth {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "smooth", "Lets a number rise and fall gently")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(smooth: 0),
                    "calm": smooth(rise: 0.05, fall: 2),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> calm -> tune -> notes"]"#,
            )
            .details(
                "`rise` and `fall` are half-lives: after that time half of the way is left, after twice the time a \
                 quarter; 0 follows at once. It goes by media time, whatever the rate at which numbers come in, and \
                 goes on after the last of them: while it moves, it sends 50 numbers a second. The first number is taken \
                 as it is. What is not a number, or infinite, changes nothing.",
            )
            .input(VALUE)
            .output(SMOOTHED)
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Smoothing {
            ends: build.ends,
            rise: self.rise.at(build.transport).seconds(),
            fall: self.fall.at(build.transport).seconds(),
            state: None,
        }))
    }
}

struct Smoothing {
    ends: bool,
    /// Half-lives in seconds.
    rise: f64,
    fall: f64,
    state: Option<State>,
}

/// Where the number is on its way.
struct State {
    time: Time,
    /// More exact than what is sent: the step of a slow way may be too small for that.
    value: f64,
    /// Where it goes to, and where it began to.
    goal: f32,
    from: f64,
}

impl State {
    /// Moves on to `time`.
    fn move_to(&mut self, time: Time, (rise, fall): (f64, f64)) {
        let goal = f64::from(self.goal);
        let half_life = if goal > self.value { rise } else { fall };
        let seconds = (time - self.time).seconds();
        if seconds > 0.0 {
            self.value += f64::from(followed(seconds, half_life)) * (goal - self.value);
            self.time = time;
        }
        let is_near = (goal - self.value).abs() <= NEAR * (goal - self.from).abs();
        if is_near || self.sent() == self.goal {
            self.value = goal;
        }
    }

    /// What is sent of it.
    fn sent(&self) -> f32 {
        self.value as f32
    }

    /// When it sends next by itself.
    fn next(&self) -> Option<Time> {
        (self.value != f64::from(self.goal)).then(|| self.time + STEP)
    }
}

impl Processor<Smooth> for Smoothing {
    fn process(&mut self, _params: &Smooth, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let came = *input.read(VALUE)?;
            let time = input.heard;
            self.step(io, |_, step| step < time)?;
            let half_lives = (self.rise, self.fall);
            let state = match &mut self.state {
                Some(state) => {
                    state.move_to(time, half_lives);
                    if came.is_finite() && came != state.goal {
                        (state.goal, state.from) = (came, state.value);
                        // What needs no time is there.
                        let came = f64::from(came);
                        let half_life = if came > state.value {
                            self.rise
                        } else {
                            self.fall
                        };
                        if half_life <= 0.0 {
                            state.value = came;
                        }
                    }
                    state
                }
                None if came.is_finite() => self.state.insert(State {
                    time,
                    value: came.into(),
                    goal: came,
                    from: came.into(),
                }),
                None => continue,
            };
            io.send(SMOOTHED, time, state.sent())?;
        }
        let ends = self.ends;
        self.step(io, |io, step| has_passed(io, ends, step))?;
        let next = self.state.as_ref().and_then(State::next);
        Ok(next.map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, _params: &Smooth, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        self.step(io, |_, step| step < end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.state.as_ref().and_then(State::next)
    }

    fn changed(&mut self, params: &Smooth, transport: &Transport) -> Result<(), NodeError> {
        self.rise = params.rise.at(transport).seconds();
        self.fall = params.fall.at(transport).seconds();
        Ok(())
    }
}

impl Smoothing {
    /// Sends where the number is at each step that is due.
    fn step(
        &mut self,
        io: &mut Io<'_>,
        is_due: impl Fn(&Io<'_>, Time) -> bool,
    ) -> Result<(), NodeError> {
        let half_lives = (self.rise, self.fall);
        let Some(state) = &mut self.state else {
            return Ok(());
        };
        while let Some(next) = state.next().filter(|next| is_due(io, *next)) {
            state.move_to(next, half_lives);
            io.send(SMOOTHED, next, state.sent())?;
            if io.stop_requested() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, numbers, told};

    fn smoothed(params: &Value, fed: &[(f64, f32)], end: f64) -> Outputs {
        alike(|| {
            let harness = Harness::<Smooth>::new(params.clone());
            harness.feed("value", PortType::Control, numbers(fed), at(end))
        })
    }

    fn value_at(outputs: &Outputs, milliseconds: i64) -> f32 {
        let told = told(outputs, "value");
        let found = told.iter().rev().find(|(time, _)| *time <= milliseconds);
        found.unwrap().1
    }

    #[test]
    fn a_jump_is_followed_by_half_in_the_half_life_of_its_direction() {
        let params = json!({ "rise": { "seconds": 0.1 }, "fall": { "beats": 1 } });
        let outputs = smoothed(&params, &[(0.0, 0.0), (1.0, 1.0), (3.0, 0.0)], 5.0);
        assert!((value_at(&outputs, 1100) - 0.5).abs() < 1e-4);
        assert!((value_at(&outputs, 1200) - 0.75).abs() < 1e-4);
        assert_eq!(value_at(&outputs, 2999), 1.0);
        // A beat at 120 a minute is half a second.
        assert!((value_at(&outputs, 3500) - 0.5).abs() < 1e-4);
        assert_eq!(outputs.end("value"), Some(at(5.0)));
    }

    #[test]
    fn it_goes_on_after_the_last_number_and_falls_silent_once_it_is_there() {
        let params = json!({ "rise": { "seconds": 0.02 } });
        let outputs = smoothed(&params, &[(0.0, 0.0), (0.1, 1.0)], 10.0);
        let told = told(&outputs, "value");
        assert_eq!(told[..4], [(0, 0.0), (100, 0.0), (120, 0.5), (140, 0.75)]);
        assert_eq!(told.last(), Some(&(380, 1.0)));
        assert_eq!(told.len(), 16);
    }

    /// Near its goal, a slow step is smaller than what `f32` can tell of such a number.
    #[test]
    fn a_slow_number_arrives_and_falls_silent_too() {
        let slow = (600.0, 600.0);
        let mut state = State {
            time: at(0.0),
            value: 0.0,
            goal: 1e6,
            from: 0.0,
        };
        let next_up = 1e6_f32.next_up();
        for goal in [1e6, next_up] {
            (state.goal, state.from) = (goal, state.value);
            let steps = (0..1_000_000).take_while(|_| match state.next() {
                Some(next) => {
                    state.move_to(next, slow);
                    true
                }
                None => false,
            });
            let steps = steps.count();
            assert!((1..1_000_000).contains(&steps), "{steps}");
            assert_eq!(state.sent(), goal);
        }
    }

    #[test]
    fn a_half_life_of_zero_follows_at_once_and_odd_numbers_change_nothing() {
        let params = json!({ "rise": { "seconds": 0 }, "fall": { "seconds": 0 } });
        let fed = [
            (0.0, f32::NAN),
            (0.1, 0.25),
            (0.2, f32::INFINITY),
            (0.3, 0.75),
            (0.4, f32::NAN),
        ];
        let outputs = smoothed(&params, &fed, 1.0);
        let wanted = [(100, 0.25), (200, 0.25), (300, 0.75), (400, 0.75)];
        assert_eq!(told(&outputs, "value"), wanted);
    }

    #[test]
    fn a_new_half_life_goes_on_from_where_the_number_is() {
        let fed = numbers(&[(0.0, 0.0), (0.1, 1.0)]);
        let outputs = Harness::<Smooth>::new(json!({ "rise": { "seconds": 0.1 } }))
            .feed("value", PortType::Control, fed, at(2.0))
            .set_live(at(0.2), "rise", json!({ "seconds": 100 }))
            .play_live()
            .unwrap();
        let late = value_at(&outputs, 1000);
        assert!(late > 0.4 && late < 0.52, "{late}");
    }
}
