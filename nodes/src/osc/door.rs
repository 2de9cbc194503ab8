//! The sockets that `osc_in` listens at: one for each address, however many nodes listen to it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};
use rosc::OscMessage;
use score_engine::{Counters, NodeError, NodeErrorKind};

use super::heard::Heard;
use super::pattern::Pattern;
use super::reading::{self, LARGEST};
use crate::complaints::Complaints;

/// Messages that may wait for a node.
const ROOM: usize = 4_096;

/// How often the thread that receives looks whether anybody still listens.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// After an error that may last.
const REST: Duration = Duration::from_millis(100);

/// How long a socket that is being closed is waited for.
const CLOSES: Duration = Duration::from_secs(1);

/// How long a node waits for another to leave its port: after an edit of `listen`, the one whose
/// place it takes.
const LEAVES: Duration = Duration::from_secs(5);

/// The doors that are open, or being closed.
static DOORS: Mutex<BTreeMap<SocketAddr, Weak<Door>>> = Mutex::new(BTreeMap::new());

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket and the thread that reads it. With the last who holds it, both go.
struct Door {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    ears: Mutex<Vec<Weak<Ear>>>,
    is_over: AtomicBool,
    complaints: Complaints,
}

impl Default for Shared {
    fn default() -> Self {
        Shared {
            ears: Mutex::default(),
            is_over: AtomicBool::new(false),
            complaints: Complaints::of("OSC"),
        }
    }
}

/// What one node listens to, and where to it is handed on.
struct Ear {
    pattern: Mutex<Pattern>,
    heard: Sender<Heard>,
}

/// What one node hears.
pub(super) struct Inlet {
    ear: Arc<Ear>,
    heard: Receiver<Heard>,
    door: Way,
    /// Where it is shown that the port is waited for.
    counters: Arc<Counters>,
}

/// How a node comes to its door.
enum Way {
    Open(Arc<Door>),
    /// Another node of this program has the port at another address of this computer. It may be
    /// about to leave, if this one is to take its place; it has been waited for since then.
    Awaited(SocketAddr, Option<Instant>),
}

/// What is found at an address.
enum Found {
    Door(Arc<Door>),
    /// Nothing, while a node of this program has the port at this other address.
    Other(SocketAddr),
}

impl Inlet {
    /// Listens at `address` to what `pattern` means; at port 0, to one that the system chooses.
    /// Where another node of this program has the port at another address, it begins to listen
    /// once that one has gone.
    ///
    /// # Errors
    /// Another program has the port, or this computer has no such address.
    pub(super) fn open(
        address: SocketAddr,
        pattern: Pattern,
        counters: &Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let (sender, heard) = bounded(ROOM);
        let ear = Arc::new(Ear {
            pattern: Mutex::new(pattern),
            heard: sender,
        });
        let door = match door(address)? {
            Found::Door(door) => {
                door.shared.join(&ear);
                Way::Open(door)
            }
            Found::Other(other) => {
                counters.wait_for(shared_port(other).to_string());
                Way::Awaited(address, None)
            }
        };
        Ok(Inlet {
            ear,
            heard,
            door,
            counters: counters.clone(),
        })
    }

    /// Where it listens.
    #[cfg(test)]
    pub(super) fn address(&self) -> SocketAddr {
        match &self.door {
            Way::Open(door) => door.address,
            Way::Awaited(address, _) => *address,
        }
    }

    /// Listens to what `pattern` means from now on.
    pub(super) fn listen_to(&self, pattern: Pattern) {
        *lock(&self.ear.pattern) = pattern;
    }

    /// Says in the log what could not be taken.
    pub(super) fn complain(&self, what: &str) {
        // Nothing has come before.
        if let Way::Open(door) = &self.door {
            door.shared.complaints.say(|| what.to_owned());
        }
    }

    /// The next message, which may be for a later time; waits for one up to `patience`.
    ///
    /// # Errors
    /// The node that has the port at another address does not leave it, or its place is gone.
    pub(super) fn next(&mut self, patience: Duration) -> Result<Option<Heard>, NodeError> {
        if let Way::Awaited(address, since) = &mut self.door {
            let (address, since) = (*address, *since.get_or_insert_with(Instant::now));
            match door(address)? {
                Found::Door(door) => {
                    door.shared.join(&self.ear);
                    self.door = Way::Open(door);
                    self.counters.go_on();
                }
                Found::Other(other) if since.elapsed() >= LEAVES => return Err(shared_port(other)),
                Found::Other(other) => {
                    self.counters.wait_for(shared_port(other).to_string());
                    std::thread::sleep(patience.min(POLL_INTERVAL));
                    return Ok(None);
                }
            }
        }
        Ok(self.heard.recv_timeout(patience).ok())
    }
}

