//! A MIDI port that is kept open and listened to.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use midir::MidiInputConnection;
use rtrb::{Consumer, RingBuffer};
use score_engine::{Build, Counters, LiveClock, NodeError};

use super::super::keeper::{Keeper, Opener};
use super::super::sound_device::Direction;
use super::jack;
use super::message::{Message, Timed};
use super::open_port::OpenPort;
use super::port::{self, PortName};
use super::wanted::Wanted;

/// Messages that may wait for the node.
const ROOM: usize = 4096;

/// What the keeper's thread reports.
enum News {
    /// The port is open.
    Opened(Consumer<Timed>),
    /// The port is open as before, but something that sent to it is gone.
    LostPeer,
    /// The port is gone.
    Gone,
}

/// Takes messages from a port that may come and go.
pub(crate) struct Inlet {
    ring: Option<Consumer<Timed>>,
    /// Whether a sender is gone that may have left notes sounding.
    is_left_behind: bool,
    news: Receiver<News>,
    reader: Arc<OnceLock<Thread>>,
    _keeper: Keeper,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A message, and when it came.
    Message(Timed),
    /// The port, or something that sent to it, is gone: what sounds will never be ended by it.
    Gone,
    /// Nothing.
    Nothing,
}

impl Inlet {
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
        let instead = "read a file with `midi_input_file`";
        let wanted = Wanted::new(build, kind, (name, Direction::Input), instead)?;
        Self::open_wanted(wanted, required, build.counters)
    }

    /// Opens the port that `name` means to a live run and not to a node, now or as soon as it is
    /// there. Others see this end of it as `own`.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn of_run(
        name: &str,
        own: &str,
        clock: Arc<LiveClock>,
        counters: &Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let wanted = Wanted::of_run((name, Direction::Input), own, clock);
        Self::open_wanted(wanted, false, counters)
    }

    fn open_wanted(
        wanted: Wanted,
        required: bool,
        counters: &Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let (hand_over, news) = channel();
        let reader = Arc::new(OnceLock::new());
        let opener = InputOpener {
            wanted,
            reader: reader.clone(),
            hand_over,
        };
        Ok(Inlet {
            ring: None,
            is_left_behind: false,
            news,
            reader,
            _keeper: Keeper::start(opener, required, counters)?,
        })
    }

    /// The next message; waits for one up to `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Arrival {
        self.reader.get_or_init(std::thread::current);
        let until = Instant::now() + patience;
        loop {
            // What was sent before something went away is taken before anything that followed.
            if !self.is_left_behind {
                match self.news.try_recv() {
                    Ok(News::Opened(ring)) => self.ring = Some(ring),
                    Ok(News::LostPeer | News::Gone) => self.is_left_behind = true,
                    Err(_) => {}
                }
            }
            if let Some(timed) = self.ring.as_mut().and_then(|ring| ring.pop().ok()) {
                return Arrival::Message(timed);
            }
            if std::mem::take(&mut self.is_left_behind) {
                return Arrival::Gone;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Arrival::Nothing;
            }
            std::thread::park_timeout(left);
        }
    }
}

/// Opens the port for the keeper.
struct InputOpener {
    wanted: Wanted,
    /// The thread to wake when something comes.
    reader: Arc<OnceLock<Thread>>,
    hand_over: Sender<News>,
}

impl Opener for InputOpener {
    type Device = OpenPort<MidiInputConnection<()>>;

    fn name(&self) -> String {
        self.wanted.in_words()
    }

    fn open(&mut self) -> Result<Self::Device, NodeError> {
        let (mut ring, came) = RingBuffer::new(ROOM);
        let Wanted {
            name, own, clock, ..
        } = &self.wanted;
        let (clock, reader) = (clock.clone(), self.reader.clone());
        // Waking a thread is one call of the system that does not wait.
        let mut put = move |timed| {
            let _ = ring.push(timed);
            if let Some(reader) = reader.get() {
                reader.unpark();
            }
        };
        let port = match name {
            PortName::Jack(join) => {
                let join = join.as_deref();
                let port = jack::open_input(own, join, clock, Box::new(put))?;
                OpenPort::Jack(Box::new(port))
            }
            name => {
                let receive = Box::new(move |bytes: &[u8]| {
                    if let Some(message) = Message::from_bytes(bytes) {
                        let time = clock.now();
                        put(Timed { time, message });
                    }
                });
                let (port, connection) = port::open_input(name, own, receive)?;
                OpenPort::of_system(name, port, connection)
            }
        };
        // A node that is gone needs no ring.
        let _ = self.hand_over.send(News::Opened(came));
        Ok(port)
    }

    fn look(&mut self, port: &mut Self::Device) -> Result<(), NodeError> {
        let is_there = self.wanted.look(port);
        if is_there.is_err() {
            let _ = self.hand_over.send(News::Gone);
        } else if port.has_lost_peer() {
            let _ = self.hand_over.send(News::LostPeer);
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Time;

    use super::super::message::TICK;
    use super::*;

    /// A device of which nothing comes.
    struct Silent;

    impl Opener for Silent {
        type Device = ();

        fn name(&self) -> String {
            "silence".to_owned()
        }

        fn open(&mut self) -> Result<(), NodeError> {
            Ok(())
        }

        fn look(&mut self, (): &mut ()) -> Result<(), NodeError> {
            Ok(())
        }
    }

    #[test]
    fn what_came_before_a_port_went_away_is_taken_first() {
        let (tell, news) = channel();
        let mut inlet = Inlet {
            ring: None,
            is_left_behind: false,
            news,
            reader: Arc::default(),
            _keeper: Keeper::start(Silent, false, &Arc::default()).unwrap(),
        };
        let timed = |nanos| Timed {
            time: Time::from_nanos(nanos),
            message: Message::single(TICK),
        };
        for (times, last) in [([1, 2], News::Gone), ([3, 4], News::LostPeer)] {
            let (mut ring, came) = RingBuffer::new(ROOM);
            for time in times {
                ring.push(timed(time)).unwrap();
            }
            tell.send(News::Opened(came)).unwrap();
            tell.send(last).unwrap();
        }
        let arrivals: Vec<Arrival> = (0..7).map(|_| inlet.next(Duration::ZERO)).collect();
        let message = |time| Arrival::Message(timed(time));
        let (gone, nothing) = (Arrival::Gone, Arrival::Nothing);
        assert_eq!(
            arrivals,
            [
                message(1),
                message(2),
                gone,
                message(3),
                message(4),
                gone,
                nothing
            ]
        );
    }
}
