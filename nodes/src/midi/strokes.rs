//! Which end belongs to which stroke of a key.

use std::collections::{BTreeMap, VecDeque};

use super::smf::{Item, Track};

/// A key that goes down and comes up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// 0 to 15.
    pub channel: u8,
    /// 0 to 127.
    pub pitch: u8,
    /// 1 to 127.
    pub velocity: u8,
    /// Where it goes down.
    pub start: Place,
    /// Where it comes up.
    pub end: Place,
}

/// Where something stands in a track: its tick, and its number among the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Ticks from the start of the track.
    pub tick: u64,
    /// Its number, from 0.
    pub event: usize,
}

/// A key that moves: its velocity, or `None` where it comes up.
type Move = (Place, Option<u8>);

/// The strokes of one track, by their keys and starts.
pub fn strokes(track: &Track) -> Vec<Stroke> {
    let mut keys: BTreeMap<(u8, u8), Vec<Move>> = BTreeMap::new();
    for (event, (tick, item)) in track.events.iter().enumerate() {
        let place = Place { tick: *tick, event };
        if let Item::Channel(status @ 0x80..=0x9F, pitch, velocity) = *item {
            let is_down = status >= 0x90 && velocity > 0;
            let key = keys.entry((status & 0x0F, pitch)).or_default();
            key.push((place, is_down.then_some(velocity)));
        }
    }
    let mut strokes = Vec::new();
    for ((channel, pitch), moves) in keys {
        strokes.extend(pairs(&moves, track).map(|(start, end, velocity)| Stroke {
            channel,
            pitch,
            velocity,
            start,
            end,
        }));
    }
    strokes
}

/// The starts and ends of one key. Where every stroke has its end they belong together in their
/// order, also where strokes overlap, as programs write them that play legato; where ends are
/// missing a new stroke ends the one before.
fn pairs(moves: &[Move], track: &Track) -> impl Iterator<Item = (Place, Place, u8)> {
    let first = moves.iter().position(|(_, velocity)| velocity.is_some());
    let moves = &moves[first.unwrap_or(moves.len())..];
    let downs = moves
        .iter()
        .filter(|(_, velocity)| velocity.is_some())
        .count();
    let is_complete = downs * 2 <= moves.len();
    let mut open: VecDeque<(Place, u8)> = VecDeque::new();
    let mut pairs = Vec::new();
    for (place, velocity) in moves {
        let ends = match (velocity, is_complete) {
            (None, true) => 1.min(open.len()),
            (Some(_), true) => 0,
            (_, false) => open.len(),
        };
        let ended = open.drain(..ends);
        pairs.extend(ended.map(|(start, velocity)| (start, *place, velocity)));
        open.extend(velocity.map(|velocity| (*place, velocity)));
    }
    // What has no end lasts until something is lost, else as long as the track.
    for (start, velocity) in open {
        let gap = track.gaps.iter().find(|gap| **gap > start.tick);
        let end = Place {
            tick: *gap.unwrap_or(&track.end.max(start.tick)),
            event: usize::MAX,
        };
        pairs.push((start, end, velocity));
    }
    pairs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks of start and end of each stroke of a track of one key: `Some` strikes it.
    fn played(moves: &[(u64, bool)], gaps: &[u64]) -> Vec<(u64, u64)> {
        let item = |(tick, is_down): &(u64, bool)| {
            let velocity = if *is_down { 64 } else { 0 };
            (*tick, Item::Channel(0x90, 60, velocity))
        };
        let track = Track {
            events: moves.iter().map(item).collect(),
            end: 100,
            gaps: gaps.to_vec(),
        };
        let mut found: Vec<(u64, u64)> = strokes(&track)
            .iter()
            .map(|stroke| (stroke.start.tick, stroke.end.tick))
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn overlapping_strokes_keep_their_own_ends() {
        let legato = [(0, true), (48, true), (50, false), (96, false)];
        assert_eq!(played(&legato, &[]), [(0, 50), (48, 96)]);
        let touching = [(0, true), (48, true), (48, false), (96, false)];
        assert_eq!(played(&touching, &[]), [(0, 48), (48, 96)]);
    }

    #[test]
    fn a_stroke_without_an_end_ends_with_the_next_one_the_gap_or_the_track() {
        let missing = [(0, true), (48, true), (96, false)];
        assert_eq!(played(&missing, &[]), [(0, 48), (48, 96)]);
        assert_eq!(played(&[(0, true)], &[]), [(0, 100)]);
        assert_eq!(played(&[(10, true)], &[5, 20]), [(10, 20)]);
        assert_eq!(played(&[(5, false), (10, true)], &[]), [(10, 100)]);
    }
}
