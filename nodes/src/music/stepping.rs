//! Decodes live, sixteenth by sixteenth: the code may change at every step.

use std::time::Instant;

use score_engine::{Flow, Io, NodeError, Note, Payload, Processor, Time, Value};

use super::melody::Phrase;
use super::music_decoder::{LATENT, NOTES, Player};

/// A note leaves this long before it sounds, in seconds: enough for a step of the model and a hop along a wire, and
/// little against the sixteenth that a cut may have to wait.
const AHEAD: f64 = 0.008;

/// A melody that follows its code while it is played.
pub(super) struct Stepping {
    player: Player,
    phrase: Option<Phrase>,
    /// The newest code, unless the phrase follows it already.
    code: Option<Vec<f32>>,
    /// The code that the phrase follows, to begin the next one with.
    followed: Option<Vec<f32>>,
    /// When a cut came that no phrase has followed yet.
    cut: Option<Time>,
    /// The time of the newest code.
    seen: Time,
    /// When the newest picture was captured that the music knows.
    captured: Instant,
    /// The next sixteenth to decide, counted from the start; `None` before the first call.
    next: Option<u64>,
}

impl Stepping {
    pub(super) fn new(player: Player) -> Self {
        Stepping {
            player,
            phrase: None,
            code: None,
            followed: None,
            cut: None,
            seen: Time::ZERO,
            captured: Instant::now(),
            next: None,
        }
    }

    /// Decides what is played at sixteenth `place`.
    fn step(&mut self, place: u64) -> Result<Vec<Note>, NodeError> {
        let (step, sixteenth) = self.player.voice.chunk.place(place);
        let anew = self.phrase.is_none() || step == Some(0) || self.cut.is_some();
        let news = self.code.take();
        let is_news = news.is_some();
        self.followed = news.or(self.followed.take());
        let Some(code) = &self.followed else {
            return Ok(Vec::new());
        };
        let player = &mut self.player;
        let cut = self.cut.take();
        let phrase = match &mut self.phrase {
            Some(phrase) if !anew => {
                if is_news {
                    player.melody.turn(phrase, code)?;
                }
                phrase
            }
            phrase => phrase.insert(player.melody.begin(code)?),
        };
        let token = match step {
            Some(_) => Some(
                player
                    .melody
                    .go_on(phrase, player.temperature, &mut player.rng)?,
            ),
            None => None,
        };
        let notes = player.voice.say(token, anew, sixteenth);
        if let Some(cut) = cut {
            let (cut, due) = (cut.seconds(), player.voice.chunk.time_of(place).seconds());
            let (code, notes) = (self.seen.seconds(), notes.len());
            tracing::debug!(cut, due, code, notes, "phrase");
        }
        Ok(notes)
    }
}

impl Processor for Stepping {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.captured = input.packet.captured;
            let time = input.packet.time;
            if input.port == LATENT {
                self.seen = time;
                let code = input.packet.latent()?.to_vec();
                if code.len() != self.player.melody.dimension() {
                    return Err(NodeError::internal("a code of another dimension arrived"));
                }
                self.code = Some(self.player.shape.apply(code));
            } else {
                self.cut = Some(time);
            }
        }
        let soon = io.now() + Time::from_seconds(AHEAD);
        let chunk = |stepping: &Self, place| stepping.player.voice.chunk.time_of(place);
        let mut next = self
            .next
            .unwrap_or_else(|| self.player.voice.chunk.sixteenth_from(io.now()));
        // What was missed is not caught up with.
        if chunk(self, next + 1) <= io.now() {
            next = self.player.voice.chunk.sixteenth_from(io.now());
        }
        while chunk(self, next) <= soon {
            let notes = self.step(next)?;
            if !notes.is_empty() {
                let payload = Payload::Notes(notes.into());
                io.send_captured(NOTES, chunk(self, next), self.captured, payload)?;
            }
            next += 1;
        }
        self.next = Some(next);
        Ok(Flow::WakeAt(chunk(self, next) - Time::from_seconds(AHEAD)))
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(off) = self.player.voice.close() {
            let end = io.end().unwrap_or(io.now());
            io.send(NOTES, end, Payload::Notes([off].into()))?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        self.player.set(name, value)
    }
}
