//! `score write-back`

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use score_engine::{
    Diagnostic, Diagnostics, NamedTarget, NamedValue, NodeValues, Param, Registry, Settings,
    Unwritten, Written, patch_hash, write_back_file, written_value,
};
use serde_json::Value;

use super::steer::{address, read, refused, values};
use crate::arguments::WriteBack;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::remote::connect;
use crate::remote::protocol::{Address, Glide, Held, HeldValue, Refusal, Request};
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
    let ask = |request: &Request| connection.ask(request);
    let path = Path::new(&connection.about.path);
    let what = what(arguments, &ask)?;
    let kinds = || kinds.of_file(path);
    let done = write_back(&ask, path, (&what, &[]), &kinds, settings)?;
    let mut out = out();
    for held in &done.written {
        let HeldValue {
            node, param, value, ..
        } = held;
        let (patch, value) = (&connection.about.patch, written_value(value));
        writeln!(out, "{patch}: {node}.{param} is {value}")?;
    }
    for line in &done.stays {
        tell(line);
    }
    Ok(())
}

/// What was written into a patch.
pub(crate) struct WrittenBack {
    /// The values.
    pub(crate) written: Vec<HeldValue>,
    /// Those that stay set, and why, one line each.
    pub(crate) stays: Vec<String>,
}

/// Asks a run.
pub(super) type Ask<'a> = dyn Fn(&Request) -> Result<Value, Vec<Refusal>> + 'a;

/// A `let` value and what it is declared as.
pub(crate) type Named = (NamedValue, Param);

/// Writes what hands hold in the run that `ask` asks into its patch at `path`, all of it but
/// orders, or that which `what` names, and releases it once the run has loaded it. Where hands hold
/// all that a `named` value is for at one value, its line in `let` changes in place of each of them.
///
/// # Errors
/// The run refuses, nothing that is named was set, or the patch cannot be written.
pub(crate) fn write_back(
    ask: &Ask<'_>,
    path: &Path,
    (what, named): (&[Address], &[Named]),
    kinds: &dyn Fn() -> Registry,
    settings: &Settings,
) -> Result<WrittenBack, Failure> {
    let answer = ask(&Request::Held).map_err(Failure::Remote)?;
    let held: Held = read(answer)?;
    let chosen = chosen(what, held.values)?;
    if chosen.is_empty() {
        return Ok(WrittenBack {
            written: chosen,
            stays: Vec::new(),
        });
    }
    let written = lines(&chosen, named);
    let text =
        write_back_file(path, &held.patch_hash, &written, &kinds(), settings).map_err(unwritten)?;
    let stays = release(ask, chosen.clone(), &patch_hash(&text))?;
    Ok(WrittenBack {
        written: chosen,
        stays,
    })
}

/// What is written for what hands hold.
fn lines(held: &[HeldValue], named: &[Named]) -> Vec<Written> {
    let value_of = |target: &NamedTarget| {
        let mut held = held.iter();
        let found = held.find(|held| held.node == target.node && held.param == target.param);
        found.map(|held| &held.value)
    };
    let together = named.iter().filter_map(|(named, param)| {
        let value = value_of(named.targets.first()?)?;
        let is_one = |target: &NamedTarget| value_of(target) == Some(value);
        named
            .targets
            .iter()
            .all(is_one)
            .then_some((named, param, value))
    });
    let together: Vec<_> = together.collect();
    let is_named = |held: &&HeldValue| {
        let mut targets = together.iter().flat_map(|(named, ..)| &named.targets);
        targets.any(|target| target.node == held.node && target.param == held.param)
    };
    let own = held.iter().filter(|held| !is_named(held));
    let own = own.map(|held| Written::new(&*held.node, &*held.param, held.value.clone()));
    let together = together.iter();
    let together =
        together.map(|(named, param, value)| Written::of_let(&named.name, param, (*value).clone()));
    own.chain(together).collect()
}

/// What the command line names.
fn what(arguments: &WriteBack, ask: &Ask<'_>) -> Result<Vec<Address>, Failure> {
    if arguments.what.is_empty() {
        return Ok(Vec::new());
    }
    let nodes = values(ask(&Request::Get).map_err(Failure::Remote)?)?;
    Ok((arguments.what.iter())
        .map(|typed| address(typed, &nodes))
        .collect())
}

