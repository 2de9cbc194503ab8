//! Sheet music: notes as they are written, not as they are played.

mod bar;
mod engraver;
mod grid;
mod musicxml;
mod percussion;
mod sheet_music;
mod spelling;
mod staff;
mod swing;
#[cfg(test)]
mod tests;
mod values;
mod xml;

pub(super) use sheet_music::SheetMusic;

/// Whether LilyPond is installed, which draws sheet music without a screen.
#[must_use]
pub fn has_lilypond() -> bool {
    matches!(
        engraver::Engraver::installed(),
        Ok(engraver::Engraver::LilyPond)
    )
}
