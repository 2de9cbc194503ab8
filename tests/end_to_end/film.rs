//! Films in, music out.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use score_test_support::{
    Talking, copy_models, ffmpeg, names, onsets, probe, program, require_other_music_in_each_scene,
    score, text, write_film, write_small_film,
};

#[test]
fn each_scene_of_a_film_gets_other_music_and_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    for name in ["one", "two"] {
        let output = score(
            folder,
            &[
                "film", "film.mp4", "--out", name, "--seed", "4", "--tempo", "120",
            ],
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            text(&output.stdout),
            ["wav", "mid", "mp4", "musicxml", "png"]
                .map(|ending| format!("{name}.{ending}\n"))
                .concat()
        );
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for ending in ["mid", "wav", "png"] {
        assert!(
            read(&format!("one.{ending}")) == read(&format!("two.{ending}")),
            "{ending}"
        );
    }
    require_other_music_in_each_scene(&folder.join("one.mid"));
    let wav = hound::WavReader::open(folder.join("one.wav")).unwrap();
    let sound: Vec<u16> = wav
        .into_samples::<i16>()
        .map(|sample| sample.unwrap().unsigned_abs())
        .collect();
    let peak = sound.iter().max().unwrap();
    assert!((3_000..32_000).contains(peak), "{peak}");
    // It ends without a click, however many notes sound then: its last 50 ms lie below −50 dBFS.
    let last = sound[sound.len() - 2 * 2_400..].iter().max().unwrap();
    assert!(*last < 104, "{last}");
    // The picture is the film's own, packet by packet, and the sound is the new one alone.
    let packets = "-select_streams v -show_packets -show_entries packet=pts_time,size";
    let film = probe(folder, &format!("{packets} film.mp4"));
    assert_eq!(probe(folder, &format!("{packets} one.mp4")), film);
    let streams = probe(folder, "-show_entries stream=codec_type,duration one.mp4");
    let mut kinds = streams.lines().map(|line| line.split_once(',').unwrap());
    assert_eq!(kinds.next().unwrap().0, "video");
    let (kind, seconds) = kinds.next().unwrap();
    assert_eq!((kind, kinds.next()), ("audio", None));
    assert!(
        (seconds.parse::<f64>().unwrap() - 12.0).abs() < 0.1,
        "{streams}"
    );
}

#[test]
fn with_fit_cuts_the_cuts_of_a_film_fall_on_beats_and_without_they_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // At 120 a beat is half a second: the cuts lie a tenth and more beside.
    let scene = |source: &str, seconds: f64| {
        format!("-f lavfi -i {source}=size=64x64:rate=25:duration={seconds}")
    };
    let scenes = [
        ("smptebars", 1.88),
        ("rgbtestsrc", 2.0),
        ("testsrc2", 1.88),
        ("smptebars", 1.0),
    ];
    let inputs: Vec<String> = scenes
        .iter()
        .map(|(source, seconds)| scene(source, *seconds))
        .collect();
    let joined = "-filter_complex concat=n=4:v=1:a=0 film.mp4";
    ffmpeg(folder, &format!("{} {joined}", inputs.join(" ")));
    let patch = r#"Patch(
        format: 1,
        transport: (tempo: 120, fit_cuts: true),
        nodes: {
            "film": video_file(path: "film.mp4", width: 64, height: 64),
            "cuts": cut_detector(),
            "motion": motion(),
            "tune": scale_walk(),
            "notes": midi_file(path: "film.mid"),
        },
        wires: ["film -> motion -> tune -> notes", "film -> cuts", "cuts.cut -> notes.events"],
    )"#;
    std::fs::write(folder.join("fit.ron"), patch).unwrap();
    for (fit, set) in [
        (true, "transport.fit_cuts=true"),
        (false, "transport.fit_cuts=false"),
    ] {
        let made = score(folder, &["render", "fit.ron", "-q", "--set", set]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let (markers, tempi) = markers(&folder.join("film.mid"));
        assert_eq!(markers.len(), 3, "{markers:?}");
        // Of 480 ticks in a beat, a few are what rounding costs.
        let on_beats = markers.iter().all(|tick| (tick + 3) % 480 <= 6);
        assert_eq!(on_beats, fit, "{markers:?}");
        assert_eq!(tempi > 1, fit);
    }
}

#[test]
fn a_signal_stops_a_film_whose_bars_are_fitted_in_its_second_act_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_small_film(folder);
    // The first act is over at once; in the second ten hours of music are decoded.
    let patch = r#"Patch(
        format: 1,
        transport: (fit_cuts: true),
        nodes: {
            "film": video_file(path: "film.mp4", width: 64, height: 64),
            "cuts": cut_detector(),
            "walk": latent_random(dimension: 64, duration: 36000),
            "tune": music_decoder(),
            "piano": synth(),
            "sound": audio_file(path: "film.wav"),
            "notes": midi_file(path: "film.mid"),
        },
        wires: ["film -> cuts", "cuts.cut -> notes.events", "walk -> tune -> notes", "tune -> piano -> sound"],
    )"#;
    std::fs::write(folder.join("long.ron"), patch).unwrap();
    let mut playing = Talking::start(&mut program(folder, &["render", "long.ron", "--quiet"]));
    // Sound is written in the second act.
    let begun = Instant::now();
    let is_written = |name: &String| name.ends_with(".partial");
    while !names(folder).iter().any(is_written) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no sound is written"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    playing.signal("INT");
    assert!(!playing.wait(Duration::from_secs(10)).success());
    assert!(!folder.join("film.mid").exists());
}

