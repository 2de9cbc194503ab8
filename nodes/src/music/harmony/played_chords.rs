//! Follows chords that are played.

use std::collections::BTreeSet;
use std::sync::Arc;

use score_engine::{
    Flow, Io, Key, KeyChoice, Mode, NodeError, Note, Processor, Time, Transport, Watermark,
};

use super::chord::Chord;
use super::chords_in::{CHORDS, ChordsIn, NOTES, fitting};
use super::recognising::recognised;
use crate::chords::Chords;
use crate::midi::PERCUSSION;

/// Fingers do not come down at once: keys within this time of the first are one chord, in seconds.
const SETTLE: f64 = 0.03;

/// What is left of the chords before when the next comes: the key is that of the last ten or so.
const FADING: f64 = 0.85;

/// Another key must hold this much more of what was heard before it becomes the key.
const BETTER: f64 = 0.08;

/// The keys that are down, and the chord that they were last.
pub(super) struct PlayedChords {
    choice: Option<KeyChoice>,
    seed: u64,
    key: Option<Key>,
    /// How much of each pitch class was heard.
    classes: [f64; 12],
    down: BTreeSet<(u8, u8)>,
    /// Since when the keys are others than those that the chord was found from.
    changed: Option<Time>,
    chord: Option<Chord>,
}

impl PlayedChords {
    pub(super) fn new(choice: Option<KeyChoice>, seed: u64) -> Self {
        PlayedChords {
            choice,
            seed,
            key: None,
            classes: [0.0; 12],
            down: BTreeSet::new(),
            changed: None,
            chord: None,
        }
    }

    fn hear(&mut self, note: Note, time: Time) {
        let key = (note.channel(), note.pitch());
        if key.0 == PERCUSSION {
            return;
        }
        match note {
            Note::On { .. } => self.down.insert(key),
            Note::Off { .. } => self.down.remove(&key),
        };
        self.changed.get_or_insert(time);
    }

    /// Sends the chord that is played since `since`, where it is another one.
    fn look(&mut self, io: &mut Io<'_>, since: Time) -> Result<(), NodeError> {
        self.changed = None;
        let played = recognised(self.down.iter().map(|(_, pitch)| *pitch));
        let Some(chord) = played.filter(|chord| Some(*chord) != self.chord) else {
            // What is let go sounds on until another chord is played.
            return Ok(());
        };
        self.chord = Some(chord);
        let chords = Chords {
            key: self.learn(chord),
            chord: Some(chord),
            fresh: true,
            next: None,
            close: None,
            last: false,
        };
        io.send(CHORDS, since, Arc::new(chords))
    }

    /// The key of the chords up to this one.
    fn learn(&mut self, chord: Chord) -> Key {
        if let Some(KeyChoice::Of(key)) = self.choice {
            return key;
        }
        self.classes.iter_mut().for_each(|heard| *heard *= FADING);
        for class in chord.classes().chain([chord.root]) {
            self.classes[usize::from(class)] += 1.0;
        }
        let whole: f64 = self.classes.iter().sum();
        let share = |key: Key| -> f64 {
            let inside = (0..)
                .zip(self.classes)
                .filter(|(class, _)| key.holds(*class));
            inside.map(|(_, heard)| heard).sum::<f64>() / whole.max(1e-9)
        };
        let found = fitting(&self.classes);
        let is_better = |key: Key| self.key.is_none_or(|old| share(key) > share(old) + BETTER);
        if let Some(key) = found.filter(|key| is_better(*key)) {
            self.key = Some(key);
        }
        self.key
            .unwrap_or_else(|| KeyChoice::Auto.key(self.seed, Mode::Major))
    }
}

