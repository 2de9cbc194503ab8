//! The whole matrix, for `make matrix`: every muxer of this ffmpeg's with every encoder that it
//! takes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Trial, try_film};
use score_test_support::text;

/// Muxers that write no file of their own, or one for a device.
const NO_FILES: [&str; 16] = [
    "caca",
    "crc",
    "fbdev",
    "fifo",
    "framecrc",
    "framehash",
    "framemd5",
    "hash",
    "md5",
    "null",
    "opengl",
    "rtp",
    "rtsp",
    "sap",
    "streamhash",
    "xv",
];

/// Codecs that insist on a form of their own.
const FORMS: [(&str, &str); 5] = [
    ("dvvideo", "size=720x576:rate=25"),
    ("h261", "size=176x144:rate=10"),
    ("h263", "size=128x96:rate=10"),
    ("roqvideo", "size=64x64:rate=30"),
    ("mpeg2video", "size=64x64:rate=25"),
];

/// What ffmpeg says of itself.
fn ask(arguments: &[&str]) -> String {
    let said = Command::new("ffmpeg")
        .arg("-hide_banner")
        .args(arguments)
        .output();
    text(&said.unwrap().stdout)
}

/// Muxers that take pictures, and how their files end.
fn muxers() -> Vec<(String, String)> {
    let all = ask(&["-muxers"]);
    let names = all
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("E "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let described = names
        .filter(|name| !NO_FILES.contains(name))
        .filter_map(|name| {
            let name = name.split(',').next()?;
            let help = ask(&["-h", &format!("muxer={name}")]);
            let after = |what: &str| {
                let (_, rest) = help.split_once(what)?;
                rest.split(['.', ',', '\n'])
                    .next()
                    .map(|word| word.trim().to_owned())
            };
            after("Default video codec:")?;
            Some((name.to_owned(), after("Common extensions:")?))
        });
    described.collect()
}

/// Encoders of pictures that need no device.
fn encoders() -> Vec<String> {
    let all = ask(&["-encoders"]);
    let pictures = all
        .lines()
        .skip_while(|line| !line.contains("------"))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            words.next()?.starts_with('V').then(|| words.next())?
        });
    let devices = [
        "v4l2m2m", "nvenc", "vaapi", "_qsv", "_omx", "_mf", "vnull", "wrapped",
    ];
    let pictures = pictures.filter(|name| !devices.iter().any(|device| name.contains(device)));
    pictures.map(str::to_owned).collect()
}

/// Makes a second of film; whether that can be done.
fn make(folder: &Path, muxer: &str, encoder: &str, name: &str) -> bool {
    let form = FORMS.iter().find(|(codec, _)| *codec == encoder);
    let form = form.map_or("size=64x64:rate=10", |(_, form)| form);
    let source = format!("testsrc2={form}:duration=1");
    let done = Command::new("timeout")
        .args([
            "60", "ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &source,
        ])
        .args(["-c:v", encoder, "-strict", "-2", "-f", muxer, name])
        .current_dir(folder)
        .output();
    let file = folder.join(name).metadata();
    done.unwrap().status.success() && file.is_ok_and(|file| file.len() > 0)
}

/// Whether ffmpeg itself finds pictures in what it has made: some pairs are written and never read.
fn is_readable(folder: &Path, name: &str) -> bool {
    let done = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-nostdin",
            "-i",
            name,
            "-map",
            "0:V:0",
            "-frames:v",
            "2",
            "-f",
            "framecrc",
            "-",
        ])
        .current_dir(folder)
        .output();
    let done = done.unwrap();
    done.status.success()
        && text(&done.stdout)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
            > 1
}

/// Takes half an hour.
#[test]
#[ignore = "make matrix"]
fn every_muxer_with_every_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let (muxers, encoders) = (muxers(), encoders());
    let pairs: Vec<(usize, usize)> = (0..muxers.len())
        .flat_map(|muxer| (0..encoders.len()).map(move |encoder| (muxer, encoder)))
        .collect();
    let next = AtomicUsize::new(0);
    let found: Mutex<BTreeMap<(usize, usize), Trial>> = Mutex::default();
    let work = || {
        while let Some(pair) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ((muxer, ending), encoder) = (&muxers[pair.0], &encoders[pair.1]);
            let place = folder.path().join(format!("{muxer}-{encoder}"));
            std::fs::create_dir(&place).unwrap();
            let name = format!("film.{ending}");
            if make(&place, muxer, encoder, &name) && is_readable(&place, &name) {
                let result = try_film(&place, &name, None);
                println!("{muxer} {encoder}: {result:?}");
                found.lock().unwrap().insert(*pair, result);
            }
            std::fs::remove_dir_all(&place).unwrap();
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let found = found.into_inner().unwrap();
    let mut table = String::from("| muxer | copied | encoded | not scored |\n|---|---|---|---|\n");
    for (index, (muxer, _)) in muxers.iter().enumerate() {
        let of = |wanted: &dyn Fn(&Trial) -> Option<String>| {
            let here = found.range((index, 0)..(index + 1, 0));
            let names = here.filter_map(|((_, encoder), result)| {
                Some(format!("{}{}", encoders[*encoder], wanted(result)?))
            });
            names.collect::<Vec<_>>().join(", ")
        };
        let copied = of(&|result| match result {
            Ok((ending, false)) => Some(format!(" ({ending})")),
            _ => None,
        });
        let encoded = of(&|result| matches!(result, Ok((_, true))).then(String::new));
        let failed = of(&|result| result.as_ref().err().map(|why| format!(" ({why})")));
        if !(copied.is_empty() && encoded.is_empty() && failed.is_empty()) {
            let _ = writeln!(table, "| {muxer} | {copied} | {encoded} | {failed} |");
        }
    }
    let failed = found.values().filter(|result| result.is_err()).count();
    println!("\n{table}\n{} films, {failed} not scored", found.len());
}
