//! Plays one node live on a clock of the test's own: packets come when the test says, and no result depends on how
//! fast the machine is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::{Feed, Outputs};
use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::error::NodeError;
use crate::graph::GraphNode;
use crate::io::{Host, Input, Io, Lineage};
use crate::node::{Build, Flow, RunContext, Settings};
use crate::packet::Packet;
use crate::progress::Progress;
use crate::registry::AnyProcessor;
use crate::time::Time;
use crate::transport::Transport;

/// A node that asks to be called so often at one time will never let the clock go on.
const MOST_CALLS: usize = 10_000;

/// A live parameter's new value, and when it is told.
pub(super) struct Setting {
    pub(super) at: Time,
    pub(super) name: String,
    pub(super) value: Value,
}

/// One wire into the node.
struct Slot {
    port: usize,
    wire: usize,
    /// What is yet to come, with the clock's time at which it does.
    coming: VecDeque<(Time, Packet)>,
    waiting: VecDeque<Packet>,
    end: Time,
    ended: bool,
}

/// The node's surroundings: what has come, what has been sent, and the time.
struct Stage {
    now: Time,
    slots: Vec<Slot>,
    names: Vec<String>,
    outputs: Outputs,
    end: Option<Time>,
}

/// Plays `node` until all its inputs have ended.
pub(super) fn play(
    node: &GraphNode,
    feeds: &[Feed],
    (mut settings, mut retimings): (Vec<Setting>, Vec<(Time, Transport)>),
    transport: &Transport,
    folders: &Settings,
) -> Result<Outputs, NodeError> {
    if feeds.is_empty() {
        return Err(NodeError::internal("a source cannot be played alone"));
    }
    let counters = Arc::<Counters>::default();
    let context = RunContext {
        transport,
        settings: folders,
        progress: &Arc::new(Progress::default()),
        counters: &counters,
        clock: Some(&Arc::new(LiveClock::new())),
        with_run: true,
    };
    let mut processor = node.node.build(&Build::of(node.wiring(), context))?;
    settings.sort_by_key(|setting| setting.at);
    let mut settings = VecDeque::from(settings);
    retimings.sort_by_key(|(at, _)| *at);
    let mut retimings = VecDeque::from(retimings);
    let mut transport = transport.clone();
    let mut stage = Stage::new(node, feeds);
    let mut lineage = Lineage::new();
    let mut wake: Option<Time> = None;
    loop {
        stage.deliver();
        while settings
            .front()
            .is_some_and(|setting| setting.at <= stage.now)
        {
            if let Some(setting) = settings.pop_front() {
                processor.set(&setting.name, &setting.value)?;
            }
        }
        while retimings.front().is_some_and(|(at, _)| *at <= stage.now) {
            if let Some((_, wanted)) = retimings.pop_front() {
                transport = transport.going_over_to(&wanted, stage.now);
                processor.retime(&transport)?;
                wake = Some(stage.now);
            }
        }
        stage.call(processor.as_mut(), &mut lineage, &mut wake)?;
        if stage.slots.iter().all(|slot| slot.ended) {
            break;
        }
        let setting = settings.front().map(|setting| setting.at);
        let retiming = retimings.front().map(|(at, _)| *at);
        match [stage.next(), setting, retiming, wake]
            .into_iter()
            .flatten()
            .min()
        {
            Some(next) => stage.now = stage.now.max(next),
            None => break,
        }
    }
    processor.finish(&mut Io::new(&mut stage, &mut lineage))?;
    processor.commit()?;
    stage.outputs.counters = counters.read();
    let end = stage.end.or(stage.end());
    for name in &stage.names {
        let port = stage.outputs.ports.entry(name.clone()).or_default();
        port.1 = end;
    }
    Ok(stage.outputs)
}

