//! Chooses the container for a film's picture with new sound, and whether the picture has to be
//! encoded for it.
//!
//! What a container can hold is asked of ffmpeg itself, which differs between versions: the first
//! pictures are copied into a small file, and what is seen in that file must be what is seen in the
//! film. That ffmpeg copies without a complaint is not enough: a GIF copied into Matroska plays
//! nowhere. Pairs that are known to be good are not tried.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use score_engine::NodeError;
use serde_json::Value;

use super::ffmpeg::{input_url, last_line, quiet, start};
use super::picture_choice::{codec, index};
use super::timeline::{Contents, Picture};
use crate::file_state::FileState;

/// Packets that are copied to see whether the container holds them.
const PACKETS: &str = "24";

/// Pictures of them that are compared: with B-frames, the last of the packets wait for others.
const PICTURES: usize = 6;

/// The most bytes of a trial: raw pictures are large.
const MOST_BYTES: &str = "64000000";

/// Pictures are shown at the same time if their times differ by less than this, in seconds. Some
/// containers count in milliseconds.
const SAME_TIME: f64 = 0.002;

/// A container that a scored film may have.
#[derive(Debug, PartialEq)]
pub(crate) struct Container {
    /// How the names of its files end.
    pub(crate) ending: &'static str,
    /// What ffmpeg calls it.
    pub(crate) format: &'static str,
    /// The codec of the sound.
    pub(crate) sound: &'static str,
    /// Whether it holds H.264.
    holds_h264: bool,
}

/// The containers, the one that most players play first.
pub(crate) const CONTAINERS: [Container; 4] = [
    Container {
        ending: "mp4",
        format: "mp4",
        sound: "aac",
        holds_h264: true,
    },
    Container {
        ending: "mkv",
        format: "matroska",
        sound: "aac",
        holds_h264: true,
    },
    Container {
        ending: "mov",
        format: "mov",
        sound: "aac",
        holds_h264: true,
    },
    Container {
        ending: "webm",
        format: "webm",
        sound: "libvorbis",
        holds_h264: false,
    },
];

/// Codecs that are known to keep their pictures when they are copied out of a container of the
/// first kind (ffprobe's names) into one of the others (endings).
const KNOWN: [(&str, &[&str], &[&str]); 4] = [
    ("mov,mp4", &["h264", "hevc"], &["mp4", "mkv", "mov"]),
    ("mov,mp4", &["mpeg4", "av1"], &["mp4", "mkv"]),
    ("matroska", &["h264", "hevc"], &["mp4", "mkv", "mov"]),
    ("matroska", &["vp8", "vp9", "av1"], &["mkv", "webm"]),
];

impl Container {
    /// The one whose files end as `path` does.
    pub(crate) fn of(path: &Path) -> Option<&'static Container> {
        let ending = path.extension()?.to_str()?.to_lowercase();
        CONTAINERS.iter().find(|known| known.ending == ending)
    }
}

/// A film's picture stream.
#[derive(Debug)]
pub(crate) struct PictureSource<'a> {
    film: &'a Path,
    /// Its number among the film's streams.
    stream: u64,
    /// What ffprobe calls the codec.
    codec: &'a str,
    /// What ffprobe calls the film's container.
    format: &'a str,
    /// How its times survive a copy.
    times: Picture,
    /// Whether it may help to have ffmpeg make the times of a copy.
    lacks_times: bool,
    /// The first of its pictures, once they were needed.
    pictures: OnceCell<Vec<Seen>>,
}

/// When a picture is shown, in seconds, and a hash of it.
type Seen = (f64, String);

/// Where a film's picture goes, and how.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) container: &'static Container,
    pub(crate) picture: Picture,
    /// Why it is not simply copied into a file like the film's own, or into mp4.
    pub(crate) why: Option<String>,
}

impl<'a> PictureSource<'a> {
    /// The picture `stream` of the film at `film`, of which ffprobe says `contents`.
    ///
    /// # Errors
    /// ffprobe is missing.
    pub(crate) fn new(
        film: &'a Path,
        contents: &'a Contents,
        stream: &'a Value,
    ) -> Result<Self, NodeError> {
        Ok(PictureSource {
            film,
            stream: index(stream).unwrap_or(0),
            codec: codec(stream),
            format: contents.format_name(),
            times: Picture::of(film, contents, stream)?,
            lacks_times: contents.lacks_times(stream),
            pictures: OnceCell::new(),
        })
    }

