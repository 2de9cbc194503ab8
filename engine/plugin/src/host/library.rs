//! Loads one plugin.
#![allow(unsafe_code)]

use std::io::Read;
use std::path::Path;
use std::ptr::addr_of;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use score_node::{Descriptor, NodeError, PortType};

use super::consent::sha256;
use super::file::is_cut_short;
use super::registry::to_type;
use crate::abi::{self, Header, Reply};
use crate::instant;

/// Bytes that a library may have: more than any has, less than what fills the memory.
const LONGEST: u64 = 512 << 20;

/// Why a file is not loaded as a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read or copied.
    #[error("it cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// The file ends too early.
    #[error("the file is not whole; it may still be being written")]
    CutShort,
    /// It is longer than any plugin.
    #[error("the file is longer than {} MB, which no plugin is", LONGEST >> 20)]
    TooLong,
    /// The system does not load it.
    #[error("this file is not a plugin library ({0})")]
    System(String),
    /// It lies beside a patch, and the user has not allowed what is in it.
    #[error(
        "nobody has allowed what is in this file; if you trust it, type: score plugins allow {path}"
    )]
    NotAllowed {
        /// The sha256 of what is in the file.
        sha256: String,
        /// The file, as it is typed.
        path: String,
    },
    /// It is a library, but not a plugin.
    #[error("it is a library, but not a plugin of SCORE!: `score_plugin::export!` is missing")]
    NoPlugin,
    /// It was built for another version of what crosses.
    #[error(
        "it was built for plugin ABI {theirs} (score-plugin {sdk}), but this program has plugin ABI {ours} \
         (score-plugin {version}): {advice}",
        ours = abi::VERSION, version = env!("CARGO_PKG_VERSION"), advice = advice(*theirs)
    )]
    OtherVersion {
        /// The plugin's version of the ABI.
        theirs: u32,
        /// The version of this crate that it was built with.
        sdk: String,
    },
    /// It says that it has this version, and its structs have other sizes.
    #[error(
        "its layout of plugin ABI {version} is {theirs:016x}, and this program's is {ours:016x}: rebuild it with \
         this program's score-plugin",
        version = abi::VERSION, ours = abi::LAYOUT
    )]
    OtherLayout {
        /// The plugin's hash of its layout.
        theirs: u64,
    },
    /// What it says of itself is wrong.
    #[error("its declaration is wrong: {0}")]
    Declaration(String),
}

/// What to do about a plugin that was built for another version of what crosses.
fn advice(theirs: u32) -> &'static str {
    match theirs < abi::VERSION {
        true => {
            "rebuild it with this program's score-plugin; docs/from-abi-1.md says what to change in its code"
        }
        false => "update score, or rebuild the plugin with this program's score-plugin",
    }
}

/// A plugin that is loaded, for good: what a library has handed out may be anywhere.
pub(super) struct Plugin {
    pub(super) header: &'static Header,
    pub(super) name: String,
    pub(super) version: String,
    /// Of the bytes that were loaded.
    pub(super) sha256: String,
    pub(super) descriptors: Vec<Descriptor>,
    pub(super) edition: u64,
}

/// What comes along in front of the names of a plugin's own types, so that two plugins' do not mix.
pub(super) fn qualify(plugin: &str, port_type: &mut PortType) {
    if let PortType::Custom(name) = port_type {
        *name = format!("{plugin}.{name}").into();
    }
}

/// Takes away what [`qualify`] has put in front.
pub(super) fn unqualify(plugin: &str, port_type: &mut PortType) {
    if let PortType::Custom(name) = port_type {
        let own = name
            .strip_prefix(plugin)
            .and_then(|rest| rest.strip_prefix('.'));
        if let Some(own) = own {
            *name = own.to_owned().into();
        }
    }
}

/// What tells a file from what it was before.
pub(super) type Stamp = Option<(u64, SystemTime)>;

/// What the file at `path` is now; none where it is not there.
pub(super) fn stamp(path: &Path) -> Stamp {
    let data = path.metadata().ok()?;
    Some((data.len(), data.modified().ok()?))
}

/// What is in a library.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(LoadError::TooLong);
    }
    Ok(bytes)
}

