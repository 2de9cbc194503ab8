//! Turns music down while somebody speaks in the film's own sound.
//!
//! Speech is loud and quiet several times a second, in syllables, and does not stop for long; most
//! of it lies between 200 and 4000 Hz. A steady noise has no syllables, and a single bang does not
//! go on.

use std::collections::VecDeque;

use super::amplitude;

/// The sound is judged every 20 ms, from the last 0.8 s.
const STEPS_PER_SECOND: u32 = 50;
const WINDOW: usize = 40;

/// The music knows of speech this many steps ahead, so that it is down when the first word comes.
const AHEAD: usize = 30;

/// Pauses between words, in steps, in which the music stays down.
const HOLD: usize = 40;

/// What is quieter than this is not spoken to the audience, in dBFS.
const QUIETEST: f32 = -45.0;

/// By how much a fifth of the window lies below its loudest step, at least, and three fifths, at
/// most, in dB.
const SYLLABLES: f32 = 8.0;
const LASTING: f32 = 25.0;

/// The band of speech, in Hz, and the share of the power that lies in it, at least.
const BAND: (f32, f32) = (200.0, 4000.0);
const IN_BAND: f32 = 0.5;

/// How fast the music goes down and comes back, in seconds.
const DOWN: f32 = 0.12;
const UP: f32 = 0.5;

/// How far ahead the film's own sound must be read, in frames at `rate` frames per second.
pub(crate) fn ahead(rate: u32) -> usize {
    (AHEAD + 1) * step(rate)
}

fn step(rate: u32) -> usize {
    (rate / STEPS_PER_SECOND).max(1) as usize
}

/// Hears the film's own sound ahead, and says how loud the music may be.
pub(crate) struct Ducking {
    /// The factor of the music under speech.
    low: f32,
    step: usize,
    speech: Speech,
    /// Whether somebody spoke at each step so far, the first of them `gone` steps from the start.
    spoken: VecDeque<bool>,
    gone: usize,
    /// Frames for which the factor was given, the factor, and where it goes.
    at: usize,
    gain: f32,
    target: f32,
    down: f32,
    up: f32,
}

impl Ducking {
    /// The music is `decibels` quieter under speech.
    pub(crate) fn new(decibels: f64, rate: u32) -> Self {
        let share = |seconds: f32| 1.0 - (-1.0 / (seconds * rate.max(1) as f32)).exp();
        Ducking {
            low: amplitude(-decibels),
            step: step(rate),
            speech: Speech::new(rate),
            spoken: VecDeque::new(),
            gone: 0,
            at: 0,
            gain: 1.0,
            target: 1.0,
            down: share(DOWN),
            up: share(UP),
        }
    }

    /// From now on the music is `decibels` quieter under speech; it glides there.
    pub(crate) fn set(&mut self, decibels: f64) {
        self.low = amplitude(-decibels);
    }

    /// Hears the next of the film's own sound, interleaved stereo.
    pub(crate) fn hear(&mut self, samples: &[f32]) {
        for frame in samples.chunks_exact(2) {
            let spoken = self.speech.hear((frame[0] + frame[1]) / 2.0);
            self.spoken.extend(spoken);
        }
    }

    /// The factor of the music's next frame.
    pub(crate) fn next(&mut self) -> f32 {
        if self.at.is_multiple_of(self.step) {
            let place = self.at / self.step + AHEAD;
            let from = place.saturating_sub(HOLD);
            while self.gone < from && self.spoken.pop_front().is_some() {
                self.gone += 1;
            }
            let until = (place + 1).saturating_sub(self.gone);
            let speaks = self.spoken.iter().take(until).any(|spoken| *spoken);
            self.target = if speaks { self.low } else { 1.0 };
        }
        self.at += 1;
        let share = if self.target < self.gain {
            self.down
        } else {
            self.up
        };
        self.gain += (self.target - self.gain) * share;
        self.gain
    }
}

/// Tells speech.
struct Speech {
    step: usize,
    /// Shares of a low-pass at the band's ends, and what has passed them.
    shares: [f32; 2],
    low: [f32; 2],
    /// Power of the step so far, in the band and in all, and its frames.
    power: [f32; 2],
    count: usize,
    /// Level and share of the band of the latest steps.
    steps: VecDeque<(f32, f32)>,
}

impl Speech {
    fn new(rate: u32) -> Self {
        let share = |hertz: f32| 1.0 - (-std::f32::consts::TAU * hertz / rate.max(1) as f32).exp();
        Speech {
            step: step(rate),
            shares: [share(BAND.0), share(BAND.1)],
            low: [0.0; 2],
            power: [0.0; 2],
            count: 0,
            steps: VecDeque::with_capacity(WINDOW + 1),
        }
    }

