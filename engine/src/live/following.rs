//! How the transport follows a clock of another program: from what is reported of it, the transport
//! that plays.
//!
//! The positions of a run never go back, since its nodes count on them: where the clock starts or is
//! located, they jump ahead to the next place that lies in its bars, and in sixteen of them, as the
//! clock's does. While it runs, the music is brought to it by small changes of the tempo.

use serde::Serialize;

use crate::follow::{Follow, WhenLost};
use crate::param::Choice;
use crate::time::{Metre, Time};
use crate::transport::Transport;

/// Bars after which music repeats itself as far as anything here is concerned: places that lie
/// alike in them are taken for the same.
const BARS: f64 = 16.0;

/// In how many quarter notes the music comes to the clock, and in how many seconds at least: it is
/// looked at again five times a second.
const HORIZON: f64 = 0.5;
const HORIZON_SECONDS: f64 = 0.3;

/// The share of the tempo by which it is changed at most to come to the clock: a listener hears a
/// change of some hundredths as playing, not as another tempo.
const MOST: f64 = 0.08;

/// An error, now or after that, in seconds, that is left as it is.
const SMALL: f64 = 0.0002;

/// An error in quarter notes that is not put right by changes of the tempo, but at once.
const FAR: f64 = 0.5;

/// How much of the place at which the clock started may have passed before anybody knew, in
/// quarter notes: the first note is played late rather than not at all.
const LATE: f64 = 0.5;

/// By how many quarter notes the music may be ahead of the clock to wait for it rather than to jump
/// ahead.
const WAITS: f64 = 0.02;
const WAITS_WHILE_PLAYING: f64 = 0.25;

/// Nodes decide up to so long before its time what they play, in seconds; and what they have not
/// decided this long after it, they never will.
const DECIDED: f64 = 0.1;

/// What is reported of a clock that is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClockReport {
    /// It runs.
    Runs {
        /// A time on the run's clock.
        time: Time,
        /// The clock's position then, in quarter notes.
        beat: f64,
        /// Quarter notes a minute.
        tempo: f64,
        /// Whether it has just started there, or was located.
        located: bool,
    },
    /// It runs and tells seconds; the tempo is the patch's.
    RunsInSeconds {
        /// A time on the run's clock.
        time: Time,
        /// The clock's position then, in seconds from where the first bar begins.
        seconds: f64,
        /// How fast it runs; 1: as the run's clock.
        speed: f64,
        /// Whether it has just started there, or was located.
        located: bool,
    },
    /// It has a tempo, but nobody knows where its beats are.
    Tempo(f64),
    /// It counts its bars in this metre.
    Metre(Metre),
    /// It has stopped.
    Stopped,
    /// Nothing comes from it any more.
    Lost,
}

/// How a clock that is followed is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClockState {
    /// Nothing has come from it yet.
    Awaited,
    /// Its tempo is followed; it has not said where its beats are.
    Tempo,
    /// It is followed.
    Followed,
    /// It has stopped, and the music with it.
    Stopped,
    /// Nothing comes from it any more.
    Lost,
    /// A hand holds the tempo; the clock is followed again once it is released.
    Overridden,
}

/// The clock that a live run follows, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClockStatus {
    /// What is followed: `midi_clock`, `timecode`, `jack`, `tap` or `daw`.
    pub follows: &'static str,
    /// How it is doing.
    pub state: ClockState,
    /// Its tempo, in quarter notes a minute, where that is known.
    pub tempo: Option<f64>,
    /// Its position in quarter notes, where that is known.
    pub beat: Option<f64>,
    /// How far the music is behind the clock, in seconds; ahead of it: negative.
    pub behind: Option<f64>,
}

/// Beats that lie on a straight line in time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    time: Time,
    beat: f64,
    tempo: f64,
}

impl Line {
    fn beat_at(&self, time: Time) -> f64 {
        self.beat + (time - self.time).seconds() * self.tempo / 60.0
    }
}

