//! Reads the nodes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use super::draft::Draft;
use crate::diagnostic::did_you_mean;
use crate::patch::tree::{Name, Shape, Tree};

impl Checker<'_> {
    pub(super) fn read_nodes(&mut self, value: &Tree) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                self.report(value.spot, "`nodes` looks like `{\"id\": kind(…)}`", None);
            }
            return;
        };
        for (key, node) in entries {
            let Shape::Text(id) = &key.shape else {
                if key.shape != Shape::Broken {
                    self.report(key.spot, "a node's id is text in quotes", None);
                }
                continue;
            };
            if id.is_empty() || id == "transport" || id.contains(['.', '>', '=']) || id.trim() != id
            {
                let help = Some("an id has none of . > = in it, and is not `transport`".to_owned());
                self.report(key.spot, format!("`{id}` cannot be a node's id"), help);
            }
            if self.drafts.iter().any(|draft| draft.id == *id) {
                self.report(key.spot, format!("there are two nodes `{id}`"), None);
                continue;
            }
            self.read_node(id, key, node);
        }
    }

    pub(super) fn read_node(&mut self, id: &str, key: &Tree, node: &Tree) {
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
            id_spot: key.spot,
            kind_spot,
            descriptor: None,
            param_spots: BTreeMap::new(),
            values: serde_json::Map::new(),
            node: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        match self.registry.kind(&kind).cloned() {
            Some(known) => {
                let descriptor = known.descriptor().clone();
                let before = self.texts.mistakes();
                let (values, spots) = self.read_params(id, &descriptor, fields, &draft.kind_spot);
                draft.values = values.clone();
                draft.param_spots = spots;
                // A value that could not be read was complained of already.
                if self.texts.mistakes() == before && values.len() == descriptor.params.len() {
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
                let help = did_you_mean(
                    &kind,
                    self.registry
                        .kinds()
                        .map(|kind| kind.descriptor().kind.as_ref()),
                )
                .unwrap_or_else(|| "`score nodes` lists all kinds".to_owned());
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
