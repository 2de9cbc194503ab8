//! Sound and MIDI devices, opened by name and kept open: what the nodes `audio_in`, `audio_out`,
//! `midi_in`, `midi_out`, `midi_clock_out` and `midi_timecode_out` of the families `audio` and `midi`,
//! and what follows clocks, have in common. Notes on their way to a DAW, and the controllers with
//! which a run is played.

pub(crate) mod audible;
pub(crate) mod capture;
pub(crate) mod counters;
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) mod daw;
mod desk;
pub(crate) mod feed;
mod jack_period;
mod jack_server;
pub(crate) mod jack_transport;
pub(crate) mod keeper;
pub mod learning;
pub mod list;
pub(crate) mod midi;
pub mod playback;
pub(crate) mod sound;
pub(crate) mod sound_device;
mod sound_form;
pub(crate) mod sound_stream;
mod watchdog;

pub use audible::Audible;
pub use capture::CaptureCounters;
pub use counters::PlaybackCounters;
pub use daw::DawNotes;
pub use desk::Desk;
#[cfg(feature = "fuzzing")]
pub(crate) use desk::fuzz as fuzz_desk;
pub use feed::Feed;
