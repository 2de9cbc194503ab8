//! The thread that reads a film: one round after the other, decoder after decoder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use score_engine::{Frame, NodeError, Time};

use super::reel::{Item, ReelShared, Script};
use crate::backoff::Backoff;
use crate::video::ffmpeg::Decoder;
use crate::video::timeline::Pictures;

/// A looping film whose frames take no more than this, in bytes, is only decoded once. Otherwise a
/// film of one second would start a decoder each second.
const KEPT_BYTES: usize = 8 << 20;

/// How long before the end of a round the decoder for the next one is started.
const PREPARATION: Time = Time::from_nanos(2_000_000_000);

/// The wait before a decoder that failed is restarted: frames read ahead keep playing meanwhile.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// The shortest round.
const SHORTEST_ROUND: Time = Time::from_nanos(10_000_000);

/// The reel was dropped.
pub(super) struct Gone;

/// What a reader begins with.
pub(super) struct Beginning {
    pub(super) script: Script,
    /// Where the frames go.
    pub(super) items: SyncSender<Item>,
    /// Closed when the reel is no longer needed.
    pub(super) alive: Receiver<()>,
    pub(super) shared: Arc<ReelShared>,
    /// Counts how often a decoder was restarted because another failed.
    pub(super) reopened: Arc<AtomicU64>,
}

/// The thread that reads.
pub(super) struct Reader {
    script: Script,
    items: SyncSender<Item>,
    alive: Receiver<()>,
    shared: Arc<ReelShared>,
    /// How long one round lasts, once one has been read to its end.
    length: Option<Time>,
    /// Where the round began, counted on from the first.
    offset: Time,
    /// The frames of this round.
    pictures: Pictures,
    /// All frames of the first round, while they are few enough.
    kept: Option<Vec<(Time, Arc<Frame>)>>,
    reopened: Arc<AtomicU64>,
    backoff: Backoff,
}

impl Reader {
    pub(super) fn new(from: Beginning) -> Self {
        Reader {
            kept: from.shared.is_looped().then(Vec::new),
            length: None,
            script: from.script,
            items: from.items,
            alive: from.alive,
            shared: from.shared,
            offset: Time::ZERO,
            pictures: Pictures::default(),
            reopened: from.reopened,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
        }
    }

    /// Reads the film, round after round where it loops; the decoder has given its first frame
    /// already.
    pub(super) fn run(mut self, decoder: Decoder, first: (Time, Vec<u8>)) -> Result<(), Gone> {
        self.take(first.0, first.1)?;
        let mut decoder = Some(decoder);
        loop {
            let prepared = match decoder {
                Some(decoder) => self.round(decoder)?,
                None => None,
            };
            let length = self.length.unwrap_or_else(|| self.shown_length());
            self.length = Some(length);
            self.offset = self.offset + length;
            self.pictures = Pictures::default();
            if !self.shared.is_looped() {
                return self.send(Item::End(self.offset));
            }
            if let Some(kept) = self.kept.take() {
                return self.repeat(&kept);
            }
            decoder = match prepared.map_or_else(|| self.decoder(None), Ok) {
                Ok(decoder) => Some(decoder),
                Err(error) => self.start_anew(&error, Duration::ZERO)?,
            };
        }
    }

    /// Reads one round to its end; gives the decoder that was prepared for the next.
    fn round(&mut self, mut decoder: Decoder) -> Result<Option<Decoder>, Gone> {
        let mut prepared = None;
        let mut started = Instant::now();
        self.shared.watch(&decoder);
        loop {
            match decoder.next() {
                Ok(Some((position, pixels))) => {
                    self.take(position, pixels)?;
                    if prepared.is_none() && self.ends_soon(position) {
                        prepared = self.decoder(None).ok();
                    }
                }
                Ok(None) => return Ok(prepared),
                Err(error) => match self.start_anew(&error, started.elapsed())? {
                    Some(another) => {
                        decoder = another;
                        started = Instant::now();
                        self.shared.watch(&decoder);
                    }
                    None => return Ok(None),
                },
            }
        }
    }

    /// Whether the next round's decoder is needed soon.
    fn ends_soon(&self, position: Time) -> bool {
        let wanted = self.shared.is_looped() && self.kept.is_none();
        wanted && position + PREPARATION > self.round_length()
    }

    /// How long a round lasts. While the first is being read, that is what the file says.
    fn round_length(&self) -> Time {
        let declared = self.script.film.declared.map(|declared| declared.end);
        let known = self.length.or(declared);
        known.unwrap_or(Time::MAX).max(SHORTEST_ROUND)
    }

    /// How long the round that has been read was: to the end of its last picture, as in a render.
    fn shown_length(&self) -> Time {
        let film = &self.script.film;
        let end = self.pictures.end(film.frame, film.declared);
        // A picture that says nothing of its length still must not loop without rest.
        end.unwrap_or(Time::ZERO).max(SHORTEST_ROUND)
    }

