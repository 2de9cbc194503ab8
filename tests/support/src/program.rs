//! The program that is tested, started as a user starts it.

use std::env::consts::EXE_SUFFIX;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::house;

/// How long a program may take to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder into which cargo has put the program: the one above that of the tests, since only
/// they themselves are told its name while they are compiled.
pub fn built() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// Runs the program in `folder` and waits for it.
pub fn score(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().expect("score starts")
}

/// The program, to be run in `folder`; a test may change its environment first.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let house = house();
    let mut command = Command::new(built().join(format!("score{EXE_SUFFIX}")));
    command
        .current_dir(folder)
        .args(arguments)
        .env("SCORE_MODELS", house.join("models"))
        // `score set` of whoever runs the tests finds no run of theirs.
        .env("SCORE_RUNTIME_DIR", built().join("sockets"));
    for colours in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(colours);
    }
    // The program may be built outside the house, where it does not find what `make runtime`
    // fetched.
    let runtime = std::fs::read_dir(house.join("runtime"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    if let Some(library) = runtime
        .into_iter()
        .find(|path| path.to_string_lossy().contains(".so"))
    {
        command.env("ORT_DYLIB_PATH", library);
    }
    command
}

/// A program that runs on and says something from time to time. It is ended with this value.
pub struct Talking {
    program: Child,
    lines: mpsc::Receiver<String>,
}

impl Talking {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut program = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, lines) = mpsc::channel();
        let ends: [Box<dyn Read + Send>; 2] = [
            Box::new(program.stdout.take().unwrap()),
            Box::new(program.stderr.take().unwrap()),
        ];
        for end in ends {
            let told = told.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(end).lines().map_while(Result::ok) {
                    let _ = told.send(line);
                }
            });
        }
        Talking { program, lines }
    }

    /// Waits until it says a line with `wanted` in it.
    pub fn until(&self, wanted: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("`{wanted}` was not told"));
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// Sends it a signal, by the name that `kill` has for it.
    pub fn signal(&self, name: &str) {
        let id = self.program.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < within, "it has not ended");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What was printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
