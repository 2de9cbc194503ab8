//! Sounds for the tests of effects and of the mixer.

use std::sync::Arc;

use score_engine::harness::Outputs;
use score_engine::{AudioBlock, Payload, Time};

pub(crate) use crate::testing::at;

/// Samples as blocks of 512 frames of one channel, on the grid.
pub(crate) fn blocks(samples: &[f32]) -> Vec<(Time, Payload)> {
    let blocks = samples.chunks(512).enumerate();
    blocks
        .map(|(number, samples)| {
            (
                Time::from_samples(number as u64 * 512, 48_000),
                block(1, samples),
            )
        })
        .collect()
}

/// One block of sound.
pub(crate) fn block(channels: u16, samples: &[f32]) -> Payload {
    Payload::Audio(Arc::new(AudioBlock {
        rate: 48_000,
        channels,
        samples: samples.to_vec(),
    }))
}

/// A frame of full scale and then silence.
pub(crate) fn one_frame(frames: usize) -> Vec<f32> {
    let mut samples = vec![0.0; frames];
    samples[0] = 1.0;
    samples
}

/// A tone of 220 Hz at half of full scale.
pub(crate) fn sine(frames: usize) -> Vec<f32> {
    tone(220.0, 0.5, frames)
}

/// A tone of `frequency` Hz whose peak is `level`.
pub(crate) fn tone(frequency: f64, level: f32, frames: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * frequency / 48_000.0;
    (0..frames)
        .map(|n| level * (n as f64 * step).sin() as f32)
        .collect()
}

/// White noise whose peaks are `level` (xorshift, G. Marsaglia 2003): the same in every run.
pub(crate) fn noise(level: f32, frames: usize) -> Vec<f32> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        level * ((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
    };
    (0..frames).map(next).collect()
}

/// The channel with this number, from 0, of what left the output `sound`.
pub(crate) fn channel(outputs: &Outputs, number: usize) -> Vec<f32> {
    let packets = outputs.packets("sound").iter();
    packets
        .flat_map(|packet| {
            let block = packet.audio().unwrap();
            let samples = block.samples.iter().skip(number);
            samples
                .step_by(block.channels.into())
                .copied()
                .collect::<Vec<f32>>()
        })
        .collect()
}

/// The left side of what left the output `sound`.
pub(crate) fn left(outputs: &Outputs) -> Vec<f32> {
    let packets = outputs.packets("sound").iter();
    packets
        .flat_map(|packet| {
            packet
                .audio()
                .unwrap()
                .samples
                .iter()
                .step_by(2)
                .copied()
                .collect::<Vec<f32>>()
        })
        .collect()
}

/// The largest jump between neighbouring samples.
pub(crate) fn largest_step(samples: &[f32]) -> f32 {
    let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    steps.fold(0.0, f32::max)
}
