//! Pictures in and out.

pub(crate) mod ffmpeg;
mod video_file;
mod video_mux;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<video_file::VideoFile>();
    registry.add::<video_mux::VideoMux>();
}
