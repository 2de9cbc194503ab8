//! Checks texts as `score check` does, with edited ones in the place of their files, within the
//! fence.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use score_engine::{
    Diagnostic, Diagnostics, Graph, GraphEdit, NodeKind, Registry, Source, check_admitted,
    edit_graph, patch_hash,
};
use score_nodes::output::missing_folders;
use serde_json::{Value, json};

use super::Editing;
use super::fence::{Fence, Names, Recorder};
use super::own_texts::{OwnTexts, canonical};
use crate::command::check::folder_missing;

/// How long the kinds and what the files name are taken to be as they were, while the files are.
const FRESH: Duration = Duration::from_secs(3);

/// Texts that are edited, by their numbers.
pub(super) type Edited = BTreeMap<usize, String>;

/// What was found of the texts that lie on the disk.
pub(super) struct Seen {
    at: Instant,
    /// The hash of all of them.
    hash: String,
    registry: Registry,
    names: Names,
}

impl Seen {
    /// The kinds that the patch may use.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Arc<NodeKind>> {
        self.registry.kinds()
    }
}

/// What is wrong with a text.
pub(super) struct Verdict {
    /// How much.
    pub(super) count: usize,
    pub(super) mistakes: Diagnostics,
    warnings: Vec<Diagnostic>,
    /// What it names and may not, one line each.
    pub(super) refused: Vec<String>,
    /// The texts that places are in.
    texts: OwnTexts,
}

impl Verdict {
    /// As the page gets it. A place names its text by the number, and quotes no line.
    pub(super) fn shown(&self) -> Value {
        let all = |diagnostics: &[Diagnostic]| -> Vec<Value> {
            let all = diagnostics.iter();
            all.map(|one| shown(&self.texts, one)).collect()
        };
        json!({
            "diagnostics": all(&self.mistakes.mistakes),
            "untold": self.mistakes.untold,
            "warnings": all(&self.warnings),
            "refused": self.refused,
        })
    }
}

/// A diagnostic as the page gets it.
pub(super) fn shown(texts: &OwnTexts, one: &Diagnostic) -> Value {
    let place = one.place.as_ref();
    let file = place.map(|place| texts.number(&canonical(Path::new(&place.file))));
    json!({
        "message": one.message,
        "help": one.help,
        "file": file.flatten(),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "length": place.map(|place| place.length),
    })
}

impl Editing {
    /// The patch, with another text if that is edited.
    pub(super) fn source(&self, edited: &Edited) -> Source {
        let path = &self.writer.patch;
        let on_disk = Source::read(path);
        let mut source = on_disk.unwrap_or_else(|_| {
            let folder = canonical(path).parent().map(Path::to_path_buf);
            Source::text(&path.display().to_string(), "", folder.unwrap_or_default())
        });
        if let Some(text) = edited.get(&0) {
            source.text.clone_from(text);
        }
        source
    }

    /// What is known of the texts on the disk: found again once they are others, or after a while.
    pub(super) fn seen(&self) -> Arc<Seen> {
        let texts = self.own_texts();
        let all = texts.all().map(|(_, own)| {
            let text = Source::read(&own.path).map_or_else(|_| String::new(), |own| own.text);
            format!("{}\0", patch_hash(&text))
        });
        let hash = patch_hash(&all.collect::<String>());
        let known = self.lock().seen.clone();
        if let Some(known) = known.filter(|known| known.hash == hash && known.at.elapsed() < FRESH)
        {
            return known;
        }
        let registry = (self.writer.kinds)();
        let recorder = Recorder::new(&self.writer.built_in);
        let source = self.source(&Edited::new());
        let with = (&registry, &self.writer.settings);
        let _ = check_admitted(&source, &self.writer.overrides, with, &recorder);
        // What a part names stands there too where the patch does not reach it.
        for (_, part) in texts.all().skip(1) {
            if let Ok(part) = Source::read(&part.path) {
                let _ = check_admitted(&part, &[], with, &recorder);
            }
        }
        let names = recorder.into_names();
        let seen = Arc::new(Seen {
            at: Instant::now(),
            hash,
            registry,
            names,
        });
        self.lock().seen = Some(seen.clone());
        seen
    }

    /// The run's own texts, which are looked for at the first time.
    pub(super) fn own_texts(&self) -> OwnTexts {
        let known = self.lock().texts.clone();
        if known.get(0).is_some() {
            return known;
        }
        self.refresh()
    }

    /// Looks again which texts are the run's own.
    pub(super) fn refresh(&self) -> OwnTexts {
        // Files are not read while others wait for the lock.
        let mut texts = self.lock().texts.clone();
        texts.refresh(&self.writer.patch);
        let mut state = self.lock();
        if state.texts.all().count() <= texts.all().count() {
            state.texts = texts;
        }
        state.texts.clone()
    }

    /// Does something within the fence, with the edited texts in the place of their files.
    fn within<T>(
        &self,
        edited: &Edited,
        act: impl FnOnce(&Source, &Registry, &Fence<'_>) -> T,
    ) -> (T, Vec<String>) {
        let texts = self.own_texts();
        let seen = self.seen();
        let own: Vec<PathBuf> = texts.all().map(|(_, own)| own.path.clone()).collect();
        let files = edited.iter().filter(|(number, _)| **number > 0);
        let files =
            files.filter_map(|(number, text)| Some((own.get(*number)?.clone(), text.clone())));
        let source = self.source(edited);
        let fence = Fence {
            folder: &source.folder,
            own: &own,
            edited: &files.collect(),
            allowed: &seen.names,
            built_in: &self.writer.built_in,
            refused: RefCell::default(),
        };
        let done = act(&source, &seen.registry, &fence);
        let refused = fence.refused.take();
        (done, refused)
    }

    /// What is wrong with the run's texts, some of which are edited.
    pub(super) fn judge(&self, edited: &Edited) -> Verdict {
        let (checked, mut refused) = self.within(edited, |source, registry, fence| {
            let with = (registry, &self.writer.settings);
            // A part may be one that the patch does not reach any more, or only after a mistake.
            for (part, text) in fence.edited {
                let folder = part.parent().map(Path::to_path_buf).unwrap_or_default();
                let part = Source::text(&part.display().to_string(), text, folder);
                let _ = check_admitted(&part, &[], with, fence);
            }
            check_admitted(source, &self.writer.overrides, with, fence)
        });
        refused.sort();
        refused.dedup();
        let (mistakes, warnings) = match checked {
            Ok(graph) => (Vec::new().into(), self.warnings(&graph)),
            Err(mistakes) => (mistakes, Vec::new()),
        };
        Verdict {
            count: mistakes.count(),
            mistakes,
            warnings,
            refused,
            texts: self.own_texts(),
        }
    }

    fn warnings(&self, graph: &Graph) -> Vec<Diagnostic> {
        let missing = missing_folders(graph).into_iter();
        let missing = missing.map(|missing| folder_missing(&self.writer.patch, &missing));
        let own = graph.warnings().mistakes.iter().cloned();
        own.chain(missing).collect()
    }

    /// The patch's text with changes of its graph in it.
    pub(super) fn rewired(
        &self,
        edited: &Edited,
        edits: &[GraphEdit],
    ) -> Result<String, Diagnostics> {
        let (text, _) = self.within(edited, |source, registry, fence| {
            edit_graph(
                source,
                edits,
                (registry, &self.writer.settings),
                Some(fence),
            )
        });
        text
    }
}
