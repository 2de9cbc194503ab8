// Moves notes up; included by the probe, by the probe that was built anew, and by one with a name
// that is taken.

use score_plugin::{
    Build, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params, Processor,
};

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "notes");
const HIGHER: OutputPort<Note> = OutputPort::new(0, "notes", "notes that lie higher");

#[derive(Clone, Params)]
pub(crate) struct Shift {
    /// how far
    #[param(live, range = 0..=24, unit = "semitones", default = 0)]
    by: i64,
}

impl Node for Shift {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", KIND, "Moves notes up")
            .input(NOTES)
            .output(HIGHER)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Shifting))
    }
}

struct Shifting;

impl Processor<Shift> for Shifting {
    fn process(&mut self, params: &Shift, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let by = params.by + 12 * OCTAVES;
        let higher = |pitch: u8| u8::try_from(i64::from(pitch) + by).unwrap_or(127).min(127);
        while let Some(input) = io.take() {
            let notes = input.read(NOTES)?.iter().map(|note| match *note {
                Note::On {
                    channel,
                    pitch,
                    velocity,
                } => Note::On {
                    channel,
                    pitch: higher(pitch),
                    velocity,
                },
                Note::Off { channel, pitch } => Note::Off {
                    channel,
                    pitch: higher(pitch),
                },
            });
            io.send(HIGHER, input.packet.time, notes.collect::<Vec<_>>())?;
        }
        Ok(Flow::Continue)
    }
}
