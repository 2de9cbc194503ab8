//! Takes pictures of the screen.

use std::ffi::OsString;
use std::time::Duration;

use score_engine::{Build, Check, Descriptor, Node, NodeError, Params, Processor};

use super::capture::{
    Captured, Captures, Capturing, PICTURES, Source, Start, after_input, before_input,
    require_live, tell_shape,
};
use super::system::System;

/// A screen is there at once.
const OPENING: Duration = Duration::from_secs(3);

/// Why a parameter is not live.
const STARTED: &str = "ffmpeg is started with it";

/// `screen`.
#[derive(Clone, Params)]
pub(crate) struct Screen {
    /// the screen: an X11 display such as `:0`, on macOS a number; left out: the one that the run
    /// was started from
    #[param(rebuild = STARTED)]
    display: Option<String>,
    /// left, top, width and height of the part that is seen, as [0, 0, 1280, 720]; left out: all
    /// of it
    #[param(rebuild = STARTED, range = 0..=65_535, unit = "pixels")]
    area: Option<Vec<u32>>,
    /// pictures per second
    #[param(rebuild = STARTED, range = 0.1..=240.0, unit = "Hz", default = 25.0)]
    rate: f64,
    /// whether the mouse pointer is seen
    #[param(rebuild = STARTED, default = false)]
    pointer: bool,
    #[param(nested)]
    captured: Captured,
}

/// A part of a screen, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// What is captured of which screen.
#[derive(Clone, Debug)]
struct View {
    display: Option<String>,
    area: Option<Area>,
    rate: f64,
    pointer: bool,
}

impl Screen {
    fn area(&self) -> Option<Area> {
        match self.area.as_deref() {
            Some(&[left, top, width, height]) if width > 0 && height > 0 => Some(Area {
                left,
                top,
                width,
                height,
            }),
            _ => None,
        }
    }
}

impl Captures for Screen {
    fn captured(&self) -> &Captured {
        &self.captured
    }
}

