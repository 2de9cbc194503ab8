//! Writes a film's own picture with new sound.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use score_engine::{
    Build, Check, Descriptor, FileContent, Flow, Io, Node, NodeError, Param, Port, PortType,
    Processor,
};
use serde::Deserialize;

use super::ffmpeg::{Muxer, probe};
use super::timeline::{Contents, Picture, Timeline, rotation};
use crate::audio::limiter::Limiter;
use crate::audio::sound_source::{FfmpegSound, SoundAtRate};
use crate::output::OutputFile;

/// Endings of file names, and what ffmpeg calls the container.
const CONTAINERS: [(&str, &str); 4] = [
    ("mp4", "mp4"),
    ("mkv", "matroska"),
    ("mov", "mov"),
    ("webm", "webm"),
];

/// The whole number that a sample of 1 would be in 16 bits.
const FULL_SCALE: f32 = 32_768.0;

/// Samples in a frame of what nodes make.
const CHANNELS: u16 = 2;

/// So many frames of what is left of the original sound are written at a time.
const BLOCK: usize = 4096;

/// `video_mux`.
#[derive(Deserialize)]
pub(crate) struct VideoMux {
    film: PathBuf,
    path: PathBuf,
    original_sound: f64,
}

impl VideoMux {
    fn container(&self) -> Option<&'static str> {
        let ending = self.path.extension()?.to_str()?.to_lowercase();
        CONTAINERS
            .iter()
            .find(|(known, _)| *known == ending)
            .map(|(_, container)| *container)
    }
}

