//! Writes values into the text of a patch and leaves everything else in it as it stands.

mod chains;
mod controllers;
mod file;
mod graph;
mod literal;
mod named;
mod pen;
mod presets;
mod removal;
#[cfg(test)]
mod tests;
mod wire_lists;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use self::literal::Literal;
use self::pen::Pen;
use crate::descriptor::Descriptor;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, did_you_mean, shortened};
use crate::limits::{MAX_FILE, MAX_MESSAGE, MAX_MISTAKES};
use crate::param::Param;
use crate::patch::Source;
use crate::patch::params::convert;
use crate::patch::syntax::Parsed;
use crate::patch::tree::{Name, Shape, Spot, Tree};
use crate::registry::Registry;
use crate::transport_params::{DECLARED, TRANSPORT, TransportParams};

/// The section of a patch that has its named values.
const LET: &str = "let";

pub use controllers::{ControllerBinding, bind_controller};
pub use file::{
    Unwritten, bind_controller_file, keep_preset_file, patch_hash, replace_patch, write_back_file,
};
pub use graph::{GraphEdit, PortName, edit_graph};
pub use presets::keep_preset;

/// A value that is to stand in the text of a patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The node's id, or `transport`.
    pub node: String,
    /// The name of the parameter.
    pub param: String,
    /// The value, in the form in which values arrive at a node.
    pub value: Value,
    /// Whether six significant digits say all that there is to a number in it.
    pub rounded: bool,
    /// What a value of `let` is declared as, where it is one.
    pub(super) named: Option<Param>,
}

impl Written {
    /// A value with all its digits.
    pub fn new(node: impl Into<String>, param: impl Into<String>, value: impl Into<Value>) -> Self {
        Written {
            node: node.into(),
            param: param.into(),
            value: value.into(),
            rounded: false,
            named: None,
        }
    }

    /// A value of `let`, called as [`crate::NamedValue`] says; `param` is one of those that have
    /// it.
    pub fn of_let(name: &str, param: &Param, value: impl Into<Value>) -> Self {
        let (part, own) = name.rsplit_once('.').unzip();
        let own = own.unwrap_or(name);
        let node = part.map_or_else(|| LET.to_owned(), |part| format!("{part}.{LET}"));
        let mut declared = param.clone();
        declared.name = own.to_owned().into();
        Written {
            named: Some(declared),
            ..Written::new(node, own, value)
        }
    }

    /// The same with at most six significant digits: for what a wire, a dial or a slider gave,
    /// whose further digits nobody chose.
    #[must_use]
    pub fn rounded(self) -> Self {
        Written {
            rounded: true,
            ..self
        }
    }

    /// Its place in a patch, as `--set` has it.
    fn target(&self) -> String {
        format!("{}.{}", self.node, self.param)
    }
}

/// The text of the patch with `values` in it.
///
/// Where a node or the transport gives a parameter a value, that alone is replaced; a `use(name)`
/// makes way for the value itself, and the `let` stays. Where it gives none, `name: value` becomes
/// the last of its fields; a transport that is not there yet follows the format. What has the value
/// already stays as it is written, so that the same values change nothing the second time.
/// Of a value of `let` its line changes, or that of the include that gives it.
/// Comments, blank lines and the order of everything else stay. A text in the one layout
/// ([`Source::formatted`]) is in it afterwards; any other keeps its own.
///
/// Of several values for one parameter the last is written. What else may be wrong with the patch
/// does not matter.
///
/// # Errors
/// The text cannot be read; it has no such node, or an included patch has it; the node's kind is
/// not in the registry or has no such parameter; there is no such `let` value; the parameter does not
/// take the value. All of these are reported together.
pub fn write_back(
    source: &Source,
    values: &[Written],
    registry: &Registry,
) -> Result<String, Diagnostics> {
    let parsed = source.parsed()?;
    let writing = WriteBack {
        source,
        registry,
        nodes: Nodes::of(&parsed.tree),
        tree: &parsed.tree,
    };
    let mut changes = Vec::new();
    let mut mistakes = Vec::new();
    let mut known = HashSet::new();
    for value in values.iter().rev() {
        if known.insert((value.node.as_str(), value.param.as_str())) {
            match writing.change(value) {
                Ok(change) => changes.push(change),
                Err(mistake) => mistakes.push(mistake),
            }
        }
    }
    changes.reverse();
    mistakes.reverse();
    if !mistakes.is_empty() {
        let untold = mistakes.len().saturating_sub(MAX_MISTAKES);
        mistakes.truncate(MAX_MISTAKES);
        return Err(Diagnostics { mistakes, untold });
    }
    let text = writing.written(&parsed, &changes);
    if text == source.text {
        return Ok(text);
    }
    let mut result = writing.retold(text);
    if source.formatted()? == source.text {
        result.text = result.formatted()?;
    }
    writing.verify(&result, &changes)?;
    Ok(result.text)
}

