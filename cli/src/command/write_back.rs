//! `score write-back`

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use score_engine::{
    Diagnostic, Diagnostics, NodeValues, Unwritten, ValueSource, Written, write_back_file,
    written_value,
};

use super::steer::{address, read, refused, values};
use crate::arguments::WriteBack;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::remote::protocol::{Address, Held, HeldValue, Refusal, Request};
use crate::remote::{Connection, connect};
use crate::terminal::{out, tell};

/// How long the run may take to load the patch that was written.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) fn run(arguments: &WriteBack, kinds: &Kinds<'_>) -> Result<(), Failure> {
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
    write_back_file(path, &held.patch_hash, &written, &registry).map_err(unwritten)?;
    let mut out = out();
    for HeldValue { node, param, value } in &chosen {
        let (patch, value) = (&connection.about.patch, written_value(value));
        writeln!(out, "{patch}: {node}.{param} is {value}")?;
    }
    release(&connection, chosen)
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

/// Releases the values once the patch that plays has them, so that nothing jumps.
fn release(connection: &Connection, mut chosen: Vec<HeldValue>) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let nodes = values(connection.ask(&Request::Get).map_err(Failure::Remote)?)?;
        let (in_patch, rest): (Vec<_>, Vec<_>) =
            (chosen.into_iter()).partition(|held| is_in_patch(&nodes, held));
        chosen = rest;
        if !in_patch.is_empty() {
            let what = in_patch.into_iter().map(|held| Address {
                node: held.node,
                param: Some(held.param),
            });
            let request = Request::Release {
                what: what.collect(),
                glide: 0.0,
            };
            connection.ask(&request).map_err(Failure::Remote)?;
        }
        if chosen.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            tell(
                "the run has not loaded the new patch; the values stay set until they are released",
            );
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

/// Whether the patch that plays says what the hand says.
fn is_in_patch(nodes: &[NodeValues], held: &HeldValue) -> bool {
    let node = nodes.iter().find(|node| node.id == held.node);
    let values = node.into_iter().flat_map(|node| &node.values);
    let mut values = values.filter(|value| value.name == held.param);
    // What another hand has set since is not released.
    values.any(|value| {
        value.source == ValueSource::Hand && value.value == held.value && value.text.is_none()
    })
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
