//! A sound server without sound hardware, and programs that run on it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{program, text};

/// Frames a second of every server here.
pub const RATE: u32 = 48_000;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until no other test plays; none does while the result lives.
pub fn take_turn() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// JACK's server with the dummy driver, under a name of its own.
pub struct Jack {
    name: String,
    server: Child,
    period: u32,
    _turn: MutexGuard<'static, ()>,
}

/// Ends a program as Ctrl-C does, and waits for it.
pub fn interrupt(child: &mut Child) -> std::process::ExitStatus {
    signal(child, "INT");
    wait(child)
}

/// Sends a program the signal of this name.
pub fn signal(child: &Child, name: &str) {
    // The shell has its own `kill`; the program of that name is not on every computer.
    Command::new("sh")
        .args(["-c", r#"kill -"$0" "$1""#, name, &child.id().to_string()])
        .status()
        .expect("a shell is there");
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("a program does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Jack {
    /// Starts a server with periods of `period` frames; `None`, and a line that says so, where JACK
    /// is not installed.
    pub fn start(period: u32) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if Command::new("jackd").arg("--version").output().is_err() {
            eprintln!("skipped: jackd is not installed (apt install jackd2)");
            return None;
        }
        let turn = take_turn();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("score-{}-{number}", std::process::id());
        let server = Self::serve(&name, period);
        let jack = Jack {
            name,
            server,
            period,
            _turn: turn,
        };
        jack.until_port("system:playback_1");
        Some(jack)
    }

    fn serve(name: &str, period: u32) -> Child {
        Command::new("jackd")
            // Where real-time scheduling is refused, it goes on without. Its ports lie in memory
            // that every client maps and counts as its own: 2048 of them, as it has by itself, are
            // 52 MB.
            .args(["-R", "-P20", "-p", "128", "-n", name, "-d", "dummy"])
            .args(["-r", &RATE.to_string(), "-p", &period.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("jackd starts")
    }

    /// Kills the server without a warning.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Has the server stand still, or go on.
    pub fn hold(&self, still: bool) {
        signal(&self.server, if still { "STOP" } else { "CONT" });
    }

    /// Starts the server anew, under the same name.
    pub fn restart(&mut self) {
        self.server = Self::serve(&self.name, self.period);
        self.until_port("system:playback_1");
    }

    /// One of JACK's own programs, on this server.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("JACK_DEFAULT_SERVER", &self.name);
        command
    }

    /// The program `score` in `folder`, on this server.
    pub fn score(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = program(folder, arguments);
        command.env("JACK_DEFAULT_SERVER", &self.name);
        command
    }

    /// Waits until the server has a port of this name.
    pub fn until_port(&self, port: &str) {
        let started = Instant::now();
        loop {
            let output = self.tool("jack_lsp").output().expect("jack_lsp runs");
            if text(&output.stdout).lines().any(|line| line == port) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "`{port}` does not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Jack {
    fn drop(&mut self) {
        // Asked kindly, it takes its shared memory with it.
        signal(&self.server, "TERM");
        let _ = self.server.wait();
    }
}

/// A program that is ended with the test, whatever comes.
pub struct Running(pub Child);

impl Running {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Self {
        Running(command.spawn().expect("the program starts"))
    }

    /// Ends it as Ctrl-C does, and demands that it ends well.
    pub fn drain(mut self) {
        let status = interrupt(&mut self.0);
        assert!(status.success(), "{status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
