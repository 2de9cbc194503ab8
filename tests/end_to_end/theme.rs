//! A user's own tune as the theme of a film.

use std::path::Path;

use midly::num::{u4, u7, u15, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

use score_test_support::{ffmpeg, names, score, text};

/// Four bars in G, in sixteenths: where notes begin, how long they are, and their pitches.
const TUNE: [(u32, u32, u8); 14] = [
    (0, 4, 67),
    (4, 4, 71),
    (8, 8, 74),
    (16, 4, 76),
    (20, 4, 79),
    (24, 8, 76),
    (32, 4, 74),
    (36, 4, 72),
    (40, 4, 71),
    (44, 4, 69),
    (48, 4, 66),
    (52, 4, 69),
    (56, 4, 67),
    (60, 4, 67),
];

/// Ticks in a sixteenth.
const SIXTEENTH: u32 = 120;

/// Writes the tune on a channel.
fn write_tune(path: &Path, channel: u8) {
    let mut acts: Vec<(u32, u8, u8)> = Vec::new();
    for (start, length, pitch) in TUNE {
        acts.push((start * SIXTEENTH, pitch, 100));
        acts.push(((start + length) * SIXTEENTH, pitch, 0));
    }
    acts.sort_by_key(|(tick, _, velocity)| (*tick, *velocity));
    let mut at = 0;
    let mut track: Vec<TrackEvent<'_>> = Vec::new();
    for (tick, pitch, velocity) in acts {
        let message = MidiMessage::NoteOn {
            key: u7::from(pitch),
            vel: u7::from(velocity),
        };
        track.push(TrackEvent {
            delta: u28::from(tick - at),
            kind: TrackEventKind::Midi {
                channel: u4::from(channel),
                message,
            },
        });
        at = tick;
    }
    track.push(TrackEvent {
        delta: u28::from(0),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });
    let header = Header {
        format: Format::SingleTrack,
        timing: Timing::Metrical(u15::from(480)),
    };
    let tracks = vec![track];
    Smf { header, tracks }.save(path).unwrap();
}

/// Two scenes that come back: four times four bars of two seconds.
fn write_film(folder: &Path) {
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=128x72:rate=12.5:duration=8 \
         -f lavfi -i gradients=size=128x72:rate=12.5:c0=#e09080:c1=#4070a0:seed=5:speed=0.02:duration=8 \
         -filter_complex [0:v]setsar=1,format=yuv420p,split[a][c];[1:v]setsar=1,format=yuv420p,split[b][d];\
         [a][b][c][d]concat=n=4[v] -map [v] film.mp4",
    );
}

/// The notes of the track called `name`, in sixteenths: begin, length, pitch.
fn notes(path: &Path, name: &str) -> Vec<(u32, u32, u8)> {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let wanted = TrackEventKind::Meta(MetaMessage::TrackName(name.as_bytes()));
    let is_named = |track: &&Vec<TrackEvent<'_>>| track.iter().any(|event| event.kind == wanted);
    let track = smf.tracks.iter().find(is_named).unwrap();
    let (mut at, mut open, mut found) = (0, Vec::new(), Vec::new());
    for event in track {
        at += event.delta.as_int();
        let TrackEventKind::Midi { message, .. } = event.kind else {
            continue;
        };
        let (key, velocity) = match message {
            MidiMessage::NoteOn { key, vel } => (key.as_int(), vel.as_int()),
            MidiMessage::NoteOff { key, .. } => (key.as_int(), 0),
            _ => continue,
        };
        open.retain(|(start, pitch)| {
            if *pitch == key {
                found.push((start / SIXTEENTH, (at - start) / SIXTEENTH, key));
            }
            *pitch != key
        });
        if velocity > 0 {
            open.push((at, key));
        }
    }
    found.sort_unstable();
    found
}

