//! Sound in, sound out: what an effect adds to it.

mod delay;
mod master;
mod reverb;

use std::sync::Arc;

use score_engine::{
    AudioBlock, Build, Flow, Io, NodeError, Payload, Processor, Time, Transport, Value,
};

use super::end_fade::EndFade;
use super::ramp::Ramp;
use super::stereo::stereo;
use crate::live;

pub(crate) use delay::Delay;
pub(crate) use master::Master;
pub(crate) use reverb::Room;

const SOUND: usize = 0;

/// Where nothing came for longer than this, in seconds, the rest of the time in between is not played through.
const LONGEST_GAP: u64 = 30;

/// What an effect makes of each frame.
trait Effect: Send {
    /// Hears a frame, left and right, and gives the effect's part of what is heard.
    fn hear(&mut self, frame: [f32; 2]) -> [f32; 2];

    /// Takes the new value of a live parameter of its own.
    ///
    /// # Errors
    /// It has no such parameter, or not with this value.
    fn set(&mut self, name: &str, value: &Value, transport: &Transport) -> Result<(), NodeError>;
}

/// Plays sound through an effect and mixes both.
struct Mixing<E> {
    effect: E,
    /// The effect's share.
    mix: Ramp,
    transport: Transport,
    /// The first frame that has not come.
    at: Option<u64>,
    /// What a render holds back until it is known whether it ends there: its sound may have ended, but not its echoes.
    fade: EndFade,
}

impl<E: Effect> Mixing<E> {
    fn new(effect: E, mix: f64, build: &Build<'_>) -> Self {
        Mixing {
            effect,
            mix: Ramp::new(mix as f32, build.transport.block),
            transport: build.transport.clone(),
            at: None,
            fade: EndFade::new(build.transport.sample_rate),
        }
    }

    fn send(&self, io: &mut Io<'_>, time: Time, samples: Vec<f32>) -> Result<(), NodeError> {
        let block = AudioBlock {
            rate: self.transport.sample_rate,
            channels: 2,
            samples,
        };
        io.send(SOUND, time, Payload::Audio(Arc::new(block)))
    }

    /// Lets the effect hear the silence between the last block and one that begins at `frame`.
    fn pass_gap(&mut self, frame: u64) {
        let longest = LONGEST_GAP * u64::from(self.transport.sample_rate);
        let gap = self.at.map_or(0, |at| frame.saturating_sub(at));
        for _ in 0..gap.min(longest) {
            self.effect.hear([0.0; 2]);
            self.mix.next();
        }
    }
}

impl<E: Effect> Processor for Mixing<E> {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            let mut samples = stereo(input.packet.audio()?);
            let from = time.to_samples(self.transport.sample_rate);
            self.pass_gap(from);
            self.at = Some(from + samples.len() as u64 / 2);
            for frame in samples.chunks_exact_mut(2) {
                let wet = self.effect.hear([frame[0], frame[1]]);
                let mix = self.mix.next();
                for (sample, wet) in frame.iter_mut().zip(wet) {
                    *sample += mix * (wet - *sample);
                }
            }
            if io.is_live() {
                self.send(io, time, samples)?;
                continue;
            }
            for (time, samples) in self.fade.pass(time, samples) {
                self.send(io, time, samples)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, samples) in self.fade.finish() {
            self.send(io, time, samples)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.fade.earliest()
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match name {
            "mix" => self.mix.set(live::number(name, value)? as f32),
            _ => self.effect.set(name, value, &self.transport)?,
        }
        Ok(())
    }
}
