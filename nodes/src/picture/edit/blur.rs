//! Makes pictures soft.

use score_engine::{Build, Descriptor, Flow, Io, Node, NodeError, Params, Processor};

use super::pixels::{EDITED, PICTURES, like};

/// `blur`.
#[derive(Clone, Params)]
pub(crate) struct Blur {
    /// how far each pixel is spread, as a share of the picture's height
    #[param(live, range = 0.0..=0.5, span = 0.0..=0.1, default = 0.02)]
    radius: f64,
    /// how often a mean is taken: 1 is hard, 3 is nearly Gaussian
    #[param(live, range = 1..=3, default = 2)]
    passes: u32,
}

impl Node for Blur {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "blur", "Makes pictures soft")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(gain: 4, smooth: 1),
                    "haze": blur(),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> haze -> eye -> tune -> notes", "film -> motion -> haze.radius"]"#,
            )
            .details(
                "Each pass is the mean over a square whose sides are twice the radius, which costs the same whatever the \
                 radius; it grows smoothly, not pixel by pixel. Beyond the edges the picture goes on as it ends there. \
                 A radius of 0 hands pictures on as they are.",
            )
            .input(PICTURES)
            .output(EDITED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Blurring {
            spare: Vec::new(),
            row: Vec::new(),
        }))
    }
}

struct Blurring {
    /// A picture on its way, kept for its memory.
    spare: Vec<u8>,
    /// A row and what lies beyond its ends.
    row: Vec<u8>,
}

impl Processor<Blur> for Blurring {
    fn process(&mut self, params: &Blur, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, frame) = (input.packet.time, input.read(PICTURES)?);
            let size = [frame.width() as usize, frame.height() as usize];
            let reach = Reach::new(params.radius * size[1] as f64);
            if reach.is_nothing() || frame.pixels().is_empty() {
                io.send(EDITED, time, frame.clone())?;
                continue;
            }
            let mut pixels = frame.pixels().to_vec();
            self.spare.resize(pixels.len(), 0);
            for _ in 0..params.passes {
                along_rows(&pixels, &mut self.spare, size[0], &reach, &mut self.row);
                along_columns(&self.spare, &mut pixels, size, &reach);
            }
            io.send(EDITED, time, like(frame, pixels)?)?;
        }
        Ok(Flow::Continue)
    }
}

/// How many pixels on each side count, in parts of 2^20.
struct Reach {
    /// Pixels on each side that count wholly.
    whole: usize,
    /// The weight of those and of the pixel itself.
    weight: u32,
    /// The weight of the one beyond on each side.
    edge: u32,
}

/// The binary logarithm of the sum of all weights.
const BITS: u32 = 20;

impl Reach {
    /// So many pixels on each side, and a part of the next.
    fn new(radius: f64) -> Self {
        let one = f64::from(1_u32 << BITS);
        let (whole, part) = (radius.floor(), radius.fract());
        let weight = one / (2.0 * radius + 1.0);
        Reach {
            whole: whole as usize,
            weight: weight.round() as u32,
            edge: (weight * part).round() as u32,
        }
    }

    /// Whether only the pixel itself counts.
    fn is_nothing(&self) -> bool {
        self.whole == 0 && self.edge == 0
    }

    /// The mean, where the pixels that count wholly sum up to `sum` and the two beyond to `edges`.
    #[inline]
    fn mean(&self, sum: u32, edges: u32) -> u8 {
        // Rounded weights may come to a little more than white.
        let mean = (sum * self.weight + edges * self.edge + (1 << (BITS - 1))) >> BITS;
        mean.min(255) as u8
    }
}

/// Each pixel becomes the mean of those beside it. `padded` is kept for its memory.
fn along_rows(from: &[u8], to: &mut [u8], width: usize, reach: &Reach, padded: &mut Vec<u8>) {
    let (line, beyond) = (width * 3, reach.whole + 1);
    for (from, to) in from.chunks_exact(line).zip(to.chunks_exact_mut(line)) {
        // Beyond the edges the picture goes on as it ends there.
        padded.clear();
        (0..beyond).for_each(|_| padded.extend_from_slice(&from[..3]));
        padded.extend_from_slice(from);
        (0..beyond).for_each(|_| padded.extend_from_slice(&from[line - 3..]));
        // What the sum is for the pixel before the first.
        let across = 2 * reach.whole + 1;
        let mut sums = [0_u32; 3];
        for pixel in padded[..across * 3].chunks_exact(3) {
            (0..3).for_each(|of| sums[of] += u32::from(pixel[of]));
        }
        let left = padded.chunks_exact(3);
        let enters = padded[across * 3..].chunks_exact(3);
        let right = padded[(across + 1) * 3..].chunks_exact(3);
        for (((to, left), enters), right) in to.chunks_exact_mut(3).zip(left).zip(enters).zip(right)
        {
            for of in 0..3 {
                let left = u32::from(left[of]);
                sums[of] = sums[of] + u32::from(enters[of]) - left;
                to[of] = reach.mean(sums[of], left + u32::from(right[of]));
            }
        }
    }
}

