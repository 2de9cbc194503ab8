//! Cues while they play: which was called, which waits for its beat, and which follows. Numbers go
//! to their nodes at once, which morph them by themselves; what switches on a beat, and the tempo,
//! is kept here until its time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    MOST_NAMED, Steering, SteeringError, SteeringErrorKind, SteeringState, TRANSPORT, Way,
    no_preset,
};
use crate::curve::Curve;
use crate::diagnostic::did_you_mean;
use crate::length::Length;
use crate::live::tap::{LiveTap, Seen};
use crate::param::{Param, ParamType};
use crate::preset::PresetValue;
use crate::show::{Cue, CueStart, CueThen, Recalled, Show};
use crate::steering::Glide;
use crate::time::Time;
use crate::transport::Transport;

/// A GO so soon after another is the same press of a key.
const GUARD: Time = Time::from_nanos(500_000_000);

/// The shortest time from cue to cue where one follows by itself.
const SHORTEST: Time = Time::from_nanos(50_000_000);

/// From step to step of a tempo on its way to another.
const TEMPO_STEP: Time = Time::from_nanos(50_000_000);

/// How often an output is looked at whose event starts a cue.
const EVENT_POLL: Time = Time::from_nanos(5_000_000);

/// Looks a second at such an output.
const EVENT_RATE: f64 = 1_000.0;

/// A position on the grid this little before now counts as now, in quarter notes.
const NOW: f64 = 1e-4;

/// Things that are done at one look; more are due only where the conductor slept for long.
const MOST_AT_ONCE: usize = 64;

/// Where the cues of a patch are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CueStatus {
    /// The cue that has started last.
    pub current: Option<String>,
    /// How much of its time has passed, from 0 to 1.
    pub progress: f64,
    /// How long until its values have arrived, in seconds.
    pub left: f64,
    /// The cue that was called and waits for its start; GO starts it at once.
    pub waiting: Option<String>,
    /// What that one waits for: `beat`, `bar`, or the output whose event starts it.
    pub waits_for: Option<String>,
    /// The cue that GO calls.
    pub next: Option<String>,
    /// In how many seconds that one comes by itself, where it does.
    pub next_in: Option<f64>,
}

/// The cues of the patch that plays, and what is still to come of them.
#[derive(Default)]
pub(super) struct Cueing {
    pub(super) show: Arc<Show>,
    /// The cue that was called last: by its number, as all here.
    called: Option<usize>,
    waiting: Option<Waiting>,
    started: Option<Started>,
    /// When the next comes by itself.
    follows: Option<Time>,
    switches: Vec<Switch>,
    tempos: Vec<TempoMorph>,
    /// When GO was said last.
    went: Option<Time>,
}

/// A cue that waits for its start.
struct Waiting {
    cue: usize,
    until: Until,
}

enum Until {
    /// This position on the grid, in quarter notes.
    Position(f64),
    /// The next event.
    Event(LiveTap),
}

/// The cue that has started last.
#[derive(Clone, Copy)]
struct Started {
    cue: usize,
    at: Time,
    lasts: Time,
}

/// A value that switches at a position on the grid.
struct Switch {
    key: (String, String),
    value: Value,
    position: f64,
}

/// A number of the transport on its way.
struct TempoMorph {
    key: (String, String),
    param: Param,
    glide: Glide,
    next: Time,
}

/// How values are recalled.
struct Recalling {
    at: Time,
    lasts: Time,
    curve: Curve,
    /// Whether what cannot glide waits for the next beat.
    on_beat: bool,
    /// Whether the transport's numbers glide too.
    with_tempo: bool,
}

impl Cueing {
    /// Nothing is on its way to this parameter any more.
    pub(super) fn forget(&mut self, key: &(String, String)) {
        self.switches.retain(|switch| switch.key != *key);
        self.tempos.retain(|tempo| tempo.key != *key);
    }

    /// Nothing is on its way to any parameter of this node any more; `None`: of no node.
    pub(super) fn forget_all(&mut self, node: Option<&str>) {
        let goes = |(id, _): &(String, String)| node.is_none_or(|node| node == id);
        self.switches.retain(|switch| !goes(&switch.key));
        self.tempos.retain(|tempo| !goes(&tempo.key));
    }

