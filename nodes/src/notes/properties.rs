//! What holds for each of these nodes, whatever comes in and whatever is turned meanwhile: every
//! note that begins ends, none twice, and nothing is told out of its order.

use proptest::prelude::*;
use score_engine::harness::{Harness, Outputs};
use score_engine::{Node, Note, Payload, PortType, Time, Transport};
use serde_json::{Value, json};

use super::test_notes::{at, chords, note, require_ends};

/// What happens to a node.
#[derive(Clone, Debug)]
struct Case {
    /// Milliseconds since the one before, channel, pitch, and velocity in hundredths, 0: it ends.
    notes: Vec<(i64, u8, u8, i32)>,
    /// Milliseconds since the one before, and what comes into a `gate`.
    gate: Vec<(i64, f32)>,
    /// When the chord changes, and to which.
    chords: Vec<(i64, &'static str, Option<&'static str>)>,
    /// When a parameter is turned, which, and to which place of its span.
    turned: Vec<(i64, usize, f64)>,
    /// When the tempo changes, and the key.
    retimed: Vec<(i64, f64, u8)>,
}

fn cases() -> impl Strategy<Value = Case> {
    let gap = prop_oneof![2 => Just(0_i64), 5 => 1_i64..300, 1 => 300_i64..2000];
    let channel = prop_oneof![6 => Just(0_u8), 2 => Just(1_u8), 1 => Just(9_u8)];
    let pitch = prop_oneof![8 => 58_u8..66, 1 => Just(0_u8), 1 => Just(127_u8), 1 => 0_u8..128];
    let velocity = prop_oneof![4 => 1_i32..=100, 4 => Just(0_i32)];
    let notes = prop::collection::vec((gap, channel, pitch, velocity), 0..60);
    let value = prop_oneof![6 => 0.0_f32..=1.0, 1 => Just(f32::NAN)];
    let gate = prop::collection::vec((0_i64..400, value), 0..20);
    let led = prop::sample::select(vec![
        ("C", Some("C")),
        ("C", Some("G7")),
        ("F# minor", Some("Bm")),
        ("Eb", None),
    ]);
    let chords = prop::collection::vec((0_i64..500, led), 0..6);
    let turned = prop::collection::vec((0_i64..6000, any::<usize>(), 0.0_f64..=1.0), 0..12);
    let retimed = prop::collection::vec((0_i64..6000, 30.0_f64..300.0, 0_u8..12), 0..4);
    (notes, gate, chords, turned, retimed).prop_map(|(notes, gate, chords, turned, retimed)| {
        let mut time = 0;
        let chords = chords.into_iter().map(|(gap, (key, chord))| {
            time += gap;
            (time, key, chord)
        });
        Case {
            notes,
            gate,
            chords: chords.collect(),
            turned,
            retimed,
        }
    })
}

/// Times from the gaps between them.
fn summed<T: Clone>(gaps: &[(i64, T)]) -> Vec<(Time, T)> {
    let mut time = 0;
    let summed = gaps.iter().map(|(gap, content)| {
        time += gap;
        (at(time), content.clone())
    });
    summed.collect()
}

impl Case {
    /// A node into whose inputs this comes.
    fn harness<N: Node>(&self) -> Harness<N> {
        let gaps: Vec<(i64, Note)> = (self.notes.iter())
            .map(|(gap, channel, pitch, velocity)| (*gap, note(*channel, *pitch, *velocity)))
            .collect();
        let notes = summed(&gaps).into_iter();
        let notes: Vec<(Time, Payload)> = notes
            .map(|(time, note)| (time, Payload::Notes([note].into())))
            .collect();
        let end = notes.last().map_or(Time::ZERO, |(time, _)| *time);
        let mut harness = Harness::<N>::new(json!({}));
        harness = harness.feed("notes", PortType::Notes, notes, end);
        let inputs = N::descriptor().inputs;
        if inputs.iter().any(|input| input.name == "gate") {
            let values = summed(&self.gate).into_iter();
            let values: Vec<(Time, Payload)> = values
                .map(|(time, value)| (time, Payload::Control(value)))
                .collect();
            let end = values.last().map_or(Time::ZERO, |(time, _)| *time);
            harness = harness.feed("gate", PortType::Control, values, end);
        }
        if inputs.iter().any(|input| input.name == "chords") {
            let end = self.chords.last().map_or(0, |(time, ..)| *time);
            harness = chords(harness, &self.chords, end);
        }
        harness
    }

    /// The same, with everything turned that is turned.
    fn turned<N: Node>(&self) -> Harness<N> {
        let descriptor = N::descriptor();
        let params: Vec<_> = descriptor.param_inputs().map(|(_, param)| param).collect();
        let mut harness = self.harness::<N>();
        for (time, which, place) in &self.turned {
            let param = params[which % params.len()];
            let value: Value = param.value_at(*place, param.spans()).unwrap();
            harness = harness.set_live(at(*time), &param.name, value);
        }
        for (time, tempo, tonic) in &self.retimed {
            let key = format!("{} minor", score_engine::note_name(*tonic));
            let transport = Transport {
                tempo: *tempo,
                key: Some(key.parse().unwrap()),
                ..Transport::default()
            };
            harness = harness.retime(at(*time), transport);
        }
        harness
    }
}

/// Requires of what left the node what must hold of it.
fn require<N: Node>(outputs: &Outputs, is_in_order: bool) {
    for port in N::descriptor().outputs {
        let packets = outputs.packets(&port.name);
        if port.port_type == PortType::Notes {
            require_ends(outputs, &port.name);
        } else {
            let values = packets.iter().map(|packet| *packet.control().unwrap());
            for value in values {
                assert!((0.0..=1.0).contains(&value), "{}: {value}", port.name);
            }
        }
        if is_in_order {
            assert!(packets.is_sorted_by_key(|packet| packet.time));
        }
    }
}

fn holds<N: Node>(case: &Case) {
    require::<N>(&case.harness::<N>().run().unwrap(), true);
    require::<N>(&case.turned::<N>().play_live().unwrap(), false);
}

macro_rules! every_note_that_begins_ends {
    ($($test:ident: $node:ty,)+) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]

            $(
                #[test]
                fn $test(case in cases()) {
                    holds::<$node>(&case);
                }
            )+
        }
    };
}

every_note_that_begins_ends! {
    every_note_of_an_arpeggio_ends: super::arpeggio::Arpeggio,
    every_note_of_a_chord_ends: super::chord::Chord,
    every_note_of_a_humanised_part_ends: super::humanise::Humanise,
    every_note_that_is_joined_ends: super::legato::Legato,
    every_echo_ends: super::note_delay::NoteDelay,
    every_note_that_a_filter_lets_pass_ends: super::note_filter::NoteFilter,
    every_note_that_a_gate_lets_pass_ends: super::note_gate::NoteGate,
    every_number_of_notes_lies_between_0_and_1: super::note_to_control::NoteToControl,
    every_note_on_a_scale_ends: super::scale::Scale,
    every_note_of_both_parts_ends: super::split::Split,
    every_note_that_is_moved_ends: super::transpose::Transpose,
}
