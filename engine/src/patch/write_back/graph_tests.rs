//! What changing a patch's graph in its text promises.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::NodeError;
use crate::param::{Param, ParamType};
use crate::port::{Port, PortType};

/// Kinds with one port, with several, and with live parameters.
fn registry() -> Registry {
    let mut registry = Registry::new();
    let sound = |name: &'static str| Port::new(name, PortType::Audio, "");
    let gain = Param::number("gain", (-60.0, 12.0), "").default(0).live();
    let list = |name: &'static str| {
        let number = ParamType::Number {
            min: -60.0,
            max: 12.0,
        };
        let list = Param::list(name, number, "").default(json!([])).live();
        list.for_each_wire("sounds")
    };
    let kinds = [
        Descriptor::new("test", "tone", "")
            .with_output(sound("sound"))
            .param(gain.clone()),
        Descriptor::new("test", "echo", "")
            .with_input(sound("sound"))
            .with_output(sound("sound"))
            .param(gain),
        Descriptor::new("test", "mixer", "")
            .with_input(sound("sounds").many())
            .with_output(sound("sound"))
            .param(list("gains"))
            .param(list("pans")),
        Descriptor::new("test", "split", "")
            .with_input(sound("sound"))
            .with_output(sound("left"))
            .with_output(sound("right")),
        Descriptor::new("test", "level", "")
            .with_input(sound("sound"))
            .with_output(Port::new("level", PortType::Control, "")),
    ];
    for descriptor in kinds {
        registry.add_foreign(descriptor, 0, |_| Err(NodeError::internal("never built")));
    }
    registry
}

fn source(text: &str) -> Source {
    Source::text("show.ron", text, PathBuf::from("/patches"))
}

fn edit(text: &str, edits: &[GraphEdit]) -> Result<String, Diagnostics> {
    let settings = Settings::default();
    edit_graph(&source(text), edits, (&registry(), &settings), None)
}

/// What becomes of the wires and nodes of a patch in one line.
fn becomes(
    edits: &[GraphEdit],
    (nodes, wires): (&str, &str),
    (nodes_then, wires_then): (&str, &str),
) {
    let patch =
        |nodes: &str, wires: &str| format!("Patch(format:1, nodes: {{{nodes}}}, wires: [{wires}])");
    let text = edit(&patch(nodes, wires), edits).unwrap();
    assert_eq!(text, patch(nodes_then, wires_then));
}

fn port(name: &str) -> PortName {
    let (node, port) = name.split_once('.').unwrap();
    PortName {
        node: node.to_owned(),
        port: port.to_owned(),
    }
}

fn wire(from: &str, to: &str) -> GraphEdit {
    GraphEdit::AddWire {
        from: port(from),
        to: port(to),
    }
}

fn unwire(from: &str, to: &str) -> GraphEdit {
    GraphEdit::RemoveWire {
        from: port(from),
        to: port(to),
    }
}

fn through(from: &str, to: &str, node: &str) -> GraphEdit {
    GraphEdit::PassThrough {
        from: port(from),
        to: port(to),
        node: node.to_owned(),
    }
}

fn add(id: &str, kind: &str, params: &[(&str, &str)]) -> GraphEdit {
    let params = params.iter();
    GraphEdit::AddNode {
        id: id.to_owned(),
        kind: kind.to_owned(),
        params: params
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
    }
}

fn remove(id: &str) -> GraphEdit {
    GraphEdit::RemoveNode { id: id.to_owned() }
}

const NODES: &str = "\"a\": tone, \"b\": tone(gain: -3), \"e\": echo(), \"m\": mixer(), \"s\": split(), \"l\": level()";

#[test]
fn a_wire_is_added_with_the_names_that_it_needs_and_no_others() {
    let wired = |edits: &[GraphEdit], before: &str, after: &str| {
        becomes(edits, (NODES, before), (NODES, after));
    };
    wired(&[wire("a.sound", "m.sounds")], "", "\"a -> m\"");
    wired(
        &[wire("a.sound", "m.sounds")],
        "\"b -> m\",",
        "\"b -> m\", \"a -> m\",",
    );
    wired(
        &[wire("s.left", "m.sounds")],
        "\"a -> s\"",
        "\"a -> s\", \"s.left -> m\"",
    );
    wired(&[wire("l.level", "e.gain")], "", "\"l -> e.gain\"");
    let text = "Patch(\n    format: 1,\n    nodes: {\"a\": tone(), \"m\": mixer()}, // both\n    presets: {},\n)\n";
    let wanted = "Patch(\n    format: 1,\n    nodes: {\"a\": tone(), \"m\": mixer()}, // both\n    wires: [\"a -> m\"],\n    presets: {},\n)\n";
    assert_eq!(edit(text, &[wire("a.sound", "m.sounds")]).unwrap(), wanted);
}

