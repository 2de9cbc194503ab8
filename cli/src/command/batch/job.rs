//! One film: looked at, scored, and what came of it written down.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use score_nodes::film_facts::{FilmFacts, still};
use serde_json::{Value, json};

use super::child::{self, Ended, How};
use super::class::{Class, Failed, Fault, fault, of_message};
use super::collection::Film;
use super::identity::Identity;
use super::lease::machine;
use super::recipe::{Recipe, this_program};
use super::share::{RESULT, Share, replace};
use super::strip::strip;
use crate::arguments::Batch;

/// The picture of a film on the page of results.
pub(super) const STILL: &str = "still.jpg";

/// Its width in pixels.
const STILL_WIDTH: u32 = 192;

/// The longest name, in bytes, that a film's results take from it.
const LONGEST_NAME: usize = 80;

/// How long a film is taken to be that does not say so, in seconds.
const USUAL_LENGTH: f64 = 7_200.0;

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
        let facts = self.facts(film)?;
        let length = facts.seconds.unwrap_or(USUAL_LENGTH);
        let limit = (length * self.arguments.time_limit).max(self.arguments.least_time);
        let name = name_for(&film.name);
        let scored = self.program("film", &self.recipe.scoring, film, limit, |command| {
            let out = work.join(&name).into_os_string();
            command.extend([OsString::from("--quiet"), OsString::from("--out"), out]);
        })?;
        let files = files_in(work).map_err(|why| here(&why))?;
        let evaluation = match self.arguments.eval {
            true => self.evaluation(film, limit)?,
            false => Value::Null,
        };
        let has_still = self.picture(film, facts.seconds, work);
        let strip = files.iter().find(|file| file.ends_with(".mid"));
        let strip = strip.and_then(|notes| strip_of(&work.join(notes)));
        let result = json!({
            "film": {
                "name": film.name,
                "sha256": identity.sha256,
                "bytes": identity.state.bytes,
                "seconds": facts.seconds,
                "codec": facts.codec,
                "width": facts.size.map(|(width, _)| width),
                "height": facts.size.map(|(_, height)| height),
                "title": facts.title(),
                "licence": facts.licence(),
                "metadata": facts.tags,
            },
            "recipe": self.recipe.contents,
            "job": job,
            "term": term,
            "worker": self.share.worker,
            "machine": machine(),
            "render_seconds": (scored.seconds * 1000.0).round() / 1000.0,
            "files": files,
            "still": has_still.then_some(STILL),
            "strip": strip,
            "evaluation": evaluation,
        });
        let text = format!("{result:#}\n");
        let written = replace(&work.join(RESULT), &self.share.worker, text.as_bytes());
        written.map_err(|why| here(&why))
    }

    /// What the film says of itself.
    fn facts(&self, film: &Film) -> Result<FilmFacts, Fault> {
        let mut question = FilmFacts::question(&film.path);
        let ended = child::run(&mut question, child::SHORT, self.stop);
        let ended = ended.map_err(|why| cannot_start("ffprobe", &why))?;
        let printed = match ended.how {
            How::Exit(0) => Some(ended.printed.as_slice()),
            How::Exit(_) => None,
            _ => return Err(fault(&ended, child::SHORT.as_secs_f64()).unwrap_or(Fault::Stopped)),
        };
        FilmFacts::answer(&film.path, printed, &ended.stderr)
            .map_err(|why| of_message(&why.to_string(), "input"))
    }

    /// Has this program do `command` with the film.
    fn program(
        &self,
        command: &str,
        options: &[OsString],
        film: &Film,
        limit: f64,
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
        let limited = Duration::from_secs_f64(limit);
        let ended = program.and_then(|mut program| child::run(&mut program, limited, self.stop));
        let ended = ended.map_err(|why| cannot_start("score", &why))?;
        match fault(&ended, limit) {
            Some(fault) => Err(fault),
            None => Ok(ended),
        }
    }

    /// Whether the music follows the film. A film that is too short for that has none.
    fn evaluation(&self, film: &Film, limit: f64) -> Result<Value, Fault> {
        let measured = self.program("eval film", &self.recipe.scoring, film, limit, |command| {
            command.push("--quiet".into());
        });
        match measured {
            Ok(ended) => {
                let found: Value = serde_json::from_slice(&ended.printed).unwrap_or(Value::Null);
                Ok(found["found"].clone())
            }
            Err(Fault::Film(Failed {
                class: Class::Unreadable | Class::Failed,
                reason,
            })) => Ok(json!({ "missing": reason })),
            Err(fault) => Err(fault),
        }
    }

    /// Writes a picture of the film; whether there is one. A film without is scored all the same.
    fn picture(&self, film: &Film, seconds: Option<f64>, work: &Path) -> bool {
        let to = work.join(STILL);
        let at = seconds.map_or(0.0, |seconds| seconds / 3.0);
        let mut command = still(&film.path, at, STILL_WIDTH, &to);
        let ended = child::run(&mut command, child::SHORT, self.stop);
        let is_there = ended.is_ok_and(|ended| ended.how == How::Exit(0))
            && std::fs::metadata(&to).is_ok_and(|about| about.len() > 0);
        if !is_there {
            // Nothing half-written stays.
            let _ = std::fs::remove_file(&to);
        }
        is_there
    }
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

fn cannot_start(program: &str, why: &io::Error) -> Fault {
    let advice = match (program, why.kind()) {
        ("ffprobe", io::ErrorKind::NotFound) => "; install it with `sudo apt install ffmpeg`",
        _ => "",
    };
    Fault::Surroundings(format!(
        "the program {program} cannot be started ({why}){advice}"
    ))
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
