//! For nodes that are made in one program and run in another, as plugins are: what [`Check`],
//! [`Build`] and [`NodeError`] hold, as data that can be written and read on the other side.

use std::any::Any;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::counters::Counters;
use crate::error::{NodeError, NodeErrorKind};
use crate::node::{Build, Check, Problem, Resource, RunContext, Settings, Subject, Wiring};
use crate::port::PortType;
use crate::progress::Progress;
use crate::transport::Transport;

pub use crate::io::{Host, Lineage};
pub use crate::registry::{AnyNode, AnyProcessor};

/// What a node's check sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRequest {
    transport: Transport,
    settings: Settings,
    inputs: Vec<Option<PortType>>,
    outputs: Vec<PortType>,
}

/// What a node's check says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckReply {
    outputs: Vec<PortType>,
    problems: Vec<Problem>,
    resources: Vec<(Resource, Option<String>)>,
}

impl CheckRequest {
    /// What `check` sees.
    pub fn of(check: &Check<'_>) -> Self {
        CheckRequest {
            transport: check.transport.clone(),
            settings: check.settings.clone(),
            inputs: check.inputs.to_vec(),
            outputs: check.outputs.clone(),
        }
    }

    /// Lets `node` check itself.
    pub fn answer(self, node: &dyn AnyNode) -> CheckReply {
        let mut check = Check {
            transport: &self.transport,
            settings: &self.settings,
            presets: None,
            cues: None,
            inputs: &self.inputs,
            outputs: self.outputs,
            problems: Vec::new(),
            warnings: Vec::new(),
            resources: Vec::new(),
        };
        node.check(&mut check);
        CheckReply {
            outputs: check.outputs,
            problems: check.problems,
            resources: check.resources,
        }
    }

    /// The type of every port in it, to be given another name.
    pub fn types(&mut self) -> impl Iterator<Item = &mut PortType> {
        self.inputs.iter_mut().flatten().chain(&mut self.outputs)
    }
}

impl CheckReply {
    /// Says the same to `check`.
    pub fn tell(self, check: &mut Check<'_>) {
        for (output, told) in check.outputs.iter_mut().zip(self.outputs) {
            *output = told;
        }
        let inputs = check.inputs.len();
        let is_there = |problem: &Problem| match problem.subject {
            Subject::Input(input) => input < inputs,
            Subject::Param(_) | Subject::Within(..) => true,
        };
        check
            .problems
            .extend(self.problems.into_iter().filter(is_there));
        check.resources.extend(self.resources);
    }

    /// The type of every port in it, to be given another name.
    pub fn types(&mut self) -> impl Iterator<Item = &mut PortType> {
        self.outputs.iter_mut()
    }
}

/// What a node is built with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuildRequest {
    id: String,
    transport: Transport,
    settings: Settings,
    ends: bool,
    /// Where a program does not say so yet, every node is taken to begin with the run.
    #[serde(default = "yes")]
    with_run: bool,
    inputs: Vec<Option<PortType>>,
    wires: Vec<usize>,
    outputs: Vec<PortType>,
}

impl BuildRequest {
    /// What `build` holds, but for the clock: it cannot be shared, and [`crate::Io::now`] tells its
    /// time.
    pub fn of(build: &Build<'_>) -> Self {
        BuildRequest {
            id: build.id.to_owned(),
            transport: build.transport.clone(),
            settings: build.settings.clone(),
            ends: build.ends,
            with_run: build.with_run,
            inputs: build.inputs.to_vec(),
            wires: build.wires.to_vec(),
            outputs: build.outputs.to_vec(),
        }
    }

    /// Builds `node`, which tells how far it has come and what it counts in `progress` and
    /// `counters`.
    ///
    /// # Errors
    /// As [`crate::Node::build`].
    pub fn answer(
        &self,
        node: &dyn AnyNode,
        progress: &Arc<Progress>,
        counters: &Arc<Counters>,
    ) -> Result<Box<dyn AnyProcessor>, NodeError> {
        let wiring = Wiring {
            id: &self.id,
            inputs: &self.inputs,
            wires: &self.wires,
            sources: &[],
            outputs: &self.outputs,
        };
        let context = RunContext {
            transport: &self.transport,
            settings: &self.settings,
            progress,
            counters,
            clock: None,
            ends: self.ends,
            with_run: self.with_run,
        };
        node.build(&Build::of(wiring, context))
    }

    /// The type of every port in it, to be given another name.
    pub fn types(&mut self) -> impl Iterator<Item = &mut PortType> {
        self.inputs.iter_mut().flatten().chain(&mut self.outputs)
    }
}

fn yes() -> bool {
    true
}

/// A [`NodeError`] as data; the errors that caused it are part of its message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorReply {
    kind: NodeErrorKind,
    message: String,
    help: Option<String>,
}

impl From<&NodeError> for ErrorReply {
    fn from(error: &NodeError) -> Self {
        ErrorReply {
            kind: error.kind(),
            message: error.with_causes(),
            help: error.advice().map(str::to_owned),
        }
    }
}

impl From<ErrorReply> for NodeError {
    fn from(reply: ErrorReply) -> Self {
        let error = NodeError::new(reply.kind, reply.message);
        match reply.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// What a panic says.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::param::Param;

    /// A node that keeps what it was told when it was built.
    #[derive(Default)]
    struct Told(AtomicU8);

    impl AnyNode for Told {
        fn check(&self, _check: &mut Check<'_>) {}

        fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
            let told = u8::from(build.ends) + 2 * u8::from(build.with_run);
            self.0.store(told, Ordering::Relaxed);
            Err(NodeError::internal("never run"))
        }
    }

    #[test]
    fn a_node_elsewhere_is_built_as_its_run_says() {
        let (progress, counters) = (Arc::default(), Arc::default());
        let (transport, settings) = (Transport::default(), Settings::default());
        for (ends, with_run) in [(true, true), (false, true), (false, false)] {
            let wiring = Wiring {
                id: "a",
                inputs: &[],
                wires: &[],
                sources: &[],
                outputs: &[],
            };
            let context = RunContext {
                transport: &transport,
                settings: &settings,
                progress: &progress,
                counters: &counters,
                clock: None,
                ends,
                with_run,
            };
            let request = BuildRequest::of(&Build::of(wiring, context));
            let text = serde_json::to_string(&request).unwrap();
            let read: BuildRequest = serde_json::from_str(&text).unwrap();
            let node = Told::default();
            assert!(read.answer(&node, &progress, &counters).is_err());
            let told = u8::from(ends) + 2 * u8::from(with_run);
            assert_eq!(node.0.load(Ordering::Relaxed), told);
        }
    }

    #[test]
    fn an_error_keeps_its_kind_its_advice_and_what_caused_it() {
        let cause = std::io::Error::other("the disk is full");
        let error = NodeError::output("no room").help("make some").source(cause);
        let text = serde_json::to_string(&ErrorReply::from(&error)).unwrap();
        let read: NodeError = serde_json::from_str::<ErrorReply>(&text).unwrap().into();
        assert_eq!(read.kind(), NodeErrorKind::Output);
        assert_eq!(read.to_string(), "no room (the disk is full)");
        assert_eq!(read.advice(), Some("make some"));
    }

    #[test]
    fn a_default_of_null_and_no_default_stay_two_things() {
        for param in [
            Param::text("a", ""),
            Param::text("a", "").optional(),
            Param::text("a", "").default("x"),
        ] {
            let text = serde_json::to_string(&param).unwrap();
            assert_eq!(serde_json::from_str::<Param>(&text).unwrap(), param);
        }
    }
}
