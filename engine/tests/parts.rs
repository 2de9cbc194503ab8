//! Values with names, and patches within patches.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kinds;

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use score_engine::{Diagnostics, Graph, Override, Settings, Source, check};

/// Checks the patch of a folder.
fn checked(folder: &Path, name: &str, overrides: &[&str]) -> Result<Graph, Diagnostics> {
    let mut source = Source::read(&folder.join(name))?;
    source.name = name.to_owned();
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

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// `file:line:column message` of every mistake, with the help behind it.
fn mistakes(folder: &Path, overrides: &[&str]) -> Vec<String> {
    let found = checked(folder, "p.ron", overrides);
    let found = found.err().expect("the patch is wrong").mistakes;
    let line = |diagnostic: &score_engine::Diagnostic| {
        let help = diagnostic.help.as_deref().unwrap_or("-");
        let message = &diagnostic.message;
        match &diagnostic.place {
            Some(place) => {
                let (line, column) = (place.line, place.column);
                format!("{}:{line}:{column} {message} | {help}", place.file)
            }
            // What was typed on the command line.
            None => format!("{message} | {help}"),
        }
    };
    found.iter().map(line).collect()
}

/// What a checked patch is, for comparison: its nodes with their values, and its wires.
fn meaning(graph: &Graph) -> String {
    let json = graph.json();
    let nodes = json["nodes"].as_array().unwrap().iter();
    let nodes = nodes.map(|node| {
        let word = |name: &str| node[name].as_str().unwrap();
        format!("{} {} {}", word("id"), word("kind"), node["values"])
    });
    let wires = json["wires"].as_array().unwrap().iter();
    let wires = wires.map(|wire| wire.as_str().unwrap().to_owned());
    nodes.chain(wires).collect::<Vec<_>>().join("\n")
}

const PART: &str = r#"Patch(
    format: 1,
    let: (many: 3),
    nodes: {
        "source": count(count: use(many)),
        "through": pass(),
    },
    wires: [],
    inputs: { "in": "through" },
    outputs: { "made": "source.out", "passed": "through.out" },
)
"#;

fn whole(include: &str, wires: &str) -> String {
    format!(
        r#"Patch(
    format: 1,
    nodes: {{ "own": count(count: 9), "end": pass() }},
    include: {{
{include}
    }},
    wires: [ {wires} ],
)
"#
    )
}