    /// Where the picture goes if the user named no container: into the film's own, mp4 or mkv, the
    /// first that holds it as it is; else, or with `encode`, it is encoded.
    ///
    /// # Errors
    /// ffmpeg is missing, or cannot encode.
    pub(crate) fn anywhere(&self, encode: bool) -> Result<Plan, NodeError> {
        let own = Container::of(self.film).unwrap_or(&CONTAINERS[0]);
        if encode || self.times == Picture::Encoded {
            return self.encoded(if own.holds_h264 { own } else { &CONTAINERS[0] }, encode);
        }
        let mut refused: Vec<&str> = Vec::new();
        for container in [own, &CONTAINERS[0], &CONTAINERS[1]] {
            if refused.contains(&container.ending) {
                continue;
            }
            if let Some(picture) = self.fits(container)? {
                let why = (!refused.is_empty()).then(|| {
                    let (refused, ending) = (refused.join(" and "), container.ending);
                    format!(
                        "{refused} cannot hold {} pictures, {ending} can",
                        self.codec
                    )
                });
                return Ok(Plan {
                    container,
                    picture,
                    why,
                });
            }
            refused.push(container.ending);
        }
        self.encoded(if own.holds_h264 { own } else { &CONTAINERS[0] }, false)
    }

    /// How the picture goes into `container`, which the user named.
    ///
    /// # Errors
    /// The container cannot hold it, though another can; or ffmpeg is missing, or cannot encode.
    pub(crate) fn placed_in(
        &self,
        container: &'static Container,
        encode: bool,
    ) -> Result<Plan, NodeError> {
        if encode || self.times == Picture::Encoded {
            return self.encoded(container, encode);
        }
        if let Some(picture) = self.fits(container)? {
            return Ok(Plan {
                container,
                picture,
                why: None,
            });
        }
        for other in &CONTAINERS[..2] {
            if other != container && self.fits(other)?.is_some() {
                let fix = if container.holds_h264 {
                    ", or set `encode: h264`"
                } else {
                    ""
                };
                return Err(cannot_hold(container, self.codec)
                    .help(format!("end the name in .{}{fix}", other.ending)));
            }
        }
        self.encoded(container, false)
    }

    /// It is encoded into `container`, because that was requested or because nothing else is
    /// possible.
    fn encoded(&self, container: &'static Container, asked: bool) -> Result<Plan, NodeError> {
        if !container.holds_h264 {
            return Err(cannot_hold(container, "h264").help(
                "end the name in .mp4 or .mkv, the containers into which pictures are encoded",
            ));
        }
        require_encoder()?;
        let why = match (asked, self.times) {
            (true, _) => None,
            (false, Picture::Encoded) => Some(
                "it does not say when its pictures are shown, so they are encoded (h264)"
                    .to_owned(),
            ),
            (false, _) => Some(format!(
                "no container holds {} pictures as this film has them, so they are encoded (h264)",
                self.codec
            )),
        };
        Ok(Plan {
            container,
            picture: Picture::Encoded,
            why,
        })
    }

    /// How the picture is copied so that it plays from `container` as it does from the film, if it
    /// can be.
    fn fits(&self, container: &Container) -> Result<Option<Picture>, NodeError> {
        let known = KNOWN.iter().any(|(format, codecs, endings)| {
            self.format.contains(format)
                && codecs.contains(&self.codec)
                && endings.contains(&container.ending)
        });
        if known && self.times == Picture::Copied {
            return Ok(Some(Picture::Copied));
        }
        let key = Trial::new(self, container);
        if let Some(known) = Trial::recall(&key) {
            return Ok(known);
        }
        let mut fits = None;
        let in_order = self.lacks_times.then_some(Picture::CopiedInOrder);
        for way in [Some(self.times), in_order].into_iter().flatten() {
            if self.try_in(container, way)? {
                fits = Some(way);
                break;
            }
        }
        Trial::remember(key, fits);
        Ok(fits)
    }

