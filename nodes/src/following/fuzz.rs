//! Messages of strangers, for the fuzz target `clocks` and for tests.

use std::sync::Arc;

use score_engine::{Follow, FollowedClock, LiveClock, Steering, Time, Transport, WhenLost};

use super::midi_clock::MidiClock;
use super::tapping::is_tap;
use super::timecode::Timecode;
use crate::device::midi::message::Message;

/// See `fuzzing::clocks`.
pub(crate) fn fuzz(mut bytes: &[u8]) {
    let clock = Arc::new(LiveClock::standing());
    let follow = Follow {
        clock: FollowedClock::MidiClock,
        port: "fuzz".to_owned(),
        when_lost: WhenLost::PlayOn,
        offset: Time::ZERO,
        timecode_start: [1, 0, 0, 0],
        tap_number: None,
    };
    let transport = Transport {
        follow: Some(follow),
        ..Transport::default()
    };
    let steering = Steering::of_transport(clock.clone(), &transport);
    let mut midi_clock = MidiClock::new(120.0);
    let mut timecode = Timecode::new([1, 0, 0, 0]);
    while let Some((head, rest)) = bytes.split_first() {
        let length = usize::from(head & 15).min(rest.len());
        let (message, rest) = rest.split_at(length);
        bytes = rest;
        // Up to four seconds later; steps of 3 ms are usual.
        let wait = u64::from(head >> 4).pow(3) * 1_200_000 + 1_000_000;
        clock.move_to(clock.now() + Time::from_nanos(i64::try_from(wait).unwrap_or_default()));
        let now = clock.now();
        let Some(message) = Message::from_bytes(message) else {
            let waited = [midi_clock.wait(now), timecode.wait(now), midi_clock.gone()];
            waited
                .into_iter()
                .flatten()
                .for_each(|report| steering.follow(report));
            continue;
        };
        if is_tap(message, None) {
            steering.tap_beat();
        }
        let heard = [
            midi_clock.hear(now, message.bytes()),
            timecode.hear(now, message.bytes()),
        ];
        heard
            .into_iter()
            .flatten()
            .for_each(|report| steering.follow(report));
        let playing = steering.transport();
        assert!((9.0..=530.0).contains(&playing.tempo), "{}", playing.tempo);
        assert!(playing.position(now).is_finite() && steering.beat().0.is_finite());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_message_breaks_what_follows_clocks(bytes: Vec<u8>) {
            super::fuzz(&bytes);
        }

        /// Mostly messages of clocks, so that they get far.
        #[test]
        fn no_order_of_clock_messages_breaks_what_follows_them(
            messages in prop::collection::vec((0_u8..4, 0_usize..9, any::<u8>()), 0..200),
        ) {
            let mut bytes = Vec::new();
            for (wait, kind, data) in messages {
                let message: &[u8] = match kind {
                    0..3 => &[0xF8],
                    3 => &[0xFA],
                    4 => &[0xFB],
                    5 => &[0xFC],
                    6 => &[0xF2, data & 0x7F, 1],
                    7 => &[0xF1, data & 0x7F],
                    _ => &[0x90, 60, 90],
                };
                bytes.push(wait << 4 | message.len() as u8);
                bytes.extend(message);
            }
            super::fuzz(&bytes);
        }
    }
}
