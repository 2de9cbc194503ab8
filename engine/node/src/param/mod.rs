//! Parameters: what a kind declares of each, the values that it takes, and the struct that they
//! arrive in.

mod files;
mod params;
mod span;
mod values;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use files::{FileContent, FilePurpose};
pub use params::{Choice, ParamValue, Params};
#[doc(hidden)]
pub use params::{read_choice, read_param, read_value};
pub use span::{Scale, Span};
#[doc(hidden)]
pub use values::written_number;
pub use values::written_value;

/// What a change of a parameter costs while the patch plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The running processor takes the new value.
    Live,
    /// The processor is rebuilt; its ports stay as they are.
    Rebuild,
    /// The node's ports or types may change, so that its neighbours are checked again.
    Structural,
}

impl Change {
    /// The word in the reference.
    pub fn name(self) -> &'static str {
        match self {
            Change::Live => "live",
            Change::Rebuild => "rebuild",
            Change::Structural => "structural",
        }
    }
}

/// What a file parameter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileRole {
    /// A file that must exist.
    Read,
    /// A file that the run writes. No two nodes may write the same.
    Write,
}

/// The values that a parameter takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ParamType {
    /// Any number from `min` to `max`.
    Number {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// A whole number from `min` to `max`.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Seconds as a number, or `beats(n)`; both from `min` to `max`. Arrives as a
    /// [`crate::Length`].
    Length {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// `true` or `false`.
    Flag,
    /// Text in quotes.
    Text,
    /// One of these words, without quotes. Arrives as text.
    Choice(Vec<Cow<'static, str>>),
    /// A path in quotes, from the patch's own folder. Arrives absolute.
    File(FileRole),
    /// Values of one type in brackets.
    List(Box<ParamType>),
}

impl ParamType {
    /// One of these words.
    pub fn choice(words: &[&'static str]) -> Self {
        ParamType::Choice(words.iter().map(|word| Cow::Borrowed(*word)).collect())
    }
}

/// A parameter as a node kind declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its name in patches, snake_case.
    pub name: Cow<'static, str>,
    /// The values that it takes.
    pub param_type: ParamType,
    /// What a number counts: `s`, `Hz`, `dB`; empty for a plain number.
    pub unit: Cow<'static, str>,
    /// One line for the reference.
    pub summary: Cow<'static, str>,
    /// Its value when the patch gives none; `None`: the patch must give one. `null`: may be left
    /// out.
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "given"
    )]
    pub default: Option<Value>,
    /// What a change costs while the patch plays.
    pub change: Change,
    /// What a file is for.
    #[serde(skip_serializing_if = "FilePurpose::is_unspecified", default)]
    pub purpose: FilePurpose,
    /// Why a change is not live, for the reference.
    #[serde(skip_serializing_if = "str::is_empty", default)]
    pub reason: Cow<'static, str>,
    /// The input that a list has an item for each wire into, in the order of the patch; a shorter
    /// list says nothing of the wires beyond its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wires: Option<Cow<'static, str>>,
    /// It is an order, which is done when it is given: nothing that a patch or a page keeps.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub order: bool,
    /// What a bare wire's 0 to 1 stand for, where the declaration says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) span: Option<Span>,
}

impl Param {
    /// A parameter whose values are those of a field of type `T`.
    pub fn of<T: ParamValue>(
        name: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
        bounds: Option<RangeInclusive<T::Bound>>,
    ) -> Self {
        let param = Self::new(name, T::param_type(bounds), summary).unit(T::UNIT);
        match T::MAY_BE_LEFT_OUT {
            true => param.optional(),
            false => param,
        }
    }

    fn new(
        name: impl Into<Cow<'static, str>>,
        param_type: ParamType,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Param {
            name: name.into(),
            param_type,
            unit: Cow::Borrowed(""),
            summary: summary.into(),
            default: None,
            change: Change::Rebuild,
            purpose: FilePurpose::default(),
            reason: Cow::Borrowed(""),
            wires: None,
            order: false,
            span: None,
        }
    }

