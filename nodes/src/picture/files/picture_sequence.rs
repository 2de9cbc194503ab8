//! Shows the pictures of a folder one after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use score_engine::{
    Build, Check, Choice, Descriptor, Flow, Frame, Io, Node, NodeError, OutputPort, Params,
    Processor, Transport,
};

use super::gallery::Gallery;
use super::reader::{Desk, Item, Pictures, Plan};
use super::ticks::Ticks;
use crate::ticks::begins;

const PICTURES: OutputPort<Frame> = OutputPort::new(0, "frames", "the pictures");

/// Why the size is not live.
const SCALED: &str = "pictures that are read already have this size";

/// A node without inputs may wait so long in one call.
const PATIENCE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Order {
    Name,
    Random,
}

/// `picture_sequence`.
#[derive(Clone, Params)]
pub(crate) struct PictureSequence {
    /// a folder, or files by a pattern: `shots/*.png`
    #[param(rebuild = "the pictures are read from the first on", content = Folder)]
    path: PathBuf,
    /// pictures a second
    #[param(live, range = 0.001..=240.0, span = 0.1..=25.0, log, unit = "Hz", default = 1.0)]
    rate: f64,
    /// width of the pictures sent
    #[param(rebuild = SCALED, range = 1..=4096, unit = "pixels", default = 64)]
    width: u32,
    /// height of the pictures sent
    #[param(rebuild = SCALED, range = 1..=4096, unit = "pixels", default = 64)]
    height: u32,
    /// in which order, from the next round on
    #[param(live, default = Order::Name)]
    order: Order,
    /// whether it restarts when all were shown; live only
    #[param(live, default = false)]
    r#loop: bool,
}

/// What a render says of pictures that never end.
fn endless() -> NodeError {
    NodeError::input("with `loop: true` the pictures never end, so they cannot be rendered")
        .help("leave `loop` out to render each once, or play them live with `score run`")
}

impl Node for PictureSequence {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "picture_sequence", "Shows the pictures of a folder one after the other")
            .example(
                r#"nodes: {
                    "album": picture_sequence(path: "shots", rate: 0.5),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "album.mid"),
                },
                wires: ["album -> eye -> tune -> notes"]"#,
            )
            .details(
                "`path` is a folder, whose pictures are taken, or ends in a pattern, in which `*` stands for any \
                 characters and `?` for one. Names are in the order of their numbers, 2 before 10; `order: random` \
                 shuffles each round by the patch's seed. Pictures of any size are brought to `width` × `height`, \
                 whatever their shape; what is transparent lies on black.\n\n\
                 Live, each round looks which pictures there are, so that one put into the folder is seen in the next; \
                 with `loop` it goes on for ever. One that cannot be read is left out and named in the log; a render \
                 ends with an error there. Each is decoded once by ffmpeg, ahead of its time, in about 0.05 s, and kept \
                 while all together take no more than 64 MB. Where that is too slow for the `rate`, pictures are left \
                 out (`late_frames`), and the newest shows; for fast ones make a film of them.",
            )
            .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Err(why) = Gallery::of(&self.path).files() {
            let help = Some("paths count from the folder of the patch".to_owned());
            check.refuse("path", why, help);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if self.r#loop && build.ends {
            return Err(endless());
        }
        let plan = Plan {
            node: build.id.to_owned(),
            gallery: Gallery::of(&self.path),
            size: (self.width, self.height),
            is_strict: build.ends,
            rng: build.rng(),
        };
        let desk = Desk::new(self.r#loop, self.order == Order::Random);
        Ok(Box::new(Showing {
            pictures: Pictures::start(plan, desk)?,
            ends: build.ends,
            ticks: None,
            number: 0,
            late: build.counters.counter("late_frames"),
            has_ended: false,
        }))
    }
}

struct Showing {
    pictures: Pictures,
    /// Whether the run ends by itself.
    ends: bool,
    /// When pictures are due, once it has begun.
    ticks: Option<Ticks>,
    /// The number of the picture that is due next.
    number: u64,
    late: Arc<AtomicU64>,
    /// No more pictures will be read.
    has_ended: bool,
}

impl Showing {
    /// The picture that is due, or the newest that is there, where reading takes longer than the
    /// rate allows; `None`: none is there yet, or any more.
    ///
    /// # Errors
    /// One cannot be read.
    fn newest(&mut self, io: &Io<'_>) -> Result<Option<Arc<Frame>>, NodeError> {
        let mut newest = None;
        while !self.has_ended {
            let patience = if newest.is_some() {
                Duration::ZERO
            } else {
                PATIENCE
            };
            match io.idle(|| self.pictures.next(patience)) {
                Some(Item::Frame(number, frame)) => {
                    newest = Some(frame);
                    if number >= self.number {
                        break;
                    }
                }
                Some(Item::End) => self.has_ended = true,
                Some(Item::Failed(error)) => return Err(error),
                None => break,
            }
        }
        Ok(newest)
    }
}

