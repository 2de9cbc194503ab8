//! Reads the nodes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use super::draft::Draft;
use super::scope::Scope;
use super::settings::LET;
use crate::diagnostic::{did_you_mean, steers};
use crate::limits::MAX_NODES;
use crate::patch::tree::{Name, Shape, Spot, Tree};

impl Checker<'_> {
    pub(super) fn read_nodes(&mut self, scope: &Scope, value: &Tree) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(value.spot, "`nodes` looks like `{\"id\": kind(…)}`", None);
            }
            return;
        };
        for (key, node) in entries {
            if self.drafts.len() >= MAX_NODES {
                let message = format!("more than {MAX_NODES} nodes");
                return self.refuse_size(key.spot, message);
            }
            if let Some(id) = self.new_id(scope, key) {
                self.read_node(scope, &id, key.spot, node);
            }
        }
    }

    /// The whole id that `key` gives to a node or an included patch; `None` where it cannot be one,
    /// which was complained of.
    pub(super) fn new_id(&mut self, scope: &Scope, key: &Tree) -> Option<String> {
        let Shape::Text(id) = &key.shape else {
            if key.shape != Shape::Broken {
                self.report(key.spot, "a node's id is text in quotes", None);
            }
            return None;
        };
        if let Some(odd) = id.chars().find(|c| steers(*c) || *c == '\n' || *c == '\t') {
            let message = format!("a node's id has no `{}` in it", odd.escape_default());
            self.report(key.spot, message, None);
        }
        let reserved = id == "transport" || id == LET;
        if id.is_empty() || reserved || id.contains(['.', '>', '=']) || id.trim() != id {
            let help = "an id has none of . > = in it, and is neither `transport` nor `let`";
            let message = format!("`{id}` cannot be a node's id");
            self.report(key.spot, message, Some(help.to_owned()));
        }
        let whole = scope.id(id);
        let draft = (self.drafts.iter()).find(|draft| draft.id == whole);
        let part = self.parts.iter().find(|part| part.id == whole);
        let first = (draft.map(|draft| draft.id_spot)).or(part.map(|part| part.id_spot));
        let Some(first) = first else {
            return Some(whole);
        };
        let message = if self.texts.is_full() {
            format!("two nodes are called `{id}`")
        } else {
            let first = self.texts.place_from(first, key.spot);
            format!("two nodes are called `{id}`; the first is at {first}")
        };
        self.report(key.spot, message, None);
        None
    }

    fn read_node(&mut self, scope: &Scope, id: &str, id_spot: Spot, node: &Tree) {
        let no_fields: &[(Name, Tree)] = &[];
        let (kind, kind_spot, fields) = match &node.shape {
            Shape::Struct(Some(kind), fields) => (kind.text.clone(), kind.spot, fields.as_slice()),
            Shape::Word(kind) => (kind.clone(), node.spot, no_fields),
            Shape::Tuple(Some(kind), items) => {
                if let Some(first) = items.first().filter(|item| item.shape != Shape::Broken) {
                    self.report(first.spot, "a parameter is written `name: value`", None);
                }
                (kind.text.clone(), kind.spot, no_fields)
            }
            Shape::Broken => (String::new(), node.spot, no_fields),
            _ => {
                self.report(node.spot, "a node is written `kind(name: value)`", None);
                (String::new(), node.spot, no_fields)
            }
        };
        let mut draft = Draft {
            id: id.to_owned(),
            id_spot,
            kind_spot,
            descriptor: None,
            param_spots: BTreeMap::new(),
            values: serde_json::Map::new(),
            node: None,
            edition: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            carries: None,
        };
        match self.registry.kind(&kind).cloned() {
            Some(known) => {
                let descriptor = known.descriptor().clone();
                draft.edition = known.edition();
                let before = self.texts.complaints();
                let (values, spots) = self.read_params(scope, id, &descriptor, fields, kind_spot);
                draft.values = values.clone();
                self.admit_node(&descriptor, &values, |param| {
                    let param = param.and_then(|name| spots.get(name));
                    param.copied().unwrap_or(kind_spot)
                });
                draft.param_spots = spots;
                // A value that could not be read was complained of already.
                if self.texts.complaints() == before && values.len() == descriptor.params.len() {
                    match known.node(Value::Object(values)) {
                        Ok(node) => draft.node = Some(node),
                        Err(error) => {
                            let message =
                                format!("`{kind}` does not take these parameters: {error}");
                            self.report(draft.kind_spot, message, None);
                        }
                    }
                }
                draft.inputs = vec![None; descriptor.inputs.len()];
                draft.outputs = descriptor
                    .outputs
                    .iter()
                    .map(|port| port.port_type.clone())
                    .collect();
                draft.descriptor = Some(descriptor);
            }
            None if kind.is_empty() => {}
            None => {
                if let Some(admission) = self.admission {
                    admission.unknown_kind(&kind);
                }
                let known = self.registry.kinds();
                let near =
                    || did_you_mean(&kind, known.map(|kind| kind.descriptor().kind.as_ref()));
                let help = (self.registry.advice(&kind).map(str::to_owned))
                    .or_else(near)
                    .unwrap_or_else(|| "`score nodes` lists all kinds, `score plugins` those of plugins; `--plugins FOLDER` says where to look"
                        .to_owned());
                self.report(
                    draft.kind_spot,
                    format!("there is no node kind `{kind}`"),
                    Some(help),
                );
            }
        }
        self.drafts.push(draft);
    }
}
