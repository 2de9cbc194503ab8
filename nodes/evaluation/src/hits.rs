//! Cuts and the changes of the music that follow them. Times are in seconds, in order.

/// What is counted of cuts and changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hits {
    /// The share of cuts that a change follows.
    pub rate: f64,
    /// The share of changes that follow a cut: without it, music that always changes would score
    /// best.
    pub precision: f64,
}

/// How long a change may come before its cut and still count as following it, in seconds: about a
/// picture's length, less than anybody sees or hears.
pub const EARLY: f64 = 0.05;

/// Counts the cuts that a change follows within `within`, on a circle of `circle`. `None` without
/// cuts or changes.
pub fn hits(cuts: &[f64], changes: &[f64], within: f64, circle: f64) -> Option<Hits> {
    if cuts.is_empty() || changes.is_empty() {
        return None;
    }
    let follows = |cut: f64, change: f64| delay(cut, change, circle) <= within;
    let share = |hit: usize, of: usize| hit as f64 / of as f64;
    let hit = cuts
        .iter()
        .filter(|cut| changes.iter().any(|change| follows(**cut, *change)));
    let led = changes
        .iter()
        .filter(|change| cuts.iter().any(|cut| follows(*cut, **change)));
    Some(Hits {
        rate: share(hit.count(), cuts.len()),
        precision: share(led.count(), changes.len()),
    })
}

/// From each cut to the next change. `None` without cuts or changes.
pub fn latencies(cuts: &[f64], changes: &[f64], circle: f64) -> Option<Vec<f64>> {
    if changes.is_empty() || cuts.is_empty() {
        return None;
    }
    let next = |cut: &f64| {
        changes
            .iter()
            .map(|change| delay(*cut, *change, circle))
            .fold(f64::INFINITY, f64::min)
    };
    Some(cuts.iter().map(next).collect())
}

/// How long after `cut` `change` comes, on the circle.
fn delay(cut: f64, change: f64, circle: f64) -> f64 {
    ((change - cut + EARLY).rem_euclid(circle) - EARLY).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_hit_by_a_change_soon_after_it_not_by_one_before() {
        let cuts = [10.0, 20.0, 30.0, 40.0];
        // Soon after; a picture early; too early; too late.
        let changes = [10.3, 19.97, 29.0, 41.0, 50.0];
        let found = hits(&cuts, &changes, 0.5, 60.0).unwrap();
        assert_eq!((found.rate, found.precision), (0.5, 0.4));
        assert_eq!(hits(&[], &changes, 0.5, 60.0), None);
        assert_eq!(hits(&cuts, &[], 0.5, 60.0), None);
    }

    #[test]
    fn after_the_last_cut_the_first_change_follows() {
        let found = latencies(&[1.0, 9.0], &[2.0, 2.5], 10.0).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 3.0).abs() < 1e-12);
        assert_eq!(latencies(&[3.0], &[2.97], 10.0), Some(vec![0.0]));
    }
}
