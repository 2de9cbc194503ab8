//! Sound read, made and written.

mod audio_file;
#[cfg(feature = "device")]
mod audio_in;
mod audio_input_file;
#[cfg(feature = "device")]
mod audio_out;
mod blocks;
mod ceiling;
mod compressor;
mod desk;
pub(crate) mod ducking;
mod effect;
mod encoder;
mod end_fade;
mod ensemble;
pub(crate) mod flac_writer;
mod insert;
mod instrument;
#[cfg(feature = "device")]
mod jack_transport_out;
pub(crate) mod limiter;
mod listening;
pub(crate) mod mastering;
mod mixdown;
mod mixer;
mod note_queue;
pub(crate) mod ramp;
mod recorder;
mod replay;
mod reverb;
mod sampler;
mod seam;
pub(crate) mod sound_font;
mod sound_sink;
pub(crate) mod sound_source;
pub(crate) mod sound_writer;
mod speakers;
pub(crate) mod spool;
mod state_variable;
mod stereo;
pub(crate) mod strip;
mod synth;
mod tame;
#[cfg(test)]
mod test_ear;
#[cfg(test)]
mod test_sound;
mod tone;
mod true_peak;
mod voice;
pub(crate) mod wav_writer;

use score_engine::Registry;

pub use mixer::stem_files;
pub(crate) use recorder::SLOW_DISK;
pub use recorder::bytes_of_takes;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<audio_file::AudioFile>();
    #[cfg(feature = "device")]
    registry.add::<audio_in::AudioIn>();
    registry.add::<audio_input_file::AudioInputFile>();
    #[cfg(feature = "device")]
    registry.add::<audio_out::AudioOut>();
    #[cfg(feature = "device")]
    registry.add::<jack_transport_out::JackTransportOut>();
    registry.add::<compressor::Compressor>();
    registry.add::<effect::Delay>();
    registry.add::<effect::Master>();
    registry.add::<effect::Room>();
    registry.add::<insert::Equaliser>();
    registry.add::<insert::Filter>();
    registry.add::<insert::LimiterNode>();
    registry.add::<listening::Follow>();
    registry.add::<listening::Onsets>();
    registry.add::<listening::Pitch>();
    registry.add::<listening::Spectrum>();
    registry.add::<mixer::Mixer>();
    registry.add::<recorder::Recorder>();
    registry.add::<replay::Replay>();
    registry.add::<sampler::Sampler>();
    registry.add::<speakers::Speakers>();
    registry.add::<synth::Synth>();
    registry.add::<tone::Tone>();
}

/// Decibels as a factor.
pub(crate) fn amplitude(decibels: f64) -> f32 {
    10f64.powf(decibels / 20.0) as f32
}

/// `value` within `least` and `most`; what is not a number becomes `otherwise`, for nothing that
/// rings would ever forget it.
pub(crate) fn within(value: f32, (least, most): (f32, f32), otherwise: f32) -> f32 {
    if value.is_nan() {
        otherwise
    } else {
        value.clamp(least, most)
    }
}
