//! What cues promise while they play.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use proptest::prelude::*;
use serde_json::json;

use super::super::{Exchange, SteeredNode};
use super::*;
use crate::clock::LiveClock;
use crate::descriptor::Descriptor;
use crate::graph::GraphNode;
use crate::length::Length;
use crate::live::Command;
use crate::live::ports::CommandSender;
use crate::packet::{Event, Packet, Payload};
use crate::port::OutputPort;
use crate::preset::Preset;
use crate::transport::Transport;

const CUT: OutputPort<Event> = OutputPort::new(0, "cut", "");

/// A run of a node `a`, at 120 quarter notes a minute, whose clock is moved by hand.
struct Stage {
    steering: Steering,
    clock: Arc<LiveClock>,
    sent: Receiver<Command>,
    commands: CommandSender,
}

/// What was done to a parameter: its name, its value, in how many seconds, from when on.
type Done = (String, Value, f64, Option<f64>);

impl Stage {
    fn new(show: Show) -> Self {
        let clock = Arc::new(LiveClock::standing());
        let (commands, sent) = unbounded();
        let stage = Stage {
            steering: Steering::new(clock.clone()),
            clock,
            sent,
            commands: CommandSender::new(commands, None),
        };
        stage.play(show);
        stage.sent.try_iter().for_each(drop);
        stage
    }

    /// Goes over to a patch with this show.
    fn play(&self, show: Show) {
        let mut descriptor = Descriptor::new("test", "a", "").output(CUT);
        descriptor.params = vec![
            Param::number("gain", (-60.0, 60.0), "").live(),
            Param::number("level", (0.0, 1e6), "").live(),
            Param::choice("word", &["one", "two", "three"], "").live(),
            Param::flag("flag", "").live(),
        ];
        let node = SteeredNode {
            node: Arc::new(GraphNode::declared("a", descriptor)),
            commands: self.commands.clone(),
            shown: Arc::default(),
            is_to_retime: false,
            unrecorded: 0,
        };
        let is_first = self.steering.edition() == 0;
        let calm = Preset {
            name: "calm".to_owned(),
            values: vec![value("gain", json!(3.0)), value("word", json!("two"))],
        };
        self.steering.exchange(Exchange {
            nodes: vec![node],
            begun: &[],
            built_with: &Transport::default(),
            text: &Transport::default(),
            presets: [calm].into(),
            show: Arc::new(show),
            is_first,
        });
    }

    /// Goes on to `seconds`, with all that is due on the way. Gives when to look again.
    fn at(&self, seconds: f64) -> Option<f64> {
        let end = Time::from_seconds(seconds);
        let mut state = self.steering.lock();
        for _ in 0..1_000_000 {
            let next = state.tend_cues(self.clock.now());
            state.deliver();
            match next.filter(|next| *next <= end) {
                // Nobody is woken in time.
                Some(next) => self
                    .clock
                    .move_to(next.max(self.clock.now()) + Time::from_nanos(1)),
                None if self.clock.now() >= end => return next.map(Time::seconds),
                None => self.clock.move_to(end),
            }
        }
        panic!("there is always something to do");
    }

    /// What the node was told since the last time.
    fn done(&self) -> Vec<Done> {
        let commands = self.sent.try_iter();
        let steered = commands.filter_map(|command| match command {
            Command::Steer(hands) => Some(hands),
            _ => None,
        });
        let done = steered.flatten().map(|hand| {
            let begun = hand.begun.map(Time::seconds);
            (
                hand.param,
                hand.value.unwrap_or_default(),
                hand.glide.seconds(),
                begun,
            )
        });
        done.collect()
    }

    fn held(&self) -> BTreeMap<(String, String), Value> {
        let held = self.steering.held().into_iter();
        held.map(|(node, param, value)| ((node, param), value))
            .collect()
    }

    fn status(&self) -> CueStatus {
        self.steering.cue_status().unwrap()
    }
}

fn value(param: &str, value: Value) -> PresetValue {
    PresetValue {
        node: "a".to_owned(),
        param: param.to_owned(),
        value,
    }
}

