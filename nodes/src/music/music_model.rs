//! Any model whose latents are music: melodies, drums, progressions, accompaniments.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use score_engine::{Key, KeyChoice, Metre, NodeError, Settings, Transport};

use super::accompaniment::TexturePieces;
use super::figure::{self, Figure};
use super::harmony::ChordPieces;
use super::sheet::{self, Opening};
use super::tiles;
use super::tune_model::{TuneModel, Tunes, draws};
use crate::model::{Manifest, Task};
use crate::output::Claim;

/// What a model is asked to play in, and on.
#[derive(Clone, Debug, Default)]
pub struct KeyAndChords {
    /// The key; `None`: the one that the chords fit.
    pub key: Option<Key>,
    /// Chords, as `chords_in` reads them.
    pub chords: Option<String>,
}

/// A loaded model whose latents are pieces of music, as tokens.
pub struct MusicModel {
    pieces: Pieces,
}

enum Pieces {
    Melodies(Box<TuneModel>),
    Progressions(Box<ChordPieces>),
    Accompaniments(Box<TexturePieces>),
}

impl MusicModel {
    /// Loads the model called `name` from the settings' folder of models.
    ///
    /// # Errors
    /// There is no such model, it makes no music, it cannot be loaded, or it takes no such
    /// key or chords.
    pub fn load(settings: &Settings, name: &str, asked: &KeyAndChords) -> Result<Self, NodeError> {
        let manifest = Manifest::of(settings)?;
        let (key, chords) = (asked.key, asked.chords.as_deref());
        let refused = |why: &str| {
            NodeError::input(format!("`{name}` {why}"))
                .help("a key is for `harmony` and `texture`, chords are for `texture`")
        };
        let pieces = match manifest.models.get(name).map(|model| model.task) {
            Some(Task::Harmony) if chords.is_some() => {
                return Err(refused("makes the chords: it takes none"));
            }
            Some(Task::Harmony) => {
                let model = ChordPieces::load(settings, name, key)?;
                Pieces::Progressions(Box::new(model))
            }
            Some(Task::Texture) => {
                let model = TexturePieces::load(settings, name, key, chords)?;
                Pieces::Accompaniments(Box::new(model))
            }
            Some(task) if !draws(task) => {
                let task = task.name();
                let why = format!("`{name}` is a {task} model: its latents are not music");
                return Err(NodeError::model(why).help(able(&manifest)));
            }
            None => {
                let why = format!("there is no model `{name}`");
                return Err(NodeError::model(why).help(able(&manifest)));
            }
            Some(_) if key.is_some() || chords.is_some() => {
                return Err(refused("plays in no key and on no chords here"));
            }
            Some(_) => Pieces::Melodies(Box::new(TuneModel::load(settings, name)?)),
        };
        Ok(MusicModel { pieces })
    }

    /// What its pieces are called, many of them, as a key of JSON.
    pub fn plural(&self) -> &'static str {
        match &self.pieces {
            Pieces::Melodies(model) if model.layout().drums => "drum_patterns",
            Pieces::Melodies(_) => "melodies",
            Pieces::Progressions(_) => "progressions",
            Pieces::Accompaniments(_) => "accompaniments",
        }
    }

    /// The piece that begins a MIDI file: its tokens, and the tempo and the metre that go with
    /// them. Where no key, or no chords, were given, those of the first file hold for all.
    ///
    /// # Errors
    /// The file is not a MIDI file that can be read, or has no such piece in its first bars.
    pub fn read(&mut self, path: &Path) -> Result<Opening, NodeError> {
        match &mut self.pieces {
            Pieces::Melodies(model) => sheet::read(path, model.layout()),
            Pieces::Progressions(model) => model.read(path),
            Pieces::Accompaniments(model) => model.read(path),
        }
    }

    /// Writes pieces one after another to the MIDI file whose name is claimed, at the tempo of
    /// `transport`; melodies in its metre, others in 4/4 with their chord symbols.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(
        &self,
        claim: Claim,
        pieces: &[Vec<i64>],
        transport: &Transport,
    ) -> Result<(), NodeError> {
        let (name, key) = match &self.pieces {
            Pieces::Melodies(model) => {
                return sheet::write(claim, pieces, model.layout(), transport);
            }
            Pieces::Progressions(model) => ("chords", Some(model.key())),
            Pieces::Accompaniments(model) => ("accompaniment", model.key()),
        };
        let transport = Transport {
            metre: Metre(4, 4),
            key: key.map(KeyChoice::Of),
            ..transport.clone()
        };
        figure::write(claim, &self.figures(pieces), name, &transport)
    }

    /// Draws pieces as a picture, `columns` in a row, the file whose name is claimed.
    ///
    /// # Errors
    /// The name has no ending of a picture, or the file cannot be written.
    pub fn draw(&self, claim: Claim, pieces: &[Vec<i64>], columns: usize) -> Result<(), NodeError> {
        match &self.pieces {
            Pieces::Melodies(model) => tiles::write(claim, pieces, model.layout(), columns),
            _ => tiles::write_figures(claim, &self.figures(pieces), columns),
        }
    }

    /// The chords of pieces as lead sheets have them, which `chords_in` reads: those of each
    /// progression, or the ones under all accompaniments; melodies have none.
    pub fn lead_sheets(&self, pieces: &[Vec<i64>]) -> Vec<String> {
        let mut sheets: Vec<String> = self
            .figures(pieces)
            .iter()
            .map(Figure::lead_sheet)
            .collect();
        if matches!(self.pieces, Pieces::Accompaniments(_)) {
            sheets.truncate(1);
        }
        sheets
    }

    /// Pieces with their chords, but for melodies.
    fn figures(&self, pieces: &[Vec<i64>]) -> Vec<Figure> {
        let pieces = pieces.iter();
        match &self.pieces {
            Pieces::Melodies(_) => Vec::new(),
            Pieces::Progressions(model) => pieces.map(|tokens| model.figure(tokens)).collect(),
            Pieces::Accompaniments(model) => pieces.map(|tokens| model.figure(tokens)).collect(),
        }
    }

    fn tunes(&self) -> &dyn Tunes {
        match &self.pieces {
            Pieces::Melodies(model) => &**model,
            Pieces::Progressions(model) => &**model,
            Pieces::Accompaniments(model) => &**model,
        }
    }

    fn tunes_mut(&mut self) -> &mut dyn Tunes {
        match &mut self.pieces {
            Pieces::Melodies(model) => &mut **model,
            Pieces::Progressions(model) => &mut **model,
            Pieces::Accompaniments(model) => &mut **model,
        }
    }
}

