//! A connection between two ends that trust each other: one thread writes what waits in an outbox,
//! the other reads, answers pings, and says what has come.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use score_engine::Counters;

use super::offset::{Offset, now};
use super::outbox::Outbox;
use super::wire::{Content, Message, Stamp};

/// How long the other end may be silent: six pings.
pub(super) const SILENCE: Duration = Duration::from_secs(3);

/// What is known of the other clock, for whoever needs it.
#[derive(Default)]
pub(super) struct OtherClock(Mutex<Offset>);

impl OtherClock {
    /// What the other clock shows more than this one, in nanoseconds; `None`: that is not known yet.
    pub(super) fn offset(&self) -> Option<i64> {
        self.lock().nanos()
    }

    /// Nothing is known of a new connection's clock.
    pub(super) fn forget(&self) {
        *self.lock() = Offset::default();
    }

    fn lock(&self) -> MutexGuard<'_, Offset> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a node shows what it knows of the other end's clock, in microseconds.
pub(super) struct ClockFigures {
    round_trip: Arc<AtomicU64>,
    ahead: Arc<AtomicU64>,
    behind: Arc<AtomicU64>,
}

impl ClockFigures {
    pub(super) fn new(counters: &Counters) -> Self {
        let figures = ClockFigures {
            round_trip: counters.counter("round_trip_us"),
            ahead: counters.counter("other_clock_ahead_us"),
            behind: counters.counter("other_clock_behind_us"),
        };
        figures.forget();
        figures
    }

    /// Nothing is known.
    pub(super) fn forget(&self) {
        for figure in [&self.round_trip, &self.ahead, &self.behind] {
            figure.store(Counters::UNKNOWN, Ordering::Relaxed);
        }
    }

    fn show(&self, offset: &Offset) {
        let micros = |nanos: i64| nanos.max(0).unsigned_abs() / 1_000;
        if let (Some(round), Some(offset)) = (offset.round_trip(), offset.nanos()) {
            self.round_trip.store(micros(round), Ordering::Relaxed);
            let (ahead, behind) = if offset < 0 {
                (Counters::UNKNOWN, offset.unsigned_abs() / 1_000)
            } else {
                (micros(offset), Counters::UNKNOWN)
            };
            self.ahead.store(ahead, Ordering::Relaxed);
            self.behind.store(behind, Ordering::Relaxed);
        }
    }
}

/// Makes a stream as this link wants it: what is written leaves at once, and nothing waits for ever.
///
/// # Errors
/// The system refuses.
pub(super) fn prepare(stream: &TcpStream, silence: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(silence))?;
    stream.set_write_timeout(Some(silence))
}

/// Speaks over `stream` until one end is over; `heard` gets what the other end's patch sends. Says
/// why it is over; `None`: the other end has ended.
pub(super) fn converse(
    stream: &TcpStream,
    outbox: &Outbox,
    clock: &OtherClock,
    figures: &ClockFigures,
    mut heard: impl FnMut(Stamp, Content),
) -> Option<io::Error> {
    clock.forget();
    outbox.open();
    let over = std::thread::scope(|scope| {
        let writing = std::thread::Builder::new().name("net out".to_owned());
        let writer = writing.spawn_scoped(scope, || write(stream, outbox));
        let over = match writer {
            Ok(_) => read(stream, outbox, clock, figures, &mut heard),
            Err(why) => Some(why),
        };
        outbox.stop();
        // The writer may be in the middle of something. Fails only when the stream is closed.
        let _ = stream.shutdown(Shutdown::Both);
        over
    });
    figures.forget();
    over
}

/// Writes what waits, until there is no more.
fn write(mut stream: &TcpStream, outbox: &Outbox) {
    let mut bytes = Vec::new();
    while let Some(message) = outbox.next() {
        bytes.clear();
        let message = match message {
            Message::Pong(sent, came, _) => Message::Pong(sent, came, now()),
            Message::Ping(_) => Message::Ping(now()),
            other => other,
        };
        message.write(&mut bytes);
        if stream.write_all(&bytes).is_err() {
            // Nobody reads what cannot be answered.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
    // So that the reader does not wait for what will not come.
    let _ = stream.shutdown(Shutdown::Write);
}

fn read(
    stream: &TcpStream,
    outbox: &Outbox,
    clock: &OtherClock,
    figures: &ClockFigures,
    heard: &mut impl FnMut(Stamp, Content),
) -> Option<io::Error> {
    let mut from = BufReader::with_capacity(64 << 10, stream);
    let (mut taken, mut said) = (0, 0);
    loop {
        let message = match Message::read(&mut from) {
            Ok(message) => message,
            Err(why) => return Some(silent(why)),
        };
        let came = now();
        taken += message.size();
        match message {
            Message::Content(stamp, content) => heard(stamp, content),
            Message::Ping(sent) => outbox.say(Message::Pong(sent, came, 0)),
            Message::Pong(sent, there, left) => {
                let mut offset = clock.lock();
                offset.add(sent, (there, left), came);
                figures.show(&offset);
            }
            Message::Taken(bytes) => outbox.taken(bytes),
            Message::End => return None,
        }
        // Once for all that has come together.
        if taken > said && from.buffer().is_empty() {
            said = taken;
            outbox.say(Message::Taken(taken));
        }
    }
}

/// What an error of the stream means.
fn silent(why: io::Error) -> io::Error {
    match why.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            let seconds = SILENCE.as_secs();
            io::Error::new(ErrorKind::TimedOut, format!("nothing came for {seconds} s"))
        }
        ErrorKind::UnexpectedEof => {
            io::Error::new(ErrorKind::UnexpectedEof, "the other end has closed it")
        }
        _ => why,
    }
}
