//! Listens to other programs by OSC.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use score_engine::{
    Build, Check, Control, Descriptor, Event, Flow, Io, Node, NodeError, Note, OutputPort, Params,
    Processor, Time, Transport,
};

use super::door::Inlet;
use super::heard::{Heard, Said};
use super::pattern::Pattern;
use crate::midi::keyboard::Keyboard;
use crate::only_live::only_live;
use crate::waiting::Waiting;

const VALUE: OutputPort<Control> = OutputPort::new(0, "value", "the first number, from 0 to 1");
const EVENT: OutputPort<Event> = OutputPort::new(
    1,
    "event",
    "each message without arguments, with a `value` above 0, or with a name",
);
const NOTES: OutputPort<Note> = OutputPort::new(2, "notes", "notes that begin and end");

/// How long one call waits for a message: short enough to end at once when the run does.
const PATIENCE: Duration = Duration::from_millis(50);

/// `osc_in`.
#[derive(Clone, Params)]
pub(crate) struct OscIn {
    /// the UDP port to listen at; several nodes may have the same
    #[param(rebuild = "the port is opened once", range = 1..=65_535)]
    port: u16,
    /// the address of this computer to listen at; 0.0.0.0: all, so that the network reaches it
    #[param(rebuild = "the port is opened once", default = "127.0.0.1")]
    listen: String,
    /// the messages to take, such as `/1/fader1`; a pattern such as `/1/*` takes several
    #[param(live)]
    address: String,
    /// the number that becomes 0
    #[param(live, range = -1.0e6..=1.0e6, span = 0.0..=1.0, default = 0.0)]
    from: f64,
    /// the number that becomes 1
    #[param(live, range = -1.0e6..=1.0e6, span = 0.0..=1.0, default = 1.0)]
    to: f64,
}

impl OscIn {
    /// Where `number` lies between `from` and `to`.
    fn place(&self, number: f64) -> f32 {
        let width = self.to - self.from;
        let place = match width == 0.0 {
            true => f64::from(u8::from(number >= self.to)),
            false => (number - self.from) / width,
        };
        place.clamp(0.0, 1.0) as f32
    }
}

