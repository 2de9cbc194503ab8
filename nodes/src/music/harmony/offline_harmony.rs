//! Makes the chords of a render once all codes, cuts and the end are known, so that phrases close
//! on them. Whatever were decided sooner would depend on how far the film happened to be read.

use std::collections::VecDeque;
use std::sync::Arc;

use score_engine::{Flow, Input, Io, NodeError, Processor, Time, Transport};

use super::chord::Chord;
use super::chord_model::FARTHEST;
use super::form::{Close, next_close};
use super::harmony_node::{CHORDS, CLOSE, CODE, CUT, Harmony, PHRASE};
use super::progression::{Decided, Progression};
use crate::chords::Chords;
use crate::params_over_time::ParamsOverTime;

/// How many later steps are decided before a step is sent, so that it can announce the next chord.
const LOOKAHEAD: usize = 5;

/// Collects codes and cuts, and decides at the end.
pub(super) struct OfflineHarmony {
    progression: Progression,
    /// Codes that are not used up, by the time from which they hold.
    codes: VecDeque<(Time, Arc<[f32]>)>,
    code: Option<Arc<[f32]>>,
    /// Moods that came along wires and do not hold yet.
    moods: VecDeque<Input>,
    /// Cuts and wished closes, by their steps.
    cuts: Vec<u64>,
    /// The next step to decide.
    next: u64,
    /// The step of the close before.
    closed: Option<u64>,
    /// The close that the countdown goes to.
    close: Option<Close>,
    /// Decided, not yet sent: the first of them is step `sent`.
    decided: VecDeque<(Decided, Option<Close>)>,
    sent: u64,
    before: Option<i64>,
    params: ParamsOverTime<Harmony>,
}

impl OfflineHarmony {
    pub(super) fn new(progression: Progression) -> Self {
        OfflineHarmony {
            progression,
            codes: VecDeque::new(),
            code: None,
            moods: VecDeque::new(),
            cuts: Vec::new(),
            next: 0,
            closed: None,
            close: None,
            decided: VecDeque::new(),
            sent: 0,
            before: None,
            params: ParamsOverTime::default(),
        }
    }

    /// Decides the next step, which begins at `begins`; the piece ends with step `end`.
    fn decide(&mut self, params: &Harmony, begins: Time, end: u64) -> Result<(), NodeError> {
        while self.codes.front().is_some_and(|(time, _)| *time <= begins) {
            self.code = self.codes.pop_front().map(|(_, code)| code);
        }
        let holds = |mood: &Input| mood.packet.time <= begins;
        while let Some(mood) = self.moods.front().filter(|mood| holds(mood)) {
            self.progression.hear(mood)?;
            self.moods.pop_front();
        }
        // Before the first code there is no picture to follow: the first that comes holds from the
        // start.
        let code = self
            .code
            .clone()
            .or_else(|| self.codes.front().map(|(_, code)| code.clone()));
        let zero = || vec![0.0; self.progression.dimension()].into();
        let code = code.unwrap_or_else(zero);
        let per_bar = self.progression.steps.per_bar();
        let least = params.cadence * per_bar;
        let index = self.next;
        if self.close.is_none_or(|close| close.step < index) {
            self.closed = self.close.map(|close| close.step).or(self.closed);
            self.close = None;
        }
        // A close that is counted down to stays, but for the piece's end, which comes before all.
        let found = next_close(self.closed, &self.cuts, end, per_bar, least);
        if self.close.is_none() || found.is_some_and(|found| found.last) {
            self.close = found.filter(|found| found.step >= index);
        }
        let close = self.close.filter(|close| close.step <= index + FARTHEST);
        let countdown = close.map(|close| close.step - index);
        let last = close.is_some_and(|close| close.last);
        let decided = (self.progression).decide(params, index, &code, (countdown, last), false)?;
        self.progression.ended |= close.is_some_and(|close| close.last && close.step == index);
        self.decided.push_back((decided, close));
        self.next += 1;
        let gone = self
            .cuts
            .partition_point(|cut| *cut < index.saturating_sub(least));
        self.cuts.drain(..gone);
        Ok(())
    }

    /// Sends the first decided step.
    fn send(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some((now, close)) = self.decided.pop_front() else {
            return Ok(());
        };
        let key = self.progression.key();
        let length = self.progression.steps.length();
        let chord = Chord::of_token(now.token, key);
        let next = (1u64..)
            .zip(&self.decided)
            .find(|(_, (next, _))| next.token != now.token)
            .and_then(|(steps, (next, _))| {
                Some((
                    Chord::of_token(next.token, key)?,
                    u32::try_from(steps * length).ok()?,
                ))
            });
        let close_in = close.map(|close| (close.step - self.sent) * length);
        let chords = Chords {
            key,
            chord,
            fresh: self.before != Some(now.token) || now.closes,
            next,
            close: close_in.and_then(|close| u32::try_from(close).ok()),
            last: close.is_some_and(|close| close.last),
        };
        let time = self.progression.steps.time_of(self.sent);
        self.before = Some(now.token);
        self.sent += 1;
        io.send(CHORDS, time, Arc::new(chords))
    }
}

impl Processor<Harmony> for OfflineHarmony {
    fn process(&mut self, params: &Harmony, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            self.params.collect(time, params);
            if input.is(CODE) {
                self.codes.push_back((time, input.read(CODE)?.clone()));
            } else if input.is(CUT) || input.is(CLOSE) {
                self.cuts.push(self.progression.steps.at(time));
            } else if input.is(PHRASE) {
                let place = self.progression.steps.sixteenth_from(time);
                if let Some(theme) = &mut self.progression.theme {
                    theme.hear(&input.read(PHRASE)?.name, place);
                }
            } else {
                self.moods.push_back(input);
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &Harmony, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        // The piece's last step.
        let last = self.progression.steps.at(end);
        let over_time = std::mem::take(&mut self.params);
        loop {
            let begins = self.progression.steps.time_of(self.next);
            if begins >= end || io.stop_requested() {
                break;
            }
            let params = over_time.at(begins).unwrap_or(params);
            self.decide(params, begins, last)?;
            while self.decided.len() > LOOKAHEAD {
                self.send(io)?;
            }
        }
        while !self.decided.is_empty() && !io.stop_requested() {
            self.send(io)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.progression.steps.time_of(self.sent))
    }

    fn changed(&mut self, _params: &Harmony, _transport: &Transport) -> Result<(), NodeError> {
        self.params.changed();
        Ok(())
    }
}
