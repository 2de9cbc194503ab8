//! Listens to a MIDI port.

use std::time::Duration;

use score_engine::{
    Build, ChannelChange, Check, Descriptor, Flow, Io, Node, NodeError, Note, Param, ParamType,
    Payload, Performance, Port, PortType, Processor, Time,
};
use serde::Deserialize;

use super::inlet::{Arrival, Inlet};
use super::message::{Meaning, Message};
use crate::midi::keyboard::{Keyboard, is_about_ends};

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
                 0 to 1. Pedals hold notes as they hold a piano's, and the messages that end all notes are followed. \
                 Other controllers and pitch bend travel with the notes, but for those in `controls`. When the port \
                 goes away, or at JACK something that was connected to it, the notes that sound are ended.",
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
                keyboard: Keyboard::default(),
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
                for (port, payload) in self.ear.hear(timed.message) {
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
        match self.ear.keyboard.silence(None) {
            ends if ends.is_empty() => Ok(()),
            ends => io.send_captured_now(NOTES, now, Payload::Notes(ends.into())),
        }
    }
}

/// Which messages matter, and what sounds.
struct Ear {
    channel: Option<u8>,
    controls: Vec<u8>,
    keyboard: Keyboard,
}

impl Ear {
    /// The outputs and what comes out of them.
    fn hear(&mut self, message: Message) -> Vec<(usize, Payload)> {
        let wanted = |channel: u8| self.channel.is_none_or(|wanted| wanted == channel);
        let notes = |notes: Vec<Note>| match notes.is_empty() {
            true => Vec::new(),
            false => vec![(NOTES, Payload::Notes(notes.into()))],
        };
        match message.meaning() {
            Some(Meaning::Note(note)) if wanted(note.channel()) => {
                let (channel, pitch) = (note.channel(), note.pitch());
                let off = Note::Off { channel, pitch };
                match note {
                    Note::On { .. } if self.keyboard.down(channel, pitch) => notes(vec![off, note]),
                    Note::On { .. } => notes(vec![note]),
                    Note::Off { .. } if self.keyboard.up(channel, pitch) => notes(vec![off]),
                    Note::Off { .. } => Vec::new(),
                }
            }
            Some(Meaning::Controller {
                channel,
                number,
                value,
            }) if wanted(channel) => {
                let mut heard = notes(self.keyboard.control(channel, number, value));
                let place = self.controls.iter().position(|wanted| *wanted == number);
                let value = f32::from(value) / 127.0;
                let change = ChannelChange::Controller {
                    channel,
                    number,
                    value,
                };
                match place {
                    Some(place) => heard.push((1 + place, Payload::Control(value))),
                    None if is_about_ends(number) => {}
                    None => heard.push((NOTES, changed(change))),
                }
                heard
            }
            Some(Meaning::Change(change)) if wanted(change.channel()) => {
                vec![(NOTES, changed(change))]
            }
            _ => Vec::new(),
        }
    }
}

fn changed(change: ChannelChange) -> Payload {
    Payload::Performance(
        Performance {
            changes: vec![change],
            notes: [].into(),
        }
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ear(channel: Option<u8>) -> Ear {
        Ear {
            channel,
            controls: vec![7, 1],
            keyboard: Keyboard::default(),
        }
    }

    fn on(channel: u8, pitch: u8) -> Message {
        Message::note(Note::On {
            channel,
            pitch,
            velocity: 0.5,
        })
    }

    fn off(channel: u8, pitch: u8) -> Message {
        Message::note(Note::Off { channel, pitch })
    }

    /// How many notes begin and end.
    fn count(heard: &[(usize, Payload)]) -> usize {
        let notes = |(_, payload): &(usize, Payload)| match payload {
            Payload::Notes(notes) => notes.len(),
            _ => 0,
        };
        heard.iter().map(notes).sum()
    }

    #[test]
    fn notes_and_chosen_controllers_come_out_where_they_belong() {
        let mut ear = ear(Some(2));
        assert!(matches!(ear.hear(on(2, 60))[..], [(NOTES, _)]));
        assert!(ear.hear(on(3, 60)).is_empty());
        let heard = ear.hear(Message::control(2, 1, 1.0));
        assert!(matches!(heard[..], [(2, Payload::Control(value))] if value == 1.0));
    }

    #[test]
    fn other_controllers_and_pitch_bend_travel_with_the_notes() {
        let mut ear = ear(None);
        let bend = ChannelChange::Bend {
            channel: 3,
            value: -0.5,
        };
        let volume = ChannelChange::Controller {
            channel: 0,
            number: 11,
            value: 1.0,
        };
        for (message, expected) in [
            (Message::change(bend), bend),
            (Message::control(0, 11, 1.0), volume),
        ] {
            let heard = ear.hear(message);
            let [(NOTES, Payload::Performance(performance))] = &heard[..] else {
                panic!("{heard:?}");
            };
            assert_eq!(performance.changes, [expected]);
        }
    }

    #[test]
    fn pedals_hold_live_notes_as_they_hold_those_of_files() {
        let mut ear = ear(None);
        assert_eq!(count(&ear.hear(Message::control(0, 64, 1.0))), 0);
        assert_eq!(count(&ear.hear(on(0, 60))), 1);
        assert_eq!(count(&ear.hear(off(0, 60))), 0);
        // Struck again: the end of the note that the pedal holds, and the new one.
        assert_eq!(count(&ear.hear(on(0, 60))), 2);
        ear.hear(off(0, 60));
        assert_eq!(count(&ear.hear(Message::control(0, 64, 0.0))), 1);
        ear.hear(on(0, 62));
        ear.hear(Message::control(0, 66, 1.0));
        assert_eq!(count(&ear.hear(off(0, 62))), 0);
        assert_eq!(count(&ear.hear(Message::control(0, 66, 0.0))), 1);
    }

    #[test]
    fn what_sounds_is_ended_when_the_port_goes_or_says_all_notes_off() {
        let mut ear = ear(None);
        for message in [on(0, 60), on(0, 64), on(1, 50)] {
            ear.hear(message);
        }
        assert_eq!(count(&ear.hear(Message::all_notes_off(0))), 2);
        ear.hear(on(0, 60));
        assert_eq!(count(&ear.hear(Message::control(0, 120, 0.0))), 1);
        assert_eq!(ear.keyboard.silence(None).len(), 1);
        assert_eq!(ear.keyboard.silence(None).len(), 0);
    }
}
