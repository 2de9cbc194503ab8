//! Patches: RON files that wire nodes into a graph.

mod check;
mod example;
mod layout;
mod overrides;
mod params;
mod source;
mod syntax;
mod tree;
mod typed;
mod wires;
mod write_back;

pub use check::{Admission, check, check_admitted, check_edit};
pub use example::needed_params;
pub use overrides::Override;
pub use source::Source;
pub(crate) use typed::typed_value;
pub use write_back::{
    ControllerBinding, GraphEdit, PortName, Unwritten, Written, bind_controller,
    bind_controller_file, edit_graph, keep_preset, keep_preset_file, patch_hash, replace_patch,
    write_back, write_back_file,
};
