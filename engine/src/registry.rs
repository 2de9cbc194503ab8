//! The node kinds that a program knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::descriptor::Descriptor;
use crate::error::NodeError;
use crate::node::{Build, Check, Node, Processor};

/// A node of any kind, its parameters set.
pub trait AnyNode: Send + Sync {
    /// See [`Node::check`].
    fn check(&self, check: &mut Check<'_>);
    /// See [`Node::build`].
    ///
    /// # Errors
    /// As [`Node::build`].
    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError>;
}

impl<N: Node> AnyNode for N {
    fn check(&self, check: &mut Check<'_>) {
        Node::check(self, check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Node::build(self, build)
    }
}

type Parse = dyn Fn(Value) -> Result<Box<dyn AnyNode>, serde_json::Error> + Send + Sync;

/// A node kind: its declaration, and how its parameters become a node.
pub struct NodeKind {
    descriptor: Descriptor,
    parse: Box<Parse>,
    edition: u64,
}

impl NodeKind {
    /// The declaration.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Which of all the kinds of its name this is: 0, unless it comes from a library that may be loaded anew.
    pub fn edition(&self) -> u64 {
        self.edition
    }

    /// A node from parameters that the declaration admits, all defaults filled in.
    pub(crate) fn node(&self, params: Value) -> Result<Box<dyn AnyNode>, serde_json::Error> {
        (self.parse)(params)
    }
}

/// The node kinds that a program knows, by name.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<String, Arc<NodeKind>>,
    /// What to do about kinds that are not there, by their names.
    advice: BTreeMap<String, String>,
}

impl Registry {
    /// A registry that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node kind. One of the same name is replaced.
    pub fn add<N: Node>(&mut self) {
        let kind = NodeKind {
            descriptor: N::descriptor(),
            parse: Box::new(|params| {
                let node: N = serde_json::from_value(params)?;
                Ok(Box::new(node))
            }),
            edition: 0,
        };
        self.insert(kind);
    }

    /// Adds a kind whose nodes are made elsewhere: `parse` makes one from its parameters, all defaults filled in. Nodes
    /// that run are exchanged when their kind comes with another `edition`. One of the same name is replaced.
    pub fn add_foreign(
        &mut self,
        descriptor: Descriptor,
        edition: u64,
        parse: impl Fn(Value) -> Result<Box<dyn AnyNode>, serde_json::Error> + Send + Sync + 'static,
    ) {
        self.insert(NodeKind {
            descriptor,
            parse: Box::new(parse),
            edition,
        });
    }

    /// Says what to do about a kind that is not there, for whoever uses it in a patch.
    pub fn advise(&mut self, kind: &str, advice: String) {
        self.advice.insert(kind.to_owned(), advice);
    }

    /// What to do about a kind that is not there, where that is known.
    pub fn advice(&self, kind: &str) -> Option<&str> {
        self.advice.get(kind).map(String::as_str)
    }

    fn insert(&mut self, kind: NodeKind) {
        self.kinds
            .insert(kind.descriptor.kind.to_string(), Arc::new(kind));
    }

    /// The kind called `name`.
    pub fn kind(&self, name: &str) -> Option<&Arc<NodeKind>> {
        self.kinds.get(name)
    }

    /// All kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<NodeKind>> {
        self.kinds.values()
    }
}
