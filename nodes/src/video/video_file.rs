//! Reads a film's frames at their true presentation times.

mod live_film;
mod pace;
mod reader;
mod reel;

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, Io, Node, NodeError, OutputPort, Params, Processor,
    Progress, Time, Transport,
};

use self::live_film::LiveFilm;
use self::pace::Pace;
use self::reel::{Reel, Script};
use super::capture::{REOPENED, tell_shape};
use super::ffmpeg::{Decoder, Film, probe};
use super::timeline::Pictures;

const PICTURES: OutputPort<Frame> = OutputPort::new(0, "frames", "the pictures");

/// Why a parameter is not live.
const DECODED: &str = "the decoder is started for it";

/// What a render says of a film that never ends.
fn endless() -> NodeError {
    NodeError::input("with `loop: true` the film never ends, so it cannot be rendered")
        .help("leave `loop` out to render the film once, or play it live with `score run`")
}

/// `video_file`.
#[derive(Clone, Params)]
pub(crate) struct VideoFile {
    /// the film
    #[param(rebuild = "another film is read from its beginning", content = Film)]
    path: PathBuf,
    /// width of the frames sent
    #[param(rebuild = DECODED, range = 1..=4096, unit = "pixels", default = 64)]
    width: u32,
    /// height of the frames sent
    #[param(rebuild = DECODED, range = 1..=4096, unit = "pixels", default = 64)]
    height: u32,
    /// frames sent per second; left out: all of the film
    #[param(rebuild = DECODED, range = 0.1..=240.0, unit = "Hz")]
    rate: Option<f64>,
    /// stream of the file that is the picture, as ffprobe counts; left out: the first that is not
    /// a cover
    #[param(rebuild = DECODED, range = 0..=9999)]
    stream: Option<u32>,
    /// whether the film starts again when it has ended; live only
    #[param(live, default = false)]
    r#loop: bool,
    /// how fast the film plays; 1: at its own speed
    #[param(live, range = 0.1..=10.0, log, default = 1.0)]
    speed: f64,
}

impl Node for VideoFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("video", "video_file", "Reads a film")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> tune -> notes"]"#,
            )
            .details(
                "Any film that ffmpeg reads, at any frame rate, constant or variable: every frame \
                 comes at the time at which a player shows it, counted from the film's first \
                 picture or the beginning of its sound, whichever comes first, and rotated as the \
                 film says. The film ends where its picture does, even if its sound goes on. \
                 Frames are scaled to `width` × `height`, whatever their shape. Only local files \
                 are read.\n\n\
                 If a file has several picture streams, the first that is not a cover image is \
                 taken; `stream` chooses another, by the number that ffprobe gives it.\n\n\
                 Live, the film plays in real time: each frame is sent when the run's clock \
                 reaches its time. Late frames are left out, and the newest is sent. With `loop` \
                 the film starts again without a gap when it has ended, so that it can stand in \
                 for a camera; a film that loops cannot be rendered. When `loop` is turned off, \
                 the film ends after the round that is being read. A new `speed` holds from the \
                 current picture on. When the decoder fails in the middle, it is restarted at the \
                 right place, and the last picture stays meanwhile.",
            )
            .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("path", &self.path, "film");
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if self.r#loop && build.clock.is_none() {
            return Err(endless());
        }
        let film = probe(&self.path, self.stream)?;
        let film = Film {
            frame: self
                .rate
                .map(|rate| Time::from_seconds(1.0 / rate))
                .or(film.frame),
            ..film
        };
        if let Some(clock) = build.clock {
            if let Some(shape) = film.shape {
                tell_shape(build.counters, shape);
            }
            let script = Script {
                node: build.id.to_owned(),
                path: self.path.clone(),
                size: (self.width, self.height),
                rate: self.rate,
                film,
            };
            let reopened = build.counters.counter(REOPENED);
            let clock = clock.clone();
            let reel = Reel::start(script, (self.speed, self.r#loop), clock, reopened)?;
            let late = build.counters.counter("late_frames");
            return Ok(Box::new(LiveFilm::new(reel, late)));
        }
        if let Some(declared) = film.declared {
            let length = declared.end.nanos().unsigned_abs();
            build.progress.set_total(length);
        }
        let decoder = Decoder::start(
            (&self.path, &film),
            (self.width, self.height),
            self.rate,
            None,
            false,
        )?;
        Ok(Box::new(OfflineFilm {
            path: self.path.clone(),
            size: (self.width, self.height),
            film,
            decoder,
            pace: Pace::new(Time::ZERO, self.speed),
            pictures: Pictures::default(),
            progress: build.progress.clone(),
        }))
    }
}

