//! What is said on standard error, in colours where they are wanted.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use score_engine::{Diagnostic, Diagnostics};

use crate::arguments::Color;

/// What is wrong.
const HEADING: Style = AnsiColor::Red.on_default().bold();
/// Where.
const PLACE: Style = Style::new().bold();
/// What points at it.
const CARET: Style = AnsiColor::Red.on_default();
/// What to do about it.
const HELP: Style = AnsiColor::Cyan.on_default();

/// Settles once whether [`tell`] keeps colours. `auto` keeps them on a terminal, unless NO_COLOR is set to
/// anything but the empty text (https://no-color.org).
pub(crate) fn colour(when: Color) {
    match when {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Prints a line to standard error.
pub(crate) fn tell(line: impl Display) {
    // Where nobody listens any more, there is nobody to tell of it.
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// `error: …` and what to do about it.
pub(crate) fn error(message: impl Display, help: Option<&str>) -> impl Display {
    let help = help.map(advice).unwrap_or_default();
    format!("{HEADING}error:{HEADING:#} {message}{help}")
}

/// Tells what a patch that can run warns of.
pub(crate) fn warn(warnings: &Diagnostics) {
    for warning in &warnings.0 {
        tell(format_args!("{CARET}warning:{CARET:#} {}", one(warning)));
    }
}

/// Diagnostics as they print themselves, in colours.
pub(crate) fn colourful(diagnostics: &Diagnostics) -> impl Display {
    let all: Vec<String> = diagnostics.0.iter().map(one).collect();
    all.join("\n")
}

fn one(diagnostic: &Diagnostic) -> String {
    let message = &diagnostic.message;
    let message = format!("{HEADING}{message}{HEADING:#}");
    let help = diagnostic.help.as_deref().map(advice).unwrap_or_default();
    match &diagnostic.place {
        None => format!("{message}{help}"),
        Some(place) => format!(
            "{PLACE}{}:{}:{}:{PLACE:#} {message}\n  {}\n  {CARET}{}{CARET:#}{help}",
            place.file,
            place.line,
            place.column,
            place.line_text,
            place.pointer()
        ),
    }
}

fn advice(help: &str) -> String {
    format!("\n  {HELP}help: {help}{HELP:#}")
}

#[cfg(test)]
mod tests {
    use score_engine::Place;

    use super::*;

    #[test]
    fn without_its_colours_a_diagnostic_reads_as_it_prints_itself() {
        let place = Place {
            file: "p.ron".to_owned(),
            line: 3,
            column: 2,
            length: 4,
            line_text: "\tgain: 40".to_owned(),
        };
        let diagnostic = |place, help: Option<&str>| Diagnostic {
            message: "too loud".to_owned(),
            help: help.map(str::to_owned),
            place,
        };
        let diagnostics = Diagnostics(vec![
            diagnostic(Some(place.clone()), Some("turn it down")),
            diagnostic(Some(place), None),
            diagnostic(None, Some("turn it down")),
        ]);
        let coloured = colourful(&diagnostics).to_string();
        assert!(coloured.contains("\x1b["));
        let plain = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(plain, diagnostics.to_string());
    }
}
