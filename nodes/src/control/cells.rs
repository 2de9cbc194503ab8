//! A picture as a small grid of mean colours: little to compute with, and without the camera's
//! noise.

use score_engine::Frame;

/// Cells along each side of the grid.
pub(super) const SIDE: usize = 16;

/// Cells in the grid.
pub(super) const COUNT: usize = SIDE * SIDE;

/// The brightness of a colour, 0 to 1: what the eye makes of red, green and blue (luma, ITU-R
/// BT.709).
pub(super) fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The mean colour of each cell, row by row from the top; red, green and blue from 0 to 1. Every
/// pixel counts, and a picture of fewer pixels than cells has its pixels repeated. A picture
/// without pixels is black.
pub(super) fn cells(frame: &Frame) -> Vec<[f32; 3]> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    if frame.pixels().is_empty() {
        return vec![[0.0; 3]; COUNT];
    }
    let mut cells = Vec::with_capacity(COUNT);
    for row in 0..SIDE {
        let rows = part(row, height);
        for column in 0..SIDE {
            let columns = part(column, width);
            let mut sums = [0_u64; 3];
            for y in rows.clone() {
                let start = (y * width + columns.start) * 3;
                let pixels = &frame.pixels()[start..start + columns.len() * 3];
                for pixel in pixels.chunks_exact(3) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u64::from(*value);
                    }
                }
            }
            let scale = 1.0 / (255.0 * (rows.len() * columns.len()) as f64);
            cells.push(sums.map(|sum| (sum as f64 * scale) as f32));
        }
    }
    cells
}

/// The pixels of one cell along a side of `size` pixels, at least one.
fn part(index: usize, size: usize) -> std::ops::Range<usize> {
    let from = index * size / SIDE;
    from..((index + 1) * size / SIDE).max(from + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_size_has_cells_of_its_colours() {
        for (width, height) in [(1, 1), (15, 3), (16, 16), (17, 40), (64, 64)] {
            let pixels = [255, 0, 51].repeat(width * height);
            let frame = Frame::rgb(width as u32, height as u32, pixels).unwrap();
            let cells = cells(&frame);
            assert_eq!(cells.len(), COUNT);
            assert!(cells.iter().all(|cell| *cell == [1.0, 0.0, 0.2]));
        }
        let none = Frame::rgb(0, 0, Vec::new()).unwrap();
        assert_eq!(cells(&none), vec![[0.0; 3]; COUNT]);
    }

    #[test]
    fn cells_lie_where_their_pixels_do() {
        let mut pixels = vec![0; 32 * 32 * 3];
        // The pixel in column 31 and row 1 lies in the last cell of the first row, among four.
        pixels[(32 + 31) * 3] = 255;
        let cells = cells(&Frame::rgb(32, 32, pixels).unwrap());
        assert_eq!(cells[SIDE - 1], [0.25, 0.0, 0.0]);
        assert_eq!(cells.iter().filter(|cell| cell[0] > 0.0).count(), 1);
    }
}
