//! Knows which nodes of a render wait and for what; when all do, lets time pass or makes room.
//!
//! A network of lossless bounded wires may stop although no node has failed: one waits for the end
//! of the film while the branch beside it fills up. Parks (1995, "Bounded scheduling of process
//! networks", §4) showed the way out: when every node waits, the smallest full wire grows. The same
//! moment is the only one at which a virtual clock may advance.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;

use crate::time::Time;
use crate::wire::{MAX_CAPACITY, Shared};

/// What the run tells a node's thread.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// End without finishing.
    Stop,
    /// The wire that the node waits to send into may grow.
    Grow,
    /// The virtual clock has advanced.
    Tick,
}

/// What a node waits for.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
    /// Something on this wire.
    Input(Arc<Shared>),
    /// Something on one of these wires, or the virtual time.
    Inputs {
        wires: Vec<Arc<Shared>>,
        until: Option<Time>,
    },
    /// Room on this wire.
    Output(Arc<Shared>),
}

impl Wait {
    fn is_over(&self) -> bool {
        match self {
            Wait::Input(wire) => has_news(wire),
            Wait::Inputs { wires, .. } => wires.iter().any(|wire| has_news(wire)),
            Wait::Output(wire) => !wire.is_full() || wire.reader_gone(),
        }
    }
}

/// Whether the reader of `wire` has something to take or to learn.
fn has_news(wire: &Shared) -> bool {
    wire.depth() > 0 || wire.is_closed()
}

/// Why the run cannot go on although no node failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// This wire would have to hold more packets than [`MAX_CAPACITY`].
    TooMuchWaits(String),
    /// Every node waits for another.
    Deadlock,
}

#[derive(Debug)]
struct State {
    waits: Vec<Option<Wait>>,
    running: usize,
    now: Time,
    stuck: Option<Stuck>,
}

/// The register of all nodes of a run.
#[derive(Debug)]
pub(crate) struct Census {
    state: Mutex<State>,
    commands: Vec<Sender<Command>>,
}

impl Census {
    /// A register of as many running nodes as there are command channels.
    pub(crate) fn new(commands: Vec<Sender<Command>>) -> Self {
        let nodes = commands.len();
        let state = State {
            waits: vec![None; nodes],
            running: nodes,
            now: Time::ZERO,
            stuck: None,
        };
        Census {
            state: Mutex::new(state),
            commands,
        }
    }

    /// The virtual time.
    pub(crate) fn now(&self) -> Time {
        self.lock().now
    }

    /// Why the run is stuck, where it is.
    pub(crate) fn stuck(&self) -> Option<Stuck> {
        self.lock().stuck.clone()
    }

    /// Node `node` is about to wait.
    pub(crate) fn enter(&self, node: usize, wait: Wait) {
        let mut state = self.lock();
        state.waits[node] = Some(wait);
        state.running -= 1;
        self.resolve(&mut state);
    }

    /// Node `node` waits no longer.
    pub(crate) fn leave(&self, node: usize) {
        let mut state = self.lock();
        if state.waits[node].take().is_some() {
            state.running += 1;
        }
    }

    /// Node `node` has ended. Its wires must have been closed before.
    pub(crate) fn retire(&self, node: usize) {
        let mut state = self.lock();
        if state.waits[node].take().is_none() {
            state.running -= 1;
        }
        self.resolve(&mut state);
    }

    /// Tells every node to end.
    pub(crate) fn stop_all(&self) {
        for commands in &self.commands {
            // A node that has ended needs no telling.
            let _ = commands.send(Command::Stop);
        }
    }

    fn resolve(&self, state: &mut State) {
        let waiting = || {
            state
                .waits
                .iter()
                .enumerate()
                .filter_map(|(node, wait)| Some((node, wait.as_ref()?)))
        };
        if state.running > 0
            || waiting().next().is_none()
            || waiting().any(|(_, wait)| wait.is_over())
        {
            return;
        }
        let next_time = waiting()
            .filter_map(|(_, wait)| match wait {
                Wait::Inputs { until, .. } => *until,
                Wait::Input(_) | Wait::Output(_) => None,
            })
            .min();
        if let Some(now) = next_time {
            let due: Vec<usize> = waiting()
                .filter(|(_, wait)| matches!(wait, Wait::Inputs { until: Some(until), .. } if *until <= now))
                .map(|(node, _)| node)
                .collect();
            state.now = state.now.max(now);
            for node in due {
                self.wake(state, node, Command::Tick);
            }
            return;
        }
        let smallest = waiting()
            .filter_map(|(node, wait)| match wait {
                Wait::Output(wire) => Some((wire.capacity(), node, wire.name.clone())),
                Wait::Input(_) | Wait::Inputs { .. } => None,
            })
            .min();
        match smallest {
            Some((capacity, node, _)) if capacity < MAX_CAPACITY => {
                self.wake(state, node, Command::Grow)
            }
            Some((_, _, wire)) => self.give_up(state, Stuck::TooMuchWaits(wire)),
            None => self.give_up(state, Stuck::Deadlock),
        }
    }

    fn wake(&self, state: &mut State, node: usize, command: Command) {
        state.waits[node] = None;
        state.running += 1;
        let _ = self.commands[node].send(command);
    }

    fn give_up(&self, state: &mut State, stuck: Stuck) {
        state.stuck.get_or_insert(stuck);
        self.stop_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere cannot have broken
        // it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
