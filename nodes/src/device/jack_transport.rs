//! The transport of JACK's server, which starts, stops and locates all programs there together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use jack::{
    AsyncClient, Client, Control, ProcessHandler, ProcessScope, Transport, TransportBBT,
    TransportState,
};
use rtrb::{Consumer, Producer, RingBuffer};
use score_engine::{ClockReport, Counters, LiveClock, NodeError, Time};

use super::jack_period::PeriodTime;
use super::jack_server::{self, Ticket};
use super::keeper::{Keeper, Opener, missing};
use super::watchdog::Watchdog;

/// What may wait for its reader.
const ROOM: usize = 256;

/// How often a transport that rolls is reported.
const OFTEN: Time = Time::from_nanos(250_000_000);

/// Where the transport is at the start of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// It stands.
    Stands,
    /// It rolls.
    Rolls {
        /// When the period starts, on the run's clock.
        time: Time,
        /// Seconds from the transport's frame 0.
        seconds: f64,
        /// Quarter notes from the first bar, and how many there are in a minute, where a program
        /// at the server tells.
        beat: Option<(f64, f64)>,
        /// Whether it starts here, or was located.
        located: bool,
    },
    /// The server is gone.
    Gone,
}

/// What runs in JACK's process callback: no lock, no allocation.
struct Handler {
    transport: Transport,
    clock: Arc<LiveClock>,
    periods: PeriodTime,
    rate: u32,
    calls: Arc<AtomicU64>,
    out: Producer<Place>,
    reader: Arc<OnceLock<Thread>>,
    /// The frame at which the next period starts, while it rolls.
    next: Option<u32>,
    /// Whether anything was reported.
    has_reported: bool,
    /// When a place was reported last.
    reported: Time,
}

impl ProcessHandler for Handler {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let frames = scope.n_frames();
        let start = self.periods.start(self.clock.now(), frames, self.rate);
        let Ok(query) = self.transport.query() else {
            return Control::Continue;
        };
        let time = Time::from_nanos(start);
        let next = match query.state {
            TransportState::Rolling => Some(query.pos.frame()),
            TransportState::Stopped | TransportState::Starting => None,
        };
        let before =
            std::mem::replace(&mut self.next, next.map(|frame| frame.wrapping_add(frames)));
        let changes = before != next || !self.has_reported;
        if !changes && (next.is_none() || time - self.reported < OFTEN) {
            return Control::Continue;
        }
        let place = match next {
            None => Place::Stands,
            Some(frame) => Place::Rolls {
                time,
                seconds: f64::from(frame) / f64::from(self.rate.max(1)),
                beat: query.pos.bbt().and_then(quarter_notes),
                located: changes,
            },
        };
        self.has_reported = true;
        self.reported = time;
        let _ = self.out.push(place);
        if let Some(reader) = self.reader.get() {
            reader.unpark();
        }
        Control::Continue
    }
}

/// Bar, beat and tick as quarter notes from the first bar, and how many there are in a minute.
fn quarter_notes(at: TransportBBT) -> Option<(f64, f64)> {
    let beats = at.bar.saturating_sub(1) as f64 * f64::from(at.sig_num)
        + at.beat.saturating_sub(1) as f64
        + at.tick as f64 / at.ticks_per_beat;
    let of_quarter = 4.0 / f64::from(at.sig_denom);
    let (beat, tempo) = (beats * of_quarter, at.bpm * of_quarter);
    (beat.is_finite() && tempo.is_finite() && tempo > 0.0).then_some((beat, tempo))
}

/// Reads the transport of a server that may come and go.
pub(crate) struct TransportInlet {
    rings: Receiver<Consumer<Place>>,
    ring: Option<Consumer<Place>>,
    reader: Arc<OnceLock<Thread>>,
    /// The latest beat of a transport that rolls, and its time.
    latest: Option<(Time, f64)>,
    _keeper: Keeper,
}

