//! A checked patch knows which live parameters have their values from which `let` value.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use score_engine::{
    Build, Control, Descriptor, Flow, Graph, Io, Node, NodeError, OutputPort, Override, Params,
    Processor, Registry, Settings, Source, check,
};

const OUT: OutputPort<Control> = OutputPort::new(0, "out", "nothing");

#[derive(Clone, Params)]
struct Voice {
    /// how loud
    #[param(live, range = -60.0..=24.0, default = 0.0)]
    gain: f32,
    /// how bright
    #[param(live, range = -60.0..=24.0, default = 0.0)]
    bright: f32,
    /// which are heard
    #[param(live, range = -60.0..=24.0, default = vec![])]
    all: Vec<f32>,
    /// how many there are
    #[param(rebuild = "its wires depend on it", range = 1..=2, default = 1)]
    #[expect(dead_code, reason = "only its declaration is looked at")]
    channels: u32,
}

impl Node for Voice {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "voice", "Sounds").output(OUT)
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

fn checked(source: &Source, set: &[&str]) -> Graph {
    let mut registry = Registry::new();
    registry.add::<Voice>();
    let set: Vec<Override> = set
        .iter()
        .map(|set| Override::parse(set).unwrap())
        .collect();
    check(source, &set, &registry, &Settings::default()).unwrap()
}

/// Each name with what has its value, and a star where it stands elsewhere too.
fn named(graph: &Graph) -> Vec<String> {
    let named = graph.show().named.iter();
    named
        .map(|value| {
            let targets = value.targets.iter();
            let targets: Vec<String> = targets
                .map(|target| format!("{}.{}", target.node, target.param))
                .collect();
            let star = if value.is_used_elsewhere { "*" } else { "" };
            format!("{}{star} {}", value.name, targets.join(" "))
        })
        .collect()
}

fn text(text: &str) -> Source {
    Source::text("show.ron", text, PathBuf::from("/patches"))
}

#[test]
fn every_live_parameter_that_uses_a_value_belongs_to_its_name() {
    let source = text(
        "Patch(format: 1, let: (unused: 1, tempo: 96, level: -20, loud: use(level), one: 1, low: -3),
         transport: (tempo: use(tempo)),
         nodes: {\"a\": voice(gain: use(level), channels: use(one)),
                 \"b\": voice(gain: use(loud), bright: use(low), all: [use(low), 0])},
         presets: {\"calm\": {\"a.gain\": use(level)}})",
    );
    let wanted = [
        "tempo transport.tempo",
        "level* a.gain b.gain",
        "low* b.bright",
    ];
    assert_eq!(named(&checked(&source, &[])), wanted);
    // What is typed for one of them is not the name's any more; a name that gets another value
    // stands for itself.
    let typed = checked(&source, &["a.gain=-3", "let.loud=-4"]);
    let wanted = ["tempo transport.tempo", "loud b.gain", "low* b.bright"];
    assert_eq!(named(&typed), wanted);
}

#[test]
fn a_part_has_names_of_its_own_and_what_is_given_to_it_belongs_to_the_one_that_gives() {
    let folder = tempfile::tempdir().unwrap();
    let part = "Patch(format: 1, let: (gain: -3, bright: 2), transport: (tempo: use(gain)),
        nodes: {\"v\": voice(gain: use(gain), bright: use(bright))})";
    let part = part.replace("transport: (tempo: use(gain)),", "");
    std::fs::write(folder.path().join("part.ron"), part).unwrap();
    let own = "Patch(format: 1, let: (all: -6, light: 1),
        include: {\"low\": (patch: \"part.ron\", let: (gain: use(all))),
                  \"high\": (patch: \"part.ron\", set: {\"v.bright\": use(light)}),
                  \"third\": (patch: \"part.ron\", let: (gain: -9))},
        nodes: {\"own\": voice(gain: use(all))})";
    let path = folder.path().join("show.ron");
    std::fs::write(&path, own).unwrap();
    let graph = checked(&Source::read(&path).unwrap(), &[]);
    let wanted = [
        "all own.gain low.v.gain",
        "light high.v.bright",
        "low.bright low.v.bright",
        "high.gain high.v.gain",
        "third.gain third.v.gain",
        "third.bright third.v.bright",
    ];
    // `high.bright` is used by nothing that holds.
    assert_eq!(named(&graph), wanted);
}
