//! A plugin for the tests whose declaration contradicts itself.
#![allow(missing_docs)]

use score_plugin::{Build, Descriptor, Length, Node, NodeError, Params, Processor};

score_plugin::export!(Contradicting as "probe_contradicting");

#[derive(Clone, Params)]
struct Contradicting {
    /// how late
    #[param(range = 0.0..=5.0, default = Length::Seconds(6.0))]
    delay: Length,
}

impl Node for Contradicting {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "probe_contradicting", "Cannot be used")
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Err(NodeError::internal(format!(
            "nothing to build, {:?} late",
            self.delay
        )))
    }
}
