//! Sends the transport's beat to a MIDI port, for machines that follow it.

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Params, Processor, Time, Transport,
};

use crate::device::midi::message::{CONTINUE, Message, START, STOP, TICK};
use crate::device::midi::outlet::{News, Outlet};
use crate::device::midi::port::require_name;

/// Ticks in a sixteenth note: MIDI's clock has 24 in a quarter note.
const TICKS_PER_SIXTEENTH: u64 = 6;

/// A distance in quarter notes that is no change of tempo: the position is another.
const MOVED: f64 = 1.0 / 24.0;

/// Ticks by which the clock may be behind before it skips them.
const LATE: u64 = 24;

/// `midi_clock_out`.
#[derive(Clone, Params)]
pub(crate) struct MidiClockOut {
    /// the port, as `score devices` prints it, `virtual`, or `JACK`
    #[param(rebuild = "the port is opened once")]
    port: String,
    /// the node does not start without the port; read when it starts
    #[param(live, default = false)]
    required: bool,
}

impl Node for MidiClockOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("midi", "midi_clock_out", "Sends the beat to a MIDI port")
            .example(
                r#"transport: (tempo: 96),
                nodes: {
                    "beat": midi_clock_out(port: "virtual"),
                },
                wires: []"#,
            )
            .details(
                "Only in a live run. MIDI clock: start, 24 ticks per quarter note at the \
                 transport's tempo, stop at the end. A port that appears late, or comes back, gets \
                 the song position and continues at the next sixteenth. Where the run follows another clock, \
                 it stops and continues with it. The clock is even whatever \
                 the transport's swing: the follower swings by itself. Each tick is sent when a \
                 sound of the same time is heard. `port` is as in `midi_out`.",
            )
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        require_name(check, &self.port);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Ticking {
            outlet: Outlet::open(build, "midi_clock_out", &self.port, self.required)?,
            transport: build.transport.clone(),
            beat: Beat::default(),
            is_closed: false,
        }))
    }
}

/// The next tick, and whether the listeners are running.
#[derive(Debug, Default, PartialEq, Eq)]
struct Beat {
    next: u64,
    runs: bool,
}

impl Beat {
    /// Ticks are counted in the music's own time, which goes on from where it was. Where it stands
    /// still, or goes on elsewhere, listeners are told where it is when it continues. Returns
    /// whether they are to stop.
    fn change(&mut self, before: &Transport, now: &Transport) -> bool {
        let stops = now.stands && !before.stands;
        let moment = now.anchor.0;
        let moved = (now.clock_position(moment) - before.clock_position(moment)).abs() > MOVED;
        if now.stands || before.stands || moved {
            self.runs = false;
        }
        stops
    }

    /// Appends the messages that are due up to `now`, each with its time.
    fn advance(&mut self, transport: &Transport, now: Time, due: &mut Vec<(Time, Message)>) {
        let current = (transport.clock_position(now) * 24.0).max(0.0) as u64;
        if current > self.next + LATE {
            // Too far behind to be caught up by ticking faster.
            self.next = current;
            self.runs = false;
        }
        while tick(transport, self.next) <= now {
            let time = tick(transport, self.next);
            if !self.runs && self.next == 0 {
                due.push((time, Message::single(START)));
                self.runs = true;
            } else if !self.runs && self.next.is_multiple_of(TICKS_PER_SIXTEENTH) {
                let sixteenth = self.next / TICKS_PER_SIXTEENTH;
                due.push((time, Message::song_position(sixteenth)));
                due.push((time, Message::single(CONTINUE)));
                self.runs = true;
            }
            due.push((time, Message::single(TICK)));
            self.next += 1;
        }
    }
}

/// When tick `number` is, counted from the start so that rounding does not add up.
fn tick(transport: &Transport, number: u64) -> Time {
    transport.clock_time(number as f64 / 24.0)
}

struct Ticking {
    outlet: Outlet,
    transport: Transport,
    beat: Beat,
    is_closed: bool,
}

impl Processor<MidiClockOut> for Ticking {
    fn process(&mut self, _params: &MidiClockOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.outlet.news() != News::Same {
            self.beat.runs = false;
        }
        let mut due = Vec::new();
        self.beat.advance(&self.transport, io.now(), &mut due);
        for (time, message) in due {
            self.outlet.send(time, message);
        }
        let next = tick(&self.transport, self.beat.next);
        let waiting = self.outlet.work().unwrap_or(Time::MAX);
        Ok(Flow::WakeAt(next.min(waiting)))
    }

    fn changed(&mut self, _params: &MidiClockOut, transport: &Transport) -> Result<(), NodeError> {
        if self.beat.change(&self.transport, transport) {
            let time = transport.anchor.0;
            self.outlet.send(time, Message::single(STOP));
        }
        self.transport = transport.clone();
        Ok(())
    }

