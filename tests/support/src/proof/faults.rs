//! What breaks while it plays, and how soon it is back.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::Process;
use crate::cuts_film as film;
use crate::house;
use crate::jack::Jack;
use crate::journal::Entry;
use crate::listener::{Listener, wall};
use crate::player::{Player, dropouts};

/// How long anything may take to come back.
const PATIENCE: Duration = Duration::from_secs(15);

/// A film, a model and a SoundFont of one's own; a tone that sounds all the time.
const PATCH: &str = r#"
    Patch(
        format: 1,
        transport: (tempo: 120, block: 256),
        nodes: {
            "camera": video_file(path: "cuts.mp4", loop: true),
            "eye":    frame_encoder(file: "own.onnx"),
            "tune":   music_decoder(),
            "piano":  synth(sound_font: "own.sf2"),
            "tone":   tone(frequency: 440, gain: -20),
            "mix":    mixer(),
            "sound":  audio_out(device: "JACK"),
        },
        wires: ["camera -> eye -> tune -> piano -> mix -> sound", "tone -> mix"],
    )
"#;

/// Durations in seconds.
#[derive(Debug)]
pub struct Faults {
    /// From the end of the film's decoder until another runs.
    pub decoder: f64,
    /// The longest time between two pictures then.
    pub pictures: f64,
    /// From saving garbage as the model and as the SoundFont until it is refused.
    pub refused: [f64; 2],
    /// From saving the right file again until it plays.
    pub replaced: [f64; 2],
    pub dropouts: u64,
    pub overruns: usize,
    /// Promises that were broken, in words.
    pub complaints: Vec<String>,
}

/// The node of this id in the newest status.
fn node(player: &Player, id: &str) -> Value {
    let statuses = player.statuses();
    let nodes = statuses
        .last()
        .and_then(|status| status["nodes"].as_array());
    let found = nodes.into_iter().flatten().find(|node| node["id"] == id);
    found.cloned().unwrap_or_default()
}

