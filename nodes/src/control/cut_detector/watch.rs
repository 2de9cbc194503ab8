//! Decides which changes are hard cuts.

use std::collections::VecDeque;
use std::sync::Arc;

use score_engine::Time;

use super::super::view::View;
use crate::half_life::followed;

/// No flash lasts longer. A new scene is new against all that was shown within this time, not only
/// the last picture: what comes back after a flash is not. And what is held for longer is a scene,
/// whatever follows.
const FLASH: Time = Time::from_nanos(160_000_000);

/// The most pictures that are remembered; only above 200 a second are more shown within the time of
/// a flash.
const MEMORY: usize = 32;

/// How long one picture lasts that confirms a scene: those of a film with 25 pictures a second.
const PICTURE: Time = Time::from_nanos(40_000_000);

/// A cut is at least this many times the change of the recent past, as Yeo and Liu (1995) compare
/// the two largest changes in a window.
const ABOVE_RECENT: f32 = 3.0;

/// The half-life of the recent past, in seconds.
const RECENT: f64 = 0.3;

/// The share of a cut's change that must lie between the new scene and every picture before it.
const STAYS: f32 = 0.5;

/// Within a new scene pictures change by no more than this share of the cut's change; in a whirl
/// they do.
const CALM: f32 = 0.7;

/// What makes a change a cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The change that a cut has at least, 0 to 1.
    pub(super) threshold: f32,
    /// How long the new scene must stand, in pictures of 1/25 s.
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

impl Limits {
    /// A picture of the new scene this long after its first confirms it. A quarter of a picture
    /// less than `confirm` says, so that for `confirm: 1` one more picture is enough at 30 a second
    /// too.
    fn stands_after(self) -> Time {
        let quarters = i64::from(self.confirm) * 4 - 1;
        Time::from_nanos(PICTURE.nanos() / 4 * quarters)
    }

    /// A still that was held this long was a scene, though the next picture is another.
    fn held_after(self) -> Time {
        let confirmed = Time::from_nanos(PICTURE.nanos() * i64::from(self.confirm));
        confirmed.max(FLASH)
    }
}

/// A change that may be a cut.
struct Candidate {
    cut: Cut,
    /// The last picture of the scene before.
    before: Arc<View>,
}

/// A picture that was seen.
struct Seen {
    view: Arc<View>,
    /// When the next took its place; the end of time for the last.
    until: Time,
}

/// What was seen.
pub(super) struct Watch {
    /// What was shown of late, the newest at the back.
    views: VecDeque<Seen>,
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
        let Some(previous) = self.views.back_mut() else {
            self.remember(time, view);
            return (0.0, None);
        };
        previous.until = time;
        let previous = previous.view.clone();
        self.views.retain(|seen| seen.until > time - FLASH);
        let change = view.change(&previous);
        let mut cut = self.weigh(time, &view, change, limits);
        // What happened before a still was held is long ago.
        let apart = (time - self.last).max(Time::ZERO);
        self.recent *= 1.0 - followed((apart - FLASH).max(Time::ZERO).seconds(), RECENT);
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
                });
            }
        }
        let share = followed(apart.min(FLASH).seconds(), RECENT);
        self.recent += share * (change.min(limits.threshold) - self.recent);
        self.remember(time, view);
        (change, cut)
    }

    /// Remembers the newest picture.
    fn remember(&mut self, time: Time, view: Arc<View>) {
        self.last = time;
        let until = Time::MAX;
        self.views.push_back(Seen { view, until });
        while self.views.len() > MEMORY {
            self.views.pop_front();
        }
    }

    /// Holds the picture against the candidate: is it still the new scene, or has that been held
    /// for long enough?
    fn weigh(&mut self, time: Time, view: &View, change: f32, limits: Limits) -> Option<Cut> {
        let candidate = self.candidate.take()?;
        let strength = candidate.cut.strength;
        let stood = time - candidate.cut.time;
        let stands = view.change(&candidate.before) > STAYS * strength && change < CALM * strength;
        if !stands && stood < limits.held_after() {
            self.refused += 1;
            return None;
        }
        if stands && stood < limits.stands_after() {
            self.candidate = Some(candidate);
            return None;
        }
        self.last_cut = Some(candidate.cut.time);
        Some(candidate.cut)
    }

    /// The cut to a picture that is still held at `now`, long enough to be a scene.
    pub(super) fn held(&mut self, now: Time, limits: Limits) -> Option<Cut> {
        let held = self.held_at(limits)?;
        let candidate = self.candidate.take_if(|_| now >= held)?;
        self.last_cut = Some(candidate.cut.time);
        Some(candidate.cut)
    }

    /// When a picture that may be a new scene will have been held long enough to be one.
    pub(super) fn held_at(&self, limits: Limits) -> Option<Time> {
        let candidate = self.candidate.as_ref()?;
        Some(candidate.cut.time + limits.held_after())
    }

    /// Whether none of the last pictures is like this one.
    fn is_new(&self, view: &View, change: f32) -> bool {
        let mut earlier = self.views.iter().rev().skip(1);
        earlier.all(|earlier| view.change(&earlier.view) > STAYS * change)
    }

    /// The time of a change of which it is not certain yet whether it is a cut.
    pub(super) fn pending(&self) -> Option<Time> {
        self.candidate.as_ref().map(|candidate| candidate.cut.time)
    }

    /// The film has ended: a change that nothing spoke against is a cut.
    pub(super) fn finish(&mut self) -> Option<Cut> {
        self.candidate.take().map(|candidate| candidate.cut)
    }
}
