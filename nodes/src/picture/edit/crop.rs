//! Shows a part of the picture.

use score_engine::{Build, Descriptor, Flow, Io, Node, NodeError, Params, Processor};

use super::pixels::{EDITED, PICTURES, picture};
use crate::picture::scale::{Scaler, Window};

/// Why the size of what leaves is not live.
const SIZED: &str = "the nodes behind take pictures of one size";

/// `crop`.
#[derive(Clone, Params)]
pub(crate) struct Crop {
    /// left edge of the part, as a share of the picture's width
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    x: f64,
    /// its top edge, as a share of the height
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    y: f64,
    /// its width, as a share
    #[param(live, range = 0.001..=1.0, span = 0.1..=1.0, default = 1.0)]
    width: f64,
    /// its height, as a share
    #[param(live, range = 0.001..=1.0, span = 0.1..=1.0, default = 1.0)]
    height: f64,
    /// width of the pictures that leave; left out: that of those that come
    #[param(structural = SIZED, range = 1..=4096, unit = "pixels")]
    output_width: Option<u32>,
    /// their height; left out: that of those that come
    #[param(structural = SIZED, range = 1..=4096, unit = "pixels")]
    output_height: Option<u32>,
}

impl Node for Crop {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "crop", "Shows a part of the picture")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 320, height: 180, rate: 8),
                    "light": brightness(smooth: 2),
                    "closer": crop(y: 0.25, width: 0.5, height: 0.5, output_width: 64, output_height: 64),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> closer -> eye -> tune -> notes", "film -> light -> closer.x"]"#,
            )
            .details(
                "What is cut out is brought to the size of the pictures that come, or to `output_width` and \
                 `output_height`, so that it can move and grow while it plays: a slow pan, a zoom. A part that would \
                 reach beyond the picture is moved back into it: `x: 1` is the rightmost. Smaller pictures are means \
                 of what they show, larger ones are smooth. A whole picture that keeps its size costs nothing.",
            )
            .input(PICTURES)
            .output(EDITED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Cropping {
            scaler: Scaler::default(),
        }))
    }
}

struct Cropping {
    scaler: Scaler,
}

impl Processor<Crop> for Cropping {
    fn process(&mut self, params: &Crop, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, frame) = (input.packet.time, input.read(PICTURES)?);
            let width = params.output_width.unwrap_or(frame.width());
            let height = params.output_height.unwrap_or(frame.height());
            let window = Window::within(params.x, params.y, params.width, params.height);
            if window == Window::WHOLE && (width, height) == (frame.width(), frame.height()) {
                io.send(EDITED, time, frame.clone())?;
                continue;
            }
            let size = [width as usize, height as usize];
            let pixels = self.scaler.scale(frame, window, size);
            io.send(EDITED, time, picture(width, height, pixels)?)?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Frame;
    use serde_json::json;

    use super::super::test_frames::{at, edited, fed, frames, grey, is_shared, reds};
    use super::*;

    #[test]
    fn a_part_is_cut_out_and_brought_to_the_size_that_is_wanted() {
        let frame = grey(
            4,
            &[0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33],
        );
        let part = json!({ "x": 0.5, "y": 0.25, "width": 0.5, "height": 0.5, "output_width": 2, "output_height": 2 });
        let cut = edited::<Crop>(part, &frame);
        assert_eq!((cut.width(), cut.height()), (2, 2));
        assert_eq!(reds(&cut), [12, 13, 22, 23]);
        // Beyond the edge: the last part. Without a size: the picture's own.
        let last = edited::<Crop>(json!({ "x": 1.0, "width": 0.25 }), &frame);
        assert_eq!((last.width(), last.height()), (4, 4));
        assert_eq!(reds(&last)[..4], [3, 3, 3, 3]);
    }

    #[test]
    fn the_whole_picture_is_handed_on_as_it_is() {
        assert!(is_shared::<Crop>(json!({})));
        assert!(is_shared::<Crop>(
            json!({ "output_width": 2, "output_height": 2 })
        ));
        assert!(!is_shared::<Crop>(json!({ "width": 0.5 })));
    }

    #[test]
    fn the_part_moves_while_it_plays() {
        let frame = grey(4, &[5, 6, 7, 8]);
        let outputs = fed::<Crop>(json!({ "width": 0.25, "output_width": 1 }), vec![frame; 4])
            .set_live(at(0.05), "x", 0.5)
            .set_live(at(0.25), "x", 1.0)
            .play_live()
            .unwrap();
        let found: Vec<u8> = frames(&outputs)
            .iter()
            .map(|frame| reds(frame)[0])
            .collect();
        assert_eq!(found, [5, 7, 7, 8]);
    }

    #[test]
    fn a_picture_without_pixels_is_none() {
        let none = Frame::rgb(0, 0, Vec::new()).unwrap();
        assert!(
            edited::<Crop>(json!({ "width": 0.5 }), &none)
                .pixels()
                .is_empty()
        );
        let black = edited::<Crop>(json!({ "output_width": 1, "output_height": 1 }), &none);
        assert_eq!(black.pixels(), [0, 0, 0]);
    }
}
