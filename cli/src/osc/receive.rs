//! Takes in packets of OSC, at once or when their time has come.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use rosc::OscMessage;
use score_nodes::osc::arguments::size;
use score_nodes::osc::reading::{self, LARGEST};
use score_nodes::waiting::Waiting;

use super::last_setters::Origin;
use super::state::OscState;

/// After an error that may last.
const REST: Duration = Duration::from_millis(100);

/// How long packets gather after some have been taken in, so that a stream of them does not wake
/// this thread, and that of a node, for each. The first after a pause is taken at once, and of a
/// hand on a slider, which sends less than a hundred in a second, each one.
const GATHERS: Duration = Duration::from_millis(5);

/// Packets that came together: more are a burst, whose rest is not left to gather.
const BURST: usize = 32;

/// The most packets that are taken in without a look at whether the run is over.
const MOST_AT_ONCE: usize = 1_024;

/// A message that waits for its time, and from where it came.
type Late = (OscMessage, SocketAddr);

/// Takes in what comes through `socket`, which has a timeout, until the run is over.
pub(super) fn receive(socket: &UdpSocket, state: &OscState, is_over: impl Fn() -> bool) {
    let mut packet = vec![0; LARGEST];
    let mut waiting = Waiting::default();
    let usual = socket.read_timeout().ok().flatten().unwrap_or(REST);
    let mut set = usual;
    while !is_over() {
        let now = Instant::now();
        for (message, from) in waiting.due(now) {
            state.take(&message, Origin::Packet(from));
        }
        let timeout = waiting.next(now).map_or(usual, |next| next.min(usual));
        let timeout = timeout.max(Duration::from_micros(100));
        // Not for every packet: it is a call of the system's.
        if timeout != set && socket.set_read_timeout(Some(timeout)).is_ok() {
            set = timeout;
        }
        if !take_next(socket, &mut packet, state, &mut waiting) {
            continue;
        }
        // Those that have come as well: they do not wait, and nor does this.
        if socket.set_nonblocking(true).is_err() {
            continue;
        }
        let more = (0..MOST_AT_ONCE)
            .take_while(|_| take_next(socket, &mut packet, state, &mut waiting))
            .count();
        while let Err(error) = socket.set_nonblocking(false) {
            (state.complaints).say(|| format!("packets cannot be waited for ({error})"));
            std::thread::sleep(REST);
        }
        if more < BURST {
            let next = waiting.next(Instant::now());
            std::thread::sleep(next.map_or(GATHERS, |next| next.min(GATHERS)));
        }
    }
}

/// Takes in the next packet; `false`: none has come.
fn take_next(
    socket: &UdpSocket,
    packet: &mut [u8],
    state: &OscState,
    waiting: &mut Waiting<Late>,
) -> bool {
    match socket.recv_from(packet) {
        Ok((length, from)) => {
            take_packet(&packet[..length], state, Origin::Packet(from), waiting);
            return true;
        }
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            ) => {}
        Err(_) => std::thread::sleep(REST),
    }
    false
}

/// Takes in a packet that came through a WebSocket: all of it at once.
pub(super) fn take_at_once(packet: &[u8], state: &OscState, from: u64) {
    let mut waiting = Waiting::default();
    take_packet(packet, state, Origin::Socket(from), &mut waiting);
}

/// Takes in a packet of bytes from anywhere.
fn take_packet(bytes: &[u8], state: &OscState, from: Origin, waiting: &mut Waiting<Late>) {
    let take = |wait: Duration, message: OscMessage| match from {
        Origin::Packet(address) if !wait.is_zero() => {
            let bytes = size(&message);
            if !waiting.put(Instant::now() + wait, (message, address), bytes) {
                (state.complaints).say(|| "too many messages wait for their time".to_owned());
            }
        }
        from => state.take(&message, from),
    };
    reading::read(bytes, SystemTime::now(), &state.complaints, take);
}