impl Plugin {
    /// Loads the plugin at `path` where what is in it `is_allowed`, by its sha256. It is loaded
    /// from a copy of the very bytes that were asked about: nobody can exchange them in
    /// between, and the file may be written again meanwhile.
    pub(super) fn load(
        path: &Path,
        is_allowed: impl Fn(&str) -> bool,
    ) -> Result<Plugin, LoadError> {
        let bytes = read(path)?;
        if is_cut_short(&bytes) {
            return Err(LoadError::CutShort);
        }
        let sha256 = sha256(&bytes);
        if !is_allowed(&sha256) {
            // What could not be loaded anyway is reported as that.
            super::inspect::inspect(&bytes)?;
            let path = to_type(path);
            return Err(LoadError::NotAllowed { sha256, path });
        }
        let private = tempfile::Builder::new().prefix("score-plugin-").tempdir()?;
        let copy = private.path().join(path.file_name().unwrap_or_default());
        std::fs::write(&copy, bytes)?;
        // SAFETY: loading runs the library's initialisers; the user trusts it, by its folder or by
        // its sha256.
        let library = unsafe { libloading::Library::new(&copy) };
        let library = library.map_err(|error| LoadError::System(one_line(&error)))?;
        // SAFETY: the symbol is only looked up; what it leads to is looked at with care below.
        let header = unsafe { library.get::<*const Header>(abi::SYMBOL) };
        let header: *const Header = match header {
            Ok(symbol) => *symbol,
            Err(_) => return Err(LoadError::NoPlugin),
        };
        // SAFETY: a plugin of any version begins so; the rest is not looked at until the version is
        // known.
        let (magic, theirs, layout) = unsafe {
            (
                addr_of!((*header).magic).read_unaligned(),
                addr_of!((*header).version).read_unaligned(),
                addr_of!((*header).layout).read_unaligned(),
            )
        };
        if magic != abi::MAGIC {
            return Err(LoadError::NoPlugin);
        }
        // SAFETY: as above.
        let [sdk, name, version] = unsafe {
            [
                addr_of!((*header).sdk).read_unaligned().read(),
                addr_of!((*header).plugin).read_unaligned().read(),
                addr_of!((*header).plugin_version).read_unaligned().read(),
            ]
        };
        if theirs != abi::VERSION {
            return Err(LoadError::OtherVersion { theirs, sdk });
        }
        if layout != abi::LAYOUT {
            return Err(LoadError::OtherLayout { theirs: layout });
        }
        // Never unloaded: threads, destructors and payloads of the library may be anywhere.
        std::mem::forget(library);
        // SAFETY: its version and layout are ours, and it is never unloaded.
        let header = unsafe { &*header };
        // SAFETY: the first call, as it must be.
        unsafe { (header.library.start)(instant::to_nanos(Instant::now())) };
        let text = answer((header.describe)())
            .map_err(|refused| LoadError::Declaration(refused.to_string()))?;
        let mut descriptors: Vec<Descriptor> = serde_json::from_str(&text)
            .map_err(|error| LoadError::Declaration(error.to_string()))?;
        if let Some(fault) = descriptors.iter().find_map(Descriptor::fault) {
            return Err(LoadError::Declaration(fault));
        }
        for descriptor in &mut descriptors {
            let ports = descriptor.inputs.iter_mut().chain(&mut descriptor.outputs);
            ports.for_each(|port| qualify(&name, &mut port.port_type));
        }
        static EDITION: AtomicU64 = AtomicU64::new(1);
        Ok(Plugin {
            header,
            name,
            version,
            sha256,
            descriptors,
            edition: EDITION.fetch_add(1, Ordering::Relaxed),
        })
    }
}

/// What went wrong on the plugin's side.
pub(super) enum Refused {
    Error(NodeError),
    Panic(String),
}

impl Refused {
    /// As an error, a panic too.
    pub(super) fn into_error(self) -> NodeError {
        match self {
            Refused::Error(error) => error,
            Refused::Panic(message) => NodeError::internal(format!("it panicked: {message}")),
        }
    }

    /// Goes on as the same error or the same panic, for whoever looks after the node.
    pub(super) fn go_on(self) -> NodeError {
        match self {
            Refused::Error(error) => error,
            // The plugin's own hook has reported it.
            Refused::Panic(message) => std::panic::resume_unwind(Box::new(message)),
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Error(error) => error.fmt(f),
            Refused::Panic(message) => write!(f, "it panicked: {message}"),
        }
    }
}

/// The text of a reply, unless it says that something went wrong.
pub(super) fn answer(reply: Reply) -> Result<String, Refused> {
    if reply.status == abi::DONE && reply.text.length == 0 {
        return Ok(String::new());
    }
    let status = reply.status;
    // SAFETY: the reply comes from a plugin of our version.
    let text = unsafe { reply.into_text() };
    match status {
        abi::DONE => Ok(text),
        abi::PANICKED => Err(Refused::Panic(text)),
        _ => Err(Refused::Error(abi::error_of(text))),
    }
}

/// An error and what caused it.
fn one_line(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_another_abi_is_told_with_both_versions_and_what_to_do() {
        let told = |theirs: u32| {
            let sdk = "0.1.0".to_owned();
            LoadError::OtherVersion { theirs, sdk }.to_string()
        };
        let (old, new) = (told(1), told(abi::VERSION + 1));
        assert!(
            old.starts_with("it was built for plugin ABI 1 (score-plugin 0.1.0), but"),
            "{old}"
        );
        assert!(
            old.contains("docs/from-abi-1.md") && !new.contains("from-abi-1"),
            "{old} {new}"
        );
        assert!(new.contains("update score"), "{new}");
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/from-abi-1.md");
        assert!(Path::new(page).is_file());
    }
}
