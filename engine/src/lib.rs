//! The engine of SCORE!: typed nodes on threads of their own, joined by bounded channels.
//!
//! It knows no concrete node, no device, and no file format but the patch. See
//! `docs/ARCHITECTURE.md`.
#![forbid(unsafe_code)]

// What is derived names the engine so, within it too.
extern crate self as score_engine;

mod diagnostic;
mod graph;
pub mod harness;
mod hours;
pub mod limits;
mod live;
mod live_param;
mod offline;
mod patch;
mod preset;
pub mod reference;
mod run_error;
mod show;
pub mod snippets;
mod steering;
mod tap;
mod thread;
pub mod trace;
mod transport_params;
mod watch;
mod wire;

// The modules on which all others stand, by their own names, for the crate alone.
#[allow(
    unused_imports,
    hidden_glob_reexports,
    reason = "what is private here is not handed on"
)]
use score_node::{
    clock, counters, curve, custom, descriptor, error, io, key, length, node, packet, param,
    policy, port, progress, registry, revision, steered, swing, tempi, time, transport, watermark,
};

// What a node's author needs.
pub use score_node::*;

pub use diagnostic::{Diagnostic, Diagnostics, Place, did_you_mean, shown, steers};
pub use graph::{Graph, GraphFile};
pub use hours::{Dates, Days, Hours, HoursState, HoursStatus, Opening};
pub use live::{
    Caller, ClockReport, ClockState, ClockStatus, CueStatus, Drained, Edit, Level, Live,
    LiveOptions, LiveTap, NodeState, NodeStatus, NodeValues, Picture, RestartPolicy, Seen,
    SeenEvent, SeenNote, StandingIn, Status, SteerableNode, Steering, SteeringError,
    SteeringErrorKind, Waiting, WireEnd, WireStatus,
};
pub use offline::{NodeReport, Played, Report, Run, SecondAct, Stopper, TextChange};
pub use patch::{
    Admission, ControllerBinding, GraphEdit, Override, PortName, Source, Unwritten, Written,
    bind_controller, bind_controller_file, check, check_admitted, check_edit, edit_graph,
    keep_preset, keep_preset_file, needed_params, patch_hash, replace_patch, write_back,
    write_back_file,
};
pub use preset::{Preset, PresetValue};
pub use run_error::RunError;
// The derives that know this crate by its name go before those of `score_node`.
pub use score_derive::{Choice, Params};
pub use show::{
    Controller, Cue, CueStart, CueThen, NamedTarget, NamedValue, Recall, RecallMessage, Recalled,
    Show,
};
pub use steering::{RefusedValue, ValueSource, ValueStatus};
pub use tap::Tap;
pub use thread::node_at_work;
pub use transport_params::transport_declaration;
pub use watch::{Unwatched, Watch};
pub use wire::WireReport;
