//! Lays pictures of one size out beside one another.

use score_engine::Frame;

use super::canvas::{Canvas, Colour};

/// Between two pictures, in pixels.
const GAP: usize = 4;

const BACKGROUND: Colour = [18, 18, 24];

/// `frames` in rows of `columns`, each as large as the first; `None` where there are none.
pub(crate) fn of(frames: &[Frame], columns: usize) -> Option<Frame> {
    let first = frames.first()?;
    let (width, height) = (first.width() as usize, first.height() as usize);
    let columns = columns.clamp(1, frames.len());
    let rows = frames.len().div_ceil(columns);
    let mut canvas = Canvas::new(
        columns * (width + GAP) + GAP,
        rows * (height + GAP) + GAP,
        BACKGROUND,
    );
    for (number, frame) in frames.iter().enumerate() {
        let (column, row) = (number % columns, number / columns);
        let (x, y) = (column * (width + GAP) + GAP, row * (height + GAP) + GAP);
        canvas.place(frame, x, y, width, height);
    }
    canvas.frame()
}

/// As many columns as make a sheet of `count` pictures about as wide as it is high.
pub fn square(count: usize) -> usize {
    let side = (1..=count).find(|side| side * side >= count);
    side.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_in_rows_and_the_last_row_may_be_short() {
        assert_eq!([0, 1, 4, 5, 9, 10].map(square), [1, 1, 2, 3, 3, 4]);
        let frame = |level: u8| Frame::rgb(2, 1, vec![level; 6]).unwrap();
        let sheet = of(&[frame(1), frame(2), frame(3)], 2).unwrap();
        let (two, one) = (2 * (2 + GAP) + GAP, 2 * (1 + GAP) + GAP);
        assert_eq!((sheet.width(), sheet.height()), (two as u32, one as u32));
        let level = |x: usize, y: usize| sheet.pixels()[(y * two + x) * 3];
        assert_eq!(level(GAP, GAP), 1);
        assert_eq!(level(GAP + 2 + GAP, GAP), 2);
        assert_eq!(level(GAP, GAP + 1 + GAP), 3);
        assert_eq!(level(GAP + 2 + GAP, GAP + 1 + GAP), BACKGROUND[0]);
        assert!(of(&[], 3).is_none());
    }
}
