//! What of a patch can be read back: a part that a model plays from the latents of pictures.

use score_engine::{Graph, NodeError, Packet, PortType, Settings, Tap, Time, Transport, Value};
use score_nodes::music::{read_bars, reads_notes};

use super::film::LACKS;
use super::read_back::ReadBack;

/// The kinds that play latents by a model, melodies before drums.
const PLAYERS: [&str; 3] = ["stream_decoder", "music_decoder", "drum_decoder"];

/// The kind that makes plans of pictures: what it is given is the pictures'.
const PLANNER: &str = "planner";

/// The kind that makes latents of pictures.
const EYE: &str = "frame_encoder";

/// Why there is nothing to read.
const NO_PART: &str = "no model plays a part from latents and can read it back";
const NOT_OF_PICTURES: &str = "what the part is played from does not come from pictures alone";
const CHANGING_MAP: &str = "the part's latents are whitened by what has passed, so that a picture \
    has another latent each time it shows (take `whiten: whole_film`, and an encoder by `model`)";

/// A part of a patch that the model which plays it can read, and the latents that pictures give it.
pub struct Chain {
    node: String,
    model: String,
    latents: Tap,
}

impl Chain {
    /// Of `parts`, nodes whose notes are heard, the first that is a melody played by a model with
    /// an encoder from the latents of pictures, or else drums so played; listens to its latents in
    /// the run to come.
    ///
    /// # Errors
    /// Why there is no such part, for people.
    pub fn of(
        graph: &mut Graph,
        parts: &[&str],
        settings: &Settings,
    ) -> Result<Self, &'static str> {
        let found = Found::all(graph, parts, settings);
        let first = found.first().and_then(|found| found.refused(graph));
        let fits = |found: &Found| found.refused(graph).is_none();
        let fit = found.into_iter().find(fits);
        let chain = fit.and_then(|found| found.listen(graph));
        chain.ok_or(first.unwrap_or(NO_PART))
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
        let latent = |packet: &Packet| Ok((packet.time.seconds(), packet.latent()?.to_vec()));
        Ok(ReadBack {
            node: self.node.clone(),
            model: self.model.clone(),
            pictures: (self.latents.take().iter().map(latent)).collect::<Result<_, NodeError>>()?,
            bars: read_bars(settings, &self.model, played, transport, end)?,
        })
    }
}

/// A part that could be read back.
struct Found {
    node: String,
    player: String,
    model: String,
    /// The output, as node and port, of its pictures' latents.
    latents: (String, String),
}

impl Found {
    /// All such of `parts`, in the order of [`PLAYERS`].
    fn all(graph: &Graph, parts: &[&str], settings: &Settings) -> Vec<Self> {
        let all = PLAYERS
            .iter()
            .flat_map(|kind| parts.iter().map(move |part| (*kind, *part)));
        let found = all.filter_map(|(kind, part)| {
            let player = player(graph, part)?;
            if graph.kind(&player) != Some(kind) {
                return None;
            }
            let model = graph.value(&player, "model").and_then(Value::as_str)?;
            let latents = pictures(graph, &player)?;
            reads_notes(settings, model).then(|| Found {
                node: part.to_owned(),
                model: model.to_owned(),
                player,
                latents,
            })
        });
        found.collect()
    }

