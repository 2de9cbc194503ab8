//! Messages on standard error, in colours where they are wanted.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{IsTerminal, StdoutLock, Write};

use anstyle::{AnsiColor, Style};
use score_engine::{Diagnostic, Diagnostics, shown, steers};

use crate::arguments::Color;

/// What is wrong.
const HEADING: Style = AnsiColor::Red.on_default().bold();
/// Where.
const PLACE: Style = Style::new().bold();
/// What points at it.
const CARET: Style = AnsiColor::Red.on_default();
/// What to do about it.
const HELP: Style = AnsiColor::Cyan.on_default();

/// Settles once whether [`tell`] keeps colours. `auto` keeps them on a terminal, unless NO_COLOR is
/// set to anything but the empty text (https://no-color.org).
pub(crate) fn colour(when: Color) {
    match when {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Prints a line to standard error; what would steer the terminal is shown and not sent.
pub(crate) fn tell(line: impl Display) {
    tell_styled(shown(&line.to_string()));
}

/// Prints what [`error`], [`colourful`] or a failure gives to standard error, in their colours.
pub(crate) fn tell_styled(line: impl Display) {
    // If nobody reads any more, there is nobody to report it to.
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Standard output. On a terminal what would steer it is shown and not sent; a pipe gets everything
/// as it is.
pub(crate) fn out() -> Out<StdoutLock<'static>> {
    let out = std::io::stdout().lock();
    Out {
        shows: out.is_terminal(),
        out,
    }
}

/// Where a command prints to.
pub(crate) struct Out<W> {
    out: W,
    /// Whether a terminal reads.
    shows: bool,
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.shows {
            let text = String::from_utf8_lossy(bytes);
            self.out.write_all(shown(&text).as_bytes())?;
        } else {
            self.out.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// What would steer a terminal shown, less colours.
pub(crate) fn shown_in_colours(text: &str) -> String {
    let mut shown_text = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        shown_text.push_str(&shown(&rest[..at]));
        rest = &rest[at..];
        let length = colour_length(rest);
        match length {
            Some(length) => shown_text.push_str(&rest[..length]),
            None => shown_text.push_str(&shown(&rest[..1])),
        }
        rest = &rest[length.unwrap_or(1)..];
    }
    shown_text.push_str(&shown(rest));
    shown_text
}

/// The length of the sequence that chooses a colour, where `text` begins with one.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    parameters[end..].starts_with('m').then_some(end + 3)
}

/// JSON in which what would steer a terminal is written as an escape of JSON's own.
pub(crate) fn shown_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(steers) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if steers(c) {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// `error: …` and what to do about it.
pub(crate) fn error(message: impl Display, help: Option<&str>) -> impl Display {
    let help = help.map(advice).unwrap_or_default();
    let message = message.to_string();
    let message = shown(&message);
    format!("{HEADING}error:{HEADING:#} {message}{help}")
}

/// Prints the warnings of a patch that can run.
pub(crate) fn warn(warnings: &Diagnostics) {
    for warning in &warnings.mistakes {
        tell_styled(format_args!("{CARET}warning:{CARET:#} {}", one(warning)));
    }
}

/// Diagnostics as they print themselves, in colours.
pub(crate) fn colourful(diagnostics: &Diagnostics) -> impl Display {
    let mut all: Vec<String> = diagnostics.mistakes.iter().map(one).collect();
    all.extend(diagnostics.and_more());
    all.join("\n")
}

fn one(diagnostic: &Diagnostic) -> String {
    let message = shown(&diagnostic.message);
    let message = format!("{HEADING}{message}{HEADING:#}");
    let help = diagnostic.help.as_deref().map(advice).unwrap_or_default();
    match &diagnostic.place {
        None => format!("{message}{help}"),
        Some(place) => format!(
            "{PLACE}{}:{}:{}:{PLACE:#} {message}\n  {}\n  {CARET}{}{CARET:#}{help}",
            shown(&place.file),
            place.line,
            place.column,
            shown(&place.line_text),
            place.pointer()
        ),
    }
}

fn advice(help: &str) -> String {
    let help = shown(help);
    format!("\n  {HELP}help: {help}{HELP:#}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use score_engine::Place;

    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_shown_everywhere_and_colours_stay() {
        assert_eq!(
            shown_in_colours("\x1b[1;31mred\x1b[0m \x1b[2J\x1b]0;x\x07 \x1b"),
            "\x1b[1;31mred\x1b[0m \\u{1b}[2J\\u{1b}]0;x\\u{7} \\u{1b}"
        );
        assert_eq!(shown_json("{\"a\":\"\u{9b}\"}\n"), "{\"a\":\"\\u009b\"}\n");
        let mut out = Out {
            out: Vec::new(),
            shows: true,
        };
        writeln!(out, "a\u{1b}[2J: fine").unwrap();
        assert_eq!(out.out, b"a\\u{1b}[2J: fine\n");
        let told = error("no `\u{1b}[2J`", Some("\u{1b}")).to_string();
        let plain = anstream::adapter::strip_str(&told).to_string();
        assert_eq!(plain, "error: no `\\u{1b}[2J`\n  help: \\u{1b}");
    }

    #[test]
    fn without_its_colours_a_diagnostic_reads_as_it_prints_itself() {
        let place = Place {
            file: "p.ron".to_owned(),
            line: 3,
            column: 2,
            length: 4,
            line_text: "\tgain: 40".to_owned(),
            indent: 1,
        };
        let diagnostic = |place, help: Option<&str>| Diagnostic {
            message: "too loud".to_owned(),
            help: help.map(str::to_owned),
            place,
        };
        let diagnostics = Diagnostics::from(vec![
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
