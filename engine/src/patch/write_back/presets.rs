//! Puts a preset into the text of a patch.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::literal::{Literal, quoted};
use super::pen::Pen;
use super::{Anatomy, Nodes, mistake};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::limits::MAX_FILE;
use crate::param::Param;
use crate::patch::Source;
use crate::patch::check::unfit_name;
use crate::patch::params::convert;
use crate::patch::syntax::{Parsed, parse_from};
use crate::patch::tree::{Shape, Spot, Tree};
use crate::preset::{Preset, PresetValue};
use crate::registry::Registry;
use crate::transport_params::{DECLARED, TRANSPORT};

/// The section of a patch that has its presets.
const SECTION: &str = "presets";

/// The text of the patch with `preset` in it.
///
/// A patch without presets gets the section behind its wires; a new preset is the last of them. One
/// of the same name is changed only if `replaces` says so: it has these values then and no others,
/// and what it has already stays as it is written. Comments, blank lines and everything else stay.
/// A text in the one layout ([`Source::formatted`]) is in it afterwards; any other keeps its own.
///
/// Of several values for one parameter the last is kept. Whether the patch has such parameters, and
/// can be played, is not looked at: [`super::keep_preset_file`] does.
///
/// # Errors
/// The text cannot be read, no preset can be called so, there is one of that name which is not to be
/// replaced, or what the patch has for presets is not written as they are.
pub fn keep_preset(
    source: &Source,
    preset: &Preset,
    replaces: bool,
    registry: &Registry,
) -> Result<String, Diagnostics> {
    let parsed = source.parsed()?;
    let all = |one: Diagnostic| Diagnostics::from(vec![one]);
    let keeping = Keeping::new(source, &parsed.tree, preset, registry).map_err(all)?;
    let mut result = source.clone();
    if let Some(old) = keeping.entry(&parsed.tree).map_err(all)? {
        if !replaces {
            return Err(all(keeping.is_there_already(&old)));
        }
        result.text = keeping.with_known(&parsed, &old);
    }
    let parsed = result.parsed()?;
    result.text = keeping.with_new(&result, &parsed).map_err(all)?;
    if source.formatted()? == source.text {
        result.text = result.formatted()?;
    }
    keeping.verify(&result)?;
    Ok(result.text)
}

/// What is needed to write a preset.
struct Keeping<'a> {
    source: &'a Source,
    /// Where the patch begins.
    start: Spot,
    name: &'a str,
    values: Vec<KeptValue<'a>>,
}

/// A value of the preset.
struct KeptValue<'a> {
    /// Its parameter, as a preset names it.
    target: String,
    literal: Literal,
    meaning: Meaning<'a>,
}

/// What a literal means.
enum Meaning<'a> {
    /// This value of a parameter.
    Declared(&'a Param, Value),
    /// What stands there: nobody says here what the parameters of an included patch are.
    Plain(Tree),
}

/// A preset that a patch has.
struct WrittenPreset<'t> {
    key: Spot,
    map: &'t Tree,
    entries: &'t [(Tree, Tree)],
}

impl<'a> Keeping<'a> {
    fn new(
        source: &'a Source,
        tree: &Tree,
        preset: &'a Preset,
        registry: &'a Registry,
    ) -> Result<Self, Diagnostic> {
        let mut keeping = Keeping {
            source,
            start: tree.spot.first(),
            name: &preset.name,
            values: Vec::with_capacity(preset.values.len()),
        };
        if let Some((message, help)) = unfit_name("a preset", keeping.name) {
            return Err(keeping.mistake(keeping.start, message, help));
        }
        let nodes = Nodes::of(tree);
        let mut known = HashSet::new();
        for value in preset.values.iter().rev() {
            if known.insert((&value.node, &value.param)) {
                let kept = KeptValue::of(value, declared(&nodes, registry, value), &source.folder);
                let kept = kept.map_err(|why| {
                    let message = format!("{why}; that cannot be written into a patch");
                    let help = format!("give `{}.{}` another value", value.node, value.param);
                    keeping.mistake(keeping.start, message, help)
                })?;
                keeping.values.push(kept);
            }
        }
        keeping.values.reverse();
        Ok(keeping)
    }

