//! Asks every node what only it can know.

use super::Checker;
use crate::node::{Check, Subject};
use crate::patch::tree::Spot;
use crate::port::{Arity, PortType};

impl Checker<'_> {
    /// Asks every node, sources first, so that each knows what arrives.
    pub(super) fn ask_nodes(&mut self) {
        if self.has_cycle {
            return;
        }
        let graph = self.petgraph(|_| true);
        let Ok(order) = petgraph::algo::toposort(&graph, None) else {
            return;
        };
        for index in order.into_iter().map(|node| graph[node]) {
            self.ask_node(index);
        }
    }

    pub(super) fn ask_node(&mut self, index: usize) {
        let Some(descriptor) = self.drafts[index].descriptor.clone() else {
            return;
        };
        let mut arriving = vec![None; descriptor.inputs.len()];
        let (mut misfits, mut unlike) = (Vec::new(), Vec::new());
        for link in self.links.iter().filter(|link| link.wire.to == index) {
            let port_type = self.drafts[link.wire.from].outputs[link.wire.output].clone();
            // Wires into parameters carry what was joined by its type already.
            let Some(port) = descriptor.inputs.get(link.wire.input) else {
                continue;
            };
            let fits = port_type.fits(&port.port_type);
            if !fits {
                misfits.push((link.spot, port_type.clone(), link.wire.input));
            }
            let before = arriving[link.wire.input].replace(port_type.clone());
            if let Some(before) = before.filter(|before| !port_type.fits(before))
                && fits
                && port.arity == Arity::Many
            {
                unlike.push((link.spot, port_type, before, link.wire.input));
            }
        }
        for (spot, port_type, before, input) in unlike {
            let (id, port) = (&self.drafts[index].id, &descriptor.inputs[input].name);
            let message =
                format!("`{id}.{port}` has {before} from another wire, but {port_type} arrives");
            let help = match before {
                PortType::Latent(Some(dimension)) => Some(format!(
                    "put `latent_map(dimension: {dimension})` between them"
                )),
                _ => None,
            };
            self.report(spot, message, help);
        }
        for (spot, port_type, input) in misfits {
            let port = &descriptor.inputs[input];
            let message = format!(
                "`{}.{}` takes {}, but {port_type} arrives",
                self.drafts[index].id, port.name, port.port_type
            );
            self.report(spot, message, None);
        }
        self.drafts[index].inputs = arriving.clone();
        let Some(node) = self.drafts[index].node.take() else {
            return;
        };
        let mut check = Check {
            transport: &self.transport,
            settings: self.settings,
            inputs: &arriving,
            outputs: self.drafts[index].outputs.clone(),
            problems: Vec::new(),
            warnings: Vec::new(),
            resources: Vec::new(),
        };
        node.check(&mut check);
        let (outputs, problems, resources) = (check.outputs, check.problems, check.resources);
        let warnings = check.warnings;
        self.drafts[index].outputs = outputs;
        self.drafts[index].node = Some(node);
        for problem in problems {
            let spot = self.spot_of(index, &problem.subject);
            self.report(spot, problem.message, problem.help);
        }
        for warning in warnings {
            let spot = self.spot_of(index, &warning.subject);
            match self.settings.is_strict() {
                true => self.report(spot, warning.message, warning.help),
                false => self.texts.warn(spot, warning.message, warning.help),
            }
        }
        for (resource, param) in resources {
            let draft = &self.drafts[index];
            let spot = *param
                .and_then(|param| draft.param_spots.get(&param))
                .unwrap_or(&draft.kind_spot);
            self.claims.push((resource, index, spot));
        }
    }

    /// What in the patch a node's own problem points at.
    fn spot_of(&self, index: usize, subject: &Subject) -> Spot {
        let draft = &self.drafts[index];
        let spot = match subject {
            Subject::Param(name) => draft.param_spots.get(name).cloned(),
            Subject::Input(input) => self
                .links
                .iter()
                .find(|link| (link.wire.to, link.wire.input) == (index, *input))
                .map(|link| link.spot),
        };
        spot.unwrap_or(draft.kind_spot)
    }
}
