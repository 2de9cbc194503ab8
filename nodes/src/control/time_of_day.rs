//! Tells the time of the day, as a number.

use jiff::Zoned;
use score_engine::{
    Build, Choice, Control, Descriptor, Flow, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Transport,
};

use crate::ticks::{Course, Grid, Next};

const TIME: OutputPort<Control> = OutputPort::new(0, "time", "0 to 1 over the day or the hour");

const HOURS: f64 = 24.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Over {
    Day,
    Hour,
}

/// `time_of_day`.
#[derive(Clone, Params)]
pub(crate) struct TimeOfDay {
    /// what it goes through from 0 to 1
    #[param(live, default = Over::Day)]
    over: Over,
    /// the hour at which the run begins; left out: live by the system's clock, in a render 0
    #[param(live, range = 0.0..=24.0, unit = "h")]
    start: Option<f64>,
    /// time between two numbers
    #[param(live, range = 0.02..=3600.0, span = 0.1..=60.0, log, default = Length::Seconds(1.0))]
    every: Length,
    /// time until the end of a render; left out: as long as its readers go on
    #[param(live, range = 0.001..=86_400.0, span = 1.0..=600.0, log)]
    duration: Option<Length>,
}

impl Node for TimeOfDay {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "time_of_day", "Tells the time of the day as a number")
            .example(
                r#"nodes: {
                    "codes": latent_random(dimension: 64),
                    "clock": time_of_day(),
                    "noon": curve(points: [[0, 0], [0.5, 1], [1, 0]]),
                    "tune": stream_decoder(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["codes -> tune -> piano -> sound", ("clock -> noon -> piano.gain", range(from: -24, to: 0))]"#,
            )
            .details(
                "0 is midnight and 0.5 noon; `over: hour` goes from 0 to 1 within each hour. Live it follows the system's \
                 clock in its time zone, and so through summer time. With `start`, and always in a render, it goes by the \
                 time of the run: a render says the same each time. `start: 18` is six in the evening.",
            )
            .output(TIME)
            .in_bars()
            .endless_unless("duration")
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Telling {
            ends: build.ends,
            transport: build.transport.clone(),
            grid: Grid::new(self.every, Length::Seconds(0.0), build.transport),
            course: Course::new(build.ends),
        }))
    }
}

struct Telling {
    ends: bool,
    transport: Transport,
    grid: Grid,
    course: Course,
}

/// The hours since midnight by the system's clock, in its time zone.
fn hours_by_the_clock() -> f64 {
    let time = Zoned::now().time();
    let seconds = f64::from(time.second()) + f64::from(time.subsec_nanosecond()) * 1e-9;
    f64::from(time.hour()) + f64::from(time.minute()) / 60.0 + seconds / 3600.0
}

/// The number for so many hours since midnight, which may be days ago.
fn place(over: Over, hours: f64) -> f32 {
    let share = match over {
        Over::Day => hours / HOURS,
        Over::Hour => hours,
    };
    // Just before the end it would be rounded up to it.
    (share.rem_euclid(1.0) as f32).min(1.0 - f32::EPSILON)
}

impl Processor<TimeOfDay> for Telling {
    fn process(&mut self, params: &TimeOfDay, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let end = params.duration.map(|duration| duration.at(&self.transport));
        match self.course.next(io, &self.grid, end) {
            Next::Send(time) => {
                let hours = match params.start {
                    None if !self.ends => hours_by_the_clock(),
                    start => start.unwrap_or(0.0) + time.seconds() / 3600.0,
                };
                io.send_captured_now(TIME, time, place(params.over, hours))?;
                Ok(Flow::Continue)
            }
            Next::Wait(time) => Ok(Flow::WakeAt(time)),
            Next::End(time) => {
                io.end_at(time);
                Ok(Flow::Done)
            }
        }
    }

    fn changed(&mut self, params: &TimeOfDay, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        self.grid = Grid::new(params.every, Length::Seconds(0.0), transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, told};

    #[test]
    fn with_a_start_it_goes_by_the_run_over_midnight_in_a_render_and_live() {
        let params = json!({
            "start": 23.5, "every": { "seconds": 600 }, "duration": { "seconds": 3600 },
        });
        let outputs = alike(|| Harness::<TimeOfDay>::new(params.clone()).until(at(3600.0)));
        let found: Vec<f32> = told(&outputs, "time")
            .iter()
            .map(|(_, hours)| hours * 24.0)
            .collect();
        let wanted = [
            23.5,
            23.0 + 40.0 / 60.0,
            23.0 + 50.0 / 60.0,
            0.0,
            1.0 / 6.0,
            1.0 / 3.0,
        ];
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-4, "{found} {wanted}");
        }
        assert_eq!(found.len(), 6);
    }

    /// `every` may be beats, which a render may fit to a film's cuts.
    #[test]
    fn it_waits_until_it_is_known_where_beats_lie() {
        assert!(TimeOfDay::descriptor().in_bars);
    }

    #[test]
    fn a_render_without_a_start_begins_at_midnight() {
        let params =
            json!({ "over": "hour", "every": { "seconds": 900 }, "duration": { "seconds": 4500 } });
        let outputs = Harness::<TimeOfDay>::new(params).run().unwrap();
        let found: Vec<f32> = told(&outputs, "time")
            .iter()
            .map(|(_, place)| *place)
            .collect();
        assert_eq!(found, [0.0, 0.25, 0.5, 0.75, 0.0]);
    }

    #[test]
    fn live_it_is_what_the_systems_clock_says() {
        let before = hours_by_the_clock();
        let outputs = Harness::<TimeOfDay>::new(json!({}))
            .until(at(1.5))
            .play_live()
            .unwrap();
        let found = told(&outputs, "time");
        assert_eq!(found.len(), 2);
        // Midnight may come in between.
        let passed = (f64::from(found[0].1) * HOURS - before).rem_euclid(HOURS);
        assert!(
            !(0.1..=HOURS - 0.001).contains(&passed),
            "{found:?} {before}"
        );
    }

    #[test]
    fn the_end_of_a_day_is_not_its_beginning() {
        assert!(place(Over::Day, 23.999_999_999) < 1.0);
        assert_eq!(place(Over::Day, 24.0), 0.0);
    }
}
