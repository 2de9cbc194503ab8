//! When the last picture ends.

use score_engine::Time;

use super::Declared;

/// The error of times in whole milliseconds.
const ROUNDING: Time = Time::from_nanos(1_500_000);

/// The times of a film's pictures, as they come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pictures {
    last: Option<Time>,
    /// The time between the last two, and between the two before.
    apart: [Option<Time>; 2],
}

impl Pictures {
    /// Notes the picture of `time`; whether it comes after those before. Broken films have two at
    /// one time: the first is the one that was seen.
    pub(crate) fn note(&mut self, time: Time) -> bool {
        if let Some(last) = self.last {
            if time <= last {
                return false;
            }
            self.apart = [Some(time - last), self.apart[0]];
        }
        self.last = Some(time);
        true
    }

    /// The last picture's time.
    pub(crate) fn last(&self) -> Option<Time> {
        self.last
    }

    /// Where the last picture ends by the pictures alone: it lasts as long as its neighbour, since
    /// a pause before it says nothing about its own length. `usual` is the average length of a
    /// picture.
    pub(crate) fn shown(&self, usual: Option<Time>) -> Option<Time> {
        let neighbour = self.apart.into_iter().flatten().min();
        let length = match (neighbour, usual) {
            (Some(neighbour), Some(usual)) => {
                let differ = (neighbour - usual).max(usual - neighbour);
                if differ <= ROUNDING { usual } else { neighbour }
            }
            (neighbour, usual) => neighbour.or(usual).unwrap_or(Time::ZERO),
        };
        self.last.map(|last| last + length)
    }

    /// Where the last picture ends: where its own track says, else by the pictures.
    pub(crate) fn end(&self, usual: Option<Time>, declared: Option<Declared>) -> Option<Time> {
        let last = self.last?;
        let own = declared.filter(|declared| declared.is_own() && declared.end > last);
        own.map(|own| own.end).or_else(|| self.shown(usual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(seconds: &[f64]) -> Pictures {
        let mut pictures = Pictures::default();
        for second in seconds {
            assert!(pictures.note(Time::from_seconds(*second)));
        }
        pictures
    }

    fn end(pictures: &[f64], usual: f64) -> f64 {
        let shown = self::pictures(pictures).shown(Some(Time::from_seconds(usual)));
        shown.unwrap().seconds()
    }

    #[test]
    fn a_pause_of_an_hour_makes_no_picture_longer() {
        assert_eq!(end(&[0.0, 0.04, 3_600.0, 3_600.04], 1_200.0), 3_600.08);
        assert_eq!(end(&[0.0, 0.04, 0.08, 3_600.0], 1_200.0), 3_600.04);
        assert_eq!(end(&[0.0, 2.0, 4.0], 2.0), 6.0);
    }

    #[test]
    fn times_in_milliseconds_do_not_shorten_the_last_picture() {
        let thirtieth = Time::from_seconds(1.0 / 30.0);
        let shown = pictures(&[0.0, 0.033, 0.067, 0.1]).shown(Some(thirtieth));
        assert_eq!(shown, Some(Time::from_seconds(0.1) + thirtieth));
    }

    #[test]
    fn one_picture_lasts_as_long_as_the_film_says_and_none_has_no_end() {
        assert_eq!(end(&[0.5], 0.04), 0.54);
        assert_eq!(Pictures::default().shown(None), None);
    }

    #[test]
    fn a_second_picture_of_one_time_does_not_count() {
        let mut pictures = pictures(&[0.0, 0.04]);
        assert!(!pictures.note(Time::from_seconds(0.04)));
        assert_eq!(pictures.last(), Some(Time::from_seconds(0.04)));
    }
}
