//! What writing into a patch promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;
use crate::error::NodeError;
use crate::param::{FileRole, ParamType};
use crate::patch::syntax::parse;

const FOLDER: &str = "/patches";

fn source(text: &str) -> Source {
    Source::text("show.ron", text, PathBuf::from(FOLDER))
}

/// Adds a kind of which only the declaration counts.
fn declare(registry: &mut Registry, descriptor: Descriptor) {
    registry.add_foreign(descriptor, 0, |_| Err(NodeError::internal("never built")));
}

fn any_number() -> ParamType {
    ParamType::Number {
        min: -1e6,
        max: 1e6,
    }
}

/// A parameter of each type.
fn odd_params() -> Vec<Param> {
    let length = ParamType::Length {
        min: 0.0,
        max: 600.0,
    };
    let list = |item| ParamType::List(Box::new(item));
    let types = [
        ("zz_number", any_number()),
        ("zz_whole", ParamType::Integer { min: -9, max: 127 }),
        ("zz_length", length.clone()),
        ("zz_flag", ParamType::Flag),
        ("zz_text", ParamType::Text),
        (
            "zz_choice",
            ParamType::choice(&["glass", "grand_piano", "3d"]),
        ),
        ("zz_file", ParamType::File(FileRole::Read)),
        ("zz_list", list(any_number())),
        ("zz_lengths", list(length)),
        ("zz_lists", list(list(any_number()))),
    ];
    let param = |(name, param_type)| {
        let mut param = Param::text(name, "").optional();
        param.param_type = param_type;
        param
    };
    types.into_iter().map(param).collect()
}

fn odd_registry() -> Registry {
    let mut registry = Registry::new();
    for kind in ["odd", "synth"] {
        let mut descriptor = Descriptor::new("test", kind, "");
        descriptor.params = odd_params();
        descriptor
            .params
            .push(Param::number("gain", (-60.0, 12.0), "").default(0));
        descriptor
            .params
            .push(Param::length("half_life", (0.0, 60.0), "").default(0.5));
        declare(&mut registry, descriptor);
    }
    registry
}

fn written(text: &str, values: &[Written]) -> String {
    write_back(&source(text), values, &odd_registry()).unwrap()
}

fn refused(text: &str, value: Written) -> Diagnostic {
    let error = write_back(&source(text), &[value], &odd_registry()).unwrap_err();
    assert_eq!(error.count(), 1, "{error}");
    error.mistakes[0].clone()
}

fn nodes(nodes: &str) -> String {
    format!("Patch(format:1, let:(x: 3), nodes: {{{nodes}}})")
}

/// `node` and what becomes of it.
fn becomes(node: &str, value: Written, wanted: &str) {
    let text = nodes(&format!("\"a\" : {node}, /* b */ \"b\":odd"));
    let wanted = nodes(&format!("\"a\" : {wanted}, /* b */ \"b\":odd"));
    assert_eq!(written(&text, std::slice::from_ref(&value)), wanted);
    assert_eq!(written(&wanted, &[value]), wanted);
}

#[test]
fn only_the_value_is_replaced() {
    let gain = |value: f64| Written::new("a", "gain", value);
    becomes(
        "odd( gain:/* dB */1 , zz_flag:true)",
        gain(-3.5),
        "odd( gain:/* dB */-3.5 , zz_flag:true)",
    );
    becomes("odd(gain: use(x))", gain(2.0), "odd(gain: 2)");
    becomes("odd(gain: use(\"x\"))", gain(3.0), "odd(gain: 3)");
    becomes("odd(gain: 1.0)", gain(1.0), "odd(gain: 1.0)");
    becomes("odd(gain: 0.1)", gain(f64::from(0.1f32)), "odd(gain: 0.1)");
    becomes(
        "odd(gain: 1)",
        gain(1.0 / 3.0).rounded(),
        "odd(gain: 0.333333)",
    );
    let half_life = |value| Written::new("a", "half_life", value);
    becomes(
        "odd(half_life: seconds(1))",
        half_life(json!({ "seconds": 2 })),
        "odd(half_life: 2)",
    );
    becomes(
        "odd(half_life: seconds(1))",
        half_life(json!({ "seconds": 1 })),
        "odd(half_life: seconds(1))",
    );
    becomes(
        "odd(half_life: 1)",
        half_life(json!({ "beats": 2.0 })),
        "odd(half_life: beats(2))",
    );
    let text = |value: &str| Written::new("a", "zz_text", value);
    becomes(
        "odd(zz_text: r#\"raw\"#)",
        text("a, \"b\" // c"),
        "odd(zz_text: \"a, \\\"b\\\" // c\")",
    );
    becomes(
        "odd(zz_text: \"a\")",
        Written::new("a", "zz_text", Value::Null),
        "odd(zz_text: None)",
    );
    becomes(
        "odd(zz_number: Some(1))",
        Written::new("a", "zz_number", 1),
        "odd(zz_number: Some(1))",
    );
    becomes(
        "odd(zz_number: Some(1))",
        Written::new("a", "zz_number", 2),
        "odd(zz_number: 2)",
    );
    becomes(
        "odd(zz_file: \"a.wav\")",
        Written::new("a", "zz_file", "/patches/b/c.wav"),
        "odd(zz_file: \"b/c.wav\")",
    );
}

