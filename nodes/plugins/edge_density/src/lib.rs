//! A plugin for SCORE!: `edge_density`, how much detail the picture has.

use score_plugin::{
    Build, Control, Descriptor, Flow, Frame, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor,
};

score_plugin::export!(EdgeDensity);

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const DENSITY: OutputPort<Control> = OutputPort::new(0, "density", "0: none of the pixels, 1: all");

/// The steepest slope that a pair of Sobel filters can find in a picture whose luma goes from 0 to
/// 1: √(4² + 4²).
const STEEPEST: f32 = 4.0 * std::f32::consts::SQRT_2;

/// `edge_density`.
#[derive(Clone, Params)]
pub struct EdgeDensity {
    /// how steep an edge is; 1: from black to white
    #[param(live, range = 0.0..=1.0, default = 0.1)]
    threshold: f32,
}

impl Node for EdgeDensity {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("plugin", "edge_density", "How much detail the picture has")
            .details(
                "The share of pixels that lie on an edge: where the slope of the luma (ITU-R BT.709, on the film's own \
                 gamma), found with Sobel filters, is steeper than `threshold`. A wall is near 0, foliage near 1. One \
                 number for each picture. A picture of 64 × 64 pixels is enough, and quick.",
            )
            .input(PICTURES)
            .output(DENSITY)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting::default()))
    }
}

#[derive(Default)]
struct Counting {
    /// The picture's luma, kept so that no picture needs memory of its own.
    luma: Vec<f32>,
}

impl Counting {
    /// The share of the inner pixels that lie on an edge steeper than `threshold`; 0 where there
    /// are none.
    fn density(&mut self, frame: &Frame, threshold: f32) -> f32 {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        if width < 3 || height < 3 {
            return 0.0;
        }
        self.luma.clear();
        self.luma
            .extend(frame.pixels().chunks_exact(3).map(|pixel| {
                let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
                (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255.0
            }));
        // Squares are compared, which spares a root for each pixel.
        let least = (threshold * STEEPEST).powi(2);
        let mut edges = 0_usize;
        let rows = self.luma.windows(3 * width).step_by(width);
        for rows in rows.take(height - 2) {
            let (above, here, below) = (rows, &rows[width..], &rows[2 * width..]);
            for x in 0..width - 2 {
                let window = |row: &[f32]| [at(row, x), at(row, x + 1), at(row, x + 2)];
                let ([a, b, c], [d, _, f], [g, h, i]) =
                    (window(above), window(here), window(below));
                let across = (c + 2.0 * f + i) - (a + 2.0 * d + g);
                let down = (g + 2.0 * h + i) - (a + 2.0 * b + c);
                if across * across + down * down > least {
                    edges += 1;
                }
            }
        }
        edges as f32 / ((width - 2) * (height - 2)) as f32
    }
}

fn at(row: &[f32], x: usize) -> f32 {
    row.get(x).copied().unwrap_or(0.0)
}

impl Processor<EdgeDensity> for Counting {
    fn process(&mut self, params: &EdgeDensity, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let density = self.density(input.read(PICTURES)?, params.threshold);
            io.send(DENSITY, input.packet.time, density)?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_plugin::harness::Harness;
    use score_plugin::{Payload, PortType, Time, Value};
    use serde_json::json;

    use super::*;

    const SIZE: usize = 34;

    /// What the node says of pictures of these pixels, grey from 0 to 255.
    fn densities(params: Value, pictures: &[fn(usize, usize) -> u8]) -> Vec<f32> {
        let picture = |grey: &fn(usize, usize) -> u8| {
            let pixels = (0..SIZE * SIZE).flat_map(|n| [grey(n % SIZE, n / SIZE); 3]);
            Frame::rgb(SIZE as u32, SIZE as u32, pixels.collect()).unwrap()
        };
        let frames = (0..).zip(pictures).map(|(n, grey)| {
            let frame = Payload::Frame(Arc::new(picture(grey)));
            (Time::from_seconds(f64::from(n)), frame)
        });
        let outputs = Harness::<EdgeDensity>::new(params)
            .feed(
                "frames",
                PortType::Frame,
                frames.collect(),
                Time::from_seconds(9.0),
            )
            .run()
            .unwrap();
        let packets = outputs.packets("density").iter();
        packets.map(|packet| *packet.control().unwrap()).collect()
    }

    #[test]
    fn a_wall_has_none_an_edge_a_little_and_squares_of_two_pixels_all() {
        let wall = |_, _| 90;
        let edge = |x, _| if x < SIZE / 2 { 0 } else { 255 };
        let lying = |_, y| if y < SIZE / 2 { 0 } else { 255 };
        let squares = |x: usize, y: usize| {
            if (x / 2 + y / 2).is_multiple_of(2) {
                0
            } else {
                255
            }
        };
        let found = densities(json!({}), &[wall, edge, lying, squares]);
        // Two of the 32 columns, or rows, touch the edge.
        assert_eq!(found, [0.0, 2.0 / 32.0, 2.0 / 32.0, 1.0]);
    }

    #[test]
    fn what_is_less_steep_than_the_threshold_is_no_edge() {
        let slope: fn(usize, usize) -> u8 = |x, _| (x * 7) as u8;
        assert_eq!(densities(json!({ "threshold": 0.5 }), &[slope]), [0.0]);
        assert_eq!(densities(json!({ "threshold": 0.01 }), &[slope]), [1.0]);
    }

    #[test]
    fn a_picture_without_an_inside_has_no_edges() {
        let frame = Payload::Frame(Arc::new(Frame::rgb(2, 2, vec![9; 12]).unwrap()));
        let outputs = Harness::<EdgeDensity>::new(json!({}))
            .feed(
                "frames",
                PortType::Frame,
                vec![(Time::ZERO, frame)],
                Time::from_seconds(1.0),
            )
            .run()
            .unwrap();
        assert_eq!(outputs.packets("density")[0].control().unwrap(), &0.0);
    }
}
