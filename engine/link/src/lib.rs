//! How programs of the same user find a run of SCORE! on this machine, and what a plug-in in a DAW
//! and a run say to each other.
//!
//! A run has a socket in a folder that only its user can enter ([`folder`], [`socket`]): one for
//! `score set` and the like, and one for plug-ins where the patch follows a DAW. The plug-in is loaded
//! into a stranger's process, so that this crate needs nothing of the engine.
#![forbid(unsafe_code)]

#[cfg(unix)]
mod connect;
pub mod daw;
#[cfg(unix)]
pub mod folder;
mod monotonic;
#[cfg(unix)]
pub mod socket;
mod stream;

#[cfg(unix)]
pub use connect::connect;
pub use monotonic::monotonic;
pub use stream::{Incoming, Message, Strange};
