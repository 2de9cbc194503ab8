//! A MIDI port that is kept open and listened to.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use midir::MidiInputConnection;
use rtrb::{Consumer, RingBuffer};
use score_engine::{Build, LiveClock, NodeError};

use super::super::keeper::{Keeper, Opener, missing};
use super::super::only_live;
use super::super::sound_device::Direction;
use super::jack;
use super::message::{Message, Timed};
use super::open_port::OpenPort;
use super::port::{self, PortName};

/// Messages that may wait for the node.
const ROOM: usize = 4096;

/// A way for messages from a port that may come and go.
pub(crate) struct Inlet {
    ring: Option<Consumer<Timed>>,
    rings: Receiver<Option<Consumer<Timed>>>,
    reader: Arc<OnceLock<Thread>>,
    _keeper: Keeper,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A message, and when it came.
    Message(Timed),
    /// The port is gone: what sounds will never be ended by it.
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
        let clock = only_live(build, kind, "read a file with `midi_input_file`")?;
        let (hand_over, rings) = channel();
        let reader = Arc::new(OnceLock::new());
        let opener = InputOpener {
            name: PortName::parse(name),
            text: name.to_owned(),
            own: build.id.to_owned(),
            clock: clock.clone(),
            reader: reader.clone(),
            hand_over,
        };
        Ok(Inlet {
            ring: None,
            rings,
            reader,
            _keeper: Keeper::start(opener, required)?,
        })
    }

    /// The next message; waits for one up to `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Arrival {
        self.reader.get_or_init(std::thread::current);
        let until = Instant::now() + patience;
        loop {
            if let Ok(ring) = self.rings.try_recv() {
                let is_gone = self.ring.take().is_some() && ring.is_none();
                self.ring = ring;
                if is_gone {
                    return Arrival::Gone;
                }
            }
            if let Some(timed) = self.ring.as_mut().and_then(|ring| ring.pop().ok()) {
                return Arrival::Message(timed);
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
    name: PortName,
    text: String,
    /// What the port is called at JACK, or as a virtual port.
    own: String,
    clock: Arc<LiveClock>,
    /// The thread to wake when something comes.
    reader: Arc<OnceLock<Thread>>,
    hand_over: Sender<Option<Consumer<Timed>>>,
}

impl Opener for InputOpener {
    type Device = OpenPort<MidiInputConnection<()>>;

    fn name(&self) -> String {
        format!("the MIDI input `{}`", self.text)
    }

    fn open(&mut self) -> Result<Self::Device, NodeError> {
        let (mut ring, came) = RingBuffer::new(ROOM);
        let (clock, reader) = (self.clock.clone(), self.reader.clone());
        // Waking a thread is one call of the system that does not wait.
        let mut put = move |timed| {
            let _ = ring.push(timed);
            if let Some(reader) = reader.get() {
                reader.unpark();
            }
        };
        let port = match &self.name {
            PortName::Jack(join) => {
                let join = join.as_deref();
                let port = jack::open_input(&self.own, join, clock, Box::new(put))?;
                OpenPort::Jack(Box::new(port))
            }
            name => {
                let receive = Box::new(move |bytes: &[u8]| {
                    if let Some(message) = Message::from_bytes(bytes) {
                        let time = clock.now();
                        put(Timed { time, message });
                    }
                });
                let (port, connection) = port::open_input(name, &self.own, receive)?;
                OpenPort::of_system(name, port, connection)
            }
        };
        // A node that is gone needs no ring.
        let _ = self.hand_over.send(Some(came));
        Ok(port)
    }

    fn look(&mut self, port: &mut Self::Device) -> Result<(), NodeError> {
        if port.is_alive(Direction::Input) {
            return Ok(());
        }
        let _ = self.hand_over.send(None);
        Err(missing(format!("{} is gone", self.name())))
    }
}
