//! The plugins that a program finds, loaded once each and again when their files change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use score_node::Registry;

use super::beside::{Beside, Glance, Has};
use super::consent::Consents;
use super::folders::{Folders, libraries};
use super::found::{FoundLibrary, Trust};
use super::library::{LoadError, Plugin, Stamp, stamp};
use super::node::ForeignNode;

/// Where plugins lie, and which are loaded. Nothing is loaded from anywhere else.
///
/// Libraries in the folders that the user named or owns are loaded at once. One beside a patch is
/// loaded only when the patch uses a kind that it has and none of those has, and only when the user
/// has allowed the bytes that are in it.
///
/// A library's kind takes the place of the program's own of the same name: a patch that was written
/// for the library plays as it did, though a later program brings a kind of that name.
#[derive(Default)]
pub struct PluginRegistry {
    /// None: there are to be no plugins.
    folders: Option<Folders>,
    known: BTreeMap<PathBuf, Known>,
    beside: Beside,
    consents: Consents,
}

/// A file that was tried.
#[derive(Default)]
struct Known {
    stamp: Stamp,
    /// How often it was tried.
    tries: u64,
    /// What it was when it could last be loaded.
    plugin: Option<Arc<Plugin>>,
    refused: Option<Refusal>,
}

#[derive(Clone)]
struct Refusal {
    why: String,
    /// Whether it is a plugin at all.
    is_plugin: bool,
    /// The sha256 of what would have to be allowed.
    unallowed: Option<String>,
}

impl PluginRegistry {
    /// Plugins lie in the folders `given`, in those that SCORE_PLUGINS lists, in the user's own
    /// data folder, and in `plugins` beside a patch; of two with the same kind, the one that is
    /// found first is taken.
    #[must_use]
    pub fn new(given: &[PathBuf]) -> Self {
        PluginRegistry {
            folders: Some(Folders::new(given)),
            ..PluginRegistry::default()
        }
    }

    /// A registry that loads nothing from anywhere.
    #[must_use]
    pub fn without_plugins() -> Self {
        PluginRegistry::default()
    }

    /// The folders whose libraries are trusted, and then the one beside a patch that lies in
    /// `patch_folder`, in the order in which they are searched, whether they exist or not.
    #[must_use]
    pub fn folders(&self, patch_folder: &Path) -> Vec<PathBuf> {
        let Some(folders) = &self.folders else {
            return Vec::new();
        };
        let mut all = folders.trusted().to_vec();
        all.extend(folders.beside(patch_folder));
        all
    }

    /// Adds the kinds of plugins to `registry`: those of every trusted library, and, of the kinds
    /// `wanted` that none of them has, those that an allowed library beside the patch has. Files
    /// that are new or have changed are loaded; one that cannot be leaves what it was before in
    /// use. Where a library would have to be allowed first, the registry gets to know how.
    pub fn add_to(
        &mut self,
        registry: &mut Registry,
        patch_folder: &Path,
        wanted: &[String],
    ) -> Vec<FoundLibrary> {
        let Some(folders) = self.folders.clone() else {
            return Vec::new();
        };
        let mut adding = Adding {
            registry,
            owners: BTreeMap::new(),
            entries: Vec::new(),
        };
        for path in folders
            .trusted()
            .iter()
            .flat_map(|folder| libraries(folder))
        {
            adding.add(&path, look(&mut self.known, &path, None), Trust::Folder);
        }
        let wanted = wanted.iter();
        let free = wanted.filter(|kind| !adding.owners.contains_key(*kind));
        // Kinds that nothing has, and those that the program has itself.
        let (built_in, missing): (Vec<String>, Vec<String>) =
            (free.cloned()).partition(|kind| adding.registry.kind(kind).is_some());
        let is_complete = built_in.is_empty() && missing.is_empty();
        let beside = folders.beside(patch_folder).filter(|_| !is_complete);
        let Some(beside) = beside else {
            return adding.entries;
        };
        let libraries = libraries(&beside);
        if libraries.is_empty() && missing.is_empty() {
            return adding.entries;
        }
        self.consents = Consents::of_user();
        let mut unallowed = Vec::new();
        for path in libraries {
            let glance = self.beside.look(&path);
            let has = |kind: &String| (glance.has(&path, kind), kind.clone());
            let mut of_it: Vec<(Has, String)> = missing.iter().map(has).collect();
            of_it.retain(|(has, _)| *has > Has::No);
            // A name that stands somewhere in a library is not reason enough to replace a kind.
            let declares = |kind: &&String| glance.declares(kind);
            let replaces: Vec<String> = built_in.iter().filter(declares).cloned().collect();
            if of_it.is_empty() && replaces.is_empty() && !self.known.contains_key(&path) {
                continue;
            }
            let about = match &glance.inspected {
                Ok(told) => {
                    [&told.name, &told.version].map(|text| text.clone().unwrap_or_default())
                }
                Err(_) => Default::default(),
            };
            let known = look(&mut self.known, &path, Some(&self.consents));
            let needs_consent =
                (known.refused.as_ref()).is_some_and(|refusal| refusal.unallowed.is_some());
            if needs_consent {
                let advise = |(has, kind)| (has, kind, path.clone(), about.clone());
                unallowed.extend(of_it.into_iter().map(advise));
            }
            let trust = match needs_consent {
                true => Trust::Missing,
                false => Trust::Allowed,
            };
            adding.add(&path, known, trust);
            if needs_consent
                && let Some(entry) = adding.entries.last_mut()
                && entry.kinds.is_empty()
            {
                entry.replaces = replaces;
            }
        }
        // The surest last, which stays.
        unallowed.sort_by_key(|(has, ..)| *has);
        for (has, kind, path, about) in unallowed {
            if adding.registry.kind(&kind).is_none() {
                adding.registry.advise(&kind, advice(has, &path, &about));
            }
        }
        adding.entries
    }

