//! Ten minutes of a DAW that loops, changes its tempo, stops and is located, against a run that hears
//! of it late and whose notes are on their way for a while: reckoned, not waited for.

use std::collections::BTreeMap;

use score_link::daw::{Change, FromRun, NoteChange, Place};

use crate::dice::Dice;
use crate::player::{Played, Player, Playhead};
use crate::timeline::{News, snapped};

const RATE: f64 = 48_000.0;
const BLOCK: u32 = 512;
const LATENCY: u32 = 2_944;

/// Nanoseconds in a frame, nearly.
const NANOS: i64 = 20_833;

/// Quarter notes between two notes of the run.
const GRID: f64 = 0.25;

/// A DAW: where its playhead is, block by block.
struct Daw {
    now: Playhead,
    per_block: f64,
    /// The tempo that it goes to.
    wanted: f64,
    loops: Option<(f64, f64)>,
}

impl Daw {
    fn new() -> Self {
        Daw {
            now: Playhead {
                beat: 0.0,
                tempo: 120.0,
                plays: false,
            },
            per_block: 0.0,
            wanted: 120.0,
            loops: None,
        }
    }

    /// Somebody does something to it, now and then.
    fn touch(&mut self, dice: &mut Dice) {
        match dice.roll() * 2_000.0 {
            0.0..2.0 => self.now.plays = !self.now.plays,
            2.0..4.0 => self.now.beat = (dice.roll() * 64.0).floor() / 4.0,
            4.0..8.0 => self.wanted = 60.0 + dice.roll() * 120.0,
            8.0..10.0 => self.now.tempo = 60.0 + dice.roll() * 120.0,
            10.0..14.0 => {
                let begin = self.now.beat.floor();
                let length = [1.0, 2.0, 4.0, 16.0][(dice.roll() * 4.0) as usize];
                self.loops = Some((begin, begin + length));
            }
            14.0..15.0 => self.loops = None,
            _ => {}
        }
        self.now.plays |= dice.roll() < 0.01;
        // A tempo that glides there changes in each block.
        self.now.tempo += (self.wanted - self.now.tempo).clamp(-0.2, 0.2);
        self.per_block = self.now.tempo / 60.0 * f64::from(BLOCK) / RATE;
    }

    /// Where its playhead is within a block that it begins: at the beginning, and at the frame at
    /// which it goes through its loop.
    fn block(&mut self) -> Vec<(u32, Playhead)> {
        let mut places = vec![(0, self.now)];
        if !self.now.plays {
            return places;
        }
        let end = self.now.beat + self.per_block;
        match self
            .loops
            .filter(|(_, last)| self.now.beat < *last && end >= *last)
        {
            None => self.now.beat = end,
            Some((begin, last)) => {
                let per_frame = self.per_block / f64::from(BLOCK);
                let frames = ((last - self.now.beat) / per_frame).ceil();
                if (frames as u32) < BLOCK {
                    let beat = begin + self.now.beat + frames * per_frame - last;
                    places.push((frames as u32, Playhead { beat, ..self.now }));
                }
                self.now.beat = begin + end - last;
            }
        }
        places
    }
}

/// A run: plays a note each quarter of a quarter note, by what it knows of the DAW.
#[derive(Default)]
struct Run {
    /// What it will hear, and when.
    told: BTreeMap<u64, Place>,
    line: Option<(u64, Place)>,
    /// When the DAW has jumped last, for all it knows.
    pass: i64,
    /// The next note on the grid.
    next: i64,
    id: u32,
    /// What is on its way, by when it arrives.
    sent: BTreeMap<(u64, u32, bool), NoteChange>,
}

impl Run {
    /// Does what it does up to this frame.
    fn work(&mut self, frame: u64, dice: &mut Dice) {
        while let Some(told) = self.told.first_entry().filter(|told| *told.key() <= frame) {
            let place = told.remove();
            if place.jumps {
                self.next = (place.beat / GRID - 1e-9).ceil() as i64;
                self.pass = place.at;
            }
            self.line = place.plays.then_some(((place.at / NANOS) as u64, place));
        }
        let Some((at, place)) = self.line else { return };
        let passed = (frame as f64 - at as f64) / RATE;
        // Notes leave eight milliseconds before their time.
        let here = place.beat + (passed + 0.008) * place.tempo / 60.0;
        while self.next as f64 * GRID <= here {
            let beat = self.next as f64 * GRID;
            let pitch = self.next.rem_euclid(128) as u8;
            let on = Change::On {
                channel: 0,
                pitch,
                velocity: 0.5,
            };
            self.send(frame, beat, on, dice);
            self.send(frame, beat + 0.9 * GRID, Change::Off, dice);
            self.next += 1;
            self.id += 1;
        }
    }

