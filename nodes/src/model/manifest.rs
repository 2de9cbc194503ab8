//! The manifest of a folder of models, `manifest.ron`: what each is for, its files and their
//! checksums.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Settings};
use serde::{Deserialize, Serialize};

use super::checksum::checksum;
use super::session::Session;

/// The version of the manifest that this program reads.
const FORMAT: u32 = 1;

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Codes to melodies and back.
    Music,
    /// Pictures to codes, and back where there is a decoder.
    Picture,
    /// Codes of bars, and controls at each sixteenth, to music without end.
    Stream,
    /// Codes and moods to chords, one for each half bar.
    Harmony,
    /// Chords, and codes of bars, to a melody.
    Lead,
    /// Chords, and codes of two bars, to an accompaniment.
    Texture,
    /// Onsets to velocities, timing, lengths and pedal.
    Touch,
}

impl Task {
    /// Its name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Task::Music => "music",
            Task::Picture => "picture",
            Task::Stream => "stream",
            Task::Harmony => "harmony",
            Task::Lead => "lead",
            Task::Texture => "texture",
            Task::Touch => "touch",
        }
    }
}

/// The models in a folder.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The models, by the names that patches use.
    pub models: BTreeMap<String, Model>,
    #[serde(skip)]
    folder: PathBuf,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What it is for.
    pub task: Task,
    /// One line.
    pub summary: String,
    /// The dimension of its codes.
    pub latent: usize,
    /// The licence of its weights.
    pub licence: String,
    /// Its model card, from the folder of the manifest.
    pub card: PathBuf,
    /// Its ONNX files, by role: `encoder`, `decoder`, `start`, `step`, `planner`.
    pub files: BTreeMap<String, File>,
    /// The layout of its tokens, where it makes music.
    #[serde(default)]
    pub music: Option<Music>,
    /// The pictures that it wants, where it sees.
    #[serde(default)]
    pub picture: Option<Picture>,
    /// Named directions in its codes, where some were found.
    #[serde(default)]
    pub names: Option<NamesFile>,
    /// Known inputs and outputs, from the folder of the manifest.
    pub golden: PathBuf,
}

/// The file with a model's names.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamesFile {
    /// Where it lies, from the folder of the manifest.
    pub path: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// One ONNX file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it lies, from the folder of the manifest.
    pub path: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its inputs, as `int64[N,32]`.
    pub inputs: BTreeMap<String, String>,
    /// Its outputs, as `float32[N,64]`.
    pub outputs: BTreeMap<String, String>,
}

/// How a model writes music as tokens. Melodies: 0 nothing, 1 the note ends, from 2 a note of
/// `lowest_pitch` and up. Drums: bit n says that class n of nine is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Music {
    /// Tokens in a melody.
    pub steps: usize,
    /// Tokens in a bar.
    pub steps_per_bar: usize,
    /// Different tokens.
    pub tokens: usize,
    /// The MIDI pitch of token 2.
    pub lowest_pitch: u8,
    /// The token before the first.
    pub start_token: i64,
    /// Whether tokens are drums.
    #[serde(default)]
    pub drums: bool,
}

/// The pictures that a model wants, RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Model {
    /// The length of all its files together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files
            .values()
            .fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

impl Manifest {
    /// Reads the manifest of the settings' folder `models`.
    ///
    /// # Errors
    /// No folder of models is known, or its manifest is missing or broken.
    pub fn of(settings: &Settings) -> Result<Self, NodeError> {
        let folder = settings.folder("models").ok_or_else(|| {
            NodeError::missing(
                "no folder of models is known",
                "start the program from the folder that holds `models`, or name it with --models \
                 FOLDER",
            )
        })?;
        Self::load(folder)
    }

