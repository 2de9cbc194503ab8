//! A patch that is being prepared to be played.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::plan::{Plan, WirePlace};
use super::prepare::Prepared;
use crate::graph::{Graph, GraphNode};
use crate::preset::Preset;
use crate::run_error::RunError;
use crate::show::Show;
use crate::transport::Transport;

/// An edit whose new nodes are being built on their own threads, while everything plays on.
/// Dropped, it has never been.
pub struct Edit {
    /// The revision that it changes.
    pub(super) of: u64,
    pub(super) nodes: Vec<Arc<GraphNode>>,
    pub(super) places: Vec<WirePlace>,
    pub(super) plan: Plan,
    /// What its text says of the transport.
    pub(super) text_transport: Transport,
    /// What its new nodes are built with.
    pub(super) transport: Transport,
    pub(super) presets: Arc<[Preset]>,
    pub(super) show: Arc<Show>,
    pub(super) text: Arc<str>,
    pub(super) included: BTreeMap<String, Arc<str>>,
    pub(super) prepared: Prepared,
    /// The nodes that are not built yet.
    pub(super) waiting: BTreeSet<usize>,
    pub(super) ready: Receiver<(usize, Result<(), RunError>)>,
}

impl Edit {
    /// Gives each node that is built, or cannot be, by its number in the patch; to be handed to
    /// [`Edit::take`].
    pub fn ready(&self) -> &Receiver<(usize, Result<(), RunError>)> {
        &self.ready
    }

    /// Takes what [`Edit::ready`] has given.
    ///
    /// # Errors
    /// The node cannot be built; the edit is of no use any more.
    pub fn take(&mut self, ready: (usize, Result<(), RunError>)) -> Result<(), RunError> {
        let (index, built) = ready;
        built?;
        self.waiting.remove(&index);
        Ok(())
    }

    /// Whether every node is built, so that the edit can be played.
    pub fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The nodes that are not built yet: id and kind.
    pub fn waits_for(&self) -> Vec<(String, String)> {
        let nodes = self
            .waiting
            .iter()
            .filter_map(|index| self.nodes.get(*index));
        nodes
            .map(|node| (node.id.clone(), node.descriptor.kind.to_string()))
            .collect()
    }

    /// Waits until every node is built.
    pub(super) fn wait(&mut self, within: Duration) -> Result<(), RunError> {
        let deadline = Instant::now() + within;
        while !self.is_ready() {
            match self.ready.recv_deadline(deadline) {
                Ok(ready) => self.take(ready)?,
                Err(_) => {
                    let (id, kind) = self.waits_for().into_iter().next().unwrap_or_default();
                    let seconds = within.as_secs();
                    return Err(RunError::NotReady { id, kind, seconds });
                }
            }
        }
        Ok(())
    }
}

impl Graph {
    /// The files that the nodes' parameters name for reading.
    pub fn files_to_read(&self) -> BTreeSet<PathBuf> {
        self.nodes.iter().flat_map(GraphNode::files).collect()
    }
}
