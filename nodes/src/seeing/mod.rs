//! Pictures to latents by the models that the manifest lists: the one way in which nodes and
//! commands see.

mod listed;
mod seer;
mod shrink;

pub(crate) use listed::ListedEncoder;
pub(crate) use seer::Seer;
pub(crate) use shrink::average_into;
