//! Puts sound into a room.

use score_engine::{
    AudioBlock, Build, Descriptor, InputPort, Node, NodeError, OutputPort, Params, Processor,
    Transport,
};

use super::super::ramp::{Ramp, glide};
use super::super::reverb::Reverb;
use super::{Effect, Mixing};

/// How long a room of another size takes to come in place of the one before, in seconds.
const EXCHANGE: f32 = 0.5;

/// `reverb`.
#[derive(Clone, Params)]
pub(crate) struct Room {
    /// size of the room; 1 is that of the synth
    #[param(live, range = 0.1..=4.0, span = 0.3..=3.0, log, default = 1.0)]
    size: f64,
    /// time to fall silent by 60 dB
    #[param(live, range = 0.1..=60.0, span = 0.3..=10.0, log, unit = "s", default = 1.8)]
    decay: f64,
    /// share of the room: 0 is only the dry sound, 1 only the room
    #[param(live, range = 0.0..=1.0, default = 0.25)]
    mix: f64,
}

impl Node for Room {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("audio", "reverb", "Puts sound into a room")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "glass": synth(voice: glass),
                    "room": reverb(size: 1.8, decay: 3.0, mix: 0.3),
                    "sound": audio_file(path: "in_a_room.wav"),
                },
                wires: ["tune -> glass -> room -> sound"]"#,
            )
            .details(
                "The synth's own room as a node, for any sound. Stereo. `size` sets the distance \
                 of the walls, and with it how dense the echoes are; `decay` sets how long they \
                 last. A room of another size replaces the one before within half a second. The \
                 sound lasts as long as what comes in: what still rings at the end of a render \
                 fades there.",
            )
            .input(Rooms::SOUND)
            .output(Rooms::MIXED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let rooms = Rooms::new(self, build.transport);
        Ok(Box::new(Mixing::new(rooms, self, build)))
    }
}

/// The room, and while it changes its size the one before.
struct Rooms {
    room: Reverb,
    /// The room before, and how much of it is heard.
    before: Option<(Reverb, Ramp)>,
    /// The requested size and decay.
    size: f32,
    decay: f32,
    rate: u32,
    /// Frames in which a new decay is reached.
    glide: u32,
}

impl Rooms {
    fn new(params: &Room, transport: &Transport) -> Self {
        let (size, decay) = (params.size as f32, params.decay as f32);
        let (rate, glide) = (transport.sample_rate, glide(transport));
        Rooms {
            room: Reverb::sized(rate, size, decay, glide),
            before: None,
            size,
            decay,
            rate,
            glide,
        }
    }

    /// Goes over to a room of the requested size. It begins in silence and fills while the other
    /// fades.
    fn exchange(&mut self) {
        let room = Reverb::sized(self.rate, self.size, self.decay, self.glide);
        let before = std::mem::replace(&mut self.room, room);
        let mut share = Ramp::new(1.0, (EXCHANGE * self.rate as f32) as u32);
        share.set(0.0);
        self.before = Some((before, share));
    }
}

impl Effect for Rooms {
    type Kind = Room;

    const SOUND: InputPort<AudioBlock> = InputPort::new(0, "sound", "the sound");

    const MIXED: OutputPort<AudioBlock> = OutputPort::new(0, "sound", "the sound in its room");

    fn hear(&mut self, frame: [f32; 2]) -> [f32; 2] {
        if self.before.is_none() && self.room.size() != self.size {
            self.exchange();
        }
        let heard = self.room.answer(frame);
        let Some((room, share)) = &mut self.before else {
            return heard;
        };
        let before = room.answer(frame);
        let level = share.next();
        if share.is_at(0.0) {
            self.before = None;
        }
        [heard[0] + level * before[0], heard[1] + level * before[1]]
    }

    fn mix(params: &Room) -> f64 {
        params.mix
    }

