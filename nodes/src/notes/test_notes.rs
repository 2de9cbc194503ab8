//! What the tests of these nodes share: notes as lines, fed and read.

use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{ChannelChange, Key, KeyChoice, Node, Note, Payload, Performance, PortType};
use score_engine::{Time, Transport};

use crate::chords::Chords;

/// A note that begins or ends on channel 0: when, in milliseconds, its pitch, and its velocity in
/// hundredths, 0 where it ends.
pub(super) type Line = (i64, u8, i32);

pub(super) fn at(milliseconds: i64) -> Time {
    Time::from_nanos(milliseconds * 1_000_000)
}

pub(super) fn note(channel: u8, pitch: u8, hundredths: i32) -> Note {
    match hundredths {
        0 => Note::Off { channel, pitch },
        _ => Note::On {
            channel,
            pitch,
            velocity: hundredths as f32 / 100.0,
        },
    }
}

/// The default transport in this key.
pub(super) fn in_key(key: &str) -> Transport {
    Transport {
        key: Some(KeyChoice::Of(key.parse().unwrap())),
        ..Transport::default()
    }
}

/// A note after the other, a second each.
pub(super) fn one_by_one(pitches: &[u8]) -> Vec<Line> {
    let notes = (0..).zip(pitches).flat_map(|(second, pitch)| {
        let begins = second * 1000;
        [(begins, *pitch, 50), (begins + 500, *pitch, 0)]
    });
    notes.collect()
}

/// The lines as packets, one each.
pub(super) fn packets(notes: &[Line]) -> Vec<(Time, Payload)> {
    let packets = notes.iter().map(|(time, pitch, hundredths)| {
        let note = note(0, *pitch, *hundredths);
        (at(*time), Payload::Notes([note].into()))
    });
    packets.collect()
}

/// Feeds the lines into `notes`, which ends with the last.
pub(super) fn feed<N: Node>(harness: Harness<N>, notes: &[Line]) -> Harness<N> {
    let end = notes.last().map_or(0, |(time, ..)| *time);
    feed_until(harness, notes, end)
}

/// Feeds the lines into `notes`, which ends at `end`.
pub(super) fn feed_until<N: Node>(harness: Harness<N>, notes: &[Line], end: i64) -> Harness<N> {
    harness.feed("notes", PortType::Notes, packets(notes), at(end))
}

/// As [`feed_until`], but live each note comes 8 ms before its time, as from a node that plays.
pub(super) fn feed_early<N: Node>(harness: Harness<N>, notes: &[Line], end: i64) -> Harness<N> {
    let packets = packets(notes).into_iter();
    let early = packets.map(|(time, payload)| ((time - at(8)).max(Time::ZERO), time, payload));
    harness.feed_live("notes", PortType::Notes, early.collect(), at(end))
}

/// Feeds chords, each with when it sounds and its key, into `chords`.
pub(super) fn chords<N: Node>(
    harness: Harness<N>,
    chords: &[(i64, &str, Option<&str>)],
    end: i64,
) -> Harness<N> {
    let packets = chords.iter().map(|(time, key, chord)| {
        let key: Key = key.parse().unwrap();
        let chords = Chords {
            key,
            chord: chord.map(|chord| chord.parse().unwrap()),
            fresh: true,
            next: None,
            close: None,
            last: false,
        };
        (at(*time), Payload::Custom(Arc::new(chords)))
    });
    harness.feed("chords", Chords::port_type(), packets.collect(), at(end))
}

/// The notes of a packet, each with its time.
fn timed(outputs: &Outputs, port: &str) -> Vec<(Time, Note)> {
    let packets = outputs.packets(port).iter();
    packets
        .flat_map(|packet| {
            let notes = packet.notes().unwrap().to_vec();
            notes.into_iter().map(|note| (packet.time, note))
        })
        .collect()
}

/// The notes on channel 0 that left an output, in their order.
pub(super) fn lines(outputs: &Outputs, port: &str) -> Vec<Line> {
    let notes = timed(outputs, port).into_iter();
    notes
        .filter(|(_, note)| note.channel() == 0)
        .map(|(time, note)| {
            let milliseconds = (time.nanos() + 500_000).div_euclid(1_000_000);
            let hundredths = match note {
                Note::On { velocity, .. } => ((velocity * 100.0).round() as i32).max(1),
                Note::Off { .. } => 0,
            };
            (milliseconds, note.pitch(), hundredths)
        })
        .collect()
}

/// What a node plays in a render and live, where it must be the same.
#[track_caller]
pub(super) fn both<N: Node>(harness: impl Fn() -> Harness<N>) -> Vec<Line> {
    let rendered = lines(&harness().run().unwrap(), "notes");
    let live = lines(&harness().play_live().unwrap(), "notes");
    assert_eq!(rendered, live, "in a render, and live");
    rendered
}

/// Requires that every note that left an output ends, and that none begins while it sounds, or ends
/// while it does not.
#[track_caller]
pub(super) fn require_ends(outputs: &Outputs, port: &str) {
    let mut down = std::collections::BTreeMap::new();
    for (time, note) in timed(outputs, port) {
        let key = (note.channel(), note.pitch());
        assert!(key.1 <= 127, "{key:?}");
        match note {
            Note::On { velocity, .. } => {
                assert!(velocity > 0.0 && velocity <= 1.0, "{velocity}");
                assert_eq!(
                    down.insert(key, time),
                    None,
                    "{key:?} is struck twice at {time}"
                );
            }
            Note::Off { .. } => {
                let since = down.remove(&key);
                let since = since.unwrap_or_else(|| panic!("{key:?} does not sound at {time}"));
                assert!(
                    since <= time,
                    "{key:?} ends at {time}, and begins at {since}"
                );
            }
        }
    }
    assert!(down.is_empty(), "hang: {down:?}");
}

/// When a bend that comes after 700 ms, on channel 3, leaves an output, in a render and live.
#[track_caller]
pub(super) fn bent<N: Node>(harness: impl Fn() -> Harness<N>, port: &str) -> Vec<Time> {
    let change = ChannelChange::Bend {
        channel: 3,
        value: 0.5,
    };
    let performance = Performance {
        changes: vec![change],
        notes: [].into(),
    };
    let packet = (at(700), Payload::Performance(Arc::new(performance)));
    let fed = || harness().feed("notes", PortType::Notes, vec![packet.clone()], at(1000));
    let bent = |outputs: Outputs| -> Vec<Time> {
        let packets = outputs.packets(port).iter();
        let bends = packets.filter(|packet| packet.changes() == [change]);
        bends.map(|packet| packet.time).collect()
    };
    let rendered = bent(fed().run().unwrap());
    assert_eq!(rendered, bent(fed().play_live().unwrap()));
    rendered
}
