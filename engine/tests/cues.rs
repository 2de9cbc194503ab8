//! Cues, recalls and controllers of a patch are checked with everything that they name, and each
//! mistake is reported in its place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use score_engine::{
    Build, Choice, Controller, CueStart, CueThen, Curve, Descriptor, Diagnostics, Event, Flow,
    Graph, Io, Length, Node, NodeError, OutputPort, Params, Processor, Recall, RecallMessage,
    Recalled, Registry, Scale, Settings, Show, Source, Span, check, limits,
};
use serde_json::json;

const CUT: OutputPort<Event> = OutputPort::new(0, "cut", "nothing");
const OTHER: OutputPort<Event> = OutputPort::new(1, "other", "nothing");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Shape {
    /// round
    Sine,
    /// edged
    Square,
}

/// A live value of each kind, and events.
#[derive(Clone, Params)]
struct Voice {
    /// how loud
    #[param(live, range = -60.0..=24.0, default = 0.0)]
    gain: f32,
    /// how high
    #[param(live, range = 20.0..=20_000.0, log, unit = "Hz", default = 440.0)]
    frequency: f32,
    /// which form
    #[param(live, default = Shape::Sine)]
    shape: Shape,
    /// which chords
    #[param(live, default = "")]
    chords: String,
    /// how many there are
    #[param(rebuild = "its wires depend on it", range = 1..=2, default = 1)]
    #[expect(dead_code, reason = "only its declaration is looked at")]
    channels: u32,
}

impl Node for Voice {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "voice", "Sounds")
            .output(CUT)
            .output(OTHER)
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

/// A patch of one node, with these sections behind it.
fn patch(sections: &str) -> String {
    format!(
        "Patch(\n    format: 1,\n    let: (long: 8, desk: \"nano\"),\n    nodes: {{\"lead\": voice()}},\n    presets: {{\"calm\": {{\"lead.gain\": -30, \"lead.shape\": square}}}},\n{sections}\n)\n"
    )
}

fn source(text: &str) -> Source {
    Source::text("p.ron", text, PathBuf::from("/patches"))
}

fn show(sections: &str) -> Show {
    checked(&source(&patch(sections))).unwrap().show().clone()
}

/// `place message | help` of every mistake.
fn mistakes(found: Result<Graph, Diagnostics>) -> Vec<String> {
    let found = found.err().expect("the patch is wrong").mistakes;
    let line = |diagnostic: &score_engine::Diagnostic| {
        let place = diagnostic.place.as_ref().unwrap();
        let help = diagnostic.help.as_deref().unwrap_or("-");
        let (line, column) = (place.line, place.column);
        let file = &place.file;
        format!("{file}:{line}:{column} {} | {help}", diagnostic.message)
    };
    found.iter().map(line).collect()
}

/// Compares each mistake with how it begins.
#[track_caller]
fn require(sections: &str, wanted: &[&str]) {
    let found = mistakes(checked(&source(&patch(sections))));
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
}

const WHOLE: &str = r#"    recall_safe: ["lead.frequency", "transport.tempo"],
    cues: [
        (name: "dawn", preset: "calm", time: use(long), curve: smooth, then: follow),
        (
            name: "storm", preset: "calm", set: {"lead.gain": -6, "lead.chords": "C G"},
            time: beats(16), curve: 2, start: bar, then: wait(beats(32)), next: "dawn",
        ),
        (name: "cut", set: {"lead.gain": 0}, start: cut),
        (name: "end", set: {"lead.gain": -60}, time: 4, start: on("lead.other"), then: go),
    ],
    recall: [
        (port: use(desk), program: 3, preset: "calm", glide: 2),
        (port: "pads", channel: 9, note: 36, cue: go),
        (port: "pads", note: 37, cue: "storm"),
    ],
    controllers: {
        "lead.gain": (port: use(desk), number: 7, from: -40, to: 0),
        "lead.frequency": (port: use(desk), channel: 2, number: 8, pickup: false),
        "lead.shape": (port: use(desk), number: 9),
        "transport.tempo": (port: use(desk), number: 10, curve: 2),
    },"#;

