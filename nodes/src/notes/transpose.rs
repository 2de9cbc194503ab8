//! Moves notes up or down.

use score_engine::{
    Build, Custom, Descriptor, InputPort, Node, NodeError, Note, OutputPort, Params, Processor,
};

use super::folded;
use super::harmony::Harmony;
use super::mapping::{Mapping, Maps};
use super::scales::stepped;
use crate::chords::Chords;

const CHORDS: InputPort<Custom<Chords>> = Chords::input(
    0,
    "chords",
    "the key to follow, in place of the transport's",
)
.optional();
const NOTES: InputPort<Note> = InputPort::new(1, "notes", "the notes");
const MOVED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, moved");

/// `transpose`.
#[derive(Clone, Params)]
pub(crate) struct Transpose {
    /// how far up; below 0, down
    #[param(live, range = -48..=48, span = -12.0..=12.0, unit = "semitones", default = 0)]
    semitones: i32,
    /// the same in steps of the key
    #[param(live, range = -28..=28, span = -7.0..=7.0, unit = "steps", default = 0)]
    steps: i32,
}

impl Node for Transpose {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "transpose", "Moves notes up or down")
            .example(
                r#"transport: (tempo: 100, key: "G major"),
                nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "third": transpose(steps: 2),
                    "piano": synth(voice: electric_piano),
                    "sound": audio_file(path: "thirds.wav"),
                },
                wires: ["tune -> third -> piano -> sound", "tune -> piano"]"#,
            )
            .details(
                "`steps` move along the key: two steps up from C are E in C major and E flat in C minor, so that a \
                 second voice in thirds stays in the key. A note beside the scale stays as far beside it. The key is \
                 the transport's, or that of `chords`; without either, C major. `semitones` are added.\n\n\
                 A note that would leave MIDI's range sounds in the nearest octave within it. A note that sounds \
                 ends where it began, whatever changes meanwhile. Drums, on channel 9, stay as they are; pedals and \
                 controllers pass.",
            )
            .input(CHORDS)
            .input(NOTES)
            .output(MOVED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Mapping::new(build)))
    }
}

impl Maps for Transpose {
    const CHORDS: InputPort<Custom<Chords>> = CHORDS;
    const NOTES: InputPort<Note> = NOTES;
    const MAPPED: OutputPort<Note> = MOVED;

    fn sounds_as(&self, pitch: u8, harmony: &Harmony) -> Vec<(u8, f32)> {
        let stepped = stepped(i32::from(pitch), self.steps, harmony.key());
        vec![(folded(stepped + self.semitones), 1.0)]
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, both, chords, feed, in_key, lines, one_by_one};
    use super::*;

    fn moved(params: Value, key: &str, pitches: &[u8]) -> Vec<u8> {
        let notes = one_by_one(pitches);
        let found = both(|| {
            let harness = Harness::<Transpose>::new(params.clone());
            feed(harness.transport(in_key(key)), &notes)
        });
        let struck = found.iter().filter(|(.., velocity)| *velocity > 0);
        struck.map(|(_, pitch, _)| *pitch).collect()
    }

    #[test]
    fn semitones_and_steps_of_the_key_are_added() {
        let semitones = json!({ "semitones": -5 });
        assert_eq!(moved(semitones, "C", &[60, 61, 4]), [55, 56, 11]);
        let thirds = json!({ "steps": 2 });
        assert_eq!(
            moved(thirds.clone(), "C", &[60, 62, 71, 61]),
            [64, 65, 74, 65]
        );
        assert_eq!(moved(thirds, "C minor", &[60, 62, 70]), [63, 65, 74]);
        let both = json!({ "steps": -7, "semitones": 12 });
        assert_eq!(moved(both, "E", &[0, 60, 127]), [0, 60, 127]);
    }

    #[test]
    fn a_note_ends_where_it_began_and_the_next_is_moved_as_said_since() {
        let notes: &[Line] = &[(0, 60, 50), (1000, 60, 0), (1000, 60, 70), (2000, 60, 0)];
        let harness = feed(Harness::<Transpose>::new(json!({})), notes);
        let harness = harness.set_live(at(500), "semitones", 7);
        let found = lines(&harness.play_live().unwrap(), "notes");
        let wanted = [(0, 60, 50), (1000, 60, 0), (1000, 67, 70), (2000, 67, 0)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn chords_say_in_which_key_steps_are() {
        let led = [(0, "C major", None), (1000, "C minor", None)];
        let notes: &[Line] = &[(0, 60, 50), (500, 60, 0), (1000, 60, 50), (1500, 60, 0)];
        let found = both(|| {
            let harness = Harness::<Transpose>::new(json!({ "steps": 2 }));
            feed(chords(harness, &led, 2000), notes)
        });
        let wanted = [(0, 64, 50), (500, 64, 0), (1000, 63, 50), (1500, 63, 0)];
        assert_eq!(found, wanted);
    }
}
