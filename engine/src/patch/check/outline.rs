//! Reads the parts that a patch has.

use std::collections::BTreeSet;

use super::Checker;
use super::ends::{End, Side};
use super::scope::Scope;
use crate::diagnostic::did_you_mean;
use crate::patch::tree::{Name, Shape, Spot, Tree};

/// The version of the patch format that this engine reads.
const FORMAT: i64 = 1;

/// What a patch may have.
const SECTIONS: [&str; 14] = [
    "format",
    "let",
    "transport",
    "include",
    "nodes",
    "wires",
    "presets",
    "recall_safe",
    "cues",
    "recall",
    "controllers",
    "hours",
    "inputs",
    "outputs",
];

/// What patches that include this one can wire.
#[derive(Default)]
pub(super) struct Face {
    pub(super) inputs: Vec<End>,
    pub(super) outputs: Vec<End>,
}

impl Checker<'_> {
    /// Reads a patch and what it includes.
    pub(super) fn read_patch(&mut self, scope: &mut Scope, tree: &Tree) -> Face {
        let Some(fields) = self.sections(tree) else {
            return Face::default();
        };
        let section = |name: &str| {
            let found = fields.iter().find(|(field, _)| field.text == name);
            found.map(|(_, value)| value)
        };
        match section("format") {
            Some(value) => self.read_format(value),
            None => {
                let help = Some(format!("write `format: {FORMAT},` first"));
                self.report(tree.spot.first(), "`format` is missing", help);
            }
        }
        // What stands anywhere may be used everywhere.
        self.read_let(scope, section("let"));
        let none = Tree {
            spot: Spot::default(),
            shape: Shape::Struct(None, Vec::new()),
        };
        let transport = self.read_transport(scope, section("transport").unwrap_or(&none));
        // One run has one transport: that of the patch that is run.
        if let Some(transport) = transport.filter(|_| scope.prefix.is_empty()) {
            self.transport = transport;
        }
        if let Some(value) = section("nodes") {
            self.read_nodes(scope, value);
        }
        if let Some(value) = section("include") {
            self.read_includes(scope, value);
        }
        if let Some(value) = section("wires") {
            self.read_wires(scope, value);
        }
        if let Some(value) = section("presets") {
            self.read_presets(scope, value);
        }
        if let Some(value) = section("recall_safe") {
            self.read_recall_safe(scope, value);
        }
        if let Some(value) = section("cues") {
            self.read_cues(scope, value);
        }
        if let Some(value) = section("recall") {
            self.read_recalls(scope, value);
        }
        if let Some(value) = section("controllers") {
            self.read_controllers(scope, value);
        }
        if let Some(value) = section("hours") {
            self.read_hours(scope, value);
        }
        let mut face = |name: &str, side: Side| match section(name) {
            Some(value) => self.read_face(scope, value, side),
            None => Vec::new(),
        };
        Face {
            inputs: face("inputs", Side::Inputs),
            outputs: face("outputs", Side::Outputs),
        }
    }

    /// The parts of the patch, each but once.
    fn sections<'t>(&mut self, tree: &'t Tree) -> Option<&'t [(Name, Tree)]> {
        let fields = match &tree.shape {
            Shape::Struct(name, fields)
                if name.as_ref().is_none_or(|name| name.text == "Patch") =>
            {
                fields
            }
            Shape::Broken => return None,
            _ => {
                let help =
                    Some("it looks like `Patch(format: 1, nodes: {…}, wires: […])`".to_owned());
                self.report(tree.spot.first(), "this is not a patch", help);
                return None;
            }
        };
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (name, _) in fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            if !seen.insert(&name.text) {
                self.report(
                    name.spot,
                    format!("`{}` stands here twice", name.text),
                    None,
                );
            } else if !SECTIONS.contains(&name.text.as_str()) {
                let help = did_you_mean(&name.text, SECTIONS);
                self.report(name.spot, format!("a patch has no `{}`", name.text), help);
            }
        }
        Some(fields)
    }

    fn read_format(&mut self, value: &Tree) {
        match value.shape {
            Shape::Integer(FORMAT) | Shape::Broken => {}
            _ => {
                let message = format!("this program reads patches of format {FORMAT}");
                self.report(value.spot, message, None);
            }
        }
    }
}
