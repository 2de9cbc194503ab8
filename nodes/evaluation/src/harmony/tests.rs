//! Figures of small pieces, by hand.

use super::{Role, Row, Score, Stroke, evaluate};

/// Notes (start, length, pitch), in quarter notes.
fn strokes(notes: &[(f64, f64, u8)]) -> Vec<Stroke> {
    let stroke = |(start, length, pitch): &(f64, f64, u8)| Stroke {
        start: *start,
        end: start + length,
        pitch: *pitch,
        velocity: 0.5,
    };
    notes.iter().map(stroke).collect()
}

/// Four bars: C, F, G, C; the melody steps up and down, the bass has the roots, and the third bar
/// is the first again but for its chord.
fn piece() -> Score {
    let bar = |start: f64| {
        [(0.0, 60_u8), (1.0, 62), (2.0, 64), (3.0, 62)].map(|(at, pitch)| (start + at, 1.0, pitch))
    };
    let mut melody = Vec::from(bar(0.0));
    melody.extend([(4.0, 2.0, 65), (6.0, 2.0, 69)]);
    melody.extend(bar(8.0));
    melody.push((12.0, 4.0, 60));
    let mut score = Score {
        bar: 4.0,
        key: Some("C".parse().unwrap()),
        chords: (0..)
            .zip(["C", "F", "G", "C"])
            .map(|(bar, name)| (f64::from(bar) * 4.0, Some(name.parse().unwrap())))
            .collect(),
        ..Score::default()
    };
    score.add("tune", None, strokes(&melody));
    let bass = [
        (0.0, 4.0, 36),
        (4.0, 4.0, 41),
        (8.0, 4.0, 43),
        (12.0, 4.0, 36),
    ];
    score.add("bass", None, strokes(&bass));
    score
}

fn figure(rows: &[Row], name: &str) -> Option<f64> {
    rows.iter().find(|row| row.name == name).unwrap().value
}

#[track_caller]
fn require(rows: &[Row], wanted: &[(&str, f64)]) {
    for (name, wanted) in wanted {
        let found = figure(rows, name).unwrap_or(f64::NAN);
        assert!(
            (found - wanted).abs() < 1e-9,
            "{name}: {found} for {wanted}"
        );
    }
}

#[test]
fn the_figures_of_four_bars_are_those_counted_by_hand() {
    let rows = evaluate(&piece());
    require(
        &rows,
        &[
            ("scale", 1.0),
            // 60 62 64 62 65 69 60 62 64 62 60: only 69 to 60 is a leap of more than a fifth; 62
            // to 65, 65 to 69 and it are no steps.
            ("steps", 0.7),
            ("leaps", 0.1),
            ("range", 9.0),
            ("rest", 0.0),
            ("bars_back", 0.25),
            // C E of C, F A of F, D and D of G, C of C: 7 of 11.
            ("chord_tones", 7.0 / 11.0),
            ("first_chord_tones", 0.75),
            ("chord_changes", 0.75),
            ("changes_on_strong", 1.0),
            ("diatonic", 1.0),
            ("bass_at_changes", 1.0),
            ("bass_is_root", 1.0),
            ("ends_on_tonic", 1.0),
            ("last_chord_tonic", 1.0),
        ],
    );
    assert_eq!(figure(&rows, "accompaniment_onsets"), None);
}

#[test]
fn a_piece_out_of_tune_is_measured_as_that() {
    let mut score = piece();
    // A tritone above the bass, over four bars.
    score.parts[0].notes = strokes(&[(0.0, 16.0, 66)]);
    score.parts[1].notes = strokes(&[(0.0, 16.0, 48)]);
    let rows = evaluate(&score);
    require(
        &rows,
        &[
            ("melody_bass", 1.0),
            ("ends_on_tonic", 0.0),
            ("chord_tones", 0.0),
        ],
    );
}

#[test]
fn parts_are_told_by_their_names_and_else_by_their_height() {
    let mut score = Score {
        bar: 4.0,
        ..Score::default()
    };
    score.add(
        "keys",
        None,
        strokes(&[
            (0.0, 1.0, 60),
            (0.0, 1.0, 64),
            (1.0, 1.0, 60),
            (1.0, 1.0, 64),
        ]),
    );
    score.add("flute", None, strokes(&[(0.0, 1.0, 72), (1.0, 1.0, 74)]));
    score.add("deep bass", None, strokes(&[(0.0, 2.0, 36)]));
    score.choose_melody();
    let roles: Vec<Role> = score.parts.iter().map(|part| part.role).collect();
    assert_eq!(roles, [Role::Accompaniment, Role::Melody, Role::Bass]);
}

#[test]
fn a_midi_file_brings_its_parts_chords_key_and_metre() {
    let text =
        |kind: u8, text: &str| [&[0, 0xFF, kind, text.len() as u8], text.as_bytes()].concat();
    // A quarter note is 96 ticks.
    let note = |pitch: u8| vec![0, 0x90, pitch, 80, 96, 0x80, pitch, 0];
    let track = |events: &[Vec<u8>]| {
        let mut events = events.concat();
        events.extend([0, 0xFF, 0x2F, 0]);
        [
            b"MTrk".as_slice(),
            &(events.len() as u32).to_be_bytes(),
            &events,
        ]
        .concat()
    };
    let metre = vec![0, 0xFF, 0x58, 4, 3, 2, 24, 8];
    let key = vec![0, 0xFF, 0x59, 2, 2, 0];
    let file = [
        b"MThd\0\0\0\x06\0\x01\0\x02\0\x60".to_vec(),
        track(&[metre, key, text(6, "D"), text(6, "scene 1")]),
        track(&[text(3, "melody"), note(74), note(76)]),
    ]
    .concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tune.mid");
    std::fs::write(&path, file).unwrap();
    let score = Score::open(&path).unwrap();
    assert_eq!((score.bar, score.key), (3.0, Some("D".parse().unwrap())));
    assert_eq!(score.chords, [(0.0, Some("D".parse().unwrap()))]);
    assert_eq!(
        (score.parts[0].name.as_str(), score.parts[0].role),
        ("melody", Role::Melody)
    );
    assert_eq!(score.parts[0].notes[1].start, 1.0);
}

#[test]
fn a_file_that_is_too_large_for_a_tune_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tune.mid");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let refused = Score::open(&path).err().unwrap().to_string();
    assert!(refused.contains("too large for a MIDI file"), "{refused}");
}
