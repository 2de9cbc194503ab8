//! MIDI timecode: reads the pieces of it, and counts in hours, minutes, seconds and frames.
//!
//! While it runs, a quarter of a frame brings a piece of the time; eight pieces are a time, which was
//! that of the first of them. A whole time comes in one message when it is located and stands. There
//! is no message that it stops: the pieces stay away.

use score_engine::{Choice, ClockReport, Time};

use super::tick_filter::TickFilter;
use crate::device::midi::message::{EXCLUSIVE, EXCLUSIVE_END, QUARTER_FRAME};

/// After so long without a piece, in seconds, the timecode has stopped.
const SILENCE: f64 = 0.2;

/// Pieces of a time.
const PIECES: u8 = 8;

/// Pieces after which is reported while the filter is wide, and later.
const OFTEN: i64 = 8;
const SELDOM: i64 = 24;

/// Pieces since the filter has begun from which on it is narrow.
const NARROW: u32 = 120;

/// Frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub(crate) enum FrameRate {
    /// Film.
    #[choice("fps24")]
    Film,
    /// Television of 50 Hz.
    #[choice("fps25")]
    Pal,
    /// Television of 59.94 Hz: 30 a second are counted, and two left out each minute but every
    /// tenth.
    #[choice("fps29_97_drop")]
    DropFrame,
    /// Thirty.
    #[choice("fps30")]
    Thirty,
}

impl FrameRate {
    /// As the two bits beside the hours have it.
    fn of_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => FrameRate::Film,
            1 => FrameRate::Pal,
            2 => FrameRate::DropFrame,
            _ => FrameRate::Thirty,
        }
    }

    /// The two bits.
    pub(crate) fn bits(self) -> u8 {
        match self {
            FrameRate::Film => 0,
            FrameRate::Pal => 1,
            FrameRate::DropFrame => 2,
            FrameRate::Thirty => 3,
        }
    }

    /// Frames that are counted in a second.
    fn counted(self) -> i64 {
        match self {
            FrameRate::Film => 24,
            FrameRate::Pal => 25,
            FrameRate::DropFrame | FrameRate::Thirty => 30,
        }
    }

    /// Frames that pass in a second.
    pub(crate) fn a_second(self) -> f64 {
        match self {
            FrameRate::DropFrame => 30_000.0 / 1_001.0,
            other => other.counted() as f64,
        }
    }

    /// The number of a frame, counted from midnight.
    pub(crate) fn frame(self, [hours, minutes, seconds, frames]: [u8; 4]) -> i64 {
        let minutes = i64::from(hours) * 60 + i64::from(minutes);
        let counted = (minutes * 60 + i64::from(seconds)) * self.counted() + i64::from(frames);
        match self {
            FrameRate::DropFrame => counted - 2 * (minutes - minutes / 10),
            _ => counted,
        }
    }

    /// The time of a frame, counted from midnight; after a day from the beginning again.
    pub(crate) fn time(self, frame: i64) -> [u8; 4] {
        let counted = self.counted();
        let day = self.frame([24, 0, 0, 0]);
        let mut frame = frame.rem_euclid(day);
        if self == FrameRate::DropFrame {
            // Ten minutes have 17,982 frames; the first of them 1,800 and each other 1,798.
            let (tens, rest) = (frame / 17_982, frame % 17_982);
            frame += 18 * tens + 2 * ((rest - 2).max(0) / 1_798);
        }
        let seconds = frame / counted;
        [
            (seconds / 3_600) as u8,
            (seconds / 60 % 60) as u8,
            (seconds % 60) as u8,
            (frame % counted) as u8,
        ]
    }
}

/// Whether the timecode runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Stands,
    /// It runs, and the latest piece was this quarter of a frame, counted from midnight.
    Runs(i64),
}

/// Reads timecode.
pub(crate) struct Timecode {
    filter: TickFilter,
    /// The timecode that is zero.
    start: [u8; 4],
    /// The pieces of the time that comes, and which of them comes next.
    pieces: [u8; 8],
    next: u8,
    /// The latest piece.
    last: Option<u8>,
    /// The latest piece came at this time.
    latest: Option<Time>,
    course: Course,
    rate: FrameRate,
    /// Whether the timecode is before its zero, where nothing plays yet.
    is_before: bool,
}

impl Timecode {
    /// Reads timecode whose zero is `start`.
    pub(crate) fn new(start: [u8; 4]) -> Self {
        Timecode {
            filter: TickFilter::new(1.0 / 100.0),
            start,
            pieces: [0; 8],
            next: 0,
            last: None,
            latest: None,
            course: Course::Stands,
            rate: FrameRate::Pal,
            is_before: false,
        }
    }

