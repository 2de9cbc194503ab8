//! Finds the period of a sound: the method of P. McLeod and G. Wyvill ("A smarter way to find
//! pitch", ICMC 2005), which compares a window with itself shifted.

use score_engine::NodeError;
use score_fourier::Likeness;

/// Of the highest peak of likeness: the first peak at least so high is the period. Lower, and an
/// octave above is found; higher, and one below.
const SHARE: f32 = 0.9;

/// A window holds this many of the longest periods that are looked for.
const PERIODS: f64 = 3.0;

/// What is looked for, and the room to do it.
pub(super) struct PitchFinder {
    rate: f64,
    /// Samples of a window.
    length: usize,
    /// The shortest period, in samples.
    shortest: f32,
    likeness: Likeness,
    /// The window without its mean.
    window: Vec<f32>,
    /// How like itself the window is at each shift, −1 to 1.
    alike: Vec<f32>,
}

/// What was found in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// Hz.
    pub(super) frequency: f64,
    /// How like itself the sound is after one period: 1 a perfect tone, near 0 noise.
    pub(super) clarity: f32,
}

impl PitchFinder {
    /// Looks for tones from `lowest` to `highest` Hz.
    pub(super) fn new(rate: u32, lowest: f64, highest: f64) -> Self {
        let rate = f64::from(rate.max(1));
        let longest = (rate / lowest.max(1.0)).ceil().max(4.0);
        let length = (PERIODS * longest) as usize;
        // A peak needs a neighbour on either side.
        let longest = longest as usize + 2;
        PitchFinder {
            rate,
            length,
            shortest: (rate / highest.max(1.0)) as f32,
            likeness: Likeness::new(length, longest),
            window: vec![0.0; length],
            alike: vec![0.0; longest + 1],
        }
    }

    /// Samples of a window.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The tone in `window`; `None`: there is none.
    ///
    /// # Errors
    /// The window is too long.
    pub(super) fn find(&mut self, window: &[f32]) -> Result<Option<Found>, NodeError> {
        let mean = window.iter().sum::<f32>() / window.len().max(1) as f32;
        for (kept, sample) in self.window.iter_mut().zip(window) {
            *kept = sample - mean;
        }
        self.compare()?;
        let peaks = self.peaks();
        let highest = peaks.iter().map(|(_, height)| *height).fold(0.0, f32::max);
        let first = peaks
            .into_iter()
            .find(|(_, height)| *height >= SHARE * highest);
        Ok(first
            .filter(|_| highest > 0.0)
            .map(|(period, height)| Found {
                frequency: self.rate / f64::from(period),
                clarity: height.clamp(0.0, 1.0),
            }))
    }

    /// Compares the window with itself: twice the sum of the products over the sum of the squares.
    fn compare(&mut self) -> Result<(), NodeError> {
        let products = self.likeness.products(&self.window)?;
        let square = |sample: f32| f64::from(sample).powi(2);
        let mut squares = 2.0
            * self
                .window
                .iter()
                .map(|sample| square(*sample))
                .sum::<f64>();
        // Of silence nothing is like itself.
        let least = 1e-9 * self.window.len() as f64;
        for (shift, alike) in self.alike.iter_mut().enumerate() {
            if shift > 0 {
                squares -= square(self.window[shift - 1]);
                squares -= square(self.window[self.window.len() - shift]);
            }
            *alike = match squares > least {
                true => (2.0 * f64::from(products[shift]) / squares) as f32,
                false => 0.0,
            };
        }
        Ok(())
    }

    /// The highest point between each rise above 0 and the fall below it that follows: its shift,
    /// between samples, and its height.
    fn peaks(&self) -> Vec<(f32, f32)> {
        let mut peaks = Vec::new();
        let mut place = self.alike.iter().position(|alike| *alike < 0.0);
        while let Some(from) = place {
            let rest = self.alike.get(from..).unwrap_or_default();
            let Some(rise) = rest.iter().position(|alike| *alike > 0.0) else {
                break;
            };
            let start = from + rise;
            let fall = rest[rise..].iter().position(|alike| *alike < 0.0);
            let end = fall.map_or(self.alike.len(), |fall| start + fall);
            let best =
                (start..end).max_by(|one, other| self.alike[*one].total_cmp(&self.alike[*other]));
            if let Some((shift, height)) = best.and_then(|best| self.vertex(best))
                && shift >= self.shortest
            {
                peaks.push((shift, height));
            }
            place = fall.map(|_| end);
        }
        peaks
    }

    /// The vertex of the parabola through the point at `shift` and its neighbours.
    fn vertex(&self, shift: usize) -> Option<(f32, f32)> {
        let before = *self.alike.get(shift.checked_sub(1)?)?;
        let here = *self.alike.get(shift)?;
        let after = *self.alike.get(shift + 1)?;
        let bend = before - 2.0 * here + after;
        if bend >= 0.0 {
            return None;
        }
        let aside = (0.5 * (before - after) / bend).clamp(-0.5, 0.5);
        Some((shift as f32 + aside, here - 0.25 * (before - after) * aside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    fn finder() -> PitchFinder {
        PitchFinder::new(RATE, 60.0, 2_200.0)
    }

    /// A sum of harmonics of `frequency`, the n-th as loud as `share` says.
    fn harmonics(frequency: f64, share: impl Fn(u32) -> f64) -> Vec<f32> {
        let length = finder().length();
        (0..length)
            .map(|n| {
                let turn = std::f64::consts::TAU * frequency * (n as f64 + 17.0) / f64::from(RATE);
                let tones = (1..=12)
                    .filter(|tone| frequency * f64::from(*tone) < 20_000.0)
                    .map(|tone| share(tone) * (turn * f64::from(tone)).sin());
                0.1 * tones.sum::<f64>() as f32
            })
            .collect()
    }

    #[test]
    fn tones_are_found_within_three_cents() {
        let shares: [fn(u32) -> f64; 4] = [
            |tone| f64::from(u8::from(tone == 1)),
            |tone| 1.0 / f64::from(tone),
            |tone| f64::from(tone % 2) / f64::from(tone),
            // A missing fundamental.
            |tone| f64::from(u8::from(tone > 1 && tone < 6)),
        ];
        let mut finder = finder();
        for share in shares {
            for semitone in 0..61 {
                let frequency = 63.7 * (f64::from(semitone) / 12.0).exp2();
                let found = finder.find(&harmonics(frequency, share)).unwrap().unwrap();
                let cents = 1_200.0 * (found.frequency / frequency).log2();
                assert!(cents.abs() < 3.0, "{frequency} Hz: {cents} cents");
                assert!(found.clarity > 0.9, "{frequency} Hz: {}", found.clarity);
            }
        }
    }

    #[test]
    fn noise_is_unclear_and_silence_no_tone() {
        let noise = crate::audio::test_sound::noise(0.5, finder().length());
        let found = finder().find(&noise).unwrap();
        assert!(found.is_none_or(|found| found.clarity < 0.5), "{found:?}");
        for level in [0.0, 0.3] {
            let still = vec![level; finder().length()];
            assert_eq!(finder().find(&still).unwrap(), None);
        }
    }
}