/// The door at `address`: the one that is open, or a new one, unless a node of this program has the
/// port at another address.
fn door(address: SocketAddr) -> Result<Found, NodeError> {
    let begun = Instant::now();
    loop {
        let mut doors = lock(&DOORS);
        let known = doors.get(&address);
        if let Some(door) = known.and_then(Weak::upgrade) {
            return Ok(Found::Door(door));
        }
        let is_closing = known.is_some();
        let mut others = doors.keys().copied();
        let other = others.find(|door| shares_port(*door, address));
        match Door::open(address) {
            Ok(door) => {
                let door = Arc::new(door);
                doors.insert(door.address, Arc::downgrade(&door));
                return Ok(Found::Door(door));
            }
            Err(error) => match other.filter(|_| is_taken(&error)) {
                None => return Err(refusal(address, &error)),
                Some(other) if !is_closing || begun.elapsed() >= CLOSES => {
                    return Ok(Found::Other(other));
                }
                Some(_) => {}
            },
        }
        drop(doors);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether only one of two sockets can have its address: they are one, or one of them is all.
fn shares_port(one: SocketAddr, other: SocketAddr) -> bool {
    // All of version 6 are those of version 4 too, and not the other way round: who has the port
    // there then is another program.
    let is_of = |ip: IpAddr, all: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    let (ip, other_ip) = (one.ip(), other.ip());
    let share = one == other || is_of(ip, other_ip) || is_of(other_ip, ip);
    one.port() == other.port() && share
}

/// What is said where another node of this program has the port at the address `other`.
fn shared_port(other: SocketAddr) -> NodeError {
    let (ip, port) = (other.ip(), other.port());
    let what = format!("another `osc_in` has the port {port} at {ip}");
    NodeError::new(NodeErrorKind::Device, what)
        .help("give all nodes at one port the same `listen`, or this one another `port`")
}

fn is_taken(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::AddrInUse
}

fn refusal(address: SocketAddr, error: &std::io::Error) -> NodeError {
    let (ip, port) = (address.ip(), address.port());
    let (what, help) = match error.kind() {
        ErrorKind::AddrInUse => (
            format!("the port {port} at {ip} is taken"),
            "choose another `port`, or close the program that has it; `--osc` cannot have the same",
        ),
        ErrorKind::AddrNotAvailable => (
            format!("{ip} is not an address of this computer"),
            "`listen` is one of its own, 127.0.0.1 for programs on it, or 0.0.0.0 for all",
        ),
        _ => (
            format!("OSC cannot be received at {address}"),
            "choose another `port` or `listen`",
        ),
    };
    NodeError::new(NodeErrorKind::Device, format!("{what} ({error})")).help(help)
}

impl Door {
    fn open(address: SocketAddr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let address = socket.local_addr()?;
        socket.set_read_timeout(Some(POLL_INTERVAL))?;
        let shared = Arc::<Shared>::default();
        let thread = {
            let shared = shared.clone();
            let named = std::thread::Builder::new().name("osc".to_owned());
            named.spawn(move || receive(&socket, &shared))?
        };
        Ok(Door {
            address,
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let mut doors = lock(&DOORS);
        if doors
            .get(&self.address)
            .is_some_and(|door| door.strong_count() == 0)
        {
            doors.remove(&self.address);
        }
    }
}

/// Takes in what comes through `socket`, which has a timeout, until nobody listens.
fn receive(socket: &UdpSocket, shared: &Shared) {
    let mut packet = vec![0; LARGEST];
    while !shared.is_over.load(Ordering::Relaxed) {
        match socket.recv_from(&mut packet) {
            Ok((length, _)) => shared.take(&packet[..length]),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(_) => std::thread::sleep(REST),
        }
    }
}

impl Shared {
    /// Hands messages on to `ear` too.
    fn join(&self, ear: &Arc<Ear>) {
        let mut ears = lock(&self.ears);
        ears.retain(|ear| ear.strong_count() > 0);
        ears.push(Arc::downgrade(ear));
    }

    fn take(&self, packet: &[u8]) {
        let now = Instant::now();
        let hand_on = |wait: Duration, message: OscMessage| self.hand_on(now + wait, &message);
        reading::read(packet, SystemTime::now(), &self.complaints, hand_on);
    }

    fn hand_on(&self, at: Instant, message: &OscMessage) {
        let mut heard = None;
        for ear in lock(&self.ears).iter().filter_map(Weak::upgrade) {
            if !lock(&ear.pattern).takes(&message.addr) {
                continue;
            }
            let heard = heard.get_or_insert_with(|| Heard::of(at, message));
            let Some(heard) = heard.clone() else {
                return self.complaints.say(|| {
                    let address = &message.addr;
                    format!("`{address}`: `osc_in` takes a number, a text, or nothing")
                });
            };
            if ear.heard.try_send(heard).is_err() {
                (self.complaints).say(|| "more messages come than a node can take".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::arguments;
    use super::super::heard::Said;
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const PATIENCE: Duration = Duration::from_secs(5);

    /// This computer, at a port that the system chooses.
    const ANYWHERE: SocketAddr = SocketAddr::new(HERE, 0);

    fn inlet(address: SocketAddr, pattern: &str) -> Result<Inlet, NodeError> {
        Inlet::open(address, Pattern::parse(pattern).unwrap(), &Arc::default())
    }

    fn send(to: SocketAddr, address: &str) {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        let packet = arguments::packet(address, Vec::new()).unwrap();
        socket.send_to(&packet, to).unwrap();
    }

    /// The address of the next message.
    fn next(inlet: &mut Inlet) -> String {
        match inlet.next(PATIENCE).unwrap().map(|heard| heard.said) {
            Some(Said::Address(address)) => address,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn several_nodes_share_a_port_and_each_hears_its_own() {
        let mut one = inlet(ANYWHERE, "/one").unwrap();
        let at = one.address();
        let mut two = inlet(at, "/two").unwrap();
        for name in ["/three", "/two", "/one"] {
            send(at, name);
        }
        assert_eq!(next(&mut one), "/one");
        assert_eq!(next(&mut two), "/two");
        assert_eq!(one.next(Duration::ZERO).unwrap(), None);
        one.listen_to(Pattern::parse("/th*").unwrap());
        drop(two);
        send(at, "/three");
        assert_eq!(next(&mut one), "/three");
    }

    #[test]
    fn a_taken_port_and_a_foreign_address_are_one_clear_message_each() {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        let at = socket.local_addr().unwrap();
        let error = inlet(at, "/a").map(|_| ()).unwrap_err();
        let port = at.port().to_string();
        assert!(error.to_string().contains("is taken"), "{error}");
        assert!(error.to_string().contains(&port), "{error}");
        assert!(error.advice().is_some_and(|help| help.contains("`port`")));
        let foreign = SocketAddr::from(([192, 0, 2, 1], 9));
        let error = inlet(foreign, "/a").map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("192.0.2.1 is not"), "{error}");
    }

    #[test]
    fn a_port_that_is_left_opens_again_at_once() {
        // Another program may get the port in between, but hardly five times.
        let again = || {
            let at = inlet(ANYWHERE, "/a").unwrap().address();
            inlet(at, "/a")
        };
        assert!((0..5).any(|_| again().is_ok()));
    }

    #[test]
    fn a_node_takes_the_port_over_from_one_that_listens_at_another_address() {
        let all = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let old = inlet(ANYWHERE, "/a").unwrap();
        let at = old.address();
        let mut new = inlet(all(at.port()), "/a").unwrap();
        assert_eq!(new.next(Duration::ZERO).unwrap(), None);
        let waits = |inlet: &Inlet| inlet.counters.condition().waits;
        let (reason, _) = waits(&new).unwrap();
        let port = at.port();
        assert_eq!(
            reason,
            format!("another `osc_in` has the port {port} at 127.0.0.1")
        );
        drop(old);
        let end = Instant::now() + 4 * PATIENCE;
        let heard = std::iter::repeat_with(|| {
            send(at, "/a");
            new.next(POLL_INTERVAL).unwrap()
        });
        let mut heard = heard.take_while(|_| Instant::now() < end);
        assert!(heard.any(|heard| heard.is_some()), "it hears nothing");
        assert!(waits(&new).is_none());
        let stays = inlet(ANYWHERE, "/a").unwrap();
        let address = all(stays.address().port());
        let mut new = inlet(address, "/a").unwrap();
        new.door = Way::Awaited(address, Instant::now().checked_sub(LEAVES));
        let error = new.next(Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("another `osc_in`"), "{error}");
    }

    #[test]
    fn only_addresses_that_exclude_each_other_share_a_port() {
        let share = |one: &str, other: &str| {
            let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 9_001);
            let both = shares_port(at(one), at(other));
            assert_eq!(both, shares_port(at(other), at(one)));
            both
        };
        assert!(share("127.0.0.1", "127.0.0.1") && share("::1", "::1"));
        assert!(share("127.0.0.1", "0.0.0.0") && share("127.0.0.1", "::"));
        assert!(share("::1", "::") && share("0.0.0.0", "::"));
        assert!(!share("127.0.0.1", "127.0.0.2") && !share("127.0.0.1", "::1"));
        assert!(!share("0.0.0.0", "::1"));
    }

    #[test]
    fn more_than_a_node_can_take_is_left_and_the_rest_goes_on() {
        let shared = Shared::default();
        let mut inlet = inlet(ANYWHERE, "/a").unwrap();
        shared.join(&inlet.ear);
        let packet = arguments::packet("/a", Vec::new()).unwrap();
        for _ in 0..2 * ROOM {
            shared.take(&packet);
        }
        assert_eq!(inlet.heard.len(), ROOM);
        assert_eq!(next(&mut inlet), "/a");
    }
}
