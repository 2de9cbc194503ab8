//! Binds a MIDI controller to a live value, in the text of a patch.

use super::literal::quoted;
use super::mistake;
use super::pen::Pen;
use crate::diagnostic::Diagnostics;
use crate::limits::MAX_FILE;
use crate::patch::Source;
use crate::patch::tree::{Shape, Spot, Tree};

/// The section of a patch that has its controllers.
const SECTION: &str = "controllers";

/// A MIDI controller and what it is to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerBinding {
    /// The node's id, or `transport`.
    pub node: String,
    /// The live parameter.
    pub param: String,
    /// The port, as `midi_in` calls it.
    pub port: String,
    /// The channel, from 0; `None`: any.
    pub channel: Option<u8>,
    /// The controller's number, 0 to 119.
    pub number: u8,
}

impl ControllerBinding {
    fn target(&self) -> String {
        format!("{}.{}", self.node, self.param)
    }

    /// Its fields, as a patch writes them.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let channel = self.channel.map(|channel| ("channel", channel.to_string()));
        let port = Some(("port", quoted(&self.port)));
        let number = Some(("number", self.number.to_string()));
        [port, channel, number].into_iter().flatten().collect()
    }
}

/// The text of the patch with a controller bound to a live value. What was bound to that before is
/// replaced; its range and everything else stay, and so do comments. A text in the one layout is in
/// it afterwards. Whether the patch has such a value, and can be played, is not looked at:
/// [`super::bind_controller_file`] does.
///
/// # Errors
/// The text cannot be read, or what it has for controllers is not written as they are.
pub fn bind_controller(
    source: &Source,
    binding: &ControllerBinding,
) -> Result<String, Diagnostics> {
    let parsed = source.parsed()?;
    let mut pen = Pen::new(&source.text, &parsed.comments);
    write(&mut pen, &parsed.tree, binding).map_err(|(spot, message)| {
        let one = mistake(source, Some(spot), message, "write it by hand");
        Diagnostics::from(vec![one])
    })?;
    let mut result = source.clone();
    result.text = pen.finish();
    if source.formatted()? == source.text {
        result.text = result.formatted()?;
    }
    verify(&result, binding)?;
    Ok(result.text)
}

/// The entry that binds what is called `target`.
fn entry<'t>(entries: &'t [(Tree, Tree)], target: &str) -> Option<&'t Tree> {
    let mut entries = entries.iter();
    let found = entries.find(|(key, _)| key.is_text(target));
    found.map(|(_, entry)| entry)
}

fn write(
    pen: &mut Pen<'_>,
    patch: &Tree,
    binding: &ControllerBinding,
) -> Result<(), (Spot, String)> {
    let target = binding.target();
    let fields = binding.fields();
    let written = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    let written: Vec<String> = written.collect();
    let whole = format!("{}: ({})", quoted(&target), written.join(", "));
    let Some((_, section)) = patch.field(SECTION) else {
        if !matches!(patch.shape, Shape::Struct(..)) {
            return Err((patch.spot.first(), "this is not a patch".to_owned()));
        }
        pen.add_last_section(patch, &format!("{SECTION}: {{{whole}}}"));
        return Ok(());
    };
    let Shape::Map(entries) = &section.shape else {
        return Err((
            section.spot,
            format!("`{SECTION}` is not written in braces"),
        ));
    };
    let Some(known) = entry(entries, &target) else {
        pen.add_entry(section, entries, &whole);
        return Ok(());
    };
    let Shape::Struct(None, old) = &known.shape else {
        return Err((known.spot, "a controller is not written so".to_owned()));
    };
    if binding.channel.is_none() && old.iter().any(|(name, _)| name.text == "channel") {
        let message = format!("the controller of `{target}` has a channel, and shall have none");
        return Err((known.spot, message));
    }
    let mut new = Vec::new();
    for (name, value) in &fields {
        match old.iter().find(|(known, _)| known.text == *name) {
            Some((_, tree)) => pen.replace(tree.spot, value),
            None => new.push(format!("{name}: {value}")),
        }
    }
    if !new.is_empty() {
        pen.add_fields(known, &new);
    }
    Ok(())
}

