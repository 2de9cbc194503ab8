//! What a node that plays or draws codes demands of its patch.

use score_engine::{Check, InputPort, Latent, NodeError};

/// Demands that `input` brings codes as the model called `name` reads them: of the dimension found,
/// or the parameter `model` is refused for the reason that there is none.
pub(crate) fn require_codes(
    check: &mut Check<'_>,
    input: InputPort<Latent>,
    name: &str,
    dimension: Result<usize, NodeError>,
) {
    match dimension {
        Ok(dimension) => {
            check.require_dimension(input, dimension, &format!("the model `{name}`"));
        }
        Err(error) => check.refuse_for("model", &error),
    }
}
