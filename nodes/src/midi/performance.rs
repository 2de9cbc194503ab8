//! What a Standard MIDI File sounds like: its notes and the changes of its channels in time, with
//! pedals applied.

use std::collections::{BTreeMap, BTreeSet};

use score_engine::{ChannelChange, Note, Performance, Time};

use super::keyboard::{Keyboard, is_about_ends};
use super::message::change;
use super::reading::DEFAULT_TEMPO;
use super::smf::{Division, File, Item, Track};
use super::strokes::{Stroke, strokes};

/// The shortest note that is heard as one: files of drums often have notes without a length.
const SHORTEST: Time = Time::from_nanos(20_000_000);

/// What a file contains, instant by instant, and when it ends.
pub(crate) type Contents = (Vec<(Time, Performance)>, Time);

/// The notes of `file` by the instants at which they begin or end.
pub(crate) fn instants(file: &File) -> Contents {
    let all = TempoMap::new(file.division, &file.tracks);
    let maps: Vec<TempoMap> = match file.are_independent {
        true => (file.tracks.iter())
            .map(|track| TempoMap::new(file.division, std::slice::from_ref(track)))
            .collect(),
        false => Vec::new(),
    };
    let map = |track: usize| maps.get(track).unwrap_or(&all);
    let mut acts = Vec::new();
    for (number, track) in file.tracks.iter().enumerate() {
        let at = |tick: u64, event: usize| (map(number).time(tick), tick, number, event);
        for stroke in strokes(track) {
            // Both carry where the stroke began, which tells it from every other.
            let begin = (number, stroke.start.event);
            acts.push((
                at(stroke.start.tick, stroke.start.event),
                Act::Down(stroke, begin),
            ));
            acts.push((
                at(stroke.end.tick, stroke.end.event),
                Act::Up(stroke, begin),
            ));
        }
        for (event, (tick, item)) in track.events.iter().enumerate() {
            if let Item::Channel(status @ 0xA0.., first, second) = *item {
                acts.push((at(*tick, event), Act::Message(status, first, second)));
            }
        }
    }
    acts.sort_by_key(|(order, _)| *order);
    let end = (file.tracks.iter().enumerate())
        .map(|(number, track)| map(number).time(track.end))
        .max();
    Performer::default().play(&acts, end.unwrap_or(Time::ZERO))
}

/// When something happens: time, tick, track, and number among the events of the track.
type Order = (Time, u64, usize, usize);

/// A track's number, and that of the event that began a stroke.
type Begin = (usize, usize);

enum Act {
    Down(Stroke, Begin),
    Up(Stroke, Begin),
    Message(u8, u8, u8),
}

/// When each tick is.
struct TempoMap {
    /// From which tick on, the time of it, and how long a tick lasts from there, in nanoseconds.
    changes: Vec<(u64, f64, f64)>,
}

impl TempoMap {
    fn new(division: Division, tracks: &[Track]) -> Self {
        let ticks = match division {
            Division::Film(nanos) => {
                return TempoMap {
                    changes: vec![(0, 0.0, nanos)],
                };
            }
            Division::Beat(ticks) => ticks as f64,
        };
        let nanos = |tempo: u32| f64::from(tempo) * 1000.0 / ticks;
        let mut tempos: Vec<(u64, u32)> = (tracks.iter())
            .flat_map(|track| &track.events)
            .filter_map(|(tick, item)| match item {
                Item::Tempo(tempo) => Some((*tick, *tempo)),
                _ => None,
            })
            .collect();
        tempos.sort_by_key(|(tick, _)| *tick);
        let mut changes = vec![(0, 0.0, nanos(DEFAULT_TEMPO))];
        for (tick, tempo) in tempos {
            let (since, time, length) = changes[changes.len() - 1];
            // Counted from the last change, so that rounding does not add up.
            changes.push((tick, time + (tick - since) as f64 * length, nanos(tempo)));
        }
        TempoMap { changes }
    }

    fn time(&self, tick: u64) -> Time {
        let place = self.changes.partition_point(|(from, ..)| *from <= tick);
        let (since, time, length) = self.changes[place.saturating_sub(1)];
        let nanos = time + (tick - since) as f64 * length;
        Time::from_nanos(nanos.round() as i64)
    }
}

/// A note that sounds.
struct Sound {
    key: (u8, u8),
    velocity: f32,
    start: Time,
    end: Time,
}

/// Plays a file, as far as that decides what is heard.
#[derive(Default)]
struct Performer {
    keyboard: Keyboard,
    /// Which strokes hold a key.
    fingers: BTreeMap<(u8, u8), BTreeSet<Begin>>,
    sounds: Vec<Sound>,
    /// Which sound of a key goes on.
    open: BTreeMap<(u8, u8), usize>,
    changes: Vec<(Time, ChannelChange)>,
}

