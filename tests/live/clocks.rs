//! One run leads and another follows, through JACK's dummy driver: by MIDI clock, by timecode, and
//! by JACK's transport.

use std::path::Path;
use std::time::{Duration, Instant};

use score_test_support::jack::{Jack, Running};
use score_test_support::player::Player;
use serde_json::Value;

/// How long anything may take on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes the patch of the run that leads.
fn lead(folder: &Path, patch: &str) -> [&'static str; 3] {
    std::fs::write(
        folder.join("leads.ron"),
        format!("Patch(format: 1, {patch})"),
    )
    .unwrap();
    ["run", "leads.ron", "--quiet"]
}

/// The clock of the latest status, once it is as `is_right` says.
fn until(player: &Player, what: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let statuses = player.statuses();
        let clock = statuses.last().map(|status| status["clock"].clone());
        let clock = clock.unwrap_or_default();
        if is_right(&clock) {
            return clock;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: {clock}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn is(state: &str) -> impl Fn(&Value) -> bool {
    move |clock| clock["state"] == state
}

/// A patch that is heard, and follows what `transport` says.
fn following(transport: &str) -> String {
    format!(
        r#"Patch(format: 1, transport: (tempo: 120, {transport}), nodes: {{
            "swell": lfo(), "tune": scale_walk(), "piano": synth(), "out": audio_out(device: "JACK"),
        }}, wires: ["swell -> tune -> piano -> out"])"#
    )
}

#[test]
fn a_run_follows_the_midi_clock_of_another_and_stops_with_it() {
    let Some(jack) = Jack::start(512) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let transport = r#"follow: midi_clock, clock_port: "JACK: score_midi_beat""#;
    let leads = r#"transport: (tempo: 93), nodes: {
        "beat": midi_clock_out(port: "JACK"), "tone": tone(gain: -60),
        "sound": audio_out(device: "JACK"),
    }, wires: ["tone -> sound"]"#;
    let leads = lead(folder.path(), leads);
    let player = Player::start(&jack, folder.path(), &following(transport));
    until(&player, "it waits", is("awaited"));
    let leader = Running::start(&mut jack.score(folder.path(), &leads));
    // The port is joined within half a second: by then the clock runs.
    let clock = until(&player, "it has a tempo", |clock| {
        let tempo = clock["tempo"].as_f64().unwrap_or_default();
        (tempo - 93.0).abs() < 0.5
    });
    assert!(
        clock["state"] == "tempo" || clock["state"] == "followed",
        "{clock}"
    );
    leader.drain();
    until(&player, "it stops", is("stopped"));
    let (log, _) = player.drain();
    assert!(
        log.iter()
            .any(|entry| entry.message().contains("has stopped"))
    );
}

#[test]
fn a_run_follows_the_timecode_of_another_to_some_milliseconds_and_waits_when_it_ends() {
    let Some(jack) = Jack::start(512) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let transport =
        r#"follow: timecode, clock_port: "JACK: score_midi_code", timecode_start: "01:00:00:00""#;
    let leads = r#"nodes: {
        "code": midi_timecode_out(port: "JACK", rate: fps24, hour: 1), "tone": tone(gain: -60),
        "sound": audio_out(device: "JACK"),
    }, wires: ["tone -> sound"]"#;
    let leads = lead(folder.path(), leads);
    let player = Player::start(&jack, folder.path(), &following(transport));
    until(&player, "it waits", is("awaited"));
    let leader = Running::start(&mut jack.score(folder.path(), &leads));
    let clock = until(&player, "it is followed", |clock| {
        let behind = clock["behind"].as_f64();
        clock["state"] == "followed" && behind.is_some_and(|behind| behind.abs() < 0.005)
    });
    let tempo = clock["tempo"].as_f64().unwrap();
    assert!((tempo - 120.0).abs() < 3.0, "{clock}");
    leader.drain();
    until(&player, "it ends", is("lost"));
    player.drain();
}

#[test]
fn a_run_follows_the_transport_of_jack_that_another_leads() {
    let Some(jack) = Jack::start(512) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let transport = "follow: jack";
    let leads = r#"nodes: {"lead": jack_transport_out(), "tone": tone(gain: -60),
        "sound": audio_out(device: "JACK"),
    }, wires: ["tone -> sound"]"#;
    let leads = lead(folder.path(), leads);
    let player = Player::start(&jack, folder.path(), &following(transport));
    until(&player, "it stands", is("stopped"));
    let leader = Running::start(&mut jack.score(folder.path(), &leads));
    until(&player, "it rolls", |clock| {
        let behind = clock["behind"].as_f64();
        clock["state"] == "followed" && behind.is_some_and(|behind| behind.abs() < 0.005)
    });
    leader.drain();
    until(&player, "it stands again", is("stopped"));
    player.drain();
}
