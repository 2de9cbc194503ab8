//! What of a patch stays when its take is played again, and what stands in for the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use score_engine::{
    Event, Graph, NodeError, Override, Param, ParamType, Payload, Played, Registry, Settings,
    Source, Steered, TextChange, Time, Value,
};
use score_nodes::take::{Revised, Take};
use serde_json::{Map, json};

use crate::command::checked;
use crate::failure::Failure;

/// Kinds that send the pictures of something that is gone when a take is played again.
const CAPTURES: [&str; 3] = ["camera", "screen", "video_stream"];

/// Kinds that send what others do, which is recorded where it is wired into the recorder.
const PLAYERS: [&str; 4] = ["audio_in", "midi_in", "net_in", "osc_in"];

/// Kinds that speak to devices and other programs, for which a render has no use.
const OUTLETS: [&str; 8] = [
    "artnet_out",
    "jack_transport_out",
    "midi_clock_out",
    "midi_out",
    "midi_timecode_out",
    "net_out",
    "osc_out",
    "screen_out",
];

/// The kind that plays in a DAW, at places on its time line that only a run which follows it knows.
const TO_DAW: &str = "daw_out";

/// The kind that calls presets and cues: what it called then is recorded as what hands did.
const CALLS: &str = "recall";

/// The kind that makes takes.
const RECORDER: &str = "recorder";

/// The kind that plays sound on a device, and the one that writes it in a render.
const HEARD: (&str, &str) = ("audio_out", "audio_file");

/// What parameters are called that end a source, where its kind does not say it.
const LENGTHS: [&str; 2] = ["length", "duration"];

/// The kind that reads a film.
const FILM: &str = "video_file";

/// Whether nodes of this kind bring what comes from outside, other than pictures.
pub(super) fn is_outside(kind: &str) -> bool {
    PLAYERS.contains(&kind)
}

/// A patch that a take has played, as a text.
pub(super) fn source(revised: &Revised) -> Source {
    let here = std::env::current_dir().unwrap_or_default();
    let name = format!("revision {} of the take", revised.number);
    let source = Source::text(&name, &revised.patch, here);
    let included = revised.included.iter();
    included.fold(source, |source, (name, text)| source.with_part(name, text))
}

/// The revisions of a take, checked.
pub(super) struct Score {
    pub(super) revisions: Vec<(Time, u64, Graph)>,
    /// Those that cannot be played any more, and why.
    pub(super) refused: Vec<(u64, String)>,
}

impl Score {
    /// Checks every revision of `take`.
    ///
    /// # Errors
    /// The take has none that can be checked.
    pub(super) fn read(
        take: &Take,
        overrides: &[Override],
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let (mut revisions, mut refused) = (Vec::new(), Vec::new());
        let mut first = None;
        for revised in &take.log.revisions {
            match checked(&source(revised), overrides, registry, settings) {
                Ok(graph) => revisions.push((revised.time, revised.number, graph)),
                Err(why) => {
                    refused.push((revised.number, why.to_string()));
                    first.get_or_insert(why);
                }
            }
        }
        match (revisions.is_empty(), first) {
            (true, Some(why)) => Err(why),
            (true, None) => {
                let why = format!("the take `{}` does not say which patch played", take.name());
                Err(NodeError::input(why)
                    .help("it was made by a render; only live takes have their patches")
                    .into())
            }
            _ => Ok(Score { revisions, refused }),
        }
    }

    /// The number among `revisions` of the one that played longest.
    pub(super) fn longest(&self, end: Time) -> usize {
        let ends = self.revisions[1..].iter().map(|(time, ..)| *time);
        let lengths = self.revisions.iter().zip(ends.chain([end]));
        let longest = (lengths.enumerate())
            .max_by_key(|(index, ((time, ..), end))| (*end - *time, usize::MAX - index));
        longest.map_or(0, |(index, _)| index)
    }

