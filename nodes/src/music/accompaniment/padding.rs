//! Leads the voices of a pad from chord to chord.

use score_engine::{Input, NodeError, Note, OutputPort, Time, Transport};

use super::super::grid::Grid;
use super::super::harmony::{Chord, Following};
use super::super::pacing::{Part, Played};
use super::super::pitch_range::require_octave;
use super::chord_pad::{CHORDS, ChordPad, HELD};
use super::sounding::{Sounding, in_order};

/// A pad that is being played.
pub(super) struct Padding {
    pub(super) chords: Following,
    pub(super) sounding: Sounding,
    /// How many voices the chord that sounds was given, and within which pitches.
    pub(super) voiced: Option<(usize, u8, u8)>,
}

/// The tones of `chord` that the voices go to from where they are: every voice the shortest way,
/// each tone of the chord at least once where there are voices enough.
fn voicing(chord: Chord, before: &[u8], voices: usize, (lowest, highest): (u8, u8)) -> Vec<u8> {
    let middle = f32::from(lowest) / 2.0 + f32::from(highest) / 2.0;
    let way = |pitch: u8| {
        let to = |from: f32| (f32::from(pitch) - from).abs();
        let nearest = before
            .iter()
            .map(|from| to(f32::from(*from)))
            .fold(f32::INFINITY, f32::min);
        if before.is_empty() {
            to(middle)
        } else {
            nearest
        }
    };
    let all: Vec<u8> = (lowest..=highest)
        .filter(|pitch| chord.holds(*pitch))
        .collect();
    let mut found: Vec<u8> = Vec::new();
    // The third and the seventh say which chord it is, the fifth says least.
    let tones = chord.family.tones();
    let order = [1, 0, 3, 2]
        .into_iter()
        .filter_map(|place| tones.get(place));
    let classes: Vec<u8> = order.map(|tone| (chord.root + tone) % 12).collect();
    for place in 0..voices {
        let class = classes.get(place).copied();
        let free = all.iter().copied().filter(|pitch| !found.contains(pitch));
        let nearest = free
            .filter(|pitch| class.is_none_or(|class| pitch % 12 == class))
            .min_by(|one, other| way(*one).total_cmp(&way(*other)));
        found.extend(nearest);
    }
    found.sort_unstable();
    found
}

impl Part<ChordPad> for Padding {
    const NOTES: OutputPort<Note> = HELD;

    fn hear(&mut self, input: &Input, grid: &Grid) -> Result<(), NodeError> {
        let chords = *input.read(CHORDS)?;
        self.chords.hear(input.packet.time, chords, grid);
        Ok(())
    }

    fn at(&mut self, params: &ChordPad, place: u64, grid: &Grid) -> Result<Played, NodeError> {
        let now = grid.time_of(place);
        let mut played = Vec::new();
        let chords = self.chords.at(place);
        let Some(chord) = chords.and_then(|chords| chords.chord) else {
            self.sounding.leave(None, now, &mut played);
            return Ok(played);
        };
        self.sounding.end_beside(params.channel, now, &mut played);
        let before: Vec<u8> = self.sounding.pitches().collect();
        let voiced = Some((params.voices, params.lowest, params.highest));
        let is_new = chords.is_some_and(|chords| chords.fresh) || before.is_empty();
        if is_new || self.voiced != voiced {
            self.voiced = voiced;
            let wanted = voicing(
                chord,
                &before,
                params.voices,
                (params.lowest, params.highest),
            );
            self.sounding
                .end(now, |pitch| !wanted.contains(&pitch), &mut played);
            for pitch in wanted.into_iter().filter(|pitch| !before.contains(pitch)) {
                let key = (params.channel, pitch);
                self.sounding
                    .begin(key, params.velocity, (now, Time::MAX), &mut played);
            }
        }
        Ok(in_order(played))
    }

    fn close(&mut self, time: Time) -> Played {
        let mut played = Vec::new();
        self.sounding.end(time, |_| true, &mut played);
        played
    }

    fn changed(
        &mut self,
        params: &ChordPad,
        _transport: &Transport,
        _grid: &Grid,
        _place: u64,
    ) -> Result<(), NodeError> {
        require_octave(params.lowest, params.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voices_go_the_shortest_way_and_common_tones_stay() {
        let lead = |name: &str, before: &[u8]| voicing(name.parse().unwrap(), before, 3, (55, 74));
        let c = lead("C", &[]);
        assert_eq!(
            c.iter()
                .map(|pitch| pitch % 12)
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            3
        );
        let f = lead("F", &c);
        for (one, other) in c.iter().zip(&f) {
            assert!(one.abs_diff(*other) <= 2, "{c:?} {f:?}");
        }
        assert!(
            f.iter().any(|pitch| pitch % 12 == 0 && c.contains(pitch)),
            "{c:?} {f:?}"
        );
        let g = lead("G7", &f);
        assert!(
            g.iter().any(|pitch| pitch % 12 == 11) && g.iter().any(|pitch| pitch % 12 == 5),
            "{g:?}"
        );
    }
}
