//! Sends notes and controls to a MIDI port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use score_engine::{
    Build, ChannelChange, Check, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, Note,
    Params, Processor, Time, Transport,
};

use crate::device::audible::Audible;
use crate::device::midi::message::Message;
use crate::device::midi::outlet::{News, Outlet};
use crate::device::midi::port::require_name;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "what to play").optional();
const CONTROLS: InputPort<Control> =
    InputPort::new(1, "controls", "what to send as controllers, 0 to 1").many();

/// How often the run's hours are looked at, in seconds.
const HOURS_LOOK: f64 = 0.5;

/// The controller of the sustain pedal (MIDI 1.0, control change 64).
const SUSTAIN: u8 = 64;

/// `midi_out`.
#[derive(Clone, Params)]
pub(crate) struct MidiOut {
    /// the port, as `score devices` prints it, `virtual`, or `JACK`
    #[param(rebuild = "the port is opened once")]
    port: String,
    /// MIDI channel for everything, counted from 0; left out: that of each note
    #[param(live, range = 0..=15)]
    channel: Option<u8>,
    /// MIDI controller for each wire into `controls`
    #[param(live, range = 0..=119, default = Vec::new(), for_each_wire = CONTROLS.name())]
    controls: Vec<u8>,
    /// the node does not start without the port; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for MidiOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "midi",
            "midi_out",
            "Sends notes and controls to a MIDI port",
        )
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
            "Only in a live run. A note is sent when a sound of the same time is heard. `port` \
                 names a port of the system, or a part of its name; `virtual` makes a port with \
                 this node's name that other programs connect to; `JACK` makes one at JACK's \
                 server, `score_midi_ID:out` after the node's id, where every note has its frame, \
                 and `JACK: NAME` connects it to the ports whose names contain NAME. A port that \
                 is missing or goes away is looked for while the run continues. However the run \
                 ends, no note is left sounding, and none begins outside the patch's `hours`. Controllers and pitch bend that travel with the \
                 notes are sent too.\n\n\
                 The first wire into `controls` is sent as the first controller in `controls`, and \
                 so on.",
        )
        .input(NOTES)
        .input(CONTROLS)
        .independent_inputs()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        require_name(check, &self.port);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Sending {
            outlet: Outlet::open(build, "midi_out", &self.port, self.required)?,
            sent: vec![None; self.controls.len()],
            sounding: Sounding::default(),
            used: BTreeSet::new(),
            is_closed: false,
            audible: Audible::of(build.settings),
            is_heard: true,
        }))
    }
}

/// What sounds: by the channel and the pitch of the notes that came, the channel that each was sent
/// on.
#[derive(Default)]
struct Sounding(BTreeMap<(u8, u8), u8>);

impl Sounding {
    /// What is sent for `note` where `channel` is set: a note ends on the channel on which it
    /// began, whatever was set since.
    fn hear(&mut self, channel: Option<u8>, note: Note) -> Vec<Note> {
        let (own, pitch) = (note.channel(), note.pitch());
        let wanted = channel.unwrap_or(own);
        let off = |channel| Note::Off { channel, pitch };
        match note {
            Note::On { velocity, .. } => {
                let before = self.0.insert((own, pitch), wanted);
                let elsewhere = before.filter(|before| *before != wanted);
                let begun = Note::On {
                    channel: wanted,
                    pitch,
                    velocity,
                };
                elsewhere.map(off).into_iter().chain([begun]).collect()
            }
            Note::Off { .. } => vec![off(self.0.remove(&(own, pitch)).unwrap_or(wanted))],
        }
    }

    /// The end of each.
    fn ends(self) -> Vec<Note> {
        let places: BTreeSet<(u8, u8)> = (self.0.into_iter())
            .map(|((_, pitch), channel)| (channel, pitch))
            .collect();
        let off = |(channel, pitch)| Note::Off { channel, pitch };
        places.into_iter().map(off).collect()
    }
}

struct Sending {
    outlet: Outlet,
    /// The value last sent of each controller.
    sent: Vec<Option<Message>>,
    sounding: Sounding,
    /// Channels on which anything was sent.
    used: BTreeSet<u8>,
    is_closed: bool,
    /// Whether the run is heard by its hours.
    audible: Option<Arc<Audible>>,
    is_heard: bool,
}

impl Processor<MidiOut> for Sending {
    fn process(&mut self, params: &MidiOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        self.look(io);
        self.heed_hours(io.now());
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
                // A value that does not change is not sent again.
                let last = self.sent.get_mut(input.wire);
                if last.is_none_or(|last| last.replace(message) != Some(message)) {
                    self.outlet.send(time, message);
                }
            }
        }
        let next = self.outlet.work();
        // Hours end where nothing comes in, too.
        let look = (self.audible.as_ref()).map(|_| io.now() + Time::from_seconds(HOURS_LOOK));
        let next = next.into_iter().chain(look).min();
        Ok(next.map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, _params: &MidiOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        self.silence();
        Ok(())
    }

    fn changed(&mut self, params: &MidiOut, _transport: &Transport) -> Result<(), NodeError> {
        // A value on another channel or of another controller is a new one: its message differs.
        self.sent.resize(params.controls.len(), None);
        Ok(())
    }
}

impl Sending {
    fn look(&mut self, io: &Io<'_>) {
        match self.outlet.news() {
            News::Same => {}
            News::Gone => self.sounding = Sounding::default(),
            News::Opened => {
                // Whatever began before the port went away must end.
                self.sounding = Sounding::default();
                self.sent.fill(None);
                for channel in &self.used {
                    self.outlet.send(io.now(), Message::all_notes_off(*channel));
                }
            }
        }
    }

    /// Ends what sounds where the run's hours end.
    fn heed_hours(&mut self, now: Time) {
        let is_heard = (self.audible.as_deref()).is_none_or(Audible::is_heard);
        if std::mem::replace(&mut self.is_heard, is_heard) && !is_heard {
            for note in std::mem::take(&mut self.sounding).ends() {
                self.outlet.send(now, Message::note(note));
            }
            for channel in &self.used {
                self.outlet
                    .send(now, Message::control(*channel, SUSTAIN, 0.0));
            }
        }
    }

    fn play(&mut self, params: &MidiOut, time: Time, note: Note) {
        if !self.is_heard && matches!(note, Note::On { .. }) {
            return;
        }
        for note in self.sounding.hear(params.channel, note) {
            self.used.insert(note.channel());
            self.outlet.send(time, Message::note(note));
        }
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
        let ends = std::mem::take(&mut self.sounding).ends();
        self.outlet.close(ends.into_iter().map(Message::note));
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.silence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_ends_on_the_channel_that_it_began_on() {
        let on = |channel, pitch| Note::On {
            channel,
            pitch,
            velocity: 0.5,
        };
        let off = |channel, pitch| Note::Off { channel, pitch };
        let mut sounding = Sounding::default();
        assert_eq!(sounding.hear(None, on(3, 60)), [on(3, 60)]);
        assert_eq!(sounding.hear(Some(5), off(3, 60)), [off(3, 60)]);
        assert_eq!(sounding.hear(Some(5), on(3, 60)), [on(5, 60)]);
        // Struck again after another channel was chosen.
        assert_eq!(sounding.hear(Some(6), on(3, 60)), [off(5, 60), on(6, 60)]);
        assert_eq!(sounding.hear(Some(6), on(4, 60)), [on(6, 60)]);
        assert_eq!(sounding.ends(), [off(6, 60)]);
    }
}
