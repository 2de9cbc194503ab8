//! The bytes of a Standard MIDI File from notes at their ticks.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use score_engine::{NodeError, Note, Time, Transport};

/// Ticks in a quarter note: divides evenly by all usual note values.
const TICKS_PER_BEAT: u16 = 480;

/// MIDI's longest gap between two events, in ticks.
const MAX_DELTA: u64 = (1 << 28) - 1;

/// The tick of `time` in a file at the tempo of `transport`.
pub(crate) fn tick(transport: &Transport, time: Time) -> u64 {
    (transport.position(time) * f64::from(TICKS_PER_BEAT))
        .round()
        .max(0.0) as u64
}

/// A file of one track with `events` at their ticks, in order, that lasts until tick `end`.
///
/// # Errors
/// The track is longer than the format can say.
pub(crate) fn bytes(
    transport: &Transport,
    program: u8,
    events: &[(u64, Note)],
    end: u64,
) -> Result<Vec<u8>, NodeError> {
    let microseconds = (60e6 / transport.tempo).round() as u32;
    let metre = transport.metre;
    // Metre's second number as a power of two; 24 MIDI clocks and 8 thirty-seconds are a quarter note.
    let signature =
        MetaMessage::TimeSignature(metre.0 as u8, metre.1.trailing_zeros() as u8, 24, 8);
    let start = |kind| TrackEvent {
        delta: u28::from(0),
        kind,
    };
    let program = MidiMessage::ProgramChange {
        program: u7::from_int_lossy(program),
    };
    let mut track = vec![
        start(TrackEventKind::Meta(MetaMessage::Tempo(
            u24::from_int_lossy(microseconds),
        ))),
        start(TrackEventKind::Meta(signature)),
        start(TrackEventKind::Midi {
            channel: u4::from(0),
            message: program,
        }),
    ];
    let mut at = 0;
    let mut delta = |tick: u64| {
        let gap = tick.saturating_sub(at).min(MAX_DELTA);
        at = at.max(tick);
        u28::from_int_lossy(gap as u32)
    };
    for (tick, note) in events {
        let (key, channel) = (
            u7::from_int_lossy(note.pitch()),
            u4::from_int_lossy(note.channel()),
        );
        let message = match note {
            // Velocity 0 would be a note off.
            Note::On { velocity, .. } => MidiMessage::NoteOn {
                key,
                vel: u7::from_int_lossy((velocity * 127.0).round().clamp(1.0, 127.0) as u8),
            },
            Note::Off { .. } => MidiMessage::NoteOff {
                key,
                vel: u7::from(0),
            },
        };
        track.push(TrackEvent {
            delta: delta(*tick),
            kind: TrackEventKind::Midi { channel, message },
        });
    }
    track.push(TrackEvent {
        delta: delta(end),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });
    let header = Header {
        format: Format::SingleTrack,
        timing: Timing::Metrical(u15::from(TICKS_PER_BEAT)),
    };
    let mut bytes = Vec::new();
    Smf {
        header,
        tracks: vec![track],
    }
    .write_std(&mut bytes)
    .map_err(|error| NodeError::internal(format!("the MIDI file cannot be written: {error}")))?;
    Ok(bytes)
}
