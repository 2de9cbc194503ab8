//! Which frame is where on the DAW's time line.
//!
//! Frames are counted from when the plug-in was switched on, and never go back; the DAW's playhead
//! stops, jumps and changes its tempo. What it did lately is kept, so that a note which comes a little
//! late is still given the frame of its place.

use std::collections::VecDeque;

/// Changes that are remembered: with one in each block of 32 frames, a third of a second.
const REMEMBERED: usize = 512;

/// A distance in quarter notes between where the playhead is and where it was to be that is a jump:
/// less is the DAW's rounding, or a tempo that changed within a block.
const JUMP: f64 = 0.03;

/// A distance in quarter notes that is nothing.
const NOTHING: f64 = 1e-6;

/// A distance in quarter notes that is less than anybody hears: where the playhead starts or jumps so
/// little beyond a note's place, the note is played.
const NEAR: f64 = 5e-4;

/// Places at which music lies, in a quarter note.
const GRID: f64 = 48.0;

/// How long after another, in nanoseconds, instances of the plug-in see the DAW jump: each track has
/// its own delay.
const APART: u64 = 500_000_000;

/// How far ahead of the playhead a note may lie, in seconds: a run sends none that far ahead.
const AHEAD: f64 = 1.0;

/// Where the DAW's playhead is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playhead {
    /// In quarter notes.
    pub beat: f64,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Whether it moves.
    pub plays: bool,
}

/// What was new of the playhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It moves on as before, or stands as before.
    Same,
    /// It moves on at another tempo.
    Retimed,
    /// It starts.
    Starts,
    /// It jumps while it moves.
    Jumps,
    /// It stops.
    Stops,
}

/// The place to which the playhead has jumped, where it is by its DAW's rounding just beside one at
/// which music lies.
pub(crate) fn snapped(beat: f64) -> f64 {
    let place = (beat * GRID).round() / GRID;
    match (beat - place).abs() < NEAR {
        true => place,
        false => beat,
    }
}

/// From a frame on, the playhead moves so.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    frame: u64,
    /// When it had started or jumped last.
    pass: i64,
    /// Whether that was here.
    begins: bool,
    beat: f64,
    tempo: f64,
    /// Quarter notes in a frame.
    per_frame: f64,
    plays: bool,
}

impl Anchor {
    fn beat_at(&self, frame: u64) -> f64 {
        match self.plays {
            true => self.beat + frame.saturating_sub(self.frame) as f64 * self.per_frame,
            false => self.beat,
        }
    }
}

/// What the playhead did lately. Once it is made, nothing of it allocates.
#[derive(Debug)]
pub(crate) struct Timeline {
    anchors: VecDeque<Anchor>,
    rate: f64,
}

impl Timeline {
    /// A playhead that stands, at `rate` frames a second.
    pub(crate) fn new(rate: f64) -> Self {
        Timeline {
            anchors: VecDeque::with_capacity(REMEMBERED),
            rate,
        }
    }

    /// Forgets all: the playhead stands.
    pub(crate) fn clear(&mut self) {
        self.anchors.clear();
    }

    /// The DAW says where the playhead is at `frame`, which is none before the last, and which is at
    /// this time on the clock that a run reads too.
    pub(crate) fn note(&mut self, frame: u64, at: i64, playhead: Playhead) -> News {
        let last = self.anchors.back().copied();
        let news = match last {
            Some(last) if last.plays && playhead.plays => {
                let off = (playhead.beat - last.beat_at(frame)).abs();
                let is_same_tempo = (playhead.tempo - last.tempo).abs() < NOTHING;
                match () {
                    () if off > JUMP => News::Jumps,
                    () if off > NOTHING || !is_same_tempo => News::Retimed,
                    () => return News::Same,
                }
            }
            Some(last) if last.plays => News::Stops,
            _ if playhead.plays => News::Starts,
            _ => {
                // It is somewhere else, and stands.
                if let Some(last) = self.anchors.back_mut() {
                    (last.beat, last.tempo) = (playhead.beat, playhead.tempo);
                    return News::Same;
                }
                News::Same
            }
        };
        if self.anchors.len() >= REMEMBERED {
            self.anchors.pop_front();
        }
        let begins = matches!(news, News::Starts | News::Jumps);
        self.anchors.push_back(Anchor {
            frame,
            pass: match last {
                Some(last) if !begins => last.pass,
                _ => at,
            },
            begins,
            beat: playhead.beat,
            tempo: playhead.tempo,
            per_frame: playhead.tempo / 60.0 / self.rate,
            plays: playhead.plays,
        });
        news
    }

