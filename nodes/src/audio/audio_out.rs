//! Plays sound on a sound device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use cpal::{FromSample, SizedSample};
use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, InputPort, Io, LiveClock, Node, NodeError, Params,
    Processor, Transport,
};

use super::amplitude;
use super::ramp::{Ramp, glide};
use crate::device::audible::{Audible, FADE_SECONDS};
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
                 rate must be the transport's. Outside the patch's `hours` it plays silence, into \
                 and out of which the sound fades in four seconds.\n\n\
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
        let audible = Audible::of(build.settings);
        Ok(Box::new(DevicePlayer {
            rate,
            door: Ramp::new(heard(audible.as_deref()), fade(rate)),
            audible,
            gain: Ramp::new(amplitude(self.gain), glide(build.transport)),
            feed: None,
            feeds,
            shared,
            keeper: Some(keeper),
            next: 0,
            loudest: build.counters.counter("loudest_millionths"),
        }))
    }
}

struct DevicePlayer {
    rate: u32,
    /// The level, as a factor.
    gain: Ramp,
    /// Whether the run is heard by its hours.
    audible: Option<Arc<Audible>>,
    /// How much of it is heard, as a factor.
    door: Ramp,
    feed: Option<Feed>,
    feeds: Receiver<Feed>,
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    /// The frame after the last one that came.
    next: u64,
    /// The highest sample so far, in millionths of full scale.
    loudest: Arc<AtomicU64>,
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
                let block = scaled.as_ref().unwrap_or(block);
                self.loudest.fetch_max(millionths(block), Ordering::Relaxed);
                feed.push(start, block);
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
        self.door.set(heard(self.audible.as_deref()));
        if self.gain.is_at(1.0) && self.door.is_at(1.0) {
            return None;
        }
        let mut block = block.clone();
        let channels = usize::from(block.channels.max(1));
        self.gain.scale(&mut block.samples, channels);
        self.door.scale(&mut block.samples, channels);
        Some(block)
    }
}

/// The highest sample of a block, in millionths of full scale; what is not a number is silence.
fn millionths(block: &AudioBlock) -> u64 {
    let samples = block.samples.iter();
    let peak = samples.fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    (f64::from(peak) * 1e6) as u64
}

/// How much is heard by the run's hours, as a factor.
fn heard(audible: Option<&Audible>) -> f32 {
    f32::from(audible.is_none_or(Audible::is_heard))
}

/// Frames that the sound takes to fade where hours end or begin.
fn fade(rate: u32) -> u32 {
    (f64::from(rate) * FADE_SECONDS) as u32
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

#[cfg(test)]
mod tests {
    use score_engine::Counters;

    use super::*;

    /// What a player makes of a tone, a block of 256 frames after another, while its hours are over
    /// from the second `closes` to the second `opens`.
    fn played(seconds: u32, closes: u32, opens: u32) -> Vec<f32> {
        let rate = 48_000;
        let audible = Arc::<Audible>::default();
        let counters = Counters::default();
        let mut player = DevicePlayer {
            rate,
            gain: Ramp::new(1.0, 240),
            audible: Some(audible.clone()),
            door: Ramp::new(1.0, fade(rate)),
            feed: None,
            feeds: channel().1,
            shared: Arc::new(Shared::new(&counters)),
            keeper: None,
            next: 0,
            loudest: Arc::default(),
        };
        let mut sound = Vec::new();
        for start in (0..seconds * rate).step_by(256) {
            audible.set(!(closes * rate..opens * rate).contains(&start));
            let tone = (start..start + 256).map(|frame| {
                let turns = f64::from(frame) * 440.0 / f64::from(rate);
                (turns * std::f64::consts::TAU).sin() as f32
            });
            let block = AudioBlock {
                rate,
                channels: 1,
                samples: tone.collect(),
            };
            let scaled = player.scaled(&block);
            sound.extend(scaled.map_or(block.samples, |block| block.samples));
        }
        sound
    }

    #[test]
    fn hours_end_in_four_seconds_and_begin_so_without_a_click() {
        let sound = played(14, 1, 7);
        let second = |second: usize| {
            let samples = sound[second * 48_000..(second + 1) * 48_000].iter();
            samples.fold(0.0f32, |peak, sample| peak.max(sample.abs()))
        };
        assert!(second(0) > 0.999);
        assert!((second(2) - 0.75).abs() < 0.01, "{}", second(2));
        assert!(second(5) < 0.001 && second(6) == 0.0, "{}", second(5));
        assert!((second(8) - 0.5).abs() < 0.01, "{}", second(8));
        assert!(second(12) > 0.999);
        let steepest = std::f32::consts::TAU * 440.0 / 48_000.0;
        let steps = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < steepest * 1.01);
    }

    #[test]
    fn hours_that_begin_while_it_fades_out_turn_the_fade_round() {
        let sound = played(8, 1, 3);
        let lowest = (48_000..8 * 48_000).step_by(480).map(|frame| {
            let samples = sound[frame..frame + 480].iter();
            samples.fold(0.0f32, |peak, sample| peak.max(sample.abs()))
        });
        let lowest = lowest.fold(1.0, f32::min);
        assert!((lowest - 0.5).abs() < 0.02, "{lowest}");
    }
}
