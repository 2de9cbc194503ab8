//! Which program shows pictures, and what it is told.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use score_engine::NodeError;

use crate::programs::is_installed;
use crate::video::ffmpeg::Running;
use crate::video::system::System;

/// Pictures are shown as they come: the program is told a rate that they never reach.
const RATE: &str = "1000";

/// A display answers within this, or its size is not known.
const ANSWER: Duration = Duration::from_secs(2);

/// The title of the window.
const TITLE: &str = "SCORE!";

/// What the patch says of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, score_engine::Choice)]
pub(super) enum Choice {
    Auto,
    Mpv,
    Ffplay,
}

/// What is shown where.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) display: Option<String>,
    pub(super) full_screen: bool,
    /// Left and top.
    pub(super) position: Option<[i32; 2]>,
    /// A loopback device in place of a display.
    pub(super) device: Option<String>,
}

/// Where the run was started.
pub(super) struct Desktop {
    /// Whether there is one; on Linux the variables DISPLAY or WAYLAND_DISPLAY are set then.
    pub(super) is_there: bool,
    pub(super) has: fn(&str) -> bool,
}

impl Desktop {
    /// The one that this program was started from.
    pub(super) fn this() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Desktop {
            is_there: System::this() != System::Linux
                || is_set("DISPLAY")
                || is_set("WAYLAND_DISPLAY"),
            has: is_installed,
        }
    }
}

/// A program that shows pictures, three bytes a pixel, that come to its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Mpv {
        /// Without a desktop it draws on the screen itself.
        is_bare: bool,
    },
    Ffplay {
        /// There is no desktop, which it needs.
        is_bare: bool,
    },
    /// Writes to a device.
    Ffmpeg,
}

/// The program for what the patch says.
///
/// # Errors
/// None that can do it is installed.
pub(super) fn choose(
    choice: Choice,
    shown: &Shown,
    desktop: &Desktop,
) -> Result<Program, NodeError> {
    let has = desktop.has;
    let missing = |what: &str, package: &str| {
        let message = format!("the program {what} is not installed");
        Err(NodeError::missing(
            message,
            format!("install it with `sudo apt install {package}`"),
        ))
    };
    if shown.device.is_some() {
        return match has("ffmpeg") {
            true => Ok(Program::Ffmpeg),
            false => missing("ffmpeg", "ffmpeg"),
        };
    }
    let is_bare = !desktop.is_there && shown.display.is_none();
    match choice {
        Choice::Mpv if !has("mpv") => missing("mpv", "mpv"),
        Choice::Ffplay if !has("ffplay") => missing("ffplay", "ffmpeg"),
        Choice::Ffplay => Ok(Program::Ffplay { is_bare }),
        Choice::Mpv => Ok(Program::Mpv { is_bare }),
        Choice::Auto if has("ffplay") && !is_bare => Ok(Program::Ffplay { is_bare }),
        Choice::Auto if has("mpv") => Ok(Program::Mpv { is_bare }),
        Choice::Auto if has("ffplay") => Ok(Program::Ffplay { is_bare }),
        Choice::Auto => Err(NodeError::missing(
            "neither mpv nor ffplay is installed, and one of them shows the pictures",
            "install one with `sudo apt install mpv` or `sudo apt install ffmpeg`",
        )),
    }
}

impl Program {
    /// What it shows on, as messages name it.
    pub(super) fn name(self, shown: &Shown) -> String {
        match (&shown.device, &shown.display) {
            (Some(device), _) => format!("the loopback device `{device}`"),
            (None, Some(display)) => format!("the screen `{display}`"),
            (None, None) => "the screen".to_owned(),
        }
    }

    /// Its name.
    pub(super) fn program(self) -> &'static str {
        match self {
            Program::Mpv { .. } => "mpv",
            Program::Ffplay { .. } => "ffplay",
            Program::Ffmpeg => "ffmpeg",
        }
    }

    /// How it is started for pictures of this size. Or why it cannot be started now.
    pub(super) fn command(self, shown: &Shown, size: (u32, u32)) -> Result<Command, String> {
        let mut command = Command::new(self.program());
        match self {
            Program::Mpv { is_bare } => mpv(&mut command, shown, size, is_bare),
            Program::Ffplay { is_bare: true } => {
                return Err(
                    "there is no desktop (DISPLAY is not set); install mpv, which shows \
                            pictures without one, or write `display: \":0\"`"
                        .to_owned(),
                );
            }
            Program::Ffplay { is_bare: false } => ffplay(&mut command, shown, size),
            Program::Ffmpeg => loopback(&mut command, shown, size)?,
        }
        if let Some(display) = shown.display.as_ref().filter(|_| self != Program::Ffmpeg) {
            // Under Wayland too, where the patch names an X11 display.
            command
                .env("DISPLAY", display)
                .env_remove("WAYLAND_DISPLAY");
        }
        Ok(command)
    }
}