    /// Plays the frames of the first round for as long as the film loops.
    fn repeat(&mut self, kept: &[(Time, Arc<Frame>)]) -> Result<(), Gone> {
        while self.shared.is_looped() {
            self.skip_rounds(self.shared.position());
            for (position, frame) in kept {
                self.send(Item::Frame(self.offset + *position, frame.clone()))?;
            }
            self.offset = self.offset + self.round_length();
        }
        self.send(Item::End(self.offset))
    }

    /// Begins to decode the film, `from` a time in it, or from its beginning.
    fn decoder(&self, from: Option<Time>) -> Result<Decoder, NodeError> {
        self.script.decoder(from, self.shared.speed())
    }

    /// Leaves out the rounds that ought to be over at `position`. The clock may have jumped: the
    /// machine slept.
    fn skip_rounds(&mut self, position: Time) {
        let length = self.round_length();
        let rounds = (position - self.offset).nanos().max(0) / length.nanos().max(1);
        if rounds > 0 {
            self.pictures = Pictures::default();
            self.offset = self.offset + Time::from_nanos(length.nanos().saturating_mul(rounds));
        }
    }

    /// Starts another decoder in the place of one that failed, where the film ought to be now or
    /// where it was read to, whichever is later; `None` when the film ought to be over.
    fn start_anew(&mut self, error: &NodeError, worked: Duration) -> Result<Option<Decoder>, Gone> {
        // A decoder that was ended because nobody reads any more has not failed.
        self.rest(Duration::ZERO)?;
        let (node, name) = (&self.script.node, self.script.path.display());
        match self.shared.why_ended() {
            Some(why) => tracing::warn!(%node, "the film `{name}` {why}"),
            None => tracing::warn!(%node, "the film `{name}`: {error}; its decoder is restarted"),
        }
        // What is kept must be whole.
        self.kept = None;
        let mut pause = self.backoff.after(worked);
        loop {
            self.rest(pause)?;
            let (now, looped) = (self.shared.position(), self.shared.is_looped());
            if looped {
                self.skip_rounds(now);
            }
            let position = (now - self.offset).max(self.pictures.last().unwrap_or(Time::ZERO));
            if !looped && position >= self.round_length() {
                return Ok(None);
            }
            self.reopened.fetch_add(1, Ordering::Relaxed);
            if let Ok(decoder) = self.decoder(Some(position)) {
                return Ok(Some(decoder));
            }
            pause = self.backoff.after(Duration::ZERO);
        }
    }

    /// Waits while the reel is needed.
    fn rest(&self, pause: Duration) -> Result<(), Gone> {
        match self.alive.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => Err(Gone),
        }
    }

    /// Sends a frame of this round unless it was sent before, and keeps it where there is room.
    fn take(&mut self, position: Time, pixels: Vec<u8>) -> Result<(), Gone> {
        if !self.pictures.note(position) {
            return Ok(());
        }
        let (width, height) = self.script.size;
        // The decoder gives exactly the bytes of a frame.
        let frame = Arc::new(Frame::rgb(width, height, pixels).ok_or(Gone)?);
        let most = KEPT_BYTES / self.script.frame_bytes().max(1);
        if let Some(kept) = &mut self.kept {
            kept.push((position, frame.clone()));
        }
        self.kept.take_if(|kept| kept.len() > most);
        self.send(Item::Frame(self.offset + position, frame))
    }

    fn send(&self, item: Item) -> Result<(), Gone> {
        self.items.send(item).map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, sync_channel};

    use score_engine::LiveClock;

    use super::*;
    use crate::testing::warnings;
    use crate::video::ffmpeg::Film;
    use crate::video::timeline::Timeline;

    /// How many warnings there are when a decoder fails.
    fn said_of_a_failure(is_needed: bool) -> usize {
        let film = Film {
            stream: 0,
            timeline: Timeline::default(),
            declared: None,
            frame: None,
            pixels: None,
            shape: None,
        };
        let script = Script {
            node: "film".to_owned(),
            path: "film.mp4".into(),
            size: (1, 1),
            rate: None,
            film,
        };
        let (items, _items) = sync_channel(1);
        let (life, alive) = channel();
        let shared = Arc::new(ReelShared::new(Arc::new(LiveClock::new()), 1.0, false));
        let mut reader = Reader::new(Beginning {
            script,
            items,
            alive,
            shared,
            reopened: Arc::default(),
        });
        let life = is_needed.then_some(life);
        let error = NodeError::input("the film cannot be decoded");
        let said = warnings(|| drop(reader.start_anew(&error, Duration::ZERO)));
        drop(life);
        said
    }

    #[test]
    fn a_decoder_that_is_ended_with_the_run_is_not_said_to_have_failed() {
        assert_eq!(said_of_a_failure(true), 1);
        assert_eq!(said_of_a_failure(false), 0);
    }
}
