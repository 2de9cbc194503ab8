//! Listens to what is played, and notes at which wall time each frame of it was handed to the
//! driver.
//!
//! JACK's library takes the server's name from the environment only, so the listener is a program
//! of its own: this one, started once more. It joins itself to what plays as often as that comes
//! back, and ends when its standard input does.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jack::contrib::ClosureProcessHandler;
use jack::{AudioIn, Client, ClientOptions, Control, MidiIn, NotificationHandler, ProcessScope};

use crate::helper;
use crate::jack::{Jack, RATE, Running};

/// The folder for what is heard, in the environment of the listening program.
pub const FOLDER: &str = "SCORE_LISTENER";

/// The listener's name; a `midi_out(port: "JACK: listener")` joins itself to it.
pub const NAME: &str = "listener";

/// What is listened to.
const SOUNDS: [(&str, &str); 2] = [("score_out:out_0", "left"), ("score_out:out_1", "right")];

/// Samples between the callback and the disk.
const RING: usize = 1 << 20;

/// Seconds since 1970.
pub fn wall() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

/// What the callback tells.
enum Heard {
    /// A call: its first frame, the wall time, and how many frames.
    Cycle(u32, f64, u32),
    /// A message, at a frame.
    Midi(u32, [u8; 3]),
}

/// Tells when the server was too late.
struct Overruns(Sender<f64>);

impl NotificationHandler for Overruns {
    fn xrun(&mut self, _: &Client) -> Control {
        let _ = self.0.send(wall());
        Control::Continue
    }
}

/// Listens, if this program was started for that, until its standard input ends.
pub fn listen_if_asked() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return false;
    };
    listen(Path::new(&folder));
    true
}

