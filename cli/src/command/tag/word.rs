//! Teaches a word by two folders of pictures.

use std::io::Write;
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Settings};
use score_nodes::model::Manifest;
use score_nodes::names::{Lesson, Names, teach as taught};
use score_nodes::{latents_in_folder, output};
use serde_json::json;

use crate::arguments::Tag;
use crate::command::{claim, require_place};
use crate::failure::Failure;
use crate::terminal::{out, tell};

/// With fewer pictures on a side, it is said that more would be better.
const ENOUGH: usize = 10;

/// The share told rightly below which a word is said to be doubtful.
const GOOD: f64 = 0.85;

/// Teaches `word` with the pictures in two folders and writes it.
pub(super) fn teach(
    arguments: &Tag,
    word: &str,
    [shows, others]: [&PathBuf; 2],
    settings: &Settings,
) -> Result<(), Failure> {
    require_word(word)?;
    let path = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{word}.ron")));
    require_place(&path)?;
    let claim = claim(&path, "score tag", arguments.overwrite)?;
    let looked = |folder: &Path| latents_in_folder(settings, &arguments.model, folder);
    let (shown, other) = (looked(shows)?, looked(others)?);
    let mut lesson = taught(word, &shown, &other)?;
    lesson.names.encoder = encoder(settings, &arguments.model)?;
    if !lesson.is_worth_something() && !arguments.anyway {
        let why = format!(
            "`{word}` was not written: {}, which guessing does as well",
            told(&lesson)
        );
        return Err(NodeError::input(why)
            .help(
                "take more pictures, or such that differ in what the word means and in nothing \
                 else; --anyway writes it all the same",
            )
            .into());
    }
    output::write(claim, lesson.names.text()?.as_bytes())?;
    report(arguments, &path, &lesson, [shown.len(), other.len()])
}

/// Refuses what cannot be a name in a patch and of a file.
fn require_word(word: &str) -> Result<(), Failure> {
    let fits = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    match !word.is_empty() && word.len() <= 64 && word.chars().all(fits) {
        true => Ok(()),
        false => Err(Failure::Message(format!(
            "`{word}` cannot be a word: use letters, digits, _ and -"
        ))),
    }
}

/// The checksum of the encoder, by which a word is known to be of other latents.
fn encoder(settings: &Settings, model: &str) -> Result<Option<String>, Failure> {
    let manifest = Manifest::of(settings)?;
    let files = &manifest.find(model)?.files;
    Ok(files.get(Names::ENCODER).map(|file| file.sha256.clone()))
}

/// `17 of 20 pictures are told rightly by what was learnt from the others`.
fn told(lesson: &Lesson) -> String {
    format!(
        "{} of {} pictures are told rightly by what was learnt from the others",
        lesson.right, lesson.of
    )
}

fn report(
    arguments: &Tag,
    path: &Path,
    lesson: &Lesson,
    pictures: [usize; 2],
) -> Result<(), Failure> {
    let is_small = pictures.iter().any(|count| *count < ENOUGH);
    let mut out = out();
    if arguments.json {
        let found = json!({
            "written": path.to_string_lossy(), "right": lesson.right, "of": lesson.of,
            "left_one_out": lesson.left_one_out(), "chance": lesson.chance,
            "worth_something": lesson.is_worth_something(),
        });
        writeln!(out, "{found:#}")?;
        return Ok(());
    }
    writeln!(out, "{}", path.display())?;
    if arguments.quiet {
        return Ok(());
    }
    writeln!(out, "{}", told(lesson))?;
    let warn = |what: &str, help: &str| tell(format_args!("warning: {what}; {help}"));
    if !lesson.is_worth_something() {
        warn(
            "the word is worth nothing: guessing does as well",
            "take other or more pictures",
        );
    } else if lesson.left_one_out() < GOOD {
        warn(
            "the word is doubtful: it will often be wrong",
            "take more pictures, of more different things on both sides",
        );
    } else if is_small {
        warn(
            "there are few pictures, so the figure says little",
            "ten or more on each side are better",
        );
    }
    Ok(())
}
