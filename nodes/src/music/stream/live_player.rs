//! Plays live: each sixteenth is decided just before it sounds.

use std::sync::Arc;
use std::time::Instant;

use score_engine::{Flow, Io, NodeError, Processor, Time, Transport};

use super::super::pitch_range::require_octave;
use super::super::pulse::{AHEAD, Pulse};
use super::player::Player;
use super::stream_decoder::{CODE, CUT, NOTES, StreamDecoder};

/// A melody that is played while what is asked of it comes.
pub(super) struct LivePlayer {
    player: Player,
    /// The newest code.
    newest: Option<(Time, Arc<[f32]>)>,
    /// When a cut came that no sixteenth has followed yet.
    cut: Option<Time>,
    /// When a cut came of whose scene there was no code yet.
    awaited: Option<Time>,
    /// When the newest picture that the music follows was captured.
    captured: Instant,
    pulse: Pulse,
}

impl LivePlayer {
    pub(super) fn new(player: Player) -> Self {
        LivePlayer {
            player,
            newest: None,
            cut: None,
            awaited: None,
            captured: Instant::now(),
            pulse: Pulse::new(AHEAD),
        }
    }

    /// Lets the newest code hold where a bar begins, where a cut's own code has come, and where
    /// none holds.
    fn choose(&mut self, params: &StreamDecoder, place: u64) -> Result<(), NodeError> {
        let Some((time, code)) = &self.newest else {
            return Ok(());
        };
        let begins_bar = self.player.voice.grid.place(place).1 == 0;
        let is_awaited = self.awaited.is_some_and(|cut| *time >= cut);
        if begins_bar || is_awaited || self.player.code.is_none() {
            if is_awaited {
                self.awaited = None;
            }
            self.player.follow(params, code.to_vec())?;
        }
        Ok(())
    }
}

impl Processor<StreamDecoder> for LivePlayer {
    fn process(&mut self, params: &StreamDecoder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.captured = input.packet.captured;
            let time = input.packet.time;
            if input.is(CODE) {
                self.newest = Some((time, input.read(CODE)?.clone()));
            } else if input.is(CUT) {
                self.cut = Some(time);
                self.awaited = Some(time);
            } else {
                self.player.hear(&input)?;
            }
        }
        for place in self.pulse.due(&self.player.voice.grid, io.now()) {
            self.choose(params, place)?;
            let cut = self.cut.take();
            let notes = self.player.step(params, place, cut.is_some())?;
            let time = self.player.voice.grid.time_of(place);
            if let Some(cut) = cut {
                let code = self.newest.as_ref().map_or(Time::ZERO, |(time, _)| *time);
                let (cut, due, code) = (cut.seconds(), time.seconds(), code.seconds());
                tracing::debug!(cut, due, code, notes = notes.len(), "phrase");
            }
            if !notes.is_empty() {
                io.send_captured(NOTES, time, self.captured, notes)?;
            }
        }
        Ok(Flow::WakeAt(self.pulse.wake(&self.player.voice.grid)))
    }

    fn finish(&mut self, _params: &StreamDecoder, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(io.now());
        self.player.voice.finish(io, NOTES, end)
    }

    fn changed(&mut self, params: &StreamDecoder, transport: &Transport) -> Result<(), NodeError> {
        require_octave(params.lowest, params.highest)?;
        self.player.retime(params, transport);
        Ok(())
    }
}
