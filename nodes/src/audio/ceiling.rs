//! Keeps sound that is being recorded below full scale without knowing what is still to come.

use std::collections::VecDeque;

use super::ramp::Ramp;
use super::true_peak::{self, TruePeak};

/// How long before a peak the sound is turned down, in seconds.
const AHEAD: f32 = 0.002;

/// The time in which it would come back from silence, in seconds.
const RELEASE: f32 = 0.3;

/// How long a change of the ceiling takes, in seconds.
const GLIDE: f32 = 0.05;

/// Where peaks between samples count, the ceiling is to be lower by this factor (0.2 dB), because
/// another meter may find a slightly higher peak.
pub(crate) const MARGIN: f32 = 0.977;

/// A peak limiter that looks ahead. Sound below the ceiling passes unchanged; before a peak above
/// it, all channels are turned down together in a straight line.
pub(crate) struct Ceiling {
    /// The ceiling of the next frame.
    ceiling: Ramp,
    channels: usize,
    rate: f32,
    /// Frames looked ahead.
    ahead: usize,
    waiting: VecDeque<f32>,
    /// The factor and the ceiling of each frame that waits.
    gains: VecDeque<(f32, f32)>,
    gain: f32,
    /// By how much the factor rises in a frame.
    rise: f32,
    /// Frames that were turned down.
    touched: u64,
    /// What finds the peaks between samples, where those count too.
    between: Option<Box<TruePeak>>,
}

impl Ceiling {
    /// For sound of `channels` channels at `rate` frames a second, whose peak will be `ceiling` at
    /// most.
    pub(crate) fn new(ceiling: f32, rate: u32, channels: u16) -> Self {
        let rate = rate.max(1) as f32;
        Ceiling {
            ceiling: Ramp::new(ceiling, (GLIDE * rate) as u32),
            channels: usize::from(channels.max(1)),
            rate,
            ahead: (AHEAD * rate).ceil() as usize,
            waiting: VecDeque::new(),
            gains: VecDeque::new(),
            gain: 1.0,
            rise: 1.0 / (RELEASE * rate),
            touched: 0,
            between: None,
        }
    }

    /// As [`Ceiling::new`], and the peaks between samples stay below `ceiling` too.
    pub(crate) fn true_peak(ceiling: f32, rate: u32, channels: u16) -> Self {
        let mut limiter = Self::new(ceiling, rate, channels);
        limiter.ahead += true_peak::DELAY;
        limiter.between = Some(Box::new(TruePeak::new(limiter.channels, ceiling)));
        limiter
    }

    /// Glides to another ceiling.
    pub(crate) fn set(&mut self, ceiling: f32) {
        if let Some(between) = &mut self.between {
            between.set_matters(ceiling.min(self.ceiling.value()));
        }
        self.ceiling.set(ceiling);
    }

    /// The sound would come back from silence in so many seconds.
    pub(crate) fn set_release(&mut self, seconds: f32) {
        self.rise = 1.0 / (seconds * self.rate).max(1.0);
    }

    /// How many frames later sound comes out.
    pub(crate) fn ahead(&self) -> usize {
        self.ahead
    }

    /// Takes interleaved `samples` and appends to `passed` those that came [`AHEAD`] earlier.
    pub(crate) fn pass(&mut self, samples: &[f32], passed: &mut Vec<f32>) {
        for frame in samples.chunks_exact(self.channels) {
            let peak = frame.iter().fold(0.0f32, |peak, sample| {
                let size = sample.abs();
                if size.is_finite() {
                    peak.max(size)
                } else {
                    peak
                }
            });
            self.gain = (self.gain + self.rise).min(1.0);
            let now = self.gains.len();
            let ceiling = self.ceiling.next();
            if peak > ceiling {
                self.turn_down(ceiling / peak, now);
            }
            let finite = |sample: &f32| if sample.is_finite() { *sample } else { 0.0 };
            if let Some(between) = &mut self.between {
                let peak = between.hear(frame.iter().map(finite));
                self.hear_between(peak, ceiling, now);
            }
            self.waiting.extend(frame.iter().map(finite));
            self.gains.push_back((self.gain, ceiling));
            if self.gains.len() > self.ahead {
                self.release_one(passed);
            }
        }
    }

    /// Appends to `passed` what still waits.
    pub(crate) fn finish(&mut self, passed: &mut Vec<f32>) {
        let end = self.gains.len();
        for late in 0..true_peak::DELAY {
            if let Some(between) = &mut self.between {
                let peak = between.hear(std::iter::repeat_n(0.0, self.channels));
                let ceiling = self.ceiling.next();
                self.hear_between(peak, ceiling, end + late);
            }
        }
        while !self.gains.is_empty() {
            self.release_one(passed);
        }
    }

    /// Frames that were turned down so far.
    pub(crate) fn touched(&self) -> u64 {
        self.touched
    }

    /// Takes the peak between samples that is known once the frame `now` is there, counted among
    /// those that wait.
    fn hear_between(&mut self, peak: f32, ceiling: f32, now: usize) {
        if peak > ceiling {
            self.turn_down(ceiling / peak, now.saturating_sub(true_peak::DELAY));
        }
    }

