//! A run keeps its promises whatever the threads do.
#![allow(clippy::unwrap_used)]

mod kinds;

use std::path::PathBuf;

use kinds::log;
use proptest::prelude::*;
use score_engine::{Report, Run, RunError, Settings, Source, check};

fn run(nodes: &str, wires: &str) -> Result<Report, RunError> {
    let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
    let source = Source::text("p.ron", &text, PathBuf::new());
    let graph = check(&source, &[], &kinds::registry(), &Settings::default()).unwrap();
    Run::start(graph, &Settings::default()).and_then(Run::wait)
}

#[test]
fn nothing_is_lost_on_the_way() {
    let report = run(
        r#""a": count(count: 1000), "b": pass(), "l": log(name: "lossless")"#,
        r#"("a -> b", latest), "b -> l.a""#,
    )
    .unwrap();
    assert_eq!(log("lossless").lock().unwrap().0.len(), 1000);
    for wire in report.wires {
        assert_eq!(
            (wire.sent, wire.received, wire.dropped, wire.depth),
            (1000, 1000, 0, 0),
            "{}",
            wire.name
        );
    }
}

#[test]
fn a_wire_beside_a_node_that_waits_for_everything_grows() {
    let report = run(
        r#""a": count(count: 500), "b": pass(hold_all: true), "l": log(name: "grown")"#,
        r#""a -> b -> l.a", "a -> l.b""#,
    )
    .unwrap();
    let log = log("grown");
    let seen = &log.lock().unwrap().0;
    assert_eq!(seen.len(), 1000);
    assert!(
        seen.is_sorted_by_key(|(port, time, _)| (*time, *port)),
        "joined by time, then by port"
    );
    assert!(report.wires.iter().any(|wire| wire.capacity >= 500));
}

#[test]
fn a_node_that_asks_to_be_called_at_a_time_does_not_keep_a_wire_from_growing() {
    run(
        r#""a": count(count: 500), "b": pass(hold_all: true, wakes: true), "l": log(name: "woken")"#,
        r#""a -> b -> l.a", "a -> l.b""#,
    )
    .unwrap();
    assert_eq!(log("woken").lock().unwrap().0.len(), 1000);
}

#[test]
fn a_patch_that_wants_a_whole_long_film_at_once_is_told_which_wire() {
    let error = run(
        r#""a": count(count: 40000), "b": pass(hold_all: true), "l": log(name: "long")"#,
        r#""a -> b -> l.a", "a -> l.b""#,
    )
    .unwrap_err();
    assert!(
        matches!(&error, RunError::TooMuchWaits { wire } if wire == "a.out -> l.b"),
        "{error}"
    );
    assert!(!log("long").lock().unwrap().1, "nothing is committed");
}

#[test]
fn a_wire_with_little_to_say_stays_small_beside_a_node_that_waits_for_everything() {
    for jitter in [0, 1, 2] {
        let name = format!("sparse {jitter}");
        let report = run(
            &format!(
                r#""a": count(count: 4000), "b": pass(hold_all: true),
                 "c": pass(every: 100, jitter: {jitter}), "l": log(name: "{name}", jitter: {jitter})"#
            ),
            r#""a -> b -> l.a", "a -> c -> l.b""#,
        )
        .unwrap();
        let log = log(&name);
        let seen = &log.lock().unwrap().0;
        assert_eq!(seen.len(), 4_000 + 40);
        assert!(seen.is_sorted_by_key(|(port, time, _)| (*time, *port)));
        let most = report.wires.iter().map(|wire| wire.capacity).max();
        assert!(most <= Some(128), "{:?}", report.wires);
    }
}

