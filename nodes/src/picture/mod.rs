//! Pictures: of a run, from and into files, and edited while they play.

pub(crate) mod canvas;
pub(crate) mod contact_sheet;
mod course;
mod drawn_notes;
mod edit;
pub(crate) mod encoding;
pub(crate) mod files;
mod letters;
mod nearest_picture;
mod piano_roll;
mod picture_file;
pub(crate) mod scale;

use score_engine::Registry;

#[cfg(feature = "onnx")]
pub(crate) use files::read;

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<piano_roll::PianoRoll>();
    registry.add::<picture_file::PictureFile>();
    registry.add::<nearest_picture::NearestPicture>();
    edit::register(registry);
    files::register(registry);
}
