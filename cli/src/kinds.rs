//! The node kinds that a patch may use: those of the program, and those of the plugins that are
//! found for it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use score_engine::{Registry, Source};
use score_plugin::host::{FoundLibrary, PluginRegistry, Trust, to_type};

use crate::arguments::Common;
use crate::terminal::tell;

/// The program's kinds, and the plugins.
pub(crate) struct Kinds<'a> {
    built_in: Cow<'a, Registry>,
    plugins: RefCell<PluginRegistry>,
    /// Which files were told of, and at which try, so that each is told once.
    told: RefCell<BTreeSet<(PathBuf, u64)>>,
    /// Which libraries were told of to have kinds that are built in too, and which of them.
    namesakes: RefCell<BTreeSet<(PathBuf, Vec<String>)>>,
    say: Cell<fn(&str)>,
}

impl<'a> Kinds<'a> {
    /// The kinds in `built_in`, and those of plugins in the folders that the command line names or
    /// allows.
    pub(crate) fn new(built_in: &'a Registry, common: &Common) -> Self {
        let plugins = match common.no_plugins {
            true => PluginRegistry::without_plugins(),
            false => PluginRegistry::new(&common.plugins),
        };
        Kinds {
            built_in: Cow::Borrowed(built_in),
            plugins: RefCell::new(plugins),
            told: RefCell::default(),
            namesakes: RefCell::default(),
            say: Cell::new(|line| tell(line)),
        }
    }

    /// The same kinds, for a thread that may outlive the program's own.
    pub(crate) fn into_owned(self) -> Kinds<'static> {
        Kinds {
            built_in: Cow::Owned(self.built_in.into_owned()),
            plugins: self.plugins,
            told: self.told,
            namesakes: self.namesakes,
            say: self.say,
        }
    }

    /// What was not loaded is told by `say` from now on.
    pub(crate) fn say_by(&self, say: fn(&str)) {
        self.say.set(say);
    }

    /// The kinds for the patch in `file`, or for one in the current folder that was read from
    /// nowhere. Plugins that are new or have changed are loaded, and each that is refused is
    /// told.
    pub(crate) fn of(&self, file: Option<&Path>, patch: &Source) -> Registry {
        let kinds = patch.nodes().into_iter().map(|(_, kind)| kind);
        self.with(file, &kinds.collect::<Vec<_>>())
    }

    /// The kinds for the patch in `file`, as far as it can be read.
    pub(crate) fn of_file(&self, file: &Path) -> Registry {
        match Source::read(file) {
            Ok(patch) => self.of(Some(file), &patch),
            Err(_) => self.with(Some(file), &[]),
        }
    }

    /// The kinds for a patch that uses the kinds `wanted`.
    pub(crate) fn with(&self, patch: Option<&Path>, wanted: &[String]) -> Registry {
        let mut registry = self.built_in.clone().into_owned();
        let entries = (self.plugins.borrow_mut()).add_to(&mut registry, &folder_of(patch), wanted);
        for entry in entries.iter().filter(|entry| entry.is_plugin) {
            self.tell_of_namesakes(entry);
            let is_news = || (self.told.borrow_mut()).insert((entry.path.clone(), entry.tries));
            let Some(why) = &entry.refused else {
                if entry.tries > 1 && is_news() {
                    let version = entry.version.as_deref().unwrap_or_default();
                    let path = entry.path.display();
                    tracing::info!("the plugin `{path}` is loaded again, version {version}");
                }
                continue;
            };
            let stays = match entry.kinds.as_slice() {
                // Where a patch needs it, what is wrong with the patch says what to type.
                [] if entry.trust == Trust::Missing => continue,
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

    /// Warns, once, of a plugin whose kinds have the names of built-in ones.
    fn tell_of_namesakes(&self, entry: &FoundLibrary) {
        let about = (entry.path.clone(), entry.replaces.clone());
        if entry.replaces.is_empty() || !self.namesakes.borrow_mut().insert(about) {
            return;
        }
        let kinds = entry.replaces.iter().map(|kind| format!("`{kind}`"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let (is_a_kind, one, is_used) = match entry.replaces.len() {
            1 => ("is a kind", "a built-in one", "is used"),
            _ => ("are kinds", "built-in ones", "are used"),
        };
        let path = entry.path.display();
        let line = match entry.trust {
            Trust::Missing => format!(
                "{kinds} {is_a_kind} of the plugin `{path}`, which is not allowed, and {one}: the built-in {is_used}. If you \
                 trust the plugin and want its own, type: score plugins allow {}",
                to_type(&entry.path)
            ),
            Trust::Folder | Trust::Allowed => format!(
                "{kinds} {is_a_kind} of the plugin `{path}` and {one}: the plugin's {is_used}. Give it another name to have \
                 both"
            ),
        };
        (self.say.get())(&line);
    }

    /// The plugins that are found for a patch, told without loading any.
    pub(crate) fn list(&self, patch: Option<&Path>) -> Vec<FoundLibrary> {
        (self.plugins.borrow()).list(&self.built_in, &folder_of(patch))
    }

    /// The folders in which a patch's plugins are looked for.
    pub(crate) fn folders(&self, patch: Option<&Path>) -> Vec<PathBuf> {
        self.plugins.borrow().folders(&folder_of(patch))
    }

    /// The program's own kinds.
    pub(crate) fn built_in(&self) -> &Registry {
        &self.built_in
    }

    /// The files of the plugins that were looked at, and the one that remembers what is allowed.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.plugins
            .borrow()
            .files()
            .map(Path::to_path_buf)
            .collect()
    }
}

fn folder_of(patch: Option<&Path>) -> PathBuf {
    let absolute = patch.and_then(|patch| std::path::absolute(patch).ok());
    let folder = absolute.and_then(|patch| patch.parent().map(Path::to_path_buf));
    folder
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default()
}
