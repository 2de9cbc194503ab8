//! Which tone a sound has.

use score_engine::{
    AudioBlock, Build, Control, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note,
    OutputPort, Params, Processor, Time, Transport, Watermark,
};

use super::hearing::Hearing;
use super::mcleod::PitchFinder;
use super::{level, place};

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound, of one voice");
const NOTES: OutputPort<Note> = OutputPort::new(0, "notes", "what it plays, one note at a time");
const PITCH: OutputPort<Control> = OutputPort::new(
    1,
    "pitch",
    "0 at `lowest` to 1 at `highest`, while there is a tone",
);
const CONFIDENCE: OutputPort<Control> = OutputPort::new(
    2,
    "confidence",
    "how much of a tone it is: near 0 noise or silence, 1 a steady tone",
)
.by_name();

/// Looks a second.
const LOOKS: u32 = 100;

/// A tone must be so far from the note that sounds to be another, in semitones: a singer's vibrato
/// is none.
const ANOTHER: f32 = 0.65;

/// Looks without a tone after which a note has ended: a consonant does not end it.
const PAUSE: u32 = 6;

/// The levels at which notes are struck as softly and as hard as can be, in dBFS.
const SOFTEST: f64 = -50.0;
const HARDEST: f64 = -6.0;

/// `pitch`.
#[derive(Clone, Params)]
pub(crate) struct Pitch {
    /// lowest tone, MIDI's number; 60 is middle C
    #[param(live, range = 21.0..=96.0, span = 33.0..=72.0, default = 36.0)]
    lowest: f64,
    /// highest tone, MIDI's number
    #[param(live, range = 33.0..=108.0, span = 60.0..=96.0, default = 96.0)]
    highest: f64,
    /// confidence that a tone has at least; higher finds fewer
    #[param(live, range = 0.0..=1.0, span = 0.5..=0.99, default = 0.85)]
    threshold: f64,
    /// level below which there is silence
    #[param(live, range = -90.0..=0.0, span = -70.0..=-20.0, unit = "dBFS", default = -50.0)]
    floor: f64,
    /// how long a tone stands before it is a note
    #[param(live, range = 0.0..=1.0, span = 0.01..=0.2, log, default = Length::Seconds(0.03))]
    steady: Length,
    /// MIDI channel of the notes, counted from 0
    #[param(live, range = 0..=15, default = 0)]
    channel: u8,
}

impl Node for Pitch {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "pitch", "Which tone a voice or an instrument plays")
            .example(
                r#"nodes: {
                    "voice": audio_input_file(path: "song.wav"),
                    "tone": pitch(lowest: 45, highest: 84),
                    "flute": synth(voice: glass),
                    "sound": audio_file(path: "doubled.wav"),
                },
                wires: ["voice -> tone -> flute -> sound"]"#,
            )
            .details(
                "For one voice at a time: singing, a flute, a bass. A hundred times a second a window of three of the longest periods \
                 (46 ms at the default `lowest`) is compared with itself shifted (the method of P. McLeod and G. \
                 Wyvill, 2005); tones are found within a few cents. `pitch` is the number of the tone between `lowest` \
                 and `highest`: with the defaults a semitone is a sixtieth, and middle C 0.4. It is silent where there is no tone, \
                 so that what it steers stays where it is; `confidence` comes with every look and must be named in wires.\n\n\
                 A note begins when a tone has stood for `steady`, as hard as the sound is loud, and ends after 60 ms without one or \
                 with the next. Vibrato does not begin a new note, nor does the same tone struck again without a pause: \
                 for that, and for drums, there is `onsets`. Chords have no one tone, and give arbitrary notes.\n\n\
                 A note is known half a window and `steady` after it began, some 50 ms; a higher `lowest` is faster. Live, the \
                 sound of the room itself is heard by the microphone: play through headphones, or put a `filter` \
                 before it.",
            )
            .input(SOUND)
            .output(NOTES)
            .output(PITCH)
            .output(CONFIDENCE)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let (lowest, highest) = self.range();
        let finder = PitchFinder::new(rate, frequency(lowest), frequency(highest));
        let hop = (rate / LOOKS).max(1) as usize;
        Ok(Box::new(Listening {
            rate,
            hearing: Hearing::new(rate, finder.length(), hop),
            finder,
            range: (lowest, highest),
            steady: looks(self.steady, build.transport),
            voice: Voice::default(),
            looks: Vec::new(),
            latest: Time::ZERO,
        }))
    }
}

