//! Checks a patch against the registry and reports everything that is wrong with it at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::Value;

use crate::descriptor::{Descriptor, FileRole, Param, ParamType};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, did_you_mean};
use crate::graph::{Graph, GraphNode, GraphWire};
use crate::node::{Check, Resource, Settings, Subject};
use crate::patch::params::{Unfit, convert};
use crate::patch::syntax::{Name, Shape, Tree, parse, parse_value};
use crate::patch::wires::{Chain, Endpoint, chain};
use crate::patch::{Override, Source};
use crate::port::{Arity, PortType};
use crate::registry::{AnyNode, Registry};
use crate::time::{Metre, Transport};
use crate::wire::Policy;

/// The version of the patch format that this engine reads.
const FORMAT: i64 = 1;

/// Checks a patch.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn check(
    source: &Source,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Diagnostics> {
    let mut checker = Checker::new(source, overrides, registry, settings);
    let (tree, mistakes) = parse(&source.text);
    for mistake in mistakes {
        checker.report(Spot::in_patch(&mistake.span), mistake.message, None);
    }
    checker.read_patch(&tree);
    checker.join_wires();
    checker.check_inputs();
    checker.check_cycles();
    checker.check_nodes();
    checker.check_resources();
    checker.finish()
}

/// A place in the patch (source 0) or in one of the overrides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    source: usize,
    start: usize,
    end: usize,
}

impl Spot {
    fn in_patch(span: &Range<usize>) -> Self {
        Spot {
            source: 0,
            start: span.start,
            end: span.end,
        }
    }
}

/// A text that spots point into.
#[derive(Default)]
struct Text {
    name: String,
    text: String,
    folder: PathBuf,
}

/// A node as far as it could be made.
struct Draft {
    id: String,
    id_spot: Spot,
    kind_spot: Spot,
    descriptor: Option<Descriptor>,
    param_spots: BTreeMap<String, Spot>,
    values: serde_json::Map<String, Value>,
    node: Option<Box<dyn AnyNode>>,
    edition: u64,
    inputs: Vec<Option<PortType>>,
    outputs: Vec<PortType>,
}

/// A wire whose ends were found.
struct Link {
    wire: GraphWire,
    spot: Spot,
}

struct Checker<'a> {
    registry: &'a Registry,
    settings: &'a Settings,
    overrides: &'a [Override],
    texts: Vec<Text>,
    transport: Transport,
    drafts: Vec<Draft>,
    chains: Vec<Chain>,
    links: Vec<Link>,
    claims: Vec<(Resource, usize, Spot)>,
    /// Whether wires could not all be made, so that an unwired input may be that wire's.
    wires_missing: bool,
    has_cycle: bool,
    found: Vec<(Spot, Diagnostic)>,
}

impl<'a> Checker<'a> {
    fn new(
        source: &Source,
        overrides: &'a [Override],
        registry: &'a Registry,
        settings: &'a Settings,
    ) -> Self {
        let patch = Text {
            name: source.name.clone(),
            text: source.text.clone(),
            folder: source.folder.clone(),
        };
        let here = std::env::current_dir().unwrap_or_default();
        let given = overrides.iter().map(|given| Text {
            name: "--set".to_owned(),
            text: given.text.clone(),
            folder: here.clone(),
        });
        Checker {
            registry,
            settings,
            overrides,
            texts: std::iter::once(patch).chain(given).collect(),
            transport: Transport::default(),
            drafts: Vec::new(),
            chains: Vec::new(),
            links: Vec::new(),
            claims: Vec::new(),
            wires_missing: false,
            has_cycle: false,
            found: Vec::new(),
        }
    }

    fn report(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        let text = &self.texts[spot.source];
        let place = Place::of(&text.name, &text.text, &(spot.start..spot.end));
        self.found.push((
            spot,
            Diagnostic {
                message: message.into(),
                help,
                place: Some(place),
            },
        ));
    }

