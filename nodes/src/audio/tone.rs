//! Makes a test tone.

use std::f64::consts::TAU;

use score_engine::{
    AudioBlock, Build, Descriptor, Flow, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::amplitude;
use super::blocks::Blocks;
use super::ramp::{Ramp, glide};

const SOUND: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the tone");

/// `tone`.
#[derive(Clone, Params)]
pub(crate) struct Tone {
    /// pitch
    #[param(live, range = 20.0..=20_000.0, span = 55.0..=1760.0, log, unit = "Hz", default = 440.0)]
    frequency: f64,
    /// level of the peak
    #[param(live, range = -96.0..=0.0, span = -48.0..=-12.0, unit = "dBFS", default = -20.0)]
    gain: f64,
    /// channels of the sound
    #[param(rebuild = "the nodes that read it count on this number", range = 1..=64, default = 2)]
    channels: u16,
    /// the channel that sounds, from 1; 0: all
    #[param(live, range = 0..=64, span = 1.0..=2.0, default = 0)]
    channel: u16,
    /// how long it lasts
    #[param(live, range = 0.0..=86_400.0, span = 0.1..=60.0, log)]
    length: Option<Length>,
}

impl Node for Tone {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "audio",
            "tone",
            "Makes a sine tone to check loudspeakers with",
        )
        .example(
            r#"nodes: {
                    "tone": tone(frequency: 440, length: beats(4)),
                    "sound": audio_file(path: "tone.wav"),
                },
                wires: ["tone -> sound"]"#,
        )
        .details(
            "A render needs a `length`; a live tone without one plays until the run ends. It \
                 fades in over its first block, or 5 ms where a block is shorter, and glides to \
                 another pitch or channel in the same time.",
        )
        .output(SOUND)
        // Its frames count from its own start: otherwise one that begins late would send all that
        // it missed at once.
        .paced()
        .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if self.length.is_none() && build.clock.is_none() {
            return Err(NodeError::input("a tone without a length never ends")
                .help("write `length: 5` in `tone`, or play the patch with `score run`"));
        }
        Ok(Box::new(Sounding::new(self, build.transport)))
    }
}

struct Sounding {
    rate: u32,
    blocks: Blocks,
    pitch: Pitch,
    /// The level, as a factor.
    gain: Ramp,
    /// How much of the tone each channel has.
    shares: Vec<Ramp>,
    /// The frame after the last one.
    end: u64,
    /// The length and the tempo from which the end was computed.
    length: (Option<Length>, f64),
}

/// The phase of a sine whose frequency may glide, in turns.
struct Pitch {
    /// The frame from which turns are counted, and those before it.
    since: u64,
    turned: f64,
    /// Turns in a frame: now, and at the end of the glide.
    turn: f64,
    target: f64,
    /// Frames until the end of the glide, and those that one takes.
    left: u32,
    length: u32,
}

impl Pitch {
    /// At rest, with `turn` turns in a frame.
    fn new(turn: f64, length: u32) -> Self {
        Pitch {
            since: 0,
            turned: 0.0,
            turn,
            target: turn,
            left: 0,
            length,
        }
    }

    /// Glides to `turn` turns in a frame.
    fn set(&mut self, turn: f64) {
        if turn != self.target {
            (self.target, self.left) = (turn, self.length.max(1));
        }
    }

    /// The turns at `frame`; frames are asked for in their order.
    fn at(&mut self, frame: u64) -> f64 {
        let turns = self.turned + (frame - self.since) as f64 * self.turn;
        if self.left > 0 {
            // From the next frame on at another speed.
            (self.since, self.turned) = (frame + 1, (turns + self.turn).fract());
            self.turn += (self.target - self.turn) / f64::from(self.left);
            self.left -= 1;
            if self.left == 0 {
                self.turn = self.target;
            }
        }
        turns
    }
}

/// How much of the tone the channel with this number has.
fn share(params: &Tone, channel: u16) -> f32 {
    let sounds = params.channel == 0 || params.channel == channel;
    f32::from(u8::from(sounds))
}

impl Processor<Tone> for Sounding {
    fn process(&mut self, params: &Tone, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.end != u64::MAX {
            io.end_at(Time::from_samples(self.end, self.rate));
        }
        let Some(frames) = self.blocks.up_to(self.end) else {
            return Ok(Flow::Done);
        };
        let start = self.blocks.time();
        let samples = self.samples(frames);
        self.blocks.pass(frames);
        let block = AudioBlock {
            rate: self.rate,
            channels: params.channels,
            samples,
        };
        io.send_captured_now(SOUND, start, block)?;
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Tone, transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        self.pitch.set(params.frequency / f64::from(self.rate));
        for (channel, ramp) in (1..).zip(&mut self.shares) {
            ramp.set(share(params, channel));
        }
        self.reckon_end(params, transport);
        Ok(())
    }
}

