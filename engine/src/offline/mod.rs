//! A render: every node once, from the patch's first packet to its last, as fast as it goes and
//! without losing anything.

mod acts;
mod census;
mod endless;
mod input;
mod ports;
mod report;
mod run;
mod schedule;

pub use acts::SecondAct;
pub use report::{NodeReport, Report};
pub use run::{Run, Stopper};
