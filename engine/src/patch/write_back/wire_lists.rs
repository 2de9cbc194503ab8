//! Lists with an item for each wire into a port, as a mixer's levels: the item of a wire that goes
//! goes with it, so that every other wire keeps its own.

use std::collections::HashSet;

use super::chains::chains;
use super::pen::Pen;
use super::{Anatomy, Nodes};
use crate::diagnostic::{Diagnostic, Diagnostics, shortened};
use crate::limits::MAX_MESSAGE;
use crate::patch::Source;
use crate::patch::check::FoundWire;
use crate::patch::syntax::Parsed;
use crate::patch::tree::{Shape, Tree};
use crate::registry::Registry;

/// A node and its port that a wire comes from.
type Sender = (String, String);

/// A list of a node that has an item for each wire into `input`.
struct WireList {
    node: String,
    param: String,
    input: String,
}

/// The lists of a patch that count wires, and where the wires come from that each counts.
#[derive(Default)]
pub(super) struct WireLists(Vec<(WireList, Vec<Sender>)>);

impl WireLists {
    /// Those that the text gives. `found` tells the wires as they are joined.
    pub(super) fn of(
        source: &Source,
        parsed: &Parsed,
        registry: &Registry,
        found: impl Fn(&Source) -> Vec<FoundWire>,
    ) -> Self {
        let tree = &parsed.tree;
        let recalled: HashSet<&str> = recalled(tree).into_iter().map(|(name, _)| name).collect();
        let mut lists = Vec::new();
        for (id, entry) in Nodes::of(tree).nodes {
            let Some(anatomy) = Anatomy::of(entry.node).filter(|_| entry.again.is_none()) else {
                continue;
            };
            let Some(kind) = registry.kind(anatomy.kind) else {
                continue;
            };
            for param in &kind.descriptor().params {
                let Some(input) = &param.wires else { continue };
                let list = WireList {
                    node: id.to_owned(),
                    param: param.name.to_string(),
                    input: input.to_string(),
                };
                let is_given = anatomy.given(&param.name).next().is_some();
                if is_given || recalled.contains(list.name().as_str()) {
                    lists.push(list);
                }
            }
        }
        if lists.is_empty() {
            return WireLists::default();
        }
        let found = found(source);
        let known = lists.into_iter().filter_map(|list| {
            let senders = list.senders(&source.text, parsed, &found)?;
            Some((list, senders))
        });
        WireLists(known.collect())
    }

    /// Takes out of the lists of `edited`, whose wires were changed since, the items of those that
    /// are gone. What has come in the place of a wire takes its item over; behind all others, it
    /// has none.
    pub(super) fn follow(
        &self,
        edited: &mut Source,
        found: impl Fn(&Source) -> Vec<FoundWire>,
    ) -> Result<(), Diagnostics> {
        if self.0.is_empty() {
            return Ok(());
        }
        let found = found(edited);
        let parsed = edited.parsed()?;
        let mut all_gone = Vec::new();
        for (list, before) in &self.0 {
            let Some(after) = list.senders(&edited.text, &parsed, &found) else {
                continue;
            };
            let (gone, come) = changes(before, &after);
            let reaches = |come| {
                let mut places = list.places(&parsed.tree).into_iter();
                places.any(|(_, items)| items.len() > come)
            };
            if come.is_some_and(reaches) {
                return Err(vec![list.refused()].into());
            }
            all_gone.extend(gone.into_iter().map(|at| (list, at)));
        }
        for (list, at) in all_gone {
            edited.text = list.without(edited, at)?;
        }
        Ok(())
    }
}

impl WireList {
    /// What presets call it.
    fn name(&self) -> String {
        format!("{}.{}", self.node, self.param)
    }

    /// Where the wires come from that it counts, in their order. `None`: a wire leads to the node
    /// of which it is not known to which port.
    fn senders(&self, text: &str, parsed: &Parsed, found: &[FoundWire]) -> Option<Vec<Sender>> {
        let (_, _, chains) = chains(text, parsed)?;
        for chain in chains {
            let chain = chain?;
            let wires = chain.nodes.iter().skip(1).zip(&chain.spots);
            let mut into = wires.filter(|(to, _)| **to == self.node);
            if !into.all(|(_, spot)| found.iter().any(|wire| wire.spot == *spot)) {
                return None;
            }
        }
        let is_counted = |wire: &&FoundWire| wire.to.0 == self.node && wire.to.1 == self.input;
        let counted = found.iter().filter(is_counted);
        Some(counted.map(|wire| wire.from.clone()).collect())
    }