impl Pitch {
    /// The lowest and the highest tone; at least an octave lies between them.
    fn range(&self) -> (f64, f64) {
        (self.lowest, self.highest.max(self.lowest + 12.0))
    }
}

/// The frequency of a tone's number, in Hz.
fn frequency(number: f64) -> f64 {
    440.0 * ((number - 69.0) / 12.0).exp2()
}

/// A length in looks, at least one.
fn looks(length: Length, transport: &Transport) -> u32 {
    let looks = (length.at(transport).seconds() * f64::from(LOOKS)).round();
    (looks as u32).max(1)
}

/// What one look found.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// The frame after its window.
    end: u64,
    /// The tone's number, where there is one.
    tone: Option<f32>,
    confidence: f32,
    /// Of the window, in dB.
    level: f32,
}

/// The notes that a voice plays.
#[derive(Default)]
struct Voice {
    /// The channel and the pitch of the note that sounds.
    held: Option<(u8, u8)>,
    /// The note that may begin, and the looks at which it was found one after another.
    coming: Option<(u8, u32)>,
    /// Looks without a tone one after another.
    pause: u32,
}

impl Voice {
    /// What begins and ends with this look.
    fn hear(&mut self, look: Look, steady: u32, channel: u8) -> Vec<Note> {
        let Some(tone) = look.tone else {
            self.coming = None;
            self.pause += 1;
            return match self.pause >= PAUSE {
                true => self.end().into_iter().collect(),
                false => Vec::new(),
            };
        };
        self.pause = 0;
        let is_held = |(_, pitch): (u8, u8)| (tone - f32::from(pitch)).abs() < ANOTHER;
        if self.held.is_some_and(is_held) {
            self.coming = None;
            return Vec::new();
        }
        let pitch = tone.round().clamp(0.0, 127.0) as u8;
        let times = match self.coming {
            Some((other, times)) if other == pitch => times + 1,
            _ => 1,
        };
        self.coming = Some((pitch, times));
        if times < steady {
            return Vec::new();
        }
        let ended = self.end();
        self.coming = None;
        self.held = Some((channel, pitch));
        let begun = Note::On {
            channel,
            pitch,
            velocity: 0.1 + 0.9 * place(look.level, SOFTEST, HARDEST),
        };
        ended.into_iter().chain([begun]).collect()
    }

    /// Ends the note that sounds.
    fn end(&mut self) -> Option<Note> {
        let (channel, pitch) = self.held.take()?;
        Some(Note::Off { channel, pitch })
    }
}

struct Listening {
    rate: u32,
    hearing: Hearing,
    finder: PitchFinder,
    /// The lowest and the highest tone that are looked for.
    range: (f64, f64),
    /// Looks at which a tone is found before it is a note.
    steady: u32,
    voice: Voice,
    /// What the latest block's windows showed.
    looks: Vec<Look>,
    /// The time of the latest notes.
    latest: Time,
}

impl Processor<Pitch> for Listening {
    fn process(&mut self, params: &Pitch, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.look(params, input.packet.time, input.read(SOUND)?)?;
            for look in std::mem::take(&mut self.looks) {
                self.send(params, io, look)?;
            }
        }
        if self.hearing.stops(io).is_some()
            && let Watermark::At(reached) = io.reached()
        {
            self.end(io, reached)?;
        }
        Ok(match (self.voice.held, self.hearing.look_again()) {
            (Some(_), Some(time)) => Flow::WakeAt(time),
            _ => Flow::Continue,
        })
    }

    fn finish(&mut self, _params: &Pitch, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        self.end(io, end)
    }

    fn changed(&mut self, params: &Pitch, transport: &Transport) -> Result<(), NodeError> {
        self.steady = looks(params.steady, transport);
        let range = params.range();
        if range != self.range {
            let (lowest, highest) = range;
            self.finder = PitchFinder::new(self.rate, frequency(lowest), frequency(highest));
            self.hearing.set_length(self.finder.length());
            self.range = range;
        }
        Ok(())
    }
}

