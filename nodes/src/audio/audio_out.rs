//! Plays sound on a sound device.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use cpal::{FromSample, SizedSample};
use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, InputPort, Io, LiveClock, Node, NodeError, Params,
    Processor, Transport,
};

use super::amplitude;
use super::ramp::{Ramp, glide};
use crate::device::counters::read;
use crate::device::feed::Feed;
use crate::device::keeper::{Keeper, Opener};
use crate::device::playback::{Playback, PlaybackForm, Shared, ring};
use crate::device::sound::{Callback, Wanted, claim, open};
use crate::device::sound_device::Direction;
use crate::device::sound_stream::Opened;
use crate::only_live::only_live;

/// The shortest time between two reports of dropouts.
const TELL: Duration = Duration::from_secs(5);

/// How long the device may take, beyond its lead, to play the end.
const PLAY_OUT: Duration = Duration::from_millis(250);

const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "what to play");

/// `audio_out`.
#[derive(Clone, Params)]
pub(crate) struct AudioOut {
    /// the device, as `score devices` prints it; left out: the system's
    #[param(rebuild = "the device is opened once")]
    device: Option<String>,
    /// channels of the device
    #[param(rebuild = "the device is opened with this number", range = 1..=64, default = 2)]
    channels: u16,
    /// frames that the device is asked to take at a time; left out: the transport's block
    #[param(rebuild = "the device is opened with it", range = 16..=8_192, unit = "frames")]
    block: Option<u32>,
    /// how much later than its time a sound is heard
    #[param(rebuild = "all sound would jump", range = 2..=8, unit = "blocks", default = 3)]
    latency: u32,
    /// level
    #[param(live, range = -60.0..=12.0, span = -36.0..=0.0, unit = "dB", default = 0.0)]
    gain: f64,
    /// the node does not start without the device; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for AudioOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "audio_out", "Plays sound on a sound device")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["tune -> piano -> sound"]"#,
            )
            .details(
                "Only in a live run. The device's time becomes the run's clock. A sound is heard \
                 `latency` blocks after its time; a block is the device's or the transport's, \
                 whichever is larger. While the device is missing, the run continues without sound \
                 by the computer's clock, and the device is opened as soon as it is there. Its \
                 rate must be the transport's.\n\n\
                 One channel is played on the device's first two, more on as many of its channels.",
            )
            .input(SOUND)
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        claim(check, Direction::Output, self.device.as_deref());
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let clock = only_live(build, "audio_out", "write a file with `audio_file`")?;
        let rate = build.transport.sample_rate;
        let shared = Arc::new(Shared::new(build.counters));
        let (hand_over, feeds) = channel();
        let opener = OutputOpener {
            wanted: Wanted {
                device: self.device.clone(),
                direction: Direction::Output,
                rate,
                channels: self.channels,
                block: self.block.unwrap_or(build.transport.block),
            },
            block: build.transport.block,
            latency: self.latency,
            clock: clock.clone(),
            shared: shared.clone(),
            hand_over,
            seen: 0,
            told: (Instant::now(), 0),
        };
        let keeper = Keeper::start(opener, self.required, build.counters)?;
        Ok(Box::new(DevicePlayer {
            rate,
            gain: Ramp::new(amplitude(self.gain), glide(build.transport)),
            feed: None,
            feeds,
            shared,
            keeper: Some(keeper),
            next: 0,
        }))
    }
}

struct DevicePlayer {
    rate: u32,
    /// The level, as a factor.
    gain: Ramp,
    feed: Option<Feed>,
    feeds: Receiver<Feed>,
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    /// The frame after the last one that came.
    next: u64,
}

