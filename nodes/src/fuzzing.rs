//! The readers of files that others made, for the fuzz targets in `tests/fuzz`. Each takes the
//! bytes of a file, reads it as a node would, and throws away what comes: only a panic, a hang or
//! endless memory is a finding.

use std::path::Path;

use score_engine::Note;

use crate::audio::sound_font::{Beginning, Player, file};
use crate::audio::sound_source::{self, SoundSource};
use crate::latent::teach;
use crate::midi::performance::instants;
use crate::midi::reading::Song;
use crate::midi::smf::File;
use crate::model::Manifest;
use crate::music::{LAYOUT, sheet};
use crate::net;
use crate::osc;
use crate::take::{self, Frames, Log};

/// What errors call a file that is only bytes.
const NAME: &str = "fuzz";

/// Frames of a sound that are decoded at most: a small file may hold hours of silence.
const MOST_FRAMES: usize = 1 << 20;

/// Frames of each note that are played.
const PLAYED: usize = 512;

/// Reads a manifest of models.
pub fn manifest(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Manifest::parse(text, Path::new(NAME));
    }
}

/// Reads a MIDI file, as notes in time and as the two bars that a melody model is given.
pub fn midi(bytes: &[u8]) {
    if let Ok(file) = File::parse(bytes) {
        let _ = instants(&file);
        let _ = sheet::opening(&Song::of(&file), &LAYOUT);
        let _ = file.flaws.to_string();
    }
}

/// Reads a SoundFont, and plays low, middle and high notes with it.
pub fn sound_font(bytes: &[u8]) {
    let player = file::read_unguarded(bytes)
        .and_then(|font| Player::with(font, NAME.to_owned(), Beginning::default(), 48_000).ok());
    let Some(mut player) = player else {
        return;
    };
    for pitch in [0, 60, 127] {
        let (channel, velocity) = (0, 1.0);
        let on = Note::On {
            channel,
            pitch,
            velocity,
        };
        let mut samples = [0.0; 2 * PLAYED];
        let played = player.play(on).and_then(|()| player.render(&mut samples));
        assert!(samples.iter().all(|sample| sample.is_finite()));
        if played.is_err() {
            return;
        }
    }
}

/// Decodes a sound with the built-in decoders.
pub fn sound(bytes: &[u8]) {
    let Ok(Some(mut source)) = sound_source::decode(bytes, NAME) else {
        return;
    };
    let mut frames = 0;
    while let Ok(Some(samples)) = source.next() {
        frames += samples.len() / 2;
        if frames > MOST_FRAMES {
            return;
        }
    }
}

/// Plays a live run by MIDI, as its `controllers` and `recall` say: each three bytes are a message.
#[cfg(feature = "device")]
pub fn desk(bytes: &[u8]) {
    use std::sync::LazyLock;

    use score_engine::{Live, LiveOptions, Settings, Source, Steering, check};

    /// What is played.
    const PLAYED: &str = r#"Patch(
        format: 1,
        nodes: {"a": knob()},
        presets: {"calm": {"a.value": 0.5, "transport.tempo": 90}},
        cues: [(name: "one", preset: "calm", time: 1, start: beat, then: follow, next: "one")],
        recall: [
            (port: "virtual", program: 1, preset: "calm", glide: 1),
            (port: "virtual", note: 60, cue: go),
            (port: "virtual", note: 61, cue: "one"),
        ],
        controllers: {
            "a.value": (port: "virtual", number: 1),
            "transport.tempo": (port: "virtual", number: 2),
            "transport.swing_of": (port: "virtual", number: 3),
        },
    )"#;
    static PLAYING: LazyLock<Option<Live>> = LazyLock::new(|| {
        let source = Source::text("p.ron", PLAYED, std::path::PathBuf::new());
        let graph = check(&source, &[], &crate::registry(), &Settings::default()).ok()?;
        let live = Live::start(graph, &Settings::default(), LiveOptions::default());
        live.ok().map(|(live, _)| live)
    });
    let steering: Option<Steering> = PLAYING.as_ref().map(Live::steering);
    assert!(steering.is_some(), "the patch plays");
    if let Some(steering) = steering {
        crate::device::fuzz_desk(&steering, bytes);
    }
}

/// Reads MIDI messages as a clock, as timecode and as taps, and follows what they say: each message
/// is a byte with its length and how much later it comes, and its bytes.
#[cfg(feature = "device")]
pub fn clocks(bytes: &[u8]) {
    crate::following::fuzz(bytes);
}

/// Reads a recorder's take: its log, and after a zero byte its trace. Where the checksum of a part
/// is wrong it is read all the same, so that what lies behind it is reached.
pub fn take(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    if let Ok(log) = Log::read(parts.next().unwrap_or_default(), Path::new(NAME)) {
        let _ = log.length();
    }
    let trace = parts.next().unwrap_or_default();
    take::fuzz_trace(trace);
    if let Ok(Some(frames)) = Frames::open(trace) {
        for chunk in frames.flatten() {
            take::fuzz_trace(&chunk.bytes);
        }
    }
}

/// Takes bytes for what a `net_out` says to a `net_in`, and the other way round.
pub fn net(bytes: &[u8]) {
    net::take(bytes);
}

/// Takes in a packet of OSC as `osc_in` does; what stands before a zero byte is the address that it
/// listens to.
pub fn osc_in(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let address = String::from_utf8_lossy(parts.next().unwrap_or_default());
    osc::take(&address, parts.next().unwrap_or_default());
}

/// Reads a file of examples for `teach`, changes it as the node does, and learns from it.
pub fn examples(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        teach::fuzz(text);
    }
}
