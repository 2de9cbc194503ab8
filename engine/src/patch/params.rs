//! Turns the values in a patch into what a kind's declaration says they are.

use std::path::Path;

use serde_json::{Value, json};

use crate::diagnostic::did_you_mean;
use crate::param::{Param, ParamType};
use crate::patch::tree::{Shape, Tree};

/// Why a value does not fit, and what to do about it.
pub(crate) struct Unfit {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Unfit {
    fn new(message: impl Into<String>) -> Self {
        Unfit {
            message: message.into(),
            help: None,
        }
    }
}

/// The value of `param` as `tree` gives it; `folder` gives the folder that paths in a text count
/// from. `None`: its syntax is broken, which has been reported.
pub(crate) fn convert<'a>(
    param: &Param,
    tree: &Tree,
    folder: impl Fn(usize) -> &'a Path,
) -> Result<Option<Value>, Unfit> {
    let tree = match &tree.shape {
        // RON writes an optional value as Some(value) or None.
        Shape::Tuple(Some(name), items) if name.text == "Some" && items.len() == 1 => &items[0],
        Shape::Word(word) if word == "None" && param.default == Some(Value::Null) => {
            return Ok(Some(Value::Null));
        }
        _ => tree,
    };
    value_of(&param.param_type, tree, &folder).map_err(|unfit| match unfit {
        Misfit::Kind => Unfit::new(format!("`{}` takes {}", param.name, param.takes())),
        Misfit::Range(found) => Unfit::new(format!(
            "`{}` must be {}, not {found}",
            param.name,
            param.takes()
        )),
        Misfit::Word(word, help) => Unfit {
            message: format!("`{}` takes {}, not `{word}`", param.name, param.takes()),
            help,
        },
    })
}

/// The value that `tree` is as one of `param_type`; `None` where it is none.
pub(crate) fn value_of_type<'a>(
    param_type: &ParamType,
    tree: &Tree,
    folder: impl Fn(usize) -> &'a Path,
) -> Option<Value> {
    value_of(param_type, tree, &folder).ok().flatten()
}

enum Misfit {
    Kind,
    Range(String),
    Word(String, Option<String>),
}

fn value_of<'a>(
    param_type: &ParamType,
    tree: &Tree,
    folder: &impl Fn(usize) -> &'a Path,
) -> Result<Option<Value>, Misfit> {
    let value = match (param_type, &tree.shape) {
        (_, Shape::Broken) => return Ok(None),
        (ParamType::Number { min, max }, shape) => {
            let number = number(shape)?;
            in_range(number, *min, *max)?;
            json!(number)
        }
        (ParamType::Integer { min, max }, Shape::Integer(integer)) => {
            if integer < min || integer > max {
                return Err(Misfit::Range(integer.to_string()));
            }
            json!(integer)
        }
        (ParamType::Length { min, max }, Shape::Tuple(Some(name), items)) => match items.as_slice()
        {
            [length] if name.text == "beats" || name.text == "seconds" => {
                let length = number(&length.shape)?;
                in_range(length, *min, *max)?;
                json!({ name.text.clone(): length })
            }
            _ => return Err(Misfit::Kind),
        },
        (ParamType::Length { min, max }, shape) => {
            let seconds = number(shape)?;
            in_range(seconds, *min, *max)?;
            json!({ "seconds": seconds })
        }
        (ParamType::Flag, Shape::Word(word)) if word == "true" || word == "false" => {
            json!(word == "true")
        }
        (ParamType::Text, Shape::Text(text)) => json!(text),
        (ParamType::File(_), Shape::Text(text)) if !text.is_empty() && !text.contains('\0') => {
            json!(folder(tree.spot.source).join(text).to_string_lossy())
        }
        (ParamType::Choice(words), Shape::Word(word) | Shape::Text(word)) => {
            if !words.iter().any(|choice| choice == word) {
                let help = did_you_mean(word, words.iter().map(AsRef::as_ref));
                return Err(Misfit::Word(word.clone(), help));
            }
            json!(word)
        }
        (ParamType::List(item), Shape::List(items) | Shape::Tuple(None, items)) => {
            let mut values = Vec::with_capacity(items.len());
            for tree in items {
                match value_of(item, tree, folder)? {
                    Some(value) => values.push(value),
                    None => return Ok(None),
                }
            }
            Value::Array(values)
        }
        _ => return Err(Misfit::Kind),
    };
    Ok(Some(value))
}

fn number(shape: &Shape) -> Result<f64, Misfit> {
    match shape {
        Shape::Number(number) => Ok(*number),
        Shape::Integer(integer) => Ok(*integer as f64),
        _ => Err(Misfit::Kind),
    }
}

fn in_range(number: f64, min: f64, max: f64) -> Result<(), Misfit> {
    if (min..=max).contains(&number) {
        Ok(())
    } else {
        Err(Misfit::Range(number.to_string()))
    }
}
