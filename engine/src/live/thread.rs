//! The loop of a live node, one step at a time: calls it by the clock, takes commands, and restarts
//! it when it fails. Here is also the thread of a node that has one of its own; [`super::group`]
//! lets several nodes take their steps on one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::gauges::{Gauges, NodeState};
use super::ports::{HandChange, LivePorts, News, Rewired, Surroundings};
use super::priority::come_first;
use super::restart::{RestartPolicy, Restarts};
use crate::error::{NodeError, NodeErrorKind};
use crate::io::{Host, Io, Lineage};
use crate::node::Flow;
use crate::registry::AnyProcessor;
use crate::revision::Revision;
use crate::run_error::RunError;
use crate::thread::{Drive, Schedule, Turn, Worker, guarded};
use crate::time::Time;

/// How often a node that does not run looks for commands.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// While a value glides, how long a node goes on with one place on the way if nothing else calls
/// it.
const GLIDE_STEP: Time = Time::from_nanos(5_000_000);

/// Whether a file cannot be written.
fn is_output(failure: &RunError) -> bool {
    matches!(failure, RunError::Node { error, .. } if error.kind() == NodeErrorKind::Output)
}

/// Everything that the loop of a live node owns.
pub(super) struct NodeLoop {
    worker: Worker,
    generation: u64,
    ports: LivePorts,
    gauges: Arc<Gauges>,
    restarts: Restarts,
    /// The revision that plays, for a node that restarts.
    revision: Option<Arc<Revision>>,
    /// What the last failure said.
    told: String,
    /// When a glide is news again.
    next_step: Time,
    /// Whether the processor knows of a value that it has not been called for.
    untold: bool,
}

/// Where a live node stands between two steps.
pub(super) enum Life {
    /// Its processor is called when something is due.
    Plays(Box<dyn AnyProcessor>, Drive),
    /// It has failed and restarts then; `None`: it stays off.
    Rests(Option<Instant>),
    /// It has finished, and is there until what it has sent is on its way.
    Leaves,
}

/// What comes after a step of a live node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another step.
    Step,
    /// Nothing, until something comes or the clock has come to this time.
    Wait(Option<Time>),
    /// Nothing for so long, but that what comes is discarded; `None`: for good.
    Rest(Option<Duration>),
    /// It has come to its end.
    Ended,
}

impl NodeLoop {
    /// The loop of a node with these wires, which is the `generation`th that its run has begun.
    pub(super) fn new(
        worker: Worker,
        generation: u64,
        wires: Rewired,
        surroundings: Surroundings,
        restart: RestartPolicy,
    ) -> Self {
        NodeLoop {
            generation,
            gauges: surroundings.gauges.clone(),
            ports: LivePorts::new(&worker.node, wires, surroundings),
            worker,
            restarts: Restarts::new(restart),
            revision: None,
            told: String::new(),
            next_step: Time::ZERO,
            untold: false,
        }
    }

    /// Builds the node and runs it to its end on the caller's thread; a failure ends it.
    ///
    /// # Errors
    /// The node cannot be built or cannot go on.
    pub(super) fn play_once(mut self) -> Result<(), RunError> {
        let mut processor = self.worker.build()?;
        let mut drive = self.begin();
        loop {
            match self.play(processor.as_mut(), &mut drive)? {
                Turn::Call => {}
                Turn::Wait => self.ports.wait(self.due(drive.wake)),
                Turn::Over => break,
            }
        }
        self.ports.end_outputs();
        Ok(())
    }

    /// Builds the node for the first time.
    ///
    /// # Errors
    /// It cannot be built.
    pub(super) fn build(&mut self) -> Result<Life, RunError> {
        let built = self.worker.build();
        self.worker.with_run = false;
        Ok(Life::Plays(built?, self.begin()))
    }

