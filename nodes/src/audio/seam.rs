//! Hides where a live wire's sound breaks off and where it comes back.

/// How long sound takes to fade where it breaks off, and to come back, in seconds: as on the sound
/// device.
const FADE_SECONDS: f64 = 0.005;

/// One wire's sound, without the clicks of blocks that came too late.
pub(crate) struct Seam {
    /// How much of the sound is heard: below 1 while it comes back.
    level: f32,
    /// What was heard when the sound broke off, and how much of it still is.
    ghost: [f32; 2],
    ghost_level: f32,
    /// What was heard last.
    last: [f32; 2],
    is_broken: bool,
    /// What the levels change by in a frame.
    step: f32,
}

impl Seam {
    /// Nothing heard yet; sound that is there from the first frame on begins as it is.
    pub(crate) fn new(rate: u32) -> Self {
        Seam {
            level: 1.0,
            ghost: [0.0; 2],
            ghost_level: 0.0,
            last: [0.0; 2],
            is_broken: false,
            step: (1.0 / (f64::from(rate.max(1)) * FADE_SECONDS).max(1.0)) as f32,
        }
    }

    /// What is heard of the next frame; `None`: it did not come.
    pub(crate) fn next(&mut self, frame: Option<[f32; 2]>) -> [f32; 2] {
        if frame.is_none() && !self.is_broken {
            (self.ghost, self.ghost_level, self.level) = (self.last, 1.0, 0.0);
        }
        self.is_broken = frame.is_none();
        self.ghost_level = (self.ghost_level - self.step).max(0.0);
        if frame.is_some() {
            self.level = (self.level + self.step).min(1.0);
        }
        let frame = frame.unwrap_or_default();
        let heard = |side: usize| frame[side] * self.level + self.ghost[side] * self.ghost_level;
        self.last = [heard(0), heard(1)];
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_that_is_always_there_is_left_as_it_is() {
        let mut seam = Seam::new(48_000);
        assert_eq!(seam.next(Some([0.3, -0.4])), [0.3, -0.4]);
        assert_eq!(seam.next(Some([-0.1, 0.9])), [-0.1, 0.9]);
    }

    #[test]
    fn sound_that_breaks_off_fades_and_comes_back_without_a_step() {
        let mut seam = Seam::new(48_000);
        let is_there =
            |frame: usize| !(1_000..1_100).contains(&frame) && !(2_000..3_000).contains(&frame);
        let heard: Vec<f32> = (0..4_000)
            .map(|frame| seam.next(is_there(frame).then_some([0.5; 2]))[0])
            .collect();
        let most = heard
            .windows(2)
            .fold(0.0_f32, |most, pair| most.max((pair[1] - pair[0]).abs()));
        assert!(most <= 0.5 / 240.0 * 1.01, "{most}");
        assert_eq!((heard[999], heard[2_500], heard[3_999]), (0.5, 0.0, 0.5));
    }
}
