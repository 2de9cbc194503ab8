//! Parts a keyboard in two.

use score_engine::{
    Build, Choice, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params,
    Processor, Time,
};

use super::note_map::NoteMap;
use super::{Key, send_on};

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const LOW: OutputPort<Note> = OutputPort::new(0, "low", "lower or softer notes");
const HIGH: OutputPort<Note> = OutputPort::new(1, "high", "the others");

/// What notes are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum By {
    Key,
    Velocity,
}

/// `split`.
#[derive(Clone, Params)]
pub(crate) struct Split {
    /// what notes are told apart by
    #[param(live, default = By::Key)]
    by: By,
    /// the lowest key of `high`, MIDI's number; 60 is middle C
    #[param(live, range = 0..=127, span = 36.0..=84.0, default = 60)]
    key: u8,
    /// the softest velocity of `high`
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    velocity: f32,
}

impl Node for Split {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "split", "Parts notes in two, by key or velocity")
            .example(
                r#"nodes: {
                    "hands": midi_input_file(path: "song.mid"),
                    "split": split(key: 55),
                    "bass": synth(voice: bass),
                    "piano": synth(voice: electric_piano),
                    "mix": mixer(),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["hands -> split", "split.low -> bass -> mix", "split.high -> piano -> mix -> sound"]"#,
            )
            .details(
                "A note ends where it began, though the split moves meanwhile. What is done to a channel, such as \
                 bends and controllers, goes to both outputs.",
            )
            .input(NOTES)
            .output(LOW)
            .output(HIGH)
            .urgent()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Splitting::default()))
    }
}

impl Split {
    fn is_high(&self, pitch: u8, velocity: f32) -> bool {
        match self.by {
            By::Key => pitch >= self.key,
            By::Velocity => velocity >= self.velocity,
        }
    }
}

#[derive(Default)]
struct Splitting {
    low: NoteMap<Key>,
    high: NoteMap<Key>,
}

impl Processor<Split> for Splitting {
    fn process(&mut self, params: &Split, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let packet = &input.packet;
            let (mut low, mut high) = (Vec::new(), Vec::new());
            for note in input.read(NOTES)?.iter() {
                let key = (note.channel(), note.pitch());
                self.low.end(&key, &mut low);
                self.high.end(&key, &mut high);
                let Note::On {
                    pitch, velocity, ..
                } = *note
                else {
                    continue;
                };
                let (map, sent) = match params.is_high(pitch, velocity) {
                    true => (&mut self.high, &mut high),
                    false => (&mut self.low, &mut low),
                };
                map.begin(key, &[(key, velocity)], packet.time, sent);
            }
            send_on(io, LOW, packet, packet.changes().to_vec(), low)?;
            send_on(io, HIGH, packet, packet.changes().to_vec(), high)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &Split, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        for (map, port) in [(&mut self.low, LOW), (&mut self.high, HIGH)] {
            for (time, notes) in map.end_all(end) {
                io.send(port, time, notes)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use serde_json::json;

    use super::super::test_notes::{Line, at, bent, feed, lines};
    use super::*;

    const NOTES: &[Line] = &[
        (0, 59, 80),
        (0, 60, 30),
        (500, 59, 0),
        (500, 60, 0),
        (1000, 59, 30),
        (1500, 59, 0),
    ];

    fn parted(outputs: Outputs) -> (Vec<Line>, Vec<Line>) {
        (lines(&outputs, "low"), lines(&outputs, "high"))
    }

    #[test]
    fn each_note_goes_one_way_by_its_key_or_its_velocity() {
        let split = |params| parted(feed(Harness::<Split>::new(params), NOTES).run().unwrap());
        let (low, high) = split(json!({}));
        assert_eq!(
            low,
            [(0, 59, 80), (500, 59, 0), (1000, 59, 30), (1500, 59, 0)]
        );
        assert_eq!(high, [(0, 60, 30), (500, 60, 0)]);
        let (low, high) = split(json!({ "by": "velocity" }));
        assert_eq!(
            low,
            [(0, 60, 30), (500, 60, 0), (1000, 59, 30), (1500, 59, 0)]
        );
        assert_eq!(high, [(0, 59, 80), (500, 59, 0)]);
        for port in ["low", "high"] {
            assert_eq!(bent(|| Harness::<Split>::new(json!({})), port), [at(700)]);
        }
    }

    #[test]
    fn a_note_ends_where_it_began_though_the_split_moves_meanwhile() {
        let harness = feed(Harness::<Split>::new(json!({})), NOTES).set_live(at(250), "key", 0);
        let (low, high) = parted(harness.play_live().unwrap());
        assert_eq!(low, [(0, 59, 80), (500, 59, 0)]);
        let wanted = [(0, 60, 30), (500, 60, 0), (1000, 59, 30), (1500, 59, 0)];
        assert_eq!(high, wanted);
    }
}
