//! Writes a film's own picture with new sound.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use score_engine::{
    AudioBlock, Build, Check, Choice, Descriptor, Flow, InputPort, Io, Node, NodeError, Params,
    Processor, Transport,
};

use super::container::{Container, PictureSource};
use super::ffmpeg::{Muxer, probe};
use super::picture_choice;
use super::timeline::{Contents, Picture, Timeline, rotation};
use crate::audio::amplitude;
use crate::audio::ducking::{self, Ducking};
use crate::audio::limiter::Limiter;
use crate::audio::mastering::{Mastering, Wish};
use crate::audio::sound_source::{FfmpegSound, SoundAtRate};
use crate::audio::spool::Spool;
use crate::output::OutputFile;

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the new sound");

/// The whole number that a sample of 1 would be in 16 bits.
const FULL_SCALE: f32 = 32_768.0;

/// Samples in a frame of what nodes make.
const CHANNELS: u16 = 2;

/// The highest true peak of sound that was brought to a loudness, in dBTP: coding it moves peaks up
/// by a few tenths of a dB.
const CEILING: f64 = -1.5;

/// Frames of what is left of the original sound that are written at a time.
const BLOCK: usize = 4096;

/// `video_mux`.
#[derive(Clone, Params)]
pub(crate) struct VideoMux {
    /// the film whose picture is taken
    #[param(rebuild = "another film is another file", content = Film)]
    film: PathBuf,
    /// the film to write
    #[param(rebuild = "the file is opened once", writes, content = Film, ending = "mp4")]
    path: PathBuf,
    /// stream of the film that is the picture, as ffprobe counts; left out: the first that is not
    /// a cover
    #[param(rebuild = "another picture is another file", range = 0..=9999)]
    stream: Option<u32>,
    /// when the picture is encoded again
    #[param(rebuild = "ffmpeg is started for it", default = Encode::IfNeeded)]
    encode: Encode,
    /// how loud the film's own sound stays; 1: as it was
    #[param(
        rebuild = "the film's own sound is mixed in from its beginning",
        range = 0.0..=4.0,
        default = 0.0
    )]
    original_sound: f64,
    /// how much quieter the new sound is while somebody speaks in the film's own
    #[param(live, range = 0.0..=40.0, span = 0.0..=18.0, unit = "dB", default = 9.0)]
    duck: f64,
    /// integrated loudness of a render; left out: as it comes
    #[param(
        rebuild = "it holds for a render as a whole",
        range = -40.0..=-5.0,
        unit = "LUFS"
    )]
    loudness: Option<f64>,
}

/// When the picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Encode {
    /// Where it cannot be copied.
    IfNeeded,
    /// In any case.
    H264,
}

