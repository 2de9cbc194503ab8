//! Asks before a file is replaced that is not a patch's own, and before one is written outside of its folder; and tells what
//! was written.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use score_engine::{Graph, NodeError, Settings};
use score_nodes::output::{Before, Objection, Outputs, Why, allow, survey};

use crate::arguments::Consent;
use crate::failure::Failure;
use crate::terminal::tell;

/// What a patch may write, and where.
pub(crate) struct Ownership<'a> {
    outputs: Arc<Outputs>,
    places: Vec<PathBuf>,
    consent: &'a Consent,
}

impl<'a> Ownership<'a> {
    /// Of the patch in a file, which may write to its own folder.
    pub(crate) fn of_file(patch: &Path, consent: &'a Consent) -> Self {
        let patch_path = std::path::absolute(patch).unwrap_or_else(|_| patch.to_owned());
        let folder = patch_path.parent().map(Path::to_owned);
        // A link leads to the patch: both folders are its own.
        let linked = patch_path.canonicalize().ok();
        let linked = linked.and_then(|patch| patch.parent().map(Path::to_owned));
        Ownership {
            outputs: Arc::new(Outputs::of_file(patch)),
            places: folder.into_iter().chain(linked).collect(),
            consent,
        }
        .with_consented_places()
    }

    /// Of a patch that is built in, whose files get their names on the command line.
    pub(crate) fn of_built_in(name: &str, consent: &'a Consent) -> Self {
        Ownership {
            outputs: Arc::new(Outputs::of_built_in(name)),
            places: Vec::new(),
            consent,
        }
        .with_consented_places()
    }

    fn with_consented_places(mut self) -> Self {
        self.places.extend(self.consent.write_to.iter().cloned());
        self
    }

    /// The settings with which the patch's nodes know whose their files are.
    pub(crate) fn settings(&self, settings: &Settings) -> Settings {
        settings.clone().with_shared(self.outputs.clone())
    }

    /// Makes sure that everything that `graph` would write may be written, and asks on a terminal.
    ///
    /// # Errors
    /// Something may not, or nobody can be asked.
    pub(crate) fn settle(&self, graph: &Graph) -> Result<(), Failure> {
        self.require(graph, ask)
    }

    /// As [`Ownership::settle`], while the patch plays and nobody can be asked.
    ///
    /// # Errors
    /// Something may not be written.
    pub(crate) fn settle_edit(&self, graph: &Graph) -> Result<(), Failure> {
        self.require(graph, |_| false)
    }

    fn require(&self, graph: &Graph, ask: impl Fn(&[Objection]) -> bool) -> Result<(), Failure> {
        let objections = survey(graph, &self.outputs, &self.places);
        let is_final = |objection: &&Objection| matches!(objection.why, Why::Never(_));
        if let Some(objection) = objections.iter().find(is_final) {
            return Err(NodeError::output(said(objection))
                .help("give the file another name")
                .into());
        }
        if objections.is_empty() {
            return Ok(());
        }
        if !self.consent.overwrite && !ask(&objections) {
            return Err(refusal(&objections).into());
        }
        objections
            .iter()
            .for_each(|objection| allow(objection, &self.outputs));
        Ok(())
    }

    /// Looks at what lies where `graph` will write, so that what it has written can be told.
    pub(crate) fn before(&self, graph: &Graph) -> Before {
        Before::of(graph)
    }

    /// The files that were written, as they are best shown; says where one has another name than it was to have.
    pub(crate) fn written(&self, before: &Before) -> Vec<PathBuf> {
        for written in self.outputs.written() {
            if !written.is_take && written.path != written.wanted {
                tell(format_args!(
                    "warning: `{}` was written by somebody else meanwhile; this run's is `{}`",
                    shown(&written.wanted).display(),
                    shown(&written.path).display()
                ));
            }
        }
        let written = before.written(&self.outputs);
        written.iter().map(|path| shown(path)).collect()
    }
}

/// A path from the current folder, where it lies within it.
fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let tidy: PathBuf = path.components().collect();
    match tidy.strip_prefix(&here) {
        Ok(rest) if !rest.as_os_str().is_empty() => rest.to_owned(),
        _ => tidy,
    }
}

/// An objection as a sentence.
fn said(objection: &Objection) -> String {
    let (node, path) = (&objection.node, shown(&objection.path));
    let path = path.display();
    match &objection.why {
        Why::Taken(why) => format!("`{node}` would replace `{path}`: {why}"),
        Why::Never(why) => format!("`{node}` cannot write `{path}`: {why}"),
        Why::Outside(_) => format!("`{node}` would write `{path}`, outside of the patch's folder"),
    }
}

fn refusal(objections: &[Objection]) -> NodeError {
    let lines: Vec<String> = objections.iter().map(said).collect();
    let mut help: Vec<String> = Vec::new();
    if objections
        .iter()
        .any(|one| matches!(one.why, Why::Taken(_)))
    {
        help.push("give other names, or replace what is there with --overwrite".to_owned());
    }
    let outside = objections.iter().find_map(|one| match &one.why {
        Why::Outside(folder) => Some(folder),
        _ => None,
    });
    if let Some(folder) = outside {
        help.push(format!(
            "--write-to {} allows that folder",
            folder.display()
        ));
    }
    NodeError::output(lines.join("\n  ")).help(help.join("; "))
}

/// Asks whoever sits at the terminal, if somebody does.
fn ask(objections: &[Objection]) -> bool {
    let lines: Vec<String> = objections.iter().map(said).collect();
    confirmed(&lines)
}

/// Tells `lines` and asks whether to go on; no, where standard input or standard error is no terminal.
pub(crate) fn confirmed(lines: &[String]) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    for line in lines {
        tell(line);
    }
    let mut terminal = std::io::stderr();
    let _ = write!(terminal, "Go on? [y/N] ");
    let _ = terminal.flush();
    let mut answer = String::new();
    // What cannot be read is no yes.
    let _ = std::io::stdin().read_line(&mut answer);
    matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}
