//! Films, made and looked at with ffmpeg.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::{score, text};

/// Runs ffmpeg with arguments that white space separates, in `folder`.
pub fn ffmpeg(folder: &Path, arguments: &str) {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// What ffprobe says of a file, one value a line.
pub fn probe(folder: &Path, arguments: &str) -> String {
    let done = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    text(&done.stdout)
}

/// Writes the file of this name, which `make` makes in a folder, into `folder`. A test's program
/// makes it once, and keeps it in `kept`.
pub(crate) fn write_once(
    kept: &OnceLock<Vec<u8>>,
    folder: &Path,
    name: &str,
    make: impl Fn(&Path),
) {
    let file = kept.get_or_init(|| {
        let apart = tempfile::tempdir().unwrap();
        make(apart.path());
        std::fs::read(apart.path().join(name)).unwrap()
    });
    std::fs::write(folder.join(name), file).unwrap();
}

/// Three scenes of four seconds, each as long as two bars at 120 a minute, with hard cuts, and a
/// sound of its own. The gradient's colours are named, since ffmpeg chooses them by lot, whatever
/// the seed.
pub fn write_film(folder: &Path) {
    static FILM: OnceLock<Vec<u8>> = OnceLock::new();
    write_once(&FILM, folder, "film.mp4", |folder| {
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
    });
}

/// The index `films.stills` of the film that is there, `film.mp4`.
pub fn write_index(folder: &Path) {
    let arguments = ["index", "film.mp4", "--out", "films.stills", "--quiet"];
    let done = score(folder, &arguments);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// A folder with three short recordings.
pub fn write_recordings(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    for (name, frequency) in [("gate", 310), ("gravel", 170), ("wind", 520)] {
        ffmpeg(
            folder,
            &format!("-f lavfi -i sine=frequency={frequency}:duration=0.8 {name}.wav"),
        );
    }
}

/// A film of one second, for tests to which its pictures do not matter.
pub fn write_small_film(folder: &Path) {
    static FILM: OnceLock<Vec<u8>> = OnceLock::new();
    write_once(&FILM, folder, "film.mp4", |folder| {
        ffmpeg(
            folder,
            "-f lavfi -i testsrc2=size=64x64:rate=8:duration=1 film.mp4",
        );
    });
}
