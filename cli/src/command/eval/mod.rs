//! `score eval`: does the music follow, and is a model any good?

mod film;
mod music;

use score_engine::{Registry, Settings};

use crate::arguments::Eval;
use crate::failure::Failure;

pub(crate) fn run(
    arguments: &Eval,
    registry: &Registry,
    settings: &Settings,
) -> Result<(), Failure> {
    match arguments {
        Eval::Film(film) => film::run(film, registry, settings),
        Eval::Music(music) => music::run(music, settings),
    }
}