/// Whether a clock that runs has only begun to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// It was running before.
    No,
    /// It starts here, or was located.
    Here,
    /// It has been running, and is only known now.
    Before,
}

/// What is known of the clock that is followed.
#[derive(Debug, Default)]
pub(super) struct Following {
    follow: Option<Follow>,
    /// Where its beats lie, in the time in which they are to be played.
    line: Option<Line>,
    /// The tempo that was reported last.
    tempo: Option<f64>,
    /// The metre that was reported last.
    metre: Option<Metre>,
    state: Option<ClockState>,
    /// By how many quarter notes the clock's position is ahead of the run's.
    shift: f64,
    /// From which of the run's positions on.
    shifted_from: f64,
    /// Up to where the run's positions have come: they may have stood since.
    reached: f64,
    /// The beats that somebody taps, in the run's own positions, while a hand holds their tempo.
    tapped: Option<Line>,
}

impl Following {
    /// Follows the clock that a patch says from now on. Returns whether it is another one than
    /// before.
    pub(super) fn follow(&mut self, follow: Option<&Follow>) -> bool {
        if self.follow.as_ref() == follow {
            return false;
        }
        *self = Following {
            follow: follow.cloned(),
            shift: self.shift,
            shifted_from: self.shifted_from,
            reached: self.reached,
            tapped: self.tapped,
            ..Following::default()
        };
        true
    }

    /// The tempo that the clock says, in place of the patch's.
    pub(super) fn tempo(&self) -> Option<f64> {
        self.tempo
    }

    /// The metre that the clock says, in place of the patch's.
    pub(super) fn metre(&self) -> Option<Metre> {
        self.metre
    }

    /// By how many quarter notes the clock's position is ahead of the run's.
    pub(super) fn shift(&self) -> f64 {
        self.shift
    }

    /// From which of the run's positions on it is ahead by [`Following::shift`].
    pub(super) fn shifted_from(&self) -> f64 {
        self.shifted_from
    }

    /// Whether the music stands still while nobody overrides the clock.
    fn is_to_stand(&self) -> bool {
        let stops = (self.follow.as_ref()).is_some_and(|follow| follow.when_lost == WhenLost::Stop);
        match self.state {
            Some(ClockState::Stopped) => true,
            None | Some(ClockState::Lost | ClockState::Tempo) => stops,
            _ => false,
        }
    }

    /// Takes in what is reported, while what plays is heard `lead` after its time. `tempo` is the
    /// patch's. Returns whether the clock begins to run, where it runs.
    fn note(&mut self, report: ClockReport, lead: Time, tempo: f64) -> Option<Begins> {
        // What is heard together with the clock is played so much earlier.
        let earlier = lead - self.follow.as_ref()?.offset;
        let is_number = |number: f64| number.is_finite();
        let (line, located) = match report {
            ClockReport::Runs {
                time,
                beat,
                tempo,
                located,
            } if is_number(beat) && tempo > 0.0 && is_number(tempo) => {
                let time = time - earlier;
                (Line { time, beat, tempo }, located)
            }
            ClockReport::RunsInSeconds {
                time,
                seconds,
                speed,
                located,
            } if is_number(seconds) && speed > 0.0 && is_number(speed) => {
                let line = Line {
                    time: time - earlier,
                    beat: seconds * tempo / 60.0,
                    tempo: tempo * speed,
                };
                (line, located)
            }
            ClockReport::Tempo(tempo) if tempo > 0.0 && is_number(tempo) => {
                self.tempo = Some(tempo);
                self.line = None;
                if self.state != Some(ClockState::Stopped) {
                    self.state = Some(ClockState::Tempo);
                }
                return None;
            }
            ClockReport::Metre(metre) => {
                self.metre = Some(metre).filter(|metre| metre.is_usual()).or(self.metre);
                return None;
            }
            // A clock that has stopped may be silent.
            ClockReport::Lost if self.state == Some(ClockState::Stopped) => return None,
            ClockReport::Stopped | ClockReport::Lost => {
                self.line = None;
                self.state = Some(match report {
                    ClockReport::Stopped => ClockState::Stopped,
                    _ => ClockState::Lost,
                });
                return None;
            }
            _ => return None,
        };
        let is_known = self.line.replace(line).is_some();
        self.tempo = Some(line.tempo);
        self.state = Some(ClockState::Followed);
        Some(match (located, is_known) {
            (true, _) => Begins::Here,
            (false, false) => Begins::Before,
            (false, true) => Begins::No,
        })
    }

