//! Which notes sound, so that none hangs when whoever began them goes away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::packet::{ChannelChange, Note, Packet, Payload, Performance};
use crate::time::Time;

/// MIDI's controllers as they are before anybody moves them: all that one message puts back, and
/// volume and pan, which it leaves alone.
const AT_REST: [(u8, f32); 3] = [(121, 0.0), (7, 100.0 / 127.0), (10, 64.0 / 127.0)];

/// What has begun along a wire and not ended.
#[derive(Debug, Default)]
pub(super) struct Sounding {
    /// Channel and pitch of the notes, and when each began.
    notes: BTreeMap<(u8, u8), Time>,
    /// The channels to which something was done.
    changed: BTreeSet<u8>,
}

impl Sounding {
    /// Takes notice of a packet that is handed to the reader.
    pub(super) fn hear(&mut self, packet: &Packet) {
        let Ok(notes) = packet.notes() else {
            return;
        };
        let changed = packet.changes().iter().map(ChannelChange::channel);
        self.changed.extend(changed);
        for note in notes.iter() {
            let key = (note.channel(), note.pitch());
            match note {
                Note::On { .. } => self.notes.insert(key, packet.time),
                Note::Off { .. } => self.notes.remove(&key),
            };
        }
    }

    /// Ends all notes `now`; those that are yet to begin, at once when they do. Puts channels back
    /// as they were before anything was done to them, for whoever plays on them next.
    pub(super) fn close(&mut self, now: Time) -> Vec<Packet> {
        let mut ends: BTreeMap<Time, Vec<Note>> = BTreeMap::new();
        for ((channel, pitch), began) in std::mem::take(&mut self.notes) {
            let off = Note::Off { channel, pitch };
            ends.entry(began.max(now)).or_default().push(off);
        }
        let captured = std::time::Instant::now();
        let mut packets: Vec<Packet> = ends
            .into_iter()
            .map(|(time, notes)| Packet {
                time,
                captured,
                payload: Payload::Notes(Arc::from(notes)),
            })
            .collect();
        let changed = std::mem::take(&mut self.changed);
        let changes: Vec<ChannelChange> = changed.into_iter().flat_map(at_rest).collect();
        if !changes.is_empty() {
            let time = packets.last().map_or(now, |last| last.time);
            packets.push(Packet {
                time,
                captured,
                payload: Payload::Performance(Arc::new(Performance {
                    changes,
                    notes: Arc::from([]),
                })),
            });
        }
        packets
    }
}

fn at_rest(channel: u8) -> impl Iterator<Item = ChannelChange> {
    let controllers = AT_REST.map(|(number, value)| ChannelChange::Controller {
        channel,
        number,
        value,
    });
    let bend = ChannelChange::Bend {
        channel,
        value: 0.0,
    };
    controllers.into_iter().chain([bend])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(seconds: f64, note: Note) -> Packet {
        Packet {
            time: Time::from_seconds(seconds),
            captured: std::time::Instant::now(),
            payload: Payload::Notes([note].into()),
        }
    }

    fn on(pitch: u8) -> Note {
        Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        }
    }

    fn off(pitch: u8) -> Note {
        Note::Off { channel: 0, pitch }
    }

    #[test]
    fn every_note_that_sounds_is_ended_once_and_none_before_it_begins() {
        let mut sounding = Sounding::default();
        for packet in [
            packet(1.0, on(60)),
            packet(1.0, on(64)),
            packet(2.0, off(64)),
            packet(3.0, on(67)),
        ] {
            sounding.hear(&packet);
        }
        let ends = sounding.close(Time::from_seconds(2.5));
        let seen: Vec<_> = ends
            .iter()
            .map(|end| (end.time.seconds(), end.notes().unwrap().to_vec()))
            .collect();
        assert_eq!(seen, [(2.5, vec![off(60)]), (3.0, vec![off(67)])]);
        assert!(sounding.close(Time::MAX).is_empty());
    }

    #[test]
    fn a_channel_that_was_bent_is_put_back_when_its_sender_leaves() {
        let mut sounding = Sounding::default();
        let bend = |value| ChannelChange::Bend { channel: 3, value };
        let performance = Performance {
            changes: vec![bend(1.0)],
            notes: [on(60)].into(),
        };
        sounding.hear(&Packet {
            time: Time::ZERO,
            captured: std::time::Instant::now(),
            payload: Payload::Performance(Arc::new(performance)),
        });
        let ends = sounding.close(Time::from_seconds(1.0));
        assert_eq!(**ends[0].notes().unwrap(), [off(60)]);
        assert!(ends[1].changes().contains(&bend(0.0)));
        assert!(sounding.close(Time::MAX).is_empty());
    }
}
