//! The graph that plays and its status, as pages get them.

use std::time::{SystemTime, UNIX_EPOCH};

use score_engine::{
    NamedValue, Param, ParamType, PortType, Preset, Scale, Status, SteerableNode, Steering,
    WireEnd, WireStatus,
};
use serde_json::{Value, json};

use super::shape;
use crate::command::write_back::Named;
use crate::remote::Verdict;
use crate::status::{dropouts, latency};

/// The nodes with what can be turned and seen of them, the wires, and the presets.
pub(super) fn plan(steering: &Steering, status: &Status, name: &str) -> Value {
    let nodes = steering.nodes();
    let wires = status.wires.iter().map(|wire| {
        let of = nodes.iter().find(|node| node.id == wire.from.node);
        let port = of.and_then(|node| {
            let mut outputs = node.outputs.iter();
            outputs.find(|output| output.name == wire.from.port)
        });
        json!({
            "from": [wire.from.node, wire.from.port],
            "to": [wire.to.node, wire.to.port],
            "type": port.map_or("other", |port| type_name(&port.port_type)),
        })
    });
    json!({
        "name": name,
        "version": env!("CARGO_PKG_VERSION"),
        "nodes": nodes.iter().map(|of| node(of, &nodes, &status.wires)).collect::<Vec<_>>(),
        "wires": wires.collect::<Vec<_>>(),
        "cues": steering.show().cues.iter().map(|cue| cue.name.clone()).collect::<Vec<_>>(),
        "presets": steering.presets().iter().map(preset).collect::<Vec<_>>(),
        "controllers": steering.show().controllers,
        "named": named(steering).iter().map(knob).collect::<Vec<_>>(),
    })
}

fn node(node: &SteerableNode, nodes: &[SteerableNode], wires: &[WireStatus]) -> Value {
    let params = node.params.iter().map(|declared| {
        let mut shown = param(declared);
        if let Some(labels) = labels(node, declared, wires) {
            shown["labels"] = labels.into();
        }
        shown
    });
    let outputs = node.outputs.iter().map(|output| {
        json!({
            "name": output.name,
            "type": type_name(&output.port_type),
            "carries": output.port_type.to_string(),
            "summary": output.summary,
        })
    });
    let mut shown = json!({
        "id": node.id,
        "kind": node.kind,
        "summary": node.summary,
        "params": params.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
    });
    // Where its pictures get their size.
    if shape::sends_pictures(node) {
        shown["pictures_of"] = shape::source(&node.id, nodes, wires).into();
    }
    shown
}

/// What feeds each item of the list `param`, where each is for a wire; a node that feeds several
/// is named with the output.
fn labels(node: &SteerableNode, param: &Param, wires: &[WireStatus]) -> Option<Vec<String>> {
    let input = param.wires.as_ref()?;
    let into: Vec<&WireEnd> = (wires.iter())
        .filter(|wire| wire.to.node == node.id && *input == wire.to.port)
        .map(|wire| &wire.from)
        .collect();
    let label = |from: &&WireEnd| match into.iter().filter(|end| end.node == from.node).count() {
        1 => from.node.clone(),
        _ => format!("{}.{}", from.node, from.port),
    };
    Some(into.iter().map(label).collect())
}

/// The `let` values that have a knob, each with the declaration of a parameter that has it.
pub(super) fn named(steering: &Steering) -> Vec<Named> {
    let nodes = steering.nodes();
    let show = steering.show();
    let declared = |value: &NamedValue| {
        let first = value.targets.first()?;
        let node = nodes.iter().find(|node| node.id == first.node)?;
        let mut params = node.params.iter();
        params.find(|param| param.name == first.param).cloned()
    };
    let named = show.named.iter();
    named
        .filter_map(|value| Some((value.clone(), declared(value)?)))
        .collect()
}

/// A `let` value: its control, and what it sets.
fn knob((value, declared): &Named) -> Value {
    let targets = value.targets.iter();
    let targets = targets.map(|target| json!([target.node, target.param]));
    json!({
        "name": value.name,
        "param": param(declared),
        "targets": targets.collect::<Vec<_>>(),
        "elsewhere": value.is_used_elsewhere,
    })
}

fn preset(preset: &Preset) -> Value {
    let values = preset.values.iter();
    let values: Vec<String> = values
        .map(|value| format!("{}.{}", value.node, value.param))
        .collect();
    json!({ "name": preset.name, "values": values })
}

