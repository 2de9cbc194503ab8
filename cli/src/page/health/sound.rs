//! Which nodes make and pass on what a sound device plays, and where a level or a gate holds it back.

use std::collections::{BTreeMap, BTreeSet};

use score_engine::{
    Arity, NodeValues, Port, PortType, Status, SteerableNode, ValueSource, ValueStatus,
};
use serde_json::Value;

/// The kind that plays sound on a device.
const DEVICE: &str = "audio_out";

/// Kinds that let sound through or not, as a number says.
const GATES: [&str; 2] = ["gate", "switch"];

/// At this level, in dB, and below a gain counts as closed: it is the least of mixers and synths.
const CLOSED: f64 = -60.0;

/// An output: its node's id and its name.
pub(super) type Output = (String, String);

/// The way of sound to the devices.
#[derive(Default)]
pub(super) struct Way {
    /// Wires of sound towards a device, by the node that they leave: the reader and the number of
    /// the wire among those of sound that enter it.
    towards: BTreeMap<String, Vec<(String, usize)>>,
    devices: BTreeSet<String>,
    /// What brings notes to a node that sounds by them: the output, and that node.
    pub(super) notes: Vec<(Output, String)>,
    /// Sounds that begin at a node by themselves: a microphone, a film, a tone.
    pub(super) sources: Vec<Output>,
    /// Gates: the node, what enters it, and what leaves it.
    pub(super) gates: Vec<(String, Vec<Output>, Output)>,
    /// Why nodes are silent that sound by what is wired into them, and nothing is.
    pub(super) unfed: Vec<Reason>,
    /// What a device plays.
    pub(super) ends: Vec<Output>,
    /// Of each node its kind.
    kinds: BTreeMap<String, String>,
}

/// Why nothing is heard, at the node where that is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Reason {
    pub(in super::super) node: String,
    /// In one line, which names the node.
    pub(in super::super) what: String,
    /// What to do about it.
    pub(in super::super) help: String,
}

impl Reason {
    pub(super) fn new(node: &str, what: String, help: String) -> Self {
        let node = node.to_owned();
        Reason { node, what, help }
    }
}

/// What holds sound back: the nodes, and single wires into a node, each with why.
#[derive(Default)]
pub(super) struct Closed {
    pub(super) nodes: BTreeMap<String, Reason>,
    pub(super) wires: BTreeMap<(String, usize), Reason>,
}

impl Way {
    pub(super) fn new(nodes: &[SteerableNode], status: &Status) -> Self {
        let type_of = |node: &str, port: &str| {
            let node = nodes.iter().find(|known| known.id == node)?;
            let mut outputs = node.outputs.iter();
            let output = outputs.find(|output| output.name == port)?;
            Some(&output.port_type)
        };
        let of = |wanted: PortType| {
            (status.wires.iter())
                .filter(move |wire| type_of(&wire.from.node, &wire.from.port) == Some(&wanted))
        };
        let output = |wire: &score_engine::WireStatus| -> Output {
            (wire.from.node.clone(), wire.from.port.clone())
        };
        let kinds: BTreeMap<String, String> = (nodes.iter())
            .map(|node| (node.id.clone(), node.kind.clone()))
            .collect();
        let devices: BTreeSet<String> = (nodes.iter())
            .filter(|node| node.kind == DEVICE)
            .map(|node| node.id.clone())
            .collect();
        let mut way = Way::default();
        // From the devices backwards.
        let (mut found, mut next) = (devices.clone(), Vec::from_iter(devices.clone()));
        while let Some(reader) = next.pop() {
            let into = of(PortType::Audio).filter(|wire| wire.to.node == reader);
            for (number, wire) in into.enumerate() {
                let from = &wire.from.node;
                let readers = way.towards.entry(from.clone()).or_default();
                readers.push((reader.clone(), number));
                if found.insert(from.clone()) {
                    next.push(from.clone());
                }
                if devices.contains(&reader) {
                    way.ends.push(output(wire));
                }
            }
        }
        let notes = of(PortType::Notes).filter(|wire| way.towards.contains_key(&wire.to.node));
        way.notes = notes
            .map(|wire| (output(wire), wire.to.node.clone()))
            .collect();
        for id in way.towards.keys() {
            if let Some(reason) = unfed(id, nodes, status) {
                way.unfed.push(reason);
                continue;
            }
            let into: Vec<Output> = of(PortType::Audio)
                .filter(|wire| wire.to.node == *id)
                .map(output)
                .collect();
            let mut from = of(PortType::Audio).filter(|wire| wire.from.node == *id);
            let Some(sound) = from.next().map(output) else {
                continue;
            };
            let kind = kinds.get(id).map(String::as_str);
            if kind.is_some_and(|kind| GATES.contains(&kind)) {
                way.gates.push((id.clone(), into, sound));
            } else if into.is_empty() && !way.notes.iter().any(|(_, reader)| reader == id) {
                way.sources.push(sound);
            }
        }
        (way.devices, way.kinds) = (devices, kinds);
        way
    }

