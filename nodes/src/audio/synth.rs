//! Plays notes with a built-in voice or a SoundFont.

use std::collections::BTreeSet;
use std::path::PathBuf;

use score_engine::{
    AudioBlock, Build, ChannelChange, Check, Descriptor, Flow, InputPort, Io, Node, NodeError,
    Note, OutputPort, Params, Processor, Time, Transport,
};

use super::amplitude;
use super::blocks::Blocks;
use super::end_fade::EndFade;
use super::ensemble::Ensemble;
use super::instrument::Instrument;
use super::note_queue::{Act, NoteQueue};
use super::ramp::{Ramp, glide};
use super::reverb::Reverb;
use super::sound_font::{Beginning, Player, file};
use super::stereo::block;
use super::voice::Voice;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "what to play").many();
const SOUND: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the sound");

/// MIDI's channels, and that of percussion, counted from 0.
const CHANNELS: usize = 16;
const PERCUSSION: usize = 9;

/// Leaves room for several notes at full velocity: −12 dB.
const HEADROOM: f32 = 0.25;

/// At most this many damaged presets of a SoundFont are named; the others are counted.
const TOLD: usize = 10;

/// What each channel gets: its own from `own`, else `usual`.
fn each<T: Copy>(own: &[T], usual: T) -> [T; CHANNELS] {
    std::array::from_fn(|channel| own.get(channel).copied().unwrap_or(usual))
}

/// `synth`.
#[derive(Clone, Params)]
pub(crate) struct Synth {
    /// the instrument
    #[param(live, default = Voice::ElectricPiano)]
    voice: Voice,
    /// instruments of the channels from 0 on, instead of `voice`
    #[param(live, default = Vec::new())]
    voices: Vec<Voice>,
    /// SoundFont that plays instead of the voice, .sf2
    #[param(rebuild = "the file is read once", content = SoundFont)]
    sound_font: Option<PathBuf>,
    /// instrument of the SoundFont, as in General MIDI
    #[param(live, range = 0..=127, default = 0)]
    program: i32,
    /// programs of the channels from 0 on, instead of `program`
    #[param(live, range = 0..=127, default = Vec::new())]
    programs: Vec<i32>,
    /// bank of the SoundFont in which programs are looked for first
    #[param(live, range = 0..=16_383, span = 0.0..=127.0, default = 0)]
    bank: i32,
    /// banks of the channels from 0 on, instead of `bank`
    #[param(live, range = 0..=16_383, default = Vec::new())]
    banks: Vec<i32>,
    /// level
    #[param(live, range = -60.0..=12.0, span = -36.0..=0.0, unit = "dB", default = 0.0)]
    gain: f64,
    /// share of the room
    #[param(live, range = 0.0..=1.0, default = 0.25)]
    reverb: f64,
}

