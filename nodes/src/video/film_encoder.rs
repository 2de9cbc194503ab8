//! Encodes pictures as a film, by the ffmpeg program.

use std::path::Path;

use score_engine::{Choice, Frame, NodeError};

use super::container::{Container, can_encode};
use super::ffmpeg::{Fed, input_url, quiet};

/// How pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
pub(super) enum Codec {
    /// As most players play it: H.264, in .webm VP9.
    Auto,
    H264,
    H265,
    Vp9,
    /// Without any loss.
    Ffv1,
    /// For editing.
    Prores,
}

/// What ffmpeg is told of a codec.
#[derive(Debug, PartialEq)]
pub(super) struct Coding {
    /// Its name in a patch.
    name: &'static str,
    encoder: &'static str,
    /// The format of the pixels.
    pixels: &'static str,
    /// Endings of the containers that hold it.
    endings: &'static [&'static str],
}

const H264: Coding = Coding {
    name: "h264",
    encoder: "libx264",
    pixels: "yuv420p",
    endings: &["mp4", "mkv", "mov"],
};
const H265: Coding = Coding {
    name: "h265",
    encoder: "libx265",
    pixels: "yuv420p",
    endings: &["mp4", "mkv", "mov"],
};
const VP9: Coding = Coding {
    name: "vp9",
    encoder: "libvpx-vp9",
    pixels: "yuv420p",
    endings: &["webm", "mkv", "mp4"],
};
const FFV1: Coding = Coding {
    name: "ffv1",
    encoder: "ffv1",
    pixels: "bgr0",
    endings: &["mkv"],
};
const PRORES: Coding = Coding {
    name: "prores",
    encoder: "prores_ks",
    pixels: "yuv422p10le",
    endings: &["mov"],
};

impl Coding {
    /// What is meant by `codec` in this container.
    pub(super) fn of(codec: Codec, container: &Container) -> &'static Coding {
        match codec {
            Codec::Auto if container.ending == "webm" => &VP9,
            Codec::Auto | Codec::H264 => &H264,
            Codec::H265 => &H265,
            Codec::Vp9 => &VP9,
            Codec::Ffv1 => &FFV1,
            Codec::Prores => &PRORES,
        }
    }

    /// Why the container does not hold it, and what does.
    pub(super) fn objection(&self, container: &Container) -> Option<(String, String)> {
        if self.endings.contains(&container.ending) {
            return None;
        }
        let endings: Vec<String> = self.endings.iter().map(|one| format!(".{one}")).collect();
        let (ending, name) = (container.ending, self.name);
        Some((
            format!("{ending} cannot hold {name} pictures"),
            format!("end the name in {}", endings.join(" or ")),
        ))
    }

    /// Looks whether ffmpeg has it.
    ///
    /// # Errors
    /// It has not, or ffmpeg is missing.
    pub(super) fn require(&self) -> Result<(), NodeError> {
        if can_encode(self.encoder, self.pixels)? {
            return Ok(());
        }
        let (name, encoder) = (self.name, self.encoder);
        Err(NodeError::missing(
            format!("this ffmpeg cannot encode {name}"),
            format!(
                "install an ffmpeg with {encoder}, such as Debian's; or choose another `codec`"
            ),
        ))
    }
}

/// How a film is encoded.
pub(super) struct Manner {
    pub(super) coding: &'static Coding,
    pub(super) container: &'static Container,
    /// Pictures a second.
    pub(super) rate: f64,
    /// The constant rate factor: 0 is best.
    pub(super) crf: u32,
    /// Whether pictures come by the clock, so that speed counts more than size.
    pub(super) live: bool,
}

/// A film that is being encoded.
pub(super) struct FilmEncoder {
    fed: Fed,
}

impl FilmEncoder {
    /// Begins to write pictures of `width` × `height` to `output`.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(super) fn start(
        manner: &Manner,
        (width, height): (u32, u32),
        output: &Path,
    ) -> Result<Self, NodeError> {
        let Manner { coding, live, .. } = manner;
        let mut command = quiet();
        command.args(["-f", "rawvideo", "-pixel_format", "rgb24"]);
        command.args(["-video_size", &format!("{width}x{height}")]);
        command.args(["-framerate", &manner.rate.to_string(), "-i", "pipe:0"]);
        let pixels = coding.pixels;
        if coding.encoder == FFV1.encoder {
            command.args(["-vf", &format!("format={pixels}")]);
        } else {
            // Sides are even in these formats, and colours are those of high definition, which
            // players take them for.
            let filter = format!(
                "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format={pixels}"
            );
            command.args(["-vf", &filter, "-color_primaries", "bt709"]);
            command.args(["-color_trc", "bt709", "-colorspace", "bt709"]);
            command.args(["-color_range", "tv"]);
        }
        command.args(["-c:v", coding.encoder]);
        let crf = |most: u32| manner.crf.min(most).to_string();
        match coding.encoder {
            "libx264" => {
                let preset = if *live { "veryfast" } else { "medium" };
                command.args(["-preset", preset, "-crf", &crf(51)])
            }
            "libx265" => {
                let preset = if *live { "ultrafast" } else { "medium" };
                command.args(["-preset", preset, "-crf", &crf(51)]);
                command.args(["-x265-params", "log-level=error", "-tag:v", "hvc1"])
            }
            "libvpx-vp9" => {
                let (deadline, speed) = if *live {
                    ("realtime", "8")
                } else {
                    ("good", "4")
                };
                command.args(["-b:v", "0", "-crf", &crf(63), "-row-mt", "1"]);
                command.args(["-deadline", deadline, "-cpu-used", speed])
            }
            "prores_ks" => command.args(["-profile:v", "3", "-vendor", "apl0"]),
            _ => command.args(["-level", "3", "-slicecrc", "1"]),
        };
        // Without these, the date and ffmpeg's version would make each file another.
        command.args(["-fflags", "+bitexact", "-flags:v", "+bitexact"]);
        command.args(["-f", manner.container.format]);
        command.arg(input_url(output));
        Ok(FilmEncoder {
            fed: Fed::start(&mut command)?,
        })
    }

    /// Gives it a picture of its size, to be shown for as many pictures as `times`.
    ///
    /// # Errors
    /// ffmpeg has given up; the error holds its reason.
    pub(super) fn write(&mut self, frame: &Frame, times: u64) -> Result<(), NodeError> {
        for _ in 0..times {
            (self.fed.write(frame.pixels())).map_err(|said| unwritten(&said))?;
        }
        Ok(())
    }

    /// Waits until the film is written.
    ///
    /// # Errors
    /// ffmpeg has failed; the error holds its reason.
    pub(super) fn end(&mut self) -> Result<(), NodeError> {
        self.fed.end().map_err(|said| unwritten(&said))
    }
}

fn unwritten(said: &str) -> NodeError {
    NodeError::output(format!("the pictures cannot be written (ffmpeg: {said})"))
        .help("look whether the disk has room; another `codec` may take this size or rate")
}
