//! An RGB picture to draw rectangles and frames on, and its PNG.

use score_engine::{Frame, NodeError};

/// A colour: red, green, blue.
pub(crate) type Colour = [u8; 3];

/// A picture being drawn. What lies outside it is not drawn.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, colour: Colour) -> Self {
        Canvas {
            width,
            height,
            pixels: colour.repeat(width * height),
        }
    }

    pub(crate) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        for row in y..(y + height).min(self.height) {
            for column in x..(x + width).min(self.width) {
                self.set(column, row, colour);
            }
        }
    }

    /// Draws `frame` scaled to `width` × `height`, each pixel the nearest of the frame's.
    pub(crate) fn place(&mut self, frame: &Frame, x: usize, y: usize, width: usize, height: usize) {
        let (columns, rows) = (frame.width() as usize, frame.height() as usize);
        for row in 0..height.min(self.height.saturating_sub(y)) {
            for column in 0..width.min(self.width.saturating_sub(x)) {
                let from = (row * rows / height * columns + column * columns / width) * 3;
                if let Some(&[red, green, blue]) = frame.pixels().get(from..from + 3) {
                    self.set(x + column, y + row, [red, green, blue]);
                }
            }
        }
    }

    /// `frame` scaled to `width` × `height`, as [`Canvas::place`] draws it.
    pub(crate) fn scaled(frame: &Frame, width: usize, height: usize) -> Option<Frame> {
        let mut canvas = Canvas::new(width, height, [0; 3]);
        canvas.place(frame, 0, 0, width, height);
        Frame::rgb(width as u32, height as u32, canvas.pixels)
    }

    fn set(&mut self, x: usize, y: usize, colour: Colour) {
        let at = (y * self.width + x) * 3;
        self.pixels[at..at + 3].copy_from_slice(&colour);
    }

    #[cfg(test)]
    pub(crate) fn at(&self, x: usize, y: usize) -> &[u8] {
        let at = (y * self.width + x) * 3;
        &self.pixels[at..at + 3]
    }

    /// The picture as a PNG file.
    pub(crate) fn png(&self) -> Result<Vec<u8>, NodeError> {
        super::encoding::png(self.width as u32, self.height as u32, &self.pixels)
    }

    /// The picture as a frame; `None` where a side is 0.
    pub(crate) fn frame(self) -> Option<Frame> {
        Frame::rgb(self.width as u32, self.height as u32, self.pixels)
    }
}
