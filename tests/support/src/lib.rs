//! What the tests and the benches that start the program share.
//!
//! At the top is what every test needs: the program itself, films and MIDI files to feed it with,
//! and what it wrote. The modules are for live runs: a sound server without hardware, what is heard
//! there, and what the program logs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs, clippy::missing_panics_doc, clippy::print_stdout)]

pub mod browser;
pub mod cuts_film;
pub mod fader;
mod folders;
pub mod helper;
pub mod jack;
pub mod journal;
pub mod listener;
mod media;
mod notes;
#[cfg(unix)]
pub mod notify;
pub mod page_client;
pub mod player;
mod program;
pub mod proof;
pub mod remote;
pub mod witness;

pub use folders::{copy_models, graphs, house, names, patches_in, unpack_graphs};
pub use media::{ffmpeg, probe, write_film, write_index, write_recordings, write_small_film};
pub use notes::{onsets, require_other_music_in_each_scene, write_scale};
pub use program::{Talking, built, program, score, text};
