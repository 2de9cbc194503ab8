//! Remembers how the picture looked in the bars before, and measures how new the present one is.

use std::collections::VecDeque;

use super::view::View;

/// Bars that are remembered, as many as the model `stream` looks back on for the novelty of a bar.
const REMEMBERED: usize = 8;

/// A look at each of the last bars.
#[derive(Default)]
pub(super) struct Recurrence {
    /// The bar that goes on, and the last look at it.
    present: Option<(i64, View)>,
    before: VecDeque<View>,
}

impl Recurrence {
    /// How unlike a picture of bar `bar` is to the bar before that it is most like, 0 to 1; `None`
    /// in the first bar.
    pub(super) fn see(&mut self, bar: i64, view: View) -> Option<f32> {
        if let Some((number, last)) = self.present.take()
            && number < bar
        {
            self.before.push_back(last);
            while self.before.len() > REMEMBERED {
                self.before.pop_front();
            }
        }
        let nearest = self.before.iter().map(|before| view.change(before));
        let nearest = nearest.min_by(f32::total_cmp);
        self.present = Some((bar, view));
        nearest
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Frame;

    use super::*;

    fn view(colour: [u8; 3]) -> View {
        View::new(&Frame::rgb(16, 16, colour.repeat(256)).unwrap())
    }

    #[test]
    fn only_what_comes_back_within_eight_bars_is_not_new() {
        let (red, blue) = ([220, 20, 20], [20, 20, 220]);
        let mut seen = Recurrence::default();
        assert_eq!(seen.see(0, view(red)), None);
        assert_eq!(seen.see(0, view(red)), None);
        assert!(seen.see(1, view(blue)).unwrap() > 0.8);
        assert_eq!(seen.see(2, view(red)), Some(0.0));
        for bar in 3..12 {
            seen.see(bar, view(blue));
        }
        assert!(seen.see(12, view(red)).unwrap() > 0.8);
        assert_eq!(seen.before.len(), REMEMBERED);
    }
}
