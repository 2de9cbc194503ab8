//! Films scored with the melody that goes on.

use std::path::Path;

use score_test_support::{graphs, onsets, score, text, write_film};

/// Scores the film of three scenes in `folder` as `name`, with `set` besides; what came of its
/// notes.
fn scored(folder: &Path, name: &str, set: &[&str]) -> Vec<(u32, u8)> {
    let patch = graphs().join("stream.ron");
    let (sound, notes) = (
        format!("sound.path={name}.wav"),
        format!("notes.path={name}.mid"),
    );
    let (movie, roll) = (
        format!("movie.path={name}.mp4"),
        format!("roll.path={name}.png"),
    );
    let mut arguments = vec!["render", patch.to_str().unwrap(), "-q"];
    let names = ["film.path=film.mp4", "movie.film=film.mp4"];
    let files = [&sound, &notes, &movie, &roll].map(String::as_str);
    for set in names.iter().chain(&files).chain(set) {
        arguments.extend(["--set", set]);
    }
    let output = score(folder, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    onsets(&folder.join(format!("{name}.mid")))
}

#[test]
fn a_film_gets_the_same_melody_each_time_as_long_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    for name in ["one", "two"] {
        scored(folder, name, &[]);
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for ending in ["mid", "wav", "png"] {
        assert!(
            read(&format!("one.{ending}")) == read(&format!("two.{ending}")),
            "{ending}"
        );
    }
    let sound = hound::WavReader::open(folder.join("one.wav")).unwrap();
    assert_eq!(sound.duration(), 12 * 48_000);
    assert_ne!(
        scored(folder, "other", &["transport.seed=9"]),
        onsets(&folder.join("one.mid"))
    );
}

/// The cuts lie within bars: at 112 quarter notes a minute, 4 s are 29.9 sixteenths, and 8 s are
/// 59.7.
#[test]
fn a_cut_begins_a_note_at_the_next_sixteenth() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    let at_cuts = |notes: &[(u32, u8)]| {
        let cuts = [30, 60].iter();
        cuts.filter(|cut| notes.iter().any(|(at, _)| at == *cut))
            .count()
    };
    // Few notes, so that a note on a cut is no chance.
    let sparse = ["ask.density=0", "tune.density=-1.5"];
    let mut uncut = 0;
    for seed in ["1", "2", "3", "4"] {
        let seed = format!("transport.seed={seed}");
        let set = [&sparse[..], &[&seed]].concat();
        let heard = scored(folder, "cut", &set);
        assert_eq!(at_cuts(&heard), 2, "{heard:?}");
        // A cut that is not found is motion, which asks for a note as well.
        let deaf = [&set[..], &["cuts.threshold=1", "ask.onset=0"]].concat();
        uncut += at_cuts(&scored(folder, "uncut", &deaf));
    }
    assert!(uncut < 7, "{uncut} of 8");
}

#[test]
fn what_the_picture_asks_for_can_be_turned_and_muted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    let muted = [
        "ask.density=0",
        "ask.register=0",
        "ask.contour=0",
        "ask.novelty=0",
        "ask.onset=0",
    ];
    let free = scored(folder, "free", &muted);
    assert_ne!(scored(folder, "asked", &[]), free);
    let high = scored(
        folder,
        "high",
        &[&muted[..], &["tune.register=2.5"]].concat(),
    );
    let low = scored(
        folder,
        "low",
        &[&muted[..], &["tune.register=-2.5"]].concat(),
    );
    let mean = |notes: &[(u32, u8)]| {
        let sum: f64 = notes.iter().map(|(_, pitch)| f64::from(*pitch)).sum();
        sum / notes.len().max(1) as f64
    };
    assert!(mean(&high) > mean(&low) + 6.0, "{high:?}\n{low:?}");
}
