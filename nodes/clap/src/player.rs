//! Gives each note of a run its frame, and ends what sounds where it must.
//!
//! All is played `latency` frames late: the note of a place that the playhead passes now may still be
//! on its way. Where the DAW stops, and where the run is lost, what sounds ends at once; where the DAW
//! jumps, it ends when the jump is played.

use std::collections::VecDeque;

use score_link::daw::{Change, FromRun, NoteChange};

pub use crate::timeline::Playhead;
use crate::timeline::{News, Timeline};

/// Changes of notes that may wait for their frames.
const WAITING: usize = 2_048;

/// Notes that may sound together.
const SOUNDING: usize = 256;

/// How long after its place, in seconds, a note still begins: better late than not at all.
const LATE: f64 = 0.25;

/// What an instrument is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Played {
    /// A note begins.
    On {
        /// Which.
        id: u32,
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// MIDI pitch, 0 to 127.
        pitch: u8,
        /// 0 to 1.
        velocity: f32,
    },
    /// It ends.
    Off {
        /// Which.
        id: u32,
        /// MIDI channel, 0 to 15.
        channel: u8,
        /// MIDI pitch, 0 to 127.
        pitch: u8,
    },
}

/// What becomes due at a frame.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// All that sounds ends.
    EndAll,
    /// What becomes of a note.
    Note(NoteChange),
}

/// Something that waits for its frame.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    frame: u64,
    /// How many came before it.
    number: u64,
    event: Event,
}

impl Waiting {
    /// The order at one frame: what sounds ends before anything begins, then as it came.
    fn place(&self) -> (u64, bool, u64) {
        let is_note = matches!(self.event, Event::Note(_));
        (self.frame, is_note, self.number)
    }

    fn note(&self) -> Option<&NoteChange> {
        match &self.event {
            Event::Note(note) => Some(note),
            Event::EndAll => None,
        }
    }
}

/// A note that sounds.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    id: u32,
    part: u8,
    channel: u8,
    pitch: u8,
}

/// Plays the notes of a run on the DAW's time line. Once it is made, nothing of it allocates.
#[derive(Debug)]
pub struct Player {
    timeline: Timeline,
    /// The frame at which the DAW's next block begins.
    head: u64,
    latency: u64,
    rate: f64,
    /// In the order of their frames.
    waiting: VecDeque<Waiting>,
    /// How many have waited.
    number: u64,
    sounding: Vec<Sounding>,
    /// The part that is played; 0: all.
    part: u8,
    /// Whether a note has come too late since that was last asked.
    was_late: bool,
    /// Where the DAW stopped last: what lies before it and comes only now is not played any more.
    stopped: u64,
}

impl Player {
    /// Plays at `rate` frames a second, `latency` frames late.
    #[must_use]
    pub fn new(rate: f64, latency: u32) -> Self {
        Player {
            timeline: Timeline::new(rate),
            // What is played is never before the first frame.
            head: u64::from(latency),
            latency: latency.into(),
            rate,
            waiting: VecDeque::with_capacity(WAITING),
            number: 0,
            sounding: Vec::with_capacity(SOUNDING),
            part: 0,
            was_late: false,
            stopped: 0,
        }
    }

    /// The frame at which the DAW's next block begins.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Where the playhead is `offset` frames into the next block, if it moves on as before.
    #[cfg(test)]
    pub(crate) fn beat_at(&self, offset: u32) -> Option<f64> {
        self.timeline.beat_at(self.head + u64::from(offset))
    }

    /// The frame that is heard `offset` frames into the next block.
    fn heard(&self, offset: u32) -> u64 {
        self.head - self.latency + u64::from(offset)
    }

    /// Plays this part from now on; 0: all.
    pub fn choose(&mut self, part: u8) {
        if self.part != part {
            self.part = part;
            self.end_all(0);
        }
    }

    /// Whether a note has come too late since this was last asked.
    pub fn was_late(&mut self) -> bool {
        std::mem::take(&mut self.was_late)
    }

    /// The run is lost: what sounds ends, and nothing of it begins any more.
    pub fn lose(&mut self) {
        self.end_all(0);
    }

    /// Nothing sounds any more, since the DAW has silenced all.
    pub fn reset(&mut self) {
        self.waiting.clear();
        self.sounding.clear();
        self.timeline.clear();
    }

    /// The DAW says where the playhead is `offset` frames into the next block, which is at this time
    /// on the clock that a run reads too.
    pub(crate) fn place(&mut self, offset: u32, at: i64, playhead: Playhead) -> News {
        let frame = self.head + u64::from(offset);
        let news = self.timeline.note(frame, at, playhead);
        match news {
            News::Same => {}
            News::Starts => self.wait(frame, Event::EndAll),
            News::Stops => {
                self.stopped = frame;
                self.end_all(offset);
            }
            News::Jumps => {
                // Beyond the jump lies another place.
                self.waiting.retain(|waiting| waiting.frame < frame);
                self.wait(frame, Event::EndAll);
            }
            News::Retimed => self.retime(frame),
        }
        news
    }

