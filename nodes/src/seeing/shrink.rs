//! Averages pictures down to the size that a model wants.

use score_engine::Frame;

use crate::model::Picture;

/// Appends `frame` at the wanted size; every pixel is the mean of the area that it covers.
pub(crate) fn average_into(frame: &Frame, wanted: Picture, pixels: &mut Vec<u8>) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let source = frame.pixels();
    if source.is_empty() {
        pixels.resize(pixels.len() + wanted.width * wanted.height * 3, 0);
        return;
    }
    if (width, height) == (wanted.width, wanted.height) {
        pixels.extend_from_slice(source);
        return;
    }
    let columns = shares(width, wanted.width);
    for (top, weights) in shares(height, wanted.height) {
        // One pass over the rows that this one covers, then one along it.
        let mut row = vec![0.0_f32; width * 3];
        for (y, weight) in weights.iter().enumerate() {
            let start = (top + y) * width * 3;
            for (sum, value) in row.iter_mut().zip(&source[start..start + width * 3]) {
                *sum += weight * f32::from(*value);
            }
        }
        for (left, weights) in &columns {
            for colour in 0..3 {
                let mean: f32 = weights
                    .iter()
                    .enumerate()
                    .map(|(x, weight)| weight * row[(left + x) * 3 + colour])
                    .sum();
                pixels.push(mean.round().clamp(0.0, 255.0) as u8);
            }
        }
    }
}

/// For each of `wanted` parts of a line of `size` pixels: its first pixel, and the share of each
/// from there.
fn shares(size: usize, wanted: usize) -> Vec<(usize, Vec<f32>)> {
    let step = size as f64 / wanted as f64;
    (0..wanted)
        .map(|part| {
            let (from, to) = (part as f64 * step, (part + 1) as f64 * step);
            let first = (from as usize).min(size - 1);
            let last = (to.ceil() as usize).clamp(first + 1, size);
            let weights = (first..last)
                .map(|pixel| {
                    let covered = to.min((pixel + 1) as f64) - from.max(pixel as f64);
                    (covered.max(0.0) / step) as f32
                })
                .collect();
            (first, weights)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_picture_is_the_mean_of_the_areas() {
        let values = [0, 10, 20, 30, 40, 50];
        let pixels = values.iter().flat_map(|value| [*value; 3]).collect();
        let frame = Frame::rgb(3, 2, pixels).unwrap();
        let mut small = Vec::new();
        average_into(
            &frame,
            Picture {
                width: 2,
                height: 1,
            },
            &mut small,
        );
        // 1.5 columns each: (0 + 10/2) / 1.5 = 3.3 above, 33.3 below; 16.7 and 46.7.
        assert_eq!(small, [18, 18, 18, 32, 32, 32]);
    }

    #[test]
    fn every_part_of_a_line_has_weight_one() {
        for (size, wanted) in [(1, 64), (97, 64), (64, 97), (1920, 64)] {
            for (first, weights) in shares(size, wanted) {
                assert!(first + weights.len() <= size);
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            }
        }
    }
}
