//! Covers what lies inside or outside a shape.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Choice, Descriptor, Flow, Frame, Io, Node, NodeError, Params, Processor,
};

use super::pixels::{EDITED, PICTURES, between, like, parts};
use crate::picture::files;
use crate::picture::scale::{Scaler, Window};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Shape {
    Rectangle,
    Ellipse,
    Picture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Keep {
    Inside,
    Outside,
}

/// `mask`.
#[derive(Clone, Params)]
pub(crate) struct Mask {
    /// what is inside
    #[param(live, default = Shape::Ellipse)]
    shape: Shape,
    /// what stays to be seen
    #[param(live, default = Keep::Inside)]
    keep: Keep,
    /// left edge of the shape, as a share of the picture's width
    #[param(live, range = -2.0..=2.0, span = 0.0..=1.0, default = 0.25)]
    x: f32,
    /// its top edge, as a share of the height
    #[param(live, range = -2.0..=2.0, span = 0.0..=1.0, default = 0.25)]
    y: f32,
    /// its width, as a share
    #[param(live, range = 0.0..=4.0, span = 0.0..=1.0, default = 0.5)]
    width: f32,
    /// its height, as a share
    #[param(live, range = 0.0..=4.0, span = 0.0..=1.0, default = 0.5)]
    height: f32,
    /// width of its soft edge, as a share of the picture's height
    #[param(live, range = 0.0..=2.0, span = 0.0..=0.5, default = 0.0)]
    soft: f32,
    /// how much of the rest is covered
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    amount: f32,
    /// red of what covers it
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    red: f32,
    /// its green
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    green: f32,
    /// its blue
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    blue: f32,
    /// of `shape: picture`: what is white in it is inside
    #[param(rebuild = "the file is read once", content = Picture)]
    picture: Option<PathBuf>,
}

impl Mask {
    /// What the shape depends on.
    fn outline(&self) -> (Shape, [f32; 5]) {
        let place = [self.x, self.y, self.width, self.height, self.soft];
        (self.shape, place)
    }
}

impl Node for Mask {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "mask", "Covers what lies inside or outside a shape")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(gain: 4, smooth: 1),
                    "iris": mask(x: 0, y: 0, width: 1, height: 1, soft: 0.3),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> iris -> eye -> tune -> notes", "film -> motion -> iris.amount"]"#,
            )
            .details(
                "A rectangle or an ellipse that lies within `x`, `y`, `width` and `height`, or the light of a `picture`, \
                 which is stretched over the whole. With `keep: inside` the rest is covered with the colour of `red`, \
                 `green` and `blue`, with `outside` the shape itself. The soft edge lies half within the shape and half \
                 beyond it; without one the edge is smooth over one pixel. A mask that stands still costs less \
                 than half of one that moves.",
            )
            .input(PICTURES)
            .output(EDITED)
    }

    fn check(&self, check: &mut Check<'_>) {
        match &self.picture {
            Some(path) => {
                check.require_file("picture", path, "picture");
            }
            None if self.shape == Shape::Picture => {
                let help = Some("for example `picture: \"mask.png\"`".to_owned());
                check.refuse("shape", "no `picture` says what is inside", help);
            }
            None => {}
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let picture = self.picture.as_deref().map(files::read).transpose()?;
        Ok(Box::new(Masking {
            picture,
            scaler: Scaler::default(),
            inside: None,
        }))
    }
}

struct Masking {
    /// What `picture` holds.
    picture: Option<Frame>,
    scaler: Scaler,
    /// How far each pixel lies inside, for as long as shape and size stay.
    inside: Option<Inside>,
}

/// How far each pixel lies inside a shape: 0 not at all, 255 wholly.
struct Inside {
    outline: (Shape, [f32; 5]),
    size: [u32; 2],
    levels: Vec<u8>,
}

impl Processor<Mask> for Masking {
    fn process(&mut self, params: &Mask, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, frame) = (input.packet.time, input.read(PICTURES)?);
            if params.amount == 0.0 {
                io.send(EDITED, time, frame.clone())?;
                continue;
            }
            let colour = [params.red, params.green, params.blue];
            let colour = colour.map(|share| (share.clamp(0.0, 1.0) * 255.0).round() as u8);
            // How much is covered, by how far inside a pixel lies.
            let cover: [u32; 256] = std::array::from_fn(|level| {
                let inside = level as f32 / 255.0;
                parts(
                    params.amount
                        * match params.keep {
                            Keep::Inside => 1.0 - inside,
                            Keep::Outside => inside,
                        },
                )
            });
            let levels = self.levels(params, frame);
            let mut pixels = frame.pixels().to_vec();
            for (pixel, level) in pixels.chunks_exact_mut(3).zip(levels) {
                let cover = cover[usize::from(*level)];
                for (value, covered) in pixel.iter_mut().zip(colour) {
                    *value = between(*value, covered, cover);
                }
            }
            io.send(EDITED, time, like(frame, pixels)?)?;
        }
        Ok(Flow::Continue)
    }
}

