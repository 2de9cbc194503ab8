//! Makes the graph, where nothing is wrong.

use std::sync::Arc;

use super::Checker;
use super::draft::Draft;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, GraphNode, GraphWire};
use crate::port::PortType;
use crate::show::Show;

impl Checker<'_> {
    pub(super) fn finish(self) -> Result<Graph, Diagnostics> {
        if self.texts.has_mistakes() {
            return Err(self.texts.into_diagnostics());
        }
        let wires: Vec<GraphWire> = self.joined.into_iter().map(|joined| joined.wire).collect();
        let mut sources = sources(&self.drafts, &wires);
        let nodes = (0..)
            .zip(self.drafts)
            .filter_map(|(index, draft): (usize, Draft)| {
                let mut arrivals = vec![0; draft.inputs.len()];
                for wire in wires.iter().filter(|wire| wire.to == index) {
                    // A wire into a parameter comes and goes while the node plays on.
                    if let Some(arrivals) = arrivals.get_mut(wire.input) {
                        *arrivals += 1;
                    }
                }
                let typed = (draft.param_spots.iter())
                    .filter(|(_, spot)| self.texts.is_typed(**spot))
                    .map(|(name, _)| name.clone())
                    .collect();
                Some(GraphNode {
                    wires: arrivals,
                    sources: std::mem::take(&mut sources[index]),
                    typed,
                    id: draft.id,
                    descriptor: draft.descriptor?,
                    node: draft.node?,
                    edition: draft.edition,
                    inputs: draft.inputs,
                    outputs: draft.outputs,
                    values: draft.values,
                })
            })
            .collect();
        Ok(Graph {
            warnings: self.texts.warnings(),
            text: self.texts.text(0).into(),
            included: (self.texts.included())
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect(),
            left_out: self.left_out,
            overridden: self.overridden,
            transport: self.transport,
            nodes,
            wires,
            presets: self.presets,
            show: Arc::new(Show {
                named: self.named.into_values(),
                ..self.show
            }),
            forms: self.registry.custom_forms().clone(),
        })
    }
}

/// Where the wires into each input of each node come from: the node's id, and the output's name
/// where others are of its type.
fn sources(drafts: &[Draft], wires: &[GraphWire]) -> Vec<Vec<Vec<String>>> {
    let inputs = |draft: &Draft| vec![Vec::new(); draft.inputs.len()];
    let mut sources: Vec<Vec<Vec<String>>> = drafts.iter().map(inputs).collect();
    for wire in wires {
        let from = &drafts[wire.from];
        let is_same = |output: &&PortType| **output == from.outputs[wire.output];
        let output = from
            .descriptor
            .as_ref()
            .map(|descriptor| &descriptor.outputs[wire.output].name)
            .filter(|_| from.outputs.iter().filter(is_same).count() > 1);
        let name = match output {
            Some(output) => format!("{}.{output}", from.id),
            None => from.id.clone(),
        };
        if let Some(sources) = sources[wire.to].get_mut(wire.input) {
            sources.push(name);
        }
    }
    sources
}
