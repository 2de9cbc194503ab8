//! Presets: live values under a name, recalled together while a patch plays.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Live values under a name, as a patch has them: each fits its parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// Its name; of an included patch's own, behind the include's id: `low.calm`.
    pub name: String,
    /// The values, in the order of the patch.
    pub values: Vec<PresetValue>,
}

/// A value of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PresetValue {
    /// The node's id, or `transport`.
    pub node: String,
    /// The parameter.
    pub param: String,
    /// Its value, in the form in which values arrive at a node.
    pub value: Value,
}