/// A film being read.
struct OfflineFilm {
    path: PathBuf,
    size: (u32, u32),
    film: Film,
    decoder: Decoder,
    pace: Pace,
    pictures: Pictures,
    progress: Arc<Progress>,
}

impl Processor<VideoFile> for OfflineFilm {
    fn process(&mut self, _params: &VideoFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let Some((time, pixels)) = self.decoder.next()? else {
            let end = self.end()?;
            io.end_at(self.pace.time(end));
            return Ok(Flow::Done);
        };
        if !self.pictures.note(time) {
            return Ok(Flow::Continue);
        }
        self.progress.set_done(time.nanos().unsigned_abs());
        let (width, height) = self.size;
        let frame = Frame::rgb(width, height, pixels)
            .ok_or_else(|| NodeError::internal("a frame of the wrong size"))?;
        io.send_captured_now(PICTURES, self.pace.time(time), frame)?;
        Ok(Flow::Continue)
    }

    /// Another speed holds from the picture that was sent last.
    fn changed(&mut self, params: &VideoFile, _transport: &Transport) -> Result<(), NodeError> {
        if params.r#loop {
            return Err(endless());
        }
        if params.speed != self.pace.speed() {
            let position = self.pictures.last().unwrap_or(Time::ZERO);
            self.pace = self.pace.with_speed_from(position, params.speed);
        }
        Ok(())
    }
}