    /// The preset of that name; `None`: there is none.
    fn entry<'t>(&self, tree: &'t Tree) -> Result<Option<WrittenPreset<'t>>, Diagnostic> {
        let Some((_, section)) = tree.field(SECTION) else {
            return match tree.shape {
                Shape::Struct(..) => Ok(None),
                _ => Err(self.unwritable(tree.spot.first(), "this is not a patch")),
            };
        };
        let Shape::Map(presets) = &section.shape else {
            let message = format!("`{SECTION}` is not written in braces");
            return Err(self.unwritable(section.spot, message));
        };
        let Some((key, map)) = presets.iter().find(|(key, _)| key.is_text(self.name)) else {
            return Ok(None);
        };
        match &map.shape {
            Shape::Map(entries) => Ok(Some(WrittenPreset {
                key: key.spot,
                map,
                entries,
            })),
            _ => Err(self.unwritable(map.spot, "a preset is not written so")),
        }
    }

    fn is_there_already(&self, old: &WrittenPreset<'_>) -> Diagnostic {
        let message = format!("there is a preset `{}` already", self.name);
        let help = "`--replace` gives it the new values; or choose another name";
        self.mistake(old.key, message, help)
    }

    /// The text in which the preset has no values but those of the new one that it had already.
    fn with_known(&self, parsed: &Parsed, old: &WrittenPreset<'_>) -> String {
        let mut pen = Pen::new(&self.source.text, &parsed.comments);
        for (key, tree) in old.entries {
            if let Some(value) = self.value(key) {
                value.put(&mut pen, tree, &self.source.folder);
            }
        }
        let entries = old.entries.iter();
        let spots: Vec<_> = entries
            .map(|(key, tree)| key.spot.start..tree.spot.end)
            .collect();
        let is_gone = |index: usize| {
            let entry = old.entries.get(index);
            entry.is_some_and(|(key, _)| self.value(key).is_none())
        };
        pen.remove_items(old.map, &spots, is_gone);
        pen.finish()
    }

    /// The text with all values in it; `parsed` is what `source` has.
    fn with_new(&self, source: &Source, parsed: &Parsed) -> Result<String, Diagnostic> {
        let mut pen = Pen::new(&source.text, &parsed.comments);
        let written =
            |value: &KeptValue<'_>| format!("{}: {}", quoted(&value.target), value.literal);
        if let Some(old) = self.entry(&parsed.tree)? {
            let is_there = |value: &&KeptValue<'_>| {
                let mut entries = old.entries.iter();
                entries.any(|(key, _)| key.is_text(&value.target))
            };
            let new = self.values.iter().filter(|value| !is_there(value));
            let new: Vec<String> = new.map(written).collect();
            pen.add_entries(old.map, old.entries, &new);
            return Ok(pen.finish());
        }
        let values: Vec<String> = self.values.iter().map(written).collect();
        let whole = format!("{}: {{{}}}", quoted(self.name), values.join(", "));
        match parsed.tree.field(SECTION) {
            Some((_, map)) => {
                let entries: &[(Tree, Tree)] = match &map.shape {
                    Shape::Map(entries) => entries,
                    _ => &[],
                };
                pen.add_entries(map, entries, &[whole]);
            }
            None => {
                let section = format!("{SECTION}: {{{whole}}}");
                pen.add_section_behind(&parsed.tree, "wires", &section);
            }
        }
        Ok(pen.finish())
    }

    /// What the preset is to have where `key` stands.
    fn value(&self, key: &Tree) -> Option<&KeptValue<'a>> {
        let mut values = self.values.iter();
        values.find(|value| key.is_text(&value.target))
    }

    /// Reads what was written once more: what cannot be read as it is meant is given to nobody.
    fn verify(&self, result: &Source) -> Result<(), Diagnostics> {
        let parsed = result.parsed()?;
        let found = self.entry(&parsed.tree).ok().flatten();
        let is_whole = found.is_some_and(|found| {
            let folder = &self.source.folder;
            let has = |(key, tree): &(Tree, Tree)| {
                self.value(key).is_some_and(|value| value.is(tree, folder))
            };
            found.entries.len() == self.values.len() && found.entries.iter().all(has)
        });
        let why = if result.text.len() as u64 > MAX_FILE {
            format!("the patch would be longer than {} MB", MAX_FILE >> 20)
        } else if is_whole {
            return Ok(());
        } else {
            format!("the preset `{}` cannot be written here", self.name)
        };
        Err(vec![self.unwritable(self.start, why)].into())
    }

    fn unwritable(&self, spot: Spot, message: impl Into<String>) -> Diagnostic {
        self.mistake(spot, message, "write the preset by hand")
    }

    fn mistake(
        &self,
        spot: Spot,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        mistake(self.source, Some(spot), message, help)
    }
}

