//! Other programs steer and watch a run by OSC and OSCQuery, and no web page does.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use score_test_support::{Talking, program, text};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch that needs no device and writes nothing.
const HUM: &str = r#"Patch(
    format: 1,
    nodes: {
        "hum": tone(gain: -30),
        "code": latent_random(dimension: 3, every: 0.2),
    },
)
"#;

/// A run that plays, and where its doors are.
struct Stage {
    folder: tempfile::TempDir,
    run: Talking,
    door: SocketAddr,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("show.ron"), HUM).unwrap();
        let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--osc", "0"];
        let run = Talking::start(&mut program(folder.path(), &arguments));
        let line = run.until("OSC is received");
        let door = line.split("address=").nth(1).unwrap();
        let door = door.split_whitespace().next().unwrap().parse().unwrap();
        run.until("plays");
        Stage { folder, run, door }
    }

    fn patch(&self) -> PathBuf {
        self.folder.path().join("show.ron")
    }

    /// What is answered to a request, word for word; and its status.
    fn asked(&self, head: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.door).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = text(&answer);
        let status = answer
            .split(' ')
            .nth(1)
            .map_or(0, |status| status.parse().unwrap());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }

    fn get(&self, what: &str) -> (u16, Value) {
        let head = format!(
            "GET {what} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.door
        );
        let (status, body) = self.asked(&head);
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    fn gain(&self) -> f64 {
        self.get("/hum/gain?VALUE").1["VALUE"][0].as_f64().unwrap()
    }

    /// Sends a message from a socket of its own.
    fn send(&self, address: &str, args: &[OscType]) {
        self.send_packet(OscPacket::Message(message(address, args)));
    }

    fn send_packet(&self, packet: OscPacket) {
        let bytes = rosc::encoder::encode(&packet).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&bytes, self.door).unwrap();
    }

    /// Somebody who listens.
    fn listener(&self) -> Listener {
        let stream = TcpStream::connect(self.door).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        let url = format!("ws://{}/", self.door);
        Listener(tungstenite::client(url, stream).unwrap().0)
    }
}

struct Listener(WebSocket<TcpStream>);

impl Listener {
    fn wish(&mut self, command: &str, data: &str) {
        let wish = json!({ "COMMAND": command, "DATA": data });
        self.0.send(Message::text(wish.to_string())).unwrap();
    }

    fn set(&mut self, address: &str, args: &[OscType]) {
        let packet = OscPacket::Message(message(address, args));
        let bytes = rosc::encoder::encode(&packet).unwrap();
        self.0.send(Message::binary(bytes)).unwrap();
    }

    /// All that is heard in a while.
    fn hears(&mut self, within: Duration) -> Vec<Message> {
        let begun = Instant::now();
        let mut heard = Vec::new();
        while begun.elapsed() < within {
            if let Ok(message) = self.0.read() {
                heard.push(message);
            }
        }
        heard
    }

    /// Waits for a message of OSC for which `is_it`.
    fn until(&mut self, is_it: impl Fn(&OscMessage) -> bool) -> OscMessage {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(Message::Binary(bytes)) = self.0.read()
                && let Ok((_, OscPacket::Message(message))) = rosc::decoder::decode_udp(&bytes)
                && is_it(&message)
            {
                return message;
            }
        }
        panic!("it is not heard");
    }
}

fn message(address: &str, args: &[OscType]) -> OscMessage {
    OscMessage {
        addr: address.to_owned(),
        args: args.to_vec(),
    }
}

fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to this");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_live_value_has_an_address_that_sets_and_releases_it() {
    let stage = Stage::new();
    // The node has shown its values soon after it plays.
    until(|| stage.get("/hum/gain?VALUE").1["VALUE"] == json!([-30.0]));
    let (status, gain) = stage.get("/hum/gain");
    assert_eq!(status, 200);
    assert_eq!(gain["VALUE"], json!([-30.0]));
    assert_eq!((&gain["TYPE"], &gain["ACCESS"]), (&json!("f"), &json!(3)));
    assert_eq!(gain["RANGE"][0]["MAX"], 0.0);
    stage.send("/hum/gain", &[OscType::Float(-20.0)]);
    until(|| stage.gain() == -20.0);
    // A pattern, in a number of another kind; what is too much is as much as may be.
    stage.send("/h*/ga?n", &[OscType::Int(-1_000)]);
    let least = gain["RANGE"][0]["MIN"].as_f64().unwrap();
    until(|| stage.gain() == least);
    stage.send("/transport/tempo", &[OscType::Double(90.0)]);
    until(|| stage.get("/transport/tempo?VALUE").1["VALUE"] == json!([90.0]));
    // Without a value it is released.
    stage.send("/hum/gain", &[]);
    until(|| stage.gain() == -30.0);
    // A bundle for half a second from now.
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_millis(500);
    let content = vec![OscPacket::Message(message(
        "/hum/gain",
        &[OscType::Float(-25.0)],
    ))];
    let timetag = OscTime {
        seconds: (time.as_secs() + 2_208_988_800) as u32,
        fractional: ((u64::from(time.subsec_nanos()) << 32) / 1_000_000_000) as u32,
    };
    let sent = Instant::now();
    stage.send_packet(OscPacket::Bundle(OscBundle { timetag, content }));
    until(|| stage.gain() == -25.0);
    assert!(sent.elapsed() > Duration::from_millis(400));
}

/// liblo is what Ardour, Carla and many Linux programs speak OSC with.
#[test]
fn what_liblo_sends_is_understood() {
    if std::process::Command::new("oscsend").output().is_err() {
        eprintln!("skipped: oscsend is not installed (apt install liblo-tools)");
        return;
    }
    let stage = Stage::new();
    let port = stage.door.port().to_string();
    for (kind, value, becomes) in [
        ("f", "-20.5", -20.5),
        ("i", "-12", -12.0),
        ("d", "-3", -3.0),
    ] {
        let sent = std::process::Command::new("oscsend")
            .args(["127.0.0.1", &port, "/hum/gain", kind, value])
            .status();
        assert!(sent.unwrap().success());
        until(|| stage.gain() == becomes);
    }
}

#[test]
fn a_message_recalls_a_preset_and_the_release_of_a_button_does_not() {
    let stage = Stage::new();
    assert_eq!(stage.get("/presets").0, 404);
    let mut listener = stage.listener();
    listener.wish("LISTEN", "/hum/gain");
    let presets = "    presets: {\"calm\": {\"hum.gain\": -20, \"transport.tempo\": 90}},\n)\n";
    let text = HUM.replace("    },\n)\n", &format!("    }},\n{presets}"));
    std::fs::write(stage.patch(), text).unwrap();
    until(|| stage.get("/presets/calm").0 == 200);
    let (_, calm) = stage.get("/presets/calm");
    assert_eq!((&calm["ACCESS"], &calm["TYPE"]), (&json!(2), &json!("f")));
    assert_eq!(calm["DESCRIPTION"], "recalls 2 values");
    assert_eq!(stage.get("/presets/calm?VALUE").0, 204);
    let all = stage.get("/").1;
    assert_eq!(all["CONTENTS"]["presets"]["CONTENTS"]["calm"], calm);
    // Neither a release nor a pattern recalls it.
    stage.send("/presets/calm", &[OscType::Float(0.0)]);
    stage.send("/presets/*", &[]);
    stage.send("/hum/gain", &[OscType::Float(-25.0)]);
    until(|| stage.gain() == -25.0);
    assert_eq!(
        stage.get("/transport/tempo?VALUE").1["VALUE"],
        json!([120.0])
    );
    stage.send("/presets/calm", &[OscType::Float(0.2)]);
    until(|| stage.gain() == -20.0);
    assert_eq!(
        stage.get("/transport/tempo?VALUE").1["VALUE"],
        json!([90.0])
    );
    listener.until(|message| message.args == [OscType::Float(-20.0)]);
    stage.send("/hum/gain", &[]);
    until(|| stage.gain() == -30.0);
    listener.set("/presets/calm", &[]);
    until(|| stage.gain() == -20.0);
    stage.send("/presets/clam", &[]);
    stage.run.until("nothing plays at `/presets/clam`");
}

