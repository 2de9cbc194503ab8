//! Pictures out: drawn by commands and by patches, found in an index, written as files and films.

use std::path::Path;

use score_test_support::{
    ffmpeg, graphs, onsets, probe, score, text, unpack_graphs, write_film, write_index, write_scale,
};

/// Width and height of a PNG.
fn size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (side(16), side(20))
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = score(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_sheet_of_random_pictures_is_drawn_again_by_its_seed_and_replaces_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let json = done(folder, &["draw", "--count", "5", "--size", "32", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["pictures"], &json["written"][0]),
        (&5.into(), &"sheet.png".into())
    );
    // Three in a row, two rows.
    assert_eq!(size(&folder.join("sheet.png")), (3 * 36 + 4, 2 * 36 + 4));
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let seed = json["seed"].to_string();
    let again = [
        "draw",
        "--count",
        "5",
        "--size",
        "32",
        "--seed",
        &seed,
        "-o",
        "again.png",
    ];
    done(folder, &again);
    assert_eq!(bytes("sheet.png"), bytes("again.png"));
    std::fs::write(folder.join("mine.png"), "mine").unwrap();
    let refused = score(folder, &["draw", "-o", "mine.png"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(bytes("mine.png"), b"mine");
}

#[test]
fn the_way_between_two_stills_of_a_film_and_between_melodies_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    let way = [
        "interpolate",
        "film.mp4@1",
        "film.mp4@9",
        "--steps",
        "3",
        "--size",
        "32",
    ];
    done(folder, &way);
    // Both stills, and the way between them.
    assert_eq!(size(&folder.join("interpolate.png")), (5 * 36 + 4, 36 + 4));
    let in_key = score(folder, &[&way[..], &["--key", "D minor"]].concat());
    assert!(text(&in_key.stderr).contains("--key"));
    write_scale(&folder.join("a.mid"));
    write_scale(&folder.join("b.mid"));
    done(
        folder,
        &[
            "interpolate",
            "a.mid",
            "b.mid",
            "--steps",
            "4",
            "-o",
            "way.png",
        ],
    );
    let (wide, high) = size(&folder.join("way.png"));
    assert!(wide > 2 * 32 * 6 && high > 100, "{wide} {high}");
    for model in ["drums", "stream", "lead"] {
        let name = format!("{model}.png");
        let arguments = ["sample", "--count", "4", "--model", model, "-o", &name];
        done(folder, &arguments);
        size(&folder.join(&name));
    }
    let mixed = score(folder, &["interpolate", "a.mid", "film.mp4"]);
    assert!(text(&mixed.stderr).contains("music and a picture"));
}

#[test]
fn progressions_are_written_with_their_chords_and_accompaniments_are_played_on_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let chords = |arguments: &[&str]| -> Vec<String> {
        let json: serde_json::Value = serde_json::from_str(&done(folder, arguments)).unwrap();
        serde_json::from_value(json["chords"].clone()).unwrap()
    };
    let sample = ["sample", "--json", "--seed", "7", "--count", "2", "--model"];
    let arguments = [&sample[..], &["harmony", "--key", "D minor", "-o", "a.mid"]].concat();
    let progressions = chords(&arguments);
    assert_eq!(progressions.len(), 2);
    assert!(onsets(&folder.join("a.mid")).len() > 2 * 4);
    // What is printed can be played on: here its first two bars.
    let two: Vec<&str> = progressions[0].splitn(4, '|').take(3).collect();
    let two = format!("{}|", two.join("|"));
    let on = [&sample[..], &["texture", "--chords", &two, "-o", "b.mid"]].concat();
    assert_eq!(chords(&on), [two]);
    assert!(onsets(&folder.join("b.mid")).len() > 8);
    let way = ["interpolate", "a.mid", "b.mid", "--steps", "3", "--json"];
    for model in ["harmony", "texture"] {
        let out = format!("{model}.png");
        let arguments = [&way[..], &["--model", model, "-o", &out]].concat();
        assert!(!chords(&arguments).is_empty());
        size(&folder.join(&out));
    }
    let on_chords = ["sample", "--model", "harmony", "--chords", "C G"];
    let refused = score(folder, &on_chords);
    assert!(text(&refused.stderr).contains("makes the chords"));
}

#[test]
fn an_index_is_made_once_and_a_song_shows_stills_of_it_as_a_film_with_its_sound() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    write_scale(&folder.join("song.mid"));
    write_index(folder);
    let again = ["index", "film.mp4", "--out", "films.stills", "--json"];
    let again: serde_json::Value = serde_json::from_str(&done(folder, &again)).unwrap();
    assert_eq!(again["stills"], 12);
    assert_eq!(again["films"][0]["known"], true);
    unpack_graphs(folder);
    let patch = std::fs::read_to_string(graphs().join("song_draws_itself.ron")).unwrap();
    let patch = (patch.replace(
        "picture_decoder(model: \"eye\")",
        "nearest_picture(index: \"films.stills\")",
    ))
    .replace("-> seen -> film", "-> seen.latent\", \"seen.frames -> film");
    std::fs::write(folder.join("own.ron"), patch).unwrap();
    for patch in ["song_draws_itself.ron", "own.ron"] {
        let out = format!("film.path={patch}.mp4");
        done(folder, &["render", patch, "--set", &out, "--quiet"]);
        let name = format!("{patch}.mp4");
        let about = probe(
            folder,
            &format!("-show_entries stream=codec_name,width {name}"),
        );
        assert!(about.contains("h264") && about.contains("512"), "{about}");
        assert!(about.contains("aac"), "{about}");
    }
}

/// The tune of a film and a song that lead together is another one with another song, and with
/// another film.
#[test]
fn a_tune_and_a_drawn_film_follow_both_a_film_and_a_song() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, source) in [("film", "testsrc2"), ("other", "mandelbrot")] {
        let film = format!("-f lavfi -i {source}=rate=8:size=64x64 -t 2 {name}.mp4");
        ffmpeg(folder, &film);
    }
    write_scale(&folder.join("song.mid"));
    unpack_graphs(folder);
    let tune = |film: &str, song: &str, name: &str| {
        let film = format!("film.path={film}");
        let song = format!("song.path={song}");
        let notes = format!("notes.path={name}.mid");
        let drawn = format!("drawn.path={name}.mp4");
        let files = [film, song, notes, drawn];
        // Bars of one second, and a film that is soon written.
        let quick = ["transport.tempo=240", "drawn.width=64", "drawn.rate=5"];
        let mut arguments = vec!["render", "film_and_song.ron", "-q"];
        let set = quick.into_iter().chain(files.iter().map(String::as_str));
        arguments.extend(set.flat_map(|value| ["--set", value]));
        done(folder, &arguments);
        onsets(&folder.join(format!("{name}.mid")))
    };
    let both = tune("film.mp4", "song.mid", "both");
    assert!(both.len() > 4, "{both:?}");
    let about = probe(folder, "-show_entries stream=codec_name both.mp4");
    assert!(about.contains("h264") && about.contains("aac"), "{about}");
    // What the first tune wrote is a song too.
    assert_ne!(both, tune("film.mp4", "both.mid", "other_song"));
    assert_ne!(both, tune("other.mp4", "song.mid", "other_film"));
}
