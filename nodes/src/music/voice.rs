//! Plays melodies of tokens as notes at their times, segment after segment.

use score_engine::{Io, Key, NodeError, Note, OutputPort, Time, Transport};

use super::drums;
use super::fitting::Fitting;
use super::grid::{Grid, Heard};
use super::kit::{Kit, LASTS, Stroke};
use super::melody::Said;
use super::tokens::{Step, step};
use crate::model::Music;

/// A melody from a place on, up to the next passage.
pub(super) struct Passage {
    /// Its first sixteenth, counted from the start.
    pub(super) place: u64,
    pub(super) said: Vec<Said>,
    /// How many semitones it is moved, to fit its key.
    pub(super) shift: i32,
}

/// How what the model says is struck.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// How hard notes are struck on a beat.
    pub(super) velocity: f32,
    pub(super) channel: u8,
    /// How much of a drummer is heard; `None`: every stroke lies on its sixteenth.
    pub(super) kit: Option<Kit>,
}

/// Notes that begin or end together.
pub(super) type Packet = (Time, Vec<Note>);

/// One melody's voice, of which at most one note sounds; or one player's drums, which sound for a
/// step, or as long as a stroke where the model knows how they are struck.
pub(super) struct Voice {
    pub(super) grid: Grid,
    lowest_pitch: u8,
    drums: bool,
    /// Brings a melody to key and chords, where there are any; `None`: these are drums.
    pub(super) fitting: Option<Fitting>,
    /// Channel and pitch of what sounds.
    sounding: Vec<(u8, u8)>,
}

impl Voice {
    pub(super) fn new(grid: Grid, layout: &Music) -> Self {
        Voice {
            grid,
            lowest_pitch: layout.lowest_pitch,
            drums: layout.drums,
            fitting: None,
            sounding: Vec::new(),
        }
    }

    /// Ends what sounds.
    pub(super) fn close(&mut self) -> Vec<Note> {
        let end = |(channel, pitch)| Note::Off { channel, pitch };
        self.sounding.drain(..).map(end).collect()
    }

    /// Ends what sounds, at `time`, from the output `notes`.
    pub(super) fn finish(
        &mut self,
        io: &mut Io<'_>,
        notes: OutputPort<Note>,
        time: Time,
    ) -> Result<(), NodeError> {
        let ends = self.close();
        if ends.is_empty() {
            return Ok(());
        }
        io.send(notes, time, ends)
    }

    /// How long before its sixteenth, which begins at `time`, a note may begin.
    pub(super) fn earliest(&self, time: Time, manner: &Manner) -> Time {
        let sixteenths = manner.kit.as_ref().map_or(0.0, Kit::earliest);
        time - self.grid.transport().after(time, -sixteenths / 4.0)
    }

    /// The packets of a segment before `end`. A note that sounds at its end is closed by the next
    /// segment's beginning, so that an instant has one packet.
    pub(super) fn play(
        &mut self,
        index: u64,
        passages: &[Passage],
        end: Time,
        manner: &Manner,
    ) -> Vec<Packet> {
        let mut packets = Vec::new();
        let steps: Vec<Heard> = self.grid.steps(index).collect();
        let mut begun = None;
        for (count, heard) in steps.into_iter().enumerate() {
            if heard.time >= end {
                break;
            }
            let is_here = |passage: &Passage| passage.place <= heard.place;
            let Some(number) = passages.iter().rposition(is_here) else {
                continue;
            };
            let (first, since) = match begun {
                Some((playing, first, since)) if playing == number => (first, since),
                _ => (heard.step, count),
            };
            begun = Some((number, first, since));
            let passage = &passages[number];
            // In bars shorter than the model's, what begins with the segment leaves out steps at
            // their ends; a passage that begins elsewhere has no bars of its own yet.
            let step = if first == 0 {
                heard.step
            } else {
                count - since
            };
            let said = passage.said.get(step);
            let fitted = self.fit(said, passage.shift, (heard.place, heard.sixteenth));
            let begins = count == since;
            let said = fitted.as_ref().or(said);
            let span = (heard.time, end);
            packets.extend(self.step(said, begins, heard.sixteenth, span, manner));
        }
        packets
    }

