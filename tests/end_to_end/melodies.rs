//! Music from the melody model: walks, samples and interpolations.

use std::path::Path;

use midly::{MetaMessage, MidiMessage, Smf, TrackEvent, TrackEventKind};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use score_engine::{Settings, Transport};
use score_nodes::music::{Melody, MelodyNote, notes, sheet, tokens};
use score_nodes::output::{Claim, Owner};

use score_test_support::{graphs, house, names, score, text, write_scale};

/// Ticks in two bars of 4/4.
const MELODY: u64 = 8 * 480;

/// A written file, by ticks: when each note begins and its pitch, and when the file ends; and its
/// tempo.
struct Sheet {
    onsets: Vec<(u64, u8)>,
    end: u64,
    microseconds: u32,
}

fn read(path: &Path) -> Sheet {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let (mut onsets, mut end, mut microseconds) = (Vec::new(), 0, 0);
    for track in &smf.tracks {
        let mut at = 0;
        for event in track {
            at += u64::from(event.delta.as_int());
            match event.kind {
                TrackEventKind::Midi {
                    message: MidiMessage::NoteOn { key, .. },
                    ..
                } => onsets.push((at, key.as_int())),
                TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => microseconds = tempo.as_int(),
                _ => {}
            }
        }
        end = at.max(end);
    }
    Sheet {
        onsets,
        end,
        microseconds,
    }
}

/// The onsets that melodies of tokens must have.
fn onsets(melodies: &[Vec<i64>], melody: &Melody) -> Vec<(u64, u8)> {
    (0..)
        .zip(melodies)
        .flat_map(|(index, tokens)| {
            notes(tokens, melody.layout())
                .into_iter()
                .map(move |note| (index * MELODY + note.start as u64 * 120, note.pitch))
        })
        .collect()
}

fn melody() -> Melody {
    let settings = Settings::default().with_folder("models", house().join("models"));
    Melody::load(&settings, "melody").unwrap()
}

#[test]
fn a_seed_decides_every_byte_of_a_sample_and_another_gives_other_notes() {
    let folder = tempfile::tempdir().unwrap();
    let sample = |name: &str, seed: &str| {
        let output = score(
            folder.path(),
            &["sample", "--count", "4", "--seed", seed, "--out", name],
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), format!("{name}\n"));
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        std::fs::read(folder.path().join(name)).unwrap()
    };
    assert_eq!(sample("one.mid", "7"), sample("two.mid", "7"));
    sample("three.mid", "8");
    let read = |name: &str| read(&folder.path().join(name));
    assert!(read("one.mid").onsets != read("three.mid").onsets);
    assert_eq!(read("one.mid").end, 4 * MELODY);
}

#[test]
fn a_sample_is_told_with_the_seed_that_draws_it_again_at_its_tempo() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), &["sample", "--json", "--tempo", "90"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["written"][0], "sample.mid");
    assert_eq!(json["melodies"], 1);
    assert_eq!(names(folder.path()), ["sample.mid"]);
    let first = read(&folder.path().join("sample.mid"));
    assert_eq!((first.end, first.microseconds), (MELODY, 666_667));

    let seed = json["seed"].to_string();
    let more = ["sample", "--seed", &seed, "--count", "3", "--quiet"];
    let output = score(folder.path(), &more);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    // The first of many is the only one of one.
    let mut again = read(&folder.path().join("sample.mid")).onsets;
    again.retain(|(tick, _)| *tick < MELODY);
    assert_eq!(again, first.onsets);
}

