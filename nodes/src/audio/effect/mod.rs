//! Sound in, sound out: what an effect adds to it.

mod delay;
mod master;
mod reverb;

use score_engine::{
    AudioBlock, Build, Flow, InputPort, Io, NodeError, OutputPort, Processor, Time, Transport,
};

use super::end_fade::EndFade;
use super::ramp::{Ramp, glide};
use super::stereo::{block, stereo};

pub(crate) use delay::Delay;
pub(crate) use master::Master;
pub(crate) use reverb::Room;

/// The longest gap in the sound that is played through, in seconds; the rest of a longer one is
/// skipped.
const LONGEST_GAP: u64 = 30;

/// What an effect makes of each frame.
trait Effect: Send {
    /// The kind that it is the effect of.
    type Kind;

    /// Where the sound comes in.
    const SOUND: InputPort<AudioBlock>;

    /// Where the sound and the effect go out.
    const MIXED: OutputPort<AudioBlock>;

    /// Takes a frame, left and right, and gives the effect's part of the output.
    fn hear(&mut self, frame: [f32; 2]) -> [f32; 2];

    /// The effect's share of the output.
    fn mix(params: &Self::Kind) -> f64;

    /// Takes new values of live parameters, or a new transport.
    fn changed(&mut self, params: &Self::Kind, transport: &Transport);
}

/// Plays sound through an effect and mixes both.
struct Mixing<E> {
    effect: E,
    /// The effect's share.
    mix: Ramp,
    /// Frames a second.
    rate: u32,
    /// The first frame that has not come.
    at: Option<u64>,
    /// What a render holds back until it is known whether it ends there: its sound may have ended,
    /// but not its echoes.
    fade: EndFade,
}

impl<E: Effect> Mixing<E> {
    fn new(effect: E, params: &E::Kind, build: &Build<'_>) -> Self {
        Mixing {
            effect,
            mix: Ramp::new(E::mix(params) as f32, glide(build.transport)),
            rate: build.transport.sample_rate,
            at: None,
            fade: EndFade::new(build),
        }
    }

    fn send(&self, io: &mut Io<'_>, time: Time, samples: Vec<f32>) -> Result<(), NodeError> {
        io.send(E::MIXED, time, block(self.rate, samples))
    }

    /// Feeds the effect the silence between the last block and one that begins at `frame`.
    fn pass_gap(&mut self, frame: u64) {
        let longest = LONGEST_GAP * u64::from(self.rate);
        let gap = self.at.map_or(0, |at| frame.saturating_sub(at));
        for _ in 0..gap.min(longest) {
            self.effect.hear([0.0; 2]);
            self.mix.next();
        }
    }
}

impl<E: Effect> Processor<E::Kind> for Mixing<E> {
    fn process(&mut self, _params: &E::Kind, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let mut samples = stereo(input.read(E::SOUND)?);
            let from = time.to_samples(self.rate);
            self.pass_gap(from);
            self.at = Some(from + samples.len() as u64 / 2);
            for frame in samples.chunks_exact_mut(2) {
                let wet = self.effect.hear([frame[0], frame[1]]);
                let mix = self.mix.next();
                for (sample, wet) in frame.iter_mut().zip(wet) {
                    *sample += mix * (wet - *sample);
                }
            }
            for (time, samples) in self.fade.pass(time, samples) {
                self.send(io, time, samples)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &E::Kind, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, samples) in self.fade.finish() {
            self.send(io, time, samples)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.fade.earliest()
    }

    fn changed(&mut self, params: &E::Kind, transport: &Transport) -> Result<(), NodeError> {
        self.mix.set(E::mix(params) as f32);
        self.effect.changed(params, transport);
        Ok(())
    }
}
