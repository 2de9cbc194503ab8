//! Where each wire's left and right sound from, as it glides.

use super::super::amplitude;
use super::super::desk::Placing;
use super::super::ramp::Ramp;
use super::Speakers;
use super::panning::{circle, factors, spread};

/// How far apart left and right of a wire lie of which nothing is said, in degrees.
const WIDTH: f64 = 60.0;

/// The factors of one wire's left and right for each loudspeaker.
struct Wire {
    sides: [Vec<Ramp>; 2],
    /// Whether it has one channel; `None`: it has brought nothing yet.
    is_mono: Option<bool>,
}

/// Those of all wires.
pub(super) struct Places {
    speakers: usize,
    wires: Vec<Wire>,
    /// Frames that a change takes.
    glide: u32,
}

/// The angle of every loudspeaker.
fn angles(params: &Speakers) -> Vec<f64> {
    let circle = circle(params.speakers.into()).into_iter().enumerate();
    let angles = circle.map(|(number, angle)| params.angles.get(number).copied().unwrap_or(angle));
    angles.collect()
}

/// The factors of a wire's left and right for each loudspeaker.
fn sides(params: &Speakers, wire: usize, is_mono: bool) -> [Vec<f32>; 2] {
    let count = usize::from(params.speakers);
    let gain = amplitude(params.gains.get(wire).copied().unwrap_or(0.0));
    let row = |side: usize| {
        let from = (2 * wire + side) * count;
        let row = params.matrix.get(from..from + count)?;
        Some(row.iter().map(|factor| *factor as f32).collect::<Vec<_>>())
    };
    let angles = angles(params);
    let place = params.turn + params.places.get(wire).copied().unwrap_or(0.0);
    let width = params.widths.get(wire).copied().unwrap_or(WIDTH);
    let placed = |side: usize| {
        let aside = match (is_mono, side) {
            (true, _) => 0.0,
            (false, 0) => -width / 2.0,
            (false, _) => width / 2.0,
        };
        let mut factors = factors(&angles, place + aside);
        spread(&mut factors, params.spread as f32);
        factors
    };
    let has_row = row(0).is_some();
    [0, 1].map(|side| {
        let factors = match (is_mono && side == 1, row(side)) {
            (true, _) => vec![0.0; count],
            (false, Some(row)) => row,
            // Of a wire that the matrix knows, what it does not say is silent.
            (false, None) if has_row => vec![0.0; count],
            (false, None) => placed(side),
        };
        let trim = |speaker: usize| amplitude(params.trims.get(speaker).copied().unwrap_or(0.0));
        let loud = factors.iter().enumerate();
        loud.map(|(speaker, factor)| factor * gain * trim(speaker))
            .collect()
    })
}

impl Places {
    /// Those of `wires` wires, which take `glide` frames to another place.
    pub(super) fn new(params: &Speakers, wires: usize, glide: u32) -> Self {
        let mut places = Places {
            speakers: params.speakers.into(),
            wires: Vec::new(),
            glide,
        };
        for wire in 0..wires {
            let sides = places.ramps(params, wire, false);
            places.wires.push(Wire {
                sides,
                is_mono: None,
            });
        }
        places
    }

    fn ramps(&self, params: &Speakers, wire: usize, is_mono: bool) -> [Vec<Ramp>; 2] {
        let ramp = |factor: f32| Ramp::new(factor, self.glide);
        sides(params, wire, is_mono).map(|side| side.into_iter().map(ramp).collect())
    }

    /// A wire brings sound of one channel, or of more.
    pub(super) fn hear(&mut self, params: &Speakers, wire: usize, is_mono: bool) {
        let before = self.wires.get(wire).map(|known| known.is_mono);
        match before {
            Some(None) => {
                let ramps = self.ramps(params, wire, is_mono);
                if let Some(known) = self.wires.get_mut(wire) {
                    (known.sides, known.is_mono) = (ramps, Some(is_mono));
                }
            }
            Some(Some(known)) if known != is_mono => {
                if let Some(known) = self.wires.get_mut(wire) {
                    known.is_mono = Some(is_mono);
                }
                self.turn(params);
            }
            _ => {}
        }
    }

    /// Lets every wire go to its place.
    pub(super) fn turn(&mut self, params: &Speakers) {
        for (number, wire) in self.wires.iter_mut().enumerate() {
            let aims = sides(params, number, wire.is_mono.unwrap_or(false));
            for (ramps, aims) in wire.sides.iter_mut().zip(aims) {
                for (ramp, aim) in ramps.iter_mut().zip(aims) {
                    ramp.set(aim);
                }
            }
        }
    }
}

impl Placing for Places {
    fn channels(&self) -> usize {
        self.speakers
    }

    fn place(&mut self, wire: usize, frame: [f32; 2], placed: &mut [f32]) {
        placed.fill(0.0);
        let Some(wire) = self.wires.get_mut(wire) else {
            return;
        };
        for (side, sample) in wire.sides.iter_mut().zip(frame) {
            for (placed, ramp) in placed.iter_mut().zip(side) {
                *placed += sample * ramp.next();
            }
        }
    }
}
