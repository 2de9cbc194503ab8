//! Makes a curve of each event: attack, decay, sustain, release.

use score_engine::{
    Build, Control, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError, OutputPort,
    Params, Processor, Time, Transport,
};

use crate::ticks::has_passed;

const TRIGGER: InputPort<Event> = InputPort::new(0, "trigger", "begins the curve");
const OFF: InputPort<Event> = InputPort::new(1, "off", "lets it go, in place of `hold`")
    .optional()
    .by_name();
const LEVEL: OutputPort<Control> = OutputPort::new(0, "level", "0 at rest, at most 1");

/// While it moves it sends where it is so often.
const STEP: Time = Time::from_nanos(10_000_000);

/// `envelope`.
#[derive(Clone, Params)]
pub(crate) struct Envelope {
    /// time up to the peak
    #[param(live, range = 0.0..=600.0, span = 0.001..=5.0, log, default = Length::Seconds(0.01))]
    attack: Length,
    /// time from there down to `sustain`
    #[param(live, range = 0.0..=600.0, span = 0.001..=5.0, log, default = Length::Seconds(0.2))]
    decay: Length,
    /// what is held, as a share of the peak
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    sustain: f64,
    /// how long it is held; not where `off` is wired
    #[param(live, range = 0.0..=3600.0, span = 0.01..=10.0, log, default = Length::Seconds(0.0))]
    hold: Length,
    /// time down to 0
    #[param(live, range = 0.0..=600.0, span = 0.01..=10.0, log, default = Length::Seconds(0.5))]
    release: Length,
    /// how much the strength of the event counts for the peak
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    dynamics: f64,
}

impl Node for Envelope {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "envelope", "Makes a curve of each event")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "cuts": cut_detector(),
                    "swell": envelope(attack: 0.5, release: beats(4)),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> cuts.frames", "cuts.cut -> swell -> tune -> notes"]"#,
            )
            .details(
                "It goes up within `attack`, down to `sustain` within `decay`, stays there for `hold` or until an event \
                 comes into `off`, and goes down to 0 within `release`, each in a straight line (`curve` behind it bends \
                 them). An event of strength 1 has its peak at 1, a weaker one lower by as much as `dynamics` says: 0 makes \
                 all alike. An event that comes before the curve has ended begins a new one from where it is. While it moves \
                 it sends 100 numbers a second, and its corners. Live, it begins when the event is known.",
            )
            .input(TRIGGER)
            .input(OFF)
            .output(LEVEL)
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Moving {
            ends: build.ends,
            is_let_go: build.is_wired(OFF),
            lengths: Lengths::of(self, build.transport),
            begun: false,
            level: 0.0,
            leg: None,
        }))
    }
}

/// How long the legs of the curve take.
struct Lengths {
    attack: Time,
    decay: Time,
    hold: Time,
    release: Time,
}