fn mpv(command: &mut Command, shown: &Shown, (width, height): (u32, u32), is_bare: bool) {
    command.args([
        "--no-config",
        "--really-quiet",
        "--msg-level=all=error",
        "--no-audio",
        "--no-osc",
        "--no-input-default-bindings",
        "--no-input-terminal",
        "--cursor-autohide=always",
        // What comes is shown at once.
        "--untimed",
        "--no-cache",
        "--cache-pause=no",
        "--demuxer-readahead-secs=0",
        "--video-latency-hacks=yes",
        "--demuxer=rawvideo",
        "--demuxer-rawvideo-mp-format=rgb24",
    ]);
    command.arg(format!("--demuxer-rawvideo-w={width}"));
    command.arg(format!("--demuxer-rawvideo-h={height}"));
    command.arg(format!("--demuxer-rawvideo-fps={RATE}"));
    command.arg(format!("--title={TITLE}"));
    if shown.full_screen {
        command.arg("--fullscreen");
    }
    if let Some([left, top]) = shown.position {
        command.arg(format!("--geometry=+{left}+{top}"));
    }
    if is_bare {
        command.arg("--vo=drm");
    } else if System::this() == System::Linux {
        // Where there is no graphics card that it can use, its own choice would be SDL, which ends
        // at once without a window manager.
        command.arg("--vo=gpu,x11,");
    }
    command.arg("-");
}

fn ffplay(command: &mut Command, shown: &Shown, size: (u32, u32)) {
    command.args(["-hide_banner", "-loglevel", "error", "-nostats"]);
    command.args([
        "-fflags",
        "nobuffer",
        "-probesize",
        "32",
        "-analyzeduration",
        "0",
    ]);
    raw_pictures(command, size);
    command.args(["-an", "-sn", "-autoexit", "-window_title", TITLE]);
    let [left, top] = shown.position.unwrap_or_default();
    if shown.position.is_some() || shown.full_screen {
        command.args(["-left", &left.to_string(), "-top", &top.to_string()]);
    }
    if shown.full_screen {
        command.args(["-fs", "-noborder"]);
        // Without a window manager nobody makes a window larger.
        if let Some((width, height)) = screen_size(shown.display.as_deref()) {
            command.args(["-x", &width.to_string(), "-y", &height.to_string()]);
        }
    }
    command.args(["-i", "pipe:0"]);
}

/// What ffmpeg's programs are told of the pictures that come.
fn raw_pictures(command: &mut Command, (width, height): (u32, u32)) {
    command.args(["-f", "rawvideo", "-pixel_format", "rgb24"]);
    command.args([
        "-video_size",
        &format!("{width}x{height}"),
        "-framerate",
        RATE,
    ]);
}