    /// Where the playhead is at `frame`, if it moves on as it did last; `None`: it stands.
    #[cfg(test)]
    pub(crate) fn beat_at(&self, frame: u64) -> Option<f64> {
        let last = self.anchors.back().filter(|last| last.plays)?;
        Some(last.beat_at(frame))
    }

    /// The frame at which the playhead was, is or will be at `beat`, in the pass over it that a run
    /// means; where that is not known, of several the frame that is nearest to `head`, where it is
    /// now. `None`: it has not been there lately, and does not come there soon.
    pub(crate) fn frame_of(&self, beat: f64, pass: i64, head: u64) -> Option<u64> {
        let pass = self.pass_of(pass);
        let mut end = head + (AHEAD * self.rate) as u64;
        let mut nearest: Option<u64> = None;
        for anchor in self.anchors.iter().rev() {
            let since = match anchor.begins && (-NEAR..0.0).contains(&(beat - anchor.beat)) {
                true => 0.0,
                false => beat - anchor.beat,
            };
            let frames = (since / anchor.per_frame).round();
            let frame = anchor.frame.saturating_add(frames.max(0.0) as u64);
            let is_meant = anchor.plays && pass.is_none_or(|pass| pass == anchor.pass);
            if is_meant && frames >= 0.0 && frame < end {
                let is_nearer = |other: &u64| other.abs_diff(head) <= frame.abs_diff(head);
                nearest = Some(nearest.filter(is_nearer).unwrap_or(frame));
            }
            // What would sound for a single frame before a jump is not played: it lies at the end of
            // a loop, as far as the DAW and this reckon alike.
            end = anchor.frame.saturating_sub(u64::from(anchor.begins));
        }
        nearest
    }

