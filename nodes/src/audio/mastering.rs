//! Brings a whole sound to a loudness (EBU R 128), once all of it is known.

use ebur128::{EbuR128, Mode};
use score_engine::NodeError;

use super::amplitude;
use super::ceiling::{Ceiling, MARGIN};
use super::end_fade::{Curve, LAST, SILENT};
use super::spool::Spool;

/// What the limiter takes away is made up for in at most this many rounds, and by at most this each
/// time, in dB.
const ROUNDS: usize = 6;
const STEP: f64 = 9.0;

/// Each dB more before the limiter is at least this much more after it.
const LEAST_SLOPE: f64 = 0.25;

/// The loudness is right within this, in LU.
const NEAR: f64 = 0.1;

/// What is wanted of a sound as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish {
    /// Integrated loudness, in LUFS.
    pub(crate) loudness: f64,
    /// The highest true peak, as a factor of full scale.
    pub(crate) ceiling: f32,
    /// Whether a sound that would be cut off at its end fades there.
    pub(crate) fades: bool,
}

/// Measures a sound while it comes, and plays it back at the requested loudness.
pub(crate) struct Mastering {
    wish: Wish,
    meter: Meter,
    form: (u32, u16),
    peak: f32,
    /// The latest samples, of which the last are the sound's end.
    end: Vec<f32>,
    frames: u64,
}

impl Mastering {
    /// For sound of `form`: frames a second, and samples a frame.
    ///
    /// # Errors
    /// Loudness is not defined for such a sound.
    pub(crate) fn new(wish: Wish, form: (u32, u16)) -> Result<Self, NodeError> {
        Ok(Mastering {
            wish,
            meter: Meter::new(form)?,
            form,
            peak: 0.0,
            end: Vec::new(),
            frames: 0,
        })
    }

    /// Replaces what is wanted; it is read when the sound is played.
    pub(crate) fn set_wish(&mut self, wish: Wish) {
        self.wish = wish;
    }

    /// The highest sample so far.
    pub(crate) fn peak(&self) -> f32 {
        self.peak
    }

    fn channels(&self) -> usize {
        usize::from(self.form.1.max(1))
    }

    /// Measures interleaved samples.
    ///
    /// # Errors
    /// They are not whole frames.
    pub(crate) fn hear(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        let finite = |sample: &f32| if sample.is_finite() { *sample } else { 0.0 };
        let samples: Vec<f32> = samples.iter().map(finite).collect();
        self.meter.hear(&samples)?;
        self.peak = (samples.iter()).fold(self.peak, |peak, sample| peak.max(sample.abs()));
        self.frames += (samples.len() / self.channels()) as u64;
        self.end.extend_from_slice(&samples);
        let last = (LAST * f64::from(self.form.0)) as usize * self.channels();
        if self.end.len() > 4 * last {
            self.end.drain(..self.end.len() - last);
        }
        Ok(())
    }

    /// Plays what was measured, which `spool` has kept, to `sink`, block by block.
    ///
    /// # Errors
    /// The disk is gone, or `sink` fails.
    pub(crate) fn play(
        &self,
        spool: &mut Spool,
        mut sink: impl FnMut(&[f32]) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        let gain = self.gain(spool)?;
        self.play_at(gain, spool, &mut sink).map(drop)
    }

    /// The factor with which the limited sound has the requested loudness; 1 for silence.
    fn gain(&self, spool: &mut Spool) -> Result<f32, NodeError> {
        let Some(loudness) = self.meter.loudness() else {
            return Ok(1.0);
        };
        let mut decibels = self.wish.loudness - loudness;
        // A gain that was tried, and the loudness that it gave; without limiting, 1 dB of gain is 1
        // LU.
        let mut before = (0.0, loudness);
        for _ in 0..ROUNDS {
            let gain = amplitude(decibels);
            let fades = self.curve(gain).is_some();
            // Between samples sound may be twice as high as at them, hardly more.
            if !fades && self.peak * gain < self.wish.ceiling / 2.0 {
                break;
            }
            let mut meter = Meter::new(self.form)?;
            let touched = self.play_at(gain, spool, &mut |samples| meter.hear(samples))?;
            let reached = meter.loudness().unwrap_or(self.wish.loudness);
            let missing = self.wish.loudness - reached;
            if (touched == 0 && !fades) || missing.abs() < NEAR {
                break;
            }
            let slope = (reached - before.1) / (decibels - before.0);
            before = (decibels, reached);
            let slope = if slope.is_finite() {
                slope.clamp(LEAST_SLOPE, 1.0)
            } else {
                1.0
            };
            decibels += (missing / slope).clamp(-STEP, STEP);
        }
        Ok(amplitude(decibels))
    }

