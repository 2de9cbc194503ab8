//! Listens to a sound device.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use cpal::{FromSample, SizedSample};
use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, Io, LiveClock, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::amplitude;
use super::ramp::{Ramp, glide};
use crate::device::capture::{Assembly, Capture, CaptureCounters, Captured, ring};
use crate::device::keeper::{Keeper, Opener};
use crate::device::sound::{Callback, Wanted, claim, open};
use crate::device::sound_device::Direction;
use crate::device::sound_stream::Opened;
use crate::only_live::only_live;

const SOUND: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "what the device hears");

/// How long an incomplete block is waited for after its end, in blocks of the device or the run.
const LATE_BLOCKS: u64 = 3;

/// How long one call waits for the device: short enough to send silence in time.
const PATIENCE: Duration = Duration::from_millis(5);

/// `audio_in`.
#[derive(Clone, Params)]
pub(crate) struct AudioIn {
    /// the device, as `score devices` prints it; left out: the system's
    #[param(rebuild = "the device is opened once")]
    device: Option<String>,
    /// channels of the device
    #[param(rebuild = "the device is opened with this number", range = 1..=64, default = 2)]
    channels: u16,
    /// frames that the device is asked to give at a time; left out: the transport's block
    #[param(rebuild = "the device is opened with it", range = 16..=8_192, unit = "frames")]
    block: Option<u32>,
    /// level
    #[param(live, range = -60.0..=24.0, span = -36.0..=0.0, unit = "dB", default = 0.0)]
    gain: f64,
    /// the node does not start without the device; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for AudioIn {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "audio_in", "Listens to a sound device")
            .example(
                r#"nodes: {
                    "voice": audio_in(),
                    "room": reverb(size: 1.6),
                    "sound": audio_out(),
                },
                wires: ["voice -> room -> sound"]"#,
            )
            .details(
                "Only in a live run. The sound carries the time at which it was heard and arrives \
                 one block of the device later; to play it again, give `audio_out` a `latency` of \
                 4. While the device is missing there is silence. Its rate must be the \
                 transport's.",
            )
            .output(SOUND)
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        claim(check, Direction::Input, self.device.as_deref());
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let clock = only_live(build, "audio_in", "read a file with `audio_input_file`")?;
        let rate = build.transport.sample_rate;
        let counters = Arc::new(CaptureCounters::of(build.counters));
        let reader = Arc::new(OnceLock::new());
        let (hand_over, rings) = channel();
        let block = self.block.unwrap_or(build.transport.block);
        let opener = InputOpener {
            wanted: Wanted {
                device: self.device.clone(),
                direction: Direction::Input,
                rate,
                channels: self.channels,
                block,
            },
            clock: clock.clone(),
            counters: counters.clone(),
            reader: reader.clone(),
            hand_over,
        };
        let keeper = Keeper::start(opener, self.required, build.counters)?;
        Ok(Box::new(DeviceListener {
            rate,
            block: build.transport.block,
            patience: u64::from(block.max(build.transport.block)) * LATE_BLOCKS,
            channels: usize::from(self.channels),
            gain: Ramp::new(amplitude(self.gain), glide(build.transport)),
            ring: None,
            rings,
            reader,
            counters,
            assembly: None,
            _keeper: keeper,
        }))
    }
}

struct DeviceListener {
    rate: u32,
    /// Frames in a block of the run.
    block: u32,
    /// Frames after a block's end until which it is waited for.
    patience: u64,
    channels: usize,
    /// The level, as a factor.
    gain: Ramp,
    ring: Option<Captured>,
    rings: Receiver<Captured>,
    reader: Arc<OnceLock<Thread>>,
    counters: Arc<CaptureCounters>,
    assembly: Option<Assembly>,
    _keeper: Keeper,
}

impl Processor<AudioIn> for DeviceListener {
    fn process(&mut self, _params: &AudioIn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        self.reader.get_or_init(std::thread::current);
        let now = io.now().to_samples(self.rate);
        while let Ok(ring) = self.rings.try_recv() {
            self.ring = Some(ring);
        }
        let counters = &self.counters;
        let form = (self.rate, self.block);
        let assembly = self
            .assembly
            .get_or_insert_with(|| Assembly::new(form, self.channels, now, counters.clone()));
        while let Some((start, samples)) = self.ring.as_mut().and_then(Captured::next) {
            let from = self.ring.as_ref().map_or(1, |ring| ring.channels);
            assembly.lay(start, &fitted(samples, from, self.channels));
        }
        let mut sent = false;
        while let Some((start, mut samples)) = assembly.next(now.saturating_sub(self.patience)) {
            self.gain.scale(&mut samples, self.channels);
            sent = true;
            let block = AudioBlock {
                rate: self.rate,
                channels: self.channels as u16,
                samples,
            };
            io.send_captured_now(SOUND, Time::from_samples(start, self.rate), block)?;
        }
        io.end_at(Time::from_samples(assembly.end(), self.rate));
        if !sent {
            io.idle(|| std::thread::park_timeout(PATIENCE));
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &AudioIn, _transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        Ok(())
    }
}

/// Frames of `from` channels as frames of `to`: a device may have fewer channels than requested, or
/// more.
fn fitted(samples: Vec<f32>, from: usize, to: usize) -> Vec<f32> {
    if from == to {
        return samples;
    }
    samples
        .chunks_exact(from.max(1))
        .flat_map(|frame| {
            (0..to).map(|channel| {
                let channel = if frame.len() == 1 { 0 } else { channel };
                frame.get(channel).copied().unwrap_or(0.0)
            })
        })
        .collect()
}

/// Opens the device for the keeper.
struct InputOpener {
    wanted: Wanted,
    clock: Arc<LiveClock>,
    counters: Arc<CaptureCounters>,
    reader: Arc<OnceLock<Thread>>,
    hand_over: Sender<Captured>,
}

impl Callback for Capture {
    fn hear<T: SizedSample>(&mut self, samples: &[T])
    where
        f32: FromSample<T>,
    {
        self.take(samples);
    }
}

impl Opener for InputOpener {
    type Device = Opened;

    fn name(&self) -> String {
        self.wanted.name()
    }

    fn open(&mut self) -> Result<Opened, NodeError> {
        open(&self.wanted, &self.hand_over, |channels| {
            ring(
                self.wanted.rate,
                channels,
                self.clock.clone(),
                self.counters.clone(),
                self.reader.clone(),
            )
        })
    }

    fn look(&mut self, opened: &mut Opened) -> Result<(), NodeError> {
        opened.look(&self.name(), "giving sound")
    }

    fn which(&self, opened: &Opened) -> Option<String> {
        self.wanted.which(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_with_other_channels_than_asked_for_is_fitted() {
        assert_eq!(fitted(vec![0.1, 0.2], 1, 2), [0.1, 0.1, 0.2, 0.2]);
        assert_eq!(fitted(vec![0.1, 0.2, 0.3, 0.4], 2, 1), [0.1, 0.3]);
        assert_eq!(fitted(vec![0.1, 0.2], 2, 3), [0.1, 0.2, 0.0]);
    }
}
