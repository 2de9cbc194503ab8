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
    use score_engine::{FileRole, ParamType};

    #[test]
    fn no_declaration_contradicts_itself() {
        for kind in super::registry().kinds() {
            assert_eq!(kind.descriptor().fault(), None);
        }
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
