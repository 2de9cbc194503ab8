//! Turns events into hits of a drum or another key.

use std::collections::VecDeque;

use score_engine::{
    Build, Control, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError, Note,
    OutputPort, Params, Processor, Time, Transport, Watermark,
};

const EVENTS: InputPort<Event> = InputPort::new(0, "events", "what happens");
const HITS: OutputPort<Note> = OutputPort::new(0, "notes", "the hits");
const LEVEL: OutputPort<Control> = OutputPort::new(
    1,
    "level",
    "how hard the latest hit was, until its key comes up",
);

/// `accent`.
#[derive(Clone, Params)]
pub(crate) struct Accent {
    /// key of the hit
    #[param(live, range = 0..=127, default = 49)]
    pitch: u8,
    /// MIDI channel; 9 is drums
    #[param(live, range = 0..=15, default = 9)]
    channel: u8,
    /// how hard an event of full strength is struck
    #[param(live, range = 0.01..=1.0, default = 1.0)]
    velocity: f64,
    /// how much the strength counts
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    dynamics: f64,
    /// time until the key comes up
    #[param(live, range = 0.001..=60.0, span = 0.02..=2.0, log, default = Length::Seconds(0.1))]
    length: Length,
}

impl Node for Accent {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "control",
            "accent",
            "Makes a hit of everything that happens",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4"),
                    "cuts": cut_detector(),
                    "hit": accent(pitch: 49),
                    "drums": synth(voice: drum_kit),
                    "sound": audio_file(path: "cuts.wav"),
                },
                wires: ["film -> cuts.frames", "cuts.cut -> hit -> drums -> sound"]"#,
        )
        .details(
            "An event becomes a note at once, at its own time and on no beat; live, at the \
             time at which it is known. An event of strength 1 plays with `velocity`, a weaker \
             one softer by as much as `dynamics` says: 0 plays all alike, 1 in proportion. A \
             key that is still down is struck again. On channel 9, the tenth, `pitch` is a \
             drum of General MIDI's percussion map: 36 bass drum, 38 snare, 39 clap, 49 crash, \
             56 cowbell; `scale`, `transpose` and `chord` leave drums as they are, so a key for them \
             needs another `channel`. `level` is the velocity while a key is down and else 0: through \
             `midi_out`'s `controls` the event is a MIDI controller.",
        )
        .input(EVENTS)
        .output(HITS)
        .output(LEVEL)
        .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Striking {
            length: self.length.at(build.transport),
            known: Time::ZERO,
            down: VecDeque::new(),
        }))
    }
}

/// A key that is down.
#[derive(Clone, Copy)]
struct Held {
    until: Time,
    channel: u8,
    pitch: u8,
}

struct Striking {
    length: Time,
    /// Up to where everything was known at the last call.
    known: Time,
    /// Keys that are down, the one to come up first at the front.
    down: VecDeque<Held>,
}

impl Processor<Accent> for Striking {
    fn process(&mut self, params: &Accent, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let strength = f64::from(input.read(EVENTS)?.strength);
            self.strike(params, io, input.heard, strength)?;
        }
        // Once nothing more comes, `finish` knows the end that is meant.
        if let Watermark::At(known) = io.reached() {
            self.known = known;
            self.release(io, known)?;
        }
        Ok(self
            .down
            .front()
            .map_or(Flow::Continue, |held| Flow::WakeAt(held.until)))
    }

    fn finish(&mut self, _params: &Accent, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO).max(self.known);
        self.release(io, end)?;
        let struck = !self.down.is_empty();
        while let Some(held) = self.down.pop_front() {
            send(io, end, off(held))?;
        }
        match struck {
            true => io.send(LEVEL, end, 0.0),
            false => Ok(()),
        }
    }

    fn earliest_pending(&self) -> Option<Time> {
        // A key that is down when the events end comes up with their end.
        self.down.front().map(|held| held.until.min(self.known))
    }

    fn changed(&mut self, params: &Accent, transport: &Transport) -> Result<(), NodeError> {
        self.length = params.length.at(transport);
        Ok(())
    }
}

impl Striking {
    /// Strikes the key at `time`, after every key that comes up by then, this one among them.
    fn strike(
        &mut self,
        params: &Accent,
        io: &mut Io<'_>,
        time: Time,
        strength: f64,
    ) -> Result<(), NodeError> {
        self.release(io, time)?;
        let (channel, pitch) = (params.channel, params.pitch);
        let same = |held: &Held| (held.channel, held.pitch) == (channel, pitch);
        if let Some(held) = self.down.iter().position(same) {
            self.down.remove(held);
            send(io, time, Note::Off { channel, pitch })?;
        }
        // What is not a number counts as 0, and a velocity of zero would be a key that comes up.
        let strength = if strength.is_nan() { 0.0 } else { strength };
        let weakness = 1.0 - strength.clamp(0.0, 1.0);
        let velocity = (params.velocity * (1.0 - params.dynamics * weakness)).max(0.01) as f32;
        let on = Note::On {
            channel,
            pitch,
            velocity,
        };
        send(io, time, on)?;
        io.send(LEVEL, time, velocity)?;
        let held = Held {
            until: time + self.length,
            channel,
            pitch,
        };
        let place = self.down.partition_point(|other| other.until <= held.until);
        self.down.insert(place, held);
        Ok(())
    }