/// Kills the decoder of `player`'s film; how long until another runs.
fn kill_decoder(player: &Player) -> Option<f64> {
    let score = Process(player.program.0.id());
    let decoders = score.children("ffmpeg");
    let killed = Instant::now();
    decoders.first()?.kill();
    while killed.elapsed() < PATIENCE {
        if score
            .children("ffmpeg")
            .iter()
            .any(|child| !decoders.contains(child))
        {
            return Some(killed.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

/// The longest time between pictures whose second left in the three seconds after `from`.
fn longest_wait(log: &[Entry], from: f64) -> f64 {
    let pictures: Vec<f64> = log
        .iter()
        .filter(|entry| entry.message() == "picture")
        .map(|entry| entry.wall)
        .collect();
    pictures
        .windows(2)
        .filter(|pair| (from..from + 3.0).contains(&pair[1]))
        .fold(0.0, |most, pair| most.max(pair[1] - pair[0]))
}

/// Saves garbage in the place of `file`, and then what was there, which only node `id` reads.
fn spoil(player: &mut Player, file: &str, id: &str, complaints: &mut Vec<String>) -> (f64, f64) {
    let path = player.folder.join(file);
    let good = std::fs::read(&path).unwrap();
    let before = node(player, id)["generation"].clone();
    let lost = |complaints: &mut Vec<String>, what: &str| {
        complaints.push(format!("`{file}`: {what}"));
        f64::NAN
    };
    let saved = wall();
    std::fs::write(&path, "no such thing").unwrap();
    let refused = player.until(saved, PATIENCE, |entry| entry.value["refused"] == true);
    let refused = match refused {
        Some(entry) => entry.wall - saved,
        None => lost(complaints, "garbage was not refused"),
    };
    std::thread::sleep(Duration::from_millis(1_300));
    let meanwhile = node(player, id);
    if meanwhile["generation"] != before || meanwhile["state"] != "running" {
        complaints.push(format!("`{id}` did not play on: {meanwhile}"));
    }
    std::fs::write(path.with_extension("new"), good).unwrap();
    let saved = wall();
    std::fs::rename(path.with_extension("new"), &path).unwrap();
    let plays = player.until(saved, PATIENCE, |entry| entry.is_edit());
    let replaced = match plays {
        Some(entry) => {
            if entry.nodes("began") != [id] {
                complaints.push(format!("`{file}` began anew: {}", entry.message()));
            }
            entry.wall - saved
        }
        None => lost(complaints, "was not taken over when it was right again"),
    };
    (refused, replaced)
}

fn write_files(folder: &Path) {
    film::write(folder);
    let tests = house().join("tests");
    for (from, to) in [
        ("end_to_end/data/tiny_classifier.onnx", "own.onnx"),
        ("fuzz/seeds/sound_font/tiny.sf2", "own.sf2"),
    ] {
        std::fs::copy(tests.join(from), folder.join(to)).unwrap();
    }
}

/// Breaks a decoder and files while it plays; `None` without JACK.
pub fn faults(period: u32) -> Option<Faults> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let listener = Listener::start(&jack, &folder.path().join("heard"));
    let mut player = Player::start(&jack, folder.path(), PATCH);
    std::thread::sleep(Duration::from_secs(3));
    let mut complaints = Vec::new();
    let began = wall();
    let decoder = kill_decoder(&player).unwrap_or_else(|| {
        complaints.push("the decoder did not come back".to_owned());
        f64::NAN
    });
    std::thread::sleep(Duration::from_secs(3));
    let pictures = longest_wait(player.log(), began);
    let model = spoil(&mut player, "own.onnx", "eye", &mut complaints);
    let font = spoil(&mut player, "own.sf2", "piano", &mut complaints);
    std::thread::sleep(Duration::from_millis(1_300));
    let failed = ["camera", "eye", "tune", "piano", "tone", "mix", "sound"]
        .into_iter()
        .filter(|id| node(&player, id)["failures"] != 0);
    complaints.extend(failed.map(|id| format!("`{id}` failed")));
    let (_, statuses) = player.drain();
    Some(Faults {
        decoder,
        pictures,
        refused: [model.0, font.0],
        replaced: [model.1, font.1],
        dropouts: dropouts(&statuses),
        overruns: listener.end().overruns.len(),
        complaints,
    })
}

/// Kills the sound server and starts it again: how long from then until `score` plays on it again,
/// in seconds.
pub fn server(period: u32) -> Option<f64> {
    let mut jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let player = Player::start(&jack, folder.path(), PATCH);
    // The status comes once a second.
    std::thread::sleep(Duration::from_millis(2_500));
    let generation = node(&player, "sound")["generation"].clone();
    jack.kill();
    std::thread::sleep(Duration::from_millis(500));
    jack.restart();
    let started = wall();
    let listener = Listener::start(&jack, &folder.path().join("heard"));
    jack.until_port("score_out:out_1");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(
        node(&player, "sound")["generation"],
        generation,
        "the run plays on"
    );
    player.drain();
    let take = listener.end();
    let heard = take.sound.iter().position(|frame| frame[0].abs() > 1e-3);
    // What was heard from the first sample on was there before the listener.
    heard.map(|sample| take.wall_of(sample) - started)
}

/// Prints how soon everything is back.
pub fn print_faults(period: u32) {
    let Some(faults) = faults(period) else { return };
    let milliseconds = |seconds: f64| seconds * 1e3;
    println!(
        "decoder killed: another after {:.0} ms, at most {:.0} ms between pictures",
        milliseconds(faults.decoder),
        milliseconds(faults.pictures)
    );
    for (number, what) in ["model", "SoundFont"].into_iter().enumerate() {
        println!(
            "{what} replaced by garbage: refused after {:.0} ms; right again: plays after {:.0} ms",
            milliseconds(faults.refused[number]),
            milliseconds(faults.replaced[number])
        );
    }
    println!(
        "{} dropouts, {} overruns of the server; broken promises: {:?}",
        faults.dropouts, faults.overruns, faults.complaints
    );
    if let Some(back) = server(period) {
        println!(
            "jackd killed and started again: heard {:.0} ms after it is there",
            milliseconds(back)
        );
    }
}
