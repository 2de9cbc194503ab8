//! The texts that are checked together, and what is wrong in them.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Diagnostics, Place, shortened};
use crate::limits::{MAX_MESSAGE, MAX_MISTAKES};
use crate::patch::syntax::{Parsed, parse};
use crate::patch::tree::{Size, Spot};
use crate::patch::{Override, Source};

/// Mistakes that are compared with each other; beyond, each is counted as often as it is found.
const MAX_TOLD_APART: usize = 100_000;

/// A text that spots point into.
struct Text {
    name: String,
    text: String,
    folder: PathBuf,
    /// The patch itself, for what it includes that lies in no file.
    source: Option<Source>,
    /// Stretches in which what was read is a guess: what is wrong in them was told already.
    guessed: Vec<Range<usize>>,
    /// What was read from it, and how much that is.
    read: Option<(Rc<Parsed>, Size)>,
    /// Whether nothing is wrong with its writing.
    well_written: bool,
    /// Whether it stands on the command line.
    typed: bool,
}

impl Text {
    fn of(source: Source) -> Self {
        Text {
            name: source.name.clone(),
            text: source.text.clone(),
            folder: source.folder.clone(),
            source: Some(source),
            guessed: Vec::new(),
            read: None,
            well_written: true,
            typed: false,
        }
    }
}

/// A mistake that will be told, unless too many stand before it.
struct Noted {
    spot: Spot,
    message: String,
    help: Option<String>,
    /// Where it is, if not at the spot.
    place: Option<Place>,
}

/// The patch, what was given on the command line, the patches that it includes, and what was found
/// wrong in them.
pub(super) struct Texts {
    texts: Vec<Text>,
    first_included: usize,
    /// The first mistakes by their places.
    noted: Vec<Noted>,
    /// All mistakes, by their hashes.
    known: HashSet<u64>,
    /// Mistakes that are only counted.
    counted: usize,
    /// How often something was complained of.
    complaints: usize,
    /// What is not a mistake, but may not be meant.
    warned: Vec<Noted>,
}

impl Texts {
    /// The patch is text 0, the overrides follow in their order, then what is included.
    pub(super) fn new(source: &Source, overrides: &[Override]) -> Self {
        let patch = Text::of(source.clone());
        let here = std::env::current_dir().unwrap_or_default();
        let given = overrides.iter().map(|given| Text {
            name: given.typed.clone(),
            text: given.text.clone(),
            folder: here.clone(),
            source: None,
            guessed: Vec::new(),
            read: None,
            well_written: true,
            typed: true,
        });
        Texts {
            texts: std::iter::once(patch).chain(given).collect(),
            first_included: overrides.len() + 1,
            noted: Vec::new(),
            known: HashSet::new(),
            counted: 0,
            complaints: 0,
            warned: Vec::new(),
        }
    }

    /// Reads a text, once, and notes what is wrong with its writing.
    pub(super) fn parse(&mut self, source: usize) -> (Rc<Parsed>, Size) {
        if let Some(read) = &self.texts[source].read {
            return read.clone();
        }
        let mut parsed = parse(source, &self.texts[source].text);
        self.texts[source].well_written = parsed.mistakes.is_empty();
        for mistake in std::mem::take(&mut parsed.mistakes) {
            self.note(mistake.spot, mistake.message, None, None);
        }
        self.counted += parsed.untold;
        self.texts[source].guessed = std::mem::take(&mut parsed.guessed);
        let size = parsed.tree.size();
        let read = (Rc::new(parsed), size);
        self.texts[source].read = Some(read.clone());
        read
    }

    /// The patch that text `source` includes as `path`, where that lies in no file.
    pub(super) fn part(&self, source: usize, path: &str) -> Option<Source> {
        self.texts[source].source.as_ref()?.part(path)
    }

    /// Whether nothing is wrong with the writing of a text that was read.
    pub(super) fn is_well_written(&self, source: usize) -> bool {
        self.texts[source].well_written
    }

    /// The bytes of the patch and all that it includes.
    pub(super) fn length(&self) -> usize {
        let included = self.texts.iter().skip(self.first_included);
        let own = self.texts.first().map_or(0, |text| text.text.len());
        own + included.map(|text| text.text.len()).sum::<usize>()
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
        self.complaints += 1;
        if !self.is_guess(spot) {
            self.note(spot, message.into(), help, None);
        }
    }

    /// Notes what is not a mistake, but may not be meant.
    pub(super) fn warn(&mut self, spot: Spot, message: impl Into<String>, help: Option<String>) {
        if self.warned.len() < MAX_MISTAKES {
            self.warned.push(Noted {
                spot,
                message: shortened(message.into(), MAX_MESSAGE),
                help: help.map(|help| shortened(help, MAX_MESSAGE)),
                place: None,
            });
        }
    }