    /// Goes on by another transport.
    pub(super) fn retime(&mut self, transport: &Transport) {
        self.grid.retime(transport);
        if let Some(fitting) = &mut self.fitting {
            fitting.retime(transport);
        }
    }

    /// The key that a melody is brought to now, if any.
    pub(super) fn key(&self) -> Option<Key> {
        self.fitting.as_ref()?.key()
    }

    /// By how many semitones a phrase of these tokens is moved.
    pub(super) fn shift(&self, phrase: &[i64]) -> i32 {
        self.fitting
            .as_ref()
            .map_or(0, |fitting| fitting.shift(phrase))
    }

    /// What the model says, brought to key and chords; `None`: it stays as it is.
    pub(super) fn fit(
        &mut self,
        said: Option<&Said>,
        shift: i32,
        place: (u64, u64),
    ) -> Option<Said> {
        let (fitting, said) = (self.fitting.as_mut()?, said?);
        let (place, sixteenth) = place;
        // Which places are strong the model knows of its own bar.
        let step = self.grid.step_of(sixteenth).unwrap_or(sixteenth);
        Some(Said::of(fitting.token(said.token, shift, (place, step))))
    }

    /// What is played before `end` at sixteenth `sixteenth` of a bar, which begins at `time`, where
    /// the model says `said`.
    pub(super) fn step(
        &mut self,
        said: Option<&Said>,
        begins: bool,
        sixteenth: u64,
        (time, end): (Time, Time),
        manner: &Manner,
    ) -> Vec<Packet> {
        if let (Some(kit), Some(said)) = (&manner.kit, said)
            && let Some(touch) = &said.touch
        {
            let strokes = kit.strokes(said.token, touch, manner.velocity);
            return self.strike(strokes, manner.channel, time, end);
        }
        let notes = self.say(said.map(|said| said.token), begins, sixteenth, manner);
        if notes.is_empty() {
            return Vec::new();
        }
        vec![(time, notes)]
    }

    /// Beginnings and ends of the strokes of a step at `time`, in their order; those that begin
    /// before `end`.
    fn strike(&self, strokes: Vec<Stroke>, channel: u8, time: Time, end: Time) -> Vec<Packet> {
        let mut packets = Vec::new();
        for stroke in strokes {
            let Stroke {
                pitch, velocity, ..
            } = stroke;
            let begin = self.moved(time, stroke.late);
            if begin >= end {
                continue;
            }
            let on = Note::On {
                channel,
                pitch,
                velocity,
            };
            packets.push((begin, vec![on]));
            let over = self.moved(time, stroke.late + LASTS).min(end);
            packets.push((over, vec![Note::Off { channel, pitch }]));
        }
        packets.sort_by_key(|(time, _)| *time);
        packets
    }

    /// What is played at sixteenth `sixteenth` of a bar where the melody says `token`; where a
    /// passage begins, the note that sounds ends.
    pub(super) fn say(
        &mut self,
        token: Option<i64>,
        begins: bool,
        sixteenth: u64,
        manner: &Manner,
    ) -> Vec<Note> {
        let (ends, begun): (bool, Vec<u8>) = match token {
            Some(token) if self.drums => (true, drums::struck(token).collect()),
            Some(token) => match step(token, self.lowest_pitch) {
                Step::Hold => (false, Vec::new()),
                Step::Off => (true, Vec::new()),
                Step::On(pitch) => (true, vec![pitch]),
            },
            None => (self.drums, Vec::new()),
        };
        let mut notes = Vec::new();
        if begins || ends {
            notes.extend(self.close());
        }
        let accent = self.accent(sixteenth);
        notes.extend(begun.iter().map(|pitch| Note::On {
            channel: manner.channel,
            pitch: *pitch,
            velocity: (manner.velocity * accent).clamp(0.001, 1.0),
        }));
        let begun = begun.into_iter().map(|pitch| (manner.channel, pitch));
        self.sounding.extend(begun);
        notes
    }

    /// How much harder notes are struck at a place in the bar.
    fn accent(&self, sixteenth: u64) -> f32 {
        let beat = self.grid.beat();
        match sixteenth {
            0 => 1.1,
            place if place % beat == 0 => 1.0,
            _ => 0.9,
        }
    }

