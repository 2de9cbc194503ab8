//! How the films of a batch are scored: the patch with all that it reads, the models, the version,
//! the seed. What comes of a film depends on nothing else, so the hash of it names the results.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use score_engine::{FileContent, FileRole, Settings, Source};
use score_nodes::{film_facts, sha256};
use serde_json::{Value, json};

use super::child::{self, How};
use super::class::{self, Fault, of_message};
use super::identity::Identity;
use super::share::Share;
use crate::arguments::{Batch, Common, Film, Tune};
use crate::command::film;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::library::FILM;

/// The digits of a recipe's hash that name results.
const DIGITS: usize = 8;

/// Files in a folder that a patch reads, at most.
const MOST_FILES: usize = 100_000;

/// How films are scored.
#[derive(Debug)]
pub(super) struct Recipe {
    /// What names it among the results.
    pub(super) id: String,
    /// What it is made of, for the reports.
    pub(super) contents: Value,
    /// The arguments of `score` that say it, for the commands that score a film and measure it.
    pub(super) global: Vec<OsString>,
    pub(super) scoring: Vec<OsString>,
    /// The files of which the hashes are in it, as they were.
    reads: Vec<(PathBuf, Identity)>,
}

impl Recipe {
    /// Of a batch; the patch is checked with a film of a second.
    pub(super) fn of(
        arguments: &Batch,
        common: &Common,
        kinds: &Kinds<'_>,
        settings: &Settings,
        share: &Share,
    ) -> Result<Self, Failure> {
        let order = Film {
            out: Some(share.hidden("work").join("trial")),
            tune: Tune {
                patch: arguments.patch.clone(),
                style: arguments.style.clone(),
                seed: arguments.seed.clone(),
                ..Tune::default()
            },
            overrides: arguments.overrides.clone(),
            film: trial_film(share)?,
            ..Film::default()
        };
        let (source, graph) = film::checked_order(&order, kinds, settings)?;
        let mut reads = Vec::new();
        let mut read_now = |path: &Path| {
            if path.is_dir() {
                return hash_of_folder(path);
            }
            let read = Identity::read(path).map_err(|why| refused(path, &why))?;
            let sha256 = read.sha256.clone();
            reads.push((path.to_owned(), read));
            Ok(sha256)
        };
        let mut parts = BTreeMap::new();
        parts.insert("patch".to_owned(), sha256::of(source.text.as_bytes()));
        if let Some(patch) = &arguments.patch {
            read_now(patch)?;
        }
        if arguments.style.is_some() {
            parts.insert("styled".to_owned(), sha256::of(FILM.as_bytes()));
        }
        for part in source.included() {
            let name = format!("part {}", relative(&part, &source));
            parts.insert(name, read_now(&part)?);
        }
        for read in graph.files().filter(|file| file.role == FileRole::Read) {
            // The film itself is what is scored.
            if read.purpose.content != Some(FileContent::Film) {
                let name = format!("file {}.{}", read.node, read.param);
                parts.insert(name, read_now(&read.path)?);
            }
        }
        if let Some(models) = settings.folder("models") {
            let manifest = models.join("manifest.ron");
            if manifest.is_file() {
                parts.insert("models".to_owned(), read_now(&manifest)?);
            }
        }
        let set: Vec<&str> = (arguments.overrides.set.iter())
            .map(|set| set.written())
            .collect();
        let contents = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "patch": source.name,
            "seed": arguments.seed,
            "set": set,
            "strict": arguments.overrides.strict,
            "evaluated": arguments.eval,
            "sha256": parts,
        });
        // Where the patch lies on this machine is not what it is.
        let mut named = contents.clone();
        named["patch"] = Value::Null;
        let id = sha256::of(named.to_string().as_bytes())[..DIGITS].to_owned();
        Ok(Recipe {
            id,
            contents,
            global: global(common),
            scoring: words(arguments),
            reads,
        })
    }
}

