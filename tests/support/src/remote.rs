//! Steers a run through its socket, as `score set` does, without a program for each value.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The socket of a run.
pub struct Remote(PathBuf);

impl Remote {
    pub fn new(socket: &Path) -> Self {
        Remote(socket.to_owned())
    }

    /// Asks for something, and gives the answer.
    pub fn ask(&self, request: &Value) -> Value {
        let mut stream = UnixStream::connect(&self.0).expect("the run listens");
        let line = json!({ "version": 1, "request": request });
        writeln!(stream, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Sets a parameter at once.
    pub fn set(&self, node: &str, param: &str, value: &str) {
        let setting = json!({ "node": node, "param": param, "value": value });
        let answer = self.ask(&json!({ "set": { "values": [setting] } }));
        assert!(answer.get("ok").is_some(), "{answer}");
    }
}
