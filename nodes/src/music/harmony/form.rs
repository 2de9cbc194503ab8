//! Where phrases close: at the piece's end, and at cuts that lie far enough from the close before.

/// A close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Close {
    /// The step with which the closing chord begins.
    pub(super) step: u64,
    /// Whether the piece ends with it.
    pub(super) last: bool,
}

/// The closing chord of a phrase rings for at least this many steps before the cut.
const RINGS: u64 = 1;

/// The next close after step `after`: the last step of a bar's beginning before one of `cuts`
/// (steps, in order), at least `least` steps later; or the piece's end. Closes lie on bar lines.
pub(super) fn next_close(
    after: Option<u64>,
    cuts: &[u64],
    end: u64,
    per_bar: u64,
    least: u64,
) -> Option<Close> {
    let earliest = after.map_or(least, |after| after + least);
    let last = Close {
        step: end.saturating_sub(RINGS) / per_bar * per_bar,
        last: true,
    };
    let at_cut = cuts
        .iter()
        .map(|cut| cut.saturating_sub(RINGS) / per_bar * per_bar)
        .find(|step| *step >= earliest)
        .filter(|_| least > 0)
        // A close just before the last would take its weight.
        .filter(|step| step + least / 2 < last.step)
        .map(|step| Close { step, last: false });
    at_cut.or(Some(last).filter(|last| after.is_none_or(|after| last.step > after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_close_before_cuts_that_are_far_enough_apart_and_at_the_end() {
        let cuts = [3, 7, 17, 18, 36, 60];
        let mut closes = Vec::new();
        let mut after = None;
        while let Some(close) = next_close(after, &cuts, 64, 2, 8) {
            closes.push((close.step, close.last));
            after = Some(close.step);
        }
        assert_eq!(closes, [(16, false), (34, false), (62, true)]);
        let end = Close {
            step: 62,
            last: true,
        };
        assert_eq!(next_close(None, &cuts, 64, 2, 0), Some(end));
        assert_eq!(
            next_close(None, &[], 1, 2, 8),
            Some(Close {
                step: 0,
                last: true
            })
        );
    }
}
