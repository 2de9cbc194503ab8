//! How much moves in the picture.

use score_engine::{
    Build, Control, Descriptor, Flow, Frame, InputPort, Io, Length, Node, NodeError, OutputPort,
    Params, Processor, Time, Transport,
};

use super::cells::{cells, luma};
use super::moving::Moving;
use crate::half_life::Follower;

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const MOTION: OutputPort<Control> = OutputPort::new(0, "motion", "0 still to 1 much");

/// `motion`.
#[derive(Clone, Params)]
pub(crate) struct Motion {
    /// factor
    #[param(live, range = 0.0..=100.0, span = 0.1..=10.0, log, default = 1.0)]
    gain: f32,
    /// time to follow half of a jump
    #[param(live, range = 0.0..=60.0, span = 0.01..=5.0, log, default = Length::Seconds(0.1))]
    smooth: Length,
    /// difference of luma that does not count, of 1
    #[param(live, range = 0.0..=0.5, span = 0.0..=0.1, default = 0.012)]
    noise: f32,
}

impl Node for Motion {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "motion", "How much moves in the picture")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(smooth: 0.3),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "motion.mid"),
                },
                wires: ["film -> motion -> tune -> notes"]"#,
            )
            .details(
                "Compares the luma of a grid of 16 × 16 mean colours with its own recent past \
                 (half-life 0.1 s), so that the same motion gives the same number at any frame \
                 rate. What all of the picture does alike, such as a lamp that flickers or a \
                 camera that adjusts its exposure, does not count, nor do differences below \
                 `noise`. 0: nothing moves; a talking head comes to about 0.1, busy traffic to 0.3 \
                 and more, and ever more motion nears 1. A hard cut is motion too, for a moment.",
            )
            .input(PICTURES)
            .output(MOTION)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Measuring {
            half_life: self.smooth.at(build.transport),
            moving: Moving::default(),
            follower: Follower::default(),
        }))
    }
}

struct Measuring {
    half_life: Time,
    moving: Moving,
    follower: Follower<1>,
}

impl Processor<Motion> for Measuring {
    fn process(&mut self, params: &Motion, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let cells = cells(input.read(PICTURES)?).into_iter().map(luma).collect();
            let value = self.moving.see(time, cells, params.noise, params.gain);
            let [value] = self.follower.follow(time, [value], self.half_life);
            io.send(MOTION, time, value)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Motion, transport: &Transport) -> Result<(), NodeError> {
        self.half_life = params.smooth.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::super::test_pictures::{SIZE, at, controls, drawn, picture};
    use super::*;

    fn motion(params: Value, pictures: Vec<(Time, Payload)>) -> Vec<f32> {
        let outputs = Harness::<Motion>::new(params)
            .feed("frames", PortType::Frame, pictures, at(100.0))
            .run()
            .unwrap();
        controls(&outputs, "motion")
    }

    /// Two seconds of a light square, an eighth of the picture wide, that runs through it twice a
    /// second.
    fn running(rate: u32) -> Vec<(Time, Payload)> {
        let frames = 0..2 * rate;
        let frames = frames.map(|n| {
            let seconds = f64::from(n) / f64::from(rate);
            let left = (seconds * 2.0 * SIZE as f64) as usize % SIZE;
            let mut pixels = vec![40; SIZE * SIZE * 3];
            for y in 20..36 {
                for x in left..(left + 8).min(SIZE) {
                    pixels[(y * SIZE + x) * 3..][..3].fill(220);
                }
            }
            (at(seconds), picture(pixels))
        });
        frames.collect()
    }

    fn mean(values: &[f32]) -> f32 {
        let half = &values[values.len() / 2..];
        half.iter().sum::<f32>() / half.len() as f32
    }

    #[test]
    fn the_same_motion_gives_the_same_number_at_any_frame_rate() {
        let [slow, usual, fast] = [12, 25, 60].map(|rate| mean(&motion(json!({}), running(rate))));
        assert!(usual > 0.1 && usual < 0.9, "{usual}");
        assert!((slow / usual - 1.0).abs() < 0.15, "{slow} {usual}");
        assert!((fast / usual - 1.0).abs() < 0.15, "{fast} {usual}");
    }

    #[test]
    fn noise_on_a_still_picture_is_no_motion_nor_is_a_flickering_lamp() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let pictures = (0..100).map(|n| {
            let lamp = if n % 2 == 0 { 20 } else { 0 };
            let pixels = (0..SIZE * SIZE).flat_map(|index| {
                let drawn = (index / 7 % 120) as u32 + lamp;
                // Even from −12 to 12: a standard deviation of 7 in 255, that of a camera in a dim
                // room.
                [0; 3].map(|_: u8| (drawn + 20 + rng.next_u32() % 25 - 12) as u8)
            });
            (at(f64::from(n) / 25.0), picture(pixels.collect()))
        });
        let found = motion(json!({ "smooth": { "seconds": 0 } }), pictures.collect());
        assert!(found.iter().all(|value| *value < 0.01), "{found:?}");
    }

    #[test]
    fn a_film_that_stops_is_still_within_a_second() {
        // Conway's cells live for a second, and then the picture stands.
        let life = "life=size=64x64:rate=25:seed=3:random_fill_ratio=0.3:mold=5,trim=duration=1,tpad=stop_mode=clone:stop_duration=2";
        let found = motion(json!({}), drawn(life, 25.0));
        assert_eq!(found.len(), 75);
        assert!(found[20] > 0.2, "{found:?}");
        assert!(found[50..].iter().all(|value| *value < 0.02), "{found:?}");
    }

    #[test]
    fn a_new_gain_counts_from_the_next_picture() {
        let outputs = Harness::<Motion>::new(json!({ "smooth": { "seconds": 0 } }))
            .feed("frames", PortType::Frame, running(25), at(2.0))
            .set_live(at(1.0), "gain", 0.0)
            .play_live()
            .unwrap();
        let found = controls(&outputs, "motion");
        assert!(found[24] > 0.1 && found[25] == 0.0, "{:?}", &found[20..30]);
    }
}