#[test]
fn what_is_not_given_becomes_the_last_field() {
    let gain = || Written::new("a", "gain", 1);
    for (node, wanted) in [
        ("odd", "odd(gain: 1)"),
        ("odd()", "odd(gain: 1)"),
        ("odd ( )", "odd (gain: 1)"),
        ("odd(/* (quiet) */)", "odd(/* (quiet) */ gain: 1)"),
        (
            "odd/* ( */(  // quiet\n )",
            "odd/* ( */(  // quiet\ngain: 1\n )",
        ),
        ("odd(zz_flag: true)", "odd(zz_flag: true, gain: 1)"),
        ("odd(zz_flag: true,)", "odd(zz_flag: true, gain: 1,)"),
        (
            "odd(zz_flag: true /* x */ , )",
            "odd(zz_flag: true /* x */, gain: 1 , )",
        ),
        (
            "odd(\n  zz_flag: true\n)",
            "odd(\n  zz_flag: true,\n  gain: 1\n)",
        ),
        (
            "odd(\n  zz_flag: true, // x\n)",
            "odd(\n  zz_flag: true, // x\n  gain: 1,\n)",
        ),
        (
            "odd(\n  zz_flag: true // x\n  // y\n)",
            "odd(\n  zz_flag: true, // x\n  gain: 1\n  // y\n)",
        ),
        (
            "odd(\r\n\tzz_flag: true, // x\r\n)",
            "odd(\r\n\tzz_flag: true, // x\r\n\tgain: 1,\r\n)",
        ),
    ] {
        becomes(node, gain(), wanted);
    }
    let both = [gain(), Written::new("a", "zz_flag", true)];
    assert_eq!(
        written(&nodes("\"a\": odd"), &both),
        nodes("\"a\": odd(gain: 1, zz_flag: true)")
    );
}

#[test]
fn of_a_list_only_the_items_change_that_are_others() {
    let list = |value| Written::new("a", "zz_list", value);
    for (old, value, wanted) in [
        ("[ 1,2.0 , 3 ]", json!([1, 2, 4]), "[ 1,2.0 , 4 ]"),
        ("[1, 2]", json!([1, 2, 3, 4]), "[1, 2, 3, 4]"),
        ("[1, 2, 3,]", json!([0]), "[0,]"),
        ("[1, 2, 3]", json!([]), "[]"),
        ("[]", json!([1, 2]), "[1, 2]"),
        ("(1, 2)", json!([1, 3]), "(1, 3)"),
        ("(1, 2)", json!([]), "[]"),
        ("[1, use(x)]", json!([1, 3]), "[1, 3]"),
        (
            "[\n 1, // one\n 2, // two\n]",
            json!([1, 5, 3]),
            "[\n 1, // one\n 5, // two\n 3,\n]",
        ),
        (
            "[\n 1, // one\n 2, // two\n]",
            json!([1]),
            "[\n 1, // one\n  // two\n]",
        ),
        ("[1 /* one */]", json!([]), "[ /* one */]"),
    ] {
        let field = |list: &str| format!("odd(zz_list: {list}, zz_flag: true)");
        becomes(&field(old), list(value), &field(wanted));
    }
    let lists = Written::new("a", "zz_lists", json!([[1, 2], [4], [5]]));
    becomes(
        "odd(zz_lists: [[ 1 ], [3]])",
        lists,
        "odd(zz_lists: [[ 1, 2 ], [4], [5]])",
    );
}

