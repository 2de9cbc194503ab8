//! A value as a patch writes it.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::param::{Param, ParamType, written_number};
use crate::patch::params::convert;
use crate::patch::syntax::parse_from;

/// Significant digits of a number that comes from a wire or a dial.
const FEW: usize = 6;

/// Significant digits that every number written in decimals keeps; where one has more, it was
/// computed.
const TRUSTED: usize = 15;

/// A value as a patch writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Atom(String),
    List(Vec<Literal>),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Atom(text) => f.write_str(text),
            Literal::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

impl Literal {
    /// `value`, which is one of the type's. Paths below `folder` are written from there.
    pub(super) fn of(param_type: &ParamType, value: &Value, rounded: bool, folder: &Path) -> Self {
        let number = |value: &Value, min: f64, max: f64| {
            short(value.as_f64().unwrap_or_default(), rounded, min, max)
        };
        Literal::Atom(match (param_type, value) {
            (_, Value::Null) => "None".to_owned(),
            (ParamType::Number { min, max }, value) => number(value, *min, *max),
            (ParamType::Length { min, max }, value) => {
                match (value.get("seconds"), value.get("beats")) {
                    (_, Some(beats)) => format!("beats({})", number(beats, *min, *max)),
                    (seconds, None) => number(seconds.unwrap_or(&Value::Null), *min, *max),
                }
            }
            (ParamType::Choice(_), Value::String(word)) if is_word(word) => word.clone(),
            (ParamType::File(_), Value::String(path)) => quoted(&from_folder(path, folder)),
            (_, Value::String(text)) => quoted(text),
            (ParamType::List(item), Value::Array(values)) => {
                let items = values.iter();
                let items = items.map(|value| Literal::of(item, value, rounded, folder));
                return Literal::List(items.collect());
            }
            (_, value) => value.to_string(),
        })
    }

    /// `value` by its form alone, where nobody says what it is a value of. A word is written as
    /// text, which a patch takes for one.
    pub(super) fn plain(value: &Value) -> Self {
        let number = |value: &Value| match value.is_f64() {
            true => {
                let number = value.as_f64().unwrap_or_default();
                short(number, false, f64::MIN, f64::MAX)
            }
            false => value.to_string(),
        };
        Literal::Atom(match (value, value.get("seconds"), value.get("beats")) {
            (Value::Null, ..) => "None".to_owned(),
            (_, Some(seconds), _) => number(seconds),
            (_, _, Some(beats)) => format!("beats({})", number(beats)),
            (Value::String(text), ..) => quoted(text),
            (Value::Array(items), ..) => {
                return Literal::List(items.iter().map(Literal::plain).collect());
            }
            (value, ..) => number(value),
        })
    }

    /// The value that a patch with this literal gives `param`.
    ///
    /// # Errors
    /// It is none; the text says why.
    pub(super) fn read(&self, param: &Param, folder: &Path) -> Result<Value, String> {
        let parsed = parse_from(0, &self.to_string(), 0);
        match parsed.mistakes.into_iter().next() {
            Some(mistake) => Err(mistake.message),
            None => match convert(param, &parsed.tree, |_| folder) {
                Ok(Some(value)) => Ok(value),
                Ok(None) => Err(format!("`{}` takes {}", param.name, param.takes())),
                Err(unfit) => Err(unfit.message),
            },
        }
    }
}

/// A number from `min` to `max` with no more digits than it needs.
fn short(number: f64, rounded: bool, min: f64, max: f64) -> String {
    let few = || format!("{number:.*e}", FEW - 1).parse::<f64>().ok();
    let shorter = match rounded {
        true => few(),
        // What arrives from 32 bits has digits behind it that nobody gave: 0.10000000149011612 is
        // 0.1.
        false if digits(number) > TRUSTED && f64::from(number as f32) == number => {
            (number as f32).to_string().parse().ok()
        }
        false => None,
    };
    let within = |number: &f64| (min..=max).contains(number);
    written_number(shorter.filter(within).unwrap_or(number))
}

/// The significant digits of the shortest decimal that is this number.
fn digits(number: f64) -> usize {
    let text = format!("{number:e}");
    let mantissa = text.split('e').next().unwrap_or_default();
    mantissa.bytes().filter(u8::is_ascii_digit).count()
}

