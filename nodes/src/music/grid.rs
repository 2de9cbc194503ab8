//! Where the steps of a music model lie in the bars of the transport.

use score_engine::{Time, Transport};

use crate::model::Music;

/// Sixteenths in a dotted quarter, a beat of compound time.
const DOTTED: u64 = 6;

/// Where a beat's four sixteenths lie among those of a dotted beat: its eighths are two notes of a
/// triplet.
const SHUFFLED: [u64; 4] = [0, 2, 4, 5];

/// A step of the model that is heard.
pub(super) struct Heard {
    /// Its index in the melody of a whole segment.
    pub(super) step: usize,
    /// The sixteenth in its bar.
    pub(super) sixteenth: u64,
    /// The same, counted from the start.
    pub(super) place: u64,
    pub(super) time: Time,
}

/// Where the model's steps lie in the transport's bars. A segment is as many bars as the model
/// decodes from one code.
pub(super) struct Grid {
    transport: Transport,
    /// Bars of a segment.
    bars: u64,
    /// Steps of the model's bar; `None`: those of the transport's.
    steps_per_bar: Option<u64>,
}

impl Grid {
    pub(super) fn new(transport: &Transport, layout: &Music) -> Self {
        Grid {
            transport: transport.clone(),
            bars: (layout.steps / layout.steps_per_bar).max(1) as u64,
            steps_per_bar: Some(layout.steps_per_bar as u64),
        }
    }

    /// Segments of one bar of the transport each.
    pub(super) fn bar(transport: &Transport) -> Self {
        Grid {
            transport: transport.clone(),
            bars: 1,
            steps_per_bar: None,
        }
    }

    /// Goes on by another transport. Places go on from where they are.
    pub(super) fn retime(&mut self, transport: &Transport) {
        self.transport = transport.clone();
    }

    /// The transport by which places lie.
    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The number by `transport` of the bar that lies as many bars before sixteenth `place` as bar
    /// `since` does now.
    pub(super) fn bar_again(&self, since: u64, transport: &Transport, place: u64) -> u64 {
        let gone = (place / self.transport.sixteenths_per_bar()).saturating_sub(since);
        (place / transport.sixteenths_per_bar()).saturating_sub(gone)
    }

    /// Steps in the model's bar.
    fn steps_per_bar(&self) -> u64 {
        let own = || self.transport.sixteenths_per_bar();
        self.steps_per_bar.unwrap_or_else(own)
    }

    /// Where sixteenth `place`, counted from the start, lies: the model's step, where it has one,
    /// and the sixteenth in its bar.
    pub(super) fn place(&self, place: u64) -> (Option<u64>, u64) {
        let bar = self.transport.sixteenths_per_bar();
        let (number, sixteenth) = (place / bar % self.bars, place % bar);
        let step = |step| number * self.steps_per_bar() + step;
        (self.step_of(sixteenth).map(step), sixteenth)
    }

    /// The step in the model's bar that sixteenth `sixteenth` of a bar is, where it is one. In bars
    /// of more dotted beats than two, a model of four-four plays a beat in each, its four
    /// sixteenths as a shuffle has them.
    pub(super) fn step_of(&self, sixteenth: u64) -> Option<u64> {
        let step = match self.dotted_beats() {
            Some(_) if self.steps_per_bar() < self.transport.sixteenths_per_bar() => {
                let within = SHUFFLED
                    .iter()
                    .position(|place| *place == sixteenth % DOTTED)?
                    as u64;
                sixteenth / DOTTED * SHUFFLED.len() as u64 + within
            }
            _ => sixteenth,
        };
        (step < self.steps_per_bar()).then_some(step)
    }

    /// The dotted beats of a bar that is longer than 6/8, which the models know.
    fn dotted_beats(&self) -> Option<u64> {
        let beats = self.transport.metre.dotted_beats().map(u64::from);
        beats.filter(|beats| *beats > 2)
    }

    /// The sixteenth of a bar that models which know 6/8 take for sixteenth `sixteenth` of a bar: a
    /// bar of 12/8 is two of theirs, and 9/8 says its last beat again.
    pub(super) fn counted(&self, sixteenth: u64) -> u64 {
        match self.dotted_beats() {
            Some(beats) if sixteenth < beats / 2 * 2 * DOTTED => sixteenth % (2 * DOTTED),
            Some(_) => DOTTED + sixteenth % DOTTED,
            None => sixteenth,
        }
    }

