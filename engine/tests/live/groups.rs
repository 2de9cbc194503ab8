//! Light nodes share threads, and nobody notices.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use score_engine::{Graph, Live, LiveOptions, NodeState, Settings, Source, check};
use serde_json::json;

use super::kinds::{self, let_go, noted, thread_of};
use super::{END, edit, generation, graph, start, state, until};

/// What is noted under this name. Names, and ids of nodes whose threads are compared, are used by
/// one test each.
fn numbers(name: &str) -> Vec<f32> {
    noted(name).into_iter().map(|(_, number)| number).collect()
}

fn failures(live: &mut Live, id: &str) -> u64 {
    let nodes = live.status().nodes;
    nodes.iter().find(|node| node.id == id).unwrap().failures
}

/// A source, and nodes each of which reads one or two before it. The last is written down.
#[derive(Clone, Debug)]
struct Draft {
    to: u32,
    /// Where each reads, and whether it passes on what all numbers make, where it reads one.
    nodes: Vec<(usize, Option<usize>, bool)>,
    /// What the wires hold.
    room: usize,
}

fn draft() -> impl Strategy<Value = Draft> {
    let node = (0..6usize, proptest::option::of(0..6usize), any::<bool>());
    (
        0..200u32,
        proptest::collection::vec(node, 1..6),
        prop_oneof![Just(1), Just(4), Just(64)],
    )
        .prop_map(|(to, nodes, room)| Draft { to, nodes, room })
}

impl Draft {
    /// Whether the order of what the last node sends depends on how fast the others are.
    fn has_joins(&self) -> bool {
        self.nodes.iter().any(|(_, also, _)| also.is_some())
    }