impl Processor<AudioOut> for DevicePlayer {
    fn process(&mut self, _params: &AudioOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        self.shared.running.store(true, Ordering::Release);
        while let Ok(feed) = self.feeds.try_recv() {
            self.feed = Some(feed);
        }
        while let Some(input) = io.take() {
            let block = input.read(SOUND)?;
            if block.rate != self.rate {
                return Err(NodeError::internal(format!(
                    "sound at {} Hz arrived, but the transport has {} Hz",
                    block.rate, self.rate
                )));
            }
            let start = input.packet.time.to_samples(self.rate);
            self.next = self.next.max(start + block.frames() as u64);
            let scaled = self.scaled(block);
            if let Some(feed) = self.feed.as_mut().filter(|feed| !feed.is_abandoned()) {
                feed.push(start, scaled.as_ref().unwrap_or(block));
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &AudioOut, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(mut feed) = self.feed.take() {
            feed.end(self.next);
            let lead = read(&self.shared.counters.lead_frames) as f64 / f64::from(self.rate);
            let patience = Duration::from_secs_f64(lead.min(2.0)) + PLAY_OUT;
            let started = Instant::now();
            while read(&self.shared.counters.is_open) == 1
                && !self.shared.finished.load(Ordering::Acquire)
                && !io.stop_requested()
                && started.elapsed() < patience
            {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self.keeper.take();
        Ok(())
    }

    fn changed(&mut self, params: &AudioOut, _transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        Ok(())
    }
}

impl DevicePlayer {
    /// The block at the node's level; `None` where it is the block itself.
    fn scaled(&mut self, block: &AudioBlock) -> Option<AudioBlock> {
        if self.gain.is_at(1.0) {
            return None;
        }
        let mut block = block.clone();
        let channels = usize::from(block.channels.max(1));
        self.gain.scale(&mut block.samples, channels);
        Some(block)
    }
}

/// Opens the device for the keeper.
struct OutputOpener {
    wanted: Wanted,
    block: u32,
    latency: u32,
    clock: Arc<LiveClock>,
    shared: Arc<Shared>,
    hand_over: Sender<Feed>,
    /// How many dropouts there had been at the last look.
    seen: u64,
    /// When dropouts were reported last, and how many there had been.
    told: (Instant, u64),
}

/// The open device.
struct Output {
    opened: Opened,
    shared: Arc<Shared>,
}

impl Drop for Output {
    fn drop(&mut self) {
        self.shared.counters.is_open.store(0, Ordering::Release);
    }
}

impl Callback for Playback {
    fn play<T: SizedSample + FromSample<f32>>(&mut self, out: &mut [T]) {
        self.fill(out);
    }
}

impl Opener for OutputOpener {
    type Device = Output;

    fn name(&self) -> String {
        self.wanted.name()
    }

    fn open(&mut self) -> Result<Output, NodeError> {
        let opened = open(&self.wanted, &self.hand_over, |channels| {
            let form = PlaybackForm {
                rate: self.wanted.rate,
                channels,
                block: self.block,
                latency: self.latency,
            };
            let (feed, playback) = ring(form, self.clock.clone(), self.shared.clone());
            (playback, feed)
        })?;
        let counters = &self.shared.counters;
        counters.openings.fetch_add(1, Ordering::Relaxed);
        counters.is_open.store(1, Ordering::Release);
        Ok(Output {
            opened,
            shared: self.shared.clone(),
        })
    }

    fn look(&mut self, output: &mut Output) -> Result<(), NodeError> {
        let counters = &self.shared.counters;
        let name = self.name();
        output.opened.look(&name, "asking for sound")?;
        let dropouts = read(&counters.dropouts);
        if dropouts > self.seen {
            tracing::debug!(
                device = output.opened.device,
                dropouts,
                "the sound broke off"
            );
            self.seen = dropouts;
        }
        if dropouts > self.told.1 && self.told.0.elapsed() >= TELL {
            let seconds = read(&counters.missing_frames) as f64 / f64::from(self.wanted.rate);
            let new = dropouts - self.told.1;
            let plural = if new == 1 { "" } else { "s" };
            tracing::warn!(
                device = output.opened.device,
                "{new} dropout{plural}, {dropouts} in all with {seconds:.2} s of silence: \
                 raise `latency` or `block`",
            );
            self.told = (Instant::now(), dropouts);
        }
        Ok(())
    }

    fn which(&self, output: &Output) -> Option<String> {
        self.wanted.which(&output.opened)
    }

    fn closing(&mut self, _output: &mut Output) {
        self.shared.closing.store(true, Ordering::Release);
        // One call of the device and the fade that it begins.
        let frames = read(&self.shared.counters.device_block) * 2;
        let seconds = 0.01 + frames as f64 / f64::from(self.wanted.rate);
        std::thread::sleep(Duration::from_secs_f64(seconds.min(0.2)));
    }
}
