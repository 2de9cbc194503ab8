//! Where `osc_out` sends: a host, which is looked up on a thread of its own, and a socket that never
//! waits.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use rosc::OscType;
use score_engine::Counters;

use super::arguments;
use super::complaints::Complaints;
use crate::backoff::Backoff;

/// How long the start of a node waits until its host is found.
const START: Duration = Duration::from_secs(2);

/// The wait before a host is looked up again; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait until a host is looked up again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

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
    /// The host's address is being looked up, since then.
    Sought(Receiver<std::io::Result<SocketAddr>>, Instant),
    /// Messages are sent there.
    Open(UdpSocket, SocketAddr),
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
            complaints: Complaints::default(),
            is_in_trouble: false,
        };
        target.seek();
        target.look(START);
        target
    }

    /// Sends a message, unless the host is not found yet or the network is busy.
    pub(super) fn send(&mut self, address: &str, args: Vec<OscType>) {
        self.look(Duration::ZERO);
        let State::Open(socket, to) = &self.state else {
            return;
        };
        let Some(packet) = arguments::packet(address, args) else {
            return;
        };
        match socket.send_to(&packet, to) {
            Ok(_) => {
                if std::mem::take(&mut self.is_in_trouble) {
                    self.counters.go_on();
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                (self.complaints).say(|| "the network takes no more messages".to_owned());
            }
            Err(error) => {
                let what = format!("a message for {}:{} is not sent", self.host, self.port);
                self.fail(&what, &error);
                // It may be found elsewhere; as an address it is sent to all the same.
                if self.host.parse::<IpAddr>().is_err() {
                    self.rest(Duration::ZERO);
                }
            }
        }
    }

    /// Says once what went wrong.
    fn fail(&mut self, what: &str, error: &std::io::Error) {
        let what = format!("{what} ({error}); it is tried again");
        if !std::mem::replace(&mut self.is_in_trouble, true) {
            self.complaints.say(|| what.clone());
        }
        self.counters.lack(what);
    }

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
        self.state = State::Sought(found, Instant::now());
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
        let State::Sought(found, since) = &self.state else {
            return;
        };
        let result = match patience.is_zero() {
            true => found.try_recv(),
            false => found.recv_timeout(patience).map_err(|error| match error {
                RecvTimeoutError::Timeout => TryRecvError::Empty,
                RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
            }),
        };
        let worked = since.elapsed();
        let found = match result {
            Ok(found) => found,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err(ErrorKind::Other.into()),
        };
        match found.and_then(|to| Ok((open(to)?, to))) {
            Ok((socket, to)) => self.state = State::Open(socket, to),
            Err(error) => {
                let what = format!("the host `{}` is not found", self.host);
                self.fail(&what, &error);
                self.rest(worked);
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

/// A socket that never waits.
fn open(to: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    // An address such as 192.168.1.255 reaches a whole network; elsewhere it does not matter.
    let _ = socket.set_broadcast(true);
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn lack(counters: &Counters) -> Option<String> {
        counters.condition().waits.map(|(why, _)| why)
    }

    #[test]
    fn a_host_is_found_by_name_and_a_message_reaches_it() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let port = socket.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let mut target = Target::new(host, port, &Arc::default());
            target.send("/a", vec![OscType::Float(1.0)]);
            let mut packet = [0; 64];
            let (length, _) = socket.recv_from(&mut packet).unwrap();
            assert_eq!(&packet[..length], b"/a\0\0,f\0\0\x3f\x80\0\0", "{host}");
        }
    }

    #[test]
    fn a_host_that_is_not_found_is_looked_up_again_and_never_waited_for() {
        static TRIES: AtomicUsize = AtomicUsize::new(0);
        fn at_the_second_try(_: &str, _: u16) -> std::io::Result<SocketAddr> {
            match TRIES.fetch_add(1, Ordering::Relaxed) {
                0 => Err(ErrorKind::NotFound.into()),
                _ => {
                    std::thread::sleep(Duration::from_millis(300));
                    Ok(SocketAddr::from(([127, 0, 0, 1], 9)))
                }
            }
        }
        let counters = Arc::<Counters>::default();
        let mut target = Target::found_by(at_the_second_try, "tablet", 9, &counters);
        let why = lack(&counters).unwrap();
        assert!(why.starts_with("the host `tablet` is not found"), "{why}");
        let begun = Instant::now();
        while !matches!(target.state, State::Open(..)) {
            let before = Instant::now();
            target.send("/a", Vec::new());
            assert!(before.elapsed() < Duration::from_millis(200));
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(begun.elapsed() >= FIRST_WAIT / 2);
        assert_eq!(TRIES.load(Ordering::Relaxed), 2);
        target.send("/a", Vec::new());
        assert_eq!(lack(&counters), None);
    }

    #[test]
    fn what_cannot_be_sent_is_reported_and_the_next_is_sent() {
        let counters = Arc::<Counters>::default();
        let mut target = Target::new("127.0.0.1", 9, &counters);
        target.send("/a", vec![OscType::Blob(vec![0; 100_000])]);
        let why = lack(&counters).unwrap();
        assert!(why.starts_with("a message for 127.0.0.1:9"), "{why}");
        target.send("/a", Vec::new());
        assert_eq!(lack(&counters), None);
    }
}
