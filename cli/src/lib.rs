//! The `score` program: reads the command line, and leaves the work to the engine and the nodes.
//!
//! A program of one's own can register further nodes and call [`run`].
#![forbid(unsafe_code)]

mod arguments;
mod capped_file;
mod command;
mod failure;
mod folders;
mod library;
mod log;
mod performance;
mod status;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use score_engine::Registry;

use arguments::{Arguments, Command};

/// Runs the program with the node kinds in `registry` and returns its exit code: 0 when all went well, 1 when
/// something is wrong with what was given, 2 when the command line itself is.
pub fn run(registry: &Registry) -> ExitCode {
    let arguments = Arguments::parse();
    terminal::colour(arguments.common.color);
    let settings = folders::settings(arguments.common.models.as_deref());
    let done = match &arguments.command {
        Command::Film(film) => command::film::run(film, registry, &settings),
        Command::Render(render) => command::render::run(render, registry, &settings),
        Command::Run(run) => command::run::run(run, registry, &settings),
        Command::Check(check) => command::check::run(check, registry, &settings),
        Command::Fmt(fmt) => command::fmt::run(fmt),
        Command::New(new) => command::new::run(new),
        Command::Sample(sample) => command::sample::run(sample, &settings),
        Command::Interpolate(interpolate) => command::interpolate::run(interpolate, &settings),
        Command::Eval(eval) => command::eval::run(eval, registry, &settings),
        Command::Devices(devices) => command::devices::run(devices),
        Command::Nodes(nodes) => command::nodes::run(nodes, registry),
        Command::Models(models) => command::models::run(models, &settings),
        Command::Graph(graph) => command::graph::run(graph, registry, &settings),
        Command::Completions { shell } => command::shell::completions(*shell),
        Command::Man => command::shell::man(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::tell(failure);
            ExitCode::FAILURE
        }
    }
}
