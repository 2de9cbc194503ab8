//! One track: its events, and how reading continues after a damaged one.

use std::collections::BTreeSet;

use super::event::{self, Broken, Event, Item};
use super::flaw::Flaws;
use super::way::{Sense, Way, sense};
use super::{TRACK, find_track, is_chunk};

/// The mark at the end of a track, but for the ticks before it.
const END: &[u8; 3] = b"\xFF\x2F\0";

/// Events before the one that cannot be read that may be wrong as well: damage shows late.
const DOUBTED: usize = 12;

/// This many ends of notes that do not sound, one after another, show that what is read is not what
/// was written: where status bytes are left out, nearly everything can be read as something.
const SUSPICIOUS: usize = 6;

/// A track that is damaged in more places is not read any further.
const MOST_GAPS: usize = 500;

/// A track of a file.
#[derive(Debug, Default)]
pub struct Track {
    /// What happens at which tick, in order.
    pub events: Vec<(u64, Item)>,
    /// The tick at which it ends.
    pub end: u64,
    /// The ticks at which something is lost.
    pub gaps: Vec<u64>,
}

/// Reads the track whose name stands at `start`. Returns where the next chunk should begin.
pub(super) fn read(bytes: &[u8], start: usize, number: usize, flaws: &mut Flaws) -> (Track, usize) {
    let length = bytes[start + 4..start + 8].iter();
    let length = length.fold(0, |length, byte| length << 8 | usize::from(*byte));
    let from = start + 8;
    let end = from.saturating_add(length);
    // Its length is believed where a chunk follows, or where its own end stands there.
    let ends_there = end <= bytes.len() && bytes[from..end].ends_with(END);
    let is_believed = is_chunk(bytes, end) || ends_there;
    let limit = match is_believed {
        true => end,
        false => find_track(bytes, from).unwrap_or(bytes.len()),
    };
    if &bytes[start..start + 4] != TRACK {
        flaws.add(number, start, "the track's name is damaged".to_owned());
    }
    let is_cut = end > bytes.len() && limit == bytes.len();
    let mut reading = Reading {
        bytes: &bytes[..limit],
        number,
        at: from,
        tick: 0,
        running: None,
        track: Track::default(),
        behind: Vec::new(),
        sounding: BTreeSet::new(),
        suspects: 0,
        is_cut,
        is_over: false,
        chosen: None,
        flaws,
    };
    reading.run();
    let (at, mut track, is_over) = (reading.at, reading.track, reading.is_over);
    track.end = track.end.max(reading.tick);
    if is_cut && !is_over {
        let whole = format!("the track breaks off at byte {} of {end}", bytes.len());
        flaws.add(number, bytes.len(), whole);
    } else if !is_believed {
        let there = at - from;
        let why = format!("the track says that it has {length} bytes, but there are {there}");
        flaws.add(number, start + 4, why);
    }
    let next = match (is_believed, is_over) {
        (true, _) => end,
        (false, true) => at,
        (false, false) => limit,
    };
    (track, next)
}

/// An event that was read, so that reading can go back behind it.
#[derive(Clone, Copy)]
pub(super) struct Behind {
    pub(super) at: usize,
    pub(super) tick: u64,
    pub(super) running: Option<u8>,
    /// The ticks before it, and where they end.
    pub(super) delta: Option<(u64, usize)>,
    /// How many events there were before it.
    pub(super) events: usize,
}

pub(super) struct Reading<'a> {
    /// Up to the end of the track.
    pub(super) bytes: &'a [u8],
    pub(super) number: usize,
    pub(super) at: usize,
    pub(super) tick: u64,
    pub(super) running: Option<u8>,
    pub(super) track: Track,
    /// The last events.
    pub(super) behind: Vec<Behind>,
    /// Status byte's channel and pitch of what sounds.
    pub(super) sounding: BTreeSet<(u8, u8)>,
    /// How many of the last events make no sense.
    pub(super) suspects: usize,
    /// Whether the file ends before the track does.
    pub(super) is_cut: bool,
    /// Whether the mark at its end was read.
    pub(super) is_over: bool,
    /// Where reading continued last: it never goes back before that.
    pub(super) chosen: Option<usize>,
    pub(super) flaws: &'a mut Flaws,
}

