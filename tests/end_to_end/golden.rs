//! The notes of the patches that ship, compared with those in `golden/`, so that a change of the
//! music is seen.
//!
//! A golden file has one note a line: `beat length pitch velocity`. When the music is meant to
//! change, write the files anew and look at what `git diff` says:
//!
//!     SCORE_RENEW_GOLDEN=1 cargo test --package score --test end_to_end golden
//!
//! Processors and versions of ONNX Runtime round differently, in the sixth digit or so. Notes hide
//! that: at temperature 0 the likeliest token is taken, and a small error is heard only where two
//! tokens are almost equally likely. So each patch is also rendered with its codes stretched and
//! shrunk by far more than rounding does ([`STRETCH`]), which must not change a note. Where it
//! does, choose another seed. The film is made of pictures in the size that the patch asks for,
//! stored as they are, so that no decoder and no scaler has a say in them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use midly::{MidiMessage, Smf, TrackEventKind};

use score_test_support::{graphs, house, score, text};

/// By how much codes are made longer and shorter to see whether a note hangs by a thread.
const STRETCH: f64 = 1e-4;

/// The notes in a MIDI file, one a line: when each begins and how long it lasts, in quarter notes,
/// then its pitch and velocity.
fn notes(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let midly::Timing::Metrical(ticks) = smf.header.timing else {
        panic!("no metrical timing");
    };
    let beats = |tick: u32| f64::from(tick) / f64::from(ticks.as_int());
    let mut text = String::new();
    for track in &smf.tracks {
        let mut at = 0;
        let mut sounding = Vec::new();
        for event in track {
            at += event.delta.as_int();
            let TrackEventKind::Midi { message, .. } = event.kind else {
                continue;
            };
            match message {
                MidiMessage::NoteOn { key, vel } if vel.as_int() > 0 => {
                    sounding.push((at, key, vel));
                }
                MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => {
                    let index = sounding.iter().position(|note| note.1 == key).unwrap();
                    let (from, key, vel) = sounding.remove(index);
                    let (beat, length) = (beats(from), beats(at) - beats(from));
                    writeln!(text, "{beat:.2} {length:.2} {key} {vel}").unwrap();
                }
                _ => {}
            }
        }
        assert!(sounding.is_empty(), "notes that never end: {sounding:?}");
    }
    text
}

/// Renders the patch called `name` with its parameters `set`, and compares its notes with the
/// golden ones; `stretched` are the nodes whose codes are made longer and shorter.
fn compare(name: &str, folder: &Path, stretched: &[&str], set: &[&str]) {
    let patch = graphs().join(format!("{name}.ron"));
    let render = |stretch: f64| {
        let gains = stretched
            .iter()
            .map(|node| format!("{node}.gain={}", 1.0 + stretch));
        let gains: Vec<String> = gains.collect();
        let gains = gains.iter().map(String::as_str);
        let mut arguments = vec!["render", patch.to_str().unwrap()];
        let set = set.iter().copied();
        for set in ["tune.temperature=0.0"].into_iter().chain(gains).chain(set) {
            arguments.extend(["--set", set]);
        }
        let output = score(folder, &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        notes(&folder.join("out.mid"))
    };
    let found = render(0.0);
    for stretch in [STRETCH, -STRETCH] {
        let shaken = render(stretch);
        assert!(
            found == shaken,
            "{name}: a note hangs by a thread, choose another seed\n{}",
            difference(&found, &shaken)
        );
    }
    let golden = house().join(format!("tests/end_to_end/golden/{name}.notes"));
    let title = format!(
        "# {name}.ron, {}: beat length pitch velocity\n",
        set.last().unwrap()
    );
    let found = title + &found;
    if std::env::var_os("SCORE_RENEW_GOLDEN").is_some() {
        std::fs::write(&golden, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(
        found == wanted,
        "{name} gives other notes than {} says (SCORE_RENEW_GOLDEN=1 writes it anew):\n{}",
        golden.display(),
        difference(&wanted, &found)
    );
}

/// The lines that only one of two texts has, those of the first behind `-`, those of the second
/// behind `+`.
fn difference(wanted: &str, found: &str) -> String {
    let without = |sign: char, one: &str, other: &str| -> String {
        let other: Vec<&str> = other.lines().collect();
        one.lines()
            .filter(|line| !other.contains(line))
            .map(|line| format!("{sign} {line}\n"))
            .collect()
    };
    without('-', wanted, found) + &without('+', found, wanted)
}

/// Three scenes of four seconds: stripes that move, a growing disc, a chequered plane that turns
/// from green to blue. Whole numbers alone decide every pixel.
fn write_plain_film(folder: &Path) {
    let mut ffmpeg = Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", "rgb24",
        ])
        .args([
            "-s", "64x64", "-r", "8", "-i", "pipe:0", "-c:v", "ffv1", "-pix_fmt", "bgr0",
        ])
        .arg("film.mkv")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = ffmpeg.stdin.take().unwrap();
    for frame in 0..96_i32 {
        let step = frame % 32;
        let mut picture = Vec::with_capacity(64 * 64 * 3);
        for pixel in 0..64 * 64 {
            let (x, y) = (pixel % 64, pixel / 64);
            let colour = match frame / 32 {
                0 if (x + 2 * step) / 8 % 2 == 0 => [230, 120, 20],
                0 => [40, 10, 60],
                1 if (x - 32).pow(2) + (y - 32).pow(2) < (step + 4).pow(2) => [250, 240, 200],
                1 => [10, 30, 2 * y],
                _ if (x / 16 + y / 16) % 2 == 0 => [20, 220 - 5 * step, 60 + 5 * step],
                _ => [200, 200, 200],
            };
            picture.extend(colour.map(|value| u8::try_from(value).unwrap()));
        }
        pipe.write_all(&picture).unwrap();
    }
    drop(pipe);
    assert!(ffmpeg.wait().unwrap().success());
}

#[test]
fn the_random_walk_plays_its_golden_notes() {
    let folder = tempfile::tempdir().unwrap();
    let set = [
        "sound.path=out.wav",
        "notes.path=out.mid",
        "roll.path=out.png",
        "transport.seed=7",
    ];
    compare("random_walk", folder.path(), &["tune"], &set);
}

#[test]
fn a_film_gets_its_golden_melody_of_two_bars() {
    compare_film("classic", &[]);
}

#[test]
fn a_film_gets_its_golden_ensemble() {
    // What is drawn at a temperature by nodes that hear the map: else rounding may decide a note.
    let likeliest = ["piano.temperature=0.0", "bass.temperature=0.0"];
    compare_film(
        "film",
        &[&likeliest[..], &["sheet.path=out.musicxml"]].concat(),
    );
}

#[test]
fn a_film_gets_its_golden_melody_that_goes_on() {
    compare_film("stream", &[]);
}

/// The notes that the patch called `name` gives to a film.
fn compare_film(name: &str, more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    write_plain_film(folder.path());
    let set = [
        "film.path=film.mkv",
        "movie.film=film.mkv",
        "movie.path=out.mkv",
        "sound.path=out.wav",
        "notes.path=out.mid",
        "roll.path=out.png",
        "transport.seed=1",
    ];
    let set = [&set[..], more].concat();
    compare(name, folder.path(), &["tune", "map"], &set);
}
