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
