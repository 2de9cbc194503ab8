//! The types that ports have, and which of them fit together.

mod handle;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Policy;

pub use handle::{Anything, Carried, Control, Custom, InputPort, Latent, OutputPort, SentAs};

/// What travels through a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PortType {
    /// Pictures.
    Frame,
    /// Latent vectors of this dimension; `None`: of any, or it is not known yet.
    Latent(Option<usize>),
    /// Notes on and off.
    Notes,
    /// Blocks of sound.
    Audio,
    /// Control values.
    Control,
    /// Events.
    Event,
    /// A plugin's own type, by name.
    Custom(Cow<'static, str>),
    /// Whatever is wired into the node: all its ports of this type carry the same. In a checked
    /// patch every port has the type of what arrives.
    Any,
}

impl PortType {
    /// Whether what leaves a port of this type may enter a port of type `input`.
    pub fn fits(&self, input: &PortType) -> bool {
        match (self, input) {
            (PortType::Latent(Some(from)), PortType::Latent(Some(to))) => from == to,
            (PortType::Latent(_), PortType::Latent(_)) | (_, PortType::Any) => true,
            _ => self == input,
        }
    }

    /// The same type with its dimension forgotten: what a chain is joined by.
    #[doc(hidden)]
    pub fn family(&self) -> PortType {
        match self {
            PortType::Latent(_) => PortType::Latent(None),
            other => other.clone(),
        }
    }

    /// What a live wire of this type does when its reader is late.
    pub fn default_policy(&self) -> Policy {
        match self {
            PortType::Frame => Policy::Latest,
            PortType::Latent(_) | PortType::Control => Policy::DropOldest(8),
            // Sound that has waited for 16 blocks is too late to be heard; its sender must not wait
            // as well.
            PortType::Audio => Policy::DropOldest(16),
            // A note's end must not be lost; a reader may stop for seconds before its sender must
            // wait.
            PortType::Notes | PortType::Event => Policy::Block(256),
            PortType::Custom(_) | PortType::Any => Policy::Block(16),
        }
    }
}

impl fmt::Display for PortType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortType::Frame => f.write_str("Frame"),
            PortType::Latent(Some(dimension)) => write!(f, "Latent({dimension})"),
            PortType::Latent(None) => f.write_str("Latent"),
            PortType::Notes => f.write_str("Notes"),
            PortType::Audio => f.write_str("Audio"),
            PortType::Control => f.write_str("Control"),
            PortType::Event => f.write_str("Event"),
            PortType::Custom(name) => f.write_str(name),
            PortType::Any => f.write_str("any type"),
        }
    }
}

/// How many wires an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arity {
    /// Exactly one.
    Required,
    /// One or none.
    Optional,
    /// Any number, each served as an input of its own.
    Many,
}

/// A port as a node kind declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// Its name in patches, snake_case.
    pub name: Cow<'static, str>,
    /// What travels through it.
    pub port_type: PortType,
    /// One line for the reference.
    pub summary: Cow<'static, str>,
    /// How many wires it takes; outputs take any number.
    pub arity: Arity,
    /// What a live wire into it does when the node is late; `None`: the type's default.
    pub policy: Option<Policy>,
    /// Whether only wires that name it lead to it or from it: those that name just the node go by
    /// its other ports.
    #[serde(default)]
    pub by_name: bool,
    /// Whether the node takes only a few of the packets: where many would have to be kept for it,
    /// some are left out.
    #[serde(default)]
    pub sparse: bool,
}

impl Port {
    /// A port that takes exactly one wire (as an input) or any number (as an output).
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        port_type: PortType,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Port {
            name: name.into(),
            port_type,
            summary: summary.into(),
            arity: Arity::Required,
            policy: None,
            by_name: false,
            sparse: false,
        }
    }

    /// An input of which the node takes only a few packets, as of pictures for a strip of stills.
    /// Where many would have to be kept in memory for it, some are left out.
    pub fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    /// A port that is reached only by wires that name it, so that those that name just the node are
    /// not ambiguous.
    pub fn by_name(mut self) -> Self {
        self.by_name = true;
        self
    }

    /// An input that may stay unwired.
    pub fn optional(mut self) -> Self {
        self.arity = Arity::Optional;
        self
    }

    /// An input that takes any number of wires.
    pub fn many(mut self) -> Self {
        self.arity = Arity::Many;
        self
    }

    /// An input whose live wires follow `policy` unless the patch says otherwise.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }
}
