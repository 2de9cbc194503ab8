//! Films in every container and with every codec: which stream is the picture, and into what it is
//! written.

mod films;
mod matrix;

use std::path::Path;
use std::process::Output;

use self::films::{Film, MUXERS, PAIRS, Picture};
use score_test_support::{ffmpeg, names, probe, program, score, text};

/// A patch without models, quick even without optimisation.
const LIGHT: &str = r#"Patch(
    format: 1,
    nodes: {
        "film":   video_file(path: "film.mp4", width: 16, height: 16),
        "motion": motion(gain: 3),
        "tune":   scale_walk(),
        "glass":  synth(voice: glass),
        "sound":  audio_file(path: "out.wav"),
        "notes":  midi_file(path: "out.mid"),
        "movie":  video_mux(film: "film.mp4", path: "out.mp4"),
        "roll":   piano_roll(path: "out.png"),
    },
    wires: [
        "film -> motion -> tune.density",
        "tune -> glass -> sound",
        "tune -> notes",
        "glass -> movie",
        "film -> roll.frames",
        "tune -> roll.notes",
    ],
)
"#;

/// Scores `film` in `folder` with the light patch.
fn scored(folder: &Path, film: &str, more: &[&str]) -> Output {
    std::fs::write(folder.join("light.ron"), LIGHT).unwrap();
    let patch = ["film", film, "--patch", "light.ron"];
    score(folder, &[&patch[..], more].concat())
}

/// How many pictures a file's first picture stream has, decoded to its end.
fn pictures(folder: &Path, file: &str) -> usize {
    let counted = probe(
        folder,
        &format!("-count_frames -select_streams v:0 -show_entries stream=nb_read_frames {file}"),
    );
    let first = counted.lines().next().unwrap_or_default();
    first.trim_end_matches(',').parse().unwrap_or(0)
}

/// Makes the film; whether this ffmpeg can.
fn made(folder: &Path, (name, source, made, _): &Film) -> bool {
    let source = format!("-f lavfi -i testsrc2={source}:duration=1");
    let arguments = format!("-v error -nostdin -y {source} {made} -strict -2 {name}");
    let done = std::process::Command::new("ffmpeg")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output();
    done.unwrap().status.success()
}

/// How a new film ends and whether its picture was encoded; or why the film was not scored.
type Trial = Result<(String, bool), String>;

