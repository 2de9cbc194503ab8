//! Plays a folder of one's own sounds.

mod folder;
mod kit;
mod list;
mod name;
mod player;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note,
    OutputPort, Params, Processor, Time, Transport,
};

use super::amplitude;
use super::blocks::Blocks;
use super::end_fade::EndFade;
use super::note_queue::{Act, NoteQueue};
use super::ramp::{Ramp, glide};
use super::stereo::block;
use folder::Reloading;
use player::{Manner, Player};

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "what to play").many();
const SOUND: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the sound");

/// `sampler`.
#[derive(Clone, Params)]
pub(crate) struct Sampler {
    /// the folder of sounds
    #[param(rebuild = "the sounds are read before it plays", content = Sound)]
    folder: PathBuf,
    /// words that a sound must have in its name, its folders' names or the list; none: all sounds
    #[param(live, default = Vec::new())]
    tags: Vec<String>,
    /// key of the first sound whose name gives none, MIDI's number
    #[param(live, range = 0..=127, span = 24.0..=72.0, default = 36)]
    first_key: u8,
    /// semitones by which a sound is transposed at most, where a key has none of its own
    #[param(live, range = 0..=60, span = 0.0..=24.0, default = 12)]
    reach: u8,
    /// every sound plays to its end, whenever its key comes up
    #[param(live, default = false)]
    one_shot: bool,
    /// how much the velocity counts
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    dynamics: f32,
    /// time in which a sound comes in
    #[param(live, range = 0.0..=30.0, span = 0.001..=5.0, log, default = Length::Seconds(0.0))]
    attack: Length,
    /// time in which a sound fades once its key is up
    #[param(live, range = 0.002..=60.0, span = 0.01..=10.0, log, default = Length::Seconds(0.1))]
    release: Length,
    /// sounds at once; the softest gives way
    #[param(live, range = 1..=128, default = 32)]
    voices: u32,
    /// level
    #[param(live, range = -60.0..=24.0, span = -36.0..=0.0, unit = "dB", default = -6.0)]
    gain: f64,
}

impl Sampler {
    fn manner(&self, transport: &Transport) -> Manner {
        let frames = |length: Length| {
            let frames = length.at(transport).to_samples(transport.sample_rate);
            u32::try_from(frames).unwrap_or(u32::MAX)
        };
        Manner {
            tags: self.tags.clone(),
            first_key: self.first_key,
            reach: self.reach,
            one_shot: self.one_shot,
            dynamics: self.dynamics,
            attack: frames(self.attack),
            release: frames(self.release).max(1),
            voices: self.voices as usize,
        }
    }
}