#[test]
fn a_patch_has_its_cues_recalls_and_controllers_as_they_are_written() {
    let show = show(WHOLE);
    let names: Vec<(&str, Option<usize>)> = (show.cues.iter())
        .map(|cue| (cue.name.as_str(), cue.next))
        .collect();
    let wanted = [
        ("dawn", Some(1)),
        ("storm", Some(0)),
        ("cut", Some(3)),
        ("end", None),
    ];
    assert_eq!(names, wanted);
    let [dawn, storm, cut, end] = &show.cues[..] else {
        panic!("four cues")
    };
    assert_eq!(
        (dawn.time, dawn.curve),
        (Length::Seconds(8.0), Curve::Smooth)
    );
    assert_eq!((&dawn.start, dawn.then), (&CueStart::Now, CueThen::Follow));
    let values: Vec<_> = (storm.values.iter())
        .map(|value| (value.param.as_str(), value.value.clone()))
        .collect();
    let wanted = [
        ("shape", json!("square")),
        ("gain", json!(-6.0)),
        ("chords", json!("C G")),
    ];
    assert_eq!(values, wanted, "the cue's own value counts more");
    assert_eq!(storm.preset.as_deref(), Some("calm"));
    assert_eq!(
        (storm.time, storm.curve),
        (Length::Beats(16.0), Curve::Power(2.0))
    );
    assert_eq!(storm.then, CueThen::Wait(Length::Beats(32.0)));
    assert_eq!(storm.start, CueStart::Bar);
    let event = |output: &str| CueStart::Event {
        node: "lead".to_owned(),
        output: output.to_owned(),
    };
    assert_eq!((&cut.start, &end.start), (&event("cut"), &event("other")));
    let safe = |node: &str, param: &str| (node.to_owned(), param.to_owned());
    assert_eq!(
        show.recall_safe,
        [safe("lead", "frequency"), safe("transport", "tempo")]
    );
    let recall = |port: &str, channel, message, recalls| Recall {
        port: port.to_owned(),
        channel,
        message,
        recalls,
    };
    let calm = Recalled::Preset("calm".to_owned(), Length::Seconds(2.0));
    let wanted = [
        recall("nano", None, RecallMessage::Program(3), calm),
        recall("pads", Some(9), RecallMessage::Note(36), Recalled::Go),
        recall(
            "pads",
            None,
            RecallMessage::Note(37),
            Recalled::Cue("storm".to_owned()),
        ),
    ];
    assert_eq!(show.recalls, wanted);
    let spans: Vec<Option<Span>> = show.controllers.iter().map(|one| one.span).collect();
    let span = |from, to, scale| Some(Span { from, to, scale });
    let wanted = [
        span(-40.0, 0.0, Scale::Steps),
        span(20.0, 20_000.0, Scale::Ratios),
        None,
        span(60.0, 180.0, Scale::Power(2.0)),
    ];
    assert_eq!(spans, wanted);
    let second = Controller {
        node: "lead".to_owned(),
        param: "frequency".to_owned(),
        port: "nano".to_owned(),
        channel: Some(2),
        number: 8,
        span: wanted[1],
        pickup: false,
    };
    assert_eq!(show.controllers[1], second);
    assert_eq!(show.ports(), ["nano", "pads"]);
}

#[test]
fn a_patch_with_cues_has_one_layout_and_means_the_same_in_it() {
    let text = patch(WHOLE);
    let formatted = source(&text).formatted().unwrap();
    assert_eq!(source(&formatted).formatted().unwrap(), formatted);
    let both = [&text, &formatted].map(|text| checked(&source(text)).unwrap().show().clone());
    assert_eq!(both[0], both[1]);
    assert!(
        formatted.contains("    cues: [\n        (name: \"dawn\", "),
        "{formatted}"
    );
    let graph = checked(&source(&text)).unwrap().json();
    assert_eq!(graph["cues"][3]["start"]["event"]["output"], "other");
    assert_eq!(graph["controllers"][0]["number"], 7);
    assert_eq!(graph["recall"][1]["recalls"], "go");
    assert_eq!(graph["recall_safe"][0], json!(["lead", "frequency"]));
}

