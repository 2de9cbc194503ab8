//! Leads drums into cuts.

use std::collections::BTreeSet;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use score_engine::{
    Build, Descriptor, Event, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Packet,
    Params, Payload, Performance, Processor, Time, Transport, Watermark,
};

use super::drums;
use super::fill::{CRASH, fill};

const DRUMS: InputPort<Note> = InputPort::new(0, "notes", "the drums");
const CUT: InputPort<Event> = InputPort::new(1, "cut", "what a fill leads to");
const FILLED: OutputPort<Note> = OutputPort::new(0, "notes", "the drums with fills");

/// The length of a fill's strokes, in sixteenths.
const LENGTH: f64 = 0.5;

/// `drum_fill`.
#[derive(Clone, Params)]
pub(crate) struct DrumFill {
    /// length of a fill
    #[param(live, range = 1..=16, unit = "sixteenths", default = 8)]
    length: u64,
    /// bars between two fills at least
    #[param(live, range = 0..=64, span = 0.0..=16.0, unit = "bars", default = 4)]
    apart: u64,
    /// strike a crash cymbal at the cut
    #[param(live, default = true)]
    crash: bool,
}

impl Node for DrumFill {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("music", "drum_fill", "Leads drums into cuts with a fill")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "cuts": cut_detector(),
                    "drums": drum_decoder(),
                    "filled": drum_fill(),
                    "kit": synth(voice: drum_kit),
                    "sound": audio_file(path: "film.wav"),
                },
                wires: [
                    "film -> eye -> drums -> filled.notes",
                    "film -> cuts",
                    "cuts.cut -> filled.cut",
                    "filled -> kit -> sound",
                ]"#,
            )
            .details(
                "A render knows a film's cuts before they come: the last sixteenths before one are \
                 a run over snare and toms that grows, and a crash cymbal is struck at the cut. \
                 Drums that rest before it get none, and between two fills lie `apart` bars. Fills \
                 are drawn from the patch's seed. Live nobody knows when a cut will come, and the \
                 part passes as it is: `accent` answers cuts there.",
            )
            .input(DRUMS)
            .input(CUT)
            .output(FILLED)
            .in_bars()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Filling {
            leads: build.ends,
            transport: build.transport.clone(),
            rng: build.rng(),
            held: Vec::new(),
            struck: Vec::new(),
            left_out: BTreeSet::new(),
            sounding: BTreeSet::new(),
            last: None,
            sent: Time::ZERO,
        }))
    }
}

struct Filling {
    /// Whether fills lead into cuts: a run that does not end knows of no cut before it comes.
    leads: bool,
    transport: Transport,
    rng: ChaCha8Rng,
    /// What a fill may still change, in the order of time.
    held: Vec<Held>,
    /// When something was struck, and how hard: as far back as a fill may still ask.
    struck: Vec<(Time, f32)>,
    /// Channel and key of strokes that a fill has taken the place of and whose ends are yet to
    /// come.
    left_out: BTreeSet<(u8, u8)>,
    /// Channel and key of what sounds.
    sounding: BTreeSet<(u8, u8)>,
    /// The sixteenth to which the last fill led.
    last: Option<u64>,
    /// Everything before was sent.
    sent: Time,
}

/// A packet that waits.
struct Held {
    time: Time,
    captured: Instant,
    payload: Payload,
}

impl Filling {
    /// The sixteenth that begins nearest to `time`.
    fn nearest(&self, time: Time) -> u64 {
        (self.transport.position(time) * 4.0).round().max(0.0) as u64
    }

    /// Half a sixteenth before the sixteenth begins: a stroke from there on belongs to it.
    fn reach(&self, sixteenth: u64) -> Time {
        let begins = self.transport.sixteenth(sixteenth);
        self.transport.after(begins, -0.125)
    }

    /// How far what is held must reach back behind `time`: where a fill into a cut then would
    /// begin.
    fn settled(&self, params: &DrumFill, time: Time) -> Time {
        self.reach(self.nearest(time).saturating_sub(params.length + 1))
    }

    fn hold(&mut self, packet: &Packet) -> Result<(), NodeError> {
        for note in packet.notes()?.iter() {
            if let Note::On { velocity, .. } = note {
                self.struck.push((packet.time, *velocity));
            }
        }
        let payload = self.without(packet.payload.clone(), false);
        self.insert(packet.time, packet.captured, payload);
        Ok(())
    }

    /// Puts something behind all that is held of its time and before.
    fn insert(&mut self, time: Time, captured: Instant, payload: Payload) {
        let place = self.held.partition_point(|held| held.time <= time);
        let held = Held {
            time,
            captured,
            payload,
        };
        self.held.insert(place, held);
    }

    /// The payload without strokes, where they make room for a fill, and without the ends of those
    /// that made room.
    fn without(&mut self, payload: Payload, makes_room: bool) -> Payload {
        let mut keep = |notes: &[Note]| -> Vec<Note> {
            let kept = notes.iter().filter(|note| {
                let key = (note.channel(), note.pitch());
                match note {
                    Note::On { .. } if makes_room => {
                        self.left_out.insert(key);
                        false
                    }
                    Note::On { .. } => {
                        self.left_out.remove(&key);
                        true
                    }
                    Note::Off { .. } => !self.left_out.remove(&key),
                }
            });
            kept.copied().collect()
        };
        with_notes(payload, &mut keep)
    }