    /// The time `sixteenths` of the grid after `time`, or before it; never before the start. On the
    /// grid strokes keep apart, and in their order, however it swings.
    fn moved(&self, time: Time, sixteenths: f32) -> Time {
        let beats = f64::from(sixteenths) / 4.0;
        self.grid.transport().after(time, beats).max(Time::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::{Metre, Swing};

    use super::super::melody::Touch;
    use super::*;
    use crate::music::LAYOUT;

    fn voice(metre: Metre) -> Voice {
        let transport = Transport {
            metre,
            ..Transport::default()
        };
        Voice::new(Grid::new(&transport, &LAYOUT), &LAYOUT)
    }

    /// As a machine strikes.
    fn plainly(channel: u8) -> Manner {
        Manner {
            velocity: 0.5,
            channel,
            kit: None,
        }
    }

    /// As a drummer does.
    fn loosely(looseness: f32, dynamics: f32) -> Manner {
        Manner {
            kit: Some(Kit {
                looseness,
                dynamics,
            }),
            ..plainly(9)
        }
    }

    /// A passage of 32 tokens from `place` on: holds, but for those given by step.
    fn passage(place: u64, given: &[(usize, i64)]) -> Passage {
        let mut tokens = vec![0; 32];
        for (step, token) in given {
            tokens[*step] = *token;
        }
        Passage {
            place,
            said: tokens.into_iter().map(Said::of).collect(),
            shift: 0,
        }
    }

    #[test]
    fn a_note_ends_with_its_segment_before_the_next_begins() {
        let mut voice = voice(Metre(4, 4));
        let first = voice.play(0, &[passage(0, &[(30, 41)])], Time::MAX, &plainly(0));
        assert_eq!(first.len(), 1);
        let second = voice.play(1, &[passage(32, &[(0, 43)])], Time::MAX, &plainly(0));
        assert_eq!(second[0].0, Time::from_seconds(4.0));
        assert_eq!(
            second[0].1[0],
            Note::Off {
                channel: 0,
                pitch: 60
            }
        );
        assert_eq!(second[0].1[1].pitch(), 62);
    }

    #[test]
    fn nothing_begins_at_or_after_the_end_of_the_film() {
        let packets = voice(Metre(4, 4)).play(
            0,
            &[passage(0, &[(0, 41), (8, 43)])],
            Time::from_seconds(1.0),
            &plainly(0),
        );
        assert_eq!(packets.len(), 1);
    }

    #[test]
    fn a_bar_of_three_four_takes_the_first_twelve_steps_of_each_bar() {
        let mut voice = voice(Metre(3, 4));
        assert_eq!(voice.grid.start(1), Time::from_seconds(3.0));
        let passages = [passage(0, &[(0, 41), (13, 43), (16, 45)])];
        let packets = voice.play(0, &passages, Time::MAX, &plainly(0));
        let times: Vec<f64> = packets.iter().map(|(time, _)| time.seconds()).collect();
        assert_eq!(times, [0.0, 1.5]);
    }

    #[test]
    fn in_twelve_eight_a_beat_of_four_sixteenths_is_shuffled_over_each_dotted_beat() {
        let mut voice = voice(Metre(12, 8));
        assert_eq!(voice.grid.start(1), Time::from_seconds(6.0));
        let given: Vec<(usize, i64)> = (0..6).chain([16]).map(|step| (step, 41)).collect();
        let packets = voice.play(0, &[passage(0, &given)], Time::MAX, &plainly(0));
        // In sixteenths, 24 of which are a bar.
        let places: Vec<f64> = packets
            .iter()
            .map(|(time, _)| time.seconds() * 8.0)
            .collect();
        assert_eq!(places, [0.0, 2.0, 4.0, 5.0, 6.0, 8.0, 24.0]);
        // Nine eighths are three of the model's four beats.
        let grid = self::voice(Metre(9, 8)).grid;
        assert_eq!((grid.place(17).0, grid.place(18).0), (Some(11), Some(16)));
    }

    #[test]
    fn strokes_of_one_drum_keep_apart_however_the_grid_swings() {
        let layout = Music {
            drums: true,
            ..LAYOUT
        };
        let transport = Transport {
            swing: Swing {
                share: 0.75,
                ..Swing::default()
            },
            ..Transport::default()
        };
        let mut voice = Voice::new(Grid::new(&transport, &layout), &layout);
        let manner = loosely(2.0, 1.0);
        // A stroke on every sixteenth, as late and as early as can be in turn.
        let said = (0..32).map(|step| Said {
            token: 1,
            touch: Some(Touch {
                velocity: vec![0.5; 9],
                offset: vec![if step % 2 == 0 { 0.5 } else { -0.5 }; 9],
            }),
        });
        let passage = Passage {
            place: 0,
            said: said.collect(),
            shift: 0,
        };
        let packets = voice.play(0, &[passage], Time::MAX, &manner);
        assert_eq!(packets.len(), 64);
        for (pair, later) in packets.windows(2).zip(1..) {
            assert!(pair[0].0 < pair[1].0, "{later}");
            assert_ne!(
                matches!(pair[0].1[0], Note::On { .. }),
                matches!(pair[1].1[0], Note::On { .. })
            );
        }
        for (time, _) in packets.iter().step_by(2) {
            let place = voice.grid.transport().position(*time) * 4.0;
            let sixteenth = voice.grid.time_of(place.round() as u64);
            assert!(
                sixteenth - *time <= voice.earliest(sixteenth, &manner),
                "{place}"
            );
        }
    }

    #[test]
    fn a_passage_within_a_segment_begins_with_its_first_token_and_ends_what_sounds() {
        let both = [
            passage(0, &[(0, 41), (8, 43)]),
            passage(5, &[(0, 45), (3, 47)]),
        ];
        let packets = voice(Metre(4, 4)).play(0, &both, Time::MAX, &plainly(0));
        let begun: Vec<(f64, u8)> = packets
            .iter()
            .map(|(time, notes)| (time.seconds() * 8.0, notes[notes.len() - 1].pitch()))
            .collect();
        assert_eq!(begun, [(0.0, 60), (5.0, 64), (8.0, 66)]);
        assert_eq!(packets[1].1.len(), 2);
    }

    #[test]
    fn drums_sound_together_for_a_step_on_their_own_channel() {
        let layout = Music {
            tokens: 512,
            lowest_pitch: 0,
            start_token: 512,
            drums: true,
            ..LAYOUT
        };
        let grid = Grid::new(&Transport::default(), &layout);
        let mut voice = Voice::new(grid, &layout);
        let passages = [passage(0, &[(4, 0b101), (31, 1)])];
        let packets = voice.play(0, &passages, Time::MAX, &plainly(9));
        let told: Vec<(f64, Vec<(u8, u8)>)> = packets
            .iter()
            .map(|(time, notes)| {
                let notes = notes.iter().map(|note| (note.channel(), note.pitch()));
                (time.seconds(), notes.collect())
            })
            .collect();
        let both = vec![(9, 36), (9, 42)];
        assert_eq!(
            told,
            [(0.5, both.clone()), (0.625, both), (3.875, vec![(9, 36)])]
        );
        assert_eq!(voice.close().len(), 1);
    }

    #[test]
    fn no_stroke_begins_at_the_end_or_later_and_none_sounds_beyond_it() {
        let layout = Music {
            drums: true,
            ..LAYOUT
        };
        let grid = Grid::new(&Transport::default(), &layout);
        let mut voice = Voice::new(grid, &layout);
        let manner = loosely(1.0, 0.0);
        let late = |offset| Said {
            token: 1,
            touch: Some(Touch {
                velocity: vec![0.5; 9],
                offset: vec![offset; 9],
            }),
        };
        let mut heard = |offset| {
            let passage = Passage {
                place: 0,
                said: vec![late(offset)],
                shift: 0,
            };
            // A tenth of a sixteenth after the step.
            let end = Time::from_seconds(0.0125);
            voice.play(0, &[passage], end, &manner)
        };
        assert_eq!(heard(0.3), []);
        let packets = heard(0.05);
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[1].0, Time::from_seconds(0.0125));
    }
}
