//! Pictures in.

mod ffmpeg;
mod video_file;

use score_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<video_file::VideoFile>();
}
