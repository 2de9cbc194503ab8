//! Reads MIDI clock: 24 ticks a quarter note, start, stop, continue, and the song position.
//!
//! The position is counted, so that it never drifts; when a tick was, and the tempo, come from a
//! filter. The first tick after a start or continue is the beat (not the message itself).

use score_engine::{ClockReport, Time};

use super::tick_filter::TickFilter;
use crate::device::midi::message::{CONTINUE, SONG_POSITION, START, STOP, TICK};

/// Ticks in a quarter note.
const PER_QUARTER: u64 = 24;

/// Ticks in a sixteenth note, which the song position counts, and after which is reported: oftener
/// than the music comes to the clock, or it would swing around it.
const PER_SIXTEENTH: u64 = 6;

/// A clock that has been silent for so long, in seconds, is lost.
const SILENCE: f64 = 0.5;

/// Or for so many of its ticks.
const SILENT_TICKS: f64 = 8.0;

/// Tempi that the transport has, in quarter notes a minute.
const TEMPI: std::ops::RangeInclusive<f64> = 10.0..=400.0;

/// Whether the sequence runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Nobody has said so: it may be running since before anybody listened.
    Unknown,
    /// It stands, and nobody knows where: nobody listened yet when it began.
    StandsSomewhere,
    /// It stands at this tick.
    Stands(u64),
    /// It begins with the next tick, which is this one.
    Begins(u64),
    /// It runs, and the latest tick was this one.
    Runs(u64),
}

/// Reads a MIDI clock.
pub(crate) struct MidiClock {
    filter: TickFilter,
    course: Course,
    /// When the latest tick came.
    latest: Option<Time>,
    is_lost: bool,
}

impl MidiClock {
    /// Reads a clock that probably has this tempo.
    pub(crate) fn new(tempo: f64) -> Self {
        MidiClock {
            filter: TickFilter::new(60.0 / tempo / PER_QUARTER as f64),
            course: Course::Unknown,
            latest: None,
            is_lost: true,
        }
    }

    /// Takes in a message that came at `time`. Returns what is to be reported.
    pub(crate) fn hear(&mut self, time: Time, bytes: &[u8]) -> Option<ClockReport> {
        match *bytes {
            [TICK] => return self.tick(time),
            [START] => self.course = Course::Begins(0),
            [CONTINUE] => {
                self.course = match self.course {
                    // The first tick from here on is one after the last.
                    Course::Stands(tick) | Course::Begins(tick) => Course::Begins(tick),
                    Course::StandsSomewhere => Course::Unknown,
                    other => other,
                }
            }
            [STOP] => {
                self.course = match self.course {
                    Course::Runs(tick) => Course::Stands(tick + 1),
                    Course::Begins(tick) | Course::Stands(tick) => Course::Stands(tick),
                    Course::Unknown | Course::StandsSomewhere => Course::StandsSomewhere,
                };
                return Some(ClockReport::Stopped);
            }
            [SONG_POSITION, low, high] => {
                let sixteenth = u64::from(low & 0x7F) | u64::from(high & 0x7F) << 7;
                let tick = sixteenth * PER_SIXTEENTH;
                self.course = match self.course {
                    // Some send it while they run, when they jump.
                    Course::Runs(_) | Course::Begins(_) => Course::Begins(tick),
                    // One that ticks is taken for one that runs: if it does, no start follows.
                    Course::Unknown if !self.is_lost => Course::Begins(tick),
                    Course::Unknown | Course::StandsSomewhere | Course::Stands(_) => {
                        Course::Stands(tick)
                    }
                };
            }
            _ => {}
        }
        None
    }

    /// Nothing has come until `now`. Returns what is to be reported.
    pub(crate) fn wait(&mut self, now: Time) -> Option<ClockReport> {
        let silence = SILENCE.max(SILENT_TICKS * self.filter.known_period());
        let since = now - self.latest?;
        (since.seconds() > silence).then(|| self.lose()).flatten()
    }

    /// The port is gone, and nobody knows how many ticks with it.
    pub(crate) fn gone(&mut self) -> Option<ClockReport> {
        if !self.stands() {
            self.course = Course::Unknown;
        }
        self.lose()
    }

    fn stands(&self) -> bool {
        matches!(self.course, Course::StandsSomewhere | Course::Stands(_))
    }

    fn lose(&mut self) -> Option<ClockReport> {
        let is_news = !std::mem::replace(&mut self.is_lost, true);
        // One that has stopped may be silent.
        (is_news && !self.stands()).then_some(ClockReport::Lost)
    }

