//! A live run plays on, whatever is edited and whatever fails.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cues;
mod groups;
mod kinds;
mod presets;
mod steering;
mod years;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kinds::{heard, keys, largest_step};
use score_engine::{
    Graph, Live, LiveOptions, NodeState, Note, RestartPolicy, Settings, Source, check,
};

/// Wires hold seconds, so that what a busy machine holds up comes late here and is not lost; those
/// behind a `~` are as they are in any patch.
fn graph(nodes: &str, wires: &str) -> Graph {
    let wires: Vec<String> = wires
        .split(", ")
        .map(|chain| match chain.strip_prefix('~') {
            Some(usual) => usual.to_owned(),
            None => format!("({chain}, block(4096))"),
        })
        .collect();
    let wires = wires.join(", ");
    let text = format!(
        "Patch(format: 1, transport: (sample_rate: 48000, block: 256), nodes: {{{nodes}}}, wires: [{wires}])"
    );
    let source = Source::text("p.ron", &text, PathBuf::new());
    check(&source, &[], &kinds::registry(), &Settings::default()).unwrap()
}

fn start(nodes: &str, wires: &str) -> Live {
    let options = LiveOptions {
        restart: RestartPolicy {
            first: Duration::from_millis(10),
            longest: Duration::from_millis(20),
            most: 3,
            window: Duration::from_secs(60),
        },
        ready_within: Duration::from_secs(2),
        ..LiveOptions::default()
    };
    Live::start(graph(nodes, wires), &Settings::default(), options)
        .unwrap()
        .0
}

fn edit(live: &mut Live, nodes: &str, wires: &str) -> score_engine::Revision {
    live.replace(graph(nodes, wires), &BTreeSet::new())
        .unwrap()
        .unwrap()
}

/// Waits until `what` holds; a promise that is not kept within seconds is broken.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn state(live: &mut Live, id: &str) -> NodeState {
    live.status()
        .nodes
        .into_iter()
        .find(|node| node.id == id)
        .unwrap()
        .state
}

fn generation(live: &mut Live, id: &str) -> u64 {
    live.status()
        .nodes
        .into_iter()
        .find(|node| node.id == id)
        .unwrap()
        .generation
}

const END: Duration = Duration::from_millis(900);

#[test]
fn an_untouched_node_plays_on_and_a_live_value_reaches_the_running_one() {
    let mut live = start(
        r#""a": hum(level: 0.5), "e": ear(name: "values")"#,
        r#""a -> e""#,
    );
    until("sound comes", || heard("values").len() > 4_800);
    let before = (generation(&mut live, "a"), generation(&mut live, "e"));
    let revision = edit(
        &mut live,
        r#""a": hum(level: 0.1), "e": ear(name: "values")"#,
        r#""a -> e""#,
    );
    assert_eq!(
        (revision.number, revision.set, revision.kept),
        (2, vec!["a".into()], vec!["e".into()])
    );
    assert_eq!(
        (generation(&mut live, "a"), generation(&mut live, "e")),
        before
    );
    let now = heard("values").len();
    until("the new level is heard", || {
        heard("values").len() > now + 9_600
    });
    let sound = heard("values");
    let loudest = |samples: &[f32]| {
        samples
            .iter()
            .fold(0f32, |most, sample| most.max(sample.abs()))
    };
    assert!(loudest(&sound[..4_800]) > 0.45 && loudest(&sound[now + 4_800..]) < 0.15);
    assert!(live.drain(END).is_empty());
}

#[test]
fn sound_goes_over_to_another_node_without_a_click_or_a_gap() {
    let mut live = start(
        r#""a": hum(frequency: 200), "e": ear(name: "fade")"#,
        r#""a -> e""#,
    );
    for round in 0..6 {
        let now = heard("fade").len();
        until("sound comes", || heard("fade").len() > now + 4_800);
        let revision = match round % 3 {
            // Built anew, taken out for another, put behind a further node.
            0 => edit(
                &mut live,
                r#""a": hum(frequency: 300), "e": ear(name: "fade")"#,
                r#""a -> e""#,
            ),
            1 => edit(
                &mut live,
                r#""b": hum(frequency: 250), "e": ear(name: "fade")"#,
                r#""b -> e""#,
            ),
            _ => edit(
                &mut live,
                r#""b": hum(frequency: 250), "s": softer(), "e": ear(name: "fade")"#,
                r#""b -> s -> e""#,
            ),
        };
        assert!(revision.kept.contains(&"e".to_owned()));
    }
    let now = heard("fade").len();
    until("sound comes", || heard("fade").len() > now + 4_800);
    live.drain(END);
    assert_eq!(kinds::gaps("fade"), 0, "every block came once");
    // The steepest that a sine of 300 Hz at level 0.5 is, and what the fade adds.
    let steepest = 0.5 * std::f32::consts::TAU * 300.0 / 48_000.0 + 2.0 * 0.5 / 480.0;
    let step = largest_step(&heard("fade"));
    assert!(
        step <= steepest * 1.05,
        "a step of {step}, at most {steepest} is the sound's own"
    );
}

