//! `score replay` and `score bounce`

mod bounce;
mod live;
mod scene;

use std::io::Write;
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Settings, Source};
use score_nodes::take::{Again, Take, play_again};
use serde_json::json;

use crate::arguments::Replay;
use crate::command::require_place;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::{out, tell};

pub(crate) use self::bounce::run as bounce;

pub(crate) fn run(
    arguments: &Replay,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let take = Take::open(&arguments.take)?;
    if !arguments.quiet {
        warn(&take);
    }
    if arguments.live {
        return live::run(arguments, &take, kinds, settings);
    }
    if let Some(patch) = &arguments.patch {
        return bounce::another(arguments, patch, &take, kinds, settings);
    }
    notes(arguments, &take, kinds, settings)
}

/// Has the nodes of the take play again, and writes their notes.
fn notes(
    arguments: &Replay,
    take: &Take,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let registry = match take.log.revisions.first() {
        Some(revised) => kinds.of(None, &scene::source(revised)),
        None => kinds.with(None, &[]),
    };
    let name = name(arguments.out.as_deref(), take, "replayed", "mid");
    require_place(&name)?;
    let again = play_again(take, &registry, settings)?;
    let written = again.write(take, &name)?;
    let recorded = take.notes().map(std::fs::read).and_then(Result::ok);
    let again_is = match (&recorded, written.first().map(std::fs::read)) {
        (Some(recorded), Some(Ok(written))) => Some(*recorded == written),
        _ => None,
    };
    let mut out = out();
    if arguments.json {
        let nodes: Vec<_> = (again.nodes.iter())
            .map(|node| {
                json!({
                    "node": node.node, "kind": node.kind, "calls": node.calls, "sent": node.sent,
                    "differs": node.differs.map(|time| time.seconds()), "broken": node.broken,
                })
            })
            .collect();
        let json = json!({
            "written": written, "notes": again.played, "kept": again.kept,
            "missing": again.missing, "same": again_is, "nodes": nodes,
            "cut": again.cut,
        });
        writeln!(out, "{json:#}")?;
    } else {
        for written in &written {
            writeln!(out, "{}", written.display())?;
        }
        if !arguments.quiet {
            report(&again, again_is);
        }
    }
    match again.plays_the_same() {
        true => Ok(()),
        false => Err(differs(&again).into()),
    }
}

/// Says how each node ran.
fn report(again: &Again, same: Option<bool>) {
    for node in &again.nodes {
        let how = match (&node.broken, node.differs) {
            (Some(why), _) => format!("stops: {why}"),
            (None, Some(time)) => format!("plays other notes from {:.3} s on", time.seconds()),
            (None, None) => "plays as recorded".to_owned(),
        };
        tell(format_args!("{} ({}) {how}", node.node, node.kind));
    }
    let kept = match again.kept {
        0 => String::new(),
        1 => "; 1 came from elsewhere, and is as it was recorded".to_owned(),
        kept => format!("; {kept} came from elsewhere, and are as they were recorded"),
    };
    tell(format_args!(
        "{} notes were played again{kept}",
        again.played
    ));
    if let Some(byte) = again.cut {
        tell(format_args!(
            "the trace was cut off at byte {byte}: the notes go up to there"
        ));
    }
    if same == Some(true) {
        tell("the file is the recorded one, byte for byte");
    }
}

fn differs(again: &Again) -> NodeError {
    let names: Vec<&str> = (again.nodes.iter())
        .filter(|node| !node.is_the_same())
        .map(|node| node.node.as_str())
        .collect();
    let why = match names.as_slice() {
        [] => format!("{} recorded notes were not played again", again.missing),
        names => format!("not all is as it was recorded: {}", names.join(", ")),
    };
    NodeError::input(why).help(
        "another version of the program, another model or another processor may have recorded it; \
         the take's own notes are in its .mid",
    )
}

/// Warns of what of the take cannot be read.
fn warn(take: &Take) {
    if let Some((line, count)) = take.log.damaged {
        let more = match count {
            1 => String::new(),
            more => format!(" and {} others", more - 1),
        };
        tell(format_args!(
            "warning: line {line}{more} of `{}` cannot be read, and is left out",
            take.file("jsonl").display()
        ));
    }
    if take.log.end.is_none() {
        tell("warning: the take was cut off; it is played up to where it goes");
    }
}

/// What a file is called that is made of a take: as was asked, or after it, in the current folder.
fn name(asked: Option<&Path>, take: &Take, what: &str, ending: &str) -> PathBuf {
    let mut name = match asked {
        Some(asked) if asked.extension().is_some_and(|own| own == ending) => {
            return asked.to_owned();
        }
        Some(asked) => asked.as_os_str().to_owned(),
        None => format!("{}-{what}", take.name()).into(),
    };
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// The patch in a file.
fn read(patch: &Path) -> Result<Source, Failure> {
    Source::read(patch).map_err(Failure::Patch)
}
