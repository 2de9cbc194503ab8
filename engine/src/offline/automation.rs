//! Has the values of a render change in time, as hands have changed them in a live run.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use crate::curve::Curve;
use crate::error::NodeError;
use crate::graph::Graph;
use crate::io::{Host, Input, Io, Lineage};
use crate::node::{Build, Check, Flow};
use crate::packet::Packet;
use crate::param::{Change, Param};
use crate::port::PortType;
use crate::registry::{AnyNode, AnyProcessor};
use crate::revision::Revision;
use crate::steered::Steered;
use crate::steering::Glide;
use crate::time::Time;
use crate::transport::Transport;
use crate::transport_params::{self, TransportParams};
use crate::watermark::Watermark;

/// A live value that an edit has changed: when, the node, the parameter, the value.
pub type TextChange = (Time, String, String, Value);

/// Between two values of one that glides, as live.
const GLIDE_STEP: Time = Time::from_nanos(5_000_000);

/// What the transport is called where a node's id is expected.
const TRANSPORT: &str = "transport";

impl Graph {
    /// Has live values change in the render to come, as they were set or released in a live run;
    /// those of the transport too. Returns what has no place in this graph, as `NODE.PARAM`, each
    /// once.
    ///
    /// `texts` are values that edits have changed, with when, node, parameter and value: what hands
    /// hold lies over them.
    pub fn steer(&mut self, changes: &[Steered], texts: &[TextChange]) -> Vec<String> {
        let mut changes: Vec<&Steered> = changes.iter().collect();
        changes.sort_by_key(|change| change.time);
        let mut left_out = Vec::new();
        let mut steps: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        let mut transport = Transports::new(&self.transport);
        let mut retimes = Vec::new();
        for change in changes {
            let is_known = match change.node.as_str() {
                TRANSPORT => match transport.change(change) {
                    Some(now) => {
                        retimes.push(Step {
                            time: change.time,
                            act: Act::Retime(Box::new(now)),
                        });
                        true
                    }
                    None => false,
                },
                _ => self.takes(change),
            };
            if !is_known {
                let name = format!("{}.{}", change.node, change.param);
                if !left_out.contains(&name) {
                    left_out.push(name);
                }
                continue;
            }
            if change.node != TRANSPORT {
                steps.entry(change.node.clone()).or_default().push(Step {
                    time: change.time,
                    act: Act::Hand {
                        param: change.param.clone(),
                        value: change.value.clone(),
                        glide: (Time::from_seconds(change.glide), change.curve),
                    },
                });
            }
        }
        for (time, node, param, value) in texts {
            steps.entry(node.clone()).or_default().push(Step {
                time: *time,
                act: Act::Text {
                    param: param.clone(),
                    value: value.clone(),
                },
            });
        }
        for node in &mut self.nodes {
            let mut own = steps.remove(&node.id).unwrap_or_default();
            own.extend(retimes.iter().cloned());
            if own.is_empty() {
                continue;
            }
            own.sort_by_key(|step| step.time);
            let (params, values) = (node.descriptor.params.clone(), node.values.clone());
            node.wrap(|node| {
                Box::new(AutomatedNode {
                    node,
                    steps: own,
                    params,
                    values,
                })
            });
        }
        left_out
    }

    /// Whether the change is one of a live value of a node.
    fn takes(&self, change: &Steered) -> bool {
        let node = self.nodes.iter().find(|node| node.id == change.node);
        let param = node.and_then(|node| {
            let mut params = node.descriptor.params.iter();
            params.find(|param| param.name == change.param && param.change == Change::Live)
        });
        param.is_some_and(|param| {
            let value = change.value.as_ref();
            value.is_none_or(|value| param.admits(value).is_ok())
        })
    }
}

/// The transport as hands change it.
struct Transports {
    now: Transport,
    text: Map<String, Value>,
    held: Map<String, Value>,
}

impl Transports {
    fn new(transport: &Transport) -> Self {
        Transports {
            now: transport.clone(),
            text: transport_params::values(transport),
            held: Map::new(),
        }
    }

