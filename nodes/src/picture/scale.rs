//! Brings a part of a picture to another size.

use score_engine::Frame;

/// A part of a picture, in shares of its width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// No window is smaller, in shares.
const SMALLEST: f64 = 0.001;

/// Places nearer to a pixel's edge than this, in pixels, lie on it.
const SNAP: f64 = 1e-6;

impl Window {
    /// The whole picture.
    pub(crate) const WHOLE: Window = Window {
        left: 0.0,
        top: 0.0,
        width: 1.0,
        height: 1.0,
    };

    /// The window of this place and size; one that would reach beyond the picture is moved back.
    pub(crate) fn within(left: f64, top: f64, width: f64, height: f64) -> Self {
        let (width, height) = (width.clamp(SMALLEST, 1.0), height.clamp(SMALLEST, 1.0));
        Window {
            left: left.clamp(0.0, 1.0 - width),
            top: top.clamp(0.0, 1.0 - height),
            width,
            height,
        }
    }
}

/// The longest side that follows from another, in pixels.
const LONGEST: u32 = 8192;

/// The width and height for a picture that has its `own`, where others are wanted: where only one
/// is, the other is in proportion.
pub(crate) fn sides(own: (u32, u32), wanted: (Option<u32>, Option<u32>)) -> (u32, u32) {
    let in_proportion = |side: u32, of: u32, other: u32| {
        let scaled = u64::from(side) * u64::from(other) / u64::from(of.max(1));
        u32::try_from(scaled).unwrap_or(u32::MAX).clamp(1, LONGEST)
    };
    match wanted {
        (None, None) => own,
        (Some(width), None) => (width, in_proportion(width, own.0, own.1)),
        (None, Some(height)) => (in_proportion(height, own.1, own.0), height),
        (Some(width), Some(height)) => (width, height),
    }
}

/// Scales pictures, and keeps what it has reckoned for as long as sizes stay.
#[derive(Default)]
pub(crate) struct Scaler {
    plan: Option<Plan>,
    /// One row of sums, kept for its memory.
    sums: Vec<f32>,
}

/// What one scaling needs to know.
struct Plan {
    window: Window,
    from: [usize; 2],
    to: [usize; 2],
    columns: Axis,
    rows: Axis,
}

impl Scaler {
    /// The pixels of `window` of `frame` at `to`, width and height: each is the mean of the area
    /// that it covers where the picture gets smaller, and lies between its neighbours where it gets
    /// larger.
    pub(crate) fn scale(&mut self, frame: &Frame, window: Window, to: [usize; 2]) -> Vec<u8> {
        let from = [frame.width() as usize, frame.height() as usize];
        let source = frame.pixels();
        if source.is_empty() {
            return vec![0; to[0] * to[1] * 3];
        }
        let is_other = |plan: &Plan| (plan.window, plan.from, plan.to) != (window, from, to);
        self.plan.take_if(|plan| is_other(plan));
        let plan = self.plan.get_or_insert_with(|| Plan {
            window,
            from,
            to,
            columns: Axis::new(from[0], window.left, window.width, to[0]),
            rows: Axis::new(from[1], window.top, window.height, to[1]),
        });
        let mut pixels = vec![0; to[0] * to[1] * 3];
        let reach = plan.columns.reach();
        let row = |y: usize| {
            let start = (y * from[0] + reach.start) * 3;
            &source[start..start + reach.len() * 3]
        };
        let (columns, rows) = (&plan.columns, &plan.rows);
        let lines = pixels.chunks_exact_mut((to[0] * 3).max(1));
        if columns.is_plain() && rows.is_plain() {
            for (line, span) in lines.zip(&rows.spans) {
                line.copy_from_slice(row(span.first));
            }
            return pixels;
        }
        for (line, vertical) in lines.zip(&rows.spans) {
            self.sums.clear();
            self.sums.resize(reach.len() * 3, 0.0);
            for (y, weight) in (vertical.first..).zip(rows.weights(vertical)) {
                for (sum, value) in self.sums.iter_mut().zip(row(y)) {
                    *sum += weight * f32::from(*value);
                }
            }
            for (pixel, horizontal) in line.chunks_exact_mut(3).zip(&columns.spans) {
                let start = (horizontal.first - reach.start) * 3;
                let (sums, weights) = (&self.sums[start..], columns.weights(horizontal));
                let mixed = match (weights, sums) {
                    // By far the most where a picture gets larger.
                    (&[one, other], &[a, b, c, d, e, f, ..]) => [
                        0.5 + one * a + other * d,
                        0.5 + one * b + other * e,
                        0.5 + one * c + other * f,
                    ],
                    _ => mean(sums, weights),
                };
                // A cast holds what rounding leaves beyond a byte.
                pixel.copy_from_slice(&mixed.map(|value| value as u8));
            }
        }
        pixels
    }
}

/// The weighted mean of pixels, and a half, so that a cast rounds it.
fn mean(sums: &[f32], weights: &[f32]) -> [f32; 3] {
    let mut mean = [0.5; 3];
    for (sum, weight) in sums.chunks_exact(3).zip(weights) {
        mean.iter_mut()
            .zip(sum)
            .for_each(|(mean, sum)| *mean += weight * sum);
    }
    mean
}

/// How the pixels of one side are made of those of another.
struct Axis {
    spans: Vec<Span>,
    weights: Vec<f32>,
}

/// What one pixel is made of.
struct Span {
    /// The first pixel that counts.
    first: usize,
    /// Where the weights of it and those after it lie.
    weights: std::ops::Range<usize>,
}

