//! Lets one of several streams through.

use score_engine::{
    Anything, AudioBlock, Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError,
    OutputPort, Packet, Params, Payload, Processor, Time,
};

use super::passing::{Sounding, faded, stands};

// What chooses stands first: of what comes at one time it counts before the rest.
const CHOOSE: InputPort<Control> =
    InputPort::new(0, "choose", "0 to 1: from the first wire to the last").by_name();
const IN: InputPort<Anything> = InputPort::new(1, "in", "what is chosen from").many();
const OUT: OutputPort<Anything> = OutputPort::new(0, "out", "the one that is chosen");

/// Blocks of sound that the old wire may miss before the new one is heard without its fading.
const PATIENCE: i64 = 2;

/// `switch`.
#[derive(Clone, Params)]
pub(crate) struct Switch {
    /// how far beyond a boundary the number must go, as a share of a wire's part
    #[param(live, range = 0.0..=0.5, default = 0.05)]
    hysteresis: f64,
}

impl Node for Switch {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("flow", "switch", "Lets one of several streams through, as a number chooses")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "light": brightness(),
                    "calm": scale_walk(scale: minor_pentatonic, tonic: 45),
                    "bright": scale_walk(scale: pentatonic, tonic: 57),
                    "still": curve(low: 0.3, high: 0.3),
                    "either": switch(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> light -> still -> calm -> either -> notes",
                    "still -> bright -> either",
                    "light -> either.choose",
                ]"#,
            )
            .details(
                "For every type; all wires bring the same. The range from 0 to 1 is divided among them in equal parts, in \
                 the order of the patch, and the first passes until `choose` says something else. Notes that sound on the \
                 old wire are ended. Sound fades out for a block and in for another. Of numbers, latents and pictures the \
                 latest of the new wire passes at once.",
            )
            .input(CHOOSE)
            .input(IN)
            .output(OUT)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Choosing {
            current: 0,
            wanted: 0,
            latest: vec![None; build.wires(IN)],
            sounding: Sounding::default(),
            heard: Time::ZERO,
            begins: false,
        }))
    }
}

struct Choosing {
    /// The wire that passes.
    current: usize,
    /// The one that is to pass: with sound it waits for the old one's last block.
    wanted: usize,
    /// The latest of each wire, where that holds until the next.
    latest: Vec<Option<Packet>>,
    sounding: Sounding,
    /// Up to where sound was sent.
    heard: Time,
    /// Whether the wire's next block fades in.
    begins: bool,
}

impl Processor<Switch> for Choosing {
    fn process(&mut self, params: &Switch, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(CHOOSE) {
                let value = f64::from(*input.read(CHOOSE)?);
                let chosen = self.chosen(value, params.hysteresis);
                if chosen != std::mem::replace(&mut self.wanted, chosen) {
                    self.go_over(io, &input.packet)?;
                }
            } else {
                self.pass(io, input.wire, input.packet)?;
            }
        }
        Ok(Flow::Continue)
    }
}

impl Choosing {
    /// The wire that `value` chooses.
    fn chosen(&self, value: f64, hysteresis: f64) -> usize {
        let count = self.latest.len().max(1);
        let place = value.clamp(0.0, 1.0) * count as f64;
        let stays = self.wanted as f64 - hysteresis..self.wanted as f64 + 1.0 + hysteresis;
        match value.is_nan() || stays.contains(&place) {
            true => self.wanted,
            false => (place as usize).min(count - 1),
        }
    }

    /// Lets the wanted wire through from the time of `packet` on.
    fn go_over(&mut self, io: &mut Io<'_>, packet: &Packet) -> Result<(), NodeError> {
        if self.heard > Time::ZERO {
            // Sound goes over between two blocks.
            return Ok(());
        }
        self.current = self.wanted;
        if let Some((time, payload)) = self.sounding.end(packet.time) {
            let captured = packet.captured;
            io.send_packet(
                OUT.index(),
                Packet {
                    time,
                    captured,
                    payload,
                },
            )?;
        }
        match self.latest.get(self.current) {
            Some(Some(latest)) => io.send_packet(
                OUT.index(),
                Packet {
                    time: packet.time.max(latest.time),
                    captured: packet.captured,
                    payload: latest.payload.clone(),
                },
            ),
            _ => Ok(()),
        }
    }

    fn pass(&mut self, io: &mut Io<'_>, wire: usize, packet: Packet) -> Result<(), NodeError> {
        if let Payload::Audio(block) = &packet.payload {
            let Some((from, to)) = self.fades(wire, packet.time, block) else {
                return Ok(());
            };
            let payload = Payload::Audio(faded(block, from, to));
            return io.send_packet(OUT.index(), Packet { payload, ..packet });
        }
        if stands(&packet.payload)
            && let Some(latest) = self.latest.get_mut(wire)
        {
            *latest = Some(packet.clone());
        }
        if wire != self.current {
            return Ok(());
        }
        match self.sounding.pass(packet.time, packet.payload, true) {
            Some(payload) => io.send_packet(OUT.index(), Packet { payload, ..packet }),
            None => Ok(()),
        }
    }

