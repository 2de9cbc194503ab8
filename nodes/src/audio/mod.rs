//! Sound read, made and written.

mod audio_file;
#[cfg(feature = "device")]
mod audio_in;
mod audio_input_file;
#[cfg(feature = "device")]
mod audio_out;
mod blocks;
mod ceiling;
pub(crate) mod ducking;
mod effect;
mod encoder;
mod end_fade;
mod ensemble;
pub(crate) mod flac_writer;
mod instrument;
pub(crate) mod limiter;
pub(crate) mod mastering;
mod mixdown;
mod mixer;
pub(crate) mod ramp;
mod recorder;
mod resampler;
mod reverb;
pub(crate) mod sound_font;
mod sound_sink;
pub(crate) mod sound_source;
pub(crate) mod sound_writer;
pub(crate) mod spool;
mod stereo;
pub(crate) mod strip;
mod synth;
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

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<audio_file::AudioFile>();
    #[cfg(feature = "device")]
    registry.add::<audio_in::AudioIn>();
    registry.add::<audio_input_file::AudioInputFile>();
    #[cfg(feature = "device")]
    registry.add::<audio_out::AudioOut>();
    registry.add::<effect::Delay>();
    registry.add::<effect::Master>();
    registry.add::<effect::Room>();
    registry.add::<mixer::Mixer>();
    registry.add::<recorder::Recorder>();
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
