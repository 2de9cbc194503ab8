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
}
