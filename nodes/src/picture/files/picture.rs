//! Shows a picture from a file.

use std::path::PathBuf;
use std::sync::Arc;

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::read_sized;
use super::ticks::Ticks;
use crate::ticks::begins;

const PICTURES: OutputPort<Frame> = OutputPort::new(0, "frames", "the picture");

/// Why the size is not live.
const SCALED: &str = "the picture is scaled once";

/// `picture`.
#[derive(Clone, Params)]
pub(crate) struct Picture {
    /// the file: PNG, JPEG, or whatever else ffmpeg reads
    #[param(rebuild = "the file is read once", content = Picture)]
    path: PathBuf,
    /// width of the picture sent; left out: its own, or in proportion to `height`
    #[param(rebuild = SCALED, range = 1..=4096, unit = "pixels")]
    width: Option<u32>,
    /// height of the picture sent; left out: its own, or in proportion to `width`
    #[param(rebuild = SCALED, range = 1..=4096, unit = "pixels")]
    height: Option<u32>,
    /// how often it is sent; 0: once
    #[param(live, range = 0.0..=240.0, span = 1.0..=30.0, unit = "Hz", default = 0.0)]
    rate: f64,
    /// time until the end; live there is none
    #[param(live, range = 0.001..=86_400.0, span = 1.0..=600.0, log, default = Length::Seconds(32.0))]
    duration: Length,
}

impl Node for Picture {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "picture", "Shows a picture from a file")
            .example(
                r#"nodes: {
                    "photo": picture(path: "photo.jpg", rate: 8, duration: beats(32)),
                    "walk": crop(width: 0.3, height: 0.3, output_width: 64, output_height: 64),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "photo.mid"),
                },
                wires: ["photo -> walk -> eye -> tune -> notes"]"#,
            )
            .details(
                "The same picture again and again at `rate`, for what edits or looks at pictures as they come; or once, \
                 which is enough for what holds the last. What is transparent in it lies on black. Sides longer than \
                 4,096 pixels are shrunk to that.",
            )
            .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("path", &self.path, "picture");
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Showing {
            frame: Arc::new(read_sized(&self.path, self.width, self.height)?),
            end: self.duration.at(build.transport),
            ends: build.ends,
            ticks: None,
        }))
    }
}

struct Showing {
    frame: Arc<Frame>,
    end: Time,
    /// Whether the run ends by itself.
    ends: bool,
    /// When it is sent, once it has begun.
    ticks: Option<Ticks>,
}

impl Processor<Picture> for Showing {
    fn process(&mut self, params: &Picture, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = io.now();
        let ends = self.ends;
        let ticks = (self.ticks).get_or_insert_with(|| Ticks::new(begins(ends, now), params.rate));
        if ends {
            return match ticks.due().filter(|due| *due < self.end) {
                Some(due) => {
                    ticks.pass();
                    io.send_captured_now(PICTURES, due, self.frame.clone())?;
                    Ok(Flow::Continue)
                }
                None => {
                    io.end_at(self.end);
                    Ok(Flow::Done)
                }
            };
        }
        if let Some(due) = ticks.due().filter(|due| *due <= now) {
            ticks.skip_to(now);
            let due = ticks.due().unwrap_or(due);
            ticks.pass();
            io.send_captured_now(PICTURES, due, self.frame.clone())?;
        }
        // Another rate is news, and wakes it too.
        Ok(Flow::WakeAt(ticks.due().unwrap_or(Time::MAX)))
    }

    fn changed(&mut self, params: &Picture, transport: &Transport) -> Result<(), NodeError> {
        if let Some(ticks) = &mut self.ticks {
            ticks.set_rate(params.rate);
        }
        self.end = params.duration.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;
    use crate::testing::ffmpeg;
    use crate::video::live_test::play;

    fn photo() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let source = "color=white:size=8x4";
        ffmpeg(
            folder.path(),
            &["-f", "lavfi", "-i", source, "-frames:v", "1", "a.png"],
        );
        let path = folder.path().join("a.png");
        (folder, path)
    }

    #[test]
    fn a_picture_comes_at_its_rate_or_once_and_lasts_as_long_as_asked() {
        let (_folder, path) = photo();
        let render = |rate: f64| {
            let params =
                json!({ "path": path, "width": 2, "rate": rate, "duration": { "seconds": 1 } });
            let outputs = Harness::<Picture>::new(params).run().unwrap();
            assert_eq!(outputs.end("frames"), Some(Time::from_seconds(1.0)));
            outputs.packets("frames").to_vec()
        };
        let many = render(3.0);
        let times: Vec<i64> = many.iter().map(|packet| packet.time.nanos()).collect();
        assert_eq!(times, [0, 333_333_333, 666_666_667]);
        let (first, last) = (many[0].frame().unwrap(), many[2].frame().unwrap());
        assert!(Arc::ptr_eq(first, last), "one picture, not three");
        assert_eq!((first.width(), first.height()), (2, 1));
        assert_eq!(first.pixels(), [255; 6]);
        assert_eq!(render(0.0).len(), 1);
    }

    #[test]
    fn live_it_comes_by_the_clock() {
        let (_folder, path) = photo();
        let node = format!("picture(path: {path:?}, rate: 50)");
        let seen = play::<Picture>(&node, Duration::from_secs(5), |seen| seen.len() >= 10);
        let seen = seen.unwrap();
        for pair in seen.windows(2) {
            let apart = (pair[1].time - pair[0].time).seconds() * 50.0;
            assert!(
                (apart - apart.round()).abs() < 1e-3 && apart > 0.5,
                "{apart}"
            );
        }
    }

    /// Ten calls a second would take hours here.
    #[test]
    fn one_that_is_sent_once_sleeps_until_its_rate_changes() {
        let (_folder, path) = photo();
        let (change, month) = (2e6, 2.6e6);
        let outputs = Harness::<Picture>::new(json!({ "path": path }))
            .set_live(Time::from_seconds(change), "rate", 0.001)
            .until(Time::from_seconds(month))
            .play_live()
            .unwrap();
        let packets = outputs.packets("frames").iter();
        let times: Vec<f64> = packets
            .map(|packet| packet.time.seconds().round())
            .collect();
        assert_eq!(times[..3], [0.0, change, change + 1_000.0]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let refused = Harness::<Picture>::new(json!({ "path": "/none.png" }))
            .run()
            .unwrap_err();
        assert!(
            refused.to_string().contains("there is no picture"),
            "{refused}"
        );
    }
}
