//! Plays melodies of tokens as notes at their times, two bars after two bars.

use score_engine::{Io, NodeError, Note, Payload, Time, Transport};

use super::drums;
use super::fitting::Fitting;
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

/// The output of every node that plays with a voice.
pub(super) const NOTES: usize = 0;

/// Notes that begin or end together.
pub(super) type Packet = (Time, Vec<Note>);

/// A step of the model that is heard.
struct Heard {
    /// Its index in the melody of a whole stretch.
    step: usize,
    /// The sixteenth in its bar.
    sixteenth: u64,
    /// The same, counted from the start.
    place: u64,
    time: Time,
}

/// Where the model's steps lie in the transport's bars.
pub(super) struct Chunk {
    transport: Transport,
    bars: u64,
    steps_per_bar: u64,
}

impl Chunk {
    pub(super) fn new(transport: &Transport, layout: &Music) -> Self {
        Chunk {
            transport: transport.clone(),
            bars: (layout.steps / layout.steps_per_bar).max(1) as u64,
            steps_per_bar: layout.steps_per_bar as u64,
        }
    }

    /// Stretches of one bar of the transport each.
    pub(super) fn bar(transport: &Transport) -> Self {
        Chunk {
            transport: transport.clone(),
            bars: 1,
            steps_per_bar: transport.sixteenths_per_bar(),
        }
    }

    /// Where sixteenth `place`, counted from the start, lies: the model's step, where it has one, and the sixteenth in
    /// its bar.
    pub(super) fn place(&self, place: u64) -> (Option<u64>, u64) {
        let bar = self.transport.sixteenths_per_bar();
        let (number, sixteenth) = (place / bar % self.bars, place % bar);
        let step = number * self.steps_per_bar + sixteenth;
        ((sixteenth < self.steps_per_bar).then_some(step), sixteenth)
    }

    /// The sixteenth, counted from the start, that begins at `time` or after it.
    pub(super) fn sixteenth_from(&self, time: Time) -> u64 {
        let sixteenths = (self.transport.position(time) * 4.0).max(0.0);
        // A sixteenth that began just now, but for rounding, has begun.
        (sixteenths - 1e-6).ceil() as u64
    }

    /// Sixteenths in a bar of the transport.
    pub(super) fn bar_length(&self) -> usize {
        usize::try_from(self.transport.sixteenths_per_bar()).unwrap_or(usize::MAX)
    }

    /// When sixteenth `place`, counted from the start, begins.
    pub(super) fn time_of(&self, place: u64) -> Time {
        self.transport.sixteenth(place)
    }

    pub(super) fn start(&self, index: u64) -> Time {
        self.transport.sixteenth(self.first(index))
    }

    /// The first sixteenth of a stretch, counted from the start.
    pub(super) fn first(&self, index: u64) -> u64 {
        index * self.bars * self.transport.sixteenths_per_bar()
    }

    /// The steps of a stretch that are heard.
    fn steps(&self, index: u64) -> impl Iterator<Item = Heard> {
        let bar = self.transport.sixteenths_per_bar();
        let heard = bar.min(self.steps_per_bar);
        (0..self.bars).flat_map(move |number| {
            (0..heard).map(move |sixteenth| {
                let step = (number * self.steps_per_bar + sixteenth) as usize;
                let place = (index * self.bars + number) * bar + sixteenth;
                Heard {
                    step,
                    sixteenth,
                    place,
                    time: self.transport.sixteenth(place),
                }
            })
        })
    }
}

/// One melody's voice, of which at most one note sounds; or one player's drums, which sound for a step, or as long as a
/// stroke where the model knows how they are struck.
pub(super) struct Voice {
    pub(super) chunk: Chunk,
    lowest_pitch: u8,
    drums: bool,
    channel: u8,
    pub(super) velocity: f32,
    pub(super) kit: Option<Kit>,
    /// The key and the chords that a melody is brought to; `None`: it plays what the model says.
    pub(super) fitting: Option<Fitting>,
    sounding: Vec<u8>,
}

impl Voice {
    pub(super) fn new(chunk: Chunk, layout: &Music, channel: u8, velocity: f32) -> Self {
        Voice {
            chunk,
            lowest_pitch: layout.lowest_pitch,
            drums: layout.drums,
            channel,
            velocity,
            kit: None,
            fitting: None,
            sounding: Vec::new(),
        }
    }

    /// Ends what sounds.
    pub(super) fn close(&mut self) -> Vec<Note> {
        let channel = self.channel;
        let end = |pitch| Note::Off { channel, pitch };
        self.sounding.drain(..).map(end).collect()
    }

    /// Ends what sounds, at `time`.
    pub(super) fn finish(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let ends = self.close();
        if ends.is_empty() {
            return Ok(());
        }
        io.send(NOTES, time, Payload::Notes(ends.into()))
    }

    /// How long before its sixteenth, which begins at `time`, a note may begin.
    pub(super) fn earliest(&self, time: Time) -> Time {
        let sixteenths = self.kit.as_ref().map_or(0.0, Kit::earliest);
        time - self.chunk.transport.after(time, -sixteenths / 4.0)
    }