    /// Live values that the revisions after the first change in nodes that stay, and the numbers of
    /// those that change more than that compared with `base`: nodes, wires, values that are not
    /// live, the transport.
    pub(super) fn changes(&self, base: usize) -> (Vec<TextChange>, Vec<u64>) {
        let (mut changes, mut others) = (Vec::new(), Vec::new());
        let shape = |graph: &Graph| -> (BTreeMap<String, String>, BTreeSet<String>) {
            let nodes = graph.kinds();
            let wires = graph.wires().map(|wire| wire.join(" "));
            let nodes = nodes.map(|(id, kind)| (id.to_owned(), kind.to_owned()));
            (nodes.collect(), wires.collect())
        };
        let fixed = |graph: &Graph| -> BTreeMap<(String, String), Value> {
            let of = |id: &str| {
                let values = graph.fixed_values(id);
                let values =
                    values.map(|(name, value)| ((id.to_owned(), name.to_owned()), value.clone()));
                values.collect::<Vec<_>>()
            };
            graph.kinds().flat_map(|(id, _)| of(id)).collect()
        };
        let all = |graph: &Graph| (shape(graph), fixed(graph), graph.transport().clone());
        let own = all(&self.revisions[base].2);
        for (time, number, graph) in &self.revisions {
            if all(graph) != own {
                others.push(*number);
            }
            for (id, _) in graph.kinds() {
                for (name, value) in graph.live_values(id) {
                    changes.push((*time, id.to_owned(), name.to_owned(), value.clone()));
                }
            }
        }
        // Of each value only what is new: the graph itself begins with those of `base`.
        let mut known: BTreeMap<(String, String), Value> = BTreeMap::new();
        let base = &self.revisions[base].2;
        for (id, _) in base.kinds() {
            let own = base.live_values(id);
            known
                .extend(own.map(|(name, value)| ((id.to_owned(), name.to_owned()), value.clone())));
        }
        changes.retain(|(_, node, param, value)| {
            let key = (node.clone(), param.clone());
            known.insert(key, value.clone()).as_ref() != Some(value)
        });
        (changes, others)
    }
}

/// What hands did, in the form that a graph takes.
pub(super) fn hands(take: &Take) -> Vec<Steered> {
    let hand = |set: &score_nodes::take::Set| Steered {
        time: set.time,
        node: set.node.clone(),
        param: set.param.clone(),
        value: set.value.clone(),
        glide: set.glide,
        curve: set.curve,
    };
    take.log.set.iter().map(hand).collect()
}

/// The recorder of a patch that has made the take: its id.
pub(super) fn recorder(graph: &Graph, take: &Take) -> Option<String> {
    let named = take.log.mark.get("node").and_then(Value::as_str);
    let recorders = graph.kinds().filter(|(_, kind)| *kind == RECORDER);
    let mut all: Vec<String> = recorders.map(|(id, _)| id.to_owned()).collect();
    let own = all.iter().position(|id| Some(id.as_str()) == named);
    match (own, all.is_empty()) {
        (Some(own), _) => Some(all.swap_remove(own)),
        (None, false) => Some(all.swap_remove(0)),
        (None, true) => None,
    }
}

/// What was recorded of what nodes sent, by their ids and the ports of `graph`.
///
/// # Errors
/// The take cannot be read.
pub(super) fn recorded(
    graph: &Graph,
    recorder: &str,
    take: &Take,
) -> Result<BTreeMap<String, Vec<Played>>, Failure> {
    let mut played: BTreeMap<String, Vec<Played>> = BTreeMap::new();
    // Read once, for the wires that carry some.
    let mut all_notes = None;
    let mut wires = [("notes", 0), ("controls", 0), ("events", 0)];
    for [from, output, to, input] in graph.wires() {
        if to != recorder {
            continue;
        }
        let Some((_, number)) = wires.iter_mut().find(|(name, _)| *name == input) else {
            continue;
        };
        let wire = *number;
        *number += 1;
        let Some(port) = graph.output(from, output) else {
            continue;
        };
        let own = played.entry(from.to_owned()).or_default();
        match input {
            "notes" => {
                let source = &graph.sources(recorder, "notes")[wire];
                let all_notes = match &mut all_notes {
                    Some(all) => all,
                    none => none.insert(take.all_played()?),
                };
                let notes = all_notes.of(Some(source))?;
                own.extend(notes.into_iter().map(|(time, notes)| (time, port, notes)));
            }
            "controls" => {
                let mine = take.log.controls.iter();
                let mine = mine.filter(|(_, from, _)| *from == wire as u64);
                own.extend(mine.map(|(time, _, value)| (*time, port, Payload::Control(*value))));
            }
            _ => {
                let mine = take.log.events.iter();
                let mine = mine.filter(|(_, from, ..)| *from == wire as u64);
                own.extend(mine.map(|(time, _, name, strength)| {
                    let event = Event {
                        name: name.clone(),
                        strength: *strength,
                    };
                    (*time, port, Payload::Event(event.into()))
                }));
            }
        }
    }
    for own in played.values_mut() {
        own.sort_by_key(|(time, ..)| *time);
    }
    Ok(played)
}