#[test]
fn a_wire_is_removed_from_its_chain_and_what_is_left_stays_in_its_place() {
    let wired = |edits: &[GraphEdit], before: &str, after: &str| {
        becomes(edits, (NODES, before), (NODES, after));
    };
    wired(&[unwire("a.sound", "m.sounds")], "\"a -> m\"", "");
    wired(
        &[unwire("a.sound", "m.sounds")],
        "\"a -> m\", \"b -> m\"",
        "\"b -> m\"",
    );
    wired(
        &[unwire("b.sound", "m.sounds")],
        "\"a -> m\", \"b -> m\"",
        "\"a -> m\"",
    );
    wired(
        &[unwire("e.sound", "m.sounds")],
        "\"a -> e -> m -> s\"",
        "\"a -> e\", \"m -> s\"",
    );
    wired(
        &[unwire("a.sound", "e.sound")],
        "\"a -> e -> m\"",
        "\"e -> m\"",
    );
    wired(
        &[unwire("s.right", "m.sounds")],
        "\"a -> s\", \"s.left -> m\", (\"s.right -> m\", block(3)), \"b -> m\"",
        "\"a -> s\", \"s.left -> m\", \"b -> m\"",
    );
    // The policy belongs to all wires of a chain, the range to the parameter at its end.
    wired(
        &[unwire("a.sound", "e.sound")],
        "(\"a -> e -> m\", block(3))",
        "(\"e -> m\", block(3))",
    );
    wired(
        &[unwire("l.level", "e.gain")],
        "(\"b -> l -> e.gain\", range(from: -6, to: 0))",
        "\"b -> l\"",
    );
}

#[test]
fn a_node_is_put_into_a_wire_and_taken_out_in_its_place() {
    let nodes = format!("{NODES}, \"echo\": echo(gain: -6)");
    becomes(
        &[
            add("echo", "echo", &[("gain", "-6")]),
            through("a.sound", "m.sounds", "echo"),
        ],
        (NODES, "\"a -> m\", \"b -> m\""),
        (&nodes, "\"a -> echo -> m\", \"b -> m\""),
    );
    becomes(
        &[remove("echo")],
        (&nodes, "\"a -> echo -> m\", \"b -> m\""),
        (NODES, "\"a -> m\", \"b -> m\""),
    );
    // Where it makes something else, nothing can go past it.
    becomes(
        &[remove("l")],
        (
            "\"a\": tone(), \"l\": level(), \"e\": echo()",
            "\"a -> l -> e.gain\", \"a -> e\"",
        ),
        ("\"a\": tone(), \"e\": echo()", "\"a -> e\""),
    );
    becomes(&[remove("a")], ("\"a\": tone()", ""), ("", ""));
}

/// The nodes of a patch whose mixer is written so.
fn mixed(mixer: &str) -> String {
    format!("\"s\": split(), \"a\": tone, \"b\": tone, \"e\": echo(), \"m\": mixer({mixer})")
}

#[test]
fn every_other_wire_keeps_its_own_item_when_a_wire_goes() {
    let chains = "\"a -> m\", \"b -> e -> m\", \"a -> s\", \"s.left -> m\"";
    for (gone, before, after, wires) in [
        (
            unwire("a.sound", "m.sounds"),
            "gains: [-20, 0, -3], pans: [-1, 0.5]",
            "gains: [0, -3], pans: [0.5]",
            "\"b -> e -> m\", \"a -> s\", \"s.left -> m\"",
        ),
        (
            unwire("e.sound", "m.sounds"),
            "gains: [-20, 0, -3], pans: [-1, 0.5]",
            "gains: [-20, -3], pans: [-1]",
            "\"a -> m\", \"b -> e\", \"a -> s\", \"s.left -> m\"",
        ),
        // Of that wire the shorter list says nothing.
        (
            unwire("s.left", "m.sounds"),
            "gains: (-20, 0, -3), pans: [-1, 0.5]",
            "gains: (-20, 0), pans: [-1, 0.5]",
            "\"a -> m\", \"b -> e -> m\", \"a -> s\"",
        ),
        // What others may use too is not touched, nor is a wire that leads elsewhere counted.
        (
            unwire("a.sound", "m.sounds"),
            "gains: use(levels)",
            "gains: use(levels)",
            "\"b -> e -> m\", \"a -> s\", \"s.left -> m\"",
        ),
        (
            unwire("b.sound", "e.sound"),
            "gains: [-20, 0, -3]",
            "gains: [-20, 0, -3]",
            "\"a -> m\", \"e -> m\", \"a -> s\", \"s.left -> m\"",
        ),
    ] {
        becomes(&[gone], (&mixed(before), chains), (&mixed(after), wires));
    }
    let both = [
        unwire("a.sound", "m.sounds"),
        unwire("b.sound", "m.sounds"),
        wire("a.sound", "m.sounds"),
    ];
    becomes(
        &both,
        (
            &mixed("gains: [-20, 0, -3]"),
            "\"a -> m\", \"b -> m\", \"e -> m\"",
        ),
        (&mixed("gains: [-3]"), "\"e -> m\", \"a -> m\""),
    );
}

