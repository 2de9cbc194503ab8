//! Patches: RON files that wire nodes into a graph.

mod check;
mod layout;
mod overrides;
mod params;
mod source;
mod syntax;
mod tree;
mod typed;
mod wires;
mod write_back;

pub use check::{check, check_edit};
pub use overrides::Override;
pub use source::Source;
pub(crate) use typed::typed_value;
pub use write_back::{
    ControllerBinding, Unwritten, Written, bind_controller, bind_controller_file, patch_hash,
    replace_patch, write_back, write_back_file,
};
