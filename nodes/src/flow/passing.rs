//! What passes a door that opens and closes, so that nothing hangs and nothing clicks: notes that
//! sound when it closes are ended, and sound fades.

use std::collections::BTreeSet;
use std::sync::Arc;

use score_engine::{AudioBlock, Note, Payload, Performance, Time};

/// Notes that have passed and not ended.
#[derive(Debug, Default)]
pub(super) struct Sounding {
    /// Channels and pitches.
    down: BTreeSet<(u8, u8)>,
    /// The latest time of notes that have passed, which may lie ahead of the clock.
    latest: Time,
}

impl Sounding {
    /// What passes of notes while the door `is_open`: while it is closed none begins, and only
    /// those end that have passed. What is done to channels passes always. `None`: nothing.
    pub(super) fn pass(&mut self, time: Time, payload: Payload, is_open: bool) -> Option<Payload> {
        let (changes, notes) = match &payload {
            Payload::Notes(notes) => (None, notes),
            Payload::Performance(performance) => (Some(&performance.changes), &performance.notes),
            _ => return Some(payload),
        };
        self.latest = self.latest.max(time);
        let passed: Vec<Note> = (notes.iter().copied())
            .filter(|note| self.passes(note, is_open))
            .collect();
        match changes {
            _ if passed.len() == notes.len() => Some(payload),
            Some(changes) => Some(Payload::Performance(Arc::new(Performance {
                changes: changes.clone(),
                notes: passed.into(),
            }))),
            None if passed.is_empty() => None,
            None => Some(Payload::Notes(passed.into())),
        }
    }

    fn passes(&mut self, note: &Note, is_open: bool) -> bool {
        let key = (note.channel(), note.pitch());
        match note {
            Note::On { .. } if is_open => {
                self.down.insert(key);
                true
            }
            Note::On { .. } => false,
            Note::Off { .. } => self.down.remove(&key),
        }
    }

    /// Ends all that sounds, at `time` or when the last of it began; `None`: nothing sounds.
    pub(super) fn end(&mut self, time: Time) -> Option<(Time, Payload)> {
        let off = |(channel, pitch)| Note::Off { channel, pitch };
        let ended: Vec<Note> = std::mem::take(&mut self.down)
            .into_iter()
            .map(off)
            .collect();
        (!ended.is_empty()).then(|| (time.max(self.latest), Payload::Notes(ended.into())))
    }
}

/// A block of sound that goes from the level `from` to the level `to`, each 0 or 1.
pub(super) fn faded(block: &Arc<AudioBlock>, from: f32, to: f32) -> Arc<AudioBlock> {
    if from == 1.0 && to == 1.0 {
        return block.clone();
    }
    let channels = usize::from(block.channels.max(1));
    let frames = block.frames().max(1) as f32;
    let level = |frame: usize| from + (to - from) * (frame as f32 + 0.5) / frames;
    let samples = block.samples.iter().enumerate();
    let faded = |(index, sample): (usize, &f32)| match level(index / channels) {
        // What is silent stays so, whatever it is that does not sound.
        0.0 => 0.0,
        level => sample * level,
    };
    Arc::new(AudioBlock {
        samples: samples.map(faded).collect(),
        ..AudioBlock::clone(block)
    })
}

/// Whether the latest of such a payload says how something is until the next comes, so that it
/// counts from the moment at which a door opens.
pub(super) fn stands(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::Control(_) | Payload::Latent(_) | Payload::Frame(_)
    )
}