fn listen(folder: &Path) {
    let (client, _) = Client::new(NAME, ClientOptions::NO_START_SERVER).unwrap();
    let left = client.register_port("left", AudioIn::default()).unwrap();
    let right = client.register_port("right", AudioIn::default()).unwrap();
    let notes = client.register_port("notes", MidiIn::default()).unwrap();
    let (mut samples, mut sound) = rtrb::RingBuffer::<[f32; 2]>::new(RING);
    let (mut tell, mut told) = rtrb::RingBuffer::new(1 << 14);
    let process = move |_: &Client, scope: &ProcessScope| {
        let first = scope.last_frame_time();
        // What does not fit is missed in the count of frames, which the reader sees.
        let _ = tell.push(Heard::Cycle(first, wall(), scope.n_frames()));
        for (left, right) in left.as_slice(scope).iter().zip(right.as_slice(scope)) {
            let _ = samples.push([*left, *right]);
        }
        for message in notes.iter(scope) {
            let mut bytes = [0; 3];
            let length = message.bytes.len().min(3);
            bytes[..length].copy_from_slice(&message.bytes[..length]);
            let _ = tell.push(Heard::Midi(first.wrapping_add(message.time), bytes));
        }
        Control::Continue
    };
    let (overrun, overruns) = channel();
    let active = client
        .activate_async(Overruns(overrun), ClosureProcessHandler::new(process))
        .unwrap();
    let over = helper::asked_to_end();
    let file = |name: &str| BufWriter::new(std::fs::File::create(folder.join(name)).unwrap());
    let (mut heard, mut events) = (file("sound.f32"), file("events"));
    loop {
        let last = over.load(Ordering::Acquire);
        let client = active.as_client();
        for (from, to) in SOUNDS {
            let to = format!("{NAME}:{to}");
            let is_free = client
                .port_by_name(&to)
                .is_some_and(|port| port.connected_count().is_ok_and(|count| count == 0));
            if is_free && client.port_by_name(from).is_some() {
                let _ = client.connect_ports_by_name(from, &to);
            }
        }
        while let Ok(frame) = sound.pop() {
            for sample in frame {
                heard.write_all(&sample.to_le_bytes()).unwrap();
            }
        }
        while let Ok(event) = told.pop() {
            match event {
                Heard::Cycle(frame, wall, count) => {
                    writeln!(events, "cycle {frame} {wall:.7} {count}")
                }
                Heard::Midi(frame, [a, b, c]) => writeln!(events, "midi {frame} {a} {b} {c}"),
            }
            .unwrap();
        }
        if last {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for wall in overruns.try_iter() {
        writeln!(events, "overrun {wall:.6}").unwrap();
    }
    heard.flush().unwrap();
    events.flush().unwrap();
    // A server that is gone would be waited for.
    std::process::exit(0);
}

/// The listening program.
pub struct Listener {
    program: Running,
    folder: PathBuf,
}

impl Listener {
    /// Begins to listen on `jack`'s server, and waits until it does.
    pub fn start(jack: &Jack, folder: &Path) -> Self {
        let mut command = jack.tool(helper::this_program().to_str().unwrap());
        helper::prepare(&mut command, "proofs::listens", FOLDER, folder);
        let program = Running::start(&mut command);
        jack.until_port(&format!("{NAME}:notes"));
        Listener {
            program,
            folder: folder.to_owned(),
        }
    }

    /// Ends listening; what was heard.
    pub fn end(mut self) -> Take {
        drop(self.program.0.stdin.take());
        self.program.0.wait().unwrap();
        Take::read(&self.folder)
    }
}

/// A call of the driver.
#[derive(Clone, Copy)]
struct Cycle {
    /// Its first frame, as the server counts.
    frame: i64,
    /// Its first sample.
    sample: usize,
    wall: f64,
}

/// A message that was heard: its wall time and its bytes.
pub type Message = (f64, [u8; 3]);

/// What was heard.
pub struct Take {
    /// Left and right.
    pub sound: Vec<[f32; 2]>,
    pub messages: Vec<Message>,
    /// When the server told that it had been too late itself.
    pub overruns: Vec<f64>,
    cycles: Vec<Cycle>,
}

impl Take {
    fn read(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join("sound.f32")).unwrap();
        let sample = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
        let sound = bytes
            .chunks_exact(8)
            .map(|frame| [sample(&frame[..4]), sample(&frame[4..])])
            .collect();
        let mut take = Take {
            sound,
            messages: Vec::new(),
            overruns: Vec::new(),
            cycles: Vec::new(),
        };
        let mut at = 0;
        let mut messages = Vec::new();
        for line in std::fs::read_to_string(folder.join("events"))
            .unwrap()
            .lines()
        {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["cycle", frame, wall, count] => {
                    take.cycles.push(Cycle {
                        frame: frame.parse().unwrap(),
                        sample: at,
                        wall: wall.parse().unwrap(),
                    });
                    at += count.parse::<usize>().unwrap();
                }
                ["midi", frame, a, b, c] => {
                    let byte = |word: &str| word.parse::<u8>().unwrap();
                    messages.push((frame.parse().unwrap(), [byte(a), byte(b), byte(c)]));
                }
                ["overrun", wall] => take.overruns.push(wall.parse().unwrap()),
                _ => panic!("{line}"),
            }
        }
        assert_eq!(at, take.sound.len(), "samples were missed");
        take.straighten();
        take.messages = messages
            .into_iter()
            .map(|(frame, bytes)| (take.wall_of_frame(frame), bytes))
            .collect();
        take
    }

    /// Callbacks come late, never early: each gets the earliest beginning that its neighbours (a
    /// second to both sides) speak for.
    fn straighten(&mut self) {
        let rate = f64::from(RATE);
        let offset = |cycle: &Cycle| cycle.wall - cycle.frame as f64 / rate;
        let offsets: Vec<f64> = self.cycles.iter().map(offset).collect();
        let (mut from, mut to) = (0, 0);
        let walls: Vec<f64> = self.cycles.iter().map(|cycle| cycle.wall).collect();
        for number in 0..self.cycles.len() {
            while walls[from] < walls[number] - 1.0 {
                from += 1;
            }
            while to < walls.len() && walls[to] <= walls[number] + 1.0 {
                to += 1;
            }
            let least = offsets[from..to].iter().copied().fold(f64::MAX, f64::min);
            self.cycles[number].wall = least + self.cycles[number].frame as f64 / rate;
        }
    }

    /// When the frame that the server calls `frame` was handed to the driver.
    fn wall_of_frame(&self, frame: i64) -> f64 {
        let number = self.cycles.partition_point(|cycle| cycle.frame <= frame);
        let cycle = self.cycles[number.saturating_sub(1)];
        cycle.wall + (frame - cycle.frame) as f64 / f64::from(RATE)
    }

    /// When a sample was handed to the driver.
    pub fn wall_of(&self, sample: usize) -> f64 {
        let number = self.cycles.partition_point(|cycle| cycle.sample <= sample);
        let cycle = self.cycles[number.saturating_sub(1)];
        cycle.wall + (sample - cycle.sample) as f64 / f64::from(RATE)
    }

    /// The first sample that was handed over at `wall` or later.
    pub fn sample_at(&self, wall: f64) -> usize {
        let number = self.cycles.partition_point(|cycle| cycle.wall <= wall);
        let Some(cycle) = self.cycles.get(number.saturating_sub(1)) else {
            return 0;
        };
        let later = ((wall - cycle.wall) * f64::from(RATE)).ceil().max(0.0);
        (cycle.sample + later as usize).min(self.sound.len())
    }

    /// The wall times at which sound begins after at least 60 ms of silence.
    pub fn onsets(&self) -> Vec<f64> {
        const AUDIBLE: f32 = 2e-3;
        let mut quiet = 0;
        let mut onsets = Vec::new();
        for (number, frame) in self.sound.iter().enumerate() {
            if frame.iter().all(|sample| sample.abs() < AUDIBLE) {
                quiet += 1;
                continue;
            }
            if quiet > 2_880 {
                onsets.push(self.wall_of(number));
            }
            quiet = 0;
        }
        onsets
    }

    /// The largest step between neighbouring samples of one side from `from` on, and when it was.
    pub fn largest_step(&self, side: usize, from: f64) -> (f32, f64) {
        let first = self.sample_at(from);
        let steps = self.sound[first..]
            .windows(2)
            .enumerate()
            .map(|(number, pair)| ((pair[1][side] - pair[0][side]).abs(), number));
        let most = steps.fold(
            (0.0, 0),
            |most, step| if step.0 > most.0 { step } else { most },
        );
        (most.0, self.wall_of(first + most.1))
    }
}
