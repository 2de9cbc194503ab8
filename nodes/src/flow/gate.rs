//! Lets a stream through while a number is high.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use score_engine::{
    Anything, Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Packet,
    Params, Payload, Processor, Time,
};

use super::passing::{Sounding, faded, stands};
use crate::horizon::Horizon;
use crate::hysteresis::is_high;

// What opens stands first: of what comes at one time it counts before the rest.
const OPEN: InputPort<Control> = InputPort::new(
    0,
    "open",
    "a wire that names it opens the gate while it is above `threshold`",
)
.by_name();
const IN: InputPort<Anything> = InputPort::new(1, "in", "what may pass");
const OUT: OutputPort<Anything> = OutputPort::new(0, "out", "what passes");

/// `gate`.
#[derive(Clone, Params)]
pub(crate) struct Gate {
    /// above it the gate opens
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 0.5)]
    threshold: f64,
    /// how far below it the gate closes
    #[param(live, range = 0.0..=1e6, span = 0.0..=0.5, default = 0.05)]
    hysteresis: f64,
    /// it closes where it would open
    #[param(live, default = false)]
    invert: bool,
}

impl Node for Gate {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("flow", "gate", "Lets a stream through while a number is high")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(),
                    "eye": frame_encoder(model: "eye"),
                    "drums": drum_decoder(),
                    "moves": gate(threshold: 0.2),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> drums -> moves -> notes", "film -> motion -> moves.open"]"#,
            )
            .details(
                "For every type: what comes in goes out, or does not. It is closed until `open` first rises above \
                 `threshold`, and closes when that falls to `threshold` − `hysteresis` or below; the node `threshold` before it \
                 makes it stay open for a while (`\"moves.state -> door.open\"`). Notes that sound when it closes are ended there. Sound fades \
                 within a block, and is silent while the gate is closed. Of numbers, latents and pictures the latest passes \
                 when it opens. A number that is none changes nothing.",
            )
            .input(OPEN)
            .input(IN)
            .output(OUT)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Letting {
            horizon: Horizon::new(build),
            open: f32::NAN,
            is_high: false,
            was_open: self.invert,
            latest: None,
            sounding: Sounding::default(),
            level: f32::from(u8::from(self.invert)),
            shut: build.counters.counter("shut"),
            enters: build.counters.counter("enters_thousandths"),
        }))
    }
}

struct Letting {
    horizon: Horizon,
    /// The latest number; not one before the first.
    open: f32,
    is_high: bool,
    /// Whether the gate was open at the last look.
    was_open: bool,
    /// The latest that came in, where it holds until the next.
    latest: Option<Packet>,
    sounding: Sounding,
    /// Of sound: how loud the last block ended, 0 or 1.
    level: f32,
    /// Whether it is closed, and the latest number: for whoever wonders why nothing passes.
    shut: Arc<AtomicU64>,
    enters: Arc<AtomicU64>,
}

impl Processor<Gate> for Letting {
    fn process(&mut self, params: &Gate, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        // A parameter may have changed.
        self.turn(params, io, self.horizon.changed_at(io), Instant::now())?;
        while let Some(input) = io.take() {
            if input.is(OPEN) {
                let value = *input.read(OPEN)?;
                if !value.is_nan() {
                    self.open = value;
                }
                self.turn(params, io, input.packet.time, input.packet.captured)?;
            } else {
                self.pass(io, input.packet)?;
            }
        }
        self.horizon.reach(io);
        Ok(Flow::Continue)
    }
}

