//! The plug-in in a DAW of the tests' own, with a stand-in for the run.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod host;

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_link::daw::{Change, ENDING, FromPlugin, FromRun, NoteChange, Place, VERSION};
use score_link::socket::Socket;
use score_link::{Incoming, Message, monotonic};

use host::{Daw, GRID, RATE, in_own_folder};

/// How long anything may take on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far ahead the stand-in plays, in seconds: a machine that does other things makes none late.
const AHEAD: f64 = 0.4;

/// Plays a note on each quarter of a quarter note. It is gone with this value.
struct StandIn {
    stop: Arc<AtomicBool>,
    /// Jumps that it has answered.
    answered: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    fn start() -> Self {
        let socket = Socket::make(ENDING).unwrap();
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
        let (stopped, counted) = (stop.clone(), answered.clone());
        let thread = std::thread::spawn(move || work(&socket, &stopped, &counted));
        StandIn {
            stop,
            answered,
            thread: Some(thread),
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn work(socket: &Socket, stop: &AtomicBool, answered: &AtomicU32) {
    let stream = loop {
        if stop.load(Ordering::Acquire) {
            return;
        }
        match socket.listener().accept() {
            Ok((stream, _)) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(5)))
        .unwrap();
    say(&stream, &[FromRun::Hello(VERSION)]);
    let mut incoming = Incoming::default();
    let (mut line, mut next, mut pass, mut id): (Option<Place>, i64, i64, u32) = (None, 0, 0, 0);
    while !stop.load(Ordering::Acquire) {
        let filled = incoming.fill(|to| std::io::Read::read(&mut &stream, to));
        match filled {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                let kinds = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
        }
        let mut jumps = 0;
        let taken = incoming.take(|message| {
            if let FromPlugin::Place(place) = message {
                if place.jumps {
                    next = (place.beat / GRID).ceil() as i64;
                    pass = place.at;
                    jumps += 1;
                }
                line = place.plays.then_some(place);
            }
        });
        taken.unwrap();
        let mut notes = Vec::new();
        if let Some(place) = line {
            let passed = (monotonic() - place.at) as f64 / 1e9;
            let here = place.beat + (passed + AHEAD) * place.tempo / 60.0;
            while next as f64 * GRID < here {
                let beat = next as f64 * GRID;
                notes.extend(note(id, beat, pass, 36 + next.rem_euclid(48) as u8));
                (next, id) = (next + 1, id + 1);
            }
        }
        say(&stream, &notes);
        answered.fetch_add(jumps, Ordering::AcqRel);
    }
}

fn note(id: u32, beat: f64, pass: i64, pitch: u8) -> [FromRun; 2] {
    let (channel, velocity) = (0, 0.5);
    let on = Change::On {
        channel,
        pitch,
        velocity,
    };
    [(beat, on), (beat + 0.9 * GRID, Change::Off)].map(|(beat, change)| {
        FromRun::Note(NoteChange {
            part: 1,
            id,
            beat,
            pass,
            change,
        })
    })
}

fn say(mut stream: &UnixStream, messages: &[FromRun]) {
    let mut bytes = Vec::new();
    messages
        .iter()
        .for_each(|message| message.append(&mut bytes));
    // The plug-in may be gone.
    let _ = stream.write_all(&bytes);
}

/// Blocks until the plug-in's state is this.
fn until_state(daw: &mut Daw, state: u32) {
    let started = Instant::now();
    while daw.state != state {
        assert!(started.elapsed() < PATIENCE, "state {}", daw.state);
        daw.block();
    }
}

/// Plays for so many seconds. Where the playhead jumps, the DAW stands until the run has answered.
fn play(daw: &mut Daw, run: &StandIn, seconds: f64) {
    let end = daw.frame + (seconds * RATE) as u64;
    while daw.frame < end {
        let before = daw.jumps;
        let answers = run.answered.load(Ordering::Acquire);
        daw.block();
        let made = daw.jumps - before;
        let started = Instant::now();
        while run.answered.load(Ordering::Acquire) < answers + made {
            assert!(started.elapsed() < PATIENCE, "no answer");
            std::thread::sleep(Duration::from_millis(1));
        }
        if made > 0 {
            // From the socket to the ring.
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// At which frames notes are to begin between these frames: where the playhead passes the grid.
fn wanted(daw: &Daw, from: u64, to: u64) -> Vec<u64> {
    let mut wanted = Vec::new();
    for pair in daw.segments.windows(2) {
        let (segment, end) = (pair[0], pair[1].frame);
        let per_frame = segment.tempo / 60.0 / RATE;
        let near = if segment.jumps { 2e-3 } else { 1e-6 };
        let mut next = (segment.beat / GRID - near).ceil();
        let last = segment.beat + (end - segment.frame) as f64 * per_frame - 1e-6;
        while segment.plays && next * GRID < last {
            let frames = ((next * GRID - segment.beat) / per_frame).round().max(0.0);
            wanted.push(segment.frame + frames as u64);
            next += 1.0;
        }
    }
    wanted.retain(|frame| (from..to).contains(frame));
    // The end of a loop is its beginning.
    wanted.dedup_by(|one, other| one.abs_diff(*other) <= 1);
    wanted
}

fn begun(daw: &Daw, from: u64, to: u64) -> Vec<u64> {
    let begun = daw.heard.iter().filter(|heard| heard.is_on);
    let mut begun: Vec<u64> = begun.map(|heard| heard.frame).collect();
    begun.retain(|frame| (from..to).contains(frame));
    begun
}

#[test]
fn notes_of_a_run_sound_at_their_place_through_loops_and_tempi_and_end_with_it() {
    in_own_folder(
        "notes_of_a_run_sound_at_their_place_through_loops_and_tempi_and_end_with_it",
        || {
            let mut daw = Daw::new();
            daw.start(0.0);
            (0..20).for_each(|_| daw.block());
            assert!(daw.heard.is_empty() && daw.state == 0, "nobody plays yet");
            daw.stop();
            let run = StandIn::start();
            until_state(&mut daw, 1);
            assert_eq!(daw.parameter(2), 1.0);

            let from = daw.frame;
            daw.start(7.0);
            daw.loops = Some((7.0, 8.0));
            play(&mut daw, &run, 0.8);
            daw.tempo = 151.0;
            daw.loops = Some((7.0, 8.5));
            play(&mut daw, &run, 0.8);
            daw.locate(3.1);
            daw.tempo = 90.0;
            daw.loops = None;
            play(&mut daw, &run, 0.6);
            let to = daw.frame - (RATE * 0.1) as u64;
            assert!(daw.jumps >= 5, "{}", daw.jumps);
            let (wanted, begun) = (wanted(&daw, from, to), begun(&daw, from, to));
            assert!(wanted.len() > 15, "{wanted:?}");
            for (expected, found) in wanted.iter().zip(&begun) {
                let is_there = expected.abs_diff(*found) <= 1;
                assert!(is_there, "{expected} {found} of {wanted:?} {begun:?}");
            }
            assert_eq!(wanted.len(), begun.len());

            // The run is lost, and what sounds ends; another is found.
            drop(run);
            until_state(&mut daw, 0);
            assert!(daw.sounding.is_empty());
            let run = StandIn::start();
            until_state(&mut daw, 1);
            let count = daw.heard.len();
            daw.locate(0.0);
            play(&mut daw, &run, 0.4);
            assert!(daw.heard.len() > count);
            daw.stop();
            daw.block();
            assert!(daw.sounding.is_empty());
            let count = daw.heard.len();
            (0..30).for_each(|_| daw.block());
            assert_eq!(daw.heard.len(), count);
            assert!(!daw.was_late);
        },
    );
}

#[test]
fn a_project_brings_its_part_back_and_the_daw_is_told() {
    in_own_folder("a_project_brings_its_part_back_and_the_daw_is_told", || {
        let mut daw = Daw::new();
        assert_eq!(daw.parameter(1), 0.0, "all parts, until one is chosen");
        let mut kept = daw.save();
        *kept.last_mut().unwrap() = 7;
        assert_eq!(daw.load(&kept), (true, 1));
        assert_eq!(daw.parameter(1), 7.0);
        assert_eq!(daw.save(), kept);
        // What is of another program changes nothing.
        assert_eq!(daw.load(b"something else"), (false, 0));
        assert_eq!(daw.parameter(1), 7.0);
    });
}
