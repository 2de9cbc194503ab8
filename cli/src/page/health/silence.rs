//! Whether silence is meant: the level that devices get against the notes and sounds that ask for
//! sound.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use score_engine::{LiveTap, NodeValues, Seen, Status, Steering};

use super::sound::{Closed, Output, Way};

/// Below this peak sound counts as silence: -60 dBFS.
const SILENCE: f32 = 0.001;

/// So long it has to last, in seconds.
const LASTS: f64 = 5.0;

/// How often it is listened, and for how long after somebody has asked.
const RATE: f64 = 4.0;
const LISTENS: Duration = Duration::from_secs(120);

/// What asks for sound counts from so long on after it has begun, and up to this age, in seconds.
const COUNTS: std::ops::RangeInclusive<f64> = 1.5..=10.0;

/// What began so soon after sound was heard belongs to that, in seconds.
const BELONGS: f64 = 0.5;

/// Times that are remembered of one output.
const MOST: usize = 128;

/// How the sound is that leaves.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Sound {
    /// It is heard, there is none to be heard, or it is not known yet.
    Heard,
    /// It is silent for so long.
    Silent {
        lasts: Duration,
        /// Whether it is meant.
        is_meant: bool,
        /// Why, one line each.
        why: Vec<String>,
    },
}

/// What is listened to while somebody wants to know.
#[derive(Default)]
pub(in super::super) struct Ears {
    wanted: Option<Instant>,
    /// Of which revision the taps are.
    revision: Option<u64>,
    way: Way,
    ends: Vec<LiveTap>,
    /// What asks for sound, and gates.
    asking: Vec<Asking>,
    gates: Vec<(String, Vec<Ear>, Ear)>,
    /// When sound was heard last, or listening began, on the run's clock in seconds.
    heard: f64,
}

/// Something that asks for sound.
struct Asking {
    /// The node that is to sound by it.
    node: String,
    /// The node that sends it.
    from: String,
    is_notes: bool,
    ear: Ear,
}

/// An output that is listened to.
struct Ear {
    tap: Option<LiveTap>,
    /// When a note began, or sound was heard.
    times: VecDeque<f64>,
}

impl Ear {
    fn at(steering: &Steering, (node, output): &Output) -> Self {
        Ear {
            tap: steering.tap(node, output, RATE).ok(),
            times: VecDeque::new(),
        }
    }

    fn listen(&mut self, now: f64) {
        let Some(seen) = self.tap.as_mut().and_then(|tap| tap.look(1)) else {
            return;
        };
        match seen {
            Seen::Notes(notes) => {
                let begin = notes.iter().filter(|note| note.velocity > 0.0);
                self.times.extend(begin.map(|note| note.time));
            }
            Seen::Level(level) if level.peak > SILENCE => self.times.push_back(now),
            _ => {}
        }
        while self.times.len() > MOST {
            self.times.pop_front();
        }
    }

    /// How many times within which something asks for sound that was not heard since.
    fn unheard(&self, heard: f64, now: f64) -> usize {
        let counts = |time: &&f64| **time > heard + BELONGS && COUNTS.contains(&(now - **time));
        self.times.iter().filter(counts).count()
    }
}

impl Ears {
    /// Somebody wants to know.
    pub(in super::super) fn want(&mut self) {
        self.wanted = Some(Instant::now());
    }

    /// Listens, at `now` on the run's clock, while somebody wants to know.
    pub(in super::super) fn listen(&mut self, steering: &Steering, status: &Status, now: f64) {
        if self.wanted.is_none_or(|wanted| wanted.elapsed() > LISTENS) {
            *self = Ears::default();
            return;
        }
        if self.revision != Some(status.revision) {
            self.begin(steering, status, now);
        }
        for tap in &mut self.ends {
            if let Some(Seen::Level(level)) = tap.look(1)
                && level.peak > SILENCE
            {
                self.heard = now;
            }
        }
        self.asking
            .iter_mut()
            .for_each(|asking| asking.ear.listen(now));
        for (_, into, from) in &mut self.gates {
            into.iter_mut().for_each(|ear| ear.listen(now));
            from.listen(now);
        }
    }

    /// Another patch plays.
    fn begin(&mut self, steering: &Steering, status: &Status, now: f64) {
        let way = Way::new(&steering.nodes(), status);
        let tap = |(node, output): &Output| steering.tap(node, output, RATE).ok();
        let notes = way.notes.iter().map(|(output, node)| Asking {
            node: node.clone(),
            from: output.0.clone(),
            is_notes: true,
            ear: Ear::at(steering, output),
        });
        let sources = way.sources.iter().map(|output| Asking {
            node: output.0.clone(),
            from: output.0.clone(),
            is_notes: false,
            ear: Ear::at(steering, output),
        });
        let gates = way.gates.iter().map(|(node, into, from)| {
            let into = into.iter().map(|output| Ear::at(steering, output));
            (node.clone(), into.collect(), Ear::at(steering, from))
        });
        *self = Ears {
            wanted: self.wanted,
            revision: Some(status.revision),
            ends: way.ends.iter().filter_map(tap).collect(),
            asking: notes.chain(sources).collect(),
            gates: gates.collect(),
            way,
            heard: now,
        };
    }

