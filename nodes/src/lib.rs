//! The built-in nodes of SCORE!, one module a family.
#![forbid(unsafe_code)]

mod audio;
mod chords;
mod control;
mod controls;
pub mod device;
pub mod evaluation;
mod file_state;
pub mod fit_cuts;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod growing_file;
mod half_life;
mod latent;
mod midi;
pub mod model;
pub mod music;
pub mod output;
mod picture;
mod recorder;
pub mod scored_film;
mod syncing;
#[cfg(test)]
mod testing;
mod video;
mod vision;

use score_engine::Registry;

pub use audio::stem_files;

/// A registry that knows every built-in node.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    audio::register(&mut registry);
    control::register(&mut registry);
    device::register(&mut registry);
    latent::register(&mut registry);
    midi::register(&mut registry);
    music::register(&mut registry);
    picture::register(&mut registry);
    registry.add::<recorder::Recorder>();
    video::register(&mut registry);
    vision::register(&mut registry);
    registry
}

#[cfg(test)]
mod tests {
    use score_engine::{Change, FileRole, Param, ParamType, Value};
    use serde_json::json;

    #[test]
    fn no_declaration_contradicts_itself() {
        for kind in super::registry().kinds() {
            assert_eq!(kind.descriptor().fault(), None);
        }
    }

    /// A value that the parameter takes.
    fn any_value(param: &Param) -> Value {
        let first = |param_type: &ParamType| match param_type {
            ParamType::Number { min, .. } => json!(min),
            ParamType::Integer { min, .. } => json!(min),
            ParamType::Length { min, .. } => json!({ "seconds": min }),
            ParamType::Flag => json!(true),
            ParamType::Text => json!("text"),
            ParamType::Choice(words) => json!(words[0]),
            ParamType::File(_) => json!("/file"),
            ParamType::List(_) => json!([]),
            other => unreachable!("no value is known for {other:?}"),
        };
        let default = param.default.clone().filter(|value| !value.is_null());
        default.unwrap_or_else(|| first(&param.param_type))
    }

    #[test]
    fn every_live_parameter_of_every_kind_is_taken_and_no_other_is() {
        let mut live = 0;
        for kind in super::registry().kinds() {
            let descriptor = kind.descriptor();
            let values = descriptor.params.iter();
            let values = values.map(|param| (param.name.to_string(), any_value(param)));
            let node = kind.node(Value::Object(values.collect())).unwrap();
            for param in &descriptor.params {
                let taken = node.takes(&param.name, &any_value(param)).unwrap();
                let (kind, name) = (&descriptor.kind, &param.name);
                assert_eq!(taken, param.change == Change::Live, "{kind}.{name}");
                live += usize::from(taken);
            }
        }
        assert!(live > 150, "{live}");
    }

    #[test]
    fn every_live_number_flag_and_choice_is_an_input_whose_values_it_takes() {
        for kind in super::registry().kinds() {
            for (_, param) in kind.descriptor().param_inputs() {
                for place in [0.0, 0.3, 1.0] {
                    let value = param.value_at(place, param.spans());
                    let name = format!("{}.{}", kind.descriptor().kind, param.name);
                    let value = value.unwrap_or_else(|| panic!("{name} has no span"));
                    assert_eq!(param.admits(&value), Ok(()), "{name} at {place}");
                }
            }
        }
    }

    /// The reference lists it.
    #[test]
    fn every_parameter_that_is_not_live_says_why() {
        let silent: Vec<String> = (super::registry().kinds())
            .flat_map(|kind| {
                let descriptor = kind.descriptor();
                let fixed = descriptor.params.iter();
                let fixed =
                    fixed.filter(|param| param.change != Change::Live && param.reason.is_empty());
                fixed
                    .map(|param| format!("{}.{}", descriptor.kind, param.name))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(silent, Vec::<String>::new());
    }

    /// `score film` names files by it, and knows no kind.
    #[test]
    fn every_file_parameter_declares_what_the_file_is_for() {
        for kind in super::registry().kinds() {
            let descriptor = kind.descriptor();
            for param in &descriptor.params {
                let ParamType::File(role) = param.param_type else {
                    continue;
                };
                let (name, purpose) = (&descriptor.kind, &param.purpose);
                assert!(purpose.content.is_some(), "{name}.{}", param.name);
                let ends = role == FileRole::Read || purpose.ending.is_some();
                assert!(ends, "{name}.{} has no ending", param.name);
            }
        }
    }
}