    /// Copies the first pictures into `container` and looks at them.
    fn try_in(&self, container: &Container, way: Picture) -> Result<bool, NodeError> {
        let copy = tempfile::Builder::new()
            .suffix(&format!(".{}", container.ending))
            .tempfile()
            .map_err(|error| {
                NodeError::output("there is no place for temporary files").source(error)
            })?;
        let mut command = quiet();
        if way == Picture::CopiedInOrder {
            command.args(["-fflags", "+genpts"]);
        }
        command.arg("-i").arg(input_url(self.film));
        command.args(["-map", &format!("0:{}", self.stream), "-c", "copy"]);
        command.args(["-frames:v", PACKETS, "-fs", MOST_BYTES]);
        command
            .args(["-f", container.format])
            .arg(input_url(copy.path()));
        if output(&mut command)?.is_none() {
            return Ok(false);
        }
        let copied = pictures(copy.path(), 0)?;
        let wanted = match self.pictures.get() {
            Some(pictures) => pictures,
            None => {
                let pictures = pictures(self.film, self.stream)?;
                self.pictures.get_or_init(|| pictures)
            }
        };
        // If no picture of the film can be decoded, the node that reads it reports more.
        Ok(wanted.is_empty() || (!copied.is_empty() && agree(wanted, &copied)))
    }
}

/// A film that was tried in a container. `score film` asks before the run, and the node again.
#[derive(PartialEq)]
struct Trial {
    film: PathBuf,
    /// Of another file under the same name nothing is known.
    state: Option<FileState>,
    stream: u64,
    times: Picture,
    ending: &'static str,
}

/// The last trials and what they found.
static TRIALS: Mutex<VecDeque<(Trial, Option<Picture>)>> = Mutex::new(VecDeque::new());

/// Trials that are remembered.
const TRIALS_KEPT: usize = 16;

impl Trial {
    fn new(source: &PictureSource<'_>, container: &Container) -> Self {
        let file = source.film.metadata();
        Trial {
            film: std::path::absolute(source.film).unwrap_or_default(),
            state: file.ok().as_ref().map(FileState::of),
            stream: source.stream,
            times: source.times,
            ending: container.ending,
        }
    }

    fn recall(trial: &Trial) -> Option<Option<Picture>> {
        let trials = TRIALS.lock().unwrap_or_else(PoisonError::into_inner);
        let known = trials.iter().find(|(known, _)| known == trial);
        known.map(|(_, fits)| *fits)
    }

    fn remember(trial: Trial, fits: Option<Picture>) {
        let mut trials = TRIALS.lock().unwrap_or_else(PoisonError::into_inner);
        trials.push_front((trial, fits));
        trials.truncate(TRIALS_KEPT);
    }
}

/// That `container` has no room for pictures of the kind.
fn cannot_hold(container: &Container, codec: &str) -> NodeError {
    NodeError::output(format!("{} cannot hold {codec} pictures", container.ending))
}

/// Whether the pictures of a copy are those of the film.
fn agree(wanted: &[Seen], copied: &[Seen]) -> bool {
    let begin = |pictures: &[Seen]| pictures.first().map_or(0.0, |first| first.0);
    let (from, to) = (begin(wanted), begin(copied));
    // A copy that was stopped by its size has fewer.
    wanted.iter().zip(copied).all(|(wanted, copied)| {
        let apart = (wanted.0 - from) - (copied.0 - to);
        apart.abs() < SAME_TIME && wanted.1 == copied.1
    })
}

/// The first pictures of a stream.
fn pictures(film: &Path, stream: u64) -> Result<Vec<Seen>, NodeError> {
    let mut command = quiet();
    command.arg("-i").arg(input_url(film));
    command.args([
        "-map",
        &format!("0:{stream}"),
        "-frames:v",
        &PICTURES.to_string(),
    ]);
    command.args(["-vf", "scale=32:32:flags=area,format=rgb24"]);
    command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1"]);
    command.args(["-f", "framemd5", "pipe:1"]);
    let text = output(&mut command)?.unwrap_or_default();
    let unit = text
        .lines()
        .find_map(|line| line.strip_prefix("#tb 0: ")?.trim().split_once('/'));
    let unit =
        unit.and_then(|(over, under)| Some(over.parse::<f64>().ok()? / under.parse::<f64>().ok()?));
    let picture = |line: &str| {
        let mut columns = line.split(',').map(str::trim);
        let time: f64 = columns.nth(2)?.parse().ok()?;
        Some((time * unit?, columns.nth(2)?.to_owned()))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(picture).collect())
}

/// Looks whether ffmpeg can encode H.264.
fn require_encoder() -> Result<(), NodeError> {
    static CAN: OnceLock<bool> = OnceLock::new();
    let can = match CAN.get() {
        Some(can) => *can,
        None => *CAN.get_or_init({
            let can = can_encode("libx264", "yuv420p")?;
            move || can
        }),
    };
    if can {
        return Ok(());
    }
    Err(NodeError::missing(
        "this ffmpeg cannot encode h264",
        "install an ffmpeg with libx264, such as Debian's",
    ))
}