    fn tick(&mut self, time: Time) -> Option<ClockReport> {
        self.latest = Some(time);
        self.filter.tick(time.seconds());
        let was_lost = std::mem::take(&mut self.is_lost);
        let (tick, located) = match self.course {
            Course::Begins(tick) => (tick, true),
            Course::Runs(tick) => (tick + 1, false),
            Course::StandsSomewhere | Course::Stands(_) => return None,
            Course::Unknown => return self.tempo_alone(),
        };
        self.course = Course::Runs(tick);
        let tempo = self.tempo()?;
        let age = u64::from(self.filter.age());
        let is_due = self.filter.is_known() && (age == 3 || age.is_multiple_of(PER_SIXTEENTH));
        (located || was_lost || is_due).then(|| ClockReport::Runs {
            time: Time::from_seconds(self.filter.time()),
            beat: tick as f64 / PER_QUARTER as f64,
            tempo,
            located,
        })
    }

    /// The tempo, of a clock that runs and whose beats nobody knows.
    fn tempo_alone(&self) -> Option<ClockReport> {
        let is_due = u64::from(self.filter.age()).is_multiple_of(PER_QUARTER);
        self.tempo().filter(|_| is_due).map(ClockReport::Tempo)
    }

    fn tempo(&self) -> Option<f64> {
        let tempo = 60.0 / self.filter.known_period() / PER_QUARTER as f64;
        Some(tempo).filter(|tempo| TEMPI.contains(tempo))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, Uniform};
    use score_engine::{Follow, FollowedClock, LiveClock, Steering, Transport, WhenLost};

    use super::*;

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    /// Ticks at 120 quarter notes a minute from `from` on, and what they report.
    fn ticks(clock: &mut MidiClock, from: f64, count: u32) -> Vec<ClockReport> {
        let tick = |number| clock.hear(at(from + f64::from(number) / 48.0), &[TICK]);
        (0..count).filter_map(tick).collect()
    }

