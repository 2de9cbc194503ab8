//! Turns loud passages down.

mod key;
mod reduction;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{
    AudioBlock, Build, Control, Descriptor, Flow, InputPort, Io, Length, Node, NodeError,
    OutputPort, Params, Processor, Time, Transport, Watermark,
};

use super::insert::finite;
use key::Key;
use reduction::{Reduction, Setting};

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");
const SIDE: InputPort<AudioBlock> = InputPort::new(
    1,
    "side_chain",
    "what is listened to in place of the sound itself",
)
.optional()
.by_name();
const DONE: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the same, compressed");
const TURNED: OutputPort<Control> = OutputPort::new(
    1,
    "reduction",
    "by how much it is turned down after each block, 0 not at all to 1 by 24 dB",
)
.by_name();

/// What a reduction of 1 stands for, in dB.
const WHOLE: f32 = 24.0;

/// `compressor`.
#[derive(Clone, Params)]
pub(crate) struct Compressor {
    /// level from which on it turns down
    #[param(live, range = -60.0..=0.0, span = -48.0..=0.0, unit = "dBFS", default = -18.0)]
    threshold: f64,
    /// the excess is divided by this
    #[param(live, range = 1.0..=100.0, span = 1.0..=20.0, log, default = 4.0)]
    ratio: f64,
    /// how soft the threshold is: the range of levels over which the ratio comes in
    #[param(live, range = 0.0..=40.0, span = 0.0..=24.0, unit = "dB", default = 6.0)]
    knee: f64,
    /// time in which it turns down most of the way
    #[param(live, range = 0.0..=1.0, span = 0.001..=0.2, log, default = Length::Seconds(0.01))]
    attack: Length,
    /// time in which it comes back most of the way
    #[param(live, range = 0.001..=10.0, span = 0.02..=2.0, log, default = Length::Seconds(0.15))]
    release: Length,
    /// level after that
    #[param(live, range = -24.0..=36.0, span = 0.0..=24.0, unit = "dB", default = 0.0)]
    makeup: f64,
    /// share of the compressed sound: 0 only the sound as it came
    #[param(live, range = 0.0..=1.0, default = 1.0)]
    mix: f64,
}

impl Compressor {
    fn setting(&self, transport: &Transport) -> Setting {
        Setting {
            threshold: self.threshold as f32,
            ratio: self.ratio as f32,
            knee: self.knee as f32,
            attack: self.attack.at(transport).seconds() as f32,
            release: self.release.at(transport).seconds() as f32,
            makeup: self.makeup as f32,
            mix: self.mix as f32,
        }
    }
}

impl Node for Compressor {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "compressor", "Turns loud passages down")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "pad": synth(voice: pad),
                    "voice": audio_input_file(path: "song.wav"),
                    "under": compressor(threshold: -30, ratio: 6, release: 0.4),
                    "mix": mixer(),
                    "sound": audio_file(path: "mixed.wav"),
                },
                wires: ["tune -> pad -> under.sound", "voice -> under.side_chain", "under -> mix -> sound", "voice -> mix"]"#,
            )
            .details(
                "Of what is louder than `threshold`, only the `ratio`th part of the excess stays. The level is the peak of \
                 all channels, which are turned down together; a steady tone of -6 dBFS with a threshold of -18 and a ratio \
                 of 4 comes out at -15. `attack` and `release` are the times in which 63 % of the way is gone; in beats, \
                 a release breathes with the tempo. It is the feed-forward compressor with a soft knee and a smooth decoupled \
                 peak detector of Giannoulis, Massberg and Reiss (\"Digital dynamic range compressor design\", JAES 60, 2012). \
                 Values glide within 40 ms, the sound keeps its channels.\n\n\
                 With a wire into `side_chain`, that sound's level counts: music steps back under a voice, or pulses with \
                 a drum. A block then waits until the other wire has brought its time, live at most a block's time; where that \
                 brings nothing, its last level counts for a block, and then silence. `mix` below 1 \
                 lays the sound as it came beside it (parallel compression).",
            )
            .input(SOUND)
            .input(SIDE)
            .output(DONE)
            .output(TURNED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let (rate, block) = (build.transport.sample_rate, build.transport.block);
        Ok(Box::new(Compressing {
            rate,
            reduction: Reduction::new(self.setting(build.transport), rate),
            key: build.is_wired(SIDE).then(|| Key::new(rate, block)),
            waiting: VecDeque::new(),
            patience: (!build.ends).then(|| Time::from_samples(u64::from(block), rate)),
            late: build.counters.counter("late_blocks"),
        }))
    }
}

/// A block of sound that waits for the side chain.
struct Waiting {
    time: Time,
    /// When it came, on the clock.
    came: Time,
    block: Arc<AudioBlock>,
}

struct Compressing {
    rate: u32,
    reduction: Reduction,
    /// What is heard of the side chain, where there is one.
    key: Option<Key>,
    waiting: VecDeque<Waiting>,
    /// How long a block waits for the side chain; `None`: until all is known.
    patience: Option<Time>,
    /// Blocks that the side chain came too late for.
    late: Arc<AtomicU64>,
}

impl Processor<Compressor> for Compressing {
    fn process(&mut self, _params: &Compressor, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(SIDE) {
                let block = input.read(SIDE)?;
                if let Some(key) = &mut self.key {
                    key.hear(time.to_samples(self.rate), block);
                }
                continue;
            }
            let block = input.read(SOUND)?.clone();
            let came = io.now();
            self.waiting.push_back(Waiting { time, came, block });
        }
        while let Some(first) = self.waiting.front() {
            let end = first.time.to_samples(self.rate) + first.block.frames() as u64;
            let is_known = match (&self.key, io.reached()) {
                (Some(key), Watermark::At(reached)) => {
                    let all_came = self.patience.is_none() && reached.to_samples(self.rate) >= end;
                    all_came || key.reaches(end)
                }
                _ => true,
            };
            if !is_known && let Some(patience) = self.patience {
                let until = first.came + patience;
                if io.now() < until {
                    return Ok(Flow::WakeAt(until));
                }
                self.late.fetch_add(1, Ordering::Relaxed);
            } else if !is_known {
                break;
            }
            self.send_first(io)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &Compressor, io: &mut Io<'_>) -> Result<(), NodeError> {
        while !self.waiting.is_empty() {
            self.send_first(io)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.waiting.front().map(|waiting| waiting.time)
    }

    fn changed(&mut self, params: &Compressor, transport: &Transport) -> Result<(), NodeError> {
        self.reduction.set(params.setting(transport));
        Ok(())
    }
}

impl Compressing {
    /// Compresses the block that came first, and sends it.
    fn send_first(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(Waiting { time, block, .. }) = self.waiting.pop_front() else {
            return Ok(());
        };
        let channels = block.channels.max(1);
        let mut samples = finite(&block);
        let from = time.to_samples(self.rate);
        let peak = |frame: &[f32]| {
            frame
                .iter()
                .fold(0.0f32, |peak, sample| peak.max(sample.abs()))
        };
        for (frame, number) in samples.chunks_exact_mut(channels.into()).zip(from..) {
            let level = match &mut self.key {
                Some(key) => key.level(number),
                None => peak(frame),
            };
            self.reduction.apply(level, frame);
        }
        let end = time + Time::from_samples(block.frames() as u64, self.rate);
        let block = AudioBlock {
            rate: block.rate,
            channels,
            samples,
        };
        io.send(DONE, time, block)?;
        let turned = self.reduction.decibels() / WHOLE;
        io.send(TURNED, end, turned.clamp(0.0, 1.0))
    }
}