impl OfflineFilm {
    /// When the film ends: where its last picture does.
    fn end(&mut self) -> Result<Time, NodeError> {
        let (name, declared) = (self.path.display(), self.film.declared);
        let usual = self.film.frame;
        let ends = self.pictures.shown(usual);
        let (Some(shown), Some(end)) = (ends, self.pictures.end(usual, declared)) else {
            let lasts = declared.map(|declared| declared.end.seconds());
            return Err(match lasts.filter(|seconds| *seconds < 1.0) {
                Some(seconds) => NodeError::input(format!(
                    "`{name}` lasts only {seconds:.2} s, too short for one picture at this `rate`"
                ))
                .help("choose a longer film, or a higher `rate`"),
                None => NodeError::input(format!("`{name}` has no picture that can be decoded")),
            });
        };
        if let Some(declared) = declared
            && declared.is_missed(&self.path, shown)?
        {
            let complaint = self
                .decoder
                .complaint()
                .map(|complaint| format!(" ({complaint})"))
                .unwrap_or_default();
            let message = format!(
                "`{name}` breaks off at {shown} of {}{complaint}",
                declared.end
            );
            return Err(NodeError::input(message)
                .help("the file is cut off or damaged; copy or export it again"));
        }
        Ok(end)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod live_tests;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use score_engine::harness::{Harness, Outputs};
    use serde_json::json;

    use super::*;
    use crate::testing::ffmpeg;

    fn read(path: &Path) -> Result<Outputs, NodeError> {
        Harness::<VideoFile>::new(json!({ "path": path, "width": 8, "height": 8 })).run()
    }

    #[test]
    fn every_frame_comes_at_its_own_time_and_the_film_keeps_its_length() {
        let folder = tempfile::tempdir().unwrap();
        ffmpeg(
            folder.path(),
            &[
                "-f",
                "lavfi",
                "-i",
                "testsrc2=rate=25:duration=2:size=64x48",
                "a.mp4",
            ],
        );
        let outputs = read(&folder.path().join("a.mp4")).unwrap();
        let frames = outputs.packets("frames");
        assert_eq!(frames.len(), 50);
        assert_eq!(frames[13].time, Time::from_seconds(0.52));
        assert_eq!(outputs.end("frames"), Some(Time::from_seconds(2.0)));
        assert_eq!(frames[0].frame().unwrap().pixels().len(), 8 * 8 * 3);
    }

    #[test]
    fn a_variable_frame_rate_keeps_its_times() {
        let folder = tempfile::tempdir().unwrap();
        let select = "select='eq(n,0)+eq(n,3)+eq(n,4)+eq(n,19)'";
        let source = "testsrc2=rate=20:duration=1:size=64x48";
        ffmpeg(
            folder.path(),
            &[
                "-f",
                "lavfi",
                "-i",
                source,
                "-vf",
                select,
                "-fps_mode",
                "vfr",
                "v.mkv",
            ],
        );
        let outputs = read(&folder.path().join("v.mkv")).unwrap();
        let times: Vec<f64> = outputs
            .packets("frames")
            .iter()
            .map(|packet| packet.time.seconds())
            .collect();
        assert_eq!(times, [0.0, 0.15, 0.2, 0.95]);
    }

    #[test]
    fn after_a_pause_of_an_hour_the_film_ends_with_its_last_picture() {
        let folder = tempfile::tempdir().unwrap();
        let source = "testsrc2=rate=25:duration=1:size=64x48";
        let pause = "setpts='(N*0.04+gte(N,20)*3600)/TB'";
        for name in ["pause.mkv", "pause.mp4"] {
            let arguments = ["-f", "lavfi", "-i", source, "-vf", pause];
            ffmpeg(
                folder.path(),
                &[&arguments[..], &["-fps_mode", "vfr", name]].concat(),
            );
            let outputs = read(&folder.path().join(name)).unwrap();
            let last = outputs.packets("frames").last().unwrap().time;
            assert_eq!(last, Time::from_seconds(3_600.96), "{name}");
            assert_eq!(
                outputs.end("frames"),
                Some(Time::from_seconds(3_601.0)),
                "{name}"
            );
        }
    }

    #[test]
    fn pictures_count_from_where_the_sound_begins_if_that_is_earlier() {
        let folder = tempfile::tempdir().unwrap();
        let picture = "testsrc2=rate=25:duration=1:size=64x48";
        ffmpeg(folder.path(), &["-f", "lavfi", "-i", picture, "a.mp4"]);
        let sound = ["-f", "lavfi", "-i", "sine=duration=1"];
        for (name, more) in [("sound.mp4", &sound[..]), ("mute.mp4", &[])] {
            let late = ["-itsoffset", "0.5", "-i", "a.mp4"];
            let copy = ["-c:v", "copy", name];
            ffmpeg(folder.path(), &[&late[..], more, &copy].concat());
            let outputs = read(&folder.path().join(name)).unwrap();
            let first = outputs.packets("frames")[0].time;
            let begins = if more.is_empty() { 0.0 } else { 0.5 };
            assert_eq!(first, Time::from_seconds(begins), "{name}");
            assert_eq!(
                outputs.end("frames"),
                Some(Time::from_seconds(begins + 1.0)),
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_like_an_option_or_a_protocol_is_only_a_name() {
        let folder = tempfile::tempdir().unwrap();
        ffmpeg(
            folder.path(),
            &[
                "-f",
                "lavfi",
                "-i",
                "testsrc2=duration=1:size=64x48",
                "a.mp4",
            ],
        );
        for name in ["-y.mp4", "http:x%d.mp4", "ü '\"$.mp4"] {
            let path = folder.path().join(name);
            std::fs::copy(folder.path().join("a.mp4"), &path).unwrap();
            assert_eq!(read(&path).unwrap().packets("frames").len(), 25, "{name}");
        }
    }

    #[test]
    fn a_film_that_never_ends_is_not_rendered_and_a_slow_one_lasts_longer() {
        let folder = tempfile::tempdir().unwrap();
        let source = "testsrc2=rate=25:duration=1:size=64x48";
        ffmpeg(folder.path(), &["-f", "lavfi", "-i", source, "a.mp4"]);
        let read = |key: &str, value: serde_json::Value| {
            let path = folder.path().join("a.mp4");
            let mut params = json!({ "path": path, "width": 8, "height": 8 });
            params[key] = value;
            Harness::<VideoFile>::new(params).run()
        };
        let refusal = read("loop", json!(true)).expect_err("refused").to_string();
        assert!(refusal.contains("never ends"), "{refusal}");
        let slow = read("speed", json!(0.5)).unwrap();
        assert_eq!(slow.packets("frames")[1].time, Time::from_seconds(0.08));
        assert_eq!(slow.end("frames"), Some(Time::from_seconds(2.0)));
    }

    #[test]
    fn a_film_of_one_frame_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let source = "testsrc2=rate=25:duration=0.04:size=64x48";
        ffmpeg(folder.path(), &["-f", "lavfi", "-i", source, "one.mp4"]);
        let outputs = read(&folder.path().join("one.mp4")).unwrap();
        assert_eq!(outputs.packets("frames").len(), 1);
        assert_eq!(outputs.end("frames"), Some(Time::from_seconds(0.04)));
    }

    #[test]
    fn whatever_is_no_film_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |name: &str| {
            read(&folder.path().join(name))
                .expect_err("refused")
                .to_string()
        };
        std::fs::write(folder.path().join("text.mp4"), "once upon a time").unwrap();
        std::fs::write(folder.path().join("empty.mp4"), "").unwrap();
        ffmpeg(
            folder.path(),
            &["-f", "lavfi", "-i", "sine=duration=1", "sound.mp4"],
        );
        assert!(refusal("missing.mp4").contains("there is no film at"));
        assert!(refusal("text.mp4").contains("is not a film that can be read"));
        assert!(refusal("empty.mp4").contains("is not a film that can be read"));
        assert!(refusal("sound.mp4").contains("has no picture, only sound"));
    }

    #[test]
    fn a_list_of_other_files_is_refused_by_the_demuxer_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let source = "testsrc2=rate=25:duration=1:size=64x48";
        ffmpeg(folder.path(), &["-f", "lavfi", "-i", source, "a.ts"]);
        for (demuxer, list) in [
            (
                "hls",
                "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n",
            ),
            ("concat", "ffconcat version 1.0\nfile a.ts\n"),
            (
                "sdp",
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n",
            ),
        ] {
            let path = folder.path().join("film.mp4");
            std::fs::write(&path, list).unwrap();
            let error = read(&path).expect_err(demuxer).to_string();
            let wanted =
                format!("a list of other files or addresses (ffmpeg's demuxer `{demuxer}`)");
            assert!(error.contains(&wanted), "{error}");
        }
        assert_eq!(
            read(&folder.path().join("a.ts"))
                .unwrap()
                .packets("frames")
                .len(),
            25
        );
    }

    #[test]
    fn a_film_cut_off_in_the_middle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let source = "testsrc2=rate=25:duration=8:size=160x120";
        for name in ["late.mp4", "matroska.mkv", "flash.flv", "old.avi"] {
            ffmpeg(folder.path(), &["-f", "lavfi", "-i", source, name]);
            cut(&folder.path().join(name));
        }
        ffmpeg(
            folder.path(),
            &[
                "-f",
                "lavfi",
                "-i",
                source,
                "-movflags",
                "+faststart",
                "early.mp4",
            ],
        );
        cut(&folder.path().join("early.mp4"));
        assert!(read(&folder.path().join("late.mp4")).is_err());
        for name in ["early.mp4", "matroska.mkv", "flash.flv", "old.avi"] {
            let error = read(&folder.path().join(name)).expect_err(name).to_string();
            assert!(
                error.contains("breaks off") || error.contains("cannot be decoded"),
                "{name}: {error}"
            );
        }
    }

    fn cut(path: &Path) {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
}
