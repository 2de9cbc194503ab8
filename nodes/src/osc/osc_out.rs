//! Sends to other programs by OSC.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rosc::OscType;
use score_engine::{
    Build, Check, Control, Descriptor, Event, Flow, InputPort, Io, Latent, LiveClock, Node,
    NodeError, Note, Params, Processor, Time, Transport,
};

use super::arguments;
use super::pattern::require_address;
use super::target::Target;
use crate::only_live::only_live;

const CONTROL: InputPort<Control> =
    InputPort::new(0, "control", "sent as one float, the newest").optional();
const EVENT: InputPort<Event> =
    InputPort::new(1, "event", "sent as its name and its strength").optional();
const NOTES: InputPort<Note> = InputPort::new(
    2,
    "notes",
    "sent as channel, pitch and velocity (0: it ends)",
)
.optional();
const LATENT: InputPort<Latent> =
    InputPort::new(3, "latent", "sent as one float per dimension, the newest").optional();

/// How many messages may wait for their time, beside ends of notes.
const ROOM: usize = 4_096;

/// How long the end waits for the last messages, beyond the sound's lead.
const LAST: Duration = Duration::from_millis(60);

/// `osc_out`.
#[derive(Clone, Params)]
pub(crate) struct OscOut {
    /// the computer to send to: its address, or its name
    #[param(rebuild = "the host is looked up once", default = "127.0.0.1")]
    host: String,
    /// the UDP port that the other program listens at
    #[param(rebuild = "the host is looked up once", range = 1..=65_535)]
    port: u16,
    /// the address of the messages, such as `/show/motion`
    #[param(live)]
    address: String,
    /// how many controls are sent in a second at most, and how many latents
    #[param(live, range = 0.1..=1_000.0, span = 1.0..=100.0, log, unit = "Hz", default = 60.0)]
    rate: f64,
}

impl Node for OscOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("osc", "osc_out", "Sends to other programs by OSC")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "motion": motion(),
                    "light": osc_out(port: 7000, address: "/light/1"),
                },
                wires: ["camera -> motion -> light.control"]"#,
            )
            .details(
                "Only in a live run. Each message is a UDP packet of its own, and is sent when a \
                 sound of the same time is heard. Events and notes are all sent; of controls and \
                 latents the newest, `rate` times a second at most. Whatever is not a number is \
                 not sent. However the run ends, no note is left sounding. At most 4,096 messages \
                 wait for their time; what finds no room, except the ends of notes, is counted as \
                 `dropped_messages`.\n\n\
                 Nothing waits for the network: a host is looked up beside the run, again when it \
                 is not found or cannot be reached, and what is sent meanwhile is lost. An \
                 address that ends in 255 may reach a whole network.",
            )
            .input(CONTROL)
            .input(EVENT)
            .input(NOTES)
            .input(LATENT)
            .independent_inputs()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let host = self.host.trim();
        let is_address = host.parse::<IpAddr>().is_ok();
        if host.is_empty() || !is_address && host.contains([':', '/', ' ']) {
            check.refuse(
                "host",
                format!("`{}` is not the name of a computer", self.host),
                Some("as in `host: \"192.168.1.20\", port: 7000`".to_owned()),
            );
        }
        if let Err(why) = require_address(&self.address) {
            check.refuse("address", why, Some("as in `/show/motion`".to_owned()));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let clock = only_live(build, "osc_out", "leave the node out")?;
        Ok(Box::new(Sending {
            target: Target::new(self.host.trim(), self.port, build.counters),
            address: self.address.clone(),
            clock: clock.clone(),
            waiting: VecDeque::new(),
            dropped: build.counters.counter("dropped_messages"),
            control: Newest::default(),
            latent: Newest::default(),
            sounding: BTreeSet::new(),
        }))
    }
}

/// What is to be sent.
enum Item {
    Control(f32),
    Latent(Arc<[f32]>),
    Event(Arc<Event>),
    Note(Note),
}

