//! Reads packets that come from strangers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rosc::{OscMessage, OscPacket, OscTime};

use crate::complaints::Complaints;

/// The largest packet of UDP.
pub const LARGEST: usize = 65_536;

/// Bundles within bundles: what reads them goes as deep.
const DEEPEST_BUNDLES: usize = 32;

/// Arrays within arrays: what drops them goes as deep.
const DEEPEST_ARRAYS: usize = 256;

/// How far ahead a bundle may be sent.
const FARTHEST: Duration = Duration::from_secs(60);

/// Reads a packet, and gives `take` each message in it and how long after `now` it is for. What
/// cannot be read goes to `complaints`.
pub fn read(
    bytes: &[u8],
    now: SystemTime,
    complaints: &Complaints,
    mut take: impl FnMut(Duration, OscMessage),
) {
    let bundles = bytes.windows(8).filter(|eight| eight == b"#bundle\0");
    if bundles.take(DEEPEST_BUNDLES + 1).count() > DEEPEST_BUNDLES {
        return complaints.say(|| "a packet has too many bundles within bundles".to_owned());
    }
    if depth_of_arrays(bytes) > DEEPEST_ARRAYS {
        return complaints.say(|| "a packet has too many arrays within arrays".to_owned());
    }
    match rosc::decoder::decode_udp(bytes) {
        Ok((_, packet)) => unfold(packet, Duration::ZERO, now, complaints, &mut take),
        Err(error) => complaints.say(|| format!("a packet cannot be read ({error})")),
    }
}

/// How deep the arrays of any message may be, wherever in the packet its type tags stand.
fn depth_of_arrays(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn unfold(
    packet: OscPacket,
    wait: Duration,
    now: SystemTime,
    complaints: &Complaints,
    take: &mut dyn FnMut(Duration, OscMessage),
) {
    match packet {
        OscPacket::Message(message) => take(wait, message),
        OscPacket::Bundle(bundle) => {
            let wait = until(bundle.timetag, now).max(wait);
            if wait > FARTHEST {
                let much = FARTHEST.as_secs();
                return complaints.say(|| {
                    format!("a bundle is for a time more than {much} s ahead: do the clocks agree?")
                });
            }
            for packet in bundle.content {
                unfold(packet, wait, now, complaints, take);
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

#[cfg(test)]
mod tests {
    use super::*;

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

    /// A message without arguments' bytes: its tags are all it has.
    fn tagged(tags: &str) -> Vec<u8> {
        let mut packet = b"/a\0\0,".to_vec();
        packet.extend(tags.as_bytes());
        packet.resize(packet.len() / 4 * 4 + 4, 0);
        packet
    }

    fn messages(bytes: &[u8]) -> usize {
        let mut messages = 0;
        let now = SystemTime::now();
        read(bytes, now, &Complaints::of("OSC"), |_, _| messages += 1);
        messages
    }

    /// Dropping such arrays would use up the thread's stack, which ends the program.
    #[test]
    fn arrays_within_arrays_are_refused_before_they_are_made() {
        let nested = |depth: usize| tagged(&("[".repeat(depth) + &"]".repeat(depth)));
        assert_eq!(messages(&nested(DEEPEST_ARRAYS)), 1);
        assert_eq!(messages(&nested(DEEPEST_ARRAYS + 1)), 0);
        assert_eq!(messages(&nested(32_000)), 0);
        assert_eq!(messages(&tagged(&"[T]".repeat(1_000))), 1);
    }

    #[test]
    fn bundles_within_bundles_are_refused_before_they_are_read() {
        let nested = |depth: usize| {
            (0..depth).fold(tagged("T"), |inner, _| {
                let length = (inner.len() as u32).to_be_bytes();
                let time = [0, 0, 0, 0, 0, 0, 0, 1];
                [&b"#bundle\0"[..], &time, &length, &inner].concat()
            })
        };
        assert_eq!(messages(&nested(DEEPEST_BUNDLES)), 1);
        assert_eq!(messages(&nested(DEEPEST_BUNDLES + 1)), 0);
    }
}
