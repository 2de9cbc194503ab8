//! Sound that is played live on PulseAudio's server, on a sink without hardware. Where the server
//! is not installed, nothing is tested: to install one for the tests would take the sound device
//! from whoever uses it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use crate::capture::{frequency, peak};
use score_test_support::jack::{Running, take_turn};
use score_test_support::journal::statuses;
use score_test_support::{program, text};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of the test's own, in a folder of its own.
struct Pulse<'a> {
    folder: &'a Path,
    server: Running,
    _turn: MutexGuard<'static, ()>,
}

impl<'a> Pulse<'a> {
    /// Starts it; `None`, and a line that says so, where it is not installed.
    fn start(folder: &'a Path) -> Option<Self> {
        let is_there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
        if !["pulseaudio", "pactl", "parec"].into_iter().all(is_there) {
            eprintln!("skipped: PulseAudio is not installed (pulseaudio, pulseaudio-utils)");
            return None;
        }
        let turn = take_turn();
        let pulse = Pulse {
            folder,
            server: serve(folder),
            _turn: turn,
        };
        pulse.until_there();
        Some(pulse)
    }

    fn until_there(&self) {
        let started = Instant::now();
        while !own(self.folder, "pactl")
            .arg("info")
            .output()
            .unwrap()
            .status
            .success()
        {
            assert!(started.elapsed() < PATIENCE, "PulseAudio does not come");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Kills the server without a warning, and starts another after `pause`.
    fn restart(&mut self, pause: Duration) {
        let _ = self.server.0.kill();
        let _ = self.server.0.wait();
        std::thread::sleep(pause);
        // It does not begin where the old one's socket lies.
        let _ = std::fs::remove_dir_all(self.folder.join("pulse"));
        self.server = serve(self.folder);
        self.until_there();
    }

    /// Two seconds of what is played, left, from when anything is.
    fn heard(&self) -> Vec<f32> {
        const BYTES: usize = 2 * 2 * 48_000 * 2;
        let mut recorder = own(self.folder, "parec");
        recorder
            .args(["-d", "trial.monitor", "--format=s16le", "--rate=48000"])
            .args(["--channels=2", "--latency-msec=50"])
            .stderr(Stdio::null())
            .stdout(Stdio::piped());
        let mut recorder = Running(recorder.spawn().unwrap());
        let mut pipe = recorder.0.stdout.take().unwrap();
        let (mut bytes, mut part) = (Vec::new(), vec![0; 4_800]);
        let started = Instant::now();
        while bytes.len() < BYTES {
            std::io::Read::read_exact(&mut pipe, &mut part).unwrap();
            if !bytes.is_empty() || part.iter().any(|byte| *byte != 0) {
                bytes.extend_from_slice(&part);
            }
            assert!(started.elapsed() < PATIENCE, "nothing is heard");
        }
        let frames = bytes.chunks_exact(4);
        frames
            .map(|frame| f32::from(i16::from_le_bytes([frame[0], frame[1]])) / 32_768.0)
            .collect()
    }
}

fn serve(folder: &Path) -> Running {
    let mut server = own(folder, "pulseaudio");
    server
        .args([
            "-n",
            "--daemonize=no",
            "--use-pid-file=no",
            "--exit-idle-time=-1",
        ])
        .args(["-L", "module-null-sink sink_name=trial rate=48000"])
        .args(["-L", "module-native-protocol-unix"])
        .stderr(Stdio::null());
    Running::start(&mut server)
}

/// A program whose PulseAudio is that in `folder`.
fn own(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(name);
    surround(&mut command, folder);
    command
}

fn surround(command: &mut Command, folder: &Path) {
    command
        .env("XDG_RUNTIME_DIR", folder)
        .env("HOME", folder)
        .env_remove("PULSE_SERVER")
        .env_remove("PULSE_RUNTIME_PATH");
}

#[test]
fn a_tone_is_heard_through_pulseaudio_and_again_when_its_server_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(mut pulse) = Pulse::start(folder) else {
        return;
    };
    let patch = r#"
        Patch(
            format: 1,
            nodes: {
                "tone": tone(frequency: 440, gain: -6.0206),
                "speaker": audio_out(device: "PulseAudio", latency: 8),
            },
            wires: ["tone -> speaker"],
        )
    "#;
    std::fs::write(folder.join("tone.ron"), patch).unwrap();
    let devices = program(folder, &["devices"])
        .env("XDG_RUNTIME_DIR", folder)
        .output()
        .unwrap();
    assert!(text(&devices.stdout).contains(r#"device: "PulseAudio: trial""#));

    let arguments = [
        "run",
        "tone.ron",
        "--quiet",
        "--status-json",
        "status.jsonl",
    ];
    let mut command = program(folder, &arguments);
    surround(&mut command, folder);
    let run = Running::start(&mut command);
    // Half a second from the middle: the sink may have begun late.
    let is_the_tone = |sound: &[f32]| {
        let middle = &sound[48_000..72_000];
        (frequency(middle) - 440.0).abs() < 1.0 && (peak(middle) - 0.5).abs() < 0.002
    };
    assert!((0..4).any(|_| is_the_tone(&pulse.heard())), "no tone");
    let opened = |status: Option<&serde_json::Value>| {
        let nodes = status.and_then(|status| status["nodes"].as_array().cloned());
        let speaker =
            nodes.and_then(|nodes| nodes.into_iter().find(|node| node["id"] == "speaker"));
        speaker.and_then(|speaker| speaker["counters"]["openings"].as_u64())
    };
    // A sink that takes its time to begin is waited for, not opened again.
    let path = folder.join("status.jsonl");
    assert_eq!(opened(statuses(&path).last()), Some(1));

    pulse.restart(Duration::from_millis(500));
    assert!((0..4).any(|_| is_the_tone(&pulse.heard())), "no tone again");
    run.drain();
    assert!(opened(statuses(&path).last()) > Some(1));
}
