//! Where `osc_out` sends: a host, which is looked up on a thread of its own, and a socket that never
//! waits.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use rosc::OscType;
use score_engine::Counters;

use super::arguments;
use crate::backoff::Backoff;
use crate::complaints::Complaints;
use crate::datagram;

/// How long the start of a node waits until its host is found.
const START: Duration = Duration::from_secs(2);

/// The wait before a host is looked up again; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait until a host is looked up again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The most bytes that a packet of UDP holds over IPv4 (RFC 768: its length has 16 bits, which
/// count the heads of UDP and IP too).
const LONGEST_PACKET: usize = 65_535 - 8 - 20;

/// Finds the address of a host; it may wait for the network.
type LookUp = fn(&str, u16) -> std::io::Result<SocketAddr>;

/// Another program, to which messages are sent.
pub(super) struct Target {
    host: String,
    port: u16,
    look_up: LookUp,
    state: State,
    backoff: Backoff,
    counters: Arc<Counters>,
    complaints: Complaints,
    is_in_trouble: bool,
}

enum State {
    /// The host's address is being looked up.
    Sought(Receiver<std::io::Result<SocketAddr>>),
    /// Messages are sent there, since then.
    Open(UdpSocket, SocketAddr, Instant),
    /// It is looked up again then.
    Lost(Instant),
}

impl Target {
    /// Messages go to this port of `host`, an address or a name. Waits a moment until it is found.
    pub(super) fn new(host: &str, port: u16, counters: &Arc<Counters>) -> Self {
        Self::found_by(look_up, host, port, counters)
    }

    fn found_by(look_up: LookUp, host: &str, port: u16, counters: &Arc<Counters>) -> Self {
        let mut target = Target {
            host: host.to_owned(),
            port,
            look_up,
            state: State::Lost(Instant::now()),
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            counters: counters.clone(),
            complaints: Complaints::of("OSC"),
            is_in_trouble: false,
        };
        target.seek();
        target.look(START);
        target
    }

    /// Sends a message, unless the host is not found yet or the network is busy.
    pub(super) fn send(&mut self, address: &str, args: Vec<OscType>) {
        self.look(Duration::ZERO);
        let State::Open(socket, to, since) = &self.state else {
            return;
        };
        let Some(packet) = arguments::packet(address, args) else {
            return;
        };
        if packet.len() > LONGEST_PACKET {
            let length = packet.len();
            return self.complain(|| {
                format!(
                    "a message of {length} bytes is longer than a packet of UDP and is not sent"
                )
            });
        }
        match socket.send_to(&packet, to) {
            Ok(_) => {
                if std::mem::take(&mut self.is_in_trouble) {
                    self.counters.go_on();
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.complain(|| "the network takes no more messages".to_owned());
            }
            Err(error) => {
                let (host, port, worked) = (&self.host, self.port, since.elapsed());
                let what = format!("a message for {host}:{port} is lost ({error})");
                // It may be found elsewhere; as an address it is sent to all the same.
                if self.host.parse::<IpAddr>().is_err() {
                    self.fail(format!("{what}; the host is looked up again"));
                    self.rest(worked);
                } else {
                    self.fail(format!("{what}; the next is sent all the same"));
                }
            }
        }
    }

    /// Says in the log what is not sent, without filling it.
    pub(super) fn complain(&self, what: impl FnOnce() -> String) {
        self.complaints.say(what);
    }

    /// Says once what went wrong.
    fn fail(&mut self, what: String) {
        if !std::mem::replace(&mut self.is_in_trouble, true) {
            self.complaints.say(|| what.clone());
        }
        self.counters.lack(what);
    }

    /// Lets the host be for a while, after messages went there for `worked`.
    fn rest(&mut self, worked: Duration) {
        self.state = State::Lost(Instant::now() + self.backoff.after(worked));
    }

    /// Begins to look the host up.
    fn seek(&mut self) {
        let (tell, found) = channel();
        let (host, port, look_up) = (self.host.clone(), self.port, self.look_up);
        let looks = move || {
            // Nobody may wait for it any more.
            let _ = tell.send(look_up(&host, port));
        };
        self.state = State::Sought(found);
        let named = std::thread::Builder::new().name("osc host".to_owned());
        // Without a thread the channel is closed, which counts as a failure.
        drop(named.spawn(looks));
    }

    /// Goes on with what has been found out meanwhile; waits for it up to `patience`.
    fn look(&mut self, patience: Duration) {
        match &self.state {
            State::Open(..) => return,
            State::Lost(until) if Instant::now() < *until => return,
            State::Lost(_) => self.seek(),
            State::Sought(..) => {}
        }
        let State::Sought(found) = &self.state else {
            return;
        };
        let result = match patience.is_zero() {
            true => found.try_recv(),
            false => found.recv_timeout(patience).map_err(|error| match error {
                RecvTimeoutError::Timeout => TryRecvError::Empty,
                RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
            }),
        };
        let found = match result {
            Ok(found) => found,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err(ErrorKind::Other.into()),
        };
        match found.and_then(|to| Ok((datagram::open(to)?, to))) {
            Ok((socket, to)) => self.state = State::Open(socket, to, Instant::now()),
            Err(error) => {
                let host = &self.host;
                self.fail(format!(
                    "the host `{host}` is not found ({error}); it is looked up again"
                ));
                self.rest(Duration::ZERO);
            }
        }
    }
}

/// The address of a host: of several, one of IPv4, where most programs listen.
fn look_up(host: &str, port: u16) -> std::io::Result<SocketAddr> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let one = addresses.iter().find(|address| address.is_ipv4());
    let one = one.or(addresses.first()).copied();
    one.ok_or_else(|| ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    /// How long a test waits for what must come, on whatever machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn lack(counters: &Counters) -> Option<String> {
        counters.condition().waits.map(|(why, _)| why)
    }

