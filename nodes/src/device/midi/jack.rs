//! MIDI ports at JACK's server, where each message has its frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jack::{
    AsyncClient, Client, Control, MidiIn, MidiOut, Port, PortFlags, ProcessHandler, ProcessScope,
    RawMidi,
};
use rtrb::Consumer;
use score_engine::{LiveClock, NodeError, Time};

use super::super::jack_period::PeriodTime;
use super::super::jack_server::{self, Ticket};
use super::super::keeper::missing;
use super::super::sound_device::Direction;
use super::super::watchdog::Watchdog;
use super::message::{Message, Timed};

/// How often a port without a connection looks for the ports to connect to.
const JOIN: Duration = Duration::from_millis(500);

/// What runs in JACK's process callback: no lock, no allocation.
enum Work {
    Send {
        port: Port<MidiOut>,
        due: Consumer<Timed>,
    },
    Receive {
        port: Port<MidiIn>,
        came: Box<dyn FnMut(Timed) + Send>,
    },
}

struct Handler {
    work: Work,
    clock: Arc<LiveClock>,
    periods: PeriodTime,
    rate: u32,
    calls: Arc<AtomicU64>,
}

impl ProcessHandler for Handler {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let frames = scope.n_frames();
        let start = self.periods.start(self.clock.now(), frames, self.rate);
        let period = Time::from_samples(u64::from(frames), self.rate).nanos();
        match &mut self.work {
            Work::Send { port, due } => {
                // Without a sound device nothing says how much later things are heard: one period,
                // so that each can still be put on its frame.
                let lead = self.clock.lead().nanos().max(period);
                let mut writer = port.writer(scope);
                let mut earliest = 0;
                while let Ok(timed) = due.peek() {
                    let wait = (timed.time.nanos() + lead - start).max(0);
                    let frame = Time::from_nanos(wait).to_samples(self.rate);
                    let Some(frame) = u32::try_from(frame).ok().filter(|frame| *frame < frames)
                    else {
                        break;
                    };
                    earliest = frame.max(earliest);
                    let bytes = timed.message.bytes();
                    let message = RawMidi {
                        time: earliest,
                        bytes,
                    };
                    if writer.write(&message).is_err() {
                        // The period's buffer is full; what is left is sent in the next one.
                        break;
                    }
                    let _ = due.pop();
                }
            }
            Work::Receive { port, came } => {
                for message in port.iter(scope) {
                    let Some(content) = Message::from_bytes(message.bytes) else {
                        continue;
                    };
                    // JACK hands over what came during the period before this one.
                    let offset = Time::from_samples(u64::from(message.time), self.rate).nanos();
                    came(Timed {
                        time: Time::from_nanos((start - period + offset).max(0)),
                        message: content,
                    });
                }
            }
        }
        Control::Continue
    }
}

/// An open port at JACK's server.
pub(crate) struct JackPort {
    client: AsyncClient<(), Handler>,
    direction: Direction,
    /// The port's full name.
    pub(crate) name: String,
    join: Option<String>,
    joined: Instant,
    /// What the port was connected to when it was last looked at.
    peers: Vec<String>,
    calls: Arc<AtomicU64>,
    watchdog: Watchdog,
    /// Last, so that it goes after the client.
    ticket: Ticket,
}

/// Opens a port for sending what comes out of `due`, at its time plus the sound's lead.
///
/// # Errors
/// No server runs, or it refuses the port.
pub(crate) fn open_output(
    own: &str,
    join: Option<&str>,
    clock: Arc<LiveClock>,
    due: Consumer<Timed>,
) -> Result<JackPort, NodeError> {
    let (ticket, client) = client(own)?;
    let port = client
        .register_port("out", MidiOut::default())
        .map_err(|error| refused(own, &error))?;
    let name = port.name().unwrap_or_default();
    let work = Work::Send { port, due };
    activate((ticket, client), name, work, Direction::Output, join, clock)
}