/// Reads what was written once more.
fn verify(result: &Source, binding: &ControllerBinding) -> Result<(), Diagnostics> {
    let parsed = result.parsed()?;
    let target = binding.target();
    let entries = parsed.tree.field(SECTION).map(|(_, tree)| &tree.shape);
    let found = match entries {
        Some(Shape::Map(entries)) => entry(entries, &target),
        _ => None,
    };
    let is_there = |name: &str, value: &Shape| match found.map(|tree| &tree.shape) {
        Some(Shape::Struct(None, fields)) => fields
            .iter()
            .any(|(known, tree)| known.text == name && tree.shape == *value),
        _ => false,
    };
    let whole = |number: u8| Shape::Integer(i64::from(number));
    let is_whole = is_there("port", &Shape::Text(binding.port.clone()))
        && is_there("number", &whole(binding.number))
        && binding
            .channel
            .is_none_or(|channel| is_there("channel", &whole(channel)));
    let is_short = result.text.len() as u64 <= MAX_FILE;
    if is_whole && is_short {
        return Ok(());
    }
    let message = format!("a controller of `{target}` cannot be written here");
    let one = mistake(
        result,
        Some(parsed.tree.spot.first()),
        message,
        "write it by hand",
    );
    Err(vec![one].into())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn source(text: &str) -> Source {
        Source::text("show.ron", text, PathBuf::from("/patches"))
    }

    fn binding(number: u8) -> ControllerBinding {
        ControllerBinding {
            node: "piano".to_owned(),
            param: "gain".to_owned(),
            port: "nano".to_owned(),
            channel: Some(0),
            number,
        }
    }

    fn bound(text: &str, binding: &ControllerBinding) -> String {
        bind_controller(&source(text), binding).unwrap()
    }

    #[test]
    fn the_first_controller_brings_its_section_behind_all_others() {
        let text = "Patch(\n    format: 1, // first\n    wires: [], // last\n)\n";
        let wanted = "Patch(\n    format: 1, // first\n    wires: [], // last\n    controllers: {\n        \
                      \"piano.gain\": (port: \"nano\", channel: 0, number: 7),\n    },\n)\n";
        assert_eq!(bound(text, &binding(7)), wanted);
        assert_eq!(
            bound(wanted, &binding(7)),
            wanted,
            "the second time nothing changes"
        );
        let flat = "Patch(format: 1, wires: [])";
        let wanted = "Patch(format: 1, wires: [], controllers: {\"piano.gain\": (port: \"nano\", channel: 0, number: 7)})";
        assert_eq!(bound(flat, &binding(7)), wanted);
    }

    #[test]
    fn another_controller_is_added_and_one_that_is_bound_again_keeps_its_range_and_comments() {
        let text = r#"Patch(
    format: 1,
    controllers: {
        // the left one
        "echo.mix":   (port: "nano", number: 21), // wet
        "piano.gain": (port: "old", /* why */ number: 1, from: -40, to: 0),
    },
)
"#;
        let moved = bound(text, &binding(7));
        let wanted = text
            .replace("\"old\"", "\"nano\"")
            .replace("number: 1,", "number: 7,")
            .replace("to: 0)", "to: 0, channel: 0)");
        assert_eq!(moved, wanted);
        let other = ControllerBinding {
            param: "wet".to_owned(),
            channel: None,
            ..binding(8)
        };
        let added = bound(text, &other);
        let line = "        \"piano.wet\": (port: \"nano\", number: 8),\n    },\n";
        assert!(added.contains(line), "{added}");
        assert!(added.contains("// the left one") && added.contains("// wet"));
    }

    #[test]
    fn a_channel_that_is_written_is_not_left_behind_in_silence() {
        let text = "Patch(format: 1, controllers: {\"piano.gain\": (port: \"nano\", channel: 0, number: 7)})";
        let any = ControllerBinding {
            channel: None,
            ..binding(7)
        };
        let wrong = bind_controller(&source(text), &any).unwrap_err();
        assert!(wrong.mistakes[0].message.contains("has a channel"));
    }

    #[test]
    fn what_is_not_written_as_controllers_are_is_left_alone() {
        for text in [
            "Patch(format: 1, controllers: [])",
            "[]",
            "Patch(format: 1, controllers: {\"piano.gain\": 7})",
        ] {
            let wrong = bind_controller(&source(text), &binding(7)).unwrap_err();
            assert_eq!(wrong.mistakes.len(), 1, "{text}");
            assert!(wrong.mistakes[0].place.is_some());
        }
    }

    proptest! {
        #[test]
        fn whatever_a_port_is_called_it_is_read_as_it_was_written(
            port in ".{1,20}", node in "[a-z]{1,8}", number in 0_u8..120,
            channel in proptest::option::of(0_u8..16),
        ) {
            let binding = ControllerBinding { node, param: "gain".to_owned(), port, channel, number };
            let text = "Patch(\n    format: 1,\n    // stays\n)\n";
            let once = bound(text, &binding);
            prop_assert!(once.contains("// stays"));
            prop_assert_eq!(bound(&once, &binding), once);
        }
    }
}
