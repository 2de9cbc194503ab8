//! A mixing desk: what each wire has brought, which block of their sum is next, and the sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{Build, Io, Time};

use super::blocks::Blocks;
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

/// Where the sound of each wire goes.
pub(crate) trait Placing {
    /// How many channels the sum has.
    fn channels(&self) -> usize;

    /// What the next frame of a wire, left and right, adds to a frame of the sum: all of `placed`
    /// is written. Every wire is asked for every frame.
    fn place(&mut self, wire: usize, frame: [f32; 2], placed: &mut [f32]);
}

/// One wire into the desk.
struct Channel {
    /// The first frame that it has not brought.
    reached: u64,
    /// How many blocks in a row were sent without it.
    missed: u32,
    /// Live: hides where its blocks are missing.
    seam: Option<Seam>,
}

/// What is to be done next.
pub(crate) enum Due {
    /// A block of this many frames is to be sent.
    Block(u64),
    /// One is at the latest at this time.
    At(Time),
    /// Nothing until something comes.
    Nothing,
}

/// All wires and what they have brought.
pub(crate) struct Desk<P> {
    pub(crate) placing: P,
    channels: Vec<Channel>,
    pieces: Vec<Piece>,
    rate: u32,
    blocks: Blocks,
    /// How long a block waits for wires that have not brought it; `None`: until all is known.
    patience: Option<Time>,
    /// Blocks that came too late.
    late: Arc<AtomicU64>,
}

impl<P: Placing> Desk<P> {
    /// A desk for `wires` wires.
    pub(crate) fn new(placing: P, wires: usize, build: &Build<'_>) -> Self {
        let (rate, block) = (build.transport.sample_rate, build.transport.block);
        let channel = |_| Channel {
            reached: 0,
            missed: 0,
            seam: build.clock.map(|_| Seam::new(rate)),
        };
        Desk {
            placing,
            channels: (0..wires).map(channel).collect(),
            pieces: Vec::new(),
            rate,
            blocks: Blocks::new(build.transport, build.ends),
            patience: (!build.ends).then(|| Time::from_samples(u64::from(block), rate)),
            late: build.counters.counter("late_blocks"),
        }
    }

    /// Takes interleaved stereo that a wire brings now. What belongs to blocks that were sent
    /// already is left out.
    pub(crate) fn bring(&mut self, io: &Io<'_>, wire: usize, time: Time, samples: Vec<f32>) {
        let piece = Piece {
            wire,
            from: time.to_samples(self.rate),
            samples,
            came: io.now(),
        };
        let Some(channel) = self.channels.get_mut(piece.wire) else {
            return;
        };
        channel.reached = channel.reached.max(piece.end());
        channel.missed = 0;
        if piece.end() > self.blocks.at() {
            self.pieces.push(piece);
        } else {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When the next block of the sum begins.
    pub(crate) fn time(&self) -> Time {
        self.blocks.time()
    }

    /// What is to be done next: in a render every block is sent whose wires are known, live every
    /// one that is complete or whose time is up.
    pub(crate) fn due(&mut self, io: &Io<'_>) -> Due {
        let Some(patience) = self.patience else {
            return match self.blocks.is_due(io) {
                true => Due::Block(self.blocks.size()),
                false => Due::Nothing,
            };
        };
        if !self.skip_silence() {
            return Due::Nothing;
        }
        let end = self.blocks.at() + self.blocks.size();
        let first = self.came(end).unwrap_or(Time::ZERO);
        match self.is_complete(end) || io.now() >= first + patience {
            true => Due::Block(self.blocks.size()),
            false => Due::At(first + patience),
        }
    }

    /// For `finish`: frames of the next block; `None`: nothing is left.
    pub(crate) fn rest(&mut self, io: &Io<'_>) -> Option<u64> {
        match self.patience {
            Some(_) => (self.skip_silence() && !io.stop_requested()).then_some(self.blocks.size()),
            None => self.blocks.rest(io),
        }
    }

    /// Goes on to the first block of the grid in which something sounds; `false`: nothing does.
    fn skip_silence(&mut self) -> bool {
        let earliest = self.pieces.iter().map(|piece| piece.from).min();
        if let Some(earliest) = earliest {
            self.blocks.skip_to(earliest);
        }
        earliest.is_some()
    }

    /// When the first came that sounds before the frame `end`.
    fn came(&self, end: u64) -> Option<Time> {
        let pieces = self.pieces.iter().filter(|piece| piece.from < end);
        pieces.map(|piece| piece.came).min()
    }

    /// Whether every wire that is waited for has brought all up to the frame `end`.
    fn is_complete(&self, end: u64) -> bool {
        self.channels
            .iter()
            .all(|channel| channel.reached >= end || channel.missed >= PATIENCE)
    }

    /// The next block of the sum, interleaved: all wires in their order, so that it is the same in
    /// every run. What each wire adds is appended to its block of `stems`, where there is one.
    pub(crate) fn mix(&mut self, frames: u64, stems: &mut [Vec<f32>]) -> Vec<f32> {
        let outputs = self.placing.channels().max(1);
        let at = self.blocks.at();
        self.blocks.pass(frames);
        let frames = frames as usize;
        let end = at + frames as u64;
        let mut samples = vec![0.0; frames * outputs];
        let mut brought = vec![0.0; frames * 2];
        let mut came = vec![false; frames];
        let mut placed = vec![0.0; outputs];
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
            for (sum, (frame, came)) in samples.chunks_exact_mut(outputs).zip(frames) {
                let mut frame = [frame[0], frame[1]];
                if let Some(seam) = &mut channel.seam {
                    frame = seam.next(came.then_some(frame));
                }
                self.placing.place(wire, frame, &mut placed);
                sum.iter_mut()
                    .zip(&placed)
                    .for_each(|(sum, sample)| *sum += sample);
                if let Some(stem) = stems.get_mut(wire) {
                    stem.extend_from_slice(&placed);
                }
            }
            if channel.reached < end {
                channel.missed = channel.missed.saturating_add(1);
            }
        }
        self.pieces.retain(|piece| piece.end() > end);
        samples
    }
}
