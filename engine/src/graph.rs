//! A checked patch: nodes and wires that fit, ready to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::{Value, json};

use crate::custom::CustomForms;
use crate::descriptor::Descriptor;
use crate::diagnostic::Diagnostics;
use crate::node::Wiring;
use crate::param::{FilePurpose, FileRole, ParamType, Span};
use crate::policy::Policy;
use crate::port::PortType;
use crate::preset::Preset;
use crate::registry::AnyNode;
use crate::show::Show;
use crate::transport::Transport;

/// A node of a checked patch.
pub(crate) struct GraphNode {
    pub(crate) id: String,
    pub(crate) descriptor: Descriptor,
    pub(crate) node: Box<dyn AnyNode>,
    /// Which of all the kinds of its name the node is of.
    pub(crate) edition: u64,
    /// What arrives at each declared input; `None` where it is not wired.
    pub(crate) inputs: Vec<Option<PortType>>,
    /// What leaves each declared output.
    pub(crate) outputs: Vec<PortType>,
    /// How many wires come into each declared input.
    pub(crate) wires: Vec<usize>,
    /// Where each of them comes from, as the user calls it; empty where nobody knows.
    pub(crate) sources: Vec<Vec<String>>,
    /// Every parameter, defaults filled in.
    pub(crate) values: serde_json::Map<String, Value>,
    /// The parameters whose values were typed on the command line.
    pub(crate) typed: BTreeSet<String>,
}

impl GraphNode {
    /// Its ports as the patch wires them.
    pub(crate) fn wiring(&self) -> Wiring<'_> {
        Wiring {
            id: &self.id,
            inputs: &self.inputs,
            wires: &self.wires,
            sources: &self.sources,
            outputs: &self.outputs,
        }
    }

    /// Whether it writes a file.
    pub(crate) fn writes(&self) -> bool {
        self.named_files().any(|file| file.role == FileRole::Write)
    }

    /// The files that the node's parameters name.
    fn named_files(&self) -> impl Iterator<Item = GraphFile<'_>> {
        self.descriptor.params.iter().filter_map(|param| {
            let ParamType::File(role) = param.param_type else {
                return None;
            };
            let name = param.name.as_ref();
            Some(GraphFile {
                node: &self.id,
                param: name,
                path: PathBuf::from(self.values.get(name)?.as_str()?),
                role,
                purpose: &param.purpose,
                typed: self.typed.contains(name),
            })
        })
    }
}

/// A wire of a checked patch, by indices.
#[derive(Clone, Debug)]
pub(crate) struct GraphWire {
    pub(crate) from: usize,
    pub(crate) output: usize,
    pub(crate) to: usize,
    pub(crate) input: usize,
    pub(crate) policy: Policy,
    /// What 0 to 1 stand for, where it leads into a parameter that is a number.
    pub(crate) span: Option<Span>,
}

impl GraphWire {
    /// The number of the parameter of its reader that it leads into, where that is none of its
    /// ports.
    pub(crate) fn param(&self, reader: &GraphNode) -> Option<usize> {
        self.input.checked_sub(reader.descriptor.inputs.len())
    }
}

/// A file that a parameter of a checked patch names.
#[derive(Clone, Debug)]
pub struct GraphFile<'a> {
    /// The node's id.
    pub node: &'a str,
    /// The parameter.
    pub param: &'a str,
    /// The file, from the root.
    pub path: PathBuf,
    /// Whether the node reads or writes it.
    pub role: FileRole,
    /// What it is for.
    pub purpose: &'a FilePurpose,
    /// Whether the path was typed on the command line, not written in the patch.
    pub typed: bool,
}

/// A checked patch, ready to run: what [`crate::check`] makes of a text.
pub struct Graph {
    pub(crate) transport: Transport,
    pub(crate) nodes: Vec<GraphNode>,
    pub(crate) wires: Vec<GraphWire>,
    /// In the order of the patch.
    pub(crate) presets: Vec<Preset>,
    /// Cues, and what else it has for whoever plays it.
    pub(crate) show: Arc<Show>,
    /// What may not be meant.
    pub(crate) warnings: Diagnostics,
    /// What was typed on the command line and has nothing to set, with the reason.
    pub(crate) left_out: Vec<String>,
    /// What was typed on the command line, and what the patch itself says there.
    pub(crate) overridden: BTreeMap<String, Option<String>>,
    /// The patch's text.
    pub(crate) text: Arc<str>,
    /// The texts of the patches that it includes, by the names of their files.
    pub(crate) included: BTreeMap<String, Arc<str>>,
    /// How values of types that are not built in are written down.
    pub(crate) forms: CustomForms,
}

