//! Writes the node reference from the declarations.

use std::fmt::Write;
use std::path::PathBuf;

use crate::descriptor::Descriptor;
use crate::param::{Change, Param, Scale};
use crate::patch::Source;
use crate::port::{Arity, Port};
use crate::registry::Registry;

/// The reference of every kind in the registry, as a Markdown page.
pub fn markdown(registry: &Registry) -> String {
    let mut page = String::from(
        "# Node reference\n\nMade from the declarations by `score nodes --markdown`.\n",
    );
    let mut kinds: Vec<&Descriptor> = registry.kinds().map(|kind| kind.descriptor()).collect();
    kinds.sort_by(|a, b| (&a.family, &a.kind).cmp(&(&b.family, &b.kind)));
    let mut family = "";
    for descriptor in kinds {
        if descriptor.family != family {
            family = &descriptor.family;
            let _ = write!(page, "\n## {family}\n");
        }
        let _ = write!(page, "\n{}", markdown_of(descriptor));
    }
    page
}

/// The reference of one kind.
pub fn markdown_of(descriptor: &Descriptor) -> String {
    let mut text = format!(
        "### {}\n\n{}.\n",
        descriptor.kind,
        descriptor.summary.trim_end_matches('.')
    );
    if !descriptor.details.is_empty() {
        let details = descriptor.details.trim();
        let _ = write!(text, "\n{details}\n");
        // A list that is the node's own would go on with its ports.
        if details
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("- "))
        {
            text.push_str("\nIts ports:\n");
        }
    }
    ports(&mut text, "in", &descriptor.inputs);
    ports(&mut text, "out", &descriptor.outputs);
    if !descriptor.params.is_empty() {
        text.push_str("\n| parameter | takes | default | a change is | |\n|---|---|---|---|---|\n");
    }
    for param in &descriptor.params {
        let default = match &param.default {
            None => "must be given".to_owned(),
            Some(value) if value.is_null() => "none".to_owned(),
            Some(value) => format!("`{}`", param.written(value)),
        };
        let wires = match &param.wires {
            Some(input) => format!(", one for each wire into `{input}`"),
            None => String::new(),
        };
        let order = if param.order { ", an order" } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {}{wires}{order} | {default} | {} | {} |",
            param.name,
            param.takes(),
            change(param),
            param.summary
        );
    }
    if let Some(example) = example_patch(descriptor) {
        let _ = write!(text, "\n```ron\n{example}```\n");
    }
    text
}

/// The example of a kind as a whole patch, formatted; `None` where the kind has none.
fn example_patch(descriptor: &Descriptor) -> Option<String> {
    let text = format!("Patch(format: 1, {})", descriptor.example);
    let patch = Source::text(&descriptor.kind, &text, PathBuf::new());
    (!descriptor.example.is_empty()).then(|| patch.formatted().unwrap_or(text))
}

/// What a change of the parameter is: what a bare wire's 0 to 1 stand for where it is live, and
/// else why it is not.
fn change(param: &Param) -> String {
    let name = param.change.name();
    match (param.change, param.reason.as_ref()) {
        (Change::Live, _) => match param.spans().filter(|_| param.is_input()) {
            None if param.is_input() => format!("{name}, by wire"),
            None => name.to_owned(),
            Some(span) => {
                let scale = match span.scale {
                    Scale::Ratios => " log",
                    _ => "",
                };
                format!("{name}, by wire {} to {}{scale}", span.from, span.to)
            }
        },
        (_, "") => name.to_owned(),
        (_, reason) => format!("{name}: {reason}"),
    }
}

fn ports(text: &mut String, side: &str, ports: &[Port]) {
    for port in ports {
        let arity = match port.arity {
            Arity::Optional => ", may stay unwired",
            Arity::Many => ", any number of wires",
            Arity::Required => "",
        };
        let bullet =
            if text.ends_with("\n\n") || text.lines().last().is_some_and(|l| l.starts_with("- ")) {
                ""
            } else {
                "\n"
            };
        let _ = writeln!(
            text,
            "{bullet}- {side} `{}` ({}{arity}): {}",
            port.name, port.port_type, port.summary
        );
    }
}