impl Node for Sampler {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "sampler", "Plays a folder of your own sounds")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "field": sampler(folder: "sounds", one_shot: true),
                    "sound": audio_file(path: "field.wav"),
                },
                wires: ["tune -> field -> sound"]"#,
            )
            .details(
                "WAV, FLAC, MP3 and Ogg Vorbis, and with the ffmpeg program more, in the folder and in folders in it. A sound's \
                 name says what plays it: `kick_60_v100_rr2.wav` has the key 60 (or `c4`, middle C), is for velocities up to 100, and \
                 is the second of those that take turns (round robin); other words are tags. A key plays the sound whose key \
                 is nearest, transposed by up to `reach` semitones; a note plays the lowest layer that its velocity does not pass, \
                 and the highest where all are passed. Sounds without a key lie on the keys from `first_key` up, one after another and again from the \
                 first, wherever none with a key plays, and are not transposed: put a few recordings into a folder, and every note plays one. Numbers below 12, and those that begin with 0, \
                 are no keys.\n\n\
                 A file `sounds.ron` in the folder says it in place of the names: `(sounds: [(file: \"rain.wav\", key: 60, keys: \
                 (48, 72), velocity: 127, round_robin: 1, tags: [\"soft\"], gain: -3, one_shot: true)])`; all but `file` may be left out. \
                 `tags` chooses: with [\"wet\"] only sounds with that word play. All but `folder` can be set while it plays; what sounds goes on.\n\n\
                 All sounds are held in memory, at the transport's rate: at most 20 minutes together (460 MB at 48 kHz) and 4,000 \
                 files. Several samplers of one folder share them. A file that cannot be read is left out, with a warning. \
                 Live, the folder is looked at once a second, and what has changed is read while the music goes on.\n\n\
                 Volume, expression, pan and pitch bend of the notes' channels are followed. Stereo. The sound lasts as long as its \
                 notes' source; what sounds at the end of a render fades there. Notes without a sound are counted as \
                 `missing_notes`.",
            )
            .input(NOTES)
            .output(SOUND)
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let path = &self.folder;
        let problem = match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                let found = folder::states(path)
                    .and_then(|states| folder::entries(path, &states))
                    .and_then(|entries| match entries.is_empty() {
                        true => Err(folder::none_in(path)),
                        false => Ok(()),
                    });
                let Err(error) = found else {
                    return;
                };
                return check.refuse_for("folder", &error);
            }
            Ok(_) => format!("`{}` is not a folder", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                format!("there is no folder `{}`", path.display())
            }
            Err(error) => format!("`{}` cannot be read ({error})", path.display()),
        };
        let help = "paths count from the folder of the patch".to_owned();
        check.refuse("folder", problem, Some(help));
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let states = folder::states(&self.folder)?;
        let kit = Arc::new(folder::read(&self.folder, &states, rate)?);
        let reloading = match build.clock {
            Some(_) => Some(Reloading::start(self.folder.clone(), states, rate)?),
            None => None,
        };
        Ok(Box::new(Playing {
            player: Player::new(kit, self.manner(build.transport), rate),
            reloading,
            gain: Ramp::new(amplitude(self.gain), glide(build.transport)),
            rate,
            blocks: Blocks::new(build.transport, build.ends),
            due: NoteQueue::new(rate),
            fade: EndFade::new(build),
            missing: build.counters.counter("missing_notes"),
        }))
    }
}

struct Playing {
    player: Player,
    /// Live: what reads the folder again.
    reloading: Option<Reloading>,
    gain: Ramp,
    rate: u32,
    blocks: Blocks,
    due: NoteQueue,
    /// What a render holds back until it is known whether it ends there.
    fade: EndFade,
    missing: Arc<AtomicU64>,
}

impl Processor<Sampler> for Playing {
    fn process(&mut self, _params: &Sampler, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.due.take(&input, NOTES)?;
        }
        if let Some(kit) = self.reloading.as_ref().and_then(Reloading::latest) {
            self.player.take_up(kit);
        }
        while self.blocks.is_due(io) {
            self.send_block(io, self.blocks.size())?;
        }
        Ok(self.blocks.wake())
    }

    fn finish(&mut self, _params: &Sampler, io: &mut Io<'_>) -> Result<(), NodeError> {
        while let Some(frames) = self.blocks.rest(io) {
            self.send_block(io, frames)?;
        }
        for (time, samples) in self.fade.finish() {
            self.send(io, time, samples)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.fade.earliest().unwrap_or(self.blocks.time()))
    }

    fn changed(&mut self, params: &Sampler, transport: &Transport) -> Result<(), NodeError> {
        self.player.set(params.manner(transport));
        self.gain.set(amplitude(params.gain));
        Ok(())
    }
}

impl Playing {
    fn send_block(&mut self, io: &mut Io<'_>, frames: u64) -> Result<(), NodeError> {
        let mut samples = vec![0.0; frames as usize * 2];
        let (at, time) = (self.blocks.at(), self.blocks.time());
        let end = at + frames;
        let mut from = at;
        while from < end {
            while let Some(act) = self.due.next(from) {
                match act {
                    Act::Note(note) => self.player.play(note),
                    Act::Change(change) => self.player.change(change),
                }
            }
            let to = self.due.until(end);
            let stretch = (from - at) as usize * 2..(to - at) as usize * 2;
            self.player.render(&mut samples[stretch]);
            from = to;
        }
        self.gain.scale(&mut samples, 2);
        self.missing.store(self.player.missing(), Ordering::Relaxed);
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
