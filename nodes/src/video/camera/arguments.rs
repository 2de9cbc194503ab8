//! The arguments with which ffmpeg opens a camera.

use std::ffi::OsString;

use crate::video::capture::{after_input, before_input};
use crate::video::system::System;

/// The mode in which a camera works; what is left out, the camera chooses.
#[derive(Clone, Debug, Default)]
pub(super) struct Mode {
    /// Width and height.
    pub(super) size: Option<(u32, u32)>,
    /// Pictures a second.
    pub(super) rate: Option<f64>,
    /// As ffmpeg calls it: `mjpeg`, `yuyv422`.
    pub(super) format: Option<String>,
}

/// Arguments that open `device`, as the system calls it, and give frames of `output` pixels.
pub(super) fn arguments(
    system: System,
    device: &str,
    mode: &Mode,
    output: (u32, u32),
) -> Vec<OsString> {
    let mut arguments = before_input();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&[
        "-f",
        match system {
            System::Linux => "v4l2",
            System::MacOs => "avfoundation",
            System::Windows => "dshow",
        },
    ]);
    if let Some(format) = &mode.format {
        add(&[format_option(system, format), format]);
    }
    if let Some((width, height)) = mode.size {
        add(&["-video_size", &format!("{width}x{height}")]);
    }
    match (system, mode.rate) {
        (_, Some(rate)) => add(&["-framerate", &rate.to_string()]),
        // AVFoundation asks for 29.97 by itself, which few of its cameras have.
        (System::MacOs, None) => add(&["-framerate", "30"]),
        (_, None) => {}
    }
    match system {
        System::Linux => add(&["-i", device]),
        // Without sound.
        System::MacOs => add(&["-i", &format!("{device}:none")]),
        System::Windows => add(&["-i", &format!("video={device}")]),
    }
    arguments.extend(after_input(output, None));
    arguments
}

/// The option that sets a format. DirectShow has one for raw formats and one for encoded ones.
fn format_option(system: System, format: &str) -> &'static str {
    match system {
        System::Linux => "-input_format",
        System::Windows if matches!(format, "mjpeg" | "h264" | "hevc") => "-vcodec",
        System::MacOs | System::Windows => "-pixel_format",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(system: System, device: &str, mode: &Mode) -> String {
        let words = arguments(system, device, mode, (64, 48));
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn each_system_is_asked_in_its_own_words() {
        let mode = Mode {
            size: Some((1280, 720)),
            rate: Some(30.0),
            format: Some("mjpeg".into()),
        };
        let linux = text(System::Linux, "/dev/video2", &mode);
        assert!(
            linux.contains(
                "-threads 1 -f v4l2 -input_format mjpeg -video_size 1280x720 -framerate 30 -i /dev/video2 -map"
            ),
            "{linux}"
        );
        let macos = text(System::MacOs, "FaceTime HD", &Mode::default());
        assert!(
            macos.contains("-f avfoundation -framerate 30 -i FaceTime HD:none -map"),
            "{macos}"
        );
        let windows = text(System::Windows, "USB Camera", &mode);
        assert!(
            windows.contains("-f dshow -vcodec mjpeg -video_size"),
            "{windows}"
        );
        assert!(windows.contains("-i video=USB Camera -map"), "{windows}");
    }

    #[test]
    fn nothing_holds_a_frame_back() {
        let arguments = text(System::Linux, "/dev/video0", &Mode::default());
        let (before, after) = arguments.split_once(" -i ").expect("an input");
        assert!(before.contains("-threads 1") && after.contains("-threads 1"));
        assert!(!arguments.contains("nobuffer"));
    }
}
