//! Which loudspeakers a sound comes from that stands at a place between them.

use std::f64::consts::FRAC_PI_2;

/// Loudspeakers as far apart as this, in degrees, have hardly a direction in common: the sound goes
/// from one to the other by its angle.
const WIDE: f64 = 170.0;

/// The angles of `count` loudspeakers in a circle, from the front left one to the right.
pub(super) fn circle(count: usize) -> Vec<f64> {
    match count {
        1 => vec![0.0],
        2 => vec![-30.0, 30.0],
        count => {
            let step = 360.0 / count.max(1) as f64;
            (0..count).map(|n| (n as f64 - 0.5) * step).collect()
        }
    }
}

/// An angle from 0 up to 360 degrees.
fn turned(angle: f64) -> f64 {
    let angle = angle.rem_euclid(360.0);
    // Of tiny negative angles rounding makes 360.
    if angle < 360.0 { angle } else { 0.0 }
}

/// The factor of each loudspeaker for a sound at `place`, all in degrees; their squares add up to
/// 1.
pub(super) fn factors(angles: &[f64], place: f64) -> Vec<f32> {
    let mut factors = vec![0.0; angles.len()];
    let mut order: Vec<usize> = (0..angles.len()).collect();
    order.sort_by(|one, other| turned(angles[*one]).total_cmp(&turned(angles[*other])));
    // The last loudspeaker at or before the place, and the next one round the circle.
    let place = turned(place);
    let before = order
        .iter()
        .filter(|index| turned(angles[**index]) <= place);
    let position = before.count().checked_sub(1);
    let position = position.unwrap_or(order.len().saturating_sub(1));
    let Some(first) = order.get(position).copied() else {
        return factors;
    };
    let second = order[(position + 1) % order.len()];
    let gap = turned(angles[second] - angles[first]);
    let offset = turned(place - angles[first]);
    if first == second || gap == 0.0 {
        factors[first] = 1.0;
        return factors;
    }
    let (one, other) = match gap < WIDE {
        // The place's direction as a sum of both loudspeakers' directions.
        true => ((gap - offset).to_radians().sin(), offset.to_radians().sin()),
        false => {
            let part = (offset / gap).clamp(0.0, 1.0) * FRAC_PI_2;
            (part.cos(), part.sin())
        }
    };
    let power = one.hypot(other);
    factors[first] = (one / power) as f32;
    factors[second] = (other / power) as f32;
    factors
}

/// The same factors where all loudspeakers share so much of the sound, at the same power.
pub(super) fn spread(factors: &mut [f32], share: f32) {
    let each = share / factors.len().max(1) as f32;
    for factor in factors {
        *factor = ((1.0 - share) * *factor * *factor + each).sqrt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_the_power_is_the_same_and_two_neighbours_at_most_have_a_part() {
        for angles in [
            vec![0.0],
            vec![-30.0, 30.0],
            circle(3),
            circle(8),
            vec![-110.0, 30.0, -30.0, 110.0, 0.0],
            vec![10.0, 10.0, 200.0],
            circle(64),
        ] {
            for tenth in -7_200..7_200 {
                let factors = factors(&angles, f64::from(tenth) / 10.0);
                let power: f32 = factors.iter().map(|factor| factor * factor).sum();
                assert!((power - 1.0).abs() < 1e-5, "{angles:?} {tenth}: {power}");
                let sounding = factors.iter().filter(|factor| **factor > 1e-6);
                assert!(sounding.count() <= 2);
                assert!(factors.iter().all(|factor| *factor >= -1e-6));
            }
        }
    }

    #[test]
    fn at_a_loudspeaker_it_sounds_alone_and_half_way_both_do_alike() {
        let angles = circle(4);
        assert_eq!(angles, [-45.0, 45.0, 135.0, 225.0]);
        for (number, angle) in angles.iter().enumerate() {
            let factors = factors(&angles, angle - 360.0);
            assert!((factors[number] - 1.0).abs() < 1e-6, "{factors:?}");
        }
        let front = factors(&angles, 0.0);
        assert!((front[0] - front[1]).abs() < 1e-6 && front[2] == 0.0);
        // The law of tangents: a third of the way from the middle to one side.
        let aside = factors(&[-45.0, 45.0], 15.0);
        let ratio = f64::from((aside[1] - aside[0]) / (aside[1] + aside[0]));
        assert!((ratio - 15f64.to_radians().tan()).abs() < 1e-5, "{ratio}");
    }

    #[test]
    fn no_factor_jumps_while_a_sound_goes_round() {
        for angles in [circle(5), vec![-30.0, 30.0], vec![-30.0, 0.0, 30.0]] {
            let steps = (0..3_600).map(|n| f64::from(n) / 10.0);
            let all: Vec<Vec<f32>> = steps.map(|place| factors(&angles, place)).collect();
            for (one, other) in all.iter().zip(all.iter().cycle().skip(1)) {
                let jumps = one
                    .iter()
                    .zip(other)
                    .map(|(one, other)| (one - other).abs());
                assert!(jumps.fold(0.0, f32::max) < 0.01, "{angles:?}");
            }
        }
    }

    #[test]
    fn spread_out_every_loudspeaker_has_its_part_of_the_same_power() {
        let mut wide = factors(&circle(5), 20.0);
        spread(&mut wide, 1.0);
        assert!(
            wide.iter()
                .all(|factor| (factor - 0.2f32.sqrt()).abs() < 1e-6)
        );
        let mut half = factors(&circle(5), 20.0);
        spread(&mut half, 0.5);
        let power: f32 = half.iter().map(|factor| factor * factor).sum();
        assert!((power - 1.0).abs() < 1e-5);
    }
}