#[test]
fn a_failing_node_ends_the_run_is_named_and_nothing_is_committed() {
    let error = run(
        r#""a": count(count: 100000), "b": pass(fail_at: 50), "l": log(name: "failed"), "m": log(name: "other")"#,
        r#""a -> b -> l.a", "a -> m.a""#,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "`b` (pass): the needle broke");
    assert_eq!(error.advice(), Some("buy a new one"));
    assert!(!log("failed").lock().unwrap().1 && !log("other").lock().unwrap().1);
}

#[test]
fn a_node_that_cannot_place_its_result_does_not_take_that_of_others() {
    let error = run(
        r#""a": count(count: 10), "bad": log(name: "unplaced", fail_at_end: true), "l": log(name: "placed")"#,
        r#""a -> bad.a", "a -> l.a""#,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "`bad` (log): the paper is used up");
    assert_eq!(error.advice(), Some("buy more"));
    assert_eq!(error.not_placed(), Some(vec!["bad"]));
    assert!(log("placed").lock().unwrap().1 && !log("unplaced").lock().unwrap().1);
}

#[test]
fn a_panicking_node_ends_the_run_and_is_named() {
    let error = run(
        r#""a": count(count: 100000), "b": pass(panic_at: 50), "l": log(name: "panicked")"#,
        r#""a -> b -> l.a""#,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`b` (pass) failed unexpectedly: the stage collapsed"
    );
}

#[test]
fn a_node_that_cannot_be_built_starts_nothing() {
    let error = run(
        r#""a": count(), "l": log(name: "unbuilt"), "c": code(), "n": narrow()"#,
        r#""a -> l.a", "c -> n""#,
    )
    .unwrap_err();
    assert!(matches!(error, RunError::Node { .. }));
    assert!(log("unbuilt").lock().unwrap().0.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_a_join_sees_packets_does_not_depend_on_timing(
        seeds in proptest::array::uniform4(1u32..), hold in any::<bool>()
    ) {
        let run_with = |seeds: [u32; 4], name: &str| {
            let [a, b, c, l] = seeds;
            let nodes = format!(
                r#""a": count(count: 60, jitter: {a}), "b": pass(jitter: {b}, hold_all: {hold}),
                 "c": count(count: 40, jitter: {c}), "l": log(name: "{name}", jitter: {l})"#
            );
            let wires = if hold { r#""a -> b -> l.a", "a -> l.b""# } else { r#""a -> b -> l.a", "c -> l.b""# };
            run(&nodes, wires).unwrap();
            std::mem::take(&mut log(name).lock().unwrap().0)
        };
        prop_assert_eq!(run_with([0; 4], "calm"), run_with(seeds, "jittered"));
    }
}

#[test]
fn what_goes_on_for_ever_ends_with_its_readers_others_also_through_other_nodes() {
    run(
        r#""a": count(count: 20), "f": forever(), "p": pass(), "q": pass(), "l": log(name: "ends")"#,
        r#""a -> p -> l.a", "f -> q -> l.b""#,
    )
    .unwrap();
    let log = log("ends");
    let seen = &log.lock().unwrap().0;
    let counted = |port| seen.iter().filter(|(from, ..)| *from == port).count();
    assert_eq!((counted(0), counted(1)), (20, 20));
    assert!(seen.is_sorted_by_key(|(port, time, _)| (*time, *port)));
}

#[test]
fn a_source_without_an_end_that_nobody_reads_does_not_keep_a_render_from_ending() {
    run(
        r#""a": count(count: 3), "f": forever(), "l": log(name: "unread")"#,
        r#""a -> l.a""#,
    )
    .unwrap();
}

#[test]
fn a_render_that_would_never_end_is_refused_unless_its_source_has_an_end() {
    let nodes = |count: &str| {
        format!(r#""f": forever({count}), "p": pass(), "l": log(name: "for ever {count}")"#)
    };
    let error = run(&nodes(""), r#""f -> p -> l.a""#).unwrap_err();
    assert!(
        matches!(&error, RunError::NeverEnds { id, source_id, .. } if id == "l" && source_id == "f"),
        "{error}"
    );
    run(&nodes("count: 7"), r#""f -> p -> l.a""#).unwrap();
    assert_eq!(log("for ever count: 7").lock().unwrap().0.len(), 7);
}
