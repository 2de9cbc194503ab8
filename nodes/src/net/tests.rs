//! The two nodes together, in one program.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rosc::OscType;
use score_engine::{
    Graph, Live, LiveOptions, NodeErrorKind, Run, RunError, Settings, Source, check,
};

use crate::complaints::Complaints;
use crate::osc::{arguments, reading};

/// How long a test waits for what must come, on whatever machine.
const PATIENT: Duration = Duration::from_secs(60);

fn graph(text: &str, folder: &Path) -> Graph {
    let source = Source::text("net.ron", text, folder.to_owned());
    check(&source, &[], &crate::registry(), &Settings::default())
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn play(text: &str, folder: &Path) -> Live {
    let options = LiveOptions::default();
    let (live, _) = Live::start(graph(text, folder), &Settings::default(), options).unwrap();
    live
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A socket for OSC, and its port.
fn ear() -> (UdpSocket, u16) {
    let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
    ear.set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let port = ear.local_addr().unwrap().port();
    (ear, port)
}

/// A patch that sends what it hears by OSC at `osc` to `port`.
fn sender(osc: u16, port: u16, more: &str) -> String {
    format!(
        r#"Patch(format: 1, nodes: {{
            "ear": osc_in(port: {osc}, address: "/a"),
            "out": net_out(port: {port}{more}),
        }}, wires: ["ear.value -> out.control", "ear.event -> out.event", "ear.notes -> out.notes"])"#
    )
}

/// A patch that says by OSC at `osc` what comes at `port`.
fn receiver(osc: u16, port: u16, more: &str) -> String {
    format!(
        r#"Patch(format: 1, nodes: {{
            "in": net_in(port: {port}{more}),
            "mouth": osc_out(port: {osc}, address: "/b", rate: 1000),
        }}, wires: ["in.control -> mouth.control", "in.event -> mouth.event", "in.notes -> mouth.notes"])"#
    )
}

fn next(ear: &UdpSocket) -> Option<Vec<OscType>> {
    let mut packet = [0; 1_024];
    let length = ear.recv(&mut packet).ok()?;
    let mut args = None;
    let now = std::time::SystemTime::now();
    reading::read(
        &packet[..length],
        now,
        &Complaints::of("OSC"),
        |_, message| {
            args = Some(message.args);
        },
    );
    args
}

/// Waits until this is said, whatever else is.
fn until(ear: &UdpSocket, wanted: &[OscType], mut meanwhile: impl FnMut()) {
    let begun = Instant::now();
    loop {
        meanwhile();
        match next(ear) {
            Some(said) if said == wanted => return,
            _ => assert!(begun.elapsed() < PATIENT, "{wanted:?} does not come"),
        }
    }
}

fn waits(live: &mut Live, node: &str) -> Option<String> {
    let status = live.status();
    let node = status.nodes.iter().find(|one| one.id == node)?;
    node.waiting.as_ref().map(|waiting| waiting.reason.clone())
}

fn figure(live: &mut Live, node: &str, name: &str) -> u64 {
    let status = live.status();
    let node = status.nodes.iter().find(|one| one.id == node).unwrap();
    node.counters.get(name).copied().unwrap_or(0)
}

#[test]
fn numbers_events_and_notes_cross_and_after_a_break_the_link_mends_itself() {
    let (mouth, spoken) = ear();
    let (tablet, _) = ear();
    let (port, heard) = (free_port(), free_udp());
    let nowhere = PathBuf::new();
    let receiving = play(&receiver(spoken, port, ""), &nowhere);
    let mut sending = play(&sender(heard, port, ""), &nowhere);
    let say = |args: Vec<OscType>| {
        let packet = arguments::packet("/a", args).unwrap();
        tablet.send_to(&packet, ("127.0.0.1", heard)).unwrap();
    };
    until(&mouth, &[OscType::Float(0.5)], || {
        say(vec![OscType::Float(0.5)])
    });
    let on = arguments::note(3, 60, 0.5);
    until(&mouth, &on, || say(on.clone()));
    // The receiver's program is gone without a word: its note ends there, with its program. Another
    // comes, and gets the newest number although it is not said again.
    drop(receiving.drain(Duration::from_secs(20)));
    until(&mouth, &arguments::note(3, 60, 0.0), || {});
    let begun = Instant::now();
    while waits(&mut sending, "out").is_none() {
        assert!(begun.elapsed() < PATIENT, "the break is not noticed");
        std::thread::sleep(Duration::from_millis(5));
    }
    say(arguments::note(3, 62, 0.5));
    let begun = Instant::now();
    while figure(&mut sending, "out", "lost") == 0 {
        assert!(begun.elapsed() < PATIENT, "what is lost is not counted");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mouth, spoken) = ear();
    let mut receiving = play(&receiver(spoken, port, ""), &nowhere);
    // The channel was the first number of the last note.
    until(&mouth, &[OscType::Float(1.0)], || {});
    let silent = next(&mouth);
    assert!(
        silent.is_none(),
        "a note of the break is struck: {silent:?}"
    );
    // Now the sender breaks in the middle of a note.
    let on = arguments::note(3, 64, 0.5);
    until(&mouth, &on, || say(on.clone()));
    drop(sending);
    until(&mouth, &arguments::note(3, 64, 0.0), || {});
    assert!(figure(&mut receiving, "in", "connections") >= 1);
    assert!(receiving.drain(Duration::from_secs(20)).left.is_empty());
}

