//! Why a node cannot be built or cannot go on.

use serde::{Deserialize, Serialize};

/// Which kind of thing went wrong in a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NodeErrorKind {
    /// A file or stream that is read is missing, broken or of the wrong sort.
    Input,
    /// A file cannot be written.
    Output,
    /// A model cannot be loaded or does not do what its metadata says.
    Model,
    /// A program or library that must be installed is missing.
    Missing,
    /// A device is not available, or went away.
    Device,
    /// A mistake in the node's own code.
    Internal,
    /// The run is being stopped; not an error to report.
    Stopped,
}

/// Why a node cannot be built or cannot go on, in words for the artist.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    kind: NodeErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl NodeError {
    /// An error of the given kind; `message` says what is wrong.
    pub fn new(kind: NodeErrorKind, message: impl Into<String>) -> Self {
        NodeError {
            kind,
            message: message.into(),
            help: None,
            source: None,
        }
    }

    /// Something that is read is missing, broken or of the wrong sort.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(NodeErrorKind::Input, message)
    }

    /// Something cannot be written.
    pub fn output(message: impl Into<String>) -> Self {
        Self::new(NodeErrorKind::Output, message)
    }

    /// A model is not suitable.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(NodeErrorKind::Model, message)
    }

    /// Something must be installed; `help` is the command.
    pub fn missing(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(NodeErrorKind::Missing, message).help(help)
    }

    /// A mistake in the node's own code.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(NodeErrorKind::Internal, message)
    }

    /// The run is being stopped.
    #[doc(hidden)]
    pub fn stopped() -> Self {
        Self::new(NodeErrorKind::Stopped, "the run was stopped")
    }

    pub(crate) fn wrong_payload(expected: &str, found: &str) -> Self {
        Self::internal(format!(
            "expected {expected}, but {found} came along the wire"
        ))
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the error that caused this one.
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The message, and in brackets what caused the error where the message does not say so.
    #[doc(hidden)]
    pub fn with_causes(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(because) = cause {
            let said = because.to_string();
            if !text.contains(&said) {
                text.push_str(&format!(" ({said})"));
            }
            cause = because.source();
        }
        text
    }

    /// Which kind of thing went wrong.
    pub fn kind(&self) -> NodeErrorKind {
        self.kind
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }
}
