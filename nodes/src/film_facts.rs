//! What a film says of itself: how long it is, its codec, its title and licence.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use score_engine::NodeError;
use serde_json::{Value, json};

use crate::video::ffmpeg::{input_url, question, refusal, seconds};
use crate::video::picture_choice;
use crate::video::timeline::Contents;

/// What is asked for. Tags are taken of the whole file alone: those of its streams name encoders.
const ENTRIES: &str = "format=duration:format_tags:stream=index,codec_type,codec_name,width,height:\
                       stream_disposition=attached_pic,timed_thumbnails";

/// Tags that are kept, and the characters of each: anything may stand in a file.
const MOST_TAGS: usize = 100;
const LONGEST_TAG: usize = 4_000;

/// Under which names containers keep a licence, in the order in which they are believed.
const LICENCES: [&str; 4] = ["license", "licence", "copyright", "rights"];

/// What a film says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilmFacts {
    /// How many seconds it lasts, where it says so.
    pub seconds: Option<f64>,
    /// What ffprobe calls the codec of its picture; `None`: it knows none.
    pub codec: Option<String>,
    /// Width and height of its picture in pixels.
    pub size: Option<(u64, u64)>,
    /// Title, artist, date and whatever else stands in it, by ffprobe's names.
    pub tags: BTreeMap<String, String>,
}

impl FilmFacts {
    /// The program that answers about the film at `film`; [`FilmFacts::answer`] reads what it
    /// prints.
    #[must_use]
    pub fn question(film: &Path) -> Command {
        question(film, &[], ENTRIES)
    }

    /// The facts by what the program printed; `None` where it failed.
    ///
    /// # Errors
    /// The file cannot be read, or has no picture.
    pub fn answer(film: &Path, printed: Option<&[u8]>, said: &[u8]) -> Result<Self, NodeError> {
        let Some(printed) = printed else {
            return Err(refusal(film, "a film", said));
        };
        let printed = String::from_utf8_lossy(printed);
        let contents: Value = serde_json::from_str(&printed).unwrap_or(Value::Null);
        Self::read(film, &contents)
    }

    /// Of the film at `film`; where a node of this program has asked about it already, nobody is
    /// asked again.
    ///
    /// # Errors
    /// The file cannot be read, or has no picture.
    pub fn of(film: &Path) -> Result<Self, NodeError> {
        Self::read(film, Contents::of(film, "a film")?.answer())
    }

    fn read(film: &Path, contents: &Value) -> Result<Self, NodeError> {
        let streams = contents.get("streams").and_then(Value::as_array);
        let is_picture =
            |stream: &&Value| stream.get("codec_type").and_then(Value::as_str) == Some("video");
        let pictures: Vec<&Value> = streams.into_iter().flatten().filter(is_picture).collect();
        let picture = picture_choice::choose(film, &pictures, None)?;
        let codec = picture.get("codec_name").and_then(Value::as_str);
        let side = |name: &str| picture.get(name)?.as_u64();
        let format = contents.get("format").unwrap_or(&Value::Null);
        let tags = format.get("tags").and_then(Value::as_object);
        let tags = tags.into_iter().flatten().take(MOST_TAGS);
        Ok(FilmFacts {
            seconds: seconds(format, "duration").filter(|seconds| *seconds > 0.0),
            codec: codec
                .filter(|codec| !["unknown", "none"].contains(codec))
                .map(str::to_owned),
            size: side("width").zip(side("height")),
            tags: tags
                .filter_map(|(name, value)| {
                    let value = value.as_str()?.chars().take(LONGEST_TAG).collect();
                    Some((name.clone(), value))
                })
                .collect(),
        })
    }

    /// The facts as data.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "codec": self.codec,
            "width": self.size.map(|(width, _)| width),
            "height": self.size.map(|(_, height)| height),
            "title": self.title(),
            "licence": self.licence(),
            "metadata": self.tags,
        })
    }

    /// The film's title.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.tag("title")
    }

    /// Under which terms the film may be used, in its own words.
    #[must_use]
    pub fn licence(&self) -> Option<&str> {
        LICENCES.iter().find_map(|name| self.tag(name))
    }

    /// The tag called `name`, in whatever case the container writes it.
    fn tag(&self, name: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        let (_, value) = tags.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }
}

/// The program that makes a film of a second at `to`, to try things with.
#[must_use]
pub fn trial(to: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi"])
        .args(["-i", "testsrc2=size=64x64:rate=8:duration=1"])
        .args(["-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-f", "mp4"])
        .arg(input_url(to));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_and_a_licence_are_found_in_whatever_case_and_place() {
        let printed = br#"{"streams": [{"index": 0, "codec_type": "audio"},
            {"index": 1, "codec_type": "video", "codec_name": "h264", "width": 4, "height": 2}],
            "format": {"duration": "2.5", "tags": {"TITLE": " Rain ", "COPYRIGHT": "CC0", "x": "y"}}}"#;
        let facts = FilmFacts::answer(Path::new("a.mp4"), Some(printed), b"").unwrap();
        assert_eq!(facts.title(), Some("Rain"));
        assert_eq!(facts.licence(), Some("CC0"));
        assert_eq!(facts.seconds, Some(2.5));
        assert_eq!(facts.size, Some((4, 2)));
        assert_eq!(facts.codec.as_deref(), Some("h264"));
        assert_eq!(facts.tags.len(), 3);
        assert_eq!(facts.json()["title"], "Rain");
        assert_eq!(facts.json()["width"], 4);
    }

    #[test]
    fn what_is_no_film_is_refused_in_words() {
        let film = Path::new("a.mp4");
        let failed = FilmFacts::answer(film, None, b"[mov @ 0x5] moov atom not found\n");
        assert!(
            failed
                .unwrap_err()
                .to_string()
                .contains("moov atom not found")
        );
        for printed in [
            &b"{}"[..],
            b"\xff",
            b"",
            b"{\"streams\": 3, \"format\": []}",
        ] {
            let nothing = FilmFacts::answer(film, Some(printed), b"");
            assert!(nothing.unwrap_err().to_string().contains("a.mp4"));
        }
    }
}