    fn send(&mut self, frame: u64, beat: f64, change: Change, dice: &mut Dice) {
        // In order, as a socket has it, and up to twelve milliseconds on the way.
        let last = self.sent.last_key_value().map_or(0, |((at, ..), _)| *at);
        let at = (frame + (dice.roll() * 576.0) as u64).max(last);
        let note = NoteChange {
            part: 1,
            id: self.id,
            beat,
            pass: self.pass,
            change,
        };
        self.sent.insert((at, self.id, change == Change::Off), note);
    }
}

#[test]
fn every_note_sounds_at_its_place_through_ten_minutes_of_loops_jumps_and_tempi() {
    let mut dice = Dice(7);
    let (mut daw, mut run) = (Daw::new(), Run::default());
    let mut player = Player::new(RATE, LATENCY);
    // At which frames notes are to begin, and which: those that the playhead passes.
    let mut wanted: Vec<(u64, u8)> = Vec::new();
    let mut played: Vec<(u64, u8)> = Vec::new();
    let mut sounding = Vec::new();
    // Where a stop cuts what is heard: a frame decides there.
    let mut edges: Vec<u64> = Vec::new();
    let (mut jumps, mut stops, mut late) = (0, 0, 0);
    let blocks = (600.0 * RATE) as u64 / u64::from(BLOCK);
    for _ in 0..blocks {
        daw.touch(&mut dice);
        let head = player.head();
        let mut places = daw.block();
        places.push((BLOCK, daw.now));
        for pair in places.windows(2) {
            let ((from, place), (to, _)) = (pair[0], pair[1]);
            let at = head + u64::from(from);
            let news = player.place(from, at as i64 * NANOS, place);
            let jumps_here = matches!(news, News::Starts | News::Jumps);
            if news != News::Same {
                jumps += u64::from(news == News::Jumps);
                // The run hears of it up to eight milliseconds later.
                let heard = at + (dice.roll() * 384.0) as u64;
                let heard = heard.max(run.told.last_key_value().map_or(0, |(at, _)| *at + 1));
                let told = Place {
                    at: at as i64 * NANOS,
                    beat: if jumps_here {
                        snapped(place.beat)
                    } else {
                        place.beat
                    },
                    tempo: place.tempo,
                    metre: (4, 4),
                    plays: place.plays,
                    jumps: jumps_here,
                };
                run.told.insert(heard, told);
            }
            if news == News::Stops {
                stops += 1;
                // What is not yet heard is not wanted any more.
                wanted.retain(|(frame, _)| frame + u64::from(LATENCY) < at);
                edges.push(at.saturating_sub(u64::from(LATENCY)));
            }
            let per_frame = place.tempo / 60.0 / RATE;
            // What lies just before a jump's place is played at the jump.
            let near = if jumps_here { 2e-3 } else { 1e-6 / GRID };
            let mut next = (place.beat / GRID - near).ceil();
            // What lies at the end of a loop is not played: its beginning is.
            let loops = daw.loops.filter(|(_, last)| place.beat < *last);
            let end = place.beat + f64::from(to - from) * per_frame;
            let end = loops.map_or(end, |(_, last)| end.min(last)) - 1e-6;
            while place.plays && next * GRID < end {
                let frame = at + ((next * GRID - place.beat) / per_frame).max(0.0).round() as u64;
                wanted.push((frame, (next as i64).rem_euclid(128) as u8));
                next += 1.0;
            }
        }
        for tick in (0..BLOCK).step_by(64) {
            run.work(head + u64::from(tick), &mut dice);
        }
        while let Some(sent) = run.sent.first_entry().filter(|sent| sent.key().0 <= head) {
            player.receive(FromRun::Note(sent.remove()));
        }
        late += u32::from(player.was_late());
        let heard = player.head() - u64::from(LATENCY);
        player.play(BLOCK, |offset, what| match what {
            Played::On { id, pitch, .. } => {
                played.push((heard + u64::from(offset), pitch));
                sounding.push(id);
            }
            Played::Off { id, .. } => sounding.retain(|other| *other != id),
        });
        assert!(sounding.len() <= 2, "notes hang: {sounding:?}");
    }
    let last = player.head() - u64::from(LATENCY);
    let is_whole = |frame: u64| edges.iter().all(|edge| edge.abs_diff(frame) > 2);
    wanted.retain(|(frame, _)| *frame < last && is_whole(*frame));
    played.retain(|(frame, _)| is_whole(*frame));
    assert!(jumps > 100 && stops > 10, "{jumps} jumps, {stops} stops");
    assert_eq!(late, 0);
    assert!(wanted.len() > 3_000, "{}", wanted.len());
    for (wanted, played) in wanted.iter().zip(&played) {
        assert_eq!(wanted.1, played.1, "{wanted:?} {played:?}");
        assert!(
            wanted.0.abs_diff(played.0) <= u64::from(BLOCK),
            "{wanted:?} {played:?}"
        );
    }
    assert_eq!(wanted.len(), played.len());
}
