//! A patch that plays: by the clock, edited while it runs, and with whatever fails brought back.

mod edit;
mod following;
mod gauges;
mod group;
mod hands;
mod input;
mod node_handle;
mod outlet;
mod pause;
mod plan;
mod ports;
mod prepare;
mod priority;
mod rehearsal;
mod restart;
mod session;
mod sounding;
mod splice;
mod status;
mod tap;
mod tapping;
mod thread;

pub use edit::Edit;
pub use following::{ClockReport, ClockState, ClockStatus};
pub use gauges::NodeState;
pub use hands::{
    Caller, CueStatus, NodeValues, SteerableNode, Steering, SteeringError, SteeringErrorKind,
};
pub(crate) use pause::Pause;
pub(crate) use ports::{Command, HandChange, Rewired};
pub(crate) use rehearsal::rehearse;
pub use restart::RestartPolicy;
pub use session::{Drained, Live, LiveOptions};
pub use status::{NodeStatus, StandingIn, Status, Waiting, WireEnd, WireStatus};
pub use tap::{Level, LiveTap, Picture, Seen, SeenEvent, SeenNote};
