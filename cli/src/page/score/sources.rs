//! Which outputs the strip shows.

use std::collections::BTreeSet;

use score_engine::{PortType, Status, SteerableNode};
use score_nodes::Chords;

/// The kinds that send notes out of the program.
const SENDERS: [&str; 1] = ["midi_out"];

/// What the outputs are called that report cuts.
const CUT: &str = "cut";

/// An output of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Output {
    pub(super) node: String,
    pub(super) port: String,
}

/// The outputs that the strip shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sources {
    /// The notes that are heard, each part by its name.
    pub(super) notes: Vec<(String, Output)>,
    pub(super) chords: Option<Output>,
    pub(super) cuts: Vec<Output>,
    pub(super) picture: Option<Output>,
}

impl Sources {
    /// Of notes those that enter what sounds or sends them: of a chain its last node. Where nothing
    /// sounds by notes, those that lead to no other notes.
    pub(super) fn of(nodes: &[SteerableNode], status: &Status) -> Self {
        let outputs = || {
            nodes.iter().flat_map(|node| {
                let outputs = node.outputs.iter();
                outputs.map(move |port| (node, port))
            })
        };
        let sends = |id: &str, wanted: &PortType| {
            outputs().any(|(node, port)| node.id == id && port.port_type == *wanted)
        };
        let readers = |output: &Output| {
            let Output { node, port } = output.clone();
            let wires = status.wires.iter();
            wires
                .filter(move |wire| wire.from.node == node && wire.from.port == port)
                .map(|wire| wire.to.node.as_str())
        };
        let kind = |id: &str| {
            let node = nodes.iter().find(|node| node.id == id);
            node.map_or("", |node| node.kind.as_str())
        };
        let of_type = |wanted: PortType| {
            outputs()
                .filter(move |(_, port)| port.port_type == wanted)
                .map(|(node, port)| Output {
                    node: node.id.clone(),
                    port: port.name.to_string(),
                })
        };
        let is_heard = |output: &Output| {
            let mut readers = readers(output);
            readers.any(|id| sends(id, &PortType::Audio) || SENDERS.contains(&kind(id)))
        };
        let mut notes: Vec<Output> = of_type(PortType::Notes).filter(is_heard).collect();
        if notes.is_empty() {
            let is_last = |output: &Output| !readers(output).any(|id| sends(id, &PortType::Notes));
            notes = of_type(PortType::Notes).filter(is_last).collect();
        }
        let named = notes.into_iter().map(|output| {
            let own = of_type(PortType::Notes).filter(|other| other.node == output.node);
            let name = match own.count() {
                1 => output.node.clone(),
                _ => format!("{}.{}", output.node, output.port),
            };
            (name, output)
        });
        let chords = PortType::Custom(Chords::PORT.into());
        let shown_frames: BTreeSet<String> = (of_type(PortType::Frame))
            .flat_map(|output| readers(&output).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let mut frames = of_type(PortType::Frame);
        Sources {
            notes: named.collect(),
            chords: of_type(chords.clone()).find(|output| {
                let mut readers = readers(output);
                !readers.any(|id| sends(id, &chords))
            }),
            cuts: of_type(PortType::Event)
                .filter(|output| output.port == CUT)
                .collect(),
            picture: frames.find(|output| !shown_frames.contains(&output.node)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use score_engine::{Live, LiveOptions, Settings, Source, check};

    use super::*;

    /// The outputs that the strip shows of a patch that plays.
    fn shown(nodes: &str, wires: &str) -> Sources {
        let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
        let source = Source::text("show.ron", &text, PathBuf::from("/"));
        let registry = score_nodes::registry();
        let settings = Settings::default();
        let graph = check(&source, &[], &registry, &settings).unwrap();
        let mut live = Live::new(&settings, LiveOptions::default());
        live.replace(graph, &BTreeSet::new()).unwrap();
        Sources::of(&live.steering().nodes(), &live.status())
    }

    fn names(sources: &Sources) -> Vec<&str> {
        let notes = sources.notes.iter();
        notes.map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn the_last_of_a_chain_is_shown_once_and_what_nobody_hears_is_not() {
        let sources = shown(
            "\"up\": lfo(), \"tune\": scale_walk(), \"high\": transpose(semitones: 12), \
             \"one\": synth(), \"two\": synth(), \"unheard\": scale_walk(), \"low\": scale_walk(), \"half\": split(), \
             \"bass\": synth(), \"treble\": synth()",
            "\"up -> tune -> high -> one\", \"high -> two\", \"up -> unheard\", \"up -> low -> half\", \
             \"half.low -> bass\", \"half.high -> treble\"",
        );
        assert_eq!(names(&sources), ["high", "half.low", "half.high"]);
        assert_eq!((sources.picture, sources.chords), (None, None));
    }

    #[test]
    fn without_anything_that_sounds_the_ends_of_chains_are_shown() {
        let sources = shown(
            "\"up\": lfo(), \"tune\": scale_walk(), \"high\": transpose(semitones: 12)",
            "\"up -> tune -> high\"",
        );
        assert_eq!(names(&sources), ["high"]);
    }
}
