//! Words for `score run` that mean the same in whatever folder they are read.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, ValueHint};
use score_engine::Override;

use crate::arguments::Arguments;

/// What stands for standard output.
pub(crate) const STANDARD: &str = "-";

/// The options of `score run` that take a path, without their dashes.
fn path_options() -> Vec<String> {
    let mut command = Arguments::command();
    // Those of every command are among them then.
    command.build();
    let run = command.find_subcommand("run");
    let options = run.into_iter().flat_map(clap::Command::get_arguments);
    let paths = options.filter(|option| {
        matches!(
            option.get_value_hint(),
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
        )
    });
    paths
        .filter_map(|option| Some(option.get_long()?.to_owned()))
        .collect()
}

/// The words `more` for `score run`, in which paths count from `folder`, with paths from the root.
/// `typed` are the files that values of a patch name which are given by --set.
pub(crate) fn rooted(more: &[String], typed: &[PathBuf], folder: &Path) -> Vec<String> {
    let options = path_options();
    let from_root = |value: &str| match value {
        STANDARD => value.to_owned(),
        _ => from_root(value, folder).to_string_lossy().into_owned(),
    };
    let set = |value: &str| match Override::parse(value) {
        Ok(set) => set_rooted(&set, typed, folder),
        Err(_) => value.to_owned(),
    };
    let mut rooted = Vec::new();
    let mut words = more.iter();
    while let Some(word) = words.next() {
        let option = word.strip_prefix("--").unwrap_or_default();
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let is_path = options.iter().any(|option| option == name);
        let turned = |value: &str| match is_path {
            true => from_root(value),
            false => set(value),
        };
        match value {
            _ if !is_path && name != "set" => rooted.push(word.clone()),
            Some(value) => rooted.push(format!("--{name}={}", turned(value))),
            None => {
                rooted.push(word.clone());
                rooted.extend(words.next().map(|value| turned(value)));
            }
        }
    }
    rooted
}

/// A path that counts from `folder`, from the root.
pub(crate) fn from_root(path: impl AsRef<Path>, folder: &Path) -> PathBuf {
    let path = folder.join(path);
    std::path::absolute(&path).unwrap_or(path)
}

/// A value of a patch as it is written; from the root where it names one of the files `typed`.
fn set_rooted(set: &Override, typed: &[PathBuf], folder: &Path) -> String {
    let written = set.written();
    let (node, param) = set.target();
    let value = written.split_once('=').map_or("", |(_, value)| value);
    let plain = value.trim().trim_matches('"');
    let path = from_root(plain, folder);
    match typed.contains(&path).then(|| path.to_str()).flatten() {
        Some(path) => Override::text(node, param, path).written().to_owned(),
        None => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn paths_are_meant_from_where_they_were_typed_and_nothing_else_is_changed() {
        let typed = [PathBuf::from("/home/ann/films/one.mp4")];
        let more = [
            ("--state", "--state"),
            ("../state", "/home/ann/../state"),
            ("--write-to=takes", "--write-to=/home/ann/takes"),
            ("--write-to", "--write-to"),
            ("/srv/takes", "/srv/takes"),
            ("--status-json", "--status-json"),
            ("-", "-"),
            ("--log-file=log.txt", "--log-file=/home/ann/log.txt"),
            ("--models", "--models"),
            ("models", "/home/ann/models"),
            ("--set", "--set"),
            (
                "film.path=films/one.mp4",
                "film.path=\"/home/ann/films/one.mp4\"",
            ),
            (
                "--set=let.film=\"films/one.mp4\"",
                "--set=let.film=\"/home/ann/films/one.mp4\"",
            ),
            ("--set", "--set"),
            ("let.level=-6", "let.level=-6"),
            ("--poll", "--poll"),
            ("--log-format", "--log-format"),
            ("json", "json"),
        ];
        let typed_words = more.map(|(word, _)| word);
        let expected = more.map(|(_, word)| word);
        let rooted = rooted(&words(&typed_words), &typed, Path::new("/home/ann"));
        assert_eq!(rooted, words(&expected));
    }
}
