//! Asks before a patch replaces a file that is not its own or writes outside its folder, and lists
//! what was written.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use score_engine::{Graph, NodeError, Settings};
use score_nodes::output::{Before, Objection, Outputs, Survey, Why, allow, survey};

use crate::arguments::Consent;
use crate::failure::Failure;
use crate::terminal::tell;

/// What a patch may write, and where.
pub(crate) struct Ownership {
    outputs: Arc<Outputs>,
    places: Vec<PathBuf>,
    overwrite: bool,
    /// What lay where the patch writes. Looked at without holding it, for a file may answer late.
    before: Mutex<Before>,
}

impl Ownership {
    /// Of the patch in a file, which may write to its own folder.
    pub(crate) fn of_file(patch: &Path, consent: &Consent) -> Self {
        let path = std::path::absolute(patch).unwrap_or_else(|_| patch.to_owned());
        // A link leads to the patch: both folders are its own.
        let linked = path.canonicalize().ok();
        let folders = [Some(path), linked].into_iter().flatten();
        let folders = folders.filter_map(|patch| patch.parent().map(Path::to_owned));
        Self::new(Outputs::of_file(patch), folders, consent)
    }

    /// Of a patch that is built in, whose files get their names on the command line.
    pub(crate) fn of_built_in(name: &str, consent: &Consent) -> Self {
        Self::new(Outputs::of_built_in(name), [], consent)
    }

    fn new(
        outputs: Outputs,
        folders: impl IntoIterator<Item = PathBuf>,
        consent: &Consent,
    ) -> Self {
        let places = folders.into_iter().chain(consent.write_to.iter().cloned());
        Ownership {
            outputs: Arc::new(outputs),
            places: places.collect(),
            overwrite: consent.overwrite,
            before: Mutex::default(),
        }
    }

    /// The settings with which the patch's nodes know whose their files are.
    pub(crate) fn settings(&self, settings: &Settings) -> Settings {
        settings.clone().with_shared(self.outputs.clone())
    }

    /// Makes sure that everything that `graph` would write may be written, and asks on a terminal.
    ///
    /// # Errors
    /// Something may not, or nobody can be asked.
    pub(crate) fn require(&self, graph: &Graph) -> Result<(), Failure> {
        self.settle(self.survey(graph), confirmed)
    }

    /// Makes sure that all that `graph` would write may be written, where nobody can be asked.
    ///
    /// # Errors
    /// Something may not, for which a run would end at its start.
    pub(crate) fn require_unasked(&self, graph: &Graph) -> Result<(), Failure> {
        self.settle(self.survey(graph), |_| None)
    }

    /// Looks at what `graph` would write and has not been looked at before.
    pub(crate) fn survey(&self, graph: &Graph) -> Survey {
        let known = self.before().clone();
        survey(graph, &self.outputs, &self.places, &known)
    }

    /// Makes sure that everything that was surveyed may be written; `ask` is given what would be
    /// done, line by line, and says `None` where there is nobody to answer.
    ///
    /// # Errors
    /// Something may not.
    pub(crate) fn settle(
        &self,
        survey: Survey,
        ask: impl FnOnce(&[String]) -> Option<bool>,
    ) -> Result<(), Failure> {
        let Survey { objections, before } = survey;
        let is_final = |objection: &&Objection| matches!(objection.why, Why::Never(_));
        if let Some(objection) = objections.iter().find(is_final) {
            return Err(NodeError::output(said(objection))
                .help("give the file another name")
                .into());
        }
        let is_open = |one: &&Objection| !(self.overwrite && matches!(one.why, Why::Taken(_)));
        let open: Vec<&Objection> = objections.iter().filter(is_open).collect();
        let lines: Vec<String> = open.iter().map(|one| said(one)).collect();
        if !lines.is_empty() {
            match ask(&lines) {
                Some(true) => {}
                Some(false) => return Err(Failure::Message("nothing was written".to_owned())),
                None => return Err(refusal(&open, &lines).into()),
            }
        }
        for objection in &objections {
            allow(objection, &self.outputs);
        }
        self.before().extend(before);
        Ok(())
    }

    /// The files that were written, as they are shown; warns where one got another name than was
    /// wanted.
    pub(crate) fn written(&self) -> Vec<PathBuf> {
        for written in self.outputs.written() {
            if !written.is_take && written.path != written.wanted {
                tell(format_args!(
                    "warning: `{}` was written by somebody else meanwhile; this run's is `{}`",
                    shown(&written.wanted).display(),
                    shown(&written.path).display()
                ));
            }
        }
        let written = self.before().written(&self.outputs);
        written.iter().map(|path| shown(path)).collect()
    }

    fn before(&self) -> MutexGuard<'_, Before> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A path from the current folder, where it lies within it.
pub(crate) fn shown(path: &Path) -> PathBuf {
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

fn refusal(objections: &[&Objection], lines: &[String]) -> NodeError {
    let mut help: Vec<String> = Vec::new();
    if (objections.iter()).any(|one| matches!(one.why, Why::Taken(_))) {
        help.push("give other names, or replace what is there with --overwrite".to_owned());
    }
    let outside: BTreeSet<PathBuf> = (objections.iter())
        .filter_map(|one| match &one.why {
            Why::Outside(folder) => Some(shown(folder)),
            _ => None,
        })
        .collect();
    if !outside.is_empty() {
        let folders = outside.iter().map(|folder| folder.display().to_string());
        let options: Vec<String> = folders.map(|one| format!("--write-to {one}")).collect();
        help.push(format!("{} allows it", options.join(" ")));
    }
    NodeError::output(lines.join("\n  ")).help(help.join("; "))
}

/// Prints `lines` and asks whether to go on; `None`: standard input or standard error is not a
/// terminal.
pub(crate) fn confirmed(lines: &[String]) -> Option<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    for line in lines {
        tell(line);
    }
    let mut terminal = std::io::stderr();
    let _ = write!(terminal, "Go on? [y/N] ");
    let _ = terminal.flush();
    let mut answer = String::new();
    // No answer is a no.
    let _ = std::io::stdin().read_line(&mut answer);
    Some(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}
