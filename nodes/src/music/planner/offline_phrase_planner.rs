//! Plans a render in phrases, once the whole film is known.

use std::sync::Arc;

use score_engine::{Event, Flow, Io, NodeError, Processor, Time, Transport};

use super::super::grid::Grid;
use super::super::shape::mean;
use super::form::{phrases, scenes};
use super::plan::Plan;
use super::planner_node::{CODE, PHRASE, PLANNED, Planner, SCENE};
use crate::params_over_time::ParamsOverTime;

/// What is planned for a time.
enum Planned {
    Code(Arc<[f32]>),
    Scene(Arc<[f32]>),
    Phrase(Event),
}

impl Planned {
    /// Of what is planned for one time this comes first, second or third.
    fn rank(&self) -> usize {
        match self {
            Planned::Code(_) => 0,
            Planned::Scene(_) => 1,
            Planned::Phrase(_) => 2,
        }
    }
}

/// Collects the codes and cuts of a film, and plans it at the end.
pub(super) struct OfflinePhrasePlanner {
    plan: Plan,
    bars: Grid,
    codes: Vec<(Time, Arc<[f32]>)>,
    cuts: Vec<Time>,
    params: ParamsOverTime<Planner>,
}

impl OfflinePhrasePlanner {
    pub(super) fn new(plan: Plan, bars: Grid) -> Self {
        OfflinePhrasePlanner {
            plan,
            bars,
            codes: Vec::new(),
            cuts: Vec::new(),
            params: ParamsOverTime::default(),
        }
    }

    /// The pictures' code in the mean of each of the segments that begin at `begins`; where one
    /// has no picture, that of the one before.
    fn looks(&self, begins: &[Time]) -> Vec<Vec<f32>> {
        let mut looks: Vec<Vec<f32>> = Vec::with_capacity(begins.len());
        for (number, begin) in begins.iter().enumerate() {
            let until = begins.get(number + 1).copied().unwrap_or(Time::MAX);
            let from = self.codes.partition_point(|(time, _)| time < begin);
            let to = self.codes.partition_point(|(time, _)| *time < until);
            let first = || self.codes.first().map(|(_, code)| code.to_vec());
            let look = mean(&self.codes[from..to.max(from)]).or_else(|| looks.last().cloned());
            looks.extend(look.or_else(first));
        }
        looks
    }

    /// Everything that is planned up to `end`, in the order of time. The form is that of the whole
    /// film, by the parameters at its end, `params`; each bar has the code that those of its own
    /// time give.
    fn planned(&mut self, params: &Planner, end: Time) -> Result<Vec<(Time, Planned)>, NodeError> {
        let begins: Vec<Time> = (0..)
            .map(|bar| self.bars.start(bar))
            .take_while(|start| *start < end)
            .collect();
        let bars = self.looks(&begins);
        if bars.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut shots = self.cuts.clone();
        for phrase in phrases(&bars, params.phrase, params.alike) {
            let name = self.plan.begin_phrase(phrase.theme);
            shots.push(begins[phrase.first]);
            let event = Event {
                name,
                strength: 1.0,
            };
            found.push((begins[phrase.first], Planned::Phrase(event)));
            for number in 0..phrase.bars {
                let bar = phrase.first + number;
                let params = self.params.at(begins[bar]).unwrap_or(params);
                let code = (self.plan).bar_of_phrase(params, number, bars[bar].clone())?;
                found.push((begins[bar], Planned::Code(code.into())));
            }
        }
        shots.retain(|shot| *shot < end);
        shots.sort();
        shots.dedup();
        let (scene_of, codes) = scenes(&self.looks(&shots), params.alike);
        let codes: Vec<Arc<[f32]>> = codes.into_iter().map(Into::into).collect();
        for (shot, scene) in shots.iter().zip(scene_of) {
            found.push((*shot, Planned::Scene(codes[scene].clone())));
        }
        found.sort_by_key(|(time, planned)| (*time, planned.rank()));
        Ok(found)
    }
}

impl Processor<Planner> for OfflinePhrasePlanner {
    fn process(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            self.params.collect(time, params);
            if input.is(CODE) {
                self.codes.push((time, input.read(CODE)?.clone()));
            } else {
                self.cuts.push(time);
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        for (time, planned) in self.planned(params, end)? {
            if io.stop_requested() {
                break;
            }
            match planned {
                Planned::Code(code) => io.send(PLANNED, time, code)?,
                Planned::Scene(look) => io.send(SCENE, time, look)?,
                Planned::Phrase(event) => io.send(PHRASE, time, event)?,
            }
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(Time::ZERO)
    }

    fn changed(&mut self, _params: &Planner, _transport: &Transport) -> Result<(), NodeError> {
        self.params.changed();
        Ok(())
    }
}
