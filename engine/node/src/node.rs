//! What a node is: plain data that checks itself and builds the processor that runs.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::descriptor::Descriptor;
use crate::error::NodeError;
use crate::io::Io;
use crate::param::Params;
use crate::port::{InputPort, Latent, OutputPort, PortType};
use crate::progress::Progress;
use crate::revision::Revision;
use crate::steered::Steered;
use crate::time::Time;
use crate::transport::Transport;

/// A node kind: a struct of its parameters, see [`Params`].
///
/// A kind is written as one file and registered with one line, [`crate::Registry::add`].
pub trait Node: Params {
    /// The declaration of the kind, begun with [`Descriptor::of`].
    fn descriptor() -> Descriptor;

    /// Looks at what the declaration cannot tell: does the file exist, which dimension has the
    /// model? Reports problems and the types of outputs that depend on parameters or on what
    /// arrives.
    fn check(&self, _check: &mut Check<'_>) {}

    /// Makes the processor. May block, open devices and load models; nothing that runs waits for
    /// it.
    ///
    /// # Errors
    /// What the node needs is not available.
    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError>;
}

/// The running half of a node with the parameters `P`, on a thread of its own; live, nodes of
/// [light](Descriptor::light) kinds share threads.
///
/// Each call brings the parameters as they are now. New values of live ones come between two calls,
/// so that a processor which only reads them there has nothing else to do.
pub trait Processor<P>: Send {
    /// Called when packets are due, when the watermark ([`Io::watermark`]) has moved, when the
    /// asked-for time has come, live after [`Processor::changed`], or at once where the node has no
    /// inputs. Takes all that is due with [`Io::take`]; what it leaves, it is called for again at
    /// once.
    ///
    /// # Errors
    /// The node cannot go on.
    fn process(&mut self, params: &P, io: &mut Io<'_>) -> Result<Flow, NodeError>;

    /// Called once when all inputs have ended and everything due was taken, or after
    /// [`Flow::Done`]: sends what is held back and finishes files, not yet under their final
    /// names.
    ///
    /// # Errors
    /// What is held back cannot be delivered.
    fn finish(&mut self, _params: &P, _io: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }

    /// Called once after every node of the run has finished well: gives files their final names. An
    /// error here does not keep other nodes from doing the same, so that a node whose own
    /// result is lost, and which nobody reads, may keep the reason until now.
    ///
    /// # Errors
    /// A file cannot be put in its place.
    fn commit(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// The earliest media time at which the processor may still send because of what it holds back;
    /// `None` when it holds nothing. Keeps the watermark behind packets that are yet to come.
    fn earliest_pending(&self) -> Option<Time> {
        None
    }

    /// Receives each revision of the patch that plays live from `time` on, the one that this node
    /// began with too.
    fn revised(&mut self, _time: Time, _revision: &Revision) {}

    /// Receives each value that is set from outside, where the kind says that it [keeps a
    /// record](Descriptor::keeps_record). Not called in a plugin yet.
    fn steered(&mut self, _steered: &Steered) {}

    /// Called before the next call when live parameters or the transport have changed, to recompute
    /// what is derived from them. Not called for the values that the processor is built with.
    ///
    /// # Errors
    /// The new values are refused; the old ones stay.
    fn changed(&mut self, _params: &P, _transport: &Transport) -> Result<(), NodeError> {
        Ok(())
    }
}

/// What a processor wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Call when something is due; a node without inputs: call again at once.
    Continue,
    /// Call when something is due, at the latest at this time: live by the clock. A render calls a
    /// node with inputs as soon as nothing earlier can come in, as it does anyway.
    WakeAt(Time),
    /// Nothing more will come from this node.
    Done,
}

/// What a run may use beyond its patch: named folders such as `models`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    folders: BTreeMap<String, PathBuf>,
    /// A plugin's nodes have no warnings, so it need not know.
    #[serde(skip)]
    is_strict: bool,
    /// What the program shares with its own nodes; it cannot cross to a plugin.
    #[serde(skip)]
    shared: BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Settings {
    /// Adds or replaces the folder called `name`.
    pub fn with_folder(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.folders.insert(name.into(), path.into());
        self
    }

    /// Whether a patch is refused for what nodes would only warn of.
    pub fn strict(mut self, is_strict: bool) -> Self {
        self.is_strict = is_strict;
        self
    }

    /// Whether a patch is refused for what nodes would only warn of.
    pub fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// The folder called `name`.
    pub fn folder(&self, name: &str) -> Option<&Path> {
        self.folders.get(name).map(PathBuf::as_path)
    }

    /// Adds or replaces what all nodes of a run share of this type. Nodes of plugins do not see it.
    pub fn with_shared<T: Send + Sync + 'static>(mut self, shared: Arc<T>) -> Self {
        self.shared.insert(TypeId::of::<T>(), shared);
        self
    }

