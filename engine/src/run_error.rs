//! Why a run cannot begin, or did not end well.

use crate::error::NodeError;
use crate::wire::MAX_CAPACITY;

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A node cannot be built or cannot go on.
    #[error("`{id}` ({kind}): {}", .error.with_causes())]
    Node {
        /// The node's id in the patch.
        id: String,
        /// Its kind.
        kind: String,
        /// What it says.
        error: NodeError,
    },
    /// A node's code panicked.
    #[error("`{id}` ({kind}) failed unexpectedly: {message}")]
    Panic {
        /// The node's id in the patch.
        id: String,
        /// Its kind.
        kind: String,
        /// What the panic said.
        message: String,
    },
    /// A branch of the patch waits for more than a wire may hold.
    #[error(
        "more than {MAX_CAPACITY} packets wait on `{wire}`, because another branch waits for all of them"
    )]
    TooMuchWaits {
        /// The wire.
        wire: String,
    },
    /// Every node waits for another.
    #[error("every node waits for another")]
    Deadlock,
    /// A render would go on for ever.
    #[error(
        "`{id}` would never end: all that comes into it comes from `{source_id}`, which has no end"
    )]
    NeverEnds {
        /// The node that nobody reads.
        id: String,
        /// The source.
        source_id: String,
        /// The source's parameter that ends it.
        ended_by: Option<String>,
    },
    /// A node takes too long to open what it needs.
    #[error("`{id}` ({kind}) was not ready after {seconds} s")]
    NotReady {
        /// The node's id in the patch.
        id: String,
        /// Its kind.
        kind: String,
        /// How long it had.
        seconds: u64,
    },
    /// The run itself went well, but some nodes could not put their results in their places. What
    /// the other nodes made is in its place.
    #[error("{}", lines(.failures))]
    NotPlaced {
        /// Why, one failure per node, each a [`RunError::Node`] or a [`RunError::Panic`].
        failures: Vec<RunError>,
    },
    /// The system refuses a thread.
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
    /// Somebody stopped the run.
    #[error("stopped")]
    Stopped,
}

impl RunError {
    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        match self {
            RunError::Node { error, .. } => error.advice(),
            RunError::Panic { .. } => {
                Some("this is a mistake in the node's code; please report it with the patch")
            }
            RunError::TooMuchWaits { .. } => Some(
                "give `video_file` a lower `rate`, or whiten with `whiten: online` instead of `whole_film`",
            ),
            RunError::Deadlock => {
                Some("this is a mistake in the engine; please report it with the patch")
            }
            RunError::NeverEnds { ended_by, .. } => Some(match ended_by.as_deref() {
                Some("duration") => "give it a `duration`, or play the patch with `score run`",
                _ => "play the patch with `score run`",
            }),
            RunError::NotReady { .. } => {
                Some("look whether what it opens answers: a file on a slow disk, a device, a model")
            }
            RunError::NotPlaced { failures } => failures.iter().find_map(RunError::advice),
            RunError::Thread(_) | RunError::Stopped => None,
        }
    }

    /// What the node that failed first says.
    ///
    /// # Errors
    /// It was no error of a node's; the error itself.
    pub fn into_node_error(self) -> Result<NodeError, RunError> {
        match self {
            RunError::Node { error, .. } => Ok(error),
            RunError::NotPlaced { mut failures } if !failures.is_empty() => {
                failures.swap_remove(0).into_node_error()
            }
            other => Err(other),
        }
    }

    /// The nodes whose results are missing although the run itself went well: all others' are in
    /// their places. `None` where the run failed, so that no node's result was put in its
    /// place.
    pub fn not_placed(&self) -> Option<Vec<&str>> {
        let RunError::NotPlaced { failures } = self else {
            return None;
        };
        let ids = failures.iter().filter_map(|failure| match failure {
            RunError::Node { id, .. } | RunError::Panic { id, .. } => Some(id.as_str()),
            _ => None,
        });
        Some(ids.collect())
    }
}

/// One failure per line.
fn lines(failures: &[RunError]) -> String {
    let lines: Vec<String> = failures.iter().map(RunError::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_caused_a_nodes_error_is_said_once() {
        let failed = |error| RunError::Node {
            id: "film".to_owned(),
            kind: "video_file".to_owned(),
            error,
        };
        let cause = || std::io::Error::other("the disk is full");
        let silent = NodeError::output("no room").source(cause());
        let told = "`film` (video_file): no room (the disk is full)";
        assert_eq!(failed(silent).to_string(), told);
        let outspoken = NodeError::output("no room (the disk is full)").source(cause());
        assert_eq!(failed(outspoken).to_string(), told);
    }
}
