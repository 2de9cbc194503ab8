//! Small pictures of what was taught, beside the file of the examples.

use std::io::{self, Write as _};
use std::path::Path;

use score_engine::{Frame, NodeError};

use crate::output::{numbered, publish, unwritable};
use crate::picture::encoding;
use crate::picture::scale::{Scaler, Window, sides};
use crate::plain_file;

/// The longer side, in pixels.
const SIDE: u32 = 160;

/// The most names that are tried.
const MOST_NAMES: u32 = 100;

/// Writes a small picture of `frame` for the example `id` into `folder`, under a name that is
/// free; the name.
///
/// # Errors
/// The picture is empty, or the folder cannot be written to.
pub(super) fn write(folder: &Path, id: u64, frame: &Frame) -> Result<String, NodeError> {
    let path = folder.join(format!("{id}.png"));
    let bytes = png(frame)?;
    let place = || -> io::Result<Option<String>> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".score-")
            .suffix(".partial")
            .tempfile_in(folder)?;
        file.write_all(&bytes)?;
        publish(&file)?;
        for number in 1..MOST_NAMES {
            let free = numbered(&path, number);
            match file.persist_noclobber(&free) {
                Ok(_) => {
                    let name = free
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned());
                    return Ok(name);
                }
                Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = failed.file;
                }
                Err(failed) => return Err(failed.error),
            }
        }
        Ok(None)
    };
    match place() {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(unwritable(&path, io::ErrorKind::AlreadyExists.into())),
        Err(error) => Err(unwritable(&path, error)),
    }
}

/// The largest file that is read, in bytes: three times as many as a small picture without any
/// compression has.
const LARGEST: u64 = 3 * 3 * (SIDE as u64) * (SIDE as u64);

/// What every PNG begins with.
const BEGINS: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The file of a small picture; `None`: there is none, or something else.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let bytes = plain_file::read(path, LARGEST).ok()?;
    bytes.starts_with(BEGINS).then_some(bytes)
}

/// A small picture as a PNG file.
fn png(frame: &Frame) -> Result<Vec<u8>, NodeError> {
    let (width, height, pixels) = small(frame)
        .ok_or_else(|| NodeError::internal("the picture of an example has no pixels"))?;
    encoding::png(width, height, &pixels)
}

/// The picture with no side longer than `SIDE`: of each area its mean; `None`: it has no pixels.
fn small(frame: &Frame) -> Option<(u32, u32, Vec<u8>)> {
    let (width, height) = (frame.width(), frame.height());
    if width == 0 || height == 0 {
        return None;
    }
    if width.max(height) <= SIDE {
        return Some((width, height, frame.pixels().to_vec()));
    }
    let wanted = match width > height {
        true => (Some(SIDE), None),
        false => (None, Some(SIDE)),
    };
    let (width, height) = sides((width, height), wanted);
    let to = [width as usize, height as usize];
    let pixels = Scaler::default().scale(frame, Window::WHOLE, to);
    Some((width, height, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_picture_is_shrunk_to_the_mean_of_its_areas() {
        let row = [[10; 3]; 200].into_iter().chain([[90; 3]; 200]);
        let row: Vec<u8> = row.flatten().collect();
        let frame = Frame::rgb(400, 100, row.repeat(100)).unwrap();
        let (width, height, pixels) = small(&frame).unwrap();
        assert_eq!((width, height), (160, 40));
        assert_eq!((pixels[0], pixels[79 * 3], pixels[80 * 3]), (10, 10, 90));
        for (width, height) in [(1, 1), (161, 1), (1, 5000), (333, 777)] {
            let frame = Frame::rgb(width, height, vec![7; (width * height * 3) as usize]).unwrap();
            let (width, height, pixels) = small(&frame).unwrap();
            assert_eq!(pixels, vec![7; (width * height * 3) as usize]);
        }
        assert!(small(&Frame::rgb(0, 4, Vec::new()).unwrap()).is_none());
    }

    #[test]
    fn no_picture_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let frame = Frame::rgb(1, 1, vec![1, 2, 3]).unwrap();
        std::fs::write(folder.path().join("7.png"), "mine").unwrap();
        let name = write(folder.path(), 7, &frame).unwrap();
        assert_eq!(name, "7-2.png");
        let mine = std::fs::read(folder.path().join("7.png")).unwrap();
        assert_eq!(mine, b"mine");
        assert!(read(&folder.path().join(name)).is_some());
        assert!(read(&folder.path().join("7.png")).is_none(), "no PNG");
    }
}
