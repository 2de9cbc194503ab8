//! Makes numbers that steer of notes.

use std::collections::{BTreeSet, VecDeque};

use score_engine::{
    Build, Control, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note, OutputPort,
    Params, Processor, Time, Transport,
};

use super::{Key, velocity};
use crate::horizon::Horizon;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const PITCH: OutputPort<Control> = OutputPort::new(
    0,
    "pitch",
    "how high the latest note is between `lowest` and `highest`",
);
const VELOCITY: OutputPort<Control> =
    OutputPort::new(1, "velocity", "how hard the latest note was struck");
const DENSITY: OutputPort<Control> = OutputPort::new(
    2,
    "density",
    "how many notes have begun within the `window`, 1 for `dense` a second",
);
const HELD: OutputPort<Control> =
    OutputPort::new(3, "held", "how many keys are down, 1 for `keys` of them");

/// So many notes are counted at most.
const MOST: usize = 4096;

/// `note_to_control`.
#[derive(Clone, Params)]
pub(crate) struct NoteToControl {
    /// the key with which `pitch` is 0, MIDI's number; 60 is middle C
    #[param(live, range = 0..=127, default = 36)]
    lowest: u8,
    /// the key with which `pitch` is 1
    #[param(live, range = 0..=127, default = 96)]
    highest: u8,
    /// time over which notes are counted
    #[param(live, range = 0.01..=600.0, span = 0.25..=16.0, log, default = Length::Seconds(2.0))]
    window: Length,
    /// notes a second with which `density` is 1
    #[param(live, range = 0.1..=1000.0, span = 1.0..=20.0, log, unit = "1/s", default = 8.0)]
    dense: f64,
    /// keys with which `held` is 1
    #[param(live, range = 1..=128, span = 1.0..=10.0, default = 1)]
    keys: usize,
}

impl Node for NoteToControl {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "note_to_control", "Makes numbers that steer of notes")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "hands": note_to_control(window: 4),
                    "piano": synth(voice: electric_piano),
                    "sound": audio_file(path: "tune.wav"),
                },
                wires: [
                    "tune -> hands",
                    "tune -> piano -> sound",
                    ("hands.density -> piano.gain", range(from: -6, to: -18)),
                ]"#,
            )
            .details(
                "What somebody plays leads the rest: through `pitch`, `velocity`, `density` and `held` a keyboard \
                 steers any live parameter, also of what makes the picture. Each output sends when it changes: \
                 `pitch` and `velocity` with every note, of notes that begin together the highest and the hardest; \
                 `density` also when a note leaves the window; `held` with every key, 0 when the notes end. With \
                 `highest` below `lowest`, `pitch` falls as notes rise.",
            )
            .input(NOTES)
            .output(PITCH)
            .output(VELOCITY)
            .output(DENSITY)
            .output(HELD)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting {
            horizon: Horizon::new(build),
            window: self.window.at(build.transport),
            down: BTreeSet::new(),
            begun: VecDeque::new(),
            density: None,
            held: None,
        }))
    }
}

impl NoteToControl {
    fn height(&self, pitch: u8) -> f32 {
        let (lowest, highest) = (f32::from(self.lowest), f32::from(self.highest));
        let pitch = f32::from(pitch);
        match highest == lowest {
            true => f32::from(u8::from(pitch >= lowest)),
            false => ((pitch - lowest) / (highest - lowest)).clamp(0.0, 1.0),
        }
    }
}

struct Counting {
    horizon: Horizon,
    window: Time,
    /// Keys that are down.
    down: BTreeSet<Key>,
    /// When notes began, as far back as the window reaches.
    begun: VecDeque<Time>,
    /// What was sent last.
    density: Option<f32>,
    held: Option<f32>,
}

impl Counting {
    /// Sends how dense notes are at `time`, if that is news.
    fn tell_density(
        &mut self,
        params: &NoteToControl,
        io: &mut Io<'_>,
        time: Time,
    ) -> Result<(), NodeError> {
        let most = (params.dense * self.window.seconds()).max(f64::MIN_POSITIVE);
        let density = (self.begun.len() as f64 / most).clamp(0.0, 1.0) as f32;
        match self.density.replace(density) == Some(density) {
            true => Ok(()),
            false => io.send(DENSITY, time, density),
        }
    }

    /// Sends how many keys are down at `time`, if that is news.
    fn tell_held(
        &mut self,
        params: &NoteToControl,
        io: &mut Io<'_>,
        time: Time,
    ) -> Result<(), NodeError> {
        let held = (self.down.len() as f32 / params.keys.max(1) as f32).clamp(0.0, 1.0);
        match self.held.replace(held) == Some(held) {
            true => Ok(()),
            false => io.send(HELD, time, held),
        }
    }

    /// Forgets the notes that have left the window by `until`, none before `earliest`.
    fn forget(
        &mut self,
        params: &NoteToControl,
        io: &mut Io<'_>,
        (earliest, until): (Time, Time),
    ) -> Result<(), NodeError> {
        while let Some(left) = self.leaves().filter(|left| *left <= until) {
            let time = left.max(earliest);
            while self.leaves().is_some_and(|other| other <= time) {
                self.begun.pop_front();
            }
            self.tell_density(params, io, time)?;
        }
        Ok(())
    }

    /// When the next note leaves the window.
    fn leaves(&self) -> Option<Time> {
        self.begun.front().map(|begun| *begun + self.window)
    }

