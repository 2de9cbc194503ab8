//! A film with hard cuts at known times.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use crate::ffmpeg;
use crate::media::write_once;

/// Frames a second.
pub const RATE: u32 = 25;

/// The length of a picture in seconds.
pub const PICTURE: f64 = 1.0 / RATE as f64;

/// How many cuts the film has.
pub const CUTS: usize = 54;

/// Its first scene, in pictures: so long, everything has found its time.
const FIRST: u32 = 75;

/// Scenes that differ in their colours and in where light and dark lie.
const SCENES: [&str; 7] = [
    "testsrc2=",
    "smptehdbars=",
    "color=c=0x102040:",
    "mandelbrot=start_scale=0.4:",
    "rgbtestsrc=",
    "color=c=0xe0d040:",
    "gradients=seed=5:speed=0.01:c0=green:c1=white:",
];

/// Pictures in each scene: 10 to 17 after the first, in no order that a beat could follow.
fn lengths() -> Vec<u32> {
    let mut seed = 11u32;
    let drawn = (0..CUTS).map(|_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        10 + (seed >> 24) % 8
    });
    std::iter::once(FIRST).chain(drawn).collect()
}

/// When each scene but the first begins, in seconds.
pub fn cuts() -> Vec<f64> {
    let mut frames = 0;
    let lengths = lengths();
    lengths[..CUTS]
        .iter()
        .map(|length| {
            frames += length;
            f64::from(frames) * PICTURE
        })
        .collect()
}

/// How long the film is, in seconds.
pub fn length() -> f64 {
    f64::from(lengths().iter().sum::<u32>()) * PICTURE
}

/// Writes the film as cuts.mp4 into `folder`.
pub fn write(folder: &Path) {
    static FILM: OnceLock<Vec<u8>> = OnceLock::new();
    write_once(&FILM, folder, "cuts.mp4", draw);
}

fn draw(folder: &Path) {
    let (mut arguments, mut filters, mut joined) = (String::new(), String::new(), String::new());
    for (number, frames) in lengths().iter().enumerate() {
        let scene = SCENES[number % SCENES.len()];
        let _ = write!(arguments, "-f lavfi -i {scene}size=160x90:rate={RATE} ");
        let _ = write!(
            filters,
            "[{number}:v]trim=end_frame={frames},setsar=1,format=yuv420p[s{number}];"
        );
        let _ = write!(joined, "[s{number}]");
    }
    ffmpeg(
        folder,
        &format!(
            "{arguments} -filter_complex {filters}{joined}concat=n={}[v] -map [v] -r {RATE} \
             -c:v libx264 -preset ultrafast cuts.mp4",
            CUTS + 1
        ),
    );
}