/// Those of what hands hold that are to be written: all, if `what` names none. An order was done
/// when it was given, and is nothing to keep.
fn chosen(what: &[Address], held: Vec<HeldValue>) -> Result<Vec<HeldValue>, Failure> {
    let (orders, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.is_order);
    if what.is_empty() {
        return Ok(held);
    }
    let names = |Address { node, param }: &Address, held: &HeldValue| {
        *node == held.node && param.as_ref().is_none_or(|param| *param == held.param)
    };
    let free = (what.iter()).filter(|address| !held.iter().any(|held| names(address, held)));
    let refusals: Vec<Refusal> = free
        .map(|address| {
            let Address { node, param } = address;
            let param = param.as_ref().map(|param| format!(".{param}"));
            let named = format!("{node}{}", param.unwrap_or_default());
            let is_order = orders.iter().any(|held| names(address, held));
            let why = match is_order {
                true => format!("{named} is an order, which is not written into the patch"),
                false => format!("no value was set for {named}"),
            };
            Refusal::new("param", why)
        })
        .collect();
    if !refusals.is_empty() {
        return Err(Failure::Remote(refusals));
    }
    let is_chosen = |held: &HeldValue| what.iter().any(|address| names(address, held));
    Ok(held.into_iter().filter(is_chosen).collect())
}

/// Waits until the run that `ask` asks has loaded the patch whose hash is `written`. Gives whether
/// it has, in the time that it may take.
pub(super) fn is_loaded(ask: &Ask<'_>, written: &str) -> Result<bool, Failure> {
    let begun = Instant::now();
    loop {
        let now: Held = read(ask(&Request::Held).map_err(Failure::Remote)?)?;
        let is_loaded = now.patch_hash == written;
        if is_loaded || begun.elapsed() > LOAD_TIMEOUT {
            return Ok(is_loaded);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Releases the values once the patch that plays has them, so that nothing jumps. `written` is the
/// hash of that patch. Gives what stays set, and why.
fn release(
    ask: &Ask<'_>,
    mut chosen: Vec<HeldValue>,
    written: &str,
) -> Result<Vec<String>, Failure> {
    let begun = Instant::now();
    let ask = |request| ask(&request).map_err(Failure::Remote);
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
            let stays = rest.iter().map(|held| {
                let why = why(held).unwrap_or_default();
                format!("{}.{} stays set: {why}", held.node, held.param)
            });
            return Ok(stays.collect());
        }
        if rest.is_empty() {
            return Ok(Vec::new());
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
pub(super) fn unwritten(why: Unwritten) -> Failure {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn held(node: &str, value: f64) -> HeldValue {
        HeldValue {
            node: node.to_owned(),
            param: "gain".to_owned(),
            value: value.into(),
            is_order: false,
        }
    }

    #[test]
    fn an_order_is_not_written_back() {
        let order = HeldValue {
            is_order: true,
            ..held("taught", 1.0)
        };
        let all = vec![order.clone(), held("a", -3.0)];
        assert_eq!(chosen(&[], all).unwrap(), [held("a", -3.0)]);
        assert_eq!(chosen(&[], vec![order.clone()]).unwrap(), []);
        let named = Address {
            node: "taught".to_owned(),
            param: Some("gain".to_owned()),
        };
        let Err(Failure::Remote(why)) = chosen(&[named], vec![order]) else {
            panic!("it was written");
        };
        assert!(why[0].message.contains("is an order"), "{why:?}");
    }

    #[test]
    fn what_a_name_is_for_is_written_in_one_line_only_where_all_of_it_is_held_alike() {
        let target = |node: &str| NamedTarget {
            node: node.to_owned(),
            param: "gain".to_owned(),
        };
        let level = NamedValue {
            name: "level".to_owned(),
            targets: vec![target("a"), target("b")],
            is_used_elsewhere: false,
        };
        let named = [(level, Param::number("gain", (-60.0, 0.0), ""))];
        let told = |held: &[HeldValue]| -> Vec<String> {
            let lines = lines(held, &named);
            (lines.iter())
                .map(|line| format!("{}.{} {}", line.node, line.param, line.value))
                .collect()
        };
        let alike = [held("a", -3.0), held("c", -9.0), held("b", -3.0)];
        assert_eq!(told(&alike), ["c.gain -9.0", "let.level -3.0"]);
        let apart = [held("a", -3.0), held("b", -4.0)];
        assert_eq!(told(&apart), ["a.gain -3.0", "b.gain -4.0"]);
        assert_eq!(told(&alike[..1]), ["a.gain -3.0"]);
    }
}