impl Graph {
    /// Tempo, metre, seed and the form of the sound.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// What the patch says, word for word, without what it includes: what [`crate::patch_hash`]
    /// tells from another.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the patch's nodes warn of: it can run, though not all may be as it is meant.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Values of the command line that an edit left nothing to set, each with the reason.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Values of the command line, as they were typed, with what the patch itself says in their
    /// places: `None` where it says nothing.
    pub fn overridden(&self) -> &BTreeMap<String, Option<String>> {
        &self.overridden
    }

    /// Its presets, in the order of the patch.
    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }

    /// Its cues, what recalls them, and its controllers.
    pub fn show(&self) -> &Show {
        &self.show
    }

    /// The ids of the nodes, in the order of the patch.
    pub fn node_ids(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.id.as_str())
    }

    /// The value of a parameter of the node called `id`, a default too.
    pub fn value(&self, id: &str, param: &str) -> Option<&Value> {
        let node = self.nodes.iter().find(|node| node.id == id)?;
        node.values.get(param)
    }

    /// The kind of the node called `id`.
    pub fn kind(&self, id: &str) -> Option<&str> {
        let node = self.nodes.iter().find(|node| node.id == id)?;
        Some(node.descriptor.kind.as_ref())
    }

    /// The outputs, as node and port, from which wires lead into `input` of the node called `id`,
    /// in the order of the wires; `input` may also be a parameter.
    pub fn outputs_into(&self, id: &str, input: &str) -> Vec<(String, String)> {
        let leads = |wire: &&GraphWire| {
            let reader = &self.nodes[wire.to];
            reader.id == id && reader.descriptor.input_name(wire.input) == input
        };
        (self.wires.iter().filter(leads))
            .map(|wire| {
                let node = &self.nodes[wire.from];
                let port = &node.descriptor.outputs[wire.output].name;
                (node.id.clone(), port.to_string())
            })
            .collect()
    }

    /// The ids of the nodes from which packets reach the node called `id` over wires of the types
    /// that `passes` accepts alone, through any number of nodes, each once. They begin at
    /// those whose own `upstream` is empty.
    pub fn upstream(&self, id: &str, passes: impl Fn(&PortType) -> bool) -> Vec<&str> {
        let mut found: Vec<usize> = Vec::new();
        let start = self.nodes.iter().position(|node| node.id == id);
        let mut readers: Vec<usize> = start.into_iter().collect();
        while let Some(reader) = readers.pop() {
            for wire in self.wires.iter().filter(|wire| wire.to == reader) {
                let sent = &self.nodes[wire.from].outputs[wire.output];
                if passes(sent) && !found.contains(&wire.from) {
                    found.push(wire.from);
                    readers.push(wire.from);
                }
            }
        }
        let ids = found.iter().map(|index| self.nodes[*index].id.as_str());
        ids.collect()
    }

    /// Where the wires into `input` of the node called `id` come from, as [`crate::Build::source`]
    /// calls them; nothing where there is no such node or input.
    pub fn sources(&self, id: &str, input: &str) -> &[String] {
        let node = self.nodes.iter().find(|node| node.id == id);
        let sources = node.and_then(|node| {
            let mut inputs = node.descriptor.inputs.iter();
            node.sources
                .get(inputs.position(|port| port.name == input)?)
        });
        sources.map_or(&[], Vec::as_slice)
    }

    /// The files that its parameters name, in the order of the patch.
    pub fn files(&self) -> impl Iterator<Item = GraphFile<'_>> {
        self.nodes.iter().flat_map(GraphNode::named_files)
    }

    /// `film.frames -> eye.frames`.
    pub(crate) fn wire_name(&self, wire: &GraphWire) -> String {
        let (from, to) = (&self.nodes[wire.from], &self.nodes[wire.to]);
        let output = &from.descriptor.outputs[wire.output].name;
        let input = to.descriptor.input_name(wire.input);
        format!("{}.{output} -> {}.{input}", from.id, to.id)
    }

    /// Of each node whether a cycle passes through it.
    pub(crate) fn in_cycle(&self) -> Vec<bool> {
        let mut graph = DiGraph::<(), ()>::new();
        let indices: Vec<NodeIndex> = self.nodes.iter().map(|_| graph.add_node(())).collect();
        for wire in &self.wires {
            graph.add_edge(indices[wire.from], indices[wire.to], ());
        }
        let mut in_cycle = vec![false; self.nodes.len()];
        for members in tarjan_scc(&graph) {
            let is_cycle = members.len() > 1 || graph.contains_edge(members[0], members[0]);
            for member in members {
                in_cycle[member.index()] = is_cycle;
            }
        }
        in_cycle
    }

    /// The graph in Mermaid's notation, which many Markdown viewers draw.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("graph LR\n");
        self.mermaid_nodes(&mut text, "", 1);
        for wire in &self.wires {
            let _ = match wire.param(&self.nodes[wire.to]).is_some() {
                true => {
                    let param = self.nodes[wire.to].descriptor.input_name(wire.input);
                    writeln!(text, "    n{} -. {param} .-> n{}", wire.from, wire.to)
                }
                false => {
                    let port_type = &self.nodes[wire.from].outputs[wire.output];
                    writeln!(text, "    n{} -- {port_type} --> n{}", wire.from, wire.to)
                }
            };
        }
        text
    }

    /// The graph for programs: the transport, every node with its kind and all its values, every
    /// wire, every preset, every cue, every controller, and the opening hours.
    pub fn json(&self) -> Value {
        let node = |node: &GraphNode| json!({ "id": node.id, "kind": node.descriptor.kind, "values": node.values });
        json!({
            "transport": crate::transport_params::values(&self.transport),
            "nodes": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "wires": self.wires.iter().map(|wire| self.wire_name(wire)).collect::<Vec<_>>(),
            "presets": self.presets,
            "recall_safe": self.show.recall_safe,
            "cues": self.show.cues,
            "recall": self.show.recalls,
            "controllers": self.show.controllers,
            "named": self.show.named,
            "hours": self.show.hours,
        })
    }

    /// The nodes whose ids begin with `prefix`, those of each included patch within a frame.
    fn mermaid_nodes(&self, text: &mut String, prefix: &str, depth: usize) {
        let mut parts: Vec<(usize, &str)> = Vec::new();
        let indent = "    ".repeat(depth);
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(rest) = node.id.strip_prefix(prefix) else {
                continue;
            };
            if let Some((part, _)) = rest.split_once('.') {
                if !parts.iter().any(|(_, known)| *known == part) {
                    parts.push((index, part));
                }
                continue;
            }
            let (id, kind) = (mermaid_text(rest), &node.descriptor.kind);
            let _ = writeln!(text, "{indent}n{index}[\"{id}<br/><small>{kind}</small>\"]");
        }
        for (first, part) in parts {
            let title = mermaid_text(part);
            let _ = writeln!(text, "{indent}subgraph p{depth}_{first}[\"{title}\"]");
            self.mermaid_nodes(text, &format!("{prefix}{part}."), depth + 1);
            let _ = writeln!(text, "{indent}end");
        }
    }

    /// The graph in Graphviz' notation.
    pub fn dot(&self) -> String {
        let mut graph = DiGraph::<String, String>::new();
        let indices: Vec<NodeIndex> = self
            .nodes
            .iter()
            .map(|node| graph.add_node(format!("{}\n{}", node.id, node.descriptor.kind)))
            .collect();
        for wire in &self.wires {
            let label = match wire.param(&self.nodes[wire.to]).is_some() {
                true => self.nodes[wire.to]
                    .descriptor
                    .input_name(wire.input)
                    .to_owned(),
                false => self.nodes[wire.from].outputs[wire.output].to_string(),
            };
            graph.add_edge(indices[wire.from], indices[wire.to], label);
        }
        format!("{}", petgraph::dot::Dot::new(&graph))
    }
}

/// An id within the quotes of Mermaid's notation, which has names for what would end them or begin
/// a tag.
fn mermaid_text(id: &str) -> String {
    id.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
}

#[cfg(test)]
impl GraphNode {
    /// A node called `id` of which only the declaration counts.
    pub(crate) fn declared(id: &str, descriptor: Descriptor) -> Self {
        struct Unbuilt;

        impl AnyNode for Unbuilt {
            fn check(&self, _check: &mut crate::node::Check<'_>) {}

            fn build(
                &self,
                _build: &crate::node::Build<'_>,
            ) -> Result<Box<dyn crate::registry::AnyProcessor>, crate::error::NodeError>
            {
                Err(crate::error::NodeError::internal("only declared"))
            }
        }

        GraphNode {
            id: id.to_owned(),
            descriptor,
            node: Box::new(Unbuilt),
            edition: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            wires: Vec::new(),
            sources: Vec::new(),
            values: serde_json::Map::new(),
            typed: BTreeSet::new(),
        }
    }
}
