//! The addresses of what plays, and what OSCQuery says of each.

use std::collections::BTreeMap;

use rosc::OscType;
use score_engine::{Cue, NodeValues, Param, ParamType, PortType, Preset, SteerableNode, Transport};
use serde_json::{Map, Value, json};

use super::value::arguments;
use crate::remote::protocol::MAX_GLIDE;

/// Where the outputs of a node lie, below its own address.
const OUTPUTS: &str = "out";

/// Where the presets lie.
const PRESETS: &str = "/presets";

/// Where the cues lie.
const CUES: &str = "/cues";

/// Where a message says GO.
const GO: &str = "/cues/go";

/// What stands at an address.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    /// A live parameter of a node.
    Param { node: String, param: Box<Param> },
    /// What an output of a node sends.
    Output {
        node: String,
        output: String,
        port_type: PortType,
        summary: String,
    },
    /// A preset of the patch: a message recalls it.
    Preset { name: String, summary: String },
    /// A cue of the patch: a message calls it; `None`: the one that comes next.
    Cue {
        name: Option<String>,
        summary: String,
    },
    /// Where the music is.
    Position { of: Position },
    /// The beat is tapped: every message is a tap.
    Tap,
}

/// Something that the transport says and that nobody sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Beat,
    Bar,
    /// The cue that has started last.
    Cue,
}

impl Leaf {
    /// Whether it has a value that a message sets.
    pub(super) fn is_settable(&self) -> bool {
        matches!(self, Leaf::Param { .. })
    }

    fn summary(&self) -> &str {
        match self {
            Leaf::Param { param, .. } => &param.summary,
            Leaf::Output { summary, .. }
            | Leaf::Preset { summary, .. }
            | Leaf::Cue { summary, .. } => summary,
            Leaf::Position { of: Position::Beat } => "quarter notes since the beginning",
            Leaf::Position { of: Position::Bar } => "the bar, from 0",
            Leaf::Position { of: Position::Cue } => "the cue that has started last",
            Leaf::Tap => "each message taps the beat; the tempo follows",
        }
    }
}

/// The addresses of what plays.
pub(super) struct Namespace {
    /// Of which [`score_engine::Steering::edition`] it is.
    pub(super) edition: u64,
    pub(super) leaves: BTreeMap<String, Leaf>,
    /// What groups of addresses are for: the nodes.
    groups: BTreeMap<String, String>,
}

/// The values that addresses have now.
pub(super) type Values = BTreeMap<String, Vec<OscType>>;

impl Namespace {
    pub(super) fn new(
        edition: u64,
        nodes: &[SteerableNode],
        presets: &[Preset],
        cues: &[Cue],
    ) -> Self {
        let mut leaves = BTreeMap::new();
        let mut groups = BTreeMap::new();
        // Before the nodes, so that they are where everybody looks for them.
        for preset in presets {
            let wanted = format!("{PRESETS}/{}", spelt(&preset.name));
            let at = free(|address| leaves.contains_key(address), &wanted);
            let summary = match preset.values.len() {
                1 => "recalls 1 value".to_owned(),
                count => format!("recalls {count} values"),
            };
            let name = preset.name.clone();
            leaves.insert(at, Leaf::Preset { name, summary });
            groups.insert(PRESETS.to_owned(), "live values under a name".to_owned());
        }
        if !cues.is_empty() {
            let (name, summary) = (None, "calls the cue that comes next".to_owned());
            leaves.insert(GO.to_owned(), Leaf::Cue { name, summary });
            groups.insert(CUES.to_owned(), "one preset after another".to_owned());
        }
        for cue in cues {
            let wanted = format!("{CUES}/{}", spelt(&cue.name));
            let at = free(|address| leaves.contains_key(address), &wanted);
            let summary = match &cue.preset {
                Some(preset) => format!("calls this cue, with the preset {preset}"),
                None => "calls this cue".to_owned(),
            };
            let name = Some(cue.name.clone());
            leaves.insert(at, Leaf::Cue { name, summary });
        }
        for node in nodes {
            let is_taken =
                |address: &str| groups.contains_key(address) || leaves.contains_key(address);
            let at = free(is_taken, &format!("/{}", spelt(&node.id)));
            for param in &node.params {
                let leaf = Leaf::Param {
                    node: node.id.clone(),
                    param: Box::new(param.clone()),
                };
                leaves.insert(format!("{at}/{}", param.name), leaf);
            }
            for output in &node.outputs {
                if shown_as(&output.port_type).is_none() {
                    continue;
                }
                let leaf = Leaf::Output {
                    node: node.id.clone(),
                    output: output.name.to_string(),
                    port_type: output.port_type.clone(),
                    summary: output.summary.to_string(),
                };
                let output = spelt(&output.name);
                leaves.insert(format!("{at}/{OUTPUTS}/{output}"), leaf);
            }
            let summary = format!("{}: {}", node.kind, node.summary);
            groups.insert(at, summary);
        }
        if !cues.is_empty() {
            let of = Position::Cue;
            leaves.insert(format!("/transport/{OUTPUTS}/cue"), Leaf::Position { of });
        }
        if !nodes.is_empty() {
            for (name, of) in [("beat", Position::Beat), ("bar", Position::Bar)] {
                let at = format!("/transport/{OUTPUTS}/{name}");
                leaves.insert(at, Leaf::Position { of });
            }
            leaves.insert("/transport/tap".to_owned(), Leaf::Tap);
        }
        Namespace {
            edition,
            leaves,
            groups,
        }
    }

