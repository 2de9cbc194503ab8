//! Listens to a MIDI port.

use std::time::Duration;

use score_engine::{
    Build, ChannelChange, Check, Control, Descriptor, Flow, Io, Node, NodeError, Note, OutputPort,
    Params, Performance, Processor, Time, Transport,
};

use super::keyboard::{Keyboard, is_about_ends};
use crate::device::midi::inlet::{Arrival, Inlet};
use crate::device::midi::message::{Meaning, Message};
use crate::device::midi::port::require_name;

const NOTES: OutputPort<Note> = OutputPort::new(0, "notes", "what is played");

macro_rules! control {
    ($number:literal) => {
        OutputPort::new(
            $number,
            concat!("control_", $number),
            concat!("controller ", $number, " of `controls`"),
        )
    };
}

/// The outputs of the controllers that have one.
const CONTROLS: [OutputPort<Control>; 8] = [
    control!(1),
    control!(2),
    control!(3),
    control!(4),
    control!(5),
    control!(6),
    control!(7),
    control!(8),
];

/// How long one call waits for a message: short enough to end at once when the run does.
const PATIENCE: Duration = Duration::from_millis(50);

/// `midi_in`.
#[derive(Clone, Params)]
pub(crate) struct MidiIn {
    /// the port, as `score devices` prints it, `virtual`, or `JACK`
    #[param(rebuild = "the port is opened once")]
    port: String,
    /// the only MIDI channel that is listened to, counted from 0; left out: all
    #[param(live, range = 0..=15)]
    channel: Option<u8>,
    /// MIDI controllers that have an output, at most 8
    #[param(live, range = 0..=119, default = Vec::new())]
    controls: Vec<u8>,
    /// the node does not start without the port; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for MidiIn {
    fn descriptor() -> Descriptor {
        let descriptor = Descriptor::of::<Self>("midi", "midi_in", "Listens to a MIDI port")
            .example(
                r#"nodes: {
                    "keys": midi_in(port: "virtual"),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["keys.notes -> piano -> sound"]"#,
            )
            .details(
                "Only in a live run. Each message carries the time at which it came. `port` is as \
                 in `midi_out`, for ports that send. The first controller in `controls` comes out \
                 of `control_1`, and so on, from 0 to 1. Pedals hold notes as on a piano, and the \
                 messages that end all notes are obeyed. Other controllers and pitch bend travel \
                 with the notes. When the port goes away, or at JACK something that was connected \
                 to it, the notes that sound are ended.",
            )
            .output(NOTES);
        CONTROLS.into_iter().fold(descriptor, Descriptor::output)
    }

