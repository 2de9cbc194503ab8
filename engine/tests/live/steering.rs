//! What plays is steered from outside: by hands, by wires, and by another tempo.

use std::time::{Duration, Instant};

use score_engine::{Live, Seen, SteeringErrorKind, ValueSource, ValueStatus, WireEnd};
use serde_json::json;

use super::kinds::{fail_once, heard, largest_step, noted, steered};
use super::{END, edit, generation, start, until};

const AT_ONCE: Duration = Duration::ZERO;

/// The live parameter `param` of the node `id`, as it is shown.
fn value(live: &Live, id: &str, param: &str) -> ValueStatus {
    let all = live.steering().values();
    let node = all.into_iter().find(|node| node.id == id).unwrap();
    let mut values = node.values.into_iter();
    values.find(|value| value.name == param).unwrap()
}

fn last(name: &str) -> f32 {
    noted(name).last().map_or(f32::NAN, |(_, number)| *number)
}

#[test]
fn a_hand_holds_its_value_through_edits_and_failures_until_it_lets_go() {
    let nodes = |more: &str| {
        format!(r#""s": slider(name: "held", place: 0.25), "n": notebook(name: "held"){more}"#)
    };
    let mut live = start(&nodes(""), r#""s -> n""#);
    let steering = live.steering();
    until("the text holds", || last("held") == 0.25);
    assert_eq!(value(&live, "s", "place").source, ValueSource::Text);
    steering.set("s", "place", json!(0.75), AT_ONCE).unwrap();
    until("the hand is heard", || last("held") == 0.75);
    until("the hand is shown", || {
        value(&live, "s", "place").source == ValueSource::Hand
    });
    assert_eq!(value(&live, "s", "place").text, Some(json!(0.25)));
    // An edit elsewhere, and one of the very value.
    edit(&mut live, &nodes(r#", "i": idler()"#), r#""s -> n""#);
    edit(&mut live, &nodes("").replace("0.25", "0.5"), r#""s -> n""#);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(last("held"), 0.75);
    // The node begins anew.
    let before = noted("held").len();
    fail_once("held");
    until("it runs again", || noted("held").len() > before + 5);
    until("it has failed", || live.status().nodes[0].failures == 1);
    assert!(
        noted("held")[before + 2..]
            .iter()
            .all(|(_, number)| *number == 0.75)
    );
    // Built anew by an edit.
    let anew = nodes("").replace("place: 0.25", "place: 0.5").replace(
        "\"s\": slider(name: \"held\"",
        "\"s\": slider(name: \"other\"",
    );
    let before = noted("held").len();
    edit(&mut live, &anew, r#""s -> n""#);
    until("the new one is heard", || noted("held").len() > before + 5);
    assert!(
        noted("held")[before..]
            .iter()
            .all(|(_, number)| *number == 0.75)
    );
    steering.release("s", "place", AT_ONCE).unwrap();
    until("the text holds again", || last("held") == 0.5);
    assert!(live.drain(END).is_empty());
}

#[test]
fn what_no_hand_can_do_is_told_and_changes_nothing() {
    let live = start(
        r#""s": slider(), "n": notebook(name: "refused")"#,
        r#""s -> n""#,
    );
    let steering = live.steering();
    let set = |node, param, value| steering.set(node, param, value, AT_ONCE).unwrap_err();
    let error = set("slide", "place", json!(0.5));
    assert_eq!(
        (error.kind, error.message.as_str()),
        (SteeringErrorKind::Node, "no node `slide` plays")
    );
    let error = set("s", "plaice", json!(0.5));
    assert_eq!(error.kind, SteeringErrorKind::Param);
    assert!(error.help.unwrap().contains("`place`"));
    assert_eq!(
        set("s", "name", json!("x")).kind,
        SteeringErrorKind::NotLive
    );
    for wrong in [json!(1.5), json!("much"), json!(null)] {
        assert_eq!(set("s", "place", wrong).kind, SteeringErrorKind::Value);
    }
    assert_eq!(
        set("transport", "tempo", json!(1_000)).kind,
        SteeringErrorKind::Value
    );
    assert_eq!(
        set("transport", "key", json!("H flat")).kind,
        SteeringErrorKind::Value
    );
    assert_eq!(
        set("transport", "metre", json!([3, 5])).kind,
        SteeringErrorKind::Value
    );
    assert_eq!(
        set("transport", "seed", json!(5)).kind,
        SteeringErrorKind::NotLive
    );
    assert!(steering.held().is_empty());
    assert_eq!(value(&live, "transport", "tempo").value, json!(120.0));
    let written = steering.set_written("s", "place", "0.5 and more", AT_ONCE);
    assert_eq!(written.unwrap_err().kind, SteeringErrorKind::Value);
    steering
        .set_written("transport", "key", "A minor", AT_ONCE)
        .unwrap();
    assert_eq!(value(&live, "transport", "key").value, json!("A minor"));
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_glide_goes_evenly_and_without_a_click() {
    let live = start(
        r#""h": hum(level: 0.8), "e": ear(name: "glide")"#,
        r#""h -> e""#,
    );
    until("sound comes", || heard("glide").len() > 9_600);
    let steering = live.steering();
    steering
        .set("h", "level", json!(0.1), Duration::from_millis(500))
        .unwrap();
    until("it has come down", || {
        value(&live, "h", "level").value == json!(0.1)
    });
    let before = heard("glide").len();
    until("it stays there", || heard("glide").len() > before + 9_600);
    let sound = heard("glide");
    let loudest = sound[before + 4_800..]
        .iter()
        .fold(0f32, |most, sample| most.max(sample.abs()));
    assert!(loudest < 0.12, "{loudest}");
    // A sine of 200 Hz at 0.8 moves by 0.021 a frame; a fall at once would show as a step of up to
    // 0.7.
    assert!(largest_step(&sound) < 0.1, "{}", largest_step(&sound));
    assert!(live.drain(END).is_empty());
}

#[test]
fn an_edit_elsewhere_leaves_a_glide_on_its_way() {
    let nodes =
        |more: &str| format!(r#""s": slider(place: 0), "n": notebook(name: "unhurried"){more}"#);
    let mut live = start(&nodes(""), r#""s -> n""#);
    let steering = live.steering();
    steering
        .set("s", "place", json!(1.0), Duration::from_secs(2))
        .unwrap();
    until("it is on its way", || last("unhurried") > 0.1);
    edit(&mut live, &nodes(r#", "i": idler()"#), r#""s -> n""#);
    until("it has come", || last("unhurried") == 1.0);
    let places: Vec<f32> = noted("unhurried").iter().map(|(_, place)| *place).collect();
    let step = places
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f32::max);
    // A machine that stands still for a fifth of the way is not meant.
    assert!(step < 0.2, "{step}");
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_glide_does_not_keep_its_node_busy() {
    let live = start(
        r#""s": slider(place: 0), "n": notebook(name: "calm")"#,
        r#""s -> n""#,
    );
    until("it plays", || !noted("calm").is_empty());
    let steering = live.steering();
    let usual = noted("calm").len();
    std::thread::sleep(Duration::from_secs(1));
    let usual = noted("calm").len() - usual;
    steering
        .set("s", "place", json!(1.0), Duration::from_secs(5))
        .unwrap();
    let before = noted("calm").len();
    std::thread::sleep(Duration::from_secs(1));
    let calls = noted("calm").len() - before;
    // A step takes 5 ms.
    assert!(calls <= usual + 250, "{calls} instead of {usual}");
    assert!(live.drain(END).is_empty());
}

#[test]
fn what_is_set_while_another_value_glides_reaches_the_node_too() {
    let live = start(
        r#""d": doorbell(name: "rings"), "s": slider(), "n": notebook(name: "beside")"#,
        r#""s -> n""#,
    );
    until("it plays", || !noted("rings").is_empty());
    let steering = live.steering();
    let hour = Duration::from_secs(3_600);
    steering.set("d", "slow", json!(1), hour).unwrap();
    let rounds = 20;
    for round in 1..=rounds {
        let mut last = 0.0;
        // So quickly that one step of the glide sees several.
        for turn in 1..=50 {
            last = f64::from(50 * round + turn) / f64::from(51 * 50);
            steering
                .set("d", "place", json!(last), Duration::ZERO)
                .unwrap();
        }
        until("the last counts", || {
            noted("rings")
                .last()
                .is_some_and(|(_, place)| *place == last as f32)
        });
    }
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_wire_into_a_parameter_comes_and_goes_while_the_node_plays_on() {
    let nodes =
        r#""s": slider(place: 0.5), "t": slider(place: 0.25), "n": notebook(name: "wired")"#;
    let mut live = start(nodes, r#""t -> n""#);
    until("the text holds", || last("wired") == 0.25);
    let before = generation(&mut live, "t");
    edit(&mut live, nodes, r#""t -> n", ~"s -> t.place""#);
    until("the wire holds", || last("wired") == 0.5);
    until("it is shown", || {
        value(&live, "t", "place").source == ValueSource::Wire
    });
    let wires = live.status().wires;
    let end = |end: &WireEnd| (end.node.clone(), end.port.clone());
    assert_eq!(end(&wires[1].from), ("s".to_owned(), "out".to_owned()));
    assert_eq!(end(&wires[1].to), ("t".to_owned(), "place".to_owned()));
    let ranged = r#""t -> n", ~("s -> t.place",range(from: 0.8,to: 1))"#;
    edit(&mut live, nodes, ranged);
    until("its range holds", || last("wired") == 0.9);
    edit(&mut live, nodes, r#""t -> n""#);
    until("the text holds again", || last("wired") == 0.25);
    assert_eq!(generation(&mut live, "t"), before);
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_thousand_new_tempi_lose_no_beat_and_restart_nobody() {
    let mut live = start(
        r#""b": beat(), "n": notebook(name: "beats")"#,
        r#""b -> n""#,
    );
    until("it beats", || noted("beats").len() > 1);
    let before = (generation(&mut live, "b"), generation(&mut live, "n"));
    let steering = live.steering();
    for n in 0..1_000_u32 {
        let tempo = 60 + n * 37 % 340;
        steering
            .set("transport", "tempo", json!(tempo), AT_ONCE)
            .unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(
        (generation(&mut live, "b"), generation(&mut live, "n")),
        before
    );
    let beats = noted("beats");
    let numbers: Vec<f32> = beats.iter().map(|(_, number)| *number).collect();
    let wanted: Vec<f32> = (0..beats.len()).map(|n| n as f32).collect();
    assert_eq!(numbers, wanted, "each beat once, in order");
    assert!(beats.windows(2).all(|pair| pair[0].0 < pair[1].0));
    // Two to seven seconds at 60 to 400 a minute.
    assert!(beats.len() > 4, "{}", beats.len());
    // The edit of a patch steers it as well.
    steering.release("transport", "tempo", AT_ONCE).unwrap();
    assert_eq!(value(&live, "transport", "tempo").value, json!(120.0));
    until("all of it is on record", || steered("beats").len() == 1_001);
    let told = steered("beats");
    assert_eq!(
        (told[0].as_str(), told[1_000].as_str()),
        ("transport.tempo 60", "transport.tempo released")
    );
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_tap_sees_what_an_output_sends_through_failures_and_edits_and_only_while_it_lives() {
    let nodes = r#""s": slider(name: "tapped", place: 0.5), "h": hum(level: 0.5), "e": ear(name: "tapped"), "n": notebook(name: "tapped")"#;
    let wires = r#""s -> n", "h -> e""#;
    let mut live = start(nodes, wires);
    let steering = live.steering();
    let mut number = steering.tap("s", "out", 100.0).unwrap();
    let mut sound = steering.tap("h", "out", 100.0).unwrap();
    until("the number is seen", || {
        number.look(0) == Some(Seen::Control(0.5))
    });
    until(
        "the level is seen",
        || matches!(sound.look(0), Some(Seen::Level(level)) if level.peak > 0.45 && level.rms < 0.4),
    );
    fail_once("tapped");
    until("it has failed", || live.status().nodes[0].failures == 1);
    while number.look(0).is_some() {}
    until("it is seen again", || number.look(0).is_some());
    edit(
        &mut live,
        &nodes
            .replace("place: 0.5", "place: 0.75")
            .replace(r#"slider(name: "tapped""#, r#"slider(name: "anew""#),
        wires,
    );
    until("the new one is seen", || {
        number.look(0) == Some(Seen::Control(0.75))
    });
    let error = steering.tap("s", "sound", 10.0).unwrap_err();
    assert_eq!(error.kind, SteeringErrorKind::Output);
    assert!(error.help.unwrap().contains("out"));
    let begun = Instant::now();
    let mut slow = steering.tap("s", "out", 4.0).unwrap();
    let mut seen = 0;
    while begun.elapsed() < Duration::from_millis(900) {
        seen += usize::from(slow.look(0).is_some());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(
        (1..=4).contains(&seen),
        "{seen} looks in 0.9 s at 4 a second"
    );
    assert!(live.drain(END).is_empty());
}
