//! Draws sheet music as pages, with an engraver that is installed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use score_engine::NodeError;

use crate::programs::is_installed;

/// A program that draws pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engraver {
    /// LilyPond, with the `musicxml2ly` that comes with it.
    LilyPond,
    /// MuseScore, under one of the names that it is installed by.
    MuseScore(&'static str),
}

/// In the order in which they are looked for.
const ALL: [Engraver; 5] = [
    Engraver::LilyPond,
    Engraver::MuseScore("mscore"),
    Engraver::MuseScore("musescore"),
    Engraver::MuseScore("mscore3"),
    Engraver::MuseScore("musescore3"),
];

impl Engraver {
    /// One that is installed.
    ///
    /// # Errors
    /// None is.
    pub(super) fn installed() -> Result<Self, NodeError> {
        let is_there = |engraver: &Engraver| match engraver {
            Engraver::LilyPond => is_installed("lilypond") && is_installed("musicxml2ly"),
            Engraver::MuseScore(name) => is_installed(name),
        };
        ALL.into_iter().find(is_there).ok_or_else(|| {
            NodeError::missing(
                "sheet music is drawn by LilyPond or MuseScore, and neither is installed",
                "`sudo apt install lilypond`, or write the .musicxml alone and open it in a \
                 notation program",
            )
        })
    }

    /// Draws the MusicXML in `sheet` as a PDF, whose bytes are returned.
    ///
    /// # Errors
    /// The program fails.
    pub(super) fn pdf(self, sheet: &[u8]) -> Result<Vec<u8>, NodeError> {
        let folder = tempfile::tempdir()
            .map_err(|error| failed("its input cannot be written", &error.to_string()))?;
        let file = |name: &str| folder.path().join(name);
        let (source, pdf) = (file("sheet.musicxml"), file("sheet.pdf"));
        std::fs::write(&source, sheet)
            .map_err(|error| failed("its input cannot be written", &error.to_string()))?;
        match self {
            Engraver::LilyPond => {
                let text = file("sheet.ly");
                run(
                    "musicxml2ly",
                    folder.path(),
                    &[OsStr::new("--output"), text.as_os_str(), source.as_os_str()],
                )?;
                let unread = |error: std::io::Error| {
                    failed("what musicxml2ly made cannot be read", &error.to_string())
                };
                let notes = std::fs::read_to_string(&text).map_err(unread)?;
                std::fs::write(&text, plain_triads(&notes)).map_err(unread)?;
                run(
                    "lilypond",
                    folder.path(),
                    &[
                        OsStr::new("--silent"),
                        OsStr::new("--output"),
                        file("sheet").as_os_str(),
                        text.as_os_str(),
                    ],
                )?;
            }
            Engraver::MuseScore(name) => run(
                name,
                folder.path(),
                &[OsStr::new("-o"), pdf.as_os_str(), source.as_os_str()],
            )?,
        }
        std::fs::read(&pdf).map_err(|error| failed("it wrote no page", &error.to_string()))
    }
}

/// LilyPond's text with plain triads as LilyPond names them: musicxml2ly 2.24 writes `c:5` and
/// `c:m5`, which are drawn as fifths without a third.
fn plain_triads(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut in_chords = false;
    for line in text.split_inclusive('\n') {
        in_chords |= line.contains("\\chordmode");
        if in_chords {
            plain.push_str(&line.replace(":m5 ", ":m ").replace(":5 ", " "));
        } else {
            plain.push_str(line);
        }
        in_chords &= !line.contains('}');
    }
    plain
}

/// Runs a program to its end.
fn run(program: &str, folder: &Path, arguments: &[&OsStr]) -> Result<(), NodeError> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        // MuseScore needs no screen then.
        .env("QT_QPA_PLATFORM", "offscreen")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(&format!("{program} cannot be started"), &error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(failed(
        &format!("{program} failed"),
        last.unwrap_or_default(),
    ))
}

fn failed(what: &str, said: &str) -> NodeError {
    NodeError::output(format!("the sheet music cannot be drawn: {what} ({said})"))
        .help("leave `page` out, and open the .musicxml in a notation program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triads_are_named_and_nothing_else_changes() {
        let text =
            "% c:5 there\nA = \\chordmode {\n  bes2:m5 ges8:5 s8 | es4:m7 c2:5 \n}\nB = { c:5 }\n";
        let plain =
            "% c:5 there\nA = \\chordmode {\n  bes2:m ges8 s8 | es4:m7 c2 \n}\nB = { c:5 }\n";
        assert_eq!(plain_triads(text), plain);
    }
}