/// A value and where it goes.
struct ValueChange<'t> {
    written: &'t Written,
    param: &'t Param,
    /// The node as it is written; the patch, where a transport is to be written into it.
    node: &'t Tree,
    /// What the patch gives the parameter now.
    given: Option<&'t Tree>,
    literal: Literal,
    /// The value as a patch with that literal gives it.
    wanted: Value,
}

/// Why something cannot be written into `source`; `spot`: where it would be.
fn mistake(
    source: &Source,
    spot: Option<Spot>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    let Source { name, text, .. } = source;
    Diagnostic {
        message: shortened(message.into(), MAX_MESSAGE),
        help: Some(shortened(help.into(), MAX_MESSAGE)),
        place: spot.map(|spot| Place::of(name, text, &spot.range())),
    }
}

/// The nodes that a patch has itself, and what it includes.
struct Nodes<'t> {
    section: Option<Spot>,
    transport: Option<&'t (Name, Tree)>,
    /// The patch's own `let`.
    lets: Option<&'t (Name, Tree)>,
    nodes: HashMap<&'t str, NodeEntry<'t>>,
    /// The ids of included patches, and their entries.
    parts: HashMap<&'t str, (Spot, &'t Tree)>,
}

struct NodeEntry<'t> {
    id: Spot,
    node: &'t Tree,
    /// Where the same id stands once more.
    again: Option<Spot>,
}

impl<'t> Nodes<'t> {
    fn of(tree: &'t Tree) -> Self {
        let fields: &[(Name, Tree)] = match &tree.shape {
            Shape::Struct(_, fields) => fields,
            _ => &[],
        };
        let section = |wanted: &str| fields.iter().find(|(name, _)| name.text == wanted);
        let entries = |wanted: &str| {
            let map = section(wanted).map(|(_, tree)| &tree.shape);
            let entries: &[(Tree, Tree)] = match map {
                Some(Shape::Map(entries)) => entries,
                _ => &[],
            };
            entries.iter().filter_map(|(key, value)| match &key.shape {
                Shape::Text(id) => Some((id.as_str(), key.spot, value)),
                _ => None,
            })
        };
        let mut nodes: HashMap<&str, NodeEntry<'t>> = HashMap::new();
        for (name, id, node) in entries("nodes") {
            let again = None;
            nodes
                .entry(name)
                .and_modify(|first| first.again = first.again.or(Some(id)))
                .or_insert(NodeEntry { id, node, again });
        }
        Nodes {
            section: section("nodes").map(|(name, _)| name.spot),
            transport: section(TRANSPORT),
            lets: section(LET),
            nodes,
            parts: entries("include")
                .map(|(name, id, part)| (name, (id, part)))
                .collect(),
        }
    }

    /// How the node `id`, or the transport, is written.
    fn anatomy(&self, id: &str) -> Option<Anatomy<'t>> {
        match id {
            TRANSPORT => Anatomy::of_transport(self.transport?),
            LET => Anatomy::of_transport(self.lets?),
            _ => match id.strip_suffix(LET).and_then(|id| id.strip_suffix('.')) {
                Some(part) => self.given_let(part).map(|(_, anatomy)| anatomy),
                None => Anatomy::of(self.nodes.get(id)?.node),
            },
        }
    }
}

