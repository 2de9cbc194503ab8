//! Changes the light and the colours of pictures.

use std::sync::Arc;

use score_engine::{Build, Descriptor, Flow, Io, Node, NodeError, Params, Processor, Transport};

use super::pixels::{EDITED, PICTURES, like};

/// One, in whole numbers that stand for parts of it.
const ONE: i32 = 4096;

/// What the eye makes of red, green and blue (luma, ITU-R BT.709).
const LUMA: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// `adjust`.
#[derive(Clone, Params)]
pub(crate) struct Adjust {
    /// what is added, of full scale
    #[param(live, range = -1.0..=1.0, span = -0.5..=0.5, default = 0.0)]
    brightness: f64,
    /// factor of what differs from mid-grey; 0: grey
    #[param(live, range = 0.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    contrast: f64,
    /// factor of the colours; 0: black and white
    #[param(live, range = 0.0..=4.0, span = 0.0..=2.0, default = 1.0)]
    saturation: f64,
    /// how far colours turn on their circle
    #[param(live, range = -180.0..=180.0, unit = "degrees", default = 0.0)]
    hue: f64,
    /// above 1 brightens what is dark, below 1 darkens it
    #[param(live, range = 0.1..=10.0, span = 0.5..=2.0, log, default = 1.0)]
    gamma: f64,
    /// show the negative
    #[param(live, default = false)]
    invert: bool,
}

impl Node for Adjust {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("picture", "adjust", "Changes brightness, contrast, saturation, hue and gamma")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(gain: 4, smooth: 1),
                    "look": adjust(contrast: 1.3),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> look -> eye -> tune -> notes",
                    "film -> motion",
                    ("motion -> look.saturation", range(from: 0, to: 1.5)),
                ]"#,
            )
            .details(
                "In this order: `invert`, `gamma`, `contrast`, `brightness`, then `saturation` and `hue` together, which \
                 keep the brightness of each colour (luma, ITU-R BT.709); `hue` turns red to yellow, green and blue. What passes black or white stays there. A \
                 picture that nothing changes is handed on as it is.",
            )
            .input(PICTURES)
            .output(EDITED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Adjusting { look: None }))
    }
}

struct Adjusting {
    look: Option<Look>,
}

impl Processor<Adjust> for Adjusting {
    fn process(&mut self, params: &Adjust, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, frame) = (input.packet.time, input.read(PICTURES)?);
            let look = self.look.get_or_insert_with(|| Look::new(params));
            let edited = match look.pixels(frame.pixels()) {
                Some(pixels) => Arc::new(like(frame, pixels)?),
                None => frame.clone(),
            };
            io.send(EDITED, time, edited)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, _params: &Adjust, _transport: &Transport) -> Result<(), NodeError> {
        self.look = None;
        Ok(())
    }
}

/// What becomes of a colour, reckoned once.
struct Look {
    /// What becomes of each byte; beyond 0 to 255 where colours are mixed from it.
    levels: [i32; 256],
    /// What red, green and blue are made of, in parts of [`ONE`]; `None`: each of itself.
    mixing: Option<[[i32; 3]; 3]>,
}

impl Look {
    fn new(params: &Adjust) -> Self {
        let level = |byte: usize| {
            let value = byte as f64 / 255.0;
            let value = if params.invert { 1.0 - value } else { value };
            let value = value.powf(1.0 / params.gamma);
            let value = (value - 0.5) * params.contrast + 0.5 + params.brightness;
            (value * 255.0).round() as i32
        };
        let is_mixed = params.saturation != 1.0 || params.hue != 0.0;
        Look {
            levels: std::array::from_fn(level),
            mixing: is_mixed.then(|| mixing(params.saturation, params.hue.to_radians())),
        }
    }

    /// What becomes of `pixels`; `None`: they stay.
    fn pixels(&self, pixels: &[u8]) -> Option<Vec<u8>> {
        let Some(mixing) = &self.mixing else {
            let levels = self.levels.map(|level| level.clamp(0, 255) as u8);
            let stays = (0..=255).zip(&levels).all(|(byte, level)| byte == *level);
            let change = |byte: &u8| levels[usize::from(*byte)];
            return (!stays).then(|| pixels.iter().map(change).collect());
        };
        let mut mixed = pixels.to_vec();
        for pixel in mixed.chunks_exact_mut(3) {
            let [red, green, blue] = [0, 1, 2].map(|of: usize| self.levels[usize::from(pixel[of])]);
            for (value, [of_red, of_green, of_blue]) in pixel.iter_mut().zip(mixing) {
                let sum = of_red * red + of_green * green + of_blue * blue;
                *value = ((sum + ONE / 2) >> 12).clamp(0, 255) as u8;
            }
        }
        Some(mixed)
    }
}

