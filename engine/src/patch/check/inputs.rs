//! Looks whether every input has the wires that it needs.

use std::collections::BTreeMap;

use super::Checker;
use super::draft::{Draft, JoinedWire};
use crate::descriptor::Descriptor;
use crate::patch::tree::Spot;
use crate::port::{Arity, PortType};

impl Checker<'_> {
    pub(super) fn check_inputs(&mut self) {
        let mut joined: BTreeMap<(usize, usize), Vec<&JoinedWire>> = BTreeMap::new();
        for wire in &self.joined {
            let wires = joined.entry((wire.wire.to, wire.wire.input)).or_default();
            wires.push(wire);
        }
        let mut problems = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let Some(descriptor) = &draft.descriptor else {
                continue;
            };
            let wires = |input| {
                joined
                    .get(&(index, input))
                    .map(Vec::as_slice)
                    .unwrap_or_default()
            };
            for (input, param) in descriptor.param_inputs() {
                if let Some((spot, message)) = self.one_too_many(draft, &param.name, wires(input)) {
                    problems.push((spot, message, None));
                }
            }
            for (input, port) in descriptor.inputs.iter().enumerate() {
                if port.arity != Arity::Many
                    && let Some((spot, message)) =
                        self.one_too_many(draft, &port.name, wires(input))
                {
                    problems.push((spot, message, self.joins(&port.port_type)));
                }
                let is_missing = wires(input).is_empty() && port.arity == Arity::Required;
                if is_missing && !self.wires_missing {
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

    /// What is wrong with the second of `wires` into an input that takes one.
    fn one_too_many(
        &self,
        draft: &Draft,
        input: &str,
        wires: &[&JoinedWire],
    ) -> Option<(Spot, String)> {
        let [first, second, ..] = wires else {
            return None;
        };
        let from = &self.drafts[first.wire.from].id;
        let message = format!(
            "`{}.{input}` takes one wire, and has one from `{from}`",
            draft.id
        );
        Some((second.spot, message))
    }

    /// The kind that makes one of several of a type, where there is one that does nothing else.
    fn joins(&self, port_type: &PortType) -> Option<String> {
        // What happens on several wires is what happens; two pictures are not one.
        let is_stream = matches!(port_type, PortType::Notes | PortType::Event);
        let of =
            (self.joining(port_type)).or(self.joining(&PortType::Any).filter(|_| is_stream))?;
        Some(format!("put `{of}` before it"))
    }

    /// The kind with one input that takes any number of wires, and one output, both of this type.
    fn joining(&self, port_type: &PortType) -> Option<String> {
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
        Some(kinds.find(joins)?.kind.to_string())
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
