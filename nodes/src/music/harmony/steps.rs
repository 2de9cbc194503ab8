//! Where chords may change: half bars in metres of an even number of half notes, or of dotted
//! halves, else whole bars.

use score_engine::{Time, Transport};

/// Sixteenths in half a bar of 4/4.
const HALF: u64 = 8;

/// Sixteenths in a bar of 6/8.
const OF_SIX_EIGHT: u64 = 12;

/// The models' number for 6/8.
const SIX_EIGHT: i64 = 2;

/// The places at which chords may change.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    transport: Transport,
    /// Sixteenths in a step.
    length: u64,
}

impl Steps {
    pub(crate) fn new(transport: &Transport) -> Self {
        let bar = transport.sixteenths_per_bar();
        let length = match transport.metre.dotted_beats() {
            Some(beats) if beats.is_multiple_of(2) => OF_SIX_EIGHT,
            None if bar.is_multiple_of(HALF) => HALF,
            _ => bar,
        };
        Steps {
            transport: transport.clone(),
            length,
        }
    }

    /// Sixteenths in a step.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Step `index` of these, as the step of others that sounds where it begins.
    pub(super) fn again(&self, index: u64, others: &Steps) -> u64 {
        index * self.length / others.length
    }

    /// Steps in a bar.
    pub(crate) fn per_bar(&self) -> u64 {
        (self.transport.sixteenths_per_bar() / self.length).max(1)
    }

    /// When step `index` begins.
    pub(crate) fn time_of(&self, index: u64) -> Time {
        self.transport.sixteenth(index * self.length)
    }

    /// When sixteenth `place`, counted from the start, begins.
    pub(crate) fn sixteenth(&self, place: u64) -> Time {
        self.transport.sixteenth(place)
    }

    /// The sixteenth, counted from the start, that begins at `time` or after it.
    pub(crate) fn sixteenth_from(&self, time: Time) -> u64 {
        ((self.transport.position(time) * 4.0).max(0.0) - 1e-6).ceil() as u64
    }

    /// The step that sounds at `time`, which is the one that begins there but for rounding.
    pub(crate) fn at(&self, time: Time) -> u64 {
        let sixteenths = (self.transport.position(time) * 4.0).max(0.0) + 1e-6;
        sixteenths as u64 / self.length
    }

    /// Sixteenths in a beat, on which a cut is answered.
    pub(super) fn beat(&self) -> u64 {
        let beats = self.transport.metre.dotted_beats();
        beats.filter(|beats| *beats > 2).map_or(4, |_| 6)
    }

    /// The model's place in eight bars, 0 to 15.
    pub(super) fn phase(&self, index: u64) -> i64 {
        let in_eight = match self.per_bar() {
            // Half a bar of 12/8 is a bar of 6/8, in which there is a chord a bar.
            _ if self.metre() == SIX_EIGHT => 2 * (index % 8),
            2 => index % 16,
            per_bar => 2 * (index / per_bar % 8),
        };
        in_eight as i64
    }

    /// The model's metre: 0 for 4/4, 1 for 3/4, 2 for 6/8; of others the one that is most like it.
    pub(crate) fn metre(&self) -> i64 {
        let metre = self.transport.metre;
        match self.transport.sixteenths_per_bar() {
            _ if metre.dotted_beats().is_some() => SIX_EIGHT,
            bar if bar % 12 != 0 => 0,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Metre;

    use super::*;

    fn steps(beats: u32, unit: u32) -> Steps {
        Steps::new(&Transport {
            metre: Metre(beats, unit),
            ..Transport::default()
        })
    }

    #[test]
    fn chords_change_on_half_bars_and_in_threes_on_bars() {
        let found: Vec<_> = [
            (4, 4),
            (3, 4),
            (6, 8),
            (2, 4),
            (5, 4),
            (7, 8),
            (12, 8),
            (9, 8),
        ]
        .map(|(beats, unit)| {
            let steps = steps(beats, unit);
            (steps.length(), steps.per_bar(), steps.metre())
        })
        .into();
        assert_eq!(
            found,
            [
                (8, 2, 0),
                (12, 1, 1),
                (12, 1, 2),
                (8, 1, 0),
                (20, 1, 0),
                (14, 1, 0),
                (12, 2, 2),
                (18, 1, 2)
            ]
        );
    }

    #[test]
    fn a_step_is_found_from_its_own_beginning() {
        let steps = steps(4, 4);
        for index in 0..500 {
            assert_eq!(steps.at(steps.time_of(index)), index);
            assert_eq!(steps.phase(index), (index % 16) as i64);
        }
    }
}
