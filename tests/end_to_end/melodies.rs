//! Music from the melody model.

use midly::{MidiMessage, Smf, TrackEvent, TrackEventKind};

use crate::support::{graphs, score, text};

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
    assert!(smf.tracks[0].iter().filter(is_note).count() >= 16);
}
