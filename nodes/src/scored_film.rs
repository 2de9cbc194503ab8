//! What has to be known of a scored film before it is written: how its name ends, and what becomes
//! of the picture.

use std::path::Path;

use score_engine::NodeError;

use crate::video::container::{Container, PictureSource};
use crate::video::timeline::{Contents, Picture};

/// What a film becomes when `video_mux` gives it new sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoredFilm {
    /// How its name ends, without the point: the name of its container.
    pub ending: &'static str,
    /// Whether its picture is encoded again, not copied.
    pub encoded: bool,
    /// Why the container is not the film's own, nor mp4, or why the picture is encoded though that
    /// was not asked for.
    pub why: Option<String>,
}

impl ScoredFilm {
    /// Looks at the film at `film`, of which `stream` is scored or the first picture that is no
    /// cover. `encode`: its picture is to be encoded in any case. `named`: the ending that the
    /// user gave.
    ///
    /// # Errors
    /// ffmpeg is missing, or there is no picture. Of the kind
    /// [`score_engine::NodeErrorKind::Output`]: the container that the user named cannot hold
    /// it.
    pub fn plan(
        film: &Path,
        stream: Option<u32>,
        encode: bool,
        named: Option<&str>,
    ) -> Result<Self, NodeError> {
        let contents = Contents::of(film, "a film")?;
        let stream = contents.picture(film, stream)?;
        let source = PictureSource::new(film, &contents, stream)?;
        let named = named.and_then(|ending| Container::of(Path::new(&format!("a.{ending}"))));
        let plan = match named {
            Some(container) => source.placed_in(container, encode)?,
            None => source.anywhere(encode)?,
        };
        Ok(ScoredFilm {
            ending: plan.container.ending,
            encoded: plan.picture == Picture::Encoded,
            why: plan.why,
        })
    }

    /// The ending of `path`, if it is that of a container for films: `mp4` of `out.MP4`.
    #[must_use]
    pub fn ending_of(path: &Path) -> Option<&'static str> {
        Container::of(path).map(|container| container.ending)
    }
}