    /// What all nodes of a run share of this type.
    pub fn shared<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let shared = self.shared.get(&TypeId::of::<T>())?.clone();
        shared.downcast().ok()
    }
}

/// Something that only one node can have: a camera, a file to write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource(pub String);

/// What [`Node::check`] sees and says.
pub struct Check<'a> {
    /// The run's transport.
    pub transport: &'a Transport,
    /// The run's settings.
    pub settings: &'a Settings,
    /// The names of the patch's presets; `None` where a node is checked without its patch.
    pub presets: Option<&'a [String]>,
    /// The names of the patch's cues, likewise.
    pub cues: Option<&'a [String]>,
    #[doc(hidden)]
    pub inputs: &'a [Option<PortType>],
    #[doc(hidden)]
    pub outputs: Vec<PortType>,
    #[doc(hidden)]
    pub problems: Vec<Problem>,
    #[doc(hidden)]
    pub warnings: Vec<Problem>,
    #[doc(hidden)]
    pub resources: Vec<(Resource, Option<String>)>,
}

/// A problem that a node found in its own parameters or inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    pub subject: Subject,
    pub message: String,
    pub help: Option<String>,
}

/// What in the patch a problem points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Subject {
    Param(String),
    /// A stretch of a text, in bytes of the value.
    Within(String, Range<usize>),
    Input(usize),
}

impl Check<'_> {
    /// The type that arrives at an input, where it is wired and known.
    pub fn input_type<T>(&self, input: InputPort<T>) -> Option<&PortType> {
        self.inputs.get(input.index())?.as_ref()
    }

    /// The dimension of the latent that arrives at an input, where it is wired and known.
    pub fn input_dimension(&self, input: InputPort<Latent>) -> Option<usize> {
        match self.input_type(input) {
            Some(PortType::Latent(dimension)) => *dimension,
            _ => None,
        }
    }

    /// Sets the type of an output where the declaration leaves it open.
    pub fn set_output<T>(&mut self, output: OutputPort<T>, port_type: PortType) {
        if let Some(open) = self.outputs.get_mut(output.index()) {
            *open = port_type;
        }
    }

    /// Refuses the dimension of the latent at an input unless it is `dimension`; `why` names what
    /// needs it.
    pub fn require_dimension(&mut self, input: InputPort<Latent>, dimension: usize, why: &str) {
        let arrives = self.input_dimension(input);
        if let Some(arrives) = arrives.filter(|arrives| *arrives != dimension) {
            self.problems.push(Problem {
                subject: Subject::Input(input.index()),
                message: format!("{why} takes Latent({dimension}), but Latent({arrives}) arrives"),
                help: Some(format!(
                    "put `latent_map(dimension: {dimension})` between them"
                )),
            });
        }
    }

    /// Refuses the value of a parameter: `message` says what is wrong, `help` what to do.
    pub fn refuse(&mut self, param: &str, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem {
            subject: Subject::Param(param.to_owned()),
            message: message.into(),
            help,
        });
    }

    /// Refuses the value of a parameter for the reason, and with the advice, of an error.
    pub fn refuse_for(&mut self, param: &str, error: &NodeError) {
        self.refuse(param, error.to_string(), error.advice().map(str::to_owned));
    }

    /// Refuses the text of a parameter for what stands `within` it, in bytes, so that the message
    /// points there.
    pub fn refuse_within(
        &mut self,
        param: &str,
        within: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.problems.push(Problem {
            subject: Subject::Within(param.to_owned(), within),
            message: message.into(),
            help,
        });
    }

    /// Warns of the value of a parameter: the patch can run, though not all will be as the user may
    /// expect. A strict run refuses it. What a plugin's node warns of is not reported yet.
    pub fn warn(&mut self, param: &str, message: impl Into<String>, help: Option<String>) {
        self.warnings.push(Problem {
            subject: Subject::Param(param.to_owned()),
            message: message.into(),
            help,
        });
    }

    /// Refuses a parameter that names a file to read when there is none. Returns whether it may be
    /// read.
    pub fn require_file(&mut self, param: &str, path: &Path, what: &str) -> bool {
        let problem = match path.metadata() {
            Ok(metadata) if metadata.is_file() => return true,
            Ok(_) => format!("`{}` is not a file", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                format!("there is no {what} at `{}`", path.display())
            }
            Err(error) => format!("`{}` cannot be read: {error}", path.display()),
        };
        self.refuse(
            param,
            problem,
            Some("paths count from the folder of the patch".to_owned()),
        );
        false
    }

    /// Claims something that only one node can have; `param` is the parameter that names it.
    pub fn claim(&mut self, resource: Resource, param: Option<&str>) {
        self.resources.push((resource, param.map(str::to_owned)));
    }
}

