//! Sends to a patch on another computer.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_engine::{
    Build, Check, Control, Counters, Descriptor, Event, Flow, Frame, InputPort, Io, Latent,
    LiveClock, Node, NodeError, Note, Packet, Params, Payload, Processor, Time,
};

use super::handshake::{Offer, Refusal, Secret, call};
use super::link::{ClockFigures, OtherClock, SILENCE, converse, prepare};
use super::meeting::{MEETING, Meeting};
use super::offset;
use super::outbox::{Outbox, Put};
use super::wire::{Content, LARGEST_SIDE, Stamp, fits};
use crate::backoff::Backoff;
use crate::only_live::only_live;

const PICTURE: InputPort<Frame> = InputPort::new(
    0,
    "picture",
    "sent as it is, the newest; 512 × 512 pixels at most",
)
.optional();
const LATENT: InputPort<Latent> = InputPort::new(1, "latent", "sent, the newest").optional();
const CONTROL: InputPort<Control> = InputPort::new(2, "control", "sent, the newest").optional();
const EVENT: InputPort<Event> = InputPort::new(3, "event", "sent, each").optional();
const NOTES: InputPort<Note> = InputPort::new(4, "notes", "sent, each").optional();

/// The waits between two tries to connect.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long the end waits for the last messages to leave.
const LAST: Duration = Duration::from_millis(500);

/// The least age of what was captured that is believed, in nanoseconds.
const OLDEST: i64 = 60_000_000_000;

/// `net_out`.
#[derive(Clone, Params)]
pub(crate) struct NetOut {
    /// the computer on which `net_in` plays: its address, or its name
    #[param(rebuild = "the connection is made once", default = "127.0.0.1")]
    host: String,
    /// the TCP port at which that `net_in` listens
    #[param(rebuild = "the connection is made once", range = 1..=65_535)]
    port: u16,
    /// a file with the secret that both ends have; left out: none
    #[param(rebuild = "the connection is made once", content = Other)]
    secret: Option<PathBuf>,
}

impl Node for NetOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("net", "net_out", "Sends to a patch on another computer")
            .example(
                r#"nodes: {
                    "camera": camera(width: 64, height: 64),
                    "motion": motion(),
                    "cuts": cut_detector(),
                    "sound_pc": net_out(host: "192.168.1.20", port: 7700),
                },
                wires: [
                    "camera -> sound_pc.picture",
                    "camera -> motion -> sound_pc.control",
                    "camera -> cuts",
                    "cuts.cut -> sound_pc.event",
                ]"#,
            )
            .details(
                "Only in a live run. To the node `net_in` of another `score run`, over one TCP connection, which is made again \
                 whenever it breaks. Events and notes all go, in their order; of pictures, latents and controls the newest, \
                 which is also sent first after a break. What begins during a break is not sent and counted (`lost`); \
                 the other end ends its notes. Two ends whose types do not fit, or without the same `secret`, \
                 both say so.\n\n\
                 `secret` is a file with at least 12 characters, the same on both computers; it never crosses the network, but what is sent \
                 is not encrypted. The status has the shortest way there and back (`round_trip_us`) and how far the \
                 other computer's clock is ahead or behind. For several numbers use several pairs of nodes, \
                 each at its own port, or `latent_from_controls`.",
            )
            .input(PICTURE)
            .input(LATENT)
            .input(CONTROL)
            .input(EVENT)
            .input(NOTES)
            .independent_inputs()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let host = self.host.trim();
        let is_address = host.parse::<IpAddr>().is_ok();
        if host.is_empty() || !is_address && host.contains([':', '/', ' ']) {
            check.refuse(
                "host",
                format!("`{}` is not the name of a computer", self.host),
                Some("as in `host: \"192.168.1.20\", port: 7700`".to_owned()),
            );
        }
        if let Some(secret) = &self.secret {
            check.require_file("secret", secret, "secret");
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let clock = only_live(build, "net_out", "leave the node out")?;
        let secret = self.secret.as_deref().map(Secret::read).transpose()?;
        let latent = match build.is_wired(LATENT) {
            true => u32::try_from(build.input_dimension(LATENT)?).ok(),
            false => None,
        };
        let wired = [
            build.is_wired(PICTURE),
            build.is_wired(CONTROL),
            build.is_wired(EVENT),
            build.is_wired(NOTES),
        ];
        let line = Arc::new(Line {
            host: self.host.trim().to_owned(),
            port: self.port,
            secret,
            offer: Offer {
                others: wired,
                latent,
            },
            outbox: Outbox::default(),
            over: AtomicBool::new(false),
            stream: Mutex::new(None),
            counters: build.counters.clone(),
            lost: build.counters.counter("lost"),
            connections: build.counters.counter("connections"),
        });
        build
            .counters
            .wait_for(format!("connecting to {}:{}", line.host, line.port));
        let thread = std::thread::Builder::new().name("net_out".to_owned());
        let thread = thread.spawn({
            let line = line.clone();
            move || line.keep()
        });
        let thread = thread
            .map_err(|why| NodeError::internal(format!("no thread can be started ({why})")))?;
        Ok(Box::new(Sending {
            line,
            thread: Some(thread),
            clock: clock.clone(),
            unfit: build.counters.counter("unfit"),
        }))
    }
}

