//! A node's parameters as a struct: each is declared by its field, and arrives in it.

use std::any::type_name;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{FileRole, Param, ParamType};
use crate::error::NodeError;
use crate::length::Length;

/// The parameters of a node kind, to be derived for a struct whose every field is one:
///
/// ```
/// use score_node::{Length, Params};
///
/// #[derive(Clone, Params)]
/// struct Smooth {
///     /// time to follow half of a jump
///     #[param(live, range = 0.0..=600.0, span = 0.05..=5.0, log, default = Length::Seconds(0.5))]
///     half_life: Length,
///     /// the file that tells where to begin
///     #[param(rebuild = "it is read once")]
///     start: Option<std::path::PathBuf>,
/// }
/// ```
///
/// The doc comment of a field is what the reference says of it. In `#[param(…)]` stand:
///
/// | word | says |
/// |---|---|
/// | `live` | a new value reaches the processor that runs |
/// | `rebuild = "why"`, `structural = "why"` | it does not: the node is rebuilt, or its ports may change; without any of the three: `rebuild` |
/// | `range = from..=to` | what numbers, lengths, and items of a list may be |
/// | `span = from..=to`, `log` | what a bare wire's 0 to 1 stand for, where that is less than the range, and that it goes in equal ratios |
/// | `default = value` | what holds where the patch says nothing; an `Option` needs none |
/// | `unit = "Hz"` | what a number counts |
/// | `words = LIST` | the words that a text may be; an enum with [`Choice`] needs none |
/// | `content = Film` | what a file contains, one of [`crate::FileContent`] |
/// | `writes`, `ending = "wav"`, `takes`, `each = "input"` | the file is written: how its name usually ends, that it is numbered instead of replaced, that each wire of an input gets its own |
/// | `for_each_wire = "input"` | the list has an item for each wire into that input |
/// | `order` | it is done when it is given, as a flag that is pressed: nothing that a patch keeps |
/// | `nested`, `defaults(name = value)` | the field is a struct of parameters itself, some of whose defaults differ |
/// | `summary = text` | in place of a doc comment, where the text must be computed |
pub trait Params: Clone + Send + Sync + Sized + 'static {
    /// The declaration of every field.
    fn declare() -> Vec<Param>;

    /// The struct from its values, all of them given.
    ///
    /// # Errors
    /// A value is missing or does not fit its field, which a checked patch rules out.
    fn read(values: &Value) -> Result<Self, NodeError>;

    /// Takes the new value of a live parameter; `false`: there is none of that name.
    ///
    /// # Errors
    /// The value does not fit the field.
    fn set(&mut self, name: &str, value: &Value) -> Result<bool, NodeError>;
}

/// What the field of a parameter may be.
pub trait ParamValue: Sized {
    /// The type of the ends of its range.
    type Bound;

    /// What it counts, where its type says that.
    const UNIT: &'static str = "";

    /// Whether the patch may leave it out without a default.
    const MAY_BE_LEFT_OUT: bool = false;

    /// The values that a patch may give.
    fn param_type(bounds: Option<RangeInclusive<Self::Bound>>) -> ParamType;

    /// The value as the field holds it.
    ///
    /// # Errors
    /// The type has no such value; the text says why.
    fn read(value: &Value) -> Result<Self, String>;

    /// The value as a checked patch holds it.
    fn written(&self) -> Value;
}

/// One of a few words, to be derived for an enum: each variant is the word that its name is in
/// snake_case, or that `#[choice("word")]` says.
pub trait Choice: Sized {
    /// The words, in the order of the variants.
    const WORDS: &'static [&'static str];

    /// The variant's word.
    fn word(&self) -> &'static str;

    /// The variant whose word it is.
    fn of_word(word: &str) -> Option<Self>;
}

/// A kind without parameters.
impl Params for () {
    fn declare() -> Vec<Param> {
        Vec::new()
    }

    fn read(_values: &Value) -> Result<Self, NodeError> {
        Ok(())
    }

    fn set(&mut self, _name: &str, _value: &Value) -> Result<bool, NodeError> {
        Ok(false)
    }
}

/// The parameter `name` among all `values`; for what is derived.
///
/// # Errors
/// It is missing, or does not fit the type.
#[doc(hidden)]
pub fn read_param<T: ParamValue>(values: &Value, name: &str) -> Result<T, NodeError> {
    read_value(name, values.get(name).unwrap_or(&Value::Null))
}