/// What [`Node::build`] sees.
pub struct Build<'a> {
    /// The node's id in the patch.
    pub id: &'a str,
    /// The run's transport.
    pub transport: &'a Transport,
    /// The run's settings.
    pub settings: &'a Settings,
    /// Where the node reports its progress.
    pub progress: &'a Arc<Progress>,
    /// What the node counts for whoever watches.
    pub counters: &'a Arc<Counters>,
    /// The clock of a live run; `None` in a render, and in a plugin.
    pub clock: Option<&'a Arc<LiveClock>>,
    /// Whether the run ends by itself, and all that comes in is known sooner or later: a render. A
    /// live run goes on until it is stopped.
    pub ends: bool,
    /// Whether the node begins with the run, at its time 0: not one that an edit adds or that is
    /// restarted.
    pub with_run: bool,
    #[doc(hidden)]
    pub inputs: &'a [Option<PortType>],
    #[doc(hidden)]
    pub wires: &'a [usize],
    #[doc(hidden)]
    pub sources: &'a [Vec<String>],
    #[doc(hidden)]
    pub outputs: &'a [PortType],
}

/// A node's ports as its patch wires them.
#[derive(Clone, Copy)]
pub struct Wiring<'a> {
    pub id: &'a str,
    pub inputs: &'a [Option<PortType>],
    pub wires: &'a [usize],
    pub sources: &'a [Vec<String>],
    pub outputs: &'a [PortType],
}

/// What a run gives each of its nodes; the fields are those of [`Build`].
#[derive(Clone, Copy)]
pub struct RunContext<'a> {
    pub transport: &'a Transport,
    pub settings: &'a Settings,
    pub progress: &'a Arc<Progress>,
    pub counters: &'a Arc<Counters>,
    pub clock: Option<&'a Arc<LiveClock>>,
    pub ends: bool,
    pub with_run: bool,
}

impl<'a> Build<'a> {
    /// What a node that is wired so sees in such a run.
    #[doc(hidden)]
    pub fn of(wiring: Wiring<'a>, context: RunContext<'a>) -> Self {
        Build {
            id: wiring.id,
            transport: context.transport,
            settings: context.settings,
            progress: context.progress,
            counters: context.counters,
            clock: context.clock,
            ends: context.ends,
            with_run: context.with_run,
            inputs: wiring.inputs,
            wires: wiring.wires,
            sources: wiring.sources,
            outputs: wiring.outputs,
        }
    }
}

impl Build<'_> {
    /// The node's own stream of random numbers, from the patch's seed and the node's id: the same
    /// in every run, and independent of every other node's.
    pub fn rng(&self) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.transport.seed);
        rng.set_stream(stable_hash(self.id));
        rng
    }

    /// Whether the input is wired.
    pub fn is_wired<T>(&self, input: InputPort<T>) -> bool {
        self.input_type(input).is_some()
    }

    /// How many wires come into the input.
    pub fn wires<T>(&self, input: InputPort<T>) -> usize {
        self.wires.get(input.index()).copied().unwrap_or(0)
    }

    /// Where a wire into an input comes from, as the patch calls it: the node's id, and the
    /// output's name where the node has several of its type. `None` in a plugin, and in a
    /// harness.
    pub fn source<T>(&self, input: InputPort<T>, wire: usize) -> Option<&str> {
        Some(self.sources.get(input.index())?.get(wire)?.as_str())
    }

    /// The type that arrives at an input, where it is wired.
    pub fn input_type<T>(&self, input: InputPort<T>) -> Option<&PortType> {
        self.inputs.get(input.index())?.as_ref()
    }

    /// The dimension of the latent at an input.
    ///
    /// # Errors
    /// It is not known, which a checked patch rules out.
    pub fn input_dimension(&self, input: InputPort<Latent>) -> Result<usize, NodeError> {
        dimension(self.input_type(input), input.name())
    }

    /// The dimension of the latent at an output.
    ///
    /// # Errors
    /// It is not known, which a checked patch rules out.
    pub fn output_dimension(&self, output: OutputPort<Latent>) -> Result<usize, NodeError> {
        dimension(self.outputs.get(output.index()), output.name())
    }
}

/// The dimension that a port's type has.
fn dimension(port_type: Option<&PortType>, name: &str) -> Result<usize, NodeError> {
    match port_type {
        Some(PortType::Latent(Some(dimension))) => Ok(*dimension),
        _ => Err(NodeError::internal(format!(
            "the dimension of the latent at `{name}` is not known"
        ))),
    }
}

/// FNV-1a over the bytes of `text` (Fowler, Noll, Vo): stays the same across versions of Rust,
/// which the standard hasher does not promise.
fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