/// A UDP port that nobody has at this moment.
fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn ends_that_do_not_fit_say_so_at_both_nodes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.secret"), "twelve and more\n").unwrap();
    std::fs::write(folder.path().join("two.secret"), "twelve and other").unwrap();
    let port = free_port();
    let latents = format!(
        r#"Patch(format: 1, nodes: {{
            "walk": latent_random(dimension: 32),
            "out": net_out(port: {port}),
        }}, wires: ["walk -> out.latent"])"#
    );
    let mut receiving = play(&receiver(9, port, ""), folder.path());
    let mut sending = play(&latents, folder.path());
    let said = |live: &mut Live, node: &str, word: &str| {
        let begun = Instant::now();
        loop {
            let said = waits(live, node).unwrap_or_default();
            if said.contains(word) {
                return;
            }
            assert!(
                begun.elapsed() < PATIENT,
                "{node} says `{said}`, not `{word}`"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    said(
        &mut sending,
        "out",
        "sends latents of 32 numbers, and `net_in` takes 64; set `dimension: 32`",
    );
    said(
        &mut receiving,
        "in",
        "sends latents of 32 numbers, and `net_in` takes 64; set `dimension: 32`",
    );
    drop((sending, receiving));
    let port = free_port();
    let mut receiving = play(
        &receiver(9, port, r#", secret: "one.secret""#),
        folder.path(),
    );
    let mut sending = play(
        &sender(free_udp(), port, r#", secret: "two.secret""#),
        folder.path(),
    );
    said(&mut sending, "out", "another secret, or none");
    said(&mut receiving, "in", "another secret, or none");
    drop(sending);
    let sending = play(
        &sender(free_udp(), port, r#", secret: "one.secret""#),
        folder.path(),
    );
    let begun = Instant::now();
    while figure(&mut receiving, "in", "connections") == 0 {
        assert!(begun.elapsed() < PATIENT, "they do not come together");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((sending, receiving));
}

/// A sender of golden bytes, without a secret, which says `messages` and then nothing more.
fn caller(port: u16, messages: &[u8]) -> TcpStream {
    let begun = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(why) => assert!(begun.elapsed() < PATIENT, "{why}"),
        }
    };
    stream.set_read_timeout(Some(PATIENT)).unwrap();
    stream
        .write_all(&[&b"SCOREN\0\x01"[..], &[7; 32], &[1, 1, 1, 1, 0, 0, 0, 0]].concat())
        .unwrap();
    let mut greeting = [0; 40];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(greeting[..8], *b"SCOREN\0\x01");
    stream.write_all(&[0; 32]).unwrap();
    let mut verdict = [0; 34];
    stream.read_exact(&mut verdict).unwrap();
    assert_eq!(verdict, [0; 34]);
    stream.write_all(messages).unwrap();
    stream
}

/// A note, of which the clock of the sender says so many nanoseconds.
fn note(due: i64, pitch: u8, velocity: f32) -> Vec<u8> {
    let times = [due.to_le_bytes(), due.to_le_bytes()].concat();
    [
        &[5, 22, 0, 0, 0][..],
        &times,
        &[3, pitch],
        &velocity.to_le_bytes(),
    ]
    .concat()
}

/// Answers the other end's pings with the clock that shows 0 at `zero`, and keeps the link alive.
fn answer_pings(mut stream: TcpStream, zero: Instant) {
    std::thread::spawn(move || {
        let mut head = [0; 5];
        while stream.read_exact(&mut head).is_ok() {
            let mut body = vec![0; head[1] as usize];
            if stream.read_exact(&mut body).is_err() {
                return;
            }
            if head[0] == 16 {
                let now = (zero.elapsed().as_nanos() as i64).to_le_bytes();
                let pong = [&[17, 24, 0, 0, 0][..], &body, &now, &now].concat();
                let _ = stream.write_all(&pong);
            }
        }
    });
}

#[test]
fn a_late_beginning_is_counted_and_a_late_end_is_played() {
    let (mouth, spoken) = ear();
    let port = free_port();
    let mut receiving = play(&receiver(spoken, port, ""), &PathBuf::new());
    let zero = Instant::now();
    let mut stream = caller(port, &[]);
    answer_pings(stream.try_clone().unwrap(), zero);
    // By this clock, which the receiver must have understood first.
    let begun = Instant::now();
    while figure(&mut receiving, "in", "round_trip_us") == 0
        && begun.elapsed() < Duration::from_secs(2)
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    let now = || zero.elapsed().as_nanos() as i64;
    let second = 1_000_000_000;
    let on = arguments::note(3, 60, 1.0);
    let begun = Instant::now();
    loop {
        stream.write_all(&note(now(), 60, 1.0)).unwrap();
        if next(&mouth) == Some(on.clone()) {
            break;
        }
        assert!(begun.elapsed() < PATIENT, "the note does not come");
    }
    let late = figure(&mut receiving, "in", "late");
    stream
        .write_all(&note(now() - 2 * second, 61, 1.0))
        .unwrap();
    stream
        .write_all(&note(now() - 2 * second, 60, 0.0))
        .unwrap();
    until(&mouth, &arguments::note(3, 60, 0.0), || {});
    assert_eq!(figure(&mut receiving, "in", "late"), late + 1);
    // One that is meant for later waits.
    let begun = Instant::now();
    stream
        .write_all(&note(now() + second / 2, 62, 1.0))
        .unwrap();
    until(&mouth, &arguments::note(3, 62, 1.0), || {});
    assert!(
        begun.elapsed() >= Duration::from_millis(400),
        "{:?}",
        begun.elapsed()
    );
    // It is left sounding, by a sender that says something that makes no sense.
    stream.write_all(&[99; 64]).unwrap();
    until(&mouth, &arguments::note(3, 62, 0.0), || {});
    drop(receiving);
}

#[test]
fn callers_who_say_nothing_or_nonsense_keep_nobody_out() {
    let (mouth, spoken) = ear();
    let port = free_port();
    let receiving = play(&receiver(spoken, port, ""), &PathBuf::new());
    let silent: Vec<TcpStream> = (0..20)
        .filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok())
        .collect();
    let mut rude = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let _ = rude.write_all(b"GET / HTTP/1.1\r\n\r\n");
    let (told, done) = channel();
    std::thread::spawn(move || {
        // Callers that say nothing are let go after three seconds.
        let begun = Instant::now();
        loop {
            let stream = std::panic::catch_unwind(|| {
                caller(
                    port,
                    &[3, 20, 0, 0, 0]
                        .into_iter()
                        .chain([0; 16])
                        .chain(0.75_f32.to_le_bytes())
                        .collect::<Vec<u8>>(),
                )
            });
            if let Ok(stream) = stream {
                let _ = told.send(stream);
                return;
            }
            if begun.elapsed() > PATIENT {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    until(&mouth, &[OscType::Float(0.75)], || {});
    drop((done, silent, receiving));
}

#[test]
fn an_end_never_comes_before_its_beginning_though_the_delay_is_lowered() {
    let (mouth, spoken) = ear();
    let (tablet, _) = ear();
    let (port, heard) = (free_port(), free_udp());
    let nowhere = PathBuf::new();
    let receiving = play(&receiver(spoken, port, ", delay: 2"), &nowhere);
    let sending = play(&sender(heard, port, ""), &nowhere);
    let say = |args: Vec<OscType>| {
        let packet = arguments::packet("/a", args).unwrap();
        tablet.send_to(&packet, ("127.0.0.1", heard)).unwrap();
    };
    until(&mouth, &[OscType::Float(0.5)], || {
        say(vec![OscType::Float(0.5)])
    });
    say(arguments::note(3, 60, 0.5));
    std::thread::sleep(Duration::from_millis(300));
    let steering = receiving.steering();
    steering
        .set("in", "delay", 0.0.into(), Duration::ZERO)
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    say(arguments::note(3, 60, 0.0));
    until(&mouth, &arguments::note(3, 60, 0.5), || {});
    until(&mouth, &arguments::note(3, 60, 0.0), || {});
    drop((sending, receiving));
}

#[test]
fn a_render_a_taken_port_and_an_open_door_are_refused_in_one_clear_message() {
    let nowhere = PathBuf::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (settings, options) = (Settings::default(), LiveOptions::default());
    let failure = Live::start(graph(&receiver(9, port, ""), &nowhere), &settings, options).err();
    let text = failure
        .map(|failure| failure.to_string())
        .unwrap_or_default();
    assert!(
        text.contains(&format!("the port {port} at 127.0.0.1 is taken")),
        "{text}"
    );
    let alone = format!(r#"Patch(format: 1, nodes: {{ "a": net_in(port: {port}) }}, wires: [])"#);
    let failure = Run::start(graph(&alone, &nowhere), &settings).and_then(Run::wait);
    match failure.err() {
        Some(RunError::Node { error, .. }) => {
            assert_eq!(error.kind(), NodeErrorKind::Device);
            assert!(error.to_string().contains("only in a live run"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    for (node, word) in [
        (
            r#"net_in(port: 7700, listen: "0.0.0.0")"#,
            "the network takes a `secret`",
        ),
        (r#"net_in(port: 7700, listen: "here")"#, "not an IP address"),
        (
            r#"net_in(port: 7700, secret: "none.secret")"#,
            "none.secret",
        ),
        (
            r#"net_out(port: 7700, host: "a:7700")"#,
            "not the name of a computer",
        ),
    ] {
        let text = format!(r#"Patch(format: 1, nodes: {{ "a": {node} }}, wires: [])"#);
        let source = Source::text("net.ron", &text, nowhere.clone());
        let graph = check(&source, &[], &crate::registry(), &settings);
        let problems = format!("{:?}", graph.err());
        assert!(problems.contains(word), "{problems}");
    }
}