/// A node as far as its writing goes.
struct Anatomy<'t> {
    kind: &'t str,
    kind_spot: Spot,
    fields: &'t [(Name, Tree)],
}

impl<'t> Anatomy<'t> {
    /// `None`: no node is written so.
    fn of(node: &'t Tree) -> Option<Self> {
        let (kind, kind_spot, fields): (_, _, &[(Name, Tree)]) = match &node.shape {
            Shape::Struct(Some(kind), fields) => (&kind.text, kind.spot, fields),
            Shape::Word(kind) => (kind, node.spot, &[]),
            _ => return None,
        };
        Some(Anatomy {
            kind,
            kind_spot,
            fields,
        })
    }

    /// As for the transport and `let`, which have no kind. `None`: neither is written so.
    fn of_transport((name, tree): &'t (Name, Tree)) -> Option<Self> {
        let Shape::Struct(None, fields) = &tree.shape else {
            return None;
        };
        Some(Anatomy {
            kind: TRANSPORT,
            kind_spot: name.spot,
            fields,
        })
    }

    fn given(&self, param: &str) -> impl Iterator<Item = &'t (Name, Tree)> {
        self.fields
            .iter()
            .filter(move |(name, _)| name.text == param)
    }
}

/// What is needed to write.
struct WriteBack<'t> {
    source: &'t Source,
    registry: &'t Registry,
    tree: &'t Tree,
    nodes: Nodes<'t>,
}

impl<'t> WriteBack<'t> {
    /// Where `written` goes, and what is written there.
    fn change(&self, written: &'t Written) -> Result<ValueChange<'t>, Diagnostic> {
        if let Some(param) = &written.named {
            return self.named_change(written, param);
        }
        let is_transport = written.node == TRANSPORT;
        let (node, anatomy) = match is_transport {
            true => self.transport()?,
            false => self.node(written)?,
        };
        let descriptor = match is_transport {
            true => &*DECLARED,
            false => self.descriptor(&anatomy)?,
        };
        let param = self.param(written, descriptor, anatomy.kind_spot)?;
        let mut fields = anatomy.given(&param.name);
        let given = fields.next().map(|(_, tree)| tree);
        if let Some((name, _)) = fields.next() {
            let help = format!("`{}` has it twice; remove one", written.node);
            let message = format!("`{}` stands here twice", param.name);
            return Err(self.mistake(name.spot, message, help));
        }
        let spot = given.map_or(anatomy.kind_spot, |tree| tree.spot);
        let change = self.change_of(written, param, (node, given), spot)?;
        if is_transport {
            self.require_possible(&param.name, &change.wanted, spot)?;
        }
        Ok(change)
    }

    /// The value that goes into `node`, in the place of what is `given` there.
    fn change_of(
        &self,
        written: &'t Written,
        param: &'t Param,
        (node, given): (&'t Tree, Option<&'t Tree>),
        spot: Spot,
    ) -> Result<ValueChange<'t>, Diagnostic> {
        let unfit = |why: String| {
            let help = format!(
                "give `{}` another value; the patch stays as it is",
                written.target()
            );
            self.mistake(spot, why, help)
        };
        param.admits(&written.value).map_err(unfit)?;
        let folder = &self.source.folder;
        let literal = Literal::of(&param.param_type, &written.value, written.rounded, folder);
        let wanted = literal
            .read(param, folder)
            .map_err(|why| unfit(format!("{why}; that cannot be written into a patch")))?;
        Ok(ValueChange {
            written,
            param,
            node,
            given,
            literal,
            wanted,
        })
    }

