//! The engine of SCORE!: typed nodes on threads of their own, joined by bounded channels.
//!
//! It knows no concrete node, no device, and no file format but the patch. See `docs/ARCHITECTURE.md`.
#![forbid(unsafe_code)]

// What is derived names the engine so, within it too.
extern crate self as score_engine;

mod acts;
mod census;
mod clock;
mod counters;
mod descriptor;
mod diagnostic;
pub mod foreign;
mod graph;
pub mod harness;
mod io;
mod key;
pub mod limits;
mod live;
mod node;
mod packet;
mod params;
mod patch;
mod port;
mod ports;
mod progress;
pub mod reference;
mod registry;
mod run;
pub mod snippets;
mod swing;
mod tap;
mod tempi;
mod time;
mod watch;
mod wire;

pub use clock::LiveClock;
pub use counters::Counters;
pub use descriptor::{
    Change, Descriptor, FileContent, FilePurpose, FileRole, InputOrder, Param, ParamType, Scale,
    Span,
};
pub use diagnostic::{Diagnostic, Diagnostics, Place, did_you_mean, shown, steers};
pub use graph::{Graph, GraphFile};
pub use io::{Input, Io};
pub use key::{Key, KeyChoice, Mode, NotAKey, note_at, note_name};
pub use live::{
    Drained, Edit, Live, LiveOptions, NodeState, NodeStatus, RestartPolicy, Revision, Status,
    Waiting, WireStatus,
};
pub use node::{Build, Check, Flow, Node, NodeError, NodeErrorKind, Processor, Resource, Settings};
pub use packet::{AudioBlock, ChannelChange, Event, Frame, Note, Packet, Payload, Performance};
pub use params::{Choice, ParamValue, Params};
#[doc(hidden)]
pub use params::{read_choice, read_param, read_value};
pub use patch::{Override, Source, check, check_edit};
pub use port::{
    Arity, Carried, Control, Custom, InputPort, Latent, OutputPort, Port, PortType, SentAs,
};
pub use progress::Progress;
pub use score_derive::{Choice, Params};
// What `Build::rng` gives, and the crate whose traits draw from it.
pub use acts::SecondAct;
pub use rand;
pub use rand_chacha::ChaCha8Rng;
pub use registry::{NodeKind, Registry};
pub use run::{NodeReport, Report, Run, RunError, Stopper};
pub use serde_json::Value;
pub use swing::{Swing, SwingNotes};
pub use tap::Tap;
pub use tempi::{Stretch, Tempi};
pub use time::{Length, Metre, Time, Transport};
pub use watch::{Unwatched, Watch};
pub use wire::{Policy, WireReport};
