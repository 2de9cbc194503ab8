//! What is made for a moment of a film lies on that moment in the finished film, whatever file it
//! comes from. Times are measured from the finished file alone: cuts from its decoded pictures,
//! strokes from its decoded sound.

use std::path::Path;
use std::process::Command;

use score_test_support::{ffmpeg, score, text};

/// One picture, in seconds.
const PICTURE: f64 = 0.04;

/// A test film's pictures are so many bytes after they are shrunk.
const SHRUNK: usize = 8 * 8;

/// `base.mkv`: three scenes of a second each, cut hard, and a short tone at each cut.
fn write_base(folder: &Path) {
    ffmpeg(
        folder,
        "-f lavfi -i color=c=red:size=96x96:rate=25:duration=1 \
         -f lavfi -i testsrc2=size=96x96:rate=25:duration=1 \
         -f lavfi -i color=c=blue:size=96x96:rate=25:duration=1 \
         -f lavfi -i aevalsrc=exprs='0.4*sin(2*PI*2000*t)*(between(t\\,1\\,1.02)+between(t\\,2\\,2.02))':s=48000:d=3 \
         -filter_complex [0:v]setsar=1,format=yuv420p[a];[1:v]setsar=1,format=yuv420p[b];\
         [2:v]setsar=1,format=yuv420p[c];[a][b][c]concat=n=3[v] \
         -map [v] -map 3:a -c:v ffv1 -c:a pcm_s16le base.mkv",
    );
}

/// Strikes a drum at each cut of `film` and joins the two as `scored`, the film's own sound as loud
/// as `original`.
fn strike(folder: &Path, film: &str, scored: &str, drums: i32, original: f64) -> String {
    let patch = format!(
        r#"Patch(
            format: 1,
            nodes: {{
                "film": video_file(path: "{film}", width: 32, height: 32),
                "cuts": cut_detector(),
                "hit": accent(pitch: 37, dynamics: 0),
                "drums": synth(voice: drum_kit, gain: {drums}, reverb: 0),
                "movie": video_mux(film: "{film}", path: "{scored}", original_sound: {original}),
            }},
            wires: ["film -> cuts -> hit -> drums -> movie"],
        )"#
    );
    std::fs::write(folder.join("strike.ron"), patch).unwrap();
    let output = score(folder, &["render", "strike.ron"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{film}: {said}");
    said
}

/// What ffmpeg decodes of `film`, counted as the container does, and what it says meanwhile.
fn decoded(folder: &Path, film: &str, arguments: &str) -> (Vec<u8>, String) {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-copyts", "-i", film])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    (output.stdout, text(&output.stderr))
}

/// When the picture of a film changes all at once, in seconds.
fn seen(folder: &Path, film: &str) -> Vec<f64> {
    let (pixels, said) = decoded(
        folder,
        film,
        "-map 0:v:0 -vf scale=8:8:flags=area,format=gray,showinfo=checksum=0 -fps_mode passthrough \
         -f rawvideo -",
    );
    let times = said.split("pts_time:").skip(1);
    let times = times.map(|rest| {
        rest.split_whitespace()
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    });
    let pictures: Vec<(f64, &[u8])> = times.zip(pixels.chunks_exact(SHRUNK)).collect();
    let differ = |one: &[u8], other: &[u8]| -> u32 {
        let pairs = one.iter().zip(other);
        pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    };
    let pairs = pictures.windows(2);
    let cuts = pairs.filter(|pair| differ(pair[0].1, pair[1].1) > 15 * SHRUNK as u32);
    cuts.map(|pair| pair[1].0).collect()
}

/// When something is heard after a pause of at least 0.2 s, and where the sound ends, in seconds.
fn heard(folder: &Path, film: &str) -> (Vec<f64>, f64) {
    let (bytes, _) = decoded(
        folder,
        film,
        "-map 0:a:0 -af aresample=48000:async=1:first_pts=0 -ac 1 -f f32le -",
    );
    let samples: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let mut onsets = Vec::new();
    let mut last = None;
    for (at, _) in samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| sample.abs() > 0.05)
    {
        if last.is_none_or(|last| at - last > 9_600) {
            onsets.push(at as f64 / 48_000.0);
        }
        last = Some(at);
    }
    (onsets, samples.len() as f64 / 48_000.0)
}