    fn is_safe(&self, node: &str, param: &str) -> bool {
        let mut safe = self.show.recall_safe.iter();
        safe.any(|(known, name)| known == node && name == param)
    }

    /// The cue that GO calls, where none waits.
    fn next(&self) -> Option<usize> {
        match self.called {
            None => (!self.show.cues.is_empty()).then_some(0),
            Some(called) => self.show.cues.get(called)?.next,
        }
    }

    /// The first position on the grid, at `now` or later, that is a multiple of `step` quarter
    /// notes.
    fn next_position(transport: &Transport, now: Time, step: f64) -> f64 {
        let position = transport.position(now);
        ((position - NOW) / step).ceil() * step
    }
}

/// The quarter notes of a beat.
fn beat(transport: &Transport) -> f64 {
    4.0 / f64::from(transport.metre.1.max(1))
}

/// The quarter notes of a bar.
fn bar(transport: &Transport) -> f64 {
    transport.sixteenths_per_bar() as f64 / 4.0
}

/// Whether values of the parameter can lie between two others.
fn glides(param: &Param) -> bool {
    matches!(
        param.param_type,
        ParamType::Number { .. } | ParamType::Integer { .. } | ParamType::Length { .. }
    )
}

impl Steering {
    /// The cues of the patch that plays, what recalls them, and its controllers. They change only
    /// with [`Steering::edition`].
    pub fn show(&self) -> Arc<Show> {
        self.lock().cueing.show.clone()
    }

    /// GO: calls the cue that comes next, or starts the one that waits for its beat, bar or event.
    /// Gives its name. A second GO within half a second does not count.
    ///
    /// # Errors
    /// There is no cue, or the last one was called; or GO was said a moment ago. Nothing has changed
    /// then.
    pub fn go(&self) -> Result<String, SteeringError> {
        let mut state = self.lock();
        let name = state.go()?;
        state.deliver();
        drop(state);
        self.wake_conductor();
        Ok(name)
    }

    /// Calls the cue `name`: it starts when it says. What waited or followed before does not any
    /// more.
    ///
    /// # Errors
    /// The patch that plays has no such cue, or nobody plays what its start waits for. Nothing has
    /// changed then.
    pub fn cue(&self, name: &str) -> Result<(), SteeringError> {
        let mut state = self.lock();
        state.call(name)?;
        state.deliver();
        drop(state);
        self.wake_conductor();
        Ok(())
    }

    /// No cue waits or follows any more. Values that are on their way arrive.
    pub fn stop_cues(&self) {
        let mut state = self.lock();
        state.cueing.waiting = None;
        state.cueing.follows = None;
    }

    /// Where the cues are; `None`: the patch that plays has none.
    pub fn cue_status(&self) -> Option<CueStatus> {
        let state = self.lock();
        let now = state.clock.now();
        state.cue_status(now)
    }
}

impl SteeringState {
    /// Another patch plays: what is to come of its cues goes on as far as they are still there.
    pub(super) fn take_over_show(&mut self, show: Arc<Show>) {
        let old = std::mem::replace(&mut self.cueing.show, show.clone());
        let now_at = |number: usize| {
            let name = &old.cues.get(number)?.name;
            show.cues.iter().position(|cue| cue.name == *name)
        };
        let cueing = &mut self.cueing;
        cueing.called = cueing.called.and_then(now_at);
        let started = cueing.started.take();
        cueing.started = started.and_then(|started| {
            let cue = now_at(started.cue)?;
            Some(Started { cue, ..started })
        });
        let waiting = cueing.waiting.take();
        cueing.waiting = waiting.and_then(|waiting| {
            let cue = now_at(waiting.cue)?;
            Some(Waiting { cue, ..waiting })
        });
        // The next comes by itself only if the cue before it is still there and still says so.
        let called = cueing.called.and_then(|called| show.cues.get(called));
        if called.is_none_or(|cue| cue.next.is_none() || matches!(cue.then, CueThen::Go)) {
            cueing.follows = None;
        }
        // What a cue has begun goes on where the parameter is still there.
        let mut switches = std::mem::take(&mut cueing.switches);
        switches.retain(|Switch { key, value, .. }| {
            let declared = self.declared(&key.0, &key.1);
            declared.is_ok_and(|param| param.admits(value).is_ok())
        });
        self.cueing.switches = switches;
    }

