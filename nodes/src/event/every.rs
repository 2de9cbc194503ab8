//! Makes an event in equal steps of time.

use score_engine::{
    Build, Descriptor, Event, Flow, Io, Length, Node, NodeError, OutputPort, Params, Processor,
    Transport,
};

use crate::ticks::{Course, Grid, Next};

const EVENT: OutputPort<Event> = OutputPort::new(0, "event", "the time has come");

/// `every`.
#[derive(Clone, Params)]
pub(crate) struct Every {
    /// time from event to event
    #[param(live, range = 0.01..=86_400.0, span = 0.1..=60.0, log, default = Length::Beats(1.0))]
    every: Length,
    /// how far they lie behind the grid
    #[param(live, range = 0.0..=86_400.0, span = 0.0..=4.0, default = Length::Beats(0.0))]
    offset: Length,
    /// strength of the events
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    strength: f32,
    /// what the events are called
    #[param(live, default = "every")]
    name: String,
    /// time until the end of a render; left out: as long as its readers go on
    #[param(live, range = 0.001..=86_400.0, span = 1.0..=600.0, log)]
    duration: Option<Length>,
}

impl Node for Every {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("event", "every", "Makes an event every so many beats or seconds")
            .example(
                r#"nodes: {
                    "beat": every(every: beats(2), offset: beats(1), duration: beats(16)),
                    "clap": accent(pitch: 39),
                    "drums": synth(voice: drum_kit),
                    "sound": audio_file(path: "clap.wav"),
                },
                wires: ["beat -> clap -> drums -> sound"]"#,
            )
            .details(
                "In beats the events lie on the transport's grid, where they swing and follow the tempo: `beats(4)` is the \
                 beginning of each bar of 4/4, and `offset: beats(1)` the beat after it. In seconds they are counted from \
                 the start of the run.\n\n\
                 It has no end of its own: a render ends with everything else. Where nothing else comes into what it \
                 triggers, `duration` says when.",
            )
            .output(EVENT)
            .in_bars()
            .urgent()
            .endless_unless("duration")
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Beating {
            transport: build.transport.clone(),
            grid: Grid::new(self.every, self.offset, build.transport),
            course: Course::new(build.ends),
        }))
    }
}

struct Beating {
    transport: Transport,
    grid: Grid,
    course: Course,
}

impl Processor<Every> for Beating {
    fn process(&mut self, params: &Every, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let end = params.duration.map(|duration| duration.at(&self.transport));
        match self.course.next(io, &self.grid, end) {
            Next::Send(time) => {
                let event = Event {
                    name: params.name.clone(),
                    strength: params.strength,
                };
                io.send_captured_now(EVENT, time, event)?;
                Ok(Flow::Continue)
            }
            Next::Wait(time) => Ok(Flow::WakeAt(time)),
            Next::End(time) => {
                io.end_at(time);
                Ok(Flow::Done)
            }
        }
    }

    fn changed(&mut self, params: &Every, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        self.grid = Grid::new(params.every, params.offset, transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use score_engine::harness::Harness;
    use score_engine::{Swing, Time};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, told};

    #[test]
    fn events_lie_on_the_grid_of_the_transport_in_a_render_and_live() {
        let params = json!({
            "every": { "beats": 2 }, "offset": { "beats": 0.5 }, "strength": 0.5,
            "duration": { "beats": 8 }, "name": "clap",
        });
        let swing = Swing {
            share: 0.6,
            ..Swing::default()
        };
        let transport = Transport {
            swing,
            ..Transport::default()
        };
        let outputs = alike(|| {
            let harness = Harness::<Every>::new(params.clone()).until(at(4.0));
            harness.transport(transport.clone())
        });
        // Half a beat behind is an eighth, which swings.
        let wanted = [(300, 0.5), (1300, 0.5), (2300, 0.5), (3300, 0.5)];
        assert_eq!(told(&outputs, "event"), wanted);
        assert_eq!(outputs.end("event"), Some(at(4.0)));
        assert_eq!(outputs.packets("event")[0].event().unwrap().name, "clap");
    }

    /// A hundredth of a frame at 48 kHz, in nanoseconds.
    const HUNDREDTH: i64 = 208;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// At any tempo.
        #[test]
        fn beats_lie_where_they_belong_however_old_the_run_is(
            days in 0i64..=400,
            hundredths in 3_000i64..=30_000,
        ) {
            let (begin, second) = (days * 86_400_000_000_000, 1_000_000_000);
            let transport = Transport {
                tempo: hundredths as f64 / 100.0,
                ..Transport::default()
            };
            let outputs = Harness::<Every>::new(json!({}))
                .transport(transport)
                .begin(Time::from_nanos(begin))
                .until(Time::from_nanos(begin + 10 * second))
                .play_live()
                .unwrap();
            // By whole numbers; what lies on a border may be heard or not.
            let is_inside = |time: &i64| *time > begin + 1_000 && *time < begin + 9 * second;
            let beat = |number: i128| (number * 6_000_000_000_000 / i128::from(hundredths)) as i64;
            let first = i128::from(begin) * i128::from(hundredths) / 6_000_000_000_000;
            let wanted: Vec<i64> = (first..first + 60).map(beat).filter(is_inside).collect();
            let (first, last) = (wanted[0] - HUNDREDTH, wanted[wanted.len() - 1] + HUNDREDTH);
            let times = outputs.packets("event").iter().map(|packet| packet.time.nanos());
            let times: Vec<i64> = times.filter(|time| (first..=last).contains(time)).collect();
            prop_assert_eq!(times.len(), wanted.len());
            for (time, wanted) in times.iter().zip(&wanted) {
                prop_assert!((time - wanted).abs() <= HUNDREDTH, "{} for {}", time, wanted);
            }
        }
    }

    #[test]
    fn in_seconds_they_count_from_the_start() {
        let params = json!({ "every": { "seconds": 0.4 }, "duration": { "seconds": 1.2 } });
        let outputs = alike(|| Harness::<Every>::new(params.clone()).until(at(1.2)));
        assert_eq!(told(&outputs, "event"), [(0, 1.0), (400, 1.0), (800, 1.0)]);
    }

    #[test]
    fn another_tempo_and_another_step_keep_to_the_grid() {
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        let outputs = Harness::<Every>::new(json!({}))
            .retime(at(0.75), slow)
            .set_live(at(2.0), "every", json!({ "beats": 2 }))
            .until(at(5.0))
            .play_live()
            .unwrap();
        // At 0.75 s one and a half beats have passed; beats 2 and 4 come then.
        let times: Vec<i64> = told(&outputs, "event")
            .iter()
            .map(|(time, _)| *time)
            .collect();
        assert_eq!(times, [0, 500, 1250, 3250]);
    }
}
