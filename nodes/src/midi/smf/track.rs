//! One track: its events, and how reading goes on behind a damaged one.

use std::collections::BTreeSet;

use super::event::{self, Broken, Event, Item};
use super::flaw::Flaws;
use super::{TRACK, find_track, is_chunk};

/// The mark at the end of a track, but for the ticks before it.
const END: &[u8; 3] = b"\xFF\x2F\0";

/// So many events must be readable one after another before what follows damage is believed.
const BELIEVED: usize = 8;

/// The same where they have no status bytes of their own, and nearly everything looks like one.
const BELIEVED_RUNNING: usize = 12;

/// So many events before the one that cannot be read may be wrong as well: damage shows late.
const DOUBTED: usize = 12;

/// So many ends of notes that do not sound, one after another, show that what is read is not what was written: where the
/// status byte is left out nearly everything can be read as something.
const SUSPICIOUS: usize = 6;

/// Ways to go on are compared by so many events.
const COMPARED: usize = 16;

/// What looks like the length of a long message may lead far away; so many events are read to get there.
const MOST_COMPARED: usize = 64;

/// A way must end so many more notes that sound before it replaces one that can be read.
const BETTER: i32 = 4;

/// Ways to go on are compared up to so many bytes behind damage; from there on the first is taken that can be read.
const NEAR: usize = 48;

/// So far behind damage another event is looked for.
const SEARCHED: usize = 1 << 16;

/// A track that is damaged in more places is no track.
const MOST_GAPS: usize = 500;

/// A track of a file.
#[derive(Debug, Default)]
pub(crate) struct Track {
    /// What happens at which tick, in order.
    pub(crate) events: Vec<(u64, Item)>,
    /// The tick at which it ends.
    pub(crate) end: u64,
    /// The ticks at which something is lost.
    pub(crate) gaps: Vec<u64>,
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
        let why = format!("the track says that it has {length} bytes, and {there} are there");
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
struct Behind {
    at: usize,
    tick: u64,
    running: Option<u8>,
    /// The ticks before it, and where they end.
    delta: Option<(u64, usize)>,
    /// How many events there were before it.
    events: usize,
}

/// A way to go on behind damage.
#[derive(Clone, Copy)]
struct Way {
    at: usize,
    running: Option<u8>,
    /// Whether the event there has lost its ticks.
    is_without_delta: bool,
}

struct Reading<'a> {
    /// Up to the end of the track.
    bytes: &'a [u8],
    number: usize,
    at: usize,
    tick: u64,
    running: Option<u8>,
    track: Track,
    /// The last events.
    behind: Vec<Behind>,
    /// Status byte's channel and pitch of what sounds.
    sounding: BTreeSet<(u8, u8)>,
    /// How many of the last events make no sense.
    suspects: usize,
    /// Whether the file ends before the track does.
    is_cut: bool,
    /// Whether the mark at its end was read.
    is_over: bool,
    /// Where reading went on last: it never goes back behind that.
    chosen: Option<usize>,
    flaws: &'a mut Flaws,
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
            let why = format!("{what} stands in the track; it is passed over");
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

    /// After the mark at the end: whether events follow it all the same, up to the end that the track says it has.
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
            let why = format!("{count} bytes of events stand behind the end of the track");
            self.flaws.add(self.number, self.at, why);
            self.running = None;
        } else if rest.iter().any(|byte| *byte != 0) {
            let why = format!("{count} bytes behind the end of the track are not MIDI");
            self.flaws.add(self.number, self.at, why);
        }
        is_music
    }

    /// Looks for another way to read the last events, which can be read and make no sense.
    fn reconsider(&mut self) {
        let last = self.here(None);
        let as_is = Way {
            at: self.at,
            running: self.running,
            is_without_delta: false,
        };
        let byte = self.at - 1;
        let now = self.score(as_is, byte).unwrap_or(0);
        let ways = self.near(&last, byte);
        if let Some((score, way)) = self.best(ways, byte)
            && score >= now + BETTER
        {
            self.go(&last, way);
        }
    }

    /// Finds where reading can go on behind what is broken; `false`: nowhere.
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

    fn here(&self, delta: Option<(u64, usize)>) -> Behind {
        Behind {
            at: self.at,
            tick: self.tick,
            running: self.running,
            delta,
            events: self.track.events.len(),
        }
    }

    /// Goes on at `way`, and forgets what was read of the damaged event and behind it.
    fn go(&mut self, last: &Behind, way: Way) {
        // The last event that begins before the place where reading goes on is the one that is damaged.
        self.behind.push(*last);
        let damaged = self.behind.iter().rposition(|behind| behind.at <= way.at);
        let damaged = self.behind[damaged.unwrap_or(0)];
        let lost = way.at.saturating_sub(damaged.at).max(1);
        let bytes = if lost == 1 {
            "1 byte"
        } else {
            &format!("{lost} bytes")
        };
        let why = format!("{bytes} cannot be read; reading goes on behind");
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

    /// Where reading best goes on.
    fn way(&self, last: &Behind, broken: Broken) -> Option<Way> {
        let mut ways = Vec::new();
        // Most likely a byte of data is damaged, and the next event is where it should be: of an event that has no status
        // byte of its own, though it now seems to have one, or of one that has.
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

    /// The ways to go on near a damaged byte, and at the events before it.
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
        // The only status byte of the track may be what is damaged: most likely it said that a key goes down.
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

    /// How much sense the events from there on make: notes that sound end, and others do not. `None`: not enough events
    /// follow one another, up to the end of the track or past `byte`.
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
            // A first event that borrows its status byte from nowhere is not one, and what should not be in a file is no
            // sign that this is the right place.
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

/// The ways to read on at a place: with a status byte of its own or the one before, with ticks before it or without.
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
enum Sense {
    /// It ends a note that sounds.
    Some,
    /// It ends one that does not, or chooses a program after another without a status byte of its own.
    None,
    /// There is no telling.
    Unknown,
}

fn sense(sounding: &mut BTreeSet<(u8, u8)>, event: Event) -> Sense {
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

/// How many bytes the ticks at `at` have.
fn delta_bytes(bytes: &[u8], at: usize) -> usize {
    let more = bytes[at..].iter().take_while(|byte| **byte >= 0x80).count();
    more + 1
}