/// Whether ffmpeg has the encoder of this name, which takes pixels of this format.
///
/// # Errors
/// ffmpeg is missing.
pub(super) fn can_encode(encoder: &str, pixels: &str) -> Result<bool, NodeError> {
    let mut command = quiet();
    // A black picture from what ffmpeg may read here; its own sources are not among it.
    command.args([
        "-f",
        "rawvideo",
        "-pixel_format",
        "rgb24",
        "-video_size",
        "64x64",
    ]);
    command.args(["-framerate", "1", "-i", "file:/dev/zero", "-frames:v", "1"]);
    command.args(["-c:v", encoder, "-pix_fmt", pixels, "-f", "null", "-"]);
    Ok(output(&mut command)?.is_some())
}

/// What the program writes; `None` if it fails.
///
/// # Errors
/// It cannot be started.
fn output(command: &mut Command) -> Result<Option<String>, NodeError> {
    let ended = start("ffmpeg", Stdio::null(), command)?.wait_with_output();
    let ended = ended.map_err(|error| NodeError::internal(format!("ffmpeg is lost: {error}")))?;
    if !ended.status.success() {
        let said = last_line(&String::from_utf8_lossy(&ended.stderr));
        tracing::debug!(said, "a container was tried");
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&ended.stdout).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ffmpeg;

    fn seen(pictures: &[(f64, &str)]) -> Vec<Seen> {
        let own = pictures
            .iter()
            .map(|(time, hash)| (*time, (*hash).to_owned()));
        own.collect()
    }

    #[test]
    fn a_copy_is_good_if_the_same_pictures_are_seen_at_the_same_times() {
        let film = seen(&[(0.5, "a"), (0.6, "b"), (0.7, "c")]);
        assert!(agree(&film, &seen(&[(0.0, "a"), (0.101, "b"), (0.2, "c")])));
        assert!(agree(&film, &film[..2]));
        assert!(!agree(&film, &seen(&[(0.0, "a"), (0.2, "b"), (0.3, "c")])));
        assert!(!agree(&film, &seen(&[(0.0, "a"), (0.1, "c"), (0.2, "c")])));
    }

    fn plan(film: &Path, named: Option<&str>) -> Result<Plan, NodeError> {
        let contents = Contents::of(film, "a film")?;
        let source = PictureSource::new(film, &contents, contents.picture(film, None)?)?;
        match named.and_then(|name| Container::of(Path::new(name))) {
            Some(container) => source.placed_in(container, false),
            None => source.anywhere(false),
        }
    }

    #[test]
    fn a_container_is_the_films_own_or_mp4_or_mkv_or_the_picture_is_encoded() {
        let folder = tempfile::tempdir().unwrap();
        let source = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=rate=10:duration=1:size=64x48",
        ];
        for (name, codec, ending, encoded) in [
            ("a.mov", "libx264", "mov", false),
            ("a.flv", "libx264", "mp4", false),
            ("a.avi", "cinepak", "mkv", false),
            ("a.apng", "apng", "mp4", true),
        ] {
            ffmpeg(
                folder.path(),
                &[&source[..], &["-c:v", codec, name]].concat(),
            );
            let plan = plan(&folder.path().join(name), None).unwrap();
            let found = (plan.container.ending, plan.picture == Picture::Encoded);
            assert_eq!(found, (ending, encoded), "{name}");
            assert_eq!(
                plan.why.is_some(),
                ending == "mkv" || encoded,
                "{name}: {:?}",
                plan.why
            );
        }
        let refusal = plan(&folder.path().join("a.avi"), Some("new.MP4")).unwrap_err();
        assert_eq!(refusal.to_string(), "mp4 cannot hold cinepak pictures");
        let refusal = plan(&folder.path().join("a.apng"), Some("new.webm")).unwrap_err();
        assert_eq!(refusal.to_string(), "webm cannot hold h264 pictures");
    }

    #[test]
    fn another_film_under_the_same_name_is_tried_anew() {
        let folder = tempfile::tempdir().unwrap();
        let source = [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=rate=10:duration=1:size=64x48",
        ];
        let film = folder.path().join("a.avi");
        for (codec, ending) in [("cinepak", "mkv"), ("mjpeg", "mp4")] {
            ffmpeg(
                folder.path(),
                &[&source[..], &["-c:v", codec, "a.avi"]].concat(),
            );
            assert_eq!(plan(&film, None).unwrap().container.ending, ending);
        }
    }
}
