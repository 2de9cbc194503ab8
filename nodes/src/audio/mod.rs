//! Sound made and written.

mod audio_file;
mod encoder;
mod ensemble;
mod reverb;
mod sound_font;
mod synth;
mod voice;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<audio_file::AudioFile>();
    registry.add::<synth::Synth>();
}