#[test]
fn comments_within_a_value_that_goes_stay_behind_it() {
    let value = || Written::new("a", "gain", 2);
    becomes("odd(gain: use(/* c */ x))", value(), "odd(gain: 2 /* c */)");
    becomes("odd(gain: use( // c\n x))", value(), "odd(gain: 2 // c\n)");
}

#[test]
fn of_several_values_for_one_parameter_the_last_is_written() {
    let values = [1, 2].map(|value| Written::new("a", "gain", value));
    assert_eq!(
        written(&nodes("\"a\": odd"), &values),
        nodes("\"a\": odd(gain: 2)")
    );
}

#[test]
fn a_text_in_its_layout_stays_in_it() {
    let text = source(&nodes("\"a\": odd(zz_text: \"a\"), \"longer\": odd"))
        .formatted()
        .unwrap();
    let long = "x".repeat(100);
    let result = written(&text, &[Written::new("a", "zz_text", long.as_str())]);
    let node = format!("        \"a\":      odd(\n            zz_text: \"{long}\",\n        ),\n");
    assert!(result.contains(&node), "{result}");
    assert_eq!(result.lines().count(), text.lines().count() + 2);
}

#[test]
fn the_transport_is_written_as_a_node_is() {
    let values = [
        Written::new("transport", "tempo", 96.5),
        Written::new("transport", "key", "D minor"),
    ];
    for (text, wanted) in [
        (
            "Patch(format: 1, transport: (tempo: use(x), seed: 7), nodes: {})",
            "Patch(format: 1, transport: (tempo: 96.5, seed: 7, key: \"D minor\"), nodes: {})",
        ),
        (
            "Patch(format: 1, nodes: {})",
            "Patch(format: 1, transport: (tempo: 96.5, key: \"D minor\"), nodes: {})",
        ),
        (
            "Patch(\n    format: 1, // one\n    // all\n    nodes: {},\n)\n",
            "Patch(\n    format: 1, // one\n    transport: (tempo: 96.5, key: \"D minor\"),\n    // all\n    nodes: {},\n)\n",
        ),
        (
            "Patch()",
            "Patch(transport: (tempo: 96.5, key: \"D minor\"))",
        ),
        (
            "( /* a */ )",
            "( /* a */ transport: (tempo: 96.5, key: \"D minor\") )",
        ),
    ] {
        assert_eq!(written(text, &values), wanted);
        assert_eq!(written(wanted, &values), wanted);
    }
    for (value, message) in [
        (
            Written::new("transport", "key", "H dur"),
            "`H dur` is not a key",
        ),
        (
            Written::new("transport", "metre", json!([3, 5])),
            "`metre` is two whole numbers",
        ),
        (
            Written::new("transport", "tempo", 1),
            "`tempo` takes a number from 10 to 400",
        ),
        (
            Written::new("transport", "temp", 1),
            "`transport` has no parameter `temp`",
        ),
    ] {
        let found = refused("Patch(format: 1)", value);
        assert!(found.message.contains(message), "{found}");
    }
    for text in ["3", "Patch(transport: 3)"] {
        refused(text, values[0].clone());
    }
}

#[test]
fn what_cannot_be_written_is_said_with_its_place_and_advice() {
    let text = "Patch(\n    format: 1,\n    nodes: {\n        \"lead\": synth(gain: -3),\n        \"b\": nothing(),\n        \"c\": synth(3),\n    },\n    include: {\n        \"drums\": (patch: \"parts/drums.ron\"),\n    },\n)\n";
    for (value, message, help, place) in [
        (
            Written::new("lead", "gain", 99),
            "`gain` takes a number from -60 to 12",
            "lead.gain",
            (4, 29),
        ),
        (
            Written::new("lead", "half_life", 1),
            "`half_life` takes seconds",
            "lead.half_life",
            (4, 17),
        ),
        (
            Written::new("lead", "zz_file", "a\0b"),
            "takes a path",
            "lead.zz_file",
            (4, 17),
        ),
        (
            Written::new("lead", "gian", 1),
            "has no parameter `gian`",
            "did you mean `gain`?",
            (4, 17),
        ),
        (
            Written::new("leed", "gain", 1),
            "there is no node `leed`",
            "did you mean `lead`?",
            (3, 5),
        ),
        (
            Written::new("zebra", "gain", 1),
            "there is no node `zebra`",
            "look at `nodes`",
            (3, 5),
        ),
        (
            Written::new("a.b", "gain", 1),
            "there is no node `a.b`",
            "look at `nodes`",
            (3, 5),
        ),
        (
            Written::new("drums.kit", "gain", 1),
            "`drums.kit` stands in `parts/drums.ron`",
            "set: {\"kit.gain\": …}",
            (9, 9),
        ),
        (
            Written::new("b", "gain", 1),
            "there is no node kind `nothing`",
            "score nodes",
            (5, 14),
        ),
        (
            Written::new("c", "gain", 1),
            "`c` is not written as a node is",
            "name: value",
            (6, 14),
        ),
    ] {
        let found = refused(text, value);
        let at = found.place.as_ref().map(|place| (place.line, place.column));
        assert!(found.message.contains(message), "{found}");
        assert!(
            found.help.as_deref().unwrap_or_default().contains(help),
            "{found}"
        );
        assert_eq!(at, Some(place), "{found}");
    }
}

