//! Plays patches live against JACK's dummy driver and listens to what comes out. One server a test;
//! one test at a time, because sound that breaks off under load would tell nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs)]

mod capture;
mod clocks;
mod devices;
mod health;
mod learn;
mod midi;
mod net;
mod palette;
mod proofs;
mod pulse;
mod service;
mod sound;
