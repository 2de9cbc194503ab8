//! Values as OSC has them, and as nodes have them.

use std::time::Duration;

use rosc::OscType;
use score_engine::{Length, Param, ParamType, Transport};
use score_nodes::osc::arguments::number;
use serde_json::{Value, json};

use crate::remote::protocol::MAX_GLIDE;

/// The value that `args` are for the parameter, within its range, and the time until it shall have
/// arrived.
///
/// # Errors
/// What the parameter takes instead.
pub(super) fn read(param: &Param, args: &[OscType]) -> Result<(Value, Duration), String> {
    // A list comes as several arguments, or as an array.
    let takes = || format!("it takes {}", takes(&param.param_type));
    if let ParamType::List(element) = &param.param_type {
        let elements = match args {
            [OscType::Array(array)] => &array.content,
            args => args,
        };
        let values = elements.iter().map(|arg| one(element, arg));
        let values = values.collect::<Option<Vec<Value>>>().ok_or_else(takes)?;
        return Ok((Value::Array(values), Duration::ZERO));
    }
    let (value, glide) = match args {
        [value] => (value, 0.0),
        [value, glide] => (value, number(glide).ok_or_else(takes)?),
        _ => return Err(takes()),
    };
    let value = one(&param.param_type, value).ok_or_else(takes)?;
    let glide = Duration::from_secs_f64(glide.clamp(0.0, MAX_GLIDE));
    Ok((value, glide))
}

/// The time in which a message recalls a preset; `None`: it does not, since a button that is let go
/// says 0.
///
/// # Errors
/// What a preset takes instead.
pub(super) fn glide(args: &[OscType]) -> Result<Option<Duration>, String> {
    let seconds = match args.first() {
        None | Some(OscType::Nil | OscType::Inf | OscType::Bool(true)) => {
            return Ok(Some(Duration::ZERO));
        }
        Some(arg) => number(arg).ok_or("it takes the seconds of a glide, or nothing")?,
    };
    let glide = Duration::from_secs_f64(seconds.clamp(0.0, MAX_GLIDE));
    Ok((seconds > 0.0).then_some(glide))
}

fn one(param_type: &ParamType, arg: &OscType) -> Option<Value> {
    Some(match param_type {
        ParamType::Number { min, max } => json!(number(arg)?.clamp(*min, *max)),
        ParamType::Length { min, max } => json!({ "seconds": number(arg)?.clamp(*min, *max) }),
        ParamType::Integer { min, max } => {
            json!((number(arg)?.round() as i64).clamp(*min, *max))
        }
        ParamType::Flag => json!(number(arg)? >= 0.5),
        ParamType::Choice(words) => match arg {
            OscType::String(word) => json!(words.iter().find(|known| *known == word)?),
            // A menu of a tablet says which it is.
            arg => {
                let number = number(arg).filter(|number| *number >= 0.0)?;
                json!(words.get(number.round() as usize)?)
            }
        },
        ParamType::Text => match arg {
            OscType::String(text) => json!(text),
            _ => return None,
        },
        _ => return None,
    })
}

fn takes(param_type: &ParamType) -> String {
    match param_type {
        ParamType::Number { min, max } | ParamType::Length { min, max } => {
            format!("a number from {min} to {max}, and the seconds of a glide if you like")
        }
        ParamType::Integer { min, max } => format!("a whole number from {min} to {max}"),
        ParamType::Flag => "true or false".to_owned(),
        ParamType::Choice(words) => format!("one of {}", words.join(", ")),
        ParamType::List(element) => format!("several values: {}", takes(element)),
        _ => "text".to_owned(),
    }
}

/// The arguments that `value`, one of the parameter's, is.
pub(super) fn arguments(param: &Param, value: &Value, transport: &Transport) -> Vec<OscType> {
    match (&param.param_type, value) {
        (ParamType::List(element), Value::Array(values)) => values
            .iter()
            .filter_map(|value| argument(element, value, transport))
            .collect(),
        (param_type, value) => argument(param_type, value, transport).into_iter().collect(),
    }
}

