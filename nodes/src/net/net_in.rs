//! Receives from a patch on another computer.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use score_engine::{
    Build, Check, Control, Descriptor, Event, Flow, Frame, Io, Latent, Node, NodeError, Note,
    OutputPort, Packet, Params, Payload, PortType, Processor, Time,
};

use super::door::{Door, is_of_this_computer};
use super::handshake::Secret;
use super::inbox::Came;
use super::offset;
use super::wire::{Content, LONGEST_LATENT, Stamp};
use crate::midi::keyboard::Keyboard;
use crate::only_live::only_live;
use crate::osc::strike;
use crate::waiting::Waiting;

const PICTURE: OutputPort<Frame> = OutputPort::new(0, "picture", "pictures");
const LATENT: OutputPort<Latent> = OutputPort::new(1, "latent", "latents");
const CONTROL: OutputPort<Control> = OutputPort::new(2, "control", "numbers");
const EVENT: OutputPort<Event> = OutputPort::new(3, "event", "events");
const NOTES: OutputPort<Note> = OutputPort::new(4, "notes", "notes");

/// How long one call waits: short enough to end at once when the run does.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long before its time something is sent on, in nanoseconds: a hop along a wire later it is
/// still in time for the block of sound in which it begins.
const AHEAD: i64 = 8_000_000;

/// What is meant for later than this is sent on at once, in nanoseconds: no clock is that far off.
const LATEST: i64 = 60_000_000_000;

/// `net_in`.
#[derive(Clone, Params)]
pub(crate) struct NetIn {
    /// the TCP port to listen at; each pair of nodes has its own
    #[param(rebuild = "the port is opened once", range = 1..=65_535)]
    port: u16,
    /// the address of this computer to listen at; 0.0.0.0: all, so that the network reaches it,
    /// which takes a `secret`
    #[param(rebuild = "the port is opened once", default = "127.0.0.1")]
    listen: String,
    /// a file with the secret that both ends have; left out: none
    #[param(rebuild = "the port is opened once", content = Other)]
    secret: Option<PathBuf>,
    /// components of the latents that come
    #[param(structural = "the nodes behind take latents of this dimension", range = 1..=4096, default = 64)]
    dimension: usize,
    /// how long all is held back, so that what was longer on its way is not late
    #[param(live, range = 0.0..=5.0, span = 0.0..=0.2, unit = "s", default = 0.0)]
    delay: f64,
    /// the beginning of a note, or an event, that comes later than this is counted and not sent on
    #[param(live, range = 0.0..=60.0, span = 0.05..=1.0, unit = "s", default = 0.25)]
    late: f64,
}

impl Node for NetIn {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("net", "net_in", "Receives from a patch on another computer")
            .example(
                r#"nodes: {
                    "camera_pc": net_in(port: 7700),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: [
                    "camera_pc.control -> tune.density",
                    "camera_pc.event -> tune.accent",
                    "tune -> piano -> sound",
                ]"#,
            )
            .details(
                "Only in a live run. From the node `net_out` of another `score run`, over one TCP connection; a second sender that \
                 proves itself takes the place of the first. Of pictures, latents and controls the newest comes out, \
                 events and notes all do. While nobody is connected, or the network fails, the last values hold \
                 and notes that sound end. An end of a note that comes late is played; a beginning or an event that is more than \
                 `late` late is counted (`late`).\n\n\
                 What comes has the time that it had there, by the clocks of both computers (`net_out` has the figures), and `delay` more: \
                 as much as the network's delay varies gives an even rhythm.\n\n\
                 Without `secret` only programs of this computer are let in.",
            )
            .output(PICTURE)
            .output(LATENT)
            .output(CONTROL)
            .output(EVENT)
            .output(NOTES)
    }

    fn check(&self, check: &mut Check<'_>) {
        match self.listen.parse::<IpAddr>() {
            Err(_) => check.refuse(
                "listen",
                format!("`{}` is not an IP address", self.listen),
                Some("127.0.0.1 is for this computer, 0.0.0.0 for the network too".to_owned()),
            ),
            Ok(ip) if !is_of_this_computer(ip) && self.secret.is_none() => check.refuse(
                "listen",
                "whoever reaches this computer could send to it: the network takes a `secret`",
                Some("`secret: \"stage.secret\"` on both computers, a file with 12 characters or more".to_owned()),
            ),
            Ok(_) => {}
        }
        if let Some(secret) = &self.secret {
            check.require_file("secret", secret, "secret");
        }
        check.set_output(
            LATENT,
            PortType::Latent(Some(self.dimension.min(LONGEST_LATENT))),
        );
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        only_live(build, "net_in", "leave the node out")?;
        let ip: IpAddr = (self.listen.parse())
            .map_err(|_| NodeError::input(format!("`{}` is not an IP address", self.listen)))?;
        let secret = self.secret.as_deref().map(Secret::read).transpose()?;
        let address = SocketAddr::new(ip, self.port);
        let door = Door::open(address, secret, self.dimension, build.counters)?;
        Ok(Box::new(Receiving {
            door,
            waiting: Waiting::default(),
            notes_due: i64::MIN,
            keyboard: Keyboard::default(),
            latest: Time::ZERO,
            late: build.counters.counter("late"),
            lost: build.counters.counter("lost"),
        }))
    }
}