    /// Takes in what is reported at `now`: see `note`. Returns the transport from `now` on; `None`:
    /// it goes on as it is. Where a hand holds the tempo nothing changes.
    pub(super) fn hear(
        &mut self,
        report: ClockReport,
        transport: &Transport,
        (now, lead): (Time, Time),
        (tempo, overridden): (f64, bool),
    ) -> Option<Transport> {
        let begins = self.note(report, lead, tempo);
        match begins {
            _ if overridden => None,
            Some(Begins::Here) => Some(self.locate(transport, now, true)),
            Some(Begins::Before) => Some(self.locate(transport, now, false)),
            _ => self.resume(transport, now),
        }
    }

    /// The transport from `now` on by what was reported last; `None`: it goes on as it is.
    pub(super) fn resume(&mut self, transport: &Transport, now: Time) -> Option<Transport> {
        if self.follow.is_none() {
            return self.go_on(transport, now);
        }
        let Some(line) = self.line else {
            return self.settle(transport, now);
        };
        let behind = self.behind(transport, now).unwrap_or_default();
        match transport.stands || behind.abs() > FAR {
            true => Some(self.locate(transport, now, false)),
            false => come_closer(transport, now, behind, line.tempo),
        }
    }

    /// The transport from `now` on while a hand holds the tempo: it does not stand, and comes to the
    /// beats that are tapped.
    pub(super) fn overridden(&mut self, transport: &Transport, now: Time) -> Option<Transport> {
        let goes_on = self.go_on(transport, now);
        let Some(line) = self.tapped else {
            return goes_on;
        };
        let transport = goes_on.as_ref().unwrap_or(transport);
        let behind = line.beat_at(now) - transport.clock_position(now);
        come_closer(transport, now, behind, line.tempo).or(goes_on)
    }

    /// Somebody has tapped at `time`, which is `beat` in the run's positions; `None`: a hand does
    /// something else with the tempo.
    pub(super) fn tapped(&mut self, tap: Option<(Time, f64, f64)>) {
        self.tapped = tap.map(|(time, beat, tempo)| Line { time, beat, tempo });
    }

    /// The transport from `now` on, if it stands and shall not.
    fn go_on(&self, transport: &Transport, now: Time) -> Option<Transport> {
        let position = || self.reached.max(transport.clock_position(now));
        (transport.stands).then(|| transport.located(now, position()))
    }

    /// Goes on at the clock's tempo, or stands still.
    fn settle(&mut self, transport: &Transport, now: Time) -> Option<Transport> {
        let stands = self.is_to_stand();
        if stands && !transport.stands {
            return Some(self.stand(transport, now));
        }
        if stands {
            return None;
        }
        let tempo = self.tempo.unwrap_or(transport.tempo);
        if let Some(goes_on) = self.go_on(transport, now) {
            return Some(Transport { tempo, ..goes_on });
        }
        let same = (tempo - transport.tempo).abs() < 1e-9;
        (!same).then(|| retimed(transport, now, tempo))
    }

    /// Stands still. What was not decided up to now is not played before it goes on, so the
    /// position is a little before.
    fn stand(&mut self, transport: &Transport, now: Time) -> Transport {
        let reached = transport.clock_position(now);
        self.reached = self.reached.max(reached);
        transport.standing(now, reached - DECIDED * transport.tempo / 60.0)
    }

