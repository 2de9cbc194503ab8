//! The films that are tried: what each muxer of ffmpeg's makes by itself, and pairs that people
//! have.

use self::Picture::{Copied, Either, Encoded};

/// What becomes of a film's picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Picture {
    /// It is copied into a file with this ending.
    Copied(&'static str),
    /// It is encoded, into .mp4.
    Encoded,
    /// Versions of ffmpeg differ in whether it can be copied.
    Either,
}

/// A film of a second: its name, how large and fast its pictures are, how ffmpeg is told to make
/// it, and what becomes of it.
pub(super) type Film = (&'static str, &'static str, &'static str, Picture);

/// The usual form.
const SMALL: &str = "size=64x64:rate=10";
/// Forms that some codecs insist on.
const PHONE: &str = "size=128x96:rate=10";
const CONFERENCE: &str = "size=176x144:rate=10";
const QUICK: &str = "size=64x64:rate=25";
const GAME: &str = "size=64x64:rate=30";
const TELEVISION: &str = "size=720x576:rate=25";
const STUDIO: &str = "size=1280x720:rate=25";

/// Each muxer that makes films which ffmpeg can read again, with the codec that it takes by itself.
pub(super) const MUXERS: [Film; 37] = [
    ("a.3g2", PHONE, "", Copied("mkv")),
    ("a.3gp", PHONE, "", Copied("mkv")),
    ("a.apng", SMALL, "", Encoded),
    ("a.asf", SMALL, "", Copied("mkv")),
    ("a.avi", SMALL, "", Copied("mp4")),
    ("a.cpk", SMALL, "", Copied("mkv")),
    ("a.dv", TELEVISION, "", Copied("mkv")),
    ("a.f4v", SMALL, "", Copied("mp4")),
    ("a.fits", SMALL, "", Encoded),
    ("a.flv", SMALL, "", Copied("mkv")),
    ("a.gif", SMALL, "", Copied("mkv")),
    ("a.gxf", TELEVISION, "", Copied("mp4")),
    ("a.h261", CONFERENCE, "", Either),
    ("a.h263", PHONE, "", Either),
    ("a.h264", SMALL, "", Either),
    ("a.hevc", SMALL, "-x265-params log-level=none", Either),
    ("a.ismv", SMALL, "", Copied("mp4")),
    ("a.ivf", SMALL, "", Copied("mkv")),
    ("a.m2v", QUICK, "", Either),
    ("a.m4v", SMALL, "", Copied("mp4")),
    ("a.mjpg", SMALL, "", Either),
    ("a.mkv", SMALL, "", Copied("mkv")),
    ("a.mov", SMALL, "", Copied("mov")),
    ("a.mp4", SMALL, "", Copied("mp4")),
    ("a.mpg", QUICK, "", Copied("mp4")),
    ("a.mxf", QUICK, "", Copied("mp4")),
    ("a.nut", SMALL, "", Copied("mp4")),
    ("a.obu", SMALL, "-c:v libaom-av1 -cpu-used 8", Either),
    ("a.ogv", SMALL, "", Copied("mkv")),
    ("a.rm", SMALL, "", Encoded),
    ("a.roq", GAME, "", Encoded),
    ("a.swf", SMALL, "", Encoded),
    ("a.ts", QUICK, "", Copied("mp4")),
    ("a.vob", QUICK, "", Copied("mp4")),
    ("a.webm", SMALL, "", Copied("webm")),
    ("a.wtv", QUICK, "", Copied("mp4")),
    ("a.y4m", SMALL, "", Either),
];

/// Codecs in the containers in which people have them; odd sizes and kinds of pixels; image
/// sequences in containers.
pub(super) const PAIRS: [Film; 35] = [
    ("cinepak.avi", SMALL, "-c:v cinepak", Copied("mkv")),
    ("msmpeg4v2.avi", SMALL, "-c:v msmpeg4v2", Copied("mkv")),
    ("msmpeg4v3.avi", SMALL, "-c:v msmpeg4", Copied("mkv")),
    ("wmv1.wmv", SMALL, "-c:v wmv1", Copied("mkv")),
    ("wmv2.wmv", SMALL, "-c:v wmv2", Copied("mkv")),
    (
        "xvid.avi",
        SMALL,
        "-c:v mpeg4 -vtag XVID -bf 0",
        Copied("mp4"),
    ),
    (
        "xvid-b-frames.avi",
        SMALL,
        "-c:v mpeg4 -vtag XVID -bf 2",
        Either,
    ),
    ("h264-b-frames.avi", SMALL, "-c:v libx264 -bf 3", Either),
    ("mjpeg.avi", SMALL, "-c:v mjpeg", Copied("mp4")),
    ("mjpeg.mov", SMALL, "-c:v mjpeg", Copied("mov")),
    ("huffyuv.avi", SMALL, "-c:v huffyuv", Copied("mkv")),
    ("ffv1.mkv", SMALL, "-c:v ffv1", Copied("mkv")),
    ("raw.avi", SMALL, "-c:v rawvideo -pix_fmt yuyv422", Either),
    ("dv.avi", TELEVISION, "-c:v dvvideo", Copied("mkv")),
    (
        "prores.mov",
        SMALL,
        "-c:v prores -profile:v 2",
        Copied("mov"),
    ),
    (
        "dnxhd.mov",
        STUDIO,
        "-c:v dnxhd -b:v 90M -pix_fmt yuv422p",
        Copied("mov"),
    ),
    (
        "qtrle.mov",
        SMALL,
        "-c:v qtrle -pix_fmt rgb24",
        Copied("mov"),
    ),
    ("png.mov", SMALL, "-c:v png", Copied("mov")),
    ("jpeg2000.mov", SMALL, "-c:v jpeg2000", Copied("mov")),
    ("h264.flv", SMALL, "-c:v libx264", Copied("mp4")),
    ("h264.ts", SMALL, "-c:v libx264", Copied("mp4")),
    ("h264.3gp", SMALL, "-c:v libx264", Copied("mp4")),
    (
        "h264.webm",
        SMALL,
        "-c:v libx264 -f matroska",
        Copied("mp4"),
    ),
    (
        "hevc.mov",
        SMALL,
        "-c:v libx265 -x265-params log-level=none",
        Copied("mov"),
    ),
    (
        "vp8.webm",
        SMALL,
        "-c:v libvpx -deadline realtime",
        Copied("webm"),
    ),
    (
        "vp9.mp4",
        SMALL,
        "-c:v libvpx-vp9 -deadline realtime",
        Copied("mp4"),
    ),
    (
        "av1.mkv",
        SMALL,
        "-c:v libaom-av1 -cpu-used 8",
        Copied("mkv"),
    ),
    ("theora.ogg", SMALL, "-c:v libtheora", Copied("mkv")),
    ("mpeg2.mkv", QUICK, "-c:v mpeg2video", Copied("mkv")),
    (
        "svq1.mov",
        SMALL,
        "-c:v svq1 -pix_fmt yuv410p",
        Copied("mov"),
    ),
    (
        "ten-bits.mkv",
        SMALL,
        "-c:v libx264 -pix_fmt yuv420p10le",
        Copied("mkv"),
    ),
    (
        "four-four-four.mp4",
        SMALL,
        "-c:v libx264 -pix_fmt yuv444p",
        Copied("mp4"),
    ),
    ("odd.gif", "size=63x47:rate=10", "", Copied("mkv")),
    (
        "odd.avi",
        "size=61x35:rate=10",
        "-c:v cinepak -vf pad=64:36",
        Copied("mkv"),
    ),
    ("odd.apng", "size=63x47:rate=10", "", Encoded),
];
