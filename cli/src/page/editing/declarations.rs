//! What there is to choose from: the declarations of the kinds, in the form in which the page
//! completes, explains and offers them.

use std::collections::BTreeMap;

use score_engine::{
    Arity, Change, Descriptor, Param, ParamType, Port, PortType, needed_params,
    transport_declaration, written_value,
};
use serde_json::{Value, json};

use super::Editing;
use crate::page::plan::type_name;

impl Editing {
    /// Every kind that the patch may use, and the transport.
    pub(super) fn declarations(&self) -> Value {
        let seen = self.seen();
        let kinds = seen.kinds().map(|kind| kind_shown(kind.descriptor()));
        json!({
            "kinds": kinds.collect::<Vec<_>>(),
            "transport": params(transport_declaration()),
        })
    }
}

fn kind_shown(descriptor: &Descriptor) -> Value {
    let needed = needed_params(descriptor);
    let first = descriptor.details.split("\n\n").next().unwrap_or_default();
    json!({
        "kind": descriptor.kind,
        "family": descriptor.family,
        "summary": descriptor.summary,
        "details": first,
        "inputs": descriptor.inputs.iter().map(port).collect::<Vec<_>>(),
        "outputs": descriptor.outputs.iter().map(port).collect::<Vec<_>>(),
        "params": params(descriptor),
        "needs": needed.into_iter().collect::<BTreeMap<_, _>>(),
    })
}

fn port(port: &Port) -> Value {
    json!({
        "name": port.name,
        "type": match port.port_type {
            PortType::Any => "any",
            ref port_type => type_name(port_type),
        },
        "carries": port.port_type.to_string(),
        "summary": port.summary,
        "many": port.arity == Arity::Many,
        "needed": port.arity == Arity::Required,
    })
}

fn params(descriptor: &Descriptor) -> Vec<Value> {
    let inputs: Vec<&Param> = descriptor.param_inputs().map(|(_, param)| param).collect();
    let shown = |param: &Param| {
        let is_input = inputs.iter().any(|input| input.name == param.name);
        let mut shown = json!({
            "name": param.name,
            "takes": param.takes(),
            "summary": param.summary,
            "live": param.change == Change::Live,
            "why": param.reason,
            "wire": is_input,
        });
        if let Some(default) = &param.default {
            shown["default"] = written_value(default).into();
        }
        if let Some(words) = words(&param.param_type) {
            shown["words"] = words;
        }
        shown
    };
    descriptor.params.iter().map(shown).collect()
}

/// What there is to choose of a type, or of the items of a list.
fn words(param_type: &ParamType) -> Option<Value> {
    match param_type {
        ParamType::Choice(words) => Some(json!(words)),
        ParamType::Flag => Some(json!(["true", "false"])),
        ParamType::List(item) => words(item),
        _ => None,
    }
}