impl<'a> KeptValue<'a> {
    /// # Errors
    /// No patch gives its parameter that value; the text says why.
    fn of(value: &PresetValue, param: Option<&'a Param>, folder: &Path) -> Result<Self, String> {
        let PresetValue {
            node,
            param: name,
            value,
        } = value;
        let (literal, meaning) = match param {
            Some(param) => {
                param.admits(value)?;
                let literal = Literal::of(&param.param_type, value, false, folder);
                let wanted = literal.read(param, folder)?;
                (literal, Meaning::Declared(param, wanted))
            }
            None => {
                let literal = Literal::plain(value);
                let tree = parse_from(0, &literal.to_string(), 0).tree;
                (literal, Meaning::Plain(tree))
            }
        };
        Ok(KeptValue {
            target: format!("{node}.{name}"),
            literal,
            meaning,
        })
    }

    /// Whether `tree` is a way to write it.
    fn is(&self, tree: &Tree, folder: &Path) -> bool {
        match &self.meaning {
            Meaning::Declared(param, wanted) => {
                let given = convert(param, tree, |_| folder);
                given.ok().flatten().as_ref() == Some(wanted)
            }
            Meaning::Plain(wanted) => says_the_same(tree, wanted),
        }
    }

    /// Makes `tree` this value, unless it is.
    fn put(&self, pen: &mut Pen<'_>, tree: &Tree, folder: &Path) {
        match &self.meaning {
            _ if self.is(tree, folder) => {}
            Meaning::Declared(param, wanted) => {
                pen.put(tree, &param.param_type, &self.literal, wanted, folder);
            }
            Meaning::Plain(_) => pen.replace(tree.spot, &self.literal.to_string()),
        }
    }
}

/// What the value's parameter is declared as, if its node stands in the patch itself.
fn declared<'r>(
    nodes: &Nodes<'_>,
    registry: &'r Registry,
    value: &PresetValue,
) -> Option<&'r Param> {
    let descriptor = match value.node == TRANSPORT {
        true => &*DECLARED,
        false => {
            let entry = nodes.nodes.get(value.node.as_str())?;
            let kind = Anatomy::of(entry.node)?.kind;
            registry.kind(kind)?.descriptor()
        }
    };
    let mut params = descriptor.params.iter();
    params.find(|param| param.name == value.param)
}