impl Recipe {
    /// Requires that what it says of the patch is what lies there still.
    ///
    /// # Errors
    /// It is not, or cannot be read just now: why nothing more can be scored, in words.
    pub(super) fn require_current(&self) -> Result<(), String> {
        for (path, read) in &self.reads {
            match read.still_at(path) {
                Ok(true) => {}
                Err(why) if why.kind() != ErrorKind::NotFound => {
                    return Err(cannot_be_read(path, &why));
                }
                _ => return Err("the patch was changed meanwhile; start it again".to_owned()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl Recipe {
    /// One of nothing, for tests.
    pub(super) fn nameless() -> Self {
        Recipe {
            id: "0".repeat(DIGITS),
            contents: json!({ "patch": "p.ron" }),
            global: Vec::new(),
            scoring: Vec::new(),
            reads: Vec::new(),
        }
    }
}

/// A film of a second, made once for all workers.
fn trial_film(share: &Share) -> Result<PathBuf, Failure> {
    let film = share.hidden("trial.mp4");
    if film.is_file() {
        return Ok(film);
    }
    let made = share.hidden(&format!("trial-{}.mp4", share.worker));
    let mut command = film_facts::trial(&made);
    let ended = child::run(&mut command, child::SHORT, &child::NEVER);
    let message =
        |why: &str| format!("ffmpeg cannot make a film of a second to try the patch with: {why}");
    match ended {
        Ok(ended) if matches!(ended.how, How::Exit(0)) => {}
        Ok(ended) => {
            let said = ended.said();
            // Nothing of it is left to others, whose disk is full too.
            let _ = std::fs::remove_file(&made);
            return Err(match of_message(&said, "output") {
                Fault::Surroundings(why) => Failure::Films {
                    failed: 0,
                    left: 0,
                    why: Some(message(&why)),
                },
                _ => Failure::Message(message(&said)),
            });
        }
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let why = format!("{why}; install it with `sudo apt install ffmpeg`");
            return Err(Failure::Message(message(&why)));
        }
        Err(why) => return Err(class::refusal(&why, message(&why.to_string()))),
    }
    std::fs::rename(&made, &film).map_err(|why| class::refusal(&why, message(&why.to_string())))?;
    Ok(film)
}

/// What is said of a file at `path` that cannot be read.
fn refused(path: &Path, why: &std::io::Error) -> Failure {
    class::refusal(why, cannot_be_read(path, why))
}

fn cannot_be_read(path: &Path, why: &std::io::Error) -> String {
    let path = path.display();
    format!("`{path}`, which the patch reads, cannot be read ({why})")
}

/// The hash of all files in a folder with their names.
fn hash_of_folder(path: &Path) -> Result<String, Failure> {
    let refuse = |why: std::io::Error| refused(path, &why);
    let mut all = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let file = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(file);
            } else if file.is_file() && all.len() < MOST_FILES {
                let (found, _) = sha256::of_file(&file).map_err(refuse)?;
                let name = file.strip_prefix(path).unwrap_or(&file);
                all.insert(name.to_string_lossy().into_owned(), found);
            }
        }
    }
    Ok(sha256::of(json!(all).to_string().as_bytes()))
}

/// A part's path from the patch's folder, so that it is the same on every machine.
fn relative(part: &Path, source: &Source) -> String {
    let folder = std::path::absolute(&source.folder).unwrap_or_else(|_| source.folder.clone());
    let (mut there, mut here) = (part.components().peekable(), folder.components().peekable());
    while let (Some(one), Some(other)) = (there.peek(), here.peek())
        && one == other
    {
        there.next();
        here.next();
    }
    let up = here.map(|_| Component::ParentDir);
    up.chain(there)
        .collect::<PathBuf>()
        .to_string_lossy()
        .into_owned()
}

/// The options of every command.
fn global(common: &Common) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--color".into(), "never".into()];
    if let Some(models) = &common.models {
        words.extend([OsString::from("--models"), models.into()]);
    }
    for plugins in &common.plugins {
        words.extend([OsString::from("--plugins"), plugins.into()]);
    }
    if common.no_plugins {
        words.push("--no-plugins".into());
    }
    words
}

/// The options of `score film` and of `score eval film`.
fn words(arguments: &Batch) -> Vec<OsString> {
    let mut both: Vec<OsString> = Vec::new();
    if let Some(patch) = &arguments.patch {
        both.extend([OsString::from("--patch"), patch.into()]);
    }
    for set in &arguments.overrides.set {
        both.extend([OsString::from("--set"), set.written().into()]);
    }
    if arguments.overrides.strict {
        both.push("--strict".into());
    }
    if let Some(style) = &arguments.style {
        both.extend([OsString::from("--style"), style.into()]);
    }
    if let Some(seed) = &arguments.seed {
        both.extend([OsString::from("--seed"), seed.into()]);
    }
    both
}

/// This program, to be run with these arguments.
pub(super) fn this_program(arguments: &[&[OsString]]) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    arguments.iter().for_each(|words| {
        command.args(*words);
    });
    Ok(command)
}
