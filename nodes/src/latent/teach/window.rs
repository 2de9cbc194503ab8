//! The mean of the codes of the last half second.

use std::collections::VecDeque;
use std::sync::Arc;

use score_engine::Time;

/// How long a picture is looked at, in nanoseconds.
const LOOK: i64 = 500_000_000;

/// The most codes that are kept: half a second of a very fast camera.
const MOST: usize = 512;

/// The latest codes, with their times.
#[derive(Default)]
pub(super) struct Window {
    codes: VecDeque<(Time, Arc<[f32]>)>,
}

impl Window {
    /// Another code; those before the last half second go.
    pub(super) fn add(&mut self, time: Time, code: Arc<[f32]>) {
        let since = time - Time::from_nanos(LOOK);
        self.codes.retain(|(then, _)| *then > since);
        if self.codes.len() == MOST {
            self.codes.pop_front();
        }
        self.codes.push_back((time, code));
    }

    /// The newest code.
    pub(super) fn latest(&self) -> Option<&[f32]> {
        self.codes.back().map(|(_, code)| &**code)
    }

    /// The mean of what is there; `None`: nothing has come yet.
    pub(super) fn mean(&self) -> Option<Vec<f32>> {
        let (_, first) = self.codes.front()?;
        let mut sums = vec![0.0_f64; first.len()];
        for (_, code) in &self.codes {
            for (sum, value) in sums.iter_mut().zip(code.iter()) {
                *sum += f64::from(*value);
            }
        }
        let count = self.codes.len() as f64;
        Some(sums.into_iter().map(|sum| (sum / count) as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn the_mean_is_that_of_the_last_half_second() {
        let mut window = Window::default();
        assert_eq!(window.mean(), None);
        for (time, value) in [(0.0, 9.0), (0.5, 1.0), (0.7, 2.0), (1.0, 6.0)] {
            window.add(at(time), [value, -value].into());
        }
        assert_eq!(window.mean(), Some(vec![4.0, -4.0]));
        window.add(at(9.0), [0.5, 0.25].into());
        assert_eq!(window.mean(), Some(vec![0.5, 0.25]));
    }
}
