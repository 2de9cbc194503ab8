//! Sends notes and controls to a MIDI port.

use std::collections::BTreeSet;

use score_engine::{
    Build, ChannelChange, Check, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, Note,
    Params, Processor, Time,
};

use super::message::Message;
use super::outlet::{News, Outlet};

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "what to play").optional();
const CONTROLS: InputPort<Control> =
    InputPort::new(1, "controls", "what to send as controllers, 0 to 1").many();

/// `midi_out`.
#[derive(Clone, Params)]
pub(crate) struct MidiOut {
    /// the port, as `score devices` prints it, `virtual`, or `JACK`
    port: String,
    /// MIDI channel for everything, counted from 0; left out: the notes' own
    #[param(range = 0..=15)]
    channel: Option<u8>,
    /// MIDI controller for each wire into `controls`
    #[param(range = 0..=119, default = Vec::new())]
    controls: Vec<u8>,
    /// do not start without the port
    #[param(default = false)]
    required: bool,
}

impl Node for MidiOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("midi", "midi_out", "Sends notes and controls to a MIDI port")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "daw": midi_out(port: "virtual"),
                },
                wires: ["camera -> motion -> tune -> daw.notes"]"#,
            )
            .details(
                "Only in a live run. Notes go out when a sound of the same time is heard. `port` names a port of the \
                 system, or a part of its name; `virtual` makes a port of this node's name that other programs join; \
                 `JACK` makes one at JACK's server, `score_midi_ID:out` by the node's id, where every note has its \
                 frame, and `JACK: NAME` joins it to the ports whose names contain NAME. A port that is missing or goes away is looked for while the run \
                 goes on. However the run ends, no note is left sounding. Controllers and pitch bend that travel with the \
                 notes are sent as well.\n\n\
                 The first wire into `controls` is sent as the first of the controllers in `controls`, and so on.",
            )
            .input(NOTES)
            .input(CONTROLS)
            .independent_inputs()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.port.trim().is_empty() {
            check.refuse(
                "port",
                "the port has no name",
                Some("`score devices` lists them".to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Sending {
            outlet: Outlet::open(build, "midi_out", &self.port, self.required)?,
            sent: vec![None; self.controls.len()],
            sounding: BTreeSet::new(),
            used: BTreeSet::new(),
            is_closed: false,
        }))
    }
}

struct Sending {
    outlet: Outlet,
    /// The value last sent of each controller.
    sent: Vec<Option<Message>>,
    /// Channel and pitch of what sounds.
    sounding: BTreeSet<(u8, u8)>,
    /// Channels on which anything was sent.
    used: BTreeSet<u8>,
    is_closed: bool,
}

impl Processor<MidiOut> for Sending {
    fn process(&mut self, params: &MidiOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        self.look(io);
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(NOTES) {
                for change in input.packet.changes() {
                    self.change(params, time, *change);
                }
                for note in input.read(NOTES)?.iter() {
                    self.play(params, time, *note);
                }
            } else {
                let value = *input.read(CONTROLS)?;
                let Some(number) = params.controls.get(input.wire) else {
                    continue;
                };
                let channel = params.channel.unwrap_or(0);
                let message = Message::control(channel, *number, value);
                // A slow controller would only repeat itself.
                if self.sent[input.wire].replace(message) != Some(message) {
                    self.outlet.send(time, message);
                }
            }
        }
        Ok(self.outlet.work().map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, _params: &MidiOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        self.silence();
        Ok(())
    }
}

impl Sending {
    fn look(&mut self, io: &Io<'_>) {
        match self.outlet.news() {
            News::Same => {}
            News::Gone => self.sounding.clear(),
            News::Opened => {
                // Whatever began before the port went away must end.
                self.sounding.clear();
                self.sent.fill(None);
                for channel in &self.used {
                    self.outlet.send(io.now(), Message::all_notes_off(*channel));
                }
            }
        }
    }

    fn play(&mut self, params: &MidiOut, time: Time, note: Note) {
        let channel = params.channel.unwrap_or(note.channel());
        let note = match note {
            Note::On {
                pitch, velocity, ..
            } => {
                self.sounding.insert((channel, pitch));
                Note::On {
                    channel,
                    pitch,
                    velocity,
                }
            }
            Note::Off { pitch, .. } => {
                self.sounding.remove(&(channel, pitch));
                Note::Off { channel, pitch }
            }
        };
        self.used.insert(channel);
        self.outlet.send(time, Message::note(note));
    }

    fn change(&mut self, params: &MidiOut, time: Time, change: ChannelChange) {
        let channel = params.channel.unwrap_or(change.channel());
        self.used.insert(channel);
        let message = Message::change(change.on_channel(channel));
        self.outlet.send(time, message);
    }

    /// Ends every note and closes the port.
    fn silence(&mut self) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        let sounding = std::mem::take(&mut self.sounding);
        let offs = sounding
            .into_iter()
            .map(|(channel, pitch)| Message::note(Note::Off { channel, pitch }));
        self.outlet.close(offs);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.silence();
    }
}
