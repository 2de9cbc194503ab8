//! Steering a live run from other programs of the same user, through a socket on this machine.
//!
//! `score run` has a [`Server`]; `score set`, `get`, `release` and `status` find it through
//! [`connect`]. What they say to each other is in [`protocol`], and where the socket lies in
//! `place`.
#![cfg_attr(not(unix), allow(dead_code))]

mod answer;
#[cfg(unix)]
mod client;
#[cfg(not(unix))]
mod elsewhere;
mod latest;
#[cfg(unix)]
mod line;
#[cfg(unix)]
mod place;
pub(crate) mod protocol;
#[cfg(unix)]
mod server;

pub(crate) use answer::Remote;
#[cfg(unix)]
pub(crate) use client::{Connection, connect};
#[cfg(not(unix))]
pub(crate) use elsewhere::{Connection, Server, connect};
pub(crate) use latest::Latest;
#[cfg(unix)]
pub(crate) use server::Server;