struct Receiving {
    door: Arc<Door>,
    /// What is to be sent on later.
    waiting: Waiting<(Stamp, Content)>,
    /// When the last notes are due that have come: none leave before those that came before them.
    notes_due: i64,
    /// What sounds.
    keyboard: Keyboard,
    /// When the last packet was.
    latest: Time,
    /// Beginnings that came too late.
    late: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

impl Processor<NetIn> for Receiving {
    fn process(&mut self, params: &NetIn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = Instant::now();
        for (stamp, content) in self.waiting.due(now) {
            self.pass(params, stamp, content, io)?;
        }
        let patience = self.waiting.next(now).unwrap_or(PATIENCE).min(PATIENCE);
        match io.idle(|| self.door.inbox.next(patience)) {
            None => {}
            Some(Came::Break) => {
                // What was to begin later belongs to the one who is gone.
                self.forget(io)?;
            }
            Some(Came::Content(stamp, content)) => self.take(params, stamp, content, io)?,
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &NetIn, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.door.close();
        self.silence(io)
    }
}

impl Receiving {
    /// Something has come: it is sent on, or waits until its time.
    fn take(
        &mut self,
        params: &NetIn,
        stamp: Stamp,
        content: Content,
        io: &mut Io<'_>,
    ) -> Result<(), NodeError> {
        let delay = Time::from_seconds(params.delay).nanos();
        let (due, captured) = match self.door.clock.offset() {
            Some(offset) => {
                let here = |time: i64| time.saturating_sub(offset);
                (here(stamp.due), here(stamp.captured))
            }
            // The first moments of a connection: what comes is of now.
            None => (offset::now(), offset::now()),
        };
        let now = offset::now();
        let mut due = due.saturating_add(delay);
        if due.saturating_sub(now) > LATEST {
            due = now;
        }
        let stamp = Stamp { due, captured };
        let is_notes = matches!(content, Content::Notes(_));
        if is_notes {
            due = due.max(self.notes_due);
            self.notes_due = due;
        }
        let leaves = due.saturating_sub(AHEAD);
        let must_wait = is_notes && self.waiting.next(Instant::now()).is_some();
        if leaves <= now && !must_wait {
            return self.pass(params, stamp, content, io);
        }
        let size = match &content {
            Content::Picture(frame) => frame.pixels().len(),
            Content::Latent(latent) => latent.len() * 4,
            _ => 64,
        };
        if self
            .waiting
            .put(offset::instant(leaves), (stamp, content), size)
        {
            return Ok(());
        }
        self.lost.fetch_add(1, Ordering::Relaxed);
        match is_notes {
            // An end may be lost with it: better that all ends.
            true => self.forget(io),
            false => Ok(()),
        }
    }

    /// Nothing that waits comes any more, and all that sounds ends.
    fn forget(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.waiting = Waiting::default();
        self.notes_due = i64::MIN;
        self.silence(io)
    }

    /// Sends something on, unless it is too late for it; its times are by this computer's clock.
    fn pass(
        &mut self,
        params: &NetIn,
        stamp: Stamp,
        content: Content,
        io: &mut Io<'_>,
    ) -> Result<(), NodeError> {
        let now = offset::now();
        let is_late = now.saturating_sub(stamp.due) > Time::from_seconds(params.late).nanos();
        let (port, payload) = match content {
            Content::Picture(frame) => (PICTURE.index(), Payload::Frame(frame)),
            Content::Latent(latent) => (LATENT.index(), Payload::Latent(latent)),
            Content::Control(value) => (CONTROL.index(), Payload::Control(value)),
            Content::Event(_) if is_late => {
                self.late.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            Content::Event(event) => (EVENT.index(), Payload::Event(event)),
            Content::Notes(notes) => {
                let notes = self.strike(&notes, is_late);
                if notes.is_empty() {
                    return Ok(());
                }
                (NOTES.index(), Payload::Notes(notes.into()))
            }
        };
        let ahead = stamp.due.saturating_sub(now).clamp(-LATEST, AHEAD);
        let time = self.time(io.now() + Time::from_nanos(ahead));
        let age = now.saturating_sub(stamp.captured).clamp(0, LATEST);
        let age = Duration::from_nanos(age.unsigned_abs());
        let instant = Instant::now();
        let captured = instant.checked_sub(age).unwrap_or(instant);
        io.send_packet(
            port,
            Packet {
                time,
                captured,
                payload,
            },
        )
    }

    /// What sounds and ends of notes that came; of late ones only the ends.
    fn strike(&mut self, notes: &[Note], is_late: bool) -> Vec<Note> {
        let mut struck = Vec::with_capacity(notes.len());
        for note in notes {
            match note {
                Note::On { .. } if is_late => {
                    self.late.fetch_add(1, Ordering::Relaxed);
                }
                note => struck.extend(strike(&mut self.keyboard, *note)),
            }
        }
        struck
    }

    /// A time that is not before the last.
    fn time(&mut self, time: Time) -> Time {
        self.latest = self.latest.max(time);
        self.latest
    }

    /// Ends all that sounds.
    fn silence(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let ends = self.keyboard.silence(None);
        if ends.is_empty() {
            return Ok(());
        }
        let time = self.time(io.now());
        io.send_captured_now(NOTES, time, ends)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.door.close();
    }
}
