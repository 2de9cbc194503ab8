//! Reads the parts that a patch has.

use super::Checker;
use crate::diagnostic::did_you_mean;
use crate::patch::tree::{Shape, Spot, Tree};

/// The version of the patch format that this engine reads.
const FORMAT: i64 = 1;

impl Checker<'_> {
    pub(super) fn read_patch(&mut self, tree: &Tree) {
        let fields = match &tree.shape {
            Shape::Struct(name, fields)
                if name.as_ref().is_none_or(|name| name.text == "Patch") =>
            {
                fields
            }
            Shape::Broken => return,
            _ => {
                let help =
                    Some("it looks like `Patch(format: 1, nodes: {…}, wires: […])`".to_owned());
                self.report(tree.spot.first(), "this is not a patch", help);
                return;
            }
        };
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in fields {
            let known = ["format", "transport", "nodes", "wires"];
            if name.text.is_empty() {
                continue;
            }
            if seen.contains(&name.text.as_str()) {
                self.report(
                    name.spot,
                    format!("`{}` stands here twice", name.text),
                    None,
                );
                continue;
            }
            seen.push(&name.text);
            match name.text.as_str() {
                "format" => self.read_format(value),
                "transport" => self.read_transport(value),
                "nodes" => self.read_nodes(value),
                "wires" => self.read_wires(value),
                other => {
                    let help = did_you_mean(other, known);
                    self.report(name.spot, format!("a patch has no `{other}`"), help);
                }
            }
        }
        if !seen.contains(&"format") {
            let help = Some(format!("write `format: {FORMAT},` first"));
            self.report(tree.spot.first(), "`format` is missing", help);
        }
        if !seen.contains(&"transport") {
            self.read_transport(&Tree {
                spot: Spot::default(),
                shape: Shape::Struct(None, Vec::new()),
            });
        }
        if self.drafts.is_empty() && self.texts.mistakes() == 0 {
            self.report(tree.spot.first(), "a patch needs nodes", None);
        }
        for (index, given) in self.overrides.iter().enumerate() {
            if given.node != "transport" && !self.drafts.iter().any(|draft| draft.id == given.node)
            {
                let help = did_you_mean(
                    &given.node,
                    self.drafts.iter().map(|draft| draft.id.as_str()),
                );
                let spot = Spot {
                    source: index + 1,
                    start: 0,
                    end: given.node.len(),
                };
                self.report(spot, format!("there is no node `{}`", given.node), help);
            }
        }
    }

    pub(super) fn read_format(&mut self, value: &Tree) {
        match value.shape {
            Shape::Integer(FORMAT) | Shape::Broken => {}
            _ => self.report(
                value.spot,
                format!("this program reads patches of format {FORMAT}"),
                None,
            ),
        }
    }
}
