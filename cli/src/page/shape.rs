//! In which shape a picture is shown: sources send theirs in any size, squeezed, and say which
//! shape they have. Previews, stills and the full-screen view show it.

use std::collections::{BTreeMap, BTreeSet};

use score_engine::{NodeStatus, PortType, Status, SteerableNode, Steering, WireEnd, WireStatus};

/// Kinds that leave a picture's size and shape as they are; of several those of the first input.
const KEEPS: [&str; 6] = ["adjust", "blur", "trails", "mask", "gate", "mix_pictures"];

/// The figure in which a source says how wide its pictures are for their height.
const FIGURE: &str = "shape_thousandths";

/// How wide the pictures of each node are for their height.
#[derive(Default)]
pub(super) struct Shapes {
    revision: Option<u64>,
    /// Of each node that sends pictures the one that they come from.
    sources: BTreeMap<String, String>,
    /// Of each source that says it, in thousandths.
    told: BTreeMap<String, u16>,
}

impl Shapes {
    /// Takes in what the nodes say; another patch may play.
    pub(super) fn look(&mut self, steering: &Steering, status: &Status) {
        if self.revision.replace(status.revision) != Some(status.revision) {
            self.follow(&steering.nodes(), &status.wires);
        }
        self.hear(&status.nodes);
    }

    fn follow(&mut self, nodes: &[SteerableNode], wires: &[WireStatus]) {
        let senders = nodes.iter().filter(|node| sends_pictures(node));
        let found = senders.filter_map(|node| {
            let source = source(&node.id, nodes, wires)?;
            Some((node.id.clone(), source.to_owned()))
        });
        self.sources = found.collect();
    }

    fn hear(&mut self, nodes: &[NodeStatus]) {
        let told = nodes.iter().filter_map(|node| {
            let shape = u16::try_from(*node.counters.get(FIGURE)?).ok()?;
            Some((node.id.clone(), shape))
        });
        self.told = told.collect();
    }

    /// The shape of what a node sends, in thousandths; 0: that of its pixels.
    pub(super) fn of(&self, node: &str) -> u16 {
        let source = self.sources.get(node);
        let told = source.and_then(|source| self.told.get(source));
        told.copied().unwrap_or_default()
    }
}

/// Whether any output of a node carries pictures.
pub(super) fn sends_pictures(node: &SteerableNode) -> bool {
    let mut outputs = node.outputs.iter();
    outputs.any(|output| output.port_type == PortType::Frame)
}

/// The node that gives the pictures of node `id` their size and shape: itself, or the first before
/// it that does not leave them as they are. `None`: none comes to it.
pub(super) fn source<'a>(
    id: &str,
    nodes: &'a [SteerableNode],
    wires: &[WireStatus],
) -> Option<&'a str> {
    let named = |id: &str| nodes.iter().find(|node| node.id == id);
    let is_picture = |end: &WireEnd| {
        named(&end.node).is_some_and(|node| {
            let mut outputs = node.outputs.iter();
            outputs.any(|port| port.name == end.port && port.port_type == PortType::Frame)
        })
    };
    let mut at = named(id)?;
    let mut passed = BTreeSet::new();
    while KEEPS.contains(&at.kind.as_str()) {
        if !passed.insert(at.id.as_str()) {
            return None;
        }
        let entering = wires.iter().filter(|wire| wire.to.node == at.id);
        let place = |wire: &WireStatus| {
            let mut inputs = at.inputs.iter();
            inputs.position(|port| port.name == wire.to.port)
        };
        let wire = entering
            .filter(|wire| is_picture(&wire.from))
            .min_by_key(|wire| place(wire))?;
        at = named(&wire.from.node)?;
    }
    Some(&at.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node, node_status, wire};

    /// A film, with a shape that it says, and what edits its pictures.
    fn shapes(told: u64) -> Shapes {
        let nodes = [
            node("film", "video_file"),
            node("soft", "blur"),
            node("round", "mask"),
            node("part", "crop"),
            node("both", "mix_pictures"),
            node("alone", "adjust"),
            node("tune", "scale_walk"),
        ];
        let wires = [
            ["tune", "notes", "soft", "radius"],
            ["film", "frames", "soft", "frames"],
            ["soft", "frames", "round", "frames"],
            ["round", "frames", "part", "frames"],
            ["part", "frames", "both", "b"],
            ["round", "frames", "both", "a"],
        ];
        let mut film = node_status("film", "video_file");
        film.counters.insert(FIGURE, told);
        let mut shapes = Shapes::default();
        shapes.follow(&nodes, &wires.map(wire));
        shapes.hear(&[film, node_status("soft", "blur")]);
        shapes
    }

    #[test]
    fn a_preview_keeps_the_shape_of_its_film_also_behind_what_leaves_it_as_it_is() {
        let shapes = shapes(1_778);
        for node in ["film", "soft", "round", "both"] {
            assert_eq!(shapes.of(node), 1_778, "{node}");
        }
        // These have a shape of their own, no picture, or none that comes to them.
        for node in ["part", "tune", "alone", "nobody"] {
            assert_eq!(shapes.of(node), 0, "{node}");
        }
    }

    #[test]
    fn a_shape_that_no_page_can_be_told_is_that_of_the_pixels() {
        for told in [0, 70_000, u64::MAX] {
            assert_eq!(shapes(told).of("soft"), 0);
        }
    }

    #[test]
    fn pictures_that_go_in_a_circle_have_no_source() {
        let nodes = [node("one", "blur"), node("two", "trails")];
        let wires = [
            ["one", "frames", "two", "frames"],
            ["two", "frames", "one", "frames"],
        ];
        assert_eq!(source("one", &nodes, &wires.map(wire)), None);
    }
}