    /// Puts a fill before the cut, where one has room.
    fn lead(&mut self, params: &DrumFill, cut: Time, captured: Instant) -> Result<(), NodeError> {
        let to = self.nearest(cut);
        let Some(from) = to.checked_sub(params.length) else {
            return Ok(());
        };
        let (begins, ends) = (self.reach(from), self.reach(to));
        let bar = self.transport.sixteenths_per_bar();
        let bar_before = self.reach(from.saturating_sub(bar));
        let struck = self.struck.iter();
        let before = struck.filter(|(time, _)| (bar_before..begins).contains(time));
        let (count, sum) = before.fold((0.0, 0.0), |(n, sum), (_, velocity)| {
            (n + 1.0, sum + velocity)
        });
        let too_soon = self
            .last
            .is_some_and(|last| to < last + (params.apart * bar).max(params.length));
        if count == 0.0 || too_soon || begins < self.sent {
            return Ok(());
        }
        self.last = Some(to);
        let mean: f32 = sum / count;
        for mut held in std::mem::take(&mut self.held) {
            let makes_room = (begins..ends).contains(&held.time);
            held.payload = self.without(held.payload, makes_room);
            self.held.push(held);
        }
        for stroke in fill(params.length, &mut self.rng)? {
            let velocity = mean * stroke.force;
            self.strike(from + stroke.sixteenth, stroke.key, velocity, captured);
        }
        if params.crash {
            self.strike(to, CRASH, mean, captured);
        }
        Ok(())
    }

    fn strike(&mut self, sixteenth: u64, pitch: u8, velocity: f32, captured: Instant) {
        let channel = drums::CHANNEL;
        let time = self.transport.sixteenth(sixteenth);
        let end = self.transport.after(time, LENGTH / 4.0);
        let on = Note::On {
            channel,
            pitch,
            velocity: velocity.clamp(0.01, 1.0),
        };
        for (time, note) in [(time, on), (end, Note::Off { channel, pitch })] {
            self.insert(time, captured, Payload::Notes(vec![note].into()));
        }
    }

    /// Sends what lies before `until`.
    fn send(&mut self, io: &mut Io<'_>, until: Time) -> Result<(), NodeError> {
        let later = self
            .held
            .split_off(self.held.partition_point(|held| held.time < until));
        for held in std::mem::replace(&mut self.held, later) {
            let payload = with_notes(held.payload, &mut |notes: &[Note]| self.sound(notes));
            if matches!(&payload, Payload::Notes(notes) if notes.is_empty()) {
                continue;
            }
            io.send_packet(
                FILLED.index(),
                Packet {
                    time: held.time,
                    captured: held.captured,
                    payload,
                },
            )?;
        }
        self.sent = self.sent.max(until);
        let bar = self.transport.sixteenths_per_bar() + 1;
        let asked = self.reach(self.nearest(until).saturating_sub(bar));
        self.struck.retain(|(time, _)| *time >= asked);
        Ok(())
    }

    /// The notes, where a key that is still down comes up before it is struck again.
    fn sound(&mut self, notes: &[Note]) -> Vec<Note> {
        let mut sent = Vec::with_capacity(notes.len());
        for note in notes {
            let (channel, pitch) = (note.channel(), note.pitch());
            let was_down = self.sounding.remove(&(channel, pitch));
            match note {
                Note::On { .. } => {
                    if was_down {
                        sent.push(Note::Off { channel, pitch });
                    }
                    self.sounding.insert((channel, pitch));
                    sent.push(*note);
                }
                Note::Off { .. } if was_down => sent.push(*note),
                Note::Off { .. } => {}
            }
        }
        sent
    }
}

impl Processor<DrumFill> for Filling {
    fn process(&mut self, params: &DrumFill, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let packet = &input.packet;
            if input.is(DRUMS) {
                self.hold(packet)?;
            } else if self.leads {
                self.lead(params, packet.time, packet.captured)?;
            }
        }
        if !self.leads {
            self.send(io, Time::MAX)?;
        } else if let Watermark::At(known) = io.watermark() {
            let settled = self.settled(params, known);
            self.send(io, settled)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &DrumFill, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.send(io, Time::MAX)
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.sent)
    }

    fn changed(&mut self, _params: &DrumFill, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        Ok(())
    }
}

