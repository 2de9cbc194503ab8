//! A user's own theme: a tune in a file, and where in the music it is played.

mod declared;
mod statements;
mod tune;

pub(crate) use declared::{SCENE_SUMMARY, check, load, phrases};
pub(crate) use statements::Statements;
pub(crate) use tune::Theme;