impl Performer {
    fn play(mut self, acts: &[(Order, Act)], end: Time) -> Contents {
        let mut end = end;
        for ((time, ..), act) in acts {
            end = end.max(*time);
            match act {
                Act::Down(stroke, begin) => self.down(*time, stroke, *begin),
                Act::Up(stroke, begin) => {
                    let key = (stroke.channel, stroke.pitch);
                    let fingers = self.fingers.entry(key).or_default();
                    if fingers.remove(begin) && fingers.is_empty() && self.keyboard.up(key.0, key.1)
                    {
                        self.end(*time, key);
                    }
                }
                Act::Message(status, first, second) => {
                    self.message(*time, (*status, *first, *second));
                }
            }
        }
        for note in self.keyboard.silence(None) {
            self.end(end, (note.channel(), note.pitch()));
        }
        let longest = lengthen(&mut self.sounds);
        let end = end.max(longest);
        (grouped(&self.sounds, &self.changes), end)
    }

    fn down(&mut self, time: Time, stroke: &Stroke, begin: Begin) {
        let key = (stroke.channel, stroke.pitch);
        if self.keyboard.down(key.0, key.1) {
            self.end(time, key);
        }
        self.fingers.entry(key).or_default().insert(begin);
        self.open.insert(key, self.sounds.len());
        self.sounds.push(Sound {
            key,
            velocity: f32::from(stroke.velocity) / 127.0,
            start: time,
            end: Time::MAX,
        });
    }

    fn message(&mut self, time: Time, (status, first, second): (u8, u8, u8)) {
        let channel = status & 0x0F;
        if status & 0xF0 == 0xB0 {
            for note in self.keyboard.control(channel, first, second) {
                self.end(time, (note.channel(), note.pitch()));
            }
            // Keys that such a message released stay released: their own ends no longer count.
            if first == 120 || first >= 123 {
                self.fingers.retain(|(of, _), _| *of != channel);
            }
            if is_about_ends(first) {
                return;
            }
        }
        self.changes
            .extend(change(status, first, second).map(|change| (time, change)));
    }

    fn end(&mut self, time: Time, key: (u8, u8)) {
        if let Some(sound) = self.open.remove(&key) {
            self.sounds[sound].end = time;
        }
    }
}

/// Gives every sound at least the shortest length, where its key is not struck again before that;
/// of those that begin on one key at once the last stays, as loud as the loudest. Returns when the
/// last ends.
fn lengthen(sounds: &mut Vec<Sound>) -> Time {
    let mut louder: BTreeMap<((u8, u8), Time), f32> = BTreeMap::new();
    let mut next: BTreeMap<(u8, u8), Time> = BTreeMap::new();
    for sound in sounds.iter_mut().rev() {
        let velocity = louder.entry((sound.key, sound.start)).or_default();
        *velocity = velocity.max(sound.velocity);
        let limit = next.insert(sound.key, sound.start).unwrap_or(Time::MAX);
        sound.end = sound.end.max((sound.start + SHORTEST).min(limit));
    }
    sounds.retain(|sound| sound.end > sound.start);
    let mut last = Time::ZERO;
    for sound in sounds {
        let velocity = louder.get(&(sound.key, sound.start));
        sound.velocity = velocity.copied().unwrap_or(sound.velocity);
        last = last.max(sound.end);
    }
    last
}

/// Everything by its instant: in each, ends come before changes, and those before beginnings.
fn grouped(sounds: &[Sound], changes: &[(Time, ChannelChange)]) -> Vec<(Time, Performance)> {
    #[derive(Default)]
    struct Moment {
        changes: Vec<ChannelChange>,
        ends: Vec<Note>,
        begins: Vec<Note>,
    }
    let mut moments: BTreeMap<Time, Moment> = BTreeMap::new();
    for sound in sounds {
        let (channel, pitch) = sound.key;
        let velocity = sound.velocity;
        let begin = moments.entry(sound.start).or_default();
        begin.begins.push(Note::On {
            channel,
            pitch,
            velocity,
        });
        let end = moments.entry(sound.end).or_default();
        end.ends.push(Note::Off { channel, pitch });
    }
    for (time, change) in changes {
        moments.entry(*time).or_default().changes.push(*change);
    }
    moments
        .into_iter()
        .map(|(time, mut moment)| {
            moment.ends.append(&mut moment.begins);
            let performance = Performance {
                changes: moment.changes,
                notes: moment.ends.into(),
            };
            (time, performance)
        })
        .collect()
}

#[cfg(test)]
mod tests;
