//! Shows pictures on a screen, or gives them to a virtual camera.

mod program;
mod show;

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, InputPort, Io, Node, NodeError, Params, Processor,
    Resource,
};

use self::program::{Choice, Desktop, Shown, choose};
use self::show::{Output, Show};

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");

/// Why a parameter is not live.
const STARTED: &str = "the program that shows is started with it";

/// `screen_out`.
#[derive(Clone, Params)]
pub(crate) struct ScreenOut {
    /// an X11 display such as `:0`; left out: the one that the run was started from
    #[param(rebuild = STARTED)]
    display: Option<String>,
    /// fill the screen; else a window
    #[param(rebuild = STARTED, default = true)]
    full_screen: bool,
    /// left and top of the window, as [1920, 0]: so another screen can be chosen
    #[param(rebuild = STARTED, range = -32_768..=32_767, unit = "pixels")]
    position: Option<Vec<i32>>,
    /// the program that shows
    #[param(rebuild = STARTED, default = Choice::Auto)]
    program: Choice,
    /// a video loopback device such as `/dev/video10`, in place of a screen
    #[param(rebuild = STARTED)]
    device: Option<String>,
}

impl ScreenOut {
    fn shown(&self) -> Shown {
        Shown {
            display: self.display.clone(),
            full_screen: self.full_screen,
            position: match self.position.as_deref() {
                Some(&[left, top]) => Some([left, top]),
                _ => None,
            },
            device: self.device.clone(),
        }
    }
}

impl Node for ScreenOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("video", "screen_out", "Shows pictures on a screen, or gives them to a virtual camera")
            .example(
                r#"nodes: {
                    "camera": camera(width: 640, height: 360),
                    "ghost": trails(decay: 1),
                    "wall": screen_out(),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                },
                wires: ["camera -> ghost -> wall", "ghost -> motion -> tune -> piano -> sound"]"#,
            )
            .details(
                "Live only; a render shows nothing, and says so. Each picture is shown as soon as it comes, as large as \
                 the screen allows in its own shape. Nothing waits for the screen: where it is slower than the \
                 pictures, the newest is shown and the others are left out (`dropped_pictures` in the status, beside \
                 `shown_pictures`). \
                 A program shows them, ffplay, which comes with ffmpeg, or mpv (`sudo apt install mpv`): a fault in it \
                 or in a driver cannot stop the music. When it ends or hangs it is started again (`reopened`), and the \
                 same goes for a display that is not there yet. `auto` takes ffplay on a \
                 desktop, and mpv where there is none. When the pictures' size changes, the \
                 program is started again for the new one.\n\n\
                 `device` gives the pictures to programs that read cameras, such as OBS and TouchDesigner, through the \
                 Linux module v4l2loopback: `sudo apt install v4l2loopback-dkms`, then \
                 `sudo modprobe v4l2loopback video_nr=10 exclusive_caps=1`.",
            )
            .input(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.position.as_ref().is_some_and(|place| place.len() != 2) {
            let help = Some("write it as [left, top], for example [1920, 0]".to_owned());
            check.refuse("position", "a position is two numbers", help);
        }
        if let Some(device) = &self.device {
            if !device.starts_with("/dev/") {
                let help = Some("for example `/dev/video10`".to_owned());
                check.refuse("device", format!("`{device}` is not a device"), help);
            }
            check.claim(Resource(format!("the device `{device}`")), Some("device"));
        }
        if let Some(display) = self
            .display
            .as_ref()
            .filter(|display| display.starts_with('-'))
        {
            let help = Some("write it as `:0`, as in the variable DISPLAY".to_owned());
            check.refuse("display", format!("`{display}` is not a display"), help);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if build.ends {
            tracing::warn!(
                node = build.id,
                "a render shows nothing; play the patch with `score run`"
            );
            return Ok(Box::new(Showing { show: None }));
        }
        let shown = self.shown();
        let program = choose(self.program, &shown, &Desktop::this())?;
        let output = Output {
            name: program.name(&shown),
            counters: build.counters.clone(),
            begin: Box::new(move |size| program.command(&shown, size)),
        };
        Ok(Box::new(Showing {
            show: Some(Show::start(output)?),
        }))
    }
}

struct Showing {
    /// `None` in a render.
    show: Option<Show>,
}

impl Processor<ScreenOut> for Showing {
    fn process(&mut self, _params: &ScreenOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let frame = input.read(PICTURES)?;
            if let Some(show) = &self.show {
                show.take(frame.clone());
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Time, Value};
    use serde_json::json;

    use super::*;

    fn render(params: Value) -> Result<(), NodeError> {
        let frame = Frame::rgb(1, 1, vec![1, 2, 3]).unwrap();
        let pictures = vec![(Time::ZERO, Payload::Frame(frame.into()))];
        let end = Time::from_seconds(1.0);
        let harness = Harness::<ScreenOut>::new(params);
        harness
            .feed("frames", PortType::Frame, pictures, end)
            .run()
            .map(|_| ())
    }

    #[test]
    fn a_render_shows_nothing_and_ends_well() {
        render(json!({})).unwrap();
    }

    #[test]
    fn what_is_no_place_display_or_device_is_refused() {
        for (params, word) in [
            (json!({ "position": [1] }), "two numbers"),
            (json!({ "device": "video10" }), "not a device"),
            (json!({ "display": "-fs" }), "not a display"),
        ] {
            let refused = render(params).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
