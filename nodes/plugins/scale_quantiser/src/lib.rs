//! A plugin for SCORE!: `scale_quantiser`, which moves notes onto a scale.

use std::collections::BTreeMap;

use score_plugin::{
    Build, Choice, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params,
    Processor,
};

score_plugin::export!(ScaleQuantiser);

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const MOVED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, on the scale");

/// MIDI's channel of drums, whose pitches are instruments (General MIDI).
const DRUMS: u8 = 9;

/// The keys, each so many semitones above C as its place says.
#[derive(Clone, Copy, Choice)]
enum Key {
    C,
    CSharp,
    D,
    EFlat,
    E,
    F,
    FSharp,
    G,
    AFlat,
    A,
    BFlat,
    B,
}

/// The scales.
#[derive(Clone, Copy, Choice)]
enum Scale {
    Major,
    Minor,
    Dorian,
    Pentatonic,
    MinorPentatonic,
    Blues,
    WholeTone,
}

impl Scale {
    /// Its steps above the key, in semitones.
    fn steps(self) -> &'static [u8] {
        match self {
            Scale::Major => &[0, 2, 4, 5, 7, 9, 11],
            Scale::Minor => &[0, 2, 3, 5, 7, 8, 10],
            Scale::Dorian => &[0, 2, 3, 5, 7, 9, 10],
            Scale::Pentatonic => &[0, 2, 4, 7, 9],
            Scale::MinorPentatonic => &[0, 3, 5, 7, 10],
            Scale::Blues => &[0, 3, 5, 6, 7, 10],
            Scale::WholeTone => &[0, 2, 4, 6, 8, 10],
        }
    }
}

/// `scale_quantiser`.
#[derive(Clone, Params)]
pub struct ScaleQuantiser {
    /// where the scale begins
    #[param(live, default = Key::C)]
    key: Key,
    /// the scale
    #[param(live, default = Scale::Major)]
    scale: Scale,
}

impl Node for ScaleQuantiser {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("plugin", "scale_quantiser", "Moves notes onto a scale")
            .details(
                "A note between two steps of the scale goes to the nearer one, and to the lower one where both are as \
                 near. A note that sounds while key or scale change ends where it began. Drums (channel 9) stay as they \
                 are.",
            )
            .input(NOTES)
            .output(MOVED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Quantising::default()))
    }
}

impl ScaleQuantiser {
    /// The nearest pitch on the scale, the lower of two.
    fn nearest(&self, pitch: u8) -> u8 {
        let fits = |candidate: &u8| {
            let step = (*candidate + 12 - self.key as u8) % 12;
            *candidate <= 127 && self.scale.steps().contains(&step)
        };
        // No two steps of any scale are further apart than three semitones.
        (0..=3)
            .flat_map(|distance| [pitch.checked_sub(distance), pitch.checked_add(distance)])
            .flatten()
            .find(fits)
            .unwrap_or(pitch)
    }
}

#[derive(Default)]
struct Quantising {
    /// Where each note that sounds, by channel and pitch, was moved to.
    sounding: BTreeMap<(u8, u8), u8>,
}

impl Quantising {
    /// Whether a note that was moved to `pitch` still sounds.
    fn sounds(&self, channel: u8, pitch: u8) -> bool {
        let mut sounding = self.sounding.iter();
        sounding.any(|((on, _), moved)| (*on, *moved) == (channel, pitch))
    }

    /// A note begins, and is moved to the pitch `to`.
    fn begin(&mut self, note: (u8, u8), to: u8, velocity: f32, moved: &mut Vec<Note>) {
        let (channel, pitch) = note;
        self.end(channel, pitch, moved);
        // A key goes down again only after it came up.
        if self.sounds(channel, to) {
            moved.push(Note::Off { channel, pitch: to });
        }
        moved.push(Note::On {
            channel,
            pitch: to,
            velocity,
        });
        self.sounding.insert(note, to);
    }

    fn end(&mut self, channel: u8, pitch: u8, moved: &mut Vec<Note>) {
        if let Some(pitch) = self.sounding.remove(&(channel, pitch))
            && !self.sounds(channel, pitch)
        {
            moved.push(Note::Off { channel, pitch });
        }
    }
}

impl Processor<ScaleQuantiser> for Quantising {
    fn process(&mut self, params: &ScaleQuantiser, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let mut moved = Vec::new();
            for note in input.read(NOTES)?.iter() {
                match *note {
                    note if note.channel() == DRUMS => moved.push(note),
                    Note::On {
                        channel,
                        pitch,
                        velocity,
                    } => {
                        let to = params.nearest(pitch);
                        self.begin((channel, pitch), to, velocity, &mut moved);
                    }
                    Note::Off { channel, pitch } => self.end(channel, pitch, &mut moved),
                }
            }
            if !moved.is_empty() {
                io.send(MOVED, input.packet.time, moved)?;
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_plugin::harness::Harness;
    use score_plugin::{Payload, PortType, Time};
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
        for (number, name) in (0..).zip(Key::WORDS) {
            for scale in Scale::WORDS {
                let steps = Scale::of_word(scale).unwrap().steps();
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
        let found = quantised(harness, &[on(0, 64), off(0, 64), on(0, 64), off(0, 64)]);
        assert_eq!(found, [on(0, 64), off(0, 64), on(0, 63), off(0, 63)]);
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
