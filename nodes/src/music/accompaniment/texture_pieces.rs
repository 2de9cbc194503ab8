//! Accompaniments of two bars, of latents and as latents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use score_engine::{Key, Mode, NodeError, Settings};

use super::super::encoder::Encoder;
use super::super::figure::{BAR, Figure, HALF};
use super::super::harmony::{Chord, ChordsUnder, Family, chords_of, key_of, no_chords};
use super::super::sheet::{self, Opening, Span, spans_of};
use super::super::tokens::MelodyNote;
use super::super::tune_model::Tunes;
use super::drawing::COUNTS;
use super::slots::{
    BASS, HIGHEST_BASS, SLOTS, Struck, bass_class, bass_pitch, nearest_slot, slot_pitch,
};
use super::texture::{Place, Texture, Wishes};
use crate::midi::reading::Song;
use crate::model::{Data, Manifest, Task};

/// Bars that the model plays at a time, and their sixteenths.
const BARS: usize = 2;
const STEPS: usize = BARS * BAR;

/// A loaded model of the task `texture`, whose latents are accompaniments: a token for each
/// sixteenth of two bars of 4/4, which says what is struck of the chord that lies there.
pub(crate) struct TexturePieces {
    texture: Texture,
    encoder: Encoder,
    /// The key that was asked for.
    key: Option<Key>,
    /// The chords, once they were chosen.
    under: Option<ChordsUnder>,
}

impl TexturePieces {
    /// Loads the model called `name`, to play on `chords`, a text as `chords_in` has them. Without
    /// them it plays on those of the first accompaniment that is read, and where none is on a usual
    /// progression in `key`; without a `key` in the one that they fit.
    ///
    /// # Errors
    /// There is no such model, it cannot be loaded, or the text is not one of chords for two bars
    /// that change on half bars.
    pub(crate) fn load(
        settings: &Settings,
        name: &str,
        key: Option<Key>,
        chords: Option<&str>,
    ) -> Result<Self, NodeError> {
        let under = chords.map(|chords| ChordsUnder::read(chords, BARS, key));
        let under = under.transpose()?;
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Texture)?.clone();
        Ok(TexturePieces {
            texture: Texture::load(settings, name)?,
            encoder: Encoder::of(manifest, model),
            key,
            under,
        })
    }

    /// The key of the chords that it plays on.
    pub(crate) fn key(&self) -> Option<Key> {
        self.under.as_ref().map(|under| under.key)
    }

    /// The accompaniment that begins a MIDI file, on that file's own chords.
    ///
    /// # Errors
    /// The file is not a MIDI file that can be read, or has no chords in its first bars.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Opening, NodeError> {
        let song = Song::open(path)?;
        let spans = spans_of(&song, |_| true);
        let halves = chords_of(&spans, STEPS / HALF).ok_or_else(|| no_chords(path, BARS))?;
        let under = ChordsUnder {
            key: self.key.unwrap_or_else(|| key_of(&halves)),
            chords: (halves.iter())
                .flat_map(|chord| [Some(*chord); HALF])
                .collect(),
        };
        let struck = (0..STEPS).map(|place| heard(&spans, place, &under));
        let tokens = struck.map(|struck| struck.token()).collect();
        if self.under.is_none() {
            self.under = Some(under);
        }
        Ok(Opening {
            tokens,
            transport: sheet::transport(&song, 0),
        })
    }

    /// An accompaniment as notes: each lasts until its hand strikes again, the other hand strikes
    /// its pitch, or the chord changes.
    pub(in crate::music) fn figure(&self, tokens: &[i64]) -> Figure {
        let Some(under) = &self.under else {
            return Figure::default();
        };
        let struck: Vec<Struck> = tokens
            .iter()
            .map(|token| Struck::of_token(*token))
            .collect();
        let until = |start: usize, strikes: fn(&Struck) -> bool| {
            let ends = |later: &usize| under.begins(*later) || strikes(&struck[*later]);
            (start + 1..struck.len()).find(ends).unwrap_or(struck.len())
        };
        let mut notes = Vec::new();
        for (start, struck) in struck.iter().enumerate() {
            let Some(chord) = under.chord(start) else {
                continue;
            };
            let bass = bass_pitch(chord, struck.bass);
            if let Some(pitch) = bass {
                let end = until(start, |struck| struck.bass > 0);
                notes.push(MelodyNote { start, end, pitch });
            }
            let end = until(start, |struck| !struck.slots.is_empty());
            let slots = struck.slots.iter();
            let upper = slots.filter_map(|slot| slot_pitch(chord, under.key, *slot));
            let upper = upper.filter(|pitch| Some(*pitch) != bass);
            notes.extend(upper.map(|pitch| MelodyNote { start, end, pitch }));
        }
        part_hands(&mut notes);
        Figure {
            notes,
            chords: under.chords.iter().copied().step_by(HALF).collect(),
        }
    }
}

/// The chords in a key where none are given and none are read: I vi IV V, in minor i VI iv V.
fn usual(key: Key) -> String {
    let degrees = match key.mode {
        Mode::Major => [
            (0, Family::Major),
            (9, Family::Minor),
            (5, Family::Major),
            (7, Family::Major),
        ],
        Mode::Minor => [
            (0, Family::Minor),
            (8, Family::Major),
            (5, Family::Minor),
            (7, Family::Major),
        ],
    };
    let [one, two, three, four] = degrees.map(|(above, family)| Chord {
        root: (key.tonic + above) % 12,
        family,
    });
    format!("| {one} {two} | {three} {four} |")
}

