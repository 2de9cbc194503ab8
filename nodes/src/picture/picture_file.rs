//! Writes pictures as PNG or JPEG files: at the end, or whenever something happens.

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Check, Descriptor, Event, Flow, Frame, InputPort, Io, Node, NodeError, Params, Processor,
};

use super::encoding::PictureFormat;
use super::scale::{Scaler, Window, sides};
use crate::output::{Claim, OutputFile, SetAside, folder_of};

// The picture stands first: of what comes at one time it counts before the event.
const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const EVENTS: InputPort<Event> = InputPort::new(
    1,
    "events",
    "when a picture is written; unwired: at the end",
)
.many();

/// `picture_file`.
#[derive(Clone, Params)]
pub(crate) struct PictureFile {
    /// the file to write, .png or .jpg
    #[param(
        rebuild = "names are counted from it",
        writes,
        content = Picture,
        ending = "png",
        takes
    )]
    path: PathBuf,
    /// width of what is written; left out: the picture's, or in proportion to `height`
    #[param(live, range = 1..=8192, span = 64.0..=1920.0, log, unit = "pixels")]
    width: Option<u32>,
    /// height of what is written; left out: the picture's, or in proportion to `width`
    #[param(live, range = 1..=8192, span = 64.0..=1080.0, log, unit = "pixels")]
    height: Option<u32>,
    /// of a .jpg: how close it comes to the picture, the more the larger the file
    #[param(live, range = 1..=100, span = 40.0..=100.0, default = 92)]
    quality: u32,
    /// pictures that events have written in one run, at most
    #[param(live, range = 1..=1_000_000, span = 1.0..=10_000.0, log, default = 10_000)]
    most: u32,
}

impl Node for PictureFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "picture_file", "Writes pictures as files")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 640, height: 360),
                    "cuts": cut_detector(),
                    "shots": picture_file(path: "shot.jpg"),
                },
                wires: ["film -> cuts", "film -> shots.frames", "cuts.cut -> shots.events"]"#,
            )
            .details(
                "With a wire into `events` each event writes the picture that is there at its time: `shot.png`, \
                 `shot-2.png`, `shot-3.png`… Events before the first picture write none. Without one, the last picture \
                 is written at the end, once.\n\n\
                 No file is ever replaced but the one picture that the same node of the same patch wrote at the end of \
                 an earlier render; what else lies there stays, and the next free number is taken. In a render files \
                 get their names when the whole of it has succeeded, live at once.",
            )
            .input(PICTURES)
            .input(EVENTS)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Err(why) = PictureFormat::of(&self.path) {
            check.refuse_for("path", &why);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let by_events = build.wires(EVENTS) > 0;
        let live = build.clock.is_some();
        let path = &self.path;
        let folder = folder_of(path);
        if !folder.is_dir() {
            let (path, folder) = (path.display(), folder.display());
            let why = format!("`{path}` cannot be written: there is no folder `{folder}`");
            return Err(NodeError::output(why).help("make it with mkdir"));
        }
        let claim = match by_events || live {
            true => Claim::take(path, build),
            // What somebody else has put there stays.
            false => Claim::of(path, build).unwrap_or_else(|_| Claim::take(path, build)),
        };
        Ok(Box::new(Writing {
            claim,
            format: PictureFormat::of(path)?,
            scaler: Scaler::default(),
            by_events,
            live,
            latest: None,
            waiting: Vec::new(),
            written: 0,
            is_full: false,
        }))
    }
}

struct Writing {
    /// Whose the files are, and what they are called.
    claim: Claim,
    format: PictureFormat,
    scaler: Scaler,
    by_events: bool,
    /// Whether files get their names at once.
    live: bool,
    /// The picture that is there.
    latest: Option<Arc<Frame>>,
    /// What was written, without its names yet.
    waiting: Vec<SetAside>,
    /// How many pictures were.
    written: u32,
    /// Whether it was said that no more are written.
    is_full: bool,
}

impl Writing {
    /// Writes the picture that is there, as a file that has not its claimed name yet.
    fn write(&mut self, params: &PictureFile, claim: Claim) -> Result<Option<SetAside>, NodeError> {
        let Some(frame) = self.latest.clone() else {
            return Ok(None);
        };
        let own = (frame.width(), frame.height());
        let (width, height) = sides(own, (params.width, params.height));
        let bytes = if (width, height) == own {
            self.format.encode(&frame, params.quality)?
        } else {
            let to = [width as usize, height as usize];
            let pixels = self.scaler.scale(&frame, Window::WHOLE, to);
            let scaled = Frame::rgb(width, height, pixels).ok_or_else(|| {
                NodeError::internal("a picture has another number of pixels than its size")
            })?;
            self.format.encode(&scaled, params.quality)?
        };
        let mut file = OutputFile::begin(claim)?;
        file.write(&bytes)?;
        file.set_aside().map(Some)
    }