impl Stage {
    fn new(node: &GraphNode, feeds: &[Feed]) -> Self {
        let mut slots: Vec<Slot> = Vec::new();
        for feed in feeds {
            let inputs = &node.descriptor.inputs;
            let port = inputs.iter().position(|port| port.name == feed.input);
            let port = port.unwrap_or_default();
            slots.push(Slot {
                port,
                wire: slots.iter().filter(|slot| slot.port == port).count(),
                coming: feed
                    .packets
                    .iter()
                    .map(|arrival| {
                        let packet = Packet {
                            time: arrival.time,
                            captured: Instant::now(),
                            payload: arrival.payload.clone(),
                        };
                        (arrival.at, packet)
                    })
                    .collect(),
                waiting: VecDeque::new(),
                end: feed.end,
                ended: false,
            });
        }
        let names = node.descriptor.outputs.iter();
        Stage {
            now: Time::ZERO,
            slots,
            names: names.map(|port| port.name.to_string()).collect(),
            outputs: Outputs::default(),
            end: None,
        }
    }

    /// Lets in what has come by now.
    fn deliver(&mut self) {
        for slot in &mut self.slots {
            while slot.coming.front().is_some_and(|(at, _)| *at <= self.now) {
                slot.waiting
                    .extend(slot.coming.pop_front().map(|(_, packet)| packet));
            }
            slot.ended = slot.coming.is_empty() && slot.end <= self.now;
        }
    }

    /// When something comes or ends next.
    fn next(&self) -> Option<Time> {
        let open = self.slots.iter().filter(|slot| !slot.ended);
        open.map(|slot| slot.coming.front().map_or(slot.end, |(at, _)| *at))
            .min()
    }

    /// Calls the node until it has nothing left to do now.
    fn call(
        &mut self,
        processor: &mut dyn AnyProcessor,
        lineage: &mut Lineage,
        wake: &mut Option<Time>,
    ) -> Result<(), NodeError> {
        for _ in 0..MOST_CALLS {
            let due = self.slots.iter().any(|slot| !slot.waiting.is_empty());
            if !due && wake.is_none_or(|time| time > self.now) {
                return Ok(());
            }
            *wake = match processor.process(&mut Io::new(self, lineage))? {
                Flow::Continue => None,
                Flow::WakeAt(time) => Some(time),
                Flow::Done => {
                    self.slots.iter_mut().for_each(|slot| slot.ended = true);
                    return Ok(());
                }
            };
        }
        Err(NodeError::internal(format!(
            "the node wants to be called for ever at {}",
            self.now
        )))
    }
}

impl Host for Stage {
    fn take(&mut self) -> Option<Input> {
        let slots = self.slots.iter_mut();
        let slot = slots
            .filter(|slot| !slot.waiting.is_empty())
            .min_by_key(|slot| {
                let time = slot.waiting.front().map(|packet| packet.time);
                (time, slot.port, slot.wire)
            })?;
        Some(Input {
            port: slot.port,
            wire: slot.wire,
            packet: slot.waiting.pop_front()?,
        })
    }

    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        let name = self
            .names
            .get(port)
            .ok_or_else(|| NodeError::internal(format!("there is no output {port}")))?;
        let sent = self.outputs.sent.entry(name.clone()).or_default();
        sent.push(self.now);
        let port = self.outputs.ports.entry(name.clone()).or_default();
        port.0.push(packet);
        Ok(())
    }

    fn end_at(&mut self, time: Time) {
        self.end = Some(time);
    }

    fn time(&self) -> Time {
        let slots = self.slots.iter();
        slots
            .map(|slot| match slot.waiting.front() {
                Some(packet) => packet.time,
                None if slot.ended => Time::MAX,
                None => self.now,
            })
            .min()
            .unwrap_or(Time::MAX)
    }

    fn end(&self) -> Option<Time> {
        let mut slots = self.slots.iter();
        slots.try_fold(Time::ZERO, |latest, slot| {
            slot.ended.then_some(latest.max(slot.end))
        })
    }

    fn now(&self) -> Time {
        self.now
    }

    fn is_live(&self) -> bool {
        true
    }

    fn stop_requested(&self) -> bool {
        false
    }
}
