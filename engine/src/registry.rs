//! The node kinds that a program knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::descriptor::Descriptor;
use crate::node::{Build, Check, Node, NodeError, Processor};

/// A node of any kind, its parameters set.
pub(crate) trait AnyNode: Send + Sync {
    fn check(&self, check: &mut Check<'_>);
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

type Parse = fn(Value) -> Result<Box<dyn AnyNode>, serde_json::Error>;

/// A node kind: its declaration, and how its parameters become a node.
pub struct NodeKind {
    descriptor: Descriptor,
    parse: Parse,
}

impl NodeKind {
    /// The declaration.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
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
            parse: |params| {
                let node: N = serde_json::from_value(params)?;
                Ok(Box::new(node))
            },
        };
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
