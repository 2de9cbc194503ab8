//! What a file parameter is for, so that whoever runs a patch can name its files without knowing
//! any kind.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Param;

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FileContent {
    /// Moving pictures, with sound or without.
    Film,
    /// Sound alone.
    Sound,
    /// Notes, as in a MIDI file.
    Notes,
    /// One picture.
    Picture,
    /// A model to compute with.
    Model,
    /// Instruments for a synthesiser.
    SoundFont,
    /// A folder, or files in it by a pattern. The node itself looks which there are: it is not
    /// built anew when one comes or goes.
    Folder,
    /// Something that this version of the engine has no word for.
    #[serde(other)]
    Other,
}

/// What a file parameter is for, as far as its kind declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilePurpose {
    /// What the file contains.
    pub content: Option<FileContent>,
    /// How the name of a file that is written usually ends, without the point: `wav`.
    pub ending: Option<Cow<'static, str>>,
    /// The input whose wires each get a file of their own, whose name tells where the wire comes
    /// from; the parameter says what all of them begin with.
    pub each: Option<Cow<'static, str>>,
    /// Whether what is written is a take: never replaced, but numbered.
    pub take: bool,
}

impl FilePurpose {
    /// Whether nothing is declared.
    pub fn is_unspecified(&self) -> bool {
        *self == FilePurpose::default()
    }
}

impl Param {
    /// What the file contains.
    pub fn content(mut self, content: FileContent) -> Self {
        self.purpose.content = Some(content);
        self
    }

    /// How the name of a file that is written usually ends, without the point. `score film` names
    /// files by it.
    pub fn ending(mut self, ending: impl Into<Cow<'static, str>>) -> Self {
        self.purpose.ending = Some(ending.into());
        self
    }

    /// Each wire into `input` gets a file of its own: `NAME-SOURCE.wav` for the path `NAME.wav`.
    pub fn each(mut self, input: impl Into<Cow<'static, str>>) -> Self {
        self.purpose.each = Some(input.into());
        self
    }

    /// The file that is written is a take: the node replaces none that is there, but numbers its
    /// own.
    pub fn take(mut self) -> Self {
        self.purpose.take = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_without_a_purpose_is_written_as_before_there_were_purposes() {
        let text = serde_json::to_string(&Param::file_to_write("path", "a file")).unwrap();
        assert!(!text.contains("purpose"), "{text}");
        let read: Param = serde_json::from_str(&text).unwrap();
        assert!(read.purpose.is_unspecified());
    }

    #[test]
    fn a_purpose_crosses_and_one_of_a_later_version_is_other() {
        let param = Param::file_to_write("path", "a file")
            .content(FileContent::Sound)
            .ending("wav")
            .take();
        let text = serde_json::to_string(&param).unwrap();
        assert_eq!(serde_json::from_str::<Param>(&text).unwrap(), param);
        let later = text.replace("Sound", "Smell");
        let read: Param = serde_json::from_str(&later).unwrap();
        assert_eq!(read.purpose.content, Some(FileContent::Other));
    }
}
