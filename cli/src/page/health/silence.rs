//! Whether silence is meant: the level that devices get against the notes and sounds that ask for
//! sound.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use score_engine::{LiveTap, NodeValues, Seen, Status, Steering};

use super::sound::{Closed, Output, Reason, Way};

/// Below this peak sound counts as silence: -60 dBFS.
const SILENCE: f32 = 0.001;

/// What ends a silence is louder than this, -54 dBFS, so that what is hardly heard does not end one
/// again and again.
const AUDIBLE: f32 = 0.002;

/// For so long the peak that is held has to be above [`AUDIBLE`], in seconds.
const RETURNS: f64 = 1.0;

/// What a peak that is held falls by from look to look: by 6 dB a second.
const FALLS: f32 = 0.84;

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
        /// Why, the nodes by their names.
        why: Vec<Reason>,
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
    /// In a silence: since when there is sound that may end it.
    returns: Option<f64>,
    /// The peak of what leaves for the devices; it falls slowly.
    peak: f32,
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
        let seen = self.ends.iter_mut().filter_map(|tap| tap.look(1));
        let peaks = seen.filter_map(|seen| match seen {
            Seen::Level(level) => Some(level.peak),
            _ => None,
        });
        // Of all devices together, so that one that is silent does not make the peak fall faster.
        if let Some(loudest) = peaks.reduce(f32::max) {
            self.hear(loudest, now);
        }
        self.asking
            .iter_mut()
            .for_each(|asking| asking.ear.listen(now));
        for (_, into, from) in &mut self.gates {
            into.iter_mut().for_each(|ear| ear.listen(now));
            from.listen(now);
        }
    }

    /// The peak of what leaves for the devices at `now`.
    fn hear(&mut self, peak: f32, now: f64) {
        self.peak = peak.max(self.peak * FALLS);
        let is_silent = now - self.heard > LASTS;
        let may_end = is_silent && self.peak > AUDIBLE;
        self.returns = may_end.then(|| self.returns.unwrap_or(now));
        let is_heard = match is_silent {
            true => self.returns.is_some_and(|since| now - since >= RETURNS),
            false => peak > SILENCE,
        };
        if is_heard {
            self.heard = now;
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
            returns: None,
            peak: 0.0,
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

    /// What holds sound back by its level, whether or not anything else is heard.
    pub(in super::super) fn closed(&self, values: &[NodeValues]) -> Vec<Reason> {
        let Closed { nodes, wires } = self.way.closed(values);
        // One that holds several wires is told once.
        let all: BTreeSet<Reason> = nodes.into_values().chain(wires.into_values()).collect();
        all.into_iter().collect()
    }

    /// The peak of what leaves for the devices, in dBFS; `None`: nothing that counts as sound.
    pub(in super::super) fn peak(&self) -> Option<f32> {
        (self.peak > SILENCE).then(|| 20.0 * self.peak.log10())
    }

    /// Whether any node plays on a sound device.
    pub(in super::super) fn has_device(&self) -> bool {
        self.way.devices().next().is_some()
    }

    fn is_meant(&self, now: f64, values: &[NodeValues], why: &mut BTreeSet<Reason>) -> bool {
        let mut closed = self.way.closed(values);
        for (node, into, from) in &self.gates {
            let comes: usize = into.iter().map(|ear| ear.unheard(self.heard, now)).sum();
            if comes > 0 && from.unheard(self.heard, now) == 0 {
                let what = format!("{node} lets no sound through");
                let help = "look what opens it, or set it by hand".to_owned();
                let reason = Reason::new(node, what, help);
                closed.nodes.insert(node.clone(), reason);
            }
        }
        self.meant_by(now, &closed, why)
    }

    fn meant_by(&self, now: f64, closed: &Closed, why: &mut BTreeSet<Reason>) -> bool {
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
                let does = match (asking.is_notes, count) {
                    (false, _) => "sounds".to_owned(),
                    (true, 1) => "got a note".to_owned(),
                    (true, _) => format!("got {count} notes"),
                };
                let sound = match self.peak > SILENCE {
                    true => "hardly any sound",
                    false => "no sound",
                };
                let what = format!("{node} {does}, and {sound} reaches the device");
                let help = format!("look at the levels from {node} on: one may be very low");
                lost.insert(Reason::new(node, what, help));
            }
        }
        // What may end the silence is being heard: nothing is lost.
        if !lost.is_empty() && self.returns.is_none() {
            *why = lost;
            return false;
        }
        if asks {
            return true;
        }
        let all = || self.asking.iter();
        why.extend(self.way.unfed.iter().cloned());
        if self.asking.is_empty() && self.way.unfed.is_empty() {
            for device in self.way.devices() {
                let what = format!("nothing that sounds is wired to {device}");
                let help = "wire a synth or a sampler to it, or a mixer with several".to_owned();
                why.insert(Reason::new(device, what, help));
            }
        }
        let notes = all().filter(|asking| asking.is_notes);
        for (from, nodes) in grouped(notes.map(|asking| (&*asking.from, &*asking.node))) {
            let to = nodes.join(", ");
            let (what, help) = match self.way.lets_pass(from) {
                true => (
                    format!("{from} lets no notes through to {to}"),
                    format!("look at {from}: what enters it says how much passes"),
                ),
                false => (
                    format!("no notes come from {from} to {to}"),
                    format!("look at {from}: it may get nothing to play from"),
                ),
            };
            let at = nodes
                .into_iter()
                .map(|node| (node, what.clone(), help.clone()));
            why.extend(at.map(|(node, what, help)| Reason::new(node, what, help)));
        }
        for asking in all().filter(|asking| !asking.is_notes) {
            let node = &asking.node;
            let what = format!("{node} is silent");
            let help = format!("look at {node}: its level, and what it plays");
            why.insert(Reason::new(node, what, help));
        }
        true
    }
}

