//! Steering a live run from other programs of the same user, through a socket on this machine.
//!
//! `score run` has a [`Server`]; `score set`, `get`, `release` and `status` find it through
//! [`connect`]. What they say to each other is in [`protocol`], and where the socket lies in
//! `score_link::folder`.
#![cfg_attr(not(unix), allow(dead_code))]

mod answer;
#[cfg(unix)]
mod client;
#[cfg(unix)]
mod line;
pub(crate) mod protocol;
mod published;
#[cfg(unix)]
mod server;
#[cfg(not(unix))]
mod unsupported;

pub(crate) use answer::Remote;
#[cfg(unix)]
pub(crate) use client::{Connection, connect};
pub(crate) use published::Published;
#[cfg(feature = "page")]
pub(crate) use published::Verdict;
#[cfg(unix)]
pub(crate) use server::Server;
#[cfg(not(unix))]
pub(crate) use unsupported::{Connection, Server, connect};
