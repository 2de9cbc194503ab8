//! What the rest of a live run holds of a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::gauges::{Calls, Gauges, NodeState};
use super::group::Member;
use super::ports::{Command, CommandSender};
use super::status::{HANGS, NodeStatus, Waiting};
use crate::counters::Counters;
use crate::graph::GraphNode;
use crate::steering::{Shown, ValueSource};

/// Where a node runs.
pub(super) enum Runs {
    /// On a thread of its own, and what opens the gate that it waits at when it is built.
    OnThread(JoinHandle<()>, Sender<()>),
    /// It is light, and shares a thread.
    InGroup(Arc<Member>),
    /// It has ended, or is left to itself.
    Nowhere,
}

/// A node that runs, or is built to run.
pub(super) struct NodeHandle {
    pub(super) node: Arc<GraphNode>,
    pub(super) generation: u64,
    pub(super) commands: CommandSender,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) runs: Runs,
    pub(super) gauges: Arc<Gauges>,
    pub(super) counters: Arc<Counters>,
    /// What its live parameters are.
    pub(super) shown: Arc<Shown>,
    /// All calls at the last look.
    pub(super) looked: (Instant, Calls),
    /// Whether it was told to end now.
    pub(super) is_finishing: bool,
}

impl NodeHandle {
    /// Tells the node; one that has ended needs no telling.
    pub(super) fn tell(&self, command: Command) {
        self.commands.send(command);
    }

    /// Has a node play that was built to. One that plays takes no notice.
    pub(super) fn open(&self) {
        match &self.runs {
            Runs::OnThread(_, gate) => drop(gate.try_send(())),
            Runs::InGroup(member) => member.open(),
            Runs::Nowhere => {}
        }
    }

    /// Its place on a thread that it shares.
    pub(super) fn member(&self) -> Option<&Arc<Member>> {
        match &self.runs {
            Runs::InGroup(member) => Some(member),
            Runs::OnThread(..) | Runs::Nowhere => None,
        }
    }

    /// Tells the node to end now, once: commands to a node that hangs pile up.
    pub(super) fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finishing, true) {
            self.tell(Command::Finish);
        }
    }

    /// Whether the node has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        match &self.runs {
            Runs::OnThread(thread, _) => thread.is_finished(),
            Runs::InGroup(_) => self.gauges.state() == NodeState::Ended,
            Runs::Nowhere => true,
        }
    }

    /// Whether nothing is left of it to look after.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.runs, Runs::Nowhere)
    }

    /// Whether the node will do nothing more by itself.
    pub(super) fn rests(&self) -> bool {
        self.has_ended() || self.gauges.state() == NodeState::Failed
    }

    /// Waits for its thread, which has ended or is about to.
    pub(super) fn join(&mut self) {
        if let Runs::OnThread(thread, _) = std::mem::replace(&mut self.runs, Runs::Nowhere) {
            // Its panics were caught and told; one in a destructor is the system's to print.
            let _ = thread.join();
        }
    }

    /// Leaves the node to itself: it ends when its call returns.
    pub(super) fn abandon(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.commands.wake();
        self.runs = Runs::Nowhere;
    }

    /// What it does now.
    pub(super) fn status(&mut self) -> NodeStatus {
        let (now, calls) = (Instant::now(), self.gauges.calls());
        let (before, earlier) = std::mem::replace(&mut self.looked, (now, calls.clone()));
        let seconds = (now - before).as_secs_f64().max(1e-9);
        let recent = calls.since(&earlier);
        let condition = self.counters.condition();
        let state = match self.has_ended() {
            true => NodeState::Ended,
            false => self.gauges.state(),
        };
        let waiting = (condition.waits).filter(|_| state == NodeState::Running);
        let waiting = waiting.map(|(reason, since)| Waiting {
            reason,
            seconds: since.elapsed().as_secs_f64(),
        });
        NodeStatus {
            id: self.node.id.clone(),
            kind: self.node.descriptor.kind.to_string(),
            generation: self.generation,
            state: match waiting {
                Some(_) => NodeState::Waiting,
                None => state,
            },
            waiting,
            last_error: condition.last_error,
            error_age: condition.erred.map(|erred| erred.elapsed().as_secs_f64()),
            failures: self.gauges.failures(),
            rate: recent.count() as f64 / seconds,
            p95: recent.p95().as_secs_f64(),
            load: recent.busy().as_secs_f64() / seconds,
            hangs: self
                .gauges
                .in_call()
                .filter(|call| *call > HANGS)
                .map(|call| call.as_secs_f64()),
            counters: self.counters.read(),
            steered: (self.shown.look().into_iter())
                .filter(|value| value.source != ValueSource::Text)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;
    use crate::descriptor::Descriptor;

    #[test]
    fn a_node_that_hangs_is_told_to_finish_once_however_often_it_is_looked_after() {
        let (commands, told) = unbounded();
        let node = GraphNode::declared("hangs", Descriptor::new("test", "hangs", ""));
        let mut handle = NodeHandle {
            node: Arc::new(node),
            generation: 1,
            commands: CommandSender::new(commands, None),
            stop: Arc::default(),
            runs: Runs::Nowhere,
            gauges: Arc::new(Gauges::new()),
            counters: Arc::default(),
            shown: Arc::default(),
            looked: (Instant::now(), Calls::default()),
            is_finishing: false,
        };
        for _ in 0..100 {
            handle.finish();
        }
        assert_eq!(told.len(), 1);
    }
}