impl Node for Synth {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "audio",
            "synth",
            "Plays notes with a built-in voice or a SoundFont",
        )
        .example(
            r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "glass": synth(voice: glass, reverb: 0.4),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> glass -> sound"]"#,
        )
        .details(
            "Stereo at the transport's sample rate. The sound lasts exactly as long as its \
                 notes' source: a render in which notes sound at its end fades there. All voices \
                 are equally loud, within 2 LU. The voice `drum_kit` plays every channel on the \
                 keys of General MIDI's percussion map; `bass` sounds two octaves lower than \
                 written, `bass_guitar` and all others as written. With a `sound_font` (.sf2) its \
                 `program` plays instead of the voice, and channel 9 (the tenth) its percussion; a \
                 damaged SoundFont plays as far as it can be read.\n\n\
                 Several wires can come in, each on a channel of its own: `voices`, or with a \
                 SoundFont `programs` and `banks`, set what the channels play, so that one `synth` \
                 plays a whole ensemble. Program and bank changes of a MIDI file or port choose \
                 presets of a SoundFont, channel by channel, from their time on; voices ignore \
                 them. A program that the SoundFont does not have is replaced by the nearest, from \
                 its family of eight if possible, and the log says so once.\n\n\
                 When a voice or a program changes while notes are held, the held notes go over to \
                 it.\n\n\
                 Volume, expression, pan and pitch bend of a MIDI file or port are followed, \
                 channel by channel; `pluck` and `drum_kit` cannot be bent. A SoundFont plays \
                 modulation too. A controller that cannot be played is a warning.",
        )
        .input(NOTES)
        .output(SOUND)
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.input_type(NOTES).is_none() {
            let help = "wire a node with notes into it";
            check.refuse(
                "voice",
                "nothing is wired into its `notes`",
                Some(help.to_owned()),
            );
        }
        if let Some(path) = &self.sound_font {
            let is_there = check.require_file("sound_font", path, "SoundFont");
            let faults = match is_there {
                true => file::faults(path).unwrap_or_default(),
                false => Vec::new(),
            };
            if !faults.is_empty() {
                let mut told: Vec<String> = faults
                    .iter()
                    .take(TOLD)
                    .map(file::Fault::to_string)
                    .collect();
                if faults.len() > TOLD {
                    told.push(format!("and {} more", faults.len() - TOLD));
                }
                let why = format!("`{}` is damaged: {}", path.display(), told.join("; "));
                let help = "everything else in it plays; copy or download the file again";
                check.warn("sound_font", why, Some(help.to_owned()));
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let instrument = match &self.sound_font {
            Some(path) => {
                Instrument::SoundFont(Box::new(Player::open(path, self.beginning(), rate)?))
            }
            None => Instrument::Voice(Box::new(Ensemble::new(
                self.each_voice(),
                rate,
                build.rng(),
            ))),
        };
        let name = match &self.sound_font {
            Some(path) => format!("`{}` with the SoundFont `{}`", build.id, path.display()),
            None => format!("`{}` with its built-in voice", build.id),
        };
        Ok(Box::new(SynthPlayer {
            instrument,
            gain: Ramp::new(amplitude(self.gain) * HEADROOM, glide(build.transport)),
            share: Ramp::new(self.reverb as f32, glide(build.transport)),
            rate,
            blocks: Blocks::new(build.transport, build.ends),
            due: NoteQueue::new(rate),
            ignored: BTreeSet::new(),
            tells_at_once: !build.ends,
            name,
            reverb: Reverb::new(rate),
            fade: EndFade::new(build),
        }))
    }
}

impl Synth {
    /// The voice of each channel.
    fn each_voice(&self) -> [Voice; CHANNELS] {
        each(&self.voices, self.voice)
    }

    /// What each channel plays of a SoundFont.
    fn beginning(&self) -> Beginning {
        let mut beginning = Beginning {
            banks: each(&self.banks, self.bank),
            programs: each(&self.programs, self.program),
        };
        // Percussion's channel has kits, of which `program` says nothing.
        if self.programs.len() <= PERCUSSION {
            beginning.programs[PERCUSSION] = 0;
        }
        if self.banks.len() <= PERCUSSION {
            beginning.banks[PERCUSSION] = 0;
        }
        beginning
    }
}

struct SynthPlayer {
    instrument: Instrument,
    gain: Ramp,
    share: Ramp,
    rate: u32,
    blocks: Blocks,
    due: NoteQueue,
    /// What the notes ask for and the instrument cannot do.
    ignored: BTreeSet<&'static str>,
    /// Whether the first of these is reported at once, because the run may never end, instead of
    /// all together at the end.
    tells_at_once: bool,
    /// What errors and warnings call the node and what it plays with.
    name: String,
    reverb: Reverb,
    /// What a render holds back until it is known whether it ends there.
    fade: EndFade,
}

impl Processor<Synth> for SynthPlayer {
    fn process(&mut self, _params: &Synth, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.due.take(&input, NOTES)?;
        }
        while self.blocks.is_due(io) {
            self.send_block(io, self.blocks.size())?;
        }
        Ok(self.blocks.wake())
    }

    fn finish(&mut self, _params: &Synth, io: &mut Io<'_>) -> Result<(), NodeError> {
        while let Some(frames) = self.blocks.rest(io) {
            self.send_block(io, frames)?;
        }
        for (time, samples) in self.fade.finish() {
            self.send(io, time, samples)?;
        }
        if !self.tells_at_once {
            self.tell_ignored();
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.fade.earliest().unwrap_or(self.blocks.time()))
    }

    fn changed(&mut self, params: &Synth, _transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain) * HEADROOM);
        self.share.set(params.reverb as f32);
        (self.instrument).go_over(params.each_voice(), params.beginning())
    }
}

impl SynthPlayer {
    fn change(&mut self, change: ChannelChange) -> Result<(), NodeError> {
        if let Some(ignored) = self.instrument.change(change)? {
            let is_first = self.ignored.is_empty();
            self.ignored.insert(ignored);
            if is_first && self.tells_at_once {
                self.tell_ignored();
            }
        }
        Ok(())
    }

