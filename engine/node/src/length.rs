//! A length of time as a patch writes it.

use serde::{Deserialize, Serialize};

/// A length of time as a patch writes it: plain seconds, or `beats(n)`, which follows the tempo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Seconds.
    Seconds(f64),
    /// Quarter notes at the transport's tempo.
    Beats(f64),
}
