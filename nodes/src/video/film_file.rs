//! Writes pictures, and the sound with them, as a film.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, Frame, InputPort, Io, Node, NodeError, Params,
    Processor, Time,
};
use tempfile::TempPath;

use super::container::Container;
use super::ffmpeg::Muxer;
use super::film_encoder::{Codec, Coding, FilmEncoder, Manner};
use super::timeline::{Contents, Picture};
use super::video_mux::sixteen_bits;
use crate::audio::SLOW_DISK;
use crate::audio::spool::Spool;
use crate::output::{Claim, OutputFile, folder_of, unwritable};
use crate::picture::scale::{Scaler, Window, sides};
use crate::ticks::begins;

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const SOUND: InputPort<AudioBlock> = InputPort::new(1, "sound", "the sound of the film")
    .optional()
    .policy(SLOW_DISK);

/// How long a live film waits for a picture before the one before stands in for it.
const PATIENCE: Time = Time::from_nanos(1_000_000_000);

/// Frames of silence that are laid at a time where sound is missing.
const SILENCE: u64 = 8192;

/// Why no parameter is live.
const BEGUN: &str = "a film is begun once";

/// `film_file`.
#[derive(Clone, Params)]
pub(crate) struct FilmFile {
    /// the film to write, .mp4, .mkv, .mov or .webm
    #[param(rebuild = BEGUN, writes, content = Film, ending = "mp4")]
    path: PathBuf,
    /// pictures a second
    #[param(rebuild = BEGUN, range = 1.0..=240.0, unit = "Hz", default = 25.0)]
    rate: f64,
    /// width; left out: that of the first picture, or in proportion to `height`
    #[param(rebuild = BEGUN, range = 2..=8192, unit = "pixels")]
    width: Option<u32>,
    /// height; left out: that of the first picture, or in proportion to `width`
    #[param(rebuild = BEGUN, range = 2..=8192, unit = "pixels")]
    height: Option<u32>,
    /// how pictures are encoded
    #[param(rebuild = BEGUN, default = Codec::Auto)]
    codec: Codec,
    /// constant rate factor of h264, h265 and vp9: 0 is best and largest
    #[param(rebuild = BEGUN, range = 0..=63, default = 18)]
    crf: u32,
}

