//! The graph that plays and its status, as pages get them.

use std::time::{SystemTime, UNIX_EPOCH};

use score_engine::{Param, ParamType, PortType, Preset, Scale, Status, SteerableNode, Steering};
use serde_json::{Value, json};

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
        "nodes": nodes.iter().map(node).collect::<Vec<_>>(),
        "wires": wires.collect::<Vec<_>>(),
        "cues": steering.show().cues.iter().map(|cue| cue.name.clone()).collect::<Vec<_>>(),
        "presets": steering.presets().iter().map(preset).collect::<Vec<_>>(),
    })
}

fn node(node: &SteerableNode) -> Value {
    let outputs = node.outputs.iter().map(|output| {
        json!({
            "name": output.name,
            "type": type_name(&output.port_type),
            "carries": output.port_type.to_string(),
            "summary": output.summary,
        })
    });
    json!({
        "id": node.id,
        "kind": node.kind,
        "summary": node.summary,
        "params": node.params.iter().map(param).collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
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

/// The outputs whose sound a sound device plays.
pub(super) fn sounding(status: &Status) -> impl Iterator<Item = (&str, &str)> {
    let devices = status.nodes.iter().filter(|node| node.kind == "audio_out");
    devices.flat_map(|device| {
        let wires = status.wires.iter();
        let wires = wires.filter(move |wire| wire.to.node == device.id);
        wires.map(|wire| (wire.from.node.as_str(), wire.from.port.as_str()))
    })
}

/// What every node and wire does.
pub(super) fn status(status: &Status, at: SystemTime, refusal: Option<&str>) -> Value {
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
        "refusal": refusal,
        "nodes": nodes.collect::<Vec<_>>(),
        "wires": wires.collect::<Vec<_>>(),
    })
}
