//! A run follows a DAW and gives it notes, through the socket that the plug-in finds.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use score_link::daw::{Change, FromPlugin, FromRun, NoteChange, Place, VERSION};
use score_link::{Incoming, Message, monotonic};
use score_test_support::{Talking, program, score, text};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A note on each sixteenth, for two parts.
const PATCH: &str = r#"Patch(
    format: 1,
    transport: (tempo: 77, follow: daw, when_lost: stop),
    nodes: {
        "full": lfo(low: 1, high: 1),
        "tune": scale_walk(freedom: 0, hold: 0.05),
        "one":  daw_out(),
        "two":  daw_out(part: 2),
    },
    wires: ["full -> tune.density", "tune -> one", "tune -> two"],
)"#;

/// What a plug-in says and hears.
struct Plugin {
    stream: UnixStream,
    incoming: Incoming,
    heard: Vec<NoteChange>,
}

impl Plugin {
    fn connect(socket: &Path) -> Self {
        let started = Instant::now();
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let timeout = Some(Duration::from_millis(20));
        stream.set_read_timeout(timeout).unwrap();
        let mut plugin = Plugin {
            stream,
            incoming: Incoming::default(),
            heard: Vec::new(),
        };
        plugin.say(FromPlugin::Hello(VERSION));
        plugin
    }

    fn say(&mut self, message: FromPlugin) {
        let mut bytes = Vec::new();
        message.append(&mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    /// Says where the playhead is now, and when that is.
    fn place(&mut self, beat: f64, tempo: f64, plays: bool) -> i64 {
        let at = monotonic();
        self.say(FromPlugin::Place(Place {
            at,
            beat,
            tempo,
            metre: (3, 4),
            plays,
            jumps: plays,
        }));
        at
    }

    /// Listens until enough has come.
    fn until(&mut self, is_enough: impl Fn(&[NoteChange]) -> bool) {
        let started = Instant::now();
        while !is_enough(&self.heard) {
            assert!(started.elapsed() < PATIENCE, "{:?}", self.heard);
            let stream = &mut self.stream;
            let filled = self.incoming.fill(|to| stream.read(to));
            assert_ne!(filled.ok(), Some(0), "the run is gone");
            let heard = &mut self.heard;
            let taken = self.incoming.take(|message| {
                if let FromRun::Note(note) = message {
                    heard.push(note);
                }
            });
            assert!(taken.is_ok());
        }
    }
}

/// How many notes have begun of a pass.
fn begun(heard: &[NoteChange], pass: i64) -> usize {
    let begins = |note: &&NoteChange| note.pass == pass && note.change != Change::Off;
    heard.iter().filter(begins).count()
}

#[test]
fn a_run_follows_a_daw_through_a_jump_and_gives_each_part_its_notes_at_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = folder.path().join("sockets");
    std::fs::write(folder.path().join("daw.ron"), PATCH).unwrap();
    let mut run = program(folder.path(), &["run", "--quiet", "daw.ron"]);
    let run = Talking::start(run.env("SCORE_RUNTIME_DIR", &sockets));
    let mut plugin = Plugin::connect(&sockets.join(format!("{}.daw", run.id())));
    let first = plugin.place(5.0, 150.0, true);
    plugin.until(|heard| begun(heard, first) >= 8);
    let second = plugin.place(64.5, 150.0, true);
    plugin.until(|heard| begun(heard, second) >= 8);

    let mut parts = BTreeSet::new();
    for note in plugin
        .heard
        .iter()
        .filter(|note| note.change != Change::Off)
    {
        let place = note.beat * 4.0;
        assert!((place - place.round()).abs() < 1e-4, "{note:?}");
        let begin = if note.pass == first { 5.0 } else { 64.5 };
        assert!(
            (begin - 1e-4..begin + 30.0).contains(&note.beat),
            "{note:?}"
        );
        assert!([first, second].contains(&note.pass), "{note:?}");
        parts.insert(note.part);
    }
    assert_eq!(parts, BTreeSet::from([1, 2]));

    // The DAW's metre holds, and its stop.
    let told = |what: &str| {
        let mut get = program(folder.path(), &["get", what]);
        text(
            &get.env("SCORE_RUNTIME_DIR", &sockets)
                .output()
                .unwrap()
                .stdout,
        )
    };
    let metre = told("transport.metre");
    assert_eq!(metre.trim(), "[3, 4]");
    plugin.place(70.0, 150.0, false);
    let ends = |heard: &[NoteChange]| {
        let mut sounding = BTreeSet::new();
        for note in heard {
            match note.change {
                Change::Off => sounding.remove(&note.id),
                Change::On { .. } => sounding.insert(note.id),
            };
        }
        sounding.is_empty()
    };
    plugin.until(ends);
}

#[test]
fn daw_out_without_a_daw_to_follow_is_a_mistake_of_the_patch() {
    let folder = tempfile::tempdir().unwrap();
    let patch = PATCH.replace("follow: daw, when_lost: stop", "seed: 1");
    std::fs::write(folder.path().join("daw.ron"), patch).unwrap();
    let done = score(folder.path(), &["check", "daw.ron"]);
    let said = text(&done.stderr) + &text(&done.stdout);
    assert!(
        !done.status.success() && said.contains("follow: daw"),
        "{said}"
    );
}
