//! Compares models with their checksums and with outputs that are known to be right.

use std::collections::BTreeMap;

use score_engine::NodeError;
use serde::Deserialize;

use super::manifest::Manifest;
use super::tensor::Data;

/// How well a model computes what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// How many of its files were compared.
    pub files: usize,
    /// The largest difference between an output and what it should be.
    pub largest_difference: f32,
}

#[derive(Deserialize)]
struct Golden {
    files: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    inputs: BTreeMap<String, Values>,
    outputs: BTreeMap<String, Values>,
    tolerance: f32,
}

#[derive(Deserialize)]
struct Values {
    shape: Vec<usize>,
    float32: Option<Vec<f32>>,
    int64: Option<Vec<i64>>,
    uint8: Option<Vec<u8>>,
}

/// Compares the model called `name` with its checksums and with outputs that are known to be right.
///
/// # Errors
/// There is no such model, a file of it is missing or is another one, or an output differs by more
/// than is allowed. With [`score_engine::NodeErrorKind::Missing`] ONNX Runtime is missing, and no
/// model can be verified.
pub fn verify(manifest: &Manifest, name: &str) -> Result<Agreement, NodeError> {
    let model = manifest.find(name)?;
    let path = manifest.golden(model);
    let broken = |error: &dyn std::fmt::Display| {
        NodeError::model(format!("`{}` cannot be read: {error}", path.display()))
    };
    let text = std::fs::read_to_string(&path).map_err(|error| broken(&error))?;
    let golden: Golden = serde_json::from_str(&text).map_err(|error| broken(&error))?;
    manifest.names(model)?;
    let mut largest = 0.0_f32;
    for role in model.files.keys() {
        let mut session = manifest.open(model, role)?;
        let case = golden
            .files
            .get(role)
            .ok_or_else(|| broken(&format!("nothing is known of `{role}`")))?;
        let mut inputs = Vec::new();
        for (name, values) in &case.inputs {
            let data = match (&values.float32, &values.int64, &values.uint8) {
                (Some(values), _, _) => Data::F32(values),
                (_, Some(values), _) => Data::I64(values),
                (_, _, Some(values)) => Data::U8(values),
                _ => return Err(broken(&format!("`{name}` has no numbers"))),
            };
            inputs.push((name.as_str(), values.shape.as_slice(), data));
        }
        let names: Vec<&str> = case.outputs.keys().map(String::as_str).collect();
        let came = session.run(&inputs, &names)?;
        for ((name, wanted), came) in case.outputs.iter().zip(came) {
            let numbers: Vec<f32> = match (&wanted.float32, &wanted.uint8) {
                (Some(values), _) => values.clone(),
                (_, Some(bytes)) => bytes.iter().copied().map(f32::from).collect(),
                _ => return Err(broken(&format!("`{name}` has no numbers"))),
            };
            if came.shape != wanted.shape || came.values.len() != numbers.len() {
                return Err(NodeError::model(format!(
                    "`{name}` of `{role}` has shape {:?} instead of {:?}",
                    came.shape, wanted.shape
                )));
            }
            let difference = numbers
                .iter()
                .zip(&came.values)
                .map(|(a, b)| (a - b).abs())
                // `f32::max` would pass over what is not a number.
                .fold(0.0_f32, |most, next| {
                    if most.is_nan() || next <= most {
                        most
                    } else {
                        next
                    }
                });
            let good = difference <= case.tolerance;
            if !good {
                return Err(NodeError::model(format!(
                    "`{name}` of `{role}` is off by {difference}, more than {}",
                    case.tolerance
                )));
            }
            largest = largest.max(difference);
        }
    }
    Ok(Agreement {
        files: model.files.len(),
        largest_difference: largest,
    })
}