#[test]
fn each_mistake_in_a_cue_is_reported_in_its_place() {
    require(
        r#"    cues: [
        (preset: "calm"),
        (name: "a", preset: "clam"),
        (name: "b", set: {"led.gain": 0, "lead.gain": 99}),
        (name: "b", preset: "calm"),
        (name: "next", preset: "calm"),
        (name: "c", preset: "calm", tim: 3),
        (name: "d", preset: "calm", time: -1),
        (name: "e", preset: "calm", curve: 0),
        (name: "f", preset: "calm", start: bars),
        (name: "g", preset: "calm", start: on("lead.cuts")),
        (name: "h", preset: "calm", then: wait),
        (name: "i", preset: "calm", next: "j"),
        (name: "k"),
        (name: "x.y", preset: "calm"),
        7,
    ],
    recall_safe: ["lead.channels", "lead.gain", "lead.gain", 3],"#,
        &[
            "p.ron:7:9 a cue needs `name` | ",
            "p.ron:8:29 there is no preset `clam` | did you mean `calm`?",
            "p.ron:9:27 there is no node `led` | did you mean `lead`?",
            "p.ron:9:55 `gain` must be ",
            "p.ron:10:16 two cues are called `b`; the first is at 9:16 | -",
            "p.ron:11:16 `next` cannot be the name of a cue | ",
            "p.ron:12:37 a cue has no `tim` | did you mean `time`?",
            "p.ron:13:43 `time` must be ",
            "p.ron:14:44 `curve` is linear, smooth, or a power ",
            "p.ron:15:44 `start` is now, beat, bar, cut, or on(\"node.output\") | -",
            "p.ron:16:47 `lead` has no output `cuts` for events | it has cut, other",
            "p.ron:17:43 `then` is go, follow, or wait(TIME)",
            "p.ron:18:43 there is no cue `j` | ",
            "p.ron:19:9 the cue `k` has no values | ",
            "p.ron:20:16 `x.y` cannot be the name of a cue | ",
            "p.ron:21:9 a cue looks like ",
            "p.ron:23:19 `lead.channels` cannot change while it plays | ",
            "p.ron:23:49 `lead.gain` stands here twice | -",
            "p.ron:23:62 a parameter is named in quotes",
        ],
    );
    require("    cues: {},", &["p.ron:6:11 `cues` looks like `[(name: "]);
}

#[test]
fn each_mistake_in_a_recall_or_a_controller_is_reported_in_its_place() {
    require(
        r#"    recall: [
        (program: 1, preset: "calm"),
        (port: " ", program: 1, preset: "calm"),
        (port: "x", preset: "calm"),
        (port: "x", program: 1, note: 2, preset: "calm"),
        (port: "x", program: 128, preset: "calm"),
        (port: "x", program: 1),
        (port: "x", program: 1, preset: "clam"),
        (port: "x", program: 1, cue: "storm"),
        (port: "x", program: 1, cue: go, glide: 2),
    ],
    controllers: {
        "lead.gian": (port: "x", number: 1),
        "lead.gain": (port: "x"),
        "lead.frequency": (port: "x", number: 120),
        "lead.chords": (port: "x", number: 1),
        "lead.shape": (port: "x", number: 1, from: 0),
        "transport.tempo": (port: "x", number: 1, from: 0, to: 99),
        "transport.swing": (port: "x", number: 1, curve: sqrt),
        "transport.swing": (port: "x", number: 1),
    },"#,
        &[
            "p.ron:7:9 `port` is missing | ",
            "p.ron:8:16 the port has no name | ",
            "p.ron:9:9 a recall has either `program` or `note`, from 0 to 127 | -",
            "p.ron:10:9 a recall has either `program` or `note`, from 0 to 127 | -",
            "p.ron:11:30 `program` must be ",
            "p.ron:12:9 a recall has either `preset` or `cue` | ",
            "p.ron:13:41 there is no preset `clam` | did you mean `calm`?",
            "p.ron:14:38 there is no cue `storm` | ",
            "p.ron:15:49 `glide` belongs to a preset | a cue has its own `time`",
            "p.ron:18:9 `lead` has no parameter `gian` | did you mean `gain`?",
            "p.ron:19:22 a controller needs `number` | ",
            "p.ron:20:47 `number` must be ",
            "p.ron:21:9 `lead.chords` is text or a list, which no controller sets | -",
            "p.ron:22:23 `lead.shape` is not a number, so it has no range | -",
            "p.ron:23:57 `transport.tempo` must be ",
            "p.ron:24:58 `curve` is a power ",
            "p.ron:25:9 `transport.swing` stands here twice | -",
        ],
    );
}

