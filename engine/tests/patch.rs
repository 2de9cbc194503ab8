//! A wrong patch is refused with every mistake in its place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kinds;

use std::path::PathBuf;

use proptest::prelude::*;
use score_engine::{Diagnostics, Graph, Override, Settings, Source, SwingNotes, check, limits};

fn checked(text: &str, overrides: &[&str]) -> Result<Graph, Diagnostics> {
    let source = Source::text("p.ron", text, PathBuf::from("/patches"));
    let overrides: Vec<Override> = overrides
        .iter()
        .map(|text| Override::parse(text).unwrap())
        .collect();
    check(
        &source,
        &overrides,
        &kinds::registry(),
        &Settings::default(),
    )
}

/// `line:column message` of every mistake.
fn mistakes(text: &str) -> Vec<String> {
    let found = checked(text, &[])
        .err()
        .expect("the patch is wrong")
        .mistakes;
    found
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.place.as_ref().unwrap();
            format!("{}:{} {}", place.line, place.column, diagnostic.message)
        })
        .collect()
}

fn patch(nodes: &str, wires: &str) -> String {
    format!(
        "Patch(\n    format: 1,\n    nodes: {{\n{nodes}\n    }},\n    wires: [\n{wires}\n    ],\n)\n"
    )
}

#[test]
fn five_mistakes_are_reported_at_once_each_in_its_place() {
    let text = patch(
        r#"        "a": cont(),
        "b": pass(hold_al: true),
        "c": count(count: -4),
        "d": log(),"#,
        r#"        "b -> e","#,
    );
    assert_eq!(
        mistakes(&text),
        [
            "4:14 there is no node kind `cont`",
            "5:19 `pass` has no parameter `hold_al`",
            "6:27 `count` must be a whole number from 0 to 1000000, not -4",
            "7:14 `log` needs `name`",
            "10:15 there is no node `e`",
        ]
    );
}

#[test]
fn a_syntax_error_does_not_hide_the_other_mistakes() {
    let text = patch(
        r#"        "a": count(count: 1..2),
        "b": pas(),"#,
        r#"        "a -> b","#,
    );
    assert_eq!(
        mistakes(&text),
        [
            "4:27 `1..2` is not a number",
            "5:14 there is no node kind `pas`"
        ]
    );
}

#[test]
fn duplicate_ids_and_duplicate_parameters_are_found() {
    let text = patch(
        r#""a": count(count: 1, count: 2),
"a": count(),"#,
        "",
    );
    assert_eq!(
        mistakes(&text),
        [
            "4:22 `count` stands here twice",
            "5:1 two nodes are called `a`; the first is at 4:1"
        ]
    );
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let text = patch(
        r#""a": pass(),
"b": pass(),
"c": pass(),"#,
        r#""a -> b -> c",
"c -> a","#,
    );
    assert_eq!(
        mistakes(&text),
        ["10:2 these wires form a cycle: a -> b -> c -> a"]
    );
}

#[test]
fn two_wires_into_one_input_are_refused() {
    let text = patch(
        r#""a": count(),
"b": count(),
"c": pass(),"#,
        r#""a -> c",
"b -> c","#,
    );
    assert_eq!(
        mistakes(&text),
        ["10:2 `c.in` takes one wire, and has one from `a`"]
    );
}