impl Processor<ChordsIn> for PlayedChords {
    fn process(&mut self, _params: &ChordsIn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let settle = Time::from_seconds(SETTLE);
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if let Some(since) = self.changed.filter(|since| time > *since + settle) {
                self.look(io, since)?;
            }
            for note in input.read(NOTES)?.iter() {
                self.hear(*note, time);
            }
        }
        let Some(since) = self.changed else {
            return Ok(Flow::Continue);
        };
        let due = since + settle;
        if io.reached() > Watermark::At(due) {
            self.look(io, since)?;
            return Ok(Flow::Continue);
        }
        Ok(Flow::WakeAt(due + Time::from_nanos(1)))
    }

    fn finish(&mut self, _params: &ChordsIn, io: &mut Io<'_>) -> Result<(), NodeError> {
        match self.changed {
            Some(since) => self.look(io, since),
            None => Ok(()),
        }
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.changed
    }

    fn changed(&mut self, _params: &ChordsIn, transport: &Transport) -> Result<(), NodeError> {
        (self.choice, self.seed) = (transport.key, transport.seed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Transport};
    use serde_json::json;

    use super::*;
    use crate::testing::at;

    /// Chords by the second at which they begin; each is held for 0.9 s, and its keys come down one
    /// after another.
    fn notes(chords: &[&[u8]]) -> Vec<(Time, Payload)> {
        let mut notes = Vec::new();
        for (second, chord) in (0..).zip(chords) {
            for (number, pitch) in (0..).zip(*chord) {
                let begin = f64::from(second) + 0.005 * f64::from(number);
                let on = Note::On {
                    channel: 0,
                    pitch: *pitch,
                    velocity: 0.8,
                };
                let off = Note::Off {
                    channel: 0,
                    pitch: *pitch,
                };
                notes.push((at(begin), Payload::Notes([on].into())));
                notes.push((at(begin + 0.9), Payload::Notes([off].into())));
            }
        }
        notes.sort_by_key(|(time, _)| *time);
        notes
    }

    const SONG: [&[u8]; 4] = [
        &[45, 57, 60, 64],
        &[41, 57, 60, 65],
        &[43, 59, 62, 67],
        &[48, 55, 60, 64],
    ];

    fn heard(outputs: &Outputs) -> Vec<(f64, String, String)> {
        (outputs.packets("chords").iter())
            .map(|packet| {
                let chords = Chords::of(packet).unwrap();
                let chord = chords.chord.unwrap().to_string();
                (packet.time.seconds(), chord, chords.key.to_string())
            })
            .collect()
    }

    #[test]
    fn chords_that_are_played_are_told_where_they_begin_and_live_at_once() {
        let rendered = Harness::<ChordsIn>::new(json!({}))
            .feed("notes", PortType::Notes, notes(&SONG), at(4.0))
            .run()
            .unwrap();
        let told = heard(&rendered);
        let chords: Vec<_> = told
            .iter()
            .map(|(time, chord, _)| (*time, &**chord))
            .collect();
        assert_eq!(chords, [(0.0, "Am"), (1.0, "F"), (2.0, "G"), (3.0, "C")]);
        // All of them lie in the white keys.
        let key: Key = told[3].2.parse().unwrap();
        assert!(
            (0..12).all(|class| key.holds(class) == Key::default().holds(class)),
            "{key}"
        );

        let arrivals = notes(&SONG).into_iter();
        let arrivals = arrivals.map(|(time, payload)| (time, time, payload));
        let live = Harness::<ChordsIn>::new(json!({}))
            .feed_live("notes", PortType::Notes, arrivals.collect(), at(4.0))
            .play_live()
            .unwrap();
        assert_eq!(heard(&live), told);
        for (packet, sent) in live.packets("chords").iter().zip(live.sent("chords")) {
            let late = (*sent - packet.time).seconds();
            assert!((0.0..0.04).contains(&late), "{late} s");
        }
    }

    #[test]
    fn the_transports_key_stands_and_auto_follows_the_chords_into_another() {
        let up = |chord: &[u8]| chord.iter().map(|pitch| pitch + 6).collect::<Vec<u8>>();
        let moved: Vec<Vec<u8>> = SONG.iter().cycle().take(8).map(|chord| up(chord)).collect();
        let song: Vec<&[u8]> = (SONG.iter().copied())
            .chain(moved.iter().map(Vec::as_slice))
            .collect();
        let keys = |key: &str| -> Vec<String> {
            let transport = Transport {
                key: Some(key.parse().unwrap()),
                ..Transport::default()
            };
            let outputs = Harness::<ChordsIn>::new(json!({}))
                .transport(transport)
                .feed("notes", PortType::Notes, notes(&song), at(12.0))
                .run()
                .unwrap();
            heard(&outputs).into_iter().map(|(.., key)| key).collect()
        };
        assert!(keys("Eb minor").iter().all(|key| key == "Eb minor"));
        let followed = keys("auto");
        let last: Key = followed.last().unwrap().parse().unwrap();
        // F# major's keys, and not C's.
        assert!(
            last.holds(6) && last.holds(1) && !last.holds(0),
            "{followed:?}"
        );
    }
}
