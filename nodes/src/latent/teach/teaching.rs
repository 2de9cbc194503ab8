//! The node while it plays: what was taught is played, what hands turn is heard, and what is
//! recorded is given to the keeper.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::{Build, Counters, Flow, Frame, Io, NodeError, Processor, Time, Transport};

use super::example::{Example, rounded};
use super::keeper::Keeper;
use super::knobs::Knobs;
use super::shelf::{Edit, Shelf};
use super::taught::{Error, Guess, Space, Taught};
use super::window::Window;
use super::{CODE, ERROR, KNOWN, OUTPUTS, PICTURES, PLAY, RECORD, Teach, UNDO};
use crate::lessons::Lessons;

/// For so long after its start a value that comes along a wire is where it was, and no turn.
const SETTLES: Time = Time::from_nanos(1_000_000_000);

/// For so long after it let go, while `play` is true, a hand that is released is no turn: then the
/// patch's own value comes back. Not longer, so that a flag that is left true deafens no hand.
const RELEASES: Time = Time::from_nanos(2_000_000_000);

/// How much more a picture must be known than it was not, so that it does not flicker.
const SURER: f32 = 0.05;

/// What the node counts for whoever watches.
struct Figures {
    examples: Arc<AtomicU64>,
    error: Arc<AtomicU64>,
    mean_error: Arc<AtomicU64>,
    nearest: Arc<AtomicU64>,
    known: Arc<AtomicU64>,
    stay: Arc<AtomicU64>,
    in_hand: Arc<AtomicU64>,
}

impl Figures {
    fn of(counters: &Counters) -> Self {
        let unknown = |name| {
            let figure = counters.counter(name);
            figure.store(Counters::UNKNOWN, Ordering::Relaxed);
            figure
        };
        Figures {
            examples: counters.counter("examples"),
            error: unknown("left_out_error_thousandths"),
            mean_error: unknown("left_out_error_of_mean_thousandths"),
            nearest: unknown("nearest_example"),
            known: unknown("known_percent"),
            stay: counters.counter("knobs_stay"),
            in_hand: counters.counter("knobs_in_hand"),
        }
    }

    fn learnt(&self, taught: &Taught) {
        let count = taught.count() as u64;
        self.examples.store(count, Ordering::Relaxed);
        let thousandths = |error: f32| (error * 1000.0).round().max(0.0) as u64;
        let (learnt, mean) = match taught.error() {
            Some(Error { learnt, mean }) => (thousandths(learnt), thousandths(mean)),
            None => (Counters::UNKNOWN, Counters::UNKNOWN),
        };
        self.error.store(learnt, Ordering::Relaxed);
        self.mean_error.store(mean, Ordering::Relaxed);
    }

    fn seen(&self, guess: Option<&Guess>, is_unknown: bool) {
        self.stay.store(u64::from(is_unknown), Ordering::Relaxed);
        let nearest = guess.and_then(|guess| guess.nearest);
        let known = guess.map(|guess| (100.0 * (1.0 - guess.unknown)).round() as u64);
        let unknown = Counters::UNKNOWN;
        self.nearest
            .store(nearest.unwrap_or(unknown), Ordering::Relaxed);
        self.known
            .store(known.unwrap_or(unknown), Ordering::Relaxed);
    }
}

/// `teach` while it plays.
pub(super) struct Teaching {
    id: String,
    dimension: usize,
    taught: Taught,
    knobs: Knobs,
    window: Window,
    space: Space,
    /// The newest picture.
    picture: Option<Arc<Frame>>,
    /// `None` in a render, which learns nothing.
    keeper: Option<Keeper>,
    figures: Figures,
    guess: Option<Guess>,
    /// Whether the picture is not known.
    is_unknown: bool,
    /// When the node began.
    began: Option<Time>,
    /// The time of what was sent last.
    sent: Time,
    flags: Flags,
    /// When `play` became true last.
    let_go: Option<Time>,
    /// What `edit` said last.
    edited: String,
    /// What it asks for and is not done yet.
    asked: Option<Edit>,
}

/// The flags as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flags {
    record: bool,
    undo: bool,
    play: bool,
}

impl Flags {
    fn of(params: &Teach) -> Self {
        Flags {
            record: params.record,
            undo: params.undo,
            play: params.play,
        }
    }
}

impl Teaching {
    pub(super) fn begin(params: &Teach, build: &Build<'_>) -> Result<Self, NodeError> {
        let dimension = build.input_dimension(CODE)?;
        let shelf = Shelf::open(&params.folder, dimension)?;
        let taught = Taught::by(shelf.examples(), dimension);
        let figures = Figures::of(build.counters);
        figures.learnt(&taught);
        match (build.ends, taught.count()) {
            (true, 0) => tracing::warn!(
                "nothing was taught in `{}`: the knobs of {} are as the patch sets them",
                params.folder.display(),
                build.id
            ),
            _ => tracing::info!("{} has been taught {}", build.id, taught.told()),
        }
        let keeper = match build.ends {
            true => None,
            false => {
                let lessons = Lessons::of(build.settings);
                let shown = lessons.map(|lessons| (lessons, taught.told()));
                Some(Keeper::of(shelf, &params.folder, build.id, shown)?)
            }
        };
        Ok(Teaching {
            id: build.id.to_owned(),
            dimension,
            taught,
            knobs: Knobs::at(params.knobs()),
            window: Window::default(),
            space: Space::default(),
            picture: None,
            keeper,
            figures,
            guess: None,
            is_unknown: false,
            began: None,
            sent: Time::ZERO,
            flags: Flags::of(params),
            let_go: None,
            edited: params.edit.clone(),
            asked: None,
        })
    }