impl Node for VideoMux {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "video",
            "video_mux",
            "Writes a film's own picture with new sound",
        )
        .example(
            r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(),
                    "movie": video_mux(film: "film.mp4", path: "scored.mp4"),
                },
                wires: ["tune -> piano -> movie"]"#,
        )
        .details(
            "The picture is copied, not encoded again, and keeps its times: what `video_file` \
                 sends for a picture is heard when that picture is seen. The ending of `path` \
                 chooses the container: .mp4, .mkv, .mov or .webm; .mkv holds almost any picture. \
                 A container that cannot hold the film's picture is refused before anything runs, \
                 unless none can: then the picture is encoded (H.264). It is also encoded where \
                 the film does not say when its pictures are shown, such as AVI files with \
                 B-frames, and always with `encode: h264`. `score film` chooses the container by \
                 itself: the film's own, .mp4 or .mkv, the first that can hold the picture.\n\n\
                 `film` and `stream` should be those of the `video_file` that is scored. The \
                 original sound is left out, or mixed in at `original_sound`, at its own time and \
                 whole: where it goes on after the new sound, it is heard to its end. While \
                 somebody speaks in it, the new sound is `duck` dB quieter: it goes down just \
                 before the first word and comes back after the last.\n\n\
                 With `loudness`, a render is measured as a whole, including the film's own sound \
                 (integrated loudness, EBU R 128), and brought to that loudness in a second pass, \
                 its true peak below −1 dBTP; give `audio_file` the same number, and the film is \
                 as loud as the mix. The film is then written at the end. Live, `loudness` does \
                 nothing.\n\n\
                 If a render cannot write the film to its end, the other files of the patch are \
                 still written, and the error is reported at the end.",
        )
        .input(SOUND)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("film", &self.film, "film");
        if Container::of(&self.path).is_none() {
            let help = Some("it ends in .mp4, .mkv, .mov or .webm".to_owned());
            check.refuse(
                "path",
                format!(
                    "`{}` has no ending that names a container",
                    self.path.display()
                ),
                help,
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let missing = || NodeError::internal("no container");
        let container = Container::of(&self.path).ok_or_else(missing)?;
        let contents = Contents::of(&self.film, "a film")?;
        let stream = contents.picture(&self.film, self.stream)?;
        let plan = PictureSource::new(&self.film, &contents, stream)?
            .placed_in(container, self.encode == Encode::H264)?;
        if let Some(why) = plan.why {
            let film = self.film.display();
            // `it` is the film.
            match why.strip_prefix("it ") {
                Some(why) => tracing::warn!("`{film}` {why}"),
                None => tracing::warn!("`{film}`: {why}"),
            }
        }
        let mixes = self.original_sound > 0.0 && contents.sound().is_some();
        let file = OutputFile::create(&self.path, build)?;
        let mut joining = Joining {
            film: self.film.clone(),
            timeline: contents.timeline(),
            wanted: self.stream,
            stream: picture_choice::index(stream).unwrap_or(0),
            picture: plan.picture,
            rotation: rotation(stream),
            container,
            mixes: mixes.then_some((self.original_sound as f32, self.duck)),
            original: None,
            loudness: self.loudness.filter(|_| build.clock.is_none()),
            whole: None,
            path: self.path.clone(),
            form: (build.transport.sample_rate, CHANNELS),
            begun: false,
            muxer: None,
            file,
            live: build.clock.is_some(),
            failure: None,
        };
        // So that ffmpeg is ready when the sound comes.
        joining.start()?;
        Ok(Box::new(joining))
    }
}

/// The film's own sound, which is mixed in.
struct Original {
    sound: SoundAtRate,
    /// As many times as loud as it was.
    level: f32,
    /// What of it was heard ahead, interleaved stereo.
    coming: VecDeque<f32>,
    /// How many frames ahead it is heard.
    ahead: usize,
    /// What turns the new sound down under speech.
    ducking: Ducking,
    /// Two sounds together may pass full scale although neither does.
    limiter: Limiter,
    /// Samples in a frame of the new sound.
    channels: usize,
}

impl Original {
    fn open(
        film: &Path,
        (level, duck): (f32, f64),
        (rate, channels): (u32, u16),
    ) -> Result<Self, NodeError> {
        let sound = FfmpegSound::open(film, rate)?;
        Ok(Original {
            coming: VecDeque::new(),
            ahead: ducking::ahead(rate),
            ducking: Ducking::new(duck, rate),
            sound: SoundAtRate::new(Box::new(sound), rate)?,
            level,
            limiter: Limiter::new(rate),
            channels: usize::from(channels.max(1)),
        })
    }

    /// Mixes the next of it into `samples` of the new sound: left and right into the first two
    /// channels, or both into the only one.
    fn mix(&mut self, samples: &mut [f32]) -> Result<(), NodeError> {
        self.hear(samples.len() / self.channels)?;
        for frame in samples.chunks_exact_mut(self.channels) {
            let gain = self.ducking.next();
            frame.iter_mut().for_each(|sample| *sample *= gain);
            let mut own = || self.coming.pop_front().unwrap_or(0.0) * self.level;
            let (left, right) = (own(), own());
            match frame {
                [both] => *both = self.limiter.limit([*both + (left + right) / 2.0, 0.0])[0],
                [first, second, ..] => {
                    [*first, *second] = self.limiter.limit([*first + left, *second + right]);
                }
                [] => {}
            }
        }
        Ok(())
    }

