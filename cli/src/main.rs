//! The `score` program with the built-in nodes.

use std::process::ExitCode;

fn main() -> ExitCode {
    score::run(&score_nodes::registry())
}