#[test]
fn an_interpolation_begins_with_what_the_model_makes_of_the_first_file() {
    let folder = tempfile::tempdir().unwrap();
    write_scale(&folder.path().join("a.mid"));
    let mut melody = melody();
    // One low note: another melody than the scale, whatever the weights are.
    let mut drone = vec![0; melody.layout().steps];
    drone[0] = 20;
    let b = folder.path().join("b.mid");
    let b = Claim::new(&b, Owner::program("test"), false).unwrap();
    sheet::write(b, &[drone], melody.layout(), &Transport::default()).unwrap();
    let output = score(folder.path(), &["interpolate", "a.mid", "b.mid"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written = read(&folder.path().join("interpolate.mid"));
    assert_eq!((written.end, written.microseconds), (9 * MELODY, 500_000));

    let scale: Vec<MelodyNote> = [60, 62, 64, 65, 67, 69, 71, 72]
        .into_iter()
        .enumerate()
        .map(|(beat, pitch)| MelodyNote {
            start: beat * 4,
            end: beat * 4 + 4,
            pitch,
        })
        .collect();
    let scale = tokens(&scale, melody.layout());
    let code = melody.encode(&scale).unwrap();
    // At temperature 0 nothing depends on what is drawn.
    let again = melody.decode(&code, 0.0, &mut ChaCha8Rng::seed_from_u64(99));
    let first = written.onsets.iter().filter(|(tick, _)| *tick < MELODY);
    assert!(first.copied().eq(onsets(&[again.unwrap()], &melody)));

    let json = ["interpolate", "--json", "--steps", "2", "a.mid", "b.mid"];
    let output = score(folder.path(), &json);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["melodies"], 2);
    assert_eq!(read(&folder.path().join("interpolate.mid")).end, 2 * MELODY);
}

#[test]
fn what_cannot_be_interpolated_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    write_scale(&folder.path().join("scale.mid"));
    std::fs::write(folder.path().join("tale.mid"), "once upon a time").unwrap();
    let rests = folder.path().join("rests.mid");
    let rests = Claim::new(&rests, Owner::program("test"), false).unwrap();
    sheet::write(
        rests,
        &[vec![0; 32]],
        melody().layout(),
        &Transport::default(),
    )
    .unwrap();
    let before = names(folder.path());
    for (to, said) in [
        ("tale.mid", "`tale.mid`: this is not a MIDI file"),
        ("rests.mid", "`rests.mid` has no notes in its first 2 bars"),
        ("gone.mid", "`gone.mid` cannot be read"),
    ] {
        let output = score(folder.path(), &["interpolate", "scale.mid", to]);
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert!(
            error.starts_with("error: ") && error.contains(said),
            "{error}"
        );
    }
    let output = score(folder.path(), &["sample", "--out", "nowhere/a.mid"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("there is no folder `nowhere`"), "{error}");
    let output = score(folder.path(), &["sample", "--model", "eye"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("music models: drums, harmony, lead"));
    assert_eq!(names(folder.path()), before);
}

#[test]
fn numbers_out_of_range_are_refused_by_the_command_line() {
    for wrong in [
        ["--temperature", "5"],
        ["--temperature", "nan"],
        ["--tempo", "0"],
        ["--count", "0"],
    ] {
        let output = score(Path::new("."), &[&["sample"], &wrong[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_walk_through_the_melody_model_gives_the_same_music_twice_and_other_music_for_another_seed() {
    let folder = tempfile::tempdir().unwrap();
    let patch = graphs().join("random_walk.ron");
    let walk = |name: &str, seed: &str| {
        let files = [("sound", "wav"), ("notes", "mid"), ("roll", "png")]
            .map(|(node, ending)| format!("{node}.path={name}.{ending}"));
        let mut arguments = vec!["render", patch.to_str().unwrap(), "--set", seed];
        for file in &files {
            arguments.extend(["--set", file]);
        }
        let output = score(folder.path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        ["wav", "mid", "png"]
            .map(|ending| std::fs::read(folder.path().join(format!("{name}.{ending}"))).unwrap())
    };
    let first = walk("one", "transport.seed=7");
    assert!(first == walk("two", "transport.seed=7"));
    assert!(first[1] != walk("three", "transport.seed=8")[1]);
    let smf = Smf::parse(&first[1]).unwrap();
    let is_note = |event: &&TrackEvent<'_>| {
        matches!(
            event.kind,
            TrackEventKind::Midi {
                message: MidiMessage::NoteOn { .. },
                ..
            }
        )
    };
    assert!(smf.tracks.iter().flatten().filter(is_note).count() >= 16);
}
