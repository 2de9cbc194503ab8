//! Lets some notes pass.

use score_engine::{
    Build, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params, Processor,
    Time,
};

use super::note_map::NoteMap;
use super::{HIGHEST, Key, send_on};

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const PASSED: OutputPort<Note> = OutputPort::new(0, "notes", "those that pass");

/// `note_filter`.
#[derive(Clone, Params)]
pub(crate) struct NoteFilter {
    /// channels that pass, counted from 0; none: all
    #[param(live, range = 0..=15, default = Vec::new())]
    channels: Vec<u8>,
    /// the lowest key that passes, MIDI's number; 60 is middle C
    #[param(live, range = 0..=127, default = 0)]
    lowest: u8,
    /// the highest key that passes
    #[param(live, range = 0..=127, default = HIGHEST)]
    highest: u8,
    /// the softest note that passes
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    softest: f32,
    /// the hardest note that passes
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    hardest: f32,
    /// of the channels that pass: everything but these keys and velocities
    #[param(live, default = false)]
    invert: bool,
}

impl Node for NoteFilter {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "note_filter", "Lets the notes of some channels, keys or velocities pass")
            .example(
                r#"nodes: {
                    "song": midi_input_file(path: "song.mid"),
                    "low": note_filter(channels: [0, 1], highest: 52),
                    "bass": synth(voice: bass),
                    "sound": audio_file(path: "bass.wav"),
                },
                wires: ["song -> low -> bass -> sound"]"#,
            )
            .details(
                "A part of a MIDI file, or of a keyboard that sends several, is a channel. A note passes whole: one \
                 that sounds ends with its key, whatever changes meanwhile. What is done to a channel, such as bends \
                 and controllers, passes where the channel does.",
            )
            .input(NOTES)
            .output(PASSED)
            .urgent()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Filtering::default()))
    }
}

impl NoteFilter {
    fn has_channel(&self, channel: u8) -> bool {
        self.channels.is_empty() || self.channels.contains(&channel)
    }

    fn passes(&self, (channel, pitch): Key, velocity: f32) -> bool {
        let keys = (self.lowest..=self.highest).contains(&pitch);
        let velocities = (self.softest..=self.hardest).contains(&velocity);
        self.has_channel(channel) && (keys && velocities) != self.invert
    }
}

#[derive(Default)]
struct Filtering {
    map: NoteMap<Key>,
}

impl Processor<NoteFilter> for Filtering {
    fn process(&mut self, params: &NoteFilter, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let packet = &input.packet;
            let mut sent = Vec::new();
            for note in input.read(NOTES)?.iter() {
                let key = (note.channel(), note.pitch());
                match *note {
                    Note::On { velocity, .. } if params.passes(key, velocity) => {
                        let notes = [(key, velocity)];
                        self.map.begin(key, &notes, packet.time, &mut sent);
                    }
                    // A key that is struck again has come up.
                    _ => self.map.end(&key, &mut sent),
                }
            }
            let changes = packet.changes().iter().copied();
            let changes = changes.filter(|change| params.has_channel(change.channel()));
            send_on(io, PASSED, packet, changes.collect(), sent)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &NoteFilter, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, notes) in self.map.end_all(io.end().unwrap_or(Time::ZERO)) {
            io.send(PASSED, time, notes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType};
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, bent, both, feed, lines, note};
    use super::*;

    /// Which of these pass.
    fn passed(params: Value, notes: &[Line]) -> Vec<Line> {
        both(|| feed(Harness::<NoteFilter>::new(params.clone()), notes))
    }

    const NOTES: &[Line] = &[
        (0, 40, 20),
        (100, 60, 50),
        (200, 60, 0),
        (300, 40, 0),
        (400, 72, 90),
        (500, 72, 0),
    ];

    #[test]
    fn keys_and_velocities_between_the_ends_pass_whole() {
        assert_eq!(passed(json!({}), NOTES), NOTES);
        let low = passed(json!({ "highest": 59 }), NOTES);
        assert_eq!(low, [(0, 40, 20), (300, 40, 0)]);
        let middle = passed(json!({ "lowest": 60, "hardest": 0.5 }), NOTES);
        assert_eq!(middle, [(100, 60, 50), (200, 60, 0)]);
        let others = passed(
            json!({ "lowest": 60, "hardest": 0.5, "invert": true }),
            NOTES,
        );
        assert_eq!(
            others,
            [(0, 40, 20), (300, 40, 0), (400, 72, 90), (500, 72, 0)]
        );
        assert_eq!(passed(json!({ "lowest": 80, "highest": 20 }), NOTES), []);
    }

    #[test]
    fn only_the_channels_named_pass_with_what_is_done_to_them() {
        let notes = [
            note(0, 60, 50),
            note(3, 60, 50),
            note(3, 60, 0),
            note(0, 60, 0),
        ];
        let packet = (at(0), Payload::Notes(notes.into()));
        let outputs = Harness::<NoteFilter>::new(json!({ "channels": [3, 4] }))
            .feed("notes", PortType::Notes, vec![packet], at(1000))
            .run()
            .unwrap();
        let passed = outputs.packets("notes")[0].notes().unwrap().to_vec();
        assert_eq!(passed, [note(3, 60, 50), note(3, 60, 0)]);
        let of = |channels: Value| {
            bent(
                || Harness::<NoteFilter>::new(json!({ "channels": channels })),
                "notes",
            )
        };
        assert_eq!(of(json!([])), [at(700)]);
        assert_eq!(of(json!([3])), [at(700)]);
        assert_eq!(of(json!([1])), []);
    }

    #[test]
    fn a_note_that_sounds_ends_though_its_key_would_not_pass_any_more() {
        let harness = feed(Harness::<NoteFilter>::new(json!({})), &NOTES[..4]);
        let harness = harness.set_live(at(150), "lowest", 100);
        let found = lines(&harness.play_live().unwrap(), "notes");
        assert_eq!(found, NOTES[..4]);
    }
}
