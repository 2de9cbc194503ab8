//! Makes the chords of a live run: each is decided just before it sounds.

use std::sync::Arc;
use std::time::Instant;

use score_engine::{Flow, Io, NodeError, Processor, Time, Transport};

use super::super::pulse::AHEAD;
use super::chord::Chord;
use super::harmony_node::{CHORDS, CLOSE, CODE, CUT, Harmony, PHRASE};
use super::progression::Progression;
use crate::chords::Chords;

/// Decides a chord a sixteenth before it sounds, and after a cut another one on the next beat.
pub(super) struct LiveHarmony {
    progression: Progression,
    code: Option<Arc<[f32]>>,
    captured: Instant,
    /// The sixteenth, counted from the start, that is decided next.
    next: Option<u64>,
    /// A cut that no chord has answered yet.
    cut: bool,
    /// Whether a close is wanted.
    wanted: bool,
    /// The step with which the phrase closes.
    close: Option<u64>,
    before: Option<i64>,
    /// The sixteenth that was decided last, and the chord before it.
    last: Option<(u64, Option<i64>)>,
}

impl LiveHarmony {
    pub(super) fn new(progression: Progression) -> Self {
        LiveHarmony {
            progression,
            code: None,
            captured: Instant::now(),
            next: None,
            cut: false,
            wanted: false,
            close: None,
            before: None,
            last: None,
        }
    }

    /// Where the phrase closes that step `index` belongs to: with the last bar of every `cadence`
    /// bars, or where one was wanted.
    fn closing(&mut self, cadence: u64, index: u64) -> Option<u64> {
        let per_bar = self.progression.steps.per_bar();
        if self.close.is_some_and(|close| close < index) {
            self.close = None;
        }
        if std::mem::take(&mut self.wanted) {
            self.close = Some((index + 2 * per_bar - 1) / per_bar * per_bar);
        }
        let phrase = cadence * per_bar;
        if self.close.is_none() && phrase > 0 {
            let last = index / phrase * phrase + phrase - per_bar;
            self.close = (last >= index).then_some(last);
        }
        self.close
    }

    /// When the sixteenth before `place` begins.
    fn eve_of(&self, place: u64) -> Time {
        let steps = &self.progression.steps;
        steps.sixteenth(place.saturating_sub(1))
    }

    /// Decides sixteenth `place`.
    fn decide(&mut self, params: &Harmony, io: &mut Io<'_>, place: u64) -> Result<(), NodeError> {
        let length = self.progression.steps.length();
        let begins_step = place.is_multiple_of(length);
        let on_beat = place.is_multiple_of(self.progression.steps.beat());
        let answers = self.cut && on_beat;
        let Some(code) = self.code.clone().filter(|_| begins_step || answers) else {
            return Ok(());
        };
        self.cut &= !on_beat;
        match self.last.filter(|(decided, _)| *decided == place) {
            // Decided once more: it is the chord before that it may be the same as.
            Some((_, before)) => self.before = before,
            None => self.last = Some((place, self.before)),
        }
        let index = place / length;
        let close = self
            .closing(params.cadence, index)
            .map(|close| close - index);
        let change = answers && self.before.is_some();
        let decided = self.progression.decide(
            params,
            index,
            &code,
            (close, false),
            change && close != Some(0),
        )?;
        let key = self.progression.key();
        let chords = Chords {
            key,
            chord: Chord::of_token(decided.token, key),
            fresh: self.before != Some(decided.token) || decided.closes,
            next: None,
            close: close.and_then(|close| {
                u32::try_from((close * length).checked_sub(place % length)?).ok()
            }),
            last: false,
        };
        self.before = Some(decided.token);
        let time = self.progression.steps.sixteenth(place);
        io.send_captured(CHORDS, time, self.captured, Arc::new(chords))
    }
}

impl Processor<Harmony> for LiveHarmony {
    fn process(&mut self, params: &Harmony, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(CODE) {
                self.captured = input.packet.captured;
                self.code = Some(input.read(CODE)?.clone());
            } else if input.is(CUT) {
                self.cut = true;
            } else if input.is(CLOSE) {
                self.wanted = true;
            } else if input.is(PHRASE) {
                let place = (self.progression.steps).sixteenth_from(input.packet.time);
                if let Some(theme) = &mut self.progression.theme {
                    let begins = theme.hear(&input.read(PHRASE)?.name, place);
                    // The chord of its first beat is out already, and the theme's goes before it.
                    if self.next.is_some_and(|next| begins < next) {
                        self.decide(params, io, begins)?;
                    }
                }
            } else {
                self.progression.hear(&input)?;
            }
        }
        // A sixteenth ahead, and as long before that as a melody decides its notes.
        let steps = &self.progression.steps;
        let first = steps.sixteenth_from(io.now());
        let soon = io.now() + ahead();
        let mut place = self.next.unwrap_or(first).max(first);
        while self.eve_of(place) <= soon {
            self.decide(params, io, place)?;
            place += 1;
        }
        self.next = Some(place);
        Ok(Flow::WakeAt(self.eve_of(place) - ahead()))
    }

    fn changed(&mut self, params: &Harmony, transport: &Transport) -> Result<(), NodeError> {
        let before = self.progression.steps.clone();
        self.progression.retime(transport);
        if let Some(theme) = &mut self.progression.theme {
            theme.belong_to(params.scene());
        }
        let steps = &self.progression.steps;
        if before.length() != steps.length() {
            // Closes lie on bar lines.
            let on_bar = |step: u64| step / steps.per_bar() * steps.per_bar();
            self.close = self.close.map(|close| on_bar(before.again(close, steps)));
        }
        Ok(())
    }
}

/// Twice as long as a melody needs, so that the chord is there when it decides.
fn ahead() -> Time {
    Time::from_seconds(2.0 * AHEAD)
}
