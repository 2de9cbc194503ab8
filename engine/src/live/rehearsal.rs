//! Plays one node on the loop that plays it in a run, for tests.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::Receiver;

use super::gauges::Gauges;
use super::pause::Pause;
use super::ports::{Command, Pace, Rewired, Surroundings};
use super::restart::RestartPolicy;
use super::thread::NodeLoop;
use crate::clock::LiveClock;
use crate::run_error::RunError;
use crate::thread::Worker;

/// Builds the node and plays it to its end on the caller's thread. It waits by `pause`, and is not
/// restarted when it fails.
///
/// # Errors
/// The node cannot be built or cannot go on.
pub(crate) fn rehearse(
    worker: Worker,
    clock: Arc<LiveClock>,
    wires: Rewired,
    commands: Receiver<Command>,
    pause: Box<dyn Pause>,
) -> Result<(), RunError> {
    let surroundings = Surroundings {
        commands,
        clock,
        gauges: Arc::new(Gauges::new()),
        stop: Arc::new(AtomicBool::new(false)),
        fade: 0.01,
        pace: Pace::of(&worker.node, &worker.transport),
        pause,
        waker: None,
    };
    NodeLoop::new(worker, 1, wires, surroundings, RestartPolicy::default()).play_once()
}
