//! A plugin for SCORE!: `my_node`, which moves notes up or down.

use score_plugin::{
    Build, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType, Processor,
    Value,
};
use serde::Deserialize;

// Every kind of the plugin stands here.
score_plugin::export!(MyNode);

/// The output's index in the declaration.
const NOTES: usize = 0;

/// The node as the patch has it: a field for each parameter.
#[derive(Deserialize)]
pub struct MyNode {
    by: i64,
}

impl Node for MyNode {
    // Declared once, for the checker, for `score nodes my_node`, and for what a saved edit costs.
    fn descriptor() -> Descriptor {
        Descriptor::new("plugin", "my_node", "Moves notes up or down")
            .details("Notes that would leave MIDI's range stay at its end.")
            .input(Port::new("notes", PortType::Notes, "the notes"))
            .output(Port::new("notes", PortType::Notes, "the same, moved"))
            .param(
                Param::integer("by", (-48, 48), "how far")
                    .unit("semitones")
                    .default(12),
            )
    }

    // May block, open devices and load files: nothing that plays waits for it.
    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Moving { by: self.by }))
    }
}

/// The node as it runs, on a thread of its own.
struct Moving {
    by: i64,
}

impl Moving {
    fn moved(&self, pitch: u8) -> u8 {
        (i64::from(pitch) + self.by).clamp(0, 127) as u8
    }
}

impl Processor for Moving {
    // Called whenever something is due.
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let notes = input.packet.notes()?.iter().map(|note| match *note {
                Note::On {
                    channel,
                    pitch,
                    velocity,
                } => Note::On {
                    channel,
                    pitch: self.moved(pitch),
                    velocity,
                },
                Note::Off { channel, pitch } => Note::Off {
                    channel,
                    pitch: self.moved(pitch),
                },
            });
            io.send(NOTES, input.packet.time, Payload::Notes(notes.collect()))?;
        }
        Ok(Flow::Continue)
    }

    // May be left out here. Only for parameters that are declared `.live()`; `by` is not, since the end of a note that
    // sounds would be moved otherwise than its beginning was. A change of `by` builds the node anew, and the engine ends
    // what sounds.
    fn set(&mut self, name: &str, _value: &Value) -> Result<(), NodeError> {
        Err(NodeError::internal(format!("`{name}` is not live")))
    }
}

#[cfg(test)]
mod tests {
    use score_plugin::Time;
    use score_plugin::harness::Harness;
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
