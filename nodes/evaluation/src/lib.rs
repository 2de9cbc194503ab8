//! Does the music follow the picture, and is a music model any good? Figures, each beside what
//! chance gives.
//!
//! `docs/evaluation.md` says what each means. Pure functions, but for [`observe`], which reads what
//! a run sent, and [`melodies`] and [`Chain`], which ask a model.
#![forbid(unsafe_code)]

mod base64;
mod chain;
pub mod csv;
mod figures;
mod film;
pub mod harmony;
pub mod hits;
pub mod mantel;
pub mod melodies;
pub mod observe;
pub mod page;
mod played;
mod read_back;
mod returns;
pub mod scenes;
mod seen;
mod shifts;
pub mod tagging;
pub mod tunes;

pub use chain::Chain;
pub use figures::{Figure, NAMES};
pub use film::{FilmReport, Options, evaluate};
pub use played::{Played, played};
pub use read_back::{ReadBack, ReadPart};
pub use seen::{Film, Seen};
pub use shifts::{Good, Tested};

use score_nodes::shared::{key, rank};
