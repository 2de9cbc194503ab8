//! Finds where to continue after a damaged event: every place near it is tried, and the one from
//! which the most sounding notes end is taken.

use std::collections::BTreeSet;

use super::event::{self, Broken, Event, Item};
use super::track::{Behind, Reading};

/// Events that must be readable one after another before what follows damage is believed.
const BELIEVED: usize = 8;

/// The same where they have no status bytes of their own, and nearly everything looks like one.
const BELIEVED_RUNNING: usize = 12;

/// Events by which ways to continue are compared.
const COMPARED: usize = 16;

/// The most events that are read to compare a way: what looks like the length of a long message may
/// lead far away.
const MOST_COMPARED: usize = 64;

/// How many more sounding notes a way must end before it replaces one that can be read.
const BETTER: i32 = 4;

/// Ways to continue are compared up to this many bytes after damage; beyond, the first that can be
/// read is taken.
const NEAR: usize = 48;

/// How far after damage another event is looked for, in bytes.
const SEARCHED: usize = 1 << 16;

/// A way to continue after damage.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) at: usize,
    pub(super) running: Option<u8>,
    /// Whether the event there has lost its ticks.
    pub(super) is_without_delta: bool,
}

impl Reading<'_> {
    /// Looks for another way to read the last events, which can be read and make no sense.
    pub(super) fn reconsider(&mut self) {
        let last = self.here(None);
        let as_is = Way {
            at: self.at,
            running: self.running,
            is_without_delta: false,
        };
        let byte = self.at - 1;
        let now = self.score(as_is, byte).unwrap_or(0).max(0);
        // Where an event begins as it is read now, nothing is read otherwise: files may well end
        // notes that do not sound.
        let mut starts: BTreeSet<usize> = self.behind.iter().map(|behind| behind.at).collect();
        let (mut at, mut running) = (self.at, self.running);
        while at < byte + NEAR {
            starts.insert(at);
            match event::read(self.bytes, at, running) {
                Ok(event) => (at, running) = (event.end, event.running),
                Err(_) => break,
            }
        }
        let mut ways = self.near(&last, byte);
        ways.retain(|way| !starts.contains(&way.at));
        if let Some((score, way)) = self.best(ways, byte)
            && score >= now + BETTER
        {
            self.go(&last, way);
        }
    }

    /// The best place to continue.
    pub(super) fn way(&self, last: &Behind, broken: Broken) -> Option<Way> {
        let mut ways = Vec::new();
        // Most likely a byte of data is damaged, and the next event is where it should be: of an
        // event that has no status byte of its own, though it now seems to have one, or of
        // one that has.
        if let (Some((count, from)), Some((_, start)), false) =
            (broken.data, broken.delta, broken.is_short)
        {
            let way = |at, running| Way {
                at,
                running,
                is_without_delta: false,
            };
            if let Some(status) = self.running {
                ways.push(way(start + event::data_bytes(status), self.running));
            }
            let own = Some(self.bytes[start]).filter(|status| (0x80..0xF0).contains(status));
            ways.extend(own.map(|_| way(from + count, own)));
        }
        ways.extend(self.near(last, broken.byte));
        if let Some((_, way)) = self.best(ways, broken.byte) {
            return Some(way);
        }
        let from = (broken.byte + NEAR).min(self.bytes.len());
        let to = self.bytes.len().min(self.at + SEARCHED);
        (from..to)
            .flat_map(|at| ways_at(at, &[self.running]))
            .find(|way| self.score(*way, broken.byte).is_some())
    }

    /// The ways to continue near a damaged byte, and at the events before it.
    fn near(&self, last: &Behind, byte: usize) -> Vec<Way> {
        let first = self.behind.first().unwrap_or(last);
        let from = self
            .chosen
            .map_or(first.at, |chosen| first.at.max(chosen + 1));
        let to = self.bytes.len().min(byte + NEAR);
        let mut statuses: Vec<Option<u8>> = Vec::new();
        for behind in self.behind.iter().chain([last]) {
            if !statuses.contains(&behind.running) {
                statuses.push(behind.running);
            }
        }
        // The only status byte of the track may be what is damaged: most likely it said that a key
        // goes down.
        if statuses == [None] {
            statuses.push(Some(0x90));
        }
        (from..to).flat_map(|at| ways_at(at, &statuses)).collect()
    }

    /// The first of the ways that make most sense, or nearly most, and how much.
    fn best(&self, ways: Vec<Way>, byte: usize) -> Option<(i32, Way)> {
        let score = |way: Way| self.score(way, byte).map(|score| (score, way));
        let scored: Vec<(i32, Way)> = ways.into_iter().filter_map(score).collect();
        let most = scored.iter().map(|(score, _)| *score).max()?;
        scored.into_iter().find(|(score, _)| *score > most - BETTER)
    }

    /// How much sense the events from there on make: notes that sound end, and others do not.
    /// `None`: not enough events follow one another, up to the end of the track or past `byte`.
    fn score(&self, way: Way, byte: usize) -> Option<i32> {
        let wanted = match way.running {
            None => BELIEVED,
            Some(_) => BELIEVED_RUNNING,
        };
        let mut sounding = self.sounding.clone();
        let (mut at, mut running) = (way.at, way.running);
        let mut score = 0;
        let compared = COMPARED.max(wanted);
        for count in 0..MOST_COMPARED {
            if count >= compared && at > byte {
                return Some(score);
            }
            if at == self.bytes.len() && !self.is_cut {
                return (at > byte && count > 0).then_some(score);
            }
            let event = match way.is_without_delta && count == 0 {
                true => event::read_behind_delta(self.bytes, at, running, 0),
                false => event::read(self.bytes, at, running),
            };
            let is_enough = at > byte && count >= wanted;
            let Ok(event) = event else {
                return is_enough.then_some(score);
            };
            if event.item == Item::End {
                let is_end = event.end > byte && event.end == self.bytes.len();
                return (is_end || is_enough).then_some(score);
            }
            // A first event that borrows its status byte from nowhere is not one, and what should
            // not be in a file is no sign that this is the right place.
            let borrows = count == 0 && way.running.is_none() && !event.is_explicit;
            if borrows || event.stray.is_some() {
                return is_enough.then_some(score);
            }
            match sense(&mut sounding, event) {
                Sense::Some if count < compared => score += 1,
                Sense::None if count < compared => score -= 1,
                _ => {}
            }
            (at, running) = (event.end, event.running);
        }
        None
    }
}

