//! Renders the sound of a take again: of the patch that was recorded, or of another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use score_engine::{Graph, NodeError, Override, Registry, Settings, Source};
use score_nodes::take::Take;
use serde_json::json;

use super::scene::{Score, StandIns, hands, recorded, recorder, unheard};
use super::{name, read, warn};
use crate::arguments::{Bounce, Replay};
use crate::command::{checked, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::Ownership;
use crate::rendering::render;
use crate::terminal::{out, tell};

/// `score bounce`: the sound of the patch that was recorded, and its stems.
pub(crate) fn run(
    arguments: &Bounce,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let take = Take::open(&arguments.take)?;
    if !arguments.quiet {
        warn(&take);
    }
    let Some(first) = take.log.revisions.first() else {
        // Says what is missing.
        return Score::read(&take, &[], &kinds.with(None, &[]), settings).map(drop);
    };
    let registry = kinds.of(None, &super::scene::source(first));
    let name = name(arguments.out.as_deref(), &take, "bounced", "wav");
    require_place(&name)?;
    let score = Score::read(&take, &[], &registry, settings)?;
    let base = score.longest(take.length());
    let (texts, others) = score.changes(base);
    let number = score.revisions[base].1;
    let stems = stems(&take, number, &registry, &name)?;
    let revised = take.log.revisions.iter().find(|one| one.number == number);
    let Some(revised) = revised else {
        return Ok(());
    };
    let mut graph = checked(&super::scene::source(revised), &stems, &registry, settings)?;
    let recorder = recorder(&graph, &take);
    let played = match &recorder {
        Some(recorder) => recorded(&graph, recorder, &take)?,
        None => BTreeMap::new(),
    };
    let silent = unheard(&graph, &played, false);
    let heard = recorder.filter(|id| !graph.sources(id, "sound").is_empty());
    let stand_ins = StandIns {
        recorder: heard,
        take: &take,
        registry: &registry,
        recorded: played,
        sound: Some(&name),
    };
    let mut notes = stand_ins.put_into(&mut graph, &silent)?;
    for (number, why) in &score.refused {
        notes.push(format!(
            "revision {number} cannot be played any more: {why}"
        ));
    }
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(u64::to_string).collect();
        notes.push(format!(
            "revisions {} have other nodes, wires, values that are not live, or another tempo, metre, \
             key or swing; all is rendered as revision {number} has it, which played longest",
            others.join(", ")
        ));
    }
    let mut left_out = graph.steer(&hands(&take), &texts);
    // Of what is played as it was recorded, or not heard, nothing has to be set.
    left_out.retain(|name| {
        let node = name.rsplit_once('.').map_or("", |(node, _)| node);
        !silent.contains(node) && !stand_ins.recorded.contains_key(node)
    });
    if !left_out.is_empty() {
        notes.push(format!(
            "has no place here, though it was set: {}",
            left_out.join(", ")
        ));
    }
    write(
        graph,
        &Ownership::of_built_in("bounce", &arguments.consent),
        settings,
        (arguments.quiet, arguments.json),
        &notes,
    )
}

/// The parameters by which the sounds of a patch are written apart.
fn stems(
    take: &Take,
    number: u64,
    registry: &Registry,
    name: &Path,
) -> Result<Vec<Override>, Failure> {
    let revised = take.log.revisions.iter().find(|one| one.number == number);
    let nodes = revised.map(|revised| super::scene::source(revised).nodes());
    let mut overrides = Vec::new();
    let mixers: Vec<(String, String)> = (nodes.into_iter().flatten())
        .filter_map(|(id, kind)| {
            let kind = registry.kind(&kind)?;
            let mut params = kind.descriptor().params.iter();
            let param = params.find(|param| param.purpose.each.is_some())?;
            Some((id, param.name.to_string()))
        })
        .collect();
    for (id, param) in &mixers {
        let which = match mixers.len() {
            1 => "stem".to_owned(),
            _ => format!("stem-{}", id.replace('/', "_")),
        };
        let path = score_nodes::take::beside(name, &which);
        let path = std::path::absolute(&path).unwrap_or(path);
        let text = path.to_str().ok_or_else(|| not_utf8(&path))?;
        overrides.push(Override::text(id, param, text).typed_as("--out"));
    }
    Ok(overrides)
}

fn not_utf8(path: &Path) -> NodeError {
    NodeError::output(format!("the name `{}` is not UTF-8", path.display()))
        .help("give the files another with --out")
}

/// `score replay --patch`: another patch with the pictures and the inputs of the take.
pub(super) fn another(
    arguments: &Replay,
    patch: &Path,
    take: &Take,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let source: Source = read(patch)?;
    let registry = kinds.of(Some(patch), &source);
    let mut graph = checked(&source, &[], &registry, settings)?;
    let sound = name(arguments.out.as_deref(), take, "replayed", "wav");
    require_place(&sound)?;
    let mut notes = Vec::new();
    // What was played into the recorded patch has the names of its nodes.
    let inputs = inputs(take, &graph, &registry, settings)?;
    let stand_ins = StandIns {
        take,
        registry: &registry,
        recorded: inputs,
        sound: Some(&sound),
        recorder: None,
    };
    notes.extend(stand_ins.put_into(&mut graph, &BTreeSet::new())?);
    let hands: Vec<_> = (hands(take).into_iter())
        .filter(|hand| hand.node != "transport")
        .collect();
    graph.steer(&hands, &[]);
    write(
        graph,
        &Ownership::of_file(patch, &arguments.consent),
        settings,
        (arguments.quiet, arguments.json),
        &notes,
    )
}

/// What was recorded of nodes of another patch that bring what comes from outside: where a node of
/// the recorded patch with the same id was of the same kind.
fn inputs(
    take: &Take,
    graph: &Graph,
    registry: &Registry,
    settings: &Settings,
) -> Result<BTreeMap<String, Vec<score_engine::Played>>, Failure> {
    let Ok(score) = Score::read(take, &[], registry, settings) else {
        return Ok(BTreeMap::new());
    };
    let recorded_by = &score.revisions[score.longest(take.length())].2;
    let Some(recorder) = recorder(recorded_by, take) else {
        return Ok(BTreeMap::new());
    };
    let mut recorded = recorded(recorded_by, &recorder, take)?;
    let own: BTreeSet<(&str, &str)> = graph.kinds().collect();
    let outside: BTreeSet<String> = (recorded_by.kinds())
        .filter(|node| own.contains(node) && super::scene::is_outside(node.1))
        .map(|(id, _)| id.to_owned())
        .collect();
    recorded.retain(|id, _| outside.contains(id));
    Ok(recorded)
}

/// Renders the graph, and says what was written.
fn write(
    graph: Graph,
    ownership: &Ownership,
    settings: &Settings,
    (quiet, as_json): (bool, bool),
    notes: &[String],
) -> Result<(), Failure> {
    if !quiet {
        notes.iter().for_each(tell);
    }
    ownership.require(&graph)?;
    let started = Instant::now();
    let done = render(graph, &ownership.settings(settings), quiet);
    let seconds = started.elapsed().as_secs_f64();
    let written: Vec<PathBuf> = ownership.written();
    let mut out = out();
    if as_json {
        let written: Vec<_> = written.iter().map(|one| one.to_string_lossy()).collect();
        let json = json!({ "written": written, "seconds": seconds, "notes": notes });
        writeln!(out, "{json:#}")?;
    } else if !quiet {
        for written in &written {
            writeln!(out, "{}", written.display())?;
        }
    }
    done?;
    if !as_json && !quiet {
        tell(format_args!("done in {seconds:.1} s"));
    }
    Ok(())
}
