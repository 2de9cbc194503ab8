//! Musical time: where beats and bars lie, in which key, and how long lengths in beats last.

use serde::{Deserialize, Serialize};

use crate::follow::Follow;
use crate::key::KeyChoice;
use crate::length::Length;
use crate::swing::Swing;
use crate::tempi::Tempi;
use crate::time::{Metre, Time};

/// Tempo, metre and seed of a run, and the form of its sound: what all nodes share.
///
/// Music lies on a grid that all parts share: `position`, `sixteenth`, `time_at` and `after` count
/// on it. Where the grid swings, its notes do not last equally long; `clock_position` and
/// `clock_time` count quarter notes as a clock, a DAW and a MIDI file do, all equally long. Without
/// swing the two are one. Beats and bars lie at the same times on both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transport {
    /// Quarter notes per minute.
    pub tempo: f64,
    /// Beats in a bar and the note value that is a beat.
    pub metre: Metre,
    /// How the grid swings.
    #[serde(default, skip_serializing_if = "Swing::is_straight")]
    pub swing: Swing,
    /// The key of the music; `None`: every node plays as it does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyChoice>,
    /// Where all randomness of the run comes from; each node draws its own stream.
    pub seed: u64,
    /// Samples per second of all sound in the graph, Hz.
    pub sample_rate: u32,
    /// Frames in a block of sound.
    pub block: u32,
    /// A time, and the position in quarter notes on a clock that belongs to it: the start and 0,
    /// until the tempo of a live run changes.
    #[serde(default)]
    pub anchor: (Time, f64),
    /// Tempi that follow one another, in place of the one: those that fit a film. Lengths in beats
    /// go by `tempo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tempi: Option<Tempi>,
    /// Whether a render chooses tempi with which the film's cuts fall on beats.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fit_cuts: bool,
    /// Whether the music stands still at the position of `anchor`, since the clock that it follows
    /// has stopped. What comes after that position lies in a far future.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stands: bool,
    /// The clock that a live run follows. It matters to no node.
    #[serde(skip)]
    pub follow: Option<Follow>,
}

/// How far away what comes next is while the music stands still: fifty years.
const STANDSTILL: Time = Time::from_nanos(50 * 365 * 86_400 * 1_000_000_000);

impl Default for Transport {
    fn default() -> Self {
        Transport {
            tempo: 120.0,
            metre: Metre(4, 4),
            swing: Swing::default(),
            key: None,
            seed: 0,
            sample_rate: 48_000,
            block: 512,
            anchor: (Time::ZERO, 0.0),
            tempi: None,
            fit_cuts: false,
            stands: false,
            follow: None,
        }
    }
}

impl Transport {
    /// `wanted` from `now` on: its positions go on from where these are. Bars are counted from the
    /// start of the run, in whatever metre.
    #[doc(hidden)]
    pub fn going_over_to(&self, wanted: &Transport, now: Time) -> Self {
        let anchor = match wanted.tempo == self.tempo {
            true => self.anchor,
            false => (now, self.clock_position(now)),
        };
        Transport {
            anchor,
            stands: self.stands,
            ..wanted.clone()
        }
    }

    /// The same, at `position` quarter notes from `now` on.
    #[doc(hidden)]
    pub fn located(&self, now: Time, position: f64) -> Self {
        Transport {
            anchor: (now, position),
            stands: false,
            ..self.clone()
        }
    }

    /// The same, which stands still at `position` from `now` on.
    #[doc(hidden)]
    pub fn standing(&self, now: Time, position: f64) -> Self {
        Transport {
            anchor: (now, position),
            stands: true,
            ..self.clone()
        }
    }

    /// How long `beats` quarter notes last on a clock.
    pub fn beats(&self, beats: f64) -> Time {
        Time::from_seconds(beats * 60.0 / self.tempo)
    }

    /// The swing of the grid; `None` where it is straight, in this metre.
    pub fn swinging(&self) -> Option<Swing> {
        Some(self.swing).filter(|swing| !swing.is_straight() && swing.fits(self.metre))
    }

    /// The time `beats` quarter notes of the grid after `time`, or before it.
    pub fn after(&self, time: Time, beats: f64) -> Time {
        // While the music stands still, what is played all the same is as long as it would be.
        if self.swinging().is_some() && !self.stands {
            return self.time_at(self.position(time) + beats);
        }
        let fitted = self.tempi.as_ref().and_then(|tempi| {
            let position = tempi.position(time)?;
            tempi.time(position + beats)
        });
        fitted.unwrap_or_else(|| time + self.beats(beats))
    }

    /// The time at which sixteenth note `index` of the grid (counted from the start) begins.
    ///
    /// Computed from the start each time, so that rounding does not add up.
    pub fn sixteenth(&self, index: u64) -> Time {
        self.time_at(index as f64 / 4.0)
    }