/// Each pixel becomes the mean of those above and below it.
fn along_columns(from: &[u8], to: &mut [u8], [width, height]: [usize; 2], reach: &Reach) {
    let (line, last) = (width * 3, height - 1);
    let row = |row: usize| {
        let start = row.min(last) * line;
        &from[start..start + line]
    };
    let first = row(0).iter();
    let mut sums: Vec<u32> = first
        .map(|value| u32::from(*value) * (reach.whole as u32 + 1))
        .collect();
    for added in 0..reach.whole {
        for (sum, value) in sums.iter_mut().zip(row(added)) {
            *sum += u32::from(*value);
        }
    }
    for (number, to) in to.chunks_exact_mut(line).enumerate() {
        let enters = row(number + reach.whole);
        let above = row(number.saturating_sub(reach.whole + 1));
        let below = row(number + reach.whole + 1);
        let beside = enters.iter().zip(above).zip(below);
        for ((to, sum), ((enters, above), below)) in to.iter_mut().zip(&mut sums).zip(beside) {
            let (above, below) = (u32::from(*above), u32::from(*below));
            *sum = *sum + u32::from(*enters) - above;
            *to = reach.mean(*sum, above + below);
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Frame;
    use serde_json::json;

    use super::super::test_frames::{at, edited, fed, frames, grey, is_shared, reds};
    use super::*;

    /// A row of `width` pixels in a picture so high that `radius` is in pixels.
    fn row(values: &[u8], params: serde_json::Value) -> Vec<u8> {
        let width = values.len();
        let all = values.repeat(100);
        let found = reds(&edited::<Blur>(params, &grey(width as u32, &all)));
        let rows: Vec<&[u8]> = found.chunks_exact(width).collect();
        assert!(rows.iter().all(|row| *row == rows[0]), "columns are even");
        rows[0].to_vec()
    }

    #[test]
    fn a_pass_is_the_mean_of_the_pixels_around_also_of_parts_of_them() {
        let point = [0, 0, 0, 90, 0, 0, 0];
        let once = |radius: f64| json!({ "radius": radius / 100.0, "passes": 1 });
        assert_eq!(row(&point, once(1.0)), [0, 0, 30, 30, 30, 0, 0]);
        // 90 / 2 in the middle, a quarter of that beside it… 1 + 2 × 0.5 = 2.
        assert_eq!(row(&point, once(0.5)), [0, 0, 23, 45, 23, 0, 0]);
        // Beyond the edge the picture goes on as it ends.
        assert_eq!(row(&[90, 0, 0, 0], once(1.0)), [60, 30, 0, 0]);
        let twice = json!({ "radius": 0.01 });
        assert_eq!(row(&point, twice), [0, 10, 20, 30, 20, 10, 0]);
    }

    #[test]
    fn rows_and_columns_are_spread_alike_and_white_stays_white() {
        let mut values = vec![0; 81];
        values[4 * 9 + 4] = 255;
        let found = reds(&edited::<Blur>(json!({ "radius": 0.2 }), &grey(9, &values)));
        for row in 0..9 {
            for column in 0..9 {
                let turned = found[column * 9 + row];
                assert!(found[row * 9 + column].abs_diff(turned) <= 2, "{found:?}");
            }
        }
        for radius in [0.013, 0.1, 0.27, 0.5] {
            let white = grey(33, &vec![255; 33 * 40]);
            let params = json!({ "radius": radius, "passes": 3 });
            let found = reds(&edited::<Blur>(params, &white));
            assert!(found.iter().all(|value| *value == 255), "{radius}");
        }
    }

    #[test]
    fn pictures_smaller_than_the_radius_and_without_pixels_are_blurred() {
        let found = reds(&edited::<Blur>(
            json!({ "radius": 0.5 }),
            &grey(1, &[0, 100]),
        ));
        assert!(found[0] > 0 && found[1] < 100, "{found:?}");
        let none = Frame::rgb(0, 0, Vec::new()).unwrap();
        assert!(edited::<Blur>(json!({}), &none).pixels().is_empty());
    }

    #[test]
    fn a_radius_of_nothing_hands_on_and_a_new_one_counts_from_the_next_picture() {
        assert!(is_shared::<Blur>(json!({ "radius": 0.0 })));
        let picture = grey(3, &[0, 90, 0, 0, 90, 0, 0, 90, 0]);
        let outputs = fed::<Blur>(json!({ "radius": 0.0, "passes": 1 }), vec![picture; 2])
            .set_live(at(0.05), "radius", 1.0 / 3.0)
            .play_live()
            .unwrap();
        let found: Vec<u8> = frames(&outputs)
            .iter()
            .map(|frame| reds(frame)[1])
            .collect();
        assert_eq!(found, [90, 30]);
    }
}
