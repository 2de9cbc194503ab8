//! What a tap collects, and what a graph leaves out around it.
#![allow(clippy::unwrap_used)]

mod kinds;

use std::path::PathBuf;

use kinds::log;
use score_engine::{Graph, PortType, Run, Settings, Source, Time, check};

/// A graph that writes into the log called `name`.
fn graph(name: &str) -> Graph {
    let nodes = format!(
        r#""a": count(count: 20), "b": pass(), "l": log(name: "{name}"), "c": count(count: 5)"#
    );
    let wires = r#""a -> b -> l.a", "c -> l.b""#;
    let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
    let source = Source::text("p.ron", &text, PathBuf::new());
    check(&source, &[], &kinds::registry(), &Settings::default()).unwrap()
}

fn run(graph: Graph) -> usize {
    let done = Run::start(graph, &Settings::default()).and_then(Run::wait);
    done.unwrap().nodes.len()
}

#[test]
fn a_tap_collects_everything_that_its_output_sends_and_its_end() {
    let mut graph = graph("tapped");
    let tap = graph.tap("b", "out").unwrap();
    assert_eq!((tap.take().len(), tap.end()), (0, None));
    run(graph);
    let packets = tap.take();
    assert_eq!(packets.len(), 20);
    assert!(packets.is_sorted_by_key(|packet| packet.time));
    assert!(tap.end().unwrap() > Time::ZERO);
}

#[test]
fn only_what_leads_to_a_tap_is_run() {
    let mut graph = graph("left out");
    let tap = graph.tap("b", "out").unwrap();
    graph.keep_tapped();
    let ids: Vec<_> = graph.node_ids().map(str::to_owned).collect();
    assert_eq!(ids, ["a", "b", "tap of b.out"]);
    assert_eq!(run(graph), 3);
    assert_eq!(tap.take().len(), 20);
    assert!(log("left out").lock().unwrap().0.is_empty());
}

#[test]
fn what_is_not_there_cannot_be_tapped() {
    let mut graph = graph("untapped");
    assert!(graph.tap("b", "in").is_none() && graph.tap("z", "out").is_none());
}

#[test]
fn a_graph_tells_what_leads_into_an_input_and_of_which_kind_it_is() {
    let graph = graph("upstream");
    let named = |node: &str| vec![(node.to_owned(), "out".to_owned())];
    assert_eq!(graph.outputs_into("l", "a"), named("b"));
    assert_eq!(graph.outputs_into("l", "b"), named("c"));
    assert!(graph.outputs_into("a", "in").is_empty());
    assert!(graph.outputs_into("z", "a").is_empty());
    assert_eq!((graph.kind("b"), graph.kind("z")), (Some("pass"), None));
}

#[test]
fn a_graph_lists_all_that_lies_upstream_over_wires_of_a_type() {
    let graph = graph("all upstream");
    let numbers = |port_type: &PortType| *port_type == PortType::Control;
    let mut ids = graph.upstream("l", numbers);
    ids.sort_unstable();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(graph.upstream("b", numbers), ["a"]);
    assert!(graph.upstream("a", numbers).is_empty());
    assert!(graph.upstream("z", numbers).is_empty());
    let notes = |port_type: &PortType| *port_type == PortType::Notes;
    assert!(graph.upstream("l", notes).is_empty());
}

#[test]
fn outputs_are_final_where_nobody_makes_more_of_them() {
    let outputs = graph("final").final_outputs(&PortType::Control);
    let named = |node: &str| (node.to_owned(), "out".to_owned());
    assert_eq!(outputs, [named("b"), named("c")]);
    assert!(graph("final").final_outputs(&PortType::Notes).is_empty());
}
