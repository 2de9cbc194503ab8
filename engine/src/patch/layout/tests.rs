//! What setting a patch promises.

use std::path::PathBuf;

use proptest::prelude::*;

use super::WIDTH;
use crate::patch::Source;
use crate::patch::syntax::parse;

fn source(text: &str) -> Source {
    Source::text("p.ron", text, PathBuf::new())
}

/// What a tree means, without places.
fn meaning(text: &str) -> String {
    let parsed = parse(0, text);
    assert_eq!(parsed.mistakes, [], "{text}");
    parsed.tree.said()
}

fn comments(text: &str) -> Vec<String> {
    let parsed = parse(0, text);
    let texts = parsed
        .comments
        .iter()
        .map(|spot| text[spot.range()].trim_end().replace("\r\n", "\n"));
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

fn check(text: &str) -> String {
    let set = source(text).formatted().unwrap();
    assert_eq!(meaning(&set), meaning(text), "{text}\n---\n{set}");
    assert_eq!(comments(&set), comments(text), "{text}\n---\n{set}");
    let again = source(&set).formatted().unwrap();
    assert_eq!(again, set, "{text}");
    set
}

#[test]
fn a_patch_gets_its_one_layout() {
    let text = r#"// What it does.


// More.
Patch(format:1,transport:(tempo:90,metre:(3,4)), // slow


nodes:{"a":count( count : 3 ),/* both */"longer":pass(),},// end
wires:["a -> longer",("a -> b",block(3))]) // last"#;
    let wanted = r#"// What it does.

// More.
Patch(
    format: 1,
    transport: (tempo: 90, metre: (3, 4)), // slow

    nodes: {
        "a":      count(count: 3),
        /* both */
        "longer": pass(),
    }, // end
    wires: [
        "a -> longer",
        ("a -> b", block(3)),
    ],
)
// last
"#;
    assert_eq!(check(text), wanted);
}

#[test]
fn long_lists_are_filled_and_long_nodes_are_broken() {
    let numbers = vec!["0.25"; 60].join(", ");
    let text = format!(
        r#"Patch(format: 1, nodes: {{"map": latent_map(weights: [{numbers}], dimension: 64)}})"#
    );
    let set = check(&text);
    assert!(
        set.lines().all(|line| line.chars().count() <= WIDTH),
        "{set}"
    );
    assert!(set.lines().count() < 16, "{set}");
}

#[test]
fn what_cannot_be_read_is_told_and_not_set() {
    let wrong = source("Patch(\n  format: 1..2,\n)")
        .formatted()
        .unwrap_err();
    assert_eq!(wrong.mistakes[0].place.as_ref().unwrap().line, 2);
}

/// RON with comments and empty lines in all sorts of places.
fn ron() -> impl Strategy<Value = String> {
    let gap = || {
        prop_oneof![
            5 => Just(String::new()),
            2 => Just(" ".to_owned()),
            2 => Just("\n".to_owned()),
            1 => Just("\n\n\n".to_owned()),
            1 => Just("\r\n".to_owned()),
            1 => Just(" // said, (so) \"it\" is\n".to_owned()),
            1 => Just("/* in { one\n   of */".to_owned()),
            1 => Just(" /* short */ ".to_owned()),
        ]
    };
    let atom = prop_oneof![
        Just("1".to_owned()),
        Just("-2.5".to_owned()),
        Just("whole_film".to_owned()),
        Just(r#""a // b""#.to_owned()),
        Just("r#\"raw \" \n text\"#".to_owned()),
        Just(
            r#""0123456789012345678901234567890123456789012345678901234567890123456789""#
                .to_owned()
        ),
    ];
    let value = atom.prop_recursive(4, 40, 5, move |inner| {
        let spaced =
            (gap(), inner.clone(), gap()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let field = (gap(), "[a-z]{1,9}", gap(), spaced.clone())
            .prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{value}"));
        let entry = (gap(), r#""[a-z]{1,9}""#, gap(), spaced.clone())
            .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
        let last = || prop_oneof![Just(""), Just(","), Just(", // last\n"), Just("/* end */")];
        prop_oneof![
            (prop::collection::vec(spaced, 1..5), last())
                .prop_map(|(items, last)| format!("[{}{last}]", items.join(","))),
            (
                "[a-z]{0,5}",
                gap(),
                prop::collection::vec(field, 1..5),
                last()
            )
                .prop_map(|(name, gap, fields, last)| {
                    let gap = if name.is_empty() { String::new() } else { gap };
                    format!("{name}{gap}({}{last})", fields.join(","))
                }),
            (prop::collection::vec(entry, 1..5), last())
                .prop_map(|(entries, last)| format!("{{{}{last}}}", entries.join(","))),
            gap().prop_map(|gap| format!("empty({gap})")),
        ]
    });
    (gap(), gap(), value.clone(), gap(), value, gap()).prop_map(|(a, b, nodes, c, wires, d)| {
        format!("{a}Patch(format: 1,{b}nodes: {nodes},{c}wires: {wires}){d}")
    })
}

proptest! {
    #[test]
    fn setting_keeps_the_meaning_and_every_comment_and_does_nothing_the_second_time(text in ron()) {
        // What cannot be read is not set; proptest gives up where that is most of it.
        prop_assume!(parse(0, &text).mistakes.is_empty());
        check(&text);
    }
}
