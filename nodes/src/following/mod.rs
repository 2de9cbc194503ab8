//! Clocks of other programs and machines that a live run follows: MIDI clock, MIDI timecode, JACK's
//! transport, the playhead of a DAW, and somebody who taps. What they say is reported to the engine, which knows none of
//! them; each is read on a thread of its own.

#[cfg(unix)]
mod daw;
#[cfg(any(test, feature = "fuzzing"))]
mod fuzz;
mod midi_clock;
mod tapping;
mod tick_filter;
pub(crate) mod timecode;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_engine::{
    Choice, ClockReport, Counters, Follow, FollowedClock, LiveClock, NodeError, Steering, Time,
    WhenLost,
};

#[cfg(feature = "fuzzing")]
pub(crate) use self::fuzz::fuzz;
use self::midi_clock::MidiClock;
use self::tapping::is_tap;
use self::timecode::Timecode;
use crate::device::DawNotes;
use crate::device::jack_transport::TransportInlet;
use crate::device::midi::inlet::{Arrival, Inlet};

/// How long one look waits for something to come: how soon silence is noticed.
const PATIENCE: Duration = Duration::from_millis(40);

/// What the program calls itself to those that send clocks.
const OWN: &str = "clock";

/// The thread that reads a clock and reports it. Dropped, it ends.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Begins to read the clock and to report it to `steering`. It may come later, go, and come
    /// back. Plug-ins in a DAW are given `notes`.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(
        follow: &Follow,
        clock: &Arc<LiveClock>,
        steering: &Steering,
        notes: &Arc<DawNotes>,
    ) -> Result<Self, NodeError> {
        let stop = Arc::<AtomicBool>::default();
        let (follow, clock, steering) = (follow.clone(), clock.clone(), steering.clone());
        let notes = notes.clone();
        let told = stop.clone();
        // The port is opened there too: nothing waits for a device that is not there.
        let thread = std::thread::Builder::new()
            .name("clock".to_owned())
            .spawn(move || {
                let mut reporter = Reporter::new(&follow, steering);
                let read = match follow.clock {
                    FollowedClock::Jack => read_jack(&clock, &mut reporter, &told),
                    FollowedClock::Daw => read_daw(&clock, &mut reporter, &notes, &told),
                    _ => read_midi(&follow, &clock, &mut reporter, &told),
                };
                if let Err(error) = read {
                    tracing::warn!("the clock is not followed: {error}");
                }
            })
            .map_err(|error| {
                NodeError::internal(format!("no thread can be started for the clock ({error})"))
            })?;
        Ok(Follower {
            stop,
            thread: Some(thread),
        })
    }
}

