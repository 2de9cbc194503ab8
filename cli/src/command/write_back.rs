//! `score write-back`

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use score_engine::{
    Diagnostic, Diagnostics, NodeValues, Settings, Unwritten, Written, patch_hash, write_back_file,
    written_value,
};

use super::steer::{address, read, refused, values};
use crate::arguments::WriteBack;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::remote::protocol::{Address, Glide, Held, HeldValue, Refusal, Request};
use crate::remote::{Connection, connect};
use crate::terminal::{out, tell};

/// How long the run may take to load the patch that was written.
const LOAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two looks whether it has.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) fn run(
    arguments: &WriteBack,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    let answer = connection.ask(&Request::Held).map_err(Failure::Remote)?;
    let held: Held = read(answer)?;
    let chosen = chosen(arguments, &connection, held.values)?;
    if chosen.is_empty() {
        return Ok(());
    }
    let path = Path::new(&connection.about.path);
    let written: Vec<Written> = (chosen.iter())
        .map(|held| Written::new(&*held.node, &*held.param, held.value.clone()))
        .collect();
    let registry = kinds.of_file(path);
    let text = write_back_file(path, &held.patch_hash, &written, &registry, settings)
        .map_err(unwritten)?;
    let mut out = out();
    for HeldValue { node, param, value } in &chosen {
        let (patch, value) = (&connection.about.patch, written_value(value));
        writeln!(out, "{patch}: {node}.{param} is {value}")?;
    }
    release(&connection, chosen, &patch_hash(&text))
}

/// Those of what hands hold that are to be written.
fn chosen(
    arguments: &WriteBack,
    connection: &Connection,
    held: Vec<HeldValue>,
) -> Result<Vec<HeldValue>, Failure> {
    if arguments.what.is_empty() {
        return Ok(held);
    }
    let nodes = values(connection.ask(&Request::Get).map_err(Failure::Remote)?)?;
    let what: Vec<Address> = (arguments.what.iter())
        .map(|typed| address(typed, &nodes))
        .collect();
    let names = |Address { node, param }: &Address, held: &HeldValue| {
        *node == held.node && param.as_ref().is_none_or(|param| *param == held.param)
    };
    let free = what.iter().zip(&arguments.what);
    let free = free.filter(|(address, _)| !held.iter().any(|held| names(address, held)));
    let refusals: Vec<Refusal> = free
        .map(|(_, typed)| Refusal::new("param", format!("no value was set for {typed}")))
        .collect();
    if !refusals.is_empty() {
        return Err(Failure::Remote(refusals));
    }
    let is_chosen = |held: &HeldValue| what.iter().any(|address| names(address, held));
    Ok(held.into_iter().filter(is_chosen).collect())
}

/// Releases the values once the patch that plays has them, so that nothing jumps. `written` is the
/// hash of that patch.
fn release(
    connection: &Connection,
    mut chosen: Vec<HeldValue>,
    written: &str,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let ask = |request| connection.ask(&request).map_err(Failure::Remote);
    loop {
        let now: Held = read(ask(Request::Held)?)?;
        let is_loaded = now.patch_hash == written;
        // What another hand has set since is not released.
        chosen.retain(|held| now.values.contains(held));
        let nodes = values(ask(Request::Get)?)?;
        let why = |held: &HeldValue| why_not_yet(&nodes, held, is_loaded);
        let (rest, ready): (Vec<_>, Vec<_>) =
            chosen.into_iter().partition(|held| why(held).is_some());
        if !ready.is_empty() {
            let what = ready.into_iter().map(|held| Address {
                node: held.node,
                param: Some(held.param),
            });
            ask(Request::Release {
                what: what.collect(),
                glide: Glide::default(),
            })?;
        }
        if begun.elapsed() > LOAD_TIMEOUT {
            for held in &rest {
                let why = why(held).unwrap_or_default();
                tell(format_args!(
                    "{}.{} stays set: {why}",
                    held.node, held.param
                ));
            }
            return Ok(());
        }
        if rest.is_empty() {
            return Ok(());
        }
        chosen = rest;
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Why a value that a hand holds cannot be released yet without a jump; `None`: it can.
fn why_not_yet(nodes: &[NodeValues], held: &HeldValue, is_loaded: bool) -> Option<&'static str> {
    if !is_loaded {
        return Some("the run has not loaded the new patch");
    }
    let node = nodes.iter().find(|node| node.id == held.node)?;
    let mut values = node.values.iter();
    let value = values.find(|value| value.name == held.param)?;
    if *value.text.as_ref().unwrap_or(&value.value) != held.value {
        return Some("the run got another value with --set, which overrides the patch");
    }
    (value.value != held.value).then_some("it has not arrived yet (--glide)")
}

/// Why the patch was not written.
fn unwritten(why: Unwritten) -> Failure {
    let one = |Diagnostic {
                   message,
                   help,
                   place,
               }| {
        let place = place.map(|place| format!("{}:{}:{}: ", place.file, place.line, place.column));
        Refusal {
            help,
            ..Refusal::new("patch", place.unwrap_or_default() + &message)
        }
    };
    Failure::Remote(
        Diagnostics::from(why)
            .mistakes
            .into_iter()
            .map(one)
            .collect(),
    )
}