    /// The time of a position on the grid, in quarter notes from the start.
    pub fn time_at(&self, position: f64) -> Time {
        let swinging = self.swinging();
        self.clock_time(swinging.map_or(position, |swing| swing.swung(position)))
    }

    /// The time at which `position` quarter notes have passed on a clock, from the start.
    pub fn clock_time(&self, position: f64) -> Time {
        let fitted = self.tempi.as_ref().and_then(|tempi| tempi.time(position));
        fitted.unwrap_or_else(|| {
            let since = self.beats(position - self.anchor.1);
            match self.stands && since > Time::ZERO {
                true => self.anchor.0 + STANDSTILL + since,
                false => self.anchor.0 + since,
            }
        })
    }

    /// Sixteenth notes in a bar, at least one.
    pub fn sixteenths_per_bar(&self) -> u64 {
        u64::from(self.metre.0 * 16 / self.metre.1.max(1)).max(1)
    }

    /// The position of `time` on the grid, in quarter notes from the start.
    pub fn position(&self, time: Time) -> f64 {
        let passed = self.clock_position(time);
        let swinging = self.swinging();
        swinging.map_or(passed, |swing| swing.straightened(passed))
    }

    /// The quarter notes that have passed on a clock at `time`, from the start.
    pub fn clock_position(&self, time: Time) -> f64 {
        let fitted = self.tempi.as_ref().and_then(|tempi| tempi.position(time));
        fitted.unwrap_or_else(|| {
            let since = time - self.anchor.0;
            let since = match self.stands && since > Time::ZERO {
                true => (since - STANDSTILL).max(Time::ZERO),
                false => since,
            };
            self.anchor.1 + since.seconds() * self.tempo / 60.0
        })
    }
}