#[test]
fn what_stands_twice_is_refused() {
    let value = || Written::new("a", "gain", 1);
    let found = refused(&nodes("\"a\": odd, \"a\": odd"), value());
    assert!(
        found.message.contains("two nodes are called `a`"),
        "{found}"
    );
    let found = refused(&nodes("\"a\": odd(gain: 1, gain: 2)"), value());
    assert!(
        found.message.contains("`gain` stands here twice"),
        "{found}"
    );
}

#[test]
fn a_text_that_cannot_be_read_is_refused_and_all_mistakes_are_told() {
    let value = || Written::new("a", "gain", 1);
    let found = refused("Patch(nodes: {\"a\": odd(gain: 1..2)})", value());
    assert_eq!(found.place.map(|place| place.column), Some(30));
    let values = [
        value(),
        Written::new("b", "gain", 1),
        Written::new("a", "nothing", 1),
    ];
    let error = write_back(&source(&nodes("\"a\": odd")), &values, &odd_registry()).unwrap_err();
    let messages: Vec<_> = error
        .mistakes
        .iter()
        .map(|mistake| mistake.message.as_str())
        .collect();
    assert_eq!(
        messages,
        ["there is no node `b`", "`odd` has no parameter `nothing`"]
    );
    for text in ["", "Patch()", "()", "3", "Patch(nodes: 3)"] {
        let error = write_back(&source(text), &[value()], &odd_registry()).unwrap_err();
        assert_eq!(error.count(), 1, "{text}");
    }
}

/// The patches that ship.
const SHIPPED: [&str; 30] = [
    include_str!("../../../../graphs/classic.ron"),
    include_str!("../../../../graphs/cuts.ron"),
    include_str!("../../../../graphs/density.ron"),
    include_str!("../../../../graphs/ensemble.ron"),
    include_str!("../../../../graphs/factors.ron"),
    include_str!("../../../../graphs/film.ron"),
    include_str!("../../../../graphs/film_with_midi.ron"),
    include_str!("../../../../graphs/installation.ron"),
    include_str!("../../../../graphs/interpolation.ron"),
    include_str!("../../../../graphs/layers.ron"),
    include_str!("../../../../graphs/live.ron"),
    include_str!("../../../../graphs/parts/ensemble.ron"),
    include_str!("../../../../graphs/parts/film_voice.ron"),
    include_str!("../../../../graphs/play_midi.ron"),
    include_str!("../../../../graphs/random_walk.ron"),
    include_str!("../../../../graphs/seen.ron"),
    include_str!("../../../../graphs/shuffled.ron"),
    include_str!("../../../../graphs/silent_until_movement.ron"),
    include_str!("../../../../graphs/stream.ron"),
    include_str!("../../../../graphs/stream_live.ron"),
    include_str!("../../../../graphs/styles/ambient.ron"),
    include_str!("../../../../graphs/styles/calm.ron"),
    include_str!("../../../../graphs/styles/electronic.ron"),
    include_str!("../../../../graphs/styles/folk.ron"),
    include_str!("../../../../graphs/styles/noir.ron"),
    include_str!("../../../../graphs/styles/playful.ron"),
    include_str!("../../../../graphs/styles/pulse.ron"),
    include_str!("../../../../graphs/styles/waltz.ron"),
    include_str!("../../../../graphs/to_daw.ron"),
    include_str!("../../../../graphs/two_films.ron"),
];

