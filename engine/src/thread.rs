//! What every node's thread does, offline and live: it builds the node, calls its processor while
//! there is something to do, and turns whatever goes wrong into an error.
//!
//! When the processor is called is up to its run's [`Schedule`]: by watermarks and virtual time
//! offline, by the clock live. A processor receives new values of parameters and revisions in
//! [`Schedule::turn`], that is between two calls and on its own thread, so that no value changes
//! during a call.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::error::{NodeError, NodeErrorKind};
use crate::foreign::panic_message;
use crate::graph::GraphNode;
use crate::io::{Host, Io, Lineage};
use crate::node::{Build, Flow, RunContext, Settings};
use crate::progress::Progress;
use crate::registry::AnyProcessor;
use crate::run_error::RunError;
use crate::steering::Values;
use crate::time::Time;
use crate::transport::Transport;

/// A node and what its run gives it.
pub(crate) struct Worker {
    pub(crate) node: Arc<GraphNode>,
    pub(crate) transport: Transport,
    pub(crate) settings: Settings,
    pub(crate) progress: Arc<Progress>,
    pub(crate) counters: Arc<Counters>,
    /// The clock of a live run.
    pub(crate) clock: Option<Arc<LiveClock>>,
    /// Whether the processor that is built next begins with the run.
    pub(crate) with_run: bool,
    /// The live parameters: which values hold, and which the processor has yet to receive.
    pub(crate) values: Values,
}

impl Worker {
    /// Builds the node's processor.
    ///
    /// # Errors
    /// The node cannot be built, or its code panicked.
    pub(crate) fn build(&self) -> Result<Box<dyn AnyProcessor>, RunError> {
        let context = RunContext {
            transport: &self.transport,
            settings: &self.settings,
            progress: &self.progress,
            counters: &self.counters,
            clock: self.clock.as_ref(),
            ends: self.clock.is_none(),
            with_run: self.with_run,
        };
        guarded(&self.node, || {
            self.node
                .node
                .build(&Build::of(self.node.wiring(), context))
        })
    }
}

thread_local! {
    /// The node whose own work is done on this thread just now.
    static AT_WORK: RefCell<Option<Arc<GraphNode>>> = const { RefCell::new(None) };
}

/// The id of the node whose own code runs on this thread just now, for a report of its panic: nodes
/// share threads. `None`: no node's does.
pub fn node_at_work() -> Option<String> {
    let id = |at_work: &RefCell<Option<Arc<GraphNode>>>| {
        Some(at_work.try_borrow().ok()?.as_ref()?.id.clone())
    };
    AT_WORK.try_with(id).ok().flatten()
}

/// Does a piece of the node's own work.
///
/// # Errors
/// The work's own error with the node's name, its panic, or [`RunError::Stopped`].
pub(crate) fn guarded<T>(
    node: &Arc<GraphNode>,
    work: impl FnOnce() -> Result<T, NodeError>,
) -> Result<T, RunError> {
    let before = AT_WORK.replace(Some(node.clone()));
    let result = catch_unwind(AssertUnwindSafe(work));
    AT_WORK.set(before);
    let name = || (node.id.clone(), node.descriptor.kind.to_string());
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.kind() == NodeErrorKind::Stopped => Err(RunError::Stopped),
        Ok(Err(error)) => {
            let (id, kind) = name();
            Err(RunError::Node { id, kind, error })
        }
        Err(panic) => {
            let (id, kind) = name();
            let message = panic_message(panic.as_ref());
            Err(RunError::Panic { id, kind, message })
        }
    }
}

/// What a node's thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Call the processor.
    Call,
    /// Wait, then look again.
    Wait,
    /// Nothing more will come: let it finish.
    Over,
}

/// When a processor is called, and what it receives between two calls.
pub(crate) trait Schedule {
    /// When the processor asks to be called first; `None`: when something is due.
    fn first_wake(&mut self) -> Option<Time>;

    /// Between two calls: takes the run's commands, gives `processor` what is new to it, and says
    /// what comes next. `wake` is when the processor has asked to be called.
    ///
    /// # Errors
    /// The run is being stopped.
    fn turn(
        &mut self,
        processor: &mut dyn AnyProcessor,
        wake: Option<Time>,
    ) -> Result<Turn, NodeError>;

