//! The texts that are checked together, and what is wrong in them.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::patch::tree::Spot;
use crate::patch::{Override, Source};

/// A text that spots point into.
struct Text {
    name: String,
    text: String,
    folder: PathBuf,
}

impl Text {
    fn of(source: Source) -> Self {
        Text {
            name: source.name,
            text: source.text,
            folder: source.folder,
        }
    }
}

/// The patch, what was given on the command line, the patches that it includes, and what was found wrong in them.
pub(super) struct Texts {
    texts: Vec<Text>,
    first_included: usize,
    found: Vec<(Spot, Diagnostic)>,
    warned: Vec<(Spot, Diagnostic)>,
}

impl Texts {
    /// The patch is text 0, the overrides follow in their order, then what is included.
    pub(super) fn new(source: &Source, overrides: &[Override]) -> Self {
        let patch = Text::of(source.clone());
        let here = std::env::current_dir().unwrap_or_default();
        let given = overrides.iter().map(|given| Text {
            name: "--set".to_owned(),
            text: given.text.clone(),
            folder: here.clone(),
        });
        Texts {
            texts: std::iter::once(patch).chain(given).collect(),
            first_included: overrides.len() + 1,
            found: Vec::new(),
            warned: Vec::new(),
        }
    }

    /// What stands in a text.
    pub(super) fn text(&self, source: usize) -> &str {
        &self.texts[source].text
    }

    /// What the user calls a text.
    pub(super) fn name(&self, source: usize) -> &str {
        &self.texts[source].name
    }

    /// Adds a text, or finds it where the same file was added before. Gives its number.
    pub(super) fn add(&mut self, source: Source) -> usize {
        let same = |text: &Text| (&text.name, &text.folder) == (&source.name, &source.folder);
        let known = (self.first_included..self.texts.len()).find(|known| same(&self.texts[*known]));
        known.unwrap_or_else(|| {
            self.texts.push(Text::of(source));
            self.texts.len() - 1
        })
    }

    /// The names and texts of the patches that were included.
    pub(super) fn included(&self) -> impl Iterator<Item = (&str, &str)> {
        let included = self.texts[self.first_included..].iter();
        included.map(|text| (text.name.as_str(), text.text.as_str()))
    }

    /// Whether a spot is in what was typed on the command line.
    pub(super) fn is_typed(&self, spot: Spot) -> bool {
        (1..self.first_included).contains(&spot.source)
    }

    /// The folder that paths in a text count from.
    pub(super) fn folder(&self, source: usize) -> &Path {
        &self.texts[source].folder
    }

    /// Notes a mistake.
    pub(super) fn report(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        let diagnostic = self.diagnostic(spot, message.into(), help);
        self.found.push((spot, diagnostic));
    }

    /// Notes what is no mistake, but may not be meant.
    pub(super) fn warn(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        let diagnostic = self.diagnostic(spot, message.into(), help);
        self.warned.push((spot, diagnostic));
    }

    fn diagnostic(&self, spot: Spot, message: String, help: Option<String>) -> Diagnostic {
        let text = &self.texts[spot.source];
        Diagnostic {
            message,
            help,
            place: Some(Place::of(&text.name, &text.text, &spot.range())),
        }
    }

    /// Notes why a file cannot be read that is named at `spot`.
    pub(super) fn refuse(&mut self, spot: Spot, mut why: Diagnostic) {
        let text = &self.texts[spot.source];
        why.place
            .get_or_insert_with(|| Place::of(&text.name, &text.text, &spot.range()));
        self.found.push((spot, why));
    }

    /// The place of a spot, as it is printed: `film.ron:3:14`.
    pub(super) fn place(&self, spot: Spot) -> String {
        let text = &self.texts[spot.source];
        let place = Place::of(&text.name, &text.text, &spot.range());
        format!("{}:{}:{}", place.file, place.line, place.column)
    }

    /// How many mistakes were noted.
    pub(super) fn mistakes(&self) -> usize {
        self.found.len()
    }

    /// Every mistake once, in the order of the texts.
    pub(super) fn into_diagnostics(self) -> Diagnostics {
        sorted(self.found)
    }

    /// Every warning once, in the order of the texts.
    pub(super) fn warnings(&self) -> Diagnostics {
        sorted(self.warned.clone())
    }
}

fn sorted(mut found: Vec<(Spot, Diagnostic)>) -> Diagnostics {
    found.sort_by_key(|(spot, _)| *spot);
    found.dedup();
    let found = found.into_iter();
    Diagnostics(found.map(|(_, diagnostic)| diagnostic).collect())
}