/// What stands in for what a live patch has and a render has not.
pub(super) struct StandIns<'a> {
    pub(super) take: &'a Take,
    pub(super) registry: &'a Registry,
    /// What nodes sent that was recorded.
    pub(super) recorded: BTreeMap<String, Vec<Played>>,
    /// Where sound is written; `None`: it is played on the device, as live.
    pub(super) sound: Option<&'a Path>,
    /// The recorder in whose place the sound is written, where it had any; else it is written in
    /// place of the devices.
    pub(super) recorder: Option<String>,
}

impl StandIns<'_> {
    /// Puts them into `graph`. Returns what is missing, in words.
    ///
    /// # Errors
    /// The take has no pictures, and the graph has a camera that is not silenced.
    pub(super) fn put_into(
        &self,
        graph: &mut Graph,
        silent: &BTreeSet<String>,
    ) -> Result<Vec<String>, Failure> {
        let (end, mut missing) = (self.take.length(), Vec::new());
        let nodes: Vec<(String, String)> = (graph.kinds())
            .map(|(id, kind)| (id.to_owned(), kind.to_owned()))
            .collect();
        let mut heard = 0;
        for (id, kind) in &nodes {
            let kind = kind.as_str();
            let is_recorder = self.recorder.as_ref() == Some(id);
            if kind == TO_DAW && self.sound.is_none() {
                missing.push(format!(
                    "`{id}` is silent: a replay goes by the times of the take and follows no DAW"
                ));
            }
            if let Some(sound) = self.sound.filter(|_| is_recorder) {
                self.write(graph, id, sound)?;
            } else if (kind == HEARD.0 && self.recorder.is_some())
                || silent.contains(id)
                || kind == RECORDER
                || kind == CALLS
                || kind == TO_DAW
                || (self.sound.is_some() && OUTLETS.contains(&kind))
            {
                graph.silence(id);
            } else if let Some(played) = self.recorded.get(id) {
                let last = played.last().map_or(Time::ZERO, |(time, ..)| *time);
                graph.play_instead(id, played.clone(), end.max(last));
            } else if CAPTURES.contains(&kind) {
                match self.film(graph, id) {
                    Err(why) if self.sound.is_none() => {
                        missing.push(why.to_string());
                        graph.silence(id);
                    }
                    done => done?,
                }
            } else if PLAYERS.contains(&kind) {
                missing.push(format!("what `{id}` sent was not recorded: it is silent"));
                graph.play_instead(id, Vec::new(), end);
            } else if kind == HEARD.0
                && let Some(sound) = self.sound
            {
                heard += 1;
                let path = match heard {
                    1 => sound.to_owned(),
                    _ => score_nodes::take::beside(sound, id),
                };
                self.write(graph, id, &path)?;
            } else if self.sound.is_some() {
                self.end(graph, (id.as_str(), kind), end)?;
            }
        }
        Ok(missing)
    }

    /// Has a source that goes on for ever live end with the take, where its kind has a parameter for
    /// that.
    fn end(&self, graph: &mut Graph, (id, kind): (&str, &str), end: Time) -> Result<(), Failure> {
        let Some(kind) = self.registry.kind(kind) else {
            return Ok(());
        };
        let declared = kind.descriptor();
        let named = declared.ended_by.as_deref();
        let ends = |name: &str| named == Some(name) || (named.is_none() && LENGTHS.contains(&name));
        let param = (declared.params.iter()).find(|param| ends(param.name.as_ref()));
        let is_open = |param: &&Param| graph.value(id, &param.name) == Some(&Value::Null);
        let Some(param) = param.filter(is_open) else {
            return Ok(());
        };
        let seconds = end.seconds();
        let value = match param.param_type {
            ParamType::Length { .. } => json!({ "seconds": seconds }),
            _ => json!(seconds),
        };
        if param.admits(&value).is_err() {
            return Ok(());
        }
        let mut values: Map<String, Value> = (declared.params.iter())
            .filter_map(|param| {
                let value = graph.value(id, &param.name)?;
                Some((param.name.to_string(), value.clone()))
            })
            .collect();
        values.insert(param.name.to_string(), value);
        Ok(graph.exchange(id, kind, &values)?)
    }

    /// Has the sound that the node called `id` takes written to a file.
    fn write(&self, graph: &mut Graph, id: &str, path: &Path) -> Result<(), Failure> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let values = Map::from_iter([("path".to_owned(), json!(path))]);
        let writes = (self.registry.kind(HEARD.1)).ok_or_else(|| no_kind(HEARD.1))?;
        Ok(graph.exchange(id, writes, &values)?)
    }

    /// Has the take's pictures stand in for what the node called `id` captured.
    fn film(&self, graph: &mut Graph, id: &str) -> Result<(), Failure> {
        let Some(film) = self.take.pictures() else {
            let why = format!("the take `{}` has no pictures for `{id}`", self.take.name());
            return Err(NodeError::input(why)
                .help("wire the camera into the recorder's `pictures` when you record")
                .into());
        };
        let film = std::path::absolute(&film).unwrap_or(film);
        let mut values = Map::from_iter([("path".to_owned(), json!(film))]);
        for name in ["width", "height"] {
            if let Some(value) = graph.value(id, name) {
                values.insert(name.to_owned(), value.clone());
            }
        }
        let reads = self.registry.kind(FILM).ok_or_else(|| no_kind(FILM))?;
        graph.exchange(id, reads, &values)?;
        Ok(())
    }
}