    /// Warns of what the notes ask for and the instrument cannot do.
    fn tell_ignored(&self) {
        if !self.ignored.is_empty() {
            let ignored: Vec<&str> = self.ignored.iter().copied().collect();
            tracing::warn!(
                "{} does not play {}, which its notes ask for",
                self.name,
                ignored.join(", ")
            );
        }
    }

    fn send_block(&mut self, io: &mut Io<'_>, frames: u64) -> Result<(), NodeError> {
        let mut samples = vec![0.0; frames as usize * 2];
        let (at, time) = (self.blocks.at(), self.blocks.time());
        let end = at + frames;
        let mut from = at;
        while from < end {
            while let Some(act) = self.due.next(from) {
                match act {
                    Act::Note(note) => self.instrument.play(note)?,
                    Act::Change(change) => self.change(change)?,
                }
            }
            let to = self.due.until(end);
            let stretch = &mut samples[(from - at) as usize * 2..(to - at) as usize * 2];
            self.instrument.render(stretch)?;
            from = to;
        }
        for frame in samples.chunks_exact_mut(2) {
            let gain = self.gain.next();
            frame.iter_mut().for_each(|sample| *sample *= gain);
        }
        self.reverb.add(&mut samples, &mut self.share);
        self.blocks.pass(frames);
        for (time, samples) in self.fade.pass(time, samples) {
            self.send(io, time, samples)?;
        }
        Ok(())
    }

    fn send(&self, io: &mut Io<'_>, time: Time, samples: Vec<f32>) -> Result<(), NodeError> {
        io.send(SOUND, time, block(self.rate, samples))
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Choice, Payload, Performance, PortType};
    use serde_json::{Value, json};

    use super::super::sound_font::tiny;
    use super::super::test_sound::{at, left};
    use super::*;

    fn play(voice: &str, notes: Vec<(f64, Note)>, end: f64) -> Vec<f32> {
        perform(json!({ "voice": voice }), notes, end).unwrap()
    }

    fn perform(params: Value, notes: Vec<(f64, Note)>, end: f64) -> Result<Vec<f32>, NodeError> {
        let notes = notes
            .into_iter()
            .map(|(time, note)| (Time::from_seconds(time), Payload::Notes([note].into())));
        let outputs = Harness::<Synth>::new(params)
            .feed(
                "notes",
                PortType::Notes,
                notes.collect(),
                Time::from_seconds(end),
            )
            .run()?;
        Ok(outputs
            .packets("sound")
            .iter()
            .flat_map(|packet| packet.audio().unwrap().samples.clone())
            .collect())
    }

    fn on(pitch: u8) -> Note {
        Note::On {
            channel: 0,
            pitch,
            velocity: 1.0,
        }
    }

    fn peak(samples: &[f32]) -> f32 {
        samples
            .iter()
            .fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    #[test]
    fn the_sound_lasts_exactly_as_long_as_the_film() {
        assert_eq!(play("pad", vec![(0.1, on(60))], 1.2345).len(), 2 * 59_256);
    }

    #[test]
    fn notes_that_sound_when_the_film_ends_fade_before_it() {
        for voice in Voice::WORDS {
            let notes = [(0.0, on(50)), (2.8, on(60))];
            let sound = play(voice, notes.to_vec(), 3.0);
            assert_eq!(sound.len(), 2 * 144_000);
            let last = peak(&sound[sound.len() - 2 * 2_400..]);
            assert!(last < 0.003_16, "{voice}: {last}");
        }
    }

    #[test]
    fn a_note_begins_on_its_sample_and_fades_when_released() {
        for voice in Voice::WORDS {
            let off = Note::Off {
                channel: 0,
                pitch: 57,
            };
            let sound = play(voice, vec![(0.3, on(57)), (0.8, off)], 8.0);
            let frame = |seconds: f64| (seconds * 48_000.0) as usize * 2;
            assert_eq!(peak(&sound[..frame(0.3)]), 0.0, "{voice}");
            assert!(peak(&sound[frame(0.3)..frame(0.8)]) > 0.02, "{voice}");
            assert!(peak(&sound[frame(7.5)..]) < 0.002, "{voice}");
        }
    }

    #[test]
    fn a_chord_of_four_at_full_velocity_does_not_clip() {
        for voice in Voice::WORDS {
            let chord = [48, 60, 64, 67].map(|pitch| (0.0, on(pitch)));
            let level = peak(&play(voice, chord.to_vec(), 1.0));
            assert!(level < 1.0, "{voice}: {level}");
        }
    }

    #[test]
    fn the_same_notes_give_the_same_samples() {
        for voice in Voice::WORDS {
            let notes = || {
                (0..12)
                    .map(|n| (f64::from(n) * 0.05, on(36 + 4 * n as u8)))
                    .collect()
            };
            assert_eq!(
                play(voice, notes(), 0.8),
                play(voice, notes(), 0.8),
                "{voice}"
            );
        }
    }

    #[test]
    fn a_closed_hat_ends_the_open_one() {
        let level = |closed: u8| {
            let sound = play("drum_kit", vec![(0.0, on(46)), (0.1, on(closed))], 1.2);
            sound[40_000..48_000]
                .iter()
                .map(|sample| sample.abs())
                .sum::<f32>()
        };
        // A side stick is as short as a closed hat.
        assert!(level(42) * 2.0 < level(37), "{} {}", level(42), level(37));
    }

    /// The SoundFont `bytes` plays A4 from 0.3 s on.
    fn with_sound_font(bytes: &[u8], end: f64) -> Result<Vec<f32>, NodeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sf2");
        std::fs::write(&path, bytes).unwrap();
        perform(
            json!({ "sound_font": path, "reverb": 0 }),
            vec![(0.3, on(69))],
            end,
        )
    }