impl Lengths {
    fn of(params: &Envelope, transport: &Transport) -> Self {
        Lengths {
            attack: params.attack.at(transport),
            decay: params.decay.at(transport),
            hold: params.hold.at(transport),
            release: params.release.at(transport),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Attack,
    Decay,
    Sustain,
    Release,
}

/// A straight piece of the curve.
#[derive(Clone, Copy, Debug)]
struct Leg {
    phase: Phase,
    from: (Time, f64),
    /// `None`: until it is let go.
    to: Option<(Time, f64)>,
    peak: f64,
    /// When it was told last where the curve is.
    told: Time,
}

impl Leg {
    fn at(&self, time: Time) -> f64 {
        let (begin, from) = self.from;
        match self.to {
            Some((end, to)) if time >= end => to,
            Some((end, to)) => {
                let way = (time - begin).seconds() / (end - begin).seconds();
                from + (to - from) * way.clamp(0.0, 1.0)
            }
            None => from,
        }
    }

    /// When it is told next where the curve is.
    fn next(&self) -> Option<Time> {
        let (end, to) = self.to?;
        let is_level = to == self.from.1;
        Some(if is_level {
            end
        } else {
            end.min(self.told + STEP)
        })
    }
}

struct Moving {
    ends: bool,
    /// Whether `off` is wired.
    is_let_go: bool,
    lengths: Lengths,
    begun: bool,
    /// What was told last.
    level: f64,
    leg: Option<Leg>,
}

impl Processor<Envelope> for Moving {
    fn process(&mut self, params: &Envelope, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !std::mem::replace(&mut self.begun, true) {
            let start = if self.ends { Time::ZERO } else { io.now() };
            io.send(LEVEL, start, 0.0)?;
        }
        while let Some(input) = io.take() {
            let time = input.heard;
            self.step(params, io, |_, step| step < time)?;
            let here = self.leg.map_or(0.0, |leg| leg.at(time));
            if input.is(OFF) {
                let goes = self.leg.filter(|leg| leg.phase != Phase::Release);
                self.leg =
                    goes.map(|leg| self.leg_to(Phase::Release, (time, here), leg.peak, params));
            } else {
                let strength = f64::from(input.read(TRIGGER)?.strength);
                let strength = if strength.is_nan() { 0.0 } else { strength };
                let peak = 1.0 - params.dynamics * (1.0 - strength.clamp(0.0, 1.0));
                self.leg = Some(self.leg_to(Phase::Attack, (time, here), peak, params));
            }
            self.step(params, io, |_, step| step <= time)?;
            self.tell(io, time)?;
        }
        let ends = self.ends;
        self.step(params, io, |io, step| has_passed(io, ends, step))?;
        let next = self.leg.and_then(|leg| leg.next());
        Ok(next.map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, params: &Envelope, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        self.step(params, io, |_, step| step < end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.leg.and_then(|leg| leg.next())
    }

    fn changed(&mut self, params: &Envelope, transport: &Transport) -> Result<(), NodeError> {
        self.lengths = Lengths::of(params, transport);
        Ok(())
    }
}

impl Moving {
    /// The leg of this phase that begins at `from`.
    fn leg_to(&self, phase: Phase, from: (Time, f64), peak: f64, params: &Envelope) -> Leg {
        let begin = from.0;
        let to = match phase {
            Phase::Attack => Some((begin + self.lengths.attack, peak)),
            Phase::Decay => Some((begin + self.lengths.decay, peak * params.sustain)),
            Phase::Sustain if self.is_let_go => None,
            Phase::Sustain => Some((begin + self.lengths.hold, from.1)),
            Phase::Release => Some((begin + self.lengths.release, 0.0)),
        };
        Leg {
            phase,
            from,
            to,
            peak,
            told: begin,
        }
    }

    /// Goes on through every step and corner that is due, and tells where the curve is.
    fn step(
        &mut self,
        params: &Envelope,
        io: &mut Io<'_>,
        is_due: impl Fn(&Io<'_>, Time) -> bool,
    ) -> Result<(), NodeError> {
        while let Some(mut leg) = self.leg
            && let Some(next) = leg.next().filter(|next| is_due(io, *next))
        {
            leg.told = next;
            let after = |phase| self.leg_to(phase, (next, leg.at(next)), leg.peak, params);
            let over = leg.to.is_some_and(|(end, _)| next >= end);
            let goes_on = match leg.phase {
                _ if !over => Some(leg),
                Phase::Attack => Some(after(Phase::Decay)),
                Phase::Decay => Some(after(Phase::Sustain)),
                Phase::Sustain => Some(after(Phase::Release)),
                Phase::Release => None,
            };
            // A leg without length is a corner of the next one.
            let is_corner = over && goes_on.and_then(|leg| leg.next()) == Some(next);
            self.leg = goes_on;
            if !is_corner || leg.phase == Phase::Attack {
                let level = leg.at(next);
                self.send(io, next, level)?;
            }
            if io.stop_requested() {
                break;
            }
        }
        Ok(())
    }

    /// Tells where the curve is at `time`, unless that was told.
    fn tell(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let level = self.leg.map_or(self.level, |leg| leg.at(time));
        self.send(io, time, level)
    }

    fn send(&mut self, io: &mut Io<'_>, time: Time, level: f64) -> Result<(), NodeError> {
        if level == self.level {
            return Ok(());
        }
        self.level = level;
        io.send(LEVEL, time, level as f32)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, events, told};

    const SLOW: &str = r#"{"attack":{"seconds":0.04},"decay":{"seconds":0.04},"sustain":0.5,
        "hold":{"beats":0.2},"release":{"seconds":0.02}}"#;

    fn moved(params: &str, on: &[(f64, f32)], off: &[(f64, f32)]) -> Outputs {
        let params: Value = serde_json::from_str(params).unwrap();
        alike(|| {
            let harness = Harness::<Envelope>::new(params.clone());
            let harness = harness.feed("trigger", PortType::Event, events(on), at(2.0));
            match off.is_empty() {
                true => harness,
                false => harness.feed("off", PortType::Event, events(off), at(2.0)),
            }
        })
    }

    fn near(found: &[(i64, f32)], wanted: &[(i64, f32)]) {
        let is_near = |(found, wanted): (&(i64, f32), &(i64, f32))| {
            found.0 == wanted.0 && (found.1 - wanted.1).abs() < 1e-6
        };
        let near = found.len() == wanted.len() && found.iter().zip(wanted).all(is_near);
        assert!(near, "{found:?} instead of {wanted:?}");
    }

    #[test]
    fn an_event_becomes_a_curve_of_four_straight_legs() {
        let outputs = moved(SLOW, &[(1.0, 1.0)], &[]);
        let wanted = [
            (0, 0.0),
            (1010, 0.25),
            (1020, 0.5),
            (1030, 0.75),
            (1040, 1.0),
            (1050, 0.875),
            (1060, 0.75),
            (1070, 0.625),
            (1080, 0.5),
            // 0.2 beats at 120 a minute are 0.1 s.
            (1190, 0.25),
            (1200, 0.0),
        ];
        near(&told(&outputs, "level"), &wanted);
    }

    #[test]
    fn an_event_into_off_lets_it_go_and_a_weak_event_has_a_low_peak() {
        let outputs = moved(SLOW, &[(1.0, 0.5)], &[(0.5, 1.0), (1.5, 1.0)]);
        let told = told(&outputs, "level");
        let wanted = [(1080, 0.25), (1510, 0.125), (1520, 0.0)];
        near(&told[told.len() - 3..], &wanted);
    }

    #[test]
    fn an_event_before_the_end_goes_on_from_where_the_curve_is() {
        let outputs = moved(SLOW, &[(1.0, 1.0), (1.06, 1.0)], &[]);
        let told = told(&outputs, "level");
        let from = told.iter().position(|(time, _)| *time == 1060).unwrap();
        near(&told[from..from + 2], &[(1060, 0.75), (1070, 0.8125)]);
    }

    #[test]
    fn legs_without_length_are_jumps_and_odd_strengths_count_as_none() {
        let params = r#"{"attack":{"seconds":0},"decay":{"seconds":0},"sustain":1,
            "hold":{"seconds":0.5},"release":{"seconds":0}}"#;
        let outputs = moved(params, &[(1.0, 1.0)], &[]);
        near(
            &told(&outputs, "level"),
            &[(0, 0.0), (1000, 1.0), (1500, 0.0)],
        );
        let outputs = moved(params, &[(1.0, f32::NAN)], &[]);
        near(&told(&outputs, "level"), &[(0, 0.0)]);
    }

    #[test]
    fn a_new_length_counts_from_the_next_leg_on() {
        let params: Value = serde_json::from_str(SLOW).unwrap();
        let outputs = Harness::<Envelope>::new(params)
            .feed("trigger", PortType::Event, events(&[(1.0, 1.0)]), at(3.0))
            .set_live(at(1.1), "release", json!({ "seconds": 1 }))
            .play_live()
            .unwrap();
        let told = told(&outputs, "level");
        assert_eq!(told.last(), Some(&(2180, 0.0)));
    }
}