impl Length {
    /// This length at the transport's tempo.
    pub fn at(self, transport: &Transport) -> Time {
        match self {
            Length::Seconds(seconds) => Time::from_seconds(seconds),
            Length::Beats(beats) => transport.beats(beats),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swing::SwingNotes;
    use crate::tempi::Stretch;
    use proptest::prelude::*;

    /// After 400 days a beat is still where it belongs, to a hundredth of a frame.
    #[test]
    fn beats_are_counted_exactly_after_400_days() {
        for tempo in [50.0, 97.3, 120.0, 240.0] {
            let transport = Transport {
                tempo,
                ..Transport::default()
            };
            let start = (400.0 * 24.0 * 60.0 * tempo).floor();
            for beat in 0..10_000 {
                let position = start + f64::from(beat);
                let time = transport.time_at(position);
                let wrong = (transport.position(time) - position) * 60.0 / tempo;
                assert!(
                    wrong.abs() < 0.01 / 48_000.0,
                    "{tempo}: {wrong} s at beat {position}"
                );
            }
        }
    }

    /// The same from `time` on at another tempo.
    fn at_tempo(transport: &Transport, time: Time, tempo: f64) -> Transport {
        let wanted = Transport {
            tempo,
            ..transport.clone()
        };
        transport.going_over_to(&wanted, time)
    }

    /// A transport that swings or not, at one tempo, at one that was changed, or at tempi that fit
    /// a film.
    fn transports() -> impl Strategy<Value = Transport> {
        let swing = (0.5_f64..=0.75, any::<bool>()).prop_map(|(share, sixteenths)| Swing {
            share,
            of: if sixteenths {
                SwingNotes::Sixteenths
            } else {
                SwingNotes::Eighths
            },
        });
        let metre = prop::sample::select(vec![
            Metre(4, 4),
            Metre(3, 4),
            Metre(6, 8),
            Metre(12, 8),
            Metre(7, 8),
        ]);
        let turned = prop::option::of((0.0_f64..100.0, 30.0_f64..300.0));
        let fitted = prop::option::of(prop::collection::vec(
            (0.1_f64..20.0, 30.0_f64..300.0),
            1..6,
        ));
        (swing, metre, 30.0_f64..300.0, turned, fitted).prop_map(
            |(swing, metre, tempo, turned, fitted)| {
                let mut transport = Transport {
                    tempo,
                    metre,
                    swing,
                    ..Transport::default()
                };
                if let Some((seconds, tempo)) = turned {
                    transport = at_tempo(&transport, Time::from_seconds(seconds), tempo);
                }
                transport.tempi = fitted.map(|stretches| {
                    let (mut from, mut position) = (0.0, 0.0);
                    let stretch = |(seconds, tempo): (f64, f64)| {
                        let stretch = Stretch {
                            from: Time::from_seconds(from),
                            position,
                            tempo,
                        };
                        from += seconds;
                        position += seconds * tempo / 60.0;
                        stretch
                    };
                    Tempi::new(stretches.into_iter().map(stretch).collect())
                });
                transport
            },
        )
    }

    proptest! {
        #[test]
        fn position_is_the_inverse_of_time_however_the_grid_swings(
            transport in transports(),
            index in 0u64..100_000,
            place in 0.0_f64..1000.0,
        ) {
            prop_assert!((transport.position(transport.sixteenth(index)) - index as f64 / 4.0).abs() < 1e-6);
            prop_assert!((transport.position(transport.time_at(place)) - place).abs() < 1e-6);
            let time = Time::from_seconds(place);
            prop_assert!((transport.time_at(transport.position(time)) - time).nanos().abs() <= 20);
            prop_assert!((transport.clock_time(transport.clock_position(time)) - time).nanos().abs() <= 20);
            prop_assert!(transport.sixteenth(index + 1) > transport.sixteenth(index));
        }

        #[test]
        fn bars_and_beats_lie_where_they_lie_without_swing(transport in transports(), number in 0u64..10_000) {
            let straight = Transport { swing: Swing::default(), ..transport.clone() };
            let bar = transport.sixteenths_per_bar();
            prop_assert_eq!(transport.sixteenth(number * bar), straight.sixteenth(number * bar));
            let beat = u64::from(16 / transport.metre.1);
            prop_assert_eq!(transport.sixteenth(number * beat), straight.sixteenth(number * beat));
            prop_assert_eq!(transport.clock_time(number as f64 / 7.0), straight.clock_time(number as f64 / 7.0));
            let metre_swings = transport.swing.fits(transport.metre);
            prop_assert_eq!(transport.swinging().is_some(), metre_swings && transport.swing.share > 0.5);
        }

        #[test]
        fn what_is_moved_along_the_grid_and_back_is_where_it_was(
            transport in transports(),
            place in 1.0_f64..500.0,
            beats in -1.0_f64..4.0,
        ) {
            let time = transport.time_at(place);
            let there = transport.after(time, beats);
            prop_assert!((transport.position(there) - place - beats).abs() < 1e-6);
        }
    }

    #[test]
    fn a_bar_of_six_eight_has_twelve_sixteenths() {
        let transport = Transport {
            metre: Metre(6, 8),
            ..Transport::default()
        };
        assert_eq!(transport.sixteenths_per_bar(), 12);
    }

    #[test]
    fn sixteenths_do_not_drift_from_the_tempo() {
        let transport = Transport {
            tempo: 97.3,
            ..Transport::default()
        };
        let after_an_hour = transport.sixteenth(97 * 60 * 4);
        assert!((after_an_hour.seconds() - 97.0 * 60.0 * 60.0 / 97.3).abs() < 1e-6);
    }

    #[test]
    fn a_new_tempo_goes_on_from_where_the_old_one_was() {
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        let fast = at_tempo(&slow, Time::from_seconds(3.5), 120.0);
        assert!((fast.position(Time::from_seconds(3.5)) - 3.5).abs() < 1e-9);
        // The sixteenth at position 4 was half a second away at the old tempo.
        assert!((fast.sixteenth(16).seconds() - 3.75).abs() < 1e-9);
    }

    #[test]
    fn a_transport_that_stands_goes_on_from_where_it_stood_and_what_comes_next_is_far_away() {
        let now = Time::from_seconds(3.0);
        let stands = Transport::default().standing(now, 6.0);
        for seconds in [3.0, 4.0, 86_400.0] {
            assert_eq!(stands.position(Time::from_seconds(seconds)), 6.0);
        }
        assert_eq!(stands.clock_time(5.0), Time::from_seconds(2.5));
        assert!(stands.clock_time(6.01).seconds() > 1e9);
        let far = stands.clock_time(8.0);
        assert!((stands.clock_position(far) - 8.0).abs() < 1e-6);
        // A delay of a beat lasts as long as before, and a key that is played too.
        assert_eq!(stands.beats(1.0), Time::from_seconds(0.5));
        assert_eq!(stands.after(now, 1.0), Time::from_seconds(3.5));
        // At another tempo it stands where it stood.
        let slower = at_tempo(&stands, Time::from_seconds(9.0), 60.0);
        assert!(slower.stands);
        assert_eq!(slower.position(Time::from_seconds(99.0)), 6.0);
        let goes_on = slower.located(Time::from_seconds(99.0), 6.0);
        assert_eq!(goes_on.position(Time::from_seconds(100.0)), 7.0);
    }

    #[test]
    fn a_new_tempo_keeps_the_beat_of_a_grid_that_swings() {
        let slow = Transport {
            tempo: 60.0,
            swing: Swing {
                share: 0.6,
                ..Swing::default()
            },
            ..Transport::default()
        };
        let fast = at_tempo(&slow, Time::from_seconds(3.3), 120.0);
        // 0.7 of a quarter note was left of the beat.
        assert!((fast.sixteenth(16).seconds() - 3.65).abs() < 1e-9);
        assert!((fast.sixteenth(18).seconds() - 3.95).abs() < 1e-9);
    }
}