    /// Takes in a message that came at `time`. Returns what is to be reported.
    pub(crate) fn hear(&mut self, time: Time, bytes: &[u8]) -> Option<ClockReport> {
        match *bytes {
            [QUARTER_FRAME, data] if data < 0x80 => self.piece(time, data >> 4, data & 0x0F),
            [
                EXCLUSIVE,
                0x7F,
                _,
                0x01,
                0x01,
                hours,
                _,
                _,
                _,
                EXCLUSIVE_END,
            ] => {
                self.rate = FrameRate::of_bits(hours >> 5);
                self.stop()
            }
            _ => None,
        }
    }

    /// Nothing has come until `now`. Returns what is to be reported.
    pub(crate) fn wait(&mut self, now: Time) -> Option<ClockReport> {
        let since = now - self.latest?;
        (since.seconds() > SILENCE).then(|| self.stop()).flatten()
    }

    /// Nothing comes any more. Returns what is to be reported.
    pub(crate) fn stop(&mut self) -> Option<ClockReport> {
        self.next = 0;
        let runs = self.course != Course::Stands;
        self.course = Course::Stands;
        runs.then_some(ClockReport::Lost)
    }

    fn piece(&mut self, time: Time, piece: u8, bits: u8) -> Option<ClockReport> {
        self.latest = Some(time);
        self.filter.tick(time.seconds());
        if let Course::Runs(quarter) = &mut self.course {
            *quarter += 1;
        }
        let last = self.last.replace(piece);
        if last == Some((piece + 1) % PIECES) {
            // Backwards, as a tape that is wound.
            return self.stop();
        }
        if piece != self.next {
            // It is read from the next whole time on.
            self.next = 0;
            if piece != 0 {
                return None;
            }
        }
        self.pieces[usize::from(piece)] = bits;
        self.next = (piece + 1) % PIECES;
        if self.next == 0 {
            return self.whole();
        }
        match self.course {
            Course::Runs(quarter) => self.report(quarter, false),
            Course::Stands => None,
        }
    }

    /// A time has come whole.
    fn whole(&mut self) -> Option<ClockReport> {
        let [f0, f1, s0, s1, m0, m1, h0, h1] = self.pieces;
        let two = |low: u8, high: u8| low | high << 4;
        self.rate = FrameRate::of_bits(h1 >> 1);
        let hours = two(h0, h1 & 1);
        let time = [hours, two(m0, m1 & 3), two(s0, s1 & 3), two(f0, f1 & 1)];
        // It was that of the first piece, and this is the last.
        let quarter = self.rate.frame(time) * 4 + i64::from(PIECES) - 1;
        // A piece may have been lost.
        let goes_on =
            matches!(self.course, Course::Runs(counted) if (counted - quarter).abs() <= 2);
        self.course = Course::Runs(quarter);
        self.report(quarter, !goes_on)
    }