    /// Hears so far ahead that its next `frames` frames are known, and what comes after them as far
    /// as it matters.
    fn hear(&mut self, frames: usize) -> Result<(), NodeError> {
        while self.coming.len() / 2 < frames + self.ahead {
            let samples = self
                .sound
                .take(frames + self.ahead - self.coming.len() / 2)?;
            if samples.is_empty() {
                break;
            }
            self.ducking.hear(&samples);
            self.coming.extend(samples);
        }
        Ok(())
    }

    /// What is left of it after the new sound, the next of it at most; nothing at its end.
    fn rest(&mut self) -> Result<Vec<f32>, NodeError> {
        self.hear(BLOCK)?;
        let frames = (self.coming.len() / 2).min(BLOCK);
        let mut samples = vec![0.0; frames * self.channels];
        self.mix(&mut samples)?;
        Ok(samples)
    }
}

/// Samples as [`Muxer::write`] takes them.
pub(super) fn sixteen_bits(samples: &[f32]) -> Vec<u8> {
    // The conversion clips what is too loud, and what is not a number becomes silence.
    let whole = |sample: &f32| ((sample * FULL_SCALE).round() as i16).to_le_bytes();
    samples.iter().flat_map(whole).collect()
}

struct Joining {
    film: PathBuf,
    timeline: Timeline,
    /// Which stream the user chose.
    wanted: Option<u32>,
    /// Which stream is the picture.
    stream: u64,
    picture: Picture,
    /// By how many degrees a player turns the film.
    rotation: i64,
    container: &'static Container,
    /// How loud the film's own sound is mixed in, if at all, and by how much its speech turns the
    /// new one down.
    mixes: Option<(f32, f64)>,
    original: Option<Original>,
    /// The requested loudness, in LUFS; what measures the sound, and the sound as it came.
    loudness: Option<f64>,
    whole: Option<(Mastering, Spool)>,
    path: PathBuf,
    /// Frames a second, and samples in each.
    form: (u32, u16),
    /// Whether sound has come.
    begun: bool,
    // Before the file, so that ffmpeg is gone when the file is removed.
    muxer: Option<Muxer>,
    file: OutputFile,
    /// Live, a node that fails is rebuilt; in a render it must not take the other files with it.
    live: bool,
    /// Why no film is written.
    failure: Option<NodeError>,
}

impl Joining {
    fn start(&mut self) -> Result<(), NodeError> {
        // The one before must not write to the same file.
        self.muxer = None;
        self.original = match self.mixes {
            Some(levels) => Some(Original::open(&self.film, levels, self.form)?),
            None => None,
        };
        self.whole = match self.loudness {
            Some(loudness) => {
                let wish = Wish {
                    loudness,
                    ceiling: amplitude(CEILING),
                    // The film's own sound ends as it does.
                    fades: self.original.is_none(),
                };
                let mastering = Mastering::new(wish, self.form)?;
                Some((mastering, Spool::beside(&self.path)?))
            }
            None => None,
        };
        self.muxer = Some(Muxer::start(
            (&self.film, self.timeline),
            (self.stream, self.picture),
            (self.file.growing_path()?, self.container),
            self.form,
        )?);
        Ok(())
    }

    /// Writes `samples`, or keeps them until it is known how loud they are as a whole.
    fn write(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        match &mut self.whole {
            Some((mastering, spool)) => {
                spool.append(samples)?;
                mastering.hear(samples)
            }
            None => self.encode(samples),
        }
    }

    fn encode(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        let written = self.muxer()?.write(&sixteen_bits(samples));
        written.map_err(|error| self.blame(error))
    }

