//! What the nodes that edit pictures have in common.

use score_engine::{Frame, InputPort, NodeError, OutputPort};

/// Where pictures come in.
pub(super) const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");

/// Where edited pictures leave.
pub(super) const EDITED: OutputPort<Frame> = OutputPort::new(0, "frames", "the pictures, edited");

/// A picture of the size of `frame` with these pixels.
///
/// # Errors
/// There are more or fewer, which no node makes.
pub(super) fn like(frame: &Frame, pixels: Vec<u8>) -> Result<Frame, NodeError> {
    picture(frame.width(), frame.height(), pixels)
}

/// A picture of this size with these pixels.
///
/// # Errors
/// There are more or fewer, which no node makes.
pub(super) fn picture(width: u32, height: u32, pixels: Vec<u8>) -> Result<Frame, NodeError> {
    let frame = Frame::rgb(width, height, pixels);
    frame.ok_or_else(|| NodeError::internal("a picture has another number of pixels than its size"))
}

/// A share from 0 to 1 as a weight of 256 parts.
pub(super) fn parts(share: f32) -> u32 {
    (share.clamp(0.0, 1.0) * 256.0).round() as u32
}

/// A byte that lies `parts` of 256 on the way from one to another.
#[inline]
pub(super) fn between(from: u8, to: u8, parts: u32) -> u8 {
    ((u32::from(from) * (256 - parts) + u32::from(to) * parts + 128) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_way_between_two_bytes_are_exact() {
        for (from, to) in [(0, 255), (255, 0), (17, 18), (200, 200)] {
            assert_eq!(between(from, to, parts(0.0)), from);
            assert_eq!(between(from, to, parts(1.0)), to);
        }
        assert_eq!(between(0, 100, parts(0.5)), 50);
        assert_eq!(parts(f32::NAN), 0);
    }
}
