//! The one declaration of a node kind, which feeds the validator, the command line and the
//! reference.

mod fault;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::param::{Change, FileRole, Param, ParamType, Params};
use crate::port::{Carried, InputPort, OutputPort, Port, PortType};

/// In which order a node with several inputs sees their packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputOrder {
    /// By media time; at equal times by port. An input that is late holds the others back.
    ByTime,
    /// Each input in its own order, as packets come. Only for a node whose result does not depend
    /// on how its inputs interleave.
    Independent,
}

/// Everything there is to know of a node kind before one is built.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its name in patches, snake_case.
    pub kind: Cow<'static, str>,
    /// The family that it belongs to: `video`, `latent`, `audio`…
    pub family: Cow<'static, str>,
    /// One line.
    pub summary: Cow<'static, str>,
    /// What else a user should know: paragraphs in Markdown.
    pub details: Cow<'static, str>,
    /// A patch that shows it at work, without `Patch(format: 1, …)` around it; empty: none.
    pub example: Cow<'static, str>,
    /// Inputs, in the order of their indices.
    pub inputs: Vec<Port>,
    /// Outputs, in the order of their indices.
    pub outputs: Vec<Port>,
    /// Parameters.
    pub params: Vec<Param>,
    /// In which order several inputs are seen.
    pub input_order: InputOrder,
    /// Whether a cycle may pass through the node because it holds its input back by at least a
    /// block.
    pub delays: bool,
    /// Whether the node, a source, sends as fast as it can, with times from its own start; live,
    /// the engine moves each packet's time to where the node began, and holds the packet back
    /// until then.
    pub paced: bool,
    /// Whether what the node does is heard within milliseconds, so that live its thread comes
    /// before others where the system allows it. Such a node never works longer than a block
    /// of sound lasts.
    pub urgent: bool,
    /// Whether what the node does depends on the tempo: it has a length, which may be told in
    /// beats, or plays in bars. A new tempo reaches the processor that runs, with
    /// [`crate::Processor::changed`].
    pub follows_tempo: bool,
    /// Whether the node, a source, goes on for as long as anybody reads it: in a render its
    /// readers end with their other inputs.
    #[serde(default)]
    pub endless: bool,
    /// The parameter that ends such a source where it has a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Cow<'static, str>>,
    /// Whether what the node does depends on where bars and beats lie, so that it waits where
    /// those are fitted to a film.
    #[serde(default)]
    pub in_bars: bool,
    /// Whether the node receives each value that is set from outside while it plays, to keep a
    /// record of it.
    #[serde(default)]
    pub keeps_record: bool,
    /// Whether a call of the node takes microseconds and never waits, so that live such nodes share
    /// threads.
    #[serde(default)]
    pub light: bool,
    /// A port whose number is not its place. It crosses with a plugin's declaration, whose ports
    /// are counted there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    misplaced: Option<String>,
}

impl Descriptor {
    /// A kind with the parameters of `P`, and without ports.
    pub fn of<P: Params>(
        family: impl Into<Cow<'static, str>>,
        kind: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        let params = P::declare();
        let is_length = |param: &Param| matches!(param.param_type, ParamType::Length { .. });
        Descriptor {
            follows_tempo: params.iter().any(is_length),
            params,
            ..Self::new(family, kind, summary)
        }
    }

    /// A kind without ports or parameters.
    pub fn new(
        family: impl Into<Cow<'static, str>>,
        kind: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Descriptor {
            kind: kind.into(),
            family: family.into(),
            summary: summary.into(),
            details: Cow::Borrowed(""),
            example: Cow::Borrowed(""),
            inputs: Vec::new(),
            outputs: Vec::new(),
            params: Vec::new(),
            input_order: InputOrder::ByTime,
            delays: false,
            paced: false,
            urgent: false,
            follows_tempo: false,
            endless: false,
            ended_by: None,
            in_bars: false,
            keeps_record: false,
            light: false,
            misplaced: None,
        }
    }

    /// Adds what else a user should know.
    pub fn details(mut self, details: impl Into<Cow<'static, str>>) -> Self {
        self.details = details.into();
        self
    }

    /// Adds a patch that shows the node at work: `nodes: {…}, wires: […]`, and what else stands in
    /// a patch, but its format.
    pub fn example(mut self, example: impl Into<Cow<'static, str>>) -> Self {
        self.example = example.into();
        self
    }

    /// Adds an input. The first has the number 0.
    pub fn input<T: Carried>(mut self, port: InputPort<T>) -> Self {
        self.note_place("input", port.name(), port.index(), self.inputs.len());
        self.inputs.push(port.into());
        self
    }

    /// Adds an output. The first has the number 0.
    pub fn output<T: Carried>(mut self, port: OutputPort<T>) -> Self {
        self.note_place("output", port.name(), port.index(), self.outputs.len());
        self.outputs.push(port.into());
        self
    }

    /// Notes a port whose number is not its place: its packets would go to another.
    fn note_place(&mut self, what: &str, name: &str, number: usize, place: usize) {
        if number != place && self.misplaced.is_none() {
            let misplaced =
                format!("the {what} `{name}` is number {number}, but stands at {place}");
            self.misplaced = Some(misplaced);
        }
    }

