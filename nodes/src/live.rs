//! New values of live parameters, as a running processor is told them.

use score_engine::{Length, NodeError, Time, Transport, Value};

/// The number that the parameter `name` shall be.
///
/// # Errors
/// It is no number.
pub(crate) fn number(name: &str, value: &Value) -> Result<f64, NodeError> {
    value
        .as_f64()
        .ok_or_else(|| NodeError::internal(format!("`{name}` takes a number")))
}

/// The number that the parameter `name` shall be, or that it is left out.
///
/// # Errors
/// It is neither a number nor nothing.
pub(crate) fn optional(name: &str, value: &Value) -> Result<Option<f32>, NodeError> {
    match value {
        Value::Null => Ok(None),
        value => Ok(Some(number(name, value)? as f32)),
    }
}

/// The numbers that the parameter `name` shall be.
///
/// # Errors
/// It is no list of numbers.
pub(crate) fn numbers(name: &str, value: &Value) -> Result<Vec<f64>, NodeError> {
    let list = value
        .as_array()
        .ok_or_else(|| NodeError::internal(format!("`{name}` takes a list of numbers")))?;
    list.iter().map(|item| number(name, item)).collect()
}

/// The length of time that the parameter `name` shall be.
///
/// # Errors
/// It is no length.
pub(crate) fn length(name: &str, value: &Value, transport: &Transport) -> Result<Time, NodeError> {
    serde_json::from_value::<Length>(value.clone())
        .map(|length| length.at(transport))
        .map_err(|error| NodeError::internal(format!("`{name}`: {error}")))
}

/// The parameter `name` cannot change while it runs.
pub(crate) fn not_live(name: &str) -> NodeError {
    NodeError::internal(format!("`{name}` is not live"))
}
