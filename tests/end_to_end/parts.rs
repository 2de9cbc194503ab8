//! Patches that include others, as a user meets them.

use std::path::Path;

use score_test_support::{Talking, program, score, text};

const WHOLE: &str = r#"Patch(
    format: 1,
    let: (level: -20),
    include: { "hum": (patch: "parts/hum.ron", let: (pitch: 220)) },
    nodes: {
        "mix":   mixer(gain: use(level)),
        "sound": audio_file(path: "hum.wav"),
    },
    wires: [ "hum -> mix -> sound" ],
)
"#;

const PART: &str = r#"Patch(
    format: 1,
    let: (pitch: 440, seconds: 1),
    nodes: { "tone": tone(frequency: use(pitch), length: seconds(use(seconds))) },
    outputs: { "sound": "tone" },
)
"#;

fn unpacked(folder: &Path) {
    std::fs::create_dir(folder.join("parts")).unwrap();
    std::fs::write(folder.join("hum.ron"), WHOLE).unwrap();
    std::fs::write(folder.join("parts/hum.ron"), PART).unwrap();
}

#[test]
fn a_patch_with_a_part_is_rendered_and_its_values_can_be_set() {
    let folder = tempfile::tempdir().unwrap();
    unpacked(folder.path());
    // How often the sound rises through zero in its first channel: once a turn of the tone.
    let turns = |arguments: &[&str]| {
        let mut all = vec!["render", "hum.ron", "-q"];
        all.extend(arguments);
        let made = score(folder.path(), &all);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let mut sound = hound::WavReader::open(folder.path().join("hum.wav")).unwrap();
        let samples: Vec<i32> = sound.samples::<i32>().map(Result::unwrap).collect();
        let left: Vec<i32> = samples.iter().step_by(2).copied().collect();
        left.windows(2)
            .filter(|pair| pair[0] < 0 && pair[1] >= 0)
            .count()
    };
    assert!(turns(&[]).abs_diff(220) <= 2);
    assert!(turns(&["--set", "hum.let.pitch=330"]).abs_diff(330) <= 2);
    assert!(turns(&["--set", "hum.tone.frequency=110"]).abs_diff(110) <= 2);
    let drawn = score(folder.path(), &["graph", "hum.ron"]);
    assert!(
        text(&drawn.stdout).contains(r#"["hum"]"#),
        "{}",
        text(&drawn.stdout)
    );
    let json = score(folder.path(), &["graph", "hum.ron", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["nodes"][0]["values"]["gain"], -20.0);
    assert_eq!(json["wires"][0], "hum.tone.sound -> mix.sounds");
}

#[test]
fn a_watched_patch_is_checked_again_when_a_part_of_it_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    unpacked(folder.path());
    let watching = Talking::start(&mut program(
        folder.path(),
        &["check", "--watch", "hum.ron"],
    ));
    watching.until("hum.ron: fine");
    let part = folder.path().join("parts/hum.ron");
    std::fs::write(&part, PART.replace("frequency:", "frequenzy:")).unwrap();
    watching.until("parts/hum.ron:4:");
    std::fs::write(&part, PART).unwrap();
    watching.until("hum.ron: fine");
}

#[test]
fn a_part_that_is_saved_while_it_plays_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    unpacked(folder.path());
    let whole = WHOLE.replace(
        r#"audio_file(path: "hum.wav")"#,
        r#"recorder(path: "hum.wav")"#,
    );
    std::fs::write(folder.path().join("hum.ron"), whole).unwrap();
    let part = PART.replace("length: seconds(use(seconds))", "gain: -30");
    std::fs::write(folder.path().join("parts/hum.ron"), &part).unwrap();
    let playing = Talking::start(&mut program(folder.path(), &["run", "hum.ron", "--quiet"]));
    playing.until("plays");
    let save = |text: &str| std::fs::write(folder.path().join("parts/hum.ron"), text).unwrap();
    save(&part.replace("gain: -30", "gain: -3x"));
    playing.until("parts/hum.ron:4:");
    save(&part.replace("gain: -30", "gain: -24"));
    playing.until("hum.tone");
}
