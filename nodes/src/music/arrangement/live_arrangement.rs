//! Arranges a live run: by what has moved so far.

use score_engine::{Flow, Io, NodeError, Processor, Time, Transport};

use super::super::grid::Grid;
use super::arrangement_node::{Arrangement, CUT, ENERGY, FULLNESS, MOTION};
use super::shaping::if_alike;
use crate::half_life::followed;

/// Half-lives, in seconds: of energy, of fullness, and of what is usual.
const SOON: f64 = 0.5;
const LATER: f64 = 8.0;
const USUAL: f64 = 120.0;

/// Standard deviations from the usual to the ends of the range.
const WIDE: f32 = 2.0;

/// Follows motion as it comes.
pub(super) struct LiveArrangement {
    bars: Grid,
    last: Option<Time>,
    /// Whether a shot has begun of which nothing was seen yet.
    cut: bool,
    soon: f32,
    later: f32,
    /// Mean and variance of motion.
    usual: (f32, f32),
}

impl LiveArrangement {
    pub(super) fn new(bars: Grid) -> Self {
        LiveArrangement {
            bars,
            last: None,
            cut: false,
            soon: 0.0,
            later: 0.0,
            usual: (0.0, 0.0),
        }
    }

    /// What is not a number says nothing, and would stay in all that follows.
    fn see(&mut self, time: Time, motion: f32) {
        if !motion.is_finite() {
            return;
        }
        let Some(last) = self.last.replace(time) else {
            (self.soon, self.later, self.usual.0) = (motion, motion, motion);
            return;
        };
        let seconds = (time - last).seconds().max(0.0);
        let share = |half_life: f64| followed(seconds, half_life);
        // A new shot speaks for itself at once.
        let soon = if std::mem::take(&mut self.cut) {
            1.0
        } else {
            share(SOON)
        };
        self.soon += soon * (motion - self.soon);
        self.later += share(LATER) * (motion - self.later);
        let away = motion - self.usual.0;
        self.usual.0 += share(USUAL) * away;
        self.usual.1 += share(USUAL) * (away * away - self.usual.1);
    }

    /// Where `motion` lies in the usual range, 0 to 1.
    fn place(&self, motion: f32) -> f32 {
        let deviation = self.usual.1.sqrt();
        if deviation < 1e-4 {
            return if_alike(self.usual.0);
        }
        (0.5 + (motion - self.usual.0) / (2.0 * WIDE * deviation)).clamp(0.0, 1.0)
    }
}

impl Processor<Arrangement> for LiveArrangement {
    fn process(&mut self, params: &Arrangement, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            if input.is(CUT) {
                self.cut = true;
                continue;
            }
            self.see(time, *input.read(MOTION)?);
            let bar = self.bars.sixteenth_from(time) / self.bars.bar_length().max(1) as u64;
            let full = params.opened(bar, self.place(self.later));
            for (port, value) in [(ENERGY, self.place(self.soon)), (FULLNESS, full)] {
                io.send_captured(port, time, captured, params.within(value))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, _params: &Arrangement, transport: &Transport) -> Result<(), NodeError> {
        self.bars.retime(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::Harness;
    use score_engine::{Event, Payload, PortType};
    use serde_json::json;

    use super::*;

    #[test]
    fn motion_that_is_not_a_number_spoils_nothing_that_follows() {
        let at = Time::from_seconds;
        let motion = (0..8).map(|n| {
            let value = if n % 3 == 0 { f32::NAN } else { n as f32 / 8.0 };
            let time = at(f64::from(n));
            (time, time, Payload::Control(value))
        });
        let outputs = Harness::<Arrangement>::new(json!({}))
            .feed_live("motion", PortType::Control, motion.collect(), at(8.0))
            .play_live()
            .unwrap();
        for packet in outputs.packets("energy") {
            assert!(packet.control().unwrap().is_finite());
        }
    }

    #[test]
    fn live_energy_comes_with_the_first_picture_and_fullness_slowly() {
        let at = Time::from_seconds;
        // Half a minute of still and busy shots of three seconds, in turns.
        let motion = (0..240).map(|n| {
            let time = f64::from(n) / 8.0;
            let busy = (time / 3.0) as u32 % 2 == 1;
            (
                at(time),
                at(time),
                Payload::Control(if busy { 0.6 } else { 0.1 }),
            )
        });
        let cuts = (1..10).map(|shot| {
            let event = Event {
                name: "cut".to_owned(),
                strength: 1.0,
            };
            let time = at(f64::from(shot) * 3.0);
            (time, time, Payload::Event(Arc::new(event)))
        });
        let outputs = Harness::<Arrangement>::new(json!({ "opening": 0 }))
            .feed_live("motion", PortType::Control, motion.collect(), at(30.0))
            .feed_live("cut", PortType::Event, cuts.collect(), at(30.0))
            .play_live()
            .unwrap();
        let read = |port: &str, time: f64| {
            let packets = outputs.packets(port).iter();
            let found = packets.rev().find(|packet| packet.time <= at(time));
            *found.unwrap().control().unwrap()
        };
        // The shot of 21 s is busy, that of 24 s still; the picture after the cut is the second of
        // each.
        let (busy, still) = (read("energy", 21.2), read("energy", 24.2));
        assert!(busy > still + 0.2, "{busy} {still}");
        let moved = (read("fullness", 21.2) - read("fullness", 20.8)).abs();
        assert!(moved < 0.05, "{moved}");
    }
}
