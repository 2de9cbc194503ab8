//! A render: every node once, from the patch's first packet to its last, as fast as it goes and
//! without losing anything.

mod acts;
mod automation;
mod census;
mod endless;
mod input;
mod ports;
mod report;
mod run;
mod schedule;
mod stand_in;

pub use acts::SecondAct;
pub use automation::TextChange;
pub use report::{NodeReport, Report};
pub use run::{Run, Stopper};
pub use stand_in::Played;
