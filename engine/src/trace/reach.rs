//! Of which nodes a trace is made.

use std::collections::BTreeSet;

use super::content::is_kept;
use crate::custom::CustomForms;
use crate::graph::{Graph, GraphNode};
use crate::port::PortType;

/// The nodes whose notes, or what leads to them, reach a node that keeps a record, by their numbers:
/// those that can run again, because all that comes in can be kept. What comes from further up is
/// kept as it came: codes, controls, events, and the notes of others.
pub(super) fn traced(graph: &Graph) -> BTreeSet<usize> {
    let keepers = (0..graph.nodes.len()).filter(|index| keeps(&graph.nodes[*index]));
    let mut left: Vec<usize> = keepers.collect();
    let mut traced = BTreeSet::new();
    while let Some(reader) = left.pop() {
        for wire in graph.wires.iter().filter(|wire| wire.to == reader) {
            let sender = &graph.nodes[wire.from];
            let leads = match sender.outputs.get(wire.output) {
                Some(PortType::Notes) => true,
                Some(PortType::Custom(_)) => !keeps(&graph.nodes[reader]),
                _ => false,
            };
            if leads && can_run_again(sender, &graph.forms) && traced.insert(wire.from) {
                left.push(wire.from);
            }
        }
    }
    traced
}

fn keeps(node: &GraphNode) -> bool {
    node.descriptor.keeps_record
}

/// Whether what the node sends depends on nothing but what comes in, and that can be kept.
fn can_run_again(node: &GraphNode, forms: &CustomForms) -> bool {
    let mut arrives = node.inputs.iter().flatten().peekable();
    arrives.peek().is_some()
        && arrives.all(|port_type| is_kept(port_type, forms))
        && !node.descriptor.writes_files()
}
