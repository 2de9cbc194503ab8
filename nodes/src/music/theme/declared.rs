//! What the nodes that know a theme declare, check and load alike.

use std::path::Path;

use score_engine::{Build, Check, Event, InputPort, NodeError};

use super::{Statements, Theme};

/// The parameters' names.
const THEME: &str = "theme";
const SCENE: &str = "theme_scene";

/// The summary of the parameter that names a theme's phrases.
pub(crate) const SCENE_SUMMARY: &str = "the phrases that have the theme, by their letter in the \
    sheet music, such as \"B\"; left out: the first";

/// The input, the kind's number `index`, that says where phrases begin.
pub(crate) const fn phrases(index: usize) -> InputPort<Event> {
    InputPort::new(
        index,
        "phrase",
        "where phrases begin and which, of `planner`, for `theme`",
    )
    .optional()
    .by_name()
}

/// Refuses a theme that is not there or holds no notes, and what is not a phrase's name; warns of
/// what may not be meant.
pub(crate) fn check(
    check: &mut Check<'_>,
    phrases: InputPort<Event>,
    path: Option<&Path>,
    scene: Option<&str>,
) {
    if let Some(scene) = scene {
        let is_letter = matches!(scene.as_bytes(), [b'A'..=b'Z'] | [b'A'..=b'Z', b'\'']);
        let (why, help) = if !is_letter {
            (
                format!("`{scene}` is not a phrase"),
                "phrases are called \"A\" to \"Z\", as the sheet music has them; \"A'\" stands \
                 against \"A\"",
            )
        } else if path.is_none() {
            (
                "there is no `theme` to play".to_owned(),
                "name its file: theme: \"a.mid\"",
            )
        } else if check.input_type(phrases).is_none() {
            (
                "nothing says where phrases begin".to_owned(),
                "wire them in, such as \"plan.phrase -> tune.phrase\"",
            )
        } else {
            (String::new(), "")
        };
        if !why.is_empty() {
            check.refuse(SCENE, why, Some(help.to_owned()));
        }
    }
    let Some(path) = path else { return };
    if !check.require_file(THEME, path, "MIDI file") {
        return;
    }
    match Theme::read(path, check.transport.sixteenths_per_bar()) {
        Err(error) => check.refuse_for(THEME, &error),
        Ok(theme) => {
            if let Some(flaws) = Theme::flaws(path) {
                let why = format!("`{}`: {flaws}", path.display());
                let help =
                    "everything else in it is played; export it again, or mend it in a MIDI editor";
                check.warn(THEME, why, Some(help.to_owned()));
            }
            if let Some(metre) = theme.other_metre() {
                let why = format!(
                    "`{}` is in {metre}, and the patch in {}: its bars are divided otherwise",
                    path.display(),
                    check.transport.metre
                );
                let help = format!("use `transport: (metre: ({}, {}))`", metre.0, metre.1);
                check.warn(THEME, why, Some(help));
            }
        }
    }
}

/// The theme and where it is played, if there is one.
///
/// # Errors
/// The file cannot be read, or has no notes but drums.
pub(crate) fn load(
    build: &Build<'_>,
    phrases: InputPort<Event>,
    path: Option<&Path>,
    scene: Option<&str>,
) -> Result<Option<(Theme, Statements)>, NodeError> {
    let Some(path) = path else { return Ok(None) };
    let bar = build.transport.sixteenths_per_bar();
    let theme = Theme::read(path, bar)?;
    let statements = Statements::new(scene.map(str::to_owned), build.is_wired(phrases), bar);
    Ok(Some((theme, statements)))
}
