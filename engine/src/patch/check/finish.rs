//! Makes the graph, where nothing is wrong.

use super::Checker;
use super::draft::Draft;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, GraphNode, GraphWire};

impl Checker<'_> {
    pub(super) fn finish(self) -> Result<Graph, Diagnostics> {
        if self.texts.mistakes() > 0 {
            return Err(self.texts.into_diagnostics());
        }
        let wires: Vec<GraphWire> = self.links.into_iter().map(|link| link.wire).collect();
        let nodes = (0..)
            .zip(self.drafts)
            .filter_map(|(index, draft): (usize, Draft)| {
                let mut arrivals = vec![0; draft.inputs.len()];
                for wire in wires.iter().filter(|wire| wire.to == index) {
                    arrivals[wire.input] += 1;
                }
                Some(GraphNode {
                    wires: arrivals,
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
            text: self.texts.text(0).into(),
            included: (self.texts.included())
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect(),
            transport: self.transport,
            nodes,
            wires,
        })
    }
}
