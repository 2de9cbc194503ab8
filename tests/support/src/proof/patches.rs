//! The patches that are measured.

use crate::cuts_film as film;
use crate::graphs;

/// A hit for every cut, and nothing else.
pub fn hits() -> String {
    r#"
    Patch(
        format: 1,
        transport: (tempo: 110, block: 256),
        nodes: {
            "camera": video_file(path: "cuts.mp4", loop: true),
            "cuts":   cut_detector(confirm: 0),
            "hit":    accent(pitch: 42),
            "drums":  synth(voice: drum_kit, reverb: 0),
            "sound":  audio_out(device: "JACK"),
        },
        wires: ["camera -> cuts", "cuts.cut -> hit -> drums -> sound"],
    )
    "#
    .to_owned()
}

/// A live patch that ships, by its name: on JACK, its melody's notes sent to the listener as well.
pub fn shipped(name: &str) -> String {
    let text = std::fs::read_to_string(graphs().join(format!("{name}.ron"))).unwrap();
    let changed = [
        (r#"film.mp4""#, r#"cuts.mp4""#),
        ("audio_out()", r#"audio_out(device: "JACK")"#),
        (
            "    nodes: {",
            r#"    nodes: { "melody": midi_out(port: "JACK: listener"),"#,
        ),
        ("    wires: [", r#"    wires: [ "tune -> melody","#),
    ];
    changed.into_iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "graphs/{name}.ron has no `{old}`");
        text.replace(old, new)
    })
}

/// The longest time from a cut until the notes change: a sixteenth at 110 quarter notes a minute, a
/// picture, a block.
pub fn until_notes_change() -> f64 {
    60.0 / 110.0 / 4.0 + film::PICTURE + 256.0 / 48_000.0
}
