//! Reads what ffmpeg lists.

use super::list::{Camera, CameraFormat};

/// What stands behind ffmpeg's own name in a line: `[video4linux2,v4l2 @ 0x5] Raw : …`.
fn content(line: &str) -> Option<&str> {
    line.split_once(" @ 0x")?
        .1
        .split_once("] ")
        .map(|(_, content)| content)
}

/// The formats of a camera, from ffmpeg's `-list_formats all`:
/// `[video4linux2,v4l2 @ 0x5] Compressed:       mjpeg :          Motion-JPEG : 1280x720 640x480`.
pub(super) fn video4linux(said: &str) -> Vec<CameraFormat> {
    said.lines()
        .filter_map(|line| {
            let (kind, rest) = content(line)?.split_once(':')?;
            let compressed = match kind.trim() {
                "Raw" => false,
                "Compressed" => true,
                _ => return None,
            };
            let (name, rest) = rest.split_once(':')?;
            // The description between may have colons of its own: `YUYV 4:2:2`.
            let sizes = rest.rsplit_once(" :").map_or("", |(_, sizes)| sizes.trim());
            let sizes = match sizes.starts_with('{') {
                true => vec![sizes.to_owned()],
                false => sizes.split_whitespace().map(str::to_owned).collect(),
            };
            Some(CameraFormat {
                name: name.trim().to_owned(),
                compressed,
                sizes,
            })
        })
        .collect()
}

/// The cameras of a Mac, from ffmpeg's `-list_devices true`: `[AVFoundation indev @ 0x7f] [0]
/// FaceTime HD Camera` below the line `AVFoundation video devices:`. They have no better id than
/// their names. Not tried on a Mac.
pub(super) fn avfoundation(said: &str) -> Vec<Camera> {
    said.lines()
        .filter_map(content)
        .skip_while(|line| !line.contains("video devices"))
        .skip(1)
        .take_while(|line| !line.contains("audio devices"))
        .filter_map(|line| line.strip_prefix('[')?.split_once("] "))
        // Screens are listed among the cameras.
        .filter(|(_, name)| !name.starts_with("Capture screen"))
        .map(|(number, name)| Camera {
            id: name.to_owned(),
            name: name.to_owned(),
            path: number.to_owned(),
            formats: Vec::new(),
        })
        .collect()
}

/// The cameras of a Windows machine, from ffmpeg's `-list_devices true`: `[dshow @ 0x0] "USB
/// Camera" (video)`, then `[dshow @ 0x0]   Alternative name "@device_pnp_…"`. Not tried on Windows.
pub(super) fn direct_show(said: &str) -> Vec<Camera> {
    let mut cameras: Vec<Camera> = Vec::new();
    let mut is_camera = false;
    for line in said.lines() {
        // Windows writes addresses without `0x`.
        let Some((_, line)) = line.split_once("] ") else {
            continue;
        };
        let Some(quoted) = line.split('"').nth(1) else {
            continue;
        };
        if line.trim_start().starts_with("Alternative name") {
            if let Some(camera) = cameras.last_mut().filter(|_| is_camera) {
                quoted.clone_into(&mut camera.id);
                quoted.clone_into(&mut camera.path);
            }
            continue;
        }
        is_camera = line.ends_with("(video)");
        if is_camera {
            cameras.push(Camera {
                id: quoted.to_owned(),
                name: quoted.to_owned(),
                path: quoted.to_owned(),
                formats: Vec::new(),
            });
        }
    }
    cameras
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_of_a_camera_are_read() {
        let said = "\
[video4linux2,v4l2 @ 0x55d0] Raw       :     yuyv422 :           YUYV 4:2:2 : 640x480 320x240
[video4linux2,v4l2 @ 0x55d0] Compressed:       mjpeg :          Motion-JPEG : 1280x720
/dev/video0: Immediate exit requested";
        let formats = video4linux(said);
        let names: Vec<_> = formats.iter().map(|format| format.name.as_str()).collect();
        assert_eq!(names, ["yuyv422", "mjpeg"]);
        assert_eq!(formats[0].sizes, ["640x480", "320x240"]);
        assert!(formats[1].compressed && formats[1].sizes == ["1280x720"]);
    }

    #[test]
    fn the_cameras_of_a_mac_are_read() {
        let said = "\
[AVFoundation indev @ 0x7f8] AVFoundation video devices:
[AVFoundation indev @ 0x7f8] [0] FaceTime HD Camera
[AVFoundation indev @ 0x7f8] [1] Capture screen 0
[AVFoundation indev @ 0x7f8] AVFoundation audio devices:
[AVFoundation indev @ 0x7f8] [0] Built-in Microphone
: Input/output error";
        let cameras = avfoundation(said);
        assert_eq!(cameras.len(), 1);
        assert_eq!(cameras[0].id, "FaceTime HD Camera");
    }

    #[test]
    fn the_cameras_of_windows_are_read() {
        let said = "\
[dshow @ 000001f2] \"USB Camera\" (video)
[dshow @ 000001f2]   Alternative name \"@device_pnp_one\"
[dshow @ 000001f2] \"Microphone\" (audio)
[dshow @ 000001f2]   Alternative name \"@device_cm_two\"";
        let cameras = direct_show(said);
        assert_eq!(cameras.len(), 1);
        assert_eq!(
            (cameras[0].name.as_str(), cameras[0].id.as_str()),
            ("USB Camera", "@device_pnp_one")
        );
    }
}