    /// The time, beat and whether it was located, of what runs.
    fn place(report: ClockReport) -> (f64, f64, bool) {
        match report {
            ClockReport::Runs {
                time,
                beat,
                located,
                ..
            } => (time.seconds(), beat, located),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_beat_is_the_first_tick_after_the_start() {
        let mut clock = MidiClock::new(120.0);
        assert_eq!(clock.hear(at(1.0), &[START]), None);
        let reports = ticks(&mut clock, 1.2, 25);
        assert_eq!(place(reports[0]), (1.2, 0.0, true));
        assert!(reports[1..].iter().all(|report| !place(*report).2));
        let (time, beat, _) = place(*reports.last().unwrap());
        assert!((time - 1.2 - beat / 2.0).abs() < 1e-6);
    }

    #[test]
    fn a_song_that_continues_goes_on_where_it_stopped_or_where_it_is_located() {
        let mut clock = MidiClock::new(120.0);
        clock.hear(at(0.0), &[START]);
        ticks(&mut clock, 0.1, 10);
        assert_eq!(clock.hear(at(0.5), &[STOP]), Some(ClockReport::Stopped));
        // Some machines tick on while they stand.
        assert_eq!(ticks(&mut clock, 0.6, 40), []);
        clock.hear(at(2.0), &[CONTINUE]);
        let beat = 10.0 / 24.0;
        assert_eq!(place(ticks(&mut clock, 2.1, 1)[0]), (2.1, beat, true));
        clock.hear(at(2.2), &[STOP]);
        // Sixteenth 200 is quarter note 50.
        clock.hear(at(2.3), &[SONG_POSITION, 72, 1]);
        clock.hear(at(2.4), &[CONTINUE]);
        assert_eq!(place(ticks(&mut clock, 2.5, 1)[0]), (2.5, 50.0, true));
        // While it runs.
        clock.hear(at(2.6), &[SONG_POSITION, 0, 0]);
        assert_eq!(place(ticks(&mut clock, 2.7, 1)[0]), (2.7, 0.0, true));
    }

    #[test]
    fn of_a_clock_that_runs_already_the_tempo_is_known_and_not_the_beat() {
        let mut clock = MidiClock::new(90.0);
        let reports = ticks(&mut clock, 0.0, 49);
        assert_eq!(reports.len(), 2);
        for report in reports {
            let ClockReport::Tempo(tempo) = report else {
                panic!("{report:?}")
            };
            assert!((tempo - 120.0).abs() < 1e-6);
        }
    }

    #[test]
    fn one_that_stops_where_nobody_knows_goes_on_with_its_tempo_alone() {
        let mut clock = MidiClock::new(120.0);
        ticks(&mut clock, 0.0, 48);
        assert_eq!(clock.hear(at(1.0), &[STOP]), Some(ClockReport::Stopped));
        // Some machines tick on while they stand.
        assert_eq!(ticks(&mut clock, 1.0, 48), []);
        assert_eq!(clock.hear(at(2.0), &[STOP]), Some(ClockReport::Stopped));
        assert_eq!(clock.hear(at(2.0), &[CONTINUE]), None);
        let reports = ticks(&mut clock, 2.0, 48);
        let is_tempo = |report: &ClockReport| matches!(report, ClockReport::Tempo(_));
        assert!(!reports.is_empty() && reports.iter().all(is_tempo));
        // Silent while it stands, it is not lost.
        clock.hear(at(3.0), &[STOP]);
        assert_eq!(clock.wait(at(99.0)), None);
        assert_eq!(clock.gone(), None);
    }

    #[test]
    fn a_song_position_says_where_one_stands_of_which_nobody_knew_it() {
        // Sixteenth 200 is quarter note 50.
        let position = [SONG_POSITION, 72, 1];
        let mut clock = MidiClock::new(120.0);
        ticks(&mut clock, 0.0, 24);
        clock.hear(at(0.5), &[STOP]);
        assert_eq!(clock.hear(at(0.6), &position), None);
        clock.hear(at(2.4), &[CONTINUE]);
        assert_eq!(place(ticks(&mut clock, 2.5, 1)[0]), (2.5, 50.0, true));
        // One of which nothing came yet stands there too.
        let mut clock = MidiClock::new(120.0);
        clock.hear(at(0.0), &position);
        assert_eq!(ticks(&mut clock, 0.0, 24), []);
        clock.hear(at(2.4), &[CONTINUE]);
        assert_eq!(place(ticks(&mut clock, 2.5, 1)[0]), (2.5, 50.0, true));
    }

    #[test]
    fn one_that_runs_already_and_is_located_begins_there_with_its_next_tick() {
        let mut clock = MidiClock::new(120.0);
        ticks(&mut clock, 0.0, 48);
        assert_eq!(clock.hear(at(0.99), &[SONG_POSITION, 72, 1]), None);
        let reports = ticks(&mut clock, 1.0, 13);
        let (time, beat, located) = place(reports[0]);
        assert!((time - 1.0).abs() < 1e-6);
        assert_eq!((beat, located), (50.0, true));
        assert!(reports.len() > 1 && reports[1..].iter().all(|report| !place(*report).2));
    }

    #[test]
    fn a_silent_clock_is_lost_once_and_one_that_has_stopped_is_not() {
        let mut clock = MidiClock::new(120.0);
        assert_eq!(clock.wait(at(9.0)), None, "it has not come yet");
        clock.hear(at(0.0), &[START]);
        ticks(&mut clock, 10.0, 48);
        assert_eq!(clock.wait(at(11.2)), None);
        assert_eq!(clock.wait(at(11.6)), Some(ClockReport::Lost));
        assert_eq!(clock.wait(at(11.7)), None);
        // The ticks that come are counted on.
        let (time, beat, located) = place(ticks(&mut clock, 12.0, 1)[0]);
        assert_eq!((time, beat, located), (12.0, 2.0, false));
        clock.hear(at(12.1), &[STOP]);
        assert_eq!(clock.wait(at(99.0)), None);
        // With the port, ticks may be gone.
        clock.hear(at(100.0), &[CONTINUE]);
        ticks(&mut clock, 100.0, 4);
        assert_eq!(clock.gone(), Some(ClockReport::Lost));
        assert_eq!(ticks(&mut clock, 101.0, 4), []);
    }

    #[test]
    fn what_is_no_clock_does_no_harm() {
        let mut clock = MidiClock::new(120.0);
        for bytes in [
            &[][..],
            &[0x90, 60, 1],
            &[TICK, 1],
            &[SONG_POSITION],
            &[0xF0, 1, 2],
        ] {
            assert_eq!(clock.hear(at(1.0), bytes), None);
        }
        clock.hear(at(1.0), &[START]);
        // All at once: no tempo.
        for _ in 0..20 {
            clock.hear(at(1.0), &[TICK]);
        }
        assert_eq!(clock.hear(at(1.0), &[TICK]), None);
    }

    /// A transport that follows a MIDI clock, on a clock that is moved by hand.
    fn run() -> (Arc<LiveClock>, Steering) {
        let clock = Arc::new(LiveClock::standing());
        let transport = Transport {
            follow: Some(Follow {
                clock: FollowedClock::MidiClock,
                port: "x".to_owned(),
                when_lost: WhenLost::PlayOn,
                offset: Time::ZERO,
                timecode_start: [0; 4],
                tap_number: None,
            }),
            ..Transport::default()
        };
        let steering = Steering::of_transport(clock.clone(), &transport);
        (clock, steering)
    }

    /// Two hours at 97.3 quarter notes a minute, as another computer counts them whose clock goes
    /// 80 millionths faster, with ticks up to 3 ms early or late. What the music plays is compared
    /// with the true beat at each tick, once two quarter notes have passed.
    #[test]
    fn after_two_hours_of_jitter_the_music_is_where_the_clock_is_and_was_never_far_from_it() {
        let (live, steering) = run();
        let mut clock = MidiClock::new(120.0);
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        let even = Uniform::new_inclusive(-0.003, 0.003).unwrap();
        let period = 60.0 / 97.3 / 24.0 * (1.0 - 80e-6);
        clock.hear(at(5.0), &[START]);
        let (mut worst, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
        let ticks = (2.0 * 3_600.0 / period) as u64;
        let mut behind = 0.0;
        for tick in 0..ticks {
            let right = 5.01 + tick as f64 * period;
            let came = right + even.sample(&mut rng);
            live.move_to(at(came));
            if let Some(report) = clock.hear(at(came), &[TICK]) {
                steering.follow(report);
            }
            if tick >= 48 {
                let (beat, _) = steering.beat();
                let now = live.now().seconds();
                let wanted = (now - 5.01) / period / 24.0;
                behind = (wanted - beat) * period * 24.0;
                worst = worst.max(behind.abs());
                sum += behind * behind;
                count += 1.0;
            }
        }
        let deviation = f64::sqrt(sum / count);
        println!("worst {worst:.6} s, deviation {deviation:.6} s, at the end {behind:.6} s");
        assert!(worst < 0.002, "{worst}");
        assert!(behind.abs() < 0.001, "{behind}");
    }

    /// By how many seconds the music is behind at each tick of a clock whose tempo jumps after 16
    /// quarter notes, with ticks up to 3 ms early or late.
    fn behind_a_jump(before: f64, after: f64) -> Vec<f64> {
        let (live, steering) = run();
        let mut clock = MidiClock::new(120.0);
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let even = Uniform::new_inclusive(-0.003, 0.003).unwrap();
        clock.hear(at(1.0), &[START]);
        let mut right = 1.01;
        let mut behind = Vec::new();
        for tick in 0_u32..24 * 40 {
            let tempo = if tick < 24 * 16 { before } else { after };
            let came = f64::max(right + even.sample(&mut rng), 0.0);
            live.move_to(at(came));
            if let Some(report) = clock.hear(at(came), &[TICK]) {
                steering.follow(report);
            }
            let (beat, _) = steering.beat();
            let now = live.now().seconds();
            let wanted = f64::from(tick) / 24.0 + (now - right) * tempo / 60.0;
            behind.push((wanted - beat) * 60.0 / tempo);
            right += 60.0 / tempo / 24.0;
        }
        behind
    }

    #[test]
    fn the_music_follows_a_jump_of_tempo_within_two_quarter_notes() {
        for (before, after) in [
            (120.0, 140.0),
            (120.0, 90.0),
            (100.0, 200.0),
            (120.0, 121.0),
        ] {
            let behind = behind_a_jump(before, after);
            for (tick, behind) in behind.iter().enumerate().skip(24 * 18 + 1) {
                let most = if tick > 24 * 24 { 0.002 } else { 0.02 };
                assert!(behind.abs() < most, "{before} to {after}, {tick}: {behind}");
            }
        }
    }

    /// Half as fast, the music is far ahead before the second tick can tell, and comes back by small
    /// changes of the tempo.
    #[test]
    fn eight_quarter_notes_after_the_tempo_was_halved_the_music_is_where_the_clock_is() {
        for (tick, behind) in behind_a_jump(120.0, 60.0)
            .iter()
            .enumerate()
            .skip(24 * 24 + 1)
        {
            assert!(behind.abs() < 0.002, "{tick}: {behind}");
        }
    }
}
