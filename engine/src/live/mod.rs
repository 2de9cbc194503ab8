//! A patch that plays: by the clock, edited while it runs, and with whatever fails brought back.

mod desk;
mod edit;
mod gauges;
mod input;
mod look;
mod node_handle;
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
mod thread;

pub use desk::{NodeValues, Steering, SteeringError, SteeringErrorKind};
pub use edit::Edit;
pub use gauges::NodeState;
pub use look::{Level, LiveTap, Picture, Seen, SeenEvent, SeenNote};
pub(crate) use pause::Pause;
pub(crate) use ports::{Command, Hand, Rewired};
pub(crate) use rehearsal::rehearse;
pub use restart::RestartPolicy;
pub use session::{Drained, Live, LiveOptions};
pub use status::{NodeStatus, Status, Waiting, WireEnd, WireStatus};