    fn changed(&mut self, params: &Room, _transport: &Transport) {
        (self.size, self.decay) = (params.size as f32, params.decay as f32);
        self.room.set_decay(self.decay);
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::super::super::reverb::DECAY;
    use super::*;
    use crate::audio::test_sound::{at, blocks, largest_step, left, one_frame, sine};

    fn ring(params: Value) -> Vec<f32> {
        let outputs = Harness::<Room>::new(params)
            .feed(
                "sound",
                PortType::Audio,
                blocks(&one_frame(96_000)),
                at(2.0),
            )
            .run()
            .unwrap();
        left(&outputs)
    }

    fn energy(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum()
    }

    #[test]
    fn the_default_decay_is_the_synths() {
        let param = Room::descriptor()
            .params
            .into_iter()
            .find(|param| param.name == "decay");
        let default = param
            .and_then(|param| param.default)
            .and_then(|value| value.as_f64());
        assert_eq!(default.map(|decay| decay as f32), Some(DECAY));
    }

    #[test]
    fn the_room_rings_as_long_as_its_decay_and_its_first_echo_as_late_as_it_is_large() {
        for (size, decay) in [(1.0, 1.0), (0.5, 0.5), (2.0, 2.0)] {
            let heard = ring(json!({ "size": size, "decay": decay, "mix": 1.0 }));
            let first = heard.iter().position(|sample| *sample != 0.0).unwrap();
            let expected = (0.0297 * size * 48_000.0) as usize + 1;
            assert!(first.abs_diff(expected) <= 1, "{first}, not {expected}");
            // In half of its decay it falls by 30 dB; the walls' dullness takes more of the high
            // tones.
            let tenth = 4_800;
            let late = (0.6 * decay * 48_000.0) as usize;
            let early = (0.1 * decay * 48_000.0) as usize;
            let fallen = 10.0
                * (energy(&heard[early..early + tenth]) / energy(&heard[late..late + tenth]))
                    .log10();
            assert!((25.0..60.0).contains(&fallen), "{fallen} dB at size {size}");
        }
    }

    /// Nothing is heard in the rooms for so many frames.
    fn rest(rooms: &mut Rooms, frames: u32) {
        for _ in 0..frames {
            rooms.hear([0.0; 2]);
        }
    }

    #[test]
    fn a_room_of_another_size_takes_the_place_of_the_one_before() {
        let mut params = Room {
            size: 0.5,
            decay: 1.0,
            mix: 1.0,
        };
        let transport = Transport::default();
        let mut rooms = Rooms::new(&params, &transport);
        params.size = 2.0;
        rooms.changed(&params, &transport);
        // Asked for while the exchange goes on, it waits for its end.
        rooms.hear([0.0; 2]);
        params.size = 3.0;
        rooms.changed(&params, &transport);
        rest(&mut rooms, 23_999);
        assert!(rooms.before.is_none() && rooms.room.size() == 2.0);
        rest(&mut rooms, 24_000);
        let mut wanted = Reverb::sized(48_000, 3.0, 1.0, 512);
        for frame in [1.0].into_iter().chain([0.0; 40_000]) {
            assert_eq!(rooms.hear([frame; 2]), wanted.answer([frame; 2]));
        }
    }

    #[test]
    fn nothing_that_changes_while_it_plays_clicks() {
        let sound = sine(96_000);
        let outputs = Harness::<Room>::new(json!({ "mix": 1.0 }))
            .feed("sound", PortType::Audio, blocks(&sound), at(2.0))
            .set_live(at(0.5), "decay", 0.2)
            .set_live(at(0.8), "decay", 20.0)
            .set_live(at(0.9), "size", 2.5)
            .set_live(at(0.95), "size", 0.2)
            .set_live(at(1.0), "mix", 0.0)
            .set_live(at(1.5), "mix", 0.5)
            .play_live()
            .unwrap();
        let heard = left(&outputs);
        let calm = largest_step(&heard[12_000..24_000]).max(largest_step(&sound));
        let step = largest_step(&heard[12_000..]);
        assert!(step < 3.0 * calm + 2.0 / 512.0, "{step}, in calm {calm}");
    }
}
