//! Listens to a MIDI port.

use std::collections::BTreeSet;
use std::time::Duration;

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Note, Param, ParamType, Payload, Port,
    PortType, Processor, Time,
};
use serde::Deserialize;

use super::inlet::{Arrival, Inlet};
use super::message::{Meaning, Message};

const NOTES: usize = 0;

/// How many controllers have an output.
const CONTROLS: usize = 8;

/// How long one call waits for a message: short enough to end at once when the run does.
const PATIENCE: Duration = Duration::from_millis(50);

/// `midi_in`.
#[derive(Deserialize)]
pub(crate) struct MidiIn {
    port: String,
    channel: Option<u8>,
    controls: Vec<u8>,
    required: bool,
}

impl Node for MidiIn {
    fn descriptor() -> Descriptor {
        let number = ParamType::Integer { min: 0, max: 119 };
        let descriptor = Descriptor::new("midi", "midi_in", "Listens to a MIDI port")
            .example(
                r#"nodes: {
                    "keys": midi_in(port: "virtual"),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["keys.notes -> piano -> sound"]"#,
            )
            .details(
                "Only in a live run. Each message has the time at which it came. `port` is as in `midi_out`, for \
                 ports that send. Of the controllers in `controls` the first comes out of `control_1`, and so on, as \
                 0 to 1. When the port goes away, the notes that sound are ended.",
            )
            .output(Port::new("notes", PortType::Notes, "what is played"))
            .param(Param::text("port", "the port, as `score devices` prints it, `virtual`, or `JACK`"))
            .param(
                Param::integer("channel", (0, 15), "listen to this MIDI channel alone, counted from 0")
                    .optional(),
            )
            .param(
                Param::list("controls", number, "up to 8 MIDI controllers that have an output")
                    .default(Vec::<u8>::new()),
            )
            .param(Param::flag("required", "do not start without the port").default(false));
        (1..=CONTROLS).fold(descriptor, |descriptor, number| {
            descriptor.output(Port::new(
                format!("control_{number}"),
                PortType::Control,
                format!("controller {number} of `controls`"),
            ))
        })
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.controls.len() > CONTROLS {
            check.refuse(
                "controls",
                format!("there are outputs for {CONTROLS} controllers only"),
                Some("a second `midi_in` can listen to the same port".to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Listening {
            inlet: Inlet::open(build, "midi_in", &self.port, self.required)?,
            ear: Ear {
                channel: self.channel,
                controls: self.controls.clone(),
                sounding: BTreeSet::new(),
            },
        }))
    }
}

struct Listening {
    inlet: Inlet,
    ear: Ear,
}

impl Processor for Listening {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        match io.idle(|| self.inlet.next(PATIENCE)) {
            Arrival::Message(timed) => {
                if let Some((port, payload)) = self.ear.hear(timed.message) {
                    io.send_captured_now(port, timed.time, payload)?;
                }
            }
            Arrival::Gone => self.end_all(io)?,
            Arrival::Nothing => {}
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.end_all(io)
    }
}

impl Listening {
    fn end_all(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let now: Time = io.now();
        match self.ear.silence(None) {
            Some(notes) => io.send_captured_now(NOTES, now, notes),
            None => Ok(()),
        }
    }
}

/// Which messages matter, and what sounds.
struct Ear {
    channel: Option<u8>,
    controls: Vec<u8>,
    sounding: BTreeSet<(u8, u8)>,
}

impl Ear {
    /// The output and what comes out of it.
    fn hear(&mut self, message: Message) -> Option<(usize, Payload)> {
        let wanted = |channel: u8| self.channel.is_none_or(|wanted| wanted == channel);
        match message.meaning()? {
            Meaning::Note(note) if wanted(note.channel()) => {
                let key = (note.channel(), note.pitch());
                match note {
                    Note::On { .. } => self.sounding.insert(key),
                    Note::Off { .. } => self.sounding.remove(&key),
                };
                Some((NOTES, Payload::Notes([note].into())))
            }
            Meaning::Silence(channel) if wanted(channel) => {
                Some((NOTES, self.silence(Some(channel))?))
            }
            Meaning::Control {
                channel,
                number,
                value,
            } if wanted(channel) => {
                let place = self.controls.iter().position(|wanted| *wanted == number)?;
                Some((1 + place, Payload::Control(value)))
            }
            _ => None,
        }
    }

    /// The ends of all notes that sound, of one channel or of all.
    fn silence(&mut self, of: Option<u8>) -> Option<Payload> {
        let ends: Vec<Note> = self
            .sounding
            .iter()
            .filter(|(channel, _)| of.is_none_or(|of| of == *channel))
            .map(|(channel, pitch)| Note::Off {
                channel: *channel,
                pitch: *pitch,
            })
            .collect();
        self.sounding
            .retain(|(channel, _)| of.is_some_and(|of| of != *channel));
        (!ends.is_empty()).then(|| Payload::Notes(ends.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ear(channel: Option<u8>) -> Ear {
        Ear {
            channel,
            controls: vec![7, 1],
            sounding: BTreeSet::new(),
        }
    }

    fn on(channel: u8, pitch: u8) -> Message {
        Message::note(Note::On {
            channel,
            pitch,
            velocity: 0.5,
        })
    }

    #[test]
    fn notes_and_chosen_controllers_come_out_where_they_belong() {
        let mut ear = ear(Some(2));
        assert!(matches!(ear.hear(on(2, 60)), Some((NOTES, _))));
        assert!(ear.hear(on(3, 60)).is_none());
        let heard = ear.hear(Message::control(2, 1, 1.0));
        assert!(matches!(heard, Some((2, Payload::Control(value))) if value == 1.0));
        assert!(ear.hear(Message::control(2, 9, 1.0)).is_none());
    }

    #[test]
    fn what_sounds_is_ended_when_the_port_goes_or_says_all_notes_off() {
        let mut ear = ear(None);
        for message in [on(0, 60), on(0, 64), on(1, 50)] {
            ear.hear(message);
        }
        let count = |payload: Option<Payload>| match payload {
            Some(Payload::Notes(notes)) => notes.len(),
            _ => 0,
        };
        let (_, ended) = ear.hear(Message::all_notes_off(0)).unwrap();
        assert_eq!(count(Some(ended)), 2);
        assert_eq!(count(ear.silence(None)), 1);
        assert_eq!(count(ear.silence(None)), 0);
    }
}
