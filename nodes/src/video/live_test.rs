//! Plays one source live for the tests of sources.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use score_engine::{
    Build, Descriptor, Flow, Frame, InputPort, Io, Live, LiveOptions, Node, NodeError, Packet,
    Params, Processor, Registry, RunError, Settings, Source, Steering, check,
};

/// What the one run that plays now has brought; runs take turns.
static SEEN: Mutex<Vec<Packet>> = Mutex::new(Vec::new());
static TURN: Mutex<()> = Mutex::new(());

const PICTURES: InputPort<Frame> = InputPort::new(0, "in", "pictures");

#[derive(Clone, Params)]
struct Watch {}

impl Node for Watch {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "watch", "Keeps what comes").input(PICTURES)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        SEEN.lock().unwrap().clear();
        Ok(Box::new(Watching))
    }
}

struct Watching;

impl Processor<Watch> for Watching {
    fn process(&mut self, _params: &Watch, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            SEEN.lock().unwrap().push(input.packet);
        }
        Ok(Flow::Continue)
    }
}

/// Plays the source that `node` writes as a patch does, until `enough` says so of what has come,
/// the source ends, or `longest` is over. Gives all that came.
///
/// # Errors
/// The node's own.
pub(crate) fn play<N: Node>(
    node: &str,
    longest: Duration,
    enough: impl Fn(&[Packet]) -> bool,
) -> Result<Vec<Packet>, RunError> {
    play_steered::<N>(node, longest, |_, packets| enough(packets))
}

/// As [`play`], and gives `enough` what steers the source, which is called `a`.
///
/// # Errors
/// The node's own.
pub(crate) fn play_steered<N: Node>(
    node: &str,
    longest: Duration,
    enough: impl Fn(&Steering, &[Packet]) -> bool,
) -> Result<Vec<Packet>, RunError> {
    let _turn = TURN.lock();
    let mut registry = Registry::new();
    registry.add::<N>();
    registry.add::<Watch>();
    let text =
        format!("Patch(format: 1, nodes: {{\"a\": {node}, \"b\": watch()}}, wires: [\"a -> b\"])");
    let source = Source::text("test", &text, PathBuf::new());
    let graph = check(&source, &[], &registry, &Settings::default())
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let (mut live, _) = Live::start(graph, &Settings::default(), LiveOptions::default())?;
    let until = Instant::now() + longest;
    let steering = live.steering();
    while Instant::now() < until && !live.is_over() && !enough(&steering, &SEEN.lock().unwrap()) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = live.drain(Duration::from_secs(20));
    assert_eq!(left.left, Vec::<String>::new(), "they hang");
    Ok(std::mem::take(&mut SEEN.lock().unwrap()))
}
