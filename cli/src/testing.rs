//! What tests say of nodes and wires without a run.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

#[cfg(feature = "page")]
use score_engine::SteerableNode;
use score_engine::{NodeState, NodeStatus, WireEnd, WireStatus};

/// What a node tells that works and has nothing to tell.
pub(crate) fn node_status(id: &str, kind: &str) -> NodeStatus {
    NodeStatus {
        id: id.to_owned(),
        kind: kind.to_owned(),
        generation: 1,
        state: NodeState::Running,
        waiting: None,
        last_error: None,
        error_age: None,
        failures: 0,
        rate: 0.0,
        p95: 0.0,
        load: 0.0,
        hangs: None,
        counters: BTreeMap::new(),
        steered: Vec::new(),
    }
}

/// A node of a built-in kind, with that kind's ports and without parameters.
#[cfg(feature = "page")]
pub(crate) fn node(id: &str, kind: &str) -> SteerableNode {
    let registry = score_nodes::registry();
    let descriptor = registry.kind(kind).unwrap().descriptor();
    SteerableNode {
        id: id.to_owned(),
        kind: kind.to_owned(),
        summary: String::new(),
        params: Vec::new(),
        inputs: descriptor.inputs.clone(),
        outputs: descriptor.outputs.clone(),
    }
}

/// A wire on which nothing was sent, from an output of a node to an input of another.
pub(crate) fn wire([from, output, to, input]: [&str; 4]) -> WireStatus {
    let end = |node: &str, port: &str| WireEnd {
        node: node.to_owned(),
        port: port.to_owned(),
    };
    WireStatus {
        name: format!("{from}.{output} -> {to}.{input}"),
        from: end(from, output),
        to: end(to, input),
        sent: 0,
        received: 0,
        dropped: 0,
        depth: 0,
        age: 0.0,
    }
}
