//! Sound and MIDI devices, opened by name and kept open.

mod audio_in;
mod audio_out;
mod capture;
mod counters;
mod feed;
mod jack_server;
mod keeper;
pub mod list;
mod midi;
pub mod playback;
mod sound;
mod sound_device;
mod sound_form;
mod sound_stream;
mod watchdog;

use std::sync::Arc;

use score_engine::{Build, LiveClock, NodeError, NodeErrorKind, Registry};

pub use capture::CaptureCounters;
pub use counters::PlaybackCounters;
pub use feed::Feed;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<audio_in::AudioIn>();
    registry.add::<audio_out::AudioOut>();
    midi::register(registry);
}

/// The clock of a live run; a render has no use for a device.
///
/// # Errors
/// This is a render.
fn only_live<'a>(
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
