//! Plays what a recorder has kept.

use std::iter::Peekable;
use std::path::PathBuf;
use std::vec::IntoIter;

use score_engine::{
    Build, Check, Control, Descriptor, Event, Flow, Io, Latent, Node, NodeError, Note, OutputPort,
    Params, Payload, PortType, Processor, Time,
};

use crate::take::{Codes, Take};

const NOTES: OutputPort<Note> = OutputPort::new(0, "notes", "the notes that were recorded");
const CONTROL: OutputPort<Control> = OutputPort::new(
    1,
    "control",
    "the values of the control that `control` names",
)
.by_name();
const EVENTS: OutputPort<Event> =
    OutputPort::new(2, "events", "the events that were recorded").by_name();
const CODES: OutputPort<Latent> = OutputPort::new(
    3,
    "latent",
    "the latents that the node named by `codes_of` took",
)
.by_name();
const REVISIONS: OutputPort<Event> = OutputPort::new(
    4,
    "revisions",
    "an event for each patch that played, called by its number",
)
.by_name();

/// Why a parameter is not live.
const READ: &str = "the take is read once";

/// `replay`.
#[derive(Clone, Params)]
pub(crate) struct Replay {
    /// any file of the take, such as take.wav; its others lie beside it
    #[param(rebuild = READ, content = Sound)]
    take: PathBuf,
    /// the node whose notes are played, as the recorded patch calls it; left out: all notes
    #[param(rebuild = READ)]
    notes_of: Option<String>,
    /// which of the wires into the recorder's `controls` is played, from 0
    #[param(rebuild = READ, range = 0..=9999, default = 0)]
    control: u32,
    /// which of the wires into the recorder's `events` is played, from 0; left out: all
    #[param(rebuild = READ, range = 0..=9999)]
    event: Option<u32>,
    /// the node whose latents are played, as the recorded patch calls it
    #[param(rebuild = READ)]
    codes_of: Option<String>,
}

impl Node for Replay {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "audio",
            "replay",
            "Plays the notes, controls, events and latents of a recorder's take",
        )
        .example(
            r#"nodes: {
                "evening": replay(take: "take.wav"),
                "piano": synth(voice: electric_piano),
                "sound": audio_file(path: "again.wav"),
            },
            wires: ["evening -> piano -> sound"]"#,
        )
        .details(
            "A take is what a `recorder` has written: sound (.wav, .flac), notes (.mid), what \
             steered it (.jsonl), its trace (.trace) and pictures (.mkv), all of one name. All \
             begin at the take's beginning. Its sound is read by `audio_input_file` and its \
             pictures by `video_file`.\n\n\
             A wire that names no output gets the notes. They are those that were recorded, at \
             their exact times where the take has a trace, else to the tick of the .mid. Latents are \
             in the trace: those that a decoder took whose notes were recorded. A take that a power \
             cut ended is played up to where it goes.\n\n\
             `score replay` has the decoders of a take play again, `score bounce` renders its \
             sound.",
        )
        .output(NOTES)
        .output(CONTROL)
        .output(EVENTS)
        .output(CODES)
        .output(REVISIONS)
        .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        let take = match Take::open(&self.take) {
            Ok(take) => take,
            Err(error) => {
                check.refuse_for("take", &error);
                return;
            }
        };
        if let Some(source) = &self.notes_of
            && let Err(error) = take.played(Some(source))
        {
            check.refuse_for("notes_of", &error);
        }
        let Some(node) = &self.codes_of else {
            return;
        };
        match take.codes(node).map(|mut codes| codes.next()) {
            Ok(Some((_, code))) => check.set_output(CODES, PortType::Latent(Some(code.len()))),
            Ok(None) => {
                let help =
                    "name a decoder whose notes were recorded, as the recorded patch calls it";
                let why = format!("the take has no latents that `{node}` took");
                check.refuse("codes_of", why, Some(help.to_owned()));
            }
            Err(error) => check.refuse_for("codes_of", &error),
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let take = Take::open(&self.take)?;
        let notes = match &self.notes_of {
            Some(source) => take.played(Some(source))?,
            None if take.notes().is_none() => Vec::new(),
            None => take.played(None)?,
        };
        let codes = (self.codes_of.as_ref()).map(|node| take.codes(node));
        let log = &take.log;
        let mut rest: Vec<(Time, Say)> = Vec::new();
        let wire = u64::from(self.control);
        for (time, from, value) in &log.controls {
            if *from == wire {
                rest.push((*time, Say::Control(*value)));
            }
        }
        for (time, from, name, strength) in &log.events {
            if self.event.is_none_or(|wanted| u64::from(wanted) == *from) {
                let event = Event {
                    name: name.clone(),
                    strength: *strength,
                };
                rest.push((*time, Say::Event(event)));
            }
        }
        for revised in &log.revisions {
            rest.push((revised.time, Say::Revision(revised.number)));
        }
        let last = notes.last().map_or(Time::ZERO, |(time, _)| *time);
        rest.extend(
            notes
                .into_iter()
                .map(|(time, notes)| (time, Say::Notes(notes))),
        );
        rest.sort_by_key(|(time, _)| *time);
        Ok(Box::new(Playing {
            end: take.length().max(last),
            codes: codes.transpose()?.map(Iterator::peekable),
            rest: rest.into_iter().peekable(),
        }))
    }
}

/// Something that was recorded.
enum Say {
    Notes(Payload),
    Control(f32),
    Event(Event),
    Revision(u64),
}

struct Playing {
    codes: Option<Peekable<Codes>>,
    rest: Peekable<IntoIter<(Time, Say)>>,
    end: Time,
}

impl Processor<Replay> for Playing {
    fn process(&mut self, _params: &Replay, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(self.end);
        let code = self.codes.as_mut().and_then(Peekable::peek);
        let code = code.map(|(time, _)| *time);
        let other = self.rest.peek().map(|(time, _)| *time);
        let code_is_next = match (code, other) {
            (Some(code), Some(other)) => code <= other,
            (code, _) => code.is_some(),
        };
        if code_is_next && let Some((time, code)) = self.codes.as_mut().and_then(Iterator::next) {
            io.send_captured_now(CODES, time, &code[..])?;
            return Ok(Flow::Continue);
        }
        let Some((time, say)) = self.rest.next() else {
            return Ok(Flow::Done);
        };
        match say {
            Say::Notes(Payload::Performance(performance)) => {
                io.send_captured_now(NOTES, time, performance)?;
            }
            Say::Notes(Payload::Notes(notes)) => io.send_captured_now(NOTES, time, notes)?,
            Say::Notes(_) => {}
            Say::Control(value) => io.send_captured_now(CONTROL, time, value)?,
            Say::Event(event) => io.send_captured_now(EVENTS, time, event)?,
            Say::Revision(number) => {
                let event = Event {
                    name: number.to_string(),
                    strength: 1.0,
                };
                io.send_captured_now(REVISIONS, time, event)?;
            }
        }
        Ok(Flow::Continue)
    }
}
