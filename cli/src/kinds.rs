//! The node kinds that a patch may use: those of the program, and those of the plugins that are found for it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use score_engine::Registry;
use score_plugin::host::{Entry, Shelf};

use crate::terminal::tell;

/// The program's kinds, and the plugins.
pub(crate) struct Kinds<'a> {
    built_in: Cow<'a, Registry>,
    shelf: RefCell<Shelf>,
    /// Which files were told of, and at which try, so that each is told once.
    told: RefCell<BTreeSet<(PathBuf, u64)>>,
    say: Cell<fn(&str)>,
}

impl<'a> Kinds<'a> {
    /// The kinds in `built_in`; plugins come from the folders `given` first.
    pub(crate) fn new(built_in: &'a Registry, given: &[PathBuf]) -> Self {
        Kinds {
            built_in: Cow::Borrowed(built_in),
            shelf: RefCell::new(Shelf::new(given)),
            told: RefCell::default(),
            say: Cell::new(|line| tell(line)),
        }
    }

    /// The same kinds, for a thread that may outlive the program's own.
    pub(crate) fn into_owned(self) -> Kinds<'static> {
        Kinds {
            built_in: Cow::Owned(self.built_in.into_owned()),
            shelf: self.shelf,
            told: self.told,
            say: self.say,
        }
    }

    /// What was not loaded is told by `say` from now on.
    pub(crate) fn say_by(&self, say: fn(&str)) {
        self.say.set(say);
    }

    /// The kinds for a patch, or for one in the current folder; plugins that are new or have changed are loaded. Tells of
    /// each that is refused.
    pub(crate) fn of(&self, patch: Option<&Path>) -> Registry {
        let (registry, entries) = self.look(patch);
        for entry in entries.iter().filter(|entry| entry.is_plugin) {
            let is_news = || (self.told.borrow_mut()).insert((entry.path.clone(), entry.tries));
            let Some(why) = &entry.refused else {
                if entry.tries > 1 && is_news() {
                    let version = entry.version.as_deref().unwrap_or_default();
                    let path = entry.path.display();
                    tracing::info!("the plugin `{path}` is loaded anew, version {version}");
                }
                continue;
            };
            let stays = match entry.kinds.as_slice() {
                [] => "",
                _ => "; what it was before stays in use",
            };
            let line = format!(
                "the plugin `{}` is refused{stays}: {why}",
                entry.path.display()
            );
            if is_news() {
                (self.say.get())(&line);
            }
        }
        registry
    }

    /// The kinds for a patch, and what was found.
    pub(crate) fn look(&self, patch: Option<&Path>) -> (Registry, Vec<Entry>) {
        let mut registry = self.built_in.clone().into_owned();
        let entries = (self.shelf.borrow_mut()).add_to(&mut registry, &folder_of(patch));
        (registry, entries)
    }

    /// The folders in which a patch's plugins are looked for.
    pub(crate) fn folders(&self, patch: Option<&Path>) -> Vec<PathBuf> {
        self.shelf.borrow().folders(&folder_of(patch))
    }

    /// The program's own kinds.
    pub(crate) fn built_in(&self) -> &Registry {
        &self.built_in
    }

    /// The files of all plugins that were found.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.shelf.borrow().files().cloned().collect()
    }
}

fn folder_of(patch: Option<&Path>) -> PathBuf {
    let absolute = patch.and_then(|patch| std::path::absolute(patch).ok());
    let folder = absolute.and_then(|patch| patch.parent().map(Path::to_path_buf));
    folder
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default()
}