    /// As `place`, for tests of others.
    pub fn say(&mut self, offset: u32, at: i64, playhead: Playhead) {
        self.place(offset, at, playhead);
    }

    /// What sounds ends `offset` frames into the next block, and nothing that waits begins.
    fn end_all(&mut self, offset: u32) {
        self.waiting.clear();
        self.wait(self.heard(offset), Event::EndAll);
    }

    /// From `frame` on the playhead moves otherwise: what waits beyond has other frames.
    fn retime(&mut self, frame: u64) {
        let (timeline, head) = (&self.timeline, self.head);
        for waiting in self.waiting.iter_mut().filter(|it| it.frame > frame) {
            if let Event::Note(note) = &waiting.event {
                let found = timeline.frame_of(note.beat, note.pass, head);
                waiting.frame = found.unwrap_or(waiting.frame).max(frame);
            }
        }
        // Neither this nor the sort allocates.
        (self.waiting.make_contiguous()).sort_unstable_by_key(Waiting::place);
    }

    /// Takes in what a run says.
    pub fn receive(&mut self, message: FromRun) {
        match message {
            FromRun::Hello(_) => {}
            FromRun::EndPart(part) => self.end_part(part),
            FromRun::Note(note) => match note.change {
                Change::On { .. } => self.begin(note),
                Change::Off => self.end(note),
            },
        }
    }

    fn begin(&mut self, note: NoteChange) {
        if self.part != 0 && self.part != note.part {
            return;
        }
        let Some(frame) = self.placed(&note) else {
            return;
        };
        if frame < self.stopped {
            return;
        }
        let heard = self.heard(0);
        if frame < heard {
            self.was_late = true;
            if (heard - frame) as f64 > LATE * self.rate {
                return;
            }
        }
        // Its end needs room too.
        if self.waiting.len() + 1 < WAITING {
            self.wait(frame.max(heard), Event::Note(note));
        }
    }

    /// The frame of a note's place.
    fn placed(&self, note: &NoteChange) -> Option<u64> {
        (self.timeline).frame_of(note.beat, note.pass, self.head)
    }

    fn end(&mut self, note: NoteChange) {
        let begins = (self.waiting.iter())
            .rev()
            .find(|waiting| waiting.note().is_some_and(|other| other.id == note.id));
        let begins = begins.map(|waiting| waiting.frame);
        let sounds = self.sounding.iter().any(|sounding| sounding.id == note.id);
        if begins.is_none() && !sounds {
            return;
        }
        let heard = self.heard(0);
        let earliest = begins.unwrap_or(heard).max(heard);
        match self.placed(&note) {
            Some(frame) => self.wait(frame.max(earliest), Event::Note(note)),
            // Its place is beyond a jump, where all that sounds ends anyway.
            None if self.ends_all_after(earliest) => {}
            None => self.wait(earliest, Event::Note(note)),
        }
    }

    /// Whether all that sounds ends somewhere after `frame`.
    fn ends_all_after(&self, frame: u64) -> bool {
        let ends = |waiting: &&Waiting| matches!(waiting.event, Event::EndAll);
        (self.waiting.iter().filter(ends)).any(|waiting| waiting.frame > frame)
    }

    fn end_part(&mut self, part: u8) {
        self.waiting
            .retain(|waiting| waiting.note().is_none_or(|note| note.part != part));
        let heard = self.heard(0);
        // As many as sound: each needs a place.
        for at in 0..self.sounding.len() {
            let sounding = self.sounding.get(at).copied();
            if let Some(sounding) = sounding.filter(|sounding| sounding.part == part) {
                let note = NoteChange {
                    part,
                    id: sounding.id,
                    beat: 0.0,
                    pass: 0,
                    change: Change::Off,
                };
                self.wait(heard, Event::Note(note));
            }
        }
    }

    fn wait(&mut self, frame: u64, event: Event) {
        if self.waiting.len() >= WAITING {
            // More than music has. Nothing may hang.
            self.waiting.clear();
            return self.wait(self.heard(0), Event::EndAll);
        }
        let number = self.number;
        self.number += 1;
        let waiting = Waiting {
            frame,
            number,
            event,
        };
        let place = waiting.place();
        let at = self.waiting.partition_point(|other| other.place() <= place);
        self.waiting.insert(at, waiting);
    }

