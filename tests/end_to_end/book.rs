//! The pages for readers: they lead somewhere, and what they tell to type exists.

use std::path::{Path, PathBuf};

use score_test_support::{
    ffmpeg, house, score, text, unpack_graphs, write_film, write_index, write_scale,
};

/// Every page of the repository that a reader may open.
fn pages() -> Vec<PathBuf> {
    let within = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut folders = ["", "docs", "tests/fuzz"]
        .map(|folder| house().join(folder))
        .to_vec();
    for of_folders in ["models", "nodes/plugins"] {
        let found = within(&house().join(of_folders));
        folders.extend(found.into_iter().filter(|path| path.is_dir()));
    }
    let mut pages: Vec<PathBuf> = folders.iter().flat_map(|folder| within(folder)).collect();
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    pages.sort();
    assert!(pages.len() > 15, "{pages:?}");
    pages
}

/// Where the links of a page lead to that stay within the repository: a file, the page itself if
/// empty, and a heading of it, if any.
fn links(page: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(page).unwrap();
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter(|(link, _)| !link.contains("://"))
        .map(|(link, _)| link.split_once('#').unwrap_or((link, "")))
        .map(|(file, heading)| (file.to_owned(), heading.to_owned()))
        .collect()
}

/// The headings of a page, as links name them.
fn headings(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let named = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ => c.is_alphanumeric().then_some(c),
        });
        kept.collect()
    };
    headings.map(named).collect()
}

#[test]
fn every_link_from_page_to_page_leads_to_a_file_and_its_heading() {
    let mut lost = Vec::new();
    let mut found = 0;
    for page in pages() {
        for (file, heading) in links(&page) {
            found += 1;
            let target = match file.as_str() {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let leads =
                target.exists() && (heading.is_empty() || headings(&target).contains(&heading));
            if !leads {
                lost.push(format!("{}: {file}#{heading}", page.display()));
            }
        }
    }
    assert!(found > 20);
    assert_eq!(lost, [""; 0]);
}

/// `make book`, with a program that does nothing in mdbook's place.
#[cfg(unix)]
#[test]
fn the_book_that_is_made_has_every_file_that_its_pages_lead_to() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mdbook = folder.path().join("mdbook");
    std::fs::write(&mdbook, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&mdbook, PermissionsExt::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let made = std::process::Command::new(house().join(".ci/book"))
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let (house, book) = (house().canonicalize().unwrap(), "target/book-source/src");
    let mut lost = Vec::new();
    for page in pages() {
        let page = page.canonicalize().unwrap();
        let page = house.join(book).join(page.strip_prefix(&house).unwrap());
        if page.ends_with("docs/SUMMARY.md") {
            continue;
        }
        for (file, _) in links(&page) {
            if !page.parent().unwrap().join(&file).exists() {
                lost.push(format!("{}: {file}", page.display()));
            }
        }
    }
    assert_eq!(lost, [""; 0]);
}

#[test]
fn the_book_has_every_page_of_docs() {
    let listed = links(&house().join("docs/SUMMARY.md"));
    for page in pages() {
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        if page.parent().unwrap().ends_with("docs") && name != "SUMMARY.md" {
            let is_listed = listed.iter().any(|(file, _)| *file == name);
            assert!(is_listed, "docs/SUMMARY.md has no {name}");
        }
    }
}

#[test]
fn every_command_that_a_page_shows_exists() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&score(folder.path(), &["--help"]).stdout);
    let known: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(known.contains(&"film"));
    let mut shown = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for line in text.lines() {
            let typed = line.strip_prefix("    ").unwrap_or_default();
            let typed = typed.strip_prefix("target/release/").unwrap_or(typed);
            let Some(typed) = typed.strip_prefix("score ") else {
                continue;
            };
            let command = typed.split_whitespace().next().unwrap_or_default();
            shown += 1;
            let is_known =
                command.starts_with('-') || command == "COMMAND" || known.contains(&command);
            assert!(is_known, "{}: score {typed}", page.display());
        }
    }
    assert!(shown >= 10, "{shown}");
}

/// The code blocks of a page that are fenced as `language`, with the lines on which they begin.
fn blocks(page: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match &mut open {
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line == format!("```{language}") => open = Some((number, String::new())),
            None => {}
        }
    }
    blocks
}