    /// A number from `min` to `max`.
    pub fn number(
        name: impl Into<Cow<'static, str>>,
        (min, max): (f64, f64),
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::Number { min, max }, summary)
    }

    /// A whole number from `min` to `max`.
    pub fn integer(
        name: impl Into<Cow<'static, str>>,
        (min, max): (i64, i64),
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::Integer { min, max }, summary)
    }

    /// A length in seconds or beats from `min` to `max`.
    pub fn length(
        name: impl Into<Cow<'static, str>>,
        (min, max): (f64, f64),
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::Length { min, max }, summary).unit("s or beats(n)")
    }

    /// `true` or `false`.
    pub fn flag(name: impl Into<Cow<'static, str>>, summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, ParamType::Flag, summary)
    }

    /// Text.
    pub fn text(name: impl Into<Cow<'static, str>>, summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, ParamType::Text, summary)
    }

    /// One of the words.
    pub fn choice(
        name: impl Into<Cow<'static, str>>,
        words: &[&'static str],
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::choice(words), summary)
    }

    /// The path of a file that the node reads.
    pub fn file_to_read(
        name: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::File(FileRole::Read), summary)
    }

    /// The path of a file that the node writes.
    pub fn file_to_write(
        name: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::File(FileRole::Write), summary)
    }

    /// A list whose items are as `item`'s type says.
    pub fn list(
        name: impl Into<Cow<'static, str>>,
        item: ParamType,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(name, ParamType::List(Box::new(item)), summary)
    }

    /// What a number counts.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Its value when the patch gives none. A length is given in seconds.
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.default = Some(match (&self.param_type, value.as_f64()) {
            (ParamType::Length { .. }, Some(seconds)) => serde_json::json!({ "seconds": seconds }),
            _ => value,
        });
        self
    }

    /// Its value in beats when the patch gives none, for a length.
    pub fn default_beats(self, beats: f64) -> Self {
        self.default(serde_json::json!({ "beats": beats }))
    }

    /// May be left out; arrives as `null`, to be read as an `Option`.
    pub fn optional(self) -> Self {
        self.default(Value::Null)
    }

    /// A change reaches the running processor.
    pub fn live(mut self) -> Self {
        self.change = Change::Live;
        self
    }

    /// A change may alter the node's ports or their types.
    pub fn structural(mut self) -> Self {
        self.change = Change::Structural;
        self
    }

    /// Why a change is not live.
    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// A change rebuilds the node, and why.
    pub fn rebuilt_because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.change = Change::Rebuild;
        self.because(reason)
    }

    /// The list has an item for each wire into `input`, in the order of the patch: an item goes
    /// when its wire is taken away in the page.
    pub fn for_each_wire(mut self, input: impl Into<Cow<'static, str>>) -> Self {
        self.wires = Some(input.into());
        self
    }

    /// It is an order, as a flag that is pressed: it is done when it is given, and is neither shown
    /// as set nor written back into the patch.
    pub fn order(mut self) -> Self {
        self.order = true;
        self
    }

    /// A text, or each text of a list, is one of these words.
    pub fn words(mut self, words: &[&'static str]) -> Self {
        self.param_type = match self.param_type {
            ParamType::List(_) => ParamType::List(Box::new(ParamType::choice(words))),
            _ => ParamType::choice(words),
        };
        self
    }

    /// The file is written.
    pub fn writes(mut self) -> Self {
        self.param_type = ParamType::File(FileRole::Write);
        self
    }
}

/// Reads a value that is there, `null` too; serde would take `null` for none.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_list_counts_wires_crosses_and_other_parameters_are_written_as_before() {
        let list = Param::list("gains", ParamType::Flag, "");
        let text = serde_json::to_string(&list).unwrap();
        assert!(!text.contains("wires"), "{text}");
        let read: Param = serde_json::from_str(&text).unwrap();
        assert_eq!(read.wires, None);
        let counts = list.for_each_wire("sounds");
        let text = serde_json::to_string(&counts).unwrap();
        let read: Param = serde_json::from_str(&text).unwrap();
        assert_eq!(read.wires.as_deref(), Some("sounds"));
    }

    #[test]
    fn that_a_parameter_is_an_order_crosses_and_others_are_written_as_before() {
        let flag = Param::flag("record", "").live();
        let text = serde_json::to_string(&flag).unwrap();
        assert!(!text.contains("order"), "{text}");
        let read: Param = serde_json::from_str(&text).unwrap();
        assert!(!read.order);
        let text = serde_json::to_string(&flag.order()).unwrap();
        let read: Param = serde_json::from_str(&text).unwrap();
        assert!(read.order);
    }
}
