//! Compares a checked patch with what runs: which nodes and wires stay, which begin, which go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use serde_json::Value;

use crate::graph::{GraphNode, GraphWire};
use crate::param::{Change, FileContent, FileRole, ParamType, Span};
use crate::policy::Policy;
use crate::transport::Transport;

/// What becomes of a node of the new patch.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// The running node at this index keeps running; these parameters get new values.
    Stays {
        old: usize,
        values: Vec<(String, Value)>,
    },
    /// A new node begins.
    Begins,
}

/// A wire's place: from output `output` of node `from` into the `number`th wire of input `input` of
/// node `to`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WirePlace {
    pub(super) from: usize,
    pub(super) output: usize,
    pub(super) to: usize,
    pub(super) input: usize,
    pub(super) number: usize,
    pub(super) policy: Policy,
    /// See [`GraphWire::span`].
    pub(super) span: Option<Span>,
}

/// What runs, or shall run.
pub(super) struct GraphView<'a> {
    pub(super) transport: &'a Transport,
    pub(super) nodes: Vec<&'a GraphNode>,
    pub(super) places: &'a [WirePlace],
}

/// The difference.
#[derive(Debug)]
pub(super) struct Plan {
    /// For each node of the new patch.
    pub(super) fates: Vec<Fate>,
    /// For each wire of the new patch: the running wire that stays in its place.
    pub(super) wires: Vec<Option<usize>>,
    /// For each node of the new patch that stays: the numbers of the parameters that no wire leads
    /// into any more.
    pub(super) unwired: Vec<Vec<usize>>,
    /// The running nodes that go.
    pub(super) leaving: Vec<usize>,
}

impl Plan {
    /// Whether all that runs, with its `wires` wires, stays exactly as it is.
    pub(super) fn changes_nothing(&self, wires: usize) -> bool {
        let as_it_is =
            |fate: &Fate| matches!(fate, Fate::Stays { values, .. } if values.is_empty());
        self.leaving.is_empty()
            && self.unwired.iter().all(Vec::is_empty)
            && self.fates.iter().all(as_it_is)
            && self.wires.len() == wires
            && self.wires.iter().all(Option::is_some)
    }
}

/// Numbers the wires into each input in the patch's order.
pub(super) fn wire_places(wires: &[GraphWire]) -> Vec<WirePlace> {
    let mut numbers: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    wires
        .iter()
        .map(|wire| {
            let next = numbers.entry((wire.to, wire.input)).or_default();
            let number = *next;
            *next += 1;
            WirePlace {
                from: wire.from,
                output: wire.output,
                to: wire.to,
                input: wire.input,
                number,
                policy: wire.policy,
                span: wire.span,
            }
        })
        .collect()
}

/// For each of so many nodes its place in an order in which packets come to a node after they have
/// come to those that it reads from, but for one round of each cycle.
pub(super) fn ranks(nodes: usize, places: &[WirePlace]) -> Vec<usize> {
    let mut read: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut reads = vec![0_usize; nodes];
    for place in places {
        read[place.from].push(place.to);
        reads[place.to] += 1;
    }
    let mut ready: VecDeque<usize> = (0..nodes).filter(|node| reads[*node] == 0).collect();
    let mut ranks = vec![None; nodes];
    let mut left = 0..nodes;
    let mut next = 0;
    // Where only cycles are left, one of their nodes comes first.
    while let Some(node) = ready
        .pop_front()
        .or_else(|| left.find(|node| ranks[*node].is_none()))
    {
        if ranks[node].is_none() {
            ranks[node] = Some(next);
            next += 1;
            for reader in &read[node] {
                reads[*reader] -= 1;
                if reads[*reader] == 0 {
                    ready.push_back(*reader);
                }
            }
        }
    }
    ranks.into_iter().map(Option::unwrap_or_default).collect()
}

