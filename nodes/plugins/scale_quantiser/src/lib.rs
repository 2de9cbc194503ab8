//! A plugin for SCORE!: `scale_quantiser`, which moves notes onto a scale.

use std::collections::BTreeMap;

use score_plugin::{
    Build, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType, Processor,
    Value,
};
use serde::Deserialize;

score_plugin::export!(ScaleQuantiser);

/// The output's index in the declaration.
const NOTES: usize = 0;

/// MIDI's channel of drums, whose pitches are instruments (General MIDI).
const DRUMS: u8 = 9;

/// The keys, in semitones above C by their places.
const KEYS: [&str; 12] = [
    "c", "c_sharp", "d", "e_flat", "e", "f", "f_sharp", "g", "a_flat", "a", "b_flat", "b",
];

/// The scales and their steps above the key, in semitones.
const SCALES: [(&str, &[u8]); 7] = [
    ("major", &[0, 2, 4, 5, 7, 9, 11]),
    ("minor", &[0, 2, 3, 5, 7, 8, 10]),
    ("dorian", &[0, 2, 3, 5, 7, 9, 10]),
    ("pentatonic", &[0, 2, 4, 7, 9]),
    ("minor_pentatonic", &[0, 3, 5, 7, 10]),
    ("blues", &[0, 3, 5, 6, 7, 10]),
    ("whole_tone", &[0, 2, 4, 6, 8, 10]),
];

/// `scale_quantiser`.
#[derive(Deserialize)]
pub struct ScaleQuantiser {
    key: String,
    scale: String,
}

impl Node for ScaleQuantiser {
    fn descriptor() -> Descriptor {
        Descriptor::new("plugin", "scale_quantiser", "Moves notes onto a scale")
            .details(
                "A note between two steps of the scale goes to the nearer one, and to the lower one where both are as \
                 near. A note that sounds while key or scale change ends where it began. Drums (channel 9) stay as they \
                 are.",
            )
            .input(Port::new("notes", PortType::Notes, "the notes"))
            .output(Port::new("notes", PortType::Notes, "the same, on the scale"))
            .param(Param::choice("key", &KEYS, "where the scale begins").default("c").live())
            .param(
                Param::choice("scale", &SCALES.map(|(name, _)| name), "the scale")
                    .default("major")
                    .live(),
            )
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Quantising {
            key: key(&self.key)?,
            scale: scale(&self.scale)?,
            sounding: BTreeMap::new(),
        }))
    }
}

fn key(name: &str) -> Result<u8, NodeError> {
    (0..)
        .zip(KEYS)
        .find(|(_, known)| *known == name)
        .map(|(key, _)| key)
        .ok_or_else(|| NodeError::internal(format!("there is no key `{name}`")))
}

fn scale(name: &str) -> Result<&'static [u8], NodeError> {
    SCALES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, steps)| *steps)
        .ok_or_else(|| NodeError::internal(format!("there is no scale `{name}`")))
}

struct Quantising {
    key: u8,
    scale: &'static [u8],
    /// Where each note that sounds, by channel and pitch, was moved to.
    sounding: BTreeMap<(u8, u8), u8>,
}

impl Quantising {
    /// The nearest pitch on the scale, the lower of two.
    fn nearest(&self, pitch: u8) -> u8 {
        let fits = |candidate: &u8| {
            let step = (*candidate + 12 - self.key) % 12;
            *candidate <= 127 && self.scale.contains(&step)
        };
        // No two steps of any scale are further apart than three semitones.
        (0..=3)
            .flat_map(|distance| [pitch.checked_sub(distance), pitch.checked_add(distance)])
            .flatten()
            .find(fits)
            .unwrap_or(pitch)
    }

    /// Whether a note that was moved to `pitch` still sounds.
    fn sounds(&self, channel: u8, pitch: u8) -> bool {
        let mut sounding = self.sounding.iter();
        sounding.any(|((on, _), moved)| (*on, *moved) == (channel, pitch))
    }

    fn begin(&mut self, channel: u8, pitch: u8, velocity: f32, moved: &mut Vec<Note>) {
        self.end(channel, pitch, moved);
        let to = self.nearest(pitch);
        // A key goes down again only after it came up.
        if self.sounds(channel, to) {
            moved.push(Note::Off { channel, pitch: to });
        }
        moved.push(Note::On {
            channel,
            pitch: to,
            velocity,
        });
        self.sounding.insert((channel, pitch), to);
    }

