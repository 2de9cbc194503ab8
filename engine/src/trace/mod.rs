//! Traces: all that a node was given in a live run, and when, so that it can run again offline and
//! send the same.
//!
//! What a live node sends depends on more than the times of its packets: on when its thread took
//! them, and what the clock said when the node's code asked. A trace has every answer that the code
//! got: packets with their content, the clock's times, new values, new transports. A processor is
//! deterministic apart from that, so that [`Rerun`] needs nothing else, no clock and no other node.
//!
//! A trace is made only where a node that [keeps a record](crate::Descriptor::keeps_record) asks
//! for it with [`TraceHub::listen`], and only of nodes that notes come from: `reach` says which.

mod content;
mod hub;
mod listening;
mod op;
mod reach;
mod rerun;
mod writing;

pub use content::{checksum, content_hash};
pub use hub::{TraceChunk, TraceHub, TraceListener};
pub(crate) use listening::trace;
pub use op::{TracedCodes, check as check_chunk, codes};
pub use rerun::{Outcome, Rerun, Resent};
pub use writing::{TraceReader, TraceWriter};