/// Plans the way from `old` to `new`. Nodes that read one of the `touched` files are rebuilt, and
/// so are those that `rests` says no longer run.
pub(super) fn plan(
    old: &GraphView<'_>,
    new: &GraphView<'_>,
    touched: &BTreeSet<PathBuf>,
    rests: impl Fn(usize) -> bool,
) -> Plan {
    let another_form = {
        let form = |of: &Transport| (of.seed, of.sample_rate, of.block);
        form(old.transport) != form(new.transport)
    };
    let by_id: BTreeMap<&str, usize> = (0..)
        .zip(&old.nodes)
        .map(|(index, node)| (node.id.as_str(), index))
        .collect();
    let fate = |node: &GraphNode| {
        let Some(old_index) = by_id.get(node.id.as_str()).copied() else {
            return Fate::Begins;
        };
        let before = old.nodes[old_index];
        let begins = another_form
            || rests(old_index)
            || node.descriptor.kind != before.descriptor.kind
            || node.edition != before.edition
            || (&node.inputs, &node.outputs) != (&before.inputs, &before.outputs)
            || node.wires != before.wires
            || reads_any(node, touched);
        match live_changes(before, node).filter(|_| !begins) {
            Some(values) => Fate::Stays {
                old: old_index,
                values,
            },
            None => Fate::Begins,
        }
    };
    let fates: Vec<Fate> = new.nodes.iter().map(|node| fate(node)).collect();
    let stays = |node: usize| match &fates[node] {
        Fate::Stays { old, .. } => Some(*old),
        Fate::Begins => None,
    };
    let wires = new
        .places
        .iter()
        .map(|place| {
            let before = WirePlace {
                from: stays(place.from)?,
                to: stays(place.to)?,
                ..place.clone()
            };
            old.places.iter().position(|running| *running == before)
        })
        .collect();
    let unwired = |node: usize| -> Vec<usize> {
        let Some(before) = stays(node) else {
            return Vec::new();
        };
        let descriptor = &new.nodes[node].descriptor;
        let is_wired = |input| {
            new.places
                .iter()
                .any(|place| (place.to, place.input) == (node, input))
        };
        let old = old
            .places
            .iter()
            .filter(|place| place.to == before && !is_wired(place.input));
        old.filter_map(|place| descriptor.param_number(place.input))
            .collect()
    };
    let staying: BTreeSet<usize> = (0..fates.len()).filter_map(stays).collect();
    Plan {
        wires,
        unwired: (0..fates.len()).map(unwired).collect(),
        leaving: (0..old.nodes.len())
            .filter(|node| !staying.contains(node))
            .collect(),
        fates,
    }
}

/// Whether a parameter of the node names one of the files.
fn reads_any(node: &GraphNode, files: &BTreeSet<PathBuf>) -> bool {
    node.files().any(|file| files.contains(&file))
}

/// The parameters whose values differ, where the running processor can take them all.
fn live_changes(old: &GraphNode, new: &GraphNode) -> Option<Vec<(String, Value)>> {
    let mut changes = Vec::new();
    for param in &new.descriptor.params {
        let name = param.name.as_ref();
        let value = new.values.get(name).unwrap_or(&Value::Null);
        if value == old.values.get(name).unwrap_or(&Value::Null) {
            continue;
        }
        if param.change != Change::Live {
            return None;
        }
        changes.push((name.to_owned(), value.clone()));
    }
    Some(changes)
}

impl GraphNode {
    /// The files that the node's parameters name for reading, but for folders, which it looks after
    /// itself.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.descriptor
            .params
            .iter()
            .filter(|param| param.param_type == ParamType::File(FileRole::Read))
            .filter(|param| param.purpose.content != Some(FileContent::Folder))
            .filter_map(|param| self.values.get(param.name.as_ref())?.as_str())
            .map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::Params;
    use crate::descriptor::Descriptor;
    use crate::error::NodeError;
    use crate::graph::Graph;
    use crate::key::KeyChoice;
    use crate::node::{Build, Node, Processor, Settings};
    use crate::patch::{Source, check};
    use crate::port::{Control, InputPort, OutputPort};
    use crate::registry::Registry;
    use crate::swing::Swing;

    const TURNS: InputPort<Control> = InputPort::new(0, "in", "").many();
    const TURNED: OutputPort<Control> = OutputPort::new(0, "out", "");

    #[derive(Clone, Params)]
    #[expect(dead_code, reason = "the node is planned, never built")]
    struct Knob {
        #[param(live, range = 0..=9, default = 0)]
        turn: u8,
        #[param(range = 0..=9, default = 0)]
        size: u8,
    }

