//! Adds sounds up.

mod sides;
mod stems;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use score_engine::{
    AudioBlock, Build, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

use super::amplitude;
use super::desk::{Desk, Due};
use super::limiter::Limiter;
use super::ramp::{Ramp, glide};
use super::stereo::{block, stereo};
use sides::Sides;
use stems::Stems;

pub use stems::stem_files;

const SOUNDS: InputPort<AudioBlock> = InputPort::new(0, "sounds", "the sounds").many();
const SUM: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "their sum, stereo");

/// `mixer`.
#[derive(Clone, Params)]
pub(crate) struct Mixer {
    /// level of the sum
    #[param(live, range = -60.0..=24.0, span = -36.0..=0.0, unit = "dB", default = 0.0)]
    gain: f64,
    /// level of each wire
    #[param(live, range = -60.0..=24.0, unit = "dB", default = Vec::new(), for_each_wire = SOUNDS.name())]
    gains: Vec<f64>,
    /// place of each wire: −1 left, 0 middle, 1 right
    #[param(live, range = -1.0..=1.0, default = Vec::new(), for_each_wire = SOUNDS.name())]
    pans: Vec<f64>,
    /// files for each sound of a render, .wav; left out: none
    #[param(rebuild = "the files are begun once", writes, content = Sound, ending = "wav", each = SOUNDS.name())]
    stems: Option<PathBuf>,
}

impl Node for Mixer {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "mixer", "Adds sounds up")
            .example(
                r#"nodes: {
                    "left": tone(frequency: 220, length: 2),
                    "right": tone(frequency: 330, length: 2),
                    "mix": mixer(gains: [0, -6], pans: [-0.5, 0.5]),
                    "sound": audio_file(path: "two_tones.wav"),
                },
                wires: ["left -> mix -> sound", "right -> mix"]"#,
            )
            .details(
                "`gains` and `pans` count the wires in the order of the patch; wires beyond the \
                 end of a list have 0 dB and the middle. A pan turns the other side down; the \
                 middle changes nothing. The sum stays below full scale: up to −3 dB it is left as \
                 it is, above that a limiter turns it down gently. The sound lasts as long as the \
                 longest input.\n\n\
                 Live, a block is sent as soon as every wire has brought it, and at the latest one \
                 block after the first did. What comes later is left out and counted as \
                 `late_blocks`; the wire's sound fades there and comes back within 5 ms. A wire \
                 that has missed 8 blocks in a row is not waited for until it brings something \
                 again.\n\n\
                 `stems` writes, in a render, each sound to a file of its own beside the mix, \
                 named after the node that it comes from: `film-stem.wav` becomes \
                 `film-stem-lead.wav`, `film-stem-bass.wav`… They have their levels and places in \
                 the mix (`gains`, `pans` and `gain`) and 32-bit floating-point samples, begin and \
                 end together, and add up to the sum before the limiter. `score film --stems` sets \
                 it.",
            )
            .input(SOUNDS)
            .output(SUM)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rate = build.transport.sample_rate;
        let glide = glide(build.transport);
        let stems = match (&self.stems, build.clock) {
            (Some(path), None) => Some(Stems::begin(path, build, SOUNDS)?),
            (Some(_), Some(_)) => {
                tracing::warn!(
                    "`stems` are only written by a render; in a live run, use a recorder for each sound"
                );
                None
            }
            (None, _) => None,
        };
        let wires = build.wires(SOUNDS);
        Ok(Box::new(Mixing {
            stems,
            desk: Desk::new(Sides::new(self, wires, glide), wires, build),
            gain: Ramp::new(amplitude(self.gain), glide),
            limiter: Limiter::new(rate),
            rate,
        }))
    }
}

struct Mixing {
    stems: Option<Stems>,
    desk: Desk<Sides>,
    gain: Ramp,
    limiter: Limiter,
    rate: u32,
}

impl Processor<Mixer> for Mixing {
    fn process(&mut self, _params: &Mixer, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let samples = stereo(input.read(SOUNDS)?);
            (self.desk).bring(io, input.wire, input.packet.time, samples);
        }
        loop {
            match self.desk.due(io) {
                Due::Block(frames) => self.send_block(io, frames)?,
                Due::At(time) => return Ok(Flow::WakeAt(time)),
                Due::Nothing => return Ok(Flow::Continue),
            }
        }
    }

    fn finish(&mut self, _params: &Mixer, io: &mut Io<'_>) -> Result<(), NodeError> {
        while let Some(frames) = self.desk.rest(io) {
            self.send_block(io, frames)?;
        }
        match &mut self.stems {
            Some(stems) => stems.finish(),
            None => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        match &mut self.stems {
            Some(stems) => stems.commit(),
            None => Ok(()),
        }
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.desk.time())
    }

    fn changed(&mut self, params: &Mixer, _transport: &Transport) -> Result<(), NodeError> {
        self.gain.set(amplitude(params.gain));
        self.desk.placing.turn(params);
        Ok(())
    }
}

impl Mixing {
    fn send_block(&mut self, io: &mut Io<'_>, frames: u64) -> Result<(), NodeError> {
        let time = self.desk.time();
        let stems = self.stems.as_mut();
        let blocks = stems.map_or(&mut [][..], |stems| &mut stems.blocks);
        let mut samples = self.desk.mix(frames, blocks);
        let mut gains = Vec::new();
        for frame in samples.chunks_exact_mut(2) {
            let gain = self.gain.next();
            if self.stems.is_some() {
                gains.push(gain);
            }
            let limited = self.limiter.limit([frame[0] * gain, frame[1] * gain]);
            frame.copy_from_slice(&limited);
        }
        if let Some(stems) = &mut self.stems {
            stems.write(&gains)?;
        }
        io.send(SUM, time, block(self.rate, samples))
    }
}