#[test]
fn an_unwired_required_input_is_refused() {
    assert_eq!(
        mistakes(&patch(r#""c": pass(),"#, "")),
        ["4:1 nothing is wired into `c.in` (Control)"]
    );
}

#[test]
fn where_two_ports_fit_one_must_be_named() {
    let text = patch(
        r#""a": count(),
"l": log(name: "x"),"#,
        r#""a -> l","#,
    );
    let found = checked(&text, &[]).err().unwrap().mistakes;
    assert_eq!(
        found[0].message,
        "more than one port of `a` and `l` would fit"
    );
    assert_eq!(
        found[0].help.as_deref(),
        Some("name them, for example `a.out -> l.a`")
    );
    assert!(
        checked(
            &text
                .replace("a -> l", "a -> l.b")
                .replace("],", r#""a -> l.a"],"#),
            &[]
        )
        .is_ok()
    );
}

#[test]
fn types_and_dimensions_must_fit() {
    let text = patch(
        r#""a": count(),
"n": narrow(),"#,
        r#""a -> n","#,
    );
    assert_eq!(mistakes(&text), ["8:2 `a` does not fit into `n`"]);
    let text = patch(
        r#""c": code(),
"n": narrow(),
"m": narrow(),"#,
        r#""c -> n -> m","#,
    );
    assert_eq!(
        mistakes(&text),
        ["9:7 `narrow` takes Latent(3), but Latent(2) arrives"]
    );
}

#[test]
fn a_port_of_any_type_carries_what_is_wired_in_whatever_the_order_of_the_wires() {
    let nodes = r#""a": count(),
"c": code(),
"numbers": carry(),
"codes": carry(),
"again": carry(),
"p": pass(),
"n": narrow(),"#;
    for wires in [
        r#""a -> numbers -> p", "c -> codes -> again -> n""#,
        r#""numbers -> p", "again -> n", "codes -> again", "a -> numbers", "c -> codes""#,
        r#""a -> numbers -> p", "c -> codes", "codes.out -> again.in", "c -> again -> n""#,
    ] {
        checked(&patch(nodes, wires), &[]).unwrap();
    }
    let wrong = patch(
        nodes,
        r#""a -> numbers -> n", "a -> p", "c -> codes -> again""#,
    );
    assert_eq!(mistakes(&wrong), ["13:7 `numbers` does not fit into `n`"]);
}

#[test]
fn ports_of_any_type_carry_one_type_and_what_is_not_known_is_told_once() {
    let nodes = r#""a": count(),
"c": code(),
"e": carry(),
"f": carry(),
"p": pass(),"#;
    let mixed = patch(nodes, r#""a -> e -> p", "c -> e", "a -> f""#);
    assert_eq!(mistakes(&mixed), ["11:17 `c` does not fit into `e`"]);
    let unknown = patch(nodes, r#""e -> f", "e -> p", "a -> f""#);
    let wanted = "11:2 nothing is wired into `e`, so that nothing can leave it";
    assert_eq!(mistakes(&unknown), [wanted]);
    let behind = patch(nodes, r#""f -> p", "e -> f""#);
    let wanted = "11:12 nothing is wired into `e`, so that nothing can leave it";
    assert_eq!(mistakes(&behind), [wanted]);
}

#[test]
fn a_cycle_of_ports_of_any_type_is_told_as_a_cycle() {
    let nodes = r#""e": carry(),
"f": carry(),
"p": pass(),"#;
    let circle = patch(nodes, r#""f -> p", "e -> f -> e""#);
    let told = mistakes(&circle);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].ends_with("these wires form a cycle: f -> e -> f"),
        "{told:?}"
    );
    let alone = mistakes(&patch(nodes, r#""e -> e""#));
    assert_eq!(alone, ["9:2 these wires form a cycle: e -> e"]);
}

#[test]
fn what_is_wrong_within_a_text_is_shown_where_it_stands() {
    let spelt = |text: &str| patch(&format!(r#""s": spell(text: {text}),"#), "");
    let at = |text: &str| mistakes(&spelt(text));
    assert_eq!(at(r#""ü, a mix""#), ["4:26 this is an x"]);
    // Written otherwise than it reads, the text as a whole.
    assert_eq!(at(r#""a \"mix\"""#), ["4:18 this is an x"]);
    checked(&spelt(r#""all is well""#), &[]).unwrap();
}

#[test]
fn a_policy_may_stand_behind_a_wire_and_a_wrong_one_is_refused() {
    let nodes = r#""a": count(),
"b": pass(),"#;
    assert!(checked(&patch(nodes, r#"("a -> b", drop_oldest(4)),"#), &[]).is_ok());
    assert_eq!(
        mistakes(&patch(nodes, r#"("a -> b", forget),"#)),
        [
            "8:12 a policy is latest, drop_oldest(n) or block(n), with n from 1 to 4096; a range is range(from: 0, to: 1)"
        ]
    );
}

#[test]
fn an_override_is_checked_like_the_patch_and_blamed_itself() {
    let text = patch(r#""a": count(count: 3),"#, "");
    assert!(checked(&text, &["a.count=5", "transport.tempo=90"]).is_ok());
    let found = checked(&text, &["a.count=many"]).err().unwrap().mistakes;
    assert_eq!(found[0].place, None);
    assert_eq!(
        found[0].message,
        "--set a.count=many: `count` takes a whole number from 0 to 1000000"
    );
    let typed = Override::parse("transport.tempo=1000")
        .unwrap()
        .typed_as("--tempo");
    let source = Source::text("p.ron", &text, PathBuf::from("/patches"));
    let found = check(&source, &[typed], &kinds::registry(), &Settings::default());
    assert_eq!(
        found.err().unwrap().mistakes[0].message,
        "--tempo 1000: `tempo` must be a number from 10 to 400 quarter notes a minute, not 1000"
    );
    let found = checked(&text, &["b.count=1"]).err().unwrap().mistakes;
    assert_eq!(found[0].message, "--set b.count=1: there is no node `b`");
}

#[test]
fn the_transport_is_read_and_its_mistakes_are_placed() {
    let text = r#"Patch(format: 1, transport: (tempo: 90, metre: (3, 4), seed: 7), nodes: {"a": count()}, wires: [])"#;
    let graph = checked(text, &[]).unwrap();
    assert_eq!((graph.transport().tempo, graph.transport().seed), (90.0, 7));
    assert_eq!(graph.transport().key, None);
    let wrong = text.replace("90", "9000").replace("(3, 4)", "(3, 5)");
    assert_eq!(mistakes(&wrong).len(), 2);
    let keyed = |key: &str| text.replace("seed: 7", &format!(r#"key: "{key}""#));
    let key = checked(&keyed("F# minor"), &[]).unwrap().transport().key;
    assert_eq!(key.unwrap().to_string(), "F# minor");
    let said = &mistakes(&keyed("H dur"))[0];
    assert!(said.contains("`H dur` is not a key"), "{said}");
}

#[test]
fn swing_is_read_and_where_nothing_can_swing_that_is_told() {
    let read = |transport: &str| {
        let text = format!(
            r#"Patch(format: 1, transport: ({transport}), nodes: {{"a": count()}}, wires: [])"#
        );
        checked(&text, &[]).unwrap()
    };
    let graph = read("tempo: 90");
    assert!(graph.transport().swing.is_straight());
    let graph = read("swing: 0.62");
    let swing = graph.transport().swinging().unwrap();
    assert_eq!((swing.share, swing.of), (0.62, SwingNotes::Eighths));
    assert_eq!(graph.warnings().mistakes, []);
    let graph = read("swing: 0.6, swing_of: sixteenths, metre: (6, 8)");
    assert_eq!(
        graph.transport().swinging().unwrap().of,
        SwingNotes::Sixteenths
    );
    let graph = read("swing: 0.6, metre: (6, 8)");
    assert_eq!(graph.transport().swinging(), None);
    assert_eq!(
        graph.warnings().mistakes[0].message,
        "nothing swings: in 6/8 eighths are no halves of a beat"
    );
    for wrong in ["swing: 0.4", "swing: 62", "swing: 0.6, swing_of: quarters"] {
        let text = format!(
            r#"Patch(format: 1, transport: ({wrong}), nodes: {{"a": count()}}, wires: [])"#
        );
        assert_eq!(mistakes(&text).len(), 1, "{wrong}");
    }
}

#[test]
fn an_empty_file_is_no_patch_and_does_not_panic() {
    for text in ["", "(", "Patch", "[]", "Patch(format: 2)", "\u{feff}"] {
        assert!(checked(text, &[]).is_err(), "{text:?}");
    }
}

#[test]
fn every_prefix_of_a_patch_is_answered_with_diagnostics() {
    let text = patch(
        r#""a": count(count: 3),
"b": pass(),"#,
        r#"("a -> b", block(3)),"#,
    );
    for end in 0..text.trim_end().len() {
        assert!(checked(&text[..end], &[]).is_err(), "{}", &text[..end]);
    }
}

/// A patch with one of everything.
const ALL: &str = r#"// One of everything.
Patch(
    format: 1,
    let: (many: 3, name: "x"),
    transport: (tempo: 96, metre: (3, 4), seed: 7),
    nodes: {
        "a":   count(count: use(many)),
        "b":   pass(hold_all: true),
        "end": log(name: "end"),
    },
    wires: [
        "a -> b -> end.a",
        ("b -> end.b", drop_oldest(4)),
    ],
    outputs: {
        "out": "b.out",
    },
)
"#;

#[test]
fn one_missing_quote_or_bracket_gives_one_message_of_the_whole_patch() {
    checked(ALL, &[]).unwrap();
    for (at, found) in ALL.match_indices(['"', '(', ')', '[', ']', '{', '}']) {
        let mut broken = ALL.to_owned();
        broken.remove(at);
        let mistakes = mistakes(&broken);
        let line = ALL[..at].matches('\n').count() + 1;
        assert_eq!(
            mistakes.len(),
            1,
            "without {found} in line {line}: {mistakes:?}"
        );
        if found == "\"" {
            assert!(
                mistakes[0].starts_with(&format!("{line}:")),
                "{line}: {mistakes:?}"
            );
        }
    }
}

#[test]
fn a_missing_quote_does_not_hide_what_is_wrong_in_other_lines() {
    let text = patch(
        r#""a": count(count: -4),
"l: log(name: "x"),
"c": pas(),"#,
        r#""a -> l.a,
"a -> d","#,
    );
    assert_eq!(
        mistakes(&text),
        [
            "4:19 `count` must be a whole number from 0 to 1000000, not -4",
            "5:1 this text has no closing quote",
            "6:6 there is no node kind `pas`",
            "9:1 this text has no closing quote",
            "10:7 there is no node `d`",
        ]
    );
}

#[test]
fn ten_thousand_mistakes_in_one_line_are_told_in_a_page() {
    let nodes: Vec<String> = (0..4_000)
        .map(|n| format!(r#""{n}": pas(a: b c)"#))
        .collect();
    let text = format!("Patch(format: 1, nodes: {{{}}})", nodes.join(", "));
    let found = checked(&text, &[]).err().unwrap();
    assert_eq!(found.mistakes.len(), 50);
    assert!(found.count() >= 8_000, "{}", found.count());
    let told = found.to_string();
    assert!(told.len() < 50 * 1_000, "{}", told.len());
    assert!(told.ends_with("more") && told.contains("\nand "), "{told}");
    assert!(told.lines().all(|line| line.chars().count() < 400));
}

#[test]
fn values_that_use_each_other_are_measured_before_they_are_written_out() {
    // 17 values, each ten times the one above it: 10^17 numbers.
    let lets: Vec<String> = (0..17)
        .map(|n| match n {
            0 => "v0: [1, 1]".to_owned(),
            n => format!(
                "v{n}: [{}]",
                vec![format!("use(v{})", n - 1); 10].join(", ")
            ),
        })
        .collect();
    let text = format!(
        r#"Patch(format: 1, let: ({}), nodes: {{"a": count(count: 1)}})"#,
        lets.join(", ")
    );
    assert!(text.len() < 2_000);
    let found = mistakes(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("more than 200000 values"), "{found:?}");
    // A long text, used often.
    let text = format!(
        r#"Patch(format: 1, let: (t: "{}", u: [{}]), nodes: {{"a": count(count: 1)}})"#,
        "x".repeat(1 << 20),
        "use(t),".repeat(100)
    );
    assert!(mistakes(&text)[0].contains("more than 16 MB of text"));
    // Each within the next: a chain as long as this would overflow the stack.
    let lets: Vec<String> = (1..5_000)
        .map(|n| format!("v{n}: [use(v{})]", n - 1))
        .collect();
    let text = format!(
        r#"Patch(format: 1, let: (v0: 1, {}), nodes: {{"a": count(count: 1)}})"#,
        lets.join(", ")
    );
    let found = mistakes(&text);
    assert!(
        found[0].contains("more than 64 values within each other"),
        "{found:?}"
    );
}

#[test]
fn more_nodes_and_wires_than_can_be_are_refused_at_once() {
    let nodes: Vec<String> = (0..20_000)
        .map(|n| format!(r#""n{n}": count(count: 1)"#))
        .collect();
    let text = format!("Patch(format: 1, nodes: {{{}}})", nodes.join(","));
    let found = mistakes(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("more than 4096 nodes"), "{found:?}");
    let text = patch(
        r#""a": pass(),"#,
        &format!(r#""a{}""#, " -> a".repeat(20_000)),
    );
    assert!(
        mistakes(&text)
            .iter()
            .any(|line| line.ends_with("more than 16384 wires"))
    );
}

#[test]
fn an_id_that_would_steer_a_terminal_is_refused_and_shown() {
    let text = patch("\"a\u{1b}[2J\": count(count: 1),", "");
    let found = checked(&text, &[]).err().unwrap();
    assert_eq!(
        found.mistakes[0].message,
        "a node's id has no `\\u{1b}` in it"
    );
    let told = found.to_string();
    assert!(
        !told.contains('\u{1b}') && told.contains("\"a\\u{1b}[2J\""),
        "{told}"
    );
}

#[test]
fn an_id_with_quotes_is_drawn_as_it_is() {
    let graph = checked(&patch(r#""the \"best\" <b": count(),"#, ""), &[]).unwrap();
    let drawn = graph.mermaid();
    let node = r#"n0["the #quot;best#quot; #lt;b<br/><small>count</small>"]"#;
    assert!(drawn.contains(node), "{drawn}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever uses whatever: what would be too much when it is written out is refused, and
    /// nothing else is.
    #[test]
    fn exactly_what_is_too_large_when_written_out_is_refused(base in 1usize..50, factor in 1usize..12, levels in 1usize..9) {
        let mut lets = vec![format!("v0: [{}]", "1,".repeat(base))];
        let (mut size, mut all) = (base + 1, base + 1);
        for level in 1..levels {
            let above = format!("use(v{}),", level - 1);
            lets.push(format!("v{level}: [{}]", above.repeat(factor)));
            // The word `use` and what it names were values of the text.
            all += factor * (size + 2) + 1;
            size = factor * size + 1;
        }
        let text = format!(r#"Patch(format: 1, let: ({}), nodes: {{"a": count(count: 1)}})"#, lets.join(","));
        let found = checked(&text, &[]);
        let is_near = all.abs_diff(limits::MAX_VALUES) < 100;
        prop_assert!(is_near || found.is_ok() == (all < limits::MAX_VALUES), "{all} {:?}", found.err());
    }
}

proptest! {
    // Texts of megabytes.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// However many mistakes there are, and however long their line is, what is told is a page.
    #[test]
    fn what_is_told_of_a_patch_is_a_page(mistakes in 1usize..3_000, long in 0usize..3_000) {
        let nodes = format!(r#""{}": pas(),"#, "x".repeat(long)).repeat(mistakes);
        let found = checked(&format!("Patch(format: 1, nodes: {{{nodes}}})"), &[]).err().unwrap();
        prop_assert!(found.mistakes.len() <= limits::MAX_MISTAKES);
        prop_assert!(found.to_string().len() < limits::MAX_MISTAKES * (2 * limits::MAX_MESSAGE + 1_000));
    }
}