#[test]
fn an_item_goes_with_its_node_and_stays_for_what_comes_in_the_place_of_its_wire() {
    let (before, after) = (mixed("gains: [-20, 0]"), mixed("gains: [0]"));
    becomes(
        &[remove("s")],
        (&before, "\"a -> s\", \"s.left -> m\", \"b -> m\""),
        (after.trim_start_matches("\"s\": split(), "), "\"b -> m\""),
    );
    becomes(
        &[remove("e")],
        (&before, "\"b -> e -> m\", \"a -> m\""),
        (
            &before.replace(" \"e\": echo(),", ""),
            "\"b -> m\", \"a -> m\"",
        ),
    );
    becomes(
        &[through("b.sound", "m.sounds", "e")],
        (&before, "\"b -> m\", \"a -> m\""),
        (&before, "\"b -> e -> m\", \"a -> m\""),
    );
    // Nobody knows the level of a wire that comes before one that has a level.
    let nodes = mixed("") + ", \"n\": mixer(gains: [-9])";
    let text = format!("Patch(format:1, nodes: {{{nodes}}}, wires: [\"a -> m\", \"b -> n\"])");
    let refused = edit(&text, &[through("a.sound", "m.sounds", "n")]).unwrap_err();
    assert!(
        refused.to_string().contains("would come before others"),
        "{refused}"
    );
    let open = text.replace("gains: [-9]", "");
    edit(&open, &[through("a.sound", "m.sounds", "n")]).unwrap();
}

#[test]
fn presets_and_cues_keep_each_wires_own_item_too_and_every_comment_stays() {
    let nodes = mixed("gains: [\n-20, // the tone\n0, /* the other */\n]");
    let text = format!(
        "Patch(format:1, nodes: {{{nodes}}}, wires: [\"a -> m\", \"b -> m\"], \
        presets: {{\"calm\": {{\"m.gains\": [-30, -6], \"a.gain\": 0}}}}, \
        cues: [(name: \"dawn\", set: {{\"m.pans\": [-1, 1]}})])"
    );
    let less = edit(&text, &[unwire("a.sound", "m.sounds")]).unwrap();
    for kept in [
        "\"m.gains\": [-6], \"a.gain\": 0",
        "\"m.pans\": [1]",
        "// the tone",
        "/* the other */",
    ] {
        assert!(less.contains(kept), "{kept}\n{less}");
    }
    assert!(!less.contains("-20"), "{less}");
    source(&less).parsed().map(|_| ()).unwrap();
}

#[test]
fn comments_stay_where_their_nodes_and_wires_go() {
    let text = "Patch(\n    format: 1,\n    nodes: {\n        // the first\n        \"a\": tone(), // loud\n        \"b\": tone(/* quiet */ gain: -9), // soft\n        \"m\": mixer(),\n    },\n    wires: [\n        \"a -> m\", // left\n        // and\n        \"b -> m\", // right\n    ],\n)\n";
    let less = edit(text, &[remove("b")]).unwrap();
    for comment in [
        "// the first",
        "// loud",
        "/* quiet */",
        "// soft",
        "// left",
        "// and",
        "// right",
    ] {
        assert!(less.contains(comment), "{comment}\n{less}");
    }
    assert!(!less.contains("\"b"), "{less}");
    source(&less).parsed().map(|_| ()).unwrap();
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let text = format!("Patch(format:1, nodes: {{{NODES}}}, wires: [\"a -> m\"])");
    for (one, why) in [
        (wire("x.sound", "m.sounds"), "there is no node `x`"),
        (wire("a.notes", "m.sounds"), "`a` has no output `notes`"),
        (wire("a.sound", "m.sounds"), "wired to `m.sounds` already"),
        (unwire("b.sound", "m.sounds"), "no wire of this patch leads"),
        (remove("x"), "there is no node `x`"),
        (add("a", "tone", &[]), "there is a node `a` already"),
        (add("n", "toon", &[]), "there is no node kind `toon`"),
        (
            add("n", "tone", &[("gian", "1")]),
            "has no parameter `gian`",
        ),
        (
            add("n", "tone", &[("gain", "1), \"x\": tone(")]),
            "`gain` cannot be",
        ),
        (add("n", "tone", &[("gain", "1 // )")]), "`gain` cannot be"),
        (through("a.sound", "m.sounds", "x"), "there is no node `x`"),
    ] {
        let wrong = edit(&text, std::slice::from_ref(&one)).unwrap_err();
        assert!(wrong.to_string().contains(why), "{one:?}: {wrong}");
    }
    let wrong = edit("Patch(nodes: {", &[remove("a")]).unwrap_err();
    assert!(wrong.count() > 0);
}

