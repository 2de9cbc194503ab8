//! Sound read, made and written.

mod audio_file;
mod audio_input_file;
mod encoder;
mod ensemble;
pub(crate) mod glide;
mod mixdown;
mod resampler;
mod reverb;
mod sound_font;
mod sound_source;
pub(crate) mod sound_writer;
mod synth;
mod tone;
mod voice;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<audio_file::AudioFile>();
    registry.add::<audio_input_file::AudioInputFile>();
    registry.add::<synth::Synth>();
    registry.add::<tone::Tone>();
}

/// Decibels as a factor.
pub(crate) fn amplitude(decibels: f64) -> f32 {
    10f64.powf(decibels / 20.0) as f32
}
