//! Loads one plugin.
#![allow(unsafe_code)]

use std::path::Path;
use std::ptr::addr_of;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use score_engine::foreign::ErrorReply;
use score_engine::{Descriptor, NodeError, PortType};

use super::file::is_cut_short;
use crate::abi::{self, Header, Reply};
use crate::instant;

/// Why a file is not loaded as a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read or copied.
    #[error("it cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// The file ends too early.
    #[error("it is not whole: whoever writes it has not finished")]
    CutShort,
    /// The system does not load it.
    #[error("it is no library that this system loads: {0}")]
    System(String),
    /// It is a library, but no plugin.
    #[error("it is a library, but no plugin of SCORE!: `score_plugin::export!` is missing")]
    NoPlugin,
    /// It was built for another version of what crosses.
    #[error(
        "it was built for plugin ABI {theirs} (score-plugin {sdk}), and this program has plugin ABI {ours} \
         (score-plugin {version}): build it anew with score-plugin {version}",
        ours = abi::VERSION, version = env!("CARGO_PKG_VERSION")
    )]
    OtherVersion {
        /// The plugin's version of the ABI.
        theirs: u32,
        /// The version of this crate that it was built with.
        sdk: String,
    },
    /// It says that it has this version, and its structs have other sizes.
    #[error(
        "its layout of plugin ABI {version} is {theirs:016x}, and this program's is {ours:016x}: build it anew with \
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

/// A plugin that is loaded, for good: what a library has handed out may be anywhere.
pub(super) struct Plugin {
    pub(super) header: &'static Header,
    pub(super) name: String,
    pub(super) version: String,
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

impl Plugin {
    /// Loads the plugin at `path`, from a copy, so that the file may be written anew.
    pub(super) fn load(path: &Path) -> Result<Plugin, LoadError> {
        let bytes = std::fs::read(path)?;
        if is_cut_short(&bytes) {
            return Err(LoadError::CutShort);
        }
        let private = tempfile::Builder::new().prefix("score-plugin-").tempdir()?;
        let copy = private.path().join(path.file_name().unwrap_or_default());
        std::fs::write(&copy, bytes)?;
        // SAFETY: loading runs the library's initialisers; whoever puts a plugin into a folder of plugins trusts it.
        let library = unsafe { libloading::Library::new(&copy) };
        let library = library.map_err(|error| LoadError::System(one_line(&error)))?;
        // SAFETY: the symbol is only looked up; what it leads to is looked at with care below.
        let header = unsafe { library.get::<*const Header>(abi::SYMBOL) };
        let header: *const Header = match header {
            Ok(symbol) => *symbol,
            Err(_) => return Err(LoadError::NoPlugin),
        };
        // SAFETY: a plugin of any version begins so; the rest is not looked at until the version is known.
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
            // The plugin's own hook has told of it.
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
pub(super) fn answer(mut reply: Reply) -> Result<String, Refused> {
    if reply.status == abi::DONE && reply.text.length == 0 {
        return Ok(String::new());
    }
    // SAFETY: the reply comes from a plugin of our version.
    let text = unsafe { reply.take_text() };
    match reply.status {
        abi::DONE => Ok(text),
        abi::PANICKED => Err(Refused::Panic(text)),
        _ => Err(Refused::Error(
            match serde_json::from_str::<ErrorReply>(&text) {
                Ok(error) => error.into(),
                Err(_) => NodeError::internal(text),
            },
        )),
    }
}

/// An error and what caused it.
fn one_line(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
