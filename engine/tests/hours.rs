//! The opening hours of a patch are read as they are written, and each mistake is reported in its
//! place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use score_engine::{
    Build, Control, Dates, Days, Descriptor, Diagnostics, Flow, Graph, Hours, Io, Node, NodeError,
    OutputPort, Params, Processor, Registry, Settings, Source, check, limits,
};

const VALUE: OutputPort<Control> = OutputPort::new(0, "value", "nothing");

/// Does nothing.
#[derive(Clone, Params)]
struct Still {}

impl Node for Still {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "still", "Does nothing").output(VALUE)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Nothing))
    }
}

struct Nothing;

impl Processor<Still> for Nothing {
    fn process(&mut self, _params: &Still, _io: &mut Io<'_>) -> Result<Flow, NodeError> {
        Ok(Flow::Done)
    }
}

/// A patch with these lines as its hours.
fn checked(entries: &str) -> Result<Graph, Diagnostics> {
    let text = format!(
        "Patch(\n    format: 1,\n    let: (place: \"Europe/Vienna\", end: \"18:00\"),\n    nodes: {{\"still\": still()}},\n    hours: [\n{entries}\n    ],\n)\n"
    );
    let mut registry = Registry::new();
    registry.add::<Still>();
    let source = Source::text("p.ron", &text, PathBuf::from("/patches"));
    check(&source, &[], &registry, &Settings::default())
}

fn hours(entries: &str) -> Hours {
    let graph = checked(entries);
    assert!(graph.is_ok(), "{}", graph.err().unwrap());
    graph.unwrap().show().hours.clone().unwrap()
}

/// Compares each mistake with how it begins: `place message | help`.
#[track_caller]
fn require(entries: &str, wanted: &[&str]) {
    let found = checked(entries).err().expect("the patch is wrong").mistakes;
    let found: Vec<String> = (found.iter())
        .map(|diagnostic| {
            let place = diagnostic.place.as_ref().unwrap();
            let help = diagnostic.help.as_deref().unwrap_or("-");
            let (line, column) = (place.line, place.column);
            format!(
                "{}:{line}:{column} {} | {help}",
                place.file, diagnostic.message
            )
        })
        .collect();
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
}

#[test]
fn hours_are_read_as_they_are_written() {
    let hours = hours(
        r#"        (days: [mon, tue], from: "10:00", to: use(end), zone: use(place)),
        (days: [sat], from: "20:00", to: "02:00"),
        (from: "00:00", to: "24:00"),
        (dates: ["12-24..01-06", "2026-05-01"], closed: true),
        (dates: ["2026-12-31"], from: "10:00", to: "14:00:30", closed: false),"#,
    );
    assert_eq!(hours.zone.as_deref(), Some("Europe/Vienna"));
    let [first, night, always, closed, short] = &hours.entries[..] else {
        panic!("five entries")
    };
    assert_eq!(first.days, Days::Week(vec![0, 1]));
    assert_eq!(first.open, Some((36_000, 64_800)));
    assert_eq!(night.open, Some((72_000, 93_600)), "over midnight");
    assert_eq!(always.days, Days::Week((0..7).collect()));
    assert_eq!(always.open, Some((0, 86_400)));
    assert_eq!(closed.open, None);
    let Days::Dates(dates) = &closed.days else {
        panic!("dates")
    };
    assert_eq!(dates[0], Dates::Yearly((12, 24), (1, 6)));
    assert_eq!(short.open, Some((36_000, 50_430)));
    let json = checked(r#"        (from: "10:00", to: "18:00"),"#)
        .unwrap()
        .json();
    assert_eq!(json["hours"]["entries"][0]["open"][1], 64_800);
}

#[test]
fn each_mistake_is_reported_in_its_place() {
    require(
        r#"        (days: [mon, wen], from: "10:00", to: "18:00"),"#,
        &["p.ron:6:22 there is no day `wen` | did you mean `wed`?"],
    );
    require(
        r#"        (days: [mon], from: "9:00", to: "25:00"),"#,
        &[
            "p.ron:6:29 `9:00` is no time of day | a time of day is written \"10:00\"",
            "p.ron:6:41 `25:00` is no time of day",
        ],
    );
    require(
        r#"        (days: [mon], from: "10:00", to: "10:00"),"#,
        &["p.ron:6:42 `from` and `to` are the same | all day is from: \"00:00\", to: \"24:00\""],
    );
    require(
        r#"        (from: "24:00", to: "10:00"),"#,
        &["p.ron:6:16 nothing begins at \"24:00\""],
    );
    require(
        r#"        (dates: ["2026-02-30", "31-12"], closed: true),"#,
        &["p.ron:6:18 `2026-02-30` is no date | a date is written \"2026-12-24\""],
    );
    require(
        r#"        (days: [mon], dates: ["12-24"], closed: true),"#,
        &["p.ron:6:30 an entry has either `days` or `dates`"],
    );
    require(
        r#"        (dates: ["12-24"], closed: true, from: "10:00"),"#,
        &["p.ron:6:48 what is closed has neither `from` nor `to`"],
    );
    require(
        r#"        (dates: ["12-24"], closed: true),"#,
        &["p.ron:5:12 with these `hours` it would never be heard | say when it is open"],
    );
    require(
        "",
        &["p.ron:5:12 with these `hours` it would never be heard"],
    );
    require(
        r#"        (days: [], from: "10:00", to: "18:00"),"#,
        &["p.ron:6:16 `days` names none"],
    );
    require(
        r#"        (from: "10:00", until: "18:00"),"#,
        &[
            "p.ron:6:9 an entry of `hours` needs `from` and `to`",
            "p.ron:6:25 an entry of `hours` has no `until`",
        ],
    );
    require(
        r#"        (from: "10:00", to: "18:00", zone: "Europe/Viena"),"#,
        &["p.ron:6:44 there is no time zone `Europe/Viena` | did you mean `Europe/Vienna`?"],
    );
    require(
        r#"        (from: "10:00", to: "18:00", zone: use(place)),
        (from: "10:00", to: "18:00", zone: "UTC"),"#,
        &["p.ron:7:44 hours have one time zone, which is `Europe/Vienna` at"],
    );
    require(
        "        \"10:00\",",
        &["p.ron:6:9 an entry of `hours` looks like `(days: ["],
    );
}

#[test]
fn there_is_a_limit() {
    let entry = "        (from: \"10:00\", to: \"18:00\"),\n";
    assert!(checked(&entry.repeat(limits::MAX_HOURS)).is_ok());
    assert!(checked(&entry.repeat(limits::MAX_HOURS + 1)).is_err());
}
