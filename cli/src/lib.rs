//! The `score` program: reads the command line, and leaves the work to the engine and the nodes.
//!
//! A program of one's own can register further nodes and call [`run`];
//! `cli/examples/own_program.rs` does.
#![forbid(unsafe_code)]

mod arguments;
mod background_queue;
mod capped_file;
mod command;
mod failure;
mod folders;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod kinds;
mod library;
mod log;
#[cfg(feature = "osc")]
mod osc;
mod overload;
mod ownership;
#[cfg(feature = "page")]
mod page;
mod remote;
mod rendering;
mod service;
mod signals;
mod status;
mod terminal;
#[cfg(test)]
mod testing;
mod users;
#[cfg(feature = "web")]
mod web;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use score_engine::Registry;
use serde_json::{Value, json};

use arguments::{Arguments, Command};
use failure::Failure;
use kinds::Kinds;

/// Runs the program with the node kinds in `registry`, and those of the plugins that it finds, and
/// returns its exit code: 0 when all went well, 1 when something is wrong with what was given, 2
/// when the command line itself is, 3 when a live run ended and not all that it should have kept
/// was, 65 and 75 when a batch is not done. A live run that a second signal ends at once leaves with
/// 130.
pub fn run(registry: &Registry) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(wrong) => return refused(&wrong),
    };
    terminal::colour(arguments.common.color);
    signals::survive_file_limits();
    signals::end_with_starter();
    let settings =
        folders::settings(arguments.common.models.as_deref()).strict(arguments.command.is_strict());
    let kinds = Kinds::new(registry, &arguments.common);
    let done = match &arguments.command {
        #[cfg(feature = "page")]
        Command::Film(film) if film.page.page.is_some() => {
            command::page::film(film, &arguments.common, &kinds)
        }
        Command::Film(film) => command::film::run(film, &kinds, &settings),
        Command::Batch(batch) => command::batch::run(batch, &arguments.common, &kinds, &settings),
        Command::Render(render) => command::render::run(render, &kinds, &settings),
        Command::Run(run) => command::run::run(run, kinds.into_owned(), &settings),
        Command::Replay(replay) => command::replay::run(replay, &kinds, &settings),
        Command::Bounce(bounce) => command::replay::bounce(bounce, &kinds, &settings),
        Command::Set(set) => command::steer::set(set),
        Command::Preset(preset) => command::preset::run(preset, &kinds, &settings),
        Command::Cue(cue) => command::cue::run(cue),
        Command::Tap(tap) => command::tap::run(tap),
        Command::Get(get) => command::steer::get(get),
        Command::Release(release) => command::steer::release(release),
        Command::WriteBack(write) => command::write_back::run(write, &kinds, &settings),
        Command::Learn(learn) => command::learn::run(learn, &kinds, &settings),
        Command::Status(status) => command::steer::status(status),
        Command::Service(service) => command::service::run(service, &kinds, &settings),
        #[cfg(feature = "page")]
        Command::Page(page) => command::page::run(page, &arguments.common, &kinds),
        Command::Check(check) => command::check::run(check, &kinds, &settings),
        Command::Fmt(fmt) => command::fmt::run(fmt),
        Command::New(new) => command::new::run(new),
        Command::Index(index) => command::index::run(index, &settings),
        Command::Draw(draw) => command::draw::run(draw, &settings),
        Command::Sample(sample) => command::sample::run(sample, &settings),
        Command::Interpolate(interpolate) => command::interpolate::run(interpolate, &settings),
        Command::Eval(eval) => command::eval::run(eval, &kinds, &settings),
        Command::Tag(tag) => command::tag::run(tag, &kinds, &settings),
        Command::Devices(devices) => command::devices::run(devices),
        Command::Doctor(doctor) => command::doctor::run(doctor, &kinds, &settings),
        Command::Styles(styles) => command::styles::run(styles, &kinds, &settings),
        Command::Nodes(nodes) => command::nodes::run(nodes, &kinds),
        Command::Models(models) => command::models::run(models, &settings),
        Command::Plugins(plugins) => command::plugins::run(plugins, &kinds),
        Command::Plugin(plugin) => command::plugin::run(plugin, &kinds),
        Command::Graph(graph) => command::graph::run(graph, &kinds, &settings),
        Command::Completions { shell } => command::shell::completions(*shell),
        Command::Man { folder } => command::shell::man(folder.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader, such as `head`, has read enough.
        Err(Failure::Print(why)) if why.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            match failure.json() {
                // Who asked for JSON reads JSON, whatever happens.
                Some(json) if arguments.command.prints_json() => print(&json),
                _ => terminal::tell_styled(failure),
            }
            code
        }
    }
}

/// The command line is wrong, or asks for help.
fn refused(wrong: &clap::Error) -> ExitCode {
    let is_option = |word: OsString| word == "--json";
    if wrong.use_stderr() && std::env::args_os().any(is_option) {
        let message = wrong.render().to_string();
        let message = message.trim_start_matches("error: ").trim_end();
        print(&json!({ "error": { "message": message, "help": null } }));
    } else {
        // If nobody reads any more, there is nobody to report it to.
        let _ = wrong.print();
    }
    ExitCode::from(u8::try_from(wrong.exit_code()).unwrap_or(2))
}

fn print(json: &Value) {
    // As above.
    let _ = writeln!(std::io::stdout().lock(), "{json:#}");
}