    /// The sixteenth of two bars that such models take for sixteenth `place`, counted from the
    /// start.
    pub(super) fn counted_in_two(&self, place: u64) -> u64 {
        let bar = self.transport.sixteenths_per_bar();
        let Some(beats) = self.dotted_beats() else {
            return place % (2 * bar);
        };
        let own = if beats.is_multiple_of(2) {
            2 * DOTTED
        } else {
            bar
        };
        place / own % 2 * 2 * DOTTED + self.counted(place % bar)
    }

    /// Whether two bars of such models begin at sixteenth `place`, counted from the start.
    pub(super) fn begins_two(&self, place: u64) -> bool {
        self.counted_in_two(place) == 0
    }

    /// Sixteenths in a beat.
    pub(super) fn beat(&self) -> u64 {
        match self.dotted_beats() {
            Some(_) => DOTTED,
            None => u64::from(16 / self.transport.metre.1.clamp(1, 16)),
        }
    }

    /// When a note begins that is `late` sixteenths late at sixteenth `place`, counted from the
    /// start, and when it ends that is `length` sixteenths long.
    pub(super) fn span(&self, place: u64, late: f32, length: f32) -> (Time, Time) {
        let (late, length) = (f64::from(late), f64::from(length));
        if self.transport.swinging().is_some() {
            let at = |moved: f64| self.transport.time_at((place as f64 + moved) / 4.0);
            return (at(late), at(late + length));
        }
        let now = self.time_of(place);
        let sixteenth = (self.time_of(place + 1) - now).seconds();
        let begins = now + Time::from_seconds(late * sixteenth);
        (begins, begins + Time::from_seconds(length * sixteenth))
    }

    /// The sixteenth, counted from the start, that begins at `time` or after it.
    pub(super) fn sixteenth_from(&self, time: Time) -> u64 {
        let sixteenths = (self.transport.position(time) * 4.0).max(0.0);
        // A sixteenth that began just now, but for rounding, has begun.
        (sixteenths - 1e-6).ceil() as u64
    }

    /// Sixteenths in a bar of the transport.
    pub(super) fn bar_length(&self) -> usize {
        usize::try_from(self.transport.sixteenths_per_bar()).unwrap_or(usize::MAX)
    }

    /// When sixteenth `place`, counted from the start, begins.
    pub(super) fn time_of(&self, place: u64) -> Time {
        self.transport.sixteenth(place)
    }

    /// When a segment begins.
    pub(super) fn start(&self, index: u64) -> Time {
        self.transport.sixteenth(self.first(index))
    }

    /// The first sixteenth of a segment, counted from the start.
    pub(super) fn first(&self, index: u64) -> u64 {
        index * self.bars * self.transport.sixteenths_per_bar()
    }

    /// The steps of a segment that are heard.
    pub(super) fn steps(&self, index: u64) -> impl Iterator<Item = Heard> {
        let bar = self.transport.sixteenths_per_bar();
        (0..self.bars).flat_map(move |number| {
            (0..bar).filter_map(move |sixteenth| {
                let step = number * self.steps_per_bar() + self.step_of(sixteenth)?;
                let place = (index * self.bars + number) * bar + sixteenth;
                Some(Heard {
                    step: step as usize,
                    sixteenth,
                    place,
                    time: self.transport.sixteenth(place),
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Metre;

    use super::*;

    #[test]
    fn models_that_know_six_eight_count_a_bar_of_twelve_eight_as_two() {
        let grid = |beats| {
            Grid::bar(&Transport {
                metre: Metre(beats, 8),
                ..Transport::default()
            })
        };
        let counted = |beats, places: &[u64]| -> Vec<u64> {
            let grid = grid(beats);
            places.iter().map(|place| grid.counted(*place)).collect()
        };
        assert_eq!(counted(6, &[0, 5, 11]), [0, 5, 11]);
        assert_eq!(counted(12, &[0, 11, 12, 23]), [0, 11, 0, 11]);
        assert_eq!(counted(9, &[0, 11, 12, 17]), [0, 11, 6, 11]);
        for beats in [6, 9, 12] {
            let grid = grid(beats);
            let pair = if beats == 9 { 36 } else { 24 };
            for place in 0..200 {
                assert_eq!(grid.begins_two(place), place % pair == 0, "{beats} {place}");
                assert!(grid.counted_in_two(place) < 24);
            }
        }
        let four = Grid::bar(&Transport::default());
        assert!((0..100).all(|place| four.counted_in_two(place) == place % 32));
    }
}
