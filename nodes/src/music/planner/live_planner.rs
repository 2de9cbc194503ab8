//! Plans live: each bar just before it begins, from the newest picture.

use std::sync::Arc;
use std::time::Instant;

use score_engine::{Event, Flow, Io, NodeError, Processor, Time, Transport};

use super::super::grid::Grid;
use super::super::pulse::Pulse;
use super::plan::Plan;
use super::planner_node::{CODE, CUT, PHRASE, PLANNED, Planner, SCENE};

/// A bar's code leaves so long before the bar, in seconds: `stream_decoder` decides the first
/// sixteenth a little before it begins.
const AHEAD: f64 = 0.03;

/// Plans while the picture goes on.
pub(super) struct LivePlanner {
    plan: Plan,
    bars: Grid,
    pulse: Pulse,
    /// The picture's newest code, when it holds and when it was captured.
    newest: Option<(Time, Instant, Arc<[f32]>)>,
    /// A cut of whose scene there was no code yet.
    cut: Option<Time>,
    /// Until when the code of the last cut holds.
    held: Time,
    /// From when the last code holds.
    sent: Option<Time>,
    /// The bar with which the phrase began.
    phrase: Option<u64>,
}

impl LivePlanner {
    pub(super) fn new(plan: Plan, bars: Grid) -> Self {
        LivePlanner {
            plan,
            bars,
            pulse: Pulse::new(AHEAD),
            newest: None,
            cut: None,
            held: Time::ZERO,
            sent: None,
            phrase: None,
        }
    }

    /// Plans bar `bar` of phrases, which begins at `time`.
    fn go_on(
        &mut self,
        params: &Planner,
        io: &mut Io<'_>,
        time: Time,
        bar: u64,
    ) -> Result<(), NodeError> {
        let Some((_, captured, seen)) = &self.newest else {
            return Ok(());
        };
        let (captured, seen) = (*captured, seen.to_vec());
        let number = match self.phrase {
            Some(first) => bar.saturating_sub(first),
            None => params.phrase as u64,
        };
        let number = if number >= params.phrase as u64 {
            self.phrase = Some(bar);
            let (scene, _) = self.plan.scene(params, seen.clone());
            let name = self.plan.begin_phrase(scene);
            let event = Event {
                name,
                strength: 1.0,
            };
            io.send_captured(PHRASE, time, captured, event)?;
            0
        } else {
            number
        };
        let number = usize::try_from(number).unwrap_or_default();
        let code = self.plan.bar_of_phrase(params, number, seen)?;
        self.sent = Some(time);
        io.send_captured(PLANNED, time, captured, code)
    }

    /// Sends the scene that the picture of `time` shows.
    fn send_scene(
        &mut self,
        params: &Planner,
        io: &mut Io<'_>,
        time: Time,
    ) -> Result<(), NodeError> {
        let Some((_, captured, seen)) = &self.newest else {
            return Ok(());
        };
        let captured = *captured;
        let (_, look) = self.plan.scene(params, seen.to_vec());
        io.send_captured(SCENE, time, captured, look)
    }

    /// Sends a code that holds from `time` on.
    fn send(&mut self, params: &Planner, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let Some((_, captured, seen)) = &self.newest else {
            return Ok(());
        };
        let captured = *captured;
        let code = self.plan.next(params, seen.to_vec())?;
        // A cut just before the bar, whose code is out: the bar begins with the cut's.
        let time = self.sent.map_or(time, |sent| sent.max(time));
        self.sent = Some(time);
        io.send_captured(PLANNED, time, captured, code)
    }

    /// Answers a cut once its scene has a code.
    fn answer(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<(), NodeError> {
        let code = self.newest.as_ref().map(|(time, _, _)| *time);
        let Some(time) = code.filter(|code| self.cut.is_some_and(|cut| *code >= cut)) else {
            return Ok(());
        };
        self.cut = None;
        if params.phrase > 0 {
            return self.send_scene(params, io, time);
        }
        let half = Time::from_nanos((self.bars.start(1) - self.bars.start(0)).nanos() / 2);
        self.held = time + half;
        self.send(params, io, time)
    }
}

impl Processor<Planner> for LivePlanner {
    fn process(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            if input.is(CODE) {
                let is_first = self.newest.is_none();
                self.newest = Some((time, captured, input.read(CODE)?.clone()));
                if is_first && params.phrase > 0 {
                    let bar = self.bars.sixteenth_from(time) / self.bars.bar_length().max(1) as u64;
                    self.send_scene(params, io, time)?;
                    self.go_on(params, io, time, bar)?;
                } else if is_first {
                    self.send(params, io, time)?;
                }
            } else if input.is(CUT) {
                self.cut = Some(time);
            }
            self.answer(params, io)?;
        }
        for place in self.pulse.due(&self.bars, io.now()) {
            let time = self.bars.time_of(place);
            let is_planned = self.sent.is_some_and(|sent| sent >= time);
            if self.bars.place(place).1 != 0 || time < self.held || is_planned {
                continue;
            }
            if params.phrase > 0 {
                self.go_on(
                    params,
                    io,
                    time,
                    place / self.bars.bar_length().max(1) as u64,
                )?;
            } else {
                self.send(params, io, time)?;
            }
        }
        Ok(Flow::WakeAt(self.pulse.wake(&self.bars)))
    }

    fn changed(&mut self, params: &Planner, transport: &Transport) -> Result<(), NodeError> {
        let before = self.bars.transport();
        self.held = transport.time_at(before.position(self.held));
        let place = self.pulse.next();
        let again = |first| self.bars.bar_again(first, transport, place);
        // Without phrases the next one is the first.
        self.phrase = self.phrase.filter(|_| params.phrase > 0).map(again);
        self.bars.retime(transport);
        Ok(())
    }
}