/// The way to the other end, which a thread keeps open.
struct Line {
    host: String,
    port: u16,
    secret: Option<Secret>,
    offer: Offer,
    outbox: Outbox,
    over: AtomicBool,
    /// The connection, to be closed from outside.
    stream: Mutex<Option<TcpStream>>,
    counters: Arc<Counters>,
    /// Beginnings of notes, and events, that were not sent.
    lost: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

impl Line {
    /// Connects, again and again, until the node is over.
    fn keep(&self) {
        let figures = ClockFigures::new(&self.counters);
        let clock = OtherClock::default();
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut said = String::new();
        while !self.over.load(Ordering::Acquire) {
            let begun = Instant::now();
            let why = match self.connect() {
                Ok(stream) => {
                    self.connections.fetch_add(1, Ordering::Relaxed);
                    self.counters.go_on();
                    said.clear();
                    tracing::info!("connected to {}:{}", self.host, self.port);
                    let over = converse(&stream, &self.outbox, &clock, &figures, |_, _| {});
                    self.lost.fetch_add(self.outbox.close(), Ordering::Relaxed);
                    let over =
                        over.map_or("the other end has ended".to_owned(), |why| why.to_string());
                    format!(
                        "the connection to {}:{} is lost: {over}",
                        self.host, self.port
                    )
                }
                Err(Refusal::Refused(why)) => why,
                Err(Refusal::Broken(why)) => {
                    format!("{}:{} cannot be reached ({why})", self.host, self.port)
                }
            };
            *self.stream() = None;
            if self.over.load(Ordering::Acquire) {
                return;
            }
            self.counters.lack(why.clone());
            // Once for each reason.
            if why != said {
                tracing::warn!("net_out: {why}; trying again");
                said = why;
            }
            self.rest(backoff.after(begun.elapsed()));
        }
    }

    fn connect(&self) -> Result<TcpStream, Refusal> {
        let addresses: Vec<SocketAddr> =
            (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in addresses {
            match TcpStream::connect_timeout(&address, MEETING) {
                Ok(stream) => {
                    *self.stream() = stream.try_clone().ok();
                    let mut meeting = Meeting::begin(&stream)?;
                    call(&mut meeting, self.secret.as_ref(), self.offer)?;
                    prepare(&stream, SILENCE)?;
                    return Ok(stream);
                }
                Err(why) => last = why,
            }
        }
        Err(last.into())
    }

    /// Waits, but not longer than the node is there.
    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.over.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stream(&self) -> std::sync::MutexGuard<'_, Option<TcpStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Sending {
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
    clock: Arc<LiveClock>,
    /// What is too large for the network, or is no number.
    unfit: Arc<AtomicU64>,
}

impl Processor<NetOut> for Sending {
    fn process(&mut self, _params: &NetOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let packet = input.packet;
            let content = match &packet.payload {
                Payload::Frame(frame) => Content::Picture(frame.clone()),
                Payload::Latent(latent) => Content::Latent(latent.clone()),
                Payload::Control(value) => Content::Control(*value),
                Payload::Event(event) => Content::Event(event.clone()),
                _ => Content::Notes(packet.notes()?.clone()),
            };
            if !fits(&content) {
                self.refuse(&content);
                continue;
            }
            let begins = match &content {
                Content::Notes(notes) => notes
                    .iter()
                    .filter(|note| matches!(note, Note::On { .. }))
                    .count() as u64,
                Content::Event(_) => 1,
                _ => 0,
            };
            if self.line.outbox.put(self.stamp(&packet), content) == Put::Lost {
                self.line.lost.fetch_add(begins, Ordering::Relaxed);
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &NetOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        let now = offset::now();
        self.line.outbox.end(Stamp {
            due: now,
            captured: now,
        });
        let begun = Instant::now();
        let is_done = |thread: &JoinHandle<()>| thread.is_finished();
        self.line.over.store(true, Ordering::Release);
        while self.thread.as_ref().is_some_and(|thread| !is_done(thread)) && begun.elapsed() < LAST
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Sending {
    /// When a packet is meant and what is in it was captured, by this computer's clock.
    fn stamp(&self, packet: &Packet) -> Stamp {
        let now = offset::now();
        let ahead = (packet.time - self.clock.now()).max(Time::ZERO);
        let captured = offset::of(packet.captured).clamp(now - OLDEST, now);
        Stamp {
            due: now.saturating_add(ahead.nanos()),
            captured,
        }
    }

    /// Counts what cannot be sent, and says so the first time.
    fn refuse(&self, content: &Content) {
        if self.unfit.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        match content {
            Content::Picture(frame) => tracing::warn!(
                "net_out: a picture of {} × {} pixels is too large for the network, which takes \
                 {LARGEST_SIDE} × {LARGEST_SIDE}; give its source a smaller `width` and `height`",
                frame.width(),
                frame.height()
            ),
            _ => tracing::warn!("net_out: what is no number, or too long, is not sent"),
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.line.over.store(true, Ordering::Release);
        if let Some(stream) = self.line.stream().take() {
            // Fails only when it is closed.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        self.line.outbox.stop();
        if let Some(thread) = self.thread.take()
            && thread.is_finished()
        {
            // One that looks a host up is left to end by itself.
            let _ = thread.join();
        }
    }
}
