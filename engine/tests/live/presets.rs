//! Presets of the patch that plays are recalled while it plays on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use score_engine::{Live, NodeState, Settings, SteeringErrorKind, ValueSource};
use serde_json::Value;

use super::kinds::{gaps, heard, noted, steered};
use super::{END, edit, generation, graph, start, until};

/// These nodes, and behind them presets.
fn with_presets(nodes: &str, presets: &str) -> String {
    format!("{nodes}}}, presets: {{{presets}")
}

const NODES: &str = r#""s": slider(name: "recalled", place: 0.25), "n": notebook(name: "recalled"), "h": hum(level: 0.5), "e": ear(name: "recalled"), "p": palette()"#;
const WIRES: &str = r#""s -> n", "h -> e""#;

/// What every parameter that is steered is shown to be.
pub(super) fn shown(live: &Live) -> BTreeMap<(String, String), Value> {
    let nodes = live.steering().values().into_iter();
    let values = nodes.flat_map(|node| {
        let values = node.values.into_iter();
        let by_hand = values.filter(|value| value.source == ValueSource::Hand);
        by_hand
            .map(|value| ((node.id.clone(), value.name), value.value))
            .collect::<Vec<_>>()
    });
    values.collect()
}

/// Numbers below what is asked for, at random, the same for the same seed.
pub(super) fn random_below(seed: u64) -> impl FnMut(usize) -> usize {
    let mut seed = seed;
    move |below| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    }
}

#[test]
fn a_thousand_presets_at_random_end_exactly_where_they_say_and_restart_nobody() {
    let keys = ["C major", "G major", "A minor", "F major"];
    let presets = (0..8_usize).map(|n| {
        let (place, key) = (n as f64 / 7.0, keys[n % 4]);
        let more = match n % 3 {
            0 => format!(r#""p.title": "{key}", "p.mute": [{n}, 1]"#),
            1 => format!(r#""p.loud": {}, "transport.tempo": {}"#, n > 3, 60 + 11 * n),
            _ => format!(
                r#""h.level": {}, "transport.key": "{key}""#,
                place / 2.0 + 0.25
            ),
        };
        format!(r#""{n}": {{"s.place": {place}, {more}}}, "#)
    });
    let presets: String = presets.collect();
    let mut live = start(&with_presets(NODES, &presets), WIRES);
    until("it plays", || {
        noted("recalled").len() > 5 && !heard("recalled").is_empty()
    });
    let ids = ["s", "n", "h", "e", "p"];
    let before = ids.map(|id| generation(&mut live, id));
    let steering = live.steering();
    let all = steering.presets();
    let mut wanted = BTreeMap::new();
    let mut random = random_below(7);
    for n in 1..=1_000 {
        let preset = &all[random(all.len())];
        let glide = Duration::from_millis([0, 1, 5, 20][random(4)]);
        steering.recall(&preset.name, glide).unwrap();
        for value in &preset.values {
            let target = (value.node.clone(), value.param.clone());
            wanted.insert(target, value.value.clone());
        }
        if n % 50 == 0 {
            until("every value is exactly what was recalled last", || {
                shown(&live) == wanted
            });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let place = wanted[&("s".to_owned(), "place".to_owned())]
        .as_f64()
        .unwrap();
    until("it is heard", || {
        noted("recalled")
            .last()
            .is_some_and(|(_, number)| *number == place as f32)
    });
    assert_eq!(ids.map(|id| generation(&mut live, id)), before);
    let status = live.status();
    for node in &status.nodes {
        assert_eq!(
            (node.failures, node.state),
            (0, NodeState::Running),
            "{}",
            node.id
        );
    }
    assert_eq!(gaps("recalled"), 0);
    assert!(
        steered("recalled")
            .iter()
            .any(|told| told.starts_with("p.title "))
    );
    // All of it is a hand's, and is let go as such.
    steering.release_all(Duration::ZERO);
    until("the text holds again", || shown(&live).is_empty());
    assert!(live.drain(END).is_empty());
}

#[test]
fn an_edit_changes_the_presets_and_nothing_else() {
    let low = with_presets(
        &NODES.replace("recalled", "edited"),
        r#""low": {"s.place": 0.125}"#,
    );
    let mut live = start(&low, WIRES);
    let steering = live.steering();
    let error = steering.recall("high", Duration::ZERO).unwrap_err();
    assert_eq!(error.kind, SteeringErrorKind::Preset);
    assert_eq!(error.help.as_deref(), Some("it has low"));
    steering.recall("low", Duration::ZERO).unwrap();
    let same = live.replace(graph(&low, WIRES), &BTreeSet::new());
    assert!(same.unwrap().is_none());
    let edition = steering.edition();
    let high = with_presets(
        &NODES.replace("recalled", "edited"),
        r#""high": {"s.place": 0.875}"#,
    );
    let revision = edit(&mut live, &high, WIRES);
    assert!(revision.begun.is_empty() && revision.set.is_empty() && revision.gone.is_empty());
    assert!(steering.edition() > edition);
    // What was recalled stays; what is recalled now is the new one.
    let place = |live: &Live| {
        shown(live)
            .get(&("s".to_owned(), "place".to_owned()))
            .cloned()
    };
    until("it stays", || place(&live) == Some(0.125.into()));
    assert!(steering.recall("low", Duration::ZERO).is_err());
    steering.recall("high", Duration::from_millis(50)).unwrap();
    until("it has arrived", || place(&live) == Some(0.875.into()));
    assert!(live.drain(END).is_empty());
    // A run of no presets says so.
    let none = Live::new(&Settings::default(), score_engine::LiveOptions::default());
    let error = none.steering().recall("low", Duration::ZERO).unwrap_err();
    assert!(error.help.unwrap().contains("presets"));
}
