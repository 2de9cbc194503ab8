//! The pages for readers: they lead somewhere, and what they tell to type exists.

use std::path::{Path, PathBuf};

use crate::support::{house, score, text};

/// Every page of the repository that a reader may open.
fn pages() -> Vec<PathBuf> {
    let folders = [
        "",
        "docs",
        "tests/fuzz",
        "nodes/plugins/edge_density",
        "nodes/plugins/scale_quantiser",
        "models/training",
        "models/eye",
        "models/melody",
        "models/drums",
    ];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(house().join(folder)).unwrap());
    let mut pages: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    assert!(pages.len() > 15, "{pages:?}");
    pages
}

/// Where the links of a page lead to that stay within the repository.
fn links(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.split('#').next().unwrap_or_default().to_owned())
        .filter(|link| !link.is_empty() && !link.contains("://"))
        .collect()
}

#[test]
fn every_link_from_page_to_page_leads_to_a_file() {
    let mut lost = Vec::new();
    let mut found = 0;
    for page in pages() {
        for link in links(&page) {
            found += 1;
            if !page.parent().unwrap().join(&link).exists() {
                lost.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(found > 20);
    assert_eq!(lost, [""; 0]);
}

#[test]
fn the_book_has_every_page_of_docs() {
    let listed = links(&house().join("docs/SUMMARY.md"));
    for page in pages() {
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        if page.parent().unwrap().ends_with("docs") && name != "SUMMARY.md" {
            assert!(listed.contains(&name), "docs/SUMMARY.md has no {name}");
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
