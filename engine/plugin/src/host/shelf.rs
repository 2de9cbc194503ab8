//! The plugins that a program finds, loaded once each and anew when their files change.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::DLL_EXTENSION;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use score_engine::Registry;

use super::library::{LoadError, Plugin};
use super::node::ForeignNode;

/// The folder of plugins beside a patch, and in the user's own data.
const FOLDER: &str = "plugins";

/// Where plugins lie, and which are loaded. Nothing is loaded from anywhere else.
#[derive(Default)]
pub struct Shelf {
    folders: Vec<PathBuf>,
    known: BTreeMap<PathBuf, Known>,
}

/// A file that was looked at.
struct Known {
    stamp: Stamp,
    /// How often it was tried.
    tries: u64,
    /// What it was when it could last be loaded.
    plugin: Option<Arc<Plugin>>,
    refused: Option<Refusal>,
}

/// What tells a file from what it was before.
type Stamp = Option<(u64, SystemTime)>;

#[derive(Clone)]
struct Refusal {
    why: String,
    /// Whether it is a plugin at all.
    is_plugin: bool,
}

/// A file that was found.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// The plugin's name, where it is loaded.
    pub name: Option<String>,
    /// The plugin's version, where it is loaded.
    pub version: Option<String>,
    /// The kinds that it brings.
    pub kinds: Vec<String>,
    /// Why the file, as it is now, is not loaded. What it was before may be in use still.
    pub refused: Option<String>,
    /// Whether the file is, or once was, a plugin, and not some other library.
    pub is_plugin: bool,
    /// How often the file was tried: once, and again each time that it had changed.
    pub tries: u64,
}

impl Shelf {
    /// Plugins lie in the folders `given`, in those that SCORE_PLUGINS lists, in `plugins` beside the patch, and in the
    /// user's own data folder; of two with the same kind, the one that is found first is taken.
    pub fn new(given: &[PathBuf]) -> Self {
        let mut folders = given.to_vec();
        let listed = std::env::var_os("SCORE_PLUGINS").unwrap_or_default();
        folders.extend(std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()));
        Shelf {
            folders,
            known: BTreeMap::new(),
        }
    }

    /// The folders that are searched for a patch that lies in `beside`, in order, whether they exist or not.
    pub fn folders(&self, beside: &Path) -> Vec<PathBuf> {
        let mut folders = self.folders.clone();
        folders.push(beside.join(FOLDER));
        folders.extend(users_own());
        let mut seen = BTreeSet::new();
        folders
            .retain(|folder| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())));
        folders
    }

    /// Looks at what lies in the folders, loads what is new or has changed, and adds its kinds to `registry`. A file that
    /// cannot be loaded leaves what it was before in use.
    pub fn add_to(&mut self, registry: &mut Registry, beside: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut owners: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in self
            .folders(beside)
            .iter()
            .flat_map(|folder| libraries(folder))
        {
            let known = look(&mut self.known, &path);
            let mut entry = Entry {
                path: path.clone(),
                name: known.plugin.as_ref().map(|plugin| plugin.name.clone()),
                version: known.plugin.as_ref().map(|plugin| plugin.version.clone()),
                kinds: Vec::new(),
                refused: known.refused.as_ref().map(|refusal| refusal.why.clone()),
                is_plugin: known.plugin.is_some()
                    || known
                        .refused
                        .as_ref()
                        .is_some_and(|refusal| refusal.is_plugin),
                tries: known.tries,
            };
            if let Some(plugin) = &known.plugin {
                match clash(plugin, registry, &owners) {
                    Some(why) => entry.refused = entry.refused.or(Some(why)),
                    None => {
                        add(plugin, registry);
                        let kinds = plugin.descriptors.iter();
                        entry.kinds = kinds.map(|kind| kind.kind.to_string()).collect();
                        owners.extend(entry.kinds.iter().map(|kind| (kind.clone(), path.clone())));
                    }
                }
            }
            entries.push(entry);
        }
        entries
    }

    /// The files that were looked at, to be watched.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.known.keys()
    }
}

/// Looks at a file, and loads it where it is new or has changed.
fn look<'a>(known: &'a mut BTreeMap<PathBuf, Known>, path: &Path) -> &'a Known {
    let stamp = (path.metadata().ok()).and_then(|data| Some((data.len(), data.modified().ok()?)));
    let known = known.entry(path.to_path_buf()).or_insert(Known {
        stamp: None,
        tries: 0,
        plugin: None,
        refused: None,
    });
    if known.stamp.is_none() || known.stamp != stamp {
        known.stamp = stamp;
        known.tries += 1;
        known.refused = match Plugin::load(path) {
            Ok(plugin) => {
                known.plugin = Some(Arc::new(plugin));
                None
            }
            Err(error) => Some(Refusal {
                why: error.to_string(),
                is_plugin: !matches!(error, LoadError::NoPlugin),
            }),
        };
    }
    known
}

/// Why a plugin's kinds cannot be added to those that are there.
fn clash(
    plugin: &Plugin,
    registry: &Registry,
    owners: &BTreeMap<String, PathBuf>,
) -> Option<String> {
    let mut own = BTreeSet::new();
    for descriptor in &plugin.descriptors {
        let kind = descriptor.kind.as_ref();
        if let Some(owner) = owners.get(kind) {
            return Some(format!(
                "its kind `{kind}` comes from `{}` already",
                owner.display()
            ));
        }
        if registry.kind(kind).is_some() {
            return Some(format!("its kind `{kind}` has the name of a built-in one"));
        }
        if !own.insert(kind) {
            return Some(format!("it has two kinds `{kind}`"));
        }
    }
    None
}

fn add(plugin: &Arc<Plugin>, registry: &mut Registry) {
    for descriptor in &plugin.descriptors {
        let (plugin, kind) = (plugin.clone(), descriptor.kind.to_string());
        registry.add_foreign(descriptor.clone(), plugin.edition, move |params| {
            match ForeignNode::parse(plugin.clone(), &kind, &params) {
                Ok(node) => Ok(Box::new(node)),
                Err(error) => Err(serde::de::Error::custom(error)),
            }
        });
    }
}

/// The libraries in a folder, in order of their names.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == DLL_EXTENSION) && path.is_file())
        .filter_map(|path| std::path::absolute(path).ok())
        .collect();
    found.sort();
    found
}

/// Where the user keeps plugins for every patch: the XDG base directory specification's place for data.
fn users_own() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let data = match set("XDG_DATA_HOME") {
        Some(data) => PathBuf::from(data),
        None => PathBuf::from(set("HOME")?).join(".local/share"),
    };
    Some(data.join("score").join(FOLDER))
}
