//! A value that goes over to another within a block, so that no step is heard.

/// A factor that changes without a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glide {
    from: f32,
    to: f32,
}

impl Glide {
    /// A value that has always been `value`.
    pub(crate) fn new(value: f32) -> Self {
        Glide {
            from: value,
            to: value,
        }
    }

    /// Goes over to `value` within the next block.
    pub(crate) fn go_to(&mut self, value: f32) {
        self.to = value;
    }

    /// Whether the value is `value` and stays so.
    pub(crate) fn is_at(&self, value: f32) -> bool {
        self.from == value && self.to == value
    }

    /// Multiplies a block of interleaved `samples` by the value.
    pub(crate) fn scale(&mut self, samples: &mut [f32], channels: usize) {
        let channels = channels.max(1);
        let frames = (samples.len() / channels) as u64;
        for (frame, factor) in samples.chunks_exact_mut(channels).zip(self.over(frames)) {
            frame.iter_mut().for_each(|sample| *sample *= factor);
        }
    }

    /// The value at each frame of a block of `frames`.
    pub(crate) fn over(&mut self, frames: u64) -> impl Iterator<Item = f32> + use<> {
        let Glide { from, to } = *self;
        self.from = to;
        let step = (to - from) / frames.max(1) as f32;
        (0..frames).map(move |frame| {
            if from == to {
                to
            } else {
                from + step * (frame + 1) as f32
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_one_block_and_has_no_step() {
        let mut glide = Glide::new(0.0);
        glide.go_to(1.0);
        let values: Vec<f32> = glide.over(100).collect();
        assert_eq!((values[0], values[99]), (0.01, 1.0));
        assert!(values.windows(2).all(|pair| pair[1] - pair[0] < 0.0101));
        assert!(glide.over(3).all(|value| value == 1.0));
    }

    #[test]
    fn every_channel_of_a_frame_has_the_same_factor() {
        let mut glide = Glide::new(1.0);
        assert!(glide.is_at(1.0));
        glide.go_to(0.0);
        assert!(!glide.is_at(1.0));
        let mut samples = vec![1.0; 8];
        glide.scale(&mut samples, 2);
        assert_eq!(samples, [0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.0, 0.0]);
    }
}
