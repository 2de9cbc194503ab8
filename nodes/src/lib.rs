//! The built-in nodes of SCORE!, one module a family.
#![forbid(unsafe_code)]

mod audio;
pub mod device;
mod latent;
mod midi;
pub mod model;
pub mod music;
mod output;
mod picture;
mod video;
mod vision;

use score_engine::Registry;

/// A registry that knows every built-in node.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    audio::register(&mut registry);
    device::register(&mut registry);
    latent::register(&mut registry);
    midi::register(&mut registry);
    music::register(&mut registry);
    picture::register(&mut registry);
    video::register(&mut registry);
    vision::register(&mut registry);
    registry
}