impl Masking {
    /// How far each pixel of `frame` lies inside.
    fn levels(&mut self, params: &Mask, frame: &Frame) -> &[u8] {
        let (outline, size) = (params.outline(), [frame.width(), frame.height()]);
        let is_other = |inside: &Inside| (inside.outline, inside.size) != (outline, size);
        self.inside.take_if(|inside| is_other(inside));
        let (picture, scaler) = (&self.picture, &mut self.scaler);
        let inside = self.inside.get_or_insert_with(|| Inside {
            outline,
            size,
            levels: match (params.shape, picture) {
                (Shape::Picture, Some(picture)) => light(picture, scaler, size),
                // As a hand may have it: nothing says what is inside, so nothing is covered.
                (Shape::Picture, None) => {
                    let level = if params.keep == Keep::Inside { 255 } else { 0 };
                    vec![level; size[0] as usize * size[1] as usize]
                }
                _ => drawn(params, size),
            },
        });
        &inside.levels
    }
}

/// The light of a picture that is stretched to `size`.
fn light(picture: &Frame, scaler: &mut Scaler, size: [u32; 2]) -> Vec<u8> {
    let pixels = scaler.scale(picture, Window::WHOLE, size.map(|side| side as usize));
    let luma = |pixel: &[u8]| {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        // ITU-R BT.709, in 4096 parts.
        ((871 * red + 2929 * green + 296 * blue + 2048) >> 12) as u8
    };
    pixels.chunks_exact(3).map(luma).collect()
}

/// A rectangle or an ellipse in a picture of `size`.
fn drawn(params: &Mask, [width, height]: [u32; 2]) -> Vec<u8> {
    let (wide, high) = (width as f32, height as f32);
    let half = [params.width * wide / 2.0, params.height * high / 2.0];
    let middle = [params.x * wide + half[0], params.y * high + half[1]];
    let mut levels = Vec::with_capacity(width as usize * height as usize);
    if half[0] <= 0.0 || half[1] <= 0.0 {
        levels.resize(width as usize * height as usize, 0);
        return levels;
    }
    let soft = (params.soft * high).max(1.0);
    // How far inside a pixel lies that is so many pixels within the edge.
    let level = |within: f32| {
        let share = (0.5 + within / soft).clamp(0.0, 1.0);
        (share * share * (3.0 - 2.0 * share) * 255.0 + 0.5) as u8
    };
    let ellipse = Ellipse::new(half, soft);
    for row in 0..height {
        let across = row as f32 + 0.5 - middle[1];
        for column in 0..width {
            let along = column as f32 + 0.5 - middle[0];
            levels.push(match params.shape {
                Shape::Ellipse => ellipse.level(along, across, level),
                _ => level((half[0] - along.abs()).min(half[1] - across.abs())),
            });
        }
    }
    levels
}

/// An ellipse around 0.
struct Ellipse {
    /// One over each half axis, squared; and the squares of that.
    over: [f32; 2],
    over_squared: [f32; 2],
    /// The shorter half axis.
    least: f32,
    /// The squares of the radii, of 1 at the edge, within which all is inside and beyond which all
    /// is outside.
    sure: [f32; 2],
}

impl Ellipse {
    /// With these half axes, and an edge that is so soft.
    fn new(half: [f32; 2], soft: f32) -> Self {
        let over = half.map(|half| 1.0 / (half * half));
        let least = half[0].min(half[1]);
        let edge = soft / 2.0 / least;
        Ellipse {
            over,
            over_squared: over.map(|over| over * over),
            least,
            sure: [(1.0 - edge).max(0.0).powi(2), (1.0 + edge).powi(2)],
        }
    }

