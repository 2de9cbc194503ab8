//! MIDI learn in a page: the controller that moves next is bound to a live value, for one page at a
//! time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use score_engine::{ControllerBinding, Source, patch_hash};
use score_nodes::device::learning::{Moved, next_moved, ports};
use serde_json::{Value, json};

use super::Writer;
use super::hub::Hub;
use crate::command::learn::bind;
use crate::failure::Failure;
use crate::remote::protocol::Refusal;

/// How long a controller is waited for.
const WITHIN: Duration = Duration::from_secs(30);

/// A controller is waited for as long as this value lives.
#[derive(Default)]
pub(super) struct Learner(Arc<AtomicBool>);

impl Drop for Learner {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One waits at a time.
struct Turn(Arc<Hub>);

impl Turn {
    fn take(hub: &Arc<Hub>) -> Option<Self> {
        let is_free = !hub.is_learning.swap(true, Ordering::AcqRel);
        is_free.then(|| Turn(hub.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_learning.store(false, Ordering::Release);
    }
}

/// Waits on a thread of its own for the controller that moves next, and writes it into the patch as
/// what sets the live value: its node and parameter. `tell` says which ports are listened to, `done`
/// what came of it.
///
/// # Errors
/// The value cannot be set by a controller, or another page waits for one.
pub(super) fn learn(
    hub: &Arc<Hub>,
    (node, param): (String, String),
    tell: impl Fn(Value) + Send + 'static,
    done: impl FnOnce(Result<Value, Vec<Refusal>>) + Send + 'static,
) -> Result<Learner, Refusal> {
    let nodes = hub.steering.nodes();
    let declared = nodes.iter().find(|known| known.id == node);
    let declared = declared.and_then(|known| known.params.iter().find(|known| known.name == param));
    if !declared.is_some_and(score_engine::Param::is_input) {
        let message = format!("no controller can set {node}.{param}");
        return Err(Refusal::new("param", message).help("choose a number, a word or a switch"));
    }
    let Some(turn) = Turn::take(hub) else {
        let busy = Refusal::new("busy", "a controller is waited for in another page");
        return Err(busy.help("cancel it there, or try again in half a minute"));
    };
    let learner = Learner::default();
    let is_over = learner.0.clone();
    let waits = std::thread::Builder::new().name("page learns".to_owned());
    let begun = waits.spawn(move || {
        let answer = bound(&turn.0.editing.writer, &node, &param, &tell, &is_over);
        drop(turn);
        done(answer);
    });
    match begun {
        Ok(_) => Ok(learner),
        Err(error) => Err(Refusal::new("busy", error.to_string())),
    }
}

/// Waits, and writes what has moved into the patch.
fn bound(
    writer: &Writer,
    node: &str,
    param: &str,
    tell: &dyn Fn(Value),
    is_over: &AtomicBool,
) -> Result<Value, Vec<Refusal>> {
    let Writer {
        patch,
        kinds,
        settings,
        ..
    } = writer;
    let refused = |failure: Failure| match failure {
        Failure::Remote(refusals) => refusals,
        other => vec![Refusal::new("patch", other.to_string())],
    };
    let text = Source::read(patch).map_err(|wrong| refused(Failure::Patch(wrong)))?;
    let seen = patch_hash(&text.text);
    let ports = ports();
    if ports.is_empty() {
        let none = Refusal::new("midi", "there is no MIDI input");
        return Err(vec![none.help("connect a controller and try again")]);
    }
    let what = json!({ "node": node, "param": param, "ports": ports, "seconds": WITHIN.as_secs() });
    tell(json!({ "learning": what }));
    let moved = next_moved(&ports, WITHIN, || is_over.load(Ordering::Relaxed));
    let Some(Moved {
        port,
        channel,
        number,
    }) = moved
    else {
        let (message, help) = match is_over.load(Ordering::Relaxed) {
            true => ("nothing was bound".to_owned(), "it was cancelled"),
            false => (
                format!("no controller has moved within {} s", WITHIN.as_secs()),
                "check that it sends; `score devices` lists the ports",
            ),
        };
        return Err(vec![Refusal::new("midi", message).help(help)]);
    };
    let binding = ControllerBinding {
        node: node.to_owned(),
        param: param.to_owned(),
        port,
        channel: Some(channel),
        number,
    };
    bind(patch, &seen, &binding, &kinds(), settings).map_err(refused)?;
    Ok(json!({ "port": binding.port, "channel": channel, "number": number }))
}
