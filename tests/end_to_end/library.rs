//! The patches that come along: every one is fine, and those that render make music.

use std::path::Path;

use score_test_support::{
    Talking, graphs, house, onsets, patches_in, program, score, text, unpack_graphs, write_film,
    write_index, write_recordings, write_scale,
};

/// All patches in a folder with the film, the tune and the recordings that they name.
fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_film(folder.path());
    write_scale(&folder.path().join("song.mid"));
    write_recordings(&folder.path().join("sounds"));
    write_index(folder.path());
    unpack_graphs(folder.path());
    folder
}

/// The loudest sample of a sound file.
fn peak(path: &Path) -> i32 {
    let mut sound = hound::WavReader::open(path).unwrap();
    let samples = sound.samples::<i32>().map(|sample| sample.unwrap().abs());
    samples.max().unwrap_or(0)
}

#[test]
fn every_patch_that_comes_along_is_fine() {
    let folder = unpacked();
    let names = patches_in(&graphs());
    assert!(names.len() >= 18);
    let mut arguments = vec!["check"];
    arguments.extend(names.iter().map(String::as_str));
    let checked = score(folder.path(), &arguments);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert_eq!(text(&checked.stdout).lines().count(), names.len());
}

/// Each as it once came along, with the first digits of its SHA-1: what users have may be any of
/// them.
#[test]
fn every_patch_that_ever_came_along_is_still_fine() {
    let folder = unpacked();
    let old = house().join("tests/end_to_end/data/old_patches");
    let names = patches_in(&old);
    assert!(names.len() >= 50);
    for name in &names {
        std::fs::copy(old.join(name), folder.path().join(name)).unwrap();
    }
    let mut arguments = vec!["check"];
    arguments.extend(names.iter().map(String::as_str));
    let checked = score(folder.path(), &arguments);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert_eq!(text(&checked.stdout).lines().count(), names.len());
}

#[test]
fn patches_for_a_film_give_it_music() {
    let folder = unpacked();
    for name in [
        "shuffled",
        "factors",
        "layers",
        "density",
        "moving_drums",
        "field_recordings",
        "stream",
        "film",
        "classic",
    ] {
        let patch = format!("{name}.ron");
        let out = format!("{name}-scored");
        let made = score(
            folder.path(),
            &["film", "film.mp4", "--patch", &patch, "--out", &out, "-q"],
        );
        assert!(made.status.success(), "{name}: {}", text(&made.stderr));
        assert!(
            peak(&folder.path().join(format!("{out}.wav"))) > 1_000,
            "{name}"
        );
        assert!(folder.path().join(format!("{out}.mp4")).exists());
    }
    assert_ne!(
        std::fs::read(folder.path().join("shuffled-scored.wav")).unwrap(),
        std::fs::read(folder.path().join("factors-scored.wav")).unwrap()
    );
}

