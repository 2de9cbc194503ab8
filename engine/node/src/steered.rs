//! A value that was set from outside, for nodes that keep a record.

use serde::Serialize;
use serde_json::Value;

use crate::curve::Curve;
use crate::time::Time;

/// A value that was set from outside or released, as nodes that keep a record receive it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Steered {
    /// When, on the run's clock.
    #[serde(skip)]
    pub time: Time,
    /// The node's id, or `transport`.
    pub node: String,
    /// The parameter.
    pub param: String,
    /// The value; `None`: it was released.
    pub value: Option<Value>,
    /// How long it takes to get there, in seconds.
    pub glide: f64,
    /// How fast it goes on the way.
    #[serde(skip_serializing_if = "Curve::is_linear")]
    pub curve: Curve,
}