/// Scores the film and plays the new one to its end: every picture is there, and sound for as long;
/// with the sound, the notes and the picture of all beside it. `wanted`: how many pictures it has,
/// counted if not known. Says how the new film ends and whether its picture was encoded.
fn try_film(folder: &Path, name: &str, wanted: Option<usize>) -> Trial {
    let stem = name.replace('.', "-");
    let output = scored(folder, name, &["--out", &stem, "--json"]);
    if !output.status.success() {
        return Err(text(&output.stderr).trim().replace('\n', " "));
    }
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let written: Vec<&str> = told["written"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    for file in &written {
        assert!(folder.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let film = |name: &&&str| {
        ["mp4", "mkv", "mov", "webm"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let film = written.iter().find(film).ok_or("no film is told")?;
    let others: Vec<String> = ["wav", "mid", "png"]
        .map(|ending| format!("{stem}.{ending}"))
        .into();
    assert!(
        others.iter().all(|other| written.contains(&&**other)),
        "{written:?}"
    );
    let wanted = wanted.unwrap_or_else(|| pictures(folder, name));
    let found = probe(
        folder,
        &format!(
            "-count_frames -show_entries stream=codec_type,nb_read_frames:packet=codec_type,pts_time {film}"
        ),
    );
    // Packets have times, with a point; streams have whole numbers of pictures.
    let of = |kind: &'static str, timed: bool| {
        let values = found.lines().filter_map(move |line| {
            let (found, value) = line.split_once(',')?;
            let value = value.split(',').next()?;
            (found == kind && value.contains('.') == timed).then(|| value.parse::<f64>().ok())?
        });
        values.fold(0.0, f64::max)
    };
    let count = of("video", false) as usize;
    if wanted != count {
        return Err(format!("{count} of {wanted} pictures are in {film}"));
    }
    let (picture, sound) = (of("video", true), of("audio", true));
    if sound < picture - 0.1 {
        return Err(format!(
            "the sound of {film} ends at {sound} s, its picture at {picture} s"
        ));
    }
    let encoded = told["notes"].to_string().contains("are encoded");
    Ok((
        film.rsplit('.').next().unwrap_or_default().to_owned(),
        encoded,
    ))
}

/// Tries the films; all that this ffmpeg can make, and it can make most.
fn try_films(films: &[Film]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut tried, mut wrong) = (0, Vec::new());
    for film @ (name, source, _, wanted) in films {
        if !made(folder, film) {
            println!("this ffmpeg cannot make {name}");
            continue;
        }
        tried += 1;
        let rate = source.rsplit('=').next().and_then(|rate| rate.parse().ok());
        let found = try_film(folder, name, rate);
        let right = match (&found, wanted) {
            (Ok((ending, false)), Picture::Copied(wanted)) => ending == wanted,
            (Ok((ending, encoded)), Picture::Encoded) => *encoded && ending == "mp4",
            (Ok(_), Picture::Either) => true,
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: {found:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        tried * 4 >= films.len() * 3,
        "only {tried} of {} films could be made",
        films.len()
    );
}

#[test]
fn what_the_first_muxers_make_is_scored_and_plays() {
    try_films(&MUXERS[..19]);
}

#[test]
fn what_the_other_muxers_make_is_scored_and_plays() {
    try_films(&MUXERS[19..]);
}

#[test]
fn codecs_that_old_films_have_are_scored_and_play() {
    try_films(&PAIRS[..17]);
}

#[test]
fn codecs_that_new_films_have_are_scored_and_play() {
    try_films(&PAIRS[17..]);
}

/// A film behind a cover image.
fn write_covered(folder: &Path, name: &str, mark: &str) {
    ffmpeg(
        folder,
        &format!(
            "-f lavfi -i color=red:size=32x32:duration=1:rate=1 -f lavfi -i testsrc2=size=64x64:rate=10:duration=1 \
             -map 0 -map 1 -c:v:0 png -c:v:1 libx264 {mark} {name}"
        ),
    );
}

/// Moves the box with the cover of an MP4 file to before its tracks, where other programs put it
/// than ffmpeg.
fn put_cover_first(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let moved: Vec<u8> = boxes(&bytes)
        .flat_map(|whole| {
            let mut inner: Vec<&[u8]> = match &whole[4..8] {
                b"moov" => boxes(&whole[8..]).collect(),
                _ => return whole.to_vec(),
            };
            inner.sort_by_key(|inner| match &inner[4..8] {
                b"mvhd" => 0,
                b"udta" => 1,
                _ => 2,
            });
            [&whole[..8], &inner.concat()].concat()
        })
        .collect();
    std::fs::write(path, moved).unwrap();
}

/// The boxes of which an MP4 file is made.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().unwrap());
        let (this, after) = rest.split_at(length as usize);
        rest = after;
        Some(this)
    })
}

#[test]
fn a_cover_image_in_front_does_not_hide_the_film() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_covered(folder, "marked.mp4", "-disposition:v:0 attached_pic");
    // Copied into another container, a cover loses its mark and is a track of one picture.
    ffmpeg(
        folder,
        "-i marked.mp4 -map 0:1 -map 0:0 -c copy unmarked.mkv",
    );
    put_cover_first(&folder.join("marked.mp4"));
    for film in ["marked.mp4", "unmarked.mkv"] {
        assert_eq!(
            probe(folder, &format!("-show_entries stream=codec_name {film}")),
            "png\nh264\n"
        );
        let output = scored(folder, film, &["--out", "out.mkv"]);
        assert!(output.status.success(), "{film}: {}", text(&output.stderr));
        assert_eq!(pictures(folder, "out.mkv"), 10, "{film}");
    }
}

#[test]
fn a_stream_is_chosen_by_its_number_and_a_wrong_one_is_told_with_the_right_ones() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=10:duration=1 -f lavfi -i testsrc=size=32x32:rate=5:duration=1 \
         -f lavfi -i sine=duration=1 -map 0 -map 1 -map 2 two.mkv",
    );
    let choice = |number: u32| {
        let set = [
            format!("film.stream={number}"),
            format!("movie.stream={number}"),
        ];
        let output = scored(
            folder,
            "two.mkv",
            &["--out", "out", "--set", &set[0], "--set", &set[1]],
        );
        (output.status.success(), text(&output.stderr))
    };
    assert!(choice(0).0);
    assert_eq!(pictures(folder, "out.mkv"), 10);
    assert!(choice(1).0);
    assert_eq!(pictures(folder, "out.mkv"), 5);
    let (_, said) = choice(2);
    assert!(
        said.contains("has no picture stream 2; its own are 0 (h264, 64x64), 1 (h264, 32x32)")
            && said.contains("leave `stream` out"),
        "{said}"
    );
}

