//! Edits while it plays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

use super::Figures;
use super::trouble::Trouble;
use crate::cuts_film as film;
use crate::jack::{Jack, RATE};
use crate::listener::{Listener, Take, wall};
use crate::player::{PATCH, Player, dropouts};
use crate::witness::Witness;

/// Levels of the left tone, in dB; a valid edit goes from one to the other.
const LEVELS: [f64; 2] = [-20.0, -26.0];

/// Its pitch in Hz: two turns in a millisecond.
const PITCH: f64 = 2_000.0;

/// The right tone's level in dB and its highest pitch in Hz.
const RIGHT: (f64, f64) = (-26.0, 600.0);

/// Nodes on which no edit is made.
const UNTOUCHED: [&str; 4] = ["camera", "cuts", "count", "sound"];

/// What the patch is at a moment.
#[derive(Clone, Default)]
struct Scene {
    /// Which of the levels the left tone has.
    loud: usize,
    /// The right tone's pitch, where it is there.
    right: Option<u32>,
    /// Whether the right tone goes through an effect.
    wet: bool,
    /// Whether there is a melody, and its temperature.
    melody: Option<u32>,
}

impl Scene {
    fn text(&self) -> String {
        let mut nodes = format!(
            r#"
        "camera": video_file(path: "cuts.mp4", loop: true),
        "cuts": cut_detector(confirm: 0),
        "count": accent(),
        "notes": midi_out(port: "JACK: listener"),
        "left": tone(frequency: {PITCH}, gain: {}, channel: 1),
        "mix": mixer(),
        "sound": audio_out(device: "JACK"),
"#,
            LEVELS[self.loud]
        );
        let mut wires = r#"
        "camera -> cuts", "cuts.cut -> count", "left -> mix -> sound",
"#
        .to_owned();
        if let Some(pitch) = self.right {
            nodes += &format!(
                r#""right": tone(frequency: {pitch}, gain: {}, channel: 2),"#,
                RIGHT.0
            );
            wires += match self.wet {
                true => r#""right -> soft -> mix","#,
                false => r#""right -> mix","#,
            };
            if self.wet {
                nodes += r#""soft": mixer(gain: -3),"#;
            }
        }
        if let Some(temperature) = self.melody {
            nodes += &format!(
                r#""codes": latent_random(every: 0.5), "tune": music_decoder(temperature: 0.{temperature}),"#
            );
            wires += r#""codes -> tune -> notes","#;
        }
        format!(
            "Patch(format: 1, transport: (tempo: 120, block: 256), nodes: {{{nodes}}}, wires: [{wires}])\n"
        )
    }

    /// Another one. Whether only live values differ.
    fn edit(&mut self, draw: &mut impl FnMut(u32) -> u32) -> bool {
        self.loud = 1 - self.loud;
        match draw(6) {
            0 => {
                self.right = if self.right.is_some() {
                    None
                } else {
                    Some(200 + 50 * draw(9))
                }
            }
            1 if self.right.is_some() => self.right = Some(200 + 50 * draw(9)),
            2 if self.right.is_some() => self.wet = !self.wet,
            3 => self.melody = if self.melody.is_some() { None } else { Some(5) },
            4 if self.melody.is_some() => {
                self.melody = Some(1 + draw(9));
                return true;
            }
            _ => return true,
        }
        false
    }

    /// A patch with a mistake.
    fn broken(&self, draw: &mut impl FnMut(u32) -> u32) -> String {
        let text = self.text();
        let level = format!("gain: {},", LEVELS[self.loud]);
        match draw(7) {
            0 => text.replace("mixer()", "mixxer()"),
            1 => text.replace(&level, "gain: 400,"),
            2 => text.replace("left -> mix", "left -> nowhere"),
            3 => text.replace("cuts.mp4", "no-such-film.mp4"),
            4 => text.replace("camera -> cuts", "camera -> mix"),
            5 => text[..text.len() * 2 / 3].to_owned(),
            _ => text.replace("wires: [", "wires: ]"),
        }
    }
}

/// Saves `text` as one of three kinds of editors does; when it began to put the whole text in its
/// place.
fn save(folder: &Path, text: &str, how: u32) -> f64 {
    let path = folder.join(PATCH);
    let new = folder.join("patch.ron~");
    match how {
        0 => std::fs::write(&new, text).unwrap(),
        1 => {}
        _ => {
            std::fs::write(&path, &text[..text.len() / 2]).unwrap();
            std::thread::sleep(Duration::from_millis(60));
        }
    }
    let saved = wall();
    match how {
        0 => std::fs::rename(new, path).unwrap(),
        _ => std::fs::write(path, text).unwrap(),
    }
    saved
}