/// Width and height of a whole X11 screen, as ffprobe sees it; `None` where it sees none.
fn screen_size(display: Option<&str>) -> Option<(u32, u32)> {
    let display = display.map_or_else(
        || std::env::var("DISPLAY").ok(),
        |named| Some(named.to_owned()),
    )?;
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-f", "x11grab", "-i", &display]);
    command.args(["-show_entries", "stream=width,height", "-of", "csv=p=0"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = Running(command.spawn().ok()?);
    let until = Instant::now() + ANSWER;
    while child.0.try_wait().ok()?.is_none() {
        // A server that hangs must not hold up whoever waits for this.
        (Instant::now() < until).then_some(())?;
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut text = String::new();
    child.0.stdout.take()?.read_to_string(&mut text).ok()?;
    let (width, height) = text.trim().split_once(',')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// # Errors
/// There is no such device now.
fn loopback(command: &mut Command, shown: &Shown, size: (u32, u32)) -> Result<(), String> {
    let device = shown.device.as_deref().unwrap_or_default();
    if let Err(error) = std::fs::metadata(device) {
        return Err(format!(
            "there is no such device; load the module v4l2loopback ({error})"
        ));
    }
    command.args(["-hide_banner", "-nostats", "-loglevel", "error"]);
    command.args(["-use_wallclock_as_timestamps", "1"]);
    raw_pictures(command, size);
    command.args(["-i", "pipe:0", "-fps_mode", "passthrough"]);
    // Readers of cameras know this format, which has even sides.
    command.args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p"]);
    command.args(["-f", "v4l2", device]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desktop(is_there: bool, has: fn(&str) -> bool) -> Desktop {
        Desktop { is_there, has }
    }

    fn words(program: Program, shown: &Shown) -> String {
        let command = program.command(shown, (320, 180)).unwrap();
        let words = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_program_is_the_one_that_is_asked_for_or_the_best_that_is_there() {
        let shown = Shown::default();
        let all: fn(&str) -> bool = |_| true;
        let none: fn(&str) -> bool = |_| false;
        let only_ffmpeg: fn(&str) -> bool = |name| name != "mpv";
        let chosen = |choice, is_there, has| choose(choice, &shown, &desktop(is_there, has));
        let mpv = |is_bare| Program::Mpv { is_bare };
        let ffplay = |is_bare| Program::Ffplay { is_bare };
        assert_eq!(chosen(Choice::Auto, true, all).unwrap(), ffplay(false));
        assert_eq!(chosen(Choice::Mpv, true, all).unwrap(), mpv(false));
        assert_eq!(chosen(Choice::Auto, false, all).unwrap(), mpv(true));
        assert_eq!(
            chosen(Choice::Auto, true, only_ffmpeg).unwrap(),
            ffplay(false)
        );
        assert_eq!(chosen(Choice::Ffplay, false, all).unwrap(), ffplay(true));
        let why = ffplay(true).command(&shown, (2, 2)).unwrap_err();
        assert!(why.contains("no desktop") && why.contains("mpv"), "{why}");
        for (choice, is_there, has, word) in [
            (Choice::Mpv, true, only_ffmpeg, "mpv is not installed"),
            (Choice::Ffplay, true, none, "ffplay is not installed"),
            (Choice::Auto, true, none, "neither mpv nor ffplay"),
        ] {
            let error = chosen(choice, is_there, has).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.advice().unwrap().contains("apt install"), "{error}");
        }
        let named = Shown {
            display: Some(":1".to_owned()),
            ..Shown::default()
        };
        let found = choose(Choice::Auto, &named, &desktop(false, all)).unwrap();
        assert_eq!(
            found,
            ffplay(false),
            "the display that the patch names is a desktop"
        );
    }

    #[test]
    fn each_program_is_told_the_size_the_place_and_to_show_at_once() {
        let shown = Shown {
            full_screen: true,
            position: Some([1920, -10]),
            // None that is there: its size is not asked.
            display: Some(":4242".to_owned()),
            device: None,
        };
        let mpv = words(Program::Mpv { is_bare: false }, &shown);
        for word in [
            "-rawvideo-w=320",
            "-rawvideo-h=180",
            "--untimed",
            "--fullscreen",
            "=+1920+-10",
        ] {
            assert!(mpv.contains(word), "{mpv}");
        }
        assert!(words(Program::Mpv { is_bare: true }, &shown).contains("--vo=drm -"));
        let ffplay = words(Program::Ffplay { is_bare: false }, &shown);
        for word in [
            "-video_size 320x180",
            "-fs",
            "-left 1920 -top -10",
            "-i pipe:0",
        ] {
            assert!(ffplay.contains(word), "{ffplay}");
        }
        let window = Shown::default();
        assert!(!words(Program::Ffplay { is_bare: false }, &window).contains("-fs"));
        let device = Shown {
            device: Some("/dev/null".to_owned()),
            ..Shown::default()
        };
        let ffmpeg = words(Program::Ffmpeg, &device);
        assert!(ffmpeg.ends_with("-f v4l2 /dev/null"), "{ffmpeg}");
        let gone = Shown {
            device: Some("/dev/there/is/none".to_owned()),
            ..Shown::default()
        };
        assert!(
            Program::Ffmpeg
                .command(&gone, (2, 2))
                .unwrap_err()
                .contains("v4l2loopback")
        );
    }
}