    /// Plays a block of `frames`: calls `play` with the frame within it and what is played there,
    /// in the order of the frames.
    pub fn play(&mut self, frames: u32, mut play: impl FnMut(u32, Played)) {
        let heard = self.heard(0);
        let end = heard + u64::from(frames);
        while let Some(waiting) = self.waiting.front().copied().filter(|it| it.frame < end) {
            self.waiting.pop_front();
            let offset = waiting.frame.saturating_sub(heard);
            let offset = u32::try_from(offset).unwrap_or_default();
            match waiting.event {
                Event::EndAll => {
                    for sounding in self.sounding.drain(..) {
                        play(offset, off(sounding));
                    }
                }
                Event::Note(note) => self.sound(offset, note, &mut play),
            }
        }
        self.head += u64::from(frames);
    }

    fn sound(&mut self, offset: u32, note: NoteChange, play: &mut impl FnMut(u32, Played)) {
        match note.change {
            Change::On {
                channel,
                pitch,
                velocity,
            } => {
                // An instrument knows notes by channel and pitch.
                let is_same = |it: &Sounding| (it.channel, it.pitch) == (channel, pitch);
                if let Some(at) = self.sounding.iter().position(is_same) {
                    play(offset, off(self.sounding.swap_remove(at)));
                }
                if self.sounding.len() >= SOUNDING {
                    return;
                }
                self.sounding.push(Sounding {
                    id: note.id,
                    part: note.part,
                    channel,
                    pitch,
                });
                let id = note.id;
                play(
                    offset,
                    Played::On {
                        id,
                        channel,
                        pitch,
                        velocity,
                    },
                );
            }
            Change::Off => {
                let is_it = |it: &Sounding| it.id == note.id;
                if let Some(at) = self.sounding.iter().position(is_it) {
                    play(offset, off(self.sounding.swap_remove(at)));
                }
            }
        }
    }
}

