//! Chance, by circular shifts: the same music over the same film, begun elsewhere.
//!
//! Plain shuffling would tear apart what follows one another, and almost anything would look like
//! more than chance.

use serde::Serialize;

/// On which side of chance a figure is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Good {
    /// The higher the better.
    High,
    /// The lower the better.
    Low,
}

/// A figure beside the same figure under every shift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tested {
    /// As the music lies.
    pub value: f64,
    /// The share of shifts that do as well, the music as it lies counted among them: never 0. Only
    /// shifts under which the figure can be had are counted.
    pub p: f64,
    /// The mean under shifts.
    pub chance: f64,
    /// Under each shift, in their order.
    #[serde(skip)]
    pub shifted: Vec<f64>,
}

/// `count` distances in seconds, evenly spread over a circle of `seconds` but for `guard` on both
/// sides of 0, where the music would lie almost as it does. Empty where the guards leave nothing.
pub(super) fn shifts(seconds: f64, guard: f64, count: usize) -> Vec<f64> {
    let room = seconds - 2.0 * guard;
    if !(room.is_finite() && room > 0.0) {
        return Vec::new();
    }
    let step = room / count.max(1) as f64;
    (0..count)
        .map(|index| guard + (index as f64 + 0.5) * step)
        .collect()
}

/// How much two figures may differ and still count as the same: rounding, of sums that were taken
/// in another order.
pub(super) const SAME: f64 = 1e-9;

/// Holds what `figure` is without a shift against what it is under each. Shifts under which it
/// cannot be had do not count. `None` where it cannot be had as the music lies, or under no shift.
pub(super) fn test(
    shifts: &[f64],
    good: Good,
    figure: impl Fn(f64) -> Option<f64>,
) -> Option<Tested> {
    let value = figure(0.0)?;
    let shifted: Vec<f64> = shifts.iter().filter_map(|shift| figure(*shift)).collect();
    if shifted.is_empty() {
        return None;
    }
    let as_well = shifted
        .iter()
        .filter(|other| match good {
            Good::High => **other >= value - SAME,
            Good::Low => **other <= value + SAME,
        })
        .count();
    Some(Tested {
        value,
        p: (as_well + 1) as f64 / (shifted.len() + 1) as f64,
        chance: shifted.iter().sum::<f64>() / shifted.len() as f64,
        shifted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_even_and_keep_their_distance_from_none() {
        assert_eq!(shifts(12.0, 2.0, 4), [3.0, 5.0, 7.0, 9.0]);
        assert!(shifts(4.0, 2.0, 4).is_empty());
        assert!(shifts(f64::NAN, 2.0, 4).is_empty());
    }

    #[test]
    fn p_counts_the_shifts_that_do_as_well_and_is_never_nothing() {
        let shifts = shifts(1000.0, 0.0, 999);
        let best = |shift: f64| Some(if shift == 0.0 { 1.0 } else { 0.5 });
        let tested = test(&shifts, Good::High, best).unwrap();
        assert_eq!((tested.value, tested.p, tested.chance), (1.0, 0.001, 0.5));
        let tested = test(&shifts, Good::Low, best).unwrap();
        assert_eq!(tested.p, 1.0);
        let same = |_: f64| Some(2.0);
        assert_eq!(test(&shifts, Good::High, same).unwrap().p, 1.0);
    }

    #[test]
    fn shifts_under_which_there_is_no_figure_do_not_make_it_look_better() {
        let shifts = shifts(1000.0, 0.0, 999);
        // None of the nine that there are does as well.
        let few = |shift: f64| {
            if shift == 0.0 {
                Some(1.0)
            } else {
                (shift > 991.0).then_some(0.5)
            }
        };
        let tested = test(&shifts, Good::High, few).unwrap();
        assert_eq!((tested.p, tested.shifted.len()), (0.1, 9));
    }

    #[test]
    fn what_differs_by_rounding_does_as_well() {
        let shifts = shifts(1000.0, 0.0, 999);
        let rounded = |sign: f64| move |shift: f64| Some(0.3 + sign * 1e-15 * shift.min(1.0));
        assert_eq!(test(&shifts, Good::High, rounded(-1.0)).unwrap().p, 1.0);
        assert_eq!(test(&shifts, Good::Low, rounded(1.0)).unwrap().p, 1.0);
    }

    #[test]
    fn without_a_figure_or_a_shift_there_is_no_test() {
        assert_eq!(test(&[1.0], Good::High, |_| None), None);
        assert_eq!(test(&[], Good::High, |_| Some(1.0)), None);
    }
}