/// A parameter: which control suits it, and between what.
fn param(param: &Param) -> Value {
    let mut shown = control(&param.param_type);
    (shown["name"], shown["unit"]) = (json!(param.name), json!(param.unit));
    shown["summary"] = json!(param.summary);
    // Whether a MIDI controller can set it.
    shown["midi"] = param.is_input().into();
    // What is done when it is given is not shown as set.
    if param.order {
        shown["order"] = true.into();
    }
    // Where the control's ends lie; what is beyond can be typed.
    if let Some(span) = param.spans() {
        let (from, to) = (span.from.min(span.to), span.from.max(span.to));
        (shown["from"], shown["to"]) = (json!(from), json!(to));
        shown["log"] = (span.scale == Scale::Ratios).into();
    }
    shown
}

/// The control for values of a type.
fn control(param_type: &ParamType) -> Value {
    match param_type {
        ParamType::Number { min, max } => json!({ "type": "number", "min": min, "max": max }),
        ParamType::Integer { min, max } => json!({ "type": "integer", "min": min, "max": max }),
        ParamType::Length { min, max } => json!({ "type": "length", "min": min, "max": max }),
        ParamType::Flag => json!({ "type": "flag" }),
        ParamType::Choice(words) => json!({ "type": "choice", "words": words }),
        ParamType::List(item) => json!({ "type": "list", "item": control(item) }),
        _ => json!({ "type": "text" }),
    }
}

/// A type of ports in a word that pages choose pictures and colours by.
pub(super) fn type_name(port_type: &PortType) -> &'static str {
    match port_type {
        PortType::Frame => "frame",
        PortType::Latent(_) => "latent",
        PortType::Notes => "notes",
        PortType::Audio => "audio",
        PortType::Control => "control",
        PortType::Event => "event",
        _ => "other",
    }
}

/// What every node and wire does, what came of the patch that was saved last, and how the sound is.
pub(super) fn status(
    status: &Status,
    at: SystemTime,
    (verdict, sound): (&Verdict, Value),
) -> Value {
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nodes = status.nodes.iter().map(|node| {
        let mut shown = json!({
            "id": node.id,
            "state": node.state,
            "generation": node.generation,
            "load": node.load,
            "rate": node.rate,
            "p95": node.p95,
            "failures": node.failures,
            "counters": node.counters,
        });
        if let Some(waiting) = &node.waiting {
            shown["waiting"] = json!({ "reason": waiting.reason, "seconds": waiting.seconds });
        }
        if let Some(error) = &node.last_error {
            shown["error"] = json!(error);
            shown["error_age"] = json!(node.error_age);
        }
        if let Some(hangs) = node.hangs {
            shown["hangs"] = json!(hangs);
        }
        shown
    });
    let wires = status.wires.iter();
    let wires =
        wires.map(|wire| json!([wire.sent, wire.received, wire.dropped, wire.depth, wire.age]));
    json!({
        "at": at.as_secs_f64(),
        "revision": status.revision,
        "time": status.time,
        "steered": status.steered,
        "latency": latency(status),
        "dropouts": dropouts(status),
        "refusal": verdict.refusal.as_deref(),
        "verdict": verdict.number,
        "sound": sound,
        "nodes": nodes.collect::<Vec<_>>(),
        "wires": wires.collect::<Vec<_>>(),
    })
}

/// Numbers with as many digits as anybody sees.
pub(super) fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            json!((number * 1e4).round() / 1e4)
        }
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, rounded(value)))
            .collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node, wire};

    #[test]
    fn each_number_of_a_mixer_is_called_by_what_is_wired_there_in_the_patchs_order() {
        let node = node("mix", "mixer");
        let registry = score_nodes::registry();
        let declared = &registry.kind("mixer").unwrap().descriptor().params;
        let wires = [
            ["keys", "sound", "mix", "sounds"],
            ["lead", "sound", "echo", "sound"],
            ["lead", "sound", "mix", "sounds"],
            ["halves", "left", "mix", "sounds"],
            ["knob", "value", "mix", "gain"],
            ["halves", "right", "mix", "sounds"],
        ];
        let called = |name: &str| {
            let param = declared.iter().find(|param| param.name == name).unwrap();
            labels(&node, param, &wires.map(wire))
        };
        let wanted = ["keys", "lead", "halves.left", "halves.right"].map(str::to_owned);
        assert_eq!(called("gains"), Some(wanted.to_vec()));
        assert_eq!(called("gain"), None);
    }
}
