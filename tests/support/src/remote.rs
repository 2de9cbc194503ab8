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

    /// Asks for something over a connection of its own, and gives the answer.
    pub fn ask(&self, request: &Value) -> Value {
        self.connect().ask(request)
    }

    /// A connection that lasts.
    pub fn connect(&self) -> Connection {
        let stream = UnixStream::connect(&self.0).expect("the run listens");
        Connection(BufReader::new(stream))
    }

    /// Sets a parameter at once.
    pub fn set(&self, node: &str, param: &str, value: &str) {
        self.connect().set(node, param, value);
    }
}

/// A connection to a run.
pub struct Connection(BufReader<UnixStream>);

impl Connection {
    /// Asks for something, and gives the answer.
    pub fn ask(&mut self, request: &Value) -> Value {
        // As one piece: a socket takes every small write for a message of its own.
        let line = format!("{}\n", json!({ "version": 1, "request": request }));
        self.0.get_mut().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Sets a parameter at once.
    pub fn set(&mut self, node: &str, param: &str, value: &str) {
        let setting = json!({ "node": node, "param": param, "value": value });
        let answer = self.ask(&json!({ "set": { "values": [setting] } }));
        assert!(answer.get("ok").is_some(), "{answer}");
    }
}