impl TransportInlet {
    /// Opens a client called `own`, now or as soon as a server runs.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn open(
        own: &str,
        clock: Arc<LiveClock>,
        counters: &Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let (hand_over, rings) = channel();
        let reader = Arc::new(OnceLock::new());
        let listening = Listening {
            clock,
            reader: reader.clone(),
            hand_over,
        };
        let opener = ClientOpener {
            own: own.to_owned(),
            role: listening,
        };
        Ok(TransportInlet {
            rings,
            ring: None,
            reader,
            latest: None,
            _keeper: Keeper::start(opener, false, counters)?,
        })
    }

    /// What is to be reported next; waits for it up to `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<ClockReport> {
        self.reader.get_or_init(std::thread::current);
        if let Some(report) = self.take() {
            return Some(report);
        }
        std::thread::park_timeout(patience);
        self.take()
    }

    fn take(&mut self) -> Option<ClockReport> {
        if let Some(place) = self.ring.as_mut().and_then(|ring| ring.pop().ok()) {
            return Some(self.report(place));
        }
        if let Ok(ring) = self.rings.try_recv() {
            self.ring = Some(ring);
        }
        None
    }

    fn report(&mut self, place: Place) -> ClockReport {
        match place {
            Place::Stands => ClockReport::Stopped,
            Place::Gone => ClockReport::Lost,
            Place::Rolls {
                time,
                beat: Some((beat, tempo)),
                located,
                ..
            } => ClockReport::Runs {
                time,
                beat,
                tempo: self.measured(time, beat, tempo, located),
                located,
            },
            Place::Rolls {
                time,
                seconds,
                located,
                ..
            } => ClockReport::RunsInSeconds {
                time,
                seconds,
                speed: 1.0,
                located,
            },
        }
    }

    /// The tempo, in quarter notes a minute: of which notes there are so many a minute, programs
    /// are not of one mind, but how far the beat has come since the last report says it.
    fn measured(&mut self, time: Time, beat: f64, tempo: f64, located: bool) -> f64 {
        let before = self.latest.replace((time, beat)).filter(|_| !located);
        let measured = before.map(|(then, from)| (beat - from) * 60.0 / (time - then).seconds());
        // A change of tempo on the way is in the measure only in part.
        let near = |of: f64| (of / tempo - 1.0).abs() < 0.2;
        match measured.filter(|measured| measured.is_finite() && *measured > 0.0) {
            Some(measured) if !near(measured) => measured,
            _ => tempo,
        }
    }
}

/// What a client is for.
trait Role: Send + 'static {
    /// What runs in JACK's process callback.
    type Handler: ProcessHandler;

    /// Begins at a client that was opened; its callback counts `calls`.
    fn begin(&mut self, client: &Client, calls: Arc<AtomicU64>) -> Self::Handler;

    /// The server is gone.
    fn end(&mut self);
}

/// Reads where the transport is.
struct Listening {
    clock: Arc<LiveClock>,
    /// The thread to wake when something comes.
    reader: Arc<OnceLock<Thread>>,
    hand_over: Sender<Consumer<Place>>,
}

impl Role for Listening {
    type Handler = Handler;

    fn begin(&mut self, client: &Client, calls: Arc<AtomicU64>) -> Handler {
        let (out, ring) = RingBuffer::new(ROOM);
        // A reader that is gone needs no ring.
        let _ = self.hand_over.send(ring);
        Handler {
            transport: client.transport(),
            clock: self.clock.clone(),
            periods: PeriodTime::default(),
            rate: client.sample_rate(),
            calls,
            out,
            reader: self.reader.clone(),
            next: None,
            has_reported: false,
            reported: Time::ZERO,
        }
    }

    fn end(&mut self) {
        // A ring of its own says so.
        let (mut out, ring) = RingBuffer::new(1);
        let _ = out.push(Place::Gone);
        let _ = self.hand_over.send(ring);
    }
}

/// Starts, stops and locates the transport.
struct Leading {
    hand_over: Sender<Option<(Transport, u32)>>,
}

/// Counts the calls, by which it is noticed that the server is gone.
struct Counting(Arc<AtomicU64>);

impl ProcessHandler for Counting {
    fn process(&mut self, _: &Client, _: &ProcessScope) -> Control {
        self.0.fetch_add(1, Ordering::Relaxed);
        Control::Continue
    }
}

impl Role for Leading {
    type Handler = Counting;

