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

/// The patch, what was given on the command line, and what was found wrong in either.
pub(super) struct Texts {
    texts: Vec<Text>,
    found: Vec<(Spot, Diagnostic)>,
}

impl Texts {
    /// The patch is text 0, the overrides follow in their order.
    pub(super) fn new(source: &Source, overrides: &[Override]) -> Self {
        let patch = Text {
            name: source.name.clone(),
            text: source.text.clone(),
            folder: source.folder.clone(),
        };
        let here = std::env::current_dir().unwrap_or_default();
        let given = overrides.iter().map(|given| Text {
            name: "--set".to_owned(),
            text: given.text.clone(),
            folder: here.clone(),
        });
        Texts {
            texts: std::iter::once(patch).chain(given).collect(),
            found: Vec::new(),
        }
    }

    /// What stands in a text.
    pub(super) fn text(&self, source: usize) -> &str {
        &self.texts[source].text
    }

    /// The folder that paths in a text count from.
    pub(super) fn folder(&self, source: usize) -> &Path {
        &self.texts[source].folder
    }

    /// Notes a mistake.
    pub(super) fn report(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        let text = &self.texts[spot.source];
        let place = Place::of(&text.name, &text.text, &spot.range());
        self.found.push((
            spot,
            Diagnostic {
                message: message.into(),
                help,
                place: Some(place),
            },
        ));
    }

    /// How many mistakes were noted.
    pub(super) fn mistakes(&self) -> usize {
        self.found.len()
    }

    /// Every mistake once, in the order of the texts.
    pub(super) fn into_diagnostics(mut self) -> Diagnostics {
        self.found.sort_by_key(|(a, _)| *a);
        self.found.dedup();
        let found = self.found.into_iter();
        Diagnostics(found.map(|(_, diagnostic)| diagnostic).collect())
    }
}