/// The pieces of code of a page that are set in by four spaces, each without blank lines, with the
/// lines on which they begin.
fn pieces(page: &str) -> Vec<(usize, String)> {
    let mut pieces: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in (1..).zip(page.lines()) {
        let code = line.strip_prefix("    ");
        match (code, pieces.last_mut()) {
            (Some(code), Some((_, text))) if goes_on => {
                text.push('\n');
                text.push_str(code);
            }
            (Some(code), _) => pieces.push((number, code.to_owned())),
            (None, _) => {}
        }
        goes_on = code.is_some();
    }
    pieces
}

/// Code without comments on lines of their own and without what its layout adds: blanks, and commas
/// before brackets that close.
fn bare(code: &str) -> String {
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    [",)", ",]", ",}"]
        .iter()
        .fold(code, |code, end| code.replace(end, &end[1..]))
}

#[test]
fn what_the_plugin_guide_shows_of_rust_stands_in_files_that_are_compiled() {
    let read = |path: &str| std::fs::read_to_string(house().join(path)).unwrap();
    let compiled = [
        "tests/plugins/guide.rs",
        "nodes/plugins/jitter/src/lib.rs",
        "engine/plugin/template/src/lib.rs",
        "cli/examples/own_program.rs",
    ];
    let compiled: String = compiled.map(|path| bare(&read(path))).concat();
    // Parameters that are not used have another name there.
    let traits = bare(&read("engine/node/src/node.rs")).replace('_', "");
    let (mut lost, mut found) = (Vec::new(), 0);
    for (line, piece) in pieces(&read("docs/plugins.md")) {
        let is_typed = |line: &str| line.starts_with("score ") || line.starts_with("cargo ");
        if piece.lines().any(is_typed) {
            continue;
        }
        found += 1;
        let stands = if piece.starts_with("trait ") {
            let signatures = piece.lines().filter(|line| line.contains("fn "));
            signatures
                .map(|line| bare(line.trim_matches(['[', ']', ' ', ';'])).replace('_', ""))
                .all(|signature| traits.contains(&signature))
        } else if piece.contains('…') {
            piece
                .split(['…', '\n'])
                .all(|part| compiled.contains(&bare(part)))
        } else {
            compiled.contains(&bare(&piece))
        };
        if !stands {
            lost.push(format!("docs/plugins.md:{line}: {piece}"));
        }
    }
    assert!(found >= 15, "{found}");
    assert_eq!(lost, [""; 0]);
}