    /// Hears a sample; at the end of each step, whether somebody speaks.
    fn hear(&mut self, sample: f32) -> Option<bool> {
        for (low, share) in self.low.iter_mut().zip(self.shares) {
            *low += (sample - *low) * share;
        }
        let band = self.low[1] - self.low[0];
        self.power[0] += band * band;
        self.power[1] += sample * sample;
        self.count += 1;
        if self.count < self.step {
            return None;
        }
        let [band, all] = self.power;
        let level = 10.0 * (band / self.count as f32).max(1e-12).log10();
        (self.power, self.count) = ([0.0; 2], 0);
        self.steps.push_back((level, band / all.max(1e-12)));
        if self.steps.len() > WINDOW {
            self.steps.pop_front();
        }
        Some(self.speaks())
    }

    fn speaks(&self) -> bool {
        if self.steps.len() < WINDOW {
            return false;
        }
        let mut steps: Vec<(f32, f32)> = self.steps.iter().copied().collect();
        steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (loudest, in_band) = steps[WINDOW - 1];
        let quiet = steps[WINDOW / 5].0;
        let usual = steps[WINDOW * 3 / 5].0;
        loudest > QUIETEST
            && in_band > IN_BAND
            && loudest - quiet > SYLLABLES
            && loudest - usual < LASTING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// How loud the music is under each second of `sound`, in dB; twice 12 dB would be wrong.
    fn under(sound: impl Fn(f32) -> f32) -> Vec<f32> {
        let samples: Vec<f32> = (0..RATE * 8)
            .flat_map(|n| [sound(n as f32 / RATE as f32); 2])
            .collect();
        let mut ducking = Ducking::new(12.0, RATE);
        let mut heard = 0;
        (0..8)
            .map(|second| {
                let gains: Vec<f32> = (0..RATE as usize)
                    .map(|frame| {
                        let at = (second * RATE as usize + frame + ahead(RATE)) * 2;
                        let until = at.min(samples.len());
                        if until > heard + 4_096 || until == samples.len() {
                            ducking.hear(&samples[heard..until]);
                            heard = until;
                        }
                        ducking.next()
                    })
                    .collect();
                20.0 * (gains.iter().sum::<f32>() / gains.len() as f32).log10()
            })
            .collect()
    }

    /// Syllables of a voice of 130 Hz, four a second, from second 3 to 5.
    fn voice(time: f32) -> f32 {
        if !(3.0..5.0).contains(&time) {
            return 0.0;
        }
        let syllable = (std::f32::consts::PI * 4.0 * time).sin().powi(2).powi(2);
        let tones = (1..20).map(|tone| {
            let hertz = 130.0 * tone as f32;
            let formant = (-((hertz - 600.0) / 500.0).powi(2)).exp();
            formant * (std::f32::consts::TAU * hertz * time).sin()
        });
        0.1 * syllable * tones.sum::<f32>()
    }

    #[test]
    fn music_is_down_under_speech_before_it_begins_and_back_after_it() {
        let levels = under(voice);
        assert!(levels[0].abs() < 0.1 && levels[1].abs() < 0.1, "{levels:?}");
        assert!(levels[3] < -10.5 && levels[4] < -11.5, "{levels:?}");
        assert!(levels[7].abs() < 0.5, "{levels:?}");
    }

    #[test]
    fn how_far_music_goes_down_changes_under_speech_without_a_jump() {
        let samples: Vec<f32> = (0..RATE * 8)
            .flat_map(|n| [voice(n as f32 / RATE as f32); 2])
            .collect();
        let mut ducking = Ducking::new(12.0, RATE);
        ducking.hear(&samples);
        let second = RATE as usize;
        let mut gains: Vec<f32> = (0..4 * second).map(|_| ducking.next()).collect();
        ducking.set(3.0);
        gains.extend((0..second * 9 / 10).map(|_| ducking.next()));
        let level = |frame: usize| 20.0 * gains[frame].log10();
        assert!(level(4 * second - 1) < -11.5, "{}", level(4 * second - 1));
        let last = level(gains.len() - 1);
        assert!((-6.0..-3.0).contains(&last), "{last}");
        let steps = gains.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 1e-3);
    }

    #[test]
    fn a_steady_tone_a_bang_and_quiet_speech_leave_music_alone() {
        let tone = |time: f32| 0.3 * (std::f32::consts::TAU * 500.0 * time).sin();
        assert!(under(tone)[2..].iter().all(|level| level.abs() < 0.1));
        let bang = |time: f32| {
            let since = (time - 4.0).max(0.0);
            let rings = if time < 4.0 {
                0.0
            } else {
                (-since * 60.0).exp()
            };
            0.8 * rings * (std::f32::consts::TAU * 700.0 * time).sin()
        };
        assert!(under(bang).iter().all(|level| level.abs() < 0.1));
        assert!(
            under(|time| 0.01 * voice(time))
                .iter()
                .all(|level| level.abs() < 0.1)
        );
    }
}