    /// The name for another picture, of the same owner.
    fn another(&self) -> Claim {
        self.claim.following(self.claim.path())
    }

    /// Something happens.
    fn happen(&mut self, params: &PictureFile) -> Result<(), NodeError> {
        if self.written >= params.most {
            if !std::mem::replace(&mut self.is_full, true) {
                tracing::warn!(
                    "{} pictures were written beside `{}`, as many as `most` allows; further events write none",
                    self.written,
                    self.claim.path().display()
                );
            }
            return Ok(());
        }
        let claim = self.another();
        let Some(file) = self.write(params, claim)? else {
            return Ok(());
        };
        self.written += 1;
        if self.live {
            file.commit().map(drop)
        } else {
            self.waiting.push(file);
            Ok(())
        }
    }
}

impl Processor<PictureFile> for Writing {
    fn process(&mut self, params: &PictureFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(EVENTS) {
                self.happen(params)?;
                continue;
            }
            let frame = input.read(PICTURES)?;
            if !frame.pixels().is_empty() {
                self.latest = Some(frame.clone());
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &PictureFile, _io: &mut Io<'_>) -> Result<(), NodeError> {
        if self.by_events {
            return Ok(());
        }
        let next = self.another();
        let claim = std::mem::replace(&mut self.claim, next);
        match self.write(params, claim)? {
            Some(file) => self.waiting.push(file),
            None => tracing::warn!(
                "no picture came, so `{}` is not written",
                self.claim.path().display()
            ),
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        for file in self.waiting.drain(..) {
            file.commit()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Time, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{at, events};

    /// A grey picture for each time.
    fn greys(levels: &[(f64, u8)]) -> Vec<(Time, Payload)> {
        let frame = |level: u8| Frame::rgb(4, 2, vec![level; 24]).unwrap();
        (levels.iter())
            .map(|(time, level)| (at(*time), Payload::Frame(frame(*level).into())))
            .collect()
    }

    fn harness(path: &Path, more: Value) -> Harness<PictureFile> {
        let mut params = json!({ "path": path });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        let pictures = greys(&[(1.0, 10), (2.0, 20), (3.0, 30)]);
        Harness::<PictureFile>::new(params).feed("frames", PortType::Frame, pictures, at(4.0))
    }

    /// The level of the grey picture in a PNG, and its sides.
    fn level(path: &Path) -> (u8, u32, u32) {
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (pixels[0], info.width, info.height)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_last_picture_is_written_at_the_end_and_again_in_place_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.png");
        harness(&path, json!({})).run().unwrap();
        harness(&path, json!({ "width": 8 })).run().unwrap();
        assert_eq!(names(folder.path()), ["last.png"]);
        assert_eq!(level(&path), (30, 8, 4));
    }

    #[test]
    fn a_file_of_the_users_own_stays_and_the_next_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.png");
        std::fs::write(&path, "mine").unwrap();
        harness(&path, json!({})).run().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        assert_eq!(names(folder.path()), ["last-2.png", "last.png"]);
    }

    #[test]
    fn each_event_writes_the_picture_of_its_time_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shot.png");
        let cuts = [(0.5, 1.0), (2.0, 1.0), (3.5, 1.0)];
        let shoot =
            || harness(&path, json!({})).feed("events", PortType::Event, events(&cuts), at(4.0));
        shoot().run().unwrap();
        assert_eq!(names(folder.path()), ["shot-2.png", "shot.png"]);
        let at_name = |name: &str| level(&folder.path().join(name)).0;
        // Of one time, the picture counts before the event.
        assert_eq!([at_name("shot.png"), at_name("shot-2.png")], [20, 30]);
        shoot().play_live().unwrap();
        assert_eq!(names(folder.path()).len(), 4);
        assert_eq!([at_name("shot-3.png"), at_name("shot-4.png")], [20, 30]);
    }

    #[test]
    fn no_more_than_the_most_are_written_in_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shot.png");
        let many: Vec<(f64, f32)> = (0..9).map(|n| (1.0 + f64::from(n) / 4.0, 1.0)).collect();
        harness(&path, json!({ "most": 2 }))
            .feed("events", PortType::Event, events(&many), at(4.0))
            .run()
            .unwrap();
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn an_ending_without_a_format_and_a_missing_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |name: &str| {
            let path = folder.path().join(name);
            harness(&path, json!({})).run().unwrap_err().to_string()
        };
        assert!(refused("a.gif").contains("no ending that names a format"));
        assert!(refused("none/a.png").contains("there is no folder"));
    }
}
