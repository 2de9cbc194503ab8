//! A room: four delay lines that feed each other.

use super::ramp::Ramp;

/// Lengths of the lines in seconds: without a common divisor, so that their echoes do not fall
/// together.
const LINES: [f32; 4] = [0.0297, 0.0371, 0.0411, 0.0437];

/// Time in which the usual room falls silent by 60 dB, in seconds.
pub(crate) const DECAY: f32 = 1.8;

/// The share of the previous sample in each: the walls damp high tones.
const DAMPING: f32 = 0.35;

/// A feedback delay network with a Hadamard matrix (Jot and Chaigne 1991).
pub(crate) struct Reverb {
    lines: [Vec<f32>; 4],
    positions: [usize; 4],
    dulled: [f32; 4],
    gains: [Ramp; 4],
    /// How many times larger than usual the room is.
    size: f32,
}

impl Reverb {
    /// A silent room of the usual size and decay.
    pub(crate) fn new(rate: u32) -> Self {
        Self::sized(rate, 1.0, DECAY, 1)
    }

    /// A silent room, `size` times as large as usual, that falls silent by 60 dB in `decay`
    /// seconds. A new decay is reached within `ramp` frames.
    pub(crate) fn sized(rate: u32, size: f32, decay: f32, ramp: u32) -> Self {
        let length = |seconds: f32| (seconds * size * rate as f32) as usize + 1;
        Reverb {
            lines: LINES.map(|seconds| vec![0.0; length(seconds)]),
            positions: [0; 4],
            dulled: [0.0; 4],
            gains: LINES.map(|seconds| Ramp::new(gain(seconds * size, decay), ramp)),
            size,
        }
    }

    /// From now on the room falls silent by 60 dB in `decay` seconds.
    pub(crate) fn set_decay(&mut self, decay: f32) {
        for (ramp, seconds) in self.gains.iter_mut().zip(LINES) {
            ramp.set(gain(seconds * self.size, decay));
        }
    }

    /// How many times larger than usual the room is.
    pub(crate) fn size(&self) -> f32 {
        self.size
    }

    /// Adds the room's answer to interleaved stereo `samples`, of each frame the share that `share`
    /// comes to.
    pub(crate) fn add(&mut self, samples: &mut [f32], share: &mut Ramp) {
        for frame in samples.chunks_exact_mut(2) {
            let [left, right] = self.answer([frame[0], frame[1]]);
            let share = share.next();
            frame[0] += share * left;
            frame[1] += share * right;
        }
    }

    /// Hears a frame, left and right, and gives the room's answer to those before it.
    pub(crate) fn answer(&mut self, frame: [f32; 2]) -> [f32; 2] {
        let mut taps = [0.0; 4];
        for (line, tap) in taps.iter_mut().enumerate() {
            let echo = self.lines[line][self.positions[line]];
            // Numbers this small are inaudible, and a hundred times as slow to compute with.
            let dulled = echo + DAMPING * (self.dulled[line] - echo);
            self.dulled[line] = if dulled.abs() < 1e-15 { 0.0 } else { dulled };
            *tap = self.dulled[line] * self.gains[line].next();
        }
        let [a, b, c, d] = taps;
        let mixed = [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d];
        for line in 0..4 {
            let input = frame[line % 2] * 0.5;
            let position = self.positions[line];
            self.lines[line][position] = input + 0.5 * mixed[line];
            // A division for every sample would cost as much as everything else here.
            let next = position + 1;
            self.positions[line] = if next < self.lines[line].len() {
                next
            } else {
                0
            };
        }
        [a + c, b + d]
    }
}

/// The factor of a line of `seconds` with which the room falls silent by 60 dB in `decay` seconds.
fn gain(seconds: f32, decay: f32) -> f32 {
    10f32.powf(-3.0 * seconds / decay)
}
