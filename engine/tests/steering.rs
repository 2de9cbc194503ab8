//! Wires into parameters: checked as any wire, and in a render the same whatever the threads do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kinds;

use std::path::PathBuf;

use kinds::log;
use proptest::prelude::*;
use score_engine::{
    Build, Control, Descriptor, Diagnostics, Flow, Graph, InputPort, Io, Node, NodeError,
    OutputPort, Params, Processor, Registry, Run, Settings, Source, Steered, Time, Value, check,
};

const IN: InputPort<Control> = InputPort::new(0, "in", "numbers");
const OUT: OutputPort<Control> = OutputPort::new(0, "out", "numbers");

/// Multiplies what comes.
#[derive(Clone, Params)]
struct Multiply {
    /// the factor
    #[param(live, range = 0.0..=10.0, default = 1.0)]
    factor: f32,
    /// nothing that a number can say
    #[param(live, default = "")]
    title: String,
    /// how it comes about
    #[param(rebuild = "it is built into it", range = 0..=9, default = 0)]
    #[expect(dead_code, reason = "only its declaration is looked at")]
    depth: u32,
    /// without a largest
    #[param(live, range = 0.0..=f64::MAX, default = 1.0)]
    endless: f64,
    /// whether it is silent
    #[param(live, default = false)]
    mute: bool,
}

impl Node for Multiply {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "multiply", "Multiplies")
            .input(IN)
            .output(OUT)
            .independent_inputs()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Multiplying))
    }
}

struct Multiplying;

impl Processor<Multiply> for Multiplying {
    fn process(&mut self, params: &Multiply, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let number = if params.mute { 0.0 } else { *input.read(IN)? };
            io.send(OUT, input.packet.time, number * params.factor)?;
        }
        Ok(Flow::Continue)
    }
}

/// Says a number a tenth of a second, twenty times.
#[derive(Clone, Params)]
struct Say {
    /// the number
    #[param(live, range = 0.0..=100.0, default = 7.0)]
    number: f32,
}

impl Node for Say {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "say", "Says").output(OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Saying(0)))
    }
}

struct Saying(u64);

impl Processor<Say> for Saying {
    fn process(&mut self, params: &Say, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.0 == 20 {
            return Ok(Flow::Done);
        }
        io.send_captured_now(OUT, Time::from_seconds(self.0 as f64 / 10.0), params.number)?;
        self.0 += 1;
        Ok(Flow::Continue)
    }
}

/// Turns: 0, 0.1, 0.2 to 1 and again, every quarter of a second.
#[derive(Clone, Params)]
struct Turn {
    /// how often
    #[param(range = 0..=1_000, default = 40)]
    count: u64,
    /// seed of delays; 0: none
    #[param(range = 0..=i64::MAX, default = 0)]
    jitter: u64,
}

impl Node for Turn {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "turn", "Turns").output(OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Turning {
            next: 0,
            jitter: self.jitter,
        }))
    }
}

struct Turning {
    next: u64,
    jitter: u64,
}

impl Processor<Turn> for Turning {
    fn process(&mut self, params: &Turn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(Time::from_seconds(params.count as f64 / 4.0));
        if self.next == params.count {
            return Ok(Flow::Done);
        }
        kinds::jitter(&mut self.jitter);
        let time = Time::from_seconds(self.next as f64 / 4.0);
        io.send_captured_now(OUT, time, (self.next % 11) as f32 / 10.0)?;
        self.next += 1;
        Ok(Flow::Continue)
    }
}

fn checked(nodes: &str, wires: &str) -> Result<Graph, Diagnostics> {
    let mut registry = kinds::registry();
    add(&mut registry);
    let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
    let source = Source::text("p.ron", &text, PathBuf::new());
    check(&source, &[], &registry, &Settings::default())
}

fn add(registry: &mut Registry) {
    registry.add::<Multiply>();
    registry.add::<Say>();
    registry.add::<Turn>();
}

/// What the log called `name` has from its first input: hundredths of a second, and hundredths.
fn seen(nodes: &str, wires: &str, name: &str) -> Vec<(i64, i64)> {
    heard(checked(nodes, wires).expect("the patch is right"), name)
}

