//! Looks at all files that a patch writes, before and after it runs.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use score_engine::{FileRole, Graph, GraphFile};

use super::claim::{Standing, look};
use super::folder_of;
use super::mark;
use super::owner::Outputs;
use crate::audio::stem_files;
use crate::file_state::FileState;

/// A file that a patch may not write without asking, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The node.
    pub node: String,
    /// The file.
    pub path: PathBuf,
    /// What speaks against it.
    pub why: Why,
}

/// Why a file may not be written without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A file is there that must not be replaced without consent, for this reason.
    Taken(String),
    /// It is in this folder, which the patch may not write to.
    Outside(PathBuf),
    /// Something is there that is never replaced: what it is.
    Never(String),
}

/// What was found of the files that a patch writes.
pub struct Survey {
    /// What speaks against them.
    pub objections: Vec<Objection>,
    /// What lies in their places.
    pub before: Before,
}

/// Looks at all that `graph` writes. It may write to `places` and all folders in them; a path that
/// was typed on the command line may lie anywhere. Files that may be replaced without a question
/// are noted in `outputs`; those that are `known` were looked at when the run began, or in an
/// earlier edit, and are not looked at again.
pub fn survey(graph: &Graph, outputs: &Outputs, places: &[PathBuf], known: &Before) -> Survey {
    let places: Vec<PathBuf> = (places.iter())
        .filter_map(|place| place.canonicalize().ok())
        .collect();
    let read: Vec<(String, PathBuf)> = (graph.files())
        .filter(|file| file.role == FileRole::Read)
        .filter_map(|file| Some((file.node.to_owned(), file.path.canonicalize().ok()?)))
        .collect();
    let (mut objections, mut before) = (Vec::new(), Before::default());
    for file in written_by(graph) {
        let mut object = |why| {
            objections.push(Objection {
                node: file.node.to_owned(),
                path: file.path.clone(),
                why,
            });
        };
        let itself = file.path.canonicalize().ok();
        let reader = (read.iter()).find(|(_, read)| Some(read) == itself.as_ref());
        if let Some((reader, _)) = reader.filter(|_| !file.purpose.take) {
            object(Why::Never(format!("`{reader}` reads it")));
            continue;
        }
        if known.has(file.node, &file.path) {
            continue;
        }
        let seen = FileState::lying_at(&file.path)
            .ok()
            .flatten()
            .map(|(seen, _)| seen);
        before.0.push(Lay {
            node: file.node.to_owned(),
            path: file.path.clone(),
            seen: seen.clone(),
        });
        let folder = folder_of(&file.path).canonicalize().ok();
        let is_within = |folder: &PathBuf| places.iter().any(|place| folder.starts_with(place));
        // A missing folder is reported by the node that writes to it.
        if let Some(folder) = folder.filter(|folder| !file.typed && !is_within(folder)) {
            object(Why::Outside(folder));
        }
        if file.purpose.take {
            continue;
        }
        match look(&file.path, &outputs.owner(file.node)) {
            Standing::Free => {}
            Standing::Own => {
                if let Some(seen) = seen {
                    outputs.allow(&file.path, seen);
                }
            }
            Standing::Foreign(why) => object(Why::Taken(why)),
            Standing::Never(why) => object(Why::Never(why)),
        }
    }
    Survey { objections, before }
}

/// Lets a run replace what lies at the place of an objection now.
pub fn allow(objection: &Objection, outputs: &Outputs) {
    if let (Why::Taken(_), Ok(Some((seen, _)))) =
        (&objection.why, FileState::lying_at(&objection.path))
    {
        outputs.allow(&objection.path, seen);
    }
}

/// What lay where nodes write, before they did.
#[derive(Clone, Debug, Default)]
pub struct Before(Vec<Lay>);

/// What lay where a node writes.
#[derive(Clone, Debug)]
struct Lay {
    node: String,
    path: PathBuf,
    seen: Option<FileState>,
}

impl Before {
    /// Whether the file of a node was looked at.
    fn has(&self, node: &str, path: &Path) -> bool {
        (self.0.iter()).any(|lay| lay.node == node && lay.path == path)
    }

    /// Adds what an edit writes in addition.
    pub fn extend(&mut self, more: Before) {
        for lay in more.0 {
            if !self.has(&lay.node, &lay.path) {
                self.0.push(lay);
            }
        }
    }

    /// What was written, in the order of the patch. Files that nodes have put in their places
    /// themselves, as those of plugins do, get their marks now.
    pub fn written(&self, outputs: &Outputs) -> Vec<PathBuf> {
        let told = outputs.written();
        let mut written: Vec<PathBuf> = Vec::new();
        let mut add = |path: &Path| {
            if !written.iter().any(|known| known == path) {
                written.push(path.to_owned());
            }
        };
        for Lay { node, path, seen } in &self.0 {
            let own = told.iter().filter(|written| written.node == *node);
            own.for_each(|written| add(&written.path));
            if outputs.is_claiming(node) {
                continue;
            }
            let now = FileState::lying_at(path).ok().flatten();
            if now.is_some_and(|(now, file)| file.is_file() && Some(&now) != seen.as_ref()) {
                // A file without a mark is as good; the next run will only ask before replacing it.
                let _ = adopt(path, outputs, node);
                add(path);
            }
        }
        written
    }
}

/// Puts a mark into a file that a node has written for itself.
fn adopt(path: &Path, outputs: &Outputs, node: &str) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    if mark::find(&mut file)?.is_none() {
        mark::put(&mut file, &outputs.owner(node), true)?;
    }
    Ok(())
}

/// The files that the nodes of a graph write.
fn written_by(graph: &Graph) -> impl Iterator<Item = GraphFile<'_>> {
    let written = graph.files().filter(|file| file.role == FileRole::Write);
    written.flat_map(|file| {
        let paths = match &file.purpose.each {
            Some(input) => stem_files(&file.path, graph.sources(file.node, input)),
            None => vec![file.path.clone()],
        };
        paths.into_iter().map(move |path| GraphFile {
            path,
            ..file.clone()
        })
    })
}

/// Folders that `graph` writes to and that are not there, each with the first node that does.
pub fn missing_folders(graph: &Graph) -> Vec<(String, PathBuf)> {
    let mut missing: Vec<(String, PathBuf)> = Vec::new();
    for file in written_by(graph) {
        let folder = tidy(folder_of(&file.path));
        if !folder.is_dir() && !missing.iter().any(|(_, known)| *known == folder) {
            missing.push((file.node.to_owned(), folder));
        }
    }
    missing
}

/// A path without parts that mean nothing.
fn tidy(path: &Path) -> PathBuf {
    let says = |part: &Component<'_>| !matches!(part, Component::CurDir);
    path.components().filter(says).collect()
}