impl Node for OscIn {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("osc", "osc_in", "Listens to other programs by OSC")
            .example(
                r#"nodes: {
                    "fader": osc_in(port: 9001, address: "/1/fader1"),
                    "keys": osc_in(port: 9001, address: "/keys"),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: [
                    "fader.value -> tune -> piano -> sound",
                    "keys.notes -> piano",
                ]"#,
            )
            .details(
                "Only in a live run. Messages come by UDP, alone or in bundles, which wait for \
                 their time, at most a minute.\n\n\
                 `value` is the first number of a message, of any type. `event` has the name of the \
                 message's address and the strength of its `value`, 1 where a message has no \
                 arguments; a message that begins with a text is an event of that name, with the \
                 number after it as its strength. `notes` takes messages of two or three numbers: \
                 the channel from 0, if any, the pitch, and the velocity, a float from 0 to 1 or a \
                 whole number from 0 to 127; 0 ends the note. Notes that still sound end with the \
                 run, or when `address` changes.\n\n\
                 All nodes at one port have the same `listen`. After an edit of it the new nodes wait \
                 until the old ones have gone; one whose port is still another's after five seconds \
                 fails.\n\n\
                 What cannot be read is reported in the log and left. OSC has no password: with \
                 `listen: \"0.0.0.0\"`, use a network of the show's own.",
            )
            .output(VALUE)
            .output(EVENT)
            .output(NOTES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.listen.parse::<IpAddr>().is_err() {
            check.refuse(
                "listen",
                format!("`{}` is not an IP address", self.listen),
                Some("127.0.0.1 is for this computer, 0.0.0.0 for the network too".to_owned()),
            );
        }
        if let Err(why) = Pattern::parse(&self.address) {
            check.refuse("address", why, Some("as in `/1/fader1`".to_owned()));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        only_live(build, "osc_in", "leave the node out")?;
        let ip: IpAddr = (self.listen.parse())
            .map_err(|_| NodeError::input(format!("`{}` is not an IP address", self.listen)))?;
        let pattern = Pattern::parse(&self.address).map_err(NodeError::input)?;
        let listened = pattern.text().to_owned();
        Ok(Box::new(Listening {
            inlet: Inlet::open(SocketAddr::new(ip, self.port), pattern, build.counters)?,
            listened,
            waiting: Waiting::default(),
            keyboard: Keyboard::default(),
            left: Vec::new(),
            latest: Time::ZERO,
        }))
    }
}

struct Listening {
    inlet: Inlet,
    /// The address, or pattern, that is listened to.
    listened: String,
    /// Messages of bundles.
    waiting: Waiting<Heard>,
    /// What sounds.
    keyboard: Keyboard,
    /// Ends of notes that are not listened to any more.
    left: Vec<Note>,
    /// When the last packet was.
    latest: Time,
}

impl Processor<OscIn> for Listening {
    fn process(&mut self, params: &OscIn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !self.left.is_empty() {
            self.end_all(io)?;
        }
        let now = Instant::now();
        let due = self.waiting.due(now);
        if !due.is_empty() {
            for heard in due {
                self.say(params, heard, io)?;
            }
            return Ok(Flow::Continue);
        }
        let patience = self.waiting.next(now).unwrap_or(PATIENCE).min(PATIENCE);
        if let Some(heard) = io.idle(|| self.inlet.next(patience))? {
            if heard.at <= Instant::now() {
                self.say(params, heard, io)?;
            } else {
                let (at, size) = (heard.at, heard.size());
                if !self.waiting.put(at, heard, size) {
                    self.inlet.complain("too many messages wait for their time");
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &OscIn, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.left.extend(self.keyboard.silence(None));
        self.end_all(io)
    }

    fn changed(&mut self, params: &OscIn, _transport: &Transport) -> Result<(), NodeError> {
        if params.address != self.listened {
            let pattern = Pattern::parse(&params.address).map_err(NodeError::input)?;
            self.inlet.listen_to(pattern);
            self.listened.clone_from(&params.address);
            self.left.extend(self.keyboard.silence(None));
        }
        Ok(())
    }
}

impl Listening {
    /// The run's time at the instant `at`, which has just been, and never before the last one.
    fn time(&mut self, at: Instant, io: &Io<'_>) -> Time {
        let age = i64::try_from(at.elapsed().as_nanos()).unwrap_or_default();
        self.latest = self.latest.max(io.now() - Time::from_nanos(age));
        self.latest
    }

    fn say(&mut self, params: &OscIn, heard: Heard, io: &mut Io<'_>) -> Result<(), NodeError> {
        let time = self.time(heard.at, io);
        let (event, strength) = match heard.said {
            Said::Address(address) => (address, 1.0),
            Said::Event(name, strength) => (name, strength),
            Said::Number(address, number) => {
                let value = params.place(number);
                io.send_captured(VALUE, time, heard.at, value)?;
                (address, value)
            }
        };
        if strength > 0.0 {
            let event = Event {
                name: event,
                strength,
            };
            io.send_captured(EVENT, time, heard.at, event)?;
        }
        let notes = heard.note.map(|note| strike(&mut self.keyboard, note));
        if let Some(notes) = notes.filter(|notes| !notes.is_empty()) {
            io.send_captured(NOTES, time, heard.at, notes)?;
        }
        Ok(())
    }

    /// Ends the notes that were left.
    fn end_all(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let ends = std::mem::take(&mut self.left);
        if ends.is_empty() {
            return Ok(());
        }
        let time = self.time(Instant::now(), io);
        io.send_captured_now(NOTES, time, ends)
    }
}

/// What begins and ends when this note comes: one that sounds ends before it begins again.
pub(crate) fn strike(keyboard: &mut Keyboard, note: Note) -> Vec<Note> {
    let (channel, pitch) = (note.channel(), note.pitch());
    let off = Note::Off { channel, pitch };
    match note {
        Note::On { .. } if keyboard.down(channel, pitch) => vec![off, note],
        Note::On { .. } => vec![note],
        Note::Off { .. } if keyboard.up(channel, pitch) => vec![off],
        Note::Off { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::UdpSocket;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::{SystemTime, UNIX_EPOCH};

    use rosc::OscType;
    use score_engine::{Live, LiveOptions, NodeErrorKind, Run, RunError, Settings, Source, check};

    use super::super::{arguments, reading};
    use super::*;
    use crate::complaints::Complaints;

    /// How long a test waits for a message that must come, on whatever machine.
    const PATIENT: Duration = Duration::from_secs(30);

    /// A run that sends what an `osc_in` says on to this test.
    struct Stage {
        live: Live,
        /// Where the run listens.
        port: u16,
        /// Where this test does.
        ear: UdpSocket,
        _holder: Inlet,
    }

    fn patch(port: u16, params: &str, to: u16) -> score_engine::Graph {
        let text = format!(
            r#"Patch(
                format: 1,
                nodes: {{
                    "in": osc_in(port: {port}, {params}),
                    "out": osc_out(port: {to}, address: "/b", rate: 1000),
                }},
                wires: ["in.value -> out.control", "in.event -> out.event", "in.notes -> out.notes"],
            )"#
        );
        let source = Source::text("osc.ron", &text, PathBuf::new());
        check(&source, &[], &crate::registry(), &Settings::default())
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// A node that listens to nothing at a port that the system has chosen, so that no other program
    /// gets it before those of a run join this one.
    fn holder() -> (Inlet, u16) {
        let nothing = Pattern::parse("/nobody").unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let inlet = Inlet::open(at, nothing, &Arc::default()).unwrap();
        let port = inlet.address().port();
        (inlet, port)
    }

    impl Stage {
        fn new(params: &str) -> Self {
            let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
            ear.set_read_timeout(Some(PATIENT)).unwrap();
            let (holder, port) = holder();
            let graph = patch(port, params, ear.local_addr().unwrap().port());
            let (live, _) =
                Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
            Stage {
                live,
                port,
                ear,
                _holder: holder,
            }
        }

        fn send(&self, bytes: &[u8]) {
            let to = ("127.0.0.1", self.port);
            assert_eq!(self.ear.send_to(bytes, to).unwrap(), bytes.len());
        }

        /// The next that comes out: its arguments.
        fn next(&self) -> Option<Vec<OscType>> {
            let mut packet = [0; 1_024];
            let length = self.ear.recv(&mut packet).ok()?;
            let mut args = None;
            let now = SystemTime::now();
            reading::read(
                &packet[..length],
                now,
                &Complaints::of("OSC"),
                |_, message| {
                    assert_eq!(message.addr, "/b");
                    args = Some(message.args);
                },
            );
            args
        }

        fn end(self) {
            let left = self.live.drain(Duration::from_secs(20));
            assert_eq!(left.left, Vec::<String>::new(), "they hang");
        }
    }

    fn event(name: &str, strength: f32) -> Option<Vec<OscType>> {
        Some(arguments::event(name.to_owned(), strength))
    }

    fn float(value: f32) -> Option<Vec<OscType>> {
        Some(vec![OscType::Float(value)])
    }

    /// Which of the outputs is first at the other end depends on the nodes' threads.
    fn sorted<const N: usize>(mut said: [Option<Vec<OscType>>; N]) -> Vec<String> {
        said.sort_by_key(|args| format!("{args:?}"));
        said.into_iter().map(|args| format!("{args:?}")).collect()
    }

    #[test]
    fn numbers_events_and_notes_come_out_where_they_belong() {
        let stage = Stage::new(r#"address: "/1/*", from: -60, to: 0"#);
        // Golden bytes, as a tablet sends them: -15.0.
        stage.send(b"/1/fader1\0\0\0,f\0\0\xc1\x70\0\0");
        let both = sorted([stage.next(), stage.next()]);
        assert_eq!(both, sorted([float(0.75), event("/1/fader1", 0.75)]));
        stage.send(b"/2/fader1\0\0\0,f\0\0\xc1\x70\0\0");
        // Nothing but the address, and a number at the lower end: no event.
        stage.send(b"/1/go\0\0\0,\0\0\0");
        assert_eq!(stage.next(), event("/1/go", 1.0));
        stage.send(b"/1/x\0\0\0\0,i\0\0\xff\xff\xff\xc4");
        assert_eq!(stage.next(), float(0.0));
        // What `osc_out` sends of an event.
        let cut = arguments::packet("/1/x", arguments::event("cut".to_owned(), 0.5));
        stage.send(&cut.unwrap());
        assert_eq!(stage.next(), event("cut", 0.5));
        // A note, struck twice, and left sounding.
        let note = arguments::packet("/1/x", arguments::note(3, 60, 0.5)).unwrap();
        let said = [
            Some(arguments::note(3, 60, 0.5)),
            float(1.0),
            event("/1/x", 1.0),
        ];
        stage.send(&note);
        assert_eq!(
            sorted([stage.next(), stage.next(), stage.next()]),
            sorted(said)
        );
        stage.send(&note);
        let four = [stage.next(), stage.next(), stage.next(), stage.next()];
        assert!(
            four.contains(&Some(arguments::note(3, 60, 0.0))),
            "{four:?}"
        );
        assert!(
            four.contains(&Some(arguments::note(3, 60, 0.5))),
            "{four:?}"
        );
        let ear = stage.ear.try_clone().unwrap();
        stage.end();
        let mut packet = [0; 64];
        let length = ear.recv(&mut packet).unwrap();
        let end = arguments::packet("/b", arguments::note(3, 60, 0.0)).unwrap();
        assert_eq!(packet[..length], end);
    }

    /// `zero` as a bundle for the time `at`.
    fn bundle(at: SystemTime) -> Vec<u8> {
        let since = at.duration_since(UNIX_EPOCH).unwrap();
        let seconds = (since.as_secs() + 2_208_988_800) as u32;
        let fraction = ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000) as u32;
        let zero = b"/a\0\0,f\0\0\0\0\0\0";
        let parts = [
            &b"#bundle\0"[..],
            &seconds.to_be_bytes(),
            &fraction.to_be_bytes(),
            &(zero.len() as u32).to_be_bytes(),
            zero,
        ];
        parts.concat()
    }

    #[test]
    fn a_bundle_waits_for_its_time_and_what_is_malformed_is_left() {
        let stage = Stage::new(r#"address: "/a""#);
        let malformed: [&[u8]; 6] = [
            b"",
            b"/a",
            b"\xff\xfe",
            b"/a\0\0,f\0\0",
            b"/a\0\0,zz\0",
            b"#bundle\0\0",
        ];
        // Where the machine is so slow that the bundle is due before what comes after it, it is
        // given longer.
        let waited = [0.4, 4.0, 40.0].into_iter().any(|wait| {
            let at = SystemTime::now() + Duration::from_secs_f64(wait);
            stage.send(&bundle(at));
            for bytes in malformed {
                stage.send(bytes);
            }
            stage.send(b"/a\0\0,\0\0\0");
            let first = stage.next();
            let is_early = SystemTime::now() < at;
            let second = stage.next();
            let rounding = Duration::from_millis(1);
            assert!(
                SystemTime::now() + rounding >= at,
                "it comes before its time"
            );
            let both = sorted([first.clone(), second]);
            assert_eq!(both, sorted([event("/a", 1.0), float(0.0)]));
            is_early && first == event("/a", 1.0)
        });
        assert!(waited, "a bundle did not wait");
        stage.end();
    }

    #[test]
    fn the_address_and_the_range_can_be_set_while_it_plays() {
        let stage = Stage::new(r#"address: "/a", to: 10"#);
        let number = |address: &str| arguments::packet(address, vec![OscType::Float(0.0)]).unwrap();
        stage.send(&number("/a"));
        assert_eq!(stage.next(), float(0.0));
        let steering = stage.live.steering();
        let set = |name: &str, value: score_engine::Value| {
            steering.set("in", name, value, Duration::ZERO).unwrap();
        };
        set("from", (-10).into());
        set("address", "/b/{x,y}".into());
        // The values reach the node's thread at some time soon.
        let polling = Duration::from_millis(50);
        stage.ear.set_read_timeout(Some(polling)).unwrap();
        let end = Instant::now() + PATIENT;
        while stage.next().is_none() {
            assert!(Instant::now() < end, "the address is not heard");
            stage.send(&number("/b/y"));
        }
        stage.ear.set_read_timeout(Some(PATIENT)).unwrap();
        stage.send(&number("/a"));
        stage.send(&number("/b/x"));
        let last = event("/b/x", 0.5);
        for said in std::iter::repeat_with(|| stage.next()).take_while(|said| *said != last) {
            let is_of_b = said == event("/b/y", 0.5) || said == float(0.5);
            assert!(is_of_b, "{said:?}");
        }
        stage.end();
    }

    /// `listen` is opened anew, while the node that has the port still plays.
    #[test]
    fn another_listen_is_taken_over_while_it_plays() {
        let Stage {
            mut live,
            port,
            ear,
            _holder,
        } = Stage::new(r#"address: "/a""#);
        drop(_holder);
        let to = ear.local_addr().unwrap().port();
        let graph = patch(port, r#"address: "/a", listen: "0.0.0.0""#, to);
        live.replace(graph, &BTreeSet::new()).unwrap().unwrap();
        let stage = Stage {
            live,
            port,
            ear,
            _holder: holder().0,
        };
        stage
            .ear
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let end = Instant::now() + PATIENT;
        while stage.next().is_none() {
            assert!(Instant::now() < end, "nothing is heard any more");
            stage.send(b"/a\0\0,\0\0\0");
        }
        stage.end();
    }

    #[test]
    fn a_render_and_a_port_that_is_taken_are_one_clear_message() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let params = r#"address: "/a""#;
        let (settings, options) = (Settings::default(), LiveOptions::default());
        let failure = Live::start(patch(port, params, 9), &settings, options).err();
        let text = failure
            .map(|failure| failure.to_string())
            .unwrap_or_default();
        assert!(
            text.contains(&format!("the port {port} at 127.0.0.1 is taken")),
            "{text}"
        );
        let failure = Run::start(patch(port, params, 9), &settings).and_then(Run::wait);
        match failure.err() {
            Some(RunError::Node { error, .. }) => {
                assert_eq!(error.kind(), NodeErrorKind::Device);
                assert!(error.to_string().contains("only in a live run"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_ip_address_or_no_osc_address_is_refused() {
        for (params, word) in [
            (
                r#"address: "/a", listen: "localhost""#,
                "`localhost` is not an IP address",
            ),
            (r#"address: "fader""#, "begins with `/`"),
            (r#"address: "/a", port: 0"#, "65535"),
        ] {
            let text = format!("Patch(format: 1, nodes: {{\"a\": osc_in({params})}}, wires: [])");
            let text = match params.contains("port") {
                true => text,
                false => text.replace("osc_in(", "osc_in(port: 9000, "),
            };
            let source = Source::text("osc.ron", &text, PathBuf::new());
            let graph = check(&source, &[], &crate::registry(), &Settings::default());
            let problems = format!("{:?}", graph.err());
            assert!(problems.contains(word), "{problems}");
        }
    }

    #[test]
    fn a_range_may_be_empty_or_turned_round() {
        let place = |from: f64, to: f64, number: f64| {
            let params = OscIn {
                port: 1,
                listen: String::new(),
                address: String::new(),
                from,
                to,
            };
            params.place(number)
        };
        assert_eq!(place(0.0, 127.0, 127.0), 1.0);
        assert_eq!(place(0.0, 127.0, 1e300), 1.0);
        assert_eq!(place(1.0, 0.0, 0.25), 0.75);
        assert_eq!(place(5.0, 5.0, 4.9), 0.0);
        assert_eq!(place(5.0, 5.0, 5.0), 1.0);
    }
}
