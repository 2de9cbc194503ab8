//! Which cameras there are.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;

use super::formats::{avfoundation, direct_show, video4linux};
use crate::video::ffmpeg::start;
use crate::video::system::System;

/// A camera that is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Camera {
    /// The name for a patch: stays the same in any socket and after any start of the machine,
    /// where the camera allows it.
    pub id: String,
    /// What the camera calls itself; several of one make have the same.
    pub name: String,
    /// Where it is now: `/dev/video0`. May change when it is plugged in again.
    pub path: String,
    /// In which formats it delivers; empty where it does not say, for example while another
    /// program has it.
    pub formats: Vec<CameraFormat>,
}

/// A format of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CameraFormat {
    /// As the parameter `format` takes it: `mjpeg`, `yuyv422`.
    pub name: String,
    /// Whether pictures come encoded.
    pub compressed: bool,
    /// Sizes in pixels, as `1280x720`, or a range in the system's own words.
    pub sizes: Vec<String>,
}

/// Every camera that is connected, with its formats; none where there are none or ffmpeg is
/// missing. Opens each camera for a moment, which disturbs nobody who has it open.
pub fn cameras() -> Vec<Camera> {
    match System::this() {
        System::Linux => {
            let mut cameras = list(Path::new("/"));
            for camera in &mut cameras {
                let said = ask(&["-f", "v4l2", "-list_formats", "all", "-i", &camera.path]);
                camera.formats = video4linux(&said);
            }
            cameras
        }
        System::MacOs => avfoundation(&ask(&[
            "-f",
            "avfoundation",
            "-list_devices",
            "true",
            "-i",
            "",
        ])),
        System::Windows => direct_show(&ask(&[
            "-f",
            "dshow",
            "-list_devices",
            "true",
            "-i",
            "dummy",
        ])),
    }
}

/// What ffmpeg says when it is asked for a list. It ends such an answer with an error, which means
/// nothing.
fn ask(arguments: &[&str]) -> String {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin"]).args(arguments);
    start("ffmpeg", Stdio::null(), &mut command)
        .ok()
        .and_then(|child| child.wait_with_output().ok())
        .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
        .unwrap_or_default()
}

/// The cameras that Video4Linux knows, without their formats, by number; `root` is `/` except in
/// tests.
pub(super) fn list(root: &Path) -> Vec<Camera> {
    let Ok(entries) = fs::read_dir(root.join("sys/class/video4linux")) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, Camera)> = entries
        .flatten()
        .filter_map(|entry| {
            let device = entry.file_name().to_str()?.to_owned();
            let number = device.strip_prefix("video")?.parse().ok()?;
            let said = |file: &str| {
                let text = fs::read_to_string(entry.path().join(file)).ok()?;
                Some(text.trim().to_owned())
            };
            // A camera's further devices give no pictures but data about them.
            if said("index").is_some_and(|index| index != "0") {
                return None;
            }
            let path = format!("/dev/{device}");
            Some((
                number,
                Camera {
                    id: stable_id(root, &device).unwrap_or_else(|| path.clone()),
                    name: said("name").unwrap_or_else(|| device.clone()),
                    path,
                    formats: Vec::new(),
                },
            ))
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, camera)| camera).collect()
}

/// The name under which udev links to `device` by what the camera is, not by where it is plugged
/// in.
fn stable_id(root: &Path, device: &str) -> Option<String> {
    let links = fs::read_dir(root.join("dev/v4l/by-id")).ok()?;
    let mut names: Vec<String> = links
        .flatten()
        .filter(|link| {
            let target = fs::read_link(link.path());
            target.is_ok_and(|target| target.file_name().is_some_and(|name| name == device))
        })
        .filter_map(|link| link.file_name().into_string().ok())
        .collect();
    names.sort();
    names.into_iter().next()
}

/// Where the camera called `device` is now; the first one if none is named. Or why there is none.
pub(super) fn resolve(device: Option<&str>, cameras: &[Camera]) -> Result<String, String> {
    let Some(device) = device else {
        let first = cameras.first().map(|camera| camera.path.clone());
        return first.ok_or_else(|| "no camera is connected".into());
    };
    if device.starts_with('/') {
        return match Path::new(device).exists() {
            true => Ok(device.to_owned()),
            false => Err(format!("there is no `{device}`")),
        };
    }
    let numbered = device
        .parse::<u32>()
        .map(|number| format!("/dev/video{number}"));
    let matches: [&dyn Fn(&Camera) -> bool; 4] = [
        &|camera| numbered.as_ref() == Ok(&camera.path),
        &|camera| camera.id == device,
        &|camera| camera.name == device,
        &|camera| camera.name.eq_ignore_ascii_case(device),
    ];
    let found = matches
        .iter()
        .find_map(|fits| cameras.iter().find(|camera| fits(camera)));
    found.map(|camera| camera.path.clone()).ok_or_else(|| {
        let names: Vec<_> = cameras.iter().map(|camera| camera.id.as_str()).collect();
        match names.is_empty() {
            true => "no camera is connected".into(),
            false => format!("it is not connected; connected are: {}", names.join(", ")),
        }
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine with two cameras of one make; each has a second device for data.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let links = root.path().join("dev/v4l/by-id");
        fs::create_dir_all(&links).unwrap();
        for (number, index, serial) in [(10, 0, "B"), (2, 0, "A"), (3, 1, "A")] {
            let device = format!("video{number}");
            let folder = root.path().join("sys/class/video4linux").join(&device);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("name"), "HD Webcam: HD Webcam\n").unwrap();
            fs::write(folder.join("index"), format!("{index}\n")).unwrap();
            let link = format!("usb-Maker_HD_Webcam_{serial}-video-index{index}");
            symlink(format!("../../{device}"), links.join(link)).unwrap();
        }
        root
    }

    #[test]
    fn cameras_are_listed_by_number_with_their_stable_ids_and_without_their_data_devices() {
        let machine = machine();
        let cameras = list(machine.path());
        let ids: Vec<_> = cameras
            .iter()
            .map(|camera| (camera.id.as_str(), camera.path.as_str()))
            .collect();
        assert_eq!(
            ids,
            [
                ("usb-Maker_HD_Webcam_A-video-index0", "/dev/video2"),
                ("usb-Maker_HD_Webcam_B-video-index0", "/dev/video10"),
            ]
        );
        assert_eq!(cameras[0].name, "HD Webcam: HD Webcam");
    }

    #[test]
    fn a_machine_without_cameras_has_an_empty_list() {
        assert_eq!(list(tempfile::tempdir().unwrap().path()), []);
    }

    #[test]
    fn a_camera_is_found_by_id_name_number_or_as_the_first() {
        let machine = machine();
        let cameras = list(machine.path());
        let found = |device| resolve(device, &cameras);
        assert_eq!(found(None).unwrap(), "/dev/video2");
        assert_eq!(found(Some("10")).unwrap(), "/dev/video10");
        assert_eq!(
            found(Some("usb-Maker_HD_Webcam_B-video-index0")).unwrap(),
            "/dev/video10"
        );
        assert_eq!(found(Some("hd webcam: hd webcam")).unwrap(), "/dev/video2");
        assert!(
            found(Some("3"))
                .unwrap_err()
                .contains("usb-Maker_HD_Webcam_A")
        );
        assert!(
            found(Some("/dev/no such"))
                .unwrap_err()
                .contains("there is no")
        );
        assert_eq!(resolve(None, &[]).unwrap_err(), "no camera is connected");
    }
}