/// An edit that was taken over.
struct Taken {
    saved: f64,
    /// Since when the log says that it plays.
    told: f64,
    only_values: bool,
    loud: usize,
    has_melody: bool,
    loads_model: bool,
    /// What the log says.
    what: String,
}

/// A step between neighbouring samples that is larger than the sound's own.
#[derive(Debug)]
pub struct Jump {
    /// Whether the server missed a period then, or the machine stood still.
    pub is_excused: bool,
    /// What it is, and which edit was last.
    pub text: String,
}

/// What came of many edits.
#[derive(Default)]
pub struct Edits {
    pub taken: usize,
    pub refused: usize,
    /// Edits of which nothing was told.
    pub ignored: usize,
    /// From saving to the changed sound, of edits that change values only, and of the others.
    pub heard: Vec<f64>,
    pub heard_rebuilt: Vec<f64>,
    /// The same of edits that begin a node which loads a model.
    pub heard_loaded: Vec<f64>,
    /// From saving until the log says so.
    pub told: Vec<f64>,
    /// Edits that were not heard within a second.
    pub unheard: usize,
    pub dropouts: u64,
    /// Dropouts with which neither the server nor the machine had to do.
    pub own_dropouts: u64,
    pub overruns: usize,
    /// The largest step of each side, and the largest that its sound may have.
    pub steps: [(f32, f32); 2],
    /// Where the sound jumps.
    pub jumps: Vec<Jump>,
    /// What the server and the machine did, in words.
    pub trouble: String,
    /// Promises that were broken, in words.
    pub complaints: Vec<String>,
}

/// Makes `count` edits drawn from `seed`; `None` without JACK.
pub fn edits(count: usize, seed: u64, period: u32) -> Option<Edits> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    film::write(folder.path());
    let listener = Listener::start(&jack, &folder.path().join("heard"));
    let mut scene = Scene::default();
    let mut player = Player::start(&jack, folder.path(), &scene.text());
    std::thread::sleep(Duration::from_millis(2_500));
    let witness = Witness::start(&folder.path().join("witness"));
    let began = wall();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = move |below: u32| rng.next_u32() % below;
    let mut done = Edits::default();
    let mut taken = Vec::new();
    let patience = Duration::from_secs(5);
    for _ in 0..count {
        // As fast as a restless artist, and no beat with anything that plays.
        std::thread::sleep(Duration::from_millis(u64::from(draw(40))));
        let how = draw(3);
        if draw(3) == 0 {
            let text = scene.broken(&mut draw);
            let saved = save(folder.path(), &text, how.min(1));
            let told = player.until(saved, patience, |entry| {
                entry.value["refused"] == true || entry.is_edit()
            });
            match told {
                Some(entry) if entry.value["refused"] == true => done.refused += 1,
                Some(_) => done.complaints.push("a broken patch was taken".to_owned()),
                None => done.ignored += 1,
            }
        } else {
            let only_values = scene.edit(&mut draw);
            let saved = save(folder.path(), &scene.text(), how);
            let told = player.until(saved, patience, |entry| entry.is_edit());
            let Some(told) = told else {
                done.ignored += 1;
                continue;
            };
            done.told.push(told.wall - saved);
            for id in UNTOUCHED {
                if ["began", "got new values", "went"]
                    .iter()
                    .any(|list| told.nodes(list).contains(&id))
                {
                    done.complaints.push(format!("`{id}` did not play on"));
                }
            }
            taken.push(Taken {
                saved,
                told: told.wall,
                only_values,
                loud: scene.loud,
                has_melody: scene.melody.is_some(),
                loads_model: told.nodes("began").contains(&"tune"),
                what: told.message().to_owned(),
            });
        }
    }
    // Two more lines of status.
    std::thread::sleep(Duration::from_millis(2_300));
    let (log, statuses) = player.drain();
    std::thread::sleep(Duration::from_millis(200));
    let ended = wall();
    let take = listener.end();
    let trouble = Trouble::new(&take.overruns, witness.map(Witness::end));
    done.taken = taken.len();
    done.dropouts = dropouts(&statuses);
    done.own_dropouts = trouble.dropouts_elsewhere(done.dropouts, &log);
    done.overruns = take.overruns.len();
    done.steps = steps(&take, began);
    done.jumps = jumps(&take, began, &taken, done.steps, &trouble);
    done.trouble = trouble.describe(began, ended);
    hear(&take, &taken, &mut done);
    done.complaints.extend(generations(&statuses));
    done.complaints.extend(wires(&statuses));
    done.complaints.extend(notes(&take, &taken));
    Some(done)
}

