//! A single value, written as in a patch, for a parameter that is known.

use std::path::Path;

use serde_json::Value;

use super::params::convert;
use super::syntax::parse_from;
use super::tree::{Shape, Spot, Tree};
use crate::param::{Param, ParamType};

/// The value of `param` that `written` says; text may go without quotes.
///
/// # Errors
/// What is wrong with it, and what to do about it.
pub(crate) fn typed_value(param: &Param, written: &str) -> Result<Value, (String, Option<String>)> {
    let takes_text = matches!(param.param_type, ParamType::Text | ParamType::File(_));
    let tree = match takes_text && !written.starts_with('"') {
        true => Tree {
            spot: Spot::default(),
            shape: Shape::Text(written.to_owned()),
        },
        false => {
            let parsed = parse_from(0, written, 0);
            if let Some(mistake) = parsed.mistakes.into_iter().next() {
                return Err((format!("`{written}`: {}", mistake.message), None));
            }
            parsed.tree
        }
    };
    match convert(param, &tree, |_| Path::new("")) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err((format!("`{written}` cannot be read"), None)),
        Err(unfit) => Err((unfit.message, unfit.help)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_typed_as_a_patch_has_it() {
        let length = Param::length("a", (0.0, 5.0), "");
        assert_eq!(
            typed_value(&length, "beats(2)"),
            Ok(json!({ "beats": 2.0 }))
        );
        assert_eq!(typed_value(&length, "0.5"), Ok(json!({ "seconds": 0.5 })));
        let text = Param::text("a", "");
        assert_eq!(typed_value(&text, "C G Am F"), Ok(json!("C G Am F")));
        assert_eq!(typed_value(&text, "\"C\""), Ok(json!("C")));
        let list = Param::list("a", ParamType::Integer { min: 0, max: 9 }, "");
        assert_eq!(typed_value(&list, "[1, 2]"), Ok(json!([1, 2])));
        let words = Param::choice("a", &["major", "minor"], "");
        let (why, help) = typed_value(&words, "mayor").unwrap_err();
        assert!(
            why.contains("major, minor") && help.unwrap().contains("major"),
            "{why}"
        );
        for broken in ["", "(", "beats(", "[1", "6"] {
            assert!(typed_value(&length, broken).is_err(), "{broken}");
        }
    }
}