impl Letting {
    /// Opens or closes as number and parameters are at `time`; what made them so was captured then.
    fn turn(
        &mut self,
        params: &Gate,
        io: &mut Io<'_>,
        time: Time,
        captured: Instant,
    ) -> Result<(), NodeError> {
        self.is_high = is_high(self.is_high, self.open, params.threshold, params.hysteresis);
        let is_open = self.is_high != params.invert;
        self.shut.store((!is_open).into(), Ordering::Relaxed);
        // Less than nothing, and what is no number, counts as nothing.
        let thousandths = (self.open * 1_000.0).round() as u64;
        self.enters.store(thousandths, Ordering::Relaxed);
        if is_open == std::mem::replace(&mut self.was_open, is_open) {
            return Ok(());
        }
        let now = match (is_open, &self.latest) {
            (false, _) => self.sounding.end(time),
            (true, Some(latest)) => Some((time.max(latest.time), latest.payload.clone())),
            (true, None) => None,
        };
        let Some((time, payload)) = now else {
            return Ok(());
        };
        let packet = Packet {
            time,
            captured,
            payload,
        };
        io.send_packet(OUT.index(), packet)
    }

    fn pass(&mut self, io: &mut Io<'_>, mut packet: Packet) -> Result<(), NodeError> {
        let is_open = self.was_open;
        if let Payload::Audio(block) = &packet.payload {
            let level = f32::from(u8::from(is_open));
            let from = std::mem::replace(&mut self.level, level);
            packet.payload = Payload::Audio(faded(block, from, level));
            return io.send_packet(OUT.index(), packet);
        }
        if stands(&packet.payload) {
            self.latest = Some(packet.clone());
        }
        let is_notes = matches!(packet.payload, Payload::Notes(_) | Payload::Performance(_));
        if is_notes {
            let Some(payload) = self.sounding.pass(packet.time, packet.payload, is_open) else {
                return Ok(());
            };
            return io.send_packet(OUT.index(), Packet { payload, ..packet });
        }
        match is_open {
            true => io.send_packet(OUT.index(), packet),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{AudioBlock, Note, PortType, Time};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, events, numbers, told};

    fn gated(port_type: &PortType, fed: &[(Time, Payload)], open: &[(f64, f32)]) -> Outputs {
        alike(|| {
            Harness::<Gate>::new(json!({}))
                .feed("in", port_type.clone(), fed.to_vec(), at(10.0))
                .feed("open", PortType::Control, numbers(open), at(10.0))
        })
    }

    #[test]
    fn events_pass_while_it_is_open_and_no_others() {
        let fed: Vec<(f64, f32)> = (0..8).map(|n| (f64::from(n), 0.5)).collect();
        let open = [
            (1.0, 0.6),
            (2.5, 0.46),
            (3.0, 0.4),
            (5.0, f32::NAN),
            (6.0, 0.7),
        ];
        let outputs = gated(&PortType::Event, &events(&fed), &open);
        let times: Vec<i64> = told(&outputs, "out")
            .iter()
            .map(|(time, _)| time / 1000)
            .collect();
        assert_eq!(times, [1, 2, 6, 7]);
    }

    #[test]
    fn of_numbers_the_latest_passes_when_it_opens() {
        let fed = numbers(&[(0.0, 0.25), (4.0, 0.75)]);
        let outputs = gated(
            &PortType::Control,
            &fed,
            &[(1.0, 1.0), (2.0, 0.0), (3.0, 1.0)],
        );
        assert_eq!(
            told(&outputs, "out"),
            [(1000, 0.25), (3000, 0.25), (4000, 0.75)]
        );
    }

    fn on(pitch: u8) -> Note {
        Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        }
    }

    fn off(pitch: u8) -> Note {
        Note::Off { channel: 0, pitch }
    }

    fn notes(at_times: &[(f64, &[Note])]) -> Vec<(Time, Payload)> {
        let notes = at_times.iter();
        notes
            .map(|(seconds, notes)| (at(*seconds), Payload::Notes((*notes).into())))
            .collect()
    }