    /// Takes what was learnt meanwhile; whether there was something.
    fn take_news(&mut self, params: &Teach) -> bool {
        let Some(news) = self.keeper.as_ref().and_then(Keeper::news) else {
            return false;
        };
        self.taught = news.taught;
        self.figures.learnt(&self.taught);
        self.knobs.learnt(news.done);
        // The picture may stand still.
        self.guess(params);
        true
    }

    /// Looks at a code.
    fn see(&mut self, params: &Teach, time: Time, code: &Arc<[f32]>) {
        if code.len() != self.dimension || !code.iter().all(|value| value.is_finite()) {
            return;
        }
        self.window.add(time, code.clone());
        self.guess(params);
    }

    /// Looks at what was learnt for what is seen.
    fn guess(&mut self, params: &Teach) {
        let Some(code) = self.window.latest() else {
            return;
        };
        self.guess = self.taught.guess(code, &mut self.space);
        let unknown = self.guess.map_or(0.0, |guess| guess.unknown);
        let bound = match self.is_unknown && params.unknown < 1.0 {
            true => params.unknown - SURER,
            false => params.unknown,
        };
        self.is_unknown = unknown > bound;
        self.knobs.guess(self.guess.as_ref(), self.is_unknown);
        self.figures.seen(self.guess.as_ref(), self.is_unknown);
    }

    /// Has what is heard learnt for the picture that is seen.
    fn record(&mut self) {
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        let heard = self.knobs.heard();
        let Some(latent) = self.window.mean() else {
            tracing::warn!(
                "{} has seen no picture yet, so that nothing is taught",
                self.id
            );
            return;
        };
        if heard.iter().all(Option::is_none) {
            let id = &self.id;
            tracing::warn!("no knob of {id} is set, so that nothing is taught; turn {id}.a first");
            return;
        }
        let example = Example {
            id: 0,
            name: String::new(),
            weight: 1.0,
            values: heard.map(|value| value.map(|value| rounded(value.clamp(0.0, 1.0)))),
            picture: None,
            latent: latent.into_iter().map(rounded).collect(),
        };
        let job = keeper.record(example, self.picture.clone());
        self.knobs.give(job);
    }

    fn edit(&mut self, edit: Edit) {
        if let Some(keeper) = &mut self.keeper {
            keeper.edit(edit);
        }
    }

    /// Does what flags and words ask for.
    fn obey(&mut self, params: &Teach, time: Time) {
        let (before, now) = (self.flags, Flags::of(params));
        self.flags = now;
        if now.record && !before.record {
            self.record();
        }
        if now.undo && !before.undo {
            self.edit(Edit::Undo);
        }
        if now.play && !before.play {
            self.knobs.let_go();
            self.let_go = Some(time);
        }
        if let Some(edit) = self.asked.take() {
            self.edit(edit);
        }
    }

    /// Sends where the knobs are. Of a picture it is as old as the picture, of a hand it is new.
    fn send(&mut self, io: &mut Io<'_>, time: Time, is_seen: bool) -> Result<(), NodeError> {
        let time = time.max(self.sent);
        self.sent = time;
        let known = self.guess.map(|guess| 1.0 - guess.unknown);
        let error = self.taught.error().map(|error| error.learnt);
        let knobs = OUTPUTS.into_iter().zip(self.knobs.heard());
        let all = knobs.chain([(KNOWN, known), (ERROR, error)]);
        for (port, value) in all {
            match (value, is_seen) {
                (None, _) => {}
                (Some(value), true) => io.send(port, time, value)?,
                (Some(value), false) => io.send_captured_now(port, time, value)?,
            }
        }
        Ok(())
    }
}

impl Processor<Teach> for Teaching {
    fn process(&mut self, params: &Teach, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = io.now();
        let began = *self.began.get_or_insert(now);
        let mut is_news = self.take_news(params);
        let releases = self.flags.play && self.let_go.is_some_and(|then| now - then < RELEASES);
        let no_turn = releases || now - began < SETTLES;
        is_news |= self.knobs.turn(params.knobs(), no_turn);
        while let Some(input) = io.take() {
            if input.is(CODE) {
                self.see(params, input.packet.time, input.read(CODE)?);
                self.send(io, input.packet.time, true)?;
                is_news = false;
            } else if input.is(PICTURES) {
                self.picture = Some(input.read(PICTURES)?.clone());
            } else if input.is(RECORD) {
                self.record();
            } else if input.is(UNDO) {
                self.edit(Edit::Undo);
            } else if input.is(PLAY) {
                self.knobs.let_go();
                is_news = true;
            }
        }
        let before = self.knobs.heard();
        self.obey(params, now);
        is_news |= self.knobs.heard() != before;
        self.figures
            .in_hand
            .store(self.knobs.held(), Ordering::Relaxed);
        // A hand is heard at once, though no picture comes.
        if is_news && self.keeper.is_some() {
            self.send(io, now, false)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Teach, _transport: &Transport) -> Result<(), NodeError> {
        // It is done once: the text stays as it is.
        if params.edit != self.edited {
            let edit = Edit::of(&params.edit)?;
            self.edited.clone_from(&params.edit);
            self.asked = edit;
        }
        Ok(())
    }
}