    /// The transport from the change on; `None`: it cannot be.
    fn change(&mut self, change: &Steered) -> Option<Transport> {
        match &change.value {
            Some(value) => self.held.insert(change.param.clone(), value.clone()),
            None => self.held.remove(&change.param),
        };
        let mut values = self.text.clone();
        values.extend(self.held.clone());
        let (wanted, wrong) = TransportParams::of(&values)?.transport();
        if !wrong.is_empty() {
            self.held.remove(&change.param);
            return None;
        }
        self.now = self.now.going_over_to(&wanted, change.time);
        Some(self.now.clone())
    }
}

/// Something that changes at a time.
#[derive(Clone)]
struct Step {
    time: Time,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Hand {
        param: String,
        value: Option<Value>,
        /// How long the value takes to get there, and how fast it goes on the way.
        glide: (Time, Curve),
    },
    Text {
        param: String,
        value: Value,
    },
    Retime(Box<Transport>),
}

/// A node whose values change.
struct AutomatedNode {
    node: Box<dyn AnyNode>,
    steps: Vec<Step>,
    params: Vec<Param>,
    values: Map<String, Value>,
}

impl AnyNode for AutomatedNode {
    fn check(&self, check: &mut Check<'_>) {
        self.node.check(check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Automated {
            processor: self.node.build(build)?,
            lineage: Lineage::new(),
            steps: self.steps.iter().cloned().collect(),
            params: self.params.clone(),
            under: self.values.clone(),
            held: Map::new(),
            gliding: BTreeMap::new(),
            now: Time::ZERO,
            waiting: None,
            is_source: build.inputs.iter().all(Option::<PortType>::is_none),
            latest: Time::ZERO,
        }))
    }

    fn takes(&self, name: &str, value: &Value) -> Result<bool, NodeError> {
        self.node.takes(name, value)
    }
}

/// A processor whose values change: it does all that comes before a change, then gets the new
/// value.
struct Automated {
    processor: Box<dyn AnyProcessor>,
    lineage: Lineage,
    steps: VecDeque<Step>,
    params: Vec<Param>,
    /// What the text and wires say.
    under: Map<String, Value>,
    /// What hands hold.
    held: Map<String, Value>,
    gliding: BTreeMap<String, Glide>,
    /// The time of the last change.
    now: Time,
    /// A packet that comes after the next change.
    waiting: Option<Input>,
    is_source: bool,
    /// The time of what was sent last.
    latest: Time,
}

impl Automated {
    /// When something changes next.
    fn next(&self) -> Option<Time> {
        let glide = (!self.gliding.is_empty()).then_some(self.now + GLIDE_STEP);
        let step = self.steps.front().map(|step| step.time);
        glide.into_iter().chain(step).min()
    }

    /// Gives the processor what changes at `time`. What it refuses stays as it was.
    fn change(&mut self, time: Time) {
        self.now = time;
        let due = self.steps.partition_point(|step| step.time <= time);
        let due: Vec<Step> = self.steps.drain(..due).collect();
        for step in due {
            match step.act {
                Act::Retime(transport) => drop(self.processor.retime(&transport)),
                Act::Hand {
                    param,
                    value,
                    glide,
                } => self.hand(&param, value, glide),
                Act::Text { param, value } => {
                    // What it refuses stays as it was.
                    let _ = self.set(&[(param, value)]);
                }
            }
        }
        let mut news = Vec::new();
        let params = &self.params;
        self.gliding.retain(|name, glide| {
            let Some(param) = params.iter().find(|param| param.name == *name) else {
                return false;
            };
            let (value, is_done) = glide.at(param, time);
            news.push((name.clone(), value));
            !is_done
        });
        if !news.is_empty() {
            let _ = self.processor.set(&news);
        }
    }

    fn hand(&mut self, name: &str, value: Option<Value>, (glide, curve): (Time, Curve)) {
        let before = self.value(name);
        match value {
            Some(value) => self.held.insert(name.to_owned(), value),
            None => self.held.remove(name),
        };
        let goal = self.value(name);
        let param = self.params.iter().find(|param| param.name == name);
        let way = param.and_then(|param| {
            let before = match self.gliding.get(name) {
                Some(glide) => glide.at(param, self.now).0,
                None => before,
            };
            let way = Glide::between(param, &before, &goal, self.now, glide);
            way.map(|way| way.curved(curve))
        });
        match way {
            Some(way) => drop(self.gliding.insert(name.to_owned(), way)),
            None => {
                self.gliding.remove(name);
                let _ = self.processor.set(&[(name.to_owned(), goal)]);
            }
        }
    }

