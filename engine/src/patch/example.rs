//! What a node needs to be given, as the example of its kind gives it.

use crate::descriptor::Descriptor;
use crate::patch::syntax::parse;
use crate::patch::tree::{Name, Shape, Tree};

/// The parameters that a patch must give a node of this kind, each with the value that the kind's
/// example gives it, as a patch writes it; with an empty text where the example gives none.
#[must_use]
pub fn needed_params(descriptor: &Descriptor) -> Vec<(String, String)> {
    let text = format!("Patch(format: 1, {})", descriptor.example);
    let tree = parse(0, &text).tree;
    let given = first_of(&descriptor.kind, &tree).unwrap_or_default();
    let value = |wanted: &str| {
        let found = given.iter().find(|(name, _)| name.text == wanted);
        found.and_then(|(_, tree)| text.get(tree.spot.range()))
    };
    let needed = (descriptor.params.iter()).filter(|param| param.default.is_none());
    let values = needed.map(|param| {
        let value = value(&param.name).unwrap_or_default().to_owned();
        (param.name.to_string(), value)
    });
    values.collect()
}

/// The fields of the first node of a kind.
fn first_of<'t>(kind: &str, patch: &'t Tree) -> Option<&'t [(Name, Tree)]> {
    let Shape::Struct(_, sections) = &patch.shape else {
        return None;
    };
    let (_, nodes) = sections.iter().find(|(name, _)| name.text == "nodes")?;
    let Shape::Map(entries) = &nodes.shape else {
        return None;
    };
    entries.iter().find_map(|(_, node)| match &node.shape {
        Shape::Struct(Some(name), fields) if name.text == kind => Some(fields.as_slice()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::Param;

    #[test]
    fn what_must_be_given_comes_from_the_example() {
        let text = |name: &'static str| Param::text(name, "");
        let descriptor = Descriptor::new("test", "film", "")
            .param(text("path"))
            .param(text("of"))
            .param(text("word").optional())
            .example(
                r#"nodes: {"x": other(path: "no"), "film": film(path: "a b.mp4", word: "w")}"#,
            );
        let needed = [("path", "\"a b.mp4\""), ("of", "")];
        let needed = needed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(needed_params(&descriptor), needed);
    }
}
