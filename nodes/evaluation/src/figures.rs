//! What is asked of a film and its music, in words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::shifts::{Good, Tested};

/// One figure of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// Which side of chance is good.
    pub good: Good,
    /// The figure beside chance; `None` where it cannot be had.
    #[serde(flatten)]
    pub tested: Option<Tested>,
    /// Further numbers that belong to it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<&'static str, f64>,
    /// Why it cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Cow<'static, str>>,
}

impl Figure {
    /// A figure that was tested, or else why it was not.
    pub(super) fn new(
        words: Words,
        tested: Option<Tested>,
        missing: impl Into<Cow<'static, str>>,
    ) -> Self {
        Figure {
            name: words.name,
            title: words.title,
            meaning: words.meaning,
            good: words.good,
            missing: tested.is_none().then(|| missing.into()),
            tested,
            more: BTreeMap::new(),
        }
    }

    /// Adds a number where it is to be had.
    pub(super) fn with(mut self, name: &'static str, number: Option<f64>) -> Self {
        self.more.extend(
            number
                .filter(|number| number.is_finite())
                .map(|number| (name, number)),
        );
        self
    }

    /// The further numbers in words: `lift 2.26`, `scenes 5`.
    pub fn further(&self) -> Vec<String> {
        let numbers = self.more.iter();
        numbers
            .map(|(name, number)| {
                let name = name.replace('_', " ");
                if number.fract() == 0.0 && ["scenes", "bars"].contains(&name.as_str()) {
                    format!("{name} {number:.0}")
                } else {
                    format!("{name} {number:.2}")
                }
            })
            .collect()
    }

    /// Whether it is better than all but a twentieth of shifts.
    pub fn beats_chance(&self) -> bool {
        self.tested.as_ref().is_some_and(|tested| tested.p < 0.05)
    }
}

/// What is fixed of a figure.
pub(super) struct Words {
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    good: Good,
}

pub(super) const MANTEL: Words = Words {
    name: "partial_mantel",
    title: "Alike pictures, alike music",
    meaning: "Whether segments whose pictures are unlike have music that is unlike, beyond what \
        lies near in time being alike anyway. A correlation: 0 none, 1 complete (partial Mantel, \
        the distance in time held constant).",
    good: Good::High,
};

pub(super) const EVENTS: Words = Words {
    name: "event_correlation",
    title: "Picture and music change together",
    meaning: "How well the curve of change in the picture and that of the music agree, at the \
        delay of the music where they agree best. A correlation; the delay (lag) is in seconds, \
        below 0 the music comes first.",
    good: Good::High,
};

pub(super) const HITS: Words = Words {
    name: "cut_hits",
    title: "Cuts that the music answers",
    meaning: "The share of hard cuts after which the music changes within the time allowed. Lift: \
        how many times more than by chance. Precision: the share of the music's changes that \
        follow a cut.",
    good: Good::High,
};

pub(super) const LATENCY: Words = Words {
    name: "cut_latency",
    title: "From a cut to the music's change",
    meaning: "The time from a hard cut to the next change of the music, in seconds: the median; 19 \
        of 20 cuts wait no longer than p95.",
    good: Good::Low,
};

pub(super) const MOTION: Words = Words {
    name: "motion_density",
    title: "More motion, more notes",
    meaning: "Whether segments with more motion have more notes. Spearman's rank correlation.",
    good: Good::High,
};

pub(super) const CONTRAST: Words = Words {
    name: "scene_contrast",
    title: "Each scene its own music",
    meaning: "How many times more unlike the music of different scenes is than that within one \
        scene. 1: the scenes are not told apart.",
    good: Good::High,
};

pub(super) const RECURRENCE: Words = Words {
    name: "scene_recurrence",
    title: "A scene that returns brings its music back",
    meaning: "How many times more unlike the music of different scenes is than that of one scene \
        before and after it was left.",
    good: Good::High,
};

pub(super) const EXPLAINED: Words = Words {
    name: "change_cuts",
    title: "Changes of the music that follow a cut",
    meaning: "The other way round: the share of the music's changes that come after a hard cut, \
        within the time allowed.",
    good: Good::High,
};

pub(super) const RETURNING: Words = Words {
    name: "music_recurrence",
    title: "Music that returns shows its scene again",
    meaning: "The share of segments whose most alike music in another shot is that of the same \
        scene. Only segments whose scene is in another shot are asked.",
    good: Good::High,
};

pub(super) const ROUND_TRIP: Words = Words {
    name: "round_trip",
    title: "Film, music, picture: the scene is found",
    meaning: "The share of bars that find the scene which shows with them. The model that plays a \
        part reads its notes, and of the film's pictures the one is found that gives the nearest \
        latent. Lift: how many times more than by chance.",
    good: Good::High,
};

pub(super) const PLACE: Words = Words {
    name: "scene_place",
    title: "How near the music comes to its scene",
    meaning: "The place of the scene that shows among all scenes, by how near their pictures are \
        to what is read in the bar: the mean, 1 is the nearest.",
    good: Good::Low,
};

/// The names of all figures of a film, in their order.
pub const NAMES: [&str; 11] = [
    MANTEL.name,
    EVENTS.name,
    HITS.name,
    LATENCY.name,
    MOTION.name,
    CONTRAST.name,
    RECURRENCE.name,
    EXPLAINED.name,
    RETURNING.name,
    ROUND_TRIP.name,
    PLACE.name,
];
