//! What is wrong with a patch, and where.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// One mistake in a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where; `None` where no place in the file is to blame.
    pub place: Option<Place>,
}

/// A stretch of one line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The first character, from 1.
    pub column: usize,
    /// How many characters, at least 1.
    pub length: usize,
    /// The whole line.
    pub line_text: String,
}

impl Place {
    /// The place of the bytes `span` in `text`, cut at the end of its first line.
    pub(crate) fn of(file: &str, text: &str, span: &Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        Place {
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            length: text[start..end.min(line_end).max(start)]
                .chars()
                .count()
                .max(1),
            line_text: text[line_start..line_end].trim_end_matches('\r').to_owned(),
        }
    }

    /// What stands below [`Place::line_text`]: carets under the place.
    #[must_use]
    pub fn pointer(&self) -> String {
        // Tabs stay tabs, so that the caret stands below what it means.
        self.line_text
            .chars()
            .take(self.column.saturating_sub(1))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .chain(std::iter::repeat_n('^', self.length))
            .collect()
    }
}

fn floor_boundary(text: &str, mut index: usize) -> usize {
    index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            writeln!(
                f,
                "{}:{}:{}: {}",
                place.file, place.line, place.column, self.message
            )?;
            writeln!(f, "  {}", place.line_text)?;
            write!(f, "  {}", place.pointer())?;
        } else {
            write!(f, "{}", self.message)?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a patch, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

/// The name among `names` that `typed` was probably meant to be.
pub(crate) fn did_you_mean<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_from_one() {
        let place = Place::of("p.ron", "é\n\"üb\": x(", &(9..10));
        assert_eq!((place.line, place.column, place.length), (2, 6, 1));
        assert_eq!(place.line_text, "\"üb\": x(");
    }

    #[test]
    fn carets_stand_below_the_place_past_tabs() {
        let place = Place::of("p.ron", "\té: bad", &(5..8));
        assert_eq!(place.pointer(), "\t   ^^^");
    }

    #[test]
    fn a_slip_of_the_finger_is_guessed() {
        assert_eq!(
            did_you_mean("latent_smoth", ["synth", "latent_smooth"]).unwrap(),
            "did you mean `latent_smooth`?"
        );
        assert_eq!(did_you_mean("zebra", ["synth", "latent_smooth"]), None);
    }
}
