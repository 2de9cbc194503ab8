//! Plays a part sixteenth by sixteenth: in a render as far as all inputs are known, live just before each sounds.

use std::time::Instant;

use score_engine::{Flow, Input, Io, NodeError, Note, Payload, Processor, Time, Value};

use super::pulse::Pulse;
use super::stepping::AHEAD;
use super::voice::{Chunk, NOTES};

/// Notes that begin or end, at their times, in order.
pub(super) type Played = Vec<(Time, Note)>;

/// A part that is played.
pub(super) trait Part: Send {
    /// Takes in what came along a wire.
    ///
    /// # Errors
    /// It is not what the input takes.
    fn hear(&mut self, input: &Input, chunk: &Chunk) -> Result<(), NodeError>;

    /// What is played from sixteenth `place`, counted from the start, up to the next.
    ///
    /// # Errors
    /// The model fails.
    fn at(&mut self, place: u64, chunk: &Chunk) -> Result<Played, NodeError>;

    /// The ends of what still sounds at `time`.
    fn close(&mut self, time: Time) -> Played;

    /// Takes a new value of a live parameter.
    ///
    /// # Errors
    /// The value cannot be taken.
    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError>;
}

/// The processor of a part.
pub(super) struct Pacing<P> {
    part: P,
    chunk: Chunk,
    /// In a render, the next sixteenth to play, counted from the start.
    next: u64,
    pulse: Pulse,
    /// When the newest thing was captured that the part knows.
    captured: Instant,
}

impl<P: Part> Pacing<P> {
    pub(super) fn new(part: P, chunk: Chunk) -> Self {
        Pacing {
            part,
            chunk,
            next: 0,
            pulse: Pulse::new(AHEAD),
            captured: Instant::now(),
        }
    }

    fn play(&mut self, io: &mut Io<'_>, place: u64) -> Result<(), NodeError> {
        let played = self.part.at(place, &self.chunk)?;
        self.send(io, played)
    }

    /// Sends what begins or ends together as one packet.
    fn send(&self, io: &mut Io<'_>, played: Played) -> Result<(), NodeError> {
        for together in played.chunk_by(|(one, _), (other, _)| one == other) {
            let notes: Vec<Note> = together.iter().map(|(_, note)| *note).collect();
            let payload = Payload::Notes(notes.into());
            let time = together.first().map_or(Time::ZERO, |(time, _)| *time);
            if io.is_live() {
                io.send_captured(NOTES, time, self.captured, payload)?;
            } else {
                io.send(NOTES, time, payload)?;
            }
        }
        Ok(())
    }

    /// Plays every sixteenth before `end`.
    fn go_on(&mut self, io: &mut Io<'_>, end: Time) -> Result<(), NodeError> {
        while self.chunk.time_of(self.next) < end && !io.stop_requested() {
            self.play(io, self.next)?;
            self.next += 1;
        }
        Ok(())
    }
}

impl<P: Part> Processor for Pacing<P> {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if !io.is_live() {
                self.go_on(io, input.packet.time)?;
            }
            self.captured = input.packet.captured;
            self.part.hear(&input, &self.chunk)?;
        }
        if io.is_live() {
            for place in self.pulse.due(&self.chunk, io.now()) {
                self.play(io, place)?;
            }
            return Ok(Flow::WakeAt(self.pulse.wake(&self.chunk)));
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
        let ends = self.part.close(end);
        self.send(io, ends)
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.chunk.time_of(self.next))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        self.part.set(name, value)
    }
}