    impl Node for Knob {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "knob", "")
                .input(TURNS)
                .output(TURNED)
        }

        fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Err(NodeError::internal("only planned"))
        }
    }

    /// Up to four knobs with their values, and the wires between them, each to a later one.
    #[derive(Clone, Debug)]
    struct Draft {
        knobs: Vec<Option<(u8, u8)>>,
        wires: Vec<(usize, usize)>,
        tempo: u16,
    }

    fn draft() -> impl Strategy<Value = Draft> {
        (
            proptest::collection::vec(proptest::option::weighted(0.8, (0..3u8, 0..2u8)), 4),
            proptest::collection::vec((0..4usize, 0..4usize), 0..5),
            100..102u16,
        )
            .prop_map(|(mut knobs, wires, tempo)| {
                knobs[0].get_or_insert((0, 0));
                let there = |index: &usize| knobs[*index].is_some();
                let wires = wires
                    .into_iter()
                    .filter(|(from, to)| from < to && there(from) && there(to))
                    .collect();
                Draft {
                    knobs,
                    wires,
                    tempo,
                }
            })
    }

    fn graph(draft: &Draft) -> Graph {
        let nodes: Vec<String> = (0..)
            .zip(&draft.knobs)
            .filter_map(|(index, knob): (usize, _)| Some((index, (*knob)?)))
            .map(|(index, (turn, size))| format!("\"k{index}\": knob(turn: {turn}, size: {size})"))
            .collect();
        let wires: Vec<String> = draft
            .wires
            .iter()
            .map(|(from, to)| format!("\"k{from} -> k{to}\""))
            .collect();
        let text = format!(
            "Patch(format: 1, transport: (tempo: {}), nodes: {{{}}}, wires: [{}])",
            draft.tempo,
            nodes.join(", "),
            wires.join(", ")
        );
        let mut registry = Registry::new();
        registry.add::<Knob>();
        let source = Source::text("p.ron", &text, PathBuf::new());
        check(&source, &[], &registry, &Settings::default()).unwrap()
    }

    fn planned(old: &Graph, new: &Graph) -> Plan {
        let (old_places, new_places) = (wire_places(&old.wires), wire_places(&new.wires));
        plan(
            &GraphView {
                transport: &old.transport,
                nodes: old.nodes.iter().collect(),
                places: &old_places,
            },
            &GraphView {
                transport: &new.transport,
                nodes: new.nodes.iter().collect(),
                places: &new_places,
            },
            &BTreeSet::new(),
            |_| false,
        )
    }

    #[test]
    fn at_another_tempo_in_another_metre_key_or_swing_everything_stays() {
        let draft = Draft {
            knobs: vec![Some((0, 0)), Some((0, 0))],
            wires: Vec::new(),
            tempo: 100,
        };
        let mut before = graph(&draft);
        before.nodes[1].descriptor.in_bars = true;
        let mut after = graph(&draft);
        after.nodes[1].descriptor.in_bars = true;
        after.transport = Transport {
            tempo: 90.0,
            metre: crate::time::Metre(3, 4),
            key: Some(KeyChoice::Auto),
            swing: Swing {
                share: 0.6,
                ..Swing::default()
            },
            ..before.transport.clone()
        };
        let stays = |old| Fate::Stays {
            old,
            values: Vec::new(),
        };
        assert_eq!(planned(&before, &after).fates, [stays(0), stays(1)]);
        // What was drawn from another seed, and sound of another form, cannot go on.
        after.transport.seed += 1;
        assert_eq!(planned(&before, &after).fates, [Fate::Begins, Fate::Begins]);
    }

    proptest! {
        #[test]
        fn each_node_comes_after_those_that_it_reads_from_and_a_cycle_leaves_nobody_out(
            wires in proptest::collection::vec((0..6usize, 0..6usize), 0..12),
            with_cycles in any::<bool>(),
        ) {
            let places: Vec<WirePlace> = wires
                .into_iter()
                .filter(|(from, to)| with_cycles || from < to)
                .map(|(from, to)| WirePlace {
                    from,
                    output: 0,
                    to,
                    input: 0,
                    number: 0,
                    policy: Policy::Latest,
                    span: None,
                })
                .collect();
            let ranks = ranks(6, &places);
            let all: BTreeSet<usize> = ranks.iter().copied().collect();
            prop_assert_eq!(all, (0..6).collect::<BTreeSet<_>>(), "each has a place of its own");
            for place in places.iter().filter(|_| !with_cycles) {
                prop_assert!(ranks[place.from] < ranks[place.to]);
            }
        }

        #[test]
        fn the_same_patch_changes_nothing(draft in draft()) {
            let plan = planned(&graph(&draft), &graph(&draft));
            prop_assert!(plan.leaving.is_empty() && plan.wires.iter().all(Option::is_some));
            for (index, fate) in plan.fates.iter().enumerate() {
                prop_assert_eq!(fate, &Fate::Stays { old: index, values: Vec::new() });
            }
        }

        #[test]
        fn exactly_those_stay_that_can_and_every_wire_between_them(old in draft(), new in draft()) {
            let (before, after) = (graph(&old), graph(&new));
            let plan = planned(&before, &after);
            let number = |node: &GraphNode| node.id[1..].parse::<usize>().unwrap();
            let arrivals = |draft: &Draft, knob| draft.wires.iter().filter(|(_, to)| *to == knob).count();
            for (node, fate) in after.nodes.iter().zip(&plan.fates) {
                let knob = number(node);
                let (was, is) = (old.knobs[knob], new.knobs[knob].unwrap());
                let may_stay = was.is_some_and(|was| was.1 == is.1) && arrivals(&old, knob) == arrivals(&new, knob);
                match fate {
                    Fate::Begins => prop_assert!(!may_stay),
                    Fate::Stays { old: place, values } => {
                        prop_assert!(may_stay);
                        prop_assert_eq!(number(&before.nodes[*place]), knob);
                        let turned = was.unwrap().0 != is.0;
                        prop_assert_eq!(values.len(), usize::from(turned), "only what is new is told");
                    }
                }
            }
            let mut gone_or_kept: Vec<usize> = plan.leaving.clone();
            gone_or_kept.extend(plan.fates.iter().filter_map(|fate| match fate {
                Fate::Stays { old, .. } => Some(*old),
                Fate::Begins => None,
            }));
            gone_or_kept.sort_unstable();
            prop_assert_eq!(gone_or_kept, (0..before.nodes.len()).collect::<Vec<_>>(), "each goes or stays, once");
            let kept: Vec<usize> = plan.wires.iter().flatten().copied().collect();
            prop_assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), kept.len(), "no wire twice");
        }
    }
}