impl Listening {
    /// Looks at the windows that end in a block.
    fn look(&mut self, params: &Pitch, time: Time, block: &AudioBlock) -> Result<(), NodeError> {
        let (finder, looks) = (&mut self.finder, &mut self.looks);
        let mut failed = None;
        self.hearing.hear(time, block, |end, window| {
            let squares: f32 = window.iter().map(|sample| sample * sample).sum();
            let level = level(squares / window.len().max(1) as f32);
            let found = match f64::from(level) >= params.floor {
                true => finder.find(window),
                false => Ok(None),
            };
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    failed = Some(error);
                    None
                }
            };
            let confidence = found.map_or(0.0, |found| found.clarity);
            let tone = found.filter(|_| f64::from(confidence) >= params.threshold);
            let number = |frequency: f64| (69.0 + 12.0 * (frequency / 440.0).log2()) as f32;
            looks.push(Look {
                end,
                tone: tone.map(|found| number(found.frequency)),
                confidence,
                level,
            });
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn send(&mut self, params: &Pitch, io: &mut Io<'_>, look: Look) -> Result<(), NodeError> {
        let time = Time::from_samples(look.end, self.rate);
        let notes = self.voice.hear(look, self.steady, params.channel);
        if !notes.is_empty() {
            self.latest = time;
            io.send(NOTES, time, notes)?;
        }
        if let Some(tone) = look.tone {
            let (lowest, highest) = self.range;
            io.send(PITCH, time, place(tone, lowest, highest))?;
        }
        io.send(CONFIDENCE, time, look.confidence)
    }

    /// Ends the note that sounds, at `time`.
    fn end(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        match self.voice.end() {
            Some(ended) => io.send(NOTES, time.max(self.latest), vec![ended]),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_sound::{at, blocks, noise, tone};

    fn harness(params: Value, sound: &[f32]) -> Harness<Pitch> {
        let end = Time::from_samples(sound.len() as u64, 48_000);
        Harness::new(params).feed("sound", PortType::Audio, blocks(sound), end)
    }

    fn values(outputs: &Outputs, name: &str) -> Vec<f32> {
        let packets = outputs.packets(name).iter();
        packets.map(|packet| *packet.control().unwrap()).collect()
    }

    /// When notes begin (with their pitch) and end (without), in hundredths of a second.
    fn notes(outputs: &Outputs) -> Vec<(i64, Option<u8>)> {
        let packets = outputs.packets("notes").iter();
        packets
            .flat_map(|packet| {
                let time = (packet.time.seconds() * 100.0).round() as i64;
                let notes = packet.notes().unwrap().to_vec();
                notes.into_iter().map(move |note| match note {
                    Note::On { pitch, .. } => (time, Some(pitch)),
                    Note::Off { .. } => (time, None),
                })
            })
            .collect()
    }

    /// Tones one after another, half a second each, by their numbers; `None`: silence.
    fn tune(numbers: &[Option<f64>]) -> Vec<f32> {
        let sound = |number: &Option<f64>| match number {
            Some(number) => tone(frequency(*number), 0.3, 24_000),
            None => vec![0.0; 24_000],
        };
        numbers.iter().flat_map(sound).collect()
    }

    #[test]
    fn the_number_of_a_tone_is_right_within_ten_cents() {
        for number in [36.0, 40.5, 57.0, 60.3, 69.0, 77.7, 95.9] {
            let outputs = harness(json!({}), &tune(&[Some(number)])).run().unwrap();
            let found = values(&outputs, "pitch");
            assert!(found.len() > 40);
            let last = f64::from(found[found.len() - 1]) * 60.0 + 36.0;
            assert!((last - number).abs() < 0.1, "{last}, not {number}");
            assert!(values(&outputs, "confidence")[40] > 0.95);
        }
    }

    #[test]
    fn a_tune_is_heard_note_by_note() {
        let sound = tune(&[Some(60.0), Some(64.2), None, Some(64.0), Some(55.0)]);
        let outputs = harness(json!({}), &sound).run().unwrap();
        let notes = notes(&outputs);
        let pitches: Vec<_> = notes.iter().map(|(_, pitch)| *pitch).collect();
        assert_eq!(
            pitches,
            [
                Some(60),
                None,
                Some(64),
                None,
                Some(64),
                None,
                Some(55),
                None
            ],
            "{notes:?}"
        );
        let begun = notes.iter().filter(|(_, pitch)| pitch.is_some());
        for ((time, _), wanted) in begun.zip([0, 50, 150, 200]) {
            assert!((2..8).contains(&(time - wanted)), "{notes:?}");
        }
        assert_eq!(notes[7].0, 250);
        assert_eq!(outputs.end("notes"), Some(at(2.5)));
    }

    #[test]
    fn vibrato_is_one_note_and_noise_and_silence_are_none() {
        let mut turn = 0.0f64;
        let vibrato: Vec<f32> = (0..96_000)
            .map(|n| {
                let time = f64::from(n) / 48_000.0;
                let number = 62.0 + 0.5 * (std::f64::consts::TAU * 5.0 * time).sin();
                turn += frequency(number) / 48_000.0;
                0.3 * (std::f64::consts::TAU * turn).sin() as f32
            })
            .collect();
        let outputs = harness(json!({}), &vibrato).run().unwrap();
        assert_eq!(notes(&outputs).len(), 2, "{:?}", notes(&outputs));
        let mut noise = noise(0.5, 96_000);
        noise[48_000..]
            .iter_mut()
            .for_each(|sample| *sample *= 1e-4);
        let outputs = harness(json!({}), &noise).run().unwrap();
        assert_eq!(notes(&outputs), []);
        assert_eq!(values(&outputs, "pitch"), [0.0f32; 0]);
        assert!(
            values(&outputs, "confidence")
                .iter()
                .all(|value| *value < 0.6)
        );
    }

    #[test]
    fn louder_is_harder_and_notes_go_to_their_channel() {
        let velocity = |level: f32| {
            let outputs = harness(json!({ "channel": 5 }), &tone(440.0, level, 24_000));
            match outputs.run().unwrap().packets("notes")[0].notes().unwrap()[0] {
                Note::On {
                    channel: 5,
                    velocity,
                    ..
                } => velocity,
                note => panic!("{note:?}"),
            }
        };
        assert!(velocity(0.5) > 0.95 && (0.3..0.6).contains(&velocity(0.03)));
    }

    #[test]
    fn live_it_finds_what_it_finds_offline_and_another_range_forgets_nothing() {
        let sound = tune(&[Some(60.0), Some(67.0)]);
        let harness = || harness(json!({}), &sound);
        let live = harness().play_live().unwrap();
        assert_eq!(notes(&live)[..3], notes(&harness().run().unwrap())[..3]);
        let other = harness()
            .set_live(at(0.3), "lowest", 33.0)
            .set_live(at(0.4), "channel", 3)
            .play_live()
            .unwrap();
        let pitches: Vec<_> = notes(&other).into_iter().map(|(_, pitch)| pitch).collect();
        assert_eq!(pitches, [Some(60), None, Some(67), None]);
    }

    #[test]
    fn live_a_note_ends_when_the_sound_stops_coming() {
        let sound = blocks(&tone(440.0, 0.3, 24_064));
        let outputs = Harness::<Pitch>::new(json!({}))
            .feed("sound", PortType::Audio, sound, at(5.0))
            .play_live()
            .unwrap();
        let notes = notes(&outputs);
        assert_eq!((notes.len(), notes[1]), (2, (100, None)));
    }

    #[test]
    fn what_is_not_a_number_is_no_tone() {
        let mut sound = tone(440.0, 0.3, 48_000);
        for place in (0..48_000).step_by(2_000) {
            sound[place] = [f32::NAN, f32::INFINITY, f32::MIN][place / 2_000 % 3];
        }
        let outputs = harness(json!({}), &sound).run().unwrap();
        let all = [values(&outputs, "confidence"), values(&outputs, "pitch")].concat();
        assert!(all.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}