    /// The packets of a stretch before `end`. A note that sounds at its end is closed by the next stretch's
    /// beginning, so that an instant has one packet.
    pub(super) fn play(&mut self, index: u64, passages: &[Passage], end: Time) -> Vec<Packet> {
        let mut packets = Vec::new();
        let steps: Vec<Heard> = self.chunk.steps(index).collect();
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
            // In bars shorter than the model's, what begins with the stretch leaves out steps at their ends; a passage
            // that begins elsewhere has no bars of its own yet.
            let step = if first == 0 {
                heard.step
            } else {
                count - since
            };
            let said = passage.said.get(step);
            let fitted = self.fit(said, passage.shift, (heard.place, heard.sixteenth));
            let anew = count == since;
            let said = fitted.as_ref().or(said);
            packets.extend(self.step(said, anew, heard.sixteenth, heard.time, end));
        }
        packets
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
        Some(Said::of(fitting.token(said.token, shift, place)))
    }

    /// What is played before `end` at sixteenth `sixteenth` of a bar, which begins at `time`, where the model says `said`.
    pub(super) fn step(
        &mut self,
        said: Option<&Said>,
        anew: bool,
        sixteenth: u64,
        time: Time,
        end: Time,
    ) -> Vec<Packet> {
        if let (Some(kit), Some(said)) = (&self.kit, said)
            && let Some(touch) = &said.touch
        {
            return self.strike(kit.strokes(said.token, touch, self.velocity), time, end);
        }
        let notes = self.say(said.map(|said| said.token), anew, sixteenth);
        if notes.is_empty() {
            return Vec::new();
        }
        vec![(time, notes)]
    }

    /// Beginnings and ends of the strokes of a step at `time`, in their order; those that begin before `end`.
    fn strike(&self, strokes: Vec<Stroke>, time: Time, end: Time) -> Vec<Packet> {
        let channel = self.channel;
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

    /// What is played at sixteenth `sixteenth` of a bar where the melody says `token`; one that begins anew there
    /// ends the note that sounds.
    pub(super) fn say(&mut self, token: Option<i64>, anew: bool, sixteenth: u64) -> Vec<Note> {
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
        if anew || ends {
            notes.extend(self.close());
        }
        let accent = self.accent(sixteenth);
        notes.extend(begun.iter().map(|pitch| Note::On {
            channel: self.channel,
            pitch: *pitch,
            velocity: (self.velocity * accent).clamp(0.001, 1.0),
        }));
        self.sounding.extend(begun);
        notes
    }

    /// How much harder notes are struck at a place in the bar.
    fn accent(&self, sixteenth: u64) -> f32 {
        let beat = u64::from(16 / self.chunk.transport.metre.1.clamp(1, 16));
        match sixteenth {
            0 => 1.1,
            place if place % beat == 0 => 1.0,
            _ => 0.9,
        }
    }

    /// So many sixteenths after `time`, or before it; never before the start.
    fn moved(&self, time: Time, sixteenths: f32) -> Time {
        let beats = f64::from(sixteenths) / 4.0;
        self.chunk.transport.after(time, beats).max(Time::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Metre;

    use super::super::melody::Touch;
    use super::*;
    use crate::music::LAYOUT;

    fn voice(metre: Metre) -> Voice {
        let transport = Transport {
            metre,
            ..Transport::default()
        };
        Voice::new(Chunk::new(&transport, &LAYOUT), &LAYOUT, 0, 0.5)
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
    fn a_note_that_overlaps_the_stretch_is_closed_at_its_end_before_the_next_begins() {
        let mut voice = voice(Metre(4, 4));
        let first = voice.play(0, &[passage(0, &[(30, 41)])], Time::MAX);
        assert_eq!(first.len(), 1);
        let second = voice.play(1, &[passage(32, &[(0, 43)])], Time::MAX);
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
        );
        assert_eq!(packets.len(), 1);
    }

    #[test]
    fn a_bar_of_three_four_takes_the_first_twelve_steps_of_each_bar() {
        let mut voice = voice(Metre(3, 4));
        assert_eq!(voice.chunk.start(1), Time::from_seconds(3.0));
        let packets = voice.play(0, &[passage(0, &[(0, 41), (13, 43), (16, 45)])], Time::MAX);
        let times: Vec<f64> = packets.iter().map(|(time, _)| time.seconds()).collect();
        assert_eq!(times, [0.0, 1.5]);
    }

    #[test]
    fn a_passage_within_a_stretch_begins_with_its_first_token_and_ends_what_sounds() {
        let both = [
            passage(0, &[(0, 41), (8, 43)]),
            passage(5, &[(0, 45), (3, 47)]),
        ];
        let packets = voice(Metre(4, 4)).play(0, &both, Time::MAX);
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
        let chunk = Chunk::new(&Transport::default(), &layout);
        let mut voice = Voice::new(chunk, &layout, 9, 0.5);
        let packets = voice.play(0, &[passage(0, &[(4, 0b101), (31, 1)])], Time::MAX);
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
    fn a_stroke_that_would_begin_at_the_end_or_later_is_left_out_and_one_before_ends_there() {
        let layout = Music {
            drums: true,
            ..LAYOUT
        };
        let chunk = Chunk::new(&Transport::default(), &layout);
        let mut voice = Voice::new(chunk, &layout, 9, 0.5);
        voice.kit = Some(Kit {
            looseness: 1.0,
            dynamics: 0.0,
        });
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
            voice.play(0, &[passage], end)
        };
        assert_eq!(heard(0.3), []);
        let packets = heard(0.05);
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[1].0, Time::from_seconds(0.0125));
    }
}