fn amplitude(level: f64) -> f64 {
    10f64.powf(level / 20.0)
}

/// The largest steps, and what the sides' sounds may have: a sine's slope, and where it goes to
/// another level or another tone, that of a block's ramp and a fade of 10 ms.
fn steps(take: &Take, began: f64) -> [(f32, f32); 2] {
    let rate = f64::from(RATE);
    let most = |amplitude: f64, pitch: f64| {
        let slope = amplitude * pitch * std::f64::consts::TAU / rate;
        (slope + amplitude * (1.0 / 256.0 + 2.0 / (0.01 * rate)) + 1e-4) as f32
    };
    let allowed = [
        most(amplitude(LEVELS[0]), PITCH),
        // Old and new tone together while one goes over into the other.
        most(amplitude(RIGHT.0), RIGHT.1),
    ];
    [0, 1].map(|side| (take.largest_step(side, began).0, allowed[side]))
}

/// Where steps are larger than they may be, and which edit was last: the first in each tenth of a
/// second.
fn jumps(
    take: &Take,
    began: f64,
    taken: &[Taken],
    steps: [(f32, f32); 2],
    trouble: &Trouble,
) -> Vec<Jump> {
    let mut jumps = Vec::new();
    for (side, (_, allowed)) in steps.into_iter().enumerate() {
        let mut last = 0;
        for number in take.sample_at(began).max(1)..take.sound.len() {
            let (before, after) = (take.sound[number - 1][side], take.sound[number][side]);
            if (after - before).abs() <= allowed || number < last + RATE as usize / 10 {
                continue;
            }
            last = number;
            let wall = take.wall_of(number);
            let edit = taken.iter().rev().find(|edit| edit.saved < wall);
            let text = edit.map_or(String::new(), |edit| {
                let (saved, told) = (wall - edit.saved, wall - edit.told);
                format!(
                    "{:.1} ms after saving, {:.1} ms after taking over: {}",
                    saved * 1e3,
                    told * 1e3,
                    edit.what
                )
            });
            jumps.push(Jump {
                is_excused: trouble.is_near(wall, wall),
                text: format!("side {side}: {before:.4} to {after:.4}, {text}"),
            });
        }
    }
    jumps
}

/// When the left tone's level changes after each saving.
fn hear(take: &Take, taken: &[Taken], done: &mut Edits) {
    let mut before = amplitude(LEVELS[0]);
    for edit in taken {
        let level = amplitude(LEVELS[edit.loud]);
        let from = take.sample_at(edit.saved);
        // A millisecond is two turns.
        let window = (RATE / 1_000) as usize;
        let changed = take.sound[from..]
            .chunks_exact(window)
            .take(1_000)
            .position(|chunk| {
                let peak = chunk
                    .iter()
                    .fold(0f32, |most, frame| most.max(frame[0].abs()));
                (f64::from(peak) - before).abs() > (level - before).abs() * 0.5
            });
        if (level - before).abs() < 1e-9 {
            continue;
        }
        before = level;
        match changed {
            Some(number) => {
                let heard = take.wall_of(from + number * window) - edit.saved;
                match (edit.loads_model, edit.only_values) {
                    (true, _) => &mut done.heard_loaded,
                    (false, true) => &mut done.heard,
                    (false, false) => &mut done.heard_rebuilt,
                }
                .push(heard);
            }
            None => done.unheard += 1,
        }
    }
}

/// Nodes on which no edit is made keep their generation and never fail.
fn generations(statuses: &[Value]) -> Vec<String> {
    let mut first: BTreeMap<String, Value> = BTreeMap::new();
    let mut complaints = BTreeSet::new();
    for status in statuses {
        for node in status["nodes"].as_array().into_iter().flatten() {
            let id = node["id"].as_str().unwrap_or_default();
            if node["failures"] != 0 {
                complaints.insert(format!("`{id}` failed"));
            }
            if UNTOUCHED.contains(&id) {
                let generation = first
                    .entry(id.to_owned())
                    .or_insert_with(|| node["generation"].clone());
                if *generation != node["generation"] {
                    complaints.insert(format!("`{id}` began anew"));
                }
            }
        }
    }
    complaints.into_iter().collect()
}