#[test]
fn a_sound_file_with_a_cover_is_called_that_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let cover = "-f lavfi -i sine=duration=1 -f lavfi -i color=red:size=32x32:duration=1:rate=1 -map 0 -map 1";
    for (name, codec) in [
        ("song.mp3", "png"),
        ("song.m4a", "mjpeg"),
        ("song.flac", "png"),
    ] {
        ffmpeg(
            folder,
            &format!("{cover} -c:v {codec} -frames:v 1 -disposition:v attached_pic {name}"),
        );
        let output = scored(folder, name, &["--out", "out"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(
            said.contains("is a sound file with a cover picture"),
            "{name}: {said}"
        );
    }
    assert_eq!(
        names(folder),
        ["light.ron", "song.flac", "song.m4a", "song.mp3"]
    );
}

#[test]
fn a_named_container_that_cannot_hold_the_picture_is_refused_before_the_run_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=10:duration=1 -c:v cinepak old.avi",
    );
    let said = |more: &[&str]| text(&scored(folder, "old.avi", more).stderr);
    let refusal = said(&["--out", "new.mp4"]);
    assert!(
        refusal.contains("mp4 cannot hold cinepak pictures")
            && refusal.contains("use --out new.mkv, or --set movie.encode=h264"),
        "{refusal}"
    );
    let refusal = said(&["--out", "new.webm", "--set", "movie.encode=h264"]);
    assert!(
        refusal.contains("webm cannot hold h264 pictures"),
        "{refusal}"
    );
    assert_eq!(names(folder), ["light.ron", "old.avi"]);
    // A patch that names the file itself is refused in the same words.
    let output = score(
        folder,
        &[
            "render",
            "light.ron",
            "--set",
            "film.path=old.avi",
            "--set",
            "movie.film=old.avi",
        ],
    );
    let refusal = text(&output.stderr);
    assert!(
        refusal.contains("`movie` (video_mux): mp4 cannot hold cinepak pictures")
            && refusal.contains("end the name in .mkv, or set `encode: h264`"),
        "{refusal}"
    );
    assert_eq!(names(folder), ["light.ron", "old.avi"]);
    for (out, more) in [
        ("new.mkv", &[][..]),
        ("new.mp4", &["--set", "movie.encode=h264"]),
    ] {
        let output = scored(folder, "old.avi", &[&["--out", out], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            text(&output.stdout),
            format!("new.wav\nnew.mid\n{out}\nnew.png\n")
        );
        assert_eq!(pictures(folder, out), 10);
    }
}

#[test]
fn what_becomes_of_the_picture_is_told_before_the_run_and_with_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for film in ["a.apng", "a.wmv"] {
        ffmpeg(
            folder,
            &format!("-f lavfi -i testsrc2=size=64x64:rate=10:duration=1 {film}"),
        );
    }
    let said = text(&scored(folder, "a.apng", &["--out", "apng"]).stderr);
    assert!(
        said.contains(
            "a.apng`: no container holds apng pictures as this film has them, so they are encoded (h264)"
        ),
        "{said}"
    );
    let output = scored(folder, "a.wmv", &["--out", "wmv"]);
    let said = text(&output.stderr);
    assert!(
        said.contains("wmv.mkv: mp4 cannot hold msmpeg4v3 pictures, mkv can"),
        "{said}"
    );
    assert!(text(&output.stdout).contains("wmv.mkv\n"));
}

#[test]
fn the_other_files_are_written_though_the_film_cannot_be() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=10:duration=1 film.mp4",
    );
    // An ffmpeg that fails as soon as sound is to be joined with a film.
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path)
        .map(|folder| folder.join("ffmpeg"))
        .find(|file| file.is_file())
        .unwrap();
    let tools = folder.join("tools");
    std::fs::create_dir(&tools).unwrap();
    let broken = tools.join("ffmpeg");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *pipe:0*) echo '[mp4 @ 0x5] the glue is dry' >&2; exit 1;; esac\nexec '{}' \"$@\"\n",
        real.display()
    );
    std::fs::write(&broken, script).unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.join("light.ron"), LIGHT).unwrap();
    let paths = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&path)));
    let output = program(
        folder,
        &["film", "film.mp4", "--patch", "light.ron", "--out", "out"],
    )
    .env("PATH", paths.unwrap())
    .output()
    .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(text(&output.stdout), "out.wav\nout.mid\nout.png\n");
    assert!(
        said.contains("`movie` (video_mux): the film cannot be written (ffmpeg: the glue is dry)"),
        "{said}"
    );
    assert_eq!(
        names(folder),
        [
            "film.mp4",
            "light.ron",
            "out.mid",
            "out.png",
            "out.wav",
            "tools"
        ]
    );
}