/// The nodes that may be in a patch, and the wires that may be between them.
const KINDS: [(&str, &str); 6] = [
    ("a", "tone"),
    ("b", "tone"),
    ("e", "echo"),
    ("f", "echo"),
    ("m", "mixer"),
    ("s", "split"),
];

/// A comment, of either sort, or none.
fn comment(number: usize) -> String {
    match number % 4 {
        0 => format!("/* c{number} */"),
        1 => format!("// c{number}\n"),
        _ => String::new(),
    }
}

fn all_wires(text: &str) -> Vec<(String, String)> {
    let found = found_wires(&source(text), &registry(), &Settings::default(), None);
    let name = |(node, port): (String, String)| format!("{node}.{port}");
    found
        .into_iter()
        .map(|wire| (name(wire.from), name(wire.to)))
        .collect()
}

proptest! {
    /// Whatever is changed: the result can be read, has every comment, and no other wires than it
    /// should.
    #[test]
    fn other_wires_and_all_comments_stay(
        chained in proptest::collection::vec(proptest::collection::vec(0..6_usize, 2..5), 0..5),
        comments in proptest::collection::vec(0..40_usize, 40),
        commas: bool,
        which in 0..40_usize,
        what in 0..4,
    ) {
        let mut next = comments.into_iter().cycle();
        let mut note = || comment(next.next().unwrap_or(2));
        let mut text = format!("Patch({}format: 1,\n nodes: {{", note());
        for (id, kind) in KINDS {
            text += &format!("{} \"{id}\"{}: {kind}({}) {},{}", note(), note(), note(), note(), note());
        }
        text += &format!("}},{}\n wires: [{}", note(), note());
        for (at, chain) in chained.iter().enumerate() {
            let ends: Vec<&str> = chain.iter().map(|node| KINDS[*node].0).collect();
            let last = at + 1 == chained.len() && !commas;
            text += &format!("{}\"{}\"{}{}{}", note(), ends.join(" -> "), note(), if last { "" } else { "," }, note());
        }
        text += &format!("], {})", note());
        let before = all_wires(&text);
        let pick = |wires: &[(String, String)]| wires.get(which % wires.len().max(1)).cloned();
        let one = match (what, pick(&before)) {
            (0, Some((from, to))) => unwire(&from, &to),
            (1, Some((from, to))) => through(&from, &to, "f"),
            (2, _) => remove(KINDS[which % KINDS.len()].0),
            _ => wire("a.sound", "m.sounds"),
        };
        let Ok(after) = edit(&text, std::slice::from_ref(&one)) else { return Ok(()) };
        prop_assert!(source(&after).parsed().is_ok(), "{one:?}\n{text}\n{after}");
        prop_assert_eq!(lost_comment(&text, &after), None);
        let wires = all_wires(&after);
        match &one {
            GraphEdit::RemoveWire { from, to } => {
                let gone = (written(from), written(to));
                let mut wanted = before.clone();
                wanted.remove(wanted.iter().position(|wire| *wire == gone).unwrap());
                prop_assert_eq!(wires, wanted, "{}\n{}", text, after);
            }
            GraphEdit::AddWire { from, to } => {
                let mut wanted = before.clone();
                wanted.push((written(from), written(to)));
                prop_assert_eq!(wires, wanted);
            }
            GraphEdit::RemoveNode { id } => {
                let own = format!("{id}.");
                let touches = |(from, to): &(String, String)| from.starts_with(&own) || to.starts_with(&own);
                prop_assert!(!wires.iter().any(touches), "{}\n{}", text, after);
                for wire in before.iter().filter(|wire| !touches(wire)) {
                    prop_assert!(wires.contains(wire), "{wire:?}\n{text}\n{after}");
                }
            }
            GraphEdit::PassThrough { from, to, .. } => {
                let first = (written(from), "f.sound".to_owned());
                let second = ("f.sound".to_owned(), written(to));
                prop_assert!(wires.contains(&first) && wires.contains(&second), "{}\n{}", text, after);
                prop_assert_eq!(wires.len(), before.len() + 1);
            }
            GraphEdit::AddNode { .. } => {}
        }
    }
}
