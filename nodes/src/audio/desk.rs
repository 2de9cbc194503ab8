//! The mixer's channels: what each wire has brought, and their sum.

use std::f32::consts::FRAC_PI_2;

use score_engine::Time;

use super::super::amplitude;
use super::super::ramp::Ramp;
use super::Mixer;
use super::seam::Seam;

/// A wire that has missed this many blocks in a row is not waited for.
const PATIENCE: u32 = 8;

/// Sound that a wire has brought and that is not all sent.
struct Piece {
    wire: usize,
    /// Its first frame.
    from: u64,
    /// Interleaved stereo.
    samples: Vec<f32>,
    /// When it came, on the clock.
    came: Time,
}

impl Piece {
    fn end(&self) -> u64 {
        self.from + self.samples.len() as u64 / 2
    }
}

/// One wire into the mixer.
struct Channel {
    sides: [Ramp; 2],
    /// The first frame that it has not brought.
    reached: u64,
    /// How many blocks in a row were sent without it.
    missed: u32,
    /// Live: hides where its blocks are missing.
    seam: Option<Seam>,
}

/// The factors of a wire's left and right: in the middle both are the gain; towards one side the
/// other is turned down along a quarter of a cosine. Wires of which nothing is said have 0 dB in
/// the middle.
fn sides(params: &Mixer, wire: usize) -> [f32; 2] {
    let gain = amplitude(params.gains.get(wire).copied().unwrap_or(0.0));
    let pan = params.pans.get(wire).copied().unwrap_or(0.0) as f32;
    let side = |away: f32| match away {
        away if away <= 0.0 => gain,
        away if away >= 1.0 => 0.0,
        away => gain * (away * FRAC_PI_2).cos(),
    };
    [side(pan), side(-pan)]
}

/// All wires and what they have brought.
pub(super) struct Desk {
    channels: Vec<Channel>,
    pieces: Vec<Piece>,
}

impl Desk {
    /// A desk for `wires` wires, whose levels change within `ramp` frames; live, with the `rate` of
    /// its sound, in Hz.
    pub(super) fn new(params: &Mixer, wires: usize, ramp: u32, live: Option<u32>) -> Self {
        let channel = |wire| Channel {
            sides: sides(params, wire).map(|side| Ramp::new(side, ramp)),
            reached: 0,
            missed: 0,
            seam: live.map(Seam::new),
        };
        Desk {
            channels: (0..wires).map(channel).collect(),
            pieces: Vec::new(),
        }
    }

    /// Turns every channel's sides to where they belong.
    pub(super) fn turn(&mut self, params: &Mixer) {
        for (wire, channel) in self.channels.iter_mut().enumerate() {
            for (ramp, side) in channel.sides.iter_mut().zip(sides(params, wire)) {
                ramp.set(side);
            }
        }
    }

    /// Takes what a wire brings at `came`, of which nothing before the frame `at` can still be
    /// sent. `false`: all of it comes too late.
    pub(super) fn bring(
        &mut self,
        wire: usize,
        from: u64,
        samples: Vec<f32>,
        came: Time,
        at: u64,
    ) -> bool {
        let piece = Piece {
            wire,
            from,
            samples,
            came,
        };
        let Some(channel) = self.channels.get_mut(piece.wire) else {
            return false;
        };
        channel.reached = channel.reached.max(piece.end());
        channel.missed = 0;
        let is_in_time = piece.end() > at;
        if is_in_time {
            self.pieces.push(piece);
        }
        is_in_time
    }

    /// The first frame that anything waits for.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.pieces.iter().map(|piece| piece.from).min()
    }

    /// When the first came that sounds before the frame `end`.
    pub(super) fn came(&self, end: u64) -> Option<Time> {
        let pieces = self.pieces.iter().filter(|piece| piece.from < end);
        pieces.map(|piece| piece.came).min()
    }

    /// Whether every wire that is waited for has brought all up to the frame `end`.
    pub(super) fn is_complete(&self, end: u64) -> bool {
        self.channels
            .iter()
            .all(|channel| channel.reached >= end || channel.missed >= PATIENCE)
    }

    /// Adds all that sounds from `at` on to interleaved stereo `samples` and forgets it; wires in
    /// their order, so that the sum is the same in every run. What each wire adds is appended
    /// to its block of `stems`, where there is one.
    pub(super) fn mix(&mut self, at: u64, samples: &mut [f32], stems: &mut [Vec<f32>]) {
        let end = at + samples.len() as u64 / 2;
        let mut brought = vec![0.0; samples.len()];
        let mut came = vec![false; samples.len() / 2];
        for (wire, channel) in self.channels.iter_mut().enumerate() {
            brought.fill(0.0);
            came.fill(false);
            for piece in self.pieces.iter().filter(|piece| piece.wire == wire) {
                let (from, to) = (piece.from.max(at), piece.end().min(end));
                if from < to {
                    let source = &piece.samples
                        [(from - piece.from) as usize * 2..(to - piece.from) as usize * 2];
                    let target = &mut brought[(from - at) as usize * 2..(to - at) as usize * 2];
                    target
                        .iter_mut()
                        .zip(source)
                        .for_each(|(sum, sample)| *sum += sample);
                    came[(from - at) as usize..(to - at) as usize].fill(true);
                }
            }
            let frames = brought.chunks_exact(2).zip(&came);
            for (sum, (frame, came)) in samples.chunks_exact_mut(2).zip(frames) {
                let mut frame = [frame[0], frame[1]];
                if let Some(seam) = &mut channel.seam {
                    frame = seam.next(came.then_some(frame));
                }
                for side in 0..2 {
                    frame[side] *= channel.sides[side].next();
                    sum[side] += frame[side];
                }
                if let Some(stem) = stems.get_mut(wire) {
                    stem.extend_from_slice(&frame);
                }
            }
            if channel.reached < end {
                channel.missed = channel.missed.saturating_add(1);
            }
        }
        self.pieces.retain(|piece| piece.end() > end);
    }
}