/// Scores `film` as `scored`, and requires a stroke within a picture of each of so many cuts.
#[track_caller]
fn require_strokes(folder: &Path, film: &str, scored: &str, cuts: usize) {
    strike(folder, film, scored, 6, 0.0);
    let (seen, (heard, _)) = (seen(folder, scored), heard(folder, scored));
    assert_eq!(seen.len(), cuts, "{film} as {scored}: cuts {seen:?}");
    assert_eq!(
        heard.len(),
        cuts,
        "{film} as {scored}: cuts {seen:?}, strokes {heard:?}"
    );
    for (cut, stroke) in seen.iter().zip(&heard) {
        let apart = (stroke - cut).abs();
        assert!(
            apart < PICTURE,
            "{film} as {scored}: cuts {seen:?}, strokes {heard:?}"
        );
    }
}

#[test]
fn a_stroke_lies_on_its_cut_though_the_picture_begins_late() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    // Encoded first: ffmpeg would put copies of the first picture where there is none.
    ffmpeg(
        folder,
        "-i base.mkv -c:v libx264 -pix_fmt yuv420p -c:a aac coded.mp4",
    );
    for ending in ["mp4", "mov", "mkv"] {
        let (mute, late) = (format!("mute.{ending}"), format!("late.{ending}"));
        ffmpeg(
            folder,
            &format!("-itsoffset 0.5 -i coded.mp4 -map 0:v -c copy {mute}"),
        );
        require_strokes(folder, &mute, &format!("1.{ending}"), 2);
        ffmpeg(
            folder,
            &format!("-itsoffset 0.5 -i coded.mp4 -i coded.mp4 -map 0:v -map 1:a -c copy {late}"),
        );
        require_strokes(folder, &late, &format!("2.{ending}"), 2);
    }
}

#[test]
fn a_stroke_lies_on_its_cut_in_avi_with_b_frames() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    for codec in ["mpeg4", "libx264"] {
        let film = format!("{codec}.avi");
        ffmpeg(
            folder,
            &format!("-i base.mkv -c:v {codec} -bf 2 -pix_fmt yuv420p -c:a libmp3lame {film}"),
        );
        require_strokes(folder, &film, "sounding.mp4", 2);
        ffmpeg(folder, &format!("-i {film} -c copy -an mute.avi"));
        require_strokes(folder, "mute.avi", "mute.mkv", 2);
    }
}

#[test]
fn pictures_are_encoded_only_where_a_copy_would_lose_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    ffmpeg(
        folder,
        "-i base.mkv -c:v mpeg4 -bf 2 -c:a libmp3lame copied.avi",
    );
    ffmpeg(
        folder,
        "-i base.mkv -c:v libx264 -bf 2 -pix_fmt yuv420p -an encoded.avi",
    );
    let said = strike(folder, "copied.avi", "copied.mp4", 0, 0.0);
    assert!(!said.contains("are encoded"), "{said}");
    let said = strike(folder, "encoded.avi", "encoded.mp4", 0, 0.0);
    assert!(
        said.contains("encoded.avi` does not say when its pictures are shown"),
        "{said}"
    );
}

#[test]
fn a_stroke_lies_on_its_cut_in_the_segments_of_a_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    for ending in ["mp4", "mkv", "ts"] {
        // Each begins where the one before ended; the second has the cut at 2 s in its middle.
        ffmpeg(
            folder,
            &format!(
                "-i base.mkv -c:v libx264 -g 150 -pix_fmt yuv420p -c:a aac -f segment -segment_time 1.4 \
                 -force_key_frames 1.4 part%d.{ending}"
            ),
        );
        require_strokes(
            folder,
            &format!("part1.{ending}"),
            &format!("{ending}.mp4"),
            1,
        );
    }
}

