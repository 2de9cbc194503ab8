//! Arranges a render, once the whole film is known.

use score_engine::{Control, Flow, Io, NodeError, OutputPort, Processor, Time, Transport};

use super::super::grid::Grid;
use super::arrangement_node::{Arrangement, CUT, ENERGY, FULLNESS, MOTION};
use super::shaping::{energy, fullness};
use crate::params_over_time::ParamsOverTime;

/// A shot that is longer is measured again after this many bars.
const BARS: u64 = 4;

/// Collects motion and cuts, and arranges at the end.
pub(super) struct OfflineArrangement {
    bars: Grid,
    motion: Vec<(Time, f32)>,
    cuts: Vec<Time>,
    params: ParamsOverTime<Arrangement>,
}

impl OfflineArrangement {
    pub(super) fn new(bars: Grid) -> Self {
        OfflineArrangement {
            bars,
            motion: Vec::new(),
            cuts: Vec::new(),
            params: ParamsOverTime::default(),
        }
    }

    /// How much moves on average in each of the segments that begin at `begins`.
    fn moves(&self, begins: &[Time]) -> Vec<f32> {
        let mut before = 0.0;
        (0..begins.len())
            .map(|index| {
                let until = begins.get(index + 1).copied().unwrap_or(Time::MAX);
                let from = self
                    .motion
                    .partition_point(|(time, _)| *time < begins[index]);
                let to = self.motion.partition_point(|(time, _)| *time < until);
                let here = &self.motion[from..to.max(from)];
                if !here.is_empty() {
                    before = here.iter().map(|(_, value)| value).sum::<f32>() / here.len() as f32;
                }
                before
            })
            .collect()
    }

    /// Everything that is sent up to `end`, in the order of time.
    fn arranged(&self, params: &Arrangement, end: Time) -> Vec<(Time, OutputPort<Control>, f32)> {
        let bars: Vec<Time> = (0..)
            .map(|bar| self.bars.start(bar))
            .take_while(|start| *start < end)
            .collect();
        let mut shots: Vec<Time> = bars.iter().copied().step_by(BARS as usize).collect();
        shots.extend(self.cuts.iter().filter(|cut| **cut < end));
        shots.sort();
        shots.dedup();
        let params_at = |time: Time| self.params.at(time).unwrap_or(params);
        let mut arranged = Vec::new();
        for (shot, energy) in shots.iter().zip(energy(&self.moves(&shots))) {
            arranged.push((*shot, ENERGY, params_at(*shot).within(energy)));
        }
        let in_bar = |index: usize| {
            let until = bars.get(index + 1).copied().unwrap_or(end);
            let inside = |cut: &&Time| **cut >= bars[index] && **cut < until;
            self.cuts.iter().filter(inside).count() as f32
        };
        let cuts: Vec<f32> = (0..bars.len()).map(in_bar).collect();
        for (bar, full) in (0..).zip(fullness(&self.moves(&bars), &cuts)) {
            let params = params_at(bars[bar]);
            let full = params.within(params.opened(bar as u64, full));
            arranged.push((bars[bar], FULLNESS, full));
        }
        arranged.sort_by_key(|(time, port, _)| (*time, port.index()));
        arranged
    }
}

impl Processor<Arrangement> for OfflineArrangement {
    fn process(&mut self, params: &Arrangement, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            self.params.collect(time, params);
            if input.is(CUT) {
                self.cuts.push(time);
            } else {
                let motion = *input.read(MOTION)?;
                // What is not a number says nothing.
                if motion.is_finite() {
                    self.motion.push((time, motion));
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &Arrangement, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        for (time, port, value) in self.arranged(params, end) {
            if io.stop_requested() {
                break;
            }
            io.send(port, time, value)?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(Time::ZERO)
    }

    fn changed(&mut self, _params: &Arrangement, _transport: &Transport) -> Result<(), NodeError> {
        self.params.changed();
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
    use crate::testing::at;

    #[test]
    fn a_wire_into_a_parameter_counts_from_its_own_time_on() {
        let nodes = r#""turn": steps(), "seen": steps(), "form": arrangement(opening: 0),"#;
        let wires = r#""seen -> form.motion", "turn -> form.least","#;
        let packets = crate::testing::rendered(nodes, wires, ("form", "fullness"));
        let full: Vec<f32> = (packets.iter())
            .map(|packet| *packet.control().unwrap())
            .collect();
        // Bars of two seconds: the least is 0 in the first, and 1, as much as there is, after.
        assert_eq!(full.len(), 2);
        assert!(full[0] < 1.0, "{full:?}");
        assert_eq!(full[1], 1.0);
    }

    #[test]
    fn energy_changes_with_the_cut_and_fullness_from_bar_to_bar_after_an_opening() {
        // Bars of two seconds; still up to 13.3 s, busy after.
        let motion = (0..240).map(|n| {
            let time = f64::from(n) / 8.0;
            (
                at(time),
                Payload::Control(if time < 13.3 { 0.1 } else { 0.6 }),
            )
        });
        let event = Event {
            name: "cut".to_owned(),
            strength: 1.0,
        };
        let cut = (at(13.3), Payload::Event(Arc::new(event)));
        let outputs = Harness::<Arrangement>::new(json!({ "opening": 2 }))
            .feed("motion", PortType::Control, motion.collect(), at(30.0))
            .feed("cut", PortType::Event, vec![cut], at(30.0))
            .run()
            .unwrap();
        let read = |port: &str| -> Vec<(f64, f32)> {
            let packets = outputs.packets(port).iter();
            packets
                .map(|p| (p.time.seconds(), *p.control().unwrap()))
                .collect()
        };
        let energy = read("energy");
        let times: Vec<f64> = energy.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0.0, 8.0, 13.3, 16.0, 24.0]);
        assert!(
            energy
                .iter()
                .all(|(time, energy)| (*energy > 0.5) == (*time >= 13.3)),
            "{energy:?}"
        );
        let fullness = read("fullness");
        assert_eq!(fullness.len(), 15);
        assert!(fullness[..2].iter().all(|(_, full)| *full <= 0.3));
        assert!(fullness[4].1 < fullness[12].1, "{fullness:?}");
    }
}
