//! Which outputs the strip shows.

use std::collections::BTreeSet;

use score_engine::{PortType, Status, SteerableNode};
use score_nodes::Chords;

/// The kinds that send notes out of the program.
const SENDERS: [&str; 1] = ["midi_out"];

/// What the outputs are called that report cuts.
const CUT: &str = "cut";

/// The kind that tells how probable words are, and its output of the word that it is to choose.
const TAGS: &str = "tags";
const CHOSEN: &str = "tag";

/// Words that are shown, at most.
const MOST_WORDS: usize = 8;

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
    /// The words of the picture that something is wired to, each by its name.
    pub(super) words: Vec<(String, Output)>,
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
        let is_wired_word =
            |output: &Output| kind(&output.node) == TAGS && readers(output).next().is_some();
        let words = of_type(PortType::Control).filter(is_wired_word);
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
            words: named_words(words.take(MOST_WORDS).collect()),
        }
    }
}

/// Words with their names: a chosen one has that of its node, which the artist gave; those that
/// would be called the same have both.
fn named_words(words: Vec<Output>) -> Vec<(String, Output)> {
    let own = |output: &Output| match output.port == CHOSEN {
        true => output.node.clone(),
        false => output.port.clone(),
    };
    let names: Vec<String> = words.iter().map(own).collect();
    let named = words.into_iter().zip(&names).map(|(output, name)| {
        let is_alone = names.iter().filter(|other| *other == name).count() == 1;
        let name = match is_alone {
            true => name.clone(),
            false => format!("{}.{}", output.node, output.port),
        };
        (name, output)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use score_engine::{Live, LiveOptions, Settings, Source, check};

    use super::*;
    use crate::testing::{node, wire};

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

    /// The names of the words that the strip shows where these `tags` are wired so.
    fn words(tags: &[&str], wires: &[[&str; 2]]) -> Vec<String> {
        let mut nodes: Vec<_> = tags.iter().map(|id| node(id, "tags")).collect();
        nodes.extend([node("light", "brightness"), node("gate", "gate")]);
        let status = Status {
            wires: (wires.iter().copied())
                .map(|[from, port]| wire([from, port, "gate", "open"]))
                .collect(),
            ..Status::default()
        };
        let words = Sources::of(&nodes, &status).words;
        words.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_word_is_shown_where_something_is_wired_to_it_by_a_name_that_is_its_own() {
        let rain = ["rain", "tag"];
        let shown = words(
            &["rain", "eye"],
            &[
                ["eye", "person"],
                rain,
                ["light", "brightness"],
                ["eye", "person"],
            ],
        );
        assert_eq!(shown, ["rain", "person"]);
        let shown = words(
            &["one", "other", "ship"],
            &[
                ["one", "bird"],
                ["other", "bird"],
                ["ship", "tag"],
                ["other", "ship"],
            ],
        );
        assert_eq!(shown, ["one.bird", "other.bird", "other.ship", "ship.tag"]);
        assert_eq!(words(&["rain", "eye"], &[]), [""; 0]);
    }

    #[test]
    fn no_more_words_are_shown_than_there_is_room_for() {
        let ports = [
            "tag", "person", "animal", "bird", "insect", "vehicle", "ship", "plant", "building",
            "device",
        ];
        let shown = words(&["eye"], &ports.map(|port| ["eye", port]));
        assert_eq!(shown.len(), MOST_WORDS);
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