    /// The values of all parameters.
    pub(super) fn values(&self, nodes: &[NodeValues], transport: &Transport) -> Values {
        let mut by_node: BTreeMap<&str, BTreeMap<&str, &Value>> = BTreeMap::new();
        for node in nodes {
            let values = node.values.iter();
            let values = values.map(|value| (value.name.as_str(), &value.value));
            by_node.insert(&node.id, values.collect());
        }
        let leaves = self.leaves.iter();
        let values = leaves.filter_map(|(address, leaf)| {
            let Leaf::Param { node, param } = leaf else {
                return None;
            };
            let value = by_node.get(node.as_str())?.get(param.name.as_ref())?;
            Some((address.clone(), arguments(param, value, transport)))
        });
        values.collect()
    }

    /// All that stands at `path` and below it; `None`: there is nothing.
    pub(super) fn describe(&self, path: &str, values: &Values) -> Option<Value> {
        let path = match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        if let Some(leaf) = self.leaves.get(path) {
            return Some(describe(path, leaf, values.get(path)));
        }
        let below = match path {
            "/" => "/".to_owned(),
            path => format!("{path}/"),
        };
        let range = self.leaves.range(below.clone()..);
        let here: Vec<&str> = range
            .map(|(address, _)| address.as_str())
            .take_while(|address| address.starts_with(&below))
            .collect();
        if here.is_empty() && path != "/" && !self.groups.contains_key(path) {
            return None;
        }
        let mut contents = Map::new();
        for address in here {
            let name = address[below.len()..].split('/').next().unwrap_or_default();
            if !contents.contains_key(name)
                && let Some(child) = self.describe(&format!("{below}{name}"), values)
            {
                contents.insert(name.to_owned(), child);
            }
        }
        let mut group = json!({ "FULL_PATH": path, "ACCESS": 0, "CONTENTS": contents });
        if let Some(summary) = self.groups.get(path) {
            group["DESCRIPTION"] = json!(summary);
        }
        Some(group)
    }
}

/// An address that nothing else has yet.
fn free(is_taken: impl Fn(&str) -> bool, wanted: &str) -> String {
    let others = (2..).map(|number| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned())
        .chain(others)
        .find(|address| !is_taken(address))
        .unwrap_or_default()
}

/// A name as OSC can spell it: what stands in an address for something else is left out.
fn spelt(name: &str) -> String {
    let spell = |sign: char| match sign {
        '.' => '/',
        ' ' | '#' | '*' | ',' | '/' | '?' | '[' | ']' | '{' | '}' => '_',
        sign if sign.is_ascii_graphic() => sign,
        _ => '_',
    };
    name.chars().map(spell).collect()
}

/// The arguments as which an output's packets are sent; `None`: they are not.
fn shown_as(port_type: &PortType) -> Option<String> {
    match port_type {
        PortType::Control => Some("f".to_owned()),
        PortType::Event => Some("sf".to_owned()),
        PortType::Notes => Some("iif".to_owned()),
        PortType::Audio => Some("ff".to_owned()),
        PortType::Latent(dimension) => Some("f".repeat(dimension.unwrap_or(1).min(1_024))),
        _ => None,
    }
}