    /// The value that holds.
    fn value(&self, name: &str) -> Value {
        let value = self.held.get(name).or_else(|| self.under.get(name));
        value.cloned().unwrap_or_default()
    }

    /// Calls the processor, which sees nothing from `limit` on.
    fn call<T>(
        &mut self,
        io: &mut Io<'_>,
        limit: Option<Time>,
        call: impl FnOnce(&mut dyn AnyProcessor, &mut Io<'_>) -> Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        let mut host = Limited {
            io,
            limit,
            waiting: &mut self.waiting,
            latest: &mut self.latest,
        };
        let mut inner = Io::new(&mut host, &mut self.lineage);
        call(self.processor.as_mut(), &mut inner)
    }
}

impl AnyProcessor for Automated {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.is_source {
            // It is not told how far its readers are.
            while let Some(time) = self.next().filter(|time| *time <= self.latest) {
                self.change(time);
            }
            return self.call(io, None, |processor, io| processor.process(io));
        }
        let mut is_done = false;
        loop {
            let limit = self.next();
            let flow = self.call(io, limit, |processor, io| processor.process(io))?;
            let is_reached =
                limit.filter(|limit| self.waiting.is_some() || io.watermark().has_reached(*limit));
            let Some(limit) = is_reached.filter(|_| flow != Flow::Done) else {
                return Ok(flow);
            };
            // Once more, if it was called before all that comes before the change was there.
            if is_done {
                self.change(limit);
            }
            is_done = !is_done;
        }
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.call(io, None, |processor, io| processor.finish(io))
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.processor.commit()
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.processor.earliest_pending()
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.processor.revised(time, revision);
    }

    fn steered(&mut self, steered: &Steered) {
        self.processor.steered(steered);
    }

    /// What wires say lies under what hands hold.
    fn set(&mut self, values: &[(String, Value)]) -> Result<(), NodeError> {
        let free = |(name, _): &&(String, Value)| !self.held.contains_key(name);
        let heard: Vec<(String, Value)> = values.iter().filter(free).cloned().collect();
        if !heard.is_empty() {
            self.processor.set(&heard)?;
        }
        self.under.extend(values.iter().cloned());
        Ok(())
    }

    fn retime(&mut self, transport: &Transport) -> Result<(), NodeError> {
        self.processor.retime(transport)
    }
}

/// A run as it is up to a time.
struct Limited<'a, 'b> {
    io: &'a mut Io<'b>,
    limit: Option<Time>,
    waiting: &'a mut Option<Input>,
    latest: &'a mut Time,
}

impl Limited<'_, '_> {
    fn within(&self, watermark: Watermark) -> Watermark {
        match self.limit {
            Some(limit) => watermark.min(Watermark::At(limit)),
            None => watermark,
        }
    }
}

impl Host for Limited<'_, '_> {
    fn take(&mut self) -> Option<Input> {
        let input = self.waiting.take().or_else(|| self.io.take())?;
        match self.limit.filter(|limit| input.packet.time >= *limit) {
            Some(_) => {
                *self.waiting = Some(input);
                None
            }
            None => Some(input),
        }
    }

    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        *self.latest = packet.time.max(*self.latest);
        self.io.send_packet(port, packet)
    }

    fn end_at(&mut self, time: Time) {
        self.io.end_at(time);
    }

    fn watermark(&self) -> Watermark {
        self.within(self.io.watermark())
    }

    fn end(&self) -> Option<Time> {
        match self.limit {
            Some(_) => None,
            None => self.io.end(),
        }
    }

    fn now(&self) -> Time {
        self.io.now()
    }

    fn reached(&self) -> Watermark {
        self.within(self.io.reached())
    }

    fn stop_requested(&self) -> bool {
        self.io.stop_requested()
    }

    fn set_idle(&self, idle: bool) {
        self.io.set_idle(idle);
    }
}