/// Ends each note where another of its pitch begins, as the two hands can meet on one key. The
/// notes are in order, and no two of one pitch begin together.
fn part_hands(notes: &mut [MelodyNote]) {
    let mut begins = BTreeMap::new();
    for note in notes.iter_mut().rev() {
        if let Some(later) = begins.insert(note.pitch, note.start) {
            note.end = note.end.min(later);
        }
    }
}

/// What notes strike at a sixteenth, as the model knows it.
fn heard(spans: &[Span], place: usize, under: &ChordsUnder) -> Struck {
    let Some(chord) = under.chord(place) else {
        return Struck::default();
    };
    let here = spans.iter().filter(|span| span.start == place as u64);
    let pitches: BTreeSet<u8> = here.map(|span| span.pitch).collect();
    let in_home = |pitch: u8| i32::from(pitch) - under.key.shift();
    let bass = (pitches.first().copied()).filter(|pitch| in_home(*pitch) < HIGHEST_BASS);
    let upper = pitches.iter().filter(|pitch| Some(**pitch) != bass);
    let slots: BTreeSet<usize> = upper
        .filter_map(|pitch| nearest_slot(chord, under.key, *pitch))
        .collect();
    Struck {
        bass: bass.map_or(0, |pitch| bass_class(chord, under.key, pitch)),
        slots: slots.into_iter().take(COUNTS - 1).collect(),
    }
}

impl Tunes for TexturePieces {
    fn dimension(&self) -> usize {
        self.texture.dimension()
    }

    fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError> {
        let under = match &mut self.under {
            Some(under) => under,
            none => {
                let usual = usual(self.key.unwrap_or_default());
                none.insert(ChordsUnder::read(&usual, BARS, self.key)?)
            }
        };
        self.texture.restart(code)?;
        (0..STEPS)
            .map(|step| {
                let place = Place {
                    phase: step as u64,
                    metre: 0,
                };
                let drawing = (temperature, &mut *rng);
                let wishes = Wishes::default();
                let struck = (self.texture).go_on(place, &under.at(step), &wishes, drawing)?;
                Ok(struck.token())
            })
            .collect()
    }

    fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError> {
        if tokens.len() != STEPS {
            return Err(NodeError::input(format!(
                "an accompaniment for this model has {STEPS} sixteenths"
            )));
        }
        let struck = tokens.iter().map(|token| Struck::of_token(*token));
        let pattern: Vec<f32> = struck.flat_map(|struck| struck.heard()).collect();
        self.encoder.encode(&[
            ("pattern", &[1, STEPS, BASS + SLOTS], Data::F32(&pattern)),
            ("metre", &[1], Data::I64(&[0])),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(key: &str, chords: Option<&str>) -> Result<TexturePieces, NodeError> {
        let settings = crate::testing::settings();
        TexturePieces::load(&settings, "texture", Some(key.parse().unwrap()), chords)
    }

    #[test]
    fn without_chords_the_usual_progression_is_in_the_key_that_was_asked_for() {
        assert_eq!(usual(Key::default()), "| C Am | F G |");
        let mut model = load("D minor", None).unwrap();
        let drawn = crate::music::sample(&mut model, 1, 0.5, 7).unwrap();
        assert_eq!(model.figure(&drawn[0]).lead_sheet(), "| Dm Bb | Gm A |");
        assert_eq!(model.key().unwrap().to_string(), "D minor");
    }

    #[test]
    fn chords_that_change_within_half_a_bar_are_refused_not_left_out() {
        let refused = load("C major", Some("| C F G C | Am G F C |"))
            .err()
            .unwrap();
        assert!(refused.to_string().contains("bar 1"), "{refused}");
    }

    #[test]
    fn a_note_ends_where_the_other_hand_strikes_its_pitch() {
        let model = load("C major", Some("| C |")).unwrap();
        let token = |bass, slots| Struck { bass, slots }.token();
        let mut tokens = [0; STEPS];
        // The root an octave higher, and the lowest slot.
        tokens[0] = token(2, Vec::new());
        tokens[4] = token(0, vec![0]);
        let note = |start, end| MelodyNote {
            start,
            end,
            pitch: 48,
        };
        assert_eq!(model.figure(&tokens).notes, [note(0, 4), note(4, STEPS)]);
    }

    #[test]
    fn an_accompaniment_plays_tones_of_its_chords_and_is_read_again_from_its_notes() {
        let settings = crate::testing::settings();
        let (key, chords) = ("D major".parse().unwrap(), "| Em | A7 D |");
        let model = TexturePieces::load(&settings, "texture", Some(key), Some(chords));
        let mut model = model.unwrap();
        let drawn = crate::music::sample(&mut model, 4, 0.5, 7).unwrap();
        let under = model.under.clone().unwrap();
        for tokens in &drawn {
            let figure = model.figure(tokens);
            assert_eq!(figure.lead_sheet(), chords);
            assert!(figure.notes.len() > 4, "{figure:?}");
            for note in &figure.notes {
                let chord = under.chord(note.start).unwrap();
                assert!(chord.holds(note.pitch), "{note:?} on {chord}");
                assert!(note.start < note.end && note.end <= STEPS);
            }
            let span = |note: &MelodyNote| Span {
                start: note.start as u64,
                end: note.end as u64,
                pitch: note.pitch,
            };
            let spans: Vec<Span> = figure.notes.iter().map(span).collect();
            let again: Vec<i64> = (0..STEPS)
                .map(|place| heard(&spans, place, &under).token())
                .collect();
            let alike = (tokens.iter().zip(&again)).filter(|(one, other)| one == other);
            // A lone upper note in the bass's region is taken for the bass.
            assert!(alike.count() * 4 > STEPS * 3, "{tokens:?} {again:?}");
        }
    }
}