    /// From which level to which a block of sound passes; `None`: it does not.
    fn fades(&mut self, wire: usize, time: Time, block: &AudioBlock) -> Option<(f32, f32)> {
        let length = Time::from_samples(block.frames() as u64, block.rate);
        if wire != self.current {
            let silent = Time::from_nanos(length.nanos().saturating_mul(PATIENCE));
            let is_late = self.wanted == wire && time >= self.heard + silent;
            if !is_late && self.heard > Time::ZERO {
                return None;
            }
            if wire != self.wanted {
                return None;
            }
            (self.current, self.begins) = (wire, true);
        }
        if time < self.heard {
            return None;
        }
        self.heard = time + length;
        let from = if std::mem::take(&mut self.begins) {
            0.0
        } else {
            1.0
        };
        if self.current == self.wanted {
            return Some((from, 1.0));
        }
        (self.current, self.begins) = (self.wanted, true);
        Some((from, 0.0))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Note, PortType};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, events, numbers, told};

    fn switched(
        port_type: &PortType,
        wires: &[Vec<(Time, Payload)>],
        choose: &[(f64, f32)],
    ) -> Outputs {
        alike(|| {
            let harness = Harness::<Switch>::new(json!({}));
            let harness = harness.feed("choose", PortType::Control, numbers(choose), at(10.0));
            wires.iter().fold(harness, |harness, fed| {
                harness.feed("in", port_type.clone(), fed.clone(), at(10.0))
            })
        })
    }

    #[test]
    fn the_chosen_wire_passes_and_the_boundary_does_not_flutter() {
        let wire = |strength: f32| -> Vec<(f64, f32)> {
            (0..8).map(|n| (f64::from(n), strength)).collect()
        };
        let wires = [events(&wire(0.1)), events(&wire(0.2)), events(&wire(0.3))];
        let choose = [
            (1.0, 0.5),
            (3.0, 0.67),
            (4.0, 1.0),
            (5.0, f32::NAN),
            (6.0, f32::NEG_INFINITY),
        ];
        let outputs = switched(&PortType::Event, &wires, &choose);
        let found: Vec<f32> = told(&outputs, "out")
            .into_iter()
            .map(|(_, from)| from)
            .collect();
        // 0.67 lies beyond the boundary by less than the hysteresis.
        assert_eq!(found, [0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.1, 0.1]);
    }

    #[test]
    fn of_numbers_the_latest_of_the_new_wire_passes_at_once() {
        let wires = [numbers(&[(0.0, 0.25), (5.0, 0.5)]), numbers(&[(1.0, 0.75)])];
        let outputs = switched(&PortType::Control, &wires, &[(2.0, 1.0), (4.0, 0.0)]);
        let wanted = [(0, 0.25), (2000, 0.75), (4000, 0.25), (5000, 0.5)];
        assert_eq!(told(&outputs, "out"), wanted);
    }

    #[test]
    fn notes_of_the_old_wire_are_ended() {
        let on = |pitch| Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        };
        let off = |pitch| Note::Off { channel: 0, pitch };
        let wire = |pitch: u8| -> Vec<(Time, Payload)> {
            let notes = [
                (0.0, on(pitch)),
                (3.0, off(pitch)),
                (4.0, on(pitch + 1)),
                (5.0, off(pitch + 1)),
            ];
            notes
                .map(|(time, note)| (at(time), Payload::Notes([note].into())))
                .to_vec()
        };
        let outputs = switched(&PortType::Notes, &[wire(40), wire(60)], &[(1.0, 1.0)]);
        let found: Vec<(f64, Note)> = (outputs.packets("out").iter())
            .map(|packet| (packet.time.seconds(), packet.notes().unwrap()[0]))
            .collect();
        assert_eq!(
            found,
            [(0.0, on(40)), (1.0, off(40)), (4.0, on(61)), (5.0, off(61))]
        );
    }

    #[test]
    fn sound_fades_out_for_a_block_and_in_for_another() {
        let wire = |sample: f32| -> Vec<(Time, Payload)> {
            let block = move || AudioBlock {
                rate: 2,
                channels: 1,
                samples: vec![sample; 2],
            };
            let blocks = (0..6).map(|n| (at(f64::from(n)), Payload::Audio(Arc::new(block()))));
            blocks.collect()
        };
        let mut stops = wire(1.0);
        stops.truncate(5);
        let choose = [(1.5, 1.0), (3.5, 0.0)];
        let outputs = switched(&PortType::Audio, &[stops, wire(-1.0)], &choose);
        let found: Vec<(f64, Vec<f32>)> = (outputs.packets("out").iter())
            .map(|packet| {
                (
                    packet.time.seconds(),
                    packet.audio().unwrap().samples.clone(),
                )
            })
            .collect();
        let wanted = [
            (0.0, vec![1.0, 1.0]),
            (1.0, vec![1.0, 1.0]),
            (2.0, vec![0.75, 0.25]),
            (3.0, vec![-0.25, -0.75]),
            (4.0, vec![-0.75, -0.25]),
        ];
        assert_eq!(found, wanted);
    }
}
