//! Changes of the graph as a page asks for them.

use score_engine::{GraphEdit, PortName, Source, patch_hash};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Editing;
use super::judge::{Edited, Verdict, shown};
use super::saving::refused;

/// The most changes at a time.
const MOST: usize = 64;

/// A change of the graph.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    AddNode {
        id: String,
        kind: String,
        #[serde(default)]
        params: Vec<(String, String)>,
    },
    RemoveNode {
        id: String,
    },
    AddWire {
        from: (String, String),
        to: (String, String),
    },
    RemoveWire {
        from: (String, String),
        to: (String, String),
    },
    PassThrough {
        from: (String, String),
        to: (String, String),
        node: String,
    },
}

impl From<Change> for GraphEdit {
    fn from(change: Change) -> Self {
        let name = |(node, port)| PortName { node, port };
        match change {
            Change::AddNode { id, kind, params } => GraphEdit::AddNode { id, kind, params },
            Change::RemoveNode { id } => GraphEdit::RemoveNode { id },
            Change::AddWire { from, to } => GraphEdit::AddWire {
                from: name(from),
                to: name(to),
            },
            Change::RemoveWire { from, to } => GraphEdit::RemoveWire {
                from: name(from),
                to: name(to),
            },
            Change::PassThrough { from, to, node } => GraphEdit::PassThrough {
                from: name(from),
                to: name(to),
                node,
            },
        }
    }
}

impl Editing {
    /// Changes the patch's graph. `text` is what the page has not saved yet: the changes go into it
    /// and it is given back; else they go into the file, if that is what the page has `seen`.
    /// Nothing is written that has more mistakes than before.
    pub(super) fn change(&self, seen: &str, text: Option<String>, changes: Vec<Change>) -> Value {
        if changes.is_empty() || changes.len() > MOST {
            return refused(&["this is not a change of the graph"]);
        }
        let before = match &text {
            Some(text) => text.clone(),
            None => {
                let Ok(on_disk) = Source::read(&self.writer.patch) else {
                    return refused(&["the patch's file cannot be read"]);
                };
                let hash = patch_hash(&on_disk.text);
                if hash != seen {
                    return json!({ "conflict": { "text": on_disk.text, "hash": hash } });
                }
                on_disk.text
            }
        };
        let edits: Vec<GraphEdit> = changes.into_iter().map(GraphEdit::from).collect();
        let old = Edited::from([(0, before)]);
        let new = match self.rewired(&old, &edits) {
            Ok(new) => new,
            Err(why) => {
                let texts = self.own_texts();
                let all: Vec<Value> = why.mistakes.iter().map(|one| shown(&texts, one)).collect();
                return json!({ "errors": all });
            }
        };
        let (before, after) = (
            self.judge(&old),
            self.judge(&Edited::from([(0, new.clone())])),
        );
        if !after.refused.is_empty() {
            return refused(&after.refused);
        }
        if after.count > before.count {
            return json!({ "errors": fresh(&before, &after) });
        }
        match text {
            Some(_) => json!({ "text": new }),
            None => self.save(0, seen, &new),
        }
    }
}

/// What is wrong after a change and was not before.
fn fresh(before: &Verdict, after: &Verdict) -> Vec<Value> {
    let message = |verdict: &Verdict| -> Vec<Value> {
        let shown = verdict.shown();
        shown["diagnostics"].as_array().cloned().unwrap_or_default()
    };
    let old = message(before);
    let is_new = |one: &Value| old.iter().all(|old| old["message"] != one["message"]);
    let (new, rest): (Vec<Value>, Vec<Value>) = message(after).into_iter().partition(is_new);
    // The places are those of a text that nobody has.
    let plain = |one: Value| json!({ "message": one["message"], "help": one["help"] });
    let all = if new.is_empty() { rest } else { new };
    all.into_iter().map(plain).collect()
}
