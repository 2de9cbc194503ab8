//! Looks whether every input has the wires that it needs.

use super::Checker;
use super::draft::Link;
use crate::port::Arity;

impl Checker<'_> {
    pub(super) fn check_inputs(&mut self) {
        let mut problems = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let Some(descriptor) = &draft.descriptor else {
                continue;
            };
            for (input, port) in descriptor.inputs.iter().enumerate() {
                let wires: Vec<&Link> = self
                    .links
                    .iter()
                    .filter(|link| (link.wire.to, link.wire.input) == (index, input))
                    .collect();
                if wires.len() > 1 && port.arity != Arity::Many {
                    let message = format!(
                        "`{}.{}` takes one wire, and has one from `{}`",
                        draft.id,
                        port.name,
                        { &self.drafts[wires[0].wire.from].id }
                    );
                    problems.push((wires[1].spot, message, None));
                }
                if wires.is_empty() && port.arity == Arity::Required && !self.wires_missing {
                    let message = format!(
                        "nothing is wired into `{}.{}` ({})",
                        draft.id, port.name, port.port_type
                    );
                    problems.push((draft.id_spot, message, None));
                }
            }
        }
        for (spot, message, help) in problems {
            self.report(spot, message, help);
        }
    }
}