/// What red, green and blue are made of where colours are so much stronger and turned by `angle`
/// against blue and red differences of luma.
fn mixing(saturation: f64, angle: f64) -> [[i32; 3]; 3] {
    let (sine, cosine) = angle.sin_cos();
    let [of_red, _, of_blue] = LUMA;
    let turned = |colour: [f64; 3]| {
        let luma: f64 = colour
            .iter()
            .zip(LUMA)
            .map(|(value, share)| value * share)
            .sum();
        let red = (colour[0] - luma) / (2.0 - 2.0 * of_red);
        let blue = (colour[2] - luma) / (2.0 - 2.0 * of_blue);
        let (red, blue) = (
            saturation * (red * cosine + blue * sine),
            saturation * (blue * cosine - red * sine),
        );
        let red = luma + red * (2.0 - 2.0 * of_red);
        let blue = luma + blue * (2.0 - 2.0 * of_blue);
        [red, (luma - of_red * red - of_blue * blue) / LUMA[1], blue]
    };
    let columns = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(turned);
    let parts = |row: usize| {
        let part = |column: [f64; 3]| (column[row] * f64::from(ONE)).round() as i32;
        let mut parts = columns.map(part);
        // Grey stays grey to the byte.
        parts[1] = ONE - parts[0] - parts[2];
        parts
    };
    [0, 1, 2].map(parts)
}

#[cfg(test)]
mod tests {
    use score_engine::Frame;
    use serde_json::{Value, json};

    use super::super::test_frames::{at, edited, fed, frames, grey, is_shared, reds};
    use super::*;

    fn colour(params: Value, colour: [u8; 3]) -> [u8; 3] {
        let frame = Frame::rgb(1, 1, colour.to_vec()).unwrap();
        edited::<Adjust>(params, &frame)
            .pixels()
            .try_into()
            .unwrap()
    }

    #[test]
    fn each_parameter_does_what_its_name_says() {
        let scale = [0, 51, 102, 204, 255];
        for (params, wanted) in [
            (json!({ "brightness": 0.2 }), [51, 102, 153, 255, 255]),
            (json!({ "contrast": 2.0 }), [0, 0, 77, 255, 255]),
            (json!({ "contrast": 0.0 }), [128; 5]),
            (json!({ "gamma": 2.0 }), [0, 114, 161, 228, 255]),
            (json!({ "invert": true }), [255, 204, 153, 51, 0]),
            (json!({ "saturation": 0.3, "hue": 77.0 }), scale),
        ] {
            let found = reds(&edited::<Adjust>(params.clone(), &grey(5, &scale)));
            assert_eq!(found, wanted, "{params}");
        }
    }

    #[test]
    fn without_saturation_colours_are_as_grey_as_they_are_bright() {
        let grey = |of| colour(json!({ "saturation": 0.0 }), of);
        assert_eq!(grey([255, 0, 0]), [54; 3]);
        assert_eq!(grey([0, 255, 0]), [182; 3]);
        assert_eq!(grey([0, 0, 255]), [18; 3]);
    }

    #[test]
    fn a_turn_goes_round_the_colours_and_back_and_keeps_their_brightness() {
        let muted = [150, 110, 90];
        let luma = |[red, green, blue]: [u8; 3]| {
            [red, green, blue]
                .iter()
                .zip(LUMA)
                .map(|(v, s)| f64::from(*v) * s)
                .sum::<f64>()
        };
        for hue in [-120.0, -30.0, 60.0, 180.0] {
            let turned = colour(json!({ "hue": hue }), muted);
            assert!(
                (luma(turned) - luma(muted)).abs() < 1.5,
                "{hue}: {turned:?}"
            );
            let back = colour(json!({ "hue": -hue }), turned);
            let near = |(one, other): (&u8, &u8)| one.abs_diff(*other) <= 2;
            assert!(back.iter().zip(&muted).all(near), "{hue}: {back:?}");
        }
        // Warm becomes cold.
        let cold = colour(json!({ "hue": 180.0 }), muted);
        assert!(cold[2] > cold[0], "{cold:?}");
    }

    #[test]
    fn a_picture_that_nothing_changes_is_handed_on_as_it_is() {
        assert!(is_shared::<Adjust>(json!({})));
        assert!(!is_shared::<Adjust>(json!({ "gamma": 1.2 })));
    }

    #[test]
    fn a_new_value_counts_from_the_next_picture() {
        let outputs = fed::<Adjust>(json!({}), vec![grey(1, &[100]); 3])
            .set_live(at(0.05), "brightness", -0.2)
            .set_live(at(0.15), "brightness", 0.0)
            .play_live()
            .unwrap();
        let found: Vec<u8> = frames(&outputs)
            .iter()
            .map(|frame| reds(frame)[0])
            .collect();
        assert_eq!(found, [100, 49, 100]);
    }
}
