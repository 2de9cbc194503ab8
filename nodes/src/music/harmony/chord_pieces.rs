//! Progressions of eight bars, of latents and as latents.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use score_engine::{Key, Mode, NodeError, Settings};

use super::super::encoder::Encoder;
use super::super::figure::{Figure, HALF};
use super::super::sheet::{self, Opening, spans_of};
use super::super::tokens::MelodyNote;
use super::super::tune_model::Tunes;
use super::chord::Chord;
use super::chord_model::{ChordModel, Moods, Stand};
use super::heard_chords::{chords_of, key_of, no_chords};
use crate::midi::reading::Song;
use crate::model::{Data, Manifest, Task};

/// Half bars that the encoder reads, and their bars.
const HALF_BARS: usize = 16;
const BARS: usize = 8;

/// The octave from here has the root, and the octave from there all tones.
const BASS: u8 = 36;
const CLOSE: u8 = 55;

/// A loaded model of the task `harmony`, whose latents are progressions: a token for each half bar
/// of eight bars of 4/4.
pub(crate) struct ChordPieces {
    model: ChordModel,
    encoder: Encoder,
    /// The key, once it was chosen.
    key: Option<Key>,
}

impl ChordPieces {
    /// Loads the model called `name`. Without a `key` it is the one that the first progression
    /// fits that is read, and C major where none is.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub(crate) fn load(
        settings: &Settings,
        name: &str,
        key: Option<Key>,
    ) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let model = manifest.model(name, Task::Harmony)?.clone();
        Ok(ChordPieces {
            model: ChordModel::load(settings, name)?,
            encoder: Encoder::of(manifest, model),
            key,
        })
    }

    /// The key that the progressions are in.
    pub(crate) fn key(&self) -> Key {
        self.key.unwrap_or_default()
    }

    /// The progression that begins a MIDI file.
    ///
    /// # Errors
    /// The file is not a MIDI file that can be read, or has no chords in its first bars.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Opening, NodeError> {
        let song = Song::open(path)?;
        let chords = chords_of(&spans_of(&song, |_| true), HALF_BARS);
        let chords = chords.ok_or_else(|| no_chords(path, BARS))?;
        let key = *self.key.get_or_insert_with(|| key_of(&chords));
        Ok(Opening {
            tokens: chords.iter().map(|chord| chord.token(key)).collect(),
            transport: sheet::transport(&song, 0),
        })
    }

    /// A progression as notes: the root, and all tones close together; a chord that stays is held.
    pub(in crate::music) fn figure(&self, tokens: &[i64]) -> Figure {
        let key = self.key();
        let chords: Vec<Option<Chord>> = (tokens.iter())
            .map(|token| Chord::of_token(*token, key))
            .collect();
        let mut notes = Vec::new();
        let mut start = 0;
        for same in chords.chunk_by(|one, other| one == other) {
            let end = start + same.len() * HALF;
            if let Some(Some(chord)) = same.first() {
                let in_octave = |from: u8, class: u8| from + (class + 12 - from % 12) % 12;
                let pitches = chord.classes().map(|class| in_octave(CLOSE, class));
                let pitches = [in_octave(BASS, chord.root)].into_iter().chain(pitches);
                notes.extend(pitches.map(|pitch| MelodyNote { start, end, pitch }));
            }
            start = end;
        }
        Figure { notes, chords }
    }
}

impl Tunes for ChordPieces {
    fn dimension(&self) -> usize {
        self.model.dimension()
    }

    fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError> {
        let mode = mode(self.key());
        self.model.begin();
        (0..HALF_BARS as i64)
            .map(|phase| {
                let stand = Stand {
                    phase,
                    metre: 0,
                    mode,
                    close: None,
                };
                let drawing = (temperature, &mut *rng);
                (self.model).go_on(stand, code, &Moods::default(), false, drawing)
            })
            .collect()
    }

    fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError> {
        if tokens.len() != HALF_BARS {
            return Err(NodeError::input(format!(
                "a progression for this model has {HALF_BARS} chords"
            )));
        }
        let mode = [mode(self.key())];
        self.encoder.encode(&[
            ("chords", &[1, HALF_BARS], Data::I64(tokens)),
            ("metre", &[1], Data::I64(&[0])),
            ("mode", &[1], Data::I64(&mode)),
        ])
    }
}

/// The model's number for a mode.
fn mode(key: Key) -> i64 {
    i64::from(key.mode == Mode::Minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progression_is_in_its_key_and_is_read_again_from_its_notes() {
        let key = "D minor".parse().unwrap();
        let settings = crate::testing::settings();
        let mut model = ChordPieces::load(&settings, "harmony", Some(key)).unwrap();
        let drawn = crate::music::sample(&mut model, 4, 0.5, 7).unwrap();
        let in_key = |chord: &Chord| chord.classes().all(|class| key.holds(i32::from(class)));
        let (mut inside, mut all) = (0, 0);
        for tokens in &drawn {
            let figure = model.figure(tokens);
            assert_eq!(figure.length(), 128);
            let chords: Vec<Chord> = figure.chords.iter().copied().flatten().collect();
            let spans: Vec<sheet::Span> = (figure.notes.iter())
                .map(|note| sheet::Span {
                    start: note.start as u64,
                    end: note.end as u64,
                    pitch: note.pitch,
                })
                .collect();
            assert_eq!(chords_of(&spans, HALF_BARS).unwrap(), chords);
            inside += chords.iter().filter(|chord| in_key(chord)).count();
            all += chords.len();
        }
        // Of songs in minor .87 are.
        assert!(inside * 3 > all * 2, "{inside} of {all}");
    }
}