    /// The transport; where there is none, the patch that it would stand in.
    fn transport(&self) -> Result<(&'t Tree, Anatomy<'t>), Diagnostic> {
        let start = self.tree.spot.first();
        match (self.nodes.transport, &self.tree.shape) {
            (Some(section), _) => match Anatomy::of_transport(section) {
                Some(anatomy) => Ok((&section.1, anatomy)),
                None => Err(self.mistake(
                    section.1.spot,
                    "this is not written as a transport is",
                    "`transport` looks like `(tempo: 120, metre: (4, 4))`",
                )),
            },
            (None, Shape::Struct(..)) => Ok((
                self.tree,
                Anatomy {
                    kind: TRANSPORT,
                    kind_spot: start,
                    fields: &[],
                },
            )),
            (None, _) => {
                let help = "it looks like `Patch(format: 1, nodes: {…}, wires: […])`";
                Err(self.mistake(start, "this is not a patch", help))
            }
        }
    }

    /// Whether the transport can have the value: a key must be one, and a metre too.
    fn require_possible(&self, param: &str, value: &Value, spot: Spot) -> Result<(), Diagnostic> {
        let values = Map::from_iter([(param.to_owned(), value.clone())]);
        let params = TransportParams::of(&values);
        let impossible = params
            .map(|params| params.transport().1)
            .unwrap_or_default();
        match impossible.into_iter().next() {
            None => Ok(()),
            Some(wrong) => {
                let help = wrong
                    .help
                    .unwrap_or_else(|| "the patch stays as it is".to_owned());
                Err(self.mistake(spot, wrong.message, help))
            }
        }
    }

    fn node(&self, written: &Written) -> Result<(&'t Tree, Anatomy<'t>), Diagnostic> {
        let id = written.node.as_str();
        let Some(entry) = self.nodes.nodes.get(id) else {
            return Err(self.no_node(written));
        };
        if let Some(again) = entry.again {
            let place = Place::of(&self.source.name, &self.source.text, &entry.id.range());
            let first = format!("{}:{}", place.line, place.column);
            let message = format!("two nodes are called `{id}`; the first is at {first}");
            return Err(self.mistake(again, message, "give one of them another id"));
        }
        match Anatomy::of(entry.node) {
            Some(anatomy) => Ok((entry.node, anatomy)),
            None => Err(self.mistake(
                entry.node.spot,
                format!("`{id}` is not written as a node is"),
                "a node is written `kind(name: value)`",
            )),
        }
    }

    fn no_node(&self, written: &Written) -> Diagnostic {
        let id = written.node.as_str();
        let part = id.split_once('.').and_then(|(part, rest)| {
            let (spot, entry) = self.nodes.parts.get(part)?;
            Some((rest, *spot, *entry))
        });
        if let Some((rest, spot, entry)) = part {
            let patch = match &entry.shape {
                Shape::Struct(_, fields) => fields.iter().find(|(name, _)| name.text == "patch"),
                _ => None,
            };
            let file = match patch.map(|(_, tree)| &tree.shape) {
                Some(Shape::Text(path)) => format!("`{path}`"),
                _ => "another patch".to_owned(),
            };
            let message = format!("`{id}` stands in {file}, which this patch only includes");
            let help = format!(
                "write the value there, or here as `set: {{\"{rest}.{}\": …}}` beside `patch`",
                written.param
            );
            return self.mistake(spot, message, help);
        }
        let ids = self.nodes.nodes.keys().copied();
        let help = did_you_mean(id, ids)
            .unwrap_or_else(|| "it may have another id since; look at `nodes`".to_owned());
        let spot = (self.nodes.section).unwrap_or_else(|| self.tree.spot.first());
        self.mistake(spot, format!("there is no node `{id}`"), help)
    }