static SHIPPED_KINDS: LazyLock<Registry> = LazyLock::new(|| registry_of(&SHIPPED));

/// The type that a value in a patch seems to be of.
fn inferred(tree: &Tree) -> Option<ParamType> {
    Some(match &tree.shape {
        Shape::Number(_) | Shape::Integer(_) => any_number(),
        Shape::Text(_) => ParamType::Text,
        Shape::Word(word) if word == "true" || word == "false" => ParamType::Flag,
        Shape::Word(word) if word != "None" => ParamType::Choice(vec![word.clone().into()]),
        Shape::Tuple(Some(name), _) if name.text == "beats" || name.text == "seconds" => {
            ParamType::Length {
                min: 0.0,
                max: 600.0,
            }
        }
        Shape::List(items) | Shape::Tuple(None, items) => {
            ParamType::List(Box::new(inferred(items.first()?)?))
        }
        _ => return None,
    })
}

/// The kinds in some texts, each with what their nodes are given there, and a parameter of each
/// type.
fn registry_of(texts: &[&str]) -> Registry {
    let mut kinds: BTreeMap<String, BTreeMap<String, Option<ParamType>>> = BTreeMap::new();
    for text in texts {
        let parsed = parse(0, text);
        for entry in Nodes::of(&parsed.tree).nodes.values() {
            let anatomy = Anatomy::of(entry.node).unwrap();
            let params = kinds.entry(anatomy.kind.to_owned()).or_default();
            for (name, tree) in anatomy.fields {
                let known = params.entry(name.text.clone()).or_default();
                *known = match (known.take(), inferred(tree)) {
                    (Some(ParamType::Choice(mut words)), Some(ParamType::Choice(more))) => {
                        words.extend(more);
                        Some(ParamType::Choice(words))
                    }
                    (_, Some(length @ ParamType::Length { .. })) => Some(length),
                    (known, found) => known.or(found),
                };
            }
        }
    }
    let mut registry = Registry::new();
    for (kind, params) in kinds {
        let mut descriptor = Descriptor::new("test", kind, "");
        descriptor.params = odd_params();
        for (name, param_type) in params {
            let mut param = Param::text(name, "").optional();
            param.param_type = param_type.unwrap_or_else(any_number);
            descriptor.params.push(param);
        }
        declare(&mut registry, descriptor);
    }
    registry
}

/// What a value of any type can be made of.
#[derive(Clone, Debug)]
struct Raw {
    node: Index,
    param: Index,
    numbers: Vec<f64>,
    text: String,
    word: Index,
    null: bool,
    rounded: bool,
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1e6..1e6,
        (-100f32..100.0).prop_map(f64::from),
        (-40..40).prop_map(f64::from),
        (-40..40).prop_map(|quarters| f64::from(quarters) / 4.0),
        -1e-6..1e-6,
    ]
}

fn raw() -> impl Strategy<Value = Raw> {
    let text = prop_oneof![
        "[a-zäß_ ]{0,9}",
        "[\"\\\\/()\\[\\]{},:'#*\n\r\t -~]{0,12}",
        any::<String>(),
    ];
    let numbers = prop::collection::vec(number(), 1..5);
    let odds = (prop::bool::weighted(0.1), any::<bool>());
    (any::<[Index; 3]>(), numbers, text, odds).prop_map(
        |([node, param, word], numbers, text, (null, rounded))| Raw {
            node,
            param,
            numbers,
            text,
            word,
            null,
            rounded,
        },
    )
}

/// What `raw` is as a value of the type.
fn value(param_type: &ParamType, raw: &Raw) -> Value {
    let number = raw.numbers[0];
    match param_type {
        ParamType::Number { min, max } => json!(number.clamp(*min, *max)),
        ParamType::Integer { min, max } => json!((number as i64).clamp(*min, *max)),
        ParamType::Length { min, max } => {
            let form = if raw.word.index(2) == 0 {
                "beats"
            } else {
                "seconds"
            };
            json!({ form: number.clamp(*min, *max) })
        }
        ParamType::Flag => json!(raw.word.index(2) == 0),
        ParamType::Text => json!(raw.text),
        ParamType::Choice(words) => json!(words[raw.word.index(words.len())]),
        ParamType::File(_) => {
            let name = raw.text.replace(['\0', '/'], "");
            match raw.word.index(2) {
                0 => json!(format!("/elsewhere/{name}")),
                _ => json!(format!("{FOLDER}/films/{name}")),
            }
        }
        ParamType::List(item) => {
            let items = raw.numbers[..raw.word.index(raw.numbers.len() + 1)].iter();
            let item = |number: &f64| {
                let numbers = vec![*number; raw.numbers.len().min(3)];
                value(
                    item,
                    &Raw {
                        numbers,
                        ..raw.clone()
                    },
                )
            };
            items.map(item).collect()
        }
        other => unreachable!("no value is known for {other:?}"),
    }
}