fn argument(param_type: &ParamType, value: &Value, transport: &Transport) -> Option<OscType> {
    Some(match param_type {
        ParamType::Number { .. } => OscType::Float(value.as_f64()? as f32),
        ParamType::Length { .. } => {
            let length: Length = serde_json::from_value(value.clone()).ok()?;
            OscType::Float(length.at(transport).seconds() as f32)
        }
        ParamType::Integer { .. } => {
            let number = value.as_i64()?;
            OscType::Int(number.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
        }
        ParamType::Flag => OscType::Bool(value.as_bool()?),
        _ => OscType::String(value.as_str()?.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn gain() -> Param {
        Param::number("gain", (-60.0, 24.0), "").live()
    }

    #[test]
    fn numbers_of_every_kind_are_taken_within_the_range_and_with_a_glide() {
        for (arg, value) in [
            (OscType::Float(-3.5), -3.5),
            (OscType::Int(7), 7.0),
            (OscType::Double(1e9), 24.0),
            (OscType::Long(-100), -60.0),
            (OscType::Bool(true), 1.0),
        ] {
            let read = read(&gain(), &[arg]).unwrap();
            assert_eq!(read, (json!(value), Duration::ZERO));
        }
        let glide = [OscType::Float(1.0), OscType::Float(2.5)];
        assert_eq!(read(&gain(), &glide).unwrap().1.as_secs_f64(), 2.5);
        for wrong in [OscType::Float(f32::NAN), OscType::String("loud".to_owned())] {
            assert!(
                read(&gain(), &[wrong])
                    .unwrap_err()
                    .contains("from -60 to 24")
            );
        }
    }

    #[test]
    fn words_flags_lengths_and_lists_are_taken() {
        let of = |param_type| {
            let mut param = gain();
            param.param_type = param_type;
            param
        };
        let shape = of(ParamType::choice(&["sine", "square"]));
        let square = json!("square");
        assert_eq!(read(&shape, &[OscType::Int(1)]).unwrap().0, square);
        let word = OscType::String("square".to_owned());
        assert_eq!(read(&shape, &[word]).unwrap().0, square);
        assert!(
            read(&shape, &[OscType::Int(2)])
                .unwrap_err()
                .contains("sine")
        );
        let flag = of(ParamType::Flag);
        assert_eq!(read(&flag, &[OscType::Float(1.0)]).unwrap().0, json!(true));
        let length = of(ParamType::Length { min: 0.0, max: 9.0 });
        let two = json!({ "seconds": 2.0 });
        assert_eq!(read(&length, &[OscType::Int(2)]).unwrap().0, two);
        let transport = Transport::default();
        let beats = arguments(&length, &json!({ "beats": 2.0 }), &transport);
        assert_eq!(beats, [OscType::Float(1.0)]);
        let integer = ParamType::Integer { min: 1, max: 64 };
        let metre = of(ParamType::List(Box::new(integer)));
        let three_four = [OscType::Int(3), OscType::Int(4)];
        let value = read(&metre, &three_four).unwrap().0;
        assert_eq!(value, json!([3, 4]));
        assert_eq!(arguments(&metre, &value, &transport), three_four);
    }

    #[test]
    fn a_preset_is_recalled_by_a_button_that_is_pressed_and_not_by_its_release() {
        let of = |args: &[OscType]| glide(args).unwrap().map(|glide| glide.as_secs_f64());
        for at_once in [
            &[][..],
            &[OscType::Nil],
            &[OscType::Inf],
            &[OscType::Bool(true)],
        ] {
            assert_eq!(of(at_once), Some(0.0), "{at_once:?}");
        }
        assert_eq!(of(&[OscType::Float(2.5)]), Some(2.5));
        assert_eq!(of(&[OscType::Int(1), OscType::Int(0)]), Some(1.0));
        assert_eq!(of(&[OscType::Double(1e9)]), Some(MAX_GLIDE));
        let released = [
            OscType::Int(0),
            OscType::Float(0.0),
            OscType::Bool(false),
            OscType::Float(-1.0),
        ];
        for released in released {
            assert_eq!(of(&[released]), None);
        }
        assert!(glide(&[OscType::String("now".to_owned())]).is_err());
        assert!(glide(&[OscType::Float(f32::NAN)]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_parameter_takes(number: f32, glide: f32) {
            let args = [OscType::Float(number), OscType::Float(glide)];
            if let Ok((value, _)) = read(&gain(), &args) {
                prop_assert!(gain().admits(&value).is_ok());
            }
        }
    }
}
