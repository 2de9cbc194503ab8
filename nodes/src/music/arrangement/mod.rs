//! How full the music is, by what happens in the picture.

mod arrangement_node;
mod live_arrangement;
mod offline_arrangement;
mod shaping;

pub(super) use arrangement_node::Arrangement;
