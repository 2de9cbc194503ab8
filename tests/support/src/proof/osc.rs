//! What is set by OSC while a patch plays: when it is heard, whether any is lost, and what it
//! costs.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};

use super::Figures;
use super::steering::{Heard, cost, heard_through};
use crate::jack::Jack;
use crate::player::{Player, dropouts};

/// Values that are set in turn: each is heard as the beginning of a tone.
const TONES: usize = 200;

/// A tone that is silent until it is set, and what keeps a record of whoever sets it.
const RECORDED: &str = r#"
    Patch(
        format: 1,
        transport: (block: 256),
        nodes: {
            "tone": tone(frequency: 1000, gain: -96),
            "sound": audio_out(device: "JACK"),
            "record": recorder(path: "take.wav"),
        },
        wires: ["tone -> sound", "tone -> record"],
    )
"#;

/// The same, of which nobody keeps a record.
const UNRECORDED: &str = r#"
    Patch(
        format: 1,
        transport: (block: 256),
        nodes: { "tone": tone(frequency: 1000, gain: -96), "sound": audio_out(device: "JACK") },
        wires: ["tone -> sound"],
    )
"#;

/// How often the costs without a recorder are measured.
const TIMES: usize = 3;

/// Sends a message as a program does that has opened its socket once.
pub struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Sender {
    /// To a run that was started with `--osc 0`.
    pub fn new(player: &mut Player) -> Self {
        let line = player
            .until(0.0, Duration::from_secs(20), |entry| {
                entry.message().starts_with("OSC is received")
            })
            .expect("the run receives OSC");
        Sender {
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            to: line.value["address"].as_str().unwrap().parse().unwrap(),
        }
    }

    pub fn send(&self, address: &str, value: f32) {
        let message = OscPacket::Message(OscMessage {
            addr: address.to_owned(),
            args: vec![OscType::Float(value)],
        });
        let bytes = rosc::encoder::encode(&message).unwrap();
        self.socket.send_to(&bytes, self.to).unwrap();
    }
}

/// Sets a tone's level by packets; `None` without JACK.
pub fn heard(tones: usize, period: u32) -> Option<Heard> {
    heard_through(tones, period, &["--osc", "0"], |player| {
        let sender = Sender::new(player);
        Box::new(move |gain| sender.send("/tone/gain", gain))
    })
}

/// How long a packet takes to a thread that waits for it, and back.
fn echo(count: usize) -> Figures {
    let there = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = there.local_addr().unwrap();
    let echoes = std::thread::spawn(move || {
        let mut packet = [0; 64];
        for _ in 0..count {
            let (length, from) = there.recv_from(&mut packet).unwrap();
            there.send_to(&packet[..length], from).unwrap();
        }
    });
    let here = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut packet = [0; 64];
    let took = (0..count).map(|_| {
        std::thread::sleep(Duration::from_millis(5));
        let sent = Instant::now();
        here.send_to(b"/tone/gain", to).unwrap();
        here.recv_from(&mut packet).unwrap();
        sent.elapsed().as_secs_f64()
    });
    let took = Figures::new(took.collect());
    echoes.join().unwrap();
    took
}

/// A thousand messages a second, as one tone's level.
pub struct Flood {
    pub sent: usize,
    /// Those that a recorder has kept, if there is one.
    pub kept: usize,
    /// A core's share more than without.
    pub cost: f64,
    pub dropouts: u64,
}

/// Sends a thousand messages a second to a run whose recorder keeps them; `None` without JACK.
pub fn flood(seconds: f64, period: u32) -> Option<Flood> {
    flood_of(RECORDED, seconds, period)
}

fn flood_of(patch: &str, seconds: f64, period: u32) -> Option<Flood> {
    let jack = Jack::start(period)?;
    let folder = tempfile::tempdir().unwrap();
    let mut player = Player::start_with(&jack, folder.path(), patch, &["--osc", "0"]);
    let sender = Sender::new(&mut player);
    std::thread::sleep(Duration::from_secs(2));
    let pause = Duration::from_micros(950);
    let (idle, _) = cost(&player, seconds, || std::thread::sleep(pause));
    let (mut sent, begun) = (0_usize, Instant::now());
    let (busy, _) = cost(&player, seconds, || {
        // As many as are due by now, so that a thread that wakes late sends no fewer.
        while (sent as f64) < begun.elapsed().as_secs_f64() * 1_000.0 {
            sender.send("/tone/gain", -40.0 - (sent % 20) as f32);
            sent += 1;
        }
        std::thread::sleep(pause);
    });
    std::thread::sleep(Duration::from_millis(500));
    let dropouts = dropouts(&player.statuses());
    player.drain();
    let files = std::fs::read_dir(folder.path()).unwrap().flatten();
    let records = files.filter(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("take") && name.ends_with(".jsonl")
    });
    let kept = records.map(|file| {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        text.lines()
            .filter(|line| line.contains("\"gain\""))
            .count()
    });
    Some(Flood {
        sent,
        kept: kept.sum(),
        cost: busy - idle,
        dropouts,
    })
}

/// Prints when values are heard that come as packets, and what a thousand a second do.
pub fn print_osc(period: u32) {
    println!("a bare echo over UDP: {}", echo(TONES));
    let Some(heard) = heard(TONES, period) else {
        return;
    };
    println!(
        "packet to heard ({period} frames a period): {}; {} missed, {} dropouts",
        heard.latency, heard.missed, heard.dropouts
    );
    if let Some(flood) = flood(20.0, period) {
        println!(
            "{} messages, a thousand a second: {} recorded, {:.2} % of a core more, {} dropouts",
            flood.sent,
            flood.kept,
            flood.cost * 100.0,
            flood.dropouts
        );
    }
    for _ in 0..TIMES {
        if let Some(flood) = flood_of(UNRECORDED, 20.0, period) {
            println!(
                "without a recorder: {:.2} % of a core more, {} dropouts",
                flood.cost * 100.0,
                flood.dropouts
            );
        }
    }
}
