//! Takes in packets of OSC, at once or when their time has come.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use rosc::OscMessage;
use score_nodes::osc::arguments::size;
use score_nodes::osc::reading::{self, LARGEST};
use score_nodes::osc::waiting::Waiting;

use super::room::Room;
use super::touches::Origin;

/// After an error that may last.
const REST: Duration = Duration::from_millis(100);

/// A message that waits for its time, and from where it came.
type Late = (OscMessage, IpAddr);

/// Takes in what comes through `socket`, which has a timeout, until the run is over.
pub(super) fn receive(socket: &UdpSocket, room: &Room, is_over: impl Fn() -> bool) {
    let mut packet = vec![0; LARGEST];
    let mut waiting = Waiting::default();
    let usual = socket.read_timeout().ok().flatten().unwrap_or(REST);
    let mut set = usual;
    while !is_over() {
        let now = Instant::now();
        for (message, from) in waiting.due(now) {
            room.take(&message, Origin::Packet(from));
        }
        let timeout = waiting.next(now).map_or(usual, |next| next.min(usual));
        let timeout = timeout.max(Duration::from_micros(100));
        // Not for every packet: it is a call of the system's.
        if timeout != set && socket.set_read_timeout(Some(timeout)).is_ok() {
            set = timeout;
        }
        match socket.recv_from(&mut packet) {
            Ok((length, from)) => {
                take_packet(
                    &packet[..length],
                    room,
                    Origin::Packet(from.ip()),
                    &mut waiting,
                );
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => std::thread::sleep(REST),
        }
    }
}

/// Takes in a packet that came through a WebSocket: all of it at once.
pub(super) fn take_at_once(packet: &[u8], room: &Room, from: u64) {
    let mut waiting = Waiting::default();
    take_packet(packet, room, Origin::Socket(from), &mut waiting);
}

/// Takes in a packet of bytes from anywhere.
fn take_packet(bytes: &[u8], room: &Room, from: Origin, waiting: &mut Waiting<Late>) {
    let take = |wait: Duration, message: OscMessage| match from {
        Origin::Packet(ip) if !wait.is_zero() => {
            let bytes = size(&message);
            if !waiting.put(Instant::now() + wait, (message, ip), bytes) {
                (room.complaints).say(|| "too many messages wait for their time".to_owned());
            }
        }
        from => room.take(&message, from),
    };
    reading::read(bytes, SystemTime::now(), &room.complaints, take);
}
