//! The built-in nodes of SCORE!, one module a family.
#![forbid(unsafe_code)]

mod audio;
mod latent;
mod midi;
mod output;
mod picture;
mod video;

use score_engine::Registry;

/// A registry that knows every built-in node.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    audio::register(&mut registry);
    latent::register(&mut registry);
    midi::register(&mut registry);
    picture::register(&mut registry);
    video::register(&mut registry);
    registry
}