    #[test]
    fn notes_that_sound_when_it_closes_are_ended_and_none_hangs() {
        let fed = notes(&[
            (0.5, &[on(50)]),
            (1.5, &[off(50), on(60), on(64)]),
            (1.8, &[off(60)]),
            (2.5, &[off(64), on(67)]),
            (3.5, &[off(67), on(72)]),
            (4.5, &[off(72)]),
        ]);
        let outputs = gated(
            &PortType::Notes,
            &fed,
            &[(1.0, 1.0), (2.0, 0.0), (3.0, 1.0)],
        );
        let found: Vec<(f64, Vec<Note>)> = (outputs.packets("out").iter())
            .map(|packet| (packet.time.seconds(), packet.notes().unwrap().to_vec()))
            .collect();
        let wanted = [
            (1.5, vec![on(60), on(64)]),
            (1.8, vec![off(60)]),
            (2.0, vec![off(64)]),
            (3.5, vec![on(72)]),
            (4.5, vec![off(72)]),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn sound_fades_within_a_block_and_is_silent_while_the_gate_is_closed() {
        let block = || {
            Payload::Audio(Arc::new(AudioBlock {
                rate: 4,
                channels: 2,
                samples: vec![1.0; 8],
            }))
        };
        let fed: Vec<(Time, Payload)> = (0..4).map(|n| (at(f64::from(n)), block())).collect();
        let outputs = gated(&PortType::Audio, &fed, &[(1.0, 1.0), (3.0, 0.0)]);
        let found: Vec<Vec<f32>> = (outputs.packets("out").iter())
            .map(|packet| {
                packet
                    .audio()
                    .unwrap()
                    .samples
                    .iter()
                    .step_by(2)
                    .copied()
                    .collect()
            })
            .collect();
        let rising = [0.125, 0.375, 0.625, 0.875];
        let falling = [0.875, 0.625, 0.375, 0.125];
        assert_eq!(found, [[0.0; 4], rising, [1.0; 4], falling]);
    }

    #[test]
    fn inverted_it_is_open_until_the_number_is_high() {
        let fed: Vec<(f64, f32)> = (0..4).map(|n| (f64::from(n), 0.5)).collect();
        let outputs = alike(|| {
            Harness::<Gate>::new(json!({ "invert": true }))
                .feed("in", PortType::Event, events(&fed), at(10.0))
                .feed(
                    "open",
                    PortType::Control,
                    numbers(&[(1.0, 1.0), (3.0, 0.0)]),
                    at(10.0),
                )
        });
        let times: Vec<i64> = told(&outputs, "out")
            .iter()
            .map(|(time, _)| time / 1000)
            .collect();
        assert_eq!(times, [0, 3]);
    }

    #[test]
    fn a_hand_counts_at_once_whether_anything_comes_or_not() {
        let fed = notes(&[(0.5, &[on(60)]), (5.0, &[off(60)])]);
        let gate = |port_type: PortType, fed: Vec<(Time, Payload)>| {
            Harness::<Gate>::new(json!({}))
                .feed("in", port_type, fed, at(10.0))
                .feed("open", PortType::Control, numbers(&[(0.0, 0.6)]), at(10.0))
        };
        let closed = gate(PortType::Notes, fed).set_live(at(2.0), "threshold", 0.8);
        let outputs = closed.play_live().unwrap();
        let ended = &outputs.packets("out")[1];
        assert_eq!(
            (ended.time, ended.notes().unwrap().to_vec()),
            (at(2.0), vec![off(60)])
        );
        // Whoever wonders why nothing passes sees it.
        let figures = ["shut", "enters_thousandths"].map(|name| outputs.counter(name));
        assert_eq!(figures, [1, 600]);
        let fed = numbers(&[(0.0, 0.25)]);
        let opened = gate(PortType::Control, fed)
            .set_live(at(2.0), "invert", true)
            .set_live(at(3.0), "threshold", 0.9);
        let outputs = opened.play_live().unwrap();
        assert_eq!(told(&outputs, "out"), [(0, 0.25), (3000, 0.25)]);
    }
}
