//! What of a picture is compared with another.

use score_engine::Frame;

use super::cells::{COUNT, cells, luma};

/// Bins of the histograms of luma, blue difference and red difference. Colour fills only the middle
/// of its range.
const BINS: [usize; 3] = [16, 32, 32];

/// The histograms count at most this many rows and columns of a larger picture.
const SIDE: usize = 128;

/// Contrast below this is not structure: a standard deviation of 1 % of full luma.
const FLAT: f32 = COUNT as f32 * 1e-4;

/// A mean difference of two pictures' colours, of 1, that is plain to see. Below it pictures count
/// as less different in proportion: a film that begins to fade in, a dark room's noise.
const VISIBLE: f32 = 0.03;

/// The root of structure × histogram at a very hard cut, which counts as 1.
const HARDEST: f32 = 0.7;

/// A picture, reduced to what is compared.
pub(super) struct View {
    cells: Vec<[f32; 3]>,
    /// Each cell's luma less the mean of all.
    structure: Vec<f32>,
    /// The sum of its squares.
    energy: f32,
    histograms: [Vec<f32>; 3],
}

impl View {
    pub(super) fn new(frame: &Frame) -> Self {
        let cells = cells(frame);
        let mut structure: Vec<f32> = cells.iter().map(|cell| luma(*cell)).collect();
        let mean = structure.iter().sum::<f32>() / COUNT as f32;
        structure.iter_mut().for_each(|cell| *cell -= mean);
        View {
            energy: structure.iter().map(|cell| cell * cell).sum(),
            cells,
            structure,
            histograms: histograms(frame),
        }
    }

    /// How different two pictures are, 0 to 1.
    ///
    /// The geometric mean of two measures, each of which is fooled by what the other sees through:
    /// how little the cells' luma is alike (motion changes that, a flash hardly), and how
    /// little the histograms of colour overlap (a flash changes them, motion hardly).
    pub(super) fn change(&self, other: &View) -> f32 {
        let squares: f32 = (self.structure.iter().zip(&other.structure))
            .map(|(one, other)| (one - other).powi(2))
            .sum();
        let structure = ((squares + FLAT) / (self.energy + other.energy + FLAT)).min(1.0);
        let apart: f32 = (self.histograms.iter().zip(&other.histograms))
            .map(|(one, other)| {
                let difference = one
                    .iter()
                    .zip(other)
                    .map(|(one, other)| (one - other).abs());
                difference.sum::<f32>() / 2.0
            })
            .sum();
        let histogram = apart / BINS.len() as f32;
        let difference: f32 = (self.cells.as_flattened().iter())
            .zip(other.cells.as_flattened())
            .map(|(one, other)| (one - other).abs())
            .sum();
        let visible = (difference / (3 * COUNT) as f32 / VISIBLE).min(1.0);
        ((structure * histogram).sqrt() * visible / HARDEST).min(1.0)
    }
}

/// The shares of pixels in each bin of luma, blue difference and red difference (ITU-R BT.709),
/// smoothed over the neighbouring bins so that a slight shift is a slight difference.
fn histograms(frame: &Frame) -> [Vec<f32>; 3] {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut counts = BINS.map(|bins| vec![0_u32; bins]);
    let mut pixels = 0_u32;
    for row in frame
        .pixels()
        .chunks_exact((width * 3).max(1))
        .step_by(height.div_ceil(SIDE).max(1))
    {
        for pixel in row.chunks_exact(3).step_by(width.div_ceil(SIDE).max(1)) {
            let colour = [pixel[0], pixel[1], pixel[2]].map(|value| f32::from(value) / 255.0);
            let luma = luma(colour);
            let blue = (colour[2] - luma) / 1.8556 + 0.5;
            let red = (colour[0] - luma) / 1.5748 + 0.5;
            for ((counts, bins), value) in counts.iter_mut().zip(BINS).zip([luma, blue, red]) {
                counts[((value * bins as f32).max(0.0) as usize).min(bins - 1)] += 1;
            }
            pixels += 1;
        }
    }
    counts.map(|counts| smoothed(&counts, 1.0 / pixels.max(1) as f32))
}

/// Each bin scaled, half of it given to its neighbours; the outermost keep what would fall outside.
fn smoothed(counts: &[u32], scale: f32) -> Vec<f32> {
    let last = counts.len() - 1;
    let share = |bin: usize| counts[bin] as f32 * scale;
    (0..=last)
        .map(|bin| {
            (share(bin.saturating_sub(1)) + 2.0 * share(bin) + share((bin + 1).min(last))) / 4.0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(width: usize, height: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> View {
        let pixels = (0..width * height).flat_map(|index| colour(index % width, index / width));
        View::new(&Frame::rgb(width as u32, height as u32, pixels.collect()).unwrap())
    }

    #[test]
    fn a_picture_is_like_itself_and_unlike_one_of_other_colours() {
        let one = of(64, 64, |x, _| [(x * 4) as u8, 20, 20]);
        let other = of(64, 64, |_, y| [20, 200, (y * 4) as u8]);
        assert_eq!(one.change(&one), 0.0);
        assert!(one.change(&other) > 0.8, "{}", one.change(&other));
        assert_eq!(one.change(&other), other.change(&one));
    }

    #[test]
    fn motion_alone_and_light_alone_are_small_changes() {
        let stripes = |shift: usize, light: u8| {
            of(64, 64, move |x, y| {
                [((x + shift) / 8 % 2 * 90 + y) as u8 + light; 3]
            })
        };
        let still = stripes(0, 0);
        // Shifted by a stripe, every cell is another, and the colours are the same.
        assert!(still.change(&stripes(8, 0)) < 0.1);
        assert!(
            still.change(&stripes(0, 60)) < 0.1,
            "{}",
            still.change(&stripes(0, 60))
        );
    }

    #[test]
    fn flat_pictures_differ_by_their_colour_and_slight_differences_hardly_count() {
        let flat = |colour: [u8; 3]| of(32, 32, move |_, _| colour);
        assert!(flat([0; 3]).change(&flat([255; 3])) > 0.5);
        assert!(flat([200, 0, 0]).change(&flat([0, 0, 200])) > 0.8);
        assert!(flat([15; 3]).change(&flat([17; 3])) < 0.2);
    }

    #[test]
    fn a_picture_without_pixels_is_like_any_other_such() {
        let none = View::new(&Frame::rgb(0, 0, Vec::new()).unwrap());
        assert_eq!(none.change(&none), 0.0);
        assert!(none.change(&of(1, 1, |_, _| [255; 3])).is_finite());
    }
}