/// A cue of a name, that starts at once, takes so many seconds and has these values.
fn cue(name: &str, seconds: f64, values: Vec<PresetValue>) -> Cue {
    Cue {
        name: name.to_owned(),
        preset: None,
        values,
        time: Length::Seconds(seconds),
        curve: Curve::Linear,
        start: CueStart::Now,
        then: CueThen::Go,
        next: None,
    }
}

/// Cues of which each comes after the one before it.
fn show(cues: Vec<Cue>) -> Show {
    let last = cues.len() - 1;
    let linked = (0..).zip(cues).map(|(number, cue)| Cue {
        next: (number < last).then_some(number + 1),
        ..cue
    });
    Show {
        cues: linked.collect(),
        ..Show::default()
    }
}

fn done(param: &str, value: Value, glide: f64, begun: Option<f64>) -> Done {
    (param.to_owned(), value, glide, begun)
}

#[test]
fn numbers_set_off_at_once_and_words_switch_on_the_next_beat() {
    let values = vec![value("gain", json!(6.0)), value("word", json!("two"))];
    let smooth = Cue {
        curve: Curve::Smooth,
        ..cue("storm", 4.0, values)
    };
    let stage = Stage::new(show(vec![smooth]));
    assert_eq!(stage.at(0.6), None);
    stage.steering.cue("storm").unwrap();
    assert_eq!(stage.done(), [done("gain", json!(6.0), 4.0, Some(0.6))]);
    assert_eq!(stage.at(0.99), Some(1.0), "a beat lasts half a second");
    assert_eq!(stage.done(), []);
    assert_eq!(stage.at(1.01), None);
    assert_eq!(stage.done(), [done("word", json!("two"), 0.0, None)]);
    let status = stage.status();
    assert_eq!(status.current.as_deref(), Some("storm"));
    assert!((status.progress - 0.1025).abs() < 1e-6 && (status.left - 3.59).abs() < 1e-6);
}

#[test]
fn without_a_time_all_is_there_at_once() {
    let values = vec![value("gain", json!(6.0)), value("word", json!("two"))];
    let stage = Stage::new(show(vec![cue("cut", 0.0, values)]));
    stage.at(0.6);
    stage.steering.cue("cut").unwrap();
    let wanted = [
        done("gain", json!(6.0), 0.0, Some(0.6)),
        done("word", json!("two"), 0.0, None),
    ];
    assert_eq!(stage.done(), wanted);
}

#[test]
fn a_cue_waits_for_its_beat_or_bar_and_sets_off_exactly_there() {
    for (start, seconds) in [(CueStart::Beat, 2.5), (CueStart::Bar, 4.0)] {
        let values = vec![value("gain", json!(6.0)), value("word", json!("two"))];
        let starts = Cue {
            start: start.clone(),
            ..cue("storm", 2.0, values)
        };
        let stage = Stage::new(show(vec![starts]));
        stage.at(2.2);
        stage.steering.cue("storm").unwrap();
        assert_eq!(stage.done(), []);
        let status = stage.status();
        assert_eq!(
            (status.current, status.waiting.as_deref()),
            (None, Some("storm"))
        );
        assert_eq!(stage.at(2.3), Some(seconds), "{start:?}");
        stage.at(seconds + 0.02);
        // Both at once: it is a beat.
        let wanted = [
            done("gain", json!(6.0), 2.0, Some(seconds)),
            done("word", json!("two"), 0.0, None),
        ];
        assert_eq!(stage.done(), wanted);
    }
}

#[test]
fn another_tempo_moves_the_beat_that_a_cue_waits_for() {
    let starts = Cue {
        start: CueStart::Bar,
        ..cue("storm", 0.0, vec![value("gain", json!(6.0))])
    };
    let stage = Stage::new(show(vec![starts]));
    stage.at(1.0);
    stage.steering.cue("storm").unwrap();
    let slow = json!(60.0);
    stage
        .steering
        .set("transport", "tempo", slow, Duration::ZERO)
        .unwrap();
    assert_eq!(stage.at(1.1), Some(3.0), "two beats were left of the bar");
}