    fn read_patch(&mut self, tree: &Tree) {
        let fields = match &tree.shape {
            Shape::Struct(name, fields)
                if name.as_ref().is_none_or(|name| name.text == "Patch") =>
            {
                fields
            }
            Shape::Broken => return,
            _ => {
                let help =
                    Some("it looks like `Patch(format: 1, nodes: {…}, wires: […])`".to_owned());
                self.report(
                    Spot::in_patch(&(tree.span.start..tree.span.start + 1)),
                    "this is not a patch",
                    help,
                );
                return;
            }
        };
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in fields {
            let known = ["format", "transport", "nodes", "wires"];
            if name.text.is_empty() {
                continue;
            }
            if seen.contains(&name.text.as_str()) {
                self.report(
                    Spot::in_patch(&name.span),
                    format!("`{}` stands here twice", name.text),
                    None,
                );
                continue;
            }
            seen.push(&name.text);
            match name.text.as_str() {
                "format" => self.read_format(value),
                "transport" => self.read_transport(value),
                "nodes" => self.read_nodes(value),
                "wires" => self.read_wires(value),
                other => {
                    let help = did_you_mean(other, known);
                    self.report(
                        Spot::in_patch(&name.span),
                        format!("a patch has no `{other}`"),
                        help,
                    );
                }
            }
        }
        if !seen.contains(&"format") {
            let help = Some(format!("write `format: {FORMAT},` first"));
            self.report(
                Spot::in_patch(&(tree.span.start..tree.span.start + 1)),
                "`format` is missing",
                help,
            );
        }
        if !seen.contains(&"transport") {
            self.read_transport(&Tree {
                span: 0..0,
                shape: Shape::Struct(None, Vec::new()),
            });
        }
        if self.drafts.is_empty() && self.found.is_empty() {
            self.report(
                Spot::in_patch(&(tree.span.start..tree.span.start + 1)),
                "a patch needs nodes",
                None,
            );
        }
        for (index, given) in self.overrides.iter().enumerate() {
            if given.node != "transport" && !self.drafts.iter().any(|draft| draft.id == given.node)
            {
                let help = did_you_mean(
                    &given.node,
                    self.drafts.iter().map(|draft| draft.id.as_str()),
                );
                let spot = Spot {
                    source: index + 1,
                    start: 0,
                    end: given.node.len(),
                };
                self.report(spot, format!("there is no node `{}`", given.node), help);
            }
        }
    }

    fn read_format(&mut self, value: &Tree) {
        match value.shape {
            Shape::Integer(FORMAT) | Shape::Broken => {}
            _ => self.report(
                Spot::in_patch(&value.span),
                format!("this program reads patches of format {FORMAT}"),
                None,
            ),
        }
    }