impl Node for FilmFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("video", "film_file", "Writes pictures as a film")
            .example(
                r#"nodes: {
                    "walk": latent_random(dimension: 64, every: 0.5, duration: 8),
                    "seen": picture_decoder(model: "eye"),
                    "tune": music_decoder(),
                    "piano": synth(),
                    "film": film_file(path: "walk.mp4", width: 512),
                },
                wires: ["walk -> seen -> film", "walk -> tune -> piano -> film"]"#,
            )
            .details(
                "Each picture is shown from its time on until the next, and the first from the beginning; what is wired \
                 into `sound` is heard at its own time. A picture of another size than the first is scaled to it. \
                 The ending of `path` chooses the container. `codec: auto` is H.264, in .webm VP9; `ffv1` loses \
                 nothing (.mkv), `prores` suits editing programs (.mov). A side that is odd gets a black line, except \
                 with `ffv1`.\n\n\
                 `video_mux` keeps the picture of a film as it is, where only the sound is new; the `recorder` keeps a \
                 whole evening.\n\n\
                 Live, the film begins with the run or when the node is added, and is there when the run or the node \
                 ends; a run that is broken off leaves none. Where pictures come faster than they can be encoded, some \
                 are left out; the sound stays whole. If a render cannot write the film to its end, the other files of \
                 the patch are still written, and the error is reported at the end.",
            )
            .input(PICTURES)
            .input(SOUND)
    }

    fn check(&self, check: &mut Check<'_>) {
        match Container::of(&self.path) {
            None => {
                let path = self.path.display();
                check.refuse(
                    "path",
                    format!("`{path}` has no ending that names a container"),
                    Some("it ends in .mp4, .mkv, .mov or .webm".to_owned()),
                );
            }
            Some(container) => {
                let coding = Coding::of(self.codec, container);
                if let Some((why, help)) = coding.objection(container) {
                    check.refuse("codec", why, Some(help));
                }
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let missing = || NodeError::internal("no container");
        let container = Container::of(&self.path).ok_or_else(missing)?;
        let coding = Coding::of(self.codec, container);
        coding.require()?;
        let live = build.clock.is_some();
        let claim = match live && !build.with_run {
            // The file at `path` may be of this run.
            true => Claim::free(&self.path, build),
            false => Claim::of(&self.path, build)?,
        };
        let file = OutputFile::begin(claim)?;
        let sound = match build.is_wired(SOUND) {
            true => Some(Laid::beside(&self.path)?),
            false => None,
        };
        Ok(Box::new(Filming {
            path: self.path.clone(),
            wanted: (self.width, self.height),
            manner: Manner {
                coding,
                container,
                rate: self.rate,
                crf: self.crf,
                live,
            },
            ends: build.ends,
            begins: None,
            scaler: Scaler::default(),
            latest: None,
            count: 0,
            encoder: None,
            pictures: None,
            sound,
            file,
            failure: None,
        }))
    }
}

/// Sound in its place, from the beginning of the film on.
struct Laid {
    spool: Spool,
    /// Frames a second, and samples in each, once sound came.
    form: Option<(u32, u16)>,
    /// Frames that lie there.
    frames: u64,
}

impl Laid {
    fn beside(path: &Path) -> Result<Self, NodeError> {
        Ok(Laid {
            spool: Spool::beside(path)?,
            form: None,
            frames: 0,
        })
    }

    /// Lays a block at its time: behind silence where some is missing, without what lies there
    /// already or before the beginning.
    fn lay(&mut self, time: Time, block: &AudioBlock) -> Result<(), NodeError> {
        let form = (block.rate, block.channels);
        if *self.form.get_or_insert(form) != form {
            return Err(NodeError::internal("sound of another form arrived"));
        }
        let start = time.max(Time::ZERO).to_samples(block.rate);
        let early = (Time::ZERO - time).max(Time::ZERO).to_samples(block.rate);
        let channels = usize::from(block.channels.max(1));
        while self.frames < start {
            let frames = (start - self.frames).min(SILENCE);
            self.append(frames, &vec![0.0; frames as usize * channels])?;
        }
        let known = (self.frames - start + early).min(block.frames() as u64);
        let new = block.samples.get(known as usize * channels..);
        self.append(block.frames() as u64 - known, new.unwrap_or_default())
    }

    fn append(&mut self, frames: u64, samples: &[f32]) -> Result<(), NodeError> {
        self.frames += frames;
        self.spool.append(samples)
    }

    /// Where it ends.
    fn end(&self) -> Time {
        let end = |(rate, _)| Time::from_samples(self.frames, rate);
        self.form.map_or(Time::ZERO, end)
    }
}

/// A film that is being written.
struct Filming {
    path: PathBuf,
    /// The sides that are wanted.
    wanted: (Option<u32>, Option<u32>),
    manner: Manner,
    /// Whether the run ends by itself.
    ends: bool,
    /// When the film begins, on the run's clock.
    begins: Option<Time>,
    scaler: Scaler,
    /// The picture that is shown, in the film's size.
    latest: Option<Arc<Frame>>,
    /// How many pictures of the film were handed over.
    count: u64,
    // Before the files, so that ffmpeg is gone when they are removed.
    encoder: Option<FilmEncoder>,
    /// The pictures alone, where sound is to be joined with them.
    pictures: Option<TempPath>,
    sound: Option<Laid>,
    file: OutputFile,
    /// Why a render writes no film; it must not take the other files with it.
    failure: Option<NodeError>,
}

impl Filming {
    /// Takes what has come.
    fn film(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let now = io.now();
        let begins = *(self.begins).get_or_insert_with(|| begins(self.ends, now));
        while let Some(input) = io.take() {
            let time = input.packet.time - begins;
            if input.is(PICTURES) {
                self.show(time, input.read(PICTURES)?)?;
            } else if let Some(sound) = &mut self.sound {
                sound.lay(time, input.read(SOUND)?)?;
            }
        }
        if !self.ends {
            // Not all at once when the next picture comes, which may be hours later.
            self.fill(now - begins - PATIENCE)?;
        }
        Ok(())
    }

    /// Shows a picture from this time of the film on.
    fn show(&mut self, time: Time, frame: &Arc<Frame>) -> Result<(), NodeError> {
        if frame.pixels().is_empty() {
            return Ok(());
        }
        let own = (frame.width(), frame.height());
        let size = match &self.latest {
            Some(latest) => (latest.width(), latest.height()),
            None => {
                let size = sides(own, self.wanted);
                self.start(size)?;
                size
            }
        };
        self.fill(time)?;
        self.latest = Some(match own == size {
            true => frame.clone(),
            false => {
                let to = [size.0 as usize, size.1 as usize];
                let pixels = self.scaler.scale(frame, Window::WHOLE, to);
                let scaled = Frame::rgb(size.0, size.1, pixels).ok_or_else(|| {
                    NodeError::internal("a picture has another number of pixels than its size")
                })?;
                Arc::new(scaled)
            }
        });
        Ok(())
    }

    fn start(&mut self, size: (u32, u32)) -> Result<(), NodeError> {
        let encoder = if self.sound.is_some() {
            let pictures = tempfile::Builder::new()
                .prefix(".score-")
                .suffix(".partial")
                .tempfile_in(folder_of(&self.path))
                .map_err(|error| unwritable(&self.path, error))?;
            let pictures = self.pictures.insert(pictures.into_temp_path());
            FilmEncoder::start(&self.manner, size, pictures)?
        } else {
            FilmEncoder::start(&self.manner, size, self.file.growing_path()?)?
        };
        self.encoder = Some(encoder);
        Ok(())
    }

    /// Hands over the picture that is shown until the film has come to `time`.
    fn fill(&mut self, time: Time) -> Result<(), NodeError> {
        let wanted = (time.max(Time::ZERO).seconds() * self.manner.rate).round() as u64;
        self.hand_over(wanted.saturating_sub(self.count))
    }

    fn hand_over(&mut self, times: u64) -> Result<(), NodeError> {
        let (Some(latest), Some(encoder)) = (&self.latest, &mut self.encoder) else {
            return Ok(());
        };
        self.count += times;
        encoder.write(latest, times)
    }

    /// Ends the film at this time of the run.
    fn end(&mut self, end: Time) -> Result<(), NodeError> {
        let end = end - self.begins.unwrap_or(Time::ZERO);
        let end = end.max(self.sound.as_ref().map_or(Time::ZERO, Laid::end));
        self.fill(end)?;
        // One picture at least.
        self.hand_over(u64::from(self.count == 0))?;
        let Some(mut encoder) = self.encoder.take() else {
            tracing::warn!(
                "no picture came, so `{}` is not written",
                self.path.display()
            );
            return Ok(());
        };
        encoder.end()?;
        match self.pictures.take() {
            Some(pictures) => self.join(&pictures),
            None => Ok(()),
        }
    }

    /// Joins the sound with the pictures in this file.
    fn join(&mut self, pictures: &Path) -> Result<(), NodeError> {
        let target = self.file.growing_path()?;
        let sound = self.sound.as_mut();
        let Some((sound, form)) = sound.and_then(|sound| Some((&mut sound.spool, sound.form?)))
        else {
            // Into the file that is there, not in place of it.
            std::fs::copy(pictures, target).map_err(|error| unwritable(&self.path, error))?;
            return Ok(());
        };
        let timeline = Contents::of(pictures, "a film")?.timeline();
        let mut muxer = Muxer::start(
            (pictures, timeline),
            (0, Picture::Copied),
            (target, self.manner.container),
            form,
        )?;
        sound.read(form.1, |samples| muxer.write(&sixteen_bits(samples)))?;
        muxer.end()
    }

    /// Keeps why the film is lost until the other nodes' files are in their places.
    fn keep(&mut self, done: Result<(), NodeError>) -> Result<(), NodeError> {
        match done {
            Err(failure) if self.ends => {
                self.encoder = None;
                self.failure = Some(failure);
                Ok(())
            }
            done => done,
        }
    }
}

impl Processor<FilmFile> for Filming {
    fn process(&mut self, _params: &FilmFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.failure.is_none() {
            let done = self.film(io);
            self.keep(done)?;
        }
        // The inputs are emptied, so that the nodes before this one do not wait.
        while self.failure.is_some() && io.take().is_some() {}
        Ok(match self.ends {
            true => Flow::Continue,
            false => Flow::WakeAt(io.now() + PATIENCE),
        })
    }

    fn finish(&mut self, _params: &FilmFile, io: &mut Io<'_>) -> Result<(), NodeError> {
        if self.failure.is_some() {
            return Ok(());
        }
        let end = io.end().unwrap_or_else(|| io.now());
        let done = self.end(end);
        self.keep(done)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if self.count == 0 => Ok(()),
            None => self.file.commit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{at, ffmpeg};

    /// Grey pictures of 6 × 4 at their times, in seconds.
    fn greys(levels: &[(f64, u8)]) -> Vec<(Time, Payload)> {
        let frame = |level: u8| Frame::rgb(6, 4, vec![level; 72]).unwrap();
        (levels.iter())
            .map(|(time, level)| (at(*time), Payload::Frame(frame(*level).into())))
            .collect()
    }

    fn filming(path: &Path, more: Value) -> Harness<FilmFile> {
        let mut params = json!({ "path": path, "rate": 10 });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        let pictures = greys(&[(0.1, 40), (0.3, 200), (0.8, 90)]);
        Harness::<FilmFile>::new(params).feed("frames", PortType::Frame, pictures, at(1.2))
    }

    /// A second of a tone that begins after half a second, in two blocks.
    fn tone() -> Vec<(Time, Payload)> {
        let block = |_| AudioBlock {
            rate: 48_000,
            channels: 2,
            samples: (0..24_000)
                .flat_map(|n| [(n as f32 * 0.1).sin() * 0.5; 2])
                .collect(),
        };
        [0.5, 1.0]
            .map(|time| (at(time), Payload::Audio(Arc::new(block(time)))))
            .to_vec()
    }

    /// The level of each picture of a film.
    fn levels(folder: &Path, name: &str) -> Vec<u8> {
        let filter = "scale=1:1:flags=area,format=rgb24";
        let shown = ffmpeg(
            folder,
            &[
                "-i", name, "-map", "0:v", "-vf", filter, "-f", "rawvideo", "-",
            ],
        );
        shown.chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[track_caller]
    fn require_levels(folder: &Path, name: &str, wanted: &[u8]) {
        let found = levels(folder, name);
        assert_eq!(found.len(), wanted.len(), "{name}: {found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.abs_diff(*wanted) < 8, "{name}: {found} for {wanted}");
        }
    }

    const SHOWN: [u8; 12] = [40, 40, 40, 200, 200, 200, 200, 200, 90, 90, 90, 90];

    #[test]
    fn each_picture_is_shown_from_its_time_on_and_two_runs_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let at_name = |name: &str| folder.path().join(name);
        for name in ["a.mp4", "b.mp4"] {
            filming(&at_name(name), json!({})).run().unwrap();
        }
        require_levels(folder.path(), "a.mp4", &SHOWN);
        let bytes = |name: &str| std::fs::read(at_name(name)).unwrap();
        assert_eq!(bytes("a.mp4"), bytes("b.mp4"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_sound_is_heard_at_its_time_and_the_last_picture_stays_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        filming(&folder.path().join("a.mp4"), json!({}))
            .feed("sound", PortType::Audio, tone(), at(1.5))
            .run()
            .unwrap();
        require_levels(folder.path(), "a.mp4", &[&SHOWN[..], &[90; 3]].concat());
        let sound = ffmpeg(
            folder.path(),
            &["-i", "a.mp4", "-map", "0:a", "-ac", "1", "-f", "f32le", "-"],
        );
        let sound: Vec<f32> = (sound.chunks_exact(4))
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let begins = sound.iter().position(|sample| sample.abs() > 0.1).unwrap();
        // A codec smears what begins at once.
        assert!((begins as f64 / 48_000.0 - 0.5).abs() < 0.03, "{begins}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn without_loss_pictures_are_what_they_were_in_the_size_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        // ffmpeg 5.1's own ffv1 loses lines of pictures that are smaller than its slices.
        let more = json!({ "codec": "ffv1", "width": 12 });
        filming(&folder.path().join("a.mkv"), more).run().unwrap();
        let arguments = "-i a.mkv -frames:v 1 -f rawvideo -pix_fmt rgb24 -";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        assert_eq!(ffmpeg(folder.path(), &arguments), [40; 12 * 8 * 3]);
    }

    #[test]
    fn live_the_film_lasts_as_long_as_the_run() {
        let folder = tempfile::tempdir().unwrap();
        filming(&folder.path().join("a.mkv"), json!({}))
            .play_live()
            .unwrap();
        require_levels(folder.path(), "a.mkv", &SHOWN);
    }

    #[test]
    fn a_film_of_the_users_own_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        std::fs::write(&path, "mine").unwrap();
        let refused = filming(&path, json!({})).run().unwrap_err().to_string();
        assert!(refused.contains("is not replaced"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn a_container_that_cannot_hold_the_codec_is_refused() {
        for (name, codec, wanted) in [
            ("a.gif", "auto", "no ending that names a container"),
            ("a.mp4", "ffv1", "mp4 cannot hold ffv1 pictures"),
            ("a.webm", "h264", "webm cannot hold h264 pictures"),
        ] {
            let refused = filming(Path::new(name), json!({ "codec": codec })).run();
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(wanted), "{refused}");
        }
    }
}
