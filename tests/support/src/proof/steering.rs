//! What is set from outside while a patch plays: when it is heard, and what it costs.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;

use super::{Figures, patches, process::Process};
use crate::cuts_film as film;
use crate::graphs;
use crate::jack::{Jack, RATE};
use crate::listener::{Listener, wall};
use crate::player::{Player, dropouts};

/// Values that are set in turn: each is heard as the beginning of a tone.
const TONES: usize = 200;

/// A tone that is silent until it is set.
const SILENT: &str = r#"
    Patch(
        format: 1,
        transport: (block: 256),
        nodes: { "tone": tone(frequency: 1000, gain: -96), "sound": audio_out(device: "JACK") },
        wires: ["tone -> sound"],
    )
"#;

/// A tone of the loudness that it has when it is set.
pub struct Heard {
    /// From when the value was sent to the run until it was handed to the driver.
    pub latency: Figures,
    pub missed: usize,
    pub dropouts: u64,
}

/// Sets a tone's level again and again; `None` without JACK.
pub fn heard(tones: usize, period: u32) -> Option<Heard> {
    heard_through(tones, period, &[], |player| {
        let remote = player.remote();
        Box::new(move |gain| remote.set("tone", "gain", &gain.to_string()))
    })
}

/// What sets the tone's level.
pub(super) type Setter = Box<dyn FnMut(f32)>;

/// Sets a tone's level again and again through what `way` opens to a run that is started with
/// `more` on its command line; `None` without JACK.
pub(super) fn heard_through(
    tones: usize,
    period: u32,
    more: &[&str],
    way: impl FnOnce(&mut Player) -> Setter,
) -> Option<Heard> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start(&jack, &folder.path().join("heard"));
    let mut player = Player::start_with(&jack, folder.path(), SILENT, more);
    std::thread::sleep(Duration::from_secs(1));
    let mut set = way(&mut player);
    let mut sent = Vec::new();
    for number in 0..tones {
        sent.push(wall());
        set(-6.0);
        // Not in step with the blocks.
        std::thread::sleep(Duration::from_micros(100_000 + number as u64 * 137 % 5_000));
        set(-96.0);
        std::thread::sleep(Duration::from_millis(150));
    }
    let dropouts = dropouts(&player.statuses());
    player.drain();
    let onsets = listener.end().onsets();
    let latency: Vec<f64> = (sent.iter())
        .filter_map(|sent| {
            let mut later = onsets.iter().filter(|onset| *onset >= sent);
            later
                .next()
                .map(|onset| onset - sent)
                .filter(|latency| *latency < 0.2)
        })
        .collect();
    Some(Heard {
        missed: tones - latency.len(),
        latency: Figures::new(latency),
        dropouts,
    })
}

/// What a thousand new tempi did to `graphs/stream_live.ron` as it played.
pub struct Tempi {
    pub dropouts: u64,
    /// Nodes that began anew.
    pub begun: usize,
    pub failures: u64,
}

/// Plays at one tempo after another; `None` without JACK.
pub fn tempi(count: usize, period: u32) -> Option<Tempi> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    film::write(folder.path());
    let player = Player::start(&jack, folder.path(), &patches::shipped("stream_live"));
    std::thread::sleep(Duration::from_secs(3));
    let remote = player.remote();
    let (before, dropped) = (generations(&player), dropouts(&player.statuses()));
    for number in 0..count {
        let tempo = 70 + number * 37 % 90;
        remote.set("transport", "tempo", &tempo.to_string());
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(2));
    let after = generations(&player);
    let (_, statuses) = player.drain();
    Some(Tempi {
        dropouts: dropouts(&statuses) - dropped,
        begun: changed(&before, &after),
        failures: failures(&statuses),
    })
}

/// What a thousand cues, presets and hands did to `graphs/two_cues.ron` as it played.
pub struct Cued {
    pub dropouts: u64,
    /// Nodes that began anew.
    pub begun: usize,
    pub failures: u64,
    /// Values that are not exactly what was said of them last.
    pub wrong: Vec<String>,
}

/// Calls cues, recalls presets and touches knobs at random; `None` without JACK.
pub fn cued(count: usize, period: u32) -> Option<Cued> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(graphs().join("two_cues.ron")).unwrap();
    let text = text.replace("audio_out()", "audio_out(device: \"JACK\")");
    let player = Player::start(&jack, folder.path(), &text);
    std::thread::sleep(Duration::from_secs(3));
    let remote = player.remote();
    let mut connection = remote.connect();
    let (before, dropped) = (generations(&player), dropouts(&player.statuses()));
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let mut below = |end: u64| random.next_u64() % end;
    for _ in 0..count {
        let name = ["calm", "storm"][below(2) as usize];
        let request = match below(4) {
            0 | 1 => json!({ "cue": { "cue": name } }),
            2 => {
                let glide = below(50) as f64 / 25.0;
                json!({ "recall": { "preset": name, "glide": glide } })
            }
            _ => {
                let gain = format!("-{}", below(12));
                let value = json!({ "node": "mix", "param": "gain", "value": gain });
                json!({ "set": { "values": [value] } })
            }
        };
        let answer = connection.ask(&request);
        assert!(answer.get("ok").is_some(), "{answer}");
        std::thread::sleep(Duration::from_millis(5 + below(30)));
    }
    // No cue waits for its bar any more; all of it at once, and then a morph to its end.
    connection.ask(&json!("stop_cues"));
    for (name, glide) in [("storm", 0.0), ("calm", 1.5)] {
        let answer = connection.ask(&json!({ "recall": { "preset": name, "glide": glide } }));
        assert!(answer.get("ok").is_some(), "{answer}");
    }
    std::thread::sleep(Duration::from_secs(4));
    let presets = connection.ask(&json!("presets"))["ok"].clone();
    let nodes = connection.ask(&json!("get"))["ok"].clone();
    let calm = presets.as_array().unwrap()[0]["values"].clone();
    let wrong = calm.as_array().unwrap().iter().filter_map(|wanted| {
        let nodes = nodes.as_array().unwrap().iter();
        let node = nodes.clone().find(|node| node["id"] == wanted["node"])?;
        let mut values = node["values"].as_array()?.iter();
        let value = values.find(|value| value["name"] == wanted["param"])?;
        let is_exact = value["value"] == wanted["value"];
        (!is_exact).then(|| format!("{wanted} is {}", value["value"]))
    });
    let wrong = wrong.collect();
    let after = generations(&player);
    let (_, statuses) = player.drain();
    Some(Cued {
        dropouts: dropouts(&statuses) - dropped,
        begun: changed(&before, &after),
        failures: failures(&statuses),
        wrong,
    })
}