/// The newest value that has not been sent, and when one was.
struct Newest<T> {
    value: Option<T>,
    sent: Option<Time>,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Newest {
            value: None,
            sent: None,
        }
    }
}

impl<T> Newest<T> {
    /// When the value may be sent, if there is one.
    fn next(&self, interval: Time) -> Option<Time> {
        self.value.as_ref()?;
        Some(self.sent.map_or(Time::ZERO, |sent| sent + interval))
    }

    /// The value, if it may be sent now.
    fn take(&mut self, now: Time, interval: Time) -> Option<T> {
        self.next(interval).filter(|next| *next <= now)?;
        self.sent = Some(now);
        self.value.take()
    }
}

struct Sending {
    target: Target,
    address: String,
    clock: Arc<LiveClock>,
    /// What waits until it is heard, in the order of its time.
    waiting: VecDeque<(Time, Item)>,
    /// How many found no room among them.
    dropped: Arc<AtomicU64>,
    control: Newest<f32>,
    latent: Newest<Arc<[f32]>>,
    /// Channels and pitches of the notes that sound.
    sounding: BTreeSet<(u8, u8)>,
}

impl Processor<OscOut> for Sending {
    fn process(&mut self, params: &OscOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(CONTROL) {
                self.put(time, Item::Control(*input.read(CONTROL)?));
            } else if input.is(EVENT) {
                self.put(time, Item::Event(input.packet.event()?.clone()));
            } else if input.is(NOTES) {
                for note in input.read(NOTES)?.iter() {
                    self.put(time, Item::Note(*note));
                }
            } else {
                self.put(time, Item::Latent(input.packet.latent()?.clone()));
            }
        }
        let next = self.work(Time::from_seconds(1.0 / params.rate));
        Ok(next.map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, params: &OscOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        let lead = self.clock.lead().nanos().clamp(0, 1_000_000_000);
        let patience = LAST + Duration::from_nanos(lead.unsigned_abs());
        let begun = Instant::now();
        let interval = Time::from_seconds(1.0 / params.rate);
        while self.work(interval).is_some() && begun.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        for (_, item) in std::mem::take(&mut self.waiting) {
            self.act(item);
        }
        let control = self.control.value.take().map(Item::Control);
        let latent = self.latent.value.take().map(Item::Latent);
        for item in control.into_iter().chain(latent) {
            self.send(item);
        }
        self.end_all();
        Ok(())
    }

    fn changed(&mut self, params: &OscOut, _transport: &Transport) -> Result<(), NodeError> {
        if params.address != self.address {
            require_address(&params.address).map_err(NodeError::input)?;
            // The end of a note belongs where its beginning went.
            self.end_all();
            self.address.clone_from(&params.address);
        }
        Ok(())
    }
}

