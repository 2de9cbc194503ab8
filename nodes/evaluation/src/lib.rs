//! Does the music follow the picture, and is a music model any good? Figures, each beside what
//! chance gives.
//!
//! `docs/evaluation.md` says what each means. Pure functions, but for [`observe`], which reads what
//! a run sent, and [`melodies`], which asks a model.
#![forbid(unsafe_code)]

mod base64;
mod figures;
mod film;
pub mod harmony;
pub mod hits;
pub mod mantel;
pub mod melodies;
pub mod observe;
pub mod page;
mod played;
pub mod scenes;
mod seen;
mod shifts;
pub mod tagging;
pub mod tunes;

pub use figures::Figure;
pub use film::{FilmReport, Options, evaluate};
pub use played::{Played, played};
pub use seen::{Film, Seen};
pub use shifts::{Good, Tested};

use score_nodes::shared::{key, rank};
