//! Starts the real program on real files. One module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs)]

mod batch;
mod book;
mod colours;
mod containers;
#[cfg(unix)]
mod daw;
mod delivery;
mod drawing;
mod editing;
mod errors_as_json;
mod evaluation;
mod film;
mod film_names;
mod films_browser;
mod films_page;
mod golden;
mod import;
mod library;
mod limits;
mod melodies;
mod midi;
mod missing_tools;
mod models;
mod osc;
mod own_model;
mod own_patch;
mod ownership;
mod page;
mod parts;
mod patches;
mod patches_from_others;
mod plugins;
mod recording;
#[cfg(unix)]
mod remote;
mod replay;
mod saves;
#[cfg(target_os = "linux")]
mod service;
mod status;
mod stream;
mod strip;
mod studio;
mod swing;
mod tags;
#[cfg(unix)]
mod teaching;
mod theme;
mod timeline;
