//! What a wire can begin or end at: ports of nodes, and what an included patch names in `inputs`
//! and `outputs`.

use std::collections::BTreeSet;

use super::Checker;
use super::scope::Scope;
use crate::diagnostic::did_you_mean;
use crate::limits::{MAX_NODES, MAX_WIRES};
use crate::param::Change;
use crate::patch::tree::{Shape, Tree};
use crate::patch::wires::{Endpoint, endpoint};
use crate::port::PortType;

/// A named place where a wire can begin or end.
#[derive(Clone)]
pub(super) struct End {
    pub(super) name: String,
    pub(super) port_type: PortType,
    /// Nodes and their ports; more than one where an input of an included patch goes to several.
    pub(super) ports: Vec<(usize, usize)>,
    /// Whether a wire must name it.
    pub(super) by_name: bool,
    /// Whether it is a parameter of a node.
    pub(super) is_param: bool,
}

/// The side of a node or of an included patch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inputs,
    Outputs,
}

impl Side {
    /// One of them, in words.
    pub(super) fn one(self) -> &'static str {
        match self {
            Side::Inputs => "input",
            Side::Outputs => "output",
        }
    }
}

impl Checker<'_> {
    /// Where a wire may begin or end that names `endpoint`; `None` where that is unknown, which was
    /// complained of.
    pub(super) fn ends(
        &mut self,
        scope: &str,
        endpoint: &Endpoint,
        side: Side,
    ) -> Option<Vec<End>> {
        let ends: Vec<End> = (self.all_ends(scope, endpoint, side)?.into_iter())
            .map(|end| self.as_carried(end))
            .collect();
        let Some(name) = &endpoint.port else {
            return Some(ends);
        };
        let found: Vec<End> = ends
            .iter()
            .filter(|end| end.name == *name)
            .cloned()
            .collect();
        if !found.is_empty() {
            return Some(found);
        }
        if let Some((message, help)) = self.unwirable(scope, endpoint, name, side) {
            self.report(endpoint.spot, message, Some(help));
            return None;
        }
        let names: Vec<&str> = ends.iter().map(|end| end.name.as_str()).collect();
        let help = did_you_mean(name, names.iter().copied()).or_else(|| {
            let ports = ends.iter().filter(|end| !end.is_param);
            let ports: Vec<&str> = ports.map(|end| end.name.as_str()).collect();
            (!ports.is_empty()).then(|| format!("its {}s: {}", side.one(), ports.join(", ")))
        });
        let message = format!("`{}` has no {} `{name}`", endpoint.node, side.one());
        self.report(endpoint.spot, message, help);
        None
    }

    /// The end with the type that it carries, where it is of any type and that is known by now.
    fn as_carried(&self, end: End) -> End {
        let carries = |&(node, _): &(usize, usize)| self.drafts[node].carries.clone();
        match end.port_type {
            PortType::Any => End {
                port_type: end.ports.first().and_then(carries).unwrap_or(PortType::Any),
                ..end
            },
            _ => end,
        }
    }

    /// Whether a wire from `endpoint` leaves a port of any type and nobody knows yet what that
    /// carries.
    pub(super) fn is_open(&self, scope: &str, endpoint: &Endpoint) -> bool {
        let id = format!("{scope}{}", endpoint.node);
        let named = |name: &str| endpoint.port.as_ref().is_none_or(|port| port == name);
        if let Some(part) = self.parts.iter().find(|part| part.id == id) {
            let mut outputs = part.outputs.iter().filter(|end| named(&end.name));
            return outputs.any(|end| self.as_carried(end.clone()).port_type == PortType::Any);
        }
        let draft = self.drafts.iter().find(|draft| draft.id == id);
        draft.is_some_and(|draft| {
            let outputs = draft.descriptor.iter().flat_map(|kind| &kind.outputs);
            draft.carries.is_none()
                && (outputs.filter(|port| named(&port.name)))
                    .any(|port| port.port_type == PortType::Any)
        })
    }

    /// Why the parameter `name` of a node takes no wire, and what to do; `None`: there is no such
    /// parameter.
    fn unwirable(
        &self,
        prefix: &str,
        endpoint: &Endpoint,
        name: &str,
        side: Side,
    ) -> Option<(String, String)> {
        let id = format!("{prefix}{}", endpoint.node);
        let draft = self.drafts.iter().find(|draft| draft.id == id)?;
        let mut params = draft.descriptor.as_ref()?.params.iter();
        let param = params.find(|param| param.name == name && side == Side::Inputs)?;
        let message = format!("no wire can lead into `{}.{name}`", endpoint.node);
        let help = match (param.change, param.reason.as_ref()) {
            (Change::Live, _) => format!("it takes {}, which no number stands for", param.takes()),
            (_, "") => "it cannot change while the node plays".to_owned(),
            (_, reason) => format!("it cannot change while the node plays: {reason}"),
        };
        Some((message, help))
    }

    fn all_ends(&mut self, prefix: &str, endpoint: &Endpoint, side: Side) -> Option<Vec<End>> {
        let id = format!("{prefix}{}", endpoint.node);
        if let Some(part) = self.parts.iter().find(|part| part.id == id) {
            let ends = match side {
                Side::Inputs => &part.inputs,
                Side::Outputs => &part.outputs,
            };
            return (!part.broken).then(|| ends.clone());
        }
        if let Some(node) = self.drafts.iter().position(|draft| draft.id == id) {
            let descriptor = self.drafts[node].descriptor.as_ref()?;
            let ports = match side {
                Side::Inputs => &descriptor.inputs,
                Side::Outputs => &descriptor.outputs,
            };
            let end = |(index, port): (usize, &crate::port::Port)| End {
                name: port.name.to_string(),
                port_type: port.port_type.clone(),
                ports: vec![(node, index)],
                by_name: port.by_name,
                is_param: false,
            };
            let mut ends: Vec<End> = (0..).zip(ports).map(end).collect();
            if side == Side::Inputs {
                ends.extend(descriptor.param_inputs().map(|(number, param)| End {
                    name: param.name.to_string(),
                    port_type: PortType::Control,
                    ports: vec![(node, number)],
                    by_name: true,
                    is_param: true,
                }));
            }
            return Some(ends);
        }
        let drafts = self.drafts.iter().map(|draft| draft.id.as_str());
        let ids = drafts.chain(self.parts.iter().map(|part| part.id.as_str()));
        let near = ids.filter_map(|id| id.strip_prefix(prefix));
        let help = self.near(&endpoint.node, near.filter(|id| !id.contains('.')));
        let message = format!("there is no node `{}`", endpoint.node);
        self.report(endpoint.spot, message, help);
        None
    }

    /// Reads `inputs` or `outputs`: the names under which other patches wire what is in this one.
    pub(super) fn read_face(&mut self, scope: &Scope, value: &Tree, side: Side) -> Vec<End> {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                let message = format!("`{}s` looks like `{{\"name\": \"node.port\"}}`", side.one());
                self.report(value.spot, message, None);
            }
            return Vec::new();
        };
        let mut face: Vec<End> = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for (key, value) in entries {
            let Shape::Text(name) = &key.shape else {
                if key.shape != Shape::Broken {
                    let message = format!("the name of an {} is text in quotes", side.one());
                    self.report(key.spot, message, None);
                }
                continue;
            };
            if name.is_empty() || name.contains(['.', '>']) || name.trim() != name {
                let message = format!("`{name}` cannot be the name of an {}", side.one());
                self.report(
                    key.spot,
                    message,
                    Some("a name has none of . > in it".to_owned()),
                );
            } else if !known.insert(name) {
                self.report(key.spot, format!("`{name}` stands here twice"), None);
            } else if face.len() >= MAX_NODES {
                let message = format!("more than {MAX_NODES} {}s", side.one());
                self.refuse_size(key.spot, message);
                return face;
            } else {
                face.extend(self.read_end(scope, name, value, side));
            }
        }
        face
    }

    fn read_end(&mut self, scope: &Scope, name: &str, value: &Tree, side: Side) -> Option<End> {
        let targets = match (&value.shape, side) {
            (Shape::List(items), Side::Inputs) if !items.is_empty() => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let mut end: Option<End> = None;
        for target in targets {
            let Shape::Text(_) = &target.shape else {
                if target.shape != Shape::Broken {
                    let message =
                        format!("an {} names what is behind it: \"node.port\"", side.one());
                    self.report(target.spot, message, None);
                }
                return None;
            };
            let endpoint = match endpoint(self.texts.text(target.spot.source), target) {
                Ok(endpoint) => endpoint,
                Err(mistake) => {
                    self.report(mistake.spot, mistake.message, None);
                    return None;
                }
            };
            let ends = self.ends(&scope.prefix, &endpoint, side)?;
            // A parameter is meant only where it is named.
            let ends: Vec<End> = (ends.into_iter())
                .filter(|end| endpoint.port.is_some() || !end.is_param)
                .collect();
            let [found] = ends.as_slice() else {
                let names: Vec<&str> = ends.iter().map(|end| end.name.as_str()).collect();
                let message = if names.is_empty() {
                    format!("`{}` has no {}s", endpoint.node, side.one())
                } else {
                    format!("`{}` has several {}s", endpoint.node, side.one())
                };
                let help = names.first().map(|first| {
                    format!(
                        "name one: `{}.{first}`; it has {}",
                        endpoint.node,
                        names.join(", ")
                    )
                });
                self.report(endpoint.spot, message, help);
                return None;
            };
            match &mut end {
                None => {
                    end = Some(End {
                        name: name.to_owned(),
                        by_name: false,
                        ..found.clone()
                    });
                }
                Some(end) if end.port_type.family() == found.port_type.family() => {
                    end.ports.extend(&found.ports);
                    if end.ports.len() > MAX_WIRES {
                        self.refuse_size(endpoint.spot, format!("more than {MAX_WIRES} wires"));
                        return None;
                    }
                }
                Some(end) => {
                    let message = format!(
                        "`{}` takes {}, but the others behind `{name}` take {}",
                        endpoint.node, found.port_type, end.port_type
                    );
                    self.report(endpoint.spot, message, None);
                    return None;
                }
            }
        }
        end
    }
}