#[test]
fn a_message_calls_a_cue_and_go_the_next_one() {
    let stage = Stage::new();
    let cues = r#"    cues: [
        (name: "dawn", set: {"hum.gain": -20}),
        (name: "storm", set: {"hum.gain": -10}, time: 0.1),
    ],
)
"#;
    let text = HUM.replace("    },\n)\n", &format!("    }},\n{cues}"));
    std::fs::write(stage.patch(), text).unwrap();
    until(|| stage.get("/cues/go").0 == 200);
    assert_eq!(stage.get("/cues/storm").1["TYPE"], "I");
    let mut listener = stage.listener();
    listener.wish("LISTEN", "/transport/out/cue");
    // A button that is let go, and a pattern, call nothing.
    stage.send("/cues/go", &[OscType::Float(0.0)]);
    stage.send("/cues/*", &[]);
    stage.send("/cues/go", &[OscType::Float(1.0)]);
    // Pressed twice, it counts once.
    stage.send("/cues/go", &[]);
    until(|| stage.gain() == -20.0);
    listener.until(|message| message.args == [OscType::String("dawn".to_owned())]);
    stage.send("/cues/storm", &[OscType::Bool(true)]);
    until(|| stage.gain() == -10.0);
    listener.until(|message| message.args == [OscType::String("storm".to_owned())]);
    listener.set("/cues/dawn", &[]);
    until(|| stage.gain() == -20.0);
}

/// As libossia asks (August 2026): the host, twice in different words, all addresses, and one
/// connection for all it listens to; then it sends packets.
#[test]
fn what_ossia_asks_is_answered_and_nobody_hears_what_they_have_said() {
    let stage = Stage::new();
    for asked in ["/?HOST_INFO", "/?HOST_INFO=1"] {
        let (status, about) = stage.get(asked);
        assert_eq!(status, 200);
        assert_eq!(about["OSC_PORT"], json!(stage.door.port()));
        assert_eq!(about["OSC_TRANSPORT"], "UDP");
        assert_eq!(about["EXTENSIONS"]["LISTEN"], true);
    }
    let all = stage.get("/").1;
    assert_eq!(
        all["CONTENTS"]["hum"]["CONTENTS"]["gain"]["VALUE"],
        json!([-30.0])
    );
    let mut ossia = stage.listener();
    for address in [
        "/hum/gain",
        "/hum/out/sound",
        "/code/out/latent",
        "/transport/out/beat",
    ] {
        ossia.wish("LISTEN", address);
    }
    ossia.until(|message| message.addr == "/hum/gain" && message.args == [OscType::Float(-30.0)]);
    let level = ossia.until(|message| message.addr.starts_with("/hum/out/"));
    assert_eq!(level.args.len(), 2, "{level:?}");
    let code = ossia.until(|message| message.addr == "/code/out/latent");
    assert_eq!(code.args.len(), 3);
    ossia.until(|message| message.addr == "/transport/out/beat");
    for quiet in ["/hum/out/sound", "/code/out/latent", "/transport/out/beat"] {
        ossia.wish("IGNORE", quiet);
    }
    ossia.hears(Duration::from_millis(300));
    // By a packet, and over the connection: neither comes back.
    stage.send("/hum/gain", &[OscType::Float(-21.0)]);
    until(|| stage.gain() == -21.0);
    ossia.set("/hum/gain", &[OscType::Float(-22.0)]);
    until(|| stage.gain() == -22.0);
    let heard = ossia.hears(Duration::from_millis(600));
    let heard: Vec<&Message> = heard.iter().filter(|message| message.is_binary()).collect();
    assert!(heard.is_empty(), "{heard:?}");
    // Another one is told.
    let mut other = stage.listener();
    other.wish("LISTEN", "/hum/gain");
    other.until(|message| message.args == [OscType::Float(-22.0)]);
    ossia.set("/hum/gain", &[OscType::Float(-23.0)]);
    other.until(|message| message.args == [OscType::Float(-23.0)]);
    // Each edit is told, and what is gone is gone.
    std::fs::write(stage.patch(), HUM.replace("\"hum\"", "\"buzz\"")).unwrap();
    let heard = ossia.hears(Duration::from_secs(5));
    let changed = heard.iter().filter_map(|message| message.to_text().ok());
    let changed: Vec<&str> = changed
        .filter(|text| text.contains("PATH_CHANGED"))
        .collect();
    assert_eq!(changed.len(), 1, "{heard:?}");
    assert_eq!(stage.get("/hum/gain").0, 404);
    assert_eq!(stage.get("/buzz/gain?VALUE").1["VALUE"], json!([-30.0]));
}

