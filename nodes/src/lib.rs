//! The built-in nodes of SCORE!, one module a family.
#![forbid(unsafe_code)]

mod audio;
mod backoff;
mod cholesky;
mod chords;
#[doc(hidden)]
pub mod complaints;
mod control;
mod controls;
mod custom;
mod datagram;
#[cfg(feature = "device")]
pub mod device;
#[cfg_attr(not(feature = "onnx"), allow(dead_code))]
pub mod drawing;
mod event;
mod file_state;
pub mod film_facts;
pub mod film_preview;
pub mod fit_cuts;
mod flow;
#[cfg(feature = "device")]
pub mod following;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod growing_file;
mod half_life;
mod horizon;
mod hysteresis;
mod latent;
pub mod lessons;
mod light;
mod midi;
pub mod model;
// Without ONNX Runtime the nodes that play models are not registered.
#[cfg_attr(not(feature = "onnx"), allow(dead_code, unused_imports))]
pub mod music;
pub mod names;
mod net;
mod notes;
mod only_live;
#[doc(hidden)]
pub mod osc;
pub mod output;
mod params_over_time;
mod picture;
mod plain_file;
mod programs;
pub mod scored_film;
#[cfg_attr(not(feature = "onnx"), allow(dead_code, unused_imports))]
mod seeing;
pub mod sha256;
#[doc(hidden)]
pub mod shared;
#[cfg_attr(not(feature = "onnx"), allow(dead_code))]
pub mod stills;
mod syncing;
pub mod take;
#[cfg(test)]
mod testing;
mod ticks;
mod together;
mod video;
#[cfg(feature = "onnx")]
mod vision;
#[doc(hidden)]
pub mod waiting;

use score_engine::{CustomForms, Registry};

pub use audio::{bytes_of_takes, stem_files};
pub use chords::Chords;
pub use growing_file::recover;
pub use video::{Camera, CameraFormat, cameras};
#[cfg(feature = "onnx")]
pub use vision::latents_in_folder;

/// The kinds that a cargo feature brings, and whether this build has it.
const FEATURES: [(&str, bool, &[&str]); 2] = [
    (
        "device",
        cfg!(feature = "device"),
        &[
            "audio_in",
            "audio_out",
            "daw_out",
            "jack_transport_out",
            "midi_clock_out",
            "midi_in",
            "midi_out",
            "midi_timecode_out",
        ],
    ),
    (
        "onnx",
        cfg!(feature = "onnx"),
        &[
            "accompaniment",
            "bass_line",
            "drum_decoder",
            "frame_encoder",
            "harmony",
            "music_decoder",
            "music_encoder",
            "picture_decoder",
            "planner",
            "stream_decoder",
        ],
    ),
];

/// A registry that knows every built-in node of this build: those that play and listen on devices
/// need the cargo feature `device`, those that run models `onnx`. Both are in by default.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    audio::register(&mut registry);
    control::register(&mut registry);
    event::register(&mut registry);
    flow::register(&mut registry);
    latent::register(&mut registry);
    light::register(&mut registry);
    midi::register(&mut registry);
    music::register(&mut registry);
    net::register(&mut registry);
    notes::register(&mut registry);
    osc::register(&mut registry);
    picture::register(&mut registry);
    video::register(&mut registry);
    #[cfg(feature = "onnx")]
    vision::register(&mut registry);
    registry.set_custom_forms(custom_forms());
    for (feature, _, kinds) in FEATURES.iter().filter(|(_, is_built, _)| !is_built) {
        for kind in *kinds {
            let advice = format!(
                "this program is built without it; build it with the cargo feature `{feature}` of score-nodes"
            );
            registry.advise(kind, advice);
        }
    }
    registry
}

/// How values of the types of these nodes are written down.
pub(crate) fn custom_forms() -> CustomForms {
    let mut forms = CustomForms::default();
    forms.add::<Chords>(Chords::TYPE);
    forms.add::<controls::Controls>(controls::Controls::TYPE);
    forms
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use score_engine::{Change, FileRole, Param, ParamType, Value};
    use serde_json::json;

    #[test]
    fn no_declaration_contradicts_itself() {
        for kind in super::registry().kinds() {
            assert_eq!(kind.descriptor().fault(), None);
        }
    }

    #[test]
    fn a_kind_is_there_exactly_where_its_cargo_feature_is() {
        let registry = super::registry();
        for (_, is_built, kinds) in super::FEATURES {
            for kind in kinds {
                assert_eq!(registry.kind(kind).is_some(), is_built, "{kind}");
                assert_eq!(registry.advice(kind).is_none(), is_built, "{kind}");
            }
        }
    }

    /// The names of all files and folders under `folder`, without their endings.
    fn names(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
            if path.is_dir() {
                names(&path, found);
            }
        }
    }

    #[test]
    fn a_kind_has_a_file_or_folder_of_its_name_in_its_familys_folder() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for kind in super::registry().kinds() {
            let descriptor = kind.descriptor();
            let family = source.join(descriptor.family.as_ref());
            assert!(family.is_dir(), "no folder {}", descriptor.family);
            let mut found = BTreeSet::new();
            names(&family, &mut found);
            let (family, kind) = (&descriptor.family, &descriptor.kind);
            assert!(found.contains(kind.as_ref()), "no {kind} in {family}");
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