    fn read_transport(&mut self, value: &Tree) {
        let Shape::Struct(None, fields) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(
                    Spot::in_patch(&value.span),
                    "`transport` looks like `(tempo: 120, metre: (4, 4))`",
                    None,
                );
            }
            return;
        };
        let defaults = Transport::default();
        let descriptor = Descriptor::new("", "transport", "")
            .param(
                Param::number("tempo", (10.0, 400.0), "")
                    .unit("quarter notes a minute")
                    .default(defaults.tempo),
            )
            .param(
                Param::list("metre", ParamType::Integer { min: 1, max: 32 }, "")
                    .default(vec![4, 4]),
            )
            .param(Param::integer("seed", (0, i64::MAX), "").default(0))
            .param(
                Param::integer("sample_rate", (8_000, 192_000), "")
                    .unit("Hz")
                    .default(defaults.sample_rate),
            )
            .param(
                Param::integer("block", (16, 8_192), "")
                    .unit("frames")
                    .default(defaults.block),
            );
        let (values, spots) = self.read_params(
            "transport",
            &descriptor,
            fields,
            &Spot::in_patch(&value.span),
        );
        let whole = |name: &str| values.get(name).and_then(Value::as_i64);
        let narrow = |name: &str, default: u32| {
            whole(name)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(default)
        };
        self.transport = Transport {
            tempo: values
                .get("tempo")
                .and_then(Value::as_f64)
                .unwrap_or(defaults.tempo),
            metre: defaults.metre,
            seed: whole("seed")
                .and_then(|seed| u64::try_from(seed).ok())
                .unwrap_or(0),
            sample_rate: narrow("sample_rate", defaults.sample_rate),
            block: narrow("block", defaults.block),
            anchor: defaults.anchor,
        };
        let metre: Option<(u32, u32)> = values
            .get("metre")
            .and_then(|m| serde_json::from_value(m.clone()).ok());
        match metre {
            Some((beats, unit)) if unit.is_power_of_two() && unit <= 16 => {
                self.transport.metre = Metre(beats, unit)
            }
            _ => {
                let spot = spots
                    .get("metre")
                    .cloned()
                    .unwrap_or_else(|| Spot::in_patch(&value.span));
                self.report(
                    spot,
                    "`metre` is two whole numbers such as (3, 4); the second is 1, 2, 4, 8 or 16",
                    None,
                );
            }
        }
    }

    fn read_nodes(&mut self, value: &Tree) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(
                    Spot::in_patch(&value.span),
                    "`nodes` looks like `{\"id\": kind(…)}`",
                    None,
                );
            }
            return;
        };
        for (key, node) in entries {
            let Shape::Text(id) = &key.shape else {
                if key.shape != Shape::Broken {
                    self.report(
                        Spot::in_patch(&key.span),
                        "a node's id is text in quotes",
                        None,
                    );
                }
                continue;
            };
            if id.is_empty() || id == "transport" || id.contains(['.', '>', '=']) || id.trim() != id
            {
                let help = Some("an id has none of . > = in it, and is not `transport`".to_owned());
                self.report(
                    Spot::in_patch(&key.span),
                    format!("`{id}` cannot be a node's id"),
                    help,
                );
            }
            if self.drafts.iter().any(|draft| draft.id == *id) {
                self.report(
                    Spot::in_patch(&key.span),
                    format!("there are two nodes `{id}`"),
                    None,
                );
                continue;
            }
            self.read_node(id, key, node);
        }
    }

    fn read_node(&mut self, id: &str, key: &Tree, node: &Tree) {
        let no_fields: &[(Name, Tree)] = &[];
        let (kind, kind_span, fields) = match &node.shape {
            Shape::Struct(Some(kind), fields) => (kind.text.clone(), &kind.span, fields.as_slice()),
            Shape::Word(kind) => (kind.clone(), &node.span, no_fields),
            Shape::Tuple(Some(kind), items) => {
                if let Some(first) = items.first().filter(|item| item.shape != Shape::Broken) {
                    self.report(
                        Spot::in_patch(&first.span),
                        "a parameter is written `name: value`",
                        None,
                    );
                }
                (kind.text.clone(), &kind.span, no_fields)
            }
            Shape::Broken => (String::new(), &node.span, no_fields),
            _ => {
                self.report(
                    Spot::in_patch(&node.span),
                    "a node is written `kind(name: value)`",
                    None,
                );
                (String::new(), &node.span, no_fields)
            }
        };
        let mut draft = Draft {
            id: id.to_owned(),
            id_spot: Spot::in_patch(&key.span),
            kind_spot: Spot::in_patch(kind_span),
            descriptor: None,
            param_spots: BTreeMap::new(),
            values: serde_json::Map::new(),
            node: None,
            edition: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        match self.registry.kind(&kind).cloned() {
            Some(known) => {
                let descriptor = known.descriptor().clone();
                draft.edition = known.edition();
                let before = self.found.len();
                let (values, spots) = self.read_params(id, &descriptor, fields, &draft.kind_spot);
                draft.values = values.clone();
                draft.param_spots = spots;
                // A value that could not be read was complained of already.
                if self.found.len() == before && values.len() == descriptor.params.len() {
                    match known.node(Value::Object(values)) {
                        Ok(node) => draft.node = Some(node),
                        Err(error) => {
                            let message =
                                format!("`{kind}` does not take these parameters: {error}");
                            self.report(draft.kind_spot.clone(), message, None);
                        }
                    }
                }
                draft.inputs = vec![None; descriptor.inputs.len()];
                draft.outputs = descriptor
                    .outputs
                    .iter()
                    .map(|port| port.port_type.clone())
                    .collect();
                draft.descriptor = Some(descriptor);
            }
            None if kind.is_empty() => {}
            None => {
                let help = did_you_mean(
                    &kind,
                    self.registry
                        .kinds()
                        .map(|kind| kind.descriptor().kind.as_ref()),
                )
                .unwrap_or_else(|| "`score nodes` lists all kinds".to_owned());
                self.report(
                    draft.kind_spot.clone(),
                    format!("there is no node kind `{kind}`"),
                    Some(help),
                );
            }
        }
        self.drafts.push(draft);
    }

    /// Reads the parameters of node `id` from the patch and the overrides, and fills in the defaults.
    fn read_params(
        &mut self,
        id: &str,
        descriptor: &Descriptor,
        fields: &[(Name, Tree)],
        kind_spot: &Spot,
    ) -> (serde_json::Map<String, Value>, BTreeMap<String, Spot>) {
        let mut given: BTreeMap<&str, (Spot, Tree)> = BTreeMap::new();
        for (name, tree) in fields {
            if name.text.is_empty() {
                continue;
            }
            if given
                .insert(&name.text, (Spot::in_patch(&tree.span), tree.clone()))
                .is_some()
            {
                self.report(
                    Spot::in_patch(&name.span),
                    format!("`{}` stands here twice", name.text),
                    None,
                );
            }
            self.know_param(descriptor, &name.text, Spot::in_patch(&name.span));
        }
        for (index, set) in self
            .overrides
            .iter()
            .enumerate()
            .filter(|(_, set)| set.node == id)
        {
            let name_at = set.node.len() + 1;
            let name_spot = Spot {
                source: index + 1,
                start: name_at,
                end: name_at + set.param.len(),
            };
            if let Some(param) = self.know_param(descriptor, &set.param, name_spot) {
                let spot = Spot {
                    source: index + 1,
                    start: set.value_at,
                    end: set.text.len(),
                };
                let tree = self.override_value(&param, set, &spot);
                given.insert(&set.param, (spot, tree));
            }
        }
        let mut values = serde_json::Map::new();
        let mut spots = BTreeMap::new();
        for param in &descriptor.params {
            match (given.get(param.name.as_ref()), &param.default) {
                (Some((spot, tree)), _) => {
                    spots.insert(param.name.to_string(), spot.clone());
                    match convert(param, tree, &self.texts[spot.source].folder) {
                        Ok(Some(value)) => drop(values.insert(param.name.to_string(), value)),
                        Ok(None) => {}
                        Err(Unfit { message, help }) => self.report(spot.clone(), message, help),
                    }
                }
                (None, Some(default)) => {
                    drop(values.insert(param.name.to_string(), default.clone()))
                }
                (None, None) => {
                    let help = Some(format!("{}: {}", param.name, param.summary));
                    self.report(
                        kind_spot.clone(),
                        format!("`{}` needs `{}`", descriptor.kind, param.name),
                        help,
                    );
                }
            }
        }
        (values, spots)
    }

    fn know_param(&mut self, descriptor: &Descriptor, name: &str, spot: Spot) -> Option<Param> {
        let param = descriptor
            .params
            .iter()
            .find(|param| param.name == name)
            .cloned();
        if param.is_none() {
            let names = descriptor.params.iter().map(|param| param.name.as_ref());
            let help = did_you_mean(name, names.clone()).or_else(|| {
                let names: Vec<&str> = names.collect();
                (!names.is_empty()).then(|| format!("it has {}", names.join(", ")))
            });
            self.report(
                spot,
                format!("`{}` has no parameter `{name}`", descriptor.kind),
                help,
            );
        }
        param
    }

    /// An override's value. Text and paths may stand without quotes.
    fn override_value(&mut self, param: &Param, set: &Override, spot: &Spot) -> Tree {
        let text = &set.text[set.value_at..];
        if matches!(param.param_type, ParamType::Text | ParamType::File(_))
            && !text.starts_with('"')
        {
            return Tree {
                span: 0..text.len(),
                shape: Shape::Text(text.to_owned()),
            };
        }
        let (tree, mistakes) = parse_value(text);
        for mistake in mistakes {
            let start = spot.start + mistake.span.start;
            self.report(
                Spot {
                    source: spot.source,
                    start,
                    end: spot.start + mistake.span.end,
                },
                mistake.message,
                None,
            );
        }
        tree
    }

    fn read_wires(&mut self, value: &Tree) {
        let Shape::List(items) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(
                    Spot::in_patch(&value.span),
                    "`wires` looks like `[\"from -> to\"]`",
                    None,
                );
            }
            self.wires_missing = true;
            return;
        };
        for item in items {
            match chain(&self.texts[0].text, item) {
                Ok(Some(chain)) => self.chains.push(chain),
                Ok(None) => self.wires_missing = true,
                Err(mistake) => {
                    self.wires_missing = true;
                    self.report(Spot::in_patch(&mistake.span), mistake.message, None);
                }
            }
        }
    }

    fn join_wires(&mut self) {
        for chain in std::mem::take(&mut self.chains) {
            for pair in chain.endpoints.windows(2) {
                let [from, to] = pair else { continue };
                match self.join(from, to, chain.policy) {
                    Some(link) => self.links.push(link),
                    None => self.wires_missing = true,
                }
            }
        }
    }

    fn join(&mut self, from: &Endpoint, to: &Endpoint, policy: Option<Policy>) -> Option<Link> {
        let (source, target) = (self.find_node(from), self.find_node(to));
        let (source, target) = (source?, target?);
        let outputs = self.candidates(from, source, true);
        let inputs = self.candidates(to, target, false);
        let (outputs, inputs) = (outputs?, inputs?);
        let (out_ports, in_ports) = (self.ports(source, true), self.ports(target, false));
        let fits: Vec<(usize, usize)> = outputs
            .iter()
            .flat_map(|output| inputs.iter().map(|input| (*output, *input)))
            .filter(|(output, input)| out_ports[*output].1.family() == in_ports[*input].1.family())
            .collect();
        let describe = |ports: &[(String, PortType)], chosen: &[usize]| {
            let names: Vec<String> = chosen
                .iter()
                .map(|index| format!("{} ({})", ports[*index].0, ports[*index].1))
                .collect();
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        };
        let spot = Spot::in_patch(&(from.span.start..to.span.end.max(from.span.start)));
        match fits.as_slice() {
            [(output, input)] => {
                let descriptor = self.drafts[target].descriptor.as_ref()?;
                let declared = &descriptor.inputs[*input];
                let policy = policy
                    .or(declared.policy)
                    .unwrap_or_else(|| declared.port_type.default_policy());
                let wire = GraphWire {
                    from: source,
                    output: *output,
                    to: target,
                    input: *input,
                    policy,
                };
                Some(Link { wire, spot })
            }
            [] => {
                let message = format!("`{}` does not fit into `{}`", from.node, to.node);
                let help = format!(
                    "`{}` gives {}; `{}` takes {}",
                    from.node,
                    describe(&out_ports, &outputs),
                    to.node,
                    describe(&in_ports, &inputs)
                );
                self.report(spot, message, Some(help));
                None
            }
            several => {
                let (output, input) = several[0];
                let message = format!(
                    "more than one port of `{}` and `{}` would fit",
                    from.node, to.node
                );
                let help = format!(
                    "name them, for example `{}.{} -> {}.{}`",
                    from.node, out_ports[output].0, to.node, in_ports[input].0
                );
                self.report(spot, message, Some(help));
                None
            }
        }
    }

    fn find_node(&mut self, endpoint: &Endpoint) -> Option<usize> {
        let found = self
            .drafts
            .iter()
            .position(|draft| draft.id == endpoint.node);
        if found.is_none() {
            let help = did_you_mean(
                &endpoint.node,
                self.drafts.iter().map(|draft| draft.id.as_str()),
            );
            self.report(
                Spot::in_patch(&endpoint.span),
                format!("there is no node `{}`", endpoint.node),
                help,
            );
        }
        found
    }

    fn ports(&self, node: usize, outputs: bool) -> Vec<(String, PortType)> {
        let Some(descriptor) = &self.drafts[node].descriptor else {
            return Vec::new();
        };
        let ports = if outputs {
            &descriptor.outputs
        } else {
            &descriptor.inputs
        };
        ports
            .iter()
            .map(|port| (port.name.to_string(), port.port_type.clone()))
            .collect()
    }

    /// The ports that an endpoint may mean; `None` where its node's kind or the named port is unknown.
    fn candidates(
        &mut self,
        endpoint: &Endpoint,
        node: usize,
        outputs: bool,
    ) -> Option<Vec<usize>> {
        self.drafts[node].descriptor.as_ref()?;
        let ports = self.ports(node, outputs);
        let Some(name) = &endpoint.port else {
            return Some((0..ports.len()).collect());
        };
        let found = ports.iter().position(|(port, _)| port == name);
        if found.is_none() {
            let side = if outputs { "output" } else { "input" };
            let names: Vec<&str> = ports.iter().map(|(port, _)| port.as_str()).collect();
            let help = did_you_mean(name, names.iter().copied()).or_else(|| {
                (!names.is_empty()).then(|| format!("its {side}s: {}", names.join(", ")))
            });
            let message = format!("`{}` has no {side} `{name}`", endpoint.node);
            self.report(Spot::in_patch(&endpoint.span), message, help);
        }
        found.map(|index| vec![index])
    }

    fn check_inputs(&mut self) {
        let mut problems = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let Some(descriptor) = &draft.descriptor else {
                continue;
            };
            for (input, port) in descriptor.inputs.iter().enumerate() {
                let wires: Vec<&Link> = self
                    .links
                    .iter()
                    .filter(|link| (link.wire.to, link.wire.input) == (index, input))
                    .collect();
                if wires.len() > 1 && port.arity != Arity::Many {
                    let message = format!(
                        "`{}.{}` takes one wire, and has one from `{}`",
                        draft.id,
                        port.name,
                        { &self.drafts[wires[0].wire.from].id }
                    );
                    problems.push((wires[1].spot.clone(), message, None));
                }
                if wires.is_empty() && port.arity == Arity::Required && !self.wires_missing {
                    let message = format!(
                        "nothing is wired into `{}.{}` ({})",
                        draft.id, port.name, port.port_type
                    );
                    problems.push((draft.id_spot.clone(), message, None));
                }
            }
        }
        for (spot, message, help) in problems {
            self.report(spot, message, help);
        }
    }

    fn petgraph(&self, passes: impl Fn(&Link) -> bool) -> DiGraph<usize, ()> {
        let mut graph = DiGraph::new();
        let indices: Vec<NodeIndex> = (0..self.drafts.len())
            .map(|node| graph.add_node(node))
            .collect();
        for link in self.links.iter().filter(|link| passes(link)) {
            graph.update_edge(indices[link.wire.from], indices[link.wire.to], ());
        }
        graph
    }

    fn check_cycles(&mut self) {
        let delays = |link: &Link| {
            self.drafts[link.wire.to]
                .descriptor
                .as_ref()
                .is_some_and(|descriptor| descriptor.delays)
        };
        let graph = self.petgraph(|link| !delays(link));
        let loops: Vec<Vec<usize>> = tarjan_scc(&graph)
            .into_iter()
            .filter(|component| {
                component.len() > 1 || graph.contains_edge(component[0], component[0])
            })
            .map(|component| cycle_in(&graph, &component))
            .collect();
        for cycle in loops {
            self.has_cycle = true;
            let mut path: Vec<&str> = cycle
                .iter()
                .map(|node| self.drafts[*node].id.as_str())
                .collect();
            path.push(path[0]);
            let message = format!("these wires form a cycle: {}", path.join(" -> "));
            let closing = cycle.last().zip(cycle.first());
            let spot = self
                .links
                .iter()
                .find(|link| closing == Some((&link.wire.from, &link.wire.to)))
                .map_or_else(
                    || self.drafts[cycle[0]].id_spot.clone(),
                    |link| link.spot.clone(),
                );
            self.report(
                spot,
                message,
                Some("a cycle must pass a node that delays".to_owned()),
            );
        }
    }

    /// Asks every node, sources first, so that each knows what arrives.
    fn check_nodes(&mut self) {
        if self.has_cycle {
            return;
        }
        let graph = self.petgraph(|_| true);
        let Ok(order) = petgraph::algo::toposort(&graph, None) else {
            return;
        };
        for index in order.into_iter().map(|node| graph[node]) {
            self.check_node(index);
        }
    }

    fn check_node(&mut self, index: usize) {
        let Some(descriptor) = self.drafts[index].descriptor.clone() else {
            return;
        };
        let mut arriving = vec![None; descriptor.inputs.len()];
        let mut misfits = Vec::new();
        for link in self.links.iter().filter(|link| link.wire.to == index) {
            let port_type = self.drafts[link.wire.from].outputs[link.wire.output].clone();
            if !port_type.fits(&descriptor.inputs[link.wire.input].port_type) {
                misfits.push((link.spot.clone(), port_type.clone(), link.wire.input));
            }
            arriving[link.wire.input] = Some(port_type);
        }
        for (spot, port_type, input) in misfits {
            let port = &descriptor.inputs[input];
            let message = format!(
                "`{}.{}` takes {}, but {port_type} arrives",
                self.drafts[index].id, port.name, port.port_type
            );
            self.report(spot, message, None);
        }
        self.drafts[index].inputs = arriving.clone();
        let Some(node) = self.drafts[index].node.take() else {
            return;
        };
        let mut check = Check {
            transport: &self.transport,
            settings: self.settings,
            descriptor: &descriptor,
            inputs: &arriving,
            outputs: self.drafts[index].outputs.clone(),
            problems: Vec::new(),
            resources: Vec::new(),
        };
        node.check(&mut check);
        let (outputs, problems, resources) = (check.outputs, check.problems, check.resources);
        self.drafts[index].outputs = outputs;
        self.drafts[index].node = Some(node);
        for problem in problems {
            let draft = &self.drafts[index];
            let spot = match &problem.subject {
                Subject::Param(name) => draft.param_spots.get(name).cloned(),
                Subject::Input(input) => self
                    .links
                    .iter()
                    .find(|link| (link.wire.to, link.wire.input) == (index, *input))
                    .map(|link| link.spot.clone()),
            };
            let spot = spot.unwrap_or_else(|| draft.kind_spot.clone());
            self.report(spot, problem.message, problem.help);
        }
        for (resource, param) in resources {
            let draft = &self.drafts[index];
            let spot = param
                .and_then(|param| draft.param_spots.get(&param))
                .unwrap_or(&draft.kind_spot)
                .clone();
            self.claims.push((resource, index, spot));
        }
    }

    /// Two nodes may not write one file, nor one write what another reads, nor share what they claim.
    fn check_resources(&mut self) {
        let mut read = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let Some(descriptor) = &draft.descriptor else {
                continue;
            };
            for param in &descriptor.params {
                let ParamType::File(role) = param.param_type else {
                    continue;
                };
                let Some(path) = draft
                    .values
                    .get(param.name.as_ref())
                    .and_then(Value::as_str)
                else {
                    continue;
                };
                let spot = draft
                    .param_spots
                    .get(param.name.as_ref())
                    .unwrap_or(&draft.kind_spot)
                    .clone();
                match role {
                    FileRole::Write => self.claims.push((Resource(path.to_owned()), index, spot)),
                    FileRole::Read => read.push((path.to_owned(), draft.id.clone())),
                }
            }
        }
        let mut problems = Vec::new();
        for (later, (resource, node, spot)) in self.claims.iter().enumerate() {
            let other = self.claims[..later]
                .iter()
                .find(|(earlier, _, _)| earlier == resource);
            if let Some((_, other, _)) = other.filter(|(_, other, _)| other != node) {
                let message = format!(
                    "`{}` and `{}` both want {}",
                    self.drafts[*other].id, self.drafts[*node].id, resource.0
                );
                problems.push((spot.clone(), message));
            }
            if let Some((_, reader)) = read.iter().find(|(path, _)| *path == resource.0) {
                let message = format!(
                    "`{}` would overwrite what `{reader}` reads: {}",
                    self.drafts[*node].id, resource.0
                );
                problems.push((spot.clone(), message));
            }
        }
        for (spot, message) in problems {
            self.report(spot, message, Some("give each its own".to_owned()));
        }
    }

    fn finish(mut self) -> Result<Graph, Diagnostics> {
        if !self.found.is_empty() {
            self.found.sort_by(|(a, _), (b, _)| a.cmp(b));
            self.found.dedup();
            return Err(Diagnostics(
                self.found
                    .into_iter()
                    .map(|(_, diagnostic)| diagnostic)
                    .collect(),
            ));
        }
        let wires: Vec<GraphWire> = self.links.into_iter().map(|link| link.wire).collect();
        let nodes = (0..)
            .zip(self.drafts)
            .filter_map(|(index, draft): (usize, Draft)| {
                let mut arrivals = vec![0; draft.inputs.len()];
                for wire in wires.iter().filter(|wire| wire.to == index) {
                    arrivals[wire.input] += 1;
                }
                Some(GraphNode {
                    wires: arrivals,
                    id: draft.id,
                    descriptor: draft.descriptor?,
                    node: draft.node?,
                    edition: draft.edition,
                    inputs: draft.inputs,
                    outputs: draft.outputs,
                    values: draft.values,
                })
            })
            .collect();
        let text = self.texts.into_iter().next().unwrap_or_default().text;
        Ok(Graph {
            text: text.into(),
            transport: self.transport,
            nodes,
            wires,
        })
    }
}

/// One cycle among the nodes of a strongly connected component, as indices of drafts.
fn cycle_in(graph: &DiGraph<usize, ()>, component: &[NodeIndex]) -> Vec<usize> {
    // Every node of the component has a successor in it, so a walk must come back to where it was.
    let start = component.iter().copied().min().unwrap_or_default();
    let mut path = vec![start];
    loop {
        let here = path[path.len() - 1];
        let mut successors: Vec<NodeIndex> = graph
            .neighbors(here)
            .filter(|next| component.contains(next))
            .collect();
        successors.sort();
        let Some(next) = successors.first().copied() else {
            break;
        };
        if let Some(position) = path.iter().position(|node| *node == next) {
            path.drain(..position);
            break;
        }
        path.push(next);
    }
    path.into_iter().map(|node| graph[node]).collect()
}
