//! Plays a part sixteenth by sixteenth: in a render as far as all inputs are known, live just
//! before each sounds.

use std::time::Instant;

use score_engine::{
    Build, Flow, Input, Io, NodeError, Note, OutputPort, Processor, Time, Transport, Watermark,
};

use super::grid::Grid;
use super::pulse::{AHEAD, Pulse};

/// Notes that begin or end, at their times, in order.
pub(super) type Played = Vec<(Time, Note)>;

/// A part that is played, by the parameters `P` of its node.
pub(super) trait Part<P>: Send {
    /// Where it plays to.
    const NOTES: OutputPort<Note>;

    /// Takes in what came along a wire.
    ///
    /// # Errors
    /// It is not what the input takes.
    fn hear(&mut self, input: &Input, grid: &Grid) -> Result<(), NodeError>;

    /// What is played from sixteenth `place`, counted from the start, up to the next.
    ///
    /// # Errors
    /// The model fails.
    fn at(&mut self, params: &P, place: u64, grid: &Grid) -> Result<Played, NodeError>;

    /// The ends of what still sounds at `time`.
    fn close(&mut self, time: Time) -> Played;

    /// Computes again what follows from the parameters and the transport; until now sixteenths lay
    /// as `grid` says, and `place` is the next of them.
    ///
    /// # Errors
    /// The part cannot be played so.
    fn changed(
        &mut self,
        _params: &P,
        _transport: &Transport,
        _grid: &Grid,
        _place: u64,
    ) -> Result<(), NodeError> {
        Ok(())
    }
}

/// The processor of a part.
pub(super) struct Pacing<T> {
    part: T,
    grid: Grid,
    /// In a render, the next sixteenth to play, counted from the start.
    next: u64,
    /// When sixteenths are played in a run that has no end; in one that ends as soon as all is
    /// known up to them.
    pulse: Option<Pulse>,
    /// When the newest thing that the part follows was captured.
    captured: Instant,
}

impl<T> Pacing<T> {
    /// Plays `part` by bars.
    pub(super) fn new(part: T, build: &Build<'_>) -> Self {
        Pacing {
            part,
            grid: Grid::bar(build.transport),
            next: 0,
            pulse: (!build.ends).then(|| Pulse::new(AHEAD)),
            captured: Instant::now(),
        }
    }

    fn play<P>(&mut self, params: &P, io: &mut Io<'_>, place: u64) -> Result<(), NodeError>
    where
        T: Part<P>,
    {
        let played = self.part.at(params, place, &self.grid)?;
        self.send(T::NOTES, io, played)
    }

    /// Sends what begins or ends together as one packet.
    fn send(
        &self,
        port: OutputPort<Note>,
        io: &mut Io<'_>,
        played: Played,
    ) -> Result<(), NodeError> {
        for together in played.chunk_by(|(one, _), (other, _)| one == other) {
            let notes: Vec<Note> = together.iter().map(|(_, note)| *note).collect();
            let time = together.first().map_or(Time::ZERO, |(time, _)| *time);
            io.send_captured(port, time, self.captured, notes)?;
        }
        Ok(())
    }

    /// Plays every sixteenth before `end`.
    fn go_on<P>(&mut self, params: &P, io: &mut Io<'_>, end: Time) -> Result<(), NodeError>
    where
        T: Part<P>,
    {
        while self.grid.time_of(self.next) < end && !io.stop_requested() {
            self.play(params, io, self.next)?;
            self.next += 1;
        }
        Ok(())
    }
}

impl<P, T: Part<P>> Processor<P> for Pacing<T> {
    fn process(&mut self, params: &P, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if self.pulse.is_none() {
                self.go_on(params, io, input.packet.time)?;
            }
            self.captured = input.packet.captured;
            self.part.hear(&input, &self.grid)?;
        }
        if let Some(pulse) = &mut self.pulse {
            let (due, wake) = (pulse.due(&self.grid, io.now()), pulse.wake(&self.grid));
            for place in due {
                self.play(params, io, place)?;
            }
            return Ok(Flow::WakeAt(wake));
        }
        // Once nothing more comes, `finish` knows the end that is meant.
        if let (None, Watermark::At(known)) = (io.end(), io.watermark()) {
            self.go_on(params, io, known)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &P, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut end = io.end().unwrap_or(Time::ZERO);
        match self.pulse {
            Some(_) => end = end.max(io.now()),
            None => self.go_on(params, io, end)?,
        }
        let ends = self.part.close(end);
        self.send(T::NOTES, io, ends)
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.grid.time_of(self.next))
    }

    fn changed(&mut self, params: &P, transport: &Transport) -> Result<(), NodeError> {
        let place = self.pulse.as_ref().map_or(0, Pulse::next);
        (self.part).changed(params, transport, &self.grid, place)?;
        self.grid.retime(transport);
        Ok(())
    }
}
