//! A MIDI port that is kept open and sends each message when it is heard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use midir::MidiOutputConnection;
use rtrb::{Producer, RingBuffer};
use score_engine::{Build, LiveClock, NodeError, Time};

use super::super::keeper::{Keeper, Opener};
use super::super::sound_device::Direction;
use super::jack;
use super::message::{Message, Timed};
use super::open_port::OpenPort;
use super::port::{self, PortName};
use super::wanted::Wanted;

/// Messages on the way to JACK, or waiting for their time, at most.
const ROOM: usize = 4096;

/// How long the end waits for the last messages to go out, beyond the sound's lead.
const LAST: Duration = Duration::from_millis(60);

/// Where messages are sent while a port is open.
enum Line {
    /// A port of the system; messages go out at once.
    System(MidiOutputConnection),
    /// JACK's callback puts each message on its frame.
    Jack(Producer<Timed>),
    /// The port is gone.
    Gone,
}

/// What has become of the port since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing.
    Same,
    /// It is open, for the first time or again: the listener knows nothing of what was sent before.
    Opened,
    /// It is gone.
    Gone,
}

/// Sends messages to a port that may come and go.
pub(crate) struct Outlet {
    line: Line,
    lines: Receiver<Line>,
    clock: Arc<LiveClock>,
    /// What waits for its time, in the order of it.
    waiting: VecDeque<Timed>,
    keeper: Option<Keeper>,
}

impl Outlet {
    /// Opens the port that `name` means, now or as soon as it is there.
    ///
    /// # Errors
    /// This is a render, or the port is `required` and not there.
    pub(crate) fn open(
        build: &Build<'_>,
        kind: &str,
        name: &str,
        required: bool,
    ) -> Result<Self, NodeError> {
        let instead = "write a file with `midi_file`";
        let wanted = Wanted::new(build, kind, (name, Direction::Output), instead)?;
        let clock = wanted.clock.clone();
        let (hand_over, lines) = channel();
        let opener = OutputOpener { wanted, hand_over };
        Ok(Outlet {
            line: Line::Gone,
            lines,
            clock,
            waiting: VecDeque::new(),
            keeper: Some(Keeper::start(opener, required, build.counters)?),
        })
    }

    /// Reports what has become of the port.
    pub(crate) fn news(&mut self) -> News {
        let mut news = News::Same;
        while let Ok(line) = self.lines.try_recv() {
            news = match line {
                Line::Gone => News::Gone,
                _ => News::Opened,
            };
            self.waiting.clear();
            self.line = line;
        }
        news
    }

    /// Sends a message so that it is heard together with a sound of this time.
    pub(crate) fn send(&mut self, time: Time, message: Message) {
        let timed = Timed { time, message };
        match &mut self.line {
            Line::Gone => {}
            // The ring is only full if JACK has stopped.
            Line::Jack(ring) => drop(ring.push(timed)),
            Line::System(_) => {
                let place = self.waiting.partition_point(|other| other.time <= time);
                if self.waiting.len() < ROOM {
                    self.waiting.insert(place, timed);
                }
            }
        }
    }

    /// Sends what is due. Returns when the next message is, in the run's time.
    pub(crate) fn work(&mut self) -> Option<Time> {
        let heard = self.clock.now() - self.clock.lead();
        while let Some(timed) = self.waiting.front().filter(|timed| timed.time <= heard) {
            if let Line::System(connection) = &mut self.line {
                // A port that is gone is noticed by the keeper.
                let _ = connection.send(timed.message.bytes());
            }
            self.waiting.pop_front();
        }
        let next = self.waiting.front()?;
        Some(next.time + self.clock.lead())
    }

    /// Sends `last` after everything else, waits until it is out, and closes the port.
    pub(crate) fn close(&mut self, last: impl IntoIterator<Item = Message>) {
        self.news();
        let now = self.clock.now();
        let patience = LAST
            + Duration::from_nanos(
                self.clock
                    .lead()
                    .nanos()
                    .clamp(0, 1_000_000_000)
                    .unsigned_abs(),
            );
        let started = Instant::now();
        while !self.waiting.is_empty() && started.elapsed() < patience {
            self.work();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.waiting.clear();
        for message in last {
            match &mut self.line {
                Line::System(connection) => drop(connection.send(message.bytes())),
                Line::Jack(ring) => drop(ring.push(Timed { time: now, message })),
                Line::Gone => {}
            }
        }
        if let Line::Jack(ring) = &self.line {
            while ring.slots() < ring.buffer().capacity()
                && !ring.is_abandoned()
                && started.elapsed() < patience
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            // JACK hands over what was written at the end of the period.
            std::thread::sleep(Duration::from_millis(30));
        }
        self.line = Line::Gone;
        self.keeper.take();
    }
}

/// Opens the port for the keeper.
struct OutputOpener {
    wanted: Wanted,
    hand_over: Sender<Line>,
}

impl Opener for OutputOpener {
    type Device = OpenPort<()>;

    fn name(&self) -> String {
        self.wanted.in_words()
    }

    fn open(&mut self) -> Result<Self::Device, NodeError> {
        let Wanted {
            name, own, clock, ..
        } = &self.wanted;
        let (port, line) = match name {
            PortName::Jack(join) => {
                let (ring, due) = RingBuffer::new(ROOM);
                let port = jack::open_output(own, join.as_deref(), clock.clone(), due)?;
                (OpenPort::Jack(Box::new(port)), Line::Jack(ring))
            }
            name => {
                let (found, connection) = port::open_output(name, own)?;
                // The connection is where the messages go.
                let port = OpenPort::of_system(name, found, ());
                (port, Line::System(connection))
            }
        };
        // A node that is gone needs no line.
        let _ = self.hand_over.send(line);
        Ok(port)
    }

    fn look(&mut self, port: &mut Self::Device) -> Result<(), NodeError> {
        self.wanted.look(port).inspect_err(|_| {
            let _ = self.hand_over.send(Line::Gone);
        })
    }
}