#[test]
fn one_who_listens_alone_hears_of_another_program_and_that_the_run_ends() {
    let stage = Stage::new();
    let mut listener = stage.listener();
    listener.wish("LISTEN", "/hum/gain");
    listener.until(|message| message.args == [OscType::Float(-30.0)]);
    // Each packet is from a socket of its own: they cannot all be the listener's.
    stage.send("/hum/gain", &[OscType::Float(-21.0)]);
    until(|| stage.gain() == -21.0);
    stage.send("/hum/gain", &[OscType::Float(-22.0)]);
    listener.until(|message| message.args == [OscType::Float(-22.0)]);
    stage.run.signal("INT");
    let begun = Instant::now();
    loop {
        match listener.0.read() {
            Ok(Message::Close(_)) => break,
            Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(_) => {}
            Err(error) => panic!("it is not told of the end: {error}"),
        }
        assert!(begun.elapsed() < PATIENCE, "it is not told of the end");
    }
}

/// As Chataigne asks (August 2026): the query without a slash before it, then all, then one
/// wish for each address; it asks again every five seconds.
#[test]
fn what_chataigne_asks_is_answered() {
    let stage = Stage::new();
    for _ in 0..3 {
        let head = format!(
            "GET ?HOST_INFO HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            stage.door
        );
        let (status, body) = stage.asked(&head);
        assert_eq!(status, 200, "{body}");
        let about: Value = serde_json::from_str(&body).unwrap();
        assert!(about["NAME"].as_str().unwrap().starts_with("SCORE! show"));
        assert_eq!(stage.get("/").0, 200);
        let mut chataigne = stage.listener();
        for address in ["/hum/gain", "/transport/tempo"] {
            chataigne.wish("LISTEN", address);
        }
        chataigne.until(|message| message.addr == "/transport/tempo");
    }
    // What an address lacks, what there is not, and what is no question.
    assert_eq!(stage.get("/hum?VALUE").0, 204);
    assert_eq!(stage.get("/hum/loudness").0, 404);
    assert_eq!(stage.get("/hum?COLOUR").0, 400);
}

#[test]
fn no_web_page_and_no_foreign_name_is_answered() {
    let stage = Stage::new();
    let port = stage.door.port();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for wrong in [
        format!("Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: null\r\n"),
        format!("Host: evil.example:{port}\r\n"),
        String::new(),
    ] {
        for more in ["Connection: close\r\n", upgrade] {
            let (status, _) = stage.asked(&format!("GET / HTTP/1.1\r\n{wrong}{more}\r\n"));
            assert!([400, 403].contains(&status), "{status}: {wrong}{more}");
        }
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (status, _) = stage.asked(&format!(
            "{method} /hum/gain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(status, 405, "{method}");
    }
    assert_eq!(stage.gain(), -30.0);
}

#[test]
fn nonsense_stops_neither_the_music_nor_the_answers() {
    let stage = Stage::new();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let whole = rosc::encoder::encode(&OscPacket::Bundle(OscBundle {
        timetag: OscTime {
            seconds: 0,
            fractional: 1,
        },
        content: vec![OscPacket::Message(message(
            "/hum/gain",
            &[OscType::Float(f32::NAN)],
        ))],
    }));
    let whole = whole.unwrap();
    for _ in 0..2_000 {
        let mut packet = whole.clone();
        for _ in 0..=rng.next_u32() % 4 {
            let place = rng.next_u32() as usize % packet.len();
            packet[place] = rng.next_u32() as u8;
        }
        let _ = socket.send_to(&packet, stage.door);
    }
    // Bundles within bundles, thousands deep.
    let mut deep = Vec::new();
    for length in (0..3_000_u32).rev() {
        deep.extend_from_slice(b"#bundle\0\0\0\0\0\0\0\0\x01");
        deep.extend_from_slice(&(length * 20).to_be_bytes());
    }
    let _ = socket.send_to(&deep, stage.door);
    let mut listener = stage.listener();
    listener.0.send(Message::binary(deep)).unwrap();
    listener.0.send(Message::text("[".repeat(60_000))).unwrap();
    for head in [
        "\0\u{1}\u{2}",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(stage.door).unwrap();
        let _ = stream.write_all(head.as_bytes());
    }
    stage.send("/hum/gain", &[OscType::Float(-19.0)]);
    until(|| stage.gain() == -19.0);
    stage.run.until("OSC: ");
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_plays() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("show.ron"), HUM).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--osc", &port];
    let done = program(folder.path(), &arguments).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told = text(&done.stderr);
    assert!(
        told.contains(&format!("127.0.0.1:{port}")) && told.contains("--osc"),
        "{told}"
    );
}