/// The same of a graph.
fn heard(graph: Graph, name: &str) -> Vec<(i64, i64)> {
    log(name).lock().unwrap().0.clear();
    Run::start(graph, &Settings::default())
        .unwrap()
        .wait()
        .unwrap();
    let log = log(name);
    let log = log.lock().unwrap();
    (log.0.iter())
        .map(|(_, time, number)| (time / 10_000_000, *number))
        .collect()
}

#[test]
fn a_wire_sets_a_parameter_from_its_time_on() {
    // 0, 1, 2 … a tenth of a second apart, times 0 from 0 s, 1 from 0.25 s, 2 from 0.5 s …
    let nodes = r#""n": count(count: 10), "t": turn(), "m": multiply(), "l": log(name: "set")"#;
    let seen = seen(nodes, r#""n -> m -> l.a", "t -> m.factor""#, "set");
    let numbers: Vec<i64> = seen.iter().map(|(_, number)| *number).collect();
    // At 0.5 s the wire says 2 before the number 5 is taken.
    assert_eq!(numbers, [0, 0, 0, 3, 4, 10, 12, 14, 24, 27]);
}

/// A value that a hand sets, or releases, in a render.
fn hand(seconds: f64, param: &str, value: Option<f64>, glide: f64) -> Steered {
    Steered {
        time: Time::from_seconds(seconds),
        node: "m".to_owned(),
        param: param.to_owned(),
        value: value.map(Value::from),
        glide,
        curve: score_engine::Curve::Linear,
    }
}

#[test]
fn a_render_changes_values_when_a_live_run_did() {
    let nodes = r#""n": count(count: 10), "m": multiply(), "l": log(name: "hands")"#;
    let mut graph = checked(nodes, r#""n -> m -> l.a""#).unwrap();
    let hands = [
        hand(0.55, "factor", None, 0.0),
        hand(0.25, "factor", Some(2.0), 0.0),
        hand(0.1, "depth", Some(2.0), 0.0),
        hand(0.2, "factor", Some(11.0), 0.0),
    ];
    let edit = (
        Time::from_seconds(0.75),
        "m".to_owned(),
        "factor".to_owned(),
        Value::from(3.0),
    );
    // One is not live, the other beyond the range.
    assert_eq!(graph.steer(&hands, &[edit]), ["m.depth", "m.factor"]);
    let numbers = heard(graph, "hands").into_iter().map(|(_, number)| number);
    let numbers: Vec<i64> = numbers.collect();
    assert_eq!(numbers, [0, 1, 2, 6, 8, 10, 6, 7, 24, 27]);
}

#[test]
fn a_render_glides_as_a_live_run_did_and_a_hand_lies_over_a_wire() {
    let nodes = r#""n": count(count: 10), "t": turn(), "m": multiply(), "l": log(name: "glides")"#;
    let mut graph = checked(nodes, r#""n -> m -> l.a", "t -> m.factor""#).unwrap();
    let hands = [
        hand(0.0, "factor", Some(1.0), 0.0),
        hand(0.1, "factor", Some(5.0), 0.4),
        hand(0.65, "factor", None, 0.0),
    ];
    assert!(graph.steer(&hands, &[]).is_empty());
    let numbers = heard(graph, "glides").into_iter().map(|(_, number)| number);
    let numbers: Vec<i64> = numbers.collect();
    // From 0.65 s on the wire's last word holds: 2, and from 0.75 s on 3.
    assert_eq!(numbers, [0, 1, 4, 9, 16, 25, 30, 14, 24, 27]);
}

#[test]
fn what_was_recorded_stands_in_for_a_node_and_another_kind_for_another() {
    let nodes = r#""n": count(count: 10), "m": multiply(), "l": log(name: "stands")"#;
    let wires = r#""n -> m -> l.a""#;
    let played = |graph: &mut Graph, id: &str| {
        let numbers = [(0.1, 3.0), (0.4, 5.0)];
        let played = numbers.map(|(time, number)| {
            let payload = score_engine::Payload::Control(number);
            (Time::from_seconds(time), 0, payload)
        });
        graph.play_instead(id, played.into(), Time::from_seconds(1.0));
    };
    // In place of a source, and of a node whose input is not asked.
    let mut graph = checked(nodes, wires).unwrap();
    played(&mut graph, "n");
    assert_eq!(heard(graph, "stands"), [(10, 3), (40, 5)]);
    let mut graph = checked(nodes, wires).unwrap();
    played(&mut graph, "m");
    assert_eq!(heard(graph, "stands"), [(10, 3), (40, 5)]);
    let mut graph = checked(nodes, wires).unwrap();
    graph.silence("n");
    assert!(heard(graph, "stands").is_empty());
    // A source of another kind.
    let mut registry = kinds::registry();
    add(&mut registry);
    let mut graph = checked(nodes, wires).unwrap();
    let say = registry.kind("say").unwrap();
    let values = serde_json::Map::from_iter([("number".to_owned(), Value::from(4.0))]);
    graph.exchange("n", say, &values).unwrap();
    assert_eq!(heard(graph, "stands").len(), 20);
    // Where nothing is sent, nothing that sends can stand.
    let mut graph = checked(nodes, wires).unwrap();
    assert!(graph.exchange("l", say, &values).is_err());
}

#[test]
fn a_range_on_the_wire_says_what_it_stands_for() {
    let nodes = r#""n": count(count: 10), "t": turn(), "m": multiply(), "l": log(name: "range")"#;
    let wire = |range: &str| format!(r#""n -> m -> l.a", ("t -> m.factor", {range})"#);
    let last = |range: &str| seen(nodes, &wire(range), "range").last().unwrap().1;
    // At 0.9 s the wire says 0.3.
    assert_eq!(last("range(from: 0, to: 1)"), 2);
    assert_eq!(last("range(to: 1, from: 1)"), 9);
    assert_eq!(last("range(from: 10, to: 0)"), 63);
    assert_eq!(last("range(from: 0, to: 10, curve: 2)"), 8);
    assert_eq!(last("latest, range(from: 1, to: 10, curve: log)"), 17);
}

#[test]
fn every_mistake_in_a_wire_to_a_parameter_is_told_in_its_place() {
    let nodes = r#""n": count(), "t": turn(), "m": multiply()"#;
    for (wire, message, help) in [
        (
            r#""t -> m.title""#,
            "no wire can lead into `m.title`",
            "text",
        ),
        (
            r#""t -> m.depth""#,
            "no wire can lead into `m.depth`",
            "it is built into it",
        ),
        (r#""t -> m.factr""#, "`m` has no input `factr`", "`factor`"),
        (
            r#""t -> m.endless""#,
            "the range of `m.endless` has no end",
            "range(from: 0, to: 1)",
        ),
        (
            r#"("t -> m.factor", range(to: 11))"#,
            "must be a number from 0 to 10, not 11",
            "",
        ),
        (
            r#"("t -> m.factor", range(upto: 1))"#,
            "a range has `from`, `to` and `curve`",
            "",
        ),
        (
            r#"("t -> m.factor", range(curve: 0))"#,
            "`curve` is a power",
            "",
        ),
        (
            r#"("t -> m.factor", range(from: 0, curve: log))"#,
            "there are no equal ratios",
            "above 0",
        ),
        (
            r#"("t -> m.factor", range(to: 1), range(to: 2))"#,
            "stands twice",
            "",
        ),
        (
            r#"("t -> m.factor", range(to: 1, to: 2))"#,
            "`to` stands here twice",
            "",
        ),
        (
            r#"("t -> m.mute", range(to: 1))"#,
            "`m.mute` is not a number",
            "",
        ),
        (
            r#"("t -> m.in", range(to: 1))"#,
            "`m.in` is not a parameter",
            "0 to 1",
        ),
        (
            r#""t -> m.factor", "n -> m.factor""#,
            "`m.factor` takes one wire, and has one from `t`",
            "",
        ),
        (
            r#""m -> m.factor""#,
            "these wires form a cycle: m -> m",
            "delays",
        ),
    ] {
        let wires =
            format!(r#""n -> m", {wire}"#).replace(r#""n -> m", "t -> m.in"#, r#""t -> m.in"#);
        let found = checked(nodes, &wires).err().expect(wire).mistakes;
        let told = found
            .iter()
            .find(|mistake| mistake.message.contains(message));
        let told = told.unwrap_or_else(|| panic!("{wire}: {found:?}"));
        assert!(told.place.is_some(), "{wire}");
        let told = told.help.clone().unwrap_or_default();
        assert!(told.contains(help), "{wire}: {told}");
    }
}

#[test]
fn a_number_in_a_range_that_cannot_be_read_is_one_mistake() {
    let nodes = r#""n": count(), "t": turn(), "m": multiply()"#;
    let found = checked(nodes, r#""n -> m", ("t -> m.factor", range(to: 1..2))"#);
    let found = found.err().unwrap().mistakes;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].message, "`1..2` is not a number");
}

#[test]
fn a_chain_passes_parameters_by() {
    let nodes = r#""n": count(count: 3), "m": multiply(), "l": log(name: "chain")"#;
    assert_eq!(seen(nodes, r#""n -> m -> l.a""#, "chain").len(), 3);
}

#[test]
fn an_included_patch_names_a_parameter_as_its_input() {
    let folder = std::env::temp_dir().join(format!("score-steering-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let part = r#"Patch(format: 1, nodes: {"m": multiply()}, inputs: {"numbers": "m", "much": "m.factor"}, outputs: {"out": "m"}, wires: [])"#;
    std::fs::write(folder.join("part.ron"), part).unwrap();
    let text = r#"Patch(format: 1, include: {"p": (patch: "part.ron")}, nodes: {"n": count(count: 10), "t": turn(), "l": log(name: "part")}, wires: ["n -> p.numbers", "t -> p.much", "p -> l.a"])"#;
    let mut registry = kinds::registry();
    add(&mut registry);
    let source = Source::text("p.ron", text, folder.clone());
    let graph = check(&source, &[], &registry, &Settings::default());
    std::fs::remove_dir_all(&folder).unwrap();
    Run::start(graph.unwrap(), &Settings::default())
        .unwrap()
        .wait()
        .unwrap();
    let log = log("part");
    let numbers: Vec<i64> = log
        .lock()
        .unwrap()
        .0
        .iter()
        .map(|(_, _, number)| *number)
        .collect();
    assert_eq!(numbers, [0, 0, 0, 3, 4, 10, 12, 14, 24, 27]);
}

#[test]
fn a_wire_that_ends_early_leaves_its_last_word_and_does_not_end_its_reader() {
    let nodes =
        r#""n": count(count: 20), "t": turn(count: 3), "m": multiply(), "l": log(name: "early")"#;
    let seen = seen(nodes, r#""n -> m -> l.a", "t -> m.factor""#, "early");
    assert_eq!(seen.last(), Some(&(190, 38)));
    let nodes =
        r#""n": count(count: 3), "t": turn(count: 400), "m": multiply(), "l": log(name: "late")"#;
    assert_eq!(
        self::seen(nodes, r#""n -> m -> l.a", "t -> m.factor""#, "late").len(),
        3
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_render_is_the_same_whatever_the_threads_do(jitters in prop::array::uniform3(0u64..1_000)) {
        let [numbers, turns, ends] = jitters;
        let nodes = format!(
            r#""n": count(count: 60, jitter: {numbers}), "t": turn(jitter: {turns}), "s": say(),
               "m": multiply(), "k": multiply(), "l": log(name: "same", jitter: {ends}), "x": log(name: "source")"#
        );
        let wires = r#""n -> m -> k -> l.a", "t -> m.factor", ("t -> k.factor", range(from: 1, to: 5)),
                       "t -> s.number", "s -> x.a""#;
        let first = seen(&nodes, wires, "same");
        let factor = |time: i64| (time / 25 % 11) as f64;
        prop_assert_eq!(first.len(), 60);
        for (time, number) in first {
            let wanted = time as f64 / 10.0 * factor(time) * (1.0 + 0.4 * factor(time));
            prop_assert!((number as f64 - wanted).abs() <= 1.0, "{} s: {} and not {}", time, number, wanted);
        }
        // A source says at each time what the wire said when it spoke last.
        let source = log("source");
        let mut source = source.lock().unwrap();
        let said: Vec<i64> = source.0.drain(..).map(|(_, _, number)| number).collect();
        let wanted: Vec<i64> = (0..20_i64).map(|n| (n - 1).max(0) * 10 / 25 * 10).collect();
        prop_assert_eq!(said, wanted);
    }
}
