//! MIDI files, written and read.

use std::collections::BTreeSet;
use std::path::Path;

use midly::num::{u4, u7, u15, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

/// A scale of eight quarter notes at 120 a minute: four seconds.
pub fn write_scale(path: &Path) {
    let mut track = Vec::new();
    for pitch in [60, 62, 64, 65, 67, 69, 71, 72] {
        for (delta, vel) in [(0, 100), (480, 0)] {
            let message = MidiMessage::NoteOn {
                key: u7::from(pitch),
                vel: u7::from(vel),
            };
            track.push(TrackEvent {
                delta: u28::from(delta),
                kind: TrackEventKind::Midi {
                    channel: u4::from(0),
                    message,
                },
            });
        }
    }
    track.push(TrackEvent {
        delta: u28::from(0),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });
    let header = Header {
        format: Format::SingleTrack,
        timing: Timing::Metrical(u15::from(480)),
    };
    Smf {
        header,
        tracks: vec![track],
    }
    .save(path)
    .unwrap();
}

/// Onsets as sixteenths at 120 a minute, and pitches.
pub fn onsets(path: &Path) -> Vec<(u32, u8)> {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let Timing::Metrical(ticks) = smf.header.timing else {
        panic!("no metrical timing");
    };
    let mut found = Vec::new();
    for track in &smf.tracks {
        let mut at = 0;
        for event in track {
            at += event.delta.as_int();
            if let TrackEventKind::Midi {
                message: MidiMessage::NoteOn { key, vel },
                ..
            } = event.kind
                && vel.as_int() > 0
            {
                found.push((at * 4 / u32::from(ticks.as_int()), key.as_int()));
            }
        }
    }
    found
}

/// Requires that less than half of the notes of any of the three scenes of
/// [`write_film`](crate::write_film) come again in another.
pub fn require_other_music_in_each_scene(path: &Path) {
    let onsets = onsets(path);
    let scenes: Vec<BTreeSet<(u32, u8)>> = (0..3)
        .map(|scene| {
            (onsets.iter())
                .filter(|(at, _)| at / 32 == scene)
                .map(|(at, pitch)| (at % 32, *pitch))
                .collect()
        })
        .collect();
    for (earlier, later) in [(0, 1), (1, 2), (0, 2)] {
        let shared = scenes[earlier].intersection(&scenes[later]).count();
        let fewer = scenes[earlier].len().min(scenes[later].len());
        assert!(
            fewer >= 3 && shared * 2 < fewer,
            "scenes {earlier} and {later}: {scenes:?}"
        );
    }
}
