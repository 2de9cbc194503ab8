//! Plays patches live against JACK's dummy driver and listens to what comes out. One server a test; one test at a
//! time, because sound that breaks off under load would tell nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs)]

mod capture;
mod devices;
mod film;
mod helper;
mod jack;
mod journal;
mod listener;
mod midi;
mod player;
#[allow(dead_code)]
mod proof;
mod proofs;
mod pulse;
mod sound;
#[path = "../end_to_end/support.rs"]
#[allow(dead_code)]
mod support;
mod witness;