    /// Where levels hold sound back.
    pub(super) fn closed(&self, values: &[NodeValues]) -> Closed {
        let mut closed = Closed::default();
        let is_closed = |value: &Value| value.as_f64().is_some_and(|level| level <= CLOSED);
        let on_the_way = |id: &str| self.devices.contains(id) || self.towards.contains_key(id);
        for node in values.iter().filter(|node| on_the_way(&node.id)) {
            let levels = node
                .values
                .iter()
                .filter(|value| value.unit.starts_with("dB"));
            for value in levels {
                match (value.name.as_str(), &value.value) {
                    ("gain", level) if is_closed(level) => {
                        let what = held(&node.id, value, None, level);
                        let reason = Reason::new(&node.id, what, turn_up(value));
                        closed.nodes.insert(node.id.clone(), reason);
                    }
                    ("gains", Value::Array(levels)) => {
                        // What is said of several wires is said once.
                        let mut same: BTreeMap<String, Vec<(usize, &str)>> = BTreeMap::new();
                        let shut = levels.iter().enumerate();
                        for (wire, level) in shut.filter(|(_, level)| is_closed(level)) {
                            if let Some(from) = self.sender(&node.id, wire) {
                                let what = held(&node.id, value, Some(wire), level);
                                same.entry(what).or_default().push((wire, from));
                            }
                        }
                        for (what, wires) in same {
                            let from: Vec<&str> = wires.iter().map(|(_, from)| *from).collect();
                            let what = format!("{what} for {}", from.join(", "));
                            let reason = Reason::new(&node.id, what, turn_up(value));
                            for (wire, _) in wires {
                                let wire = (node.id.clone(), wire);
                                closed.wires.insert(wire, reason.clone());
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        closed
    }

    /// The node whose sound is the wire with this number into `reader`.
    fn sender(&self, reader: &str, wire: usize) -> Option<&str> {
        let leads = |ends: &[(String, usize)]| {
            ends.iter()
                .any(|(to, number)| to == reader && *number == wire)
        };
        let mut all = self.towards.iter();
        let (from, _) = all.find(|(_, ends)| leads(ends))?;
        Some(from)
    }

    /// The sound devices' nodes.
    pub(super) fn devices(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(String::as_str)
    }

    /// Whether sound can get from `node` to a device; where it cannot, what is in its way is added
    /// to `why`.
    pub(super) fn is_open(&self, node: &str, closed: &Closed, why: &mut BTreeSet<Reason>) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![node.to_owned()];
        while let Some(node) = next.pop() {
            if !seen.insert(node.clone()) {
                continue;
            }
            if let Some(reason) = closed.nodes.get(&node) {
                why.insert(reason.clone());
                continue;
            }
            if self.devices.contains(&node) {
                return true;
            }
            for wire in self.towards.get(&node).into_iter().flatten() {
                match closed.wires.get(wire) {
                    Some(reason) => drop(why.insert(reason.clone())),
                    None => next.push(wire.0.clone()),
                }
            }
        }
        false
    }

    /// Whether the node lets notes pass or not.
    pub(super) fn lets_pass(&self, node: &str) -> bool {
        let kind = self.kinds.get(node).map_or("", String::as_str);
        ["gate", "switch", "note_gate", "thin_out"].contains(&kind)
    }
}

/// What holds a level of `node`, in words; `at`: its number where the value is a list.
fn held(node: &str, value: &ValueStatus, at: Option<usize>, level: &Value) -> String {
    let level = level.as_f64().unwrap_or(CLOSED);
    // A hand that holds a list has moved only those that the patch has otherwise.
    let text = at.and_then(|at| value.text.as_ref()?.get(at)?.as_f64());
    let by = match value.source {
        ValueSource::Hand if text != Some(level) => "a hand holds",
        ValueSource::Wire => "a wire holds",
        _ => "the patch has",
    };
    format!("{by} {node}.{} at {level} dB", value.name)
}

/// What to do about a level that holds sound back.
fn turn_up(value: &ValueStatus) -> String {
    let help = match value.source {
        ValueSource::Wire => "look what the wire brings, or take it out",
        _ => "turn it up: 0 dB leaves the sound as it is",
    };
    help.to_owned()
}

/// Why the node is silent, if it sounds by what is wired into it, as a mixer or a synth, and
/// nothing is.
fn unfed(id: &str, nodes: &[SteerableNode], status: &Status) -> Option<Reason> {
    let node = nodes.iter().find(|node| node.id == id)?;
    let does_sound = |port: &Port| matches!(port.port_type, PortType::Audio | PortType::Notes);
    let is_wired = |port: &Port| {
        let mut wires = status.wires.iter();
        wires.any(|wire| wire.to.node == id && port.name == wire.to.port)
    };
    let inputs = || node.inputs.iter().filter(|port| does_sound(port));
    if inputs().any(is_wired) {
        return None;
    }
    let lacks = inputs().find(|port| port.arity == Arity::Many)?;
    // What may have been wired into it before.
    let leads_on = |from: &str| status.wires.iter().any(|wire| wire.from.node == from);
    let has = |node: &SteerableNode| {
        let mut outputs = node.outputs.iter();
        outputs.any(|output| output.port_type == lacks.port_type)
    };
    let loose: Vec<&str> = (nodes.iter())
        .filter(|node| has(node) && !leads_on(&node.id))
        .map(|node| node.id.as_str())
        .collect();
    let help = match (loose.is_empty(), &lacks.port_type) {
        (false, _) => format!("wire to it what leads nowhere now: {}", loose.join(", ")),
        (true, PortType::Notes) => "wire to it what plays notes".to_owned(),
        (true, _) => "wire to it what is to be heard".to_owned(),
    };
    Some(Reason::new(id, format!("nothing is wired into {id}"), help))
}