    /// How the sound is at `now`, with the live values that nodes have.
    pub(in super::super) fn judge(&self, now: f64, values: &[NodeValues]) -> Sound {
        let lasts = now - self.heard;
        if self.ends.is_empty() || lasts <= LASTS {
            return Sound::Heard;
        }
        let mut why = BTreeSet::new();
        Sound::Silent {
            is_meant: self.is_meant(now, values, &mut why),
            lasts: Duration::try_from_secs_f64(lasts).unwrap_or_default(),
            why: why.into_iter().collect(),
        }
    }

    fn is_meant(&self, now: f64, values: &[NodeValues], why: &mut BTreeSet<String>) -> bool {
        let mut closed = self.way.closed(values);
        for (node, into, from) in &self.gates {
            let comes: usize = into.iter().map(|ear| ear.unheard(self.heard, now)).sum();
            if comes > 0 && from.unheard(self.heard, now) == 0 {
                let reason = format!("{node} lets no sound through");
                closed.nodes.insert(node.clone(), reason);
            }
        }
        self.meant_by(now, &closed, why)
    }

    fn meant_by(&self, now: f64, closed: &Closed, why: &mut BTreeSet<String>) -> bool {
        let mut lost = BTreeSet::new();
        let mut asks = false;
        for asking in &self.asking {
            let count = asking.ear.unheard(self.heard, now);
            if count == 0 {
                continue;
            }
            asks = true;
            let node = &asking.node;
            if self.way.is_open(node, closed, why) {
                lost.insert(match (asking.is_notes, count) {
                    (false, _) => format!("{node} sounds"),
                    (true, 1) => format!("{node} got a note"),
                    (true, _) => format!("{node} got {count} notes"),
                });
            }
        }
        if !lost.is_empty() {
            let told = lost.into_iter().collect::<Vec<_>>().join(", ");
            *why = [format!("{told}, and no sound reaches the device")].into();
            return false;
        }
        if asks {
            return true;
        }
        let all = || self.asking.iter();
        if self.asking.is_empty() {
            why.insert("nothing that sounds is wired to the device".to_owned());
        }
        let notes = all().filter(|asking| asking.is_notes);
        for (from, nodes) in grouped(notes.map(|asking| (&*asking.from, &*asking.node))) {
            why.insert(match self.way.lets_pass(from) {
                true => format!("{from} lets no notes through to {nodes}"),
                false => format!("no notes come from {from} to {nodes}"),
            });
        }
        for asking in all().filter(|asking| !asking.is_notes) {
            why.insert(format!("{} is silent", asking.node));
        }
        true
    }
}

/// Who gets notes from whom.
fn grouped<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, String)> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for (from, to) in pairs {
        match all.iter_mut().find(|(known, _)| *known == from) {
            Some((_, nodes)) => {
                nodes.push_str(", ");
                nodes.push_str(to);
            }
            None => all.push((from, to.to_owned())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use score_engine::{Live, LiveOptions, Settings, Source, check};

    use super::*;

    #[test]
    fn silence_lasts_five_seconds_and_says_why() {
        let patch = "Patch(format: 1, nodes: {\"hum\": tone()})";
        let source = Source::text("show.ron", patch, PathBuf::from("/"));
        let settings = Settings::default();
        let graph = check(&source, &[], &score_nodes::registry(), &settings).unwrap();
        let mut live = Live::new(&settings, LiveOptions::default());
        live.replace(graph, &BTreeSet::new()).unwrap();
        let ears = Ears {
            ends: vec![live.steering().tap("hum", "sound", RATE).unwrap()],
            ..Ears::default()
        };
        assert_eq!(ears.judge(4.0, &[]), Sound::Heard);
        let silent = Sound::Silent {
            lasts: Duration::from_secs(9),
            is_meant: true,
            why: vec!["nothing that sounds is wired to the device".to_owned()],
        };
        assert_eq!(ears.judge(9.0, &[]), silent);
    }

    #[test]
    fn what_began_since_sound_was_heard_asks_for_it_for_ten_seconds() {
        let ear = Ear {
            tap: None,
            times: [1.0, 5.2, 6.0, 12.0].into(),
        };
        assert_eq!(ear.unheard(5.0, 7.6), 1, "one belongs to what was heard");
        assert_eq!(ear.unheard(5.0, 7.4), 0, "it has only just begun");
        assert_eq!(ear.unheard(5.0, 14.0), 2);
        assert_eq!(ear.unheard(5.0, 17.0), 1, "that is long ago");
    }
}