fn film(folder: &Path, name: &str, more: &[&str]) -> std::process::Output {
    let all = [
        "film",
        "film.mp4",
        "--out",
        name,
        "--tempo",
        "120",
        "--set",
        "plan.phrase=4",
    ];
    score(folder, &[&all, more].concat())
}

/// The notes that begin in the four bars from bar `bar` on, counted from there, moved down to where
/// the tune lies.
fn bars(all: &[(u32, u32, u8)], bar: u32) -> Vec<(u32, u32, u8)> {
    let here = all
        .iter()
        .filter(|(start, ..)| (bar * 16..bar * 16 + 64).contains(start));
    here.map(|(start, length, pitch)| (start - bar * 16, *length, *pitch))
        .collect()
}

#[test]
fn a_tune_of_ones_own_is_the_theme_of_the_first_scene_and_comes_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    write_tune(&folder.join("tune.mid"), 0);
    let output = film(folder, "own", &["--theme", "tune.mid"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let melody = notes(&folder.join("own.mid"), "Melody");
    assert_eq!(bars(&melody, 0), TUNE);
    assert_eq!(bars(&melody, 8), TUNE);
    assert_ne!(bars(&melody, 4), TUNE);
    // The same again, and another in another key: the patch's own.
    let output = film(folder, "keyed", &["--theme", "tune.mid", "--key", "A"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let moved: Vec<(u32, u32, u8)> = TUNE
        .map(|(start, length, pitch)| (start, length, pitch + 2))
        .to_vec();
    assert_eq!(bars(&notes(&folder.join("keyed.mid"), "Melody"), 0), moved);
    // For the second scene, by the letter of its phrases.
    let second = ["--theme", "tune.mid", "--theme-scene", "B"];
    let output = film(folder, "second", &second);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let melody = notes(&folder.join("second.mid"), "Melody");
    assert_ne!(bars(&melody, 0), TUNE);
    assert_eq!(bars(&melody, 4), TUNE);
    // In a style, whose nodes are of an included patch.
    let styled = [
        "film", "film.mp4", "--out", "styled", "--theme", "tune.mid", "--style", "noir", "--tempo",
        "120",
    ];
    let output = score(folder, &styled);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let melody = bars(&notes(&folder.join("styled.mid"), "Melody"), 0);
    let pitches =
        |notes: &[(u32, u32, u8)]| notes.iter().map(|note| note.2 % 12).collect::<Vec<_>>();
    assert_eq!(pitches(&melody), pitches(&TUNE));
}

#[test]
fn a_theme_that_cannot_be_played_is_told_before_the_work_begins() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    write_tune(&folder.join("tune.mid"), 0);
    write_tune(&folder.join("drums.mid"), 9);
    std::fs::write(folder.join("text.mid"), "once upon a time").unwrap();
    let patch = r#"Patch(format: 1, nodes: {"film": video_file(path: "film.mp4"), "motion": motion(),
        "tune": scale_walk(), "notes": midi_file(path: "a.mid")}, wires: ["film -> motion -> tune -> notes"])"#;
    std::fs::write(folder.join("own.ron"), patch).unwrap();
    let before = names(folder);
    let cases: [(&[&str], &str); 6] = [
        (
            &["--theme", "missing.mid"],
            "the theme `missing.mid` does not exist",
        ),
        (&["--theme", "text.mid"], "this is not a MIDI file"),
        (&["--theme", "drums.mid"], "has no notes for a theme"),
        (
            &["--theme", "tune.mid", "--theme-scene", "last"],
            "`last` is not a phrase",
        ),
        (&["--theme-scene", "B"], "--theme <FILE>"),
        (
            &["--theme", "tune.mid", "--patch", "own.ron"],
            "nobody plays the theme",
        ),
    ];
    for (more, wanted) in cases {
        let all = ["film", "film.mp4", "--out", "a"];
        let output = score(folder, &[&all, more].concat());
        let said = text(&output.stderr);
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(
            !output.status.success() && said.contains(wanted),
            "{more:?}: {said}"
        );
        assert_eq!(names(folder), before);
    }
}