    /// What lies in the folders, told from the bytes of the libraries: none is loaded. `registry`
    /// has the program's own kinds.
    #[must_use]
    pub fn list(&self, registry: &Registry, patch_folder: &Path) -> Vec<FoundLibrary> {
        let Some(folders) = &self.folders else {
            return Vec::new();
        };
        let consents = Consents::of_user();
        let trusted = folders
            .trusted()
            .iter()
            .map(|folder| (folder.clone(), true));
        let beside = folders.beside(patch_folder).map(|folder| (folder, false));
        let mut owners = BTreeMap::new();
        let mut entries = Vec::new();
        for (folder, is_trusted) in trusted.chain(beside) {
            for path in libraries(&folder) {
                let glance = Glance::of(&path, None);
                let is_allowed = (glance.sha256.as_ref()).is_some_and(|hash| consents.allow(hash));
                let trust = match (is_trusted, is_allowed) {
                    (true, _) => Trust::Folder,
                    (false, true) => Trust::Allowed,
                    (false, false) => Trust::Missing,
                };
                let mut entry = listed(path, glance, trust);
                if entry.refused.is_none() {
                    entry.refused = clash(&entry.kinds, &owners);
                }
                if entry.refused.is_none() {
                    entry.replaces = built_in(&entry.kinds, registry);
                    let own = entry.kinds.iter();
                    owners.extend(own.map(|kind| (kind.clone(), entry.path.clone())));
                }
                entries.push(entry);
            }
        }
        entries
    }

    /// The files that were looked at, and the one that remembers what is allowed, to be watched.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let consents =
            (self.consents.file()).filter(|file| file.parent().is_some_and(Path::is_dir));
        let known = self.known.keys().chain(self.beside.files());
        known.map(PathBuf::as_path).chain(consents)
    }
}

/// What to do about a kind that only a library has that nobody has allowed.
fn advice(has: Has, path: &Path, [name, version]: &[String; 2]) -> String {
    let has = match has {
        Has::Yes => "has this kind",
        Has::Perhaps | Has::No => "may have this kind",
    };
    let about = match name.is_empty() {
        true => String::new(),
        false => format!(" ({name} {version})"),
    };
    let path = to_type(path);
    format!(
        "the plugin {path}{about} beside the patch {has}. A plugin is a program and can do all that you can do; if you \
         trust this one, type: score plugins allow {path}"
    )
}

