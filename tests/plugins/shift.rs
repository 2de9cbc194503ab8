// Moves notes up; included by the probe and by the probe that was built anew.

use score_plugin::{
    Build, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType, Processor,
    Value,
};

#[derive(serde::Deserialize)]
pub(crate) struct Shift {
    by: i64,
}

impl Node for Shift {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "probe_shift", "Moves notes up")
            .input(Port::new("notes", PortType::Notes, "notes"))
            .output(Port::new("notes", PortType::Notes, "notes that lie higher"))
            .param(Param::integer("by", (0, 24), "how far").unit("semitones").default(0).live())
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Shifting { by: self.by }))
    }
}

struct Shifting {
    by: i64,
}

impl Processor for Shifting {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let by = self.by + 12 * OCTAVES;
        let higher = |pitch: u8| u8::try_from(i64::from(pitch) + by).unwrap_or(127).min(127);
        while let Some(input) = io.take() {
            let notes = input.packet.notes()?.iter().map(|note| match *note {
                Note::On { channel, pitch, velocity } => Note::On {
                    channel,
                    pitch: higher(pitch),
                    velocity,
                },
                Note::Off { channel, pitch } => Note::Off {
                    channel,
                    pitch: higher(pitch),
                },
            });
            io.send(0, input.packet.time, Payload::Notes(notes.collect()))?;
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match (name, value.as_i64()) {
            ("by", Some(by)) => self.by = by,
            _ => return Err(NodeError::internal(format!("`{name}` cannot be {value}"))),
        }
        Ok(())
    }
}
