//! Plays one source live for the tests of sources.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use score_engine::{
    Build, Descriptor, Flow, Frame, InputPort, Io, Live, LiveOptions, Node, NodeError, Packet,
    Params, Processor, Registry, RunError, Settings, Source, Steering, check,
};

/// What each run that plays now has brought, by its number.
fn seen() -> MutexGuard<'static, BTreeMap<u32, Vec<Packet>>> {
    static SEEN: Mutex<BTreeMap<u32, Vec<Packet>>> = Mutex::new(BTreeMap::new());
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

const PICTURES: InputPort<Frame> = InputPort::new(0, "in", "pictures");

#[derive(Clone, Params)]
struct Watch {
    /// the number of its run
    #[param(rebuild = "a run keeps its number", range = 0..=1_000_000, default = 0)]
    run: u32,
}

impl Node for Watch {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "watch", "Keeps what comes").input(PICTURES)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        seen().insert(self.run, Vec::new());
        Ok(Box::new(Watching))
    }
}

struct Watching;

impl Processor<Watch> for Watching {
    fn process(&mut self, params: &Watch, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            seen().entry(params.run).or_default().push(input.packet);
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
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let mut registry = Registry::new();
    registry.add::<N>();
    registry.add::<Watch>();
    let text = format!(
        "Patch(format: 1, nodes: {{\"a\": {node}, \"b\": watch(run: {run})}}, wires: [\"a -> b\"])"
    );
    let source = Source::text("test", &text, PathBuf::new());
    let graph = check(&source, &[], &registry, &Settings::default())
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let (mut live, _) = Live::start(graph, &Settings::default(), LiveOptions::default())?;
    let until = Instant::now() + longest;
    let steering = live.steering();
    // Copied, so that what comes meanwhile, of other runs too, does not wait for `enough`.
    let so_far = || seen().get(&run).cloned().unwrap_or_default();
    let has_enough = || enough(&steering, &so_far());
    while Instant::now() < until && !live.is_over() && !has_enough() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = live.drain(Duration::from_secs(20));
    assert_eq!(left.left, Vec::<String>::new(), "they hang");
    Ok(seen().remove(&run).unwrap_or_default())
}
