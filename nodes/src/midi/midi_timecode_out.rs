//! Sends MIDI timecode, for machines and programs that follow it.

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Params, Processor, Time, Transport,
};

use crate::device::midi::message::Message;
use crate::device::midi::outlet::{News, Outlet};
use crate::device::midi::port::require_name;
use crate::following::timecode::FrameRate;

/// Pieces of a time; two frames pass while they are sent.
const PIECES: i64 = 8;

/// Pieces by which it may be behind before it says anew where it is.
const LATE: i64 = 16;

/// `midi_timecode_out`.
#[derive(Clone, Params)]
pub(crate) struct MidiTimecodeOut {
    /// the port, as `score devices` prints it, `virtual`, or `JACK`
    #[param(rebuild = "the port is opened once")]
    port: String,
    /// frames a second; `fps29_97_drop` counts 30 and leaves numbers out, as television of 59.94 Hz does
    #[param(rebuild = "those who follow would lose their place", default = FrameRate::Pal)]
    rate: FrameRate,
    /// the hour at which the timecode of the run's start is
    #[param(rebuild = "those who follow would lose their place", range = 0..=23, default = 0)]
    hour: u8,
    /// the node does not start without the port; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for MidiTimecodeOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("midi", "midi_timecode_out", "Sends timecode to a MIDI port")
            .example(
                r#"nodes: {
                    "timecode": midi_timecode_out(port: "virtual", rate: fps25, hour: 1),
                },
                wires: []"#,
            )
            .details(
                "Only in a live run. MIDI timecode (MTC): the time since the run has begun, in \
                 quarter frames, and a whole time when a port appears or comes back. It runs on \
                 whatever the tempo. Each piece is sent when a sound of the same time is heard. \
                 `port` is as in `midi_out`. To follow timecode, see `follow` in the transport.",
            )
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        require_name(check, &self.port);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Sender {
            outlet: Outlet::open(build, "midi_timecode_out", &self.port, self.required)?,
            pieces: Pieces::new(self.rate, self.hour),
        }))
    }
}

/// Which piece comes next.
#[derive(Debug)]
struct Pieces {
    rate: FrameRate,
    /// The frame at which the run starts, counted from midnight.
    start: i64,
    /// The next quarter of a frame, counted from the run's start.
    next: i64,
    /// Whether the listeners know where it is.
    is_known: bool,
}

impl Pieces {
    fn new(rate: FrameRate, hour: u8) -> Self {
        Pieces {
            rate,
            start: rate.frame([hour, 0, 0, 0]),
            next: 0,
            is_known: false,
        }
    }

    /// When a quarter of a frame is.
    fn time(&self, quarter: i64) -> Time {
        Time::from_seconds(quarter as f64 / self.rate.a_second() / 4.0)
    }

    /// The time of frame `frame` of the run, as it is sent.
    fn timecode(&self, frame: i64) -> [u8; 4] {
        let [hours, minutes, seconds, frames] = self.rate.time(self.start + frame);
        [hours | self.rate.bits() << 5, minutes, seconds, frames]
    }

    /// The messages that are due up to `now`, each with its time.
    fn advance(&mut self, now: Time) -> Vec<(Time, Message)> {
        let mut due = Vec::new();
        let current = (now.seconds() * self.rate.a_second() * 4.0).floor() as i64;
        if current > self.next + LATE {
            self.is_known = false;
        }
        if !self.is_known {
            // A time begins with an even frame.
            self.next = (current.max(0) + PIECES - 1) / PIECES * PIECES;
            let frame = self.next / 4;
            due.push((now, Message::full_frame(self.timecode(frame))));
            self.is_known = true;
        }
        while self.time(self.next) <= now {
            let piece = self.next % PIECES;
            let timecode = self.timecode((self.next - piece) / 4);
            let [hours, minutes, seconds, frames] = timecode;
            let part = [frames, seconds, minutes, hours][piece as usize / 2];
            let bits = if piece % 2 == 0 { part } else { part >> 4 };
            let message = Message::quarter_frame(piece as u8, bits);
            due.push((self.time(self.next), message));
            self.next += 1;
        }
        due
    }
}

struct Sender {
    outlet: Outlet,
    pieces: Pieces,
}

impl Processor<MidiTimecodeOut> for Sender {
    fn process(&mut self, _params: &MidiTimecodeOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.outlet.news() != News::Same {
            self.pieces.is_known = false;
        }
        for (time, message) in self.pieces.advance(io.now()) {
            self.outlet.send(time, message);
        }
        let next = self.pieces.time(self.pieces.next);
        let waiting = self.outlet.work().unwrap_or(Time::MAX);
        Ok(Flow::WakeAt(next.min(waiting)))
    }

    fn changed(&mut self, _: &MidiTimecodeOut, _: &Transport) -> Result<(), NodeError> {
        Ok(())
    }

    fn finish(&mut self, _params: &MidiTimecodeOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        self.outlet.close([]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::ClockReport;

    use super::*;
    use crate::following::timecode::Timecode;

    #[test]
    fn what_is_sent_is_read_back_as_the_time_of_the_run() {
        for rate in [
            FrameRate::Film,
            FrameRate::Pal,
            FrameRate::DropFrame,
            FrameRate::Thirty,
        ] {
            let mut pieces = Pieces::new(rate, 10);
            let mut timecode = Timecode::new([10, 0, 0, 0]);
            let mut reports = 0;
            for step in 0..12_000 {
                let now = Time::from_seconds(55.0 + f64::from(step) / 1_000.0);
                for (time, message) in pieces.advance(now) {
                    let Some(ClockReport::RunsInSeconds { time, seconds, .. }) =
                        timecode.hear(time, message.bytes())
                    else {
                        continue;
                    };
                    reports += 1;
                    // Of each hour drop frame is 3.6 ms off.
                    assert!(
                        (seconds - time.seconds()).abs() < 1e-6,
                        "{rate:?} {seconds}"
                    );
                }
            }
            assert!(reports > 20, "{rate:?}");
        }
    }

    #[test]
    fn whoever_comes_late_is_told_the_whole_time_and_a_pause_is_not_caught_up() {
        let mut pieces = Pieces::new(FrameRate::Pal, 1);
        let due = pieces.advance(Time::from_seconds(61.0));
        assert_eq!(due.len(), 1);
        let whole = [0xF0, 0x7F, 0x7F, 1, 1, 0x21, 1, 1, 1, 0xF7];
        // 61.0 s are frame 1525; the next even one is 1526.
        assert_eq!(due[0].1.bytes(), whole);
        let due = pieces.advance(Time::from_seconds(600.0));
        assert!(due.len() <= 2, "{due:?}");
    }
}
