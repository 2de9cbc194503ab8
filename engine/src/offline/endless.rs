//! Which nodes of a render go on for as long as somebody reads them, and whether the render ends.

use crate::graph::{Graph, GraphNode};
use crate::run_error::RunError;

/// Of each node, the source that it goes on with: itself, or one that alone brings all that comes
/// in. `None`: it ends.
pub(super) fn endless(graph: &Graph) -> Vec<Option<usize>> {
    let mut comes_from: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for wire in &graph.wires {
        if wire.param(&graph.nodes[wire.to]).is_none() {
            comes_from[wire.to].push(wire.from);
        }
    }
    let mut endless: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    let mut is_news = true;
    while is_news {
        is_news = false;
        for (index, node) in graph.nodes.iter().enumerate() {
            if endless[index].is_some() {
                continue;
            }
            let sources = &comes_from[index];
            endless[index] = match sources.first() {
                None => goes_on(node).then_some(index),
                Some(first) if sources.iter().all(|from| endless[*from].is_some()) => {
                    endless[*first]
                }
                Some(_) => None,
            };
            is_news |= endless[index].is_some();
        }
    }
    endless
}

/// Whether a node into which nothing is wired goes on for as long as it is read.
fn goes_on(node: &GraphNode) -> bool {
    let ended_by = node.descriptor.ended_by.as_ref();
    let ends = ended_by.and_then(|name| node.values.get(name.as_ref()));
    node.descriptor.endless && ends.is_none_or(serde_json::Value::is_null)
}

impl Graph {
    /// Whether a render of it would end. What has no end can be played live.
    ///
    /// # Errors
    /// It would not ([`RunError::NeverEnds`]).
    pub fn require_end(&self) -> Result<(), RunError> {
        refuse(self, &endless(self))
    }
}

/// Whether the render would go on for ever: a node that nobody reads hears only of sources without
/// an end.
///
/// # Errors
/// It would.
pub(super) fn refuse(graph: &Graph, endless: &[Option<usize>]) -> Result<(), RunError> {
    for (index, source) in endless.iter().enumerate() {
        let is_read = graph.wires.iter().any(|wire| wire.from == index);
        let Some(source) = source.filter(|source| !is_read && *source != index) else {
            continue;
        };
        let source = &graph.nodes[source];
        return Err(RunError::NeverEnds {
            id: graph.nodes[index].id.clone(),
            source_id: source.id.clone(),
            ended_by: source.descriptor.ended_by.as_ref().map(ToString::to_string),
        });
    }
    Ok(())
}