#[test]
fn a_let_value_stands_wherever_it_is_used() {
    let with = r#"Patch(format: 1, let: (n: 5, m: use(n)), nodes: {"a": count(count: use(n)), "b": count(count: use(m))})"#;
    let without = r#"Patch(format: 1, nodes: {"a": count(count: 5), "b": count(count: 5)})"#;
    let folder = folder(&[("p.ron", with), ("q.ron", without)]);
    let one = checked(folder.path(), "p.ron", &[]).unwrap();
    let other = checked(folder.path(), "q.ron", &[]).unwrap();
    assert_eq!(meaning(&one), meaning(&other));
    let set = checked(folder.path(), "p.ron", &["let.n=7", "b.count=8"]).unwrap();
    assert!(
        meaning(&set).contains(r#"a count {"count":7"#),
        "{}",
        meaning(&set)
    );
    assert!(
        meaning(&set).contains(r#"b count {"count":8"#),
        "{}",
        meaning(&set)
    );
}

#[test]
fn a_wrong_let_value_is_shown_where_it_stands_and_where_it_is_used() {
    let text = r#"Patch(
  format: 1,
  let: (many: -4),
  nodes: {
    "a": count(count: use(many)),
    "b": count(count: use(mani)),
  },
)"#;
    let folder = folder(&[("p.ron", text)]);
    assert_eq!(
        mistakes(folder.path(), &["let.meny=3"]),
        [
            "p.ron:3:15 `count` must be a whole number from 0 to 1000000, not -4 | `a` uses it at p.ron:5:23",
            "p.ron:6:27 no `let` value is called `mani` | did you mean `many`?",
            "--set let.meny=3: no `let` value is called `meny` | did you mean `many`?",
        ]
    );
}

#[test]
fn a_let_value_uses_those_above_it_only() {
    let text = r#"Patch(format: 1, let: (a: use(b), b: 1), nodes: {"c": count()})"#;
    let folder = folder(&[("p.ron", text)]);
    assert_eq!(
        mistakes(folder.path(), &[]),
        ["p.ron:1:31 the `let` value `b` stands below | a value uses those above it; move `b` up"]
    );
}

#[test]
fn an_included_patch_is_wired_by_its_named_inputs_and_outputs() {
    let text = whole(
        r#""left": (patch: "parts/part.ron"), "right": (patch: "parts/part.ron", let: (many: 7), set: {"through.hold_all": true}),"#,
        r#""own -> left", "left.passed -> right -> end""#,
    );
    let text = text.replace("right ->", r#"right.in", "right.passed ->"#);
    let folder = folder(&[("p.ron", &text), ("parts/part.ron", PART)]);
    let graph = checked(folder.path(), "p.ron", &["left.source.count=2"]).unwrap();
    let ids: Vec<&str> = graph.node_ids().collect();
    assert_eq!(
        ids,
        [
            "own",
            "end",
            "left.source",
            "left.through",
            "right.source",
            "right.through"
        ]
    );
    let said = meaning(&graph);
    for line in [
        r#"left.source count {"count":2"#,
        r#"right.source count {"count":7"#,
        "own.out -> left.through.in",
        "left.through.out -> right.through.in",
        "right.through.out -> end.in",
        r#""hold_all":true"#,
    ] {
        assert!(said.contains(line), "{line} in\n{said}");
    }
    let drawn = graph.mermaid();
    assert!(
        drawn.contains(r#"subgraph p1_2["left"]"#) && drawn.contains(r#"n2["source<br/>"#),
        "{drawn}"
    );
    let again = checked(folder.path(), "p.ron", &["right.let.many=8"]).unwrap();
    assert!(meaning(&again).contains(r#"right.source count {"count":8"#));
}

#[test]
fn mistakes_in_an_included_patch_point_into_its_file() {
    let part = PART.replace("pass()", "pas()").replace("use(many)", "-1");
    let text = whole(
        r#""beat": (patch: "parts/part.ron"),
"twin": (patch: "parts/part.ron"),"#,
        r#""own -> end""#,
    );
    let folder = folder(&[("p.ron", &text), ("parts/part.ron", &part)]);
    assert_eq!(
        mistakes(folder.path(), &[]),
        [
            "parts/part.ron:5:32 `count` must be a whole number from 0 to 1000000, not -1 | -",
            "parts/part.ron:6:20 there is no node kind `pas` | did you mean `pass`?",
        ]
    );
}

#[test]
fn what_is_wrong_with_an_include_is_said_in_its_place() {
    let text = whole(
        r#""a": (patch: "parts/prt.ron"),
"b": (patch: "parts/part.ron", lte: (many: 1)),
"c": (patch: "parts/part.ron", let: (mny: 1), set: {"sourc.count": 1, "source.cuont": 2}),
"own": (patch: "parts/part.ron"),
"d": (patch: "p.ron"),
"e": (),"#,
        r#""own -> b", "b -> end", "b.mad -> end", "a -> end", "bb -> end""#,
    );
    let folder = folder(&[("p.ron", &text), ("parts/part.ron", PART)]);
    assert_eq!(
        mistakes(folder.path(), &["c.many=4", "a.x.y=1"]),
        [
            "p.ron:5:14 `parts/prt.ron` cannot be included: there is no such file | did you mean `part.ron`?",
            "p.ron:6:32 an included patch has no `lte` | it has patch, let and set",
            "p.ron:7:38 no `let` value is called `mny` | did you mean `many`?",
            "p.ron:7:53 there is no node `c.sourc` | did you mean `c.source`?",
            "p.ron:7:71 `count` has no parameter `cuont` | did you mean `count`?",
            "p.ron:8:1 two nodes are called `own`; the first is at 3:14 | -",
            "p.ron:9:14 p.ron includes itself | -",
            "p.ron:10:1 an included patch needs `patch` | patch: the file, from this patch's folder",
            "p.ron:12:27 more than one port of `b` and `end` would fit | name them, for example `b.made -> end.in`",
            "p.ron:12:39 `b` has no output `mad` | did you mean `made`?",
            "p.ron:12:67 there is no node `bb` | did you mean `b`?",
            "--set c.many=4: there is no node `c` | `c` is an included patch: write `c.let.many` for its `let`, or `c.NODE.many` for a node in it",
        ]
    );
}

#[test]
fn patches_that_include_each_other_are_refused_and_end() {
    let other = r#"Patch(format: 1, include: {"back": (patch: "../p.ron")})"#;
    let folder = folder(&[
        (
            "p.ron",
            r#"Patch(format: 1, include: {"on": (patch: "parts/q.ron")})"#,
        ),
        ("parts/q.ron", other),
    ]);
    assert_eq!(
        mistakes(folder.path(), &[]),
        [
            "parts/q.ron:1:44 these patches include each other: p.ron -> parts/q.ron -> parts/../p.ron | -"
        ]
    );
    let source = Source::read(&folder.path().join("p.ron")).unwrap();
    assert!(source.included().len() >= 2);
    assert_eq!(source.nodes(), []);
}

#[test]
fn patches_that_include_the_next_twice_do_not_fill_the_memory() {
    let files: Vec<(String, String)> = (0..14)
        .map(|index| {
            let next = index + 1;
            let text = format!(
                r#"Patch(format: 1, nodes: {{"n": count()}}, include: {{"a": (patch: "{next}.ron"), "b": (patch: "{next}.ron")}})"#
            );
            (if index == 0 { "p.ron".to_owned() } else { format!("{index}.ron") }, text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let folder = folder(&files);
    let found = mistakes(folder.path(), &[]);
    assert!(
        found
            .iter()
            .any(|line| line.contains("more than 256 included patches")),
        "{found:?}"
    );
    let source = Source::read(&folder.path().join("p.ron")).unwrap();
    assert!(source.nodes().len() < 300);
}

#[test]
fn one_part_250_times_and_10_000_includes_stay_small() {
    let list = "1, ".repeat(2_000);
    let part = format!(r#"Patch(format: 1, let: (l: [{list}]), nodes: {{"n": count(count: 1)}})"#);
    let include = |count: usize| -> String {
        let entries = (0..count).map(|n| format!(r#""p{n}": (patch: "part.ron")"#));
        let entries: Vec<String> = entries.collect();
        format!("Patch(format: 1, include: {{{}}})", entries.join(", "))
    };
    let folder = folder(&[("p.ron", &include(250)), ("part.ron", &part)]);
    let found = mistakes(folder.path(), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("more than 200000 values"), "{found:?}");
    std::fs::write(folder.path().join("p.ron"), include(10_000)).unwrap();
    std::fs::write(
        folder.path().join("part.ron"),
        r#"Patch(format: 1, nodes: {"n": count(count: 1)})"#,
    )
    .unwrap();
    let found = mistakes(folder.path(), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("more than 256 included patches"),
        "{found:?}"
    );
    let source = Source::read(&folder.path().join("p.ron")).unwrap();
    assert!(source.included().len() <= 256);
}

#[test]
fn a_patch_is_a_file_that_is_not_too_long() {
    let folder = folder(&[("p.ron", "Patch(format: 1)")]);
    let told = |path: &Path| Source::read(path).unwrap_err().to_string();
    let missing = folder.path().join("none.ron");
    assert_eq!(
        told(&missing),
        format!("there is no patch `{}`", missing.display())
    );
    assert!(told(folder.path()).ends_with("is not a patch: it is a folder"));
    let long = folder.path().join("long.ron");
    std::fs::File::create(&long)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert!(told(&long).ends_with("is not a patch: it is longer than 4 MB"));
    #[cfg(unix)]
    {
        assert!(
            told(Path::new("/dev/zero"))
                .ends_with("is not a patch: it is a pipe or a device, not a file")
        );
        let pipe = folder.path().join("pipe.ron");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(told(&pipe).ends_with("it is a pipe or a device, not a file"));
    }
}

#[test]
fn a_part_says_that_it_waits_for_a_patch_that_includes_it() {
    let folder = folder(&[("p.ron", PART)]);
    assert_eq!(
        mistakes(folder.path(), &[]),
        [
            "p.ron:6:9 nothing is wired into `through.in` (Control) | a patch that includes this one wires it as `in`; alone it does not run"
        ]
    );
}

#[test]
fn an_input_of_a_part_can_go_to_several_nodes() {
    let part = r#"Patch(format: 1, nodes: {"a": pass(), "b": pass()}, inputs: {"in": ["a", "b.in"]}, outputs: {"out": "a"})"#;
    let text = whole(r#""two": (patch: "part.ron"),"#, r#""own -> two -> end""#);
    let folder = folder(&[("p.ron", &text), ("part.ron", part)]);
    let said = meaning(&checked(folder.path(), "p.ron", &[]).unwrap());
    assert!(
        said.contains("own.out -> two.a.in") && said.contains("own.out -> two.b.in"),
        "{said}"
    );
}

#[test]
fn paths_count_from_the_folder_of_the_text_that_they_stand_in() {
    let part = r#"Patch(format: 1, let: (file: "own.txt"), nodes: {"a": reads(path: use(file)), "b": reads(path: "b.txt")})"#;
    let text = r#"Patch(format: 1, include: {"one": (patch: "parts/part.ron"), "two": (patch: "parts/part.ron", let: (file: "given.txt"))})"#;
    let folder = folder(&[("p.ron", text), ("parts/part.ron", part)]);
    let said = meaning(&checked(folder.path(), "p.ron", &[]).unwrap());
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let paths: Vec<PathBuf> = ["parts/own.txt", "parts/b.txt", "given.txt"]
        .map(PathBuf::from)
        .into();
    for name in paths {
        assert!(said.contains(&path(name.to_str().unwrap())), "{said}");
    }
}

proptest! {
    #[test]
    fn every_prefix_and_every_mix_of_includes_is_answered(text in "(include|let|use|set|patch|inputs|outputs|nodes|wires|format|p\\.ron|a\\.b|[\\[\\](){}\":,1a. ]){0,60}") {
        let folder = folder(&[("p.ron", &format!("Patch(format: 1, {text})")), ("q.ron", &text)]);
        let _ = checked(folder.path(), "p.ron", &["a.let.b=1"]);
        let source = Source::read(&folder.path().join("p.ron")).unwrap();
        let _ = (source.nodes(), source.included());
    }

    #[test]
    fn a_value_means_the_same_in_place_by_let_by_a_part_and_by_the_command_line(n in 0u32..1_000_000) {
        let place = r#"Patch(format: 1, include: {"x": (patch: "in_place.ron")}, nodes: {})"#;
        let node = |value: &str, lets: &str| format!(r#"Patch(format: 1, {lets} nodes: {{"a": count(count: {value})}})"#);
        let number = n.to_string();
        let folder = folder(&[
            ("p.ron", place),
            ("in_place.ron", &node(&number, "")),
            ("by_let.ron", &node("use(v)", &format!("let: (v: {number}),"))),
            ("other.ron", &node("use(v)", "let: (v: 5),")),
        ]);
        let wanted = meaning(&checked(folder.path(), "p.ron", &[]).unwrap());
        let include = |part: &str, more: &str| format!(r#"Patch(format: 1, include: {{"x": (patch: "{part}"{more})}})"#);
        for (text, set) in [
            (include("by_let.ron", ""), String::new()),
            (include("other.ron", &format!(", let: (v: {number})")), String::new()),
            (include("other.ron", &format!(r#", set: {{"a.count": {number}}}"#)), String::new()),
            (include("other.ron", ""), format!("x.let.v={number}")),
            (include("other.ron", ""), format!("x.a.count={number}")),
        ] {
            std::fs::write(folder.path().join("p.ron"), &text).unwrap();
            let sets: Vec<&str> = [set.as_str()].into_iter().filter(|set| !set.is_empty()).collect();
            prop_assert_eq!(&meaning(&checked(folder.path(), "p.ron", &sets).unwrap()), &wanted, "{}", text);
        }
    }
}