/// Whether two trees say the same, wherever they stand.
fn says_the_same(one: &Tree, other: &Tree) -> bool {
    let all = |one: &[Tree], other: &[Tree]| {
        let mut pairs = one.iter().zip(other);
        one.len() == other.len() && pairs.all(|(one, other)| says_the_same(one, other))
    };
    match (&one.shape, &other.shape) {
        (Shape::List(one), Shape::List(other)) => all(one, other),
        (Shape::Tuple(Some(name), one), Shape::Tuple(Some(of), other)) => {
            name.text == of.text && all(one, other)
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::descriptor::Descriptor;
    use crate::error::NodeError;
    use crate::patch::syntax::parse;

    fn source(text: &str) -> Source {
        Source::text("show.ron", text, PathBuf::from("/patches"))
    }

    fn registry() -> Registry {
        let mut registry = Registry::new();
        let mut descriptor = Descriptor::new("test", "tone", "");
        descriptor.params = vec![
            Param::number("gain", (-60.0, 12.0), "").live().default(0),
            Param::choice("shape", &["sine", "saw"], "").live(),
            Param::length("time", (0.0, 60.0), "").live().default(0.5),
        ];
        registry.add_foreign(descriptor, 0, |_| Err(NodeError::internal("never built")));
        registry
    }

    fn preset(name: &str, values: &[(&str, Value)]) -> Preset {
        let value = |(target, value): &(&str, Value)| {
            let (node, param) = target.rsplit_once('.').unwrap();
            PresetValue {
                node: node.to_owned(),
                param: param.to_owned(),
                value: value.clone(),
            }
        };
        Preset {
            name: name.to_owned(),
            values: values.iter().map(value).collect(),
        }
    }

    fn kept(text: &str, preset: &Preset, replaces: bool) -> String {
        keep_preset(&source(text), preset, replaces, &registry()).unwrap()
    }

    fn refused(text: &str, preset: &Preset, replaces: bool) -> Diagnostic {
        let error = keep_preset(&source(text), preset, replaces, &registry()).unwrap_err();
        assert_eq!(error.count(), 1, "{error}");
        error.mistakes[0].clone()
    }

    fn calm() -> Preset {
        preset(
            "calm",
            &[
                ("a.gain", json!(-20.0)),
                ("a.shape", json!("saw")),
                ("transport.tempo", json!(96.0)),
            ],
        )
    }

    #[test]
    fn the_first_preset_brings_its_section_behind_the_wires() {
        let text = r#"Patch(format: 1, nodes: {"a": tone}, /* none */ wires: [], cues: [])"#;
        let wanted = r#"Patch(format: 1, nodes: {"a": tone}, /* none */ wires: [], presets: {"calm": {"a.gain": -20, "a.shape": saw, "transport.tempo": 96}}, cues: [])"#;
        assert_eq!(kept(text, &calm(), false), wanted);
        let bare = r#"Patch(format: 1, nodes: {"a": tone})"#;
        let wanted = bare.replace(
            "})",
            r#"}, presets: {"calm": {"a.gain": -20, "a.shape": saw, "transport.tempo": 96}})"#,
        );
        assert_eq!(kept(bare, &calm(), false), wanted);
    }

    #[test]
    fn another_preset_is_the_last_and_a_text_in_the_one_layout_stays_in_it() {
        let text = source(
            r#"Patch(format: 1, nodes: {"a": tone},
            presets: {
                // the loud one
                "storm": {"a.gain": -3}, // so
            },
            )"#,
        );
        let text = text.formatted().unwrap();
        let both = kept(&text, &calm(), false);
        assert_eq!(source(&both).formatted().unwrap(), both);
        let places = ["// the loud one", r#""storm""#, "// so", r#""calm""#];
        let places = places.map(|part| both.find(part).unwrap_or_else(|| panic!("{part}\n{both}")));
        assert!(places.is_sorted(), "{both}");
        let empty = r#"Patch(format: 1, nodes: {"a": tone}, presets: { /* to come */ })"#;
        let first = kept(empty, &preset("low", &[("a.gain", json!(-40))]), false);
        assert_eq!(
            first,
            empty.replace("come */", r#"come */ "low": {"a.gain": -40}"#)
        );
    }

    #[test]
    fn a_preset_of_that_name_is_replaced_only_if_it_is_told_and_keeps_its_comments() {
        let text = r#"Patch(format: 1, let: (x: -20), nodes: {"a": tone}, presets: {
    "calm":  {
        // how loud
        "a.gain":  use(x), // dB
        "a.time": 2, // gone
        "transport.tempo":96.0
    },
    "storm": {"a.gain": -3},
})"#;
        let there = refused(text, &calm(), false);
        assert_eq!(there.message, "there is a preset `calm` already");
        assert!(there.help.unwrap().contains("--replace"));
        assert_eq!(there.place.unwrap().line, 2);
        let wanted = r#"Patch(format: 1, let: (x: -20), nodes: {"a": tone}, presets: {
    "calm":  {
        // how loud
        "a.gain":  -20, // dB
        // gone
        "transport.tempo":96.0,
        "a.shape": saw
    },
    "storm": {"a.gain": -3},
})"#;
        let replaced = kept(text, &calm(), true);
        assert_eq!(replaced, wanted);
        assert_eq!(kept(&replaced, &calm(), true), replaced);
    }

    #[test]
    fn a_preset_with_none_of_the_old_values_has_the_new_ones_alone() {
        let text = r#"Patch(nodes: {"a": tone}, presets: {"calm": {"a.time": 1, "a.gain": 2, "b.gain": 3}})"#;
        let new = preset("calm", &[("a.shape", json!("sine"))]);
        let wanted = r#"Patch(nodes: {"a": tone}, presets: {"calm": {"a.shape": sine}})"#;
        assert_eq!(kept(text, &new, true), wanted);
        let one = preset("calm", &[("a.time", json!({ "beats": 1 }))]);
        let wanted = r#"Patch(nodes: {"a": tone}, presets: {"calm": {"a.time": beats(1)}})"#;
        assert_eq!(kept(text, &one, true), wanted);
    }

    #[test]
    fn values_of_an_included_patch_are_written_by_their_form() {
        let text = r#"Patch(format: 1, include: {"low": (patch: "p.ron")})"#;
        let values = [
            ("low.echo.mix", json!(0.25)),
            ("low.echo.time", json!({ "beats": 0.5 })),
            ("low.echo.fade", json!({ "seconds": 2.0 })),
            ("low.mix.gains", json!([-6.0, 0])),
            ("low.tone.shape", json!("saw")),
            ("low.tone.muted", json!(true)),
            ("low.tone.note", json!(null)),
        ];
        let written = kept(text, &preset("calm", &values), false);
        let wanted = r#"presets: {"calm": {"low.echo.mix": 0.25, "low.echo.time": beats(0.5), "low.echo.fade": 2, "low.mix.gains": [-6, 0], "low.tone.shape": "saw", "low.tone.muted": true, "low.tone.note": None}}"#;
        assert!(written.contains(wanted), "{written}");
        let other = preset("calm", &[("low.mix.gains", json!([-6, -3]))]);
        let replaced = kept(&written, &other, true);
        assert!(
            replaced.contains(r#"{"calm": {"low.mix.gains": [-6, -3]}}"#),
            "{replaced}"
        );
    }

    #[test]
    fn names_follow_the_rule_of_the_checker() {
        let text = r#"Patch(format: 1, nodes: {"a": tone})"#;
        for name in ["", " calm", "low.calm", "two\nlines", "\u{202e}calm"] {
            let named = Preset {
                name: name.to_owned(),
                ..calm()
            };
            let told = refused(text, &named, false);
            assert!(
                told.message.contains("cannot be the name of a preset"),
                "{name:?}"
            );
            assert!(told.help.unwrap().contains("no point in it"));
        }
    }

    #[test]
    fn what_is_not_written_as_presets_are_is_left_alone() {
        for text in [
            "Patch(format: 1, presets: [])",
            "[]",
            r#"Patch(format: 1, presets: {"calm": 7})"#,
        ] {
            assert!(refused(text, &calm(), true).place.is_some(), "{text}");
        }
        let loud = preset("calm", &[("a.gain", json!(99.0))]);
        let told = refused(r#"Patch(nodes: {"a": tone})"#, &loud, false);
        assert!(told.message.contains("gain"), "{}", told.message);
    }

    /// Comments of a text, in any order and without their spaces: those of several lines are laid
    /// out again.
    fn comments(text: &str) -> Vec<String> {
        let comments = parse(0, text).comments;
        let texts = comments.iter().map(|spot| &text[spot.range()]);
        let mut texts: Vec<String> = texts
            .map(|text| text.split_whitespace().collect())
            .collect();
        texts.sort();
        texts
    }

    fn gap() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            6 => Just(""),
            3 => Just(" "),
            2 => Just("\n    "),
            1 => Just(" // said, \"it\" is\n"),
            1 => Just("/* in { one\n   of */"),
        ]
    }

    /// The presets of a patch, oddly written: `calm` has some of these values.
    fn odd_presets() -> impl Strategy<Value = String> {
        let value = (0..4_usize, gap(), gap(), gap(), gap()).prop_map(|(at, a, b, c, d)| {
            let (target, value) = [
                ("a.gain", "1"),
                ("a.shape", "\"sine\""),
                ("a.time", "beats(2)"),
                ("low.x", "[1,/* in */2]"),
            ][at];
            (target, format!("{a}\"{target}\"{b}:{c}{value}{d}"))
        });
        let end = || prop_oneof![Just(""), Just(","), Just(", // last\n"), Just("/* end */")];
        let values = prop::collection::vec(value, 0..5).prop_map(|values| {
            let values: std::collections::BTreeMap<_, _> = values.into_iter().collect();
            values.into_values().collect::<Vec<_>>()
        });
        (values, end(), end(), gap()).prop_map(|(values, last, behind, gap)| {
            let last = if values.is_empty() { "" } else { last };
            let calm = format!("\"calm\":{gap}{{{}{last}}}", values.join(","));
            format!("presets: {{{gap}\"other\": {{\"a.gain\": 0}},{gap}{calm}{behind}}}")
        })
    }

    proptest! {
        #[test]
        fn whatever_is_kept_is_read_as_it_was_and_every_comment_stays(
            presets in proptest::option::of(odd_presets()),
            name in "calm|[a-z ä\"]{1,8}",
            chosen in prop::collection::btree_set(0..5_usize, 0..5),
            gain in -60.0..12.0, number in any::<i32>(),
            format in any::<bool>(),
        ) {
            prop_assume!(unfit_name("a preset", &name).is_none());
            let presets = presets.map_or(String::new(), |presets| format!("{presets},"));
            let text = format!("Patch(format: 1, // one\nnodes: {{\"a\": tone}}, wires: [], {presets} /* end */)");
            prop_assert_eq!(parse(0, &text).mistakes, []);
            let text = if format { source(&text).formatted().unwrap() } else { text };
            let all = [
                ("a.gain", json!(gain)), ("a.shape", json!("saw")), ("a.time", json!({ "beats": 2 })),
                ("low.x", json!([1, number])), ("transport.tempo", json!(90)),
            ];
            let values: Vec<_> = chosen.iter().map(|at| all[*at].clone()).collect();
            let preset = preset(&name, &values);
            // What was written is read again before it is given.
            let once = kept(&text, &preset, true);
            prop_assert_eq!(comments(&once), comments(&text), "{}", once);
            prop_assert_eq!(kept(&once, &preset, true), once.as_str());
            prop_assert!(keep_preset(&source(&once), &preset, false, &registry()).is_err());
            prop_assert_eq!(source(&once).formatted().unwrap() == once, source(&text).formatted().unwrap() == text);
        }
    }
}
