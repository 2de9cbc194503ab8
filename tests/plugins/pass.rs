//! Hands on what comes; one input and one output of each type.

use score_plugin::{Build, Descriptor, Flow, Io, Node, NodeError, Port, PortType, Processor};

#[derive(serde::Deserialize)]
pub(crate) struct Pass {}

impl Node for Pass {
    fn descriptor() -> Descriptor {
        let ports = [
            ("frames", PortType::Frame),
            ("latent", PortType::Latent(Some(64))),
            ("notes", PortType::Notes),
            ("audio", PortType::Audio),
            ("value", PortType::Control),
            ("event", PortType::Event),
        ];
        let start = Descriptor::new("test", "probe_pass", "Hands on what comes");
        ports
            .into_iter()
            .fold(start, |descriptor, (name, port_type)| {
                descriptor
                    .input(Port::new(name, port_type.clone(), "what comes").optional())
                    .output(Port::new(name, port_type, "the same"))
            })
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Passing))
    }
}

struct Passing;

impl Processor for Passing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            io.send(input.port, input.packet.time, input.packet.payload)?;
        }
        Ok(Flow::Continue)
    }
}
