//! Which notes sound, so that none hangs when whoever began them goes away.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::packet::{Note, Packet, Payload};
use crate::time::Time;

/// The notes that have begun along a wire and not ended: channel and pitch, and when each began.
#[derive(Debug, Default)]
pub(super) struct Sounding(BTreeMap<(u8, u8), Time>);

impl Sounding {
    /// Takes notice of a packet that is handed to the reader.
    pub(super) fn hear(&mut self, packet: &Packet) {
        let Ok(notes) = packet.notes() else {
            return;
        };
        for note in notes.iter() {
            let key = (note.channel(), note.pitch());
            match note {
                Note::On { .. } => self.0.insert(key, packet.time),
                Note::Off { .. } => self.0.remove(&key),
            };
        }
    }

    /// Ends all notes `now`; those that are yet to begin, at once when they do.
    pub(super) fn close(&mut self, now: Time) -> Vec<Packet> {
        let mut ends: BTreeMap<Time, Vec<Note>> = BTreeMap::new();
        for ((channel, pitch), began) in std::mem::take(&mut self.0) {
            let off = Note::Off { channel, pitch };
            ends.entry(began.max(now)).or_default().push(off);
        }
        let captured = std::time::Instant::now();
        ends.into_iter()
            .map(|(time, notes)| Packet {
                time,
                captured,
                payload: Payload::Notes(Arc::from(notes)),
            })
            .collect()
    }
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
}