    /// Warns of a rotation that the container has not kept: ffmpeg before 6.1 writes none into
    /// .mkv.
    fn tell_rotation(&self) -> Result<(), NodeError> {
        if self.rotation == 0 {
            return Ok(());
        }
        let written = Contents::of(self.file.growing_path()?, "a film")?;
        if rotation(written.picture(&self.film, None)?) != self.rotation {
            tracing::warn!(
                "`{}` is turned by {} degrees, which this container does not keep: the new film lies on its side. \
                 Write .mp4 or .mov instead",
                self.film.display(),
                self.rotation
            );
        }
        Ok(())
    }

    /// The muxer at work.
    fn muxer(&mut self) -> Result<&mut Muxer, NodeError> {
        let missing = || NodeError::internal("no ffmpeg was started");
        self.muxer.as_mut().ok_or_else(missing)
    }

    /// Why ffmpeg failed: what is wrong with the film says more than `error`, if something is.
    fn blame(&self, error: NodeError) -> NodeError {
        probe(&self.film, self.wanted).err().unwrap_or(error)
    }

    /// Joins what has arrived.
    fn join(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        while let Some(input) = io.take() {
            let block = input.read(SOUND)?;
            let form = (block.rate, block.channels);
            if form != self.form {
                if self.begun {
                    return Err(NodeError::internal("sound of another form arrived"));
                }
                self.form = form;
                self.start()?;
            }
            self.begun = true;
            let mut samples = Cow::Borrowed(&block.samples[..]);
            if let Some(original) = &mut self.original {
                original.mix(samples.to_mut())?;
            }
            self.write(&samples)?;
        }
        Ok(())
    }

    /// Writes what is left, and waits until the film is there.
    fn end(&mut self) -> Result<(), NodeError> {
        if !self.begun {
            return Err(NodeError::input("no sound came, so no film is written"));
        }
        while let Some(original) = &mut self.original {
            let rest = original.rest()?;
            if rest.is_empty() {
                break;
            }
            self.write(&rest)?;
        }
        if let Some((mastering, mut spool)) = self.whole.take() {
            mastering.play(&mut spool, |samples| self.encode(samples))?;
        }
        let ended = self.muxer()?.end();
        ended.map_err(|error| self.blame(error))?;
        self.tell_rotation()
    }

    /// Keeps why the film is lost until the other nodes' files are in their places.
    fn keep(&mut self, done: Result<(), NodeError>) -> Result<(), NodeError> {
        match done {
            Err(failure) if !self.live => {
                self.muxer = None;
                self.original = None;
                self.whole = None;
                self.failure = Some(failure);
                Ok(())
            }
            done => done,
        }
    }
}

impl Processor<VideoMux> for Joining {
    fn process(&mut self, _params: &VideoMux, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.failure.is_none() {
            let done = self.join(io);
            self.keep(done)?;
        }
        // The inputs are emptied, so that the nodes before this one do not wait.
        while self.failure.is_some() && io.take().is_some() {}
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &VideoMux, _io: &mut Io<'_>) -> Result<(), NodeError> {
        if self.failure.is_some() {
            return Ok(());
        }
        let done = self.end();
        self.keep(done)
    }

    fn changed(&mut self, params: &VideoMux, _transport: &Transport) -> Result<(), NodeError> {
        if let Some((_, duck)) = &mut self.mixes {
            *duck = params.duck;
        }
        if let Some(original) = &mut self.original {
            original.ducking.set(params.duck);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.file.commit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Time};
    use serde_json::json;

    use super::*;
    use crate::testing::ffmpeg;

    fn join(folder: &Path, name: &str) -> Result<(), NodeError> {
        let own = json!({ "original_sound": 0.5 });
        join_with(folder, name, own)
    }

    /// Joins the film with a tone of two seconds; `more` parameters.
    fn join_with(folder: &Path, name: &str, more: serde_json::Value) -> Result<(), NodeError> {
        let samples: Vec<f32> = (0..96_000)
            .flat_map(|n| [(n as f32 * 0.05).sin() * 0.3; 2])
            .collect();
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples,
        };
        let mut params = json!({ "film": folder.join("film.mp4"), "path": folder.join(name) });
        for (param, value) in more.as_object().unwrap() {
            params[param] = value.clone();
        }
        Harness::<VideoMux>::new(params)
            .feed(
                "sound",
                PortType::Audio,
                vec![(Time::ZERO, Payload::Audio(Arc::new(block)))],
                Time::from_seconds(2.0),
            )
            .run()
            .map(|_| ())
    }