    /// Goes to where the clock is. Its own start is played from where it began, if that was just
    /// now, and catches up.
    fn locate(&mut self, transport: &Transport, now: Time, from_start: bool) -> Transport {
        let Some(line) = self.line else {
            return transport.clone();
        };
        let here = match transport.stands {
            true => self.reached,
            false => transport.clock_position(now),
        };
        self.reached = self.reached.max(here);
        let there = line.beat_at(now);
        let late = there - line.beat;
        let there = match from_start && (0.0..LATE).contains(&late) {
            true => line.beat,
            false => there,
        };
        let round = transport.sixteenths_per_bar() as f64 / 4.0 * BARS;
        let mut ahead = (there - self.reached).rem_euclid(round);
        // A place that is just over is not played again a round later: the music waits for it.
        let waits = if transport.stands {
            WAITS
        } else {
            WAITS_WHILE_PLAYING
        };
        if round - ahead < waits {
            ahead -= round;
        }
        self.shift = there - (self.reached + ahead);
        let position = self.reached + ahead.max(0.0);
        self.reached = position;
        self.shifted_from = position;
        let located = Transport {
            tempo: line.tempo,
            ..transport.located(now, position)
        };
        let behind = self.behind(&located, now).unwrap_or_default();
        come_closer(&located, now, behind, line.tempo).unwrap_or(located)
    }

    /// How many quarter notes the music is behind at `now`.
    fn behind(&self, transport: &Transport, now: Time) -> Option<f64> {
        let line = self.line?;
        Some(line.beat_at(now) - self.shift - transport.clock_position(now))
    }

    /// What is known of the clock, for whoever watches.
    pub(super) fn status(
        &self,
        transport: &Transport,
        now: Time,
        overridden: bool,
    ) -> Option<ClockStatus> {
        let follow = self.follow.as_ref()?;
        let state = match overridden {
            true => ClockState::Overridden,
            false => self.state.unwrap_or(ClockState::Awaited),
        };
        let line = self.line.filter(|_| !overridden);
        let behind = self.behind(transport, now).filter(|_| line.is_some());
        Some(ClockStatus {
            follows: follow.clock.word(),
            state,
            tempo: self.tempo,
            beat: line.map(|line| line.beat_at(now)),
            behind: behind.map(|beats| beats * 60.0 / transport.tempo),
        })
    }
}

/// The transport from `now` on that is `behind` quarter notes behind beats of this tempo, and comes
/// to them by a small change of its own; `None`: it goes on as it is.
fn come_closer(transport: &Transport, now: Time, behind: f64, tempo: f64) -> Option<Transport> {
    let horizon = HORIZON.max(HORIZON_SECONDS * tempo / 60.0);
    let later = (tempo / transport.tempo - 1.0) * horizon + behind;
    if later.abs().max(behind.abs()) * 60.0 / tempo < SMALL {
        return None;
    }
    let change = (behind / horizon).clamp(-MOST, MOST);
    Some(retimed(transport, now, tempo * (1.0 + change)))
}