/// Nothing is lost on any wire without being counted. A wire's numbers are read one after another
/// while it works, so they may differ a little, but not always and not by more and more.
fn wires(statuses: &[Value]) -> Vec<String> {
    let mut least: BTreeMap<(String, usize), i64> = BTreeMap::new();
    let mut sent: BTreeMap<String, u64> = BTreeMap::new();
    let mut complaints = BTreeSet::new();
    for (number, status) in statuses.iter().enumerate() {
        for wire in status["wires"].as_array().into_iter().flatten() {
            let count = |name: &str| wire[name].as_u64().unwrap_or(0);
            let name = wire["name"].as_str().unwrap_or_default().to_owned();
            let apart = (count("sent") as i64 - count("received") as i64)
                - (count("dropped") as i64 + count("depth") as i64);
            if apart.abs() > 3 {
                complaints.insert(format!("{name}: {apart} packets uncounted"));
            }
            if name.starts_with("camera.") {
                let before = sent.insert(name.clone(), count("sent"));
                if before.is_some_and(|before| before > count("sent")) {
                    complaints.insert(format!("{name} counts anew"));
                }
                // Of each ten looks one at least finds it in order.
                let least = least.entry((name, number / 10)).or_insert(i64::MAX);
                *least = (*least).min(apart.abs());
            }
        }
    }
    for ((name, tenth), least) in least {
        if least != 0 && statuses.len() >= (tenth + 1) * 10 {
            complaints.insert(format!("{name}: always {least} packets uncounted"));
        }
    }
    complaints.into_iter().collect()
}

/// Every note ends: at the latest 300 ms after the melody went, and when the run ends.
fn notes(take: &Take, taken: &[Taken]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut sounding: BTreeSet<u8> = BTreeSet::new();
    let mut edits = taken.iter().peekable();
    let mut silent_from: Option<f64> = None;
    for (wall, [status, pitch, velocity]) in &take.messages {
        while let Some(edit) = edits.next_if(|edit| edit.told <= *wall) {
            silent_from = match edit.has_melody {
                true => None,
                false => silent_from.or(Some(edit.told)),
            };
        }
        match (status & 0xF0, velocity) {
            (0x90, 1..) => {
                if silent_from.is_some_and(|from| *wall > from + 0.3) {
                    complaints.push("a note of a melody that is gone".to_owned());
                }
                sounding.insert(*pitch);
            }
            (0x90 | 0x80, _) => {
                sounding.remove(pitch);
                if silent_from.is_some_and(|from| *wall > from + 0.3) {
                    complaints.push("a note ended late after its melody went".to_owned());
                }
            }
            _ => {}
        }
    }
    if !sounding.is_empty() {
        complaints.push(format!("notes hang: {sounding:?}"));
    }
    if take.messages.is_empty() && taken.iter().any(|edit| edit.has_melody) {
        complaints.push("no note was heard".to_owned());
    }
    complaints
}

/// Prints what came of `count` edits.
pub fn print_edits(count: usize, seed: u64, period: u32) {
    let Some(done) = edits(count, seed, period) else {
        return;
    };
    println!(
        "{count} edits ({period} frames a period): {} taken, {} refused, {} without an answer; {} dropouts",
        done.taken, done.refused, done.ignored, done.dropouts
    );
    println!(
        "the server missed {} periods; {}",
        done.overruns, done.trouble
    );
    println!("saved to heard, values: {}", Figures::new(done.heard));
    println!(
        "saved to heard, nodes and wires: {}",
        Figures::new(done.heard_rebuilt)
    );
    println!(
        "saved to heard, with a model to load: {}",
        Figures::new(done.heard_loaded)
    );
    println!(
        "saved to told: {}; {} not heard",
        Figures::new(done.told),
        done.unheard
    );
    for ((step, allowed), side) in done.steps.into_iter().zip(["left", "right"]) {
        println!("largest step, {side}: {step:.4}, the sound's own: {allowed:.4}");
    }
    for jump in &done.jumps {
        let whose = if jump.is_excused { "excused" } else { "own" };
        println!("  {whose}: {}", jump.text);
    }
    for complaint in &done.complaints {
        println!("  {complaint}");
    }
    let own_jumps = done.jumps.iter().filter(|jump| !jump.is_excused).count();
    println!(
        "away from these troubles: {own_jumps} larger steps, {} dropouts; {} promises broken",
        done.own_dropouts,
        done.complaints.len()
    );
}
