//! How loud a sound is.

use score_engine::{
    AudioBlock, Build, Control, Descriptor, Flow, InputPort, Io, Length, Node, NodeError,
    OutputPort, Params, Processor, Time, Transport,
};

use super::{SILENCE, level, place};
use crate::half_life::followed;

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");
const LOUDNESS: OutputPort<Control> = OutputPort::new(
    0,
    "loudness",
    "0 at `floor` to 1 at `top`, after each block",
);

/// The time constant of the mean square, in seconds: about two periods of the lowest tones.
const WINDOW: f32 = 0.015;

/// Frames from one look at the level to the next.
const STEP: u32 = 32;

/// `follow`.
#[derive(Clone, Params)]
pub(crate) struct Follow {
    /// time to follow half of a rise
    #[param(live, range = 0.0..=60.0, span = 0.002..=2.0, log, default = Length::Seconds(0.01))]
    attack: Length,
    /// time to follow half of a fall
    #[param(live, range = 0.0..=60.0, span = 0.02..=5.0, log, default = Length::Seconds(0.15))]
    release: Length,
    /// level that counts as 0
    #[param(live, range = -120.0..=0.0, span = -80.0..=-20.0, unit = "dBFS", default = -50.0)]
    floor: f64,
    /// level that counts as 1
    #[param(live, range = -120.0..=20.0, span = -40.0..=0.0, unit = "dBFS", default = -10.0)]
    top: f64,
}

impl Node for Follow {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "follow", "How loud a sound is")
            .example(
                r#"nodes: {
                    "voice": audio_input_file(path: "song.wav"),
                    "loud": follow(attack: 0.02, release: 0.5),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "voice.mid"),
                },
                wires: ["voice -> loud -> tune -> notes"]"#,
            )
            .details(
                "The root of the mean square over some 15 ms, of all channels together, in dB; a steady sine has the level of its \
                 peak. Between `floor` and `top` equal steps of dB are equal steps of the number: what is heard as half as loud lies about \
                 10 dB lower. Rises are followed in `attack`, falls in `release`. To listen to the high or low part of a sound \
                 alone, put a `filter` before it. One number for each block, with the time of the block's end.",
            )
            .input(SOUND)
            .output(LOUDNESS)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let mut following = Following {
            rate: build.transport.sample_rate,
            window: 1.0 - (-1.0 / (WINDOW * build.transport.sample_rate.max(1) as f32)).exp(),
            attack: 1.0,
            release: 1.0,
            square: 0.0,
            level: level(0.0),
            count: 0,
            at: None,
        };
        following.choose(self, build.transport);
        Ok(Box::new(following))
    }
}

struct Following {
    rate: u32,
    /// The share of its way that the mean square goes in a frame.
    window: f32,
    /// The share of a rise and of a fall that is followed in a step.
    attack: f32,
    release: f32,
    square: f32,
    /// In dB, followed.
    level: f32,
    /// Frames since the level was looked at.
    count: u32,
    /// The first frame that has not come.
    at: Option<u64>,
}

impl Processor<Follow> for Following {
    fn process(&mut self, params: &Follow, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let block = input.read(SOUND)?;
            let from = time.to_samples(self.rate);
            self.pass_gap(from);
            for frame in block.samples.chunks_exact(block.channels.max(1).into()) {
                self.hear(frame);
            }
            let end = from + block.frames() as u64;
            self.at = Some(end);
            let value = place(self.level, params.floor, params.top);
            io.send(LOUDNESS, Time::from_samples(end, self.rate), value)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Follow, transport: &Transport) -> Result<(), NodeError> {
        self.choose(params, transport);
        Ok(())
    }
}

impl Following {
    fn choose(&mut self, params: &Follow, transport: &Transport) {
        let step = f64::from(STEP) / f64::from(self.rate.max(1));
        let share = |length: Length| followed(step, length.at(transport).seconds());
        (self.attack, self.release) = (share(params.attack), share(params.release));
    }

    /// What lies between two blocks is silence, of which so much is heard as matters.
    fn pass_gap(&mut self, from: u64) {
        let gap = self.at.map_or(0, |at| from.saturating_sub(at));
        for _ in 0..gap.min(u64::from(self.rate)) {
            self.hear(&[]);
        }
    }

