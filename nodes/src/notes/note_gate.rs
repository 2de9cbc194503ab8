//! Lets notes pass while something holds.

use score_engine::{
    Build, Choice, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort,
    Params, Processor, Time,
};

use super::note_map::NoteMap;
use super::{Key, send_on};
use crate::horizon::Horizon;
use crate::hysteresis::is_high;

const GATE: InputPort<Control> =
    InputPort::new(0, "gate", "notes pass while this is above the threshold").optional();
const NOTES: InputPort<Note> = InputPort::new(1, "notes", "the notes");
const PASSED: OutputPort<Note> = OutputPort::new(0, "notes", "those that pass");

/// What becomes of notes that sound when the gate closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Sounding {
    End,
    Finish,
}

/// `note_gate`.
#[derive(Clone, Params)]
pub(crate) struct NoteGate {
    /// whether notes may pass at all
    #[param(live, default = true)]
    open: bool,
    /// above it notes pass
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    threshold: f64,
    /// how far below it the gate closes
    #[param(live, range = 0.0..=1.0, span = 0.0..=0.3, default = 0.05)]
    hysteresis: f64,
    /// notes that sound when it closes end then, or finish
    #[param(live, default = Sounding::End)]
    sounding: Sounding,
}

impl Node for NoteGate {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "note_gate", "Lets notes pass while something holds")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(smooth: 0.5),
                    "beat": midi_input_file(path: "song.mid"),
                    "moved": note_gate(threshold: 0.2, sounding: finish),
                    "kit": synth(voice: drum_kit),
                    "sound": audio_file(path: "film.wav"),
                },
                wires: ["film -> motion -> moved.gate", "beat -> moved -> kit -> sound"]"#,
            )
            .details(
                "A note passes if the gate is open when it begins. Where `gate` is wired, the gate is closed until \
                 something comes along that wire, and opens and closes with it; `open` closes it in any case. What \
                 begins while it is closed is left out, though it opens while the key is down. Of notes that sound \
                 when it closes, `end` ends them then; with `finish` they end with their keys. A `gate` that is not \
                 a number changes nothing. Pedals, bends and controllers always pass.",
            )
            .input(GATE)
            .input(NOTES)
            .output(PASSED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Gating {
            horizon: Horizon::new(build),
            gate: if build.is_wired(GATE) {
                f32::NAN
            } else {
                f32::INFINITY
            },
            is_above: false,
            map: NoteMap::default(),
        }))
    }
}

struct Gating {
    horizon: Horizon,
    /// The latest value of the wire: not a number before the first, above every threshold where
    /// there is no wire.
    gate: f32,
    /// Whether the value is one with which notes pass.
    is_above: bool,
    map: NoteMap<Key>,
}

impl Gating {
    /// Opens or closes as value and parameters are at `time`; whether notes pass.
    fn turn(&mut self, params: &NoteGate, io: &mut Io<'_>, time: Time) -> Result<bool, NodeError> {
        let (threshold, hysteresis) = (params.threshold, params.hysteresis);
        self.is_above = is_high(self.is_above, self.gate, threshold, hysteresis);
        let is_open = params.open && self.is_above;
        if !is_open && params.sounding == Sounding::End && !self.map.is_empty() {
            for (time, notes) in self.map.end_all(time) {
                io.send(PASSED, time, notes)?;
            }
        }
        Ok(is_open)
    }
}

impl Processor<NoteGate> for Gating {
    fn process(&mut self, params: &NoteGate, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let mut is_open = self.turn(params, io, self.horizon.changed_at(io))?;
        while let Some(input) = io.take() {
            let packet = &input.packet;
            if input.is(GATE) {
                let gate = *input.read(GATE)?;
                if !gate.is_nan() {
                    self.gate = gate;
                }
                is_open = self.turn(params, io, input.heard)?;
                continue;
            }
            let mut sent = Vec::new();
            for note in input.read(NOTES)?.iter() {
                let key = (note.channel(), note.pitch());
                match *note {
                    Note::On { velocity, .. } if is_open => {
                        let notes = [(key, velocity)];
                        self.map.begin(key, &notes, packet.time, &mut sent);
                    }
                    // A key that is struck again has come up.
                    _ => self.map.end(&key, &mut sent),
                }
            }
            send_on(io, PASSED, packet, packet.changes().to_vec(), sent)?;
        }
        self.horizon.reach(io);
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &NoteGate, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, notes) in self.map.end_all(self.horizon.end(io)) {
            io.send(PASSED, time, notes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType};
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, bent, both, feed, lines};
    use super::*;

    /// A key goes down and comes up every half second.
    const NOTES: &[Line] = &[
        (0, 60, 50),
        (400, 60, 0),
        (500, 62, 50),
        (900, 62, 0),
        (1000, 64, 50),
        (1400, 64, 0),
        (1500, 65, 50),
        (1900, 65, 0),
    ];

    fn gate(params: Value, values: &[(i64, f32)]) -> Harness<NoteGate> {
        let values = values.iter();
        let values = values.map(|(time, value)| (at(*time), Payload::Control(*value)));
        let harness = Harness::<NoteGate>::new(params);
        let harness = harness.feed("gate", PortType::Control, values.collect(), at(1900));
        feed(harness, NOTES)
    }

    #[test]
    fn notes_pass_while_the_gate_is_open_and_end_when_it_closes() {
        let values = [
            (0, 0.2),
            (500, 0.51),
            (600, f32::NAN),
            (1100, 0.46),
            (1200, 0.4),
            (1300, 0.9),
        ];
        let found = both(|| gate(json!({}), &values));
        let wanted: &[Line] = &[
            (500, 62, 50),
            (900, 62, 0),
            (1000, 64, 50),
            (1200, 64, 0),
            (1500, 65, 50),
            (1900, 65, 0),
        ];
        assert_eq!(found, wanted);
        let found = both(|| gate(json!({ "sounding": "finish" }), &values));
        assert_eq!(found[3], (1400, 64, 0));
        let never = both(|| gate(json!({}), &[(0, f32::NAN), (600, 0.0)]));
        assert_eq!(never, []);
        assert_eq!(
            both(|| gate(json!({}), &[])),
            [],
            "nothing has come along the wire"
        );
        let closed = || Harness::<NoteGate>::new(json!({ "open": false }));
        assert_eq!(bent(closed, "notes"), [at(700)]);
    }

    #[test]
    fn a_hand_closes_it_at_once_and_what_finishes_may_be_ended_yet() {
        let plain = || feed(Harness::<NoteGate>::new(json!({})), NOTES);
        assert_eq!(both(plain), NOTES);
        let closed = plain()
            .set_live(at(700), "open", false)
            .set_live(at(1450), "open", true);
        let outputs = closed.play_live().unwrap();
        let wanted: &[Line] = &[
            (0, 60, 50),
            (400, 60, 0),
            (500, 62, 50),
            (700, 62, 0),
            (1500, 65, 50),
            (1900, 65, 0),
        ];
        assert_eq!(lines(&outputs, "notes"), wanted);
        assert_eq!(outputs.sent("notes")[3], at(700));
        let finishes = feed(
            Harness::<NoteGate>::new(json!({ "sounding": "finish" })),
            NOTES,
        )
        .set_live(at(600), "open", false)
        .set_live(at(800), "sounding", "end");
        let found = lines(&finishes.play_live().unwrap(), "notes");
        assert_eq!(found[2..], [(500, 62, 50), (800, 62, 0)]);
    }
}