#[test]
fn a_stroke_lies_on_its_cut_in_containers_without_edit_lists() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    let encode = "-i base.mkv -c:v libx264 -pix_fmt yuv420p -c:a aac";
    ffmpeg(
        folder,
        &format!("{encode} -movflags frag_keyframe+empty_moov fragments.mp4"),
    );
    for name in ["stream.ts", "flash.flv"] {
        ffmpeg(folder, &format!("{encode} {name}"));
    }
    ffmpeg(folder, "-i base.mkv -c:v libvpx -c:a libopus web.webm");
    for film in ["fragments.mp4", "stream.ts", "flash.flv"] {
        require_strokes(folder, film, "scored.mp4", 2);
    }
    // Two recordings in one file: the second's times begin again.
    let stream = std::fs::read(folder.join("stream.ts")).unwrap();
    std::fs::write(folder.join("joined.ts"), [&stream[..], &stream].concat()).unwrap();
    require_strokes(folder, "joined.ts", "joined.mp4", 5);
    require_strokes(folder, "web.webm", "scored.webm", 2);
}

#[test]
fn a_stroke_lies_on_its_cut_though_a_capture_begins_in_mid_gop() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    // Key frames at 0, 0.6 and 1.4 s; the first is left out.
    ffmpeg(
        folder,
        "-i base.mkv -c:v mpeg2video -g 100 -sc_threshold 1000000000 -force_key_frames 0.6,1.4 -c:a mp2 whole.ts",
    );
    ffmpeg(
        folder,
        "-i whole.ts -map 0 -c copy -copyinkf -bsf:v noise=drop=lt(n\\,4) middle.ts",
    );
    require_strokes(folder, "middle.ts", "scored.mp4", 2);
    ffmpeg(folder, "-i middle.ts -map 0:v -c copy -copyinkf mute.ts");
    require_strokes(folder, "mute.ts", "mute.mp4", 2);
}

#[test]
fn the_films_own_sound_keeps_its_place_and_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    let late =
        "-i base.mkv -itsoffset 0.8 -i base.mkv -map 0:v -map 1:a -c:v libx264 -pix_fmt yuv420p";
    ffmpeg(folder, &format!("{late} -c:a pcm_s16le late.mov"));
    ffmpeg(folder, &format!("{late} -c:a aac late.mkv"));
    ffmpeg(folder, &format!("{late} -c:a aac -f mpegts late.ts"));
    for film in ["late.mov", "late.mkv", "late.ts"] {
        // The drum is 60 dB below.
        strike(folder, film, "scored.mp4", -60, 1.0);
        let (source, scored) = (seen(folder, film), seen(folder, "scored.mp4"));
        let ((own, _), (kept, end)) = (heard(folder, film), heard(folder, "scored.mp4"));
        assert_eq!((own.len(), kept.len()), (2, 2), "{film}: {own:?}, {kept:?}");
        for n in 0..2 {
            // Relative to the picture, in the file that went in and in the one that came out.
            let moved = (kept[n] - scored[n]) - (own[n] - source[n]);
            assert!(
                moved.abs() < 0.005,
                "{film}: {own:?} of {source:?}, {kept:?} of {scored:?}"
            );
        }
        // It goes on 0.8 s longer than the picture does.
        assert!((3.75..3.95).contains(&end), "{film}: {end}");
    }
}

