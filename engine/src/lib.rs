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
mod length;
pub mod limits;
mod live;
mod node;
mod offline;
mod packet;
mod param;
mod patch;
mod policy;
mod port;
mod progress;
pub mod reference;
mod registry;
mod revision;
mod run_error;
pub mod snippets;
mod steered;
mod steering;
mod swing;
mod tap;
mod tempi;
mod thread;
mod time;
mod transport;
mod transport_params;
mod watch;
mod watermark;
mod wire;

pub use clock::LiveClock;
pub use counters::Counters;
pub use descriptor::{Descriptor, InputOrder};
pub use diagnostic::{Diagnostic, Diagnostics, Place, did_you_mean, shown, steers};
pub use error::{NodeError, NodeErrorKind};
pub use graph::{Graph, GraphFile};
pub use io::{Input, Io};
pub use key::{Key, KeyChoice, Mode, NotAKey, note_at, note_name};
pub use length::Length;
pub use live::{
    Drained, Edit, Level, Live, LiveOptions, LiveTap, NodeState, NodeStatus, NodeValues, Picture,
    RestartPolicy, Seen, SeenEvent, SeenNote, Status, Steering, SteeringError, SteeringErrorKind,
    Waiting, WireEnd, WireStatus,
};
pub use node::{Build, Check, Flow, Node, Processor, Resource, Settings};
pub use offline::{NodeReport, Report, Run, SecondAct, Stopper};
pub use packet::{AudioBlock, ChannelChange, Event, Frame, Note, Packet, Payload, Performance};
pub use param::{
    Change, Choice, FileContent, FilePurpose, FileRole, Param, ParamType, ParamValue, Params,
    Scale, Span, written_value,
};
#[doc(hidden)]
pub use param::{read_choice, read_param, read_value};
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
pub use steered::Steered;
pub use steering::{ValueSource, ValueStatus};
pub use swing::{Swing, SwingNotes};
pub use tap::Tap;
pub use tempi::{Stretch, Tempi};
pub use time::{Metre, Time};
pub use transport::Transport;
pub use watch::{Unwatched, Watch};
pub use watermark::Watermark;
pub use wire::WireReport;