    /// As [`Steering::recall`].
    pub(super) fn recall(&mut self, name: &str, glide: Time) -> Result<(), SteeringError> {
        let presets = self.presets.clone();
        let Some(preset) = presets.iter().find(|preset| preset.name == name) else {
            return Err(no_preset(name, &presets));
        };
        let recalling = Recalling {
            at: self.clock.now(),
            lasts: glide,
            curve: Curve::Linear,
            on_beat: glide > Time::ZERO,
            with_tempo: false,
        };
        self.recalled = Some(Recalled::Preset(name.to_owned(), Length::Seconds(0.0)));
        self.recall_values(&preset.values, &recalling)
    }

    /// As [`Steering::go`].
    pub(super) fn go(&mut self) -> Result<String, SteeringError> {
        let now = self.clock.now();
        if self.cueing.went.is_some_and(|went| now - went < GUARD) {
            return Err(SteeringError {
                kind: SteeringErrorKind::TooSoon,
                message: "GO was said a moment ago, and counts once".to_owned(),
                help: Some("say it again after half a second".to_owned()),
            });
        }
        let started = match self.cueing.waiting.take() {
            Some(Waiting { cue, .. }) => {
                self.start(cue, now);
                cue
            }
            None => {
                let next = self.cueing.next();
                let cue = next.ok_or_else(|| self.no_next())?;
                self.call_number(cue, now)?;
                cue
            }
        };
        self.cueing.went = Some(now);
        let cue = self.cueing.show.cues.get(started);
        Ok(cue.map(|cue| cue.name.clone()).unwrap_or_default())
    }

    /// As [`Steering::cue`].
    pub(super) fn call(&mut self, name: &str) -> Result<(), SteeringError> {
        let mut cues = self.cueing.show.cues.iter();
        let Some(cue) = cues.position(|cue| cue.name == name) else {
            return Err(self.no_cue(name));
        };
        let now = self.clock.now();
        self.call_number(cue, now)
    }

    /// Calls a cue at the time `at`: it starts then, or waits for its start.
    fn call_number(&mut self, cue: usize, at: Time) -> Result<(), SteeringError> {
        let show = self.cueing.show.clone();
        let Some(Cue { start, .. }) = show.cues.get(cue) else {
            return Ok(());
        };
        let until = match start {
            CueStart::Now => None,
            CueStart::Beat | CueStart::Bar => {
                let step = match start {
                    CueStart::Bar => bar(&self.transport),
                    _ => beat(&self.transport),
                };
                let position = Cueing::next_position(&self.transport, at, step);
                Some(Until::Position(position))
            }
            CueStart::Event { node, output } => {
                Some(Until::Event(self.tap(node, output, EVENT_RATE)?))
            }
        };
        self.cueing.called = Some(cue);
        self.cueing.follows = None;
        self.cueing.waiting = until.map(|until| Waiting { cue, until });
        if self.cueing.waiting.is_none() {
            self.start(cue, at);
        }
        Ok(())
    }

    /// Starts a cue at the time `at`.
    fn start(&mut self, number: usize, at: Time) {
        let show = self.cueing.show.clone();
        let Some(cue) = show.cues.get(number) else {
            return;
        };
        let lasts = cue.time.at(&self.transport);
        let is_on_beat = matches!(cue.start, CueStart::Beat | CueStart::Bar);
        let recalling = Recalling {
            at,
            lasts,
            curve: cue.curve,
            on_beat: lasts > Time::ZERO && !is_on_beat,
            with_tempo: true,
        };
        let follows = match cue.then {
            CueThen::Go => None,
            CueThen::Follow => Some(lasts),
            CueThen::Wait(length) => Some(length.at(&self.transport)),
        };
        self.cueing.called = Some(number);
        self.cueing.waiting = None;
        self.cueing.started = Some(Started {
            cue: number,
            at,
            lasts,
        });
        let has_next = cue.next.is_some();
        self.cueing.follows = follows
            .filter(|_| has_next)
            .map(|after| at + after.max(SHORTEST));
        self.recalled = Some(Recalled::Cue(cue.name.clone()));
        tracing::info!("cue {}", cue.name);
        if let Err(error) = self.recall_values(&cue.values, &recalling) {
            tracing::warn!("the cue {} is not whole: {error}", cue.name);
        }
    }

