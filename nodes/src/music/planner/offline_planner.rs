//! Plans a render: each bar once it is over, from the mean of its pictures.

use std::sync::Arc;

use score_engine::{Flow, Io, NodeError, Processor, Time};

use super::super::grid::Grid;
use super::super::shape::mean;
use super::plan::Plan;
use super::planner_node::{CODE, PLANNED, Planner};

/// Collects the codes and cuts of a bar, and plans it once it is over.
pub(super) struct OfflinePlanner {
    plan: Plan,
    bars: Grid,
    /// The bar that is being collected.
    bar: u64,
    codes: Vec<(Time, Arc<[f32]>)>,
    cuts: Vec<Time>,
    /// The picture's code of late.
    seen: Option<Vec<f32>>,
    /// Until when the code of the last cut holds.
    held: Time,
}

impl OfflinePlanner {
    pub(super) fn new(plan: Plan, bars: Grid) -> Self {
        OfflinePlanner {
            plan,
            bars,
            bar: 0,
            codes: Vec::new(),
            cuts: Vec::new(),
            seen: None,
            held: Time::ZERO,
        }
    }

    /// When the bar that is being collected begins.
    fn start(&self) -> Time {
        self.bars.start(self.bar)
    }

    /// Plans the collected bar, and begins to collect the next.
    fn decide(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (start, next) = (self.start(), self.bars.start(self.bar + 1));
        let half = Time::from_nanos((next - start).nanos() / 2);
        let cuts = std::mem::take(&mut self.cuts);
        let begins: Vec<Time> = std::iter::once(start).chain(cuts).collect();
        for (number, begin) in begins.iter().enumerate() {
            let until = begins.get(number + 1).copied().unwrap_or(Time::MAX);
            let later = self.codes.partition_point(|(time, _)| *time < until);
            let later = self.codes.split_off(later);
            let found = mean(&std::mem::replace(&mut self.codes, later));
            let is_cut = number > 0;
            // A cut whose scene shows no picture within the bar is answered by the next bar.
            if is_cut && found.is_none() || until <= *begin {
                continue;
            }
            self.seen = found.or(self.seen.take());
            if !is_cut && *begin < self.held {
                continue;
            }
            if let Some(seen) = self.seen.clone() {
                let code = self.plan.next(params, seen)?;
                io.send(PLANNED, *begin, code)?;
                if is_cut {
                    self.held = *begin + half;
                }
            }
        }
        self.bar += 1;
        Ok(())
    }
}

impl Processor<Planner> for OfflinePlanner {
    fn process(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            while time >= self.bars.start(self.bar + 1) {
                self.decide(params, io)?;
            }
            if input.is(CODE) {
                self.codes.push((time, input.read(CODE)?.clone()));
            } else {
                self.cuts.push(time);
            }
        }
        while io.end().is_none()
            && !io.stop_requested()
            && io.watermark().has_reached(self.bars.start(self.bar + 1))
        {
            self.decide(params, io)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &Planner, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or_else(|| self.start());
        while self.start() < end && !io.stop_requested() {
            self.decide(params, io)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.start())
    }
}
