//! The bytes of a Standard MIDI File from what happens at which tick.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{
    Format, Header, MetaMessage, MidiMessage, PitchBend, Smf, Timing, TrackEvent, TrackEventKind,
};
use score_engine::{ChannelChange, Key, KeyChoice, Metre, Mode, NodeError, Note, Time, Transport};

use super::PERCUSSION;
use super::message::{bytes as message_bytes, seven_bits};

/// Ticks in a quarter note: divides evenly by all usual note values.
const TICKS_PER_BEAT: u16 = 480;

/// MIDI's longest gap between two events, in ticks.
const MAX_DELTA: u64 = (1 << 28) - 1;

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
    /// The MIDI channel that all of it is written on.
    pub(crate) channel: u8,
    /// What happens at which tick, in order.
    pub(crate) acts: Vec<(u64, Act)>,
}

/// The tick of `time` in a file at the tempo of `transport`. A file's ticks are a clock's: swing is
/// heard in them.
pub(crate) fn tick(transport: &Transport, time: Time) -> u64 {
    (transport.clock_position(time) * f64::from(TICKS_PER_BEAT))
        .round()
        .max(0.0) as u64
}

/// The tempi of `transport` and the ticks from which they hold.
fn tempi(transport: &Transport) -> Vec<(u64, f64)> {
    let fitted = transport.tempi.as_ref().map(|tempi| tempi.stretches());
    match fitted {
        Some(stretches) if !stretches.is_empty() => stretches
            .iter()
            .map(|stretch| (tick(transport, stretch.from), stretch.tempo))
            .collect(),
        _ => vec![(0, transport.tempo)],
    }
}

/// What holds for all tracks, each from a tick on and in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conductor {
    /// Quarter notes a minute; the first from tick 0 on.
    pub(crate) tempi: Vec<(u64, f64)>,
    /// Beats in a bar and the note value that is a beat.
    pub(crate) metres: Vec<(u64, Metre)>,
    /// Key signatures.
    pub(crate) keys: Vec<(u64, Key)>,
    /// Places with a name: scenes, cuts.
    pub(crate) markers: Vec<(u64, String)>,
    /// Chord symbols, which get a track of their own.
    pub(crate) chords: Vec<(u64, String)>,
}

impl Conductor {
    /// The tempo and the metre of `transport`, and its key where one was chosen.
    pub(crate) fn of(transport: &Transport) -> Self {
        let key = match transport.key {
            Some(KeyChoice::Of(key)) => Some((0, key)),
            // The mode is not known before the harmony has chosen it.
            Some(KeyChoice::Auto) | None => None,
        };
        Conductor {
            tempi: tempi(transport),
            metres: vec![(0, transport.metre)],
            keys: key.into_iter().collect(),
            ..Conductor::default()
        }
    }

    /// Goes over to the tempo, the metre and the key of `transport` from `tick` on.
    pub(crate) fn go_over(&mut self, transport: &Transport, tick: u64) {
        go_over(&mut self.tempi, tick, transport.tempo);
        go_over(&mut self.metres, tick, transport.metre);
        if let Some(KeyChoice::Of(key)) = transport.key {
            go_over(&mut self.keys, tick, key);
        }
    }

    /// The track that every reader takes them from. At one tick tempo, metre and key come first.
    fn track(&self, end: u64) -> Vec<TrackEvent<'_>> {
        let tempi = self.tempi.iter().map(|(tick, tempo)| {
            let microseconds = (60e6 / tempo).round() as u32;
            (*tick, MetaMessage::Tempo(u24::from_int_lossy(microseconds)))
        });
        let metres = self.metres.iter().map(|(tick, Metre(beats, unit))| {
            // The unit as a power of two; 24 MIDI clocks and 8 thirty-seconds are a quarter note.
            let unit = unit.trailing_zeros() as u8;
            (*tick, MetaMessage::TimeSignature(*beats as u8, unit, 24, 8))
        });
        let keys = self.keys.iter().map(|(tick, key)| {
            let is_minor = key.mode == Mode::Minor;
            (*tick, MetaMessage::KeySignature(key.fifths(), is_minor))
        });
        let markers = self.markers.iter();
        let markers = markers.map(|(tick, name)| (*tick, MetaMessage::Marker(name.as_bytes())));
        let mut all: Vec<(u64, MetaMessage<'_>)> =
            tempi.chain(metres).chain(keys).chain(markers).collect();
        all.sort_by_key(|(tick, _)| *tick);
        let mut track = Track::default();
        for (tick, message) in all {
            track.add(tick, TrackEventKind::Meta(message));
        }
        track.close(end)
    }

    /// The chord symbols as texts, which notation programs and DAWs show; nothing where there are
    /// none.
    fn symbols(&self, end: u64) -> Option<Vec<TrackEvent<'_>>> {
        if self.chords.is_empty() {
            return None;
        }
        let mut track = Track::default();
        let name = MetaMessage::TrackName(b"chords");
        track.add(0, TrackEventKind::Meta(name));
        for (tick, symbol) in &self.chords {
            let text = MetaMessage::Text(symbol.as_bytes());
            track.add(*tick, TrackEventKind::Meta(text));
        }
        Some(track.close(end))
    }
}

/// What holds from `tick` on is `value`, in place of all that would hold later.
fn go_over<T: PartialEq>(holding: &mut Vec<(u64, T)>, tick: u64, value: T) {
    while holding.last().is_some_and(|(since, _)| *since >= tick) {
        holding.pop();
    }
    if holding.last().is_none_or(|(_, last)| *last != value) {
        holding.push((tick, value));
    }
}

/// A file at the tempo of `transport`, as [`file`], with the instrument `program` for each of
/// `parts`.
///
/// # Errors
/// As [`file`].
pub(crate) fn bytes(
    transport: &Transport,
    program: u8,
    parts: &[Part],
    end: u64,
) -> Result<Vec<u8>, NodeError> {
    let parts: Vec<(&Part, u8)> = parts.iter().map(|part| (part, program)).collect();
    file(&Conductor::of(transport), &parts, end)
}

/// A file of format 1 that lasts until tick `end`: what holds for all, then a track for each of
/// `parts` with its instrument, then the chords.
///
/// # Errors
/// A track is longer than the format can say, or there are more parts than it can count.
pub(crate) fn file(
    conductor: &Conductor,
    parts: &[(&Part, u8)],
    end: u64,
) -> Result<Vec<u8>, NodeError> {
    let mut tracks = vec![conductor.track(end)];
    tracks.extend(
        parts
            .iter()
            .map(|(part, program)| track(part, *program, end)),
    );
    tracks.extend(conductor.symbols(end));
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
            Act::Note(note) => track.add(*tick, on_channel(part.channel, played(*note))),
            Act::Change(change) => {
                track.add(*tick, on_channel(part.channel, changed(*change)));
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
