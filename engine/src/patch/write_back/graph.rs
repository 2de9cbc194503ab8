//! Changes a patch's graph in its text: a node more or less, a wire more or less. Everything else
//! stays as it stands, every comment too; but the items that lists have for wires go with those.

use super::chains::{WrittenChain, chains};
use super::literal::quoted;
use super::mistake;
use super::pen::Pen;
use super::wire_lists::WireLists;
use crate::descriptor::Descriptor;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::limits::MAX_FILE;
use crate::node::Settings;
use crate::patch::Source;
use crate::patch::check::{Admission, FoundWire, found_wires};
use crate::patch::syntax::{Parsed, parse, parse_from};
use crate::patch::tree::{Name, Shape, Spot, Tree};
use crate::registry::Registry;

/// A port of a node, or one of its parameters that a wire can lead into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortName {
    /// The node's id.
    pub node: String,
    /// The port's name.
    pub port: String,
}

/// One change of a patch's graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphEdit {
    /// A node more.
    AddNode {
        /// Its id.
        id: String,
        /// Its kind.
        kind: String,
        /// Its parameters, and their values as a patch writes them.
        params: Vec<(String, String)>,
    },
    /// A node less, and the wires that it has. In a chain that carries the same before and behind
    /// it, its neighbours are joined.
    RemoveNode {
        /// Its id.
        id: String,
    },
    /// A wire more, behind all others.
    AddWire {
        /// The output that it comes from.
        from: PortName,
        /// The input that it leads to.
        to: PortName,
    },
    /// A wire less.
    RemoveWire {
        /// The output that it comes from.
        from: PortName,
        /// The input that it leads to.
        to: PortName,
    },
    /// A wire goes through a node on its way: `"a -> b"` becomes `"a -> node -> b"`, in its place.
    PassThrough {
        /// The output that the wire comes from.
        from: PortName,
        /// The input that it leads to.
        to: PortName,
        /// The node that it goes through.
        node: String,
    },
}

/// The text of the patch with all of `edits` in it, one after another. Whether it can be played is
/// not looked at. What a list has for a wire, as a mixer's `gains` has, goes with the wire, in
/// presets and cues too. A text in the one layout ([`Source::formatted`]) is in it afterwards; any
/// other keeps its own. Of what the patch includes, only what `admission` allows is read.
///
/// # Errors
/// The text cannot be read, or an edit does not fit: there is no such node, kind or wire, or it is
/// there already, or it would come before others that a list has items for. The first such edit is
/// reported.
pub fn edit_graph(
    source: &Source,
    edits: &[GraphEdit],
    (registry, settings): (&Registry, &Settings),
    admission: Option<&dyn Admission>,
) -> Result<String, Diagnostics> {
    let is_formatted = source.formatted()? == source.text;
    let found = |source: &Source| found_wires(source, registry, settings, admission);
    let mut edited = source.clone();
    for edit in edits {
        let parsed = edited.parsed()?;
        let lists = match edit {
            // What comes behind all others moves none.
            GraphEdit::AddNode { .. } | GraphEdit::AddWire { .. } => WireLists::default(),
            _ => WireLists::of(&edited, &parsed, registry, found),
        };
        let editing = Editing {
            source: &edited,
            parsed: &parsed,
            registry,
            found: || found(&edited),
        };
        let text = editing.edited(edit).map_err(|one| vec![one])?;
        edited.text = text;
        if edited.text.len() as u64 > MAX_FILE {
            let message = format!("the patch would be longer than {} MB", MAX_FILE >> 20);
            let place = None;
            let help = None;
            return Err(vec![Diagnostic {
                message,
                help,
                place,
            }]
            .into());
        }
        lists.follow(&mut edited, found)?;
    }
    // What cannot be read as it is meant is given to nobody.
    edited.parsed()?;
    if is_formatted {
        edited.text = edited.formatted()?;
    }
    match lost_comment(&source.text, &edited.text) {
        None => Ok(edited.text),
        Some(comment) => {
            let message = format!("the comment `{comment}` would be lost");
            let help = Some("change the text by hand".to_owned());
            let place = None;
            Err(vec![Diagnostic {
                message,
                help,
                place,
            }]
            .into())
        }
    }
}

