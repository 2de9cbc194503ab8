//! Arranges a live run: by what has moved so far.

use score_engine::{Flow, Io, NodeError, Payload, Processor, Time, Value};

use super::super::voice::Chunk;
use super::arrangement_node::{CUT, ENERGY, FULLNESS};
use super::shaping::Shape;

/// Half-lives, in seconds: of energy, of fullness, and of what is usual.
const SOON: f64 = 0.5;
const LATER: f64 = 8.0;
const USUAL: f64 = 120.0;

/// Standard deviations from the usual to the ends of the range.
const WIDE: f32 = 2.0;

/// Follows motion as it comes.
pub(super) struct Building {
    shape: Shape,
    bars: Chunk,
    last: Option<Time>,
    soon: f32,
    later: f32,
    /// Mean and variance of motion.
    usual: (f32, f32),
}

impl Building {
    pub(super) fn new(shape: Shape, bars: Chunk) -> Self {
        Building {
            shape,
            bars,
            last: None,
            soon: 0.0,
            later: 0.0,
            usual: (0.0, 0.0),
        }
    }

    fn see(&mut self, time: Time, motion: f32) {
        let Some(last) = self.last.replace(time) else {
            (self.soon, self.later, self.usual.0) = (motion, motion, motion);
            return;
        };
        let seconds = (time - last).seconds().max(0.0);
        let share = |half_life: f64| (1.0 - 0.5_f64.powf(seconds / half_life)) as f32;
        self.soon += share(SOON) * (motion - self.soon);
        self.later += share(LATER) * (motion - self.later);
        let away = motion - self.usual.0;
        self.usual.0 += share(USUAL) * away;
        self.usual.1 += share(USUAL) * (away * away - self.usual.1);
    }

    /// Where `motion` lies in the usual range, 0 to 1.
    fn place(&self, motion: f32) -> f32 {
        let deviation = self.usual.1.sqrt();
        if deviation < 1e-4 {
            return 0.5;
        }
        (0.5 + (motion - self.usual.0) / (2.0 * WIDE * deviation)).clamp(0.0, 1.0)
    }
}

impl Processor for Building {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            if input.port == CUT {
                // The new shot speaks for itself at once.
                self.soon = self.later;
                continue;
            }
            self.see(time, *input.packet.control()?);
            let bar = self.bars.sixteenth_from(time) / self.bars.bar_length().max(1) as u64;
            let full = self.shape.opened(bar, self.place(self.later));
            for (port, value) in [(ENERGY, self.place(self.soon)), (FULLNESS, full)] {
                let value = Payload::Control(self.shape.within(value));
                io.send_captured(port, time, captured, value)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        self.shape.set(name, value)
    }
}