/// Whether a word can stand without quotes, and is not the word for nothing.
fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars.next().is_some_and(|c| c == '_' || c.is_alphabetic());
    begins && chars.all(|c| c == '_' || c.is_alphanumeric()) && text != "None"
}

/// A text with its quotes. RON escapes as Rust does.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// A path as a patch in `folder` writes it.
fn from_folder(path: &str, folder: &Path) -> String {
    let below = Path::new(path).strip_prefix(folder).ok();
    below
        .and_then(Path::to_str)
        .filter(|below| !below.is_empty() && folder.join(below).to_str() == Some(path))
        .unwrap_or(path)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::FileRole;
    use serde_json::json;

    fn literal(param_type: &ParamType, value: &Value, rounded: bool) -> String {
        Literal::of(param_type, value, rounded, Path::new("/patches")).to_string()
    }

    #[test]
    fn numbers_have_no_more_digits_than_they_need() {
        let any = ParamType::Number {
            min: f64::MIN,
            max: f64::MAX,
        };
        for (value, wanted) in [
            (json!(0.25), "0.25"),
            (json!(0.1f32), "0.1"),
            (json!(0.1), "0.1"),
            (json!(1.0 / 3.0), "0.3333333333333333"),
            (json!(1.0f32 / 3.0), "0.33333334"),
            (json!(3), "3"),
            (json!(-3.0), "-3"),
            (json!(-0.0), "0"),
            (json!(2_147_483_648.0), "2147483648"),
            (json!(1e-9), "1e-9"),
            (json!(1e300), "1e300"),
        ] {
            assert_eq!(literal(&any, &value, false), wanted);
        }
        for (value, wanted) in [
            (json!(1.0 / 3.0), "0.333333"),
            (json!(0.499_999_97), "0.5"),
            (json!(1_234.567_89), "1234.57"),
            (json!(440), "440"),
        ] {
            assert_eq!(literal(&any, &value, true), wanted);
        }
    }

    #[test]
    fn rounding_never_leaves_the_range() {
        let narrow = ParamType::Number {
            min: 0.0,
            max: 0.123_456_7,
        };
        assert_eq!(literal(&narrow, &json!(0.123_456_7), true), "0.1234567");
        let narrow = ParamType::Number {
            min: 0.300_000_01,
            max: 1.0,
        };
        let number = json!(0.3f32);
        assert_eq!(literal(&narrow, &number, false), number.to_string());
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        let length = ParamType::Length { min: 0.0, max: 9.0 };
        let choice = ParamType::choice(&["glass", "3d", "None"]);
        let list = ParamType::List(Box::new(length.clone()));
        for (param_type, value, wanted) in [
            (&length, json!({ "seconds": 0.5f32 }), "0.5"),
            (&length, json!({ "beats": 2.0 }), "beats(2)"),
            (&choice, json!("glass"), "glass"),
            (&choice, json!("3d"), "\"3d\""),
            (&choice, json!("None"), "\"None\""),
            (&choice, json!(null), "None"),
            (&ParamType::Flag, json!(true), "true"),
            (&ParamType::Text, json!("a \"b\"\\\n"), r#""a \"b\"\\\n""#),
            (&ParamType::Text, json!("Motörhead"), "\"Motörhead\""),
            (
                &list,
                json!([{ "beats": 1 }, { "seconds": 0 }]),
                "[beats(1), 0]",
            ),
            (&list, json!([]), "[]"),
        ] {
            assert_eq!(literal(param_type, &value, false), wanted);
        }
    }

    #[test]
    fn paths_below_the_patchs_folder_are_written_from_there() {
        let file = ParamType::File(FileRole::Read);
        for (path, wanted) in [
            ("/patches/a/film.mp4", "\"a/film.mp4\""),
            ("/films/film.mp4", "\"/films/film.mp4\""),
            ("/patches", "\"/patches\""),
            ("/patches//film.mp4", "\"/patches//film.mp4\""),
        ] {
            assert_eq!(literal(&file, &json!(path), false), wanted);
        }
    }
}
