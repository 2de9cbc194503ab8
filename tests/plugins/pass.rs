//! Hands on what comes; one input and one output of each type.

use score_plugin::{
    AudioBlock, Build, Control, Descriptor, Event, Flow, Frame, InputPort, Io, Latent, Node,
    NodeError, Note, OutputPort, Params, Processor,
};

#[derive(Clone, Params)]
pub(crate) struct Pass {}

impl Node for Pass {
    fn descriptor() -> Descriptor {
        const WHAT: &str = "what comes";
        const SAME: &str = "the same";
        Descriptor::of::<Self>("test", "probe_pass", "Hands on what comes")
            .input(InputPort::<Frame>::new(0, "frames", WHAT).optional())
            .input(
                InputPort::<Latent>::new(1, "latent", WHAT)
                    .dimension(64)
                    .optional(),
            )
            .input(InputPort::<Note>::new(2, "notes", WHAT).optional())
            .input(InputPort::<AudioBlock>::new(3, "audio", WHAT).optional())
            .input(InputPort::<Control>::new(4, "value", WHAT).optional())
            .input(InputPort::<Event>::new(5, "event", WHAT).optional())
            .output(OutputPort::<Frame>::new(0, "frames", SAME))
            .output(OutputPort::<Latent>::new(1, "latent", SAME).dimension(64))
            .output(OutputPort::<Note>::new(2, "notes", SAME))
            .output(OutputPort::<AudioBlock>::new(3, "audio", SAME))
            .output(OutputPort::<Control>::new(4, "value", SAME))
            .output(OutputPort::<Event>::new(5, "event", SAME))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Passing))
    }
}

struct Passing;

impl Processor<Pass> for Passing {
    fn process(&mut self, _params: &Pass, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            io.send_packet(input.port, input.packet)?;
        }
        Ok(Flow::Continue)
    }
}