    #[test]
    fn a_host_is_found_by_name_and_a_message_reaches_it() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = socket.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let mut target = Target::new(host, port, &Arc::default());
            target.look(PATIENCE);
            target.send("/a", vec![OscType::Float(1.0)]);
            let mut packet = [0; 64];
            let (length, _) = socket.recv_from(&mut packet).unwrap();
            assert_eq!(&packet[..length], b"/a\0\0,f\0\0\x3f\x80\0\0", "{host}");
        }
    }

    #[test]
    fn a_host_that_is_not_found_is_looked_up_again_and_never_waited_for() {
        static TRIES: AtomicUsize = AtomicUsize::new(0);
        static MAY_FIND: AtomicBool = AtomicBool::new(false);
        fn at_the_second_try(_: &str, _: u16) -> std::io::Result<SocketAddr> {
            if TRIES.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err(ErrorKind::NotFound.into());
            }
            let begun = Instant::now();
            while !MAY_FIND.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(SocketAddr::from(([127, 0, 0, 1], 9)))
        }
        let counters = Arc::<Counters>::default();
        let mut target = Target::found_by(at_the_second_try, "tablet", 9, &counters);
        target.look(PATIENCE);
        let why = lack(&counters).unwrap();
        assert!(why.starts_with("the host `tablet` is not found"), "{why}");
        let begun = Instant::now();
        let mut send_until = |is_so: fn(&Target) -> bool| {
            while !is_so(&target) {
                target.send("/a", Vec::new());
                assert!(begun.elapsed() < PATIENCE);
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        send_until(|target| matches!(target.state, State::Sought(..)));
        assert!(begun.elapsed() >= FIRST_WAIT / 2);
        send_until(|_| TRIES.load(Ordering::Relaxed) == 2);
        // It returns though the host is not found before this test says so.
        target.send("/a", Vec::new());
        assert!(!MAY_FIND.swap(true, Ordering::Relaxed));
        assert!(matches!(target.state, State::Sought(..)));
        while !matches!(target.state, State::Open(..)) {
            target.send("/a", Vec::new());
            assert!(begun.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(TRIES.load(Ordering::Relaxed), 2);
        target.send("/a", Vec::new());
        assert_eq!(lack(&counters), None);
    }

    /// How long the host would be let be if it failed once more.
    fn next_wait(target: &Target) -> Duration {
        target.backoff.clone().after(Duration::ZERO)
    }

    #[test]
    fn look_ups_come_ever_further_apart_however_long_one_takes() {
        fn never(_: &str, _: u16) -> std::io::Result<SocketAddr> {
            std::thread::sleep(Duration::from_millis(20));
            Err(ErrorKind::NotFound.into())
        }
        let mut target = Target::found_by(never, "tablet", 9, &Arc::default());
        target.look(PATIENCE);
        let moment = Duration::from_millis(1);
        target.backoff = Backoff::new(moment, 4 * moment);
        for _ in 0..2 {
            target.seek();
            target.look(PATIENCE);
            assert!(matches!(target.state, State::Lost(_)));
        }
        assert_eq!(next_wait(&target), 4 * moment);
    }

    #[test]
    fn a_host_that_was_reached_for_long_is_looked_up_at_once_when_it_is_lost() {
        fn port_0(_: &str, _: u16) -> std::io::Result<SocketAddr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
        }
        let counters = Arc::<Counters>::default();
        let mut target = Target::found_by(port_0, "tablet", 9, &counters);
        target.look(PATIENCE);
        let moment = Duration::from_millis(1);
        target.backoff = Backoff::new(moment, 4 * moment);
        for _ in 0..3 {
            target.rest(Duration::ZERO);
        }
        target.seek();
        target.look(PATIENCE);
        std::thread::sleep(5 * moment);
        // The system sends nothing to port 0.
        target.send("/a", Vec::new());
        assert!(matches!(target.state, State::Lost(_)));
        assert_eq!(next_wait(&target), 2 * moment);
        let why = lack(&counters).unwrap();
        assert!(why.ends_with("the host is looked up again"), "{why}");
    }

    #[test]
    fn what_cannot_be_sent_is_reported_and_the_next_is_sent() {
        let counters = Arc::<Counters>::default();
        let mut target = Target::new("127.0.0.1", 0, &counters);
        target.send("/a", Vec::new());
        let why = lack(&counters).unwrap();
        assert!(
            why.starts_with("a message for 127.0.0.1:0 is lost"),
            "{why}"
        );
        assert!(why.ends_with("the next is sent all the same"), "{why}");
        if let State::Open(_, to, _) = &mut target.state {
            to.set_port(9);
        }
        target.send("/a", Vec::new());
        assert_eq!(lack(&counters), None);
    }

    /// It says nothing of the host.
    #[test]
    fn a_message_that_is_too_long_for_a_packet_leaves_the_host_as_it_is() {
        let counters = Arc::<Counters>::default();
        let mut target = Target::new("localhost", 9, &counters);
        target.look(PATIENCE);
        target.send("/a", vec![OscType::Blob(vec![0; LONGEST_PACKET])]);
        assert!(matches!(target.state, State::Open(..)));
        assert_eq!(lack(&counters), None);
    }
}