    fn graph(&self, name: &str) -> Graph {
        let mut nodes = format!(
            r#""n0": counter(to: {}), "book": notebook(name: "{name}")"#,
            self.to
        );
        let mut wires = String::new();
        for (index, (from, also, all)) in (1..).zip(&self.nodes) {
            // Behind a join the order is not the same each time, nor is a sum so far.
            let all = *all && !self.has_joins();
            let _ = write!(nodes, r#", "n{index}": add(amount: {index}, all: {all})"#);
            for from in [Some(from), also.as_ref()].into_iter().flatten() {
                let from = from % index;
                let _ = write!(wires, r#"("n{from} -> n{index}", block({})), "#, self.room);
            }
        }
        let _ = write!(wires, r#"("n{} -> book", block(2))"#, self.nodes.len());
        let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
        let source = Source::text("p.ron", &text, PathBuf::new());
        check(&source, &[], &kinds::registry(), &Settings::default()).unwrap()
    }

    /// What is written down where so many light nodes share a thread.
    fn played(&self, light_nodes_per_thread: usize, number: u64) -> Vec<f32> {
        let name = format!("drafted {number} {light_nodes_per_thread}");
        let options = LiveOptions {
            light_nodes_per_thread,
            ..LiveOptions::default()
        };
        let settings = Settings::default();
        let (mut live, _) = Live::start(self.graph(&name), &settings, options).unwrap();
        until("the numbers have come to their end", || live.is_over());
        let sent: u64 = live.status().wires.iter().map(|wire| wire.sent).sum();
        let received: u64 = live.status().wires.iter().map(|wire| wire.received).sum();
        assert_eq!(sent, received, "each wire counts what it carries");
        let mut played = numbers(&name);
        if self.has_joins() {
            played.sort_by(f32::total_cmp);
        }
        played
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_patch_plays_the_same_whether_its_light_nodes_share_threads_or_not(
        draft in draft(),
        number in any::<u64>(),
    ) {
        let alone = draft.played(0, number);
        for together in [1, 2, 256] {
            prop_assert_eq!(&draft.played(together, number), &alone);
        }
    }
}

#[test]
fn a_panic_of_a_light_node_leaves_those_playing_that_share_its_thread() {
    let mut live = start(
        r#""c": counter(), "p": add(panics_at: 50), "good": add(), "n": notebook(name: "calm"), "m": notebook(name: "upset")"#,
        r#""c -> p -> m", "c -> good -> n""#,
    );
    until("it fails", || failures(&mut live, "p") == 1);
    until("it runs again", || numbers("upset").last() > Some(&60.0));
    assert_eq!(thread_of("p"), thread_of("good"));
    assert_eq!(state(&mut live, "p"), NodeState::Running);
    assert_eq!(failures(&mut live, "good") + failures(&mut live, "c"), 0);
    let calm = numbers("calm");
    assert!(
        calm.iter()
            .copied()
            .eq((0..calm.len()).map(|number| number as f32))
    );
    assert!(live.drain(END).is_empty());
}

#[test]
fn an_edit_that_adds_or_takes_out_a_light_node_restarts_none_of_those_beside_it() {
    let nodes = r#""c": counter(), "sum": add(all: true), "n": notebook(name: "sums")"#;
    let wires = r#""c -> sum -> n""#;
    let mut live = start(nodes, wires);
    let known = ["c", "sum", "n"].map(|id| generation(&mut live, id));
    for round in 0..4 {
        let before = numbers("sums").len();
        until("it counts", || numbers("sums").len() > before + 20);
        let revision = match round % 2 {
            0 => edit(
                &mut live,
                &format!(r#"{nodes}, "more": add(amount: {round}), "m": notebook(name: "more")"#),
                &format!(r#"{wires}, "c -> more -> m""#),
            ),
            _ => edit(&mut live, nodes, wires),
        };
        assert_eq!(revision.begun.len(), if round % 2 == 0 { 2 } else { 0 });
        if round % 2 == 0 {
            let came = numbers("more").len();
            until("the new one plays", || numbers("more").len() > came);
            assert_eq!(thread_of("more"), thread_of("sum"));
        }
    }
    assert_eq!(["c", "sum", "n"].map(|id| generation(&mut live, id)), known);
    assert!(live.drain(END).is_empty());
    // Each sum goes on from the one before it: nothing was missed, nothing came twice.
    let mut sum = 0.0;
    for (number, noted) in (0..).zip(numbers("sums")) {
        sum += number as f32;
        assert_eq!(noted, sum);
    }
}

#[test]
fn a_light_node_that_hangs_is_named_and_the_others_go_on_without_it() {
    let mut live = start(
        r#""c": counter(), "h": add(hangs_at: 50), "free": add(), "n": notebook(name: "on time"), "m": notebook(name: "late")"#,
        r#""c -> h -> m", "c -> free -> n""#,
    );
    let hangs = |live: &mut Live| {
        let nodes = live.status().nodes.into_iter();
        let hanging = nodes.filter(|node| node.hangs.is_some());
        hanging.map(|node| node.id).collect::<Vec<_>>()
    };
    until("it is seen to hang", || hangs(&mut live) == ["h"]);
    let before = numbers("on time").len();
    until("the others play on", || {
        numbers("on time").len() > before + 100
    });
    assert_eq!(hangs(&mut live), ["h"], "while it hangs");
    let_go();
    until("it goes on by itself", || {
        numbers("late").last() > Some(&60.0)
    });
    until("it shares a thread again", || {
        live.status();
        thread_of("h") == thread_of("free")
    });
    assert!(hangs(&mut live).is_empty());
    assert!(live.drain(END).is_empty());
    assert_eq!(
        numbers("late").len(),
        numbers("late").last().map_or(0, |last| *last as usize + 1)
    );
}

#[test]
fn a_light_node_that_cannot_be_built_refuses_the_edit_and_the_others_play_on() {
    let nodes = r#""c": counter(), "a": add(), "n": notebook(name: "lucky")"#;
    let wires = r#""c -> a -> n""#;
    let mut live = start(nodes, wires);
    let more = format!(r#"{nodes}, "b": add(), "w": add(amount: 13)"#);
    let more = graph(&more, &format!(r#"{wires}, "c -> b -> w""#));
    let error = live.replace(more, &Default::default()).unwrap_err();
    assert!(error.to_string().contains("bad luck"), "{error}");
    let before = numbers("lucky").len();
    until("it plays on", || numbers("lucky").len() > before + 20);
    assert_eq!(live.revision(), 1);
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_light_node_is_steered_and_tapped_on_its_own() {
    let mut live = start(
        r#""s": slider(place: 0.25), "one": add(amount: 1), "other": add(amount: 1), "n": notebook(name: "steered one"), "m": notebook(name: "steered other")"#,
        r#""s -> one -> n", "s -> other -> m""#,
    );
    let steering = live.steering();
    let mut tap = steering.tap("one", "out", 1_000.0).unwrap();
    until("both play", || {
        numbers("steered one").len() > 5 && numbers("steered other").len() > 5
    });
    steering
        .set("one", "amount", json!(5), Duration::ZERO)
        .unwrap();
    until("the hand is heard", || {
        numbers("steered one").last() == Some(&5.25)
    });
    until("the tap shows it", || {
        tap.look(0) == Some(score_engine::Seen::Control(5.25))
    });
    assert_eq!(numbers("steered other").last(), Some(&1.25));
    assert_eq!(thread_of("one"), thread_of("other"));
    steering
        .set("one", "amount", json!(105), Duration::from_secs(4))
        .unwrap();
    until("it glides", || {
        let said = numbers("steered one");
        said.iter()
            .filter(|number| (6.0..105.0).contains(*number))
            .count()
            > 2
    });
    until("it arrives", || {
        numbers("steered one").last() == Some(&105.25)
    });
    let nodes = live.status().nodes;
    assert!(
        nodes.iter().all(|node| node.rate > 0.0),
        "each has figures of its own"
    );
    assert!(live.drain(END).is_empty());
}
