//! Models: the ONNX Runtime library, the manifest of a folder of models, sessions, and their
//! verification.

mod checksum;
mod codes;
mod manifest;
#[cfg(feature = "onnx")]
mod runtime;
#[cfg_attr(not(feature = "onnx"), path = "no_session.rs")]
mod session;
#[cfg(feature = "onnx")]
mod session_pool;
mod stamp;
mod tensor;
mod verify;

pub(crate) use codes::require_codes;
pub use manifest::{File, Manifest, Model, Music, NamesFile, Picture, Task};
pub use session::Session;
pub use tensor::{Data, ElementType, Tensor, TensorSpec};
pub use verify::{Agreement, verify};
