//! Takes in packets of OSC, at once or when their time has come.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rosc::{OscMessage, OscPacket, OscTime};

use super::room::Room;
use super::touches::Origin;

/// The largest packet of UDP.
const LARGEST: usize = 65_536;

/// Bundles within bundles: what reads them goes as deep, and packets come from strangers.
const DEEPEST: usize = 32;

/// Messages that wait for their time.
const MOST_WAITING: usize = 4_096;

/// How far ahead a bundle may be sent.
const FARTHEST: Duration = Duration::from_secs(60);

/// After an error that may last.
const REST: Duration = Duration::from_millis(100);

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
pub(super) fn take_packet(bytes: &[u8], room: &Room, from: Origin, waiting: &mut Waiting) {
    let bundles = bytes.windows(8).filter(|eight| eight == b"#bundle\0");
    if bundles.take(DEEPEST + 1).count() > DEEPEST {
        return (room.complaints).say(|| "a packet has too many bundles within bundles".to_owned());
    }
    match rosc::decoder::decode_udp(bytes) {
        Ok((_, packet)) => take(packet, room, from, Duration::ZERO, waiting),
        Err(error) => room
            .complaints
            .say(|| format!("a packet cannot be read ({error})")),
    }
}

fn take(packet: OscPacket, room: &Room, from: Origin, wait: Duration, waiting: &mut Waiting) {
    match packet {
        OscPacket::Message(message) => match from {
            Origin::Packet(ip) if !wait.is_zero() => {
                if !waiting.put(Instant::now() + wait, message, ip) {
                    (room.complaints).say(|| "too many messages wait for their time".to_owned());
                }
            }
            from => room.take(&message, from),
        },
        OscPacket::Bundle(bundle) => {
            let wait = until(bundle.timetag, SystemTime::now()).max(wait);
            if wait > FARTHEST {
                let much = FARTHEST.as_secs();
                return (room.complaints).say(|| {
                    format!("a bundle is for a time more than {much} s ahead: do the clocks agree?")
                });
            }
            for packet in bundle.content {
                take(packet, room, from, wait, waiting);
            }
        }
    }
}

/// How long until the time of a bundle. 1 stands for at once (OSC 1.0), and so does the past.
fn until(time: OscTime, now: SystemTime) -> Duration {
    // From 1900 to 1970.
    const UNIX: u64 = 2_208_988_800;
    let Some(seconds) = u64::from(time.seconds).checked_sub(UNIX) else {
        return Duration::ZERO;
    };
    let nanos = (u64::from(time.fractional) * 1_000_000_000) >> 32;
    let at = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    at.duration_since(now).unwrap_or_default()
}

/// Messages that wait for their time.
#[derive(Default)]
pub(super) struct Waiting {
    messages: BTreeMap<(Instant, u64), (OscMessage, IpAddr)>,
    /// How many there were, so that those of one time keep their order.
    number: u64,
}

impl Waiting {
    fn put(&mut self, at: Instant, message: OscMessage, from: IpAddr) -> bool {
        if self.messages.len() >= MOST_WAITING {
            return false;
        }
        self.number += 1;
        self.messages.insert((at, self.number), (message, from));
        true
    }

    fn due(&mut self, now: Instant) -> impl Iterator<Item = (OscMessage, IpAddr)> {
        let later = self.messages.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.messages, later).into_values()
    }

    fn next(&self, now: Instant) -> Option<Duration> {
        let ((at, _), _) = self.messages.first_key_value()?;
        Some(at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::Ipv4Addr;

    use super::*;

    fn message(addr: &str) -> OscMessage {
        OscMessage {
            addr: addr.to_owned(),
            args: vec![],
        }
    }

    #[test]
    fn messages_wait_for_their_time_in_order_and_no_more_than_fit() {
        let (now, ip) = (Instant::now(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut waiting = Waiting::default();
        let later = now + Duration::from_secs(1);
        for (at, name) in [(later, "/c"), (now, "/a"), (now, "/b")] {
            assert!(waiting.put(at, message(name), ip));
        }
        let due = |waiting: &mut Waiting, now| {
            let due = waiting.due(now);
            due.map(|(message, _)| message.addr).collect::<Vec<_>>()
        };
        assert_eq!(due(&mut waiting, now), ["/a", "/b"]);
        assert_eq!(waiting.next(now), Some(Duration::from_secs(1)));
        assert_eq!(due(&mut waiting, later), ["/c"]);
        for _ in 0..MOST_WAITING {
            assert!(waiting.put(now, message("/d"), ip));
        }
        assert!(!waiting.put(now, message("/d"), ip));
    }

    #[test]
    fn a_bundle_is_for_its_time_and_one_of_the_past_for_now() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let at = |seconds: u32, fractional| OscTime {
            seconds,
            fractional,
        };
        let seconds = (1_700_000_000_u64 + 2_208_988_800) as u32;
        let half = until(at(seconds, 1 << 31), now);
        assert_eq!(half, Duration::from_millis(500));
        assert_eq!(until(at(0, 1), now), Duration::ZERO);
        assert_eq!(until(at(seconds - 9, 0), now), Duration::ZERO);
        assert_eq!(until(at(seconds + 9, 0), now), Duration::from_secs(9));
    }
}
