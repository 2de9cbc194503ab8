//! What the tests of several subjects need.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use midly::num::{u4, u7, u15, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use score_nodes::model::Manifest;

/// How long a program may take to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the program in `folder` and waits for it.
pub(crate) fn score(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().expect("score starts")
}

/// The program, to be run in `folder`; a test may change its environment first.
pub(crate) fn program(folder: &Path, arguments: &[&str]) -> Command {
    let house = house();
    let mut command = Command::new(env!("CARGO_BIN_EXE_score"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("SCORE_MODELS", house.join("models"));
    for colours in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(colours);
    }
    // The program may be built outside the house, where it does not find what `make runtime` fetched.
    let runtime = std::fs::read_dir(house.join("runtime"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    if let Some(library) = runtime
        .into_iter()
        .find(|path| path.to_string_lossy().contains(".so"))
    {
        command.env("ORT_DYLIB_PATH", library);
    }
    command
}

/// A program that runs on and says something from time to time. It is ended with this value.
pub(crate) struct Talking {
    program: Child,
    lines: mpsc::Receiver<String>,
}

impl Talking {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut program = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, lines) = mpsc::channel();
        let ends: [Box<dyn Read + Send>; 2] = [
            Box::new(program.stdout.take().unwrap()),
            Box::new(program.stderr.take().unwrap()),
        ];
        for end in ends {
            let told = told.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(end).lines().map_while(Result::ok) {
                    let _ = told.send(line);
                }
            });
        }
        Talking { program, lines }
    }

    /// Waits until it says a line with `wanted` in it.
    pub(crate) fn until(&self, wanted: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("`{wanted}` was not told"));
            if line.contains(wanted) {
                return;
            }
        }
    }
}

impl Talking {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }

    /// Sends it a signal, by the name that `kill` has for it.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.program.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self, within: Duration) -> ExitStatus {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < within, "it has not ended");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What was printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A scale of eight quarter notes at 120 a minute: four seconds.
pub(crate) fn write_scale(path: &Path) {
    let mut track = Vec::new();
    for pitch in [60, 62, 64, 65, 67, 69, 71, 72] {
        for (delta, vel) in [(0, 100), (480, 0)] {
            let message = MidiMessage::NoteOn {
                key: u7::from(pitch),
                vel: u7::from(vel),
            };
            track.push(TrackEvent {
                delta: u28::from(delta),
                kind: TrackEventKind::Midi {
                    channel: u4::from(0),
                    message,
                },
            });
        }
    }
    track.push(TrackEvent {
        delta: u28::from(0),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });
    let header = Header {
        format: Format::SingleTrack,
        timing: Timing::Metrical(u15::from(480)),
    };
    Smf {
        header,
        tracks: vec![track],
    }
    .save(path)
    .unwrap();
}

/// The folder of the whole project.
pub(crate) fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The patches that ship.
pub(crate) fn graphs() -> PathBuf {
    house().join("graphs")
}

/// Copies the patches that ship, and their parts, into `folder`.
pub(crate) fn unpack_graphs(folder: &Path) {
    for part in ["", "parts"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
        for name in patches_in(&graphs().join(part)) {
            std::fs::copy(
                graphs().join(part).join(&name),
                folder.join(part).join(&name),
            )
            .unwrap();
        }
    }
}

/// The names of the patches that lie in `folder`, in order.
pub(crate) fn patches_in(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| name.ends_with(".ron"));
    names
}

/// The names of what lies in `folder`, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Copies the models that ship into `folder`/models.
pub(crate) fn copy_models(folder: &Path) {
    let from = house().join("models");
    let manifest = Manifest::load(&from).unwrap();
    let copy = |file: &Path| {
        let to = folder.join("models").join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from.join(file), to).unwrap();
    };
    copy(Path::new("manifest.ron"));
    for model in manifest.models.values() {
        copy(&model.card);
        copy(&model.golden);
        model.files.values().for_each(|file| copy(&file.path));
    }
}

/// Runs ffmpeg with arguments that white space separates, in `folder`.
pub(crate) fn ffmpeg(folder: &Path, arguments: &str) {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// What ffprobe says of a file, one value a line.
pub(crate) fn probe(folder: &Path, arguments: &str) -> String {
    let done = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    text(&done.stdout)
}

/// Three scenes of four seconds, each as long as two bars at 120 a minute, with hard cuts, and a sound of its own. The
/// gradient's colours are named, since ffmpeg chooses them by lot, whatever the seed.
pub(crate) fn write_film(folder: &Path) {
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 \
         -f lavfi -i mandelbrot=size=320x180:rate=25:start_scale=0.4 \
         -f lavfi -i gradients=size=320x180:rate=25:c0=#e09080:c1=#4070a0:seed=5:speed=0.02 \
         -f lavfi -i sine=duration=12 \
         -filter_complex [0:v]setsar=1,format=yuv420p[a];[1:v]trim=duration=4,setsar=1,format=yuv420p[b];\
         [2:v]trim=duration=4,setsar=1,format=yuv420p[c];[a][b][c]concat=n=3[v] \
         -map [v] -map 3:a -c:v libx264 -preset ultrafast -c:a aac -shortest film.mp4",
    );
}

/// A film of one second, for tests to which its pictures do not matter.
pub(crate) fn write_small_film(folder: &Path) {
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=8:duration=1 film.mp4",
    );
}

/// Onsets as sixteenths at 120 a minute, and pitches.
pub(crate) fn onsets(path: &Path) -> Vec<(u32, u8)> {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let Timing::Metrical(ticks) = smf.header.timing else {
        panic!("no metrical timing");
    };
    let mut found = Vec::new();
    for track in &smf.tracks {
        let mut at = 0;
        for event in track {
            at += event.delta.as_int();
            if let TrackEventKind::Midi {
                message: MidiMessage::NoteOn { key, vel },
                ..
            } = event.kind
                && vel.as_int() > 0
            {
                found.push((at * 4 / u32::from(ticks.as_int()), key.as_int()));
            }
        }
    }
    found
}

/// Requires that less than half of the notes of any of the three scenes of [`write_film`] come again in another.
pub(crate) fn require_other_music_in_each_scene(path: &Path) {
    let onsets = onsets(path);
    let scenes: Vec<BTreeSet<(u32, u8)>> = (0..3)
        .map(|scene| {
            (onsets.iter())
                .filter(|(at, _)| at / 32 == scene)
                .map(|(at, pitch)| (at % 32, *pitch))
                .collect()
        })
        .collect();
    for (earlier, later) in [(0, 1), (1, 2), (0, 2)] {
        let shared = scenes[earlier].intersection(&scenes[later]).count();
        let fewer = scenes[earlier].len().min(scenes[later].len());
        assert!(
            fewer >= 3 && shared * 2 < fewer,
            "scenes {earlier} and {later}: {scenes:?}"
        );
    }
}
