//! What the tests of several nodes need.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use score_engine::harness::{Harness, Outputs};
use score_engine::{
    Build, Control, Descriptor, Event, Flow, Io, Node, NodeError, Note, OutputPort, Packet, Params,
    Payload, Processor, Run, Settings, Source, Time, Transport, check,
};

use crate::midi::writing::{self, Act, Part};

/// Runs ffmpeg in `folder`, mostly to make a file, whose name the arguments end with; what it
/// printed.
pub(crate) fn ffmpeg(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .current_dir(folder)
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Sends a process the signal `name`, such as `STOP`, or `0` to ask for it; whether the process was
/// there.
pub(crate) fn signal(name: &str, process: u32) -> bool {
    // The shell has its own `kill`; the program of that name is not on every computer.
    Command::new("sh")
        .args(["-c", "kill -\"$0\" \"$1\" 2>&1", name, &process.to_string()])
        .output()
        .expect("a shell is there")
        .status
        .success()
}

/// How many warnings are logged while `what` is done on this thread.
pub(crate) fn warnings(what: impl FnOnce()) -> usize {
    let counted = Arc::<AtomicUsize>::default();
    tracing::subscriber::with_default(Warnings(counted.clone()), what);
    counted.load(Ordering::Relaxed)
}

/// Counts warnings.
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// The settings of this repository: its models.
pub(crate) fn settings() -> Settings {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    Settings::default().with_folder("models", models)
}

/// Writes a MIDI file with one part: notes by where they begin and how long they are, in
/// sixteenths, and their pitches.
pub(crate) fn write_tune(path: &Path, notes: &[(u64, u64, u8)]) {
    let channel = 0;
    let mut acts = Vec::new();
    for (start, length, pitch) in notes {
        let pitch = *pitch;
        let on = Note::On {
            channel,
            pitch,
            velocity: 0.8,
        };
        acts.push((start * 120, Act::Note(on)));
        acts.push((
            (start + length) * 120,
            Act::Note(Note::Off { channel, pitch }),
        ));
    }
    acts.sort_by_key(|(tick, act)| (*tick, matches!(act, Act::Note(Note::On { .. }))));
    let part = Part {
        name: "tune".to_owned(),
        channel,
        acts,
    };
    let bytes = writing::bytes(&Transport::default(), 0, &[part], 0).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The pitches of the notes that begin at output `notes`, in their order.
pub(crate) fn pitches(outputs: &Outputs) -> Vec<u8> {
    let packets = outputs.packets("notes").iter();
    let notes = packets.flat_map(|packet| packet.notes().unwrap().to_vec());
    let begun = notes.filter(|note| matches!(note, Note::On { .. }));
    begun.map(|note| note.pitch()).collect()
}

/// Requires that `one` begins as `other` does, for as long as both go on, and that this is long.
#[track_caller]
pub(crate) fn require_alike<T: PartialEq + std::fmt::Debug>(one: &[T], other: &[T]) {
    let both = one.len().min(other.len());
    assert!(both >= 8, "{} and {}", one.len(), other.len());
    assert_eq!(one[..both], other[..both]);
}

/// Turns of the tempo every seventh of a second, for `seconds`: as a hand does that is at a knob
/// all the time.
pub(crate) fn turns(seconds: f64, transport: &Transport) -> Vec<(Time, Transport)> {
    let turn = |number: u32| {
        let tempo = 60.0 + f64::from(number * 37 % 140);
        let time = Time::from_seconds(f64::from(number) / 7.0);
        (
            time,
            Transport {
                tempo,
                ..transport.clone()
            },
        )
    };
    (1..(seconds * 7.0) as u32).map(turn).collect()
}

/// The notes that begin at output `notes`: when, in sixteenths at 120 quarter notes a minute, and
/// which.
pub(crate) fn begun(outputs: &Outputs) -> Vec<(i64, u8)> {
    let packets = outputs.packets("notes").iter();
    packets
        .flat_map(|packet| {
            let sixteenth = (packet.time.seconds() * 8.0).round() as i64;
            let notes = packet.notes().unwrap().to_vec();
            notes.into_iter().filter_map(move |note| match note {
                Note::On { pitch, .. } => Some((sixteenth, pitch)),
                Note::Off { .. } => None,
            })
        })
        .collect()
}

/// Requires that each note at output `notes` ends before the next begins, and the last one too.
#[track_caller]
pub(crate) fn require_one_at_a_time(outputs: &Outputs) {
    let mut sounding = None;
    for packet in outputs.packets("notes") {
        for note in packet.notes().unwrap().iter() {
            match note {
                Note::On { pitch, .. } => assert_eq!(sounding.replace(*pitch), None),
                Note::Off { pitch, .. } => assert_eq!(sounding.take(), Some(*pitch)),
            }
        }
    }
    assert_eq!(sounding, None);
}

/// Requires that every packet at output `notes` but the last, which ends what sounds, lies on a
/// sixteenth at 120 quarter notes a minute, and left at most `ahead` seconds before.
#[track_caller]
pub(crate) fn require_on_sixteenths(outputs: &Outputs, ahead: f64) {
    let packets = outputs.packets("notes");
    let last = packets.len() - 1;
    for (packet, sent) in packets[..last].iter().zip(outputs.sent("notes")) {
        let before = (packet.time - *sent).seconds();
        assert!((0.0..=ahead + 1e-6).contains(&before), "{before} s ahead");
        let sixteenth = packet.time.seconds() * 8.0;
        assert!((sixteenth - sixteenth.round()).abs() < 1e-6);
    }
}

const LEVEL: OutputPort<Control> = OutputPort::new(0, "level", "low, then high");

/// A source that says 0, from two seconds on 1, and ends at four.
#[derive(Clone, Params)]
struct Steps {}

impl Node for Steps {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "steps", "Low, then high")
            .output(LEVEL)
            .paced()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Stepping(0)))
    }
}

