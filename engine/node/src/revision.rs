//! What an edit of a patch that plays has changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What an edit that was taken over has changed, by the nodes' ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Its number: 1 for the patch that the run began with.
    pub number: u64,
    /// Nodes that began: new ones, and those that were rebuilt.
    pub begun: Vec<String>,
    /// The generation of each of them, as its status and its later lines in the log give it.
    pub generations: Vec<u64>,
    /// Nodes that got new values while they play on.
    pub set: Vec<String>,
    /// Nodes that play on as they are.
    pub kept: Vec<String>,
    /// Nodes that went.
    pub gone: Vec<String>,
    /// What the patch says, word for word.
    pub patch: Arc<str>,
    /// What the patches say that it includes, by the names of their files.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub included: BTreeMap<String, Arc<str>>,
}
