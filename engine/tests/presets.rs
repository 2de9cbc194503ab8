//! Presets are checked as the values of nodes are, and keep their order, names and values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use score_engine::{
    Build, Choice, Control, Descriptor, Diagnostics, Flow, Graph, Io, Node, NodeError, OutputPort,
    Params, Processor, Registry, Settings, Source, check, limits,
};
use serde_json::{Value, json};

const OUT: OutputPort<Control> = OutputPort::new(0, "out", "nothing");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Shape {
    /// round
    Sine,
    /// edged
    Square,
}

/// A live value of each kind.
#[derive(Clone, Params)]
struct Voice {
    /// how loud
    #[param(live, range = -60.0..=24.0, default = 0.0)]
    gain: f32,
    /// which form
    #[param(live, default = Shape::Sine)]
    shape: Shape,
    /// which chords
    #[param(live, default = "")]
    chords: String,
    /// which are heard
    #[param(live, range = 0..=9, default = vec![])]
    mute: Vec<u32>,
    /// how many there are
    #[param(rebuild = "its wires depend on it", range = 1..=2, default = 1)]
    #[expect(dead_code, reason = "only its declaration is looked at")]
    channels: u32,
}

impl Node for Voice {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "voice", "Sounds").output(OUT)
    }

    fn check(&self, check: &mut score_engine::Check<'_>) {
        if let Some(place) = self.chords.find('!') {
            check.refuse_within("chords", place..place + 1, "no chord is loud", None);
        }
        if self.shape == Shape::Square && self.gain > 0.0 {
            check.refuse("gain", "a square is too loud", None);
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Silence))
    }
}

struct Silence;

impl Processor<Voice> for Silence {
    fn process(&mut self, _params: &Voice, _io: &mut Io<'_>) -> Result<Flow, NodeError> {
        Ok(Flow::Done)
    }
}

fn checked(source: &Source) -> Result<Graph, Diagnostics> {
    let mut registry = Registry::new();
    registry.add::<Voice>();
    check(source, &[], &registry, &Settings::default())
}

fn patch(presets: &str) -> String {
    format!(
        "Patch(\n    format: 1,\n    let: (low: -30),\n    nodes: {{\"lead\": voice()}},\n    presets: {presets},\n)\n"
    )
}

fn source(text: &str) -> Source {
    Source::text("p.ron", text, PathBuf::from("/patches"))
}

/// `place message | help` of every mistake.
fn mistakes(found: Result<Graph, Diagnostics>) -> Vec<String> {
    let found = found.err().expect("the patch is wrong").mistakes;
    let line = |diagnostic: &score_engine::Diagnostic| {
        let place = diagnostic.place.as_ref().unwrap();
        let help = diagnostic.help.as_deref().unwrap_or("-");
        let (line, column) = (place.line, place.column);
        format!(
            "{}:{line}:{column} {} | {help}",
            place.file, diagnostic.message
        )
    };
    found.iter().map(line).collect()
}

/// The names of presets, with `node.parameter` and value of each of theirs.
fn said(graph: &Graph) -> Vec<(String, Vec<(String, Value)>)> {
    let presets = graph.presets().iter();
    presets
        .map(|preset| {
            let values = preset.values.iter();
            let values = values.map(|value| {
                let target = format!("{}.{}", value.node, value.param);
                (target, value.value.clone())
            });
            (preset.name.clone(), values.collect())
        })
        .collect()
}

#[test]
fn a_preset_has_its_values_as_a_node_has_them() {
    let text = patch(
        r#"{
        "storm": {
            "lead.gain": use(low), "lead.shape": square, "lead.mute": [1, 2],
            "lead.chords": "C G", "transport.tempo": 96, "transport.key": "D minor",
        },
        "calm": {},
    }"#,
    );
    let graph = checked(&source(&text)).unwrap();
    let value = |target: &str, value: Value| (target.to_owned(), value);
    let storm = vec![
        value("lead.gain", json!(-30.0)),
        value("lead.shape", json!("square")),
        value("lead.mute", json!([1, 2])),
        value("lead.chords", json!("C G")),
        value("transport.tempo", json!(96.0)),
        value("transport.key", json!("D minor")),
    ];
    let wanted = [("storm".to_owned(), storm), ("calm".to_owned(), vec![])];
    assert_eq!(said(&graph), wanted);
    assert_eq!(graph.json()["presets"][0]["values"][1]["value"], "square");
    // The layout is kept once it is there, and what it means stays.
    let formatted = source(&text).formatted().unwrap();
    assert_eq!(said(&checked(&source(&formatted)).unwrap()), wanted);
    assert_eq!(source(&formatted).formatted().unwrap(), formatted);
    assert!(
        formatted.contains("    presets: {\n        \"storm\": {"),
        "{formatted}"
    );
}