#[test]
fn a_cut_is_the_one_output_of_that_name() {
    let text = patch("    cues: [(name: \"a\", preset: \"calm\", start: cut)],");
    let two = text.replace("nodes: {", "nodes: {\"bass\": voice(), ");
    let found = mistakes(checked(&source(&two)));
    let wanted = "p.ron:6:47 2 nodes have an output `cut` | say which: on(\"bass.cut\")";
    assert_eq!(found, [wanted]);
    // A node that cannot be read may have it.
    let broken = text.replace("voice()", "voyce()");
    assert_eq!(mistakes(checked(&source(&broken))).len(), 1);
}

#[test]
fn a_parts_own_cues_are_checked_and_left_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let read = |folder: &Path| {
        let mut source = Source::read(&folder.join("p.ron")).unwrap();
        source.name = "p.ron".to_owned();
        checked(&source)
    };
    write("part.ron", &patch(WHOLE));
    let whole = r#"Patch(
    format: 1,
    include: {"low": (patch: "part.ron")},
    recall_safe: ["low.lead.shape"],
    cues: [(name: "dim", preset: "low.calm", start: cut)],
)
"#;
    write("p.ron", whole);
    let show = read(folder.path()).unwrap().show().clone();
    assert_eq!(show.cues.len(), 1);
    assert_eq!(show.cues[0].values[0].node, "low.lead");
    assert!(matches!(&show.cues[0].start, CueStart::Event { node, .. } if node == "low.lead"));
    assert!(show.controllers.is_empty() && show.recalls.is_empty());
    // A second part of the kind has a cut of its own.
    let twice = whole.replace("{\"low\": ", "{\"high\": (patch: \"part.ron\"), \"low\": ");
    let twice = twice.replace("start: cut", "start: on(\"low.lead.cut\")");
    write("p.ron", &twice);
    assert_eq!(read(folder.path()).unwrap().show().cues.len(), 1);
    write("p.ron", whole);
    let safe = |param: &str| ("low.lead".to_owned(), param.to_owned());
    assert_eq!(show.recall_safe, [safe("frequency"), safe("shape")]);
    write(
        "part.ron",
        &patch(&WHOLE.replace("lead.other", "lead.otter")),
    );
    let found = mistakes(read(folder.path()));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("part.ron:14:67 "), "{found:?}");
}

#[test]
fn too_many_cues_or_controllers_are_refused_with_the_limit() {
    let cues: String = (0..=limits::MAX_CUES)
        .map(|n| format!("(name: \"c{n}\", preset: \"calm\"),"))
        .collect();
    let recalls: String = (0..=limits::MAX_CONTROLLERS)
        .map(|_| "(port: \"x\", note: 1, preset: \"calm\"),".to_owned())
        .collect();
    for (sections, wanted) in [
        (format!("cues: [{cues}],"), "more than 1024 cues"),
        (format!("recall: [{recalls}],"), "more than 1024 recalls"),
    ] {
        let found = mistakes(checked(&source(&patch(&sections))));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(wanted), "{found:?}");
    }
}