    /// Adds an input of whatever type.
    #[doc(hidden)]
    pub fn with_input(mut self, port: Port) -> Self {
        self.inputs.push(port);
        self
    }

    /// Adds an output of whatever type.
    #[doc(hidden)]
    pub fn with_output(mut self, port: Port) -> Self {
        self.outputs.push(port);
        self
    }

    /// Adds a parameter.
    pub fn param(mut self, param: Param) -> Self {
        self.params.push(param);
        self
    }

    /// The node's result does not depend on how its inputs interleave.
    pub fn independent_inputs(mut self) -> Self {
        self.input_order = InputOrder::Independent;
        self
    }

    /// A cycle may pass through the node.
    pub fn delays(mut self) -> Self {
        self.delays = true;
        self
    }

    /// The node is a source that goes on for as long as anybody reads it.
    pub fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// The node is such a source unless its parameter `name` has a value: the time until it ends.
    pub fn endless_unless(mut self, name: &'static str) -> Self {
        self.ended_by = Some(Cow::Borrowed(name));
        self.endless()
    }

    /// The node is a source that sends as fast as it can, with times from its own start.
    pub fn paced(mut self) -> Self {
        self.paced = true;
        self
    }

    /// Its live parameters.
    pub fn live_params(&self) -> impl Iterator<Item = &Param> {
        let all = self.params.iter();
        all.filter(|param| param.change == Change::Live)
    }

    /// The inputs that its parameters are: each one's number, which goes on from those of its other
    /// inputs, and the parameter. One with the name of another input is none.
    pub fn param_inputs(&self) -> impl Iterator<Item = (usize, &Param)> {
        let first = self.inputs.len();
        let is_free = |param: &Param| self.inputs.iter().all(|port| port.name != param.name);
        let all = (first..).zip(&self.params);
        all.filter(move |(_, param)| param.is_input() && is_free(param))
    }

    /// The parameter that is its input of this number, where it is one.
    pub fn param_at(&self, input: usize) -> Option<&Param> {
        self.params.get(self.param_number(input)?)
    }

    /// The number among its parameters of the one that is its input of this number.
    #[doc(hidden)]
    pub fn param_number(&self, input: usize) -> Option<usize> {
        input.checked_sub(self.inputs.len())
    }

    /// The name of its input of this number, which may be a parameter.
    pub fn input_name(&self, input: usize) -> &str {
        let port = self.inputs.get(input).map(|port| &port.name);
        let param = || self.param_at(input).map(|param| &param.name);
        port.or_else(param).map_or("", AsRef::as_ref)
    }

    /// What the ports of [`PortType::Any`] carry where `inputs` arrive: of codes one whose
    /// dimension is known, where there is one. `None`: nothing is wired into such a port.
    #[doc(hidden)]
    pub fn carried(&self, inputs: &[Option<PortType>]) -> Option<PortType> {
        let ports = self.inputs.iter().zip(inputs);
        let mut open = ports
            .filter(|(port, _)| port.port_type == PortType::Any)
            .filter_map(|(_, arrives)| arrives.as_ref());
        let first = open.next()?;
        let known = |port_type: &&PortType| **port_type != PortType::Latent(None);
        Some(
            std::iter::once(first)
                .chain(open)
                .find(known)
                .unwrap_or(first)
                .clone(),
        )
    }

    /// The types of the outputs where `inputs` arrive, as far as the declaration tells.
    #[doc(hidden)]
    pub fn output_types(&self, inputs: &[Option<PortType>]) -> Vec<PortType> {
        let carried = self.carried(inputs);
        let outputs = self
            .outputs
            .iter()
            .map(|port| match (&port.port_type, &carried) {
                (PortType::Any, Some(carried)) => carried.clone(),
                (port_type, _) => port_type.clone(),
            });
        outputs.collect()
    }

    /// The node receives each value that is set from outside while it plays, with
    /// [`crate::Processor::steered`].
    pub fn keeps_record(mut self) -> Self {
        self.keeps_record = true;
        self
    }

    /// Whether nodes of this kind always write files: a run that ends waits until those are
    /// finished.
    pub fn writes_files(&self) -> bool {
        let writes = |param: &Param| {
            let may_be_left_out = param.default == Some(Value::Null);
            param.param_type == ParamType::File(FileRole::Write) && !may_be_left_out
        };
        self.params.iter().any(writes)
    }

    /// Whatever the node does takes microseconds, and never waits: for a file, a device, a lock,
    /// the network, another thread. Live, light nodes share threads, and a packet from one to
    /// another on the same thread wakes none. To build one is as light. It carries neither sound nor
    /// pictures, opens no file, and is neither [urgent](Descriptor::urgent) nor
    /// [paced](Descriptor::paced).
    ///
    /// A light node that holds its thread up all the same is reported by its name, and after about
    /// half a second the others go on without it.
    pub fn light(mut self) -> Self {
        self.light = true;
        self
    }

    /// What the node does is heard within milliseconds.
    pub fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    /// The node asks the transport where bars and beats lie. Its bars can be fitted to a film.
    pub fn in_bars(mut self) -> Self {
        self.in_bars = true;
        self.follows_tempo = true;
        self
    }
}