fn no_kind(kind: &str) -> NodeError {
    NodeError::input(format!("this program has no node kind `{kind}`"))
}

/// The nodes that are not needed for the sound of `graph`, or live for what it tells others, where
/// those called `played` need nothing.
pub(super) fn unheard(
    graph: &Graph,
    played: &BTreeMap<String, Vec<Played>>,
    is_live: bool,
) -> BTreeSet<String> {
    let wires: Vec<[String; 4]> = graph.wires().map(|wire| wire.map(str::to_owned)).collect();
    let is_sound =
        |kind: &str| kind == HEARD.0 || kind == HEARD.1 || (is_live && OUTLETS.contains(&kind));
    let mut left: Vec<String> = (graph.kinds())
        .filter(|(_, kind)| is_sound(kind))
        .map(|(id, _)| id.to_owned())
        .collect();
    // What is recorded is what is heard.
    let recorders: BTreeSet<&str> = (graph.kinds())
        .filter(|(_, kind)| *kind == RECORDER)
        .map(|(id, _)| id)
        .collect();
    for [from, _, to, input] in &wires {
        if recorders.contains(to.as_str()) && input == "sound" {
            left.push(from.clone());
        }
    }
    let mut needed = BTreeSet::new();
    while let Some(id) = left.pop() {
        if !needed.insert(id.clone()) || played.contains_key(&id) {
            continue;
        }
        let before = wires.iter().filter(|[_, _, to, _]| *to == id);
        left.extend(before.map(|[from, ..]| from.clone()));
    }
    let all = graph.kinds().map(|(id, _)| id.to_owned());
    all.filter(|id| !needed.contains(id)).collect()
}
