//! Models: the ONNX Runtime library, the manifest of a folder of models, sessions, their verification, and the import of
//! models that were made elsewhere.

mod addition;
mod checksum;
mod codes;
pub mod magenta;
mod manifest;
mod onnx_writer;
mod runtime;
mod session;
mod shelf;
mod stamp;
mod verify;

pub(crate) use codes::require_codes;
pub use manifest::{File, Manifest, Model, Music, Picture, Task};
pub use session::{Data, Kind, Session, Slot, Tensor};
pub use verify::{Agreement, verify};