#[test]
fn a_cue_that_waits_for_an_event_starts_with_the_next_one() {
    let starts = Cue {
        start: CueStart::Event {
            node: "a".to_owned(),
            output: "cut".to_owned(),
        },
        ..cue("storm", 0.0, vec![value("gain", json!(6.0))])
    };
    let stage = Stage::new(show(vec![starts]));
    stage.steering.cue("storm").unwrap();
    let tap = stage.sent.try_iter().find_map(|command| match command {
        Command::Tap(0, buffer) => buffer.upgrade(),
        _ => None,
    });
    let status = stage.status();
    assert_eq!(status.waits_for.as_deref(), Some("a.cut"));
    stage.at(0.3);
    assert_eq!(stage.done(), []);
    let event = Event {
        name: "cut".to_owned(),
        strength: 1.0,
    };
    tap.unwrap().show(&Packet {
        time: Time::from_seconds(0.3),
        captured: std::time::Instant::now(),
        payload: Payload::Event(Arc::new(event)),
    });
    stage.at(0.31);
    assert_eq!(stage.done().len(), 1);
    assert_eq!(stage.at(9.0), None, "nothing waits any more");
}

#[test]
fn a_knob_that_is_touched_leaves_the_cue_and_comes_back_with_the_next() {
    let values = vec![value("word", json!("two")), value("flag", json!(true))];
    let stage = Stage::new(show(vec![cue("storm", 4.0, values)]));
    stage.at(0.6);
    stage.steering.cue("storm").unwrap();
    stage
        .steering
        .set("a", "word", json!("three"), Duration::ZERO)
        .unwrap();
    stage.steering.release("a", "flag", Duration::ZERO).unwrap();
    stage.done();
    stage.at(8.0);
    assert_eq!(stage.done(), []);
    assert_eq!(stage.held()[&("a".to_owned(), "word".to_owned())], "three");
    stage.steering.cue("storm").unwrap();
    stage.at(9.0);
    assert_eq!(stage.held()[&("a".to_owned(), "word".to_owned())], "two");
}

#[test]
fn what_is_safe_from_recalls_stays() {
    let values = vec![value("gain", json!(6.0)), value("level", json!(6.0))];
    let stage = Stage::new(Show {
        recall_safe: vec![("a".to_owned(), "gain".to_owned())],
        ..show(vec![cue("storm", 0.0, values)])
    });
    stage.steering.cue("storm").unwrap();
    stage.steering.recall("calm", Duration::ZERO).unwrap();
    let params: Vec<String> = stage.done().into_iter().map(|done| done.0).collect();
    assert_eq!(params, ["level", "word"]);
}

#[test]
fn go_calls_one_cue_after_another_and_counts_once_within_half_a_second() {
    let cues = ["one", "two", "three"];
    let all = cues.map(|name| cue(name, 0.0, vec![value("gain", json!(1.0))]));
    let stage = Stage::new(show(all.to_vec()));
    for name in cues {
        assert_eq!(stage.status().next.as_deref(), Some(name));
        assert_eq!(stage.steering.go().as_deref(), Ok(name));
        let twice = stage.steering.go().unwrap_err();
        assert_eq!(twice.kind, SteeringErrorKind::TooSoon);
        stage.at(stage.clock.now().seconds() + 0.6);
    }
    let over = stage.steering.go().unwrap_err();
    assert_eq!(over.kind, SteeringErrorKind::Cue);
    assert!(over.help.unwrap().contains("`one`"));
    stage.steering.cue("two").unwrap();
    assert_eq!(stage.steering.go().as_deref(), Ok("three"));
    let wrong = stage.steering.cue("thre").unwrap_err();
    assert_eq!(wrong.help.as_deref(), Some("did you mean `three`?"));
}

#[test]
fn go_starts_a_cue_that_waits() {
    let waits = Cue {
        start: CueStart::Bar,
        ..cue("one", 0.0, vec![value("gain", json!(1.0))])
    };
    let second = cue("two", 0.0, vec![value("gain", json!(2.0))]);
    let stage = Stage::new(show(vec![waits, second]));
    stage.at(0.1);
    stage.steering.cue("one").unwrap();
    assert_eq!(stage.done(), []);
    assert_eq!(stage.steering.go().as_deref(), Ok("one"));
    assert_eq!(stage.done(), [done("gain", json!(1.0), 0.0, Some(0.1))]);
    assert_eq!(stage.status().next.as_deref(), Some("two"));
}

