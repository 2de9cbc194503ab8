//! What a render did.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::wire::WireReport;

/// What a node did.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its id in the patch.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// How long it was at work: the time of its run less what it waited for its neighbours.
    pub busy: Duration,
    /// Its own figures, such as notes that found no sound, by name.
    pub counters: BTreeMap<&'static str, u64>,
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each node, in the order of the patch.
    pub nodes: Vec<NodeReport>,
    /// Each wire, in the order of the patch.
    pub wires: Vec<WireReport>,
}
