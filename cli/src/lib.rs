//! The `score` program: reads the command line, and leaves the work to the engine and the nodes.
//!
//! A program of one's own can register further nodes and call [`run`]; `cli/examples/own_program.rs` does.
#![forbid(unsafe_code)]

mod arguments;
mod capped_file;
mod command;
mod failure;
mod folders;
mod kinds;
mod library;
mod log;
mod ownership;
mod performance;
mod status;
mod terminal;
mod unhurried;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;
use score_engine::Registry;

use arguments::{Arguments, Command};
use failure::Failure;
use kinds::Kinds;

/// Runs the program with the node kinds in `registry`, and those of the plugins that it finds, and returns its exit code:
/// 0 when all went well, 1 when something is wrong with what was given, 2 when the command line itself is, 3 when a live
/// run ended and not all that it should have kept was.
pub fn run(registry: &Registry) -> ExitCode {
    let arguments = Arguments::parse();
    terminal::colour(arguments.common.color);
    let settings =
        folders::settings(arguments.common.models.as_deref()).strict(arguments.command.is_strict());
    let kinds = Kinds::new(registry, &arguments.common.plugins);
    let done = match &arguments.command {
        Command::Film(film) => command::film::run(film, &kinds, &settings),
        Command::Render(render) => command::render::run(render, &kinds, &settings),
        Command::Run(run) => command::run::run(run, &kinds, &settings),
        Command::Check(check) => command::check::run(check, &kinds, &settings),
        Command::Fmt(fmt) => command::fmt::run(fmt),
        Command::New(new) => command::new::run(new),
        Command::Sample(sample) => command::sample::run(sample, &settings),
        Command::Interpolate(interpolate) => command::interpolate::run(interpolate, &settings),
        Command::Eval(eval) => command::eval::run(eval, &kinds, &settings),
        Command::Devices(devices) => command::devices::run(devices),
        Command::Nodes(nodes) => command::nodes::run(nodes, &kinds),
        Command::Models(models) => command::models::run(models, &settings),
        Command::Plugins(plugins) => command::plugins::run(plugins, &kinds),
        Command::Plugin(plugin) => command::plugin::run(plugin, &kinds),
        Command::Graph(graph) => command::graph::run(graph, &kinds, &settings),
        Command::Completions { shell } => command::shell::completions(*shell),
        Command::Man => command::shell::man(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads, such as `head`, has read enough.
        Err(Failure::Print(why)) if why.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            terminal::tell(failure);
            code
        }
    }
}
