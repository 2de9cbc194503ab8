//! What of a patch can be read back: a part that a model plays from the latents of pictures.

use score_engine::{Graph, NodeError, Packet, Settings, Tap, Time, Transport, Value};
use score_nodes::music::{read_bars, reads_notes};

use super::film::LACKS;
use super::read_back::{Bar, ReadBack};

/// The kinds that play latents by a model, melodies before drums.
const PLAYERS: [&str; 3] = ["stream_decoder", "music_decoder", "drum_decoder"];

/// The kind that makes plans of pictures: what it is given is the pictures'.
const PLANNER: &str = "planner";

/// A part of a patch that the model which plays it can read, and the latents that pictures give it.
pub struct Chain {
    node: String,
    model: String,
    latents: Tap,
}

impl Chain {
    /// Of `parts`, nodes whose notes are heard, the first that is a melody played by a model with
    /// an encoder, or else drums so played; listens to its latents in the run to come. `None` where
    /// there is no such part.
    pub fn of(graph: &mut Graph, parts: &[&str], settings: &Settings) -> Option<Self> {
        let mut all = PLAYERS
            .iter()
            .flat_map(|kind| parts.iter().map(move |part| (*kind, *part)));
        let (node, model, (from, port)) = all.find_map(|(kind, part)| {
            let player = player(graph, part)?;
            if graph.kind(&player) != Some(kind) {
                return None;
            }
            let model = graph.value(&player, "model").and_then(Value::as_str)?;
            let pictures = pictures(graph, &player)?;
            reads_notes(settings, model).then(|| (part, model.to_owned(), pictures))
        })?;
        Some(Chain {
            node: node.to_owned(),
            model,
            latents: graph.tap(&from, &port)?,
        })
    }

    /// The node whose notes are to be read.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Reads what the node played, once the run is over, as far as bars are over when the film is,
    /// which lasts so many `seconds`.
    ///
    /// # Errors
    /// The model cannot be loaded or fails, or something else was sent than was asked for, which a
    /// checked patch rules out.
    pub fn read(
        &self,
        settings: &Settings,
        played: &[Packet],
        transport: &Transport,
        seconds: f64,
    ) -> Result<ReadBack, NodeError> {
        let end = Time::from_seconds(seconds + LACKS);
        let bars = read_bars(settings, &self.model, played, transport, end)?;
        let latent = |packet: &Packet| Ok((packet.time.seconds(), packet.latent()?.to_vec()));
        Ok(ReadBack {
            node: self.node.clone(),
            model: self.model.clone(),
            pictures: (self.latents.take().iter().map(latent))
                .collect::<Result<_, NodeError>>()?,
            bars: (bars.into_iter())
                .map(|bars| Bar {
                    from: bars.from.seconds(),
                    to: bars.to.seconds(),
                    latent: bars.latent,
                })
                .collect(),
        })
    }
}

/// The node that plays the notes which `part` sends on, itself if it makes them.
fn player(graph: &Graph, part: &str) -> Option<String> {
    let mut node = part.to_owned();
    // There are no longer chains than nodes.
    for _ in graph.node_ids() {
        if PLAYERS.contains(&graph.kind(&node)?) {
            return Some(node);
        }
        node = graph.outputs_into(&node, "notes").into_iter().next()?.0;
    }
    None
}

/// The output, as node and port, from which the pictures' latents come to `player`.
fn pictures(graph: &Graph, player: &str) -> Option<(String, String)> {
    let into = |node: &str| graph.outputs_into(node, "latent").into_iter().next();
    let mut from = into(player)?;
    for _ in graph.node_ids() {
        if graph.kind(&from.0) != Some(PLANNER) {
            break;
        }
        from = into(&from.0)?;
    }
    Some(from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use score_engine::{PortType, Run, Source, check};

    use super::*;

    /// The settings of this repository: its models.
    fn settings() -> Settings {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        Settings::default().with_folder("models", models)
    }

    /// Twelve seconds of latents that are new every two bars, and parts that are played from them.
    fn graph(folder: &Path, nodes: &str, wires: &str) -> Graph {
        let text = format!(
            r#"Patch(
                format: 1,
                transport: (seed: 3),
                nodes: {{
                    "walk": latent_random(every: beats(8), duration: beats(24)),
                    "map": latent_map(shuffle: 3),
                    {nodes}
                    "file": midi_file(path: "out.mid"),
                }},
                wires: ["walk -> map", {wires}],
            )"#
        );
        let source = Source::text("p.ron", &text, folder.to_owned());
        let registry = score_nodes::registry();
        check(&source, &[], &registry, &settings()).unwrap()
    }

    fn chain(graph: &mut Graph) -> Option<Chain> {
        let parts = graph.final_outputs(&PortType::Notes);
        let parts: Vec<&str> = parts.iter().map(|(node, _)| node.as_str()).collect();
        Chain::of(graph, &parts, &settings())
    }

    #[test]
    fn a_melody_is_read_behind_what_thins_it_out_and_its_pictures_before_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""drums": drum_decoder(), "plan": planner(), "tune": stream_decoder(),
            "level": lfo(), "thin": thin_out(),"#;
        let wires = r#""map -> drums -> file", "map -> plan -> tune -> thin.notes",
            "level -> thin.level", "thin -> file""#;
        let mut graph = graph(folder.path(), nodes, wires);
        assert_eq!(pictures(&graph, "tune").unwrap().0, "map");
        assert_eq!(player(&graph, "thin").unwrap(), "tune");
        let chain = chain(&mut graph).unwrap();
        assert_eq!((chain.node(), chain.model.as_str()), ("thin", "stream"));
    }

    #[test]
    fn notes_that_no_model_plays_from_latents_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""pulse": lfo(), "tune": scale_walk(),"#;
        let wires = r#""pulse -> tune.density", "tune -> file""#;
        assert!(chain(&mut graph(folder.path(), nodes, wires)).is_none());
    }

    #[test]
    fn every_melody_finds_the_latent_that_it_was_played_from() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""tune": music_decoder(temperature: 0),"#;
        let mut graph = graph(folder.path(), nodes, r#""map -> tune -> file""#);
        let chain = chain(&mut graph).unwrap();
        let (node, transport) = (chain.node().to_owned(), graph.transport().clone());
        let notes = graph.tap(&node, "notes").unwrap();
        graph.keep_tapped();
        let done = Run::start(graph, &settings()).and_then(Run::wait);
        done.unwrap();
        let read = chain.read(&settings(), &notes.take(), &transport, 12.0);
        let read = read.unwrap();
        assert_eq!(read.model, "melody");
        let cosine = |one: &[f32], other: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
        };
        // Those that lie where the model plays its two bars: others hold a half of each.
        let own = read.bars.iter().filter(|bar| bar.from % 4.0 == 0.0);
        let mut asked = 0;
        for bar in own {
            let likeness = |at: f64| {
                let before = read.pictures.iter().rev().find(|(time, _)| *time <= at + 1e-6);
                cosine(&before.unwrap().1, &bar.latent)
            };
            let starts = [0.0, 4.0, 8.0];
            let found = starts.into_iter().max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)));
            assert_eq!(found, Some(bar.from));
            asked += 1;
        }
        assert_eq!(asked, 3);
    }
}
