//! SCORE! in a DAW: a CLAP note effect that leads a running `score run` and plays its notes.
//!
//! It is loaded into a stranger's process, so that it is thin: no model, no film, no sound, only a
//! socket ([`score_link`]). It tells the run where the DAW's playhead is; the run plays along, and sends
//! each note with its place on the DAW's time line. The plug-in plays all of them late by a latency
//! that it has told the DAW, which makes up for it: so a note can be on its way while its place
//! passes, and still sound there, to the sample.
//!
//! | module | does |
//! |---|---|
//! | `timeline` | which frame is where on the DAW's time line, lately and soon |
//! | `player` | gives each note its frame, and ends what sounds where it must |
//! | `playhead` | reads the DAW's transport, and says what a run is to be told of it |
//! | `line` | the threads that speak to a run |
//! | `processor` | what the DAW's audio thread calls: neither allocates, locks nor waits |
//! | `params`, `plugin` | what the DAW sees |

#[cfg(test)]
#[path = "../tests/dice/mod.rs"]
mod dice;
mod line;
mod params;
pub mod player;
mod playhead;
mod plugin;
mod processor;
#[cfg(test)]
mod ten_minutes;
mod timeline;

use clack_plugin::prelude::{SinglePluginEntry, clack_export_entry};

pub use plugin::Score;

clack_export_entry!(SinglePluginEntry<Score>);