/// The ticks of the markers after the beginning in the MIDI file `path`, and how many tempi it has.
fn markers(path: &Path) -> (Vec<u32>, usize) {
    let bytes = std::fs::read(path).unwrap();
    let smf = midly::Smf::parse(&bytes).unwrap();
    let (mut at, mut markers, mut tempi) = (0, Vec::new(), 0);
    for event in &smf.tracks[0] {
        at += event.delta.as_int();
        match event.kind {
            // The first scene begins at 0, whatever the tempo is.
            midly::TrackEventKind::Meta(midly::MetaMessage::Marker(_)) if at > 0 => {
                markers.push(at);
            }
            midly::TrackEventKind::Meta(midly::MetaMessage::Tempo(_)) => tempi += 1,
            _ => {}
        }
    }
    (markers, tempi)
}

#[test]
fn a_film_is_scored_in_the_key_that_the_command_line_names() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ffmpeg(
        folder,
        "-f lavfi -i testsrc=size=64x64:rate=10:duration=2 film.mp4",
    );
    let patch = r#"Patch(format: 1, nodes: {"film": video_file(path: "film.mp4", width: 64, height: 64),
                 "motion": motion(gain: 50), "tune": scale_walk(scale: major, tonic: 60),
                 "notes": midi_file(path: "a.mid")}, wires: ["film -> motion -> tune -> notes"])"#;
    std::fs::write(folder.join("walk.ron"), patch).unwrap();
    let pitches = |name: &str, more: &[&str]| -> Vec<u8> {
        let all = ["film", "film.mp4", "--patch", "walk.ron", "--out", name];
        let output = score(folder, &[&all, more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let notes = onsets(&folder.join(name).with_extension("mid"));
        notes.into_iter().map(|(_, pitch)| pitch).collect()
    };
    let (free, held) = (
        pitches("free", &[]),
        pitches("held", &["--key", "Gb major"]),
    );
    assert!(free.len() > 3 && free.len() == held.len());
    assert!(
        free.iter()
            .all(|pitch| [0, 2, 4, 5, 7, 9, 11].contains(&(pitch % 12)))
    );
    assert!(
        held.iter()
            .all(|pitch| [6, 8, 10, 11, 1, 3, 5].contains(&(pitch % 12)))
    );
}

#[test]
fn what_is_no_film_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    std::fs::write(folder.join("text.mp4"), "once upon a time").unwrap();
    std::fs::write(folder.join("empty.mp4"), "").unwrap();
    ffmpeg(folder, "-i film.mp4 -an -frames:v 1 single.mp4");
    ffmpeg(folder, "-i film.mp4 -vn -c copy sound.mp4");
    ffmpeg(folder, "-i film.mp4 -c copy film.mkv");
    let whole = std::fs::read(folder.join("film.mkv")).unwrap();
    std::fs::write(folder.join("cut.mkv"), &whole[..whole.len() / 2]).unwrap();
    let before = names(folder);
    for (film, wanted) in [
        ("text.mp4", "is not a film that can be read"),
        ("empty.mp4", "is not a film that can be read"),
        ("single.mp4", "too short for one picture"),
        ("sound.mp4", "has no picture, only sound"),
        ("cut.mkv", "breaks off at"),
        ("missing.mp4", "the film `missing.mp4` does not exist"),
        (".", "the film `.` is not a file"),
    ] {
        let output = score(folder, &["film", film, "--out", "out"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{film}");
        assert!(said.contains(wanted), "{film}: {said}");
        assert_eq!(names(folder), before, "{film}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_or_is_missing_is_told_before_work_starts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    for out in ["missing/out", "film.mp4/out", "/proc/out"] {
        let output = score(folder, &["film", "film.mp4", "--out", out]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{out}");
        assert!(
            said.contains("cannot be written") && said.contains(out),
            "{out}: {said}"
        );
    }
    assert_eq!(names(folder), ["film.mp4"]);
}

/// A limit on the size of files stands in for the end of the disk: a small file system to fill
/// needs root.
#[test]
fn a_full_disk_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    let small = folder.join("small");
    std::fs::create_dir(&small).unwrap();
    // A shell sets the limit for what it starts.
    let score = program(folder, &["film", "film.mp4", "--out", "small/out"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", r#"trap '' XFSZ; ulimit -f 200; exec "$0" "$@""#])
        .arg(score.get_program())
        .args(score.get_args())
        .current_dir(folder);
    for (name, value) in score.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    let output = limited.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("room"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(names(&small), Vec::<String>::new());
}

#[test]
fn a_model_that_is_cut_off_or_not_the_listed_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    copy_models(folder);
    let models = folder.join("models");
    let manifest = std::fs::read_to_string(models.join("manifest.ron")).unwrap();
    let eye = models.join("eye/encoder.onnx");
    let whole = std::fs::read(&eye).unwrap();
    let said = |wanted: &str| {
        let output = program(folder, &["film", "film.mp4", "--out", "out"])
            .env("SCORE_MODELS", &models)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains(wanted),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(names(folder), ["film.mp4", "models"]);
    };
    std::fs::write(&eye, &whole[..whole.len() / 2]).unwrap();
    said("bytes instead of");
    let mut other = whole.clone();
    other[1000] ^= 1;
    std::fs::write(&eye, &other).unwrap();
    said("another checksum");
    std::fs::write(models.join("manifest.ron"), &manifest[..manifest.len() / 2]).unwrap();
    said("manifest.ron");
}