/// Opens a port for listening; `came` is called in JACK's callback and must not wait.
///
/// # Errors
/// As [`open_output`].
pub(crate) fn open_input(
    own: &str,
    join: Option<&str>,
    clock: Arc<LiveClock>,
    came: Box<dyn FnMut(Timed) + Send>,
) -> Result<JackPort, NodeError> {
    let (ticket, client) = client(own)?;
    let port = client
        .register_port("in", MidiIn::default())
        .map_err(|error| refused(own, &error))?;
    let name = port.name().unwrap_or_default();
    let work = Work::Receive { port, came };
    activate((ticket, client), name, work, Direction::Input, join, clock)
}

/// A client for the port of node `own`. Each node has one of its own, so that it is called the same
/// in every run.
fn client(own: &str) -> Result<(Ticket, Client), NodeError> {
    jack_server::client(&format!("midi_{own}"))
}

fn refused(port: &str, error: &jack::Error) -> NodeError {
    missing(format!("JACK refuses the MIDI port `{port}` ({error})"))
}

fn activate(
    (ticket, client): (Ticket, Client),
    name: String,
    work: Work,
    direction: Direction,
    join: Option<&str>,
    clock: Arc<LiveClock>,
) -> Result<JackPort, NodeError> {
    let calls = ticket.calls();
    let handler = Handler {
        work,
        clock,
        periods: PeriodTime::default(),
        rate: client.sample_rate(),
        calls: calls.clone(),
    };
    let client = client
        .activate_async((), handler)
        .map_err(|error| refused(&name, &error))?;
    let mut port = JackPort {
        client,
        direction,
        name,
        join: join.map(str::to_lowercase),
        joined: Instant::now(),
        peers: Vec::new(),
        calls,
        watchdog: Watchdog::new(),
        ticket,
    };
    port.join();
    Ok(port)
}

impl JackPort {
    /// Whether the server still calls. Connects the port to what it is to be connected to, where
    /// that is there.
    pub(crate) fn is_alive(&mut self) -> bool {
        if !self.watchdog.is_alive(self.calls.load(Ordering::Relaxed)) {
            self.ticket.report_lost();
        }
        if self.ticket.is_lost() {
            return false;
        }
        if self.joined.elapsed() >= JOIN {
            self.join();
        }
        true
    }

    /// Whether something that the port was connected to has gone since the last look.
    pub(crate) fn has_lost_peer(&mut self) -> bool {
        let own = self.client.as_client().port_by_name(&self.name);
        let peers = own.map(|port| port.get_connections()).unwrap_or_default();
        let is_lost = self.peers.iter().any(|peer| !peers.contains(peer));
        self.peers = peers;
        is_lost
    }

    fn join(&mut self) {
        self.joined = Instant::now();
        let Some(wanted) = &self.join else { return };
        let client = self.client.as_client();
        let is_joined = client
            .port_by_name(&self.name)
            .and_then(|port| port.connected_count().ok())
            .is_some_and(|count| count > 0);
        if is_joined {
            return;
        }
        for other in ports_of(client, self.direction) {
            if other.to_lowercase().contains(wanted) && other != self.name {
                let joined = match self.direction {
                    Direction::Output => client.connect_ports_by_name(&self.name, &other),
                    Direction::Input => client.connect_ports_by_name(&other, &self.name),
                };
                if joined.is_ok() {
                    tracing::info!("`{}` is connected to `{other}`", self.name);
                }
            }
        }
    }
}

/// The MIDI ports of others that a port of this direction can be connected to.
fn ports_of(client: &Client, direction: Direction) -> Vec<String> {
    let flags = match direction {
        // What we send goes into others' inputs.
        Direction::Output => PortFlags::IS_INPUT,
        Direction::Input => PortFlags::IS_OUTPUT,
    };
    client.ports(None, Some("midi"), flags)
}

/// The MIDI ports at JACK's server; `None` where none runs.
pub(crate) fn ports(direction: Direction) -> Option<Vec<String>> {
    let (_ticket, client) = client("list").ok()?;
    Some(ports_of(&client, direction))
}