impl Axis {
    /// `wanted` pixels of the `share` of `size` pixels that begins at the share `from`.
    fn new(size: usize, from: f64, share: f64, wanted: usize) -> Self {
        let snapped = |place: f64| match (place - place.round()).abs() < SNAP {
            true => place.round(),
            false => place,
        };
        let (from, length) = (snapped(from * size as f64), snapped(share * size as f64));
        let step = length / wanted as f64;
        let mut axis = Axis {
            spans: Vec::with_capacity(wanted),
            weights: Vec::new(),
        };
        for pixel in 0..wanted {
            let begin = from + pixel as f64 * step;
            if step >= 1.0 {
                axis.cover(size, snapped(begin), snapped(begin + step));
            } else {
                axis.between(size, begin + step / 2.0 - 0.5);
            }
        }
        axis
    }

    /// Adds a pixel that is the mean from one place to another.
    fn cover(&mut self, size: usize, begin: f64, end: f64) {
        let first = (begin as usize).min(size - 1);
        let last = (end.ceil() as usize).clamp(first + 1, size);
        let weights = self.weights.len();
        for pixel in first..last {
            let covered = end.min((pixel + 1) as f64) - begin.max(pixel as f64);
            self.weights.push((covered.max(0.0) / (end - begin)) as f32);
        }
        self.spans.push(Span {
            first,
            weights: weights..self.weights.len(),
        });
    }

    /// Adds a pixel that lies between the two whose middles are around `place`.
    fn between(&mut self, size: usize, place: f64) {
        let place = place.clamp(0.0, (size - 1) as f64);
        let first = place as usize;
        let share = (place - first as f64) as f32;
        let weights = self.weights.len();
        self.weights.push(1.0 - share);
        if share > 0.0 {
            self.weights.push(share);
        }
        self.spans.push(Span {
            first,
            weights: weights..self.weights.len(),
        });
    }

    fn weights(&self, span: &Span) -> &[f32] {
        &self.weights[span.weights.clone()]
    }

    /// The pixels that count at all.
    fn reach(&self) -> std::ops::Range<usize> {
        let first = self.spans.first().map_or(0, |span| span.first);
        let end = |span: &Span| span.first + span.weights.len();
        first..self.spans.last().map_or(first, end)
    }

    /// Whether pixels stay what they are, one after the other.
    fn is_plain(&self) -> bool {
        let mut pixels = (self.reach().start..).zip(&self.spans);
        pixels.all(|(pixel, span)| span.first == pixel && self.weights(span) == [1.0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_is_left_out_is_in_proportion() {
        assert_eq!(sides((640, 360), (None, None)), (640, 360));
        assert_eq!(sides((640, 360), (Some(320), None)), (320, 180));
        assert_eq!(sides((640, 360), (None, Some(720))), (1280, 720));
        assert_eq!(sides((640, 360), (Some(64), Some(64))), (64, 64));
        assert_eq!(sides((1, 9000), (Some(8192), None)), (8192, LONGEST));
        assert_eq!(sides((9000, 1), (Some(2), None)), (2, 1));
    }

    fn grey(width: u32, values: &[u8]) -> Frame {
        let pixels = values.iter().flat_map(|value| [*value; 3]).collect();
        Frame::rgb(width, values.len() as u32 / width, pixels).unwrap()
    }

    fn scaled(frame: &Frame, window: Window, to: [usize; 2]) -> Vec<u8> {
        let pixels = Scaler::default().scale(frame, window, to);
        assert_eq!(pixels.len(), to[0] * to[1] * 3);
        pixels.chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn a_smaller_picture_is_the_mean_and_a_larger_one_lies_between() {
        let frame = grey(4, &[0, 40, 80, 120]);
        assert_eq!(scaled(&frame, Window::WHOLE, [2, 1]), [20, 100]);
        assert_eq!(scaled(&frame, Window::WHOLE, [1, 2]), [60, 60]);
        assert_eq!(
            scaled(&frame, Window::WHOLE, [8, 1]),
            [0, 10, 30, 50, 70, 90, 110, 120]
        );
        let middle = Window::within(0.25, 0.0, 0.5, 1.0);
        assert_eq!(scaled(&frame, middle, [2, 1]), [40, 80]);
        // Half a pixel further on.
        let between = Window::within(0.125, 0.0, 0.5, 1.0);
        assert_eq!(scaled(&frame, between, [2, 1]), [20, 60]);
    }

    #[test]
    fn what_keeps_its_size_keeps_its_pixels_and_white_stays_white() {
        let values: Vec<u8> = (0..=255).collect();
        let frame = grey(16, &values);
        assert_eq!(scaled(&frame, Window::WHOLE, [16, 16]), values);
        let white = grey(16, &[255; 256]);
        for to in [[1, 1], [7, 5], [16, 3], [33, 50]] {
            for window in [Window::WHOLE, Window::within(0.31, 0.07, 0.39, 0.61)] {
                let pixels = scaled(&white, window, to);
                assert!(pixels.iter().all(|value| *value == 255), "{to:?}");
            }
        }
    }

    #[test]
    fn any_window_of_any_picture_is_scaled() {
        let mut scaler = Scaler::default();
        for (width, height) in [(1, 1), (3, 200), (97, 2)] {
            let frame = grey(width, &vec![7; (width * height) as usize]);
            for share in [-1.0, 0.0, 1e-9, 0.4999999, 1.0, 9.0] {
                let window = Window::within(share, 1.0 - share, share, share);
                let pixels = scaler.scale(&frame, window, [5, 64]);
                assert_eq!(pixels, vec![7; 5 * 64 * 3], "{share}");
            }
        }
        let none = Frame::rgb(0, 0, Vec::new()).unwrap();
        assert_eq!(scaler.scale(&none, Window::WHOLE, [2, 1]), [0; 6]);
    }
}