    /// Lets up every key whose time has come by `time`.
    fn release(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        while let Some(held) = self.down.front().copied().filter(|held| held.until <= time) {
            self.down.pop_front();
            send(io, held.until, off(held))?;
            if self.down.is_empty() {
                io.send(LEVEL, held.until, 0.0)?;
            }
        }
        Ok(())
    }
}

fn off(held: Held) -> Note {
    Note::Off {
        channel: held.channel,
        pitch: held.pitch,
    }
}

fn send(io: &mut Io<'_>, time: Time, note: Note) -> Result<(), NodeError> {
    io.send(HITS, time, vec![note])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType};
    use serde_json::json;

    use super::super::test_pictures::at;
    use super::*;

    fn event(strength: f32) -> Payload {
        Payload::Event(Arc::new(Event {
            name: "cut".into(),
            strength,
        }))
    }

    /// Milliseconds, and the velocity in hundredths or 0 for a key that comes up.
    fn told(outputs: &Outputs) -> Vec<(i64, i32)> {
        let packets = outputs.packets("notes").iter();
        packets
            .map(|packet| {
                let milliseconds = packet.time.nanos() / 1_000_000;
                match packet.notes().unwrap()[0] {
                    Note::On {
                        channel: 9,
                        pitch: 49,
                        velocity,
                    } => (milliseconds, (velocity * 100.0).round() as i32),
                    Note::Off {
                        channel: 9,
                        pitch: 49,
                    } => (milliseconds, 0),
                    other => panic!("{other:?}"),
                }
            })
            .collect()
    }

    #[test]
    fn an_event_is_a_hit_at_its_own_time_and_strength_and_every_key_comes_up() {
        let events = vec![
            (at(0.123), event(1.0)),
            (at(0.173), event(0.5)),
            (at(0.95), event(f32::NAN)),
        ];
        let outputs = Harness::<Accent>::new(json!({}))
            .feed("events", PortType::Event, events, at(1.0))
            .run()
            .unwrap();
        // The second strikes a key that is down; the last comes up with the end of the film.
        let wanted = [
            (123, 100),
            (173, 0),
            (173, 75),
            (273, 0),
            (950, 50),
            (1000, 0),
        ];
        assert_eq!(told(&outputs), wanted);
        assert_eq!(outputs.end("notes"), Some(at(1.0)));
        let levels = outputs.packets("level").iter();
        let levels: Vec<(i64, f32)> = levels
            .map(|packet| (packet.time.nanos() / 1_000_000, *packet.control().unwrap()))
            .collect();
        let wanted = [(123, 1.0), (173, 0.75), (273, 0.0), (950, 0.5), (1000, 0.0)];
        assert_eq!(
            levels, wanted,
            "a controller that rises and falls with the hits"
        );
    }

    #[test]
    fn live_a_hit_goes_out_at_once_and_its_key_comes_up_by_the_clock() {
        let events = vec![
            (at(0.5), at(0.46), event(1.0)),
            (at(2.0), at(1.96), event(1.0)),
        ];
        let outputs = Harness::<Accent>::new(json!({ "length": { "beats": 0.5 } }))
            .feed_live("events", PortType::Event, events, at(2.1))
            .set_live(at(1.0), "velocity", 0.5)
            .play_live()
            .unwrap();
        assert_eq!(
            told(&outputs),
            [(500, 100), (750, 0), (2000, 50), (2100, 0)]
        );
        assert_eq!(outputs.sent("notes"), [at(0.5), at(0.75), at(2.0), at(2.1)]);
    }

    #[test]
    fn a_length_in_beats_lasts_as_long_as_the_tempo_says_from_the_next_hit_on() {
        let events = vec![
            (at(0.5), at(0.5), event(1.0)),
            (at(2.0), at(2.0), event(1.0)),
        ];
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        let outputs = Harness::<Accent>::new(json!({ "length": { "beats": 1 } }))
            .feed_live("events", PortType::Event, events, at(4.0))
            .retime(at(0.75), slow)
            .play_live()
            .unwrap();
        assert_eq!(
            told(&outputs),
            [(500, 100), (1000, 0), (2000, 100), (3000, 0)]
        );
    }
}