/// Who gets notes from whom.
fn grouped<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for (from, to) in pairs {
        match all.iter_mut().find(|(known, _)| *known == from) {
            Some((_, nodes)) => nodes.push(to),
            None => all.push((from, vec![to])),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use score_engine::{Live, LiveOptions, Settings, Source, ValueSource, ValueStatus, check};
    use serde_json::json;

    use super::*;
    use crate::testing::{node, wire};

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
            why: Vec::new(),
        };
        assert_eq!(ears.judge(9.0, &[]), silent);
    }

    /// What listens to a patch of these nodes, with their kinds, and wires, of which nothing was
    /// heard for 9 s; `tune` has sent a note meanwhile.
    fn listening(nodes: &[[&str; 2]], wires: &[[&str; 4]]) -> Ears {
        let nodes = nodes.iter().map(|[id, kind]| node(id, kind));
        let nodes: Vec<_> = nodes.collect();
        let status = Status {
            wires: wires.iter().copied().map(wire).collect(),
            ..Status::default()
        };
        let way = Way::new(&nodes, &status);
        let asking = way.notes.iter().map(|((from, _), node)| Asking {
            node: node.clone(),
            from: from.clone(),
            is_notes: true,
            ear: Ear {
                tap: None,
                times: VecDeque::from_iter((from == "tune").then_some(6.0)),
            },
        });
        Ears {
            asking: asking.collect(),
            way,
            ..Ears::default()
        }
    }

    /// The mixer, with a parameter of it at this value.
    fn mixer(name: &str, value: serde_json::Value) -> [NodeValues; 1] {
        let value = ValueStatus {
            name: name.to_owned(),
            value,
            unit: "dB".into(),
            source: ValueSource::Text,
            text: None,
            refused: None,
        };
        [NodeValues {
            id: "mix".to_owned(),
            kind: "mixer".to_owned(),
            values: vec![value],
        }]
    }

    #[test]
    fn each_reason_stands_at_the_node_where_something_can_be_done() {
        let nodes = [
            ["tune", "scale_walk"],
            ["piano", "synth"],
            ["mix", "mixer"],
            ["speaker", "audio_out"],
        ];
        let wires = [
            ["tune", "notes", "piano", "notes"],
            ["piano", "sound", "mix", "sounds"],
            ["mix", "sound", "speaker", "sound"],
        ];
        let ears = listening(&nodes, &wires);
        let why = |values: &[NodeValues]| {
            let mut why = BTreeSet::new();
            ears.is_meant(9.0, values, &mut why);
            let why: Vec<Reason> = why.into_iter().collect();
            assert_eq!(why.len(), 1, "{why:?}");
            (why[0].node.clone(), why[0].what.clone())
        };
        let said = |node: &str, what: &str| (node.to_owned(), what.to_owned());
        let closed = mixer("gain", (-60.0).into());
        let wanted = said("mix", "the patch has mix.gain at -60 dB");
        assert_eq!(why(&closed), wanted);
        // It is said while anything else is heard too.
        assert_eq!(ears.closed(&closed)[0].what, wanted.1);
        let closed = mixer("gains", json!([-60.0]));
        let wanted = said("mix", "the patch has mix.gains at -60 dB for piano");
        assert_eq!(why(&closed), wanted);
        let lost = "piano got a note, and no sound reaches the device";
        assert_eq!(why(&[]), said("piano", lost));

        let ears = listening(
            &[["rest", "scale_walk"], nodes[1], nodes[3]],
            &[
                ["rest", "notes", "piano", "notes"],
                ["piano", "sound", "speaker", "sound"],
            ],
        );
        let mut why = BTreeSet::new();
        assert!(ears.is_meant(9.0, &[], &mut why));
        let first = why.first().unwrap();
        assert_eq!(first.node, "piano");
        assert_eq!(first.what, "no notes come from rest to piano");
    }

    #[test]
    fn a_node_that_nothing_is_wired_into_is_the_one_reason_and_names_what_leads_nowhere() {
        let nodes = [
            ["tune", "scale_walk"],
            ["piano", "synth"],
            ["bass", "synth"],
            ["mix", "mixer"],
            ["speaker", "audio_out"],
        ];
        let said = |wires: &[[&str; 4]]| {
            let mut why = BTreeSet::new();
            assert!(listening(&nodes, wires).is_meant(9.0, &[], &mut why));
            let all: Vec<Reason> = why.into_iter().collect();
            assert_eq!(all.len(), 1, "{all:?}");
            [&all[0].node, &all[0].what, &all[0].help].map(String::clone)
        };
        let tune = ["tune", "notes", "piano", "notes"];
        let end = ["mix", "sound", "speaker", "sound"];
        let help = "wire to it what leads nowhere now: piano, bass";
        let wanted = ["mix", "nothing is wired into mix", help];
        assert_eq!(said(&[tune, end]), wanted);
        // A synth behind which the mixer waits: the mixer is not blamed as well.
        let help = "wire to it what leads nowhere now: tune";
        let wanted = ["piano", "nothing is wired into piano", help];
        assert_eq!(said(&[["piano", "sound", "mix", "sounds"], end]), wanted);
    }

    #[test]
    fn levels_that_are_shut_alike_are_one_reason_and_only_what_a_hand_moved_is_a_hands() {
        let nodes = [
            ["tune", "scale_walk"],
            ["piano", "synth"],
            ["bass", "synth"],
            ["lead", "synth"],
            ["mix", "mixer"],
            ["speaker", "audio_out"],
        ];
        let into = |from| [from, "sound", "mix", "sounds"];
        let notes = |to| ["tune", "notes", to, "notes"];
        let wires = [
            notes("piano"),
            notes("bass"),
            notes("lead"),
            into("piano"),
            into("bass"),
            into("lead"),
            ["mix", "sound", "speaker", "sound"],
        ];
        let ears = listening(&nodes, &wires);
        let mut values = mixer("gains", json!([-60.0, -60.0, -60.0, -60.0]));
        values[0].values[0].source = ValueSource::Hand;
        values[0].values[0].text = Some(json!([-6.0, -60.0, -60.0, -60.0]));
        let mut why = BTreeSet::new();
        assert!(ears.is_meant(9.0, &values, &mut why));
        let why: Vec<&str> = why.iter().map(|reason| reason.what.as_str()).collect();
        let wanted = [
            "a hand holds mix.gains at -60 dB for piano",
            "the patch has mix.gains at -60 dB for bass, lead",
        ];
        assert_eq!(why, wanted);
        // So it is while anything else is heard.
        let closed = ears.closed(&values).into_iter();
        let closed: Vec<String> = closed.map(|reason| reason.what).collect();
        assert_eq!(closed, wanted);
    }

    #[test]
    fn what_is_hardly_audible_neither_ends_a_silence_nor_begins_one() {
        let mut ears = Ears::default();
        let hear = |ears: &mut Ears, from: u32, to: u32, peak: f32| {
            for look in from * 4..to * 4 {
                ears.hear(peak, f64::from(look) / 4.0);
            }
            f64::from(to) - ears.heard > LASTS
        };
        assert!(
            !hear(&mut ears, 0, 9, 0.0012),
            "it is low and was never away"
        );
        assert!(hear(&mut ears, 9, 20, 0.0));
        assert!(hear(&mut ears, 20, 30, 0.0012), "that ends no silence");
        assert!(hear(&mut ears, 30, 31, 0.1), "it has only just begun");
        assert!(
            !hear(&mut ears, 31, 33, 0.0),
            "a hit is heard for some seconds"
        );
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