/// A comment of a text that another does not have as often.
fn lost_comment(before: &str, after: &str) -> Option<String> {
    let all = |text: &str| -> Vec<String> {
        let comments = parse(0, text).comments;
        let texts = comments.iter().map(|comment| &text[comment.range()]);
        // Those of several lines are laid out again.
        texts
            .map(|text| text.split_whitespace().collect())
            .collect()
    };
    let mut left = all(after);
    all(before).into_iter().find(|comment| {
        let kept = left.iter().position(|left| left == comment);
        kept.map(|kept| left.swap_remove(kept)).is_none()
    })
}

/// What is needed for one edit.
struct Editing<'t, F: Fn() -> Vec<FoundWire>> {
    source: &'t Source,
    parsed: &'t Parsed,
    registry: &'t Registry,
    /// The wires as they are joined.
    found: F,
}

impl<'t, F: Fn() -> Vec<FoundWire>> Editing<'t, F> {
    fn edited(&self, edit: &GraphEdit) -> Result<String, Diagnostic> {
        match edit {
            GraphEdit::AddNode { id, kind, params } => self.add_node(id, kind, params),
            GraphEdit::RemoveNode { id } => self.remove_node(id),
            GraphEdit::AddWire { from, to } => self.add_wire(from, to),
            GraphEdit::RemoveWire { from, to } => self.rewire(from, to, |chain, at| {
                let (left, right) = chain.ends.split_at(at + 1);
                vec![left.to_vec(), right.to_vec()]
            }),
            GraphEdit::PassThrough { from, to, node } => {
                self.node(node)?;
                self.rewire(from, to, |chain, at| {
                    let mut ends = chain.ends.clone();
                    ends.insert(at + 1, node.clone());
                    vec![ends]
                })
            }
        }
    }

