//! The bytes of a Standard MIDI File from what happens at which tick.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{
    Format, Header, MetaMessage, MidiMessage, PitchBend, Smf, Timing, TrackEvent, TrackEventKind,
};
use score_engine::{ChannelChange, NodeError, Note, Time, Transport};

use super::message::{bytes as message_bytes, seven_bits};

/// Ticks in a quarter note: divides evenly by all usual note values.
const TICKS_PER_BEAT: u16 = 480;

/// MIDI's longest gap between two events, in ticks.
const MAX_DELTA: u64 = (1 << 28) - 1;

/// The channel of percussion, whose programs are kits and not instruments.
const PERCUSSION: u8 = 9;

/// Something that happens in a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    /// A note begins or ends.
    Note(Note),
    /// Something is done to its channel.
    Change(ChannelChange),
}

/// What gets a track of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// What the track is called.
    pub(crate) name: String,
    /// MIDI channel.
    pub(crate) channel: u8,
    /// What happens at which tick, in order.
    pub(crate) acts: Vec<(u64, Act)>,
}

/// The tick of `time` in a file at the tempo of `transport`.
pub(crate) fn tick(transport: &Transport, time: Time) -> u64 {
    (transport.position(time) * f64::from(TICKS_PER_BEAT))
        .round()
        .max(0.0) as u64
}

/// A file of format 1 that lasts until tick `end`: a track with tempo and metre, then one for each of `parts`, whose
/// instrument is `program`.
///
/// # Errors
/// A track is longer than the format can say, or there are more parts than it can count.
pub(crate) fn bytes(
    transport: &Transport,
    program: u8,
    parts: &[Part],
    end: u64,
) -> Result<Vec<u8>, NodeError> {
    let mut tracks = vec![conductor(transport, end)];
    tracks.extend(parts.iter().map(|part| track(part, program, end)));
    let header = Header {
        format: Format::Parallel,
        timing: Timing::Metrical(u15::from(TICKS_PER_BEAT)),
    };
    let mut bytes = Vec::new();
    Smf { header, tracks }
        .write_std(&mut bytes)
        .map_err(|error| {
            NodeError::internal(format!("the MIDI file cannot be written: {error}"))
        })?;
    Ok(bytes)
}

/// What holds for all tracks.
fn conductor(transport: &Transport, end: u64) -> Vec<TrackEvent<'static>> {
    let microseconds = (60e6 / transport.tempo).round() as u32;
    let metre = transport.metre;
    // Metre's second number as a power of two; 24 MIDI clocks and 8 thirty-seconds are a quarter note.
    let signature =
        MetaMessage::TimeSignature(metre.0 as u8, metre.1.trailing_zeros() as u8, 24, 8);
    let mut track = Track::default();
    let tempo = MetaMessage::Tempo(u24::from_int_lossy(microseconds));
    track.add(0, TrackEventKind::Meta(tempo));
    track.add(0, TrackEventKind::Meta(signature));
    track.close(end)
}

fn track(part: &Part, program: u8, end: u64) -> Vec<TrackEvent<'_>> {
    let mut track = Track::default();
    let name = MetaMessage::TrackName(part.name.as_bytes());
    track.add(0, TrackEventKind::Meta(name));
    if part.channel != PERCUSSION {
        let program = MidiMessage::ProgramChange {
            program: u7::from_int_lossy(program),
        };
        track.add(0, on_channel(part.channel, program));
    }
    for (tick, act) in &part.acts {
        match act {
            Act::Note(note) => track.add(*tick, on_channel(note.channel(), played(*note))),
            Act::Change(change) => {
                track.add(*tick, on_channel(change.channel(), changed(*change)));
            }
        }
    }
    track.close(end)
}

fn on_channel(channel: u8, message: MidiMessage) -> TrackEventKind<'static> {
    TrackEventKind::Midi {
        channel: u4::from_int_lossy(channel),
        message,
    }
}

fn played(note: Note) -> MidiMessage {
    let key = u7::from_int_lossy(note.pitch());
    match note {
        // Velocity 0 would be a note off.
        Note::On { velocity, .. } => MidiMessage::NoteOn {
            key,
            vel: u7::from_int_lossy(seven_bits(velocity).max(1)),
        },
        Note::Off { .. } => MidiMessage::NoteOff {
            key,
            vel: u7::from(0),
        },
    }
}

fn changed(change: ChannelChange) -> MidiMessage {
    let [_, first, second] = message_bytes(change);
    let (first, second) = (u7::from_int_lossy(first), u7::from_int_lossy(second));
    match change {
        ChannelChange::Controller { .. } => MidiMessage::Controller {
            controller: first,
            value: second,
        },
        ChannelChange::Program { .. } => MidiMessage::ProgramChange { program: first },
        ChannelChange::Bend { value, .. } => MidiMessage::PitchBend {
            bend: PitchBend::from_f32(value),
        },
    }
}

/// A track that grows.
#[derive(Default)]
struct Track<'a> {
    events: Vec<TrackEvent<'a>>,
    at: u64,
}

impl<'a> Track<'a> {
    fn add(&mut self, tick: u64, kind: TrackEventKind<'a>) {
        let gap = tick.saturating_sub(self.at).min(MAX_DELTA);
        self.at = self.at.max(tick);
        let delta = u28::from_int_lossy(gap as u32);
        self.events.push(TrackEvent { delta, kind });
    }

    fn close(mut self, end: u64) -> Vec<TrackEvent<'a>> {
        self.add(end, TrackEventKind::Meta(MetaMessage::EndOfTrack));
        self.events
    }
}
