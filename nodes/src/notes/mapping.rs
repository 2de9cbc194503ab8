//! Nodes in which each key sounds as other notes, for as long as it is down.

use score_engine::{
    Build, Custom, Flow, InputPort, Io, NodeError, Note, OutputPort, Params, Processor, Time,
    Transport,
};

use super::harmony::Harmony;
use super::note_map::NoteMap;
use super::{Key, send_on};
use crate::chords::Chords;
use crate::midi::PERCUSSION;

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

/// So many drums, and no other note, are a mistake that is reported.
const MANY_DRUMS: u32 = 8;

/// Maps notes.
#[derive(Debug)]
pub(super) struct Mapping {
    /// The node's id.
    name: String,
    harmony: Harmony,
    map: NoteMap<Key>,
    /// How many drums have come; `None`: other notes too, or it was reported.
    only_drums: Option<u32>,
}

impl Mapping {
    pub(super) fn new(build: &Build<'_>) -> Self {
        Mapping {
            name: build.id.to_owned(),
            harmony: Harmony::new(build.transport),
            map: NoteMap::default(),
            only_drums: Some(0),
        }
    }

    /// Counts a note, and says once where the node has nothing to do.
    fn count(&mut self, channel: u8) {
        let Some(drums) = self.only_drums.filter(|_| channel == PERCUSSION) else {
            self.only_drums = None;
            return;
        };
        self.only_drums = Some(drums + 1).filter(|drums| *drums < MANY_DRUMS);
        if self.only_drums.is_none() {
            tracing::warn!(
                "`{}` changes nothing: all notes that come are on channel 9, and drums stay as they are; give them \
                 another channel where they are made, as in `accent(channel: 0)`",
                self.name
            );
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
        self.count(channel);
        let pitches = match channel {
            // Drums have no pitch.
            PERCUSSION => vec![(pitch, 1.0)],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::warnings;

    fn mapping() -> Mapping {
        Mapping {
            name: "hands".to_owned(),
            harmony: Harmony::new(&Transport::default()),
            map: NoteMap::default(),
            only_drums: Some(0),
        }
    }

    #[test]
    fn drums_alone_are_reported_once_and_not_where_another_note_has_come() {
        let said = |channels: &[u8]| {
            let mut mapping = mapping();
            warnings(|| channels.iter().for_each(|channel| mapping.count(*channel)))
        };
        assert_eq!(said(&[PERCUSSION; 100]), 1);
        assert_eq!(said(&[PERCUSSION; MANY_DRUMS as usize - 1]), 0);
        let mut mixed = [PERCUSSION; 100];
        mixed[3] = 0;
        assert_eq!(said(&mixed), 0);
    }
}