/// Crates whose manifest says that examples in doc comments are not run.
#[test]
fn no_example_stands_in_doc_comments_that_are_not_run() {
    for name in ["cli", "engine", "engine/derive", "nodes", "nodes/fourier"] {
        let manifest = house().join(name).join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        assert!(manifest.contains("doctest = false"), "{name}");
        let mut folders = vec![house().join(name).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|end| end != "rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let comments = text.lines().filter_map(|line| {
                    let line = line.trim_start();
                    line.strip_prefix("///").or(line.strip_prefix("//!"))
                });
                let mut is_open = false;
                for line in comments {
                    let line = line.strip_prefix(' ').unwrap_or(line);
                    let fences = ["```", "~~~"];
                    let fence = fences
                        .iter()
                        .find_map(|fence| line.trim_start().strip_prefix(fence));
                    match fence {
                        Some(language) => {
                            assert!(is_open || language == "text", "{}: {line}", path.display());
                            is_open = !is_open;
                        }
                        // What is indented is code as well.
                        None => {
                            let is_code = !is_open && line.starts_with("    ");
                            assert!(!is_code, "{}: {line}", path.display());
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_the_library_page_shows_of_rust_is_an_example_that_is_tested() {
    let read = |path: &str| std::fs::read_to_string(house().join(path)).unwrap();
    let example = bare(&read("nodes/examples/render_a_patch.rs"));
    let shown = blocks(&read("docs/library.md"), "rust");
    assert_eq!(shown.len(), 1);
    for part in shown[0].1.split("\n\n") {
        assert!(example.contains(&bare(part)), "{part}");
    }
}

/// A folder with all that the pages' patches and commands name: films, melodies, a sound, pictures, a
/// take, the patches that ship.
fn workshop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_film(folder.path());
    write_scale(&at("song.mid"));
    for name in ["holiday.mp4", "a.mp4", "b.mp4"] {
        std::fs::copy(at("film.mp4"), at(name)).unwrap();
    }
    for name in ["tune.mid", "take.mid"] {
        std::fs::copy(at("song.mid"), at(name)).unwrap();
    }
    let log = r#"{"format":1,"transport":{"tempo":120.0,"metre":[4,4],"seed":0,"sample_rate":48000,"block":512}}
{"end":4.0}
"#;
    std::fs::write(at("take.jsonl"), log).unwrap();
    ffmpeg(folder.path(), "-f lavfi -i sine=duration=2 song.wav");
    std::fs::create_dir(at("sounds")).unwrap();
    std::fs::copy(at("song.wav"), at("sounds/rain_60.wav")).unwrap();
    std::fs::create_dir(at("shots")).unwrap();
    for name in ["photo.jpg", "shots/1.png"] {
        ffmpeg(folder.path(), &format!("-i film.mp4 -frames:v 1 {name}"));
    }
    write_index(folder.path());
    unpack_graphs(&at("graphs"));
    std::fs::copy(at("film.mp4"), at("graphs/film.mp4")).unwrap();
    folder
}

#[test]
fn every_patch_in_the_book_is_fine_and_set() {
    let folder = workshop();
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    for page in pages()
        .iter()
        .filter(|page| page.parent().unwrap().ends_with("docs"))
    {
        let text = std::fs::read_to_string(page).unwrap();
        let stem = page.file_stem().unwrap().to_str().unwrap();
        for (line, block) in blocks(&text, "ron") {
            // A patch for another begins with its own name: `// parts/hum.ron`.
            let first = block.lines().next().unwrap_or_default();
            let name = match first
                .strip_prefix("// ")
                .filter(|name| name.ends_with(".ron"))
            {
                Some(name) => name.to_owned(),
                None => format!("{stem}-{line}.ron"),
            };
            let path = folder.path().join(&name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &block).unwrap();
            match first.starts_with("// parts/") {
                true => parts.push(name),
                false => names.push(name),
            }
        }
    }
    assert!(names.len() > 35, "{names:?}");
    // Parts wait for the patches that include them, and are checked with them.
    for (command, of) in [
        (vec!["check"], &[][..]),
        (vec!["fmt", "--check"], &parts[..]),
    ] {
        let names = names.iter().chain(of).map(String::as_str);
        let arguments: Vec<&str> = command.into_iter().chain(names).collect();
        let done = score(folder.path(), &arguments);
        assert!(
            done.status.success(),
            "{}{}",
            text(&done.stdout),
            text(&done.stderr)
        );
    }
}

/// What stands for a command in the test: what plays on without end, or needs what a test machine
/// has not, is checked.
fn tested(line: &str) -> Option<Vec<String>> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let (program, rest) = words.split_first()?;
    let is_score = program == "score" || program == "target/release/score";
    if !is_score
        || rest
            .iter()
            .any(|word| ["|", ">", "&&"].contains(&word.as_str()))
    {
        return None;
    }
    let (command, rest) = rest.split_first()?;
    let keeps = |index: usize| {
        let is_set = |word: &String| word == "--set";
        is_set(&rest[index]) || (index > 0 && is_set(&rest[index - 1]))
    };
    Some(match command.as_str() {
        "run" => {
            let sets = (1..rest.len()).filter(|index| keeps(*index));
            ["check".to_owned(), rest[0].clone()]
                .into_iter()
                .chain(sets.map(|index| rest[index].clone()))
                .collect()
        }
        "check" if rest.iter().any(|word| word == "--watch") => {
            vec!["check".to_owned(), rest[rest.len() - 1].clone()]
        }
        "devices" | "doctor" => return None,
        _ => words[1..].to_vec(),
    })
}

#[test]
fn every_command_in_the_book_does_what_it_is_shown_for() {
    let mut done = 0;
    for page in pages()
        .iter()
        .filter(|page| page.parent().unwrap().ends_with("docs"))
    {
        let shown = std::fs::read_to_string(page).unwrap();
        let blocks = blocks(&shown, "sh");
        if blocks.is_empty() {
            continue;
        }
        let folder = workshop();
        for (line, block) in blocks {
            for typed in block.replace("\\\n", " ").lines() {
                let Some(arguments) = tested(typed) else {
                    continue;
                };
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let output = score(folder.path(), &arguments);
                let told = text(&output.stderr);
                assert!(
                    output.status.success(),
                    "{}:{line}: {typed}\n{told}",
                    page.display()
                );
                done += 1;
            }
        }
    }
    assert!(done > 12, "{done}");
}