/// The payload with other notes in the place of its own.
fn with_notes(payload: Payload, change: &mut dyn FnMut(&[Note]) -> Vec<Note>) -> Payload {
    match payload {
        Payload::Notes(notes) => Payload::Notes(change(&notes).into()),
        Payload::Performance(performance) => Payload::Performance(
            Performance {
                changes: performance.changes.clone(),
                notes: change(&performance.notes).into(),
            }
            .into(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;

    /// A hi-hat in eighths at 120 quarter notes a minute up to `until` seconds, and cuts.
    fn filled(params: Value, until: f64, cuts: &[f64], live: bool) -> Vec<(f64, Note)> {
        let end = cuts.iter().fold(until, |end, cut| end.max(*cut));
        let at = Time::from_seconds;
        let strokes = (0_u32..).map(f64::from).map(|eighth| eighth / 4.0);
        let mut notes = Vec::new();
        for time in strokes.take_while(|time| *time < until) {
            let (channel, pitch) = (drums::CHANNEL, 42);
            let on = Note::On {
                channel,
                pitch,
                velocity: 0.5,
            };
            notes.push((at(time), Payload::Notes(vec![on].into())));
            let off = Note::Off { channel, pitch };
            notes.push((at(time + 0.1), Payload::Notes(vec![off].into())));
        }
        let event = |time: &f64| {
            let event = Event {
                name: "cut".into(),
                strength: 1.0,
            };
            (at(*time), Payload::Event(event.into()))
        };
        let cuts = cuts.iter().map(event).collect();
        let harness = Harness::<DrumFill>::new(params)
            .feed("notes", PortType::Notes, notes, at(until))
            .feed("cut", PortType::Event, cuts, at(end));
        let outputs = if live {
            harness.play_live()
        } else {
            harness.run()
        }
        .unwrap();
        let packets = outputs.packets("notes").iter();
        packets
            .flat_map(|packet| {
                let time = packet.time.seconds();
                let notes: Vec<Note> = packet.notes().unwrap().to_vec();
                notes.into_iter().map(move |note| (time, note))
            })
            .collect()
    }

    /// When keys other than the hi-hat are struck, and which.
    fn struck(notes: &[(f64, Note)], hat: bool) -> Vec<(f64, u8)> {
        let on = notes.iter().filter_map(|(time, note)| match note {
            Note::On { pitch, .. } => Some((*time, *pitch)),
            Note::Off { .. } => None,
        });
        on.filter(|(_, pitch)| (*pitch == 42) == hat).collect()
    }

    #[test]
    fn the_half_bar_before_a_cut_is_a_fill_and_the_cut_a_crash() {
        let notes = filled(json!({}), 16.0, &[8.0], false);
        let fill = struck(&notes, false);
        assert!(
            fill.iter().all(|(time, _)| (7.0..=8.0).contains(time)),
            "{fill:?}"
        );
        assert!(fill.len() > 4);
        assert_eq!(fill.last(), Some(&(8.0, CRASH)));
        let hat = struck(&notes, true);
        assert!(
            hat.iter().all(|(time, _)| !(6.95..7.9).contains(time)),
            "{hat:?}"
        );
        assert!(hat.iter().any(|(time, _)| (time - 6.75).abs() < 1e-6));
        assert!(hat.iter().any(|(time, _)| (time - 8.0).abs() < 1e-6));
    }

    #[test]
    fn every_stroke_ends_and_no_key_is_struck_while_it_is_down() {
        let notes = filled(
            json!({ "apart": 0 }),
            16.0,
            &[3.0, 4.1, 7.93, 8.0, 12.06],
            false,
        );
        let mut down = BTreeSet::new();
        for (time, note) in &notes {
            match note {
                Note::On { pitch, .. } => assert!(down.insert(*pitch), "{pitch} at {time}"),
                Note::Off { pitch, .. } => assert!(down.remove(pitch), "{pitch} at {time}"),
            }
        }
        assert!(down.is_empty());
        assert!(notes.is_sorted_by(|one, other| one.0 <= other.0));
    }

    #[test]
    fn fills_keep_apart_and_drums_that_rest_get_none() {
        let crashes = |cuts: &[f64], until| {
            let notes = filled(json!({}), until, cuts, false);
            let struck = struck(&notes, false).into_iter();
            struck
                .filter(|(_, key)| *key == CRASH)
                .map(|(time, _)| time)
                .collect::<Vec<_>>()
        };
        // Four bars are eight seconds.
        assert_eq!(crashes(&[4.0, 6.0, 11.5, 12.0], 16.0), [4.0, 12.0]);
        // The hi-hat rests from 4 s on.
        assert_eq!(crashes(&[12.0], 4.0), [] as [f64; 0]);
        assert_eq!(crashes(&[0.5], 16.0), [] as [f64; 0]);
    }

    #[test]
    fn what_follows_a_cut_between_two_sixteenths_comes_in_its_order() {
        // The crash lies a little behind the cut, and strokes are still to come before it.
        let notes = filled(json!({}), 16.0, &[7.945, 15.95], false);
        assert!(notes.is_sorted_by(|one, other| one.0 <= other.0));
        let crashes = struck(&notes, false)
            .into_iter()
            .filter(|(_, key)| *key == CRASH);
        assert_eq!(
            crashes.map(|(time, _)| time).collect::<Vec<_>>(),
            [8.0, 16.0]
        );
    }

    #[test]
    fn live_the_part_passes_as_it_is() {
        let notes = filled(json!({}), 4.0, &[2.0], true);
        assert_eq!(struck(&notes, false), []);
        assert_eq!(struck(&notes, true).len(), 16);
    }
}
