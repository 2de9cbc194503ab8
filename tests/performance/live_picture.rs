//! How exactly a film keeps its time live, and how long a live picture takes through a capture.
//!
//!     cargo bench --package score-nodes --bench live_picture -- 60
//!
//! The number is how many seconds each part lasts. A film of 25 frames a second, once from memory
//! and once decoded all the time: how late each frame is at the node behind, against its own time
//! on the run's clock; and how late a bare sleep is meanwhile. A stream on this machine, whose
//! frames have the wall time at which they were made as their brightness: how old each is at the
//! node behind; uncompressed, and as the pictures of a webcam (its own encoding counts as well).
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use score_engine::{
    Build, Descriptor, Flow, Frame, InputPort, Io, Live, LiveOptions, Node, NodeError, Params,
    Processor, Settings, Source, check,
};

/// What came of one frame.
struct Seen {
    /// Its time, in milliseconds.
    time: f64,
    /// How much later it was at the node behind, in milliseconds.
    late: f64,
    /// How old its brightness says it is, in milliseconds.
    old: f64,
}

static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

const PICTURES: InputPort<Frame> = InputPort::new(0, "in", "pictures");

#[derive(Clone, Params)]
struct Watch {}

impl Node for Watch {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("bench", "watch", "Measures what comes").input(PICTURES)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Watching))
    }
}

struct Watching;

impl Processor<Watch> for Watching {
    fn process(&mut self, _params: &Watch, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let frame = input.read(PICTURES)?;
            let middle = frame.pixels()[frame.pixels().len() / 2 / 3 * 3];
            let wall = (wall.as_secs_f64() * 1000.0).rem_euclid(256.0);
            SEEN.lock().unwrap().push(Seen {
                time: input.packet.time.seconds() * 1000.0,
                late: (io.now() - input.packet.time).seconds() * 1000.0,
                old: (wall - f64::from(middle)).rem_euclid(256.0),
            });
        }
        Ok(Flow::Continue)
    }
}

/// How late a bare sleep to each of the same times is: what the machine itself can do.
fn bare(seconds: f64) -> Vec<Seen> {
    let began = Instant::now();
    let frames = (seconds * 25.0) as u32;
    let late = |frame: u32| {
        let time = Duration::from_millis(40) * frame;
        std::thread::sleep(time.saturating_sub(began.elapsed()));
        Seen {
            time: time.as_secs_f64() * 1000.0,
            late: (began.elapsed().saturating_sub(time)).as_secs_f64() * 1000.0,
            old: 0.0,
        }
    };
    (1..frames).map(late).collect()
}

/// Plays `node` for so long; what came of it, without the first second.
fn play(node: &str, seconds: f64) -> Vec<Seen> {
    let mut registry = score_nodes::registry();
    registry.add::<Watch>();
    let text =
        format!(r#"Patch(format: 1, nodes: {{"a": {node}, "b": watch()}}, wires: ["a -> b"])"#);
    let source = Source::text("live_picture", &text, PathBuf::new());
    let graph = check(&source, &[], &registry, &Settings::default()).unwrap();
    let (live, _) = Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    live.drain(Duration::from_secs(5));
    let seen = std::mem::take(&mut *SEEN.lock().unwrap());
    seen.into_iter().skip(25).collect()
}

fn report(name: &str, seen: &[Seen], figure: impl Fn(&Seen) -> f64) {
    let mut figures: Vec<f64> = seen.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let at = |share: f64| figures[((figures.len() - 1) as f64 * share).round() as usize];
    let steps = seen.windows(2).map(|pair| pair[1].time - pair[0].time);
    let gaps = steps.filter(|step| *step > 60.0).count();
    println!(
        "{name:<28} {:>6} frames, {gaps} gaps, p50 {:>7.3} ms, p99 {:>7.3} ms, max {:>7.3} ms, {} kB resident",
        figures.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        resident(),
    );
}

/// This program's memory in kB, where the system tells.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or("?", |line| line.trim().trim_end_matches(" kB"))
        .to_owned()
}

fn film(path: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg("testsrc2=rate=25:duration=20:size=1280x720")
        .args(["-c:v", "libx264", "-preset", "ultrafast"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

/// A server on this machine alone, which gives one asker pictures as bright as the time in
/// milliseconds.
fn serve(format: &[&str]) -> (Child, String) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("http://127.0.0.1:{port}/");
    let source = "color=size=16x16:rate=25,format=gray,geq=lum='mod(floor(time(0)*1000)\\,256)',\
                  scale=640:480:flags=neighbor:in_range=full:out_range=full,format=yuvj420p";
    let server = Command::new("ffmpeg")
        .args([
            "-nostdin", "-v", "error", "-threads", "1", "-re", "-f", "lavfi", "-i", source,
        ])
        .args(["-threads", "1"])
        .args(format)
        .args(["-flush_packets", "1", "-listen", "1", &address])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    (server, address)
}

fn main() {
    let seconds = std::env::args()
        .find_map(|word| word.parse().ok())
        .unwrap_or(10.0);
    let folder = std::env::temp_dir().join(format!("score-live-picture-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("film.mp4");
    film(&path);
    for (name, side) in [("film, kept in memory", 64), ("film, decoded", 160)] {
        let node = format!("video_file(path: {path:?}, width: {side}, height: {side}, loop: true)");
        let sleep = std::thread::spawn(move || bare(seconds));
        report(name, &play(&node, seconds), |seen| seen.late);
        let sleep = sleep.join().unwrap();
        report("  a bare sleep meanwhile", &sleep, |seen| seen.late);
    }
    let formats: [(&str, &[&str]); 2] = [
        ("stream, uncompressed", &["-f", "yuv4mpegpipe"]),
        (
            "stream, Motion-JPEG",
            &["-c:v", "mjpeg", "-q:v", "2", "-f", "mpjpeg"],
        ),
    ];
    for (name, format) in formats {
        let (mut server, address) = serve(format);
        let node = format!("video_stream(url: {address:?}, width: 8, height: 8)");
        let seen = play(&node, seconds);
        server.kill().unwrap();
        server.wait().unwrap();
        if seen.is_empty() {
            println!("{name}: no picture came");
            continue;
        }
        report(name, &seen, |seen| seen.old);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
