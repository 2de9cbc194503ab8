//! A number that goes to its new value in a straight line, so that a change while it plays does not
//! click.

use score_engine::Transport;

/// The least time that a change takes, in seconds: shorter ones click.
const SHORTEST: f64 = 0.005;

/// Frames that a change takes: a block, where that is not too short.
pub(crate) fn glide(transport: &Transport) -> u32 {
    let shortest = SHORTEST * f64::from(transport.sample_rate);
    transport.block.max(shortest as u32)
}

/// A live parameter of a sound, read once per frame.
pub(crate) struct Ramp {
    value: f32,
    target: f32,
    step: f32,
    /// Frames until the target is reached.
    left: u32,
    /// Frames that a change takes.
    length: u32,
}

impl Ramp {
    /// Stands at `value`; a change will take `length` frames.
    pub(crate) fn new(value: f32, length: u32) -> Self {
        Ramp {
            value,
            target: value,
            step: 0.0,
            left: 0,
            length: length.max(1),
        }
    }

    /// Goes to `target` from where it is now; a change that is already under way to it continues.
    pub(crate) fn set(&mut self, target: f32) {
        if target == self.target {
            return;
        }
        self.target = target;
        self.left = self.length;
        self.step = (target - self.value) / self.length as f32;
    }

    /// Whether the value is `value` and stays so.
    pub(crate) fn is_at(&self, value: f32) -> bool {
        self.left == 0 && self.value == value
    }

    /// Whether it is on its way to another value.
    pub(crate) fn is_moving(&self) -> bool {
        self.left > 0
    }

    /// The value of the frame before.
    pub(crate) fn value(&self) -> f32 {
        self.value
    }

    /// Multiplies each frame of interleaved `samples` by the value for it.
    pub(crate) fn scale(&mut self, samples: &mut [f32], channels: usize) {
        for frame in samples.chunks_exact_mut(channels.max(1)) {
            let factor = self.next();
            frame.iter_mut().for_each(|sample| *sample *= factor);
        }
    }

    /// The value for the next frame.
    pub(crate) fn next(&mut self) -> f32 {
        if self.left > 0 {
            self.left -= 1;
            // From where it ends, so that rounding does not add up: a change of seconds would end in
            // a step that is heard.
            self.value = self.target - self.step * self.left as f32;
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_a_block_but_never_less_than_5_ms() {
        let frames = |block| {
            glide(&Transport {
                block,
                ..Transport::default()
            })
        };
        assert_eq!([16, 240, 512].map(frames), [240, 240, 512]);
    }

    #[test]
    fn a_change_goes_in_equal_steps_and_lands_exactly() {
        let mut ramp = Ramp::new(1.0, 4);
        assert_eq!(ramp.next(), 1.0);
        ramp.set(0.0);
        let steps: Vec<f32> = (0..6).map(|_| ramp.next()).collect();
        assert_eq!(steps, [0.75, 0.5, 0.25, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_change_of_seconds_ends_in_no_step() {
        let mut ramp = Ramp::new(1.0, 192_000);
        ramp.set(0.0);
        let values: Vec<f32> = (0..192_001).map(|_| ramp.next()).collect();
        let steps = values.windows(2).map(|pair| (pair[0] - pair[1]).abs());
        assert!(steps.fold(0.0, f32::max) < 1e-5);
        assert_eq!(values[192_000], 0.0);
    }

    #[test]
    fn a_change_of_mind_on_the_way_does_not_jump() {
        let mut ramp = Ramp::new(0.0, 10);
        ramp.set(1.0);
        let half: Vec<f32> = (0..5).map(|_| ramp.next()).collect();
        ramp.set(-1.0);
        let next = ramp.next();
        assert!((half[4] - 0.5).abs() < 1e-6 && (next - 0.35).abs() < 1e-6);
    }

    #[test]
    fn every_channel_of_a_frame_has_the_same_factor() {
        let mut ramp = Ramp::new(1.0, 4);
        assert!(ramp.is_at(1.0));
        ramp.set(0.0);
        assert!(!ramp.is_at(1.0));
        let mut samples = vec![1.0; 8];
        ramp.scale(&mut samples, 2);
        assert_eq!(samples, [0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.0, 0.0]);
        assert!(ramp.is_at(0.0));
    }
}
