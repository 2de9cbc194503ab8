//! Is it music? Key, chords, parts that fit, form: figures beside those of real songs.

mod account;
mod chords;
mod dynamics;
mod figures;
mod file;
mod grid;
mod melody;
mod score;
#[cfg(test)]
mod tests;
mod together;

pub use account::Account;
pub use figures::{Row, evaluate};
pub use score::{Part, Role, Score, Stroke};