/// The generation of each node.
fn generations(player: &Player) -> Vec<u64> {
    let statuses = player.statuses();
    let nodes = statuses.last().unwrap()["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["generation"].as_u64().unwrap())
        .collect()
}

/// How many are others.
fn changed(before: &[u64], after: &[u64]) -> usize {
    let pairs = before.iter().zip(after);
    pairs.filter(|(before, after)| before != after).count()
}

/// How often nodes have failed.
fn failures(statuses: &[serde_json::Value]) -> u64 {
    let last = statuses.last().unwrap()["nodes"].as_array().unwrap();
    last.iter()
        .map(|node| node["failures"].as_u64().unwrap())
        .sum()
}

/// The share of a core that the run takes over `seconds`, while `work` is done again and again.
pub(super) fn cost(player: &Player, seconds: f64, mut work: impl FnMut()) -> (f64, usize) {
    let score = Process(player.program.0.id());
    let (before, started) = (score.processor_time(), Instant::now());
    let mut count = 0;
    while started.elapsed().as_secs_f64() < seconds {
        work();
        count += 1;
    }
    let taken = score.processor_time() - before;
    (taken / started.elapsed().as_secs_f64(), count)
}

/// Prints when values are heard, and what a thousand a second and a thousand tempi do.
pub fn print_steering(period: u32) {
    let Some(heard) = heard(TONES, period) else {
        return;
    };
    println!(
        "set to heard ({period} frames a period): {}; {} missed, {} dropouts",
        heard.latency, heard.missed, heard.dropouts
    );
    println!(
        "  at most {:.1} ms are wanted at p95: four blocks, and a period of the server",
        5.0 * f64::from(period) / f64::from(RATE) * 1e3
    );
    let Some(tempi) = tempi(1_000, period) else {
        return;
    };
    println!(
        "1,000 new tempi while stream_live plays: {} dropouts, {} nodes begun anew, {} failures",
        tempi.dropouts, tempi.begun, tempi.failures
    );
    let Some(cued) = cued(1_000, period) else {
        return;
    };
    println!(
        "1,000 cues, presets and hands at random while two_cues plays: {} dropouts, {} nodes begun anew, {} failures; {} values not exact",
        cued.dropouts,
        cued.begun,
        cued.failures,
        cued.wrong.len()
    );
    let Some(jack) = Jack::start(period) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let player = Player::start(&jack, folder.path(), SILENT);
    std::thread::sleep(Duration::from_secs(2));
    let remote = player.remote();
    let millisecond = Duration::from_millis(1);
    let (idle, _) = cost(&player, 20.0, || std::thread::sleep(millisecond));
    let mut number = 0;
    let (busy, count) = cost(&player, 20.0, || {
        // A hundred values a request, ten times a second, as a desk or a script sends them.
        let values: Vec<serde_json::Value> = (0..100)
            .map(|_| {
                number += 1;
                let gain = -40 - number % 20;
                serde_json::json!({ "node": "tone", "param": "gain", "value": gain.to_string() })
            })
            .collect();
        remote.ask(&serde_json::json!({ "set": { "values": values } }));
        std::thread::sleep(Duration::from_millis(99));
    });
    println!(
        "{:.0} values a second: {:.2} % of a core more (of {:.2} %)",
        count as f64 * 100.0 / 20.0,
        (busy - idle) * 100.0,
        idle * 100.0
    );
    let (one, count) = cost(&player, 20.0, || {
        number += 1;
        remote.set("tone", "gain", &(-40 - number % 20).to_string());
        std::thread::sleep(Duration::from_micros(900));
    });
    println!(
        "{:.0} connections of one value a second: {:.2} % of a core more",
        count as f64 / 20.0,
        (one - idle) * 100.0
    );
    let mut connection = remote.connect();
    let (one, count) = cost(&player, 20.0, || {
        number += 1;
        connection.set("tone", "gain", &(-40 - number % 20).to_string());
        std::thread::sleep(Duration::from_micros(900));
    });
    println!(
        "{:.0} requests of one value a second over one connection: {:.2} % of a core more",
        count as f64 / 20.0,
        (one - idle) * 100.0
    );
    player.drain();
}
