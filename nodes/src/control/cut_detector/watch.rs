//! Decides which changes are hard cuts.

use std::collections::VecDeque;
use std::sync::Arc;

use score_engine::Time;

use super::super::view::View;
use crate::half_life::followed;

/// A new scene is new against so many pictures, not only the last: what comes back after a flash is not.
const MEMORY: usize = 4;

/// A cut is so many times the change of the recent past, as Yeo and Liu (1995) compare the two largest in a window.
const ABOVE_RECENT: f32 = 3.0;

/// The half-life of the recent past, in seconds.
const RECENT: f64 = 0.3;

/// The share of a cut's change that must lie between the new scene and every picture before it.
const STAYS: f32 = 0.5;

/// Within a new scene pictures change by no more than this share of the cut's change; in a whirl they do.
const CALM: f32 = 0.7;

/// What makes a change a cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The change that a cut has at least, 0 to 1.
    pub(super) threshold: f32,
    /// Pictures that the new scene must stand after its first.
    pub(super) confirm: u32,
    /// The time between two cuts, at least.
    pub(super) apart: Time,
}

/// A hard cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// When the first picture of the new scene shows.
    pub(super) time: Time,
    /// How different it is, 0 to 1.
    pub(super) strength: f32,
}

/// A change that may be a cut.
struct Candidate {
    cut: Cut,
    /// The last picture of the scene before.
    before: Arc<View>,
    /// How many pictures have followed.
    stood: u32,
}

/// What was seen.
pub(super) struct Watch {
    /// The last pictures, the newest at the back.
    views: VecDeque<Arc<View>>,
    last: Time,
    /// The change from picture to picture of late, without that of cuts.
    recent: f32,
    candidate: Option<Candidate>,
    last_cut: Option<Time>,
    /// Changes that were taken for cuts and did not stand.
    pub(super) refused: u64,
}

impl Watch {
    pub(super) fn new() -> Self {
        Watch {
            views: VecDeque::new(),
            last: Time::ZERO,
            recent: 0.0,
            candidate: None,
            last_cut: None,
            refused: 0,
        }
    }

    /// Sees the next picture: how much it changes, and the cut that it makes certain.
    pub(super) fn see(&mut self, time: Time, view: View, limits: Limits) -> (f32, Option<Cut>) {
        let view = Arc::new(view);
        let Some(previous) = self.views.back().cloned() else {
            self.views.push_back(view);
            self.last = time;
            return (0.0, None);
        };
        let change = view.change(&previous);
        let mut cut = self.weigh(&view, change, limits.confirm);
        let is_far = self.last_cut.is_none_or(|last| time - last >= limits.apart);
        if self.candidate.is_none()
            && is_far
            && change > limits.threshold
            && change > ABOVE_RECENT * self.recent
            && self.is_new(&view, change)
        {
            let found = Cut {
                time,
                strength: change,
            };
            if limits.confirm == 0 {
                self.last_cut = Some(time);
                cut = Some(found);
            } else {
                self.candidate = Some(Candidate {
                    cut: found,
                    before: previous,
                    stood: 0,
                });
            }
        }
        let share = followed((time - self.last).seconds().max(0.0), RECENT);
        self.recent += share * (change.min(limits.threshold) - self.recent);
        self.last = time;
        self.views.push_back(view);
        while self.views.len() > MEMORY {
            self.views.pop_front();
        }
        (change, cut)
    }

    /// Holds the picture against the candidate: is it still the new scene?
    fn weigh(&mut self, view: &View, change: f32, confirm: u32) -> Option<Cut> {
        let mut candidate = self.candidate.take()?;
        let strength = candidate.cut.strength;
        let stands = view.change(&candidate.before) > STAYS * strength && change < CALM * strength;
        candidate.stood += 1;
        if !stands {
            self.refused += 1;
            return None;
        }
        if candidate.stood < confirm {
            self.candidate = Some(candidate);
            return None;
        }
        self.last_cut = Some(candidate.cut.time);
        Some(candidate.cut)
    }

    /// Whether none of the last pictures is like this one.
    fn is_new(&self, view: &View, change: f32) -> bool {
        let mut earlier = self.views.iter().rev().skip(1);
        earlier.all(|earlier| view.change(earlier) > STAYS * change)
    }

    /// The time of a change of which it is not certain yet whether it is a cut.
    pub(super) fn pending(&self) -> Option<Time> {
        self.candidate.as_ref().map(|candidate| candidate.cut.time)
    }

    /// The film has ended: what nothing spoke against is a cut.
    pub(super) fn finish(&mut self) -> Option<Cut> {
        self.candidate.take().map(|candidate| candidate.cut)
    }
}
