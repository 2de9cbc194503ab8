//! A plugin for the tests whose declaration contradicts itself.
#![allow(missing_docs)]

use score_plugin::{Build, Descriptor, Node, NodeError, Param, Processor};
use serde::Deserialize;

score_plugin::export!(Contradicting as "probe_contradicting");

#[derive(Deserialize)]
struct Contradicting {}

impl Node for Contradicting {
    fn descriptor() -> Descriptor {
        let delay = Param::length("delay", (0.0, 5.0), "how late");
        // As a patch would have it, not as a declaration has: that is `.default_beats(0.5)`.
        Descriptor::new("test", "probe_contradicting", "Cannot be used")
            .param(delay.default("beats(0.5)"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Err(NodeError::internal("nothing to build"))
    }
}