/// Values for nodes that the text has.
fn chosen(text: &str, registry: &Registry, raws: &[Raw]) -> Vec<Written> {
    let parsed = parse(0, text);
    let found = Nodes::of(&parsed.tree).nodes;
    let found: BTreeMap<_, _> = found.iter().collect();
    // Some patches only include others.
    let raws = if found.is_empty() { &[] } else { raws };
    let choose = |raw: &Raw| {
        let (id, entry) = found.iter().nth(raw.node.index(found.len())).unwrap();
        let kind = Anatomy::of(entry.node).unwrap().kind;
        let params = &registry.kind(kind).unwrap().descriptor().params;
        let param = &params[raw.param.index(params.len())];
        let value = match raw.null {
            true => Value::Null,
            false => value(&param.param_type, raw),
        };
        let written = Written::new(**id, &*param.name, value);
        if raw.rounded {
            written.rounded()
        } else {
            written
        }
    };
    raws.iter().map(choose).collect()
}

fn comments(text: &str) -> Vec<String> {
    let comments = parse(0, text).comments;
    let comments = comments
        .iter()
        .map(|spot| text[spot.range()].trim_end().to_owned());
    comments.collect()
}

/// The text without the nodes that have `ids`.
fn without(text: &str, ids: &BTreeSet<&str>) -> String {
    let parsed = parse(0, text);
    let nodes = Nodes::of(&parsed.tree).nodes;
    let mut spots: Vec<_> = ids.iter().map(|id| nodes[id].node.spot).collect();
    spots.sort();
    let mut rest = text.to_owned();
    for spot in spots.iter().rev() {
        rest.replace_range(spot.range(), "");
    }
    rest
}

/// The fields of a node but those that are `written`: names, and what `say` says of the values.
fn others(
    text: &str,
    id: &str,
    written: &[Written],
    say: impl Fn(&Tree) -> String,
) -> Vec<(String, String)> {
    let parsed = parse(0, text);
    let nodes = Nodes::of(&parsed.tree).nodes;
    let is_written = |name: &str| {
        written
            .iter()
            .any(|written| (written.node.as_str(), written.param.as_str()) == (id, name))
    };
    let fields = Anatomy::of(nodes[id].node).unwrap().fields.iter();
    let others = fields.filter(|(name, _)| !is_written(&name.text));
    others
        .map(|(name, tree)| (name.text.clone(), say(tree)))
        .collect()
}

/// Whether a value is `wanted`, up to the digits that nobody needs.
fn is_close(found: &Value, wanted: &Value, rounded: bool) -> bool {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => {
            let (found, wanted) = (found.as_f64().unwrap(), wanted.as_f64().unwrap());
            let is_narrow = f64::from(wanted as f32) == wanted;
            found == wanted
                || (is_narrow && found as f32 == wanted as f32)
                || (rounded && (found - wanted).abs() <= wanted.abs() * 5.1e-6)
        }
        (Value::Array(found), Value::Array(wanted)) => {
            let mut pairs = found.iter().zip(wanted);
            found.len() == wanted.len()
                && pairs.all(|(found, wanted)| is_close(found, wanted, rounded))
        }
        (Value::Object(found), Value::Object(wanted)) => {
            let mut pairs = found.iter().zip(wanted);
            pairs.all(|(found, wanted)| found.0 == wanted.0 && is_close(found.1, wanted.1, rounded))
        }
        _ => found == wanted,
    }
}

