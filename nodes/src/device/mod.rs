//! Sound and MIDI devices, opened by name and kept open: what the nodes `audio_in`, `audio_out`,
//! `midi_in`, `midi_out` and `midi_clock_out` of the families `audio` and `midi` have in common.

pub(crate) mod capture;
pub(crate) mod counters;
pub(crate) mod feed;
mod jack_server;
pub(crate) mod keeper;
pub mod list;
pub(crate) mod midi;
pub mod playback;
pub(crate) mod sound;
pub(crate) mod sound_device;
mod sound_form;
pub(crate) mod sound_stream;
mod watchdog;

use std::sync::Arc;

use score_engine::{Build, LiveClock, NodeError, NodeErrorKind};

pub use capture::CaptureCounters;
pub use counters::PlaybackCounters;
pub use feed::Feed;

/// The clock of a live run; a render has no use for a device.
///
/// # Errors
/// This is a render.
pub(crate) fn only_live<'a>(
    build: &Build<'a>,
    kind: &str,
    instead: &str,
) -> Result<&'a Arc<LiveClock>, NodeError> {
    build.clock.ok_or_else(|| {
        let message = format!("`{kind}` works only in a live run");
        NodeError::new(NodeErrorKind::Device, message)
            .help(format!("play the patch with `score run`, or {instead}"))
    })
}