fn off(sounding: Sounding) -> Played {
    Played::Off {
        id: sounding.id,
        channel: sounding.channel,
        pitch: sounding.pitch,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const RATE: f64 = 48_000.0;
    const LATENCY: u32 = 2_400;
    const BLOCK: u32 = 480;

    fn plays(beat: f64) -> Playhead {
        Playhead {
            beat,
            tempo: 120.0,
            plays: true,
        }
    }

    fn on(id: u32, beat: f64) -> FromRun {
        let (channel, pitch, velocity) = (0, 60 + (id % 12) as u8, 0.5);
        let change = Change::On {
            channel,
            pitch,
            velocity,
        };
        FromRun::Note(NoteChange {
            part: 1,
            id,
            beat,
            pass: 0,
            change,
        })
    }

    fn end(id: u32, beat: f64) -> FromRun {
        FromRun::Note(NoteChange {
            part: 1,
            id,
            beat,
            pass: 0,
            change: Change::Off,
        })
    }

    /// A DAW: plays blocks, and keeps at which frame, as its listener hears it, which note begins
    /// or ends.
    struct Daw {
        player: Player,
        played: Vec<(u64, bool, u32)>,
    }

    impl Daw {
        fn new() -> Self {
            Daw {
                player: Player::new(RATE, LATENCY),
                played: Vec::new(),
            }
        }

        fn say(&mut self, offset: u32, playhead: Playhead) {
            let frame = self.player.head() + u64::from(offset);
            let at = (frame as f64 / RATE * 1e9) as i64 + 10_000_000_000;
            self.player.say(offset, at, playhead);
        }

        fn block(&mut self) {
            let begin = self.player.heard(0);
            self.player.play(BLOCK, |offset, played| {
                assert!(offset < BLOCK);
                let (is_on, id) = match played {
                    Played::On { id, .. } => (true, id),
                    Played::Off { id, .. } => (false, id),
                };
                self.played.push((begin + u64::from(offset), is_on, id));
            });
        }

        fn blocks(&mut self, count: u32) {
            (0..count).for_each(|_| self.block());
        }
    }

    /// Frames from the first, at 120 a minute and without a jump.
    fn frame(beat: f64) -> u64 {
        u64::from(LATENCY) + (beat * 24_000.0) as u64
    }

    #[test]
    fn a_note_begins_and_ends_on_the_frame_of_its_place_though_it_comes_after_it() {
        let mut daw = Daw::new();
        daw.say(0, plays(0.0));
        daw.blocks(26);
        // The playhead is at .52.
        daw.player.receive(on(1, 0.5));
        daw.player.receive(on(2, 0.53));
        daw.player.receive(end(1, 0.61));
        daw.blocks(20);
        daw.player.receive(end(2, 0.9));
        daw.blocks(20);
        assert_eq!(
            daw.played,
            [
                (frame(0.5), true, 1),
                (frame(0.53), true, 2),
                (frame(0.61), false, 1),
                (frame(0.9), false, 2),
            ]
        );
        assert!(!daw.player.was_late());
    }

    #[test]
    fn where_the_daw_jumps_what_sounds_ends_and_what_lay_beyond_is_not_played() {
        let mut daw = Daw::new();
        daw.say(0, plays(3.0));
        daw.blocks(45);
        daw.player.receive(on(1, 3.9));
        // Beyond the end of the loop, where the run does not know of it yet.
        daw.player.receive(on(2, 4.01));
        daw.blocks(5);
        daw.say(0, plays(0.0));
        daw.player.receive(on(3, 4.02));
        daw.player.receive(on(4, 0.0));
        daw.player.receive(end(1, 4.03));
        daw.blocks(20);
        daw.player.receive(end(2, 4.2));
        daw.blocks(20);
        let jump = frame(1.0);
        assert_eq!(
            daw.played,
            [(frame(0.9), true, 1), (jump, false, 1), (jump, true, 4),]
        );
    }

    #[test]
    fn where_the_daw_stops_or_the_run_is_lost_what_sounds_ends_at_once() {
        for is_lost in [false, true] {
            let mut daw = Daw::new();
            daw.say(0, plays(0.0));
            daw.player.receive(on(1, 0.1));
            daw.player.receive(on(2, 0.3));
            daw.blocks(12);
            let now = daw.player.heard(0);
            let stands = Playhead {
                beat: 0.24,
                tempo: 120.0,
                plays: false,
            };
            match is_lost {
                true => daw.player.lose(),
                false => daw.say(0, stands),
            }
            daw.blocks(50);
            assert_eq!(daw.played, [(frame(0.1), true, 1), (now, false, 1)]);
        }
    }

    #[test]
    fn another_part_is_not_played_and_one_that_is_left_ends() {
        let mut daw = Daw::new();
        daw.say(0, plays(0.0));
        daw.player.choose(2);
        daw.player.receive(on(1, 0.1));
        daw.blocks(12);
        assert_eq!(daw.played, []);
        daw.player.choose(1);
        daw.player.receive(on(2, 0.3));
        daw.blocks(12);
        daw.player.receive(FromRun::EndPart(2));
        daw.block();
        assert_eq!(daw.played, [(frame(0.3), true, 2)]);
        daw.player.receive(FromRun::EndPart(1));
        daw.block();
        assert_eq!(daw.played.last().map(|played| played.1), Some(false));
    }

    #[test]
    fn a_note_that_comes_too_late_begins_at_once_and_much_later_not_at_all() {
        let mut daw = Daw::new();
        daw.say(0, plays(0.0));
        daw.blocks(50);
        let now = daw.player.heard(0);
        daw.player.receive(on(1, 0.7));
        daw.block();
        assert_eq!(daw.played, [(now, true, 1)]);
        assert!(daw.player.was_late() && !daw.player.was_late());
        daw.player.receive(on(2, 0.1));
        daw.block();
        assert_eq!(daw.played.len(), 1);
    }

    #[test]
    fn a_tempo_that_changes_moves_what_waits_beyond_it() {
        let mut daw = Daw::new();
        daw.say(0, plays(0.0));
        daw.blocks(10);
        daw.player.receive(on(1, 0.25));
        let slower = Playhead {
            beat: 0.2,
            tempo: 60.0,
            plays: true,
        };
        daw.say(0, slower);
        daw.blocks(30);
        assert_eq!(daw.played, [(frame(0.2) + 2_400, true, 1)]);
    }

    proptest! {
        #[test]
        fn no_note_hangs_and_none_ends_before_it_begins_whatever_happens(
            steps in prop::collection::vec((0_u8..12, 0_u32..24, -0.3_f64..0.3), 1..300),
        ) {
            let mut daw = Daw::new();
            let mut beat = 0.0;
            daw.say(0, plays(beat));
            for (step, id, off) in steps {
                match step {
                    0 => { beat = 16.0 * (off + 0.3); daw.say(7, plays(beat)); }
                    1 => daw.say(3, Playhead { beat, tempo: 120.0, plays: false }),
                    2 => daw.player.lose(),
                    3 => daw.player.receive(FromRun::EndPart(1)),
                    4 => daw.say(0, Playhead { beat, tempo: 100.0 + 90.0 * off, plays: true }),
                    5..8 => daw.player.receive(end(id, beat + off)),
                    _ => daw.player.receive(on(id, beat + off)),
                }
                daw.block();
                beat = daw.player.beat_at(0).unwrap_or(beat);
            }
            daw.player.lose();
            daw.block();
            let mut sounding = BTreeSet::new();
            for (_, is_on, id) in &daw.played {
                let is_right = if *is_on { sounding.insert(*id) } else { sounding.remove(id) };
                prop_assert!(is_right, "{} {}", id, is_on);
            }
            prop_assert!(sounding.is_empty());
            prop_assert!(daw.played.is_sorted_by_key(|played| played.0));
        }
    }
}