    fn report(&mut self, quarter: i64, located: bool) -> Option<ClockReport> {
        let start = self.rate.frame(self.start) * 4;
        let was_before = std::mem::replace(&mut self.is_before, quarter < start);
        if self.is_before {
            return (located || !was_before).then_some(ClockReport::Stopped);
        }
        let located = located || was_before;
        let every = match self.filter.age() < NARROW {
            true => OFTEN,
            false => SELDOM,
        };
        if !located && (quarter + 1) % every != 0 {
            return None;
        }
        let a_second = self.rate.a_second() * 4.0;
        let speed = match self.filter.is_known() {
            true => 1.0 / a_second / self.filter.known_period(),
            false => 1.0,
        };
        Some(ClockReport::RunsInSeconds {
            time: Time::from_seconds(self.filter.time()),
            seconds: (quarter - start) as f64 / a_second,
            speed: Some(speed).filter(|speed| (0.5..=2.0).contains(speed))?,
            located,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::device::midi::message::Message;

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    /// The pieces of the time of `frame`.
    fn pieces(rate: FrameRate, frame: i64) -> [Message; 8] {
        let [hours, minutes, seconds, frames] = rate.time(frame);
        let hours = hours | rate.bits() << 5;
        let nibbles = [frames, seconds, minutes, hours].map(|part| [part & 0x0F, part >> 4]);
        std::array::from_fn(|piece| {
            Message::quarter_frame(piece as u8, nibbles[piece / 2][piece % 2])
        })
    }

    /// Runs from `frame` on for `frames`, which are even, and gives what is reported.
    fn run(
        timecode: &mut Timecode,
        rate: FrameRate,
        from: f64,
        frame: i64,
        frames: i64,
    ) -> Vec<ClockReport> {
        let mut reports = Vec::new();
        let quarter = 1.0 / rate.a_second() / 4.0;
        for pair in 0..frames / 2 {
            for (piece, message) in (0..).zip(pieces(rate, frame + 2 * pair)) {
                let time = from + f64::from(pair as i32 * 8 + piece) * quarter;
                reports.extend(timecode.hear(at(time), message.bytes()));
            }
        }
        reports
    }

    const RATES: [FrameRate; 4] = [
        FrameRate::Film,
        FrameRate::Pal,
        FrameRate::DropFrame,
        FrameRate::Thirty,
    ];

    proptest! {
        #[test]
        fn every_frame_of_a_day_has_a_time_of_its_own(rate in 0_usize..4, frame in 0_i64..2_589_408) {
            let rate = RATES[rate];
            let frame = frame % rate.frame([24, 0, 0, 0]);
            let time = rate.time(frame);
            prop_assert_eq!(rate.frame(time), frame);
            // Drop frame leaves out frames 0 and 1 of each minute but every tenth.
            if rate == FrameRate::DropFrame && !time[1].is_multiple_of(10) && time[2] == 0 {
                prop_assert!(time[3] >= 2);
            }
        }
    }

    #[test]
    fn drop_frame_counts_as_television_does() {
        let rate = FrameRate::DropFrame;
        assert_eq!(rate.time(1_799), [0, 0, 59, 29]);
        assert_eq!(rate.time(1_800), [0, 1, 0, 2]);
        assert_eq!(rate.time(17_982), [0, 10, 0, 0]);
        // An hour of it lasts an hour but for 3.6 ms.
        let hour = rate.frame([1, 0, 0, 0]) as f64 / rate.a_second();
        assert!((hour - 3_600.0).abs() < 0.004, "{hour}");
    }

    #[test]
    fn timecode_is_followed_from_its_first_whole_time_to_the_frame() {
        for rate in RATES {
            let mut timecode = Timecode::new([1, 0, 0, 0]);
            let frame = rate.frame([1, 0, 10, 0]);
            let reports = run(&mut timecode, rate, 5.0, frame, 200);
            for (index, report) in reports.iter().enumerate() {
                let ClockReport::RunsInSeconds {
                    time,
                    seconds,
                    speed,
                    located,
                } = *report
                else {
                    panic!("{report:?}")
                };
                assert_eq!(located, index == 0);
                let offset = frame as f64 / rate.a_second()
                    - rate.frame([1, 0, 0, 0]) as f64 / rate.a_second();
                assert!(
                    (seconds - offset - (time.seconds() - 5.0)).abs() < 1e-6,
                    "{rate:?}: {report:?}"
                );
                assert!((speed - 1.0).abs() < 1e-3);
            }
            assert!(reports.len() > 10);
        }
    }

    #[test]
    fn before_the_timecode_at_which_the_music_begins_it_stands() {
        let rate = FrameRate::Thirty;
        let mut timecode = Timecode::new([1, 0, 0, 0]);
        let from = rate.frame([0, 59, 59, 0]);
        let reports = run(&mut timecode, rate, 0.0, from, 40);
        assert_eq!(reports[0], ClockReport::Stopped);
        let ClockReport::RunsInSeconds {
            seconds, located, ..
        } = reports[1]
        else {
            panic!("{reports:?}")
        };
        assert_eq!((seconds, located), (0.0, true));
    }

    #[test]
    fn a_jump_is_located_and_silence_or_a_whole_time_stops_it() {
        let rate = FrameRate::Pal;
        let mut timecode = Timecode::new([0; 4]);
        run(&mut timecode, rate, 0.0, 1_000, 20);
        let reports = run(&mut timecode, rate, 0.8, 5_000, 4);
        let is_located = |report: &ClockReport| matches!(report, ClockReport::RunsInSeconds { located: true, seconds, .. } if *seconds > 199.0);
        assert!(is_located(&reports[0]), "{reports:?}");
        assert_eq!(timecode.wait(at(1.0)), None);
        assert_eq!(timecode.wait(at(1.3)), Some(ClockReport::Lost));
        assert_eq!(timecode.wait(at(1.4)), None);
        run(&mut timecode, rate, 2.0, 5_000, 4);
        let whole = Message::full_frame([0x21, 2, 3, 4]);
        assert_eq!(
            timecode.hear(at(2.2), whole.bytes()),
            Some(ClockReport::Lost)
        );
    }

    #[test]
    fn what_runs_backwards_or_is_no_timecode_does_not_lead() {
        let rate = FrameRate::Film;
        let mut timecode = Timecode::new([0; 4]);
        for (number, message) in (0..80).zip(pieces(rate, 100).iter().rev().cycle()) {
            let time = at(f64::from(number) / 96.0);
            assert_eq!(timecode.hear(time, message.bytes()), None);
        }
        for bytes in [
            &[][..],
            &[0xF1],
            &[0xF1, 0xFF],
            &[0xF0, 0x7F, 0x7F],
            &[0xF8],
        ] {
            assert_eq!(timecode.hear(at(9.0), bytes), None);
        }
    }
}