    /// Plays the sound with this gain, limited. Returns how many frames the limiter turned down.
    fn play_at(
        &self,
        gain: f32,
        spool: &mut Spool,
        sink: &mut dyn FnMut(&[f32]) -> Result<(), NodeError>,
    ) -> Result<u64, NodeError> {
        let (rate, channels) = self.form;
        let mut limiter = Ceiling::true_peak(self.wish.ceiling * MARGIN, rate, channels);
        let curve = self.curve(gain);
        let (mut at, mut passed) = (0, Vec::new());
        spool.read(channels, |samples| {
            let mut samples: Vec<f32> = samples.iter().map(|sample| sample * gain).collect();
            for frame in samples.chunks_exact_mut(self.channels()) {
                if let Some(curve) = &curve {
                    curve.scale(at, frame);
                }
                at += 1;
            }
            passed.clear();
            limiter.pass(&samples, &mut passed);
            sink(&passed)
        })?;
        passed.clear();
        limiter.finish(&mut passed);
        sink(&passed)?;
        Ok(limiter.touched())
    }

    /// How the end fades, if it must.
    fn curve(&self, gain: f32) -> Option<Curve> {
        let last = (LAST * f64::from(self.form.0)) as usize * self.channels();
        let end = &self.end[self.end.len().saturating_sub(last)..];
        let is_cut_off = end.iter().any(|sample| sample.abs() * gain >= SILENT);
        (self.wish.fades && is_cut_off).then(|| Curve::of(self.frames, self.form.0))
    }
}

/// Integrated loudness.
struct Meter(EbuR128);

impl Meter {
    fn new((rate, channels): (u32, u16)) -> Result<Self, NodeError> {
        let meter = EbuR128::new(u32::from(channels), rate, Mode::I);
        meter.map(Meter).map_err(|error| {
            NodeError::output(format!(
                "the loudness of sound with {channels} channels at {rate} Hz cannot be measured ({error})"
            ))
            .help("leave `loudness` out, or use a usual rate and at most 64 channels")
        })
    }

    fn hear(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        self.0.add_frames_f32(samples).map_err(|error| {
            NodeError::internal(format!("the loudness cannot be measured: {error}"))
        })
    }

    /// In LUFS; `None` for silence, and for less than 0.4 s, of which no loudness is defined.
    fn loudness(&self) -> Option<f64> {
        (self.0.loudness_global().ok()).filter(|loudness| loudness.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: (u32, u16) = (48_000, 2);

    /// The mastered sound, its loudness and its true peak in dB.
    fn master(sound: &[f32], wish: Wish) -> (Vec<f32>, f64, f64) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::beside(&folder.path().join("a")).unwrap();
        let mut mastering = Mastering::new(wish, FORM).unwrap();
        for block in sound.chunks(1_022) {
            spool.append(block).unwrap();
            mastering.hear(block).unwrap();
        }
        let mut played = Vec::new();
        let play = mastering.play(&mut spool, |samples| {
            played.extend_from_slice(samples);
            Ok(())
        });
        play.unwrap();
        let mut meter = EbuR128::new(2, FORM.0, Mode::I | Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(&played).unwrap();
        let peak = (0..2).map(|channel| meter.true_peak(channel).unwrap());
        let peak = 20.0 * peak.fold(0.0, f64::max).log10();
        let loudness = meter.loudness_global().unwrap();
        (played, loudness, peak)
    }

    fn wish(loudness: f64) -> Wish {
        Wish {
            loudness,
            ceiling: amplitude(-1.0),
            fades: true,
        }
    }

    /// Strokes that ring out: peaks far above the loudness.
    fn strokes(level: f32) -> Vec<f32> {
        (0..96_000)
            .flat_map(|n| {
                let stroke = (-((n % 12_000) as f32) / 800.0).exp();
                [level * stroke * (n as f32 * 0.11).sin(); 2]
            })
            .collect()
    }

    #[test]
    fn quiet_and_loud_sound_come_to_the_wished_loudness_below_the_true_peak() {
        for (level, wished) in [(0.02, -16.0), (0.9, -16.0), (0.4, -23.0), (0.3, -14.0)] {
            let (played, loudness, peak) = master(&strokes(level), wish(wished));
            assert_eq!(played.len(), 192_000);
            assert!((loudness - wished).abs() < 0.5, "{loudness} for {wished}");
            assert!(peak <= -1.0, "{peak} dBTP");
        }
    }

    #[test]
    fn sound_that_needs_no_limiting_is_only_scaled() {
        let sound: Vec<f32> = strokes(0.5);
        let (played, ..) = master(&sound, wish(-30.0));
        let gain = played[300] / sound[300];
        assert!(
            (played.iter().zip(&sound).take(150_000))
                .all(|(played, sound)| (played - sound * gain).abs() < 1e-6)
        );
    }

    #[test]
    fn an_end_that_would_be_cut_off_fades_and_silence_stays_silence() {
        let tone: Vec<f32> = (0..96_000).map(|n| 0.1 * (n as f32 * 0.05).sin()).collect();
        let (played, ..) = master(&tone, wish(-16.0));
        let last = &played[played.len() - 4_800..];
        assert!(last.iter().all(|sample| sample.abs() < SILENT));
        let cut = Wish {
            fades: false,
            ..wish(-16.0)
        };
        let (played, ..) = master(&tone, cut);
        assert!(played[95_000..].iter().any(|sample| sample.abs() > 0.1));
        let silence = vec![0.0; 96_000];
        assert_eq!(master(&silence, wish(-16.0)).0, silence);
        let short = vec![0.01; 2_000];
        assert!(master(&short, wish(-16.0)).0[0] == 0.01);
    }
}
