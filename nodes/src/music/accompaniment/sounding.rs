//! The notes that sound, and when each ends.

use score_engine::{Note, Time, Transport};

use super::super::harmony::Chord;
use super::super::pacing::Played;

/// Notes that sound; of each channel's pitch at most one does.
#[derive(Default)]
pub(super) struct Sounding {
    /// Channel, pitch and end of each.
    notes: Vec<(u8, u8, Time)>,
}

impl Sounding {
    /// The note of a channel and a pitch begins at `time` and ends at `until`; one that still
    /// sounds there ends before it.
    pub(super) fn begin(
        &mut self,
        (channel, pitch): (u8, u8),
        velocity: f32,
        (time, until): (Time, Time),
        played: &mut Played,
    ) {
        let is_same = |note: &(u8, u8, Time)| (note.0, note.1) == (channel, pitch);
        self.end_where(time, is_same, played);
        played.push((
            time,
            Note::On {
                channel,
                pitch,
                velocity,
            },
        ));
        self.notes.push((channel, pitch, until));
    }

    /// Ends at `time` what does not fit `chord`.
    pub(super) fn leave(&mut self, chord: Option<Chord>, time: Time, played: &mut Played) {
        let fits = |pitch: u8| chord.is_some_and(|chord| chord.holds(pitch));
        self.end(time, |pitch| !fits(pitch), played);
    }

    /// Ends at `time` every note whose pitch `which` names.
    pub(super) fn end(&mut self, time: Time, which: impl Fn(u8) -> bool, played: &mut Played) {
        self.end_where(time, |(_, pitch, _)| which(*pitch), played);
    }

    fn end_where(
        &mut self,
        time: Time,
        which: impl Fn(&(u8, u8, Time)) -> bool,
        played: &mut Played,
    ) {
        self.notes.retain(|note| {
            let ends = which(note);
            if ends {
                let (channel, pitch, until) = *note;
                played.push((time.min(until.max(time)), Note::Off { channel, pitch }));
            }
            !ends
        });
    }

    /// Ends, each at its own time, the notes that end before `next`, but none before `now`.
    pub(super) fn due(&mut self, now: Time, next: Time, played: &mut Played) {
        self.notes.retain(|(channel, pitch, until)| {
            let ends = *until < next;
            if ends {
                let (channel, pitch) = (*channel, *pitch);
                played.push(((*until).max(now), Note::Off { channel, pitch }));
            }
            !ends
        });
    }

    /// The pitches that sound.
    pub(super) fn pitches(&self) -> impl Iterator<Item = u8> {
        self.notes.iter().map(|(_, pitch, _)| *pitch)
    }

    /// What ends by the transport `from` ends at the same position by `to`.
    pub(super) fn retime(&mut self, from: &Transport, to: &Transport) {
        for (.., until) in &mut self.notes {
            if *until != Time::MAX {
                *until = to.time_at(from.position(*until));
            }
        }
    }

    /// Ends at `time` what sounds on other channels than `channel`.
    pub(super) fn end_beside(&mut self, channel: u8, time: Time, played: &mut Played) {
        self.end_where(time, |note| note.0 != channel, played);
    }

    /// What sounds goes on until `until`.
    pub(super) fn hold(&mut self, until: Time) {
        self.notes.iter_mut().for_each(|(.., end)| *end = until);
    }
}

/// In the order of time; of what happens together ends come first.
pub(super) fn in_order(mut played: Played) -> Played {
    played.sort_by_key(|(time, note)| (*time, matches!(note, Note::On { .. })));
    played
}