#[test]
fn cues_follow_when_the_one_before_is_done_or_after_a_time_and_stop_when_they_shall() {
    let gain = |number: f64| vec![value("gain", json!(number))];
    let one = Cue {
        then: CueThen::Follow,
        ..cue("one", 1.0, gain(1.0))
    };
    let two = Cue {
        then: CueThen::Wait(Length::Beats(4.0)),
        ..cue("two", 9.0, gain(2.0))
    };
    let mut all = show(vec![one, two, cue("three", 0.0, gain(3.0))]);
    let stage = Stage::new(all.clone());
    stage.steering.go().unwrap();
    assert_eq!(stage.status().next_in, Some(1.0));
    stage.at(10.0);
    let wanted = [
        done("gain", json!(1.0), 1.0, Some(0.0)),
        done("gain", json!(2.0), 9.0, Some(1.0)),
        done("gain", json!(3.0), 0.0, Some(3.0)),
    ];
    assert_eq!(stage.done(), wanted);
    stage.steering.cue("one").unwrap();
    stage.steering.stop_cues();
    assert_eq!(stage.at(99.0), None);
    assert_eq!(stage.done().len(), 1);
    // In a circle without any time it still does one thing after another.
    all.cues[2].then = CueThen::Follow;
    all.cues[2].next = Some(2);
    let stage = Stage::new(all);
    stage.steering.cue("three").unwrap();
    stage.at(1.0);
    assert!((15..=25).contains(&stage.done().len()));
}

#[test]
fn a_tempo_goes_to_another_in_steps_and_ends_exactly_there() {
    let tempo = PresetValue {
        node: TRANSPORT.to_owned(),
        param: "tempo".to_owned(),
        value: json!(97.3),
    };
    let stage = Stage::new(show(vec![cue("slow", 2.0, vec![tempo])]));
    stage.steering.cue("slow").unwrap();
    stage.at(1.0);
    let half = stage.steering.transport().tempo;
    let ratio = (97.3_f64 / 120.0).sqrt() * 120.0;
    assert!((half - ratio).abs() < 1.0, "{half}");
    stage.at(2.5);
    assert_eq!(stage.steering.transport().tempo, 97.3);
    assert_eq!(stage.at(9.0), None);
    // One that is touched stays where it was put.
    stage
        .steering
        .set("transport", "tempo", json!(60.0), Duration::ZERO)
        .unwrap();
    stage.steering.cue("slow").unwrap();
    stage.at(9.5);
    stage
        .steering
        .set("transport", "tempo", json!(80.0), Duration::ZERO)
        .unwrap();
    stage.at(20.0);
    assert_eq!(stage.steering.transport().tempo, 80.0);
}

#[test]
fn an_edit_keeps_what_is_to_come_of_cues_that_are_still_there() {
    let gain = |number: f64| vec![value("gain", json!(number))];
    let one = Cue {
        then: CueThen::Wait(Length::Seconds(2.0)),
        ..cue("one", 1.0, vec![value("word", json!("two"))])
    };
    let two = cue("two", 0.0, gain(2.0));
    let stage = Stage::new(show(vec![one.clone(), two.clone()]));
    stage.at(0.1);
    stage.steering.go().unwrap();
    stage.play(show(vec![cue("new", 0.0, gain(5.0)), one, two]));
    assert_eq!(stage.status().current.as_deref(), Some("one"));
    stage.at(3.0);
    let wanted = [
        done("word", json!("two"), 0.0, None),
        done("gain", json!(2.0), 0.0, Some(2.1)),
    ];
    assert_eq!(stage.done(), wanted);
    stage.play(show(vec![cue("other", 0.0, gain(5.0))]));
    let status = stage.status();
    assert_eq!(
        (status.current, status.next.as_deref()),
        (None, Some("other"))
    );
    stage.play(Show::default());
    assert_eq!(stage.steering.cue_status(), None);
    assert_eq!(
        stage.steering.go().unwrap_err().kind,
        SteeringErrorKind::Cue
    );
}