impl Sending {
    /// Lets `item` wait until it is heard. Where there is no room any more, only ends of notes that
    /// have begun, or wait to, are kept: there are no more of them than of those.
    fn put(&mut self, time: Time, item: Item) {
        let place = self.waiting.partition_point(|(other, _)| *other <= time);
        if self.waiting.len() >= ROOM && !self.is_owed(&item, place) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return self.target.complain(|| {
                "more waits for its time than `osc_out` can hold; what finds no room is not sent"
                    .to_owned()
            });
        }
        self.waiting.insert(place, (time, item));
    }

    /// Whether `item` ends a note that sounds once what waits before `place` has been sent.
    fn is_owed(&self, item: &Item, place: usize) -> bool {
        let Item::Note(end @ Note::Off { .. }) = item else {
            return false;
        };
        let key = |note: &Note| (note.channel(), note.pitch());
        let before = self.waiting.range(..place).rev();
        let mut notes = before.filter_map(|(_, item)| match item {
            Item::Note(note) if key(note) == key(end) => Some(note),
            _ => None,
        });
        match notes.next() {
            Some(note) => matches!(note, Note::On { .. }),
            None => self.sounding.contains(&key(end)),
        }
    }

    /// Sends what is due. Returns when something is again, in the run's time.
    fn work(&mut self, interval: Time) -> Option<Time> {
        let (now, lead) = (self.clock.now(), self.clock.lead());
        while self
            .waiting
            .front()
            .is_some_and(|(time, _)| *time <= now - lead)
            && let Some((_, item)) = self.waiting.pop_front()
        {
            self.act(item);
        }
        if let Some(value) = self.control.take(now, interval) {
            self.send(Item::Control(value));
        }
        if let Some(latent) = self.latent.take(now, interval) {
            self.send(Item::Latent(latent));
        }
        let heard = self.waiting.front().map(|(time, _)| *time + lead);
        let newest = [self.control.next(interval), self.latent.next(interval)];
        newest.into_iter().chain([heard]).flatten().min()
    }

    /// What is heard now: notes and events go out, values once they may.
    fn act(&mut self, item: Item) {
        match item {
            Item::Control(value) if value.is_finite() => self.control.value = Some(value),
            Item::Latent(latent) if latent.iter().all(|value| value.is_finite()) => {
                self.latent.value = Some(latent);
            }
            Item::Control(_) | Item::Latent(_) => {}
            item => self.send(item),
        }
    }

    fn send(&mut self, item: Item) {
        let args = match item {
            Item::Control(value) => vec![OscType::Float(value)],
            Item::Latent(latent) => latent.iter().map(|value| OscType::Float(*value)).collect(),
            Item::Event(event) => {
                // A text ends with its first zero byte, and so would the message.
                let name = event.name.replace('\0', "");
                let is_finite = event.strength.is_finite();
                arguments::event(name, if is_finite { event.strength } else { 0.0 })
            }
            Item::Note(note) => match self.strike(note) {
                Some(args) => args,
                None => return,
            },
        };
        self.target.send(&self.address, args);
    }

    /// What is sent of a note: of an end only where the note sounds, since it may have begun at an
    /// address that was left.
    fn strike(&mut self, note: Note) -> Option<Vec<OscType>> {
        let place @ (channel, pitch) = (note.channel(), note.pitch());
        let velocity = match note {
            Note::On { velocity, .. } if velocity > 0.0 => velocity.min(1.0),
            _ => 0.0,
        };
        if velocity > 0.0 {
            self.sounding.insert(place);
        } else if !self.sounding.remove(&place) {
            return None;
        }
        Some(arguments::note(channel, pitch, velocity))
    }

    /// Ends what sounds.
    fn end_all(&mut self) {
        for (channel, pitch) in std::mem::take(&mut self.sounding) {
            let end = arguments::note(channel, pitch, 0.0);
            self.target.send(&self.address, end);
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
    use std::net::UdpSocket;

    use score_engine::harness::Harness;
    use score_engine::{NodeErrorKind, Payload, PortType};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::at;

    /// What another program receives.
    struct Ear(UdpSocket);

    impl Ear {
        fn new() -> Self {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let patience = Duration::from_millis(300);
            socket.set_read_timeout(Some(patience)).unwrap();
            Ear(socket)
        }

        fn node(&self, mut params: Value) -> Harness<OscOut> {
            params["port"] = json!(self.0.local_addr().unwrap().port());
            params["address"] = json!("/a");
            Harness::new(params)
        }

        fn packets(&self) -> Vec<Vec<u8>> {
            let mut packet = [0; 1_024];
            let received =
                std::iter::from_fn(|| self.0.recv(&mut packet).ok().map(|n| packet[..n].to_vec()));
            received.collect()
        }

        /// The floats that came, each alone in its message.
        fn floats(&self) -> Vec<f32> {
            let packets = self.packets().into_iter();
            packets
                .map(|packet| {
                    assert_eq!(packet[..8], *b"/a\0\0,f\0\0");
                    f32::from_be_bytes(packet[8..].try_into().unwrap())
                })
                .collect()
        }
    }

    fn event(strength: f32) -> Payload {
        let name = "cut".to_owned();
        Payload::Event(Arc::new(Event { name, strength }))
    }

    fn note(pitch: u8, velocity: f32) -> Payload {
        let channel = 9;
        let note = match velocity > 0.0 {
            true => Note::On {
                channel,
                pitch,
                velocity,
            },
            false => Note::Off { channel, pitch },
        };
        Payload::Notes([note].into())
    }

    #[test]
    fn each_type_is_sent_to_the_byte() {
        let ear = Ear::new();
        let latent = Payload::Latent([1.0, -1.0].into());
        let latents = vec![(at(3.0), latent)];
        let notes = vec![(at(1.0), note(60, 0.5)), (at(2.0), note(60, 0.0))];
        ear.node(json!({}))
            .feed(
                "control",
                PortType::Control,
                vec![(at(0.0), Payload::Control(0.5))],
                at(4.0),
            )
            .feed(
                "event",
                PortType::Event,
                vec![(at(0.5), event(1.0))],
                at(4.0),
            )
            .feed("notes", PortType::Notes, notes, at(4.0))
            .feed("latent", PortType::Latent(Some(2)), latents, at(4.0))
            .play_live()
            .unwrap();
        assert_eq!(
            ear.packets(),
            [
                &b"/a\0\0,f\0\0\x3f\0\0\0"[..],
                b"/a\0\0,sf\0cut\0\x3f\x80\0\0",
                b"/a\0\0,iif\0\0\0\0\0\0\0\x09\0\0\0\x3c\x3f\0\0\0",
                b"/a\0\0,iif\0\0\0\0\0\0\0\x09\0\0\0\x3c\0\0\0\0",
                b"/a\0\0,ff\0\x3f\x80\0\0\xbf\x80\0\0",
            ]
        );
    }

    #[test]
    fn of_many_controls_the_newest_are_sent_and_the_last() {
        let ear = Ear::new();
        let controls = (0..100).map(|n| (at(f64::from(n) / 100.0), Payload::Control(n as f32)));
        ear.node(json!({ "rate": 10 }))
            .feed("control", PortType::Control, controls.collect(), at(2.0))
            .play_live()
            .unwrap();
        let sent = ear.floats();
        let tens: Vec<f32> = (0..10).map(|n| n as f32 * 10.0).chain([99.0]).collect();
        assert_eq!(sent, tens);
    }

    #[test]
    fn every_event_and_note_is_sent_whatever_the_rate() {
        let ear = Ear::new();
        let events = (0..100).map(|n| (at(f64::from(n) / 100.0), event(1.0)));
        ear.node(json!({ "rate": 1 }))
            .feed("event", PortType::Event, events.collect(), at(2.0))
            .play_live()
            .unwrap();
        assert_eq!(ear.packets().len(), 100);
    }

    #[test]
    fn of_more_than_can_wait_each_note_that_is_sent_is_ended() {
        let mut sending = Sending {
            target: Target::new("127.0.0.1", 9, &Arc::default()),
            address: "/a".to_owned(),
            clock: Arc::new(LiveClock::new()),
            waiting: VecDeque::new(),
            dropped: Arc::default(),
            control: Newest::default(),
            latent: Newest::default(),
            sounding: BTreeSet::from([(15, 127)]),
        };
        let keys: Vec<(u8, u8)> = (0..2047)
            .map(|n| ((n / 128) as u8, (n % 128) as u8))
            .collect();
        let on = |(channel, pitch)| Note::On {
            channel,
            pitch,
            velocity: 1.0,
        };
        let off = |(channel, pitch)| Note::Off { channel, pitch };
        for key in keys.iter().cycle().take(ROOM + 10) {
            sending.put(at(1.0), Item::Note(on(*key)));
        }
        let (name, strength) = (String::new(), 1.0);
        sending.put(at(1.0), Item::Event(Arc::new(Event { name, strength })));
        assert_eq!(sending.waiting.len(), ROOM);
        // Each key once; what ends already, or never began, has no end more.
        for key in keys.iter().chain(&keys[..10]) {
            sending.put(at(2.0), Item::Note(off(*key)));
        }
        sending.put(at(2.0), Item::Note(off((15, 127))));
        sending.put(at(0.5), Item::Note(off((0, 0))));
        assert_eq!(sending.waiting.len(), ROOM + keys.len() + 1);
        assert_eq!(sending.dropped.load(Ordering::Relaxed), 10 + 1 + 10 + 1);
        for (_, item) in std::mem::take(&mut sending.waiting) {
            sending.act(item);
        }
        assert_eq!(sending.sounding, BTreeSet::new());
    }

    #[test]
    fn a_packet_that_comes_early_is_sent_at_its_time() {
        let ear = Ear::new();
        let begun = at(0.0);
        // It comes at once, and is for a second later; the control that comes between goes first.
        let notes = vec![
            (begun, at(1.0), note(60, 1.0)),
            (begun, at(1.5), note(60, 0.0)),
        ];
        ear.node(json!({}))
            .feed_live("notes", PortType::Notes, notes, at(3.0))
            .feed(
                "control",
                PortType::Control,
                vec![(at(0.5), Payload::Control(1.0))],
                at(3.0),
            )
            .play_live()
            .unwrap();
        let tags: Vec<u8> = ear.packets().iter().map(|packet| packet[5]).collect();
        assert_eq!(tags, *b"fii");
    }

    #[test]
    fn what_sounds_is_ended_with_the_run_and_where_it_began() {
        let ear = Ear::new();
        let notes = vec![(at(0.0), note(60, 1.0)), (at(1.0), note(62, 1.0))];
        ear.node(json!({}))
            .feed("notes", PortType::Notes, notes, at(2.0))
            .set_live(at(0.5), "address", "/b")
            .play_live()
            .unwrap();
        let packets = ear.packets();
        let said: Vec<(u8, u8, bool)> = (packets.iter())
            .map(|packet| (packet[1], packet[19], packet[20] > 0))
            .collect();
        let expected = [
            (b'a', 60, true),
            (b'a', 60, false),
            (b'b', 62, true),
            (b'b', 62, false),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_not_a_number_is_not_sent() {
        let ear = Ear::new();
        let values = [f32::NAN, 0.25, f32::INFINITY];
        let controls = (0..)
            .zip(values)
            .map(|(n, value)| (at(f64::from(n)), Payload::Control(value)));
        let latent = Payload::Latent([f32::NAN].into());
        ear.node(json!({}))
            .feed("control", PortType::Control, controls.collect(), at(3.0))
            .feed(
                "latent",
                PortType::Latent(Some(1)),
                vec![(at(0.0), latent)],
                at(3.0),
            )
            .feed(
                "event",
                PortType::Event,
                vec![(at(2.0), event(f32::NAN))],
                at(3.0),
            )
            .play_live()
            .unwrap();
        let packets = ear.packets();
        assert_eq!(packets.len(), 2, "{packets:?}");
        assert_eq!(packets[0], b"/a\0\0,f\0\0\x3e\x80\0\0");
        assert_eq!(packets[1], b"/a\0\0,sf\0cut\0\0\0\0\0");
    }

    #[test]
    fn a_wrong_host_or_address_and_a_render_are_refused() {
        let harness = |host: &str, address: &str| {
            let params = json!({ "host": host, "port": 9, "address": address });
            let control = vec![(at(0.0), Payload::Control(0.0))];
            Harness::<OscOut>::new(params).feed("control", PortType::Control, control, at(0.0))
        };
        for (host, address, word) in [
            ("127.0.0.1:9000", "/a", "127.0.0.1:9000"),
            ("", "/a", "name of a computer"),
            ("127.0.0.1", "a", "begins with `/`"),
            ("127.0.0.1", "/a*", "none of"),
        ] {
            let error = harness(host, address).play_live().map(|_| ()).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        let error = harness("127.0.0.1", "/a").run().map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), NodeErrorKind::Device);
        assert!(error.to_string().contains("only in a live run"), "{error}");
    }
}
