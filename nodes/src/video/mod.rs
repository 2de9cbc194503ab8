//! Pictures in and out.

mod camera;
mod capture;
pub(crate) mod container;
mod demuxers;
pub(crate) mod ffmpeg;
mod film_encoder;
mod film_file;
#[cfg(test)]
pub(crate) mod live_test;
pub(crate) mod picture_choice;
mod screen;
mod screen_out;
mod supervised;
mod system;
pub(crate) mod timeline;
mod video_file;
mod video_mux;
mod video_stream;

use score_engine::Registry;

pub use camera::{Camera, CameraFormat, cameras};

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<camera::CameraNode>();
    registry.add::<film_file::FilmFile>();
    registry.add::<screen::Screen>();
    registry.add::<screen_out::ScreenOut>();
    registry.add::<video_file::VideoFile>();
    registry.add::<video_mux::VideoMux>();
    registry.add::<video_stream::VideoStream>();
}