#[test]
fn nothing_follows_a_cue_that_an_edit_has_taken_away_or_made_wait_for_go() {
    let gain = |number: f64| vec![value("gain", json!(number))];
    let one = Cue {
        then: CueThen::Wait(Length::Seconds(2.0)),
        ..cue("one", 0.0, gain(1.0))
    };
    let two = cue("two", 0.0, gain(2.0));
    let waits = cue("one", 0.0, gain(1.0));
    for now in [vec![two.clone()], vec![waits, two.clone()]] {
        let stage = Stage::new(show(vec![one.clone(), two.clone()]));
        stage.at(0.1);
        stage.steering.go().unwrap();
        stage.play(show(now));
        assert_eq!(stage.status().next_in, None);
        stage.at(5.0);
        assert_ne!(stage.status().current.as_deref(), Some("two"));
    }
}

#[test]
fn what_waits_for_its_beat_is_released_with_all_else() {
    let word = vec![value("word", json!("three"))];
    let releases: [fn(&Steering); 2] = [
        |steering| steering.release_all(Duration::ZERO),
        |steering| steering.release_node("a", Duration::ZERO).unwrap(),
    ];
    for release in releases {
        let stage = Stage::new(show(vec![cue("one", 1.0, word.clone())]));
        stage.at(0.1);
        stage.steering.go().unwrap();
        release(&stage.steering);
        stage.at(5.0);
        assert!(stage.held().is_empty(), "{:?}", stage.held());
    }
}

fn any_cue() -> impl Strategy<Value = Cue> {
    let number = (0.0..50.0).prop_map(|number: f64| json!(number));
    let word = prop::sample::select(vec!["one", "two", "three"]).prop_map(|word| json!(word));
    let one = prop_oneof![
        number.clone().prop_map(|number| value("gain", number)),
        number.prop_map(|number| value("level", number)),
        word.prop_map(|word| value("word", word)),
        any::<bool>().prop_map(|flag| value("flag", json!(flag))),
    ];
    let values = prop::collection::btree_map(0..4_u8, one, 1..4);
    let start = prop::sample::select(vec![CueStart::Now, CueStart::Beat, CueStart::Bar]);
    (values, start, 0.0..3.0).prop_map(|(values, start, seconds)| {
        let mut known: BTreeMap<String, PresetValue> = BTreeMap::new();
        for value in values.into_values() {
            known.insert(value.param.clone(), value);
        }
        let values = known.into_values().collect();
        Cue {
            start,
            ..cue("cue", seconds, values)
        }
    })
}

proptest! {
    /// Whatever is called, touched and waited for, in the end each value is exactly what was said of
    /// it last, and nothing is left to do.
    #[test]
    fn end_values_are_exact(
        cues in prop::collection::vec(any_cue(), 1..5),
        acts in prop::collection::vec((any::<prop::sample::Index>(), 0.0..4.0, any::<bool>()), 1..12),
    ) {
        let mut cues = cues;
        for (number, cue) in cues.iter_mut().enumerate() {
            cue.name = number.to_string();
        }
        let stage = Stage::new(show(cues.clone()));
        let mut wanted = BTreeMap::new();
        let mut now = 0.0;
        for (which, pause, touches) in acts {
            let cue = which.get(&cues);
            stage.steering.cue(&cue.name).unwrap();
            // It starts, unless another comes before.
            now += 2.1;
            stage.at(now);
            for value in &cue.values {
                wanted.insert((value.node.clone(), value.param.clone()), value.value.clone());
            }
            if touches {
                stage.steering.set("a", "gain", json!(-1.5), Duration::from_secs(1)).unwrap();
                wanted.insert(("a".to_owned(), "gain".to_owned()), json!(-1.5));
            }
            now += pause;
            stage.at(now);
        }
        prop_assert_eq!(stage.at(now + 10.0), None);
        prop_assert_eq!(stage.held(), wanted);
    }
}
