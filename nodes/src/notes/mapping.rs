//! Nodes in which each key sounds as other notes, for as long as it is down.

use score_engine::{
    Build, Custom, Flow, InputPort, Io, NodeError, Note, OutputPort, Params, Processor, Time,
    Transport,
};

use super::harmony::Harmony;
use super::note_map::NoteMap;
use super::{DRUMS, Key, send_on};
use crate::chords::Chords;

/// A kind whose keys sound as other notes.
pub(super) trait Maps: Params {
    /// Where the chords come in that lead.
    const CHORDS: InputPort<Custom<Chords>>;
    /// Where the notes come in.
    const NOTES: InputPort<Note>;
    /// Where they leave.
    const MAPPED: OutputPort<Note>;

    /// The pitches that a key of this pitch sounds as, each with its share of the velocity.
    fn sounds_as(&self, pitch: u8, harmony: &Harmony) -> Vec<(u8, f32)>;
}

/// Maps notes.
#[derive(Debug)]
pub(super) struct Mapping {
    harmony: Harmony,
    map: NoteMap<Key>,
}

impl Mapping {
    pub(super) fn new(build: &Build<'_>) -> Self {
        Mapping {
            harmony: Harmony::new(build.transport),
            map: NoteMap::default(),
        }
    }

    fn begin<P: Maps>(
        &mut self,
        params: &P,
        (key, velocity): (Key, f32),
        time: Time,
        sent: &mut Vec<Note>,
    ) {
        let (channel, pitch) = key;
        let pitches = match channel {
            // Drums have no pitch.
            DRUMS => vec![(pitch, 1.0)],
            _ => params.sounds_as(pitch, &self.harmony),
        };
        let pitches = pitches.into_iter();
        let notes: Vec<(Key, f32)> = pitches
            .map(|(pitch, share)| ((channel, pitch), velocity * share))
            .collect();
        self.map.begin(key, &notes, time, sent);
    }
}

impl<P: Maps> Processor<P> for Mapping {
    fn process(&mut self, params: &P, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let packet = &input.packet;
            if input.is(P::CHORDS) {
                self.harmony.hear(packet.time, *input.read(P::CHORDS)?);
                continue;
            }
            self.harmony.go_to(packet.time);
            let mut sent = Vec::new();
            for note in input.read(P::NOTES)?.iter() {
                let key = (note.channel(), note.pitch());
                match *note {
                    Note::On { velocity, .. } => {
                        self.begin(params, (key, velocity), packet.time, &mut sent);
                    }
                    Note::Off { .. } => self.map.end(&key, &mut sent),
                }
            }
            send_on(io, P::MAPPED, packet, packet.changes().to_vec(), sent)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &P, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, notes) in self.map.end_all(io.end().unwrap_or(Time::ZERO)) {
            io.send(P::MAPPED, time, notes)?;
        }
        Ok(())
    }

    fn changed(&mut self, _params: &P, transport: &Transport) -> Result<(), NodeError> {
        self.harmony.retime(transport);
        Ok(())
    }
}