struct Stepping(u32);

impl Processor<Steps> for Stepping {
    fn process(&mut self, _params: &Steps, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let at = |seconds: u32| Time::from_seconds(f64::from(seconds));
        if self.0 == 2 {
            io.end_at(at(4));
            return Ok(Flow::Done);
        }
        io.send_captured_now(LEVEL, at(2 * self.0), self.0 as f32)?;
        self.0 += 1;
        Ok(Flow::Continue)
    }
}

/// What leaves an output of a patch with these nodes and wires in a render; the nodes may be of
/// the kind `steps`, a source that says 0, from two seconds on 1, and ends at four.
pub(crate) fn rendered(nodes: &str, wires: &str, (node, port): (&str, &str)) -> Vec<Packet> {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("Patch(format: 1, nodes: {{{nodes}}}, wires: [{wires}])");
    let patch = Source::text("test.ron", &text, folder.path().to_owned());
    let mut kinds = crate::registry();
    kinds.add::<Steps>();
    let settings = settings();
    let mut graph = check(&patch, &[], &kinds, &settings).unwrap();
    let tap = graph.tap(node, port).unwrap();
    Run::start(graph, &settings).unwrap().wait().unwrap();
    tap.take()
}

/// A time in seconds.
pub(crate) fn at(seconds: f64) -> Time {
    Time::from_seconds(seconds)
}

/// Numbers at their times, in seconds.
pub(crate) fn numbers(numbers: &[(f64, f32)]) -> Vec<(Time, Payload)> {
    let numbers = numbers.iter();
    numbers
        .map(|(seconds, value)| (at(*seconds), Payload::Control(*value)))
        .collect()
}

/// Events with their strengths at their times, in seconds.
pub(crate) fn events(events: &[(f64, f32)]) -> Vec<(Time, Payload)> {
    let event = |strength: f32| Event {
        name: "event".to_owned(),
        strength,
    };
    let events = events.iter();
    let events = events.map(|(seconds, strength)| (*seconds, Arc::new(event(*strength))));
    events
        .map(|(seconds, event)| (at(seconds), Payload::Event(event)))
        .collect()
}

/// The numbers, or the strengths of the events, that left an output, each with its time in
/// milliseconds.
pub(crate) fn told(outputs: &Outputs, name: &str) -> Vec<(i64, f32)> {
    let value = |payload: &Payload| match payload {
        Payload::Control(value) => *value,
        Payload::Event(event) => event.strength,
        other => panic!("{other:?}"),
    };
    let packets = outputs.packets(name).iter();
    packets
        .map(|packet| (packet.time.nanos() / 1_000_000, value(&packet.payload)))
        .collect()
}

/// What came out of a node that does the same in a render and live, which is tried.
pub(crate) fn alike<N: Node>(harness: impl Fn() -> Harness<N>) -> Outputs {
    let offline = harness().run().unwrap();
    let live = harness().play_live().unwrap();
    for port in &N::descriptor().outputs {
        let packets = |outputs: &Outputs| -> Vec<String> {
            let packets = outputs.packets(&port.name).iter();
            packets
                .map(|packet| format!("{} {:?}", packet.time.nanos(), packet.payload))
                .collect()
        };
        assert_eq!(
            packets(&offline),
            packets(&live),
            "{}: a render and live",
            port.name
        );
    }
    offline
}