fn describe(path: &str, leaf: &Leaf, value: Option<&Vec<OscType>>) -> Value {
    let mut about = json!({ "FULL_PATH": path, "DESCRIPTION": leaf.summary() });
    match leaf {
        Leaf::Param { param, .. } => {
            about["ACCESS"] = json!(3);
            let args = value.map(Vec::as_slice).unwrap_or_default();
            let count = match param.param_type {
                ParamType::List(_) => args.len(),
                _ => 1,
            };
            let element = match &param.param_type {
                ParamType::List(element) => element,
                param_type => param_type,
            };
            about["TYPE"] = match args {
                [] => json!(tag(element).to_string().repeat(count)),
                args => json!(args.iter().map(tag_of).collect::<String>()),
            };
            about["VALUE"] = json!(args.iter().map(plain).collect::<Vec<Value>>());
            if let Some(range) = range(element) {
                about["RANGE"] = Value::Array(vec![range; count]);
                about["CLIPMODE"] = json!(vec!["both"; count]);
            }
            let unit = match param.param_type {
                ParamType::Length { .. } => "s",
                _ => &param.unit,
            };
            if !unit.is_empty() {
                about["UNIT"] = json!(vec![unit; count]);
            }
        }
        Leaf::Output { port_type, .. } => {
            about["ACCESS"] = json!(1);
            about["TYPE"] = json!(shown_as(port_type));
        }
        // It has no value that could be read: the argument is the time of its glide.
        Leaf::Preset { .. } => {
            about["ACCESS"] = json!(2);
            about["TYPE"] = json!("f");
            about["UNIT"] = json!(["s"]);
            about["RANGE"] = json!([{ "MIN": 0.0, "MAX": MAX_GLIDE }]);
        }
        Leaf::Cue { .. } | Leaf::Tap => {
            about["ACCESS"] = json!(2);
            about["TYPE"] = json!("I");
        }
        Leaf::Position { of } => {
            about["ACCESS"] = json!(1);
            about["TYPE"] = json!(match of {
                Position::Beat => "f",
                Position::Bar => "i",
                Position::Cue => "s",
            });
        }
    }
    about
}

fn tag(param_type: &ParamType) -> char {
    match param_type {
        ParamType::Number { .. } | ParamType::Length { .. } => 'f',
        ParamType::Integer { .. } => 'i',
        ParamType::Flag => 'T',
        _ => 's',
    }
}

fn tag_of(arg: &OscType) -> char {
    match arg {
        OscType::Float(_) => 'f',
        OscType::Int(_) => 'i',
        OscType::Bool(true) => 'T',
        OscType::Bool(false) => 'F',
        _ => 's',
    }
}

fn plain(arg: &OscType) -> Value {
    match arg {
        // The shortest number that stands for it.
        OscType::Float(number) => json!(number.to_string().parse::<f64>().unwrap_or_default()),
        OscType::Int(number) => json!(number),
        OscType::Bool(is_on) => json!(is_on),
        OscType::String(text) => json!(text),
        _ => Value::Null,
    }
}

