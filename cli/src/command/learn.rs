//! `score learn`: binds the MIDI controller that moves next to a live value.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use score_engine::{
    ControllerBinding, Registry, Settings, Source, bind_controller_file, patch_hash,
};
use score_nodes::device::learning::{Moved, next_moved, ports};

use super::steer::refused;
use super::write_back::unwritten;
use crate::arguments::Learn;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::remote::connect;
use crate::remote::protocol::Refusal;
use crate::signals::on_end;
use crate::terminal::{out, tell};

pub(crate) fn run(
    arguments: &Learn,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let (node, param) = &arguments.what;
    let path = match &arguments.patch {
        Some(patch) => patch.clone(),
        None => {
            let connection = connect(arguments.run.as_deref()).map_err(refused)?;
            PathBuf::from(&connection.about.path)
        }
    };
    let seen = patch_hash(&Source::read(&path).map_err(Failure::Patch)?.text);
    let listened = match arguments.port.is_empty() {
        true => ports(),
        false => arguments.port.clone(),
    };
    let moved = heard(arguments, &listened)?;
    let binding = ControllerBinding {
        node: node.clone(),
        param: param.clone(),
        port: moved.port,
        channel: Some(moved.channel).filter(|_| !arguments.any_channel),
        number: moved.number,
    };
    bind(&path, &seen, &binding, &kinds.of_file(&path), settings)?;
    let ControllerBinding { port, number, .. } = &binding;
    writeln!(
        out(),
        "{}: {node}.{param} is set by controller {number} of {port}",
        path.display()
    )?;
    Ok(())
}

/// Writes the binding into the patch.
///
/// # Errors
/// The patch is no longer what was seen, or cannot be written or played with it.
pub(crate) fn bind(
    path: &Path,
    seen: &str,
    binding: &ControllerBinding,
    registry: &Registry,
    settings: &Settings,
) -> Result<(), Failure> {
    let bound = bind_controller_file(path, seen, binding, registry, settings);
    bound.map(|_| ()).map_err(unwritten)
}

/// The controller that moves next.
fn heard(arguments: &Learn, listened: &[String]) -> Result<Moved, Failure> {
    let none = |message: String, help: &str| {
        Failure::Remote(vec![Refusal::new("midi", message).help(help)])
    };
    if listened.is_empty() {
        let help = "connect a controller; `score devices` lists the ports, and --port JACK makes one there";
        return Err(none("there is no MIDI input".to_owned(), help));
    }
    let (node, param) = &arguments.what;
    let names = listened.join(", ");
    tell(format_args!(
        "move the controller that is to set {node}.{param}; listening to {names}"
    ));
    let is_over = Arc::<AtomicBool>::default();
    let over = is_over.clone();
    on_end(move || over.store(true, Ordering::Relaxed));
    let within = Duration::from_secs_f64(arguments.within);
    let moved = next_moved(listened, within, || is_over.load(Ordering::Relaxed));
    moved.ok_or_else(|| {
        let message = match is_over.load(Ordering::Relaxed) {
            true => "nothing was bound".to_owned(),
            false => format!("no controller has moved within {} s", arguments.within),
        };
        none(
            message,
            "`score devices` lists the ports; --port chooses one",
        )
    })
}
