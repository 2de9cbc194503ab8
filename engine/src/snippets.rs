//! Writes snippets for editors from the declarations: what to type of a node, and what there is to
//! choose.

use serde_json::{Map, Value, json};

use crate::descriptor::Descriptor;
use crate::param::{Param, ParamType};
use crate::registry::Registry;

/// Snippets of every kind in the registry and of what else a patch has, in the form of Visual
/// Studio Code, which Neovim's plugins and other editors read too.
pub fn snippets(registry: &Registry) -> Value {
    let mut all = Map::new();
    let parts = [
        (
            "Patch",
            "a whole patch",
            "// ${1:What it does.}\n//\n//     score render ${TM_FILENAME}\n//\n// Needs ${2:…}.\n// Change: ${3:…}.\n\
             Patch(\n    format: 1,\n    transport: (tempo: ${4:120}, metre: (4, 4), seed: ${5:1}),\n    \
             nodes: {\n        $0\n    },\n    wires: [\n    ],\n)\n",
        ),
        (
            "let",
            "values with names; use(name) stands for one",
            "let: (${1:name}: ${2:1}),",
        ),
        (
            "use",
            "the value of `let` that has this name",
            "use(${1:name})",
        ),
        (
            "include",
            "another patch as a part of this one",
            "include: {\n    \"${1:id}\": (patch: \"${2:parts/part.ron}\"),\n},",
        ),
        ("wire", "a chain of wires", "\"${1:from} -> ${2:to}\","),
    ];
    for (name, description, body) in parts {
        all.insert(name.to_owned(), snippet(name, body, description));
    }
    for kind in registry.kinds() {
        let descriptor = kind.descriptor();
        let name = descriptor.kind.to_string();
        let value = snippet(&name, &body(descriptor), &description(descriptor));
        all.insert(name, value);
    }
    Value::Object(all)
}

fn snippet(prefix: &str, body: &str, description: &str) -> Value {
    let lines: Vec<&str> = body.lines().collect();
    json!({ "scope": "ron", "prefix": prefix, "body": lines, "description": description })
}

/// The node with all that must be given, to be filled in one after another.
fn body(descriptor: &Descriptor) -> String {
    let kind = &descriptor.kind;
    let needed = descriptor
        .params
        .iter()
        .filter(|param| param.default.is_none());
    let params: Vec<String> = (2..)
        .zip(needed)
        .map(|(stop, param)| format!("{}: {}", param.name, value(stop, param)))
        .collect();
    format!("\"${{1:{kind}}}\": {kind}({}$0),", params.join(", "))
}

/// A place to fill in a value.
fn value(stop: usize, param: &Param) -> String {
    match &param.param_type {
        ParamType::Choice(words) => format!("${{{stop}|{}|}}", words.join(",")),
        ParamType::Text | ParamType::File(_) => format!("\"${{{stop}:{}}}\"", param.name),
        ParamType::List(_) => format!("[${{{stop}}}]"),
        ParamType::Flag => format!("${{{stop}|true,false|}}"),
        ParamType::Number { min, .. } | ParamType::Length { min, .. } => {
            format!("${{{stop}:{min}}}")
        }
        ParamType::Integer { min, .. } => format!("${{{stop}:{min}}}"),
        // A place without a proposal.
        _ => format!("${{{stop}}}"),
    }
}

/// What the node does, and a line for every parameter.
fn description(descriptor: &Descriptor) -> String {
    let line = |param: &Param| format!("\n{}: {}; {}", param.name, param.summary, param.takes());
    let params: String = descriptor.params.iter().map(line).collect();
    format!("{}.{params}", descriptor.summary.trim_end_matches('.'))
}