fn range(param_type: &ParamType) -> Option<Value> {
    Some(match param_type {
        ParamType::Number { min, max } | ParamType::Length { min, max } => {
            json!({ "MIN": min, "MAX": max })
        }
        ParamType::Integer { min, max } => json!({ "MIN": min, "MAX": max }),
        ParamType::Choice(words) => json!({ "VALS": words }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn node(id: &str) -> SteerableNode {
        SteerableNode {
            id: id.to_owned(),
            kind: "tone".to_owned(),
            summary: "A tone".to_owned(),
            params: vec![
                Param::number("gain", (-60.0, 24.0), "how loud")
                    .live()
                    .unit("dB"),
                Param::choice("shape", &["sine", "square"], "which").live(),
            ],
            inputs: vec![],
            outputs: vec![],
        }
    }

    #[test]
    fn every_live_value_has_its_address_with_all_that_is_declared_of_it() {
        let namespace = Namespace::new(
            1,
            &[node("low.hum"), node("low hum"), node("low#hum")],
            &[],
            &[],
        );
        let addresses: Vec<&str> = namespace.leaves.keys().map(String::as_str).collect();
        assert_eq!(
            addresses,
            [
                "/low/hum/gain",
                "/low/hum/shape",
                "/low_hum/gain",
                "/low_hum/shape",
                "/low_hum_2/gain",
                "/low_hum_2/shape",
                "/transport/out/bar",
                "/transport/out/beat",
                "/transport/tap",
            ]
        );
        let gain = vec![OscType::Float(-6.3)];
        let values = Values::from([("/low/hum/gain".to_owned(), gain)]);
        let about = namespace.describe("/low/hum/gain", &values).unwrap();
        assert_eq!(
            about,
            json!({
                "FULL_PATH": "/low/hum/gain", "DESCRIPTION": "how loud", "ACCESS": 3,
                "TYPE": "f", "VALUE": [-6.3], "UNIT": ["dB"], "CLIPMODE": ["both"],
                "RANGE": [{ "MIN": -60.0, "MAX": 24.0 }],
            })
        );
        let shape = namespace.describe("/low/hum/shape", &values).unwrap();
        assert_eq!(shape["RANGE"], json!([{ "VALS": ["sine", "square"] }]));
        let all = namespace.describe("/", &values).unwrap();
        let hum = &all["CONTENTS"]["low"]["CONTENTS"]["hum"];
        assert_eq!(hum["DESCRIPTION"], "tone: A tone");
        assert_eq!(hum["CONTENTS"]["gain"], about);
        assert!(namespace.describe("/low/hu", &values).is_none());
        assert_eq!(
            namespace.describe("/low/hum/", &values).unwrap()["FULL_PATH"],
            "/low/hum"
        );
    }

    #[test]
    fn a_preset_is_written_to_and_not_read_and_keeps_its_address_before_a_node() {
        let preset = |name: &str| Preset {
            name: name.to_owned(),
            values: Vec::new(),
        };
        let presets = [
            preset("calm"),
            preset("low.calm"),
            preset("a b"),
            preset("a_b"),
        ];
        let nodes = [node("presets"), node("presets.calm")];
        let namespace = Namespace::new(1, &nodes, &presets, &[]);
        let is_preset = |leaf: &Leaf| matches!(leaf, Leaf::Preset { .. });
        let found = namespace.leaves.iter().filter(|(_, leaf)| is_preset(leaf));
        let found: Vec<&str> = found.map(|(address, _)| address.as_str()).collect();
        let wanted = [
            "/presets/a_b",
            "/presets/a_b_2",
            "/presets/calm",
            "/presets/low/calm",
        ];
        assert_eq!(found, wanted);
        for node in ["/presets_2", "/presets/calm_2"] {
            assert!(
                namespace.leaves.contains_key(&format!("{node}/gain")),
                "{node}"
            );
        }
        let about = namespace.describe("/presets/calm", &Values::new()).unwrap();
        let expected = json!({
            "FULL_PATH": "/presets/calm", "DESCRIPTION": "recalls 0 values", "ACCESS": 2,
            "TYPE": "f", "UNIT": ["s"], "RANGE": [{ "MIN": 0.0, "MAX": 3600.0 }],
        });
        assert_eq!(about, expected);
        assert!(!namespace.leaves["/presets/calm"].is_settable());
    }

    #[test]
    fn a_cue_is_called_at_its_address_and_go_at_one_of_its_own() {
        let cue = |name: &str| Cue {
            name: name.to_owned(),
            preset: Some("loud".to_owned()),
            values: Vec::new(),
            time: score_engine::Length::Seconds(8.0),
            curve: score_engine::Curve::Linear,
            start: score_engine::CueStart::Now,
            then: score_engine::CueThen::Go,
            next: None,
        };
        let nodes = [node("cues")];
        let namespace = Namespace::new(1, &nodes, &[], &[cue("storm"), cue("a b")]);
        for address in ["/cues/go", "/cues/storm", "/cues/a_b", "/cues_2/gain"] {
            assert!(namespace.leaves.contains_key(address), "{address}");
        }
        let about = namespace.describe("/cues/storm", &Values::new()).unwrap();
        let expected = json!({
            "FULL_PATH": "/cues/storm", "ACCESS": 2, "TYPE": "I",
            "DESCRIPTION": "calls this cue, with the preset loud",
        });
        assert_eq!(about, expected);
        assert!(!namespace.leaves["/cues/go"].is_settable());
        let playing = namespace.describe("/transport/out/cue", &Values::new());
        assert_eq!(playing.unwrap()["TYPE"], "s");
        let none = Namespace::new(1, &nodes, &[], &[]);
        assert!(
            !none
                .leaves
                .keys()
                .any(|address| address.starts_with("/cues/go"))
        );
    }
}