fn check(text: &str, registry: &Registry, values: &[Written]) {
    let result = write_back(&source(text), values, registry).unwrap();
    let parsed = parse(0, &result);
    assert_eq!(parsed.mistakes, [], "{result}");
    assert_eq!(comments(&result), comments(text), "{result}");
    let ids: BTreeSet<_> = values.iter().map(|value| value.node.as_str()).collect();
    assert_eq!(without(&result, &ids), without(text, &ids));
    let was_set = source(text).formatted().unwrap() == text;
    let nodes = Nodes::of(&parsed.tree).nodes;
    for id in ids {
        assert_eq!(
            others(&result, id, values, Tree::said),
            others(text, id, values, Tree::said)
        );
        if !was_set {
            let before = others(text, id, values, |tree| text[tree.spot.range()].to_owned());
            let after = others(&result, id, values, |tree| {
                result[tree.spot.range()].to_owned()
            });
            assert_eq!(after, before);
        }
        let anatomy = Anatomy::of(nodes[id].node).unwrap();
        let params = &registry.kind(anatomy.kind).unwrap().descriptor().params;
        let mut known = BTreeSet::new();
        for value in values.iter().rev().filter(|value| value.node == id) {
            if !known.insert(&value.param) {
                continue;
            }
            let param = params
                .iter()
                .find(|param| param.name == value.param)
                .unwrap();
            let given: Vec<_> = anatomy.given(&value.param).collect();
            assert_eq!(given.len(), 1, "{result}");
            let found = convert(param, &given[0].1, |_| FOLDER.as_ref());
            let found = found.ok().flatten().unwrap();
            assert!(
                is_close(&found, &value.value, value.rounded),
                "{value:?}\n{result}"
            );
        }
    }
    if was_set {
        assert_eq!(source(&result).formatted().unwrap(), result);
    }
    assert_eq!(
        write_back(&source(&result), values, registry).unwrap(),
        result
    );
}

/// A patch with comments, empty lines and odd ways to write in all sorts of places.
fn odd_patch() -> impl Strategy<Value = String> {
    let gap = || {
        prop_oneof![
            6 => Just(""),
            3 => Just(" "),
            2 => Just("\n        "),
            1 => Just("\n\n\n"),
            1 => Just("\r\n"),
            1 => Just(" // said, (so) \"it\" is\n"),
            1 => Just("// to\r\n"),
            1 => Just("/* in { one\n   of */"),
            1 => Just(" /* short */ "),
        ]
    };
    let number = || prop_oneof![Just("1"), Just("-2.5"), Just("1e3"), Just("use(x)")];
    let list = move |item: BoxedStrategy<String>| {
        let item = (gap(), item, gap()).prop_map(|(a, item, b)| format!("{a}{item}{b}"));
        let last = prop_oneof![Just(""), Just(","), Just(", // last\n"), Just("/* end */")];
        (prop::collection::vec(item, 0..4), last).prop_map(|(items, last)| match items.len() {
            0 => "[ /* empty */ ]".to_owned(),
            _ => format!("[{}{last}]", items.join(",")),
        })
    };
    let numbers = list(number().prop_map(str::to_owned).boxed()).boxed();
    let field = prop_oneof![
        (
            Just("gain"),
            prop_oneof![Just("0.25"), Just("use( /* x */ x)"), Just("use(\"x\")")]
        )
            .prop_map(|(name, value)| (name, value.to_owned())),
        (
            Just("zz_number"),
            prop_oneof![Just("None"), Just("Some( // y\n3)"), Just("7")]
        )
            .prop_map(|(name, value)| (name, value.to_owned())),
        (
            Just("half_life"),
            prop_oneof![Just("seconds(0.5)"), Just("beats( 2 /* b */ )")]
        )
            .prop_map(|(name, value)| (name, value.to_owned())),
        (
            Just("zz_text"),
            prop_oneof![Just("\"a, \\\"b\""), Just("r#\"ra\"w\n\"#")]
        )
            .prop_map(|(name, value)| (name, value.to_owned())),
        (
            Just("zz_choice"),
            prop_oneof![Just("glass"), Just("\"3d\"")]
        )
            .prop_map(|(name, value)| (name, value.to_owned())),
        (Just("zz_list"), numbers.clone()),
        (Just("zz_lists"), list(numbers)),
    ];
    let field = (gap(), field, gap(), gap())
        .prop_map(|(a, (name, value), b, c)| (name, format!("{a}{name}:{b}{value}{c}")));
    let last = || prop_oneof![Just(""), Just(","), Just(", // last\n"), Just("/* end */")];
    let fields = prop::collection::vec(field, 1..5).prop_map(|fields| {
        let fields: BTreeMap<_, _> = fields.into_iter().collect();
        fields.into_values().collect::<Vec<_>>().join(",")
    });
    let node = prop_oneof![
        1 => Just("odd".to_owned()),
        1 => (gap(), gap()).prop_map(|(a, b)| format!("odd{a}({b})")),
        4 => (gap(), fields, last()).prop_map(|(a, fields, last)| format!("synth{a}({fields}{last})")),
    ];
    let entry = (gap(), gap(), gap(), node, gap());
    (prop::collection::vec(entry, 1..4), gap(), last()).prop_map(|(nodes, gap, last)| {
        let nodes = nodes.iter().enumerate();
        let nodes = nodes.map(|(id, (a, b, c, node, d))| format!("{a}\"{id}\"{b}:{c}{node}{d}"));
        let nodes = nodes.collect::<Vec<_>>().join(",");
        format!(
            "{gap}Patch(format: 1, let: (x: 3),{gap}nodes: {{{nodes}{last}}},{gap}wires: []){gap}"
        )
    })
}

