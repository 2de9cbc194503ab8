//! Sound that is played live arrives whole, and comes back when the sound server does.

use std::path::Path;
use std::time::Duration;

use crate::capture::{Recorded, frequency, largest_step, peak, record};
use score_test_support::jack::{Jack, Running};

/// 440 Hz at half of full scale on the left side and nothing on the right, and a second client of
/// JACK.
fn write_tone(folder: &Path) {
    let patch = r#"
        // A tone.
        Patch(
            format: 1,
            nodes: {
                "tone": tone(frequency: 440, gain: -6.0206, channel: 1),
                "speaker": audio_out(device: "JACK", latency: 4),
                "beat": midi_clock_out(port: "JACK"),
            },
            wires: ["tone -> speaker"],
        )
    "#;
    std::fs::write(folder.join("tone.ron"), patch).unwrap();
}

/// Whether no neighbouring samples are further apart than the slope of the tone and the steps of 16
/// bits allow.
fn is_whole(sound: &[f32]) -> bool {
    largest_step(sound) < 0.5 * 440.0 / 48_000.0 * std::f32::consts::TAU + 2e-4
}

/// A recording of the tone that `score` plays. A machine that does other things may lose a period
/// of it; not every time.
fn whole_tone(jack: &Jack, folder: &Path) -> Recorded {
    (0..8)
        .map(|_| record(jack, folder, "score_out", 1))
        .find(|sound| is_whole(&sound.left) && peak(&sound.left) > 0.0)
        .expect("a whole tone")
}

#[test]
fn a_tone_arrives_at_its_pitch_and_level_without_a_break_on_its_channel_alone() {
    let Some(jack) = Jack::start(1024) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_tone(folder.path());
    let run = Running::start(&mut jack.score(folder.path(), &["run", "tone.ron"]));
    jack.until_port("score_out:out_1");
    std::thread::sleep(Duration::from_millis(500));
    let sound = whole_tone(&jack, folder.path());
    assert!((frequency(&sound.left) - 440.0).abs() < 0.1);
    assert!((peak(&sound.left) - 0.5).abs() < 0.002);
    assert_eq!(peak(&sound.right), 0.0);
    run.drain();
}

#[test]
fn sound_and_midi_come_back_after_the_sound_server_was_killed_and_started_again() {
    let Some(mut jack) = Jack::start(1024) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_tone(folder.path());
    let run = Running::start(&mut jack.score(folder.path(), &["run", "tone.ron"]));
    jack.until_port("score_out:out_1");
    jack.until_port("score_midi_beat:out");
    jack.kill();
    std::thread::sleep(Duration::from_millis(300));
    jack.restart();
    jack.until_port("score_out:out_1");
    jack.until_port("score_midi_beat:out");
    std::thread::sleep(Duration::from_millis(500));
    let sound = whole_tone(&jack, folder.path());
    assert!((frequency(&sound.left) - 440.0).abs() < 0.1);
    assert!((peak(&sound.left) - 0.5).abs() < 0.002);
    run.drain();
}

#[test]
fn what_is_heard_from_outside_is_recorded_and_played_again() {
    let Some(jack) = Jack::start(1024) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_tone(folder.path());
    let patch = r#"
        Patch(
            format: 1,
            nodes: {
                "ear": audio_in(device: "JACK", channels: 1),
                "take": recorder(path: "take.wav"),
            },
            wires: ["ear -> take.sound"],
        )
    "#;
    std::fs::write(folder.path().join("ear.ron"), patch).unwrap();
    let tone = Running::start(&mut jack.score(folder.path(), &["run", "tone.ron"]));
    let ear = Running::start(&mut jack.score(folder.path(), &["run", "ear.ron"]));
    jack.until_port("score_out:out_0");
    jack.until_port("score_in:in_0");
    let joined = jack
        .tool("jack_connect")
        .args(["score_out:out_0", "score_in:in_0"])
        .status()
        .unwrap();
    assert!(joined.success());
    std::thread::sleep(Duration::from_millis(3000));
    ear.drain();
    tone.drain();
    let samples: Vec<f32> = hound::WavReader::open(folder.path().join("take.wav"))
        .unwrap()
        .samples::<i16>()
        .map(|sample| f32::from(sample.unwrap()) / 32_768.0)
        .collect();
    // The same forgiveness: half a second of it is whole.
    let whole = samples
        .windows(24_000)
        .step_by(2_400)
        .rev()
        .find(|part| is_whole(part) && peak(part) > 0.4)
        .expect("half a second of the tone");
    assert!(
        (frequency(whole) - 440.0).abs() < 0.5,
        "{}",
        frequency(whole)
    );
    assert!((peak(whole) - 0.5).abs() < 0.002, "{}", peak(whole));
}