/// Advice that lists the models whose latents are music.
fn able(manifest: &Manifest) -> String {
    let makes = |task| draws(task) || matches!(task, Task::Harmony | Task::Texture);
    let able = manifest.names_of(|model| makes(model.task));
    format!("music models: {able}")
}

impl Tunes for MusicModel {
    fn dimension(&self) -> usize {
        self.tunes().dimension()
    }

    fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<i64>, NodeError> {
        self.tunes_mut().decode(code, temperature, rng)
    }

    fn encode(&mut self, tokens: &[i64]) -> Result<Vec<f32>, NodeError> {
        self.tunes_mut().encode(tokens)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::music::{interpolate, sample};
    use crate::output::Owner;
    use crate::testing::settings;

    fn load(name: &str, asked: &KeyAndChords) -> Result<MusicModel, NodeError> {
        MusicModel::load(&settings(), name, asked)
    }

    #[test]
    fn every_music_model_draws_pieces_that_it_reads_again_and_the_way_between_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["melody", "lead", "harmony", "texture"] {
            let mut model = load(name, &KeyAndChords::default()).unwrap();
            let drawn = sample(&mut model, 2, 0.5, 7).unwrap();
            assert_eq!(drawn, sample(&mut model, 2, 0.5, 7).unwrap(), "{name}");
            let path = folder.path().join(format!("{name}.mid"));
            let claim = Claim::new(&path, Owner::program("test"), true).unwrap();
            model.write(claim, &drawn, &Transport::default()).unwrap();
            // In the key and on the chords of the file, as one that begins has neither.
            let mut again = load(name, &KeyAndChords::default()).unwrap();
            let read = again.read(&path).unwrap();
            assert_eq!(read.tokens.len(), drawn[0].len(), "{name}");
            let way = interpolate(&mut again, (&read.tokens, &drawn[1]), 3, 0.0, 1).unwrap();
            let code = again.encode(&drawn[1]).unwrap();
            let last = again.decode(&code, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
            assert_eq!((way.len(), &way[2]), (3, &last.unwrap()), "{name}");
            let picture = folder.path().join(format!("{name}.png"));
            let claim = Claim::new(&picture, Owner::program("test"), true).unwrap();
            again.draw(claim, &way, 2).unwrap();
            assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn pieces_are_called_what_they_are() {
        for (name, plural) in [
            ("melody", "melodies"),
            ("drums", "drum_patterns"),
            ("harmony", "progressions"),
            ("texture", "accompaniments"),
        ] {
            let model = load(name, &KeyAndChords::default()).unwrap();
            assert_eq!(model.plural(), plural, "{name}");
        }
    }

    #[test]
    fn a_progression_comes_back_from_its_file_chord_for_chord_and_is_a_lead_sheet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chords.mid");
        let asked = KeyAndChords {
            key: Some("G major".parse().unwrap()),
            chords: None,
        };
        let mut model = load("harmony", &asked).unwrap();
        let drawn = sample(&mut model, 1, 0.8, 3).unwrap();
        let claim = Claim::new(&path, Owner::program("test"), true).unwrap();
        model.write(claim, &drawn, &Transport::default()).unwrap();
        assert_eq!(model.read(&path).unwrap().tokens, drawn[0]);
        let sheets = model.lead_sheets(&drawn);
        assert_eq!((sheets.len(), sheets[0].matches('|').count()), (1, 9));
    }

    #[test]
    fn what_a_model_cannot_play_in_or_on_is_refused_and_so_is_one_that_makes_no_music() {
        let chords = KeyAndChords {
            key: None,
            chords: Some("C G".to_owned()),
        };
        let key = KeyAndChords {
            key: Some(Key::default()),
            chords: None,
        };
        for (name, asked) in [("harmony", &chords), ("melody", &chords), ("drums", &key)] {
            let refused = load(name, asked).err().unwrap();
            assert!(
                refused.advice().unwrap_or_default().contains("texture"),
                "{name}"
            );
        }
        for name in ["eye", "touch", "no_such"] {
            let refused = load(name, &KeyAndChords::default()).err().unwrap();
            let advice = refused.advice().unwrap_or_default();
            assert!(advice.contains("drums, harmony, lead"), "{advice}");
        }
    }
}