/// The transport at another tempo from `now` on.
fn retimed(transport: &Transport, now: Time, tempo: f64) -> Transport {
    let wanted = Transport {
        tempo,
        ..transport.clone()
    };
    transport.going_over_to(&wanted, now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::follow::FollowedClock;

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    /// What follows a MIDI clock.
    fn following(when_lost: WhenLost) -> Following {
        let mut following = Following::default();
        following.follow(Some(&Follow {
            clock: FollowedClock::MidiClock,
            port: "x".to_owned(),
            when_lost,
            offset: Time::ZERO,
            timecode_start: [0; 4],
            tap_number: None,
        }));
        following
    }

    /// A run that follows, and its transport.
    struct Run {
        following: Following,
        transport: Transport,
        now: Time,
    }

    impl Run {
        fn new(when_lost: WhenLost) -> Self {
            let mut following = following(when_lost);
            let transport = Transport::default();
            let led = following.resume(&transport, Time::ZERO);
            Run {
                following,
                transport: led.unwrap_or(transport),
                now: Time::ZERO,
            }
        }

        fn hear(&mut self, now: f64, report: ClockReport) {
            self.now = at(now);
            let times = (self.now, Time::ZERO);
            let led = (self.following).hear(report, &self.transport, times, (120.0, false));
            self.transport = led.unwrap_or(self.transport.clone());
        }

        fn runs(&mut self, now: f64, beat: f64, tempo: f64, located: bool) {
            let time = at(now);
            self.hear(
                now,
                ClockReport::Runs {
                    time,
                    beat,
                    tempo,
                    located,
                },
            );
        }

        /// The clock's position as the music has it.
        fn beat(&self, now: f64) -> f64 {
            self.transport.clock_position(at(now)) + self.following.shift()
        }
    }

    #[test]
    fn a_clock_that_starts_is_followed_from_its_first_beat_in_the_same_bars() {
        let mut run = Run::new(WhenLost::PlayOn);
        // The music has played for 3.3 s, which are 6.6 quarter notes.
        assert!(!run.transport.stands);
        run.runs(3.3, 0.0, 100.0, true);
        assert_eq!(run.transport.clock_position(at(3.3)), 64.0);
        assert!((run.beat(3.3 + 0.6) - 1.0).abs() < 1e-9);
        // It is located, ahead and back: the run's own positions only go ahead.
        run.runs(5.0, 32.25, 100.0, true);
        assert!((run.transport.clock_position(at(5.0)) - 96.25).abs() < 1e-6);
        run.runs(6.0, 8.0, 100.0, true);
        assert!((run.transport.clock_position(at(6.0)) - 136.0).abs() < 1e-6);
        assert!((run.beat(6.0) - 8.0).abs() < 1e-6);
    }

    #[test]
    fn a_start_that_is_reported_late_loses_no_note_and_catches_up() {
        let mut run = Run::new(WhenLost::Stop);
        assert!(run.transport.stands);
        let (time, beat, tempo) = (at(10.0), 0.0, 120.0);
        run.hear(
            10.03,
            ClockReport::Runs {
                time,
                beat,
                tempo,
                located: true,
            },
        );
        assert_eq!(run.transport.clock_position(at(10.03)), 0.0);
        for sixteenth in 1..24 {
            let beat = f64::from(sixteenth) / 4.0;
            run.runs(10.0 + beat / 2.0, beat, 120.0, false);
        }
        assert!((run.beat(13.0) - 6.0).abs() < 1e-3, "{}", run.beat(13.0));
    }

    #[test]
    fn a_clock_that_stops_stops_the_music_and_one_that_is_lost_does_not() {
        let mut run = Run::new(WhenLost::PlayOn);
        run.runs(1.0, 0.0, 90.0, true);
        run.hear(3.0, ClockReport::Stopped);
        assert!(run.transport.stands);
        let stood = run.transport.clock_position(at(4.0));
        assert_eq!(run.transport.clock_position(at(400.0)), stood);
        run.runs(400.0, 3.25, 90.0, true);
        assert!((run.beat(400.0) - 3.25).abs() < 1e-9);
        run.hear(401.0, ClockReport::Lost);
        assert_eq!((run.transport.stands, run.transport.tempo), (false, 90.0));
        // When it is back, the bars are its own.
        run.runs(405.0, 12.0, 90.0, false);
        assert!((run.beat(405.0) - 12.0).abs() < 1e-9);

        let mut run = Run::new(WhenLost::Stop);
        run.runs(1.0, 0.0, 90.0, true);
        run.hear(2.0, ClockReport::Lost);
        assert!(run.transport.stands);
    }

    #[test]
    fn a_metre_is_kept_and_one_that_no_music_has_is_not() {
        let mut run = Run::new(WhenLost::PlayOn);
        assert_eq!(run.following.metre(), None);
        run.hear(1.0, ClockReport::Metre(Metre(7, 8)));
        for nonsense in [Metre(0, 4), Metre(4, 3), Metre(4, 32), Metre(33, 4)] {
            run.hear(1.5, ClockReport::Metre(nonsense));
        }
        assert_eq!(run.following.metre(), Some(Metre(7, 8)));
        // It says nothing of beats.
        assert_eq!(run.following.line, None);
    }

    #[test]
    fn where_the_clock_was_located_is_known_as_a_position_of_the_run() {
        let mut run = Run::new(WhenLost::PlayOn);
        run.runs(3.0, 40.0, 120.0, true);
        let following = &run.following;
        let from = following.shifted_from();
        assert!((run.transport.clock_position(at(3.0)) - from).abs() < 1e-9);
        assert!((from + following.shift() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_tempo_without_beats_is_taken_over_and_nonsense_is_not() {
        let mut run = Run::new(WhenLost::PlayOn);
        run.hear(1.0, ClockReport::Tempo(75.0));
        assert_eq!(run.transport.tempo, 75.0);
        assert_eq!(run.transport.clock_position(at(1.0)), 2.0);
        let before = run.transport.clone();
        run.hear(2.0, ClockReport::Tempo(f64::NAN));
        run.runs(2.0, f64::INFINITY, 75.0, true);
        run.runs(2.0, 1.0, 0.0, true);
        assert_eq!(run.transport, before);
    }

    #[test]
    fn seconds_are_beats_at_the_tempo_of_the_patch() {
        let mut run = Run::new(WhenLost::PlayOn);
        let (time, seconds, speed) = (at(1.0), 30.5, 1.0);
        run.hear(
            1.0,
            ClockReport::RunsInSeconds {
                time,
                seconds,
                speed,
                located: true,
            },
        );
        assert!((run.beat(1.0) - 61.0).abs() < 1e-9);
    }

    #[test]
    fn a_hand_leads_until_it_is_released_and_then_the_clock_does() {
        let mut run = Run::new(WhenLost::PlayOn);
        run.runs(1.0, 0.0, 90.0, true);
        let report = ClockReport::Runs {
            time: at(2.0),
            beat: 1.5,
            tempo: 90.0,
            located: false,
        };
        let held = retimed(&run.transport, at(1.5), 200.0);
        let times = (at(2.0), Time::ZERO);
        assert_eq!(
            run.following.hear(report, &held, times, (120.0, true)),
            None
        );
        run.transport = run.following.resume(&held, at(9.0)).unwrap();
        assert!((run.beat(9.0) - 12.0).abs() < 1e-9);
        assert_eq!(run.transport.tempo, 90.0);
    }

    proptest! {
        #[test]
        fn positions_never_go_back_whatever_is_reported(
            reports in prop::collection::vec((0_u8..6, 0.0_f64..2.0, 0.0_f64..300.0, 20.0_f64..300.0), 1..40),
        ) {
            let mut run = Run::new(WhenLost::PlayOn);
            let (mut now, mut reached) = (0.0, 0.0_f64);
            for (kind, wait, beat, tempo) in reports {
                now += wait;
                reached = reached.max(run.transport.clock_position(at(now)));
                match kind {
                    0 | 1 => run.runs(now, beat, tempo, kind == 0),
                    2 => run.hear(now, ClockReport::Stopped),
                    3 => run.hear(now, ClockReport::Lost),
                    4 => run.hear(now, ClockReport::Tempo(tempo)),
                    _ => run.runs(now, run.beat(now) + 0.3, tempo, false),
                }
                let here = run.transport.clock_position(at(now));
                if !run.transport.stands {
                    prop_assert!(here >= reached - 1e-6, "{here} after {reached}");
                }
                let status = run.following.status(&run.transport, at(now), false).unwrap();
                prop_assert!(status.behind.is_none_or(f64::is_finite));
            }
        }
    }
}