    fn check(&self, check: &mut Check<'_>) {
        require_name(check, &self.port);
        if self.controls.len() > CONTROLS.len() {
            check.refuse(
                "controls",
                format!("there are outputs for {} controllers only", CONTROLS.len()),
                Some("a second `midi_in` can listen to the same port".to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(PortListener {
            inlet: Inlet::open(build, "midi_in", &self.port, self.required)?,
            keyboard: Keyboard::default(),
            left: Vec::new(),
        }))
    }
}

struct PortListener {
    inlet: Inlet,
    /// What sounds.
    keyboard: Keyboard,
    /// Ends of notes on channels that are no longer listened to.
    left: Vec<Note>,
}

impl Processor<MidiIn> for PortListener {
    fn process(&mut self, params: &MidiIn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !self.left.is_empty() {
            let now = io.now();
            io.send_captured_now(NOTES, now, std::mem::take(&mut self.left))?;
        }
        match io.idle(|| self.inlet.next(PATIENCE)) {
            Arrival::Message(timed) => {
                for heard in hear(params, &mut self.keyboard, timed.message) {
                    heard.send(io, timed.time)?;
                }
            }
            Arrival::Gone => self.end_all(io)?,
            Arrival::Nothing => {}
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &MidiIn, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.end_all(io)
    }

    fn changed(&mut self, params: &MidiIn, _transport: &Transport) -> Result<(), NodeError> {
        self.left.extend(leave(params, &mut self.keyboard));
        Ok(())
    }
}

/// Ends what sounds on channels that are not listened to.
fn leave(params: &MidiIn, keyboard: &mut Keyboard) -> Vec<Note> {
    let left = (0..16).filter(|channel| params.channel.is_some_and(|wanted| wanted != *channel));
    left.flat_map(|channel| keyboard.silence(Some(channel)))
        .collect()
}

impl PortListener {
    fn end_all(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let now = io.now();
        let mut ends = std::mem::take(&mut self.left);
        ends.extend(self.keyboard.silence(None));
        match ends.is_empty() {
            true => Ok(()),
            false => io.send_captured_now(NOTES, now, ends),
        }
    }
}

/// What a message brings.
#[derive(Clone, Debug)]
enum Heard {
    /// Notes begin or end.
    Notes(Vec<Note>),
    /// Something is done to a channel.
    Change(ChannelChange),
    /// The value of a controller that has an output.
    Control(OutputPort<Control>, f32),
}

impl Heard {
    /// Sends it from where it belongs.
    fn send(self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        match self {
            Heard::Notes(notes) => io.send_captured_now(NOTES, time, notes),
            Heard::Change(change) => {
                let performance = Performance {
                    changes: vec![change],
                    notes: [].into(),
                };
                io.send_captured_now(NOTES, time, performance)
            }
            Heard::Control(output, value) => io.send_captured_now(output, time, value),
        }
    }
}

/// What `message` brings, if it matters.
fn hear(params: &MidiIn, keyboard: &mut Keyboard, message: Message) -> Vec<Heard> {
    let wanted = |channel: u8| params.channel.is_none_or(|wanted| wanted == channel);
    let notes = |notes: Vec<Note>| match notes.is_empty() {
        true => Vec::new(),
        false => vec![Heard::Notes(notes)],
    };
    match message.meaning() {
        Some(Meaning::Note(note)) if wanted(note.channel()) => {
            let (channel, pitch) = (note.channel(), note.pitch());
            let off = Note::Off { channel, pitch };
            match note {
                Note::On { .. } if keyboard.down(channel, pitch) => notes(vec![off, note]),
                Note::On { .. } => notes(vec![note]),
                Note::Off { .. } if keyboard.up(channel, pitch) => notes(vec![off]),
                Note::Off { .. } => Vec::new(),
            }
        }
        Some(Meaning::Controller {
            channel,
            number,
            value,
        }) if wanted(channel) => {
            let mut heard = notes(keyboard.control(channel, number, value));
            let place = params.controls.iter().position(|wanted| *wanted == number);
            let output = place.and_then(|place| CONTROLS.get(place));
            let value = f32::from(value) / 127.0;
            let change = ChannelChange::Controller {
                channel,
                number,
                value,
            };
            match output {
                Some(output) => heard.push(Heard::Control(*output, value)),
                None if is_about_ends(number) => {}
                None => heard.push(Heard::Change(change)),
            }
            heard
        }
        Some(Meaning::Change(change)) if wanted(change.channel()) => vec![Heard::Change(change)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that listens to a channel, and what sounds.
    struct Ear(MidiIn, Keyboard);

    impl Ear {
        fn hear(&mut self, message: Message) -> Vec<Heard> {
            hear(&self.0, &mut self.1, message)
        }
    }

    fn ear(channel: Option<u8>) -> Ear {
        let params = MidiIn {
            port: "virtual".to_owned(),
            channel,
            controls: vec![7, 1],
            required: false,
        };
        Ear(params, Keyboard::default())
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
    fn count(heard: &[Heard]) -> usize {
        let notes = |heard: &Heard| match heard {
            Heard::Notes(notes) => notes.len(),
            _ => 0,
        };
        heard.iter().map(notes).sum()
    }

    #[test]
    fn notes_and_chosen_controllers_come_out_where_they_belong() {
        let mut ear = ear(Some(2));
        assert!(matches!(ear.hear(on(2, 60))[..], [Heard::Notes(_)]));
        assert!(ear.hear(on(3, 60)).is_empty());
        let heard = ear.hear(Message::control(2, 1, 1.0));
        let [Heard::Control(output, value)] = heard[..] else {
            panic!("{heard:?}");
        };
        assert_eq!((output.name(), value), ("control_2", 1.0));
    }

    #[test]
    fn what_sounds_ends_on_a_channel_that_is_not_listened_to_any_more() {
        let mut ear = ear(None);
        for message in [on(1, 60), on(2, 60), on(3, 62)] {
            ear.hear(message);
        }
        ear.0.channel = Some(2);
        let ends = leave(&ear.0, &mut ear.1);
        let places: Vec<_> = (ends.iter())
            .map(|note| (note.channel(), note.pitch()))
            .collect();
        assert_eq!(places, [(1, 60), (3, 62)]);
        assert_eq!(count(&ear.hear(off(2, 60))), 1);
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
            let [Heard::Change(change)] = heard[..] else {
                panic!("{heard:?}");
            };
            assert_eq!(change, expected);
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
        assert_eq!(ear.1.silence(None).len(), 1);
        assert_eq!(ear.1.silence(None).len(), 0);
    }
}
