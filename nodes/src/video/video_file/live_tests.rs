use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use score_engine::{Packet, Time, Value};

use super::VideoFile;
use crate::testing::signal;
use crate::video::live_test::{play, play_steered};

/// Long enough for the slowest machine.
const LONG: Duration = Duration::from_secs(60);

/// A film of so many seconds, 25 frames a second, each frame of which is another; with sound that
/// outlasts it.
fn film(folder: &Path, seconds: u32) -> PathBuf {
    let path = folder.join("film.mp4");
    let picture = format!("testsrc2=rate=25:duration={seconds}:size=96x96");
    let sound = format!("sine=duration={}", f64::from(seconds) + 0.3);
    let status = Command::new("ffmpeg")
        .args([
            "-nostdin", "-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi",
        ])
        .args(["-i", &sound, "-g", "10"])
        .arg(&path)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
    path
}

fn node(path: &Path, side: u32, more: &str) -> String {
    format!("video_file(path: {path:?}, width: {side}, height: {side}{more})")
}

/// Every frame stands where the film's own frames stand, in one round after the other, and the same
/// frame has the same pixels in each. Says in how many rounds frames came.
fn rounds(packets: &[Packet], seconds: i64) -> usize {
    let mut pictures = BTreeMap::new();
    let mut rounds = std::collections::BTreeSet::new();
    let mut last = None;
    for packet in packets {
        let time = packet.time.nanos();
        assert!(last < Some(time), "{time} after {last:?}");
        last = Some(time);
        assert_eq!(time % 40_000_000, 0, "{}: no frame's time", packet.time);
        let length = seconds * 1_000_000_000;
        let frame = packet.frame().unwrap();
        let first = pictures
            .entry(time % length)
            .or_insert_with(|| frame.clone());
        assert!(*first == *frame, "another picture at {}", packet.time);
        rounds.insert(time / length);
    }
    rounds.len()
}

fn lasts(packets: &[Packet], seconds: f64) -> bool {
    packets
        .last()
        .is_some_and(|packet| packet.time >= Time::from_seconds(seconds))
}

/// Those before so many seconds: a busy machine plays on for a while before it is stopped.
fn before(mut packets: Vec<Packet>, seconds: f64) -> Vec<Packet> {
    packets.retain(|packet| packet.time < Time::from_seconds(seconds));
    packets
}

/// Strikes the decoders of the film at `path`.
fn strike(name: &str, path: &Path) {
    let path = path.to_string_lossy().into_owned();
    let mut struck = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let command = std::fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        if command.starts_with("ffmpeg") && command.contains(&path) {
            let number = process.file_name().into_string().unwrap();
            struck += u32::from(signal(name, number.parse().unwrap()));
        }
    }
    assert!(struck > 0, "no decoder was found");
}

#[test]
fn a_film_kept_in_memory_loops_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&film(folder.path(), 1), 8, ", loop: true");
    let packets = play::<VideoFile>(&node, LONG, |packets| lasts(packets, 3.5)).unwrap();
    assert_eq!(rounds(&before(packets, 4.0), 1), 4);
}

#[test]
fn a_film_too_large_to_keep_loops_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    // 25 frames of 768 KiB.
    let node = node(&film(folder.path(), 1), 512, ", loop: true");
    let packets = play::<VideoFile>(&node, LONG, |packets| lasts(packets, 3.5)).unwrap();
    assert!(rounds(&packets, 1) >= 3);
}

#[test]
fn a_film_loops_at_the_end_of_its_picture_though_its_sound_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mkv");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"])
        .arg("testsrc2=rate=25:duration=1:size=96x96")
        .args(["-f", "lavfi", "-i", "sine=duration=9", "-c:a", "flac"])
        .arg(&path)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
    let node = node(&path, 8, ", loop: true");
    let packets = play::<VideoFile>(&node, LONG, |packets| lasts(packets, 2.5)).unwrap();
    assert_eq!(rounds(&before(packets, 3.0), 1), 3);
}

#[test]
fn a_film_that_does_not_loop_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&film(folder.path(), 1), 8, ", speed: 2");
    let packets = play::<VideoFile>(&node, LONG, |_| false).unwrap();
    let last = packets.last().unwrap().time;
    assert!(last < Time::from_seconds(0.5), "{last}");
}

/// Plays `node` to its end, with a new value of its parameter from `seconds` on.
fn steered(node: &str, seconds: f64, param: &str, value: impl Into<Value>) -> Vec<Packet> {
    let (value, turned) = (value.into(), std::cell::Cell::new(false));
    play_steered::<VideoFile>(node, LONG, |steering, packets| {
        if !turned.get() && lasts(packets, seconds) {
            turned.set(true);
            steering
                .set("a", param, value.clone(), Duration::ZERO)
                .unwrap();
        }
        false
    })
    .unwrap()
}

#[test]
fn a_film_goes_on_at_another_speed_from_what_shows() {
    let folder = tempfile::tempdir().unwrap();
    let packets = steered(&node(&film(folder.path(), 4), 8, ""), 1.0, "speed", 2.0);
    let times: Vec<f64> = packets.iter().map(|packet| packet.time.seconds()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    let last = times[times.len() - 1];
    assert!((2.0..3.4).contains(&last), "{last}");
}

#[test]
fn a_film_whose_loop_is_turned_off_ends_with_a_whole_round() {
    let folder = tempfile::tempdir().unwrap();
    let looping = node(&film(folder.path(), 1), 8, ", loop: true");
    let packets = steered(&looping, 1.5, "loop", false);
    assert!(rounds(&packets, 1) >= 2);
    let last = packets.last().unwrap().time;
    assert!(last < Time::from_seconds(30.0), "{last}");
    assert_eq!(last.nanos() % 1_000_000_000, 960_000_000, "{last}");
}

/// Strikes the decoder once; the film goes on at the right place.
fn goes_on_after(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), 20);
    // Large, so that the decoder cannot be done with all of it.
    let node = node(&path, 256, "");
    let struck = std::cell::Cell::new(false);
    let packets = play::<VideoFile>(&node, LONG, |packets| {
        if !struck.get() && lasts(packets, 1.0) {
            struck.set(true);
            strike(name, &path);
        }
        lasts(packets, 6.0)
    })
    .unwrap();
    assert!(lasts(&packets, 6.0), "the film stood still");
    assert_eq!(rounds(&packets, 20), 1);
    let offline = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&path)
        .args([
            "-vf",
            "scale=256:256:flags=area,format=rgb24",
            "-fps_mode",
            "passthrough",
        ])
        .args(["-f", "rawvideo", "pipe:1"])
        .output()
        .unwrap();
    for packet in packets
        .iter()
        .filter(|packet| packet.time > Time::from_seconds(4.5))
    {
        let frame = packet.frame().unwrap();
        let size = frame.pixels().len();
        let at = usize::try_from(packet.time.nanos() / 40_000_000).unwrap() * size;
        assert!(
            offline.stdout[at..at + size] == *frame.pixels(),
            "wrong picture at {}",
            packet.time
        );
    }
}

#[test]
fn a_decoder_that_is_killed_is_started_anew_at_the_right_place() {
    goes_on_after("KILL");
}

#[test]
fn a_decoder_that_freezes_is_started_anew_at_the_right_place() {
    goes_on_after("STOP");
}
