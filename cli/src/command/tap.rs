//! `score tap`: each line of standard input is a beat.

use std::io::{BufRead, IsTerminal, Write};

use serde_json::Value;

use super::steer::refused;
use crate::arguments::Tap;
use crate::failure::Failure;
use crate::remote::connect;
use crate::remote::protocol::Request;
use crate::terminal::{out, tell};

pub(crate) fn run(arguments: &Tap) -> Result<(), Failure> {
    // Whether there is one is said before anybody taps.
    drop(connect(arguments.run.as_deref()).map_err(refused)?);
    if std::io::stdin().is_terminal() {
        tell("press Enter on each beat; Ctrl-D ends");
    }
    let mut lines = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        // A run lets go of those who are silent for some seconds.
        let connection = connect(arguments.run.as_deref()).map_err(refused)?;
        let answer = connection.ask(&Request::Tap).map_err(Failure::Remote)?;
        if let Some(tempo) = answer.get("tempo").and_then(Value::as_f64) {
            writeln!(out(), "{tempo:.1}")?;
        }
    }
}
