//! One film: looked at, scored, and what came of it written down.

use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use score_nodes::film_facts::FilmFacts;
use score_nodes::output::replace;
use serde_json::{Value, json};

use super::child::{self, Ended, How};
use super::class::{Class, Failed, Fault, fault, of_message};
use super::collection::Film;
use super::identity::Identity;
use super::lease::machine;
use super::recipe::{Recipe, this_program};
use super::share::{RESULT, Share};
use super::strip::strip;
use crate::arguments::Batch;

/// The picture of a film on the page of results.
pub(super) const STILL: &str = "still.jpg";

/// The longest name, in bytes, that a film's results take from it.
const LONGEST_NAME: usize = 80;

/// How long a film is taken to be that does not say so, in seconds.
const USUAL_LENGTH: f64 = 7_200.0;

/// The longest time that anything may take, in seconds: a year.
const LONGEST_LIMIT: f64 = 31_536_000.0;

/// What is needed to score films.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) arguments: &'a Batch,
    pub(super) recipe: &'a Recipe,
    pub(super) share: &'a Share,
    pub(super) stop: &'a AtomicBool,
}

impl Order<'_> {
    /// Scores `film` into the folder `work`, with a note of all that came of it.
    pub(super) fn score(
        &self,
        film: &Film,
        identity: &Identity,
        (job, term): (&str, u32),
        work: &Path,
    ) -> Result<(), Fault> {
        let name = name_for(&film.name);
        let scored = self.program("film", &self.recipe.scoring, film, |command| {
            let out = work.join(&name).into_os_string();
            command.extend([OsString::from("--quiet"), OsString::from("--out"), out]);
            command.extend([OsString::from("--still"), work.join(STILL).into()]);
        })?;
        let mut files = files_in(work).map_err(|why| here(&why))?;
        let count = files.len();
        files.retain(|file| file != STILL);
        let has_still = files.len() < count;
        let evaluation = match self.arguments.eval {
            true => self.evaluation(film)?,
            false => Value::Null,
        };
        let mut about = json!({
            "name": film.name,
            "sha256": identity.sha256,
            "bytes": identity.state.bytes,
        });
        let told = told(&scored);
        // What the film says of itself.
        for (name, fact) in told["film"].as_object().into_iter().flatten() {
            about[name] = fact.clone();
        }
        let strip = files.iter().find(|file| file.ends_with(".mid"));
        let strip = strip.and_then(|notes| strip_of(&work.join(notes)));
        let result = json!({
            "film": about,
            "recipe": self.recipe.contents,
            "job": job,
            "term": term,
            "worker": self.share.worker,
            "machine": machine(),
            "render_seconds": told["seconds"].as_f64().map(|seconds| (seconds * 1000.0).round() / 1000.0),
            "files": files,
            "still": has_still.then_some(STILL),
            "strip": strip,
            "evaluation": evaluation,
        });
        let text = format!("{result:#}\n");
        replace(&work.join(RESULT), text.as_bytes()).map_err(|why| here(&why))
    }

    /// How long a film is, in seconds, as far as it says so.
    fn length(&self, film: &Film) -> Option<f64> {
        let mut question = FilmFacts::question(&film.path);
        let ended = child::run(&mut question, child::SHORT, self.stop).ok()?;
        let printed = (ended.how == How::Exit(0)).then_some(ended.printed.as_slice());
        let facts = FilmFacts::answer(&film.path, printed, &ended.stderr).ok()?;
        facts.seconds
    }

    /// Has this program do `command` with the film.
    fn program(
        &self,
        command: &str,
        options: &[OsString],
        film: &Film,
        more: impl FnOnce(&mut Vec<OsString>),
    ) -> Result<Ended, Fault> {
        let mut words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        more(&mut words);
        words.extend([
            OsString::from("--json"),
            OsString::from("--"),
            film.path.clone().into(),
        ]);
        let at = words.len() - 2;
        drop(words.splice(at..at, options.iter().cloned()));
        let program = this_program(&[&self.recipe.global, &words]);
        let least = self.arguments.least_time;
        let limit = Cell::new(least);
        // A film that is soon done is not asked how long it is.
        let longest = || {
            let length = self.length(film).unwrap_or(USUAL_LENGTH);
            let longest = (length * self.arguments.time_limit).clamp(least, LONGEST_LIMIT);
            limit.set(longest);
            Duration::from_secs_f64(longest)
        };
        let least = Duration::from_secs_f64(least);
        let ended =
            program.and_then(|mut program| child::run_for(&mut program, least, longest, self.stop));
        let ended = ended.map_err(|why| {
            Fault::Surroundings(format!("the program score cannot be started ({why})"))
        })?;
        match fault(&ended, limit.get()) {
            Some(fault) => Err(fault),
            None => Ok(ended),
        }
    }

    /// Whether the music follows the film. A film that is too short for that has none.
    fn evaluation(&self, film: &Film) -> Result<Value, Fault> {
        let measured = self.program("eval film", &self.recipe.scoring, film, |command| {
            command.push("--quiet".into());
        });
        match measured {
            Ok(ended) => Ok(told(&ended)["found"].clone()),
            Err(Fault::Film(Failed {
                class: Class::Unreadable | Class::Failed,
                reason,
            })) => Ok(json!({ "missing": reason })),
            Err(fault) => Err(fault),
        }
    }
}

/// The JSON that a program has printed.
fn told(ended: &Ended) -> Value {
    serde_json::from_slice(&ended.printed).unwrap_or(Value::Null)
}

fn strip_of(notes: &Path) -> Option<Value> {
    let bytes = std::fs::read(notes).ok()?;
    strip(&bytes).map(Value::String)
}

/// The names of the files in a folder.
fn files_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// What the results of the film called `name` are called: as it is, without its ending.
fn name_for(name: &str) -> String {
    let stem = Path::new(name)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let is_good = |c: &char| !c.is_control() && !"/\\:*?\"<>|\u{fffd}".contains(*c);
    let mut named = String::new();
    for c in stem.chars().filter(is_good) {
        if named.len() + c.len_utf8() > LONGEST_NAME {
            break;
        }
        named.push(c);
    }
    let named = named.trim_matches(['.', ' ', '-']);
    let taken = ["still", "result"].contains(&named);
    if named.is_empty() || taken {
        "film".to_owned()
    } else {
        named.to_owned()
    }
}

/// A fault of the folder or the machine, or, where the disk is full, of that.
pub(super) fn here(why: &io::Error) -> Fault {
    match of_message(&why.to_string(), "") {
        Fault::Film(failed) => Fault::Surroundings(failed.reason),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_films_name_as_far_as_it_fits_anywhere() {
        for (film, named) in [
            ("a/Rain (1929).mp4", "Rain (1929)"),
            ("-x.mkv", "x"),
            ("a: b?.avi", "a b"),
            ("....mp4", "film"),
            ("still.mp4", "film"),
        ] {
            assert_eq!(name_for(film), named);
        }
        assert_eq!(name_for(&"é".repeat(100)).len(), LONGEST_NAME);
    }
}
