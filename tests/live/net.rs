//! A piece on two computers: two processes, with a network between them that fails.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use score_test_support::program;
use serde_json::Value;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// A tune that plays by itself, numbers and latents, sent to `host`.
fn sender(host: &str, port: u16) -> String {
    format!(
        r#"Patch(format: 1, transport: (tempo: 160, seed: 1), nodes: {{
            "wave": lfo(every: seconds(1)),
            "walk": latent_random(dimension: 64, every: seconds(0.1)),
            "tune": scale_walk(),
            "out": net_out(host: "{host}", port: {port}, secret: "stage.secret"),
        }}, wires: ["wave -> out.control", "wave -> tune.density", "walk -> out.latent", "tune -> out.notes"])"#
    )
}

/// What comes, written down and said by OSC.
fn receiver(listen: &str, port: u16, osc: u16) -> String {
    format!(
        r#"Patch(format: 1, nodes: {{
            "in": net_in(listen: "{listen}", port: {port}, secret: "stage.secret", delay: 0.05),
            "mouth": osc_out(port: {osc}, address: "/b"),
        }}, wires: ["in.control -> mouth.control", "in.notes -> mouth.notes", "in.latent -> mouth.latent"])"#
    )
}

/// A run, which is ended with this value, and the file of its status.
struct Run(Child, std::path::PathBuf);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Run {
    /// Plays `patch` in `folder`, in the network namespace `space` if one is named.
    fn start(folder: &Path, name: &str, patch: &str, space: Option<&str>) -> Self {
        std::fs::write(folder.join("stage.secret"), "known to both of them\n").unwrap();
        std::fs::write(folder.join(format!("{name}.ron")), patch).unwrap();
        let status = folder.join(format!("{name}.jsonl"));
        let plain = program(
            folder,
            &["run", &format!("{name}.ron"), "--quiet", "--status-json"],
        );
        let mut command = match space {
            None => Command::new(plain.get_program()),
            Some(space) => {
                let mut command = Command::new("ip");
                command
                    .args(["netns", "exec", space])
                    .arg(plain.get_program());
                command
            }
        };
        command
            .current_dir(folder)
            .args(plain.get_args())
            .arg(&status);
        for (variable, value) in plain
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)))
        {
            command.env(variable, value);
        }
        let log = std::fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Run(child, status)
    }

    /// A node's own figures, and what it waits for, as the last line of the status has them.
    fn node(&self, id: &str) -> (Value, Option<String>) {
        let text = std::fs::read_to_string(&self.1).unwrap_or_default();
        let lines = text.lines().rev();
        let mut statuses = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let status = statuses.next().unwrap_or(Value::Null);
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        let node = nodes
            .into_iter()
            .find(|node| node["id"] == id)
            .unwrap_or(Value::Null);
        let waits = node["waiting"]["reason"].as_str().map(str::to_owned);
        (node["counters"].clone(), waits)
    }

    /// Waits until the figures of a node, and what it waits for, are as they should be.
    fn until(&self, id: &str, what: &str, is: impl Fn(&Value, Option<&str>) -> bool) {
        let begun = Instant::now();
        loop {
            let (figures, waits) = self.node(id);
            if is(&figures, waits.as_deref()) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {figures} {waits:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What the receiver says by OSC: which notes sound, and how many messages there were.
struct Ear {
    socket: UdpSocket,
    sounding: Vec<(i32, i32)>,
    begun: usize,
}

impl Ear {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        Ear {
            socket,
            sounding: Vec::new(),
            begun: 0,
        }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// Listens for so long.
    fn listen(&mut self, seconds: f64) {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let mut packet = [0; 2_048];
        while Instant::now() < until {
            let Ok(length) = self.socket.recv(&mut packet) else {
                continue;
            };
            // `/b`, three numbers: a note.
            if length < 24 || packet[..8] != *b"/b\0\0,iif" {
                continue;
            }
            let number = |at: usize| i32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
            let place = (number(12), number(16));
            self.sounding.retain(|other| *other != place);
            if number(20) != 0 {
                self.sounding.push(place);
                self.begun += 1;
            }
        }
    }
}

/// A network that a test can break: it hands on what comes at its port.
struct Proxy {
    port: u16,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    is_open: Arc<AtomicBool>,
    /// Nothing passes, but nothing is closed either.
    stands: Arc<AtomicBool>,
}

impl Proxy {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            streams: Arc::default(),
            is_open: Arc::new(AtomicBool::new(true)),
            stands: Arc::default(),
        };
        let (streams, is_open, stands) = (
            proxy.streams.clone(),
            proxy.is_open.clone(),
            proxy.stands.clone(),
        );
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                if !is_open.load(Ordering::Acquire) {
                    continue;
                }
                let Ok(called) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                for stream in [&caller, &called] {
                    streams.lock().unwrap().push(stream.try_clone().unwrap());
                    stream.set_nodelay(true).unwrap();
                }
                let ways = [
                    (caller.try_clone(), called.try_clone()),
                    (Ok(called), Ok(caller)),
                ];
                for (from, to) in ways {
                    let (mut from, mut to, stands) = (from.unwrap(), to.unwrap(), stands.clone());
                    std::thread::spawn(move || {
                        let mut piece = [0; 4_096];
                        while let Ok(read @ 1..) = from.read(&mut piece) {
                            while stands.load(Ordering::Acquire) {
                                std::thread::sleep(Duration::from_millis(5));
                            }
                            if to.write_all(&piece[..read]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        proxy
    }

    fn cut(&self) {
        self.is_open.store(false, Ordering::Release);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_open.store(true, Ordering::Release);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn number(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or(0)
}

#[test]
fn two_processes_play_one_piece_and_a_break_leaves_no_note_and_mends_itself() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut ear = Ear::new();
    let port = free_port();
    let proxy = Proxy::to(port);
    let receiving = Run::start(
        folder,
        "receiver",
        &receiver("127.0.0.1", port, ear.port()),
        None,
    );
    let sending = Run::start(folder, "sender", &sender("127.0.0.1", proxy.port), None);
    receiving.until("in", "no clock", |figures, _| {
        figures["round_trip_us"].is_u64()
    });
    sending.until("out", "no clock", |figures, _| {
        figures["round_trip_us"].is_u64()
    });
    ear.listen(3.0);
    assert!(ear.begun > 3, "{} notes", ear.begun);
    // Cut.
    proxy.cut();
    ear.listen(1.5);
    assert_eq!(ear.sounding, [], "they hang");
    sending.until("out", "nothing is lost", |figures, waits| {
        number(figures, "lost") > 0 && waits.is_some()
    });
    let before = ear.begun;
    proxy.mend();
    receiving.until("in", "not mended", |figures, waits| {
        number(figures, "connections") == 2 && waits.is_none()
    });
    ear.listen(3.0);
    assert!(ear.begun > before + 3);
    // Silence, with the connection still open: it is noticed after three seconds, and what was under
    // way comes to nobody's ears.
    proxy.stands.store(true, Ordering::Release);
    ear.listen(5.0);
    assert_eq!(ear.sounding, [], "they hang");
    let before = ear.begun;
    proxy.stands.store(false, Ordering::Release);
    receiving.until("in", "not mended", |figures, waits| {
        number(figures, "connections") >= 3 && waits.is_none()
    });
    ear.listen(3.0);
    assert!(ear.begun > before + 3);
    // The sender ends in the middle of a note.
    drop(sending);
    ear.listen(1.0);
    assert_eq!(ear.sounding, [], "they hang");
}

/// Two network namespaces with a cable between them, which go with this value. Their names have this
/// process's id, so that two runs of the tests at once do not take each other's.
struct Cable {
    ends: [String; 2],
}

fn ip(arguments: &str) -> bool {
    run("ip", arguments)
}

fn run(program: &str, arguments: &str) -> bool {
    let done = Command::new(program).args(arguments.split(' ')).output();
    done.is_ok_and(|done| done.status.success())
}

impl Cable {
    /// Lays it; `None`: that may not be done here.
    fn lay() -> Option<Self> {
        let id = std::process::id();
        // From here on, so that what is laid by half goes too.
        let cable = Cable {
            ends: ["camera", "sound"].map(|end| format!("score-{end}-{id}")),
        };
        let [one, other] = &cable.ends;
        let laid = ip(&format!("netns add {one}"))
            && ip(&format!("netns add {other}"))
            && ip(&format!(
                "link add score0 netns {one} type veth peer name score0 netns {other}"
            ))
            && ip(&format!("-n {one} addr add 10.77.0.1/24 dev score0"))
            && ip(&format!("-n {other} addr add 10.77.0.2/24 dev score0"))
            && cable.ends.iter().all(|end| {
                ip(&format!("-n {end} link set lo up"))
                    && ip(&format!("-n {end} link set score0 up"))
            });
        laid.then_some(cable)
    }

    /// What happens to packets, as tc says it; whether that can be had here.
    fn worsen(&self, how: &str) -> bool {
        self.ends.iter().all(|end| {
            run(
                "ip",
                &format!("netns exec {end} tc qdisc replace dev score0 root {how}"),
            )
        })
    }

    /// Pulls the cable out, or puts it in again.
    fn set(&self, state: &str) {
        assert!(ip(&format!("-n {} link set score0 {state}", self.ends[0])));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in &self.ends {
            ip(&format!("netns del {end}"));
        }
    }
}

#[test]
fn between_two_machines_a_bad_network_is_played_over_and_a_broken_one_mended() {
    let Some(cable) = Cable::lay() else {
        println!("skipped: no network namespaces can be made here (they take root and iproute2)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let film = "-f lavfi -i testsrc2=size=128x128:rate=25:duration=2 film.mp4";
    score_test_support::ffmpeg(folder, film);
    let is_slow = cable.worsen("netem delay 20ms 5ms loss 2%");
    if !is_slow {
        println!(
            "this system's tc has no netem: no delay and no loss, but a cable too narrow for the pictures"
        );
        assert!(cable.worsen("tbf rate 2mbit burst 32kb latency 100ms"));
    }
    let [camera, sound] = &cable.ends;
    let mut pictures = sender("10.77.0.2", 7700);
    pictures = pictures.replace(
        r#""out": net_out"#,
        r#""film": video_file(path: "film.mp4", loop: true), "out": net_out"#,
    );
    pictures = pictures.replace("wires: [", r#"wires: ["film -> out.picture", "#);
    let receiving = Run::start(
        folder,
        "receiver",
        &receiver("10.77.0.2", 7700, 9),
        Some(sound),
    );
    let sending = Run::start(folder, "sender", &pictures, Some(camera));
    receiving.until("in", "no clock", |figures, _| {
        let least = if is_slow { 28_000 } else { 1 };
        (least..500_000).contains(&number(figures, "round_trip_us"))
    });
    std::thread::sleep(Duration::from_secs(5));
    let (figures, _) = receiving.node("in");
    assert_eq!(number(&figures, "connections"), 1, "{figures}");
    cable.set("down");
    receiving.until("in", "the break is not noticed", |_, waits| {
        waits.is_some_and(|waits| waits.contains("is lost"))
    });
    cable.set("up");
    receiving.until("in", "not mended", |figures, waits| {
        number(figures, "connections") == 2 && waits.is_none()
    });
    sending.until("out", "not mended", |figures, waits| {
        number(figures, "connections") == 2 && waits.is_none()
    });
}