    fn finish(&mut self, _params: &MidiClockOut, _io: &mut Io<'_>) -> Result<(), NodeError> {
        self.stop();
        Ok(())
    }
}

impl Ticking {
    fn stop(&mut self) {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.outlet.close([Message::single(STOP)]);
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Swing;

    use super::*;

    fn bytes(due: &[(Time, Message)]) -> Vec<u8> {
        due.iter().map(|(_, message)| message.bytes()[0]).collect()
    }

    #[test]
    fn a_minute_at_any_tempo_has_24_ticks_a_quarter_note_evenly_spread() {
        let transport = Transport {
            tempo: 97.3,
            ..Transport::default()
        };
        let (mut beat, mut due) = (Beat::default(), Vec::new());
        for hundredth in 0..6_000 {
            let now = Time::from_seconds(f64::from(hundredth) / 100.0);
            beat.advance(&transport, now, &mut due);
        }
        assert_eq!(due[0].1, Message::single(START));
        let ticks = &due[1..];
        assert!(
            ticks
                .iter()
                .all(|(_, message)| *message == Message::single(TICK))
        );
        assert_eq!(ticks.len(), (59.99_f64 * 97.3 / 60.0 * 24.0) as usize + 1);
        let expected = 60.0 / 97.3 / 24.0;
        for pair in ticks.windows(2) {
            let gap = (pair[1].0 - pair[0].0).seconds();
            assert!((gap - expected).abs() < 1e-8, "{gap}");
        }
    }

    #[test]
    fn a_port_that_comes_back_goes_on_at_the_next_sixteenth() {
        let transport = Transport::default();
        let (mut beat, mut due) = (Beat::default(), Vec::new());
        beat.advance(&transport, tick(&transport, 20), &mut due);
        beat.runs = false;
        due.clear();
        beat.advance(&transport, tick(&transport, 25), &mut due);
        // Ticks 21 to 23, then sixteenth 4 with its tick 24, and tick 25.
        assert_eq!(bytes(&due), [TICK, TICK, TICK, 0xF2, CONTINUE, TICK, TICK]);
        assert_eq!(due[3].1, Message::song_position(4));
    }

    #[test]
    fn the_clock_does_not_swing_and_at_another_tempo_goes_on_from_where_it_was() {
        let transport = Transport {
            swing: Swing {
                share: 0.7,
                ..Swing::default()
            },
            ..Transport::default()
        };
        let gaps = (0..96).map(|number| tick(&transport, number + 1) - tick(&transport, number));
        assert!(
            gaps.map(|gap| (gap.seconds() * 48.0 - 1.0).abs())
                .all(|off| off < 1e-6)
        );
        // At 60 a minute since 10 s, which are 20 quarter notes.
        let slower = Transport {
            tempo: 60.0,
            anchor: (Time::from_seconds(10.0), 20.0),
            ..transport
        };
        assert_eq!(tick(&slower, 21 * 24), Time::from_seconds(11.0));
        let (mut beat, mut due) = (Beat::default(), Vec::new());
        beat.advance(&slower, Time::from_seconds(10.0), &mut due);
        assert_eq!(due[0].1, Message::song_position(80));
        assert_eq!(bytes(&due)[1..], [CONTINUE, TICK]);
        beat.advance(&slower, Time::from_seconds(10.9), &mut due);
        assert_eq!(bytes(&due)[3..], [TICK; 21]);
    }

    #[test]
    fn a_transport_that_stands_stops_the_listeners_and_they_continue_where_it_goes_on() {
        let transport = Transport::default();
        let (mut beat, mut due) = (Beat::default(), Vec::new());
        beat.advance(&transport, tick(&transport, 10), &mut due);
        let (now, later) = (tick(&transport, 10), Time::from_seconds(60.0));
        let stands = transport.standing(now, transport.clock_position(now) - 0.2);
        assert!(beat.change(&transport, &stands));
        due.clear();
        beat.advance(&stands, later, &mut due);
        assert_eq!(due, []);
        let goes_on = stands.located(later, 4.0);
        assert!(!beat.change(&stands, &goes_on));
        beat.advance(&goes_on, later, &mut due);
        assert_eq!(due[0].1, Message::song_position(16));
        assert_eq!(bytes(&due)[1..], [CONTINUE, TICK]);
    }

    #[test]
    fn a_long_pause_is_skipped_not_caught_up() {
        let transport = Transport::default();
        let (mut beat, mut due) = (Beat::default(), Vec::new());
        beat.advance(&transport, Time::ZERO, &mut due);
        due.clear();
        beat.advance(&transport, Time::from_seconds(600.0), &mut due);
        assert!(due.len() <= 4, "{}", due.len());
        assert!(bytes(&due).contains(&CONTINUE));
    }
}
