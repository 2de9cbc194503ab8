//! How the numbers of a tensor lie in the bytes of a shard: plain or quantised.

use std::path::Path;

use score_engine::NodeError;
use serde::Deserialize;

use super::weights::broken;

/// A tensor in a manifest of TensorFlow.js.
#[derive(Deserialize)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// Its size along each axis.
    pub(super) shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantisation>,
}

#[derive(Deserialize)]
struct Quantisation {
    dtype: String,
    scale: Option<f64>,
    min: Option<f64>,
}

/// How the numbers of a tensor lie in bytes.
pub(super) enum Coding {
    /// 32-bit floating point, lowest byte first.
    Float,
    /// Whole numbers `q`, with the number of their bytes; each stands for `q · scale + min`.
    Quantised(usize, f64, f64),
    /// What no layer is made of, with the bytes of one number: skipped.
    Other(usize),
}

impl Coding {
    /// Bytes of a number.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Coding::Float => 4,
            Coding::Quantised(bytes, ..) | Coding::Other(bytes) => *bytes,
        }
    }

    /// The numbers that lie in `bytes`.
    pub(super) fn numbers(&self, bytes: &[u8]) -> Vec<f32> {
        // As TensorFlow.js: in double precision, then rounded once.
        let restored = |q: u32, scale: f64, min: f64| (f64::from(q) * scale + min) as f32;
        match *self {
            Coding::Float => bytes
                .as_chunks()
                .0
                .iter()
                .map(|four| f32::from_le_bytes(*four))
                .collect(),
            Coding::Quantised(1, scale, min) => bytes
                .iter()
                .map(|q| restored(u32::from(*q), scale, min))
                .collect(),
            Coding::Quantised(_, scale, min) => bytes
                .as_chunks()
                .0
                .iter()
                .map(|two| restored(u32::from(u16::from_le_bytes(*two)), scale, min))
                .collect(),
            Coding::Other(_) => Vec::new(),
        }
    }
}

/// How the numbers of `entry` lie in bytes.
///
/// # Errors
/// In a way that is not known here.
pub(super) fn coding(manifest: &Path, entry: &Entry) -> Result<Coding, NodeError> {
    let refused = |kind: &str| {
        broken(
            manifest,
            format!("`{}` holds `{kind}`, which is not known here", entry.name),
        )
    };
    let Some(quantised) = &entry.quantization else {
        return match entry.dtype.as_str() {
            "float32" => Ok(Coding::Float),
            "int32" => Ok(Coding::Other(4)),
            "uint8" | "bool" => Ok(Coding::Other(1)),
            other => Err(refused(other)),
        };
    };
    let bytes = match quantised.dtype.as_str() {
        "uint8" => 1,
        "uint16" => 2,
        other => return Err(refused(other)),
    };
    match (quantised.scale, quantised.min) {
        (Some(scale), Some(min)) if scale.is_finite() && min.is_finite() => {
            Ok(Coding::Quantised(bytes, scale, min))
        }
        _ => Err(broken(
            manifest,
            format!("`{}` is quantised without scale or min", entry.name),
        )),
    }
}