    /// On a thread of its own: builds the node, says so, and runs it once the gate opens.
    pub(super) fn run(
        mut self,
        ready: &Sender<(usize, Result<(), RunError>)>,
        index: usize,
        gate: &Receiver<()>,
    ) {
        let (life, told) = match self.build() {
            Ok(life) => (Some(life), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Who waits may have given up already.
        let _ = ready.send((index, told));
        if let Some(mut life) = life
            && gate.recv().is_ok()
        {
            self.gauges.set_state(NodeState::Running);
            // Only now: what the node has started to be built is not as urgent.
            if self.worker.node.descriptor.urgent && !come_first() {
                tracing::debug!(node = %self.worker.node.id, "the system does not let its thread come first");
            }
            loop {
                match self.step(&mut life) {
                    Next::Step => {}
                    Next::Wait(until) => self.ports.wait(until),
                    Next::Rest(left) => std::thread::sleep(
                        left.map_or(POLL_INTERVAL, |left| left.min(POLL_INTERVAL)),
                    ),
                    Next::Ended => break,
                }
            }
        }
        self.end();
    }

    /// The node is no longer there.
    pub(super) fn end(&mut self) {
        self.ports.end_outputs();
        self.gauges.set_state(NodeState::Ended);
    }

    /// Takes one step: one call of the processor at most.
    pub(super) fn step(&mut self, life: &mut Life) -> Next {
        match life {
            Life::Plays(processor, drive) => match self.play(processor.as_mut(), drive) {
                Ok(Turn::Call) if self.has_done_all(drive.wake) => {
                    return Next::Wait(self.due(drive.wake));
                }
                Ok(Turn::Call) => return Next::Step,
                Ok(Turn::Wait) => return Next::Wait(self.due(drive.wake)),
                Ok(Turn::Over) => *life = Life::Leaves,
                Err(failure) => *life = self.fail(&failure),
            },
            Life::Rests(until) => {
                self.obey(None);
                self.ports.flush();
                self.ports.discard();
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                if self.ports.is_over() {
                    *life = Life::Leaves;
                } else if left.is_none_or(|left| !left.is_zero()) {
                    return Next::Rest(left);
                } else {
                    *life = self.restart();
                }
            }
            Life::Leaves => {
                self.obey(None);
                if self.ports.flush() {
                    return Next::Ended;
                }
                self.ports.discard();
                return Next::Wait(None);
            }
        }
        Next::Step
    }

    /// When a node that shares its thread takes its next step after this one, unless it is woken.
    pub(super) fn looks_at(&self, next: Next) -> Option<Time> {
        match next {
            Next::Step => Some(self.ports.now()),
            Next::Wait(until) => self.ports.looks_at(until),
            Next::Rest(left) => self.ports.looks_at(left.map(|left| {
                let nanos = i64::try_from(left.as_nanos()).unwrap_or(i64::MAX);
                self.ports.now() + Time::from_nanos(nanos)
            })),
            Next::Ended => None,
        }
    }

    /// A processor starts that was just built.
    fn begin(&mut self) -> Drive {
        self.ports.start();
        Drive::new(self)
    }

    /// Calls the processor once, where something is due; once all is over, it finishes.
    fn play(
        &mut self,
        processor: &mut dyn AnyProcessor,
        drive: &mut Drive,
    ) -> Result<Turn, RunError> {
        let node = self.worker.node.clone();
        let played = guarded(&node, || {
            let turn = drive.step(processor, self)?;
            if turn == Turn::Over {
                drive.finish(processor, self)?;
                processor.commit()?;
            }
            Ok(turn)
        });
        if !matches!(played, Ok(Turn::Call | Turn::Wait)) {
            self.gauges.set_at_rest();
        }
        match played {
            // The run is over; nobody waits for results.
            Err(RunError::Stopped) => Ok(Turn::Over),
            played => played,
        }
    }

    /// The node has failed.
    fn fail(&mut self, failure: &RunError) -> Life {
        self.gauges.count_failure();
        if self.worker.node.descriptor.writes_files() {
            self.gauges.set_lost();
        }
        self.worker.counters.fail(failure.to_string());
        self.ports.tell_lost();
        let mut wait = self.restarts.next(Instant::now());
        if is_output(failure) {
            // A disk that is full has room again some day, and what is recorded then counts.
            wait = wait.or(Some(self.restarts.longest()));
        }
        self.tell(failure, wait);
        self.gauges.set_state(match wait {
            Some(_) => NodeState::Restarting,
            None => NodeState::Failed,
        });
        Life::Rests(wait.map(|wait| Instant::now() + wait))
    }

    /// Builds the node again after a failure.
    fn restart(&mut self) -> Life {
        match self.worker.build() {
            Ok(mut anew) => {
                self.worker.values.begin_anew();
                if let Some(revision) = &self.revision {
                    anew.revised(self.ports.now(), revision);
                }
                tracing::info!(node = %self.worker.node.id, generation = self.generation, "runs again");
                self.gauges.set_state(NodeState::Running);
                Life::Plays(anew, self.begin())
            }
            Err(failure) => self.fail(&failure),
        }
    }

    /// Whether nothing is to be done after a call, so that the next look can wait until something
    /// comes. A source is called until it says when.
    fn has_done_all(&self, wake: Option<Time>) -> bool {
        let is_source = self.worker.node.descriptor.inputs.is_empty();
        (wake.is_some() || !is_source) && self.ports.has_done_all()
    }

    /// When there is something to do though nothing comes.
    fn due(&self, wake: Option<Time>) -> Option<Time> {
        let glides = self.worker.values.glides();
        let step = glides.then(|| {
            let now = self.ports.now();
            match self.next_step > now {
                true => self.next_step,
                false => now + GLIDE_STEP,
            }
        });
        wake.into_iter().chain(step).min()
    }

    /// Takes the run's commands, and gives the processor the values that hold now; without a
    /// processor they wait for the next. Returns whether the transport or a value has changed: what
    /// the node waits for comes at another time then, and what a value ends shall end now.
    fn obey(&mut self, mut processor: Option<&mut dyn AnyProcessor>) -> bool {
        let now = self.ports.now();
        let mut has_news = false;
        for news in self.ports.obey() {
            match (news, &mut processor) {
                (News::Text(node), _) => {
                    self.worker.values.set_text(&node.values);
                    self.worker.node = node;
                }
                (News::Steer(hands), _) => {
                    for hand in hands {
                        let HandChange {
                            param,
                            value,
                            glide,
                            curve,
                            begun,
                        } = hand;
                        let begun = begun.unwrap_or(now);
                        (self.worker.values).morph(&param, value, begun, (glide, curve));
                    }
                }
                (News::Wired(number, span), _) => self.worker.values.wire(number, span),
                (News::Unwired(number), _) => self.worker.values.unwire(number),
                (News::Retime(transport), processor) => {
                    if let Some(Err(error)) = processor.as_mut().map(|p| p.retime(&transport)) {
                        tracing::warn!(node = %self.worker.node.id, generation = self.generation, "keeps the old transport: {error}");
                    }
                    let stops = transport.stands && !self.worker.transport.stands;
                    if stops && self.worker.node.descriptor.in_bars {
                        // The ends of what it has begun lie in the time that does not come.
                        self.ports.tell_lost();
                    }
                    self.worker.transport = (*transport).clone();
                    has_news = true;
                }
                (News::Record(steered), Some(processor)) => processor.steered(&steered),
                (News::Record(_), None) => {}
                (News::Revision(revision), processor) => {
                    if let Some(processor) = processor {
                        processor.revised(now, &revision);
                    }
                    self.revision = Some(revision);
                }
            }
        }
        self.ports.hear_values(&mut self.worker.values);
        if let Some(processor) = processor
            && self.worker.values.has_news()
        {
            let Worker { values, node, .. } = &mut self.worker;
            let told = values.tell_to(processor, node, now);
            self.untold |= *told.as_ref().unwrap_or(&true);
            // A glide has another value at every moment: it is news once a step only, or its node
            // would do nothing else. What comes within a step waits for its end.
            if self.untold && (now >= self.next_step || !values.glides()) {
                self.next_step = now + GLIDE_STEP;
                self.untold = false;
                has_news = true;
            }
            if let Err(refused) = told {
                self.ports.pause().refused(refused);
            }
        }
        has_news
    }

    fn tell(&mut self, failure: &RunError, wait: Option<Duration>) {
        let text = failure.to_string();
        let known = std::mem::replace(&mut self.told, text) == self.told;
        let (node, generation) = (&self.worker.node.id, self.generation);
        if known && wait.is_some_and(|wait| wait >= self.restarts.longest()) {
            // It has been logged, and would be every ten seconds for as long as it lasts.
            tracing::debug!(node, generation, "{failure}; it is tried again and again");
            return;
        }
        let advice = failure.advice().unwrap_or_default();
        match wait {
            Some(wait) => tracing::warn!(
                node,
                generation,
                advice,
                "{failure}; it restarts in {:.1} s",
                wait.as_secs_f64()
            ),
            None => tracing::error!(
                node,
                generation,
                advice,
                "{failure}; it has failed too often and stays off until the patch changes; everything else keeps playing"
            ),
        }
    }
}

impl Schedule for NodeLoop {
    /// Once at the start, so that the processor can say when it wants to be woken.
    fn first_wake(&mut self) -> Option<Time> {
        Some(Time::ZERO)
    }

    fn turn(
        &mut self,
        processor: &mut dyn AnyProcessor,
        wake: Option<Time>,
    ) -> Result<Turn, NodeError> {
        let has_news = self.obey(Some(processor));
        let has_room = self.ports.flush();
        if self.ports.is_over() {
            return Ok(Turn::Over);
        }
        if !has_room {
            return Ok(Turn::Wait);
        }
        let wakes = match wake {
            Some(time) => self.ports.now() >= time,
            // One whose inputs are not wired has nothing to do.
            None => self.worker.node.descriptor.inputs.is_empty(),
        };
        let due = wakes || has_news || self.ports.is_due();
        Ok(if due { Turn::Call } else { Turn::Wait })
    }

    fn wait(&mut self, wake: Option<Time>) -> Result<(), NodeError> {
        self.ports.wait(self.due(wake));
        Ok(())
    }

    fn call(
        &mut self,
        processor: &mut dyn AnyProcessor,
        lineage: &mut Lineage,
    ) -> Result<Flow, NodeError> {
        self.ports.before_call()?;
        let (gauges, ports) = (&self.gauges, &mut self.ports);
        gauges.measure(|| processor.process(&mut Io::new(ports, lineage)))
    }

    fn host(&mut self) -> &mut dyn Host {
        &mut self.ports
    }
}