impl Node for VideoMux {
    fn descriptor() -> Descriptor {
        Descriptor::new("video", "video_mux", "Writes a film's own picture with new sound")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(),
                    "movie": video_mux(film: "film.mp4", path: "scored.mp4"),
                },
                wires: ["tune -> piano -> movie"]"#,
            )
            .details(
                "The picture is copied as it is, not encoded anew, and keeps its times: what `video_file` sends for a \
                 picture is heard when that picture is seen. Only where a file does not say when its pictures are \
                 shown, as AVI files with B-frames, are they encoded (H.264), which is told. The original sound is \
                 left out, or mixed in at `original_sound`, at its own time and whole: where it goes on after the new \
                 sound, it is heard to its end. The ending of `path` chooses the container: .mp4, .mkv, .mov or .webm.",
            )
            .input(Port::new("sound", PortType::Audio, "the new sound"))
            .param(Param::file_to_read("film", "the film whose picture is taken").content(FileContent::Film))
            .param(Param::file_to_write("path", "the film to write").content(FileContent::Film).ending("mp4"))
            .param(Param::number("original_sound", (0.0, 4.0), "how loud the film's own sound stays; 1: as it was").default(0.0))
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("film", &self.film, "film");
        if self.container().is_none() {
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

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let contents = Contents::of(&self.film, "a film")?;
        let stream = contents.picture(&self.film)?;
        let picture = Picture::of(&self.film, &contents, stream)?;
        if picture == Picture::Encoded {
            tracing::warn!(
                "`{}` does not say when its pictures are shown; they are encoded (H.264), not copied",
                self.film.display()
            );
        }
        let mixes = self.original_sound > 0.0 && contents.sound().is_some();
        let file = OutputFile::create(&self.path, build)?;
        let mut joining = Joining {
            film: self.film.clone(),
            timeline: contents.timeline(),
            picture,
            rotation: rotation(stream),
            container: self
                .container()
                .ok_or_else(|| NodeError::internal("no container"))?,
            mixes: mixes.then_some(self.original_sound as f32),
            original: None,
            form: (build.transport.sample_rate, CHANNELS),
            begun: false,
            muxer: None,
            file,
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
    /// Two sounds together may pass full scale although neither does.
    limiter: Limiter,
    /// Samples in a frame of the new sound.
    channels: usize,
}

impl Original {
    fn open(film: &Path, level: f32, (rate, channels): (u32, u16)) -> Result<Self, NodeError> {
        let sound = FfmpegSound::open(film, rate)?;
        Ok(Original {
            sound: SoundAtRate::new(Box::new(sound), rate)?,
            level,
            limiter: Limiter::new(rate),
            channels: usize::from(channels.max(1)),
        })
    }

    /// Mixes the next of it into `samples` of the new sound: left and right into the first two channels, or both into
    /// the only one.
    fn mix(&mut self, samples: &mut [f32]) -> Result<(), NodeError> {
        let own = self.sound.take(samples.len() / self.channels)?;
        let mut own = own.chunks_exact(2);
        for frame in samples.chunks_exact_mut(self.channels) {
            let [left, right] = match own.next() {
                Some([left, right]) => [left * self.level, right * self.level],
                _ => [0.0; 2],
            };
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

    /// What is left of it after the new sound, the next of it at most; nothing at its end.
    fn rest(&mut self) -> Result<Vec<f32>, NodeError> {
        let frames = self.sound.waiting(BLOCK)?;
        let mut samples = vec![0.0; frames * self.channels];
        self.mix(&mut samples)?;
        Ok(samples)
    }
}

struct Joining {
    film: PathBuf,
    timeline: Timeline,
    picture: Picture,
    /// By how many degrees a player turns the film.
    rotation: i64,
    container: &'static str,
    /// How loud the film's own sound is mixed in, if at all.
    mixes: Option<f32>,
    original: Option<Original>,
    /// Frames a second, and samples in each.
    form: (u32, u16),
    /// Whether sound has come.
    begun: bool,
    // Before the file, so that ffmpeg is gone when the file is removed.
    muxer: Option<Muxer>,
    file: OutputFile,
}

impl Joining {
    fn start(&mut self) -> Result<(), NodeError> {
        // The one before must not write to the same file.
        self.muxer = None;
        self.original = match self.mixes {
            Some(level) => Some(Original::open(&self.film, level, self.form)?),
            None => None,
        };
        self.muxer = Some(Muxer::start(
            (&self.film, self.timeline),
            self.picture,
            (self.file.growing_path()?, self.container),
            self.form,
        )?);
        Ok(())
    }

    fn write(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        let bytes: Vec<u8> = samples
            .iter()
            // What is too loud is cut by the conversion, and what is no number is silence.
            .flat_map(|sample| ((sample * FULL_SCALE).round() as i16).to_le_bytes())
            .collect();
        let written = self.muxer()?.write(&bytes);
        written.map_err(|error| self.blame(error))
    }

    /// Tells of a rotation that the container has not kept: ffmpeg before 6.1 writes none into .mkv.
    fn tell_rotation(&self) -> Result<(), NodeError> {
        if self.rotation == 0 {
            return Ok(());
        }
        let written = Contents::of(self.file.growing_path()?, "a film")?;
        if rotation(written.picture(&self.film)?) != self.rotation {
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
        probe(&self.film).err().unwrap_or(error)
    }
}

impl Processor for Joining {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let block = input.packet.audio()?;
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
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _io: &mut Io<'_>) -> Result<(), NodeError> {
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
        let ended = self.muxer()?.end();
        ended.map_err(|error| self.blame(error))?;
        self.tell_rotation()
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::Harness;
    use score_engine::{AudioBlock, Payload, Time};
    use serde_json::json;

    use super::*;
    use crate::testing::ffmpeg;

    fn join(folder: &Path, name: &str) -> Result<(), NodeError> {
        let samples: Vec<f32> = (0..96_000)
            .flat_map(|n| [(n as f32 * 0.05).sin() * 0.3; 2])
            .collect();
        let block = AudioBlock {
            rate: 48_000,
            channels: 2,
            samples,
        };
        Harness::<VideoMux>::new(json!({
            "film": folder.join("film.mp4"), "path": folder.join(name), "original_sound": 0.5
        }))
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