/// The frame after the tone's last one.
fn end(params: &Tone, transport: &Transport) -> u64 {
    let frames = |length: Length| length.at(transport).to_samples(transport.sample_rate);
    params.length.map_or(u64::MAX, frames)
}

impl Sounding {
    fn new(params: &Tone, transport: &Transport) -> Self {
        let (rate, glide) = (transport.sample_rate, glide(transport));
        let mut gain = Ramp::new(0.0, glide);
        gain.set(amplitude(params.gain));
        let share = |channel| Ramp::new(share(params, channel), glide);
        Sounding {
            rate,
            blocks: Blocks::new(transport, params.length.is_some()),
            pitch: Pitch::new(params.frequency / f64::from(rate), glide),
            gain,
            shares: (1..=params.channels).map(share).collect(),
            end: end(params, transport),
            length: (params.length, transport.tempo),
        }
    }

    /// A new length counts from the beginning; what is left of one in beats follows the new tempo.
    fn reckon_end(&mut self, params: &Tone, transport: &Transport) {
        let (length, tempo) = std::mem::replace(&mut self.length, (params.length, transport.tempo));
        match length {
            Some(Length::Beats(_)) if length == params.length => {
                let at = self.blocks.at();
                let rest = self.end.saturating_sub(at) as f64 * tempo / transport.tempo;
                self.end = at + rest.round() as u64;
            }
            _ => self.end = end(params, transport),
        }
    }

    /// The next `frames` frames.
    fn samples(&mut self, frames: u64) -> Vec<f32> {
        let mut samples = Vec::with_capacity(frames as usize * self.shares.len());
        let at = self.blocks.at();
        for frame in at..at + frames {
            let turns = self.pitch.at(frame);
            let sample = (TAU * turns.fract()).sin() as f32 * self.gain.next();
            for share in &mut self.shares {
                let share = share.next();
                // A silent channel has no negative zeros.
                samples.push(if share == 0.0 { 0.0 } else { share * sample });
            }
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
    use serde_json::{Value, json};

    use super::super::test_sound::largest_step;
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

    fn tone(params: Value) -> Tone {
        let mut all = json!({
            "frequency": 400.0, "gain": 0.0, "channels": 1, "channel": 0, "length": null,
        });
        for (name, value) in params.as_object().unwrap() {
            all[name] = value.clone();
        }
        Tone::read(&all).unwrap()
    }

    #[test]
    fn pitch_and_channel_that_change_while_it_sounds_do_not_click() {
        let transport = Transport::default();
        let mut sounding = Sounding::new(&tone(json!({ "channels": 2 })), &transport);
        let mut heard = sounding.samples(10_000);
        sounding.blocks.pass(10_000);
        let high = tone(json!({ "channels": 2, "frequency": 1000.0, "channel": 2 }));
        sounding.changed(&high, &transport).unwrap();
        heard.extend(sounding.samples(10_000));
        let side = |side: usize| -> Vec<f32> { heard[side..].iter().step_by(2).copied().collect() };
        // The steepest step of 1000 Hz at full scale.
        let own = (TAU * 1000.0 / 48_000.0) as f32;
        assert!(largest_step(&side(0)) < own && largest_step(&side(1)) < 1.01 * own);
        assert!(side(0)[10_600..].iter().all(|sample| *sample == 0.0));
        let right = side(1);
        let rises =
            (right[11_000..15_800].windows(2)).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0);
        assert!(rises.count().abs_diff(100) <= 1);
    }

    #[test]
    fn a_new_length_counts_from_the_beginning_and_beats_go_on_at_a_new_tempo() {
        let transport = Transport::default();
        let four = tone(json!({ "length": { "beats": 4.0 } }));
        let mut sounding = Sounding::new(&four, &transport);
        assert_eq!(sounding.end, 96_000);
        // After one second two beats are left, which last two seconds at 60 a minute.
        sounding.blocks.pass(48_000);
        let slow = Transport {
            tempo: 60.0,
            ..transport
        };
        sounding.changed(&four, &slow).unwrap();
        assert_eq!(sounding.end, 48_000 + 96_000);
        let five = tone(json!({ "length": { "seconds": 5.0 } }));
        sounding.changed(&five, &slow).unwrap();
        assert_eq!(sounding.end, 5 * 48_000);
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
        let graph = |id: &str| {
            let text = format!(
                "Patch(format: 1, transport: (block: 256), nodes: {{\"{id}\": tone(), \"r\": recorder(path: \"a.wav\")}}, wires: [\"{id} -> r\"])"
            );
            let source = Source::text("p.ron", &text, folder.path().to_owned());
            check(&source, &[], &registry, &Settings::default()).unwrap()
        };
        let options = LiveOptions::default();
        let (mut live, _) = Live::start(graph("a"), &Settings::default(), options).unwrap();
        let until = |live: &Live, seconds: f64| {
            while live.clock().now().seconds() < seconds {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        until(&live, 0.5);
        let before = live.clock().now().seconds();
        live.replace(graph("b"), &BTreeSet::new()).unwrap().unwrap();
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
