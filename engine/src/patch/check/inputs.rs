//! Looks whether every input has the wires that it needs.

use super::Checker;
use super::draft::JoinedWire;
use crate::descriptor::Descriptor;
use crate::port::{Arity, PortType};

impl Checker<'_> {
    pub(super) fn check_inputs(&mut self) {
        let mut problems = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let Some(descriptor) = &draft.descriptor else {
                continue;
            };
            for (input, param) in descriptor.param_inputs() {
                let leads_here =
                    |joined: &&JoinedWire| (joined.wire.to, joined.wire.input) == (index, input);
                let mut joined = self.joined.iter().filter(leads_here);
                if let (Some(first), Some(second)) = (joined.next(), joined.next()) {
                    let from = &self.drafts[first.wire.from].id;
                    let message = format!(
                        "`{}.{}` takes one wire, and has one from `{from}`",
                        draft.id, param.name
                    );
                    problems.push((second.spot, message, None));
                }
            }
            for (input, port) in descriptor.inputs.iter().enumerate() {
                let wires: Vec<&JoinedWire> = self
                    .joined
                    .iter()
                    .filter(|joined| (joined.wire.to, joined.wire.input) == (index, input))
                    .collect();
                if wires.len() > 1 && port.arity != Arity::Many {
                    let message = format!(
                        "`{}.{}` takes one wire, and has one from `{}`",
                        draft.id,
                        port.name,
                        { &self.drafts[wires[0].wire.from].id }
                    );
                    problems.push((wires[1].spot, message, self.joins(&port.port_type)));
                }
                if wires.is_empty() && port.arity == Arity::Required && !self.wires_missing {
                    let message = format!(
                        "nothing is wired into `{}.{}` ({})",
                        draft.id, port.name, port.port_type
                    );
                    problems.push((draft.id_spot, message, self.waits(index, input)));
                }
            }
        }
        for (spot, message, help) in problems {
            self.report(spot, message, help);
        }
    }

    /// The kind that makes one of several of a type, where there is one that does nothing else.
    fn joins(&self, port_type: &PortType) -> Option<String> {
        let mut kinds = self.registry.kinds().map(|kind| kind.descriptor());
        let joins = |descriptor: &&Descriptor| {
            let [input] = descriptor.inputs.as_slice() else {
                return false;
            };
            let [output] = descriptor.outputs.as_slice() else {
                return false;
            };
            input.arity == Arity::Many
                && input.port_type.family() == port_type.family()
                && output.port_type.family() == port_type.family()
        };
        let kind = &kinds.find(joins)?.kind;
        Some(format!("put `{kind}` before it"))
    }

    /// What to do where an input has no wire because other patches may give it one.
    fn waits(&self, node: usize, input: usize) -> Option<String> {
        let end = (self.waiting.iter()).find(|end| end.ports.contains(&(node, input)))?;
        Some(format!(
            "a patch that includes this one wires it as `{}`; alone it does not run",
            end.name
        ))
    }
}
