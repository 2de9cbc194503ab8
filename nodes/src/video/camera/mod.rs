//! Takes pictures from a camera.

mod arguments;
mod formats;
mod list;

use std::path::Path;
use std::time::Duration;

use score_engine::{Build, Check, Descriptor, Node, NodeError, Params, Processor, Resource};

use self::arguments::{Mode, arguments};
pub use self::list::{Camera, CameraFormat, cameras};
use self::list::{list, resolve};
use super::capture::{Captured, Captures, Capturing, PICTURES, Source, require_live, tell_shape};
use super::system::System;

/// Cameras take their time to wake up: to measure the light, to start the sensor.
const OPENING: Duration = Duration::from_secs(6);

/// Why a parameter is not live.
const OPENED: &str = "the camera is opened with it";

/// `camera`.
#[derive(Clone, Params)]
pub(crate) struct CameraNode {
    /// the camera; left out: the first
    #[param(rebuild = OPENED)]
    device: Option<String>,
    /// width and height in which the camera works, as [1280, 720]
    #[param(rebuild = OPENED, range = 1..=16_384, unit = "pixels")]
    size: Option<Vec<u32>>,
    /// pictures per second that the camera is asked for
    #[param(rebuild = OPENED, range = 0.1..=1000.0, unit = "Hz")]
    rate: Option<f64>,
    /// format in which the camera delivers: `mjpeg`, `yuyv422`
    #[param(rebuild = OPENED)]
    format: Option<String>,
    #[param(nested)]
    captured: Captured,
}

impl CameraNode {
    /// Width and height, where two are given.
    fn size(&self) -> Option<(u32, u32)> {
        match self.size.as_deref() {
            Some(&[width, height]) => Some((width, height)),
            _ => None,
        }
    }
}

impl Captures for CameraNode {
    fn captured(&self) -> &Captured {
        &self.captured
    }
}

impl Node for CameraNode {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("video", "camera", "Takes pictures from a camera")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["camera -> motion -> tune -> piano -> sound"]"#,
            )
            .details(
                "Live only. `score devices` lists the cameras with the names to use. `device` is a \
                 camera's stable id, which stays the same in any socket and after any restart of \
                 the computer; the name that it gives itself; its number; or its path, such as \
                 `/dev/video0`. Left out, it is the first camera.\n\n\
                 A camera that is missing at the start, is unplugged or gives no picture for \
                 `timeout` is opened again, at first almost at once, then at growing intervals of \
                 up to 4 seconds. The last picture stays meanwhile, and everything else keeps \
                 playing.\n\n\
                 `size`, `rate` and `format` choose one of the camera's own modes, which `score \
                 devices` lists; pictures are then scaled to `width` × `height`. A raw format such \
                 as `yuyv422` saves the decoding, `mjpeg` often allows more pictures a second.\n\n\
                 On Linux through Video4Linux2. macOS (AVFoundation) and Windows (DirectShow) are \
                 implemented but were never tried.",
            )
            .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.size.is_some() && self.size().is_none() {
            let help = Some("write it as [1280, 720]".to_owned());
            check.refuse("size", "a size is a width and a height", help);
        }
        let is_word = |format: &String| {
            let mut letters = format.chars();
            !format.is_empty()
                && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        if let Some(format) = self.format.as_ref().filter(|format| !is_word(format)) {
            let help = Some("`score devices` lists the formats of each camera".to_owned());
            check.refuse("format", format!("`{format}` is not a format"), help);
        }
        // The same camera may be named in several ways; one that is not there cannot be compared.
        let named = self.device.clone().unwrap_or_else(|| "the first".into());
        let device = match System::this() {
            System::Linux => {
                resolve(self.device.as_deref(), &list(Path::new("/"))).unwrap_or(named)
            }
            System::MacOs | System::Windows => named,
        };
        check.claim(
            Resource(format!("the camera {device}")),
            self.device.as_ref().map(|_| "device"),
        );
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        require_live(build, "a camera")?;
        if let Some((width, height)) = self.size() {
            tell_shape(build.counters, f64::from(width) / f64::from(height));
        }
        let (device, output) = (self.device.clone(), self.captured.size());
        let mode = Mode {
            size: self.size(),
            rate: self.rate,
            format: self.format.clone(),
        };
        Capturing::start(Source {
            name: match &self.device {
                Some(device) => format!("the camera `{device}`"),
                None => "the camera".into(),
            },
            program: "ffmpeg",
            begin: Box::new(move || {
                let system = System::this();
                let device = find(system, device.as_deref())?;
                Ok(arguments(system, &device, &mode, output).into())
            }),
            size: output,
            timeout: self.captured.timeout(),
            opening: OPENING,
            counters: build.counters.clone(),
            explain: Box::new(|| None),
            hidden: None,
        })
    }
}

/// What the system calls the camera now.
fn find(system: System, device: Option<&str>) -> Result<String, String> {
    match (system, device) {
        (System::Linux, device) => resolve(device, &list(Path::new("/"))),
        (_, Some(device)) => Ok(device.to_owned()),
        (System::MacOs, None) => Ok("0".into()),
        (System::Windows, None) => cameras()
            .into_iter()
            .next()
            .map(|camera| camera.id)
            .ok_or_else(|| "no camera is connected".into()),
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;

    fn refusal(params: serde_json::Value) -> String {
        let error = Harness::<CameraNode>::new(params)
            .run()
            .expect_err("refused");
        error.to_string()
    }

    #[test]
    fn a_camera_is_not_rendered() {
        assert!(refusal(json!({})).contains("only in a live run"));
    }

    #[test]
    fn a_mode_that_cannot_be_is_refused() {
        assert!(refusal(json!({ "size": [1280] })).contains("a width and a height"));
        assert!(refusal(json!({ "format": "-i /etc/passwd" })).contains("is not a format"));
    }
}