/// What `value` is as the parameter `name`; for what is derived.
///
/// # Errors
/// It does not fit the type.
#[doc(hidden)]
pub fn read_value<T: ParamValue>(name: &str, value: &Value) -> Result<T, NodeError> {
    T::read(value).map_err(|why| NodeError::internal(format!("`{name}`: {why}")))
}

/// The variant whose word `value` is; for what is derived.
///
/// # Errors
/// It is none of the words.
#[doc(hidden)]
pub fn read_choice<T: Choice>(value: &Value) -> Result<T, String> {
    let word = value.as_str().unwrap_or_default();
    T::of_word(word).ok_or_else(|| format!("{value} is none of {}", T::WORDS.join(", ")))
}

/// As serde reads it.
fn deserialised<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone())
        .map_err(|error| format!("{value} is not a {}: {error}", type_name::<T>()))
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ParamValue for $number {
            type Bound = f64;

            fn param_type(bounds: Option<RangeInclusive<f64>>) -> ParamType {
                let (min, max) = bounds.unwrap_or(f64::MIN..=f64::MAX).into_inner();
                ParamType::Number { min, max }
            }

            fn read(value: &Value) -> Result<Self, String> {
                deserialised(value)
            }

            fn written(&self) -> Value {
                // By its own digits: 0.1 as a 32-bit number is not 0.10000000149.
                self.to_string().parse::<f64>().map_or(Value::Null, Value::from)
            }
        }
    )*};
}

numbers!(f32, f64);

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl ParamValue for $number {
            type Bound = i64;

            fn param_type(bounds: Option<RangeInclusive<i64>>) -> ParamType {
                let (min, max) = bounds.unwrap_or(i64::MIN..=i64::MAX).into_inner();
                ParamType::Integer { min, max }
            }

            fn read(value: &Value) -> Result<Self, String> {
                deserialised(value)
            }

            fn written(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

whole_numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64);

impl ParamValue for bool {
    type Bound = ();

    fn param_type(_bounds: Option<RangeInclusive<()>>) -> ParamType {
        ParamType::Flag
    }

    fn read(value: &Value) -> Result<Self, String> {
        deserialised(value)
    }

    fn written(&self) -> Value {
        Value::from(*self)
    }
}

impl ParamValue for String {
    type Bound = ();

    fn param_type(_bounds: Option<RangeInclusive<()>>) -> ParamType {
        ParamType::Text
    }

    fn read(value: &Value) -> Result<Self, String> {
        deserialised(value)
    }

    fn written(&self) -> Value {
        Value::from(self.as_str())
    }
}

/// A file to read; `writes` makes it one to write.
impl ParamValue for PathBuf {
    type Bound = ();

    fn param_type(_bounds: Option<RangeInclusive<()>>) -> ParamType {
        ParamType::File(FileRole::Read)
    }

    fn read(value: &Value) -> Result<Self, String> {
        deserialised(value)
    }

    fn written(&self) -> Value {
        Value::from(self.to_string_lossy())
    }
}

impl ParamValue for Length {
    type Bound = f64;

    const UNIT: &'static str = "s or beats(n)";

    fn param_type(bounds: Option<RangeInclusive<f64>>) -> ParamType {
        let (min, max) = bounds.unwrap_or(0.0..=f64::MAX).into_inner();
        ParamType::Length { min, max }
    }

    fn read(value: &Value) -> Result<Self, String> {
        deserialised(value)
    }

    fn written(&self) -> Value {
        json!(self)
    }
}

impl<T: ParamValue> ParamValue for Option<T> {
    type Bound = T::Bound;

    const UNIT: &'static str = T::UNIT;

    const MAY_BE_LEFT_OUT: bool = true;

    fn param_type(bounds: Option<RangeInclusive<T::Bound>>) -> ParamType {
        T::param_type(bounds)
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            value => T::read(value).map(Some),
        }
    }

    fn written(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::written)
    }
}

impl<T: ParamValue> ParamValue for Vec<T> {
    type Bound = T::Bound;

    const UNIT: &'static str = T::UNIT;