    fn hear(
        &mut self,
        params: &NoteToControl,
        io: &mut Io<'_>,
        time: Time,
        notes: &[Note],
    ) -> Result<(), NodeError> {
        let (mut highest, mut hardest) = (None, None);
        for note in notes {
            let key = (note.channel(), note.pitch());
            let Note::On {
                velocity: force, ..
            } = *note
            else {
                self.down.remove(&key);
                continue;
            };
            self.down.insert(key);
            if self.begun.len() == MOST {
                self.begun.pop_front();
            }
            self.begun.push_back(time);
            highest = highest.max(Some(key.1));
            let force = velocity(force);
            hardest = Some(hardest.map_or(force, |other: f32| other.max(force)));
        }
        if let (Some(highest), Some(hardest)) = (highest, hardest) {
            io.send(PITCH, time, params.height(highest))?;
            io.send(VELOCITY, time, hardest)?;
        }
        self.tell_density(params, io, time)?;
        self.tell_held(params, io, time)
    }
}

impl Processor<NoteToControl> for Counting {
    fn process(&mut self, params: &NoteToControl, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let earliest = self.horizon.changed_at(io);
        // What another value makes of them; at the start, that nothing has sounded yet.
        self.forget(params, io, (earliest, earliest))?;
        self.tell_density(params, io, earliest)?;
        self.tell_held(params, io, earliest)?;
        while let Some(input) = io.take() {
            let time = input.packet.time;
            self.forget(params, io, (earliest.min(time), time))?;
            self.hear(params, io, time, input.read(NOTES)?)?;
        }
        if let Some(reach) = self.horizon.reach(io) {
            self.forget(params, io, (earliest, reach))?;
        }
        let ahead = self.horizon.ahead();
        let next = self.leaves().map(|left| Flow::WakeAt(left - ahead));
        Ok(next.unwrap_or(Flow::Continue))
    }

    fn finish(&mut self, params: &NoteToControl, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (earliest, end) = (self.horizon.changed_at(io), self.horizon.end(io));
        self.forget(params, io, (earliest.min(end), end))?;
        self.down.clear();
        self.tell_held(params, io, end)
    }

    fn changed(&mut self, params: &NoteToControl, transport: &Transport) -> Result<(), NodeError> {
        self.window = params.window.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, feed_until};
    use super::*;

    /// Milliseconds and thousandths of what left an output.
    fn told(outputs: &Outputs, port: &str) -> Vec<(i64, i32)> {
        let packets = outputs.packets(port).iter();
        packets
            .map(|packet| {
                let value = *packet.control().unwrap();
                (
                    packet.time.nanos() / 1_000_000,
                    (value * 1000.0).round() as i32,
                )
            })
            .collect()
    }

    fn harness(params: Value, notes: &[Line]) -> Harness<NoteToControl> {
        feed_until(Harness::new(params), notes, 4000)
    }

    /// The same in a render and live.
    fn both(params: Value, notes: &[Line], port: &str) -> Vec<(i64, i32)> {
        let rendered = told(&harness(params.clone(), notes).run().unwrap(), port);
        let live = told(&harness(params, notes).play_live().unwrap(), port);
        assert_eq!(rendered, live, "{port}");
        rendered
    }

    const NOTES: &[Line] = &[
        (0, 36, 40),
        (500, 36, 0),
        (500, 66, 90),
        (700, 127, 20),
        (1000, 66, 0),
        (1100, 127, 0),
    ];

    #[test]
    fn pitch_and_velocity_are_those_of_the_latest_note() {
        let pitch = |params: Value| both(params, NOTES, "pitch");
        assert_eq!(pitch(json!({})), [(0, 0), (500, 500), (700, 1000)]);
        let falling = json!({ "lowest": 96, "highest": 36 });
        assert_eq!(pitch(falling), [(0, 1000), (500, 500), (700, 0)]);
        let one = json!({ "lowest": 66, "highest": 66 });
        assert_eq!(pitch(one), [(0, 0), (500, 1000), (700, 1000)]);
        let velocity = both(json!({}), NOTES, "velocity");
        assert_eq!(velocity, [(0, 400), (500, 900), (700, 200)]);
    }

    #[test]
    fn density_rises_with_each_note_and_falls_as_they_leave_the_window() {
        let params = json!({ "window": { "seconds": 1.0 }, "dense": 2 });
        let wanted = [(0, 0), (0, 500), (500, 1000), (1700, 0)];
        // Three within a second are as many as two; at 1.5 s one is left.
        let found = both(params, NOTES, "density");
        assert_eq!(found[..3], wanted[..3]);
        assert_eq!(found[3..], [(1500, 500), (1700, 0)]);
    }

    #[test]
    fn held_says_how_many_keys_are_down() {
        let one = both(json!({}), NOTES, "held");
        assert_eq!(one, [(0, 0), (0, 1000), (500, 0), (500, 1000), (1100, 0)]);
        let two = both(json!({ "keys": 2 }), &NOTES[..4], "held");
        let wanted = [
            (0, 0),
            (0, 500),
            (500, 0),
            (500, 500),
            (700, 1000),
            (4000, 0),
        ];
        assert_eq!(two, wanted, "0 when the notes end");
    }

    #[test]
    fn another_window_counts_at_once() {
        let params = json!({ "window": { "seconds": 3.0 }, "dense": 1 });
        let outputs = harness(params, NOTES)
            .set_live(at(2000), "window", json!({ "seconds": 1.0 }))
            .set_live(at(2500), "keys", 2);
        let density = told(&outputs.play_live().unwrap(), "density");
        assert_eq!(
            density,
            [(0, 0), (0, 333), (500, 667), (700, 1000), (2000, 0)]
        );
    }
}
