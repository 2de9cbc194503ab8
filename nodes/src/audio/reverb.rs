//! A room: four delay lines that feed each other.

/// Lengths of the lines in seconds: without a common divisor, so that their echoes do not fall together.
const LINES: [f32; 4] = [0.0297, 0.0371, 0.0411, 0.0437];

/// Time in which the room falls silent by 60 dB, in seconds.
const DECAY: f32 = 1.8;

/// How much of each echo the walls' dullness takes from the one before, per sample.
const DAMPING: f32 = 0.35;

/// A feedback delay network with a Hadamard matrix (Jot and Chaigne 1991).
pub(crate) struct Reverb {
    lines: [Vec<f32>; 4],
    positions: [usize; 4],
    dulled: [f32; 4],
    gains: [f32; 4],
}

impl Reverb {
    /// A silent room.
    pub(crate) fn new(rate: u32) -> Self {
        let length = |seconds: f32| (seconds * rate as f32) as usize + 1;
        Reverb {
            lines: LINES.map(|seconds| vec![0.0; length(seconds)]),
            positions: [0; 4],
            dulled: [0.0; 4],
            gains: LINES.map(|seconds| 10f32.powf(-3.0 * seconds / DECAY)),
        }
    }

    /// Adds the room's answer to interleaved stereo `samples`, of each frame the share that `shares` gives.
    pub(crate) fn add(&mut self, samples: &mut [f32], shares: impl Iterator<Item = f32>) {
        for (frame, share) in samples.chunks_exact_mut(2).zip(shares) {
            let mut taps = [0.0; 4];
            for (line, tap) in taps.iter_mut().enumerate() {
                let echo = self.lines[line][self.positions[line]];
                // Tiny numbers cost a hundred times as long to compute with, and nobody hears them.
                let dulled = echo + DAMPING * (self.dulled[line] - echo);
                self.dulled[line] = if dulled.abs() < 1e-15 { 0.0 } else { dulled };
                *tap = self.dulled[line] * self.gains[line];
            }
            let [a, b, c, d] = taps;
            let mixed = [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d];
            for line in 0..4 {
                let input = frame[line % 2] * 0.5;
                let position = self.positions[line];
                self.lines[line][position] = input + 0.5 * mixed[line];
                self.positions[line] = (position + 1) % self.lines[line].len();
            }
            frame[0] += share * (a + c);
            frame[1] += share * (b + d);
        }
    }
}
