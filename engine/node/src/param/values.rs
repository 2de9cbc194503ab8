//! The values that a parameter takes: in words, as a patch writes them, and whether one is among
//! them.

use serde_json::Value;

use super::{Param, ParamType};

impl Param {
    /// What it takes, in words: `a number from 0 to 60 s`.
    pub fn takes(&self) -> String {
        let unit = match self.unit.as_ref() {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        expectation(&self.param_type, &unit)
    }

    /// Whether it takes `value`, in the form in which values arrive at a node.
    ///
    /// # Errors
    /// It does not; the text says what it takes.
    pub fn admits(&self, value: &Value) -> Result<(), String> {
        let left_out = value.is_null() && self.default == Some(Value::Null);
        if left_out || fits(&self.param_type, value) {
            Ok(())
        } else {
            let form = match self.param_type {
                ParamType::Length { .. } => r#", in the form {"seconds": 0.5} or {"beats": 2}"#,
                _ => "",
            };
            let (name, takes) = (&self.name, self.takes());
            Err(format!("`{name}` takes {takes}{form}, not {value}"))
        }
    }

    /// A value of its type as a patch writes it; text without its quotes.
    #[doc(hidden)]
    pub fn written(&self, value: &Value) -> String {
        written_value(value)
    }
}

/// A parameter's value, in the form in which values arrive at a node, as a patch writes it; text
/// without its quotes, and what is left out as nothing.
pub fn written_value(value: &Value) -> String {
    match (value, value.get("seconds"), value.get("beats")) {
        (_, Some(seconds), _) => written_value(seconds),
        (_, _, Some(beats)) => format!("beats({})", written_value(beats)),
        (Value::String(text), ..) => text.clone(),
        (Value::Null, ..) => String::new(),
        (Value::Number(number), ..) if number.is_f64() => {
            written_number(number.as_f64().unwrap_or_default())
        }
        (Value::Array(items), ..) => {
            let item = |item: &Value| match item {
                Value::String(text) => format!("{text:?}"),
                item => written_value(item),
            };
            let items: Vec<String> = items.iter().map(item).collect();
            format!("[{}]", items.join(", "))
        }
        _ => value.to_string(),
    }
}

/// A number in decimals, or with an exponent where it would be a row of zeros.
#[doc(hidden)]
pub fn written_number(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        1e-5..1e15 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

fn expectation(param_type: &ParamType, unit: &str) -> String {
    match param_type {
        ParamType::Number { min, max } => format!("a number{}{unit}", range(*min, *max)),
        ParamType::Integer { min, max } => {
            format!("a whole number{}{unit}", range(*min as f64, *max as f64))
        }
        ParamType::Length { min, max } => format!("seconds or beats(n){}", range(*min, *max)),
        ParamType::Flag => "true or false".to_owned(),
        ParamType::Text => "text in quotes".to_owned(),
        ParamType::File(_) => "a path in quotes".to_owned(),
        ParamType::Choice(words) => format!("one of {}", words.join(", ")),
        ParamType::List(item) => {
            format!("a list in brackets, each item {}", expectation(item, unit))
        }
    }
}

fn range(min: f64, max: f64) -> String {
    // Bounds of this size stand for "any".
    const ANY: f64 = 1e9;
    match (min > -ANY, max < ANY) {
        (true, true) => format!(" from {min} to {max}"),
        (true, false) => format!(" of at least {min}"),
        (false, true) => format!(" of at most {max}"),
        (false, false) => String::new(),
    }
}

fn fits(param_type: &ParamType, value: &Value) -> bool {
    let within = |value: &Value, min: &f64, max: &f64| {
        value
            .as_f64()
            .is_some_and(|number| (*min..=*max).contains(&number))
    };
    match (param_type, value) {
        (ParamType::Number { min, max }, number) => within(number, min, max),
        (ParamType::Integer { min, max }, number) => number
            .as_i64()
            .is_some_and(|number| (*min..=*max).contains(&number)),
        (ParamType::Length { min, max }, Value::Object(length)) => {
            let mut forms = length.iter();
            matches!(
                (forms.next(), forms.next()),
                (Some((form, number)), None)
                    if matches!(form.as_str(), "seconds" | "beats") && within(number, min, max)
            )
        }
        (ParamType::Flag, value) => value.is_boolean(),
        (ParamType::Text, value) => value.is_string(),
        (ParamType::File(_), Value::String(path)) => !path.is_empty(),
        (ParamType::Choice(words), Value::String(word)) => {
            words.iter().any(|choice| choice == word)
        }
        (ParamType::List(item), Value::Array(values)) => {
            values.iter().all(|value| fits(item, value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_takes_what_it_declares_and_nothing_else() {
        let length = Param::length("a", (0.0, 5.0), "");
        let list = Param::list("a", ParamType::Integer { min: 0, max: 9 }, "");
        for (param, good, bad) in [
            (Param::number("a", (0.0, 1.0), ""), json!(1), json!(1.1)),
            (Param::integer("a", (0, 9), ""), json!(9), json!(9.0)),
            (length.clone(), json!({ "beats": 5 }), json!(1)),
            (
                length.clone(),
                json!({ "seconds": 0.5 }),
                json!({ "beats": 6 }),
            ),
            (length.clone(), json!({ "beats": 5 }), json!("beats(5)")),
            (
                length,
                json!({ "beats": 5 }),
                json!({ "beats": 1, "seconds": 1 }),
            ),
            (Param::flag("a", ""), json!(true), json!("true")),
            (Param::text("a", ""), json!(""), json!(1)),
            (Param::file_to_read("a", ""), json!("x"), json!("")),
            (
                Param::choice("a", &["up", "down"], ""),
                json!("up"),
                json!("left"),
            ),
            (list.clone(), json!([]), json!([1, 10])),
            (list, json!([0, 9]), json!(0)),
            (Param::text("a", "").optional(), json!(null), json!(1)),
            (Param::text("a", "").default("x"), json!("y"), json!(null)),
        ] {
            assert_eq!(param.admits(&good), Ok(()));
            let why = param.admits(&bad).unwrap_err();
            assert!(
                why.contains(&param.takes()) && why.contains(&bad.to_string()),
                "{why}"
            );
        }
    }

    #[test]
    fn a_value_is_written_as_a_patch_has_it() {
        let length = Param::length("a", (0.0, 5.0), "");
        assert_eq!(length.written(&json!({ "seconds": 0.5 })), "0.5");
        assert_eq!(length.written(&json!({ "beats": 0.5 })), "beats(0.5)");
        assert_eq!(length.written(&json!({ "seconds": 2.0 })), "2");
        let choice = Param::choice("a", &["up"], "");
        assert_eq!(choice.written(&json!("up")), "up");
        for (value, wanted) in [
            (json!(-30.0), "-30"),
            (json!(-30), "-30"),
            (json!(-0.0), "0"),
            (json!(1e300), "1e300"),
            (json!([0.5, 2.0]), "[0.5, 2]"),
            (json!([]), "[]"),
            (
                json!([{ "beats": 1.0 }, "a \"b\""]),
                r#"[beats(1), "a \"b\""]"#,
            ),
            (json!(true), "true"),
        ] {
            assert_eq!(written_value(&value), wanted);
        }
    }
}
