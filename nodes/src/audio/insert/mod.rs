//! What is done to sound in place: it keeps its channels, however many they are.

mod equaliser;
mod filter;
mod limiter;

use score_engine::{
    AudioBlock, Build, Flow, InputPort, Io, NodeError, OutputPort, Processor, Transport,
};

use super::tame::tame;

pub(crate) use equaliser::Equaliser;
pub(crate) use filter::Filter;
pub(crate) use limiter::LimiterNode;

/// How long a parameter takes to its new value, in seconds: at the rate of pictures, one glide goes
/// over into the next.
pub(super) const GLIDE: f32 = 0.04;

/// Of the silence between two blocks no more is played through than this, in seconds: whatever rang
/// on is over.
const LONGEST_GAP: u64 = 1;

/// What is done to the frames of a sound.
pub(super) trait Insert: Send {
    /// The kind that does it.
    type Kind;

    /// Where the sound comes in.
    const SOUND: InputPort<AudioBlock>;

    /// Where it goes out.
    const DONE: OutputPort<AudioBlock>;

    /// Begins with sound of `channels` channels, and forgets what was heard.
    fn begin(&mut self, channels: usize);

    /// Changes the samples of whole frames, interleaved.
    fn pass(&mut self, samples: &mut [f32]);

    /// Takes new values of live parameters, or a new transport.
    fn changed(&mut self, params: &Self::Kind, transport: &Transport);
}

/// Frames that a change takes which would be heard as a step if it took only a block.
pub(super) fn slow_glide(rate: u32) -> u32 {
    (GLIDE * rate as f32) as u32
}

/// Whole frames of the block's samples; what is not a number is silence.
pub(super) fn finite(block: &AudioBlock) -> Vec<f32> {
    let whole = block.frames() * usize::from(block.channels.max(1));
    let samples = block.samples.iter().take(whole);
    samples.map(|sample| tame(*sample)).collect()
}

/// Plays sound through an insert.
struct Inserted<E> {
    insert: E,
    rate: u32,
    /// Channels of the sound; 0: none has come.
    channels: usize,
    /// The first frame that has not come.
    at: u64,
}

impl<E: Insert> Inserted<E> {
    fn new(insert: E, build: &Build<'_>) -> Self {
        Inserted {
            insert,
            rate: build.transport.sample_rate,
            channels: 0,
            at: 0,
        }
    }

    /// Plays the silence between the last block and one that begins at `frame`.
    fn pass_gap(&mut self, frame: u64) {
        let gap = frame.saturating_sub(self.at);
        let gap = gap.min(LONGEST_GAP * u64::from(self.rate)) as usize;
        if gap > 0 {
            self.insert.pass(&mut vec![0.0; gap * self.channels]);
        }
    }

    /// Plays a block. What the insert makes of absurdly loud sound may be no number, which a filter
    /// would never forget: it starts again.
    fn pass(&mut self, mut samples: Vec<f32>) -> Vec<f32> {
        self.insert.pass(&mut samples);
        if samples.iter().any(|sample| !sample.is_finite()) {
            self.insert.begin(self.channels);
            samples.fill(0.0);
        }
        samples
    }
}

impl<E: Insert> Processor<E::Kind> for Inserted<E> {
    fn process(&mut self, _params: &E::Kind, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let block = input.read(E::SOUND)?;
            let (rate, channels) = (block.rate, usize::from(block.channels.max(1)));
            let from = time.to_samples(self.rate);
            match channels == self.channels {
                true => self.pass_gap(from),
                false => self.insert.begin(channels),
            }
            self.channels = channels;
            self.at = from + block.frames() as u64;
            let samples = self.pass(finite(block));
            let block = AudioBlock {
                rate,
                channels: block.channels.max(1),
                samples,
            };
            io.send(E::DONE, time, block)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &E::Kind, transport: &Transport) -> Result<(), NodeError> {
        self.insert.changed(params, transport);
        Ok(())
    }
}