    fn param_type(bounds: Option<RangeInclusive<T::Bound>>) -> ParamType {
        ParamType::List(Box::new(T::param_type(bounds)))
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(items) => items.iter().map(T::read).collect(),
            value => Err(format!("{value} is not a list")),
        }
    }

    fn written(&self) -> Value {
        self.iter().map(T::written).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;
    use crate::param::{Change, FileContent, Scale};

    #[derive(Clone, Copy, Debug, PartialEq, score_derive::NodeChoice)]
    enum Colour {
        DeepBlue,
        #[choice("3d")]
        ThreeD,
    }

    #[derive(Clone, score_derive::NodeParams)]
    struct Inner {
        /// how loud
        #[param(live, range = 0.0..=1.0, default = 0.1)]
        level: f32,
    }

    #[derive(Clone, score_derive::NodeParams)]
    struct Outer {
        /// which
        #[param(live, default = Colour::DeepBlue)]
        colour: Colour,
        /// how long,
        /// on two lines
        #[param(live, range = 0.0..=600.0, span = 0.05..=5.0, log, default = Length::Beats(2.0))]
        half_life: Length,
        /// what is written
        #[param(writes, content = Sound, ending = "wav", rebuild = "it is written once")]
        path: PathBuf,
        /// of each wire
        #[param(range = 0..=9, default = vec![1, 2])]
        counts: Vec<u8>,
        #[param(nested, defaults(level = 0.5))]
        inner: Inner,
        /// whether it begins anew
        #[param(default = true, structural = "it makes ports")]
        r#loop: bool,
        /// what it is called
        name: Option<String>,
    }

    fn declared(name: &str) -> Param {
        let mut params = Outer::declare().into_iter();
        params.find(|param| param.name == name).unwrap()
    }

    fn values() -> Value {
        json!({
            "colour": "3d", "half_life": { "seconds": 1.0 }, "path": "/a.wav", "counts": [3],
            "level": 0.25, "loop": false, "name": null,
        })
    }

    #[test]
    fn the_fields_declare_the_parameters() {
        let mut descriptor = Descriptor::of::<Outer>("test", "outer", "");
        descriptor.details = "".into();
        assert_eq!(descriptor.fault(), None);
        let names: Vec<_> = descriptor
            .params
            .iter()
            .map(|param| param.name.as_ref())
            .collect();
        assert_eq!(
            names,
            [
                "colour",
                "half_life",
                "path",
                "counts",
                "level",
                "loop",
                "name"
            ]
        );
        let colour = declared("colour");
        assert_eq!(colour.param_type, ParamType::choice(&["deep_blue", "3d"]));
        assert_eq!(colour.default, Some(json!("deep_blue")));
        let half_life = declared("half_life");
        assert_eq!(half_life.summary, "how long, on two lines");
        assert_eq!(half_life.unit, "s or beats(n)");
        assert_eq!(half_life.change, Change::Live);
        assert_eq!(half_life.default, Some(json!({ "beats": 2.0 })));
        let span = half_life.spans().unwrap();
        assert_eq!((span.from, span.to, span.scale), (0.05, 5.0, Scale::Ratios));
        let path = declared("path");
        assert_eq!(path.param_type, ParamType::File(FileRole::Write));
        assert_eq!(path.purpose.content, Some(FileContent::Sound));
        assert_eq!(path.reason, "it is written once");
        assert_eq!(path.default, None);
        assert_eq!(declared("counts").default, Some(json!([1, 2])));
        assert_eq!(declared("level").default, Some(json!(0.5)));
        assert_eq!(declared("loop").change, Change::Structural);
        assert_eq!(declared("name").default, Some(Value::Null));
        assert_eq!(Inner::declare()[0].default, Some(json!(0.1)));
    }

    #[test]
    fn values_arrive_in_their_fields_and_new_ones_of_live_parameters_alone() {
        let mut outer = Outer::read(&values()).unwrap();
        assert_eq!(outer.colour, Colour::ThreeD);
        assert_eq!(
            (outer.counts.as_slice(), outer.inner.level),
            (&[3][..], 0.25)
        );
        assert!(outer.name.is_none() && !outer.r#loop && outer.path == *"/a.wav");
        assert!(outer.set("half_life", &json!({ "beats": 1.0 })).unwrap());
        assert_eq!(outer.half_life, Length::Beats(1.0));
        assert!(outer.set("level", &json!(0.75)).unwrap());
        assert_eq!(outer.inner.level, 0.75);
        for fixed in ["path", "counts", "loop", "name", "nothing"] {
            assert!(!outer.set(fixed, &json!(null)).unwrap(), "{fixed}");
        }
        let why = outer.set("colour", &json!("red")).unwrap_err().to_string();
        assert!(
            why.contains("`colour`") && why.contains("deep_blue"),
            "{why}"
        );
        assert_eq!(outer.colour, Colour::ThreeD);
    }

    #[test]
    fn a_value_that_is_missing_is_named() {
        let mut values = values();
        values["level"] = Value::Null;
        let why = Outer::read(&values).err().unwrap().to_string();
        assert!(why.contains("`level`"), "{why}");
    }
}
