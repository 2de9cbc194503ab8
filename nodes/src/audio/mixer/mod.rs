//! Adds sounds up.

mod desk;
mod seam;
mod stems;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{
    AudioBlock, Build, Descriptor, FileContent, Flow, Io, Node, NodeError, Param, ParamType,
    Payload, Port, PortType, Processor, Time, Value,
};
use serde::Deserialize;

use super::amplitude;
use super::limiter::Limiter;
use super::ramp::Ramp;
use super::stereo::stereo;
use crate::live;
use desk::Desk;
use stems::Stems;

pub use stems::stem_files;

const SOUND: usize = 0;

/// `mixer`.
#[derive(Deserialize)]
pub(crate) struct Mixer {
    gain: f64,
    gains: Vec<f64>,
    pans: Vec<f64>,
    stems: Option<PathBuf>,
}

impl Node for Mixer {
    fn descriptor() -> Descriptor {
        let decibels = ParamType::Number {
            min: -60.0,
            max: 24.0,
        };
        let place = ParamType::Number {
            min: -1.0,
            max: 1.0,
        };
        let nothing = || Value::Array(Vec::new());
        Descriptor::new("audio", "mixer", "Adds sounds up")
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
                "`gains` and `pans` count the wires in the order of the patch; wires beyond their ends come with 0 dB \
                 from the middle. A pan turns the other side down; the middle changes nothing. The sum stays below full \
                 scale: up to −3 dB it is left as it is, and beyond a limiter turns it down gently. The sound lasts as \
                 long as the longest that comes in.\n\n\
                 Live, a block goes out as soon as every wire has brought it, and at the latest a block's time after \
                 the first did. What comes later is left out, and counted as \
                 `late_blocks`; the wire's sound fades there and comes back within 5 ms. A wire that has left out \
                 8 blocks in a row is not waited for until it brings something again.\n\n\
                 `stems` writes, in a render, each sound to a file of its own beside the mix, after the node that it comes \
                 from: `film-stem.wav` becomes `film-stem-lead.wav`, `film-stem-bass.wav`… They have their levels and \
                 places in the mix (`gains`, `pans` and `gain`) and 32-bit floating-point samples, begin and end together, \
                 and add up to the sum before the limiter. `score film --stems` sets it.",
            )
            .input(Port::new("sounds", PortType::Audio, "the sounds").many())
            .output(Port::new("sound", PortType::Audio, "their sum, stereo"))
            .param(Param::number("gain", (-60.0, 24.0), "level of the sum").unit("dB").default(0.0).live())
            .param(Param::list("gains", decibels, "level of each wire").unit("dB").default(nothing()).live())
            .param(Param::list("pans", place, "place of each wire: −1 left, 0 middle, 1 right").default(nothing()).live())
            .param(Param::file_to_write("stems", "a render's files for each sound, .wav; left out: none").content(FileContent::Sound).ending("wav").each("sounds").optional())
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let (rate, block) = (build.transport.sample_rate, build.transport.block);
        let stems = match (&self.stems, build.clock) {
            (Some(path), None) => Some(Stems::begin(path, build, "sounds")?),
            (Some(_), Some(_)) => {
                tracing::warn!(
                    "`stems` are written by a render only; live use a recorder for each sound"
                );
                None
            }
            (None, _) => None,
        };
        Ok(Box::new(Mixing {
            stems,
            desk: Desk::new(
                build.wires("sounds"),
                self.gains.clone(),
                self.pans.clone(),
                block,
                build.clock.map(|_| rate),
            ),
            gain: Ramp::new(amplitude(self.gain), block),
            limiter: Limiter::new(rate),
            rate,
            block: u64::from(block.max(1)),
            at: 0,
            late: build.counters.counter("late_blocks"),
        }))
    }
}

struct Mixing {
    stems: Option<Stems>,
    desk: Desk,
    gain: Ramp,
    limiter: Limiter,
    rate: u32,
    block: u64,
    /// The first frame that has not been sent.
    at: u64,
    /// Blocks that came too late.
    late: Arc<AtomicU64>,
}

impl Processor for Mixing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let samples = stereo(input.packet.audio()?);
            let from = input.packet.time.to_samples(self.rate);
            if !self
                .desk
                .bring(input.wire, from, samples, io.now(), self.at)
            {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
        }
        if io.is_live() {
            return self.keep_up(io);
        }
        let known = io.time();
        // After the last sound the watermark is the end of all time; `finish` knows the end that is meant.
        if known != Time::MAX {
            let known = known.to_samples(self.rate);
            while self.at + self.block <= known {
                self.send_block(io, self.block)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if io.is_live() {
            while self.skip_silence() && !io.stop_requested() {
                self.send_block(io, self.block)?;
            }
            return Ok(());
        }
        let end = io.end().unwrap_or(Time::ZERO).to_samples(self.rate);
        while self.at < end && !io.stop_requested() {
            self.send_block(io, self.block.min(end - self.at))?;
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
        Some(Time::from_samples(self.at, self.rate))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match name {
            "gain" => self.gain.set(amplitude(live::number(name, value)?)),
            "gains" => self.desk.set_gains(live::numbers(name, value)?),
            "pans" => self.desk.set_pans(live::numbers(name, value)?),
            _ => return Err(live::not_live(name)),
        }
        Ok(())
    }
}

impl Mixing {
    /// Live: sends every block that is complete or whose time is up.
    fn keep_up(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let patience = Time::from_samples(self.block, self.rate);
        while self.skip_silence() {
            let end = self.at + self.block;
            if !self.desk.is_complete(end) {
                let first = self.desk.came(end).unwrap_or(Time::ZERO);
                if io.now() < first + patience {
                    return Ok(Flow::WakeAt(first + patience));
                }
            }
            self.send_block(io, self.block)?;
        }
        Ok(Flow::Continue)
    }

    /// Goes on to the first block of the grid in which something sounds; `false`: nothing does.
    fn skip_silence(&mut self) -> bool {
        let earliest = self.desk.earliest();
        if let Some(earliest) = earliest.filter(|earliest| *earliest >= self.at + self.block) {
            self.at = earliest - earliest % self.block;
        }
        earliest.is_some()
    }

    fn send_block(&mut self, io: &mut Io<'_>, frames: u64) -> Result<(), NodeError> {
        let mut samples = vec![0.0; frames as usize * 2];
        let stems = self.stems.as_mut();
        let blocks = stems.map_or(&mut [][..], |stems| &mut stems.blocks);
        self.desk.mix(self.at, &mut samples, blocks);
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
        let time = Time::from_samples(self.at, self.rate);
        self.at += frames;
        let block = AudioBlock {
            rate: self.rate,
            channels: 2,
            samples,
        };
        io.send(SOUND, time, Payload::Audio(Arc::new(block)))
    }
}
