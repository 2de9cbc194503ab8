//! Sends notes to the plug-in `SCORE!` in a DAW.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use score_engine::{
    Build, Check, Descriptor, Flow, FollowedClock, InputPort, Io, Node, NodeError, Note, Params,
    Processor, Time, Transport,
};
use score_link::daw::Change;

use crate::device::audible::Audible;
use crate::device::daw::{DawNotes, ToDaw};
use crate::only_live::only_live;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "what to play");

/// How often the run's hours are looked at, in seconds.
const HOURS_LOOK: f64 = 0.5;

/// Transports that are remembered: notes come a little before or after their time.
const REMEMBERED: usize = 8;

/// `daw_out`.
#[derive(Clone, Params)]
pub(crate) struct DawOut {
    /// the part of the plug-ins that play these notes
    #[param(live, range = 1..=16, default = 1)]
    part: u8,
}

impl Node for DawOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("midi", "daw_out", "Sends notes to the plug-in in a DAW")
            .example(
                r#"transport: (follow: daw, when_lost: stop),
                nodes: {
                    "swell": lfo(every: beats(32)),
                    "tune": scale_walk(),
                    "daw": daw_out(part: 1),
                },
                wires: ["swell -> tune -> daw"]"#,
            )
            .details(
                "Only in a live run that follows the DAW (`follow: daw` in the transport), on the \
                 same computer and of the same user. In the DAW the plug-in SCORE!, on a track \
                 before an instrument, plays the notes of its `Part` at their place on the DAW's time \
                 line, to the sample. Each note keeps its MIDI channel. Notes alone are sent, no \
                 controllers. None sounds while the DAW stands, or outside the patch's `hours`.",
            )
            .input(NOTES)
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let followed = check.transport.follow.as_ref().map(|follow| follow.clock);
        if followed != Some(FollowedClock::Daw) {
            check.refuse(
                "part",
                "the run does not follow a DAW",
                Some("write `follow: daw` in the transport".to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        only_live(build, "daw_out", "write a file with `midi_file`")?;
        Ok(Box::new(Sending {
            // Where nobody shares one, nobody follows a DAW either.
            notes: build.settings.shared().unwrap_or_default(),
            part: self.part,
            places: Places::new(build.transport),
            sounding: BTreeMap::new(),
            audible: Audible::of(build.settings),
            is_heard: true,
        }))
    }
}

/// Where times lie in the run's quarter notes, also those just before the transport changed.
struct Places(VecDeque<Transport>);

impl Places {
    fn new(transport: &Transport) -> Self {
        Places(VecDeque::from([transport.clone()]))
    }

    /// Another transport holds from its anchor on.
    fn change(&mut self, transport: &Transport) {
        // One that was not yet heard of when another replaced it holds for no time.
        self.0.retain(|known| known.anchor.0 < transport.anchor.0);
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(transport.clone());
    }

    /// The position of `time`, as a clock counts.
    fn at(&self, time: Time) -> f64 {
        let held = (self.0.iter().rev()).find(|transport| transport.anchor.0 <= time);
        let held = held.or(self.0.front());
        held.map_or(0.0, |transport| transport.clock_position(time))
    }
}

struct Sending {
    notes: Arc<DawNotes>,
    part: u8,
    places: Places,
    /// The names of what sounds, by channel and pitch.
    sounding: BTreeMap<(u8, u8), u32>,
    /// Whether the run is heard by its hours.
    audible: Option<Arc<Audible>>,
    is_heard: bool,
}

impl Processor<DawOut> for Sending {
    fn process(&mut self, params: &DawOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.part != params.part {
            self.end_all();
            self.part = params.part;
        }
        let is_heard = (self.audible.as_deref()).is_none_or(Audible::is_heard);
        if std::mem::replace(&mut self.is_heard, is_heard) && !is_heard {
            self.end_all();
        }
        while let Some(input) = io.take() {
            let time = input.packet.time;
            for note in input.read(NOTES)?.iter() {
                self.play(time, *note);
            }
        }
        let look = (self.audible.as_ref()).map(|_| io.now() + Time::from_seconds(HOURS_LOOK));
        Ok(look.map_or(Flow::Continue, Flow::WakeAt))
    }

    fn changed(&mut self, _: &DawOut, transport: &Transport) -> Result<(), NodeError> {
        self.places.change(transport);
        Ok(())
    }

    fn finish(&mut self, _: &DawOut, _: &mut Io<'_>) -> Result<(), NodeError> {
        self.end_all();
        Ok(())
    }
}

impl Sending {
    fn play(&mut self, time: Time, note: Note) {
        let position = self.places.at(time);
        let key = (note.channel(), note.pitch());
        // What is struck again ends before.
        if let Some(id) = self.sounding.remove(&key) {
            self.send(id, position, Change::Off);
        }
        let Note::On {
            channel,
            pitch,
            velocity,
        } = note
        else {
            return;
        };
        if !self.is_heard {
            return;
        }
        let id = self.notes.name();
        let change = Change::On {
            channel,
            pitch,
            velocity,
        };
        self.sounding.insert(key, id);
        self.send(id, position, change);
    }

    fn send(&self, id: u32, position: f64, change: Change) {
        self.notes.send(ToDaw::Note {
            part: self.part,
            id,
            position,
            change,
        });
    }

    fn end_all(&mut self) {
        if !std::mem::take(&mut self.sounding).is_empty() {
            self.notes.send(ToDaw::EndPart(self.part));
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.end_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    fn sending() -> Sending {
        Sending {
            notes: Arc::default(),
            part: 3,
            places: Places::new(&Transport::default()),
            sounding: BTreeMap::new(),
            audible: None,
            is_heard: true,
        }
    }

    fn sent(sending: &Sending) -> Vec<ToDaw> {
        std::iter::from_fn(|| sending.notes.take()).collect()
    }

    const ON: Note = Note::On {
        channel: 2,
        pitch: 60,
        velocity: 0.5,
    };
    const OFF: Note = Note::Off {
        channel: 2,
        pitch: 60,
    };

    #[test]
    fn a_note_ends_by_the_name_with_which_it_began_also_where_it_is_struck_again() {
        let mut sending = sending();
        sending.play(at(1.0), ON);
        sending.play(at(1.5), ON);
        sending.play(at(2.0), OFF);
        // It does not sound any more.
        sending.play(at(2.0), OFF);
        let of_notes = sent(&sending).into_iter().map(|what| match what {
            ToDaw::Note {
                part: 3,
                id,
                position,
                change,
            } => (id, position, change == Change::Off),
            other => panic!("{other:?}"),
        });
        let of_notes: Vec<_> = of_notes.collect();
        let expected = [
            (0, 2.0, false),
            (0, 3.0, true),
            (1, 3.0, false),
            (1, 4.0, true),
        ];
        assert_eq!(of_notes, expected);
    }

    #[test]
    fn a_time_before_a_change_of_the_transport_lies_where_it_lay_before() {
        let transport = Transport::default();
        let mut places = Places::new(&transport);
        let jumps = transport.located(at(8.0), 64.0);
        places.change(&jumps);
        let faster = jumps.going_over_to(
            &Transport {
                tempo: 240.0,
                ..jumps.clone()
            },
            at(9.0),
        );
        places.change(&faster);
        for (seconds, position) in [(7.9, 15.8), (8.0, 64.0), (8.5, 65.0), (9.5, 68.0)] {
            assert!(
                (places.at(at(seconds)) - position).abs() < 1e-9,
                "{seconds}"
            );
        }
        for change in 0..99 {
            places.change(&faster.located(at(10.0 + f64::from(change)), 100.0));
        }
        assert!(places.0.len() <= REMEMBERED);
    }

    #[test]
    fn what_sounds_ends_when_the_node_goes_or_plays_another_part() {
        let mut sending = sending();
        sending.play(at(1.0), ON);
        sending.end_all();
        assert_eq!(sent(&sending).last(), Some(&ToDaw::EndPart(3)));
        sending.end_all();
        assert_eq!(sent(&sending), []);
        sending.play(at(1.0), ON);
        let notes = sending.notes.clone();
        drop(sending);
        let last = std::iter::from_fn(|| notes.take()).last();
        assert_eq!(last, Some(ToDaw::EndPart(3)));
    }
}
