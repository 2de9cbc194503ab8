//! What a live parameter is, and since what says so, for whoever looks.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a live parameter has its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueSource {
    /// The patch says it.
    Text,
    /// A wire leads into it.
    Wire,
    /// Somebody has set it from outside, until it is released.
    Hand,
    /// The clock that the run follows says it.
    Clock,
}

/// A live parameter of a node that plays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueStatus {
    /// The parameter.
    pub name: String,
    /// Its value now, in the form in which values arrive at a node.
    pub value: Value,
    /// What a number counts, as `dB`; empty for a plain number.
    #[serde(skip_serializing_if = "str::is_empty", default)]
    pub unit: Cow<'static, str>,
    /// What it has the value from.
    pub source: ValueSource,
    /// What the patch says, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<Value>,
    /// What it should be instead, but the node could not take.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<RefusedValue>,
}

/// A value that a node could not take, so that it keeps the one it had. It is told again with the
/// next new value of any of its parameters, with which it may be possible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedValue {
    /// The value, in the form in which values arrive at a node.
    pub value: Value,
    /// What the node says of it.
    pub why: String,
}

/// The live parameters of one node, shown by its thread to whoever looks. The thread never waits
/// for who looks.
#[derive(Debug, Default)]
pub(crate) struct Shown(pub(super) Mutex<Vec<ValueStatus>>);

impl Shown {
    /// Shows these values; `false`: somebody is looking, and they must be shown again later.
    pub(super) fn show(&self, values: impl Iterator<Item = ValueStatus>) -> bool {
        let Ok(mut shown) = self.0.try_lock() else {
            return false;
        };
        shown.clear();
        shown.extend(values);
        true
    }

    /// The values as they were shown last.
    pub(crate) fn look(&self) -> Vec<ValueStatus> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
