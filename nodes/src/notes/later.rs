//! Notes that are planned for later: in the order of their times, each with its end.

use std::collections::BTreeMap;
use std::time::Instant;

use score_engine::{ChannelChange, Io, NodeError, Note, OutputPort, Performance, Time};

use super::Key;
use super::note_map::NoteMap;

/// So much is planned at most; notes beyond it are left out.
const MOST: usize = 65_536;

/// Something that is planned.
#[derive(Clone, Debug)]
pub(super) enum Act<O> {
    /// A note begins for `owner`.
    Begin { owner: O, note: Key, velocity: f32 },
    /// What was begun for the owner ends.
    End(O),
    /// Something is done to a channel.
    Change(ChannelChange),
}

/// What is planned for an output, and what sounds there.
#[derive(Debug)]
pub(super) struct Later<O> {
    /// By time, and in the order in which it was planned; with the capture that it stems from.
    acts: BTreeMap<(Time, u64), (Instant, Act<O>)>,
    planned: u64,
    map: NoteMap<O>,
}

impl<O> Default for Later<O> {
    fn default() -> Self {
        Later {
            acts: BTreeMap::new(),
            planned: 0,
            map: NoteMap::default(),
        }
    }
}

impl<O: Ord> Later<O> {
    /// Plans something for `time`, behind all that is planned for then.
    pub(super) fn plan(&mut self, time: Time, captured: Instant, act: Act<O>) {
        if self.acts.len() >= MOST && matches!(act, Act::Begin { .. }) {
            return;
        }
        self.acts.insert((time, self.planned), (captured, act));
        self.planned += 1;
    }

    /// When something is planned next.
    pub(super) fn next(&self) -> Option<Time> {
        self.acts.keys().next().map(|(time, _)| *time)
    }

    /// When what the act ends, or begins again, was struck.
    fn struck(&self, act: &Act<O>) -> Option<Time> {
        match act {
            Act::Begin { owner, note, .. } => self.map.struck(owner, Some(*note)),
            Act::End(owner) => self.map.struck(owner, None),
            Act::Change(_) => None,
        }
    }

    /// Sends all that is planned up to `until`, that included: what belongs to one time as one
    /// packet.
    pub(super) fn release(
        &mut self,
        io: &mut Io<'_>,
        port: OutputPort<Note>,
        until: Time,
    ) -> Result<(), NodeError> {
        while let Some(time) = self.next().filter(|next| *next <= until) {
            let mut batch = Batch::default();
            while let Some(entry) = self.acts.first_entry().filter(|at| at.key().0 == time) {
                let (captured, act) = entry.remove();
                match self.struck(&act).filter(|struck| *struck > time) {
                    // Live a stroke on that key has left ahead of its time: nothing comes before.
                    Some(struck) => self.plan(struck, captured, act),
                    None => batch.add(captured, act, time, &mut self.map),
                }
            }
            batch.send(io, port, time)?;
        }
        Ok(())
    }

    /// Sends what is planned before `end`, and ends then what still sounds.
    pub(super) fn finish(
        &mut self,
        io: &mut Io<'_>,
        port: OutputPort<Note>,
        end: Time,
    ) -> Result<(), NodeError> {
        let is_stroke = |act: &Act<O>| matches!(act, Act::Begin { .. });
        self.acts
            .retain(|(time, _), (_, act)| *time <= end && !(*time == end && is_stroke(act)));
        self.release(io, port, end)?;
        for (time, notes) in self.map.end_all(end) {
            io.send(port, time, notes)?;
        }
        Ok(())
    }
}

/// What is sent of one time.
#[derive(Default)]
struct Batch {
    captured: Option<Instant>,
    changes: Vec<ChannelChange>,
    notes: Vec<Note>,
}

impl Batch {
    fn add<O: Ord>(&mut self, captured: Instant, act: Act<O>, time: Time, map: &mut NoteMap<O>) {
        let before = self.changes.len() + self.notes.len();
        match act {
            Act::Begin {
                owner,
                note,
                velocity,
            } => map.begin(owner, &[(note, velocity)], time, &mut self.notes),
            Act::End(owner) => map.end(&owner, &mut self.notes),
            Act::Change(change) => self.changes.push(change),
        }
        if self.changes.len() + self.notes.len() > before {
            let oldest = self.captured.map_or(captured, |other| other.min(captured));
            self.captured = Some(oldest);
        }
    }

    fn send(self, io: &mut Io<'_>, port: OutputPort<Note>, time: Time) -> Result<(), NodeError> {
        let Some(captured) = self.captured else {
            return Ok(());
        };
        let (changes, notes) = (self.changes, self.notes);
        match changes.is_empty() {
            true => io.send_captured(port, time, captured, notes),
            false => {
                let notes = notes.into();
                io.send_captured(port, time, captured, Performance { changes, notes })
            }
        }
    }
}