    fn pen(&self) -> Pen<'t> {
        Pen::new(&self.source.text, &self.parsed.comments)
    }

    fn section(&self, wanted: &str) -> Option<&'t (Name, Tree)> {
        self.parsed.tree.field(wanted)
    }

    /// The nodes that stand in the patch itself, with the map that has them.
    fn nodes(&self) -> Option<(&'t Tree, &'t [(Tree, Tree)])> {
        let (_, section) = self.section("nodes")?;
        match &section.shape {
            Shape::Map(entries) => Some((section, entries)),
            _ => None,
        }
    }

    /// The node with this id, or why there is none.
    fn node(&self, id: &str) -> Result<&'t Tree, Diagnostic> {
        let entries = self.nodes().map_or(&[][..], |(_, entries)| entries);
        let mut nodes = entries.iter().filter_map(|(key, node)| match &key.shape {
            Shape::Text(name) => Some((name.as_str(), node)),
            _ => None,
        });
        if let Some((_, node)) = nodes.clone().find(|(name, _)| *name == id) {
            return Ok(node);
        }
        let part = id.split_once('.').map(|(part, _)| part);
        if let Some(part) = part.filter(|part| self.is_part(part)) {
            let message = format!("`{id}` stands in the included patch `{part}`");
            return Err(self.mistake(None, message, "change that patch's text"));
        }
        let help = did_you_mean(id, nodes.by_ref().map(|(name, _)| name));
        let help = help.unwrap_or_else(|| "it may have another id since".to_owned());
        Err(self.mistake(None, format!("there is no node `{id}`"), help))
    }

    /// Whether an included patch has this id.
    fn is_part(&self, id: &str) -> bool {
        let Some((_, section)) = self.section("include") else {
            return false;
        };
        let is_it = |key: &Tree| matches!(&key.shape, Shape::Text(name) if name == id);
        matches!(&section.shape, Shape::Map(entries) if entries.iter().any(|(key, _)| is_it(key)))
    }

    fn descriptor(&self, kind: &str) -> Result<&'t Descriptor, Diagnostic> {
        if let Some(known) = self.registry.kind(kind) {
            return Ok(known.descriptor());
        }
        let kinds = self.registry.kinds();
        let help = did_you_mean(kind, kinds.map(|kind| &*kind.descriptor().kind));
        let help = help.unwrap_or_else(|| "`score nodes` lists all kinds".to_owned());
        Err(self.mistake(None, format!("there is no node kind `{kind}`"), help))
    }

    fn add_node(
        &self,
        id: &str,
        kind: &str,
        params: &[(String, String)],
    ) -> Result<String, Diagnostic> {
        if self.node(id).is_ok() || self.is_part(id) {
            let message = format!("there is a node `{id}` already");
            return Err(self.mistake(None, message, "give the new one another id"));
        }
        let descriptor = self.descriptor(kind)?;
        let mut fields = Vec::new();
        for (name, value) in params {
            if !descriptor.params.iter().any(|param| param.name == *name) {
                let message = format!("`{kind}` has no parameter `{name}`");
                return Err(self.mistake(None, message, "leave it out"));
            }
            let parsed = parse_from(0, value, 0);
            if let Some(wrong) = parsed.mistakes.first() {
                let message = format!("`{name}` cannot be `{value}`: {}", wrong.message);
                return Err(self.mistake(None, message, "text stands in double quotes"));
            }
            if !parsed.comments.is_empty() {
                let message = format!("`{name}` cannot be `{value}`");
                return Err(self.mistake(None, message, "leave the comment out"));
            }
            fields.push(format!("{name}: {}", value.trim()));
        }
        let entry = format!("{}: {kind}({})", quoted(id), fields.join(", "));
        let mut pen = self.pen();
        match self.nodes() {
            Some((map, entries)) => pen.add_entry(map, entries, &entry),
            None if self.section("nodes").is_some() => return Err(self.unwritable("nodes")),
            None => {
                let section = format!("nodes: {{{entry}}}");
                pen.add_section_behind(&self.parsed.tree, "transport", &section);
            }
        }
        Ok(pen.finish())
    }

    fn remove_node(&self, id: &str) -> Result<String, Diagnostic> {
        self.node(id)?;
        let mut pen = self.pen();
        if let Some((map, entries)) = self.nodes() {
            let spots: Vec<_> = (entries.iter())
                .map(|(key, node)| key.spot.start..node.spot.end)
                .collect();
            for (index, (key, _)) in entries.iter().enumerate() {
                if matches!(&key.shape, Shape::Text(name) if name == id) {
                    pen.remove_item(map, &spots, index);
                }
            }
        }
        let found = (self.found)();
        if let Some((list, items, chains)) = chains(&self.source.text, self.parsed) {
            let spots: Vec<_> = items.iter().map(|item| item.spot.range()).collect();
            for (index, chain) in chains.iter().enumerate() {
                let Some(chain) = chain else { continue };
                if chain.nodes.iter().any(|node| node == id) {
                    let rest = without(chain, id, &found);
                    put(&mut pen, (list, &spots, index), chain, &rest);
                }
            }
        }
        Ok(pen.finish())
    }

    fn add_wire(&self, from: &PortName, to: &PortName) -> Result<String, Diagnostic> {
        let is_it = |wire: &FoundWire| is_at(&wire.from, from) && is_at(&wire.to, to);
        if (self.found)().iter().any(is_it) {
            let (from, to) = (written(from), written(to));
            let message = format!("`{from}` is wired to `{to}` already");
            return Err(self.mistake(None, message, "nothing has to be done"));
        }
        let from = self.end(from, false)?;
        let to = self.end(to, true)?;
        let wire = quoted(&format!("{from} -> {to}"));
        let mut pen = self.pen();
        match self.section("wires") {
            None => {
                let section = format!("wires: [{wire}]");
                pen.add_section_behind(&self.parsed.tree, "nodes", &section);
            }
            Some((_, list)) => match &list.shape {
                Shape::List(items) => pen.add_item(list, items, &wire),
                _ => return Err(self.unwritable("wires")),
            },
        }
        Ok(pen.finish())
    }

    /// The end of a wire as a patch writes it: with its port's name where the node has others.
    fn end(&self, name: &PortName, is_input: bool) -> Result<String, Diagnostic> {
        let PortName { node, port } = name;
        if self.is_part(node) {
            return Ok(written(name));
        }
        let kind = match &self.node(node)?.shape {
            Shape::Struct(Some(kind), _) => &kind.text,
            Shape::Word(kind) => kind,
            _ => return Err(self.unwritable(node)),
        };
        let descriptor = self.descriptor(kind)?;
        let ports = match is_input {
            true => &descriptor.inputs,
            false => &descriptor.outputs,
        };
        let is_param = is_input
            && descriptor
                .param_inputs()
                .any(|(_, param)| param.name == *port);
        if !is_param && !ports.iter().any(|known| known.name == *port) {
            let side = if is_input { "input" } else { "output" };
            let message = format!("`{node}` has no {side} `{port}`");
            let names: Vec<&str> = ports.iter().map(|port| &*port.name).collect();
            let help = match names.as_slice() {
                [] => format!("it has no {side}s"),
                names => format!("its {side}s: {}", names.join(", ")),
            };
            return Err(self.mistake(None, message, help));
        }
        let mut reached = ports.iter().filter(|port| !port.by_name);
        let is_only = reached.next().is_some_and(|only| only.name == *port);
        match is_only && reached.next().is_none() {
            true => Ok(node.clone()),
            false => Ok(written(name)),
        }
    }

    /// Puts other chains in the place of the one that has a wire; `make` gets the number of the
    /// wire in it.
    fn rewire(
        &self,
        from: &PortName,
        to: &PortName,
        make: impl Fn(&WrittenChain<'t>, usize) -> Vec<Vec<String>>,
    ) -> Result<String, Diagnostic> {
        let found = (self.found)();
        let is_it = |wire: &&FoundWire| is_at(&wire.from, from) && is_at(&wire.to, to);
        let spots: Vec<Spot> = found.iter().filter(is_it).map(|wire| wire.spot).collect();
        let names = || (written(from), written(to));
        let Some(spot) = spots.first() else {
            let (from, to) = names();
            let message = format!("no wire of this patch leads from `{from}` to `{to}`");
            let help = "it may be gone, or stand in an included patch";
            return Err(self.mistake(None, message, help));
        };
        let Some((list, items, chains)) = chains(&self.source.text, self.parsed) else {
            return Err(self.unwritable("wires"));
        };
        let places = chains.iter().enumerate().flat_map(|(index, chain)| {
            let spots = chain
                .iter()
                .flat_map(|chain| chain.spots.iter().enumerate());
            spots.filter_map(move |(at, known)| (known == spot).then_some((index, at)))
        });
        let places: Vec<(usize, usize)> = places.collect();
        let ([(index, at)], 1) = (places.as_slice(), spots.len()) else {
            let (from, to) = names();
            let message = format!("the wire from `{from}` to `{to}` cannot be told from another");
            return Err(self.mistake(Some(*spot), message, "change the text by hand"));
        };
        let Some(chain) = chains.get(*index).and_then(Option::as_ref) else {
            return Err(self.unwritable("wires"));
        };
        let ranges: Vec<_> = items.iter().map(|item| item.spot.range()).collect();
        let mut pen = self.pen();
        put(&mut pen, (list, &ranges, *index), chain, &make(chain, *at));
        Ok(pen.finish())
    }

    fn unwritable(&self, what: &str) -> Diagnostic {
        let spot = self.section(what).map(|(name, _)| name.spot);
        let message = format!("`{what}` is written in a way that is not known here");
        self.mistake(spot, message, "change the text by hand")
    }

    fn mistake(
        &self,
        spot: Option<Spot>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        mistake(self.source, spot, message, help)
    }
}

