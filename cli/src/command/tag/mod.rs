//! `score tag`

mod film;
mod own;
mod word;

use score_engine::Settings;

pub(crate) use self::film::seen;
pub(crate) use self::own::own_words;
use crate::arguments::Tag;
use crate::failure::Failure;
use crate::kinds::Kinds;

pub(crate) fn run(arguments: &Tag, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    match (&arguments.new, arguments.paths.as_slice()) {
        (Some(word), [shows, others]) => word::teach(arguments, word, [shows, others], settings),
        (Some(word), _) => Err(Failure::Message(format!(
            "`--new {word}` takes two folders: pictures that show it, and others"
        ))),
        (None, [film]) => film::tag(arguments, film, kinds, settings),
        (None, _) => Err(Failure::Message(
            "one film is tagged at a time; to teach a word by two folders, write `--new WORD` \
             before them"
                .to_owned(),
        )),
    }
}