impl Reading<'_> {
    fn run(&mut self) {
        while self.at < self.bytes.len() {
            match event::read(self.bytes, self.at, self.running) {
                Ok(event) => {
                    self.take(self.at, Some(event.delta), event);
                    if self.suspects == SUSPICIOUS {
                        self.reconsider();
                    }
                    if event.item == Item::End && !self.goes_on() {
                        return;
                    }
                }
                Err(broken) if self.is_end(broken) => return,
                Err(broken) => {
                    if !self.go_round(broken) {
                        return;
                    }
                }
            }
        }
    }

    /// Whether the bytes end in the middle of the last event because the file does.
    fn is_end(&self, broken: Broken) -> bool {
        let rest = self.bytes.len() - self.at;
        self.is_cut && broken.is_short && rest < 16
    }

    fn take(&mut self, at: usize, delta: Option<u64>, event: Event) {
        if self.behind.len() >= DOUBTED {
            self.behind.remove(0);
        }
        self.behind.push(Behind {
            at,
            tick: self.tick,
            running: self.running,
            delta: delta.map(|delta| (delta, at + delta_bytes(self.bytes, at))),
            events: self.track.events.len(),
        });
        if let Some(stray) = event.stray {
            let what = format!(
                "a message about the whole system ({:02X})",
                self.bytes[stray]
            );
            let why = format!("{what} is in the track; it is skipped");
            self.flaws.add(self.number, stray, why);
        }
        self.tick += event.delta;
        self.track.events.push((self.tick, event.item));
        match sense(&mut self.sounding, event) {
            Sense::None => self.suspects += 1,
            Sense::Some => self.suspects = 0,
            Sense::Unknown => {}
        }
        self.running = event.running;
        self.at = event.end;
    }

    /// After the mark at the end: whether events follow it all the same, up to the end that the
    /// track says it has.
    fn goes_on(&mut self) -> bool {
        self.is_over = true;
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return false;
        }
        let (mut at, mut running) = (self.at, None);
        while at < self.bytes.len() {
            match event::read(self.bytes, at, running) {
                Ok(event) => (at, running) = (event.end, event.running),
                Err(_) => break,
            }
        }
        let is_music = at == self.bytes.len();
        let count = rest.len();
        if is_music {
            let why = format!("{count} bytes of events follow the end of the track");
            self.flaws.add(self.number, self.at, why);
            self.running = None;
        } else if rest.iter().any(|byte| *byte != 0) {
            let why = format!("{count} bytes after the end of the track are not MIDI");
            self.flaws.add(self.number, self.at, why);
        }
        is_music
    }

    /// Finds where reading can continue after what is broken; `false`: nowhere.
    fn go_round(&mut self, broken: Broken) -> bool {
        let last = self.here(broken.delta);
        let way = self.way(&last, broken);
        let Some(way) = way.filter(|_| self.track.gaps.len() < MOST_GAPS) else {
            let count = self.bytes.len() - self.at;
            let why = format!("{count} bytes, the rest of the track, cannot be read");
            self.flaws.add(self.number, broken.byte, why);
            self.track.gaps.push(self.tick);
            return false;
        };
        self.go(&last, way);
        true
    }

    pub(super) fn here(&self, delta: Option<(u64, usize)>) -> Behind {
        Behind {
            at: self.at,
            tick: self.tick,
            running: self.running,
            delta,
            events: self.track.events.len(),
        }
    }

    /// Continues at `way`, and forgets what was read of the damaged event and after it.
    pub(super) fn go(&mut self, last: &Behind, way: Way) {
        // The last event that begins before the place where reading continues is the damaged one.
        self.behind.push(*last);
        let damaged = self.behind.iter().rposition(|behind| behind.at <= way.at);
        let damaged = self.behind[damaged.unwrap_or(0)];
        let lost = way.at.saturating_sub(damaged.at).max(1);
        let bytes = if lost == 1 {
            "1 byte"
        } else {
            &format!("{lost} bytes")
        };
        let why = format!("{bytes} cannot be read; reading continues after that");
        self.flaws.add(self.number, damaged.at, why);
        self.track.events.truncate(damaged.events);
        self.tick = damaged.tick;
        if let Some((delta, end)) = damaged.delta
            && end <= way.at
        {
            self.tick += delta;
        }
        self.track.gaps.push(self.tick);
        self.behind.clear();
        self.suspects = 0;
        self.chosen = Some(way.at);
        self.at = way.at;
        self.running = way.running;
        if way.is_without_delta
            && let Ok(event) = event::read_behind_delta(self.bytes, way.at, way.running, 0)
        {
            self.take(way.at, None, event);
        }
    }
}

/// How many bytes the ticks at `at` have.
fn delta_bytes(bytes: &[u8], at: usize) -> usize {
    let more = bytes[at..].iter().take_while(|byte| **byte >= 0x80).count();
    more + 1
}
