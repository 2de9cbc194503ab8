//! A film that plays in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use score_engine::{Flow, Frame, Io, NodeError, Processor, Time, Transport};

use super::pace::Pace;
use super::reel::{Item, Reel};
use super::{PICTURES, VideoFile};
use crate::ticks::begins;

/// The longest wait of a node without inputs in one call.
const PATIENCE: Duration = Duration::from_millis(50);

/// A decoder that gives nothing for this long hangs.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A film further than this behind the clock is not read up to it, but continued where it ought to
/// be.
const FAR_BEHIND: Time = Time::from_nanos(5_000_000_000);

/// What is said of a decoder that hangs.
const HANGS: &str = "has given no picture for 2 s: ffmpeg hangs, or the computer has too much else to do; its \
     decoder is restarted where the film ought to be";

/// What is said of one that is far behind.
const TOO_SLOW: &str = "is more than 5 s behind, since the computer decodes it too slowly; it goes on where it ought \
     to be. Fewer pixels in the film, a lower `speed`, or fewer other programs help";

/// A frame sent within this of its time is on time; nothing newer is looked for.
const ON_TIME: Time = Time::from_nanos(5_000_000);

/// The longest wait after a frame before the next is fetched: fetching makes room for the decoder,
/// whose work would delay the nodes that process the frame just sent.
const QUIET: Time = Time::from_nanos(5_000_000);

/// Sends the frames of a film when their times have come.
pub(super) struct LiveFilm {
    reel: Reel,
    /// Where the film is at which time of the run's clock, once it plays.
    pace: Option<Pace>,
    /// When the last frame was sent on time.
    sent: Option<Time>,
    /// The time of the last frame that was sent: at another speed none comes before it.
    last: Time,
    /// What comes next.
    held: Option<Item>,
    /// Since when there is nothing to send.
    starving: Option<Instant>,
    /// When the decoder was restarted last because it was far behind.
    hurried: Option<Instant>,
    /// Counts frames that were left out because they were late.
    late: Arc<AtomicU64>,
    /// Whether the first picture was logged.
    told: bool,
}

impl LiveFilm {
    pub(super) fn new(reel: Reel, late: Arc<AtomicU64>) -> Self {
        LiveFilm {
            reel,
            pace: None,
            sent: None,
            last: Time::ZERO,
            held: None,
            starving: None,
            hurried: None,
            late,
            told: false,
        }
    }

    /// How the film plays; it begins when it is first asked for.
    fn begin(&mut self, now: Time, speed: f64) -> Pace {
        *self.pace.get_or_insert_with(|| {
            let pace = Pace::new(begins(false, now), speed);
            self.reel.go_by(pace);
            pace
        })
    }

    /// When what the film has at `position` is shown.
    fn time(&self, pace: Pace, position: Time) -> Time {
        pace.time(position).max(self.last)
    }

    /// The newest frame whose time has come; what comes after it is held.
    fn due(&mut self, pace: Pace, now: Time) -> Option<(Time, Arc<Frame>)> {
        let mut due: Option<(Time, Arc<Frame>)> = None;
        loop {
            if self.held.is_none() {
                self.held = self.reel.next(Duration::ZERO);
            }
            match self.held.take() {
                Some(Item::Frame(position, frame)) if self.time(pace, position) <= now => {
                    self.late
                        .fetch_add(u64::from(due.is_some()), Ordering::Relaxed);
                    due = Some((self.time(pace, position), frame));
                }
                other => {
                    self.held = other;
                    return due;
                }
            }
        }
    }

    /// The frame that is held, if its time has just come.
    fn on_time(&mut self, pace: Pace, now: Time) -> Option<(Time, Arc<Frame>)> {
        let just = |time: Time| time <= now && now - time <= ON_TIME;
        match self.held.take() {
            Some(Item::Frame(position, frame)) if just(self.time(pace, position)) => {
                Some((self.time(pace, position), frame))
            }
            other => {
                self.held = other;
                None
            }
        }
    }

    /// When to fetch the next frame after the one of `time` was sent.
    fn quiet_until(&mut self, time: Time) -> Time {
        let before = self.sent.replace(time).unwrap_or(time);
        time + QUIET.min(Time::from_nanos((time - before).nanos() / 4))
    }

    /// Waits a little for the decoder; one that hangs is ended, and the reel starts another.
    fn starve(&mut self) {
        let since = *self.starving.get_or_insert_with(Instant::now);
        self.held = self.reel.next(PATIENCE);
        if self.held.is_none() && since.elapsed() >= TIMEOUT {
            self.reel.start_anew(HANGS);
            self.starving = None;
        }
    }

    /// Logs that the picture of `time` was sent, so that the log relates the film to wall time.
    fn tell(&mut self, pace: Pace, time: Time, now: Time) {
        let film = pace.position(time).seconds();
        let (due, late) = (time.seconds(), (now - time).seconds());
        if std::mem::replace(&mut self.told, true) {
            tracing::trace!(film, due, late, "picture");
        } else {
            tracing::debug!(film, due, late, "picture");
        }
    }

    /// Continues the film where it ought to be, if it is far behind.
    fn hurry(&mut self, late: Time) {
        let recently = |since: Instant| {
            since.elapsed() < Duration::from_nanos(FAR_BEHIND.nanos().unsigned_abs())
        };
        if late > FAR_BEHIND && !self.hurried.is_some_and(recently) {
            self.hurried = Some(Instant::now());
            self.reel.start_anew(TOO_SLOW);
        }
    }
}

impl Processor<VideoFile> for LiveFilm {
    fn process(&mut self, params: &VideoFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = io.now();
        let pace = self.begin(now, params.speed);
        if let Some((time, frame)) = self.on_time(pace, now) {
            io.send_captured_now(PICTURES, time, frame)?;
            self.last = time;
            self.tell(pace, time, io.now());
            return Ok(Flow::WakeAt(self.quiet_until(time)));
        }
        if let Some((time, frame)) = self.due(pace, now) {
            io.send_captured_now(PICTURES, time, frame)?;
            self.last = time;
            self.tell(pace, time, io.now());
            self.hurry(now - time);
        }
        match self.held {
            Some(Item::End(position)) if self.time(pace, position) <= now => {
                io.end_at(self.time(pace, position));
                return Ok(Flow::Done);
            }
            Some(Item::End(position) | Item::Frame(position, _)) => {
                self.starving = None;
                return Ok(Flow::WakeAt(self.time(pace, position)));
            }
            None => self.starve(),
        }
        Ok(Flow::Continue)
    }

    /// Another speed holds from what shows now.
    fn changed(&mut self, params: &VideoFile, _transport: &Transport) -> Result<(), NodeError> {
        self.reel.set_loop(params.r#loop);
        if let Some(pace) = self
            .pace
            .as_mut()
            .filter(|pace| pace.speed() != params.speed)
        {
            *pace = pace.with_speed_from(pace.position(self.reel.now()), params.speed);
            self.reel.go_by(*pace);
        }
        Ok(())
    }
}
