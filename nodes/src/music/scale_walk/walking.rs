//! Walks along the transport's sixteenths, in a render and live.

use score_engine::{Flow, Io, NodeError, Note, Payload, Processor, Time, Value};

use super::super::pulse::Pulse;
use super::super::stepping::AHEAD;
use super::super::voice::{Chunk, NOTES};
use super::walk::Walk;
use super::{DENSITY, scale};
use crate::live;

/// Walks along the transport's sixteenths.
pub(super) struct Walking {
    walk: Walk,
    /// In a render, the next sixteenth to decide, counted from the start.
    next: u64,
    bars: Chunk,
    pulse: Pulse,
}

impl Walking {
    pub(super) fn new(walk: Walk) -> Self {
        Walking {
            next: 0,
            bars: Chunk::bar(&walk.transport),
            pulse: Pulse::new(AHEAD),
            walk,
        }
    }

    /// Decides every sixteenth before `end`.
    fn go_on(&mut self, io: &mut Io<'_>, end: Time) -> Result<(), NodeError> {
        while self.bars.time_of(self.next) < end && !io.stop_requested() {
            self.decide(io, self.next)?;
            self.next += 1;
        }
        Ok(())
    }

    fn decide(&mut self, io: &mut Io<'_>, place: u64) -> Result<(), NodeError> {
        let notes = self.walk.at(place);
        send(io, self.bars.time_of(place), notes)
    }
}

impl Processor for Walking {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if !io.is_live() {
                self.go_on(io, input.packet.time)?;
            }
            if input.port == DENSITY {
                let density = f64::from(*input.packet.control()?);
                self.walk.density = if density.is_nan() { 0.0 } else { density };
            } else {
                let strength = input.packet.event()?.strength;
                let strength = if strength.is_nan() {
                    0.0
                } else {
                    strength.clamp(0.0, 1.0)
                };
                let stronger = self
                    .walk
                    .accent
                    .map_or(strength, |other| other.max(strength));
                self.walk.accent = Some(stronger);
            }
        }
        if io.is_live() {
            for place in self.pulse.due(&self.bars, io.now()) {
                self.decide(io, place)?;
            }
            return Ok(Flow::WakeAt(self.pulse.wake(&self.bars)));
        }
        // After the last input the watermark is the end of all time; `finish` knows the end that is meant.
        if io.end().is_none() && io.time() != Time::MAX {
            self.go_on(io, io.time())?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        let end = if io.is_live() { io.now().max(end) } else { end };
        if !io.is_live() {
            self.go_on(io, end)?;
        }
        let notes = self.walk.close();
        send(io, end, notes)
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.bars.time_of(self.next))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let walk = &mut self.walk;
        match name {
            "scale" => {
                walk.range.scale = value.as_str().unwrap_or_default().to_owned();
            }
            "tonic" => walk.range.tonic = live::number(name, value)?.clamp(0.0, 120.0) as u8,
            "octaves" => walk.range.octaves = live::number(name, value)?.clamp(1.0, 6.0) as u8,
            "step" => walk.step = live::number(name, value)?.clamp(1.0, 14.0) as i64,
            "freedom" => walk.freedom = live::number(name, value)?,
            "threshold" => walk.threshold = live::number(name, value)?,
            "hold" => walk.hold = live::length(name, value, &walk.transport)?,
            "velocity" => walk.velocity = live::number(name, value)? as f32,
            _ => return Err(live::not_live(name)),
        }
        let range = &walk.range;
        walk.ladder = scale::ladder(&range.scale, range.tonic, range.octaves);
        Ok(())
    }
}

fn send(io: &mut Io<'_>, time: Time, notes: Vec<Note>) -> Result<(), NodeError> {
    match notes.is_empty() {
        true => Ok(()),
        false => io.send(NOTES, time, Payload::Notes(notes.into())),
    }
}
