//! The grid that swings, and bars of compound time, as finished files have them.

use std::path::Path;

use midly::{MetaMessage, MidiMessage, Smf, TrackEventKind};

use score_test_support::{ffmpeg, graphs, score, text, write_film};

/// A film that moves throughout, and a patch that plays a note on many sixteenths of it.
fn write(folder: &Path) {
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=25:duration=6 film.mp4",
    );
    let patch = r#"Patch(
        format: 1,
        transport: (tempo: 97, seed: 3),
        nodes: {
            "film": video_file(path: "film.mp4", width: 64, height: 64),
            "motion": motion(gain: 50),
            "tune": scale_walk(),
            "notes": midi_file(path: "film.mid"),
            "sheet": sheet_music(path: "film.musicxml"),
        },
        wires: ["film -> motion -> tune -> notes", "tune -> sheet"],
    )"#;
    std::fs::write(folder.join("walk.ron"), patch).unwrap();
}

/// The ticks of all notes that begin on a channel, of 480 in a quarter note.
fn ticks(path: &Path, of: impl Fn(u8) -> bool) -> Vec<u32> {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let mut found = Vec::new();
    for track in &smf.tracks {
        let mut at = 0;
        for event in track {
            at += event.delta.as_int();
            if let TrackEventKind::Midi {
                message: MidiMessage::NoteOn { vel, .. },
                channel,
            } = event.kind
                && vel.as_int() > 0
                && of(channel.as_int())
            {
                found.push(at);
            }
        }
    }
    found
}

fn film(folder: &Path, name: &str, more: &[&str]) {
    let all = ["film", "film.mp4", "--patch", "walk.ron", "--out", name];
    let output = score(folder, &[&all, more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn off_beat_eighths_of_a_scored_film_lie_where_the_swing_puts_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder);
    film(folder, "plain", &[]);
    film(folder, "straight", &["--swing", "0.5"]);
    film(folder, "swung", &["--swing", "0.62"]);
    film(
        folder,
        "small",
        &["--swing", "0.6", "--set", "transport.swing_of=sixteenths"],
    );
    let of = |name: &str| ticks(&folder.join(name).with_extension("mid"), |_| true);
    let plain = of("plain");
    assert!(plain.len() > 30, "{plain:?}");
    assert!(plain.iter().all(|tick| tick % 120 == 0));
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("plain.mid") == read("straight.mid"));
    // .31, .62 and .81 of 480 ticks; beats stay.
    let moved = |places: [u32; 4]| -> Vec<u32> {
        let place = |tick: &u32| tick / 480 * 480 + places[(tick / 120 % 4) as usize];
        plain.iter().map(place).collect()
    };
    assert_eq!(of("swung"), moved([0, 149, 298, 389]));
    assert!(of("swung").iter().any(|tick| tick % 480 == 298));
    assert_eq!(of("small"), moved([0, 144, 240, 384]));
    // A DAW plays the swing as it sounds: the tempo is the patch's.
    let bytes = read("swung.mid");
    let tempi = Smf::parse(&bytes).unwrap().tracks[0].iter().filter(|event| {
        matches!(event.kind, TrackEventKind::Meta(MetaMessage::Tempo(tempo)) if tempo.as_int() == 618_557)
    }).count();
    assert_eq!(tempi, 1);
    // The sheet is written straight, with a mark.
    let sheet = |name: &str| text(&read(&format!("{name}.musicxml")));
    let notes = |name: &str| -> Vec<String> {
        let wanted = ["<step>", "<octave>", "<duration>", "<type>", "<rest/>"];
        let sheet = sheet(name);
        let lines = sheet
            .lines()
            .filter(|line| wanted.iter().any(|wanted| line.contains(wanted)));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(notes("swung"), notes("plain"));
    assert!(sheet("swung").contains("<words>Swing</words>") && !sheet("plain").contains("swing"));
}

#[test]
fn a_swing_that_is_none_or_that_nothing_follows_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder);
    let all = ["film", "film.mp4", "--patch", "walk.ron", "--out", "a"];
    let output = score(folder, &[&all[..], &["--swing", "62"]].concat());
    let said = text(&output.stderr);
    assert!(
        said.contains("--swing 62: `swing` must be a number from 0.5 to 0.75"),
        "{said}"
    );
    let metre = ["--swing", "0.6", "--set", "transport.metre=(6, 8)"];
    let output = score(folder, &[&all[..], &metre].concat());
    let said = text(&output.stderr);
    assert!(
        output.status.success() && said.contains("nothing swings: in 6/8"),
        "{said}"
    );
}

#[test]
fn in_twelve_eight_every_part_plays_three_to_a_beat() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    let patch = graphs().join("film.ron");
    let arguments = [
        "film",
        "film.mp4",
        "--patch",
        patch.to_str().unwrap(),
        "--out",
        "slow",
        "--tempo",
        "120",
        "--set",
        "transport.metre=(12, 8)",
        "--set",
        "tune.looseness=0",
        "--set",
        "piano.looseness=0",
        "--set",
        "bass.looseness=0",
        "--set",
        "drums.looseness=0",
        "--set",
        "drums_in.from=0",
        "--set",
        "drums_in.all=0",
        "--set",
        "drums_part.from=0",
        "--set",
        "drums_part.all=0",
        // Fills are runs of sixteenths in any metre.
        "--set",
        "fills.length=1",
        "--set",
        "fills.crash=false",
    ];
    let output = score(folder, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let path = folder.join("slow.mid");
    let bytes = std::fs::read(&path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    // Chords change with dotted halves, 1440 ticks.
    let name = |track: &[midly::TrackEvent<'_>]| {
        track
            .iter()
            .any(|event| event.kind == TrackEventKind::Meta(MetaMessage::TrackName(b"chords")))
    };
    let track = smf.tracks.iter().find(|track| name(track)).unwrap();
    let (mut at, mut chords) = (0, Vec::new());
    for event in track {
        at += event.delta.as_int();
        if let TrackEventKind::Meta(MetaMessage::Text(_)) = event.kind {
            chords.push(at);
        }
    }
    assert!(
        chords.len() > 1 && chords.iter().all(|tick| tick % 1440 == 0),
        "{chords:?}"
    );
    // Drums lie on thirds of a dotted quarter, and on its last sixteenth.
    let drums = ticks(&path, |channel| channel == 9);
    assert!(drums.len() > 10, "{drums:?}");
    let shuffled = |tick: &&u32| [0, 240, 480, 600].contains(&(*tick % 720));
    // Each of the two cuts may have a stroke before it.
    assert!(
        drums.iter().filter(shuffled).count() + 2 >= drums.len(),
        "{drums:?}"
    );
    assert!(
        drums.iter().any(|tick| tick / 720 % 4 == 3),
        "the last beat has strokes too"
    );
    let others = ticks(&path, |channel| channel != 9);
    let on_beats = others.iter().filter(|tick| **tick % 720 == 0).count();
    assert!(
        others.len() > 30 && on_beats * 4 > others.len(),
        "{on_beats} of {}",
        others.len()
    );
}
