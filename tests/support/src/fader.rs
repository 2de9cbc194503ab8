//! A MIDI fader at JACK that goes up and down, as a desk's does under a hand.
//!
//! JACK's library takes the server's name from the environment only, so it is a program of its own:
//! this one, started once more. It ends when its standard input does.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jack::contrib::ClosureProcessHandler;
use jack::{Client, ClientOptions, Control, MidiOut, ProcessScope, RawMidi};

use crate::helper;
use crate::jack::{Jack, Running};

/// What asks for it in the environment of the program.
pub const ASKED: &str = "SCORE_FADER";

/// Its port.
pub const PORT: &str = "fader:out";

/// The number of its controller, on the first channel.
pub const NUMBER: u8 = 21;

/// Moves a fader, if this program was started for that, until its standard input ends.
pub fn move_if_asked() -> bool {
    if std::env::var_os(ASKED).is_none() {
        return false;
    }
    let (client, _) = Client::new("fader", ClientOptions::NO_START_SERVER).unwrap();
    let mut port = client.register_port("out", MidiOut::default()).unwrap();
    let mut value = 0_u8;
    let process = move |_: &Client, scope: &ProcessScope| {
        value = (value + 1) % 128;
        let bytes = [0xB0, NUMBER, value];
        let _ = port.writer(scope).write(&RawMidi {
            time: 0,
            bytes: &bytes,
        });
        Control::Continue
    };
    let active = client.activate_async((), ClosureProcessHandler::new(process));
    let over = helper::asked_to_end();
    while !over.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(active);
    // A server that is gone would be waited for.
    std::process::exit(0);
}

/// Starts the fader; `test` is the name of the test that stands for it.
pub fn start(jack: &Jack, folder: &Path, test: &str) -> Running {
    let mut command = jack.tool(&helper::this_program().display().to_string());
    let fader = helper::prepare(&mut command, test, ASKED, folder);
    let fader = Running::start(fader.stderr(Stdio::null()));
    jack.until_port(PORT);
    fader
}
