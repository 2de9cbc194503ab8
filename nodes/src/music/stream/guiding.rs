//! Keeps a melody in its key and on its chords: which tokens may come at a sixteenth.

use std::ops::RangeInclusive;

use score_engine::{Key, KeyChoice, Mode, Transport};

use super::super::harmony::Steps;
use super::model::{Setting, Under};
use super::own_theme::OwnTheme;
use crate::chords::Chords;
use crate::model::Music;

/// Tokens below this one begin no note.
const FIRST_NOTE: usize = 2;

/// A logit with this added is never drawn.
const NEVER: f32 = -1e9;

/// How much less likely, as a logit, a tone that is not the chord's is on strong places, for a
/// model that was taught no chords. One that was taught them knows where they belong.
const STRANGE: f32 = -3.0;

/// Sixteenths from strong place to strong place.
const STRONG: u64 = 8;

/// What a melody is held to.
pub(super) struct Guide {
    /// The transport's key, for music without chords.
    pub(super) key: Option<Key>,
    /// The metre as the models count it.
    pub(super) metre: i64,
    pub(super) layout: Music,
    /// Whether the model follows chords.
    pub(super) leads: bool,
}

impl Guide {
    pub(super) fn new(
        transport: &Transport,
        theme: Option<&OwnTheme>,
        layout: Music,
        leads: bool,
    ) -> Self {
        let mut guide = Guide {
            key: None,
            metre: 0,
            layout,
            leads,
        };
        guide.retime(transport, theme);
        guide
    }

    /// Goes on by another transport.
    pub(super) fn retime(&mut self, transport: &Transport, theme: Option<&OwnTheme>) {
        self.key = match (transport.key, theme) {
            // A key that nobody chose is the theme's own.
            (Some(KeyChoice::Auto), Some(theme)) => Some(theme.key()),
            (key, _) => key.map(|key| key.key(transport.seed, Mode::Major)),
        };
        self.metre = Steps::new(transport).metre();
    }

    /// How many semitones what the model says is moved.
    pub(super) fn shift(&self, chords: Option<&Chords>) -> i32 {
        let key = chords.map(|chords| chords.key).or(self.key);
        key.filter(|_| self.leads).map_or(0, Key::shift)
    }

    /// What holds at sixteenth `place` of a bar, under these chords and within these pitches.
    pub(super) fn at(
        &self,
        place: u64,
        chords: Option<&Chords>,
        range: &RangeInclusive<u8>,
    ) -> Setting {
        let Some(key) = chords.map(|chords| chords.key).or(self.key) else {
            return Setting {
                under: Under {
                    metre: self.metre,
                    ..Under::default()
                },
                ..Setting::default()
            };
        };
        Setting {
            under: self.under(key, chords),
            bias: self.bias(key, place, chords, range),
            forced: None,
        }
    }

    fn under(&self, key: Key, chords: Option<&Chords>) -> Under {
        let mode = i64::from(key.mode == Mode::Minor);
        let Under { chord: none, .. } = Under::default();
        let chord = chords
            .and_then(|chords| chords.chord)
            .map_or(none, |chord| chord.token(key));
        let next = chords.and_then(|chords| chords.next);
        Under {
            chord,
            next: next.map_or(chord, |(next, _)| next.token(key)),
            ahead: next.map_or(32, |(_, ahead)| i64::from(ahead.clamp(1, 32))),
            close: chords
                .and_then(|chords| chords.close)
                .map_or(63, |close| i64::from(close.min(63))),
            metre: self.metre,
            mode,
        }
    }

    /// Notes lie in the key's scale or in the chord; on strong places rather in the chord. The last
    /// note of all is the tonic.
    fn bias(
        &self,
        key: Key,
        place: u64,
        chords: Option<&Chords>,
        range: &RangeInclusive<u8>,
    ) -> Vec<f32> {
        let shift = if self.leads { key.shift() } else { 0 };
        let chord = chords.and_then(|chords| chords.chord);
        let ends = chords.is_some_and(|chords| chords.last && chords.close == Some(0));
        let strong = place.is_multiple_of(STRONG);
        (0..self.layout.tokens)
            .map(|token| {
                if token < FIRST_NOTE {
                    return 0.0;
                }
                let pitch =
                    token as i32 - FIRST_NOTE as i32 + i32::from(self.layout.lowest_pitch) + shift;
                let class = pitch.rem_euclid(12) as u8;
                let of_chord = chord.map(|chord| chord.classes().any(|tone| tone == class));
                if !(i32::from(*range.start())..=i32::from(*range.end())).contains(&pitch) {
                    return NEVER;
                }
                if ends {
                    return if class == key.tonic % 12 { 0.0 } else { NEVER };
                }
                match of_chord {
                    Some(true) => 0.0,
                    _ if !key.holds(pitch) => NEVER,
                    Some(false) if strong && !self.leads => STRANGE,
                    _ => 0.0,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::music::Chord;

    fn guide(leads: bool) -> Guide {
        Guide {
            key: Some(Key {
                tonic: 2,
                mode: Mode::Major,
            }),
            metre: 0,
            layout: crate::music::LAYOUT,
            leads,
        }
    }

    /// The pitch classes, as they sound, that may come.
    fn free(guide: &Guide, place: u64, chords: Option<&Chords>) -> Vec<i32> {
        let setting = guide.at(place, chords, &(0..=127));
        let pitches = (2..26).filter(|token| setting.bias[*token] > -100.0);
        let mut classes: Vec<i32> = pitches
            .map(|token| (token as i32 + 19 + guide.shift(chords)).rem_euclid(12))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    #[test]
    fn a_melody_stays_in_its_key_or_its_chord_and_ends_on_the_tonic() {
        let chord: Chord = "E7".parse().unwrap();
        let mut chords = Chords {
            key: Key {
                tonic: 2,
                mode: Mode::Major,
            },
            chord: Some(chord),
            fresh: true,
            next: Some((Chord { root: 9, ..chord }, 40)),
            close: Some(0),
            last: false,
        };
        for leads in [false, true] {
            let guide = guide(leads);
            // D major: D E F# G A B C#; E7 brings G#.
            assert_eq!(free(&guide, 3, None), [1, 2, 4, 6, 7, 9, 11]);
            chords.last = false;
            assert_eq!(free(&guide, 3, Some(&chords)), [1, 2, 4, 6, 7, 8, 9, 11]);
            chords.last = true;
            assert_eq!(free(&guide, 3, Some(&chords)), [2]);
        }
        let under = guide(true).at(0, Some(&chords), &(0..=127)).under;
        // E7 in D is D7 in C; far away is 32.
        assert_eq!((under.chord, under.ahead, under.close), (2 * 9 + 2, 32, 0));
    }

    #[test]
    fn without_key_and_chords_nothing_is_held_back() {
        let guide = Guide {
            key: None,
            ..guide(false)
        };
        assert!(guide.at(0, None, &(0..=127)).bias.is_empty());
        assert_eq!(guide.shift(None), 0);
    }
}
