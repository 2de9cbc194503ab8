//! Which preset of a SoundFont plays where a program is wanted.

use std::collections::BTreeSet;

use rustysynth::SoundFont;

use super::{PERCUSSION, PERCUSSION_BANK};

/// Programs of a family in General MIDI: eight pianos, eight basses …
const FAMILY: i32 = 8;

/// The banks in which GM2 and XG keep the percussion of any channel.
const ELSEWHERE_PERCUSSION: [i32; 2] = [120, 127];

/// A preset.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Preset {
    bank: i32,
    program: i32,
    name: String,
}

impl Preset {
    fn is_percussion(&self) -> bool {
        self.bank >= PERCUSSION_BANK
    }
}

/// The presets that there are, and what each channel wants.
pub(super) struct Programs {
    /// What the log calls the SoundFont.
    font: String,
    presets: Vec<Preset>,
    /// The bank that each channel chose for its next program.
    banks: [i32; 16],
    /// What was logged already: a file may ask for it in every bar.
    told: BTreeSet<(i32, i32, bool)>,
}

impl Programs {
    /// Those of `font`, which the log calls `name`; every channel's bank is the one of `banks`.
    pub(super) fn new(font: &SoundFont, name: &str, banks: [i32; 16]) -> Self {
        let presets = font.get_presets().iter().map(|preset| Preset {
            bank: preset.get_bank_number(),
            program: preset.get_patch_number(),
            name: preset.get_name().to_owned(),
        });
        Programs {
            font: name.to_owned(),
            presets: presets.collect(),
            banks,
            told: BTreeSet::new(),
        }
    }

    /// The bank in which the next program of `channel` is looked for.
    pub(super) fn set_bank(&mut self, channel: u8, bank: i32) {
        if let Some(chosen) = self.banks.get_mut(usize::from(channel)) {
            *chosen = bank;
        }
    }

    /// The bank and the number of the preset that plays on `channel` where `program` is wanted:
    /// that one, or the nearest, which is logged once. `None`: nothing could play there.
    pub(super) fn choose(&mut self, channel: u8, program: i32) -> Option<(i32, i32)> {
        let bank = self.banks.get(usize::from(channel)).copied().unwrap_or(0);
        let elsewhere = ELSEWHERE_PERCUSSION.contains(&bank)
            && !self.presets.iter().any(|preset| preset.bank == bank);
        let is_percussion = channel == PERCUSSION || bank >= PERCUSSION_BANK || elsewhere;
        let bank = match is_percussion {
            // Its own banks count from there.
            true if elsewhere => PERCUSSION_BANK,
            true => PERCUSSION_BANK + bank % PERCUSSION_BANK,
            false => bank,
        };
        let fits = |preset: &&Preset| preset.is_percussion() == is_percussion;
        let nearest = self.presets.iter().filter(fits).min_by_key(|preset| {
            (
                preset.program != program,
                preset.program / FAMILY != program / FAMILY,
                preset.program.abs_diff(program),
                preset.bank != bank,
                preset.bank,
            )
        })?;
        let found = (nearest.bank, nearest.program);
        if nearest.program != program && self.told.insert((bank, program, is_percussion)) {
            let what = if is_percussion { "kit" } else { "program" };
            tracing::warn!(
                "the SoundFont `{}` has no {what} {program}: channel {channel} plays {} ({}), the nearest",
                self.font,
                nearest.program,
                nearest.name
            );
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(presets: &[(i32, i32)]) -> Programs {
        let presets = presets.iter().map(|(bank, program)| Preset {
            bank: *bank,
            program: *program,
            name: String::new(),
        });
        Programs {
            font: "a.sf2".to_owned(),
            presets: presets.collect(),
            banks: [0; 16],
            told: BTreeSet::new(),
        }
    }

    #[test]
    fn the_wanted_program_plays_else_the_nearest_of_its_family_else_the_nearest() {
        let mut font = programs(&[(0, 0), (0, 25), (0, 33), (8, 25), (128, 0), (128, 16)]);
        assert_eq!(font.choose(0, 25), Some((0, 25)));
        // A steel guitar for a jazz guitar, although the bass has a nearer number than a piano.
        assert_eq!(font.choose(0, 31), Some((0, 25)));
        assert_eq!(font.choose(0, 7), Some((0, 0)));
        assert_eq!(font.choose(0, 127), Some((0, 33)));
        font.set_bank(1, 8);
        assert_eq!(font.choose(1, 25), Some((8, 25)));
        assert_eq!(font.choose(1, 33), Some((0, 33)));
        assert_eq!(font.choose(2, 25), Some((0, 25)));
    }

    #[test]
    fn percussion_stays_percussion_and_is_found_where_other_makers_keep_it() {
        let mut font = programs(&[(0, 0), (0, 16), (128, 0), (128, 16)]);
        assert_eq!(font.choose(PERCUSSION, 16), Some((128, 16)));
        assert_eq!(font.choose(PERCUSSION, 25), Some((128, 16)));
        for bank in [120, 127, 128] {
            font.set_bank(3, bank);
            assert_eq!(font.choose(3, 16), Some((128, 16)), "{bank}");
        }
        let mut only_percussion = programs(&[(128, 0)]);
        assert_eq!(only_percussion.choose(0, 0), None);
        assert_eq!(programs(&[(0, 3)]).choose(PERCUSSION, 0), None);
    }

    #[test]
    fn what_is_not_there_is_told_once() {
        let mut font = programs(&[(0, 0), (128, 0)]);
        for _ in 0..3 {
            font.choose(0, 40);
            font.choose(5, 40);
            font.choose(PERCUSSION, 40);
            font.choose(0, 0);
        }
        assert_eq!(font.told.len(), 2);
    }
}