    /// Waits until something comes, `wake` has come, or the run commands something.
    ///
    /// # Errors
    /// The run is being stopped.
    fn wait(&mut self, wake: Option<Time>) -> Result<(), NodeError>;

    /// Calls the processor once.
    ///
    /// # Errors
    /// The processor's own.
    fn call(
        &mut self,
        processor: &mut dyn AnyProcessor,
        lineage: &mut Lineage,
    ) -> Result<Flow, NodeError>;

    /// The ports, for the processor's last call.
    fn host(&mut self) -> &mut dyn Host;
}

/// How far a processor has come: what it remembers between two calls.
pub(crate) struct Drive {
    lineage: Lineage,
    /// When the processor has asked to be called.
    pub(crate) wake: Option<Time>,
}

impl Drive {
    /// Nothing was called yet.
    pub(crate) fn new(schedule: &mut impl Schedule) -> Self {
        Drive {
            lineage: Lineage::new(),
            wake: schedule.first_wake(),
        }
    }

    /// Calls the processor once, where its schedule says so. Says what was done:
    /// [`Turn::Over`] once the schedule is over or the processor has said that it is done.
    ///
    /// # Errors
    /// The processor cannot go on, or the run is being stopped.
    pub(crate) fn step(
        &mut self,
        processor: &mut dyn AnyProcessor,
        schedule: &mut impl Schedule,
    ) -> Result<Turn, NodeError> {
        let turn = schedule.turn(processor, self.wake)?;
        if turn == Turn::Call {
            self.wake = match schedule.call(processor, &mut self.lineage)? {
                Flow::Continue => None,
                Flow::WakeAt(time) => Some(time),
                Flow::Done => return Ok(Turn::Over),
            };
        }
        Ok(turn)
    }

    /// Lets the processor finish.
    ///
    /// # Errors
    /// What it held back cannot be delivered.
    pub(crate) fn finish(
        &mut self,
        processor: &mut dyn AnyProcessor,
        schedule: &mut impl Schedule,
    ) -> Result<(), NodeError> {
        processor.finish(&mut Io::new(schedule.host(), &mut self.lineage))
    }
}

/// Calls a processor until its schedule is over or it has said that it is done, then lets it
/// finish.
///
/// # Errors
/// The processor cannot go on, or the run is being stopped.
pub(crate) fn drive(
    processor: &mut dyn AnyProcessor,
    schedule: &mut impl Schedule,
) -> Result<(), NodeError> {
    let mut drive = Drive::new(schedule);
    loop {
        match drive.step(processor, schedule)? {
            Turn::Over => break,
            Turn::Wait => schedule.wait(drive.wake)?,
            Turn::Call => {}
        }
    }
    drive.finish(processor, schedule)
}

/// When a node's inputs ended, the latest of them; `None` while one goes on, and where there are
/// none.
pub(crate) fn latest_end(ends: impl Iterator<Item = Option<Time>>) -> Option<Time> {
    let mut ends = ends.peekable();
    ends.peek()?;
    ends.try_fold(Time::ZERO, |latest, end| Some(latest.max(end?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;

    #[test]
    fn whose_code_panics_is_known_though_nodes_share_a_thread() {
        let node = |id: &str| {
            let descriptor = Descriptor::new("test", "test", "Does nothing");
            Arc::new(GraphNode::declared(id, descriptor))
        };
        let (first, second) = (node("first"), node("second"));
        let works = |node| guarded(node, || Ok(node_at_work())).unwrap();
        assert_eq!(node_at_work(), None);
        assert_eq!(works(&first).as_deref(), Some("first"));
        let panicked = guarded::<()>(&second, || {
            assert_eq!(works(&first).as_deref(), Some("first"), "within another's");
            assert_eq!(node_at_work().as_deref(), Some("second"));
            panic!("on purpose")
        });
        assert!(matches!(panicked, Err(RunError::Panic { id, .. }) if id == "second"));
        assert_eq!(node_at_work(), None);
    }
}
