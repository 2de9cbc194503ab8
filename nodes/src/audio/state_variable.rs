//! A filter of second order whose curve may change with every frame: the state variable filter,
//! with its integrators by the trapezoidal rule (V. Zavalishin, "The Art of VA Filter Design",
//! chapter 4; the equations as A. Simper gives them, "Solving the continuous SVF equations using
//! trapezoidal integration and equivalent currents", 2013). What it remembers does not depend on
//! its curve, so that a cutoff that moves does not click.

use std::f64::consts::PI;

/// Of the sample rate: no frequency beyond it is filtered at.
const HIGHEST: f64 = 0.49;

/// What is quieter than this is silence: tiny numbers cost a hundred times as long to compute with.
const SILENCE: f64 = 1e-15;

/// How the filter answers each frequency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    /// Where it turns, and how much it resonates there.
    turn: f64,
    damping: f64,
    /// The shares of what comes, of what the first integrator holds, and of what the second does.
    shares: [f64; 3],
}

/// The share of each answer of a filter that has them all at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blend {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) band: f64,
    pub(crate) notch: f64,
}

/// Where a filter at `frequency` Hz turns, by the tangent that undoes the bending of the
/// frequencies.
fn turn(frequency: f64, rate: f64) -> f64 {
    (PI * (frequency / rate.max(1.0)).clamp(1e-6, HIGHEST)).tan()
}

/// The amplitude of half of the decibels: the `A` of R. Bristow-Johnson's cookbook.
fn half(decibels: f64) -> f64 {
    10f64.powf(decibels / 40.0)
}

impl Curve {
    /// A blend of the four answers at `frequency` Hz with the quality `q`; each passes what it
    /// passes at its own level.
    pub(crate) fn blend(frequency: f64, q: f64, rate: f64, blend: Blend) -> Self {
        let damping = 1.0 / q;
        let Blend {
            low,
            high,
            band,
            notch,
        } = blend;
        Curve {
            turn: turn(frequency, rate),
            damping,
            shares: [high + notch, damping * (band - high - notch), low - high],
        }
    }

    /// Raises or lowers what lies around `frequency`: the cookbook's peaking equaliser.
    pub(crate) fn peak(frequency: f64, q: f64, decibels: f64, rate: f64) -> Self {
        let a = half(decibels);
        let damping = 1.0 / (q * a);
        Curve {
            turn: turn(frequency, rate),
            damping,
            shares: [1.0, damping * (a * a - 1.0), 0.0],
        }
    }

    /// Raises or lowers what lies below `frequency`: the cookbook's low shelf.
    pub(crate) fn low_shelf(frequency: f64, q: f64, decibels: f64, rate: f64) -> Self {
        let a = half(decibels);
        let damping = 1.0 / q;
        Curve {
            turn: turn(frequency, rate) / a.sqrt(),
            damping,
            shares: [1.0, damping * (a - 1.0), a * a - 1.0],
        }
    }

    /// Raises or lowers what lies above `frequency`: the cookbook's high shelf.
    pub(crate) fn high_shelf(frequency: f64, q: f64, decibels: f64, rate: f64) -> Self {
        let a = half(decibels);
        let damping = 1.0 / q;
        Curve {
            turn: turn(frequency, rate) * a.sqrt(),
            damping,
            shares: [a * a, damping * (1.0 - a) * a, 1.0 - a * a],
        }
    }
}

/// What a filter remembers of one channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    first: f64,
    second: f64,
}

impl State {
    /// What becomes of the next sample.
    pub(crate) fn next(&mut self, curve: &Curve, sample: f64) -> f64 {
        let Curve {
            turn,
            damping,
            shares,
        } = curve;
        let share = 1.0 / (1.0 + turn * (turn + damping));
        let drive = sample - self.second;
        let band = share * (self.first + turn * drive);
        let low = self.second + turn * band;
        self.first = 2.0 * band - self.first;
        self.second = 2.0 * low - self.second;
        shares[0] * sample + shares[1] * band + shares[2] * low
    }