    /// Whether what stands at a spot was guessed when it was read.
    fn is_guess(&self, spot: Spot) -> bool {
        let mut guessed = self.texts[spot.source].guessed.iter();
        guessed.any(|stretch| stretch.contains(&spot.start))
    }

    /// Notes why a file cannot be read that is named at `spot`.
    pub(super) fn refuse(&mut self, spot: Spot, why: Diagnostic) {
        self.complaints += 1;
        self.note(spot, why.message, why.help, why.place);
    }

    fn note(&mut self, spot: Spot, message: String, help: Option<String>, place: Option<Place>) {
        let message = shortened(message, MAX_MESSAGE);
        let mut hasher = DefaultHasher::new();
        (spot, &message).hash(&mut hasher);
        if self.known.len() >= MAX_TOLD_APART {
            self.counted += 1;
        } else if !self.known.insert(hasher.finish()) {
            return;
        }
        let at = self.noted.partition_point(|noted| noted.spot <= spot);
        if at < MAX_MISTAKES {
            self.noted.truncate(MAX_MISTAKES - 1);
            let help = help.map(|help| shortened(help, MAX_MESSAGE));
            self.noted.insert(
                at,
                Noted {
                    spot,
                    message,
                    help,
                    place,
                },
            );
        }
    }

    /// The place of a spot, as it is printed: `film.ron:3:14`.
    pub(super) fn place(&self, spot: Spot) -> String {
        let text = &self.texts[spot.source];
        if text.typed {
            return self.typed(spot.source);
        }
        let place = Place::of(&text.name, &text.text, &spot.range());
        format!("{}:{}:{}", place.file, place.line, place.column)
    }

    /// The line and column of a spot: `3:14`, with the file where it is another than that of
    /// `from`.
    pub(super) fn place_from(&self, spot: Spot, from: Spot) -> String {
        let place = self.place(spot);
        let own = format!("{}:", self.texts[from.source].name);
        match place.strip_prefix(&own) {
            Some(short) if spot.source == from.source => short.to_owned(),
            _ => place,
        }
    }

    /// What was typed on the command line: `--set film.rate=12`, `--tempo 1000`.
    pub(super) fn typed(&self, source: usize) -> String {
        let text = &self.texts[source];
        match text.name.as_str() {
            "--set" => format!("--set {}", text.text),
            option => {
                let value = text.text.split_once('=').map_or("", |(_, value)| value);
                format!("{option} {value}")
            }
        }
    }

    /// Whether as many mistakes were noted as are reported.
    pub(super) fn is_full(&self) -> bool {
        self.noted.len() >= MAX_MISTAKES
    }

    /// Whether anything is wrong.
    pub(super) fn has_mistakes(&self) -> bool {
        !self.noted.is_empty()
    }

    /// How often something was complained of.
    pub(super) fn complaints(&self) -> usize {
        self.complaints
    }

    /// Every mistake once, in the order of the texts.
    pub(super) fn into_diagnostics(self) -> Diagnostics {
        let mut mistakes: Vec<Diagnostic> = self
            .noted
            .iter()
            .map(|noted| self.diagnostic(noted))
            .collect();
        let all = self.known.len() + self.counted;
        let untold = all.saturating_sub(mistakes.len());
        // What was typed once may be the value of several nodes.
        mistakes.dedup();
        Diagnostics { untold, mistakes }
    }

    /// Every warning once, in the order of the texts.
    pub(super) fn warnings(&self) -> Diagnostics {
        let mut warned: Vec<&Noted> = self.warned.iter().collect();
        warned.sort_by_key(|noted| noted.spot);
        let mut warnings: Vec<Diagnostic> = warned
            .into_iter()
            .map(|noted| self.diagnostic(noted))
            .collect();
        warnings.dedup();
        warnings.into()
    }

    fn diagnostic(&self, noted: &Noted) -> Diagnostic {
        let text = &self.texts[noted.spot.source];
        // What was typed is shown as it was typed, not as a file with lines.
        let (message, place) = match (&noted.place, text.typed) {
            (Some(place), _) => (noted.message.clone(), Some(place.clone())),
            (None, true) => {
                let typed = shortened(self.typed(noted.spot.source), MAX_MESSAGE);
                (format!("{typed}: {}", noted.message), None)
            }
            (None, false) => {
                let place = Place::of(&text.name, &text.text, &noted.spot.range());
                (noted.message.clone(), Some(place))
            }
        };
        Diagnostic {
            message,
            help: noted.help.clone(),
            place,
        }
    }
}