    fn begin(&mut self, client: &Client, calls: Arc<AtomicU64>) -> Counting {
        let transport = (client.transport(), client.sample_rate());
        let _ = self.hand_over.send(Some(transport));
        Counting(calls)
    }

    fn end(&mut self) {
        let _ = self.hand_over.send(None);
    }
}

/// Starts, stops and locates the transport of a server that may come and go.
pub(crate) struct TransportOutlet {
    transports: Receiver<Option<(Transport, u32)>>,
    /// The transport, and the server's frames a second.
    transport: Option<(Transport, u32)>,
    _keeper: Keeper,
}

impl TransportOutlet {
    /// Opens a client called `own`, now or as soon as a server runs.
    ///
    /// # Errors
    /// The server is `required` and not there, or the system refuses a thread.
    pub(crate) fn open(
        own: &str,
        required: bool,
        counters: &Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let (hand_over, transports) = channel();
        let opener = ClientOpener {
            own: own.to_owned(),
            role: Leading { hand_over },
        };
        Ok(TransportOutlet {
            transports,
            transport: None,
            _keeper: Keeper::start(opener, required, counters)?,
        })
    }

    /// Whether another server is there since the last look.
    pub(crate) fn is_new(&mut self) -> bool {
        let mut is_new = false;
        while let Ok(transport) = self.transports.try_recv() {
            is_new = transport.is_some();
            self.transport = transport;
        }
        is_new
    }

    /// Starts the transport at `seconds` from its beginning.
    pub(crate) fn start(&self, seconds: f64) {
        if let Some((transport, rate)) = &self.transport {
            let frame = (seconds.max(0.0) * f64::from(*rate)).round();
            // Beyond a day at 48 kHz the server's own count begins again.
            let _ = transport.locate((frame as u64 & u64::from(u32::MAX)) as u32);
            let _ = transport.start();
        }
    }

    /// Stops the transport.
    pub(crate) fn stop(&self) {
        if let Some((transport, _)) = &self.transport {
            let _ = transport.stop();
        }
    }
}

/// Opens a client for the keeper.
struct ClientOpener<R> {
    own: String,
    role: R,
}

/// An open client.
struct OpenClient<H> {
    _client: AsyncClient<(), H>,
    calls: Arc<AtomicU64>,
    watchdog: Watchdog,
    /// Last, so that it goes after the client.
    ticket: Ticket,
}

impl<R: Role> Opener for ClientOpener<R> {
    type Device = OpenClient<R::Handler>;

    fn name(&self) -> String {
        "JACK's transport".to_owned()
    }

    fn open(&mut self) -> Result<Self::Device, NodeError> {
        let (ticket, client) = jack_server::client(&self.own)?;
        let calls = ticket.calls();
        let handler = self.role.begin(&client, calls.clone());
        let client = client
            .activate_async((), handler)
            .map_err(|error| missing(format!("JACK refuses its transport ({error})")))?;
        Ok(OpenClient {
            _client: client,
            calls,
            watchdog: Watchdog::new(),
            ticket,
        })
    }

    fn look(&mut self, device: &mut Self::Device) -> Result<(), NodeError> {
        if !device
            .watchdog
            .is_alive(device.calls.load(Ordering::Relaxed))
        {
            device.ticket.report_lost();
        }
        if !device.ticket.is_lost() {
            return Ok(());
        }
        self.role.end();
        Err(missing("the JACK server is gone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_beats_become_quarter_notes() {
        let at = TransportBBT {
            bar: 3,
            beat: 2,
            tick: 960,
            sig_num: 4.0,
            sig_denom: 4.0,
            ticks_per_beat: 1920.0,
            bpm: 90.0,
            bar_start_tick: 0.0,
        };
        assert_eq!(quarter_notes(at), Some((9.5, 90.0)));
        let of_eighths = TransportBBT {
            sig_num: 6.0,
            sig_denom: 8.0,
            ..at
        };
        // Two bars of six eighths, and one and a half.
        assert_eq!(quarter_notes(of_eighths), Some((6.75, 45.0)));
        assert_eq!(
            quarter_notes(TransportBBT {
                sig_denom: 0.0,
                ..at
            }),
            None
        );
    }
}
