//! The range of pitches that a part is held to.

use score_engine::{Check, NodeError};

/// The narrowest range in which every chord has all its tones, in semitones.
const NARROWEST: u8 = 12;

/// Requires that there is an octave from `lowest` to `highest`.
///
/// # Errors
/// There is none.
pub(super) fn require_octave(lowest: u8, highest: u8) -> Result<(), NodeError> {
    if highest >= lowest.saturating_add(NARROWEST) {
        return Ok(());
    }
    let why = format!("from {lowest} to {highest} there is no octave");
    Err(NodeError::input(why).help("`highest` lies at least 12 above `lowest`"))
}

/// Refuses the parameter `highest` where there is no octave from `lowest` to it.
pub(super) fn check_octave(check: &mut Check<'_>, lowest: u8, highest: u8) {
    if let Err(error) = require_octave(lowest, highest) {
        check.refuse_for("highest", &error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_an_octave_is_refused_with_advice() {
        require_octave(60, 72).unwrap();
        for (lowest, highest) in [(60, 71), (72, 60), (120, 127)] {
            let error = require_octave(lowest, highest).unwrap_err();
            assert!(
                error
                    .advice()
                    .is_some_and(|advice| advice.contains("at least 12"))
            );
        }
    }
}