/// Whether an end of a wire is this port.
fn is_at((node, port): &(String, String), name: &PortName) -> bool {
    (node, port) == (&name.node, &name.port)
}

fn written(name: &PortName) -> String {
    format!("{}.{}", name.node, name.port)
}

/// The ends that a chain has without a node: several where it falls apart.
fn without(chain: &WrittenChain<'_>, id: &str, found: &[FoundWire]) -> Vec<Vec<String>> {
    let type_at = |at: usize| {
        let spot = chain.spots.get(at)?;
        let wire = found.iter().find(|wire| wire.spot == *spot)?;
        Some(&wire.port_type)
    };
    let mut rest = vec![Vec::new()];
    let mut behind_gone = false;
    for (at, (end, node)) in chain.ends.iter().zip(&chain.nodes).enumerate() {
        let before = at.checked_sub(1).and_then(type_at);
        if node != id {
            if let Some(ends) = rest.last_mut() {
                ends.push(end.clone());
            }
            behind_gone = false;
            continue;
        }
        // Two of its wires after another, or what enters is not what leaves.
        let is_same = before.is_some() && before == type_at(at);
        if behind_gone || !is_same {
            rest.push(Vec::new());
        }
        behind_gone = true;
    }
    rest
}

/// Puts the chains of these ends in the place of one; those without a wire are left out.
fn put(
    pen: &mut Pen<'_>,
    (list, spots, index): (&Tree, &[std::ops::Range<usize>], usize),
    chain: &WrittenChain<'_>,
    ends: &[Vec<String>],
) {
    let wired = ends.iter().filter(|ends| ends.len() > 1);
    let texts: Vec<String> = wired.map(|ends| chain.with_ends(ends)).collect();
    match texts.is_empty() {
        true => pen.remove_item(list, spots, index),
        false => pen.replace(chain.tree.spot, &texts.join(", ")),
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
