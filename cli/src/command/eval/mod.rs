//! `score eval`: does the music follow, and is a model any good?

mod film;
mod harmony;
mod music;

use score_engine::Settings;

use crate::arguments::Eval;
use crate::failure::Failure;
use crate::kinds::Kinds;

pub(crate) fn run(arguments: &Eval, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    match arguments {
        Eval::Film(film) => film::run(film, kinds, settings),
        Eval::Harmony(harmony) => harmony::run(harmony, kinds, settings),
        Eval::Music(music) => music::run(music, settings),
    }
}