    fn descriptor(&self, anatomy: &Anatomy<'_>) -> Result<&'t Descriptor, Diagnostic> {
        let kind = anatomy.kind;
        if let Some(known) = self.registry.kind(kind) {
            return Ok(known.descriptor());
        }
        let near = || {
            did_you_mean(
                kind,
                self.registry.kinds().map(|kind| &*kind.descriptor().kind),
            )
        };
        let help = (self.registry.advice(kind).map(str::to_owned))
            .or_else(near)
            .unwrap_or_else(|| {
                "`score nodes` lists all kinds, `score plugins` those of plugins".to_owned()
            });
        Err(self.mistake(
            anatomy.kind_spot,
            format!("there is no node kind `{kind}`"),
            help,
        ))
    }

    fn param(
        &self,
        written: &Written,
        descriptor: &'t Descriptor,
        spot: Spot,
    ) -> Result<&'t Param, Diagnostic> {
        let name = written.param.as_str();
        let mut params = descriptor.params.iter();
        if let Some(param) = params.find(|param| param.name == name) {
            return Ok(param);
        }
        let names = || descriptor.params.iter().map(|param| param.name.as_ref());
        let help = did_you_mean(name, names()).unwrap_or_else(|| {
            match names().collect::<Vec<_>>().as_slice() {
                [] => "it has none at all".to_owned(),
                names => format!("it has {}", names.join(", ")),
            }
        });
        let message = format!("`{}` has no parameter `{name}`", descriptor.kind);
        Err(self.mistake(spot, message, help))
    }

    fn mistake(
        &self,
        spot: Spot,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        mistake(self.source, Some(spot), message, help)
    }

    /// The text with all changes in it.
    fn written(&self, parsed: &Parsed, changes: &[ValueChange<'_>]) -> String {
        let mut pen = Pen::new(&self.source.text, &parsed.comments);
        // All that one node gets new is written at once, since it goes to one place.
        let mut new: Vec<(&Tree, Vec<String>)> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for change in changes {
            match change.given {
                Some(tree) if self.gives(change.param, tree, &change.wanted) => {}
                Some(tree) => {
                    let param_type = &change.param.param_type;
                    let folder = &self.source.folder;
                    pen.put(tree, param_type, &change.literal, &change.wanted, folder);
                }
                None => {
                    let place = *places.entry(change.node.spot.start).or_insert(new.len());
                    if place == new.len() {
                        new.push((change.node, Vec::new()));
                    }
                    new[place]
                        .1
                        .push(format!("{}: {}", change.param.name, change.literal));
                }
            }
        }
        for (node, fields) in new {
            match std::ptr::eq(node, self.tree) {
                true => pen.add_section(node, &format!("{TRANSPORT}: ({})", fields.join(", "))),
                false => pen.add_fields(node, &fields),
            }
        }
        pen.finish()
    }

    /// Whether `tree` is a way to write `wanted`.
    fn gives(&self, param: &Param, tree: &Tree, wanted: &Value) -> bool {
        let given = convert(param, tree, |_| self.source.folder.as_path());
        given.ok().flatten().as_ref() == Some(wanted)
    }

    /// The same patch with another text.
    fn retold(&self, text: String) -> Source {
        let mut source = self.source.clone();
        source.text = text;
        source
    }

    /// Reads what was written once more: what cannot be read as it is meant is given to nobody.
    fn verify(&self, result: &Source, changes: &[ValueChange<'_>]) -> Result<(), Diagnostics> {
        if result.text.len() as u64 > MAX_FILE {
            let message = format!("the patch would be longer than {} MB", MAX_FILE >> 20);
            let mistake = self.mistake(self.tree.spot.first(), message, "write fewer values");
            return Err(vec![mistake].into());
        }
        let parsed = result.parsed()?;
        let nodes = Nodes::of(&parsed.tree);
        let is_there = |change: &&ValueChange<'_>| {
            let anatomy = nodes.anatomy(&change.written.node);
            let given = anatomy.and_then(|anatomy| anatomy.given(&change.param.name).next());
            given.is_some_and(|(_, tree)| self.gives(change.param, tree, &change.wanted))
        };
        let lost = changes
            .iter()
            .filter(|change| !is_there(change))
            .map(|change| {
                let message = format!("`{}` cannot be written here", change.written.target());
                let help = format!(
                    "write it by hand: {}: {}",
                    change.param.name, change.literal
                );
                self.mistake(change.node.spot, message, help)
            });
        match lost.collect::<Vec<_>>() {
            lost if lost.is_empty() => Ok(()),
            lost => Err(lost.into()),
        }
    }
}
