//! What open pages cost, and whether any makes the sound wait.

use std::time::{Duration, Instant};

use serde_json::json;
use tungstenite::Message;

use super::steering::{Heard, cost, heard_through};
use super::{patches, process::Process};
use crate::cuts_film as film;
use crate::jack::Jack;
use crate::page_client::{Door, Open};
use crate::player::{Player, dropouts};
use crate::program;

/// Pages that are open, and those of them that read nothing.
const PAGES: usize = 50;
const STALLED: usize = 10;

/// What an open page asks for: all that the cards of the patch show.
const OUTPUTS: [&str; 7] = [
    "camera.frames",
    "cuts.cut",
    "drums.sound",
    "hit.notes",
    "drums.audio",
    "hit.hit",
    "cuts.change",
];

/// What pages cost.
pub struct Cost {
    /// A core's share more with one page.
    pub one: f64,
    /// Megabytes more with one page.
    pub memory: f64,
    /// A core's share more with all of them.
    pub many: f64,
    /// Messages of a second that a page which reads gets while others are stalled.
    pub told: f64,
    pub dropouts: u64,
}

/// Plays a patch with no page open, with one, and with `pages`, of which `stalled` read nothing;
/// `None` without JACK.
pub fn cost_of(pages: usize, stalled: usize, seconds: f64, period: u32) -> Option<Cost> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    film::write(folder.path());
    let mut player = Player::start_with(&jack, folder.path(), &patches::hits(), &["--page", "0"]);
    let (door, cookie) = let_in(&mut player);
    let score = Process(player.program.0.id());
    let pause = || std::thread::sleep(Duration::from_millis(20));
    std::thread::sleep(Duration::from_secs(3));
    let (alone, _) = cost(&player, seconds, pause);
    let (memory, open) = (score.memory(), || {
        let mut open = door.open(&cookie);
        open.send(&json!({ "look": { "outputs": OUTPUTS } }));
        open.send(&json!({ "score": { "is": true } }));
        open
    });
    let mut first = open();
    let (one, _) = cost(&player, seconds, || read(&mut first));
    let memory = score.memory() - memory;
    let mut reading: Vec<Open> = (0..pages - stalled - 1).map(|_| open()).collect();
    let _stalled: Vec<Open> = (0..stalled).map(|_| open()).collect();
    for open in &reading {
        let _ = open.socket.get_ref().set_nonblocking(true);
    }
    let (mut told, begun) = (0, Instant::now());
    let (many, _) = cost(&player, seconds, || {
        read(&mut first);
        told += 1;
        for open in &mut reading {
            while open.socket.read().is_ok() {}
        }
    });
    let told = f64::from(told) / begun.elapsed().as_secs_f64();
    let dropouts = dropouts(&player.statuses());
    player.drain();
    Some(Cost {
        one: one - alone,
        memory,
        many: many - alone,
        told,
        dropouts,
    })
}

/// What one page costs that is open for long.
pub struct Long {
    /// A core's share without it, and more with it.
    pub alone: f64,
    pub more: f64,
    /// Megabytes more at its end.
    pub memory: f64,
    pub dropouts: u64,
}

/// Plays the patch `live` without a page for a minute, and then for `seconds` with one that shows every
/// node and the score strip; `None` without JACK.
pub fn cost_of_one(seconds: f64, period: u32) -> Option<Long> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    film::write(folder.path());
    let patch = patches::shipped("live");
    let mut player = Player::start_with(&jack, folder.path(), &patch, &["--page", "0"]);
    let (door, cookie) = let_in(&mut player);
    let score = Process(player.program.0.id());
    let pause = || std::thread::sleep(Duration::from_millis(20));
    // Models are loaded, and what they need of memory is taken.
    std::thread::sleep(Duration::from_secs(20));
    let before = dropouts(&player.statuses());
    let (alone, _) = cost(&player, seconds.min(60.0), pause);
    let memory = score.memory();
    let mut open = door.open(&cookie);
    let plan = open.until(|told| told["plan"].is_object());
    let nodes = plan["plan"]["nodes"].as_array().unwrap();
    let outputs = nodes.iter().filter_map(|node| {
        let (id, output) = (node["id"].as_str()?, node["outputs"][0]["name"].as_str()?);
        Some(format!("{id}.{output}"))
    });
    let outputs: Vec<String> = outputs.collect();
    open.send(&json!({ "look": { "outputs": outputs } }));
    open.send(&json!({ "score": { "is": true } }));
    let (with, _) = cost(&player, seconds, || read(&mut open));
    let memory = score.memory() - memory;
    let dropouts = dropouts(&player.statuses()) - before;
    player.drain();
    Some(Long {
        alone,
        more: with - alone,
        memory,
        dropouts,
    })
}

/// Prints what one page costs that is open for so many minutes.
pub fn print_long(minutes: f64, period: u32) {
    if let Some(long) = cost_of_one(minutes * 60.0, period) {
        println!(
            "live.ron takes {:.1} % of a core; one page with every node and the score strip, open for {minutes} minutes: \
             {:.2} % of a core and {:.1} MB more, {} dropouts",
            long.alone * 100.0,
            long.more * 100.0,
            long.memory,
            long.dropouts
        );
    }
}

/// The page of a run that was started with `--page 0`, and the cookie of a browser that may turn.
fn let_in(player: &mut Player) -> (Door, String) {
    let link = program(&player.folder, &["page", "link", "--turn"])
        .env("XDG_CONFIG_HOME", player.folder.join("config"))
        .output()
        .unwrap();
    let secret = String::from_utf8(link.stdout).unwrap();
    let secret = secret.trim().rsplit('#').next().unwrap().to_owned();
    let line = player
        .until(0.0, Duration::from_secs(20), |entry| {
            entry.message().starts_with("the page is served at")
        })
        .expect("the run has a page");
    let door = Door::of(&format!("{}/enter#{secret}", line.message()));
    let cookie = door.cookie(&secret);
    (door, cookie)
}

/// Sets a tone's level through an open page; `None` without JACK.
pub fn heard(tones: usize, period: u32) -> Option<Heard> {
    heard_through(tones, period, &["--page", "0"], |player| {
        let (door, cookie) = let_in(player);
        let mut open = door.open(&cookie);
        Box::new(move |gain| {
            let value = json!({ "node": "tone", "param": "gain", "value": gain.to_string() });
            let answer = open.ask(&json!({ "set": { "values": [value] } }));
            assert!(answer["errors"].is_null(), "{answer}");
        })
    })
}

/// Reads until a message of text.
fn read(open: &mut Open) {
    while !matches!(open.socket.read().unwrap(), Message::Text(_)) {}
}

/// Prints what open pages cost.
pub fn print_pages(period: u32) {
    if let Some(heard) = heard(100, period) {
        println!(
            "turned in a page to heard ({period} frames a period): {}; {} missed, {} dropouts",
            heard.latency, heard.missed, heard.dropouts
        );
    }
    let Some(cost) = cost_of(PAGES, STALLED, 20.0, period) else {
        return;
    };
    println!(
        "one page: {:.2} % of a core and {:.1} MB more; {PAGES} pages, {STALLED} of them stalled: \
         {:.1} % of a core more, {:.1} messages a second, {} dropouts",
        cost.one * 100.0,
        cost.memory,
        cost.many * 100.0,
        cost.told,
        cost.dropouts
    );
}
