//! A loaded ONNX file: named tensors in, named tensors out.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ort::environment::Environment;
use ort::session::SessionInputValue;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use score_engine::NodeError;

use super::runtime;
use super::session_pool::SessionPool;
use super::stamp::Stamp;
use super::tensor::{Data, ElementType, Tensor, TensorSpec};

/// Sessions that no node uses now. One of a file is enough for the edits of an artist, who
/// exchanges one node by another; the models that ship are together 39 MB.
static UNUSED: Mutex<SessionPool<ort::session::Session>> =
    Mutex::new(SessionPool::new(1, 64 << 20));

/// A loaded ONNX file. One that is dropped waits for the next that opens the same file, so that a
/// node which an edit exchanges plays at once.
pub struct Session {
    /// There until it is dropped.
    session: Option<ort::session::Session>,
    /// The file as it was before it was loaded.
    stamp: Option<Stamp>,
    name: String,
}

impl Session {
    /// Loads the ONNX file at `path`, to run on one thread: the graph has one thread per node
    /// already.
    ///
    /// # Errors
    /// ONNX Runtime is missing, or the file cannot be run.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        let environment = runtime::environment()?;
        let name = path.display().to_string();
        let stamp = Stamp::of(path).ok();
        let unused = stamp.as_ref().and_then(|stamp| unused().take(stamp));
        let session = match unused {
            Some(session) => session,
            None => load(&environment, path).map_err(|error| {
                NodeError::model(format!("the model `{name}` cannot be loaded: {error}"))
            })?,
        };
        Ok(Session {
            session: Some(session),
            stamp,
            name,
        })
    }

    /// The inputs that the file declares.
    pub fn inputs(&self) -> Vec<TensorSpec> {
        let session = self.session.iter();
        session
            .flat_map(|session| session.inputs())
            .map(spec)
            .collect()
    }

    /// The outputs that the file declares.
    pub fn outputs(&self) -> Vec<TensorSpec> {
        let session = self.session.iter();
        session
            .flat_map(|session| session.outputs())
            .map(spec)
            .collect()
    }

    /// The length of the input `state`, which the model carries from step to step.
    ///
    /// # Errors
    /// The file has no such input, or leaves its size open.
    pub fn memory(&self) -> Result<usize, NodeError> {
        let inputs = self.inputs();
        let state = inputs.iter().find(|input| input.name == "state");
        state.and_then(|state| *state.shape.get(1)?).ok_or_else(|| {
            NodeError::model(format!(
                "the model `{}` does not say how large its state is",
                self.name
            ))
        })
    }

    /// Runs the model on `inputs` (name, shape, numbers) and returns the tensors called `outputs`.
    ///
    /// # Errors
    /// The model refuses the inputs, or has no such output, of 32-bit floating point or bytes.
    pub fn run(
        &mut self,
        inputs: &[(&str, &[usize], Data<'_>)],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, NodeError> {
        let name = &self.name;
        let failed =
            |error: &dyn Display| NodeError::model(format!("the model `{name}` fails: {error}"));
        let mut given: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for (input, shape, data) in inputs {
            let shape = shape.to_vec();
            let value = match data {
                Data::F32(values) => TensorRef::from_array_view((shape, *values)).map(Into::into),
                Data::I64(values) => TensorRef::from_array_view((shape, *values)).map(Into::into),
                Data::U8(values) => TensorRef::from_array_view((shape, *values)).map(Into::into),
            };
            given.push((input, value.map_err(|error| failed(&error))?));
        }
        let session = self
            .session
            .as_mut()
            .ok_or_else(|| failed(&"it was given back"))?;
        let came = session.run(given).map_err(|error| failed(&error))?;
        outputs
            .iter()
            .map(|output| {
                let value = came
                    .get(output)
                    .ok_or_else(|| failed(&format!("it has no output `{output}`")))?;
                let bytes = matches!(
                    value.dtype(),
                    ValueType::Tensor {
                        ty: TensorElementType::Uint8,
                        ..
                    }
                );
                let (shape, values) = if bytes {
                    let (shape, bytes) = value
                        .try_extract_tensor::<u8>()
                        .map_err(|error| failed(&error))?;
                    (shape, bytes.iter().copied().map(f32::from).collect())
                } else {
                    let (shape, values) = value
                        .try_extract_tensor::<f32>()
                        .map_err(|error| failed(&error))?;
                    (shape, values.to_vec())
                };
                Ok(Tensor {
                    shape: shape
                        .iter()
                        .map(|size| usize::try_from(*size).unwrap_or(0))
                        .collect(),
                    values,
                })
            })
            .collect()
    }
}

/// An input or output as ONNX Runtime describes it.
fn spec(outlet: &Outlet) -> TensorSpec {
    let (element, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let element = match ty {
                TensorElementType::Float32 => ElementType::F32,
                TensorElementType::Int64 => ElementType::I64,
                TensorElementType::Uint8 => ElementType::U8,
                _ => ElementType::Other,
            };
            (
                element,
                shape
                    .iter()
                    .map(|size| usize::try_from(*size).ok())
                    .collect(),
            )
        }
        _ => (ElementType::Other, Vec::new()),
    };
    TensorSpec {
        name: outlet.name().to_owned(),
        element,
        shape,
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What failed while it worked is not trusted again.
        if std::thread::panicking() {
            return;
        }
        if let (Some(stamp), Some(session)) = (self.stamp.take(), self.session.take()) {
            unused().give(stamp, session);
        }
    }
}

fn unused() -> MutexGuard<'static, SessionPool<ort::session::Session>> {
    UNUSED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load(environment: &Environment, path: &Path) -> ort::Result<ort::session::Session> {
    ort::session::Session::builder(environment)?
        .with_intra_threads(1)?
        .with_intra_op_spinning(false)?
        .commit_from_file(path)
}
