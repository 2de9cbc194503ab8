//! Takes the place of `session` in a build without the cargo feature `onnx`: no file can be loaded.

use std::path::Path;

use score_engine::NodeError;

use super::tensor::{Data, Tensor, TensorSpec};

/// A loaded ONNX file, of which there is none in this build.
pub enum Session {}

impl Session {
    /// Loads the ONNX file at `path`.
    ///
    /// # Errors
    /// Always: this build has no ONNX Runtime.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        Err(NodeError::missing(
            format!(
                "this program is built without ONNX Runtime, which runs `{}`",
                path.display()
            ),
            "build it with the cargo feature `onnx` of score-nodes",
        ))
    }

    /// The inputs that the file declares.
    pub fn inputs(&self) -> Vec<TensorSpec> {
        match *self {}
    }

    /// The outputs that the file declares.
    pub fn outputs(&self) -> Vec<TensorSpec> {
        match *self {}
    }

    /// How many numbers a row of the input `state` has.
    ///
    /// # Errors
    /// None: there is no such session.
    pub fn memory(&self) -> Result<usize, NodeError> {
        match *self {}
    }

    /// Runs the model on `inputs` and returns the tensors called `outputs`.
    ///
    /// # Errors
    /// None: there is no such session.
    pub fn run(
        &mut self,
        _inputs: &[(&str, &[usize], Data<'_>)],
        _outputs: &[&str],
    ) -> Result<Vec<Tensor>, NodeError> {
        match *self {}
    }
}