    /// A hash of every packet of the picture.
    fn picture(folder: &Path, name: &str) -> Vec<u8> {
        ffmpeg(
            folder,
            &["-i", name, "-map", "0:v:0", "-c", "copy", "-f", "hash", "-"],
        )
    }

    #[test]
    fn the_picture_is_copied_bit_by_bit_and_two_runs_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (picture_source, sound) = ("testsrc2=rate=25:duration=2:size=64x48", "sine=duration=2");
        ffmpeg(
            folder,
            &[
                "-f",
                "lavfi",
                "-i",
                picture_source,
                "-f",
                "lavfi",
                "-i",
                sound,
                "film.mp4",
            ],
        );
        for name in ["one.mp4", "two.mp4", "other.mkv"] {
            join(folder, name).unwrap();
        }
        assert_eq!(picture(folder, "film.mp4"), picture(folder, "one.mp4"));
        assert_eq!(
            std::fs::read(folder.join("one.mp4")).unwrap(),
            std::fs::read(folder.join("two.mp4")).unwrap()
        );
        let level = ffmpeg(
            folder,
            &["-i", "other.mkv", "-map", "0:a", "-f", "f32le", "-"],
        );
        let loudest = level
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .fold(0.0, f32::max);
        assert!((0.25..1.0).contains(&loudest), "{loudest}");
    }

    #[test]
    fn the_film_is_as_loud_as_wished_with_its_own_sound_and_without() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let picture = "testsrc2=rate=25:duration=2:size=64x48";
        let sound = "aevalsrc=0.8*sin(900*t)*exp(-20*mod(t\\,0.25)):d=2";
        let inputs = [
            "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "film.mp4",
        ];
        ffmpeg(folder, &inputs);
        for (name, own) in [("alone.mp4", 0.0), ("both.mp4", 1.0)] {
            join_with(
                folder,
                name,
                json!({ "original_sound": own, "loudness": -16 }),
            )
            .unwrap();
            let samples = ffmpeg(folder, &["-i", name, "-map", "0:a", "-f", "f32le", "-"]);
            let samples: Vec<f32> = (samples.chunks_exact(4))
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            let mode = ebur128::Mode::I | ebur128::Mode::TRUE_PEAK;
            let mut meter = ebur128::EbuR128::new(2, 48_000, mode).unwrap();
            meter.add_frames_f32(&samples).unwrap();
            let loudness = meter.loudness_global().unwrap();
            assert!((loudness + 16.0).abs() < 0.5, "{name}: {loudness} LUFS");
            let peak = 20.0 * meter.true_peak(0).unwrap().log10();
            assert!(peak <= -1.0, "{name}: {peak} dBTP");
        }
    }

    #[test]
    fn a_film_without_a_picture_is_told_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        ffmpeg(
            folder,
            &["-f", "lavfi", "-i", "sine=duration=2", "film.mp4"],
        );
        let error = join(folder, "out.mp4").unwrap_err();
        assert!(
            error.to_string().contains("has no picture, only sound"),
            "{error}"
        );
        std::fs::write(folder.join("film.mp4"), "once upon a time").unwrap();
        let error = join(folder, "out.mp4").unwrap_err();
        assert!(
            error.to_string().contains("is not a film that can be read"),
            "{error}"
        );
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    }

    #[test]
    fn an_ending_without_a_container_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("film.mp4"), "x").unwrap();
        let error = join(folder.path(), "film.gif").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no ending that names a container"),
            "{error}"
        );
    }
}
