//! Looks for cycles that nothing delays.

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Checker;
use super::draft::JoinedWire;
use crate::patch::tree::Spot;

impl Checker<'_> {
    pub(super) fn petgraph(&self, passes: impl Fn(&JoinedWire) -> bool) -> DiGraph<usize, ()> {
        let mut graph = DiGraph::new();
        let indices: Vec<NodeIndex> = (0..self.drafts.len())
            .map(|node| graph.add_node(node))
            .collect();
        for joined in self.joined.iter().filter(|joined| passes(joined)) {
            graph.update_edge(indices[joined.wire.from], indices[joined.wire.to], ());
        }
        graph
    }

    pub(super) fn check_cycles(&mut self) {
        let delays = |joined: &JoinedWire| {
            self.drafts[joined.wire.to]
                .descriptor
                .as_ref()
                .is_some_and(|descriptor| descriptor.delays)
        };
        let graph = self.petgraph(|joined| !delays(joined));
        let loops: Vec<Vec<usize>> = tarjan_scc(&graph)
            .into_iter()
            .filter(|component| {
                component.len() > 1 || graph.contains_edge(component[0], component[0])
            })
            .map(|component| cycle_in(&graph, &component))
            .collect();
        for cycle in loops {
            self.has_cycle = true;
            let mut path: Vec<&str> = cycle
                .iter()
                .map(|node| self.drafts[*node].id.as_str())
                .collect();
            path.push(path[0]);
            let closing = cycle.last().zip(cycle.first());
            let spot = self
                .joined
                .iter()
                .find(|joined| closing == Some((&joined.wire.from, &joined.wire.to)))
                .map_or_else(|| self.drafts[cycle[0]].id_spot, |joined| joined.spot);
            let path = path.join(" -> ");
            self.report_cycle(spot, &path);
        }
    }

    /// Reports a cycle by the nodes on it, the first again at the end.
    pub(super) fn report_cycle(&mut self, spot: Spot, path: &str) {
        let message = format!("these wires form a cycle: {path}");
        let help = "a cycle must pass a node that delays";
        self.report(spot, message, Some(help.to_owned()));
    }
}

/// One cycle among the nodes of a strongly connected component, as indices of drafts.
fn cycle_in(graph: &DiGraph<usize, ()>, component: &[NodeIndex]) -> Vec<usize> {
    // Every node of the component has a successor in it, so a walk must come back to where it was.
    let start = component.iter().copied().min().unwrap_or_default();
    let mut path = vec![start];
    loop {
        let here = path[path.len() - 1];
        let mut successors: Vec<NodeIndex> = graph
            .neighbors(here)
            .filter(|next| component.contains(next))
            .collect();
        successors.sort();
        let Some(next) = successors.first().copied() else {
            break;
        };
        if let Some(position) = path.iter().position(|node| *node == next) {
            path.drain(..position);
            break;
        }
        path.push(next);
    }
    path.into_iter().map(|node| graph[node]).collect()
}