    /// Has the values set off. They were checked with the nodes that play, so that none is refused;
    /// where one were, the others hold all the same.
    fn recall_values(
        &mut self,
        values: &[PresetValue],
        recalling: &Recalling,
    ) -> Result<(), SteeringError> {
        let mut done = Ok(());
        let way = Way {
            lasts: recalling.lasts,
            curve: recalling.curve,
            begun: Some(recalling.at),
        };
        let switch = || {
            let transport = &self.transport;
            Cueing::next_position(transport, recalling.at, beat(transport))
        };
        let position = recalling.on_beat.then(switch);
        for PresetValue { node, param, value } in values {
            if self.cueing.is_safe(node, param) {
                continue;
            }
            let declared = self.declared(node, param).ok().cloned();
            let is_glide = declared.as_ref().is_none_or(glides);
            let key = (node.clone(), param.clone());
            let set = match (node == TRANSPORT, is_glide, position) {
                (true, true, _) => match declared.filter(|_| recalling.with_tempo) {
                    Some(param) if recalling.lasts > Time::ZERO => {
                        self.morph_tempo(key, param, value, &way);
                        Ok(())
                    }
                    _ => self.set_hand_on(Way::default(), (node, param), Some(value.clone())),
                },
                (_, false, Some(position)) => {
                    self.cueing.forget(&key);
                    self.cueing.switches.push(Switch {
                        key,
                        value: value.clone(),
                        position,
                    });
                    Ok(())
                }
                (_, false, None) => {
                    self.set_hand_on(Way::default(), (node, param), Some(value.clone()))
                }
                (false, true, _) => self.set_hand_on(way, (node, param), Some(value.clone())),
            };
            done = done.and(set);
        }
        done
    }

    /// Has a number of the transport go to another, step by step.
    fn morph_tempo(&mut self, key: (String, String), param: Param, value: &Value, way: &Way) {
        self.cueing.forget(&key);
        let now = crate::transport_params::values(&self.transport);
        let from = now.get(param.name.as_ref()).cloned().unwrap_or_default();
        let begun = way.begun.unwrap_or(Time::ZERO);
        match Glide::between(&param, &from, value, begun, way.lasts) {
            Some(glide) => self.cueing.tempos.push(TempoMorph {
                key,
                param,
                glide: glide.curved(way.curve),
                next: begun,
            }),
            None => drop(self.set_hand_on(Way::default(), (&key.0, &key.1), Some(value.clone()))),
        }
    }

    /// Does what is due at `now`. Gives when to look again; `None`: nothing is to come.
    pub(super) fn tend_cues(&mut self, now: Time) -> Option<Time> {
        for _ in 0..MOST_AT_ONCE {
            if !self.tend_one(now) {
                break;
            }
        }
        self.switch(now);
        self.step_tempos(now);
        let cueing = &self.cueing;
        let waiting = cueing.waiting.as_ref().map(|waiting| match waiting.until {
            Until::Position(position) => self.transport.time_at(position),
            Until::Event(_) => now + EVENT_POLL,
        });
        let switches = (cueing.switches.iter())
            .map(|switch| self.transport.time_at(switch.position))
            .min();
        let tempos = cueing.tempos.iter().map(|tempo| tempo.next).min();
        let next = [waiting, cueing.follows, switches, tempos];
        next.into_iter().flatten().min()
    }

    /// Starts or calls one cue that is due; whether there was one.
    fn tend_one(&mut self, now: Time) -> bool {
        let due = match &mut self.cueing.waiting {
            Some(Waiting { cue, until }) => match until {
                Until::Position(position) => {
                    let at = self.transport.time_at(*position);
                    (at <= now).then_some((*cue, at))
                }
                Until::Event(tap) => match tap.look(1) {
                    Some(Seen::Events(events)) if !events.is_empty() => Some((*cue, now)),
                    _ => None,
                },
            },
            None => None,
        };
        if let Some((cue, at)) = due {
            self.start(cue, at);
            return true;
        }
        let Some(at) = self.cueing.follows.take_if(|at| *at <= now) else {
            return false;
        };
        if let Some(next) = self.cueing.next()
            && let Err(error) = self.call_number(next, at)
        {
            tracing::warn!("the next cue cannot follow: {error}");
        }
        true
    }

