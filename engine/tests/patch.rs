//! A wrong patch is refused with every mistake in its place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kinds;

use std::path::PathBuf;

use score_engine::{Diagnostics, Graph, Override, Settings, Source, check};

fn checked(text: &str, overrides: &[&str]) -> Result<Graph, Diagnostics> {
    let source = Source {
        name: "p.ron".into(),
        text: text.into(),
        folder: PathBuf::from("/patches"),
    };
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
    let found = checked(text, &[]).err().expect("the patch is wrong").0;
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
        "        \"a\": cont(),\n        \"b\": pass(hold_al: true),\n        \"c\": count(count: -4),\n        \"d\": log(),",
        "        \"b -> e\",",
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
        "        \"a\": count(count: 1..2),\n        \"b\": pas(),",
        "        \"a -> b\",",
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
    let text = patch("\"a\": count(count: 1, count: 2),\n\"a\": count(),", "");
    assert_eq!(
        mistakes(&text),
        [
            "4:22 `count` stands here twice",
            "5:1 there are two nodes `a`"
        ]
    );
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let text = patch(
        "\"a\": pass(),\n\"b\": pass(),\n\"c\": pass(),",
        "\"a -> b -> c\",\n\"c -> a\",",
    );
    assert_eq!(
        mistakes(&text),
        ["10:2 these wires form a cycle: a -> b -> c -> a"]
    );
}

#[test]
fn two_wires_into_one_input_are_refused() {
    let text = patch(
        "\"a\": count(),\n\"b\": count(),\n\"c\": pass(),",
        "\"a -> c\",\n\"b -> c\",",
    );
    assert_eq!(
        mistakes(&text),
        ["10:2 `c.in` takes one wire, and has one from `a`"]
    );
}

#[test]
fn an_unwired_required_input_is_refused() {
    assert_eq!(
        mistakes(&patch("\"c\": pass(),", "")),
        ["4:1 nothing is wired into `c.in` (Control)"]
    );
}

#[test]
fn where_two_ports_fit_one_must_be_named() {
    let text = patch("\"a\": count(),\n\"l\": log(name: \"x\"),", "\"a -> l\",");
    let found = checked(&text, &[]).err().unwrap().0;
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
                .replace("],", "\"a -> l.a\"],"),
            &[]
        )
        .is_ok()
    );
}

#[test]
fn types_and_dimensions_must_fit() {
    let text = patch("\"a\": count(),\n\"n\": narrow(),", "\"a -> n\",");
    assert_eq!(mistakes(&text), ["8:2 `a` does not fit into `n`"]);
    let text = patch(
        "\"c\": code(),\n\"n\": narrow(),\n\"m\": narrow(),",
        "\"c -> n -> m\",",
    );
    assert_eq!(
        mistakes(&text),
        ["9:7 `narrow` takes Latent(3), but Latent(2) arrives"]
    );
}

#[test]
fn a_policy_may_stand_behind_a_wire_and_a_wrong_one_is_refused() {
    let nodes = "\"a\": count(),\n\"b\": pass(),";
    assert!(checked(&patch(nodes, "(\"a -> b\", drop_oldest(4)),"), &[]).is_ok());
    assert_eq!(
        mistakes(&patch(nodes, "(\"a -> b\", forget),")),
        ["8:12 a policy is latest, drop_oldest(n) or block(n), with n from 1 to 4096"]
    );
}

#[test]
fn an_override_is_checked_like_the_patch_and_blamed_itself() {
    let text = patch("\"a\": count(count: 3),", "");
    assert!(checked(&text, &["a.count=5", "transport.tempo=90"]).is_ok());
    let found = checked(&text, &["a.count=many"]).err().unwrap().0;
    let place = found[0].place.as_ref().unwrap();
    assert_eq!(
        (place.file.as_str(), place.line, place.column),
        ("--set", 1, 9)
    );
    let found = checked(&text, &["b.count=1"]).err().unwrap().0;
    assert_eq!(found[0].message, "there is no node `b`");
}

#[test]
fn the_transport_is_read_and_its_mistakes_are_placed() {
    let text = "Patch(format: 1, transport: (tempo: 90, metre: (3, 4), seed: 7), nodes: {\"a\": count()}, wires: [])";
    let graph = checked(text, &[]).unwrap();
    assert_eq!((graph.transport().tempo, graph.transport().seed), (90.0, 7));
    let wrong = text.replace("90", "9000").replace("(3, 4)", "(3, 5)");
    assert_eq!(mistakes(&wrong).len(), 2);
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
        "\"a\": count(count: 3),\n\"b\": pass(),",
        "(\"a -> b\", block(3)),",
    );
    for end in 0..text.trim_end().len() {
        assert!(checked(&text[..end], &[]).is_err(), "{}", &text[..end]);
    }
}
