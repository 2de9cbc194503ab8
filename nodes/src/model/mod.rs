//! Models: the ONNX Runtime library, the manifest of a folder of models, sessions, and their verification.

mod checksum;
mod codes;
mod manifest;
mod runtime;
mod session;
mod shelf;
mod stamp;
mod verify;

pub(crate) use codes::require_codes;
pub use manifest::{File, Manifest, Model, Music, Picture, Task};
pub use session::{Data, Kind, Session, Slot, Tensor};
pub use verify::{Agreement, verify};