impl Processor<PictureSequence> for Showing {
    fn process(&mut self, params: &PictureSequence, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let (now, ends) = (io.now(), self.ends);
        let ticks = (self.ticks).get_or_insert_with(|| Ticks::new(begins(ends, now), params.rate));
        if !ends {
            if let Some(due) = ticks.due().filter(|due| *due > now) {
                return Ok(Flow::WakeAt(due));
            }
            let skipped = ticks.skip_to(now);
            self.number += skipped;
            self.late.fetch_add(skipped, Ordering::Relaxed);
            self.pictures.desk.want(self.number);
        }
        let due = ticks.due().unwrap_or(now);
        if let Some(frame) = self.newest(io)? {
            self.number += 1;
            if let Some(ticks) = &mut self.ticks {
                ticks.pass();
            }
            io.send_captured_now(PICTURES, due, frame)?;
        } else if self.has_ended {
            io.end_at(due);
            return Ok(Flow::Done);
        }
        Ok(Flow::Continue)
    }

    fn changed(
        &mut self,
        params: &PictureSequence,
        _transport: &Transport,
    ) -> Result<(), NodeError> {
        if params.r#loop && self.ends {
            return Err(endless());
        }
        if let Some(ticks) = &mut self.ticks {
            ticks.set_rate(params.rate);
        }
        let is_random = params.order == Order::Random;
        self.pictures.desk.set(params.r#loop, is_random);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Packet, Time, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::ffmpeg;
    use crate::video::live_test::play;

    /// A folder with grey pictures whose numbers in their names are their levels.
    fn album(levels: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for level in levels {
            write(folder.path(), *level);
        }
        folder
    }

    fn write(folder: &Path, level: u8) {
        let name = format!("{level}.png");
        let source = format!("color=0x{level:02x}{level:02x}{level:02x}:size=5x3,format=rgb24");
        ffmpeg(
            folder,
            &["-f", "lavfi", "-i", &source, "-frames:v", "1", &name],
        );
    }

    fn level(packet: &Packet) -> u8 {
        let frame = packet.frame().unwrap();
        assert_eq!((frame.width(), frame.height()), (2, 2));
        frame.pixels()[0]
    }

    fn render(folder: &Path, more: Value) -> Result<Outputs, NodeError> {
        let mut params = json!({ "path": folder, "width": 2, "height": 2, "rate": 4 });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        Harness::<PictureSequence>::new(params).run()
    }

    #[test]
    fn pictures_come_in_order_at_their_rate_and_the_last_lasts_as_long_as_the_others() {
        let folder = album(&[8, 100, 40]);
        let outputs = render(folder.path(), json!({})).unwrap();
        let packets = outputs.packets("frames");
        let times: Vec<f64> = packets.iter().map(|packet| packet.time.seconds()).collect();
        assert_eq!(times, [0.0, 0.25, 0.5]);
        assert_eq!(outputs.end("frames"), Some(Time::from_seconds(0.75)));
        let levels: Vec<u8> = packets.iter().map(level).collect();
        for (level, wanted) in levels.iter().zip([8_u8, 40, 100]) {
            assert!(level.abs_diff(wanted) <= 2, "{levels:?}");
        }
    }

    #[test]
    fn a_random_order_is_the_same_each_time_and_another_for_another_seed() {
        let folder = album(&[10, 40, 70, 100, 130, 160]);
        let order = |seed: u64| -> Vec<u8> {
            let params =
                json!({ "path": folder.path(), "width": 2, "height": 2, "order": "random" });
            let transport = Transport {
                seed,
                ..Transport::default()
            };
            let outputs = Harness::<PictureSequence>::new(params)
                .transport(transport)
                .run();
            outputs
                .unwrap()
                .packets("frames")
                .iter()
                .map(level)
                .collect()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn a_render_ends_at_a_picture_that_cannot_be_read_and_never_loops() {
        let folder = album(&[8]);
        std::fs::write(folder.path().join("9.png"), "no picture").unwrap();
        let error = render(folder.path(), json!({})).unwrap_err().to_string();
        assert!(error.contains("9.png"), "{error}");
        let error = render(folder.path(), json!({ "loop": true })).unwrap_err();
        assert!(error.to_string().contains("never end"), "{error}");
        let none = album(&[]);
        let error = render(none.path(), json!({})).unwrap_err().to_string();
        assert!(error.contains("no picture in the folder"), "{error}");
    }

    #[test]
    fn live_it_loops_leaves_out_what_is_broken_and_finds_what_is_new() {
        let folder = album(&[8, 40]);
        std::fs::write(folder.path().join("20.png"), "no picture").unwrap();
        let node = format!(
            "picture_sequence(path: {:?}, width: 2, height: 2, rate: 20, loop: true)",
            folder.path()
        );
        let is_new = |packet: &Packet| level(packet).abs_diff(100) <= 2;
        let path = folder.path().to_owned();
        let written = std::cell::Cell::new(false);
        let seen = play::<PictureSequence>(&node, Duration::from_secs(60), |seen| {
            if seen.len() >= 4 && !written.replace(true) {
                write(&path, 100);
            }
            seen.iter().any(is_new)
        });
        let seen = seen.unwrap();
        assert!(seen.iter().any(is_new), "{}", seen.len());
        for pair in seen.windows(2) {
            assert!(pair[0].time < pair[1].time);
        }
    }
}