    fn end(&mut self, channel: u8, pitch: u8, moved: &mut Vec<Note>) {
        if let Some(pitch) = self.sounding.remove(&(channel, pitch))
            && !self.sounds(channel, pitch)
        {
            moved.push(Note::Off { channel, pitch });
        }
    }
}

impl Processor for Quantising {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let mut moved = Vec::new();
            for note in input.packet.notes()?.iter() {
                match *note {
                    note if note.channel() == DRUMS => moved.push(note),
                    Note::On {
                        channel,
                        pitch,
                        velocity,
                    } => self.begin(channel, pitch, velocity, &mut moved),
                    Note::Off { channel, pitch } => self.end(channel, pitch, &mut moved),
                }
            }
            if !moved.is_empty() {
                io.send(NOTES, input.packet.time, Payload::Notes(moved.into()))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match (name, value.as_str()) {
            ("key", Some(name)) => self.key = key(name)?,
            ("scale", Some(name)) => self.scale = scale(name)?,
            _ => return Err(NodeError::internal(format!("`{name}` cannot be {value}"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_plugin::Time;
    use score_plugin::harness::Harness;
    use serde_json::json;

    use super::*;

    fn on(channel: u8, pitch: u8) -> Note {
        Note::On {
            channel,
            pitch,
            velocity: 0.5,
        }
    }

    fn off(channel: u8, pitch: u8) -> Note {
        Note::Off { channel, pitch }
    }

    fn at(seconds: usize) -> Time {
        Time::from_seconds(seconds as f64)
    }

    /// What becomes of notes that come a second apart.
    fn quantised(harness: Harness<ScaleQuantiser>, notes: &[Note]) -> Vec<Note> {
        let packets = notes.iter().enumerate();
        let packets = packets.map(|(second, note)| (at(second), Payload::Notes([*note].into())));
        let outputs = harness
            .feed("notes", PortType::Notes, packets.collect(), at(notes.len()))
            .play_live()
            .unwrap();
        let packets = outputs.packets("notes").iter();
        packets
            .flat_map(|packet| packet.notes().unwrap().to_vec())
            .collect()
    }

    #[test]
    fn every_pitch_goes_to_the_nearest_step_and_every_note_ends_where_it_began() {
        for (number, name) in (0..).zip(KEYS) {
            for (scale, steps) in SCALES {
                for pitch in 0..128 {
                    let params = json!({ "key": name, "scale": scale });
                    let found = quantised(Harness::new(params), &[on(0, pitch), off(0, pitch)]);
                    let to = found[0].pitch();
                    assert_eq!(found, [on(0, to), off(0, to)], "{name} {scale} {pitch}");
                    let is_step = |pitch: u8| steps.contains(&((pitch + 12 - number) % 12));
                    let nearest = (0..128u8).filter(|pitch| is_step(*pitch));
                    let nearest = nearest.map(|step| step.abs_diff(pitch)).min();
                    assert!(is_step(to) && Some(to.abs_diff(pitch)) == nearest);
                }
            }
        }
    }

    #[test]
    fn a_note_ends_where_it_began_though_the_scale_changed_meanwhile() {
        let harness = Harness::new(json!({ "key": "c", "scale": "major" }));
        let harness = harness.set_live(Time::from_seconds(0.5), "key", "c_sharp");
        let found = quantised(harness, &[on(0, 64), off(0, 64), on(0, 64)]);
        assert_eq!(found, [on(0, 64), off(0, 64), on(0, 63)]);
    }

    #[test]
    fn two_notes_on_one_step_sound_until_the_last_ends() {
        let harness = Harness::new(json!({ "scale": "pentatonic" }));
        let found = quantised(harness, &[on(0, 60), on(0, 61), off(0, 60), off(0, 61)]);
        assert_eq!(found, [on(0, 60), off(0, 60), on(0, 60), off(0, 60)]);
    }

    #[test]
    fn drums_stay_as_they_are() {
        let found = quantised(Harness::new(json!({})), &[on(DRUMS, 42), off(DRUMS, 42)]);
        assert_eq!(found, [on(DRUMS, 42), off(DRUMS, 42)]);
    }
}