#[test]
fn what_a_node_refuses_of_a_preset_is_reported_in_the_presets_place() {
    let text = patch(
        r#"{
        "fine": {"lead.chords": "C G", "lead.shape": square},
        "odd": {"lead.shape": square, "lead.chords": "C G!", "lead.gain": 3},
    }"#,
    );
    let found = mistakes(checked(&source(&text)));
    let wanted = [
        "p.ron:7:58 no chord is loud | -",
        "p.ron:7:75 a square is too loud | -",
    ];
    assert_eq!(found, wanted);
    // What is wrong with the node itself is reported once.
    let text = text.replace("voice()", "voice(chords: \"!\")");
    let found = mistakes(checked(&source(&text)));
    assert_eq!(found, ["p.ron:4:36 no chord is loud | -"]);
}

#[test]
fn each_mistake_in_a_preset_is_reported_in_its_place() {
    let text = patch(
        r#"{
        "calm": {
            "led.gain": 0,
            "lead.gian": 0,
            "lead.channels": 2,
            "lead.gain": 99,
            "lead.shape": squaer,
            "lead.mute": [10],
            "lead.mute": [1],
            "lead": 3,
            "transport.seed": 3,
            "transport.key": "H flat",
            "transprot.tempo": 90,
            "lead.chords": use(lwo),
        },
        "calm": {},
        "a.b": {},
        "": {},
        "odd": [],
        7: {},
    }"#,
    );
    let found = mistakes(checked(&source(&text)));
    let wanted = [
        "p.ron:7:13 there is no node `led` | did you mean `lead`?",
        "p.ron:8:13 `lead` has no parameter `gian` | did you mean `gain`?",
        "p.ron:9:13 `lead.channels` cannot change while it plays | its wires depend on it; a preset has live values only",
        "p.ron:10:26 `gain` must be ",
        "p.ron:11:27 `shape` takes ",
        "p.ron:12:26 `mute` must be ",
        "p.ron:13:13 `lead.mute` stands here twice | -",
        "p.ron:14:13 `lead` names no parameter | write \"lead.parameter\"",
        "p.ron:15:13 `transport.seed` cannot change while it plays | ",
        "p.ron:16:30 `H flat` is not a key | ",
        "p.ron:17:13 there is no node `transprot` | did you mean `transport`?",
        "p.ron:18:32 no `let` value is called `lwo` | there are low",
        "p.ron:20:9 two presets are called `calm`; the first is at 6:9 | -",
        "p.ron:21:9 `a.b` cannot be the name of a preset | ",
        "p.ron:22:9 `` cannot be the name of a preset | ",
        "p.ron:23:16 a preset looks like `{\"node.parameter\": value}` | -",
        "p.ron:24:9 the name of a preset is text in quotes | -",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
    let list = mistakes(checked(&source(&patch("[]"))));
    let wanted = "p.ron:5:14 `presets` looks like `{\"name\": {\"node.parameter\": value}}` | -";
    assert_eq!(list, [wanted]);
}

#[test]
fn a_node_that_cannot_be_read_is_not_reported_again_by_a_preset() {
    let text = patch(r#"{"calm": {"lead.gain": 0}}"#).replace("voice()", "voyce()");
    assert_eq!(mistakes(checked(&source(&text))).len(), 1);
}

#[test]
fn presets_of_a_part_have_its_id_before_them_and_leave_the_transport_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let read = |folder: &Path| {
        let mut source = Source::read(&folder.join("p.ron")).unwrap();
        source.name = "p.ron".to_owned();
        checked(&source)
    };
    let part = patch(r#"{"calm": {"lead.gain": -6, "transport.tempo": 96}}"#);
    write("part.ron", &part);
    let whole = r#"Patch(
    format: 1,
    include: {"low": (patch: "part.ron")},
    presets: {"calm": {"low.lead.gain": -9}},
)
"#;
    write("p.ron", whole);
    let value = |number: f64| vec![("low.lead.gain".to_owned(), json!(number))];
    let wanted = [
        ("low.calm".to_owned(), value(-6.0)),
        ("calm".to_owned(), value(-9.0)),
    ];
    assert_eq!(said(&read(folder.path()).unwrap()), wanted);
    write("p.ron", &whole.replace("low.lead.gain", "low.gain"));
    let wanted = "p.ron:4:24 there is no node `low` | `low` is an included patch: write \
                  \"low.NODE.parameter\"";
    assert_eq!(mistakes(read(folder.path())), [wanted]);
    // A part with a mistake of its own is not blamed for what it would have.
    write("p.ron", whole);
    write("part.ron", &part.replace("voice()", "voice("));
    let found = mistakes(read(folder.path()));
    assert!(
        found.iter().all(|found| found.starts_with("part.ron:")),
        "{found:#?}"
    );
    assert!(!found.is_empty());
}

#[test]
fn too_many_presets_or_values_are_refused_with_the_limit() {
    let presets: String = (0..=limits::MAX_PRESETS)
        .map(|n| format!("\"p{n}\": {{}},"))
        .collect();
    let values: String = (0..=limits::MAX_PRESET_VALUES)
        .map(|n| format!("\"lead.gain{n}\": 0,"))
        .collect();
    for (presets, wanted) in [
        (format!("{{{presets}}}"), "more than 1024 presets"),
        (
            format!("{{\"calm\": {{{values}}}}}"),
            "more than 1024 values in the preset `calm`",
        ),
    ] {
        let found = mistakes(checked(&source(&patch(&presets))));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(wanted), "{found:?}");
    }
}