    /// Where the patch writes it item by item: in its node, in presets and in cues.
    fn places<'t>(&self, tree: &'t Tree) -> Vec<(&'t Tree, &'t [Tree])> {
        let name = self.name();
        let nodes = section(tree, "nodes").map_or_else(Vec::new, entries);
        let own = nodes
            .into_iter()
            .filter(|(id, _)| *id == self.node)
            .filter_map(|(_, node)| Anatomy::of(node)?.given(&self.param).next())
            .map(|(_, value)| value);
        let recalled = recalled(tree).into_iter();
        let recalled = recalled
            .filter(|(of, _)| *of == name)
            .map(|(_, value)| value);
        let lists = own.chain(recalled).filter_map(|value| match &value.shape {
            Shape::List(items) => Some((value, items.as_slice())),
            // Round brackets with nothing in them would not be a list.
            Shape::Tuple(None, items) if items.len() > 1 => Some((value, items.as_slice())),
            _ => None,
        });
        lists.collect()
    }

    /// The text without the item of this number, wherever there is one.
    fn without(&self, source: &Source, at: usize) -> Result<String, Diagnostics> {
        let parsed = source.parsed()?;
        let mut pen = Pen::new(&source.text, &parsed.comments);
        for (list, items) in self.places(&parsed.tree) {
            let items: Vec<_> = items.iter().map(|item| item.spot.range()).collect();
            pen.remove_item(list, &items, at);
        }
        Ok(pen.finish())
    }

    /// Why a wire cannot come before others: nobody knows what its item would be.
    fn refused(&self) -> Diagnostic {
        let (name, node) = (self.name(), &self.node);
        let message = format!(
            "`{name}` has an item for each wire into `{node}`; this wire would come before others"
        );
        Diagnostic {
            message: shortened(message, MAX_MESSAGE),
            help: Some("change the text by hand, the wire and the list".to_owned()),
            place: None,
        }
    }
}

/// The numbers of the wires that are gone, the last first, and the number of the first before which
/// another has come. A new one in the place of one that is gone is neither.
fn changes(before: &[Sender], after: &[Sender]) -> (Vec<usize>, Option<usize>) {
    let (mut gone, mut come) = (Vec::new(), None);
    let (mut old, mut new) = (0, 0);
    while let (Some(was), Some(is)) = (before.get(old), after.get(new)) {
        let is_gone = !after[new..].contains(was);
        let is_new = !before[old..].contains(is);
        if was == is || (is_gone && is_new) {
            (old, new) = (old + 1, new + 1);
        } else if is_gone {
            gone.push(old);
            old += 1;
        } else {
            come = come.or(Some(old));
            new += 1;
        }
    }
    gone.extend(old..before.len());
    gone.reverse();
    (gone, come)
}

fn section<'t>(tree: &'t Tree, wanted: &str) -> Option<&'t Tree> {
    tree.field(wanted).map(|(_, section)| section)
}

/// What stands in braces, by name.
fn entries(map: &Tree) -> Vec<(&str, &Tree)> {
    let entries: &[(Tree, Tree)] = match &map.shape {
        Shape::Map(entries) => entries,
        _ => &[],
    };
    let named = entries.iter().filter_map(|(key, value)| match &key.shape {
        Shape::Text(name) => Some((name.as_str(), value)),
        _ => None,
    });
    named.collect()
}

/// The values of presets and cues, each with what it is for: `node.parameter`.
fn recalled(tree: &Tree) -> Vec<(&str, &Tree)> {
    let presets = section(tree, "presets").map_or_else(Vec::new, entries);
    let presets = presets.into_iter().map(|(_, values)| values);
    let cues: &[Tree] = match section(tree, "cues").map(|cues| &cues.shape) {
        Some(Shape::List(cues)) => cues,
        _ => &[],
    };
    let sets = cues.iter().filter_map(|cue| section(cue, "set"));
    presets.chain(sets).flat_map(entries).collect()
}
