//! For nodes that work only in a live run.

use std::sync::Arc;

use score_engine::{Build, LiveClock, NodeError, NodeErrorKind};

/// The clock of a live run; a render has no use for a device or another program.
///
/// # Errors
/// This is a render.
pub(crate) fn only_live<'a>(
    build: &Build<'a>,
    kind: &str,
    instead: &str,
) -> Result<&'a Arc<LiveClock>, NodeError> {
    build.clock.ok_or_else(|| {
        let message = format!("`{kind}` works only in a live run");
        NodeError::new(NodeErrorKind::Device, message)
            .help(format!("play the patch with `score run`, or {instead}"))
    })
}
