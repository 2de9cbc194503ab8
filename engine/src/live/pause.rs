//! How a live node's thread waits, and with that how time passes for it.

use std::time::Duration;

use crossbeam_channel::Select;

use crate::error::NodeError;
use crate::time::Time;

/// How a live node's thread waits: a run's threads sleep, while a test moves its clock on instead.
pub(crate) trait Pause: Send {
    /// Nothing is due: waits until one of the channels has something or the clock has come to
    /// `until`, for `longest` at most. Returns whether a channel has something.
    fn until_due(
        &mut self,
        select: &mut Select<'_>,
        until: Option<Time>,
        longest: Duration,
    ) -> bool;

    /// A wire is full: waits until one of the channels is ready, for `longest` at most. Returns
    /// which.
    fn until_room(&mut self, select: &mut Select<'_>, longest: Duration) -> Option<usize>;

    /// Comes before each call of the node's processor.
    ///
    /// # Errors
    /// The node shall not go on.
    fn before_call(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// The processor did not take a new value; it keeps the old one.
    fn refused(&mut self, _error: NodeError) {}
}

/// Waits as long as it takes.
pub(super) struct Sleep;

impl Pause for Sleep {
    fn until_due(
        &mut self,
        select: &mut Select<'_>,
        _until: Option<Time>,
        longest: Duration,
    ) -> bool {
        select.ready_timeout(longest).is_ok()
    }

    fn until_room(&mut self, select: &mut Select<'_>, longest: Duration) -> Option<usize> {
        select.ready_timeout(longest).ok()
    }
}