    /// Why what it plays cannot be held against the film: its latents begin elsewhere than at
    /// pictures, or depend on when a picture shows. In both cases the bar's own second, which is
    /// among the pictures compared, would be found in any film.
    fn refused(&self, graph: &Graph) -> Option<&'static str> {
        let latents = |port_type: &PortType| matches!(port_type, PortType::Latent(_));
        let upstream = graph.upstream(&self.player, latents);
        let begins = |id: &&&str| graph.upstream(id, latents).is_empty();
        let mut origins = upstream.iter().filter(begins);
        if !origins.all(|id| graph.kind(id) == Some(EYE)) {
            return Some(NOT_OF_PICTURES);
        }
        let text = |id: &str, param: &str| graph.value(id, param).and_then(Value::as_str);
        let changes = |id: &&str| match graph.kind(id) {
            Some("latent_map") => text(id, "whiten") == Some("online"),
            // A model of one's own: its features are standardised by those that have passed.
            Some(EYE) => text(id, "file").is_some(),
            _ => false,
        };
        upstream.iter().any(changes).then_some(CHANGING_MAP)
    }

    /// Listens to its latents in the run to come.
    fn listen(self, graph: &mut Graph) -> Option<Chain> {
        let (from, port) = &self.latents;
        Some(Chain {
            latents: graph.tap(from, port)?,
            node: self.node,
            model: self.model,
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

    use score_engine::{Run, Source, check};

    use super::*;

    /// The settings of this repository: its models.
    fn settings() -> Settings {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        Settings::default().with_folder("models", models)
    }

    /// Twelve seconds of latents that are new every two bars, and those of a film; each as nodes
    /// and what leads to the map.
    const WALK: (&str, &str) = (
        r#""walk": latent_random(every: beats(8), duration: beats(24)),"#,
        "walk -> map",
    );
    const FILM: (&str, &str) = (
        r#""film": video_file(path: "film.mp4"), "eye": frame_encoder(),"#,
        "film -> eye -> map",
    );

    /// Latents behind a map, and parts that are played from them. The film is only there: it cannot
    /// be read.
    fn graph(folder: &Path, (sources, lead): (&str, &str), nodes: &str, wires: &str) -> Graph {
        std::fs::write(folder.join("film.mp4"), "").unwrap();
        let text = format!(
            r#"Patch(
                format: 1,
                transport: (seed: 3),
                nodes: {{
                    {sources}
                    "map": latent_map(shuffle: 3),
                    {nodes}
                    "file": midi_file(path: "out.mid"),
                }},
                wires: ["{lead}", {wires}],
            )"#
        );
        let source = Source::text("p.ron", &text, folder.to_owned());
        let registry = score_nodes::registry();
        check(&source, &[], &registry, &settings()).unwrap()
    }

    fn parts(graph: &Graph) -> Vec<String> {
        let parts = graph.final_outputs(&PortType::Notes).into_iter();
        parts.map(|(node, _)| node).collect()
    }

    fn chain(graph: &mut Graph) -> Result<Chain, &'static str> {
        let parts = parts(graph);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Chain::of(graph, &parts, &settings())
    }

    #[test]
    fn a_melody_is_read_behind_what_thins_it_out_and_its_pictures_before_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""drums": drum_decoder(), "plan": planner(), "tune": stream_decoder(),
            "level": lfo(), "thin": thin_out(),"#;
        let wires = r#""map -> drums -> file", "map -> plan -> tune -> thin.notes",
            "level -> thin.level", "thin -> file""#;
        let mut graph = graph(folder.path(), FILM, nodes, wires);
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
        let chain = chain(&mut graph(folder.path(), WALK, nodes, wires));
        assert_eq!(chain.err(), Some(NO_PART));
    }

    #[test]
    fn music_that_knows_nothing_of_the_film_is_not_held_against_it() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""tune": music_decoder(temperature: 0),"#;
        let walk = chain(&mut graph(
            folder.path(),
            WALK,
            nodes,
            r#""map -> tune -> file""#,
        ));
        assert_eq!(walk.err(), Some(NOT_OF_PICTURES));
        let nodes = r#""walk": latent_random(), "mix": latent_mix(), "tune": music_decoder(),"#;
        let wires = r#""map -> mix", "walk -> mix", "mix -> tune -> file""#;
        let mixed = chain(&mut graph(folder.path(), FILM, nodes, wires));
        assert_eq!(mixed.err(), Some(NOT_OF_PICTURES));
        // Drums that follow the film are read where the melody does not.
        let nodes = r#""walk": latent_random(), "tune": music_decoder(), "drums": drum_decoder(),"#;
        let wires = r#""walk -> tune -> file", "map -> drums -> file""#;
        let drums = chain(&mut graph(folder.path(), FILM, nodes, wires)).unwrap();
        assert_eq!(drums.node(), "drums");
    }

    #[test]
    fn latents_that_depend_on_when_a_picture_shows_are_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        let of = |whiten: &str| {
            let white = format!(r#""white": latent_map(whiten: {whiten}),"#);
            let nodes = format!(r#"{white} "tune": music_decoder(),"#);
            let wires = r#""map -> white -> tune -> file""#;
            chain(&mut graph(folder.path(), FILM, &nodes, wires)).err()
        };
        assert_eq!(of("online"), Some(CHANGING_MAP));
        assert_eq!(of("whole_film"), None);
    }

    #[test]
    fn every_melody_finds_the_latent_that_it_was_played_from() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""tune": music_decoder(temperature: 0),"#;
        let mut graph = graph(folder.path(), WALK, nodes, r#""map -> tune -> file""#);
        let found = Found::all(&graph, &["tune"], &settings());
        let chain = found.into_iter().next().unwrap();
        let chain = chain.listen(&mut graph).unwrap();
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
        let own = (read.bars.iter()).filter(|bar| bar.from.seconds() % 4.0 == 0.0);
        let mut asked = 0;
        for bar in own {
            let likeness = |at: f64| {
                let before = read
                    .pictures
                    .iter()
                    .rev()
                    .find(|(time, _)| *time <= at + 1e-6);
                cosine(&before.unwrap().1, &bar.latent)
            };
            let starts = [0.0, 4.0, 8.0];
            let found = starts
                .into_iter()
                .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)));
            assert_eq!(found, Some(bar.from.seconds()));
            asked += 1;
        }
        assert_eq!(asked, 3);
    }
}