    fn hear(&mut self, frame: &[f32]) {
        let squares = frame.iter().filter(|sample| sample.is_finite());
        let squares: f32 = squares.map(|sample| sample.clamp(-1e3, 1e3).powi(2)).sum();
        self.square += self.window * (squares / frame.len().max(1) as f32 - self.square);
        if self.square < SILENCE {
            self.square = 0.0;
        }
        self.count += 1;
        if self.count >= STEP {
            self.count = 0;
            let level = level(self.square);
            let share = match level > self.level {
                true => self.attack,
                false => self.release,
            };
            self.level += share * (level - self.level);
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::{Value, json};

    use super::*;
    use crate::audio::test_sound::{at, block, blocks, tone};

    fn run(params: Value, sound: &[f32]) -> Outputs {
        Harness::<Follow>::new(params)
            .feed("sound", PortType::Audio, blocks(sound), at(10.0))
            .run()
            .unwrap()
    }

    fn values(outputs: &Outputs) -> Vec<f32> {
        let packets = outputs.packets("loudness").iter();
        packets.map(|packet| *packet.control().unwrap()).collect()
    }

    #[test]
    fn equal_steps_of_decibels_are_equal_steps_of_the_number() {
        for (decibels, wanted) in [
            (-10.0, 1.0),
            (-20.0, 0.75),
            (-30.0, 0.5),
            (-50.0, 0.0),
            (-70.0, 0.0),
            (0.0, 1.0),
        ] {
            let sound = tone(440.0, 10f32.powf(decibels / 20.0), 96_000);
            let found = values(&run(json!({}), &sound))[150];
            assert!((found - wanted).abs() < 0.01, "{decibels} dBFS: {found}");
        }
    }

    #[test]
    fn a_rise_and_a_fall_take_their_times() {
        let sound: Vec<f32> = (tone(1_000.0, 1.0, 144_000).iter().enumerate())
            .map(|(n, sample)| {
                sample
                    * if (48_000..96_000).contains(&n) {
                        1.0
                    } else {
                        0.01
                    }
            })
            .collect();
        let params = json!({
            "attack": { "seconds": 0.2 }, "release": { "seconds": 0.4 }, "floor": -40, "top": 0,
        });
        let found = values(&run(params, &sound));
        let after = |seconds: f64| found[(seconds * 93.75) as usize];
        assert!(after(0.95) < 0.02, "{}", after(0.95));
        assert!((after(1.21) - 0.5).abs() < 0.06, "{}", after(1.21));
        assert!(after(1.95) > 0.95);
        // The mean square itself falls by 40 dB in 70 ms.
        assert!((after(2.43) - 0.5).abs() < 0.08, "{}", after(2.43));
    }

    #[test]
    fn each_number_has_the_time_of_its_blocks_end() {
        let outputs = run(json!({}), &tone(440.0, 0.1, 1_024));
        let times: Vec<u64> = outputs
            .packets("loudness")
            .iter()
            .map(|packet| packet.time.to_samples(48_000))
            .collect();
        assert_eq!(times, [512, 1_024]);
    }

    #[test]
    fn live_it_says_what_it_says_offline_and_takes_new_values_without_forgetting() {
        let sound = tone(440.0, 0.1, 48_000);
        let harness = || {
            Harness::<Follow>::new(json!({})).feed(
                "sound",
                PortType::Audio,
                blocks(&sound),
                at(1.0),
            )
        };
        let live = harness().play_live().unwrap();
        assert_eq!(values(&live), values(&harness().run().unwrap()));
        let steered = harness()
            .set_live(at(0.5), "top", -20.0)
            .play_live()
            .unwrap();
        let steered = values(&steered);
        assert!((steered[40] - 0.75).abs() < 0.01 && steered[50] > 0.99);
    }

    #[test]
    fn what_is_not_a_number_is_silence_and_silence_is_0() {
        let mut sound = tone(440.0, 0.1, 48_000);
        sound[100] = f32::NAN;
        sound[200] = f32::INFINITY;
        sound[300] = f32::MIN;
        sound[24_000..].fill(0.0);
        let found = values(&run(json!({}), &sound));
        assert!(found.iter().all(|value| (0.0..=1.0).contains(value)));
        assert_eq!(found[93], 0.0);
        let empty = Harness::<Follow>::new(json!({}))
            .feed(
                "sound",
                PortType::Audio,
                vec![(Time::ZERO, block(2, &[]))],
                at(1.0),
            )
            .run()
            .unwrap();
        assert_eq!(values(&empty), [0.0]);
    }
}