impl Follower {
    /// Ends, and waits until the device is closed, but no longer than `within`.
    pub fn finish(mut self, within: Duration) {
        self.stop.store(true, Ordering::Release);
        let started = Instant::now();
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() && started.elapsed() < within {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Nothing waits for a device that is being closed.
        self.stop.store(true, Ordering::Release);
    }
}

/// What reads the messages of a port.
enum Reader {
    Clock(MidiClock),
    Timecode(Timecode),
    /// Taps with this note or controller.
    Taps(Option<u8>),
}

fn read_midi(
    follow: &Follow,
    clock: &Arc<LiveClock>,
    reporter: &mut Reporter,
    stop: &AtomicBool,
) -> Result<(), NodeError> {
    let tempo = reporter.steering.transport().tempo;
    let mut reader = match follow.clock {
        FollowedClock::Timecode => Reader::Timecode(Timecode::new(follow.timecode_start)),
        FollowedClock::Tap => Reader::Taps(follow.tap_number),
        _ => Reader::Clock(MidiClock::new(tempo)),
    };
    let mut inlet = Inlet::of_run(
        &follow.port,
        OWN,
        clock.clone(),
        &Arc::<Counters>::default(),
    )?;
    while !stop.load(Ordering::Acquire) {
        let report = match (inlet.next(PATIENCE), &mut reader) {
            (Arrival::Message(timed), Reader::Clock(clock)) => {
                clock.hear(timed.time, timed.message.bytes())
            }
            (Arrival::Message(timed), Reader::Timecode(timecode)) => {
                timecode.hear(timed.time, timed.message.bytes())
            }
            (Arrival::Message(timed), Reader::Taps(number)) => {
                if is_tap(timed.message, *number) {
                    reporter.tap(timed.time);
                }
                None
            }
            (Arrival::Gone, Reader::Clock(clock)) => clock.gone(),
            (Arrival::Gone, Reader::Timecode(timecode)) => timecode.stop(),
            (Arrival::Nothing, Reader::Clock(reader)) => reader.wait(clock.now()),
            (Arrival::Nothing, Reader::Timecode(reader)) => reader.wait(clock.now()),
            (Arrival::Gone | Arrival::Nothing, Reader::Taps(_)) => None,
        };
        // Another may follow already.
        if let Some(report) = report.filter(|_| !stop.load(Ordering::Acquire)) {
            reporter.report(report);
        }
    }
    Ok(())
}

fn read_jack(
    clock: &Arc<LiveClock>,
    reporter: &mut Reporter,
    stop: &AtomicBool,
) -> Result<(), NodeError> {
    let mut inlet = TransportInlet::open(OWN, clock.clone(), &Arc::<Counters>::default())?;
    while !stop.load(Ordering::Acquire) {
        let report = inlet.next(PATIENCE);
        if let Some(report) = report.filter(|_| !stop.load(Ordering::Acquire)) {
            reporter.report(report);
        }
    }
    Ok(())
}

#[cfg(unix)]
use self::daw::read as read_daw;

#[cfg(not(unix))]
fn read_daw(
    _: &Arc<LiveClock>,
    _: &mut Reporter,
    _: &DawNotes,
    _: &AtomicBool,
) -> Result<(), NodeError> {
    let message = "plug-ins in a DAW reach a run only on a Unix system";
    Err(NodeError::new(score_engine::NodeErrorKind::Device, message)
        .help("lead it by MIDI clock: `follow: midi_clock`"))
}

/// Reports to the engine, and logs what changes.
struct Reporter {
    steering: Steering,
    /// The clock in words.
    name: String,
    /// Whether it jumps as often as music repeats: that is no news then.
    loops: bool,
    when_lost: WhenLost,
    /// What was logged last.
    logged: Option<Logged>,
}

/// What the log says of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logged {
    Runs,
    Tempo,
    Stopped,
    Lost,
}

impl Reporter {
    fn new(follow: &Follow, steering: Steering) -> Self {
        let word = follow.clock.word().replace('_', " ");
        Reporter {
            steering,
            name: match (follow.clock, follow.port.is_empty()) {
                (FollowedClock::Daw, _) => "the transport of the DAW".to_owned(),
                (_, true) => format!("the transport of {}", word.to_uppercase()),
                (_, false) => format!("the {word} at `{}`", follow.port),
            },
            loops: follow.clock == FollowedClock::Daw,
            when_lost: follow.when_lost,
            logged: None,
        }
    }

    fn report(&mut self, report: ClockReport) {
        self.steering.follow(report);
        let state = match report {
            ClockReport::Runs { .. } | ClockReport::RunsInSeconds { .. } => Logged::Runs,
            ClockReport::Tempo(_) => Logged::Tempo,
            ClockReport::Stopped => Logged::Stopped,
            ClockReport::Metre(_) => return,
            _ => Logged::Lost,
        };
        let is_located = matches!(
            report,
            ClockReport::Runs { located: true, .. }
                | ClockReport::RunsInSeconds { located: true, .. }
        );
        if self.logged.replace(state) == Some(state) && (!is_located || self.loops) {
            return;
        }
        let name = &self.name;
        match report {
            ClockReport::Runs { beat, tempo, .. } => {
                tracing::info!("{name} runs: quarter note {beat:.2}, {tempo:.2} a minute");
            }
            ClockReport::RunsInSeconds { seconds, .. } => {
                tracing::info!("{name} runs: {seconds:.2} s after the beginning");
            }
            ClockReport::Tempo(tempo) => tracing::info!(
                "{name} runs at {tempo:.2} quarter notes a minute; where its beats are is known once \
                 it starts or is located"
            ),
            ClockReport::Stopped => tracing::info!("{name} has stopped"),
            _ => match self.when_lost {
                WhenLost::PlayOn => {
                    tracing::warn!(
                        "nothing comes from {name}; the music plays on at the last tempo"
                    );
                }
                WhenLost::Stop => {
                    tracing::info!("nothing comes from {name}; the music waits for it");
                }
            },
        }
    }

    fn tap(&mut self, time: Time) {
        if let Some(tempo) = self.steering.tap_beat_at(time) {
            tracing::debug!("{name}: {tempo:.1}", name = self.name);
        }
    }
}
