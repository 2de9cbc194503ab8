//! The patches that the page lists: those of a folder, and the built-in ones.

use std::fs::Metadata;
use std::path::Path;

use serde_json::{Value, json};

use crate::library::{PATCHES, summary};

/// The longest patch whose first lines are read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Bytes of patches that are read for one list; what comes beyond them is listed by its name.
pub(super) const MOST_READ: u64 = 16 << 20;

/// The longest summary, in letters.
const LONGEST: usize = 400;

/// Wires that are drawn, at most.
const MOST_WIRES: usize = 150;

/// A patch of a folder: what it is called, what it does, and the command that plays it, with its
/// name as it is typed. What it reads is taken from `budget`, in bytes. `None`: the file has words of
/// the user's own, which `score tag --new` writes.
pub(super) fn of_file(path: &Path, name: &str, typed: &Path, budget: &mut u64) -> Option<Value> {
    let is_small = |found: &Metadata| found.is_file() && found.len() <= LARGEST.min(*budget);
    let small = path.metadata().ok().filter(is_small);
    *budget -= small.as_ref().map_or(0, Metadata::len);
    let text = small.and_then(|_| std::fs::read_to_string(path).ok());
    let is_words = |text: &String| text.trim_start().starts_with("Names(");
    if text.as_ref().is_some_and(is_words) {
        return None;
    }
    // Of a file that is no patch nothing is shown.
    let text = text
        .filter(|text| text.contains("Patch("))
        .unwrap_or_default();
    let typed = quoted(&typed.to_string_lossy());
    // As its own first lines say.
    let says = |command: &str| {
        let comments = text.lines().map_while(|line| line.strip_prefix("//"));
        let mut lines = comments.map(str::trim_start);
        lines.any(|line| line.starts_with(command))
    };
    let command = match (says("score film"), says("score render")) {
        (true, _) => format!("score film FILM --patch {typed}"),
        (_, true) => format!("score render {typed}"),
        _ => format!("score run {typed}"),
    };
    Some(
        json!({ "name": name, "about": cut(summary(&text)), "command": command, "wires": wires(&text) }),
    )
}

/// The built-in ones, with the command that their first lines name.
pub(super) fn built_in() -> Vec<Value> {
    let patches = PATCHES.iter();
    let patches = patches.map(|(name, text)| {
        json!({ "name": name, "about": cut(summary(text)), "command": command(text), "wires": wires(text) })
    });
    patches.collect()
}

/// The first command in the first lines of a patch.
fn command(text: &str) -> Option<String> {
    let lines = text.lines().map_while(|line| line.strip_prefix("//"));
    let mut lines = lines
        .map(str::trim)
        .skip_while(|line| !line.starts_with("score "));
    let mut command = String::new();
    loop {
        // What stands behind it, set apart, is what it does.
        let line = lines.next()?;
        let line = line.split("  ").next().unwrap_or(line);
        match line.strip_suffix('\\') {
            // It goes on in the next line.
            Some(begun) => command.push_str(begun),
            None => return Some(command + line),
        }
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// From which node to which its wires lead, as far as the text says it without being checked: for a
/// small drawing.
fn wires(text: &str) -> Vec<[&str; 2]> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.split('"');
        // What stands outside quotes may begin a comment, in which quotes are no wires.
        while let Some(outside) = parts.next()
            && !outside.contains("//")
            && let Some(quoted) = parts.next()
        {
            let nodes = quoted.split("->").map(|end| {
                let end = end.trim();
                end.split('.').next().unwrap_or(end)
            });
            let nodes: Vec<&str> = nodes.collect();
            found.extend(nodes.windows(2).map(|pair| [pair[0], pair[1]]));
        }
    }
    found.truncate(MOST_WIRES);
    found
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
    match name.chars().all(is_plain) && !name.starts_with('-') {
        true => name.to_owned(),
        false if name.starts_with('/') => format!("'{}'", name.replace('\'', r"'\''")),
        false => format!("'./{}'", name.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_command_of_a_patch_is_whole_and_alone() {
        let text = "// Plays.\n//\n//     score run a.ron \\\n//         --set b.c=1   and more\n//     score b";
        assert_eq!(command(text).unwrap(), "score run a.ron --set b.c=1");
        assert_eq!(command("// Plays."), None);
    }

    #[test]
    fn a_file_with_a_word_of_ones_own_is_not_listed_as_a_patch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rain.ron");
        let heap = |at: f32| vec![vec![at; 4]; 10];
        let lesson = score_nodes::names::teach("rain", &heap(1.0), &heap(-1.0)).unwrap();
        std::fs::write(&path, lesson.names.text().unwrap()).unwrap();
        assert!(of_file(&path, "rain.ron", &path, &mut (1 << 20)).is_none());
    }

    #[test]
    fn the_wires_of_a_patch_are_found_in_its_text() {
        let text = r#"
            // Not "a -> b".
            "film": video_file(path: "film.mp4"), // nor "c -> d"
            wires: ["film -> eye -> map", ("light.value -> lead.gain", range(from: 0, to: 1))],
        "#;
        let wanted = [["film", "eye"], ["eye", "map"], ["light", "lead"]];
        assert_eq!(wires(text), wanted);
    }

    #[test]
    fn a_patch_is_named_with_what_it_does_and_the_command_that_plays_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's.ron");
        std::fs::write(&path, "// Plays a tone.\n// All day.\n\nPatch(format: 1)").unwrap();
        let mut budget = 100;
        let mut told = |typed: &Path| of_file(&path, "it's.ron", typed, &mut budget).unwrap();
        let first = told(Path::new("it's.ron"));
        assert_eq!(first["about"], "Plays a tone. All day.");
        assert_eq!(first["command"], r"score run './it'\''s.ron'");
        assert_eq!(told(&path)["about"], first["about"]);
        // More is not read than one list may, and the patch is listed all the same.
        let beyond = told(&path);
        assert_eq!(
            (&beyond["name"], &beyond["about"]),
            (&json!("it's.ron"), &json!(""))
        );
        std::fs::write(&path, "// password: 1234").unwrap();
        let odd = of_file(&path, "it's.ron", &path, &mut 100).unwrap();
        assert_eq!(odd["about"], "");
        assert!(
            built_in()
                .iter()
                .all(|one| one["about"].as_str().unwrap().len() > 20
                    && one["command"].as_str().is_some())
        );
    }
}