proptest! {
    #[test]
    fn values_in_shipped_patches_are_these_and_nothing_else_changes(
        graph in any::<Index>(),
        raws in prop::collection::vec(raw(), 1..6),
        crlf in prop::bool::weighted(0.2),
    ) {
        let mut text = SHIPPED[graph.index(SHIPPED.len())].to_owned();
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let registry = &*SHIPPED_KINDS;
        let values = chosen(&text, registry, &raws);
        check(&text, registry, &values);
    }

    #[test]
    fn values_in_oddly_written_patches_are_these_and_nothing_else_changes(
        text in odd_patch(),
        raws in prop::collection::vec(raw(), 1..6),
        set in prop::bool::weighted(0.3),
    ) {
        prop_assert_eq!(parse(0, &text).mistakes, []);
        let text = if set { source(&text).formatted().unwrap() } else { text };
        let registry = odd_registry();
        let values = chosen(&text, &registry, &raws);
        prop_assume!(values.iter().all(|value| {
            !matches!(value.param.as_str(), "gain" | "half_life") || !value.value.is_null()
        }));
        check(&text, &registry, &values);
    }
}

/// As a number that a gain has.
fn named(name: &str, value: f64) -> Written {
    Written::of_let(name, &Param::number("gain", (-60.0, 12.0), ""), value)
}

#[test]
fn a_named_value_changes_in_its_own_line_and_whatever_uses_it_stays() {
    let text = "Patch(\n    format: 1,\n    // both\n    let: (\n        level: -20, // dB\n        loud: use(level),\n    ),\n    \
                nodes: {\n        \"a\": odd(gain: use(level)),\n        \"b\": odd(gain: use(loud)),\n    },\n)\n";
    let wanted = text.replace("level: -20,", "level: -6.5,");
    assert_eq!(written(text, &[named("level", -6.5)]), wanted);
    assert_eq!(written(&wanted, &[named("level", -6.5)]), wanted);
    // Beside a value of a node.
    let both = [named("level", -6.5), Written::new("a", "zz_number", 1)];
    let beside = wanted.replace("gain: use(level)", "gain: use(level), zz_number: 1");
    assert_eq!(written(text, &both), beside);
}

#[test]
fn a_named_value_of_a_part_changes_where_the_part_is_included() {
    let text = r#"Patch(format: 1, include: {"low": (patch: "p.ron", let: (wet: 0.4 /* dry */)), "high": (patch: "p.ron")})"#;
    let wanted = text.replace("0.4", "1");
    assert_eq!(written(text, &[named("low.wet", 1.0)]), wanted);
    for (name, told) in [
        (
            "high.wet",
            "`wet` stands in the patch that is included as `high`",
        ),
        (
            "low.wett",
            "`wett` stands in the patch that is included as `low`",
        ),
        ("wet", "no `let` value is called `wet`"),
    ] {
        assert_eq!(refused(text, named(name, 1.0)).message, told);
    }
    let two = "Patch(format: 1, let: (level: 1, leveling: 2))";
    let near = refused(two, named("leve", 1.0));
    assert!(near.help.unwrap().contains("`level`"));
    let twice = refused("Patch(format: 1, let: (a: 1, a: 2))", named("a", 3.0));
    assert_eq!(twice.message, "`a` stands here twice");
    assert!(refused(two, named("level", 99.0)).message.contains("level"));
}