#[test]
fn a_film_whose_sound_or_subtitles_are_longer_than_its_picture_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    let longer = "-i base.mkv -f lavfi -i sine=duration=8 -map 0:v -map 1:a";
    for (film, codecs) in [
        ("long.mkv", "-c:v libx264 -pix_fmt yuv420p -c:a aac"),
        ("long.flv", "-c:v libx264 -pix_fmt yuv420p -c:a aac"),
        ("long.wmv", "-c:v msmpeg4 -c:a wmav2"),
    ] {
        ffmpeg(folder, &format!("{longer} {codecs} {film}"));
        require_strokes(folder, film, "long.mkv.mkv", 2);
    }
    ffmpeg(
        folder,
        &format!("{longer} -c:v libvpx -c:a libopus long.webm"),
    );
    require_strokes(folder, "long.webm", "scored.webm", 2);
    let subtitles =
        "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\n00:00:07,000 --> 00:00:09,000\ntwo\n";
    std::fs::write(folder.join("a.srt"), subtitles).unwrap();
    ffmpeg(
        folder,
        "-i base.mkv -i a.srt -map 0:v -map 1 -c:v libx264 -pix_fmt yuv420p -c:s srt titles.mkv",
    );
    require_strokes(folder, "titles.mkv", "titles.mp4", 2);
}

#[test]
fn a_rotation_that_the_container_does_not_keep_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_base(folder);
    ffmpeg(
        folder,
        "-i base.mkv -c:v libx264 -pix_fmt yuv420p -an straight.mp4",
    );
    ffmpeg(
        folder,
        "-i straight.mp4 -c copy -metadata:s:v:0 rotate=90 turned.mp4",
    );
    let turn = |film: &str| {
        let output = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "stream_side_data=rotation",
                "-of",
                "csv=p=0",
                film,
            ])
            .current_dir(folder)
            .output()
            .unwrap();
        text(&output.stdout).trim().trim_end_matches(',').to_owned()
    };
    let turned = turn("turned.mp4");
    assert!(turned.contains("90"), "ffmpeg has turned nothing: {turned}");
    let said = strike(folder, "turned.mp4", "scored.mp4", 0, 0.0);
    assert_eq!(turn("scored.mp4"), turned);
    assert!(!said.contains("turned"), "{said}");
    let said = strike(folder, "turned.mp4", "scored.mkv", 0, 0.0);
    assert!(
        turn("scored.mkv") == turned || said.contains("is turned by"),
        "{said}"
    );
}

#[test]
fn stills_that_are_held_have_their_cuts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let slides = "-f lavfi -i testsrc2=size=96x96:rate=25:duration=0.04 \
                  -f lavfi -i color=c=navy:size=96x96:rate=25:duration=0.04 \
                  -f lavfi -i smptehdbars=size=96x96:rate=25:duration=0.04 \
                  -f lavfi -i color=c=yellow:size=96x96:rate=25:duration=0.04 \
                  -f lavfi -i testsrc=size=96x96:rate=25:duration=0.04 \
                  -filter_complex [0:v]setsar=1,format=yuv420p[a];[1:v]setsar=1,format=yuv420p[b];\
                  [2:v]setsar=1,format=yuv420p[c];[3:v]setsar=1,format=yuv420p[d];\
                  [4:v]setsar=1,format=yuv420p[e];[a][b][c][d][e]concat=n=5,setpts=N*2/TB[v] \
                  -map [v] -fps_mode vfr";
    ffmpeg(folder, &format!("{slides} -c:v libx264 slides.mp4"));
    ffmpeg(folder, &format!("{slides} slides.gif"));
    ffmpeg(folder, &format!("{slides} -c:v libx264 slides.mkv"));
    for film in ["slides.mp4", "slides.gif", "slides.mkv"] {
        let patch = format!(
            r#"Patch(
                format: 1,
                nodes: {{
                    "film": video_file(path: "{film}"),
                    "cuts": cut_detector(),
                    "hit": accent(),
                    "notes": midi_file(path: "cuts.mid"),
                }},
                wires: ["film -> cuts -> hit -> notes"],
            )"#
        );
        std::fs::write(folder.join("cuts.ron"), patch).unwrap();
        let output = score(folder, &["render", "cuts.ron"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let onsets = score_test_support::onsets(&folder.join("cuts.mid"));
        let sixteenths: Vec<u32> = onsets.iter().map(|(at, _)| *at).collect();
        assert_eq!(sixteenths, [16, 32, 48, 64], "{film}");
    }
}