    /// How far a place lies inside; `level` says it of so many pixels within the edge, which is
    /// about right near the edge, where it matters.
    #[inline]
    fn level(&self, x: f32, y: f32, level: impl Fn(f32) -> u8) -> u8 {
        let (x, y) = (x * x, y * y);
        let square = x * self.over[0] + y * self.over[1];
        if square < self.sure[0] {
            return 255;
        }
        if square >= self.sure[1] {
            return 0;
        }
        let radius = square.sqrt();
        let slope = (x * self.over_squared[0] + y * self.over_squared[1]).sqrt();
        level(match slope > 0.0 {
            true => (1.0 - radius) * radius / slope,
            // The very middle.
            false => self.least,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_frames::{at, edited, fed, frames, grey, is_shared, reds};
    use super::*;
    use crate::testing::ffmpeg;

    fn covered(params: serde_json::Value, size: u32) -> Vec<u8> {
        let white = grey(size, &vec![200; (size * size) as usize]);
        reds(&edited::<Mask>(params, &white))
    }

    #[test]
    fn a_rectangle_on_the_pixels_edges_is_exact_inside_and_outside() {
        let mut params = json!({ "shape": "rectangle", "x": 0.25, "y": 0.5, "width": 0.5, "height": 0.25, "red": 1.0 });
        let shape = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0];
        let kept =
            |inside: u8, outside: u8| shape.map(|is_in| if is_in == 1 { inside } else { outside });
        assert_eq!(covered(params.clone(), 4), kept(200, 255));
        params["keep"] = json!("outside");
        assert_eq!(covered(params.clone(), 4), kept(255, 200));
        params["amount"] = json!(0.5);
        assert_eq!(covered(params, 4), kept(228, 200));
    }

    #[test]
    fn an_ellipse_fills_its_frame_and_a_soft_edge_lies_on_both_sides_of_it() {
        let found = covered(
            json!({ "x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0 }),
            64,
        );
        let area = found
            .iter()
            .map(|value| f32::from(*value) / 200.0)
            .sum::<f32>()
            / 4096.0;
        assert!((area - std::f32::consts::FRAC_PI_4).abs() < 0.002, "{area}");
        let soft = covered(json!({ "soft": 0.25, "width": 0.5, "height": 0.5 }), 64);
        let row = &soft[32 * 64..33 * 64];
        // The edge lies at pixel 16, the soft edge from 8 to 24.
        assert_eq!((row[7], row[24]), (0, 200));
        assert!(
            (row[15].abs_diff(100) < 12) && row[10] < row[14] && row[14] < row[20],
            "{row:?}"
        );
    }

    #[test]
    fn the_light_of_a_picture_is_a_mask() {
        let folder = tempfile::tempdir().unwrap();
        let halves = "color=black:size=8x8:duration=1,drawbox=x=4:w=4:color=white:t=fill";
        ffmpeg(
            folder.path(),
            &["-f", "lavfi", "-i", halves, "-frames:v", "1", "m.png"],
        );
        let picture = folder.path().join("m.png");
        let found = covered(json!({ "shape": "picture", "picture": picture }), 4);
        assert_eq!(found, [0, 0, 200, 200].repeat(4));
    }

    #[test]
    fn a_mask_moves_opens_and_is_lifted_while_it_plays() {
        let params =
            json!({ "shape": "rectangle", "x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0 });
        let outputs = fed::<Mask>(params, vec![grey(4, &[9; 4]); 4])
            .set_live(at(0.05), "x", 0.5)
            .set_live(at(0.15), "width", 0.0)
            .set_live(at(0.25), "amount", 0.0)
            .play_live()
            .unwrap();
        let found: Vec<Vec<u8>> = frames(&outputs).iter().map(|frame| reds(frame)).collect();
        assert_eq!(found, [[9, 9, 0, 0], [0, 0, 9, 9], [0; 4], [9; 4]]);
    }

    #[test]
    fn what_covers_nothing_costs_nothing_and_no_shape_is_too_odd() {
        assert!(is_shared::<Mask>(json!({ "amount": 0.0 })));
        for (shape, width, height) in [("ellipse", 1e-9, 4.0), ("rectangle", 4.0, 0.0)] {
            let params = json!({ "shape": shape, "width": width, "height": height, "x": -2.0 });
            assert_eq!(covered(params, 3), [0; 9], "nothing is inside");
        }
        let none = Frame::rgb(0, 0, Vec::new()).unwrap();
        assert!(edited::<Mask>(json!({}), &none).pixels().is_empty());
    }

    #[test]
    fn a_picture_that_is_not_there_is_refused() {
        let refused = |params| {
            let error = fed::<Mask>(params, [grey(1, &[0])]).run().unwrap_err();
            error.to_string()
        };
        assert!(refused(json!({ "shape": "picture" })).contains("`picture`"));
        assert!(refused(json!({ "picture": "/no.png" })).contains("there is no picture"));
    }
}
