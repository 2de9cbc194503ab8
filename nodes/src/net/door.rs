//! Where `net_in` listens: a thread lets senders in one after another; one that can prove itself
//! takes the place of the one before, which may be gone without a word.

use std::io::ErrorKind;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use score_engine::{Counters, NodeError, NodeErrorKind};

use super::handshake::{Offer, Refusal, Secret, answer};
use super::inbox::Inbox;
use super::link::{ClockFigures, OtherClock, SILENCE, converse, prepare};
use super::meeting::Meeting;
use super::outbox::Outbox;
use super::wire::{Content, Stamp};
use crate::complaints::Complaints;

/// Callers that may be asked who they are at the same time.
const CALLERS: usize = 8;

/// How often the thread looks whether it is still needed.
const LOOK: Duration = Duration::from_millis(20);

/// How long a port is waited for that another node has, whose place this one takes after an edit.
const LEAVES: Duration = Duration::from_secs(5);

/// What the door's threads share.
pub(super) struct Door {
    address: SocketAddr,
    secret: Option<Secret>,
    /// The dimension of latents that the patch takes.
    dimension: usize,
    pub(super) inbox: Inbox,
    pub(super) clock: OtherClock,
    is_over: AtomicBool,
    callers: AtomicUsize,
    /// The sender that is let in, and which of all it is.
    current: Mutex<(u64, Option<TcpStream>)>,
    /// Of whoever is refused, who may be anybody.
    complaints: Complaints,
    counters: Arc<Counters>,
    connections: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

impl Door {
    /// Listens at `address`; waits a moment for a node to leave it whose place is taken.
    ///
    /// # Errors
    /// Another program has the port, or this computer has no such address.
    pub(super) fn open(
        address: SocketAddr,
        secret: Option<Secret>,
        dimension: usize,
        counters: &Arc<Counters>,
    ) -> Result<Arc<Self>, NodeError> {
        let door = Arc::new(Door {
            address,
            secret,
            dimension,
            inbox: Inbox::default(),
            clock: OtherClock::default(),
            is_over: AtomicBool::new(false),
            callers: AtomicUsize::new(0),
            current: Mutex::new((0, None)),
            complaints: Complaints::of("net_in"),
            counters: counters.clone(),
            connections: counters.counter("connections"),
            lost: counters.counter("lost"),
        });
        door.wait();
        let listener = match TcpListener::bind(address) {
            Ok(listener) => Some(listener),
            // A node of this program may be about to leave it, after an edit.
            Err(why) if why.kind() == ErrorKind::AddrInUse && is_own(address) => None,
            Err(why) => return Err(refusal(address, &why)),
        };
        own().push(address);
        let keeping = door.clone();
        let thread = std::thread::Builder::new().name("net_in".to_owned());
        let thread = thread.spawn(move || {
            keeping.keep(listener);
            let mut own = own();
            if let Some(at) = own.iter().position(|other| *other == keeping.address) {
                own.swap_remove(at);
            }
        });
        match thread {
            Ok(_) => Ok(door),
            Err(why) => Err(NodeError::internal(format!(
                "no thread can be started ({why})"
            ))),
        }
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(stream) = self.current().1.take() {
            // Fails only when it is closed.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn wait(&self) {
        self.counters
            .wait_for(format!("waiting for a `net_out` at {}", self.address));
    }

    fn keep(self: &Arc<Self>, listener: Option<TcpListener>) {
        let begun = Instant::now();
        let mut listener = listener;
        while !self.is_over.load(Ordering::Acquire) {
            let Some(listening) = &listener else {
                listener = TcpListener::bind(self.address).ok();
                if listener.is_none() {
                    if begun.elapsed() > LEAVES {
                        self.counters
                            .lack(format!("the port at {} is another's", self.address));
                    }
                    std::thread::sleep(LOOK);
                }
                continue;
            };
            if listening.set_nonblocking(true).is_err() {
                listener = None;
                continue;
            }
            match listening.accept() {
                Ok((stream, from)) => self.greet(stream, from),
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    }

    /// Asks a caller who it is, on a thread of its own.
    fn greet(self: &Arc<Self>, stream: TcpStream, from: SocketAddr) {
        if self.callers.fetch_add(1, Ordering::AcqRel) >= CALLERS {
            self.callers.fetch_sub(1, Ordering::AcqRel);
            return;
        }
        let door = self.clone();
        let thread = std::thread::Builder::new().name("net caller".to_owned());
        let spawned = thread.spawn(move || {
            let met = door.meet(stream, from);
            door.callers.fetch_sub(1, Ordering::AcqRel);
            if let Some(stream) = met {
                door.listen_to(&stream, from);
            }
        });
        if spawned.is_err() {
            self.callers.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// The caller, if it may come in.
    fn meet(&self, stream: TcpStream, from: SocketAddr) -> Option<TcpStream> {
        let fits = |offer: Offer| match offer.latent {
            Some(other) if other as usize != self.dimension => Err(format!(
                "`net_out` sends latents of {other} numbers, and `net_in` takes {}; set `dimension: {other}` there",
                self.dimension
            )),
            _ => Ok(()),
        };
        let meeting = stream
            .set_nonblocking(false)
            .and_then(|()| Meeting::begin(&stream));
        let met = meeting.map_err(Refusal::from);
        let met = met.and_then(|mut meeting| answer(&mut meeting, self.secret.as_ref(), fits));
        match met.and_then(|()| prepare(&stream, SILENCE).map_err(Refusal::from)) {
            Ok(()) => Some(stream),
            Err(Refusal::Refused(why)) => {
                (self.complaints).say(|| format!("a caller at {} is refused: {why}", from.ip()));
                // Whoever plays now is not disturbed by what another wants.
                if self.current().1.is_none() {
                    self.counters.lack(why);
                }
                None
            }
            Err(Refusal::Broken(why)) => {
                tracing::debug!("net_in: a caller at {} went away ({why})", from.ip());
                None
            }
        }
    }

    /// Hears a sender to its end.
    fn listen_to(&self, stream: &TcpStream, from: SocketAddr) {
        let number = {
            let mut current = self.current();
            if self.is_over.load(Ordering::Acquire) {
                return;
            }
            if let Some(before) = current.1.take() {
                let _ = before.shutdown(Shutdown::Both);
            }
            current.0 += 1;
            current.1 = stream.try_clone().ok();
            // Under the same lock, so that nothing of the one before comes after it.
            self.inbox.break_off();
            self.connections.fetch_add(1, Ordering::Relaxed);
            self.counters.go_on();
            current.0
        };
        tracing::info!("net_in: connected with {}", from.ip());
        let figures = ClockFigures::new(&self.counters);
        let outbox = Outbox::default();
        let over = converse(stream, &outbox, &self.clock, &figures, |stamp, content| {
            self.hear(number, stamp, content);
        });
        let mut current = self.current();
        if current.0 != number {
            return;
        }
        current.1 = None;
        self.inbox.break_off();
        if self.is_over.load(Ordering::Acquire) {
            return;
        }
        match over {
            None => self.wait(),
            Some(why) => {
                let why = format!("the connection with {} is lost: {why}", from.ip());
                tracing::warn!("net_in: {why}");
                self.counters.lack(format!("{why}; waiting for it"));
            }
        }
    }

    /// Something has come from the sender of this number, which may no longer be the one.
    fn hear(&self, number: u64, stamp: Stamp, content: Content) {
        let is_unfit = match &content {
            Content::Latent(latent) => latent.len() != self.dimension,
            _ => false,
        };
        let current = self.current();
        let is_taken = !is_unfit && current.0 == number && self.inbox.put(stamp, content);
        drop(current);
        if !is_taken {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn current(&self) -> MutexGuard<'_, (u64, Option<TcpStream>)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses at which nodes of this program listen.
static OWN: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());

fn own() -> MutexGuard<'static, Vec<SocketAddr>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a node of this program has the port.
fn is_own(address: SocketAddr) -> bool {
    own().iter().any(|other| other.port() == address.port())
}

/// Why nobody can be listened to.
fn refusal(address: SocketAddr, why: &std::io::Error) -> NodeError {
    let (port, ip) = (address.port(), address.ip());
    let (message, help) = match why.kind() {
        ErrorKind::AddrInUse => (
            format!("the port {port} at {ip} is taken"),
            "choose another, for both ends; each pair of `net_out` and `net_in` has its own",
        ),
        ErrorKind::AddrNotAvailable => (
            format!("this computer has no address {ip}"),
            "`ip address` lists them; 0.0.0.0 is for all",
        ),
        _ => (
            format!("the port {port} at {ip} cannot be opened"),
            "ports below 1024 are the system's",
        ),
    };
    NodeError::new(NodeErrorKind::Device, format!("{message} ({why})")).help(help)
}

/// Whether only programs of this computer reach the address.
pub(super) fn is_of_this_computer(address: IpAddr) -> bool {
    address.is_loopback()
}
