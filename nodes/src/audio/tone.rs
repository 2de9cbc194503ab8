//! Makes a test tone.

use std::f64::consts::TAU;

use score_engine::{
    AudioBlock, Build, Descriptor, Flow, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::amplitude;
use super::ramp::Ramp;

const SOUND: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the tone");

/// `tone`.
#[derive(Clone, Params)]
pub(crate) struct Tone {
    /// pitch
    #[param(range = 20.0..=20_000.0, unit = "Hz", default = 440.0)]
    frequency: f64,
    /// level of the peak
    #[param(live, range = -96.0..=0.0, unit = "dBFS", default = -20.0)]
    gain: f64,
    /// channels of the sound
    #[param(range = 1..=64, default = 2)]
    channels: u16,
    /// the one that sounds, from 1; 0: all
    #[param(range = 0..=64, default = 0)]
    channel: u16,
    /// how long it lasts
    #[param(range = 0.0..=86_400.0)]
    length: Option<Length>,
}

impl Node for Tone {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "tone", "Makes a sine tone to check loudspeakers with")
            .example(
                r#"nodes: {
                    "tone": tone(frequency: 440, length: beats(4)),
                    "sound": audio_file(path: "tone.wav"),
                },
                wires: ["tone -> sound"]"#,
            )
            .details(
                "A render needs a `length`; a live tone without one plays until the run ends. It fades in over \
                 its first block.",
            )
            .output(SOUND)
            // Its frames count from its own start: one that begins late would else send all that it has missed at once.
            .paced()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let end = self
            .length
            .map(|length| length.at(build.transport).to_samples(rate));
        if end.is_none() && build.clock.is_none() {
            return Err(NodeError::input("a tone without a length never ends")
                .help("write `length: 5` in `tone`, or play the patch with `score run`"));
        }
        let mut gain = Ramp::new(0.0, build.transport.block);
        gain.set(amplitude(self.gain));
        Ok(Box::new(Sounding {
            rate,
            block: u64::from(build.transport.block),
            gain,
            at: 0,
            end: end.unwrap_or(u64::MAX),
        }))
    }
}

struct Sounding {
    rate: u32,
    /// Frames sent at a time.
    block: u64,
    /// The level, as a factor.
    gain: Ramp,
    /// The first frame that has not been sent.
    at: u64,
    /// The frame after the last one.
    end: u64,
}

impl Processor<Tone> for Sounding {
    fn process(&mut self, params: &Tone, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let time = |frame| Time::from_samples(frame, self.rate);
        if self.end != u64::MAX {
            io.end_at(time(self.end));
        }
        if self.at >= self.end {
            return Ok(Flow::Done);
        }
        let to = (self.at + self.block).min(self.end);
        let start = time(self.at);
        let samples = self.samples(params, to);
        self.at = to;
        let block = AudioBlock {
            rate: self.rate,
            channels: params.channels,
            samples,
        };
        io.send_captured_now(SOUND, start, block)?;
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Tone, _transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        Ok(())
    }
}

impl Sounding {
    /// The frames up to `to`.
    fn samples(&mut self, params: &Tone, to: u64) -> Vec<f32> {
        let channels = usize::from(params.channels);
        let turn = params.frequency / f64::from(self.rate);
        let mut samples = Vec::with_capacity((to - self.at) as usize * channels);
        for frame in self.at..to {
            let turns = frame as f64 * turn;
            let sample = (TAU * turns.fract()).sin() as f32 * self.gain.next();
            samples.extend((1..=params.channels).map(|channel| {
                if params.channel == 0 || params.channel == channel {
                    sample
                } else {
                    0.0
                }
            }));
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use score_engine::harness::Harness;
    use score_engine::{Live, LiveOptions, Settings, Source, check};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tone_has_its_pitch_its_level_and_its_length_on_its_channel_alone() {
        let params = json!({
            "frequency": 1000.0, "gain": -6.0, "channel": 2, "length": { "seconds": 1.0 },
        });
        let outputs = Harness::<Tone>::new(params).run().unwrap();
        let samples: Vec<f32> = outputs
            .packets("sound")
            .iter()
            .flat_map(|packet| packet.audio().unwrap().samples.clone())
            .collect();
        assert_eq!(samples.len(), 2 * 48_000);
        assert!(samples.iter().step_by(2).all(|sample| *sample == 0.0));
        let right: Vec<f32> = samples.iter().skip(1).step_by(2).copied().collect();
        let rises = right
            .windows(2)
            .filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0)
            .count();
        assert!(rises.abs_diff(1000) <= 1, "{rises}");
        let peak = right.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        assert!((peak - 0.5012).abs() < 1e-3, "{peak}");
        assert!(right[..20].iter().all(|sample| sample.abs() < 0.05));
    }

    #[test]
    fn a_tone_without_a_length_is_not_rendered() {
        let error = Harness::<Tone>::new(json!({})).run().unwrap_err();
        assert!(error.to_string().contains("never ends"), "{error}");
    }

    #[test]
    fn one_that_an_edit_begins_sends_nothing_of_what_it_missed() {
        let folder = tempfile::tempdir().unwrap();
        let registry = crate::registry();
        let graph = |frequency: u32| {
            let text = format!(
                "Patch(format: 1, transport: (block: 256), nodes: {{\"a\": tone(frequency: {frequency}), \"r\": recorder(path: \"a.wav\")}}, wires: [\"a -> r\"])"
            );
            let source = Source::text("p.ron", &text, folder.path().to_owned());
            check(&source, &[], &registry, &Settings::default()).unwrap()
        };
        let options = LiveOptions::default();
        let (mut live, _) = Live::start(graph(300), &Settings::default(), options).unwrap();
        let until = |live: &Live, seconds: f64| {
            while live.clock().now().seconds() < seconds {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        until(&live, 0.5);
        let before = live.clock().now().seconds();
        live.replace(graph(400), &BTreeSet::new()).unwrap().unwrap();
        until(&live, before + 0.2);
        let sent = live.status().wires[0].sent as f64 * 256.0 / 48_000.0;
        let passed = live.clock().now().seconds() - before;
        assert!(
            sent > 0.0 && sent <= passed + 0.02,
            "{sent} s in {passed} s"
        );
        assert!(live.drain(Duration::from_secs(10)).is_empty());
    }
}
