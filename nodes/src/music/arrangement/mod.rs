//! How full the music is, by what happens in the picture.

mod arrangement_node;
mod arranging;
mod building;
mod shaping;

pub(super) use arrangement_node::Arrangement;