    /// The pass here that a run means: that of another instance of the plug-in may have begun a
    /// little before or after. `None`: it began before anything here did.
    fn pass_of(&self, pass: i64) -> Option<i64> {
        let passes = self.anchors.iter().map(|anchor| anchor.pass);
        let nearest = passes.min_by_key(|own| own.abs_diff(pass));
        nearest.filter(|own| own.abs_diff(pass) <= APART)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: f64 = 48_000.0;

    fn plays(beat: f64, tempo: f64) -> Playhead {
        Playhead {
            beat,
            tempo,
            plays: true,
        }
    }

    /// A second is 48,000 frames.
    fn note(timeline: &mut Timeline, frame: u64, playhead: Playhead) -> News {
        timeline.note(frame, when(frame), playhead)
    }

    /// When a frame is.
    fn when(frame: u64) -> i64 {
        10_000_000_000 + (frame as f64 / RATE * 1e9) as i64
    }

    fn stands(beat: f64) -> Playhead {
        Playhead {
            beat,
            tempo: 120.0,
            plays: false,
        }
    }

    #[test]
    fn a_place_has_the_frame_at_which_the_playhead_passes_it_also_after_a_change_of_tempo() {
        let mut timeline = Timeline::new(RATE);
        assert_eq!(note(&mut timeline, 0, stands(3.0)), News::Same);
        assert_eq!(timeline.frame_of(3.0, 0, 0), None);
        assert_eq!(note(&mut timeline, 1_000, plays(4.0, 120.0)), News::Starts);
        // 24,000 frames a quarter note, then 48,000.
        assert_eq!(note(&mut timeline, 13_000, plays(4.5, 120.0)), News::Same);
        assert_eq!(note(&mut timeline, 25_000, plays(5.0, 60.0)), News::Retimed);
        for (beat, frame) in [(4.0, 1_000), (4.25, 7_000), (5.0, 25_000), (5.5, 49_000)] {
            assert_eq!(timeline.frame_of(beat, 0, 25_000), Some(frame), "{beat}");
        }
        assert_eq!(timeline.frame_of(3.99, 0, 25_000), None);
        assert_eq!(
            timeline.frame_of(6.1, 0, 25_000),
            None,
            "more than a second"
        );
        assert_eq!(timeline.beat_at(49_000), Some(5.5));
        assert_eq!(note(&mut timeline, 49_000, stands(5.5)), News::Stops);
        assert_eq!(timeline.beat_at(49_000), None);
        assert_eq!(timeline.frame_of(5.5, 0, 49_000), None);
        assert_eq!(timeline.frame_of(5.25, 0, 49_000), Some(37_000));
    }

    #[test]
    fn of_two_passes_of_a_loop_a_note_is_of_the_nearer() {
        let mut timeline = Timeline::new(RATE);
        note(&mut timeline, 0, plays(0.0, 120.0));
        assert_eq!(note(&mut timeline, 24_000, plays(0.0, 120.0)), News::Jumps);
        // Just before the jump, and just after it.
        assert_eq!(timeline.frame_of(0.95, 0, 24_100), Some(22_800));
        assert_eq!(timeline.frame_of(0.05, 0, 24_100), Some(25_200));
        // Of the pass before, it would lie beyond the jump.
        assert_eq!(timeline.frame_of(1.5, 0, 24_100), Some(60_000));
        // Where the run says of which it is, also as another instance saw it.
        let (before, after) = (when(0), when(24_000));
        for pass in [before, before + 9_000_000] {
            assert_eq!(timeline.frame_of(0.95, pass, 24_100), Some(22_800));
            assert_eq!(timeline.frame_of(1.5, pass, 24_100), None);
        }
        assert_eq!(timeline.frame_of(0.95, after, 24_100), Some(46_800));
    }

    #[test]
    fn a_note_just_before_the_place_of_a_jump_is_at_the_jump() {
        let mut timeline = Timeline::new(RATE);
        note(&mut timeline, 100, plays(4.000_02, 120.0));
        assert_eq!(timeline.frame_of(4.0, when(100), 100), Some(100));
        assert_eq!(timeline.frame_of(3.99, when(100), 100), None);
        assert_eq!(snapped(4.000_02), 4.0);
        assert_eq!(snapped(-1.0 / 3.0), -1.0 / 3.0);
        assert_eq!(snapped(4.01), 4.01);
    }

    #[test]
    fn what_the_daw_rounds_is_no_jump() {
        let mut timeline = Timeline::new(RATE);
        note(&mut timeline, 0, plays(0.0, 133.0));
        for block in 1_u64..500 {
            let exact = (block * 441) as f64 / RATE * 133.0 / 60.0;
            let rounded = (exact * 960.0).round() / 960.0;
            let news = note(&mut timeline, block * 441, plays(rounded, 133.0));
            assert!(news != News::Jumps, "{block}");
        }
    }

    proptest! {
        #[test]
        fn a_place_and_its_frame_agree_whatever_the_playhead_does(
            steps in prop::collection::vec((1_u64..4_000, 0_u8..4, -8.0_f64..64.0, 20.0_f64..300.0), 1..600),
        ) {
            let mut timeline = Timeline::new(RATE);
            let mut frame = 0;
            for (frames, kind, beat, tempo) in steps {
                let goes_on = timeline.beat_at(frame);
                let before = timeline.anchors.back().map_or(tempo, |last| last.tempo);
                let playhead = match (kind, goes_on) {
                    (0, _) => stands(beat),
                    (1, Some(beat)) => plays(beat, tempo),
                    (2, Some(beat)) => plays(beat, before),
                    _ => plays(beat, tempo),
                };
                note(&mut timeline, frame, playhead);
                if let Some(here) = timeline.beat_at(frame) {
                    prop_assert_eq!(timeline.frame_of(here, 0, frame), Some(frame));
                }
                frame += frames;
                prop_assert!(timeline.anchors.len() <= REMEMBERED);
            }
        }
    }
}