    #[test]
    fn a_sound_font_plays_in_tune_from_its_sample_to_the_exact_end() {
        let sound = with_sound_font(&tiny::sound_font(), 1.2345).unwrap();
        assert_eq!(sound.len(), 2 * 59_256);
        let onset = 2 * 14_400;
        assert!(sound[..onset].iter().all(|sample| *sample == 0.0));
        assert!(sound[onset] > 0.05);
        let left: Vec<f32> = sound[onset..].iter().step_by(2).copied().collect();
        let rises = left
            .windows(2)
            .filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0);
        let expected = 440 * left.len() / 48_000;
        assert!(rises.count().abs_diff(expected) <= 1);
    }

    #[test]
    fn channels_play_voices_of_their_own() {
        let of = |voices: Value, channel: u8| {
            let note = Note::On {
                channel,
                pitch: 60,
                velocity: 1.0,
            };
            perform(json!({ "voices": voices }), vec![(0.0, note)], 0.5).unwrap()
        };
        let alone = |voice: &str| play(voice, vec![(0.0, on(60))], 0.5);
        assert_eq!(of(json!(["organ", "glass"]), 0), alone("organ"));
        assert_eq!(of(json!(["organ", "glass"]), 1), alone("glass"));
        assert_eq!(of(json!(["organ", "glass"]), 2), alone("electric_piano"));
    }

    #[test]
    fn one_sound_font_plays_several_wires_each_with_its_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sf2");
        std::fs::write(&path, tiny::ensemble()).unwrap();
        let wire = |channel: u8, at: f64| {
            let note = Note::On {
                channel,
                pitch: 57,
                velocity: 1.0,
            };
            vec![(Time::from_seconds(at), Payload::Notes([note].into()))]
        };
        let params = json!({
            "sound_font": path, "reverb": 0, "programs": [0, 7], "banks": [0, 3],
        });
        let end = Time::from_seconds(2.0);
        let outputs = Harness::<Synth>::new(params)
            .feed("notes", PortType::Notes, wire(0, 0.0), end)
            .feed("notes", PortType::Notes, wire(1, 1.0), end)
            .run()
            .unwrap();
        let left: Vec<f32> = (outputs.packets("sound").iter())
            .flat_map(|packet| packet.audio().unwrap().samples.clone())
            .step_by(2)
            .collect();
        let level = |from: usize, hertz: f64| {
            super::super::test_ear::level_at(&left[from..from + 24_000], hertz)
        };
        assert!(level(12_000, 220.0) > 20.0 * level(12_000, 880.0));
        assert!(level(60_000, 880.0) > 0.3 * level(60_000, 220.0));
    }

    /// What is heard of `notes`, live, where a parameter is set after one second.
    fn steered(name: &str, value: Value, notes: Vec<(f64, Note)>) -> Vec<f32> {
        let notes = notes
            .into_iter()
            .map(|(time, note)| (Time::from_seconds(time), Payload::Notes([note].into())));
        let end = Time::from_seconds(2.5);
        let outputs = Harness::<Synth>::new(json!({ "voice": "organ", "reverb": 0 }))
            .feed("notes", PortType::Notes, notes.collect(), end)
            .set_live(Time::from_seconds(1.0), name, value)
            .play_live()
            .unwrap();
        let packets = outputs.packets("sound").iter();
        packets
            .flat_map(|packet| packet.audio().unwrap().samples.clone())
            .step_by(2)
            .collect()
    }

    #[test]
    fn a_voice_that_changes_goes_over_to_held_notes_without_a_click_and_a_drum_kit_to_new_ones() {
        let held = || vec![(0.0, on(60))];
        let heard = steered("voice", json!("pad"), held());
        let organ = steered("gain", json!(0.0), held());
        assert_eq!(heard[..47_000], organ[..47_000]);
        assert!(peak(&heard[60_000..]) > 0.02);
        let differs = heard.iter().zip(&organ).skip(60_000);
        assert!(
            differs
                .into_iter()
                .any(|(heard, organ)| (heard - organ).abs() > 0.02)
        );
        // While it goes over it is no rougher than both are.
        let rough = |sound: &[f32]| super::super::test_sound::largest_step(sound);
        let both = rough(&organ[24_000..46_000]).max(rough(&heard[60_000..110_000]));
        assert!(rough(&heard[46_000..60_000]) < 1.5 * both);
        // What is held goes on, and ends with its key.
        let end = Note::Off {
            channel: 0,
            pitch: 60,
        };
        let notes = vec![(0.0, on(60)), (1.5, end)];
        let kit = steered("voice", json!("drum_kit"), notes);
        assert_eq!(kit[..71_000], organ[..71_000]);
        assert!(peak(&kit[100_000..]) < 0.001);
        let voices = steered("voices", json!(["organ", "pad"]), held());
        assert_eq!(voices, organ);
    }

    #[test]
    fn a_note_that_another_wire_brings_ahead_of_its_time_holds_none_up() {
        let ahead = (at(0.1), at(0.9), Payload::Notes([on(72)].into()));
        let prompt = (at(0.2), at(0.2), Payload::Notes([on(48)].into()));
        let outputs = Harness::<Synth>::new(json!({ "reverb": 0 }))
            .feed_live("notes", PortType::Notes, vec![ahead], at(1.0))
            .feed_live("notes", PortType::Notes, vec![prompt], at(1.0))
            .play_live()
            .unwrap();
        let heard = left(&outputs);
        assert!(peak(&heard[..9_600]) == 0.0 && peak(&heard[9_600..14_400]) > 0.02);
    }

    #[test]
    fn what_is_not_a_number_in_notes_and_controllers_is_not_heard_for_ever() {
        let channel = 0;
        let note = |pitch, velocity| Note::On {
            channel,
            pitch,
            velocity,
        };
        let performance = |change, note: Note| {
            let performance = Performance {
                changes: vec![change],
                notes: [note].into(),
            };
            Payload::Performance(performance.into())
        };
        let (number, value) = (7, f32::NAN);
        let volume = ChannelChange::Controller {
            channel,
            number,
            value,
        };
        let full = ChannelChange::Controller {
            channel,
            number,
            value: 1.0,
        };
        let bend = ChannelChange::Bend { channel, value };
        let packets = vec![
            (at(0.0), performance(volume, note(60, f32::NAN))),
            (at(0.1), performance(bend, note(64, 0.5))),
            (at(0.2), performance(full, note(67, 0.5))),
        ];
        let outputs = Harness::<Synth>::new(json!({}))
            .feed("notes", PortType::Notes, packets, at(1.0))
            .run()
            .unwrap();
        let heard = left(&outputs);
        assert!(heard.iter().all(|sample| sample.is_finite()));
        assert!(peak(&heard[12_000..24_000]) > 0.02);
    }

    #[test]
    fn what_is_no_sound_font_is_refused_in_words() {
        let whole = tiny::sound_font();
        let refusal = |bytes: &[u8]| with_sound_font(bytes, 1.0).unwrap_err().to_string();
        assert!(refusal(b"once upon a time there was").contains("is not a SoundFont"));
        assert!(refusal(&whole[..whole.len() - 50]).contains("is cut off"));
        let error = perform(json!({ "sound_font": "/no/such.sf2" }), Vec::new(), 1.0).unwrap_err();
        assert!(
            error.to_string().contains("there is no SoundFont at"),
            "{error}"
        );
    }
}