/// A path as it is typed in a shell: from the current folder where it lies there, in quotes where
/// it needs them.
#[must_use]
pub fn to_type(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.and_then(|here| path.strip_prefix(here).ok());
    let path = short.unwrap_or(path).display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+".contains(letter);
    if path.chars().all(is_plain) && !path.starts_with('-') {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn listed(path: PathBuf, glance: Glance, trust: Trust) -> FoundLibrary {
    let (told, refused) = match glance.inspected {
        Ok(told) => (told, None),
        Err(error) => (Default::default(), Some(error)),
    };
    FoundLibrary {
        path,
        trust,
        sha256: glance.sha256,
        name: told.name,
        version: told.version,
        kinds_known: told.kinds.is_some(),
        kinds: told.kinds.unwrap_or_default(),
        replaces: Vec::new(),
        is_plugin: !matches!(refused, Some(LoadError::NoPlugin)),
        refused: refused.map(|error| error.to_string()),
        tries: 0,
    }
}

/// Kinds of plugins on their way into a registry.
struct Adding<'a> {
    registry: &'a mut Registry,
    owners: BTreeMap<String, PathBuf>,
    entries: Vec<FoundLibrary>,
}

impl Adding<'_> {
    fn add(&mut self, path: &Path, known: &Known, trust: Trust) {
        let plugin = known.plugin.as_ref();
        let refusal = known.refused.as_ref();
        let mut entry = FoundLibrary {
            path: path.to_path_buf(),
            trust,
            sha256: plugin.map(|plugin| plugin.sha256.clone()),
            name: plugin.map(|plugin| plugin.name.clone()),
            version: plugin.map(|plugin| plugin.version.clone()),
            kinds: Vec::new(),
            kinds_known: plugin.is_some(),
            replaces: Vec::new(),
            refused: refusal.map(|refusal| refusal.why.clone()),
            is_plugin: plugin.is_some() || refusal.is_some_and(|refusal| refusal.is_plugin),
            tries: known.tries,
        };
        if let Some(plugin) = plugin {
            let kinds: Vec<String> = (plugin.descriptors.iter())
                .map(|kind| kind.kind.to_string())
                .collect();
            match clash(&kinds, &self.owners) {
                Some(why) => entry.refused = entry.refused.or(Some(why)),
                None => {
                    entry.replaces = built_in(&kinds, self.registry);
                    add(plugin, self.registry);
                    let path = path.to_path_buf();
                    (self.owners).extend(kinds.iter().map(|kind| (kind.clone(), path.clone())));
                    entry.kinds = kinds;
                }
            }
        }
        self.entries.push(entry);
    }
}

/// Looks at a file, and loads it where it is new or has changed; with `consents`, only what they
/// allow.
fn look<'a>(
    known: &'a mut BTreeMap<PathBuf, Known>,
    path: &Path,
    consents: Option<&Consents>,
) -> &'a Known {
    let is_allowed = |hash: &str| consents.is_none_or(|consents| consents.allow(hash));
    let stamp = stamp(path);
    let known = known.entry(path.to_path_buf()).or_default();
    // What was taken back is not used any more.
    if (known.plugin.as_ref()).is_some_and(|plugin| !is_allowed(&plugin.sha256)) {
        *known = Known {
            tries: known.tries,
            ..Known::default()
        };
    }
    let unallowed = (known.refused.as_ref()).and_then(|refusal| refusal.unallowed.as_deref());
    let is_allowed_now = unallowed.is_some_and(is_allowed);
    if known.stamp.is_none() || known.stamp != stamp || is_allowed_now {
        known.stamp = stamp;
        known.tries += 1;
        known.refused = match Plugin::load(path, is_allowed) {
            Ok(plugin) => {
                known.plugin = Some(Arc::new(plugin));
                None
            }
            Err(error) => Some(Refusal {
                why: error.to_string(),
                is_plugin: !matches!(error, LoadError::NoPlugin),
                unallowed: match error {
                    LoadError::NotAllowed { sha256, .. } => Some(sha256),
                    _ => None,
                },
            }),
        };
    }
    known
}

/// Why a plugin's kinds cannot be added to those of other plugins.
fn clash(kinds: &[String], owners: &BTreeMap<String, PathBuf>) -> Option<String> {
    for (place, kind) in kinds.iter().enumerate() {
        if let Some(owner) = owners.get(kind) {
            return Some(format!(
                "its kind `{kind}` comes from `{}` already",
                owner.display()
            ));
        }
        if kinds[..place].contains(kind) {
            return Some(format!("it has two kinds `{kind}`"));
        }
    }
    None
}

/// Those of a plugin's kinds, which clash with no other plugin's, that the program has itself.
fn built_in(kinds: &[String], registry: &Registry) -> Vec<String> {
    let own = kinds.iter().filter(|kind| registry.kind(kind).is_some());
    own.cloned().collect()
}

fn add(plugin: &Arc<Plugin>, registry: &mut Registry) {
    for descriptor in &plugin.descriptors {
        let (plugin, kind) = (plugin.clone(), descriptor.kind.to_string());
        registry.add_foreign(descriptor.clone(), plugin.edition, move |params| {
            match ForeignNode::parse(plugin.clone(), &kind, &params) {
                Ok(node) => Ok(Box::new(node)),
                Err(error) => Err(error),
            }
        });
    }
}
