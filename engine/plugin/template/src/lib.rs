//! A plugin for SCORE!: `my_node`, which moves notes up or down.

use score_plugin::{
    Build, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params, Processor,
};

// Every kind of the plugin stands here.
score_plugin::export!(MyNode);

// The ports, each with its place in the declaration, its name and what it is for.
const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const MOVED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, moved");

/// The node as the patch has it. Each field is a parameter, and its doc comment is what the
/// reference says of it.
#[derive(Clone, Params)]
pub struct MyNode {
    /// how far
    #[param(
        rebuild = "a note that sounds must end where it began",
        range = -48..=48,
        unit = "semitones",
        default = 12
    )]
    by: i64,
}

impl Node for MyNode {
    // Declared once, for the checker, for `score nodes my_node`, and for what a saved edit costs.
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("plugin", "my_node", "Moves notes up or down")
            .details("Notes that would leave MIDI's range stay at its end.")
            .input(NOTES)
            .output(MOVED)
    }

    // May block, open devices and load files: nothing that plays waits for it.
    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Moving))
    }
}

impl MyNode {
    fn moved(&self, pitch: u8) -> u8 {
        (i64::from(pitch) + self.by).clamp(0, 127) as u8
    }
}

/// The node as it runs, on a thread of its own. What it remembers from call to call stands here;
/// this one has nothing to remember.
struct Moving;

impl Processor<MyNode> for Moving {
    // Called whenever something is due. `params` has the parameters as they are now: one that is
    // `live` needs nothing else. `by` is not, since the end of a note that sounds would be
    // moved otherwise than its beginning was; a change of `by` rebuilds the node, and the
    // engine ends what sounds.
    fn process(&mut self, params: &MyNode, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let notes = input.read(NOTES)?.iter().map(|note| match *note {
                Note::On {
                    channel,
                    pitch,
                    velocity,
                } => Note::On {
                    channel,
                    pitch: params.moved(pitch),
                    velocity,
                },
                Note::Off { channel, pitch } => Note::Off {
                    channel,
                    pitch: params.moved(pitch),
                },
            });
            let notes: Vec<Note> = notes.collect();
            io.send(MOVED, input.packet.time, notes)?;
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

    #[test]
    fn a_note_goes_up_by_an_octave_and_ends_where_it_began() {
        let at = Time::from_seconds;
        let on = Note::On {
            channel: 0,
            pitch: 60,
            velocity: 0.8,
        };
        let off = Note::Off {
            channel: 0,
            pitch: 60,
        };
        let played = vec![
            (at(0.0), Payload::Notes([on].into())),
            (at(1.0), Payload::Notes([off].into())),
        ];
        let outputs = Harness::<MyNode>::new(json!({ "by": 12 }))
            .feed("notes", PortType::Notes, played, at(2.0))
            .run()
            .expect("it runs");
        let pitches: Vec<u8> = (outputs.packets("notes").iter())
            .flat_map(|packet| packet.notes().expect("notes").iter().map(Note::pitch))
            .collect();
        assert_eq!(pitches, [72, 72]);
    }
}