/// The ways to read on at a place: with a status byte of its own or the one before, with ticks
/// before it or without.
fn ways_at(at: usize, before: &[Option<u8>]) -> Vec<Way> {
    let before = before.iter().filter(|status| status.is_some());
    let statuses = std::iter::once(&None).chain(before);
    statuses
        .flat_map(|running| {
            [false, true].map(|is_without_delta| Way {
                at,
                running: *running,
                is_without_delta,
            })
        })
        .collect()
}

/// Whether an event can be what was written.
pub(super) enum Sense {
    /// It ends a note that sounds.
    Some,
    /// It ends one that does not, or chooses a program after another without a status byte of its
    /// own.
    None,
    /// It is not known.
    Unknown,
}

pub(super) fn sense(sounding: &mut BTreeSet<(u8, u8)>, event: Event) -> Sense {
    match event.item {
        Item::Channel(status @ 0x90..0xA0, pitch, 1..) => {
            sounding.insert((status & 0x0F, pitch));
            Sense::Unknown
        }
        Item::Channel(status @ 0x80..0xA0, pitch, _) => {
            match sounding.remove(&(status & 0x0F, pitch)) {
                true => Sense::Some,
                false => Sense::None,
            }
        }
        Item::Channel(0xC0..0xE0, ..) if !event.is_explicit => Sense::None,
        _ => Sense::Unknown,
    }
}