#[test]
fn a_note_of_a_node_that_goes_is_ended() {
    let mut live = start(
        r#""a": press(pitch: 60), "k": keys(name: "removed")"#,
        r#""a -> k""#,
    );
    until("the note begins", || keys("removed").len() == 1);
    edit(
        &mut live,
        r#""b": press(pitch: 64), "k": keys(name: "removed")"#,
        r#""b -> k""#,
    );
    until("the other begins", || keys("removed").len() == 3);
    let seen = keys("removed");
    let pitches: Vec<(bool, u8)> = seen
        .iter()
        .map(|note| (matches!(note, Note::On { .. }), note.pitch()))
        .collect();
    assert!(
        pitches.contains(&(false, 60)) && pitches.contains(&(true, 64)),
        "{pitches:?}"
    );
    live.drain(END);
    assert!(
        keys("removed").contains(&Note::Off {
            channel: 0,
            pitch: 64
        }),
        "also at the end"
    );
}

#[test]
fn a_refused_edit_leaves_all_as_it_was_and_says_why() {
    let nodes = r#""a": hum(), "e": ear(name: "refused")"#;
    let mut live = start(nodes, r#""a -> e""#);
    let before = generation(&mut live, "a");
    for (wrong, why) in [
        ("broken()", "no chisel"),
        ("slow(seconds: 30)", "was not ready after 2 s"),
        ("crash()", "failed unexpectedly"),
    ] {
        let nodes = format!(r#"{nodes}, "w": {wrong}"#);
        let error = live
            .replace(graph(&nodes, r#""a -> e""#), &BTreeSet::new())
            .unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!((live.revision(), generation(&mut live, "a")), (1, before));
    let now = heard("refused").len();
    until("the sound goes on", || heard("refused").len() > now + 4_800);
    assert!(
        live.replace(graph(nodes, r#""a -> e""#), &BTreeSet::new())
            .unwrap()
            .is_none(),
        "nothing new, no revision"
    );
    live.drain(END);
    assert_eq!(kinds::gaps("refused"), 0);
}

#[test]
fn a_node_that_fails_begins_anew_while_the_rest_plays_on() {
    for (how, name) in [("fails", "fails"), ("panics", "panics")] {
        let nodes = format!(
            r#""n": press(pitch: 50), "f": frail({how}_after: 3), "k": keys(name: "{name}"), "a": hum(), "e": ear(name: "{name}")"#
        );
        let mut live = start(&nodes, r#""n -> f -> k", "a -> e""#);
        until("it fails", || live.status().nodes[1].failures == 1);
        until("it runs again", || {
            state(&mut live, "f") == NodeState::Running
        });
        until("its note is ended", || {
            keys(name).contains(&Note::Off {
                channel: 0,
                pitch: 99,
            })
        });
        until("it fails too often", || {
            state(&mut live, "f") == NodeState::Failed
        });
        let now = heard(name).len();
        until("the sound goes on", || heard(name).len() > now + 4_800);
        // The same patch again brings a node back that rests.
        let revision = live
            .replace(
                graph(&nodes, r#""n -> f -> k", "a -> e""#),
                &BTreeSet::new(),
            )
            .unwrap()
            .unwrap();
        assert_eq!(revision.begun, ["f"]);
        live.drain(END);
        assert_eq!(kinds::gaps(name), 0);
    }
}

#[test]
fn a_node_that_panicked_for_the_last_time_does_not_hang() {
    let mut live = start(
        r#""n": press(pitch: 50), "f": frail(panics_after: 1), "k": keys(name: "rests")"#,
        r#""n -> f -> k""#,
    );
    until("it fails too often", || {
        state(&mut live, "f") == NodeState::Failed
    });
    // As long as a call takes that hangs.
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(live.status().nodes[1].hangs, None);
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_node_that_hangs_holds_nobody_up_and_is_named_at_the_end() {
    let nodes = r#""a": hum(), "e": ear(name: "hangs"), "h": hang(seconds: 6)"#;
    let mut live = start(nodes, r#""a -> e", ~"a -> h""#);
    let started = Instant::now();
    until("it is seen to hang", || {
        live.status().nodes[2].hangs.is_some()
    });
    until("time passes", || {
        started.elapsed() > Duration::from_millis(1_500)
    });
    let waits = live
        .status()
        .wires
        .into_iter()
        .find(|wire| wire.name.ends_with("h.in"))
        .unwrap();
    assert!(
        waits.dropped > 0,
        "what waits too long is dropped and counted"
    );
    assert_eq!(live.drain(END).left, ["h"]);
    assert!(heard("hangs").len() > 48_000 && kinds::gaps("hangs") == 0);
}

#[test]
fn a_node_whose_inputs_are_not_wired_has_nothing_to_do_and_ends_with_the_run() {
    let mut live = start(
        r#""a": hum(), "e": ear(name: "wired"), "l": idler()"#,
        r#""a -> e""#,
    );
    until("sound comes", || heard("wired").len() > 4_800);
    let idler = live.status().nodes.into_iter().find(|node| node.id == "l");
    assert!(idler.unwrap().rate < 100.0, "it must not spin");
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_node_that_hung_five_seconds_goes_on_while_the_sound_never_stopped() {
    let nodes = r#""a": hum(), "e": ear(name: "hung"), "h": hang(seconds: 5)"#;
    let mut live = start(nodes, r#""a -> e", ~"a -> h""#);
    let taken = |live: &mut Live| {
        let wires = live.status().wires;
        let wire = wires.iter().find(|wire| wire.name.ends_with("h.in"));
        wire.unwrap().received
    };
    until("it is seen to hang", || {
        live.status().nodes[2].hangs.is_some()
    });
    let before = taken(&mut live);
    until("it takes again what comes", || taken(&mut live) > before);
    let generation = generation(&mut live, "h");
    assert_eq!((generation, state(&mut live, "h")), (3, NodeState::Running));
    live.drain(END);
    assert!(heard("hung").len() > 4 * 48_000 && kinds::gaps("hung") == 0);
}

#[test]
fn an_edit_that_takes_long_holds_nothing_up_and_gives_way_to_a_newer() {
    let nodes = r#""a": hum(level: 0.5), "e": ear(name: "meanwhile")"#;
    let mut live = start(nodes, r#""a -> e""#);
    let prepare = |live: &mut Live, nodes: &str| {
        let graph = graph(nodes, r#""a -> e""#);
        live.prepare(graph, &BTreeSet::new()).unwrap().unwrap()
    };
    let began = Instant::now();
    let slow = prepare(&mut live, &format!(r#"{nodes}, "s": slow(seconds: 60)"#));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(!slow.is_ready());
    assert_eq!(slow.waits_for(), [("s".to_owned(), "slow".to_owned())]);
    let now = heard("meanwhile").len();
    until("it plays on", || heard("meanwhile").len() > now + 4_800);
    assert_eq!(live.status().revision, 1);
    let newer = prepare(&mut live, &nodes.replace("0.5", "0.4"));
    assert!(newer.is_ready());
    assert_eq!(live.commit(newer).unwrap().set, ["a"]);
    assert!(live.commit(slow).is_none());
    assert_eq!(live.revision(), 2);
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_run_that_plays_nothing_yet_is_not_over() {
    let mut live = Live::new(&Settings::default(), LiveOptions::default());
    assert!(!live.is_over());
    assert_eq!((live.revision(), live.status().nodes.len()), (0, 0));
    let graph = graph(
        r#""a": hum(level: 0.5), "e": ear(name: "first")"#,
        r#""a -> e""#,
    );
    let mut edit = live.prepare(graph, &BTreeSet::new()).unwrap().unwrap();
    assert!(live.status().nodes.is_empty());
    while !edit.is_ready() {
        let built = edit.ready().recv_timeout(Duration::from_secs(20)).unwrap();
        edit.take(built).unwrap();
    }
    assert_eq!(live.commit(edit).unwrap().number, 1);
    until("sound comes", || heard("first").len() > 480);
    assert!(live.drain(END).is_empty());
}

#[test]
fn a_drained_run_finishes_its_files_at_once() {
    let live = start(r#""a": hum(), "e": ear(name: "drained")"#, r#""a -> e""#);
    until("sound comes", || heard("drained").len() > 4_800);
    let started = Instant::now();
    assert!(live.drain(END).is_empty());
    assert!(kinds::is_committed("drained") && started.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_end_of_a_run_waits_for_files_that_are_being_finished() {
    let live = start(
        r#""a": hum(), "w": write(name: "slow", finishes_in: 1.5)"#,
        r#""a -> w""#,
    );
    let started = Instant::now();
    assert!(live.drain(Duration::from_millis(200)).is_empty());
    assert!(kinds::is_committed("slow") && started.elapsed() > Duration::from_millis(1_500));
}

#[test]
fn a_node_that_cannot_write_is_tried_again_for_ever_and_named_as_lost() {
    let mut live = start(
        r#""a": hum(), "w": write(name: "full", fails: true)"#,
        r#""a -> w""#,
    );
    // More often than the policy allows to any other failure.
    until("it has failed often", || {
        live.status().nodes[1].failures > 6
    });
    assert_ne!(state(&mut live, "w"), NodeState::Failed);
    let revisions = kinds::begun("full");
    assert!(revisions.len() > 5 && revisions.iter().all(|known| *known == Some(1)));
    let drained = live.drain(END);
    assert!(drained.left.is_empty() && !drained.is_empty());
    assert_eq!(drained.lost, ["w"]);
}

#[test]
fn a_run_whose_sources_have_ended_is_over() {
    let mut live = start(
        r#""a": hum(seconds: 0.1), "e": ear(name: "over")"#,
        r#""a -> e""#,
    );
    until("it is over", || live.is_over());
    assert!(kinds::is_committed("over"));
}

#[test]
fn a_node_begins_anew_when_a_file_that_it_reads_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("curve.txt");
    std::fs::write(&file, "1").unwrap();
    let nodes = format!(
        r#""a": hum(curve: {:?}), "e": ear(name: "files")"#,
        file.display().to_string()
    );
    let mut live = start(&nodes, r#""a -> e""#);
    assert_eq!(live.files(), [file.clone()].into());
    let revision = live
        .replace(graph(&nodes, r#""a -> e""#), &[file].into())
        .unwrap()
        .unwrap();
    assert_eq!(
        (revision.begun, revision.kept),
        (vec!["a".to_owned()], vec!["e".to_owned()])
    );
    live.drain(END);
}

#[test]
fn whatever_edit_follows_whatever_edit_the_sound_has_no_gap_and_no_note_hangs() {
    let mut live = start(r#""a": hum(), "e": ear(name: "random")"#, r#""a -> e""#);
    let mut seed = 7u64;
    let mut draw = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for number in 0..60 {
        let mut nodes = format!(
            r#""a": hum(level: 0.{}, frequency: {}), "e": ear(name: "random")"#,
            1 + draw(5),
            200 + 50 * draw(2)
        );
        let mut chain = String::from("a -> ");
        for id in ["s", "t"] {
            if draw(2) == 0 {
                nodes += &format!(r#", "{id}": softer()"#);
                chain += &format!("{id} -> ");
            }
        }
        let mut wires = format!(r#""{chain}e""#);
        if draw(2) == 0 {
            // Keys of their own for every two edits: one that left and came back may overlap for a
            // moment, each on keys of its own, which are written down in one list here.
            nodes += &format!(
                r#", "p": press(pitch: {}), "k": keys(name: "random")"#,
                40 + number / 2
            );
            wires += r#", "p -> k""#;
        }
        if draw(5) == 0 {
            nodes += r#", "w": broken()"#;
        }
        // Refused edits are part of the game.
        let _ = live.replace(graph(&nodes, &wires), &BTreeSet::new());
        std::thread::sleep(Duration::from_millis(draw(60)));
    }
    live.drain(END);
    assert_eq!(kinds::gaps("random"), 0);
    let mut sounding = BTreeSet::new();
    for note in keys("random") {
        match note {
            Note::On { pitch, .. } => assert!(sounding.insert(pitch)),
            Note::Off { pitch, .. } => assert!(sounding.remove(&pitch)),
        }
    }
    assert!(sounding.is_empty(), "{sounding:?}");
}