    /// Switches what is due.
    fn switch(&mut self, now: Time) {
        let (due, left): (Vec<Switch>, Vec<Switch>) = std::mem::take(&mut self.cueing.switches)
            .into_iter()
            .partition(|switch| self.transport.time_at(switch.position) <= now);
        self.cueing.switches = left;
        for Switch { key, value, .. } in due {
            if let Err(error) = self.set_hand_on(Way::default(), (&key.0, &key.1), Some(value)) {
                tracing::warn!("{}.{} does not switch: {error}", key.0, key.1);
            }
        }
    }

    /// Moves the transport's numbers on that are due.
    fn step_tempos(&mut self, now: Time) {
        for mut tempo in std::mem::take(&mut self.cueing.tempos) {
            if tempo.next > now {
                self.cueing.tempos.push(tempo);
                continue;
            }
            let (value, is_done) = tempo.glide.at(&tempo.param, now);
            let (node, param) = (&tempo.key.0, &tempo.key.1);
            if let Err(error) = self.set_hand_on(Way::default(), (node, param), Some(value)) {
                tracing::warn!("{node}.{param} does not go on: {error}");
                continue;
            }
            if !is_done {
                tempo.next = now + TEMPO_STEP;
                self.cueing.tempos.push(tempo);
            }
        }
    }

    fn cue_status(&self, now: Time) -> Option<CueStatus> {
        let cueing = &self.cueing;
        if cueing.show.cues.is_empty() {
            return None;
        }
        let name = |number: usize| cueing.show.cues.get(number).map(|cue| cue.name.clone());
        let mut status = CueStatus {
            progress: 1.0,
            ..CueStatus::default()
        };
        if let Some(started) = cueing.started {
            let passed = (now - started.at).seconds().max(0.0);
            let lasts = started.lasts.seconds();
            status.current = name(started.cue);
            status.left = (lasts - passed).max(0.0);
            if lasts > 0.0 {
                status.progress = (passed / lasts).clamp(0.0, 1.0);
            }
        }
        if let Some(waiting) = &cueing.waiting {
            status.waiting = name(waiting.cue);
            let start = cueing.show.cues.get(waiting.cue).map(|cue| &cue.start);
            status.waits_for = start.map(|start| match start {
                CueStart::Now => "now".to_owned(),
                CueStart::Beat => "beat".to_owned(),
                CueStart::Bar => "bar".to_owned(),
                CueStart::Event { node, output } => format!("{node}.{output}"),
            });
        }
        let next = cueing.waiting.as_ref().map(|waiting| waiting.cue);
        status.next = next.or_else(|| cueing.next()).and_then(name);
        status.next_in = cueing.follows.map(|at| (at - now).seconds().max(0.0));
        Some(status)
    }

    fn no_cue(&self, name: &str) -> SteeringError {
        let cues = self.cueing.show.cues.iter();
        let names: Vec<&str> = cues.map(|cue| cue.name.as_str()).collect();
        let help = did_you_mean(name, names.iter().copied()).or_else(|| match names.as_slice() {
            [] => Some("write `cues: […]` into the patch".to_owned()),
            [..] if names.len() <= MOST_NAMED => Some(format!("it has {}", names.join(", "))),
            [..] => None,
        });
        SteeringError {
            kind: SteeringErrorKind::Cue,
            message: format!("the patch that plays has no cue `{name}`"),
            help,
        }
    }

    fn no_next(&self) -> SteeringError {
        let (message, help) = match self.cueing.show.cues.first() {
            None => (
                "the patch that plays has no cues".to_owned(),
                "write `cues: […]` into the patch".to_owned(),
            ),
            Some(first) => (
                "the last cue was called; none comes after it".to_owned(),
                format!("call one by its name, such as `{}`", first.name),
            ),
        };
        SteeringError {
            kind: SteeringErrorKind::Cue,
            message,
            help: Some(help),
        }
    }
}

#[cfg(test)]
mod tests;
