//! Each wire's place between left and right.

use std::f32::consts::FRAC_PI_2;

use super::super::amplitude;
use super::super::desk::Placing;
use super::super::ramp::Ramp;
use super::Mixer;

/// How loud each wire is on both sides.
pub(super) struct Sides(Vec<[Ramp; 2]>);

/// The factors of a wire's left and right: in the middle both are the gain; towards one side the
/// other is turned down along a quarter of a cosine. Wires of which nothing is said have 0 dB in
/// the middle.
fn sides(params: &Mixer, wire: usize) -> [f32; 2] {
    let gain = amplitude(params.gains.get(wire).copied().unwrap_or(0.0));
    let pan = params.pans.get(wire).copied().unwrap_or(0.0) as f32;
    let side = |away: f32| match away {
        away if away <= 0.0 => gain,
        away if away >= 1.0 => 0.0,
        away => gain * (away * FRAC_PI_2).cos(),
    };
    [side(pan), side(-pan)]
}

impl Sides {
    /// Those of so many wires, which take `ramp` frames to turn.
    pub(super) fn new(params: &Mixer, wires: usize, ramp: u32) -> Self {
        let sides = |wire| sides(params, wire).map(|side| Ramp::new(side, ramp));
        Sides((0..wires).map(sides).collect())
    }

    /// Turns every wire's sides to where they belong.
    pub(super) fn turn(&mut self, params: &Mixer) {
        for (wire, ramps) in self.0.iter_mut().enumerate() {
            for (ramp, side) in ramps.iter_mut().zip(sides(params, wire)) {
                ramp.set(side);
            }
        }
    }
}

impl Placing for Sides {
    fn channels(&self) -> usize {
        2
    }

    fn place(&mut self, wire: usize, frame: [f32; 2], placed: &mut [f32]) {
        let Some(sides) = self.0.get_mut(wire) else {
            placed.fill(0.0);
            return;
        };
        for ((placed, sample), side) in placed.iter_mut().zip(frame).zip(sides) {
            *placed = sample * side.next();
        }
    }
}