    /// Forgets what nobody hears any more. Called now and then.
    pub(crate) fn settle(&mut self) {
        if self.first.abs() < SILENCE && self.second.abs() < SILENCE {
            *self = State::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;

    /// The answer at `frequency`, in dB, of the cookbook's biquad with these coefficients.
    fn cookbook(b: [f64; 3], a: [f64; 3], frequency: f64) -> f64 {
        let turn = 2.0 * PI * frequency / RATE;
        let size = |taps: [f64; 3]| {
            let real = taps[0] + taps[1] * turn.cos() + taps[2] * (2.0 * turn).cos();
            let imaginary = taps[1] * turn.sin() + taps[2] * (2.0 * turn).sin();
            real.hypot(imaginary)
        };
        20.0 * (size(b) / size(a)).log10()
    }

    /// The answer of a filter at `frequency`, in dB, from its answer to one sample.
    fn answer(curve: &Curve, frequency: f64) -> f64 {
        let mut state = State::default();
        let (mut real, mut imaginary) = (0.0, 0.0);
        for n in 0..60_000 {
            let heard = state.next(curve, if n == 0 { 1.0 } else { 0.0 });
            let turn = 2.0 * PI * frequency * f64::from(n) / RATE;
            real += heard * turn.cos();
            imaginary += heard * turn.sin();
        }
        20.0 * real.hypot(imaginary).max(1e-12).log10()
    }

    const AT: [f64; 7] = [30.0, 100.0, 450.0, 1_000.0, 3_000.0, 9_000.0, 18_000.0];

    #[test]
    fn shelves_and_peaks_are_those_of_the_cookbook() {
        for decibels in [-15.0, -3.0, 6.0, 18.0] {
            for (frequency, q) in [(120.0, 0.707), (1_000.0, 2.0), (8_000.0, 0.9)] {
                let a = half(decibels);
                let turn = 2.0 * PI * frequency / RATE;
                let (cos, alpha) = (turn.cos(), turn.sin() / (2.0 * q));
                let root = 2.0 * a.sqrt() * alpha;
                let (up, down) = (a + 1.0, a - 1.0);
                let peak = (
                    [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
                    [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
                );
                let low = (
                    [
                        a * (up - down * cos + root),
                        2.0 * a * (down - up * cos),
                        a * (up - down * cos - root),
                    ],
                    [
                        up + down * cos + root,
                        -2.0 * (down + up * cos),
                        up + down * cos - root,
                    ],
                );
                let high = (
                    [
                        a * (up + down * cos + root),
                        -2.0 * a * (down + up * cos),
                        a * (up + down * cos - root),
                    ],
                    [
                        up - down * cos + root,
                        2.0 * (down - up * cos),
                        up - down * cos - root,
                    ],
                );
                for (curve, (b, a)) in [
                    (Curve::peak(frequency, q, decibels, RATE), peak),
                    (Curve::low_shelf(frequency, q, decibels, RATE), low),
                    (Curve::high_shelf(frequency, q, decibels, RATE), high),
                ] {
                    for at in AT {
                        let (found, wanted) = (answer(&curve, at), cookbook(b, a, at));
                        assert!(
                            (found - wanted).abs() < 0.01,
                            "{decibels} dB at {frequency}: {found} for {wanted} at {at}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_four_answers_are_those_of_the_prototype_at_the_bent_frequency() {
        let blend = |low, high, band, notch| Blend {
            low,
            high,
            band,
            notch,
        };
        let (frequency, q) = (1_000.0, 2.0);
        for at in AT {
            let x = (PI * at / RATE).tan() / (PI * frequency / RATE).tan();
            let below = (1.0 - x * x).hypot(x / q);
            let decibels = |size: f64| 20.0 * (size / below).log10();
            for (curve, wanted) in [
                (blend(1.0, 0.0, 0.0, 0.0), 1.0),
                (blend(0.0, 1.0, 0.0, 0.0), x * x),
                (blend(0.0, 0.0, 1.0, 0.0), x / q),
                (blend(0.0, 0.0, 0.0, 1.0), (1.0 - x * x).abs()),
            ] {
                let found = answer(&Curve::blend(frequency, q, RATE, curve), at);
                let wanted = decibels(wanted.max(1e-9));
                // In the middle of the notch there is nothing to compare.
                let is_deep = wanted < -90.0 && found < -90.0;
                assert!(
                    is_deep || (found - wanted).abs() < 0.01,
                    "{found} for {wanted} at {at}: {curve:?}"
                );
            }
        }
    }

    #[test]
    fn what_rings_on_becomes_silence() {
        let blend = Blend {
            low: 1.0,
            high: 0.0,
            band: 0.0,
            notch: 0.0,
        };
        let curve = Curve::blend(100.0, 0.7, RATE, blend);
        let mut state = State::default();
        state.next(&curve, 1.0);
        for _ in 0..96_000 {
            state.next(&curve, 0.0);
            state.settle();
        }
        assert_eq!((state.first, state.second), (0.0, 0.0));
    }
}
