//! What the nodes that capture have in common.

use std::ffi::OsString;
use std::sync::atomic::Ordering;
use std::time::Duration;

use score_engine::{
    Build, Counters, Flow, Frame, Io, NodeError, OutputPort, Params, Processor, Time, Transport,
};

use super::{Capture, Source};
use crate::video::ffmpeg::require;

/// What every node that captures sends.
pub(crate) const PICTURES: OutputPort<Frame> = OutputPort::new(0, "frames", "the pictures");

/// The counter of how often a source was opened again.
pub(crate) const REOPENED: &str = "reopened";

/// The longest wait of a node without inputs in one call.
const PATIENCE: Duration = Duration::from_millis(50);

/// Why a new size needs the source to be opened again.
const SIZED: &str = "ffmpeg is started for pictures of this size";

/// A kind that captures.
pub(crate) trait Captures {
    /// What it has in common with the others.
    fn captured(&self) -> &Captured;
}

/// The parameters of every node that captures.
#[derive(Clone, Params)]
pub(crate) struct Captured {
    /// width of the frames sent
    #[param(rebuild = SIZED, range = 1..=4096, unit = "pixels", default = 64)]
    pub(crate) width: u32,
    /// height of the frames sent
    #[param(rebuild = SIZED, range = 1..=4096, unit = "pixels", default = 64)]
    pub(crate) height: u32,
    /// time without a picture after which the source is opened again
    #[param(live, range = 0.1..=60.0, span = 0.5..=20.0, log, unit = "s", default = 2.0)]
    timeout: f64,
}

impl Captured {
    /// Width and height.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Time without a picture after which the source is opened again.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }
}

/// Tells how wide the source's pictures are for their height, in thousandths. They are sent in
/// `width` × `height`, whatever their shape; a page shows them in their own.
pub(crate) fn tell_shape(counters: &Counters, shape: f64) {
    let told = counters.counter("shape_thousandths");
    told.store((shape * 1e3).round() as u64, Ordering::Relaxed);
}

/// Refuses to capture where nothing is live.
///
/// # Errors
/// The patch is being rendered.
pub(crate) fn require_live(build: &Build<'_>, what: &str) -> Result<(), NodeError> {
    if build.clock.is_some() {
        return Ok(());
    }
    Err(
        NodeError::input(format!("{what} works only in a live run")).help(
            "start the patch with `score run`, or take `video_file` in its place to render a film",
        ),
    )
}

/// Arguments before the source: ffmpeg says little and holds no frame back. Each of several
/// decoding threads would hold one.
pub(crate) fn before_input() -> Vec<OsString> {
    [
        "-hide_banner",
        "-nostdin",
        "-nostats",
        "-loglevel",
        "error",
        "-threads",
        "1",
    ]
    .map(OsString::from)
    .into()
}

/// Arguments after the source, which give each frame in the wanted size at once. `crop` is a filter
/// that comes first, if any.
pub(crate) fn after_input((width, height): (u32, u32), crop: Option<String>) -> Vec<OsString> {
    let crop = crop.map(|crop| format!("{crop},")).unwrap_or_default();
    let filter = format!("{crop}scale={width}:{height}:flags=area,format=rgb24");
    [
        "-map",
        "0:V:0",
        "-vf",
        &filter,
        "-threads",
        "1",
        "-fps_mode",
        "passthrough",
        "-flush_packets",
        "1",
        "-f",
        "rawvideo",
        "pipe:1",
    ]
    .map(OsString::from)
    .into()
}

/// Sends what is captured as it comes.
pub(crate) struct Capturing {
    capture: Capture,
    size: (u32, u32),
}

impl Capturing {
    /// Starts to capture.
    ///
    /// # Errors
    /// ffmpeg is missing, or the system refuses a thread.
    pub(crate) fn start<P: Captures>(source: Source) -> Result<Box<dyn Processor<P>>, NodeError> {
        require(source.program)?;
        Ok(Box::new(Capturing {
            size: source.size,
            capture: Capture::start(source)?,
        }))
    }
}

impl<P: Captures> Processor<P> for Capturing {
    fn process(&mut self, _params: &P, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let Some(picture) = io.idle(|| self.capture.next(PATIENCE)) else {
            return Ok(Flow::Continue);
        };
        let age = Time::from_seconds(picture.captured.elapsed().as_secs_f64());
        let time = (io.now() - age).max(Time::ZERO);
        let (width, height) = self.size;
        let frame = Frame::rgb(width, height, picture.pixels)
            .ok_or_else(|| NodeError::internal("a frame of the wrong size"))?;
        io.send_captured(PICTURES, time, picture.captured, frame)?;
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &P, _transport: &Transport) -> Result<(), NodeError> {
        self.capture.set_timeout(params.captured().timeout());
        Ok(())
    }
}
