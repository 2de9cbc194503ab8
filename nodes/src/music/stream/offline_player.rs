//! Plays a render, bar by bar: each once it is over, when all codes and all that is asked within it
//! are known.

use std::collections::VecDeque;
use std::sync::Arc;

use score_engine::{Flow, Input, Io, NodeError, Processor, Time};

use super::super::shape::mean;
use super::player::Player;
use super::stream_decoder::{CODE, CUT, NOTES, StreamDecoder};

/// Collects what comes within a bar, and plays the bar once it is over.
pub(super) struct OfflinePlayer {
    player: Player,
    /// The bar that is being collected.
    bar: u64,
    codes: Vec<(Time, Arc<[f32]>)>,
    cuts: Vec<Time>,
    asked: VecDeque<Input>,
}

/// A part of a bar that has a code of its own.
struct Part {
    /// Its first sixteenth, counted from the start.
    place: u64,
    /// Since when codes belong to it.
    since: Time,
    /// Whether it begins with a cut.
    cut: bool,
}

impl OfflinePlayer {
    pub(super) fn new(player: Player) -> Self {
        OfflinePlayer {
            player,
            bar: 0,
            codes: Vec::new(),
            cuts: Vec::new(),
            asked: VecDeque::new(),
        }
    }

    /// When the bar that is being collected begins.
    fn start(&self) -> Time {
        self.player.voice.grid.start(self.bar)
    }

    /// The parts of the bar, and those that belong to the next.
    fn parts(&mut self) -> (Vec<Part>, Vec<Part>) {
        let grid = &self.player.voice.grid;
        let (first, next) = (grid.first(self.bar), grid.first(self.bar + 1));
        let mut parts = vec![Part {
            place: first,
            since: Time::from_nanos(i64::MIN),
            cut: false,
        }];
        for since in self.cuts.drain(..) {
            let place = grid.sixteenth_from(since).max(first);
            // Of two cuts within a sixteenth the later is heard.
            parts.retain(|part| part.place < place);
            parts.push(Part {
                place,
                since,
                cut: true,
            });
        }
        let later = parts.partition_point(|part| part.place < next);
        let rest = parts.split_off(later);
        (parts, rest)
    }

    /// Plays the collected bar up to `end`, and begins to collect the next.
    fn play(
        &mut self,
        params: &StreamDecoder,
        io: &mut Io<'_>,
        end: Time,
    ) -> Result<(), NodeError> {
        let (parts, rest) = self.parts();
        let next = self.player.voice.grid.first(self.bar + 1);
        let first = self.player.voice.grid.first(self.bar);
        let mut parts = parts.into_iter().chain(rest).peekable();
        for place in first..next {
            let time = self.player.voice.grid.time_of(place);
            if time >= end {
                break;
            }
            let part = parts.next_if(|part| part.place == place);
            if part.is_some() {
                let until = parts.peek().map_or(Time::MAX, |part| part.since);
                let later = self
                    .codes
                    .split_off(self.codes.partition_point(|(at, _)| *at < until));
                if let Some(code) = mean(&std::mem::replace(&mut self.codes, later)) {
                    self.player.follow(params, code)?;
                }
            }
            self.ask(place)?;
            let notes = (self.player).step(params, place, part.is_some_and(|part| part.cut))?;
            if !notes.is_empty() {
                io.send(NOTES, time, notes)?;
            }
        }
        // A cut within the last sixteenth: the next bar begins with it.
        self.cuts = parts
            .filter(|part| part.cut)
            .map(|part| part.since)
            .collect();
        self.bar += 1;
        Ok(())
    }

    /// Takes in what is asked up to sixteenth `place`.
    fn ask(&mut self, place: u64) -> Result<(), NodeError> {
        while let Some(input) = self.asked.pop_front() {
            if self.player.voice.grid.sixteenth_from(input.packet.time) > place {
                self.asked.push_front(input);
                break;
            }
            self.player.hear(&input)?;
        }
        Ok(())
    }
}

impl Processor<StreamDecoder> for OfflinePlayer {
    fn process(&mut self, params: &StreamDecoder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            while time >= self.player.voice.grid.start(self.bar + 1) {
                self.play(params, io, Time::MAX)?;
            }
            if input.is(CODE) {
                self.codes.push((time, input.read(CODE)?.clone()));
            } else if input.is(CUT) {
                self.cuts.push(time);
            } else {
                self.asked.push_back(input);
            }
        }
        // At the end the watermark is infinite; how far to play is then known only in `finish`.
        while io.end().is_none()
            && !io.stop_requested()
            && io
                .watermark()
                .has_reached(self.player.voice.grid.start(self.bar + 1))
        {
            self.play(params, io, Time::MAX)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &StreamDecoder, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or_else(|| self.start());
        while self.start() < end && !io.stop_requested() {
            self.play(params, io, end)?;
        }
        self.player.voice.finish(io, NOTES, end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        Some(self.start())
    }
}