    /// Reads `manifest.ron` in `folder`.
    ///
    /// # Errors
    /// It is missing or broken.
    pub fn load(folder: &Path) -> Result<Self, NodeError> {
        let path = folder.join("manifest.ron");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let why = if error.kind() == std::io::ErrorKind::NotFound {
                format!(
                    "`{}` is not a folder of models: it has no manifest.ron",
                    folder.display()
                )
            } else {
                format!(
                    "the list of models `{}` cannot be read: {error}",
                    path.display()
                )
            };
            NodeError::model(why)
                .help("--models FOLDER or SCORE_MODELS names the folder that holds manifest.ron")
                .source(error)
        })?;
        Self::parse(&text, folder)
    }

    /// Reads the text of a manifest; its paths count from `folder`.
    ///
    /// # Errors
    /// It is broken, or of another format.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, NodeError> {
        let path = folder.join("manifest.ron");
        let mut manifest: Manifest = ron::from_str(text)
            .map_err(|error| NodeError::model(format!("`{}` at {error}", path.display())))?;
        if manifest.format != FORMAT {
            return Err(NodeError::model(format!(
                "`{}` has format {}, but this program reads format {FORMAT}",
                path.display(),
                manifest.format
            )));
        }
        manifest.folder = folder.to_owned();
        Ok(manifest)
    }

    /// The folder that the manifest's paths count from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The model called `name`, whatever it is for.
    ///
    /// # Errors
    /// There is none. The advice lists those that there are.
    pub fn find(&self, name: &str) -> Result<&Model, NodeError> {
        self.models.get(name).ok_or_else(|| {
            NodeError::model(format!("there is no model `{name}`"))
                .help(format!("models: {}", self.names_of(|_| true)))
        })
    }

    /// The names of the models for which `fits` holds, as advice lists them; empty: there are none.
    pub(crate) fn names_of(&self, fits: impl Fn(&Model) -> bool) -> String {
        let fitting = self.models.iter().filter(|(_, model)| fits(model));
        let names: Vec<&str> = fitting.map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }

    /// The text of a model's card.
    ///
    /// # Errors
    /// It is missing or is not text.
    pub fn card(&self, model: &Model) -> Result<String, NodeError> {
        let path = self.folder.join(&model.card);
        std::fs::read_to_string(&path).map_err(|error| {
            NodeError::model(format!(
                "the model card `{}` cannot be read: {error}",
                path.display()
            ))
            .source(error)
        })
    }

    /// The model called `name`, for `task`.
    ///
    /// # Errors
    /// There is none of that name, or it is for something else. The advice lists those that there
    /// are.
    pub fn model(&self, name: &str, task: Task) -> Result<&Model, NodeError> {
        let fitting = self.names_of(|model| model.task == task);
        let help = if fitting.is_empty() {
            format!(
                "there is no {} model in `{}`",
                task.name(),
                self.folder.display()
            )
        } else {
            format!("{} models: {fitting}", task.name())
        };
        match self.models.get(name) {
            Some(model) if model.task == task => Ok(model),
            Some(model) => Err(NodeError::model(format!(
                "`{name}` is a {} model, but a {} model is wanted",
                model.task.name(),
                task.name()
            ))
            .help(help)),
            None => Err(NodeError::model(format!("there is no model `{name}`")).help(help)),
        }
    }

    /// Opens a file of a model, by role, after comparing its checksum.
    ///
    /// # Errors
    /// The file is missing, is not the one that the manifest names, or cannot be run.
    pub fn open(&self, model: &Model, role: &str) -> Result<Session, NodeError> {
        let file = model
            .files
            .get(role)
            .ok_or_else(|| NodeError::model(format!("the model has no file `{role}`")))?;
        Session::open(&self.listed(&file.path, &file.sha256, file.bytes)?)
    }

    /// Where the names of a model's directions lie, after comparing the file's checksum; `None`:
    /// the model has no names.
    ///
    /// # Errors
    /// The file is missing, or is not the one that the manifest names.
    pub fn names(&self, model: &Model) -> Result<Option<PathBuf>, NodeError> {
        let listed = |file: &NamesFile| self.listed(&file.path, &file.sha256, file.bytes);
        model.names.as_ref().map(listed).transpose()
    }

    /// The place of a file of the manifest, which was found to be the one that it names.
    fn listed(&self, file: &Path, sha256: &str, bytes: u64) -> Result<PathBuf, NodeError> {
        let path = self.folder.join(file);
        let (found, length) = checksum(&path).map_err(|error| {
            NodeError::model(format!("`{}` cannot be read: {error}", path.display())).source(error)
        })?;
        if !found.eq_ignore_ascii_case(sha256) {
            let what = if length == bytes {
                "another checksum".to_owned()
            } else {
                format!("{length} bytes instead of {bytes}")
            };
            return Err(NodeError::model(format!(
                "`{}` is not the file that the manifest names: it has {what}",
                path.display()
            ))
            .help("fetch it again; if you trained it yourself, update the manifest"));
        }
        Ok(path)
    }

    pub(super) fn golden(&self, model: &Model) -> PathBuf {
        self.folder.join(&model.golden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"Manifest(format: 1, models: {
        "melody": Model(task: music, summary: "two-bar melodies", latent: 64, licence: "MIT", card: "melody/CARD.md",
            files: { "step": File(path: "step.onnx", sha256: "00", bytes: 5, inputs: {"token": "int64[N]"}, outputs: {}) },
            music: Some((steps: 32, steps_per_bar: 16, tokens: 90, lowest_pitch: 21, start_token: 90)),
            picture: None, golden: "melody/golden.json"),
    })"#;

    fn manifest() -> (tempfile::TempDir, Manifest) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.ron"), TEXT).unwrap();
        let manifest = Manifest::load(folder.path()).unwrap();
        (folder, manifest)
    }

    #[test]
    fn an_unknown_model_is_answered_with_those_that_there_are() {
        let (_folder, manifest) = manifest();
        let error = manifest.model("melodie", Task::Music).unwrap_err();
        assert_eq!(error.advice(), Some("music models: melody"));
        assert!(manifest.model("melody", Task::Picture).is_err());
    }

    #[test]
    fn a_folder_without_a_manifest_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Manifest::load(folder.path()).unwrap_err();
        let name = folder.path().display().to_string();
        assert!(error.to_string().contains(&name), "{error}");
        assert!(
            error
                .advice()
                .is_some_and(|advice| advice.contains("--models"))
        );
    }

    #[test]
    fn a_truncated_file_is_refused_before_it_is_run() {
        let (folder, manifest) = manifest();
        std::fs::write(folder.path().join("step.onnx"), "abc").unwrap();
        let model = manifest.model("melody", Task::Music).unwrap();
        let error = manifest.open(model, "step").err().unwrap();
        assert!(
            error.to_string().contains("3 bytes instead of 5"),
            "{error}"
        );
    }
}
