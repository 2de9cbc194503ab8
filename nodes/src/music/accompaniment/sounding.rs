//! The notes that sound, and when each ends.

use score_engine::{Note, Time};

use super::super::harmony::Chord;
use super::super::pacing::Played;

/// Notes of one channel; of each pitch at most one sounds.
pub(super) struct Sounding {
    channel: u8,
    /// Pitches and when they end.
    notes: Vec<(u8, Time)>,
}

impl Sounding {
    pub(super) fn new(channel: u8) -> Self {
        Sounding {
            channel,
            notes: Vec::new(),
        }
    }

    /// A note begins at `time` and ends at `until`; one of the same pitch that still sounds ends before it.
    pub(super) fn begin(
        &mut self,
        pitch: u8,
        velocity: f32,
        (time, until): (Time, Time),
        played: &mut Played,
    ) {
        self.end(time, |(other, _)| *other == pitch, played);
        let channel = self.channel;
        played.push((
            time,
            Note::On {
                channel,
                pitch,
                velocity,
            },
        ));
        self.notes.push((pitch, until));
    }

    /// Ends at `time` what does not fit `chord`.
    pub(super) fn leave(&mut self, chord: Option<Chord>, time: Time, played: &mut Played) {
        let fits = |pitch: u8| chord.is_some_and(|chord| chord.holds(pitch));
        self.end(time, |(pitch, _)| !fits(*pitch), played);
    }

    /// Ends at `time` every note that `which` names.
    pub(super) fn end(
        &mut self,
        time: Time,
        which: impl Fn(&(u8, Time)) -> bool,
        played: &mut Played,
    ) {
        let channel = self.channel;
        self.notes.retain(|note| {
            let ends = which(note);
            if ends {
                let (pitch, until) = *note;
                played.push((time.min(until.max(time)), Note::Off { channel, pitch }));
            }
            !ends
        });
    }

    /// Ends, each at its own time, the notes that end before `next`, but none before `now`.
    pub(super) fn due(&mut self, now: Time, next: Time, played: &mut Played) {
        let channel = self.channel;
        self.notes.retain(|(pitch, until)| {
            let ends = *until < next;
            if ends {
                let pitch = *pitch;
                played.push(((*until).max(now), Note::Off { channel, pitch }));
            }
            !ends
        });
    }

    /// The pitches that sound.
    pub(super) fn pitches(&self) -> impl Iterator<Item = u8> {
        self.notes.iter().map(|(pitch, _)| *pitch)
    }

    /// What sounds goes on until `until`.
    pub(super) fn hold(&mut self, until: Time) {
        self.notes.iter_mut().for_each(|(_, end)| *end = until);
    }
}

/// In the order of time; of what happens together ends come first.
pub(super) fn in_order(mut played: Played) -> Played {
    played.sort_by_key(|(time, note)| (*time, matches!(note, Note::On { .. })));
    played
}