    /// From the frame `from` on, counted among those that wait, the factor is `needed` at most.
    fn turn_down(&mut self, needed: f32, from: usize) {
        let count = from + 1;
        for (index, (gain, _)) in self.gains.iter_mut().enumerate() {
            let share = (index + 1).min(count) as f32 / count as f32;
            *gain = gain.min(1.0 - (1.0 - needed) * share);
        }
        self.gain = self.gain.min(needed);
    }

    fn release_one(&mut self, passed: &mut Vec<f32>) {
        let (gain, ceiling) = self.gains.pop_front().unwrap_or((1.0, f32::MAX));
        let frame = self.waiting.drain(..self.channels);
        if gain == 1.0 {
            passed.extend(frame);
            return;
        }
        self.touched += 1;
        // Rounding may be one step too much.
        passed.extend(frame.map(|sample| (sample * gain).clamp(-ceiling, ceiling)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(samples: &[f32], channels: u16) -> (Vec<f32>, u64) {
        let mut ceiling = Ceiling::new(0.9, 48_000, channels);
        let mut passed = Vec::new();
        for block in samples.chunks(250 * usize::from(channels)) {
            ceiling.pass(block, &mut passed);
        }
        ceiling.finish(&mut passed);
        (passed, ceiling.touched())
    }

    #[test]
    fn sound_below_the_ceiling_passes_bit_by_bit() {
        let sound: Vec<f32> = (0..9_000).map(|n| 0.9 * (n as f32 * 0.05).sin()).collect();
        assert_eq!(pass(&sound, 3), (sound, 0));
    }

    #[test]
    fn a_loud_moment_is_turned_down_without_a_jump_and_let_go() {
        let sound: Vec<f32> = (0..48_000)
            .map(|n| {
                let level = if (10_000..12_000).contains(&n) {
                    3.0
                } else {
                    0.3
                };
                level * (n as f32 * 0.05).sin()
            })
            .collect();
        let (passed, touched) = pass(&sound, 1);
        assert_eq!(passed.len(), sound.len());
        assert!(passed.iter().all(|sample| sample.abs() <= 0.9));
        assert_eq!(passed[..9_900], sound[..9_900]);
        assert_eq!(passed[40_000..], sound[40_000..]);
        assert!((2_000..30_000).contains(&touched), "{touched}");
        // Where the sound itself jumps to ten times its level, so does what passes.
        for at in 10_200..48_000 {
            let step = (passed[at] - passed[at - 1]).abs();
            assert!(
                step < 0.06 || (11_990..12_100).contains(&at),
                "{at}: {step}"
            );
        }
    }

    #[test]
    fn peaks_between_samples_stay_below_the_ceiling_too() {
        // A quarter of the rate, an eighth of a turn aside: between its samples it is 3 dB higher;
        // with loud moments.
        let sound: Vec<f32> = (0..48_000)
            .map(|n| {
                let level = if n % 7_000 < 300 { 1.2 } else { 0.5 };
                level * (std::f32::consts::FRAC_PI_2 * n as f32 + std::f32::consts::FRAC_PI_4).sin()
            })
            .collect();
        let peak = |sound: &[f32]| {
            let mut meter = ebur128::EbuR128::new(1, 48_000, ebur128::Mode::TRUE_PEAK).unwrap();
            meter.add_frames_f32(sound).unwrap();
            meter.true_peak(0).unwrap()
        };
        let mut ceiling = Ceiling::true_peak(0.9, 48_000, 1);
        let mut passed = Vec::new();
        sound
            .chunks(333)
            .for_each(|block| ceiling.pass(block, &mut passed));
        ceiling.finish(&mut passed);
        assert_eq!(passed.len(), sound.len());
        assert!(
            peak(&sound) > 1.1 && peak(&passed) < 0.915,
            "{}",
            peak(&passed)
        );
        assert!(
            passed
                .iter()
                .fold(0.0f32, |most, sample| most.max(sample.abs()))
                > 0.5
        );
        assert_eq!(passed[5_000..6_800], sound[5_000..6_800]);
    }

    #[test]
    fn a_ceiling_that_comes_down_is_kept_without_a_jump() {
        let sound: Vec<f32> = (0..48_000).map(|n| (n as f32 * 0.05).sin()).collect();
        let mut ceiling = Ceiling::new(0.9, 48_000, 1);
        let mut passed = Vec::new();
        ceiling.pass(&sound[..20_000], &mut passed);
        ceiling.set(0.3);
        ceiling.pass(&sound[20_000..], &mut passed);
        ceiling.finish(&mut passed);
        assert_eq!(passed.len(), sound.len());
        let steps = passed.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.055);
        let late = passed[22_400..].iter().map(|sample| sample.abs());
        let peak = late.fold(0.0, f32::max);
        assert!(peak <= 0.3 && peak > 0.25, "{peak}");
    }

    #[test]
    fn what_is_not_a_number_is_silence() {
        let (passed, _) = pass(&[f32::NAN, f32::INFINITY, 0.5], 1);
        assert_eq!(passed, [0.0, 0.0, 0.5]);
    }
}
