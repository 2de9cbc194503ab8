//! Knows which nodes wait and for what; when all do, lets time pass or makes room. Of a live run it knows the clock
//! alone: time passes by itself, and no wire waits for another branch.
//!
//! A network of lossless bounded wires may stop although no node has failed: one waits for the end of the
//! film while the branch beside it fills up. Parks (1995, "Bounded scheduling of process networks", §4)
//! showed the way out: when every node waits, the smallest full wire grows. The same moment is the only one
//! at which a virtual clock may advance.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;

use crate::clock::LiveClock;
use crate::time::Time;
use crate::wire::Shared;

/// Packets that a wire may grow to before the run is given up as a patch that wants all of a long film at once.
pub(crate) const MAX_CAPACITY: usize = 1 << 14;

/// What the run tells a node's thread.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// End without finishing.
    Stop,
    /// The wire that the node waits to send into may grow.
    Grow,
    /// The virtual clock has advanced.
    Tick,
    /// Sources end, as if what they read had ended.
    Drain,
}

/// What a node waits for.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
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
            Wait::Inputs { wires, .. } => wires
                .iter()
                .any(|wire| wire.depth() > 0 || wire.is_closed()),
            Wait::Output(wire) => !wire.is_full() || wire.reader_gone(),
        }
    }
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
    live: Option<Arc<LiveClock>>,
}

impl Census {
    /// A register of as many running nodes as there are command channels; of a live run where there is a clock.
    pub(crate) fn new(commands: Vec<Sender<Command>>, live: Option<Arc<LiveClock>>) -> Self {
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
            live,
        }
    }

    /// The time on the run's clock.
    pub(crate) fn now(&self) -> Time {
        match &self.live {
            Some(clock) => clock.now(),
            None => self.lock().now,
        }
    }

    /// The clock of a live run.
    pub(crate) fn live(&self) -> Option<&Arc<LiveClock>> {
        self.live.as_ref()
    }

    /// Why the run is stuck, where it is.
    pub(crate) fn stuck(&self) -> Option<Stuck> {
        self.lock().stuck.clone()
    }

    /// Node `node` is about to wait.
    pub(crate) fn enter(&self, node: usize, wait: Wait) {
        if self.live.is_some() {
            return;
        }
        let mut state = self.lock();
        state.waits[node] = Some(wait);
        state.running -= 1;
        self.resolve(&mut state);
    }

    /// Node `node` waits no longer.
    pub(crate) fn leave(&self, node: usize) {
        if self.live.is_some() {
            return;
        }
        let mut state = self.lock();
        if state.waits[node].take().is_some() {
            state.running += 1;
        }
    }

    /// Node `node` has ended. Its wires must have been closed before.
    pub(crate) fn retire(&self, node: usize) {
        if self.live.is_some() {
            return;
        }
        let mut state = self.lock();
        if state.waits[node].take().is_none() {
            state.running -= 1;
        }
        self.resolve(&mut state);
    }

    /// Tells every node to end.
    pub(crate) fn stop_all(&self) {
        self.tell_all(&Command::Stop);
    }

    /// Tells every source to end.
    pub(crate) fn drain_all(&self) {
        self.tell_all(&Command::Drain);
    }

    fn tell_all(&self, command: &Command) {
        for commands in &self.commands {
            // A node that has ended needs no telling.
            let _ = commands.send(command.clone());
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
                Wait::Output(_) => None,
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
                Wait::Inputs { .. } => None,
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
        // The state is whole between any two statements, so a panic elsewhere cannot have broken it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
