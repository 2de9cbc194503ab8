//! Nodes and wires as far as they could be made.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::descriptor::Descriptor;
use crate::graph::GraphWire;
use crate::patch::tree::Spot;
use crate::port::PortType;
use crate::registry::AnyNode;

/// A node as far as it could be made.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) id_spot: Spot,
    pub(super) kind_spot: Spot,
    pub(super) descriptor: Option<Descriptor>,
    pub(super) param_spots: BTreeMap<String, Spot>,
    pub(super) values: serde_json::Map<String, Value>,
    pub(super) node: Option<Box<dyn AnyNode>>,
    pub(super) edition: u64,
    pub(super) inputs: Vec<Option<PortType>>,
    pub(super) outputs: Vec<PortType>,
    /// What its ports of any type carry, once a wire leads into one.
    pub(super) carries: Option<PortType>,
}

/// A wire whose ends were found.
pub(super) struct JoinedWire {
    pub(super) wire: GraphWire,
    pub(super) spot: Spot,
}