impl Node for Screen {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("video", "screen", "Takes pictures of the screen")
            .example(
                r#"nodes: {
                    "screen": screen(),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["screen -> motion -> tune -> piano -> sound"]"#,
            )
            .details(
                "Live only. On Linux it captures an X11 screen; under Wayland only the windows of \
                 X11 programs are seen. macOS (AVFoundation) and Windows (GDI) are implemented but \
                 were never tried. A screen that goes away is opened again as soon as it is back; \
                 the last picture stays meanwhile.",
            )
            .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.area.is_some() && self.area().is_none() {
            let help = Some(
                "write it as [left, top, width, height], for example [0, 0, 1280, 720]".to_owned(),
            );
            check.refuse("area", "an area is four numbers, and not empty", help);
        }
        if let Some(display) = self.display.as_ref().filter(|display| !is_display(display)) {
            let help = Some(
                "write it as `:0`, as in the variable DISPLAY; on macOS as a number".to_owned(),
            );
            check.refuse("display", format!("`{display}` is not a display"), help);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        require_live(build, "a screen")?;
        if let Some(area) = self.area() {
            let shape = f64::from(area.width) / f64::from(area.height);
            tell_shape(build.counters, shape);
        }
        let output = self.captured.size();
        let view = View {
            display: self.display.clone(),
            area: self.area(),
            rate: self.rate,
            pointer: self.pointer,
        };
        Capturing::start(Source {
            name: "the screen".into(),
            program: "ffmpeg",
            begin: Box::new(move || {
                // ffmpeg would take the variable itself, but an area needs a name before it.
                let display = view
                    .display
                    .clone()
                    .or_else(|| std::env::var("DISPLAY").ok());
                Ok(Start {
                    proxy: None,
                    arguments: arguments(System::this(), display.as_deref(), &view, output)?,
                    is_there: server(display.as_deref()),
                })
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

/// Tells whether the X11 server of a display on this machine is still the one that it is now.
/// ffmpeg does not notice when it ends: it repeats the last picture forever. Nothing is known of
/// other displays, so they count as there.
fn server(display: Option<&str>) -> Box<dyn Fn() -> bool + Send> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        use std::os::unix::net::UnixStream;

        let number = display.and_then(|display| display.strip_prefix(':'));
        let number = number.and_then(|number| number.split('.').next());
        let socket = number.map(|number| format!("/tmp/.X11-unix/X{number}"));
        // A server that starts makes a new socket.
        let birth = |socket: &str| {
            let of = std::fs::metadata(socket).ok()?;
            Some((of.ino(), of.ctime(), of.ctime_nsec()))
        };
        if let Some(socket) = socket
            && let Some(born) = birth(&socket)
        {
            return Box::new(move || {
                birth(&socket) == Some(born) && UnixStream::connect(&socket).is_ok()
            });
        }
    }
    #[cfg(not(unix))]
    let _ = display;
    Box::new(|| true)
}

/// `:0`, `:1.0`, `host:0`, or a number.
fn is_display(display: &str) -> bool {
    let number = display
        .rsplit_once(':')
        .map_or(display, |(_, number)| number);
    let digits = |text: &str| !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
    let host = display.rsplit_once(':').map_or("", |(host, _)| host);
    !host.starts_with('-')
        && match number.split_once('.') {
            Some((server, screen)) => digits(server) && digits(screen),
            None => digits(number),
        }
}

/// Arguments that capture the screen. Or why it cannot be captured now.
fn arguments(
    system: System,
    display: Option<&str>,
    view: &View,
    output: (u32, u32),
) -> Result<Vec<OsString>, String> {
    let mut arguments = before_input();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    let (rate, pointer) = (view.rate.to_string(), if view.pointer { "1" } else { "0" });
    let size = view
        .area
        .map(|area| format!("{}x{}", area.width, area.height));
    let mut crop = None;
    match system {
        System::Linux => {
            let display = display.ok_or(
                "there is no X11 display: the variable DISPLAY is not set, and the patch names none",
            )?;
            add(&["-f", "x11grab", "-framerate", &rate, "-draw_mouse", pointer]);
            if let Some(size) = &size {
                add(&["-video_size", size]);
            }
            let offset = view.area.map(|area| format!("+{},{}", area.left, area.top));
            add(&["-i", &format!("{display}{}", offset.unwrap_or_default())]);
        }
        System::MacOs => {
            add(&[
                "-f",
                "avfoundation",
                "-framerate",
                &rate,
                "-capture_cursor",
                pointer,
            ]);
            let number = view.display.as_deref().unwrap_or("0");
            add(&["-i", &format!("Capture screen {number}:none")]);
            crop = view.area.map(|area| {
                let Area {
                    left,
                    top,
                    width,
                    height,
                } = area;
                format!("crop={width}:{height}:{left}:{top}")
            });
        }
        System::Windows => {
            add(&["-f", "gdigrab", "-framerate", &rate, "-draw_mouse", pointer]);
            if let (Some(area), Some(size)) = (view.area, &size) {
                let (left, top) = (area.left.to_string(), area.top.to_string());
                add(&["-offset_x", &left, "-offset_y", &top, "-video_size", size]);
            }
            add(&["-i", "desktop"]);
        }
    }
    arguments.extend(after_input(output, crop));
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;

    fn text(system: System, display: Option<&str>, area: Option<Area>) -> String {
        let view = View {
            display: None,
            area,
            rate: 25.0,
            pointer: true,
        };
        let words = arguments(system, display, &view, (64, 48)).unwrap();
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn each_system_is_asked_in_its_own_words() {
        let area = Some(Area {
            left: 10,
            top: 20,
            width: 300,
            height: 200,
        });
        let linux = text(System::Linux, Some(":0"), area);
        assert!(
            linux.contains(
                "-f x11grab -framerate 25 -draw_mouse 1 -video_size 300x200 -i :0+10,20 -map"
            ),
            "{linux}"
        );
        let macos = text(System::MacOs, None, area);
        assert!(macos.contains("-i Capture screen 0:none"), "{macos}");
        assert!(macos.contains("-vf crop=300:200:10:20,scale"), "{macos}");
        let windows = text(System::Windows, None, None);
        assert!(
            windows.contains("-f gdigrab") && windows.contains("-i desktop"),
            "{windows}"
        );
    }

    #[test]
    fn what_is_no_area_or_display_is_refused() {
        let refusal = |params: serde_json::Value| {
            let error = Harness::<Screen>::new(params).run().expect_err("refused");
            error.to_string()
        };
        assert!(refusal(json!({ "area": [0, 0, 0, 5] })).contains("four numbers"));
        assert!(refusal(json!({ "area": [0, 0] })).contains("four numbers"));
        assert!(refusal(json!({ "display": "-y:0" })).contains("is not a display"));
        assert!(refusal(json!({ "display": "somewhere" })).contains("is not a display"));
        assert!(refusal(json!({ "display": ":0" })).contains("only in a live run"));
    }
}