#[test]
fn every_style_is_a_patch_of_its_own_and_two_in_other_metres_give_a_film_music() {
    let folder = unpacked();
    let listed = score(folder.path(), &["styles"]);
    let listed: Vec<String> = text(&listed.stdout)
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    assert_eq!(listed.len(), 8);
    let styles = folder.path().join("styles");
    std::fs::create_dir(&styles).unwrap();
    for name in patches_in(&graphs().join("styles")) {
        std::fs::copy(graphs().join("styles").join(&name), styles.join(name)).unwrap();
    }
    let of = |name: &String| format!("styles/{name}.ron");
    let patches: Vec<String> = listed.iter().map(of).collect();
    let mut arguments = vec!["check"];
    arguments.extend(patches.iter().map(String::as_str));
    let checked = score(folder.path(), &arguments);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for style in ["waltz", "folk"] {
        let made = score(
            folder.path(),
            &["film", "film.mp4", "--style", style, "--out", style, "-q"],
        );
        assert!(made.status.success(), "{style}: {}", text(&made.stderr));
        assert!(peak(&folder.path().join(format!("{style}.wav"))) > 1_000);
    }
    let unknown = score(folder.path(), &["film", "film.mp4", "--style", "walz"]);
    assert!(
        text(&unknown.stderr).contains("waltz"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn a_film_is_scored_in_every_style_at_once() {
    let folder = tempfile::tempdir().unwrap();
    score_test_support::ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=rate=8:duration=3:size=64x64 film.mp4",
    );
    let made = score(folder.path(), &["styles", "film.mp4"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    for style in ["ambient", "waltz"] {
        assert!(peak(&folder.path().join(format!("film-{style}.wav"))) > 1_000);
    }
    let written = text(&made.stdout)
        .lines()
        .filter(|name| name.ends_with(".mp4"))
        .count();
    assert_eq!(written, 8);
}

#[test]
fn a_dialogue_and_a_way_between_melodies_are_rendered() {
    let folder = unpacked();
    for (patch, notes, sound) in [
        ("two_films.ron", "dialogue.mid", "dialogue.wav"),
        ("interpolation.ron", "way.mid", "way.wav"),
    ] {
        let made = score(folder.path(), &["render", patch, "-q"]);
        assert!(made.status.success(), "{patch}: {}", text(&made.stderr));
        assert!(onsets(&folder.path().join(notes)).len() > 4, "{patch}");
        assert!(peak(&folder.path().join(sound)) > 1_000, "{patch}");
    }
}

#[test]
fn patches_that_play_live_begin_even_where_there_is_no_device() {
    let folder = unpacked();
    for name in [
        "live",
        "camera_and_keys",
        "camera_pc",
        "daw_leads",
        "edited_picture",
        "ensemble",
        "installation",
        "silent_until_movement",
        "sound_pc",
        "to_daw",
    ] {
        let patch = format!("{name}.ron");
        let playing = Talking::start(&mut program(folder.path(), &["run", &patch, "--quiet"]));
        // A system without a MIDI sequencer has no ports to give; that too is said, and tried
        // again.
        playing.until("plays");
    }
}

#[test]
fn more_motion_is_more_notes_and_every_cut_is_an_accent() {
    let folder = unpacked();
    let made = score(folder.path(), &["render", "density.ron", "-q"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let heard = onsets(&folder.path().join("film-scored.mid"));
    let scene = |number: u32| {
        // Four seconds at 104 a minute are 27.7 sixteenths; `onsets` counts them by the file's own
        // ticks.
        let from = f64::from(number) * 4.0 * 104.0 / 15.0;
        let until = from + 4.0 * 104.0 / 15.0;
        let within = |at: &u32| (from..until).contains(&f64::from(*at));
        heard.iter().filter(|(at, _)| within(at)).count()
    };
    // Test pattern, fractal, and a gradient that hardly moves.
    assert!(scene(0) > scene(2) && scene(1) > 0, "{heard:?}");
    for cut in [4.0, 8.0] {
        let next = (cut * 104.0 / 15.0_f64).ceil() as u32;
        assert!(
            heard.iter().any(|(at, _)| *at == next),
            "{next} in {heard:?}"
        );
    }
}

#[test]
fn drums_play_while_something_moves_and_not_while_nothing_does() {
    let folder = unpacked();
    let still = |seconds: u32| format!("color=gray:size=64x64:rate=25:duration={seconds}[still]");
    let source = "testsrc2=size=64x64:rate=25:duration=4,fps=25[moves]";
    let graph = format!(
        "{};{source};{}",
        still(4),
        still(4).replace("[still]", "[after]")
    );
    score_test_support::ffmpeg(
        folder.path(),
        &format!(
            "-filter_complex {graph};[still][moves][after]concat=n=3 -pix_fmt yuv420p still.mp4"
        ),
    );
    let moving = [
        "film",
        "still.mp4",
        "--patch",
        "moving_drums.ron",
        "--out",
        "moving",
        "-q",
    ];
    let made = score(folder.path(), &moving);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let struck = onsets(&folder.path().join("moving.mid"));
    // Sixteenths at 112 a minute. `motion` takes half a second to come to rest, and the drums go on
    // for two beats.
    let sixteenths = |seconds: f64| seconds * 112.0 / 15.0;
    let moves = sixteenths(4.0) - 1.0..sixteenths(8.5) + 9.0;
    assert!(struck.len() > 8, "{struck:?}");
    assert!(
        struck.iter().all(|(at, _)| moves.contains(&f64::from(*at))),
        "{struck:?}"
    );
}

#[test]
fn a_film_goes_round_a_room_of_four_loudspeakers() {
    let folder = unpacked();
    let patch = std::fs::read_to_string(graphs().join("four_loudspeakers.ron")).unwrap();
    // The same patch into a file.
    let patch = patch
        .replace(
            "audio_out(channels: 4, latency: 4)",
            r#"audio_file(path: "room.wav")"#,
        )
        .replace(", loop: true", "");
    std::fs::write(folder.path().join("room.ron"), patch).unwrap();
    let made = score(folder.path(), &["render", "room.ron", "-q"]);
    assert!(made.status.success(), "{}", text(&made.stderr));

    let mut sound = hound::WavReader::open(folder.path().join("room.wav")).unwrap();
    assert_eq!(sound.spec().channels, 4);
    let samples: Vec<f64> = sound
        .samples::<i32>()
        .map(|s| f64::from(s.unwrap()))
        .collect();
    // The loudspeaker that is the loudest, for each second in which there is sound.
    let second = 4 * 48_000;
    let mut loudest = std::collections::BTreeSet::new();
    for second in samples.chunks_exact(second) {
        let power =
            |channel: usize| -> f64 { second.iter().skip(channel).step_by(4).map(|s| s * s).sum() };
        let powers: Vec<f64> = (0..4).map(power).collect();
        if powers.iter().sum::<f64>() > 0.0 {
            loudest.extend((0..4).max_by(|a, b| powers[*a].total_cmp(&powers[*b])));
        }
    }
    assert!(loudest.len() >= 3, "{loudest:?}");
}

#[test]
fn a_new_patch_brings_the_parts_that_it_includes() {
    let folder = unpacked();
    let other = tempfile::tempdir().unwrap();
    let made = score(other.path(), &["new", "mine", "--from", "two_films"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    std::fs::copy(
        folder.path().join("film.mp4"),
        other.path().join("film.mp4"),
    )
    .unwrap();
    let checked = score(other.path(), &["check", "mine.ron"]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

#[test]
fn every_patch_that_comes_along_is_set() {
    let folder = graphs();
    let parts = patches_in(&folder.join("parts"));
    let parts = parts.iter().map(|name| format!("parts/{name}"));
    let paths: Vec<String> = patches_in(&folder).into_iter().chain(parts).collect();
    let mut arguments = vec!["fmt", "--check"];
    arguments.extend(paths.iter().map(String::as_str));
    let checked = score(&folder, &arguments);
    assert!(
        checked.status.success(),
        "{}{}",
        text(&checked.stdout),
        text(&checked.stderr)
    );
}
