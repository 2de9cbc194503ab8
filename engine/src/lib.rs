//! The engine of SCORE!: typed nodes on threads of their own, joined by bounded channels.
//!
//! It knows no concrete node, no device, and no file format but the patch. See `docs/ARCHITECTURE.md`.
#![forbid(unsafe_code)]

// What is derived names the engine so, within it too.
extern crate self as score_engine;

mod clock;
mod counters;
mod descriptor;
mod diagnostic;
mod error;
pub mod foreign;
mod graph;
pub mod harness;
mod io;
mod key;
pub mod limits;
mod live;
mod node;
mod offline;
mod packet;
mod params;
mod patch;
mod policy;
mod port;
mod progress;
pub mod reference;
mod registry;
mod revision;
mod run_error;
pub mod snippets;
mod swing;
mod tap;
mod tempi;
mod time;
mod transport;
mod watch;
mod wire;

pub use clock::LiveClock;
pub use counters::Counters;
pub use descriptor::{
    Change, Descriptor, FileContent, FilePurpose, FileRole, InputOrder, Param, ParamType, Scale,
    Span,
};
pub use diagnostic::{Diagnostic, Diagnostics, Place, did_you_mean, shown, steers};
pub use error::{NodeError, NodeErrorKind};
pub use graph::{Graph, GraphFile};
pub use io::{Input, Io};
pub use key::{Key, KeyChoice, Mode, NotAKey, note_at, note_name};
pub use live::{
    Drained, Edit, Live, LiveOptions, NodeState, NodeStatus, RestartPolicy, Status, Waiting,
    WireEnd, WireStatus,
};
pub use node::{Build, Check, Flow, Node, Processor, Resource, Settings};
pub use offline::{NodeReport, Report, Run, SecondAct, Stopper};
pub use packet::{AudioBlock, ChannelChange, Event, Frame, Note, Packet, Payload, Performance};
pub use params::{Choice, ParamValue, Params};
#[doc(hidden)]
pub use params::{read_choice, read_param, read_value};
pub use patch::{
    Override, Source, Unwritten, Written, check, check_edit, patch_hash, replace_patch, write_back,
    write_back_file,
};
pub use policy::Policy;
pub use port::{
    Arity, Carried, Control, Custom, InputPort, Latent, OutputPort, Port, PortType, SentAs,
};
pub use progress::Progress;
pub use score_derive::{Choice, Params};
// What `Build::rng` gives, and the crate whose traits draw from it.
pub use rand;
pub use rand_chacha::ChaCha8Rng;
pub use registry::{NodeKind, Registry};
pub use revision::Revision;
pub use run_error::RunError;
pub use serde_json::Value;
pub use swing::{Swing, SwingNotes};
pub use tap::Tap;
pub use tempi::{Stretch, Tempi};
pub use time::{Metre, Time};
pub use transport::{Length, Transport};
pub use watch::{Unwatched, Watch};
pub use wire::WireReport;
